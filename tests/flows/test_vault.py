"""What the keepers of a vault do: look a subject up, back the vault up, seal it. Each is written into the audit."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from building import Build, Result, run, tree

CXR = Path(sys.executable).with_name("cxr")


def cxr(build: Build, *arguments: str) -> Result:
    return run([str(CXR), *arguments], build.environment())


def audited(build: Build, folder: str = "vault") -> list[str]:
    lines = (build.workspace / folder / "audit.jsonl").read_text().splitlines()
    return [json.loads(line)["command"] for line in lines]


@pytest.fixture
def copied(base_build: Build, tmp_path: Path) -> Build:
    return base_build.copied(tmp_path / "build")


def test_a_lookup_leads_back_to_the_patient_and_is_audited(copied: Build) -> None:
    ledger = pl.read_parquet(copied.workspace / "vault" / "pseudonyms.parquet").filter(kind="patient")
    row = ledger.sort("pseudonym").row(0, named=True)
    result = cxr(copied, "lookup", row["pseudonym"], "--workspace", str(copied.workspace))
    assert result.code == 0
    assert result.out.startswith(f"subject {row['pseudonym']} is patient {row['original']}")
    assert audited(copied)[-1] == f"lookup {row['pseudonym']}"


def test_what_was_typed_into_a_lookup_stands_in_no_audit(copied: Build) -> None:
    result = cxr(copied, "lookup", "MRN4711298", "--workspace", str(copied.workspace))
    assert (result.code, result.err) == (2, "cxr: lookup: no such subject in this vault\n")
    assert "4711298" not in (copied.workspace / "vault" / "audit.jsonl").read_text()


def test_a_backup_restores_ids_and_splits(copied: Build, tmp_path: Path) -> None:
    saved = tmp_path / "vault.tar"
    before = tree(copied.workspace / "vault", without=("workers.log", "audit.jsonl"))
    splits = tree(copied.workspace / "stages" / "split")
    assert cxr(copied, "vault", "backup", str(saved), "--workspace", str(copied.workspace)).code == 0
    shutil.rmtree(copied.workspace)
    copied.workspace.mkdir()
    subprocess.run(["tar", "-xf", str(saved), "-C", str(copied.workspace)], check=True)
    assert tree(copied.workspace / "vault", without=("workers.log", "audit.jsonl")) == before
    assert tree(copied.workspace / "stages" / "split") == splits
    assert audited(copied)[-1] == "vault backup"


def test_a_backup_inside_the_workspace_is_refused(copied: Build) -> None:
    inside = copied.workspace / "vault.tar"
    result = cxr(copied, "vault", "backup", str(inside), "--workspace", str(copied.workspace))
    assert result.code == 2
    assert not inside.exists()


def test_nothing_is_sealed_without_the_word(copied: Build) -> None:
    result = cxr(copied, "vault", "seal", "--workspace", str(copied.workspace))
    assert result.code in (2, 130)
    assert (copied.workspace / "vault" / "pseudonyms.parquet").exists()


def test_a_sealed_workspace_builds_no_more_and_leads_nobody_back(copied: Build, tmp_path: Path) -> None:
    result = cxr(copied, "vault", "seal", "--yes", "--workspace", str(copied.workspace))
    assert result.code == 0, result.err
    assert not (copied.workspace / "vault").exists()
    assert audited(copied, "vault.sealed")[-1] == "vault seal"
    for command in (["lookup", "10000032"], ["vault", "backup", str(tmp_path / "never.tar")]):
        refused = cxr(copied, *command, "--workspace", str(copied.workspace))
        assert refused.code == 2
        assert "was sealed" in refused.err
    rebuilt = copied.run()
    assert rebuilt.code == 2
    assert "was sealed" in rebuilt.err
