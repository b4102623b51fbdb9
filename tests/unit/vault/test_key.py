"""The key is refused when it is missing, short, open to others or public, and never shows itself."""

from pathlib import Path

import pytest

from cxr_core.errors import UsageError
from cxr_core.vault.key import ENVIRONMENT, VaultKey, create_key, demo_key, load_key


@pytest.fixture(autouse=True)
def _no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)


def test_a_new_key_can_be_loaded_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "k"
    made = create_key(path)
    assert load_key(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(made.secret) == 32


def test_the_environment_goes_before_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = create_key(tmp_path / "a"), create_key(tmp_path / "b")
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "b"))
    assert load_key(tmp_path / "a") == second != first


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    create_key(tmp_path / "k")
    before = (tmp_path / "k").read_bytes()
    with pytest.raises(UsageError, match="never overwritten"):
        create_key(tmp_path / "k")
    assert (tmp_path / "k").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        ("ab" * 31, 0o600, "shorter than 32 bytes"),
        ("", 0o600, "shorter than 32 bytes"),
        ("ab" * 32, 0o640, "open to other users"),
        ("ab" * 32, 0o604, "open to other users"),
        (demo_key().secret.hex(), 0o600, "demo's public key"),
    ],
)
def test_an_unfit_key_is_refused_in_one_line(tmp_path: Path, content: str, mode: int, words: str) -> None:
    path = tmp_path / "k"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(UsageError, match=words) as caught:
        load_key(path)
    assert "\n" not in str(caught.value)


def test_a_missing_key_names_the_command_that_makes_one(tmp_path: Path) -> None:
    for configured in (None, tmp_path / "absent"):
        with pytest.raises(UsageError, match="cxr key new"):
            load_key(configured)


def test_a_key_never_prints_its_bytes() -> None:
    key = VaultKey(b"s3cret-s3cret-s3cret-s3cret-s3cret")
    assert "s3cret" not in repr(key)
    assert "s3cret" not in str(key)


def test_subkeys_differ_by_purpose_and_by_key() -> None:
    one, other = VaultKey(b"a" * 32), VaultKey(b"b" * 32)
    assert len({one.subkey("id"), one.subkey("date"), other.subkey("id")}) == 3
    assert one.subkey("id") == VaultKey(b"a" * 32).subkey("id")
