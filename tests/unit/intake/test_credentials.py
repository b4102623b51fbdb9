"""Secrets come from a file of their owner's, and stand in nothing that prints."""

from pathlib import Path

import pytest

from cxr_core.errors import UsageError
from cxr_core.intake.sources.credentials import load_credentials
from cxr_core.settings import load_config
from cxr_core.settings.pacs import PacsSettings


def _file(path: Path, content: str, mode: int = 0o600) -> Path:
    path.write_text(content)
    path.chmod(mode)
    return path


def test_the_environment_goes_before_the_settings(tmp_path: Path) -> None:
    one = _file(tmp_path / "one", 'user = "a"\npassword = "b"')
    other = _file(tmp_path / "other", 'token = "t"')
    settings = PacsSettings(credentials=one)
    assert load_credentials(settings, {}).password == "b"
    assert load_credentials(settings, {"HILUM_PACS_CREDENTIALS": str(other)}).token == "t"
    assert load_credentials(PacsSettings(), {}).user == ""


def test_a_secret_is_not_printed(tmp_path: Path) -> None:
    path = _file(tmp_path / "one", 'user = "visitor"\npassword = "SECRETWORD"')
    found = load_credentials(PacsSettings(credentials=path), {})
    assert "SECRETWORD" not in repr(found)
    assert "visitor" not in repr(found)


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        ('token = "SECRETWORD"', 0o640),
        ('passwort = "SECRETWORD"', 0o600),
        ("token = 3", 0o600),
        ('token = "SECRETWORD"\nuser = "x"', 0o600),
        ("SECRETWORD", 0o600),
        ("", 0o600),
    ],
)
def test_a_wrong_file_is_one_line_without_its_content(tmp_path: Path, content: str, mode: int) -> None:
    path = _file(tmp_path / "one", content, mode)
    with pytest.raises(UsageError) as caught:
        load_credentials(PacsSettings(credentials=path), {})
    assert "SECRETWORD" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_url_with_a_password_in_it_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        load_config(sets=['source.pacs.url="https://user:SECRETWORD@pacs/dicom-web"'])
    assert "source.pacs.url" in str(caught.value)
    assert "SECRETWORD" not in str(caught.value)
