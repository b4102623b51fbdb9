"""A vault belongs to one key, goes into one file as a backup, and once sealed leads nobody back."""

import datetime as dt
import json
import os
import tarfile
from pathlib import Path

import pytest

from cxr_core.errors import UsageError
from cxr_core.vault import custody
from cxr_core.vault.audit import record
from cxr_core.vault.key import VaultKey

KEY = VaultKey(bytes(range(32)))
NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    """A begun vault with a crosswalk, a catalog and an audit."""
    made = tmp_path / "workspace" / "vault"
    custody.claim(made, KEY)
    (made / "catalog").mkdir()
    (made / "pseudonyms.parquet").write_bytes(b"QZXVANE is 10000032")
    (made / "catalog" / "reports.parquet").write_bytes(b"QZXVANE coughs")
    (made / "demo").mkdir()
    (made / "demo" / "export").write_bytes(b"made again from a seed")
    record(made, "build", {"images": 3}, now=NOW)
    return made


def test_a_vault_is_readable_by_its_owner_alone(vault: Path) -> None:
    assert vault.stat().st_mode & 0o777 == 0o700
    assert (vault / "key_id").stat().st_mode & 0o777 == 0o600


def test_a_vault_opens_again_with_its_key_and_with_no_other(vault: Path) -> None:
    custody.claim(vault, KEY)
    with pytest.raises(UsageError, match=f"begun with key {KEY.key_id}"):
        custody.claim(vault, VaultKey(b"x" * 32))


def test_a_seal_leaves_audit_and_key_id_and_nothing_else(vault: Path) -> None:
    assert custody.seal(vault, now=NOW) == 5
    kept = vault.with_name("vault.sealed")
    assert not vault.exists()
    assert sorted(path.name for path in kept.parent.rglob("*")) == [
        "audit.jsonl",
        "key_id",
        "seal.json",
        "vault.sealed",
    ]
    assert kept.stat().st_mode & 0o777 == 0o700
    commands = [json.loads(line)["command"] for line in (kept / "audit.jsonl").read_text().splitlines()]
    assert commands == ["build", "vault seal"]


def test_what_is_sealed_is_overwritten_before_it_is_removed(vault: Path, tmp_path: Path) -> None:
    os.link(vault / "pseudonyms.parquet", tmp_path / "same-blocks")
    custody.seal(vault, now=NOW)
    left = (tmp_path / "same-blocks").read_bytes()
    assert b"QZXVANE" not in left
    assert left != b""


def test_a_sealed_vault_is_never_begun_anew(vault: Path) -> None:
    custody.seal(vault, now=NOW)
    with pytest.raises(UsageError, match="was sealed"):
        custody.claim(vault, KEY)
    assert not vault.exists()


def test_a_seal_that_was_cut_off_is_finished_by_the_next_call(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off(folder: Path) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(custody, "_shred", cut_off)
        with pytest.raises(KeyboardInterrupt):
            custody.seal(vault, now=NOW)
    assert custody.is_sealed(vault)
    assert custody.seal(vault, now=NOW) == 5
    assert not vault.with_name("vault.destroying").exists()


def test_a_folder_that_is_no_vault_is_not_destroyed(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("x")
    for folder in (tmp_path / "thesis", tmp_path / "absent"):
        with pytest.raises(UsageError, match="is no vault"):
            custody.seal(folder, now=NOW)
    assert (tmp_path / "thesis" / "chapter").exists()


def test_equal_vaults_give_equal_backups_and_a_backup_restores_them(vault: Path, tmp_path: Path) -> None:
    root = vault.parent
    assert custody.back_up(root, [vault], tmp_path / "one.tar") == 4
    os.utime(vault / "key_id", (1, 1))
    custody.back_up(root, [vault], tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    assert (tmp_path / "one.tar").stat().st_mode & 0o777 == 0o600
    with tarfile.open(tmp_path / "one.tar") as archive:
        archive.extractall(tmp_path / "restored", filter="data")
    restored = tmp_path / "restored" / "vault"
    assert (restored / "pseudonyms.parquet").read_bytes() == (vault / "pseudonyms.parquet").read_bytes()
    assert not (restored / "demo").exists()


def test_a_backup_is_never_overwritten(vault: Path, tmp_path: Path) -> None:
    (tmp_path / "one.tar").write_text("the last good one")
    with pytest.raises(UsageError, match="exists already"):
        custody.back_up(vault.parent, [vault], tmp_path / "one.tar")
    assert (tmp_path / "one.tar").read_text() == "the last good one"
