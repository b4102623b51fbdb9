"""De-identified DICOM of a study lies there whole or not at all, whatever interrupts the writing."""

from pathlib import Path

import pytest

from cxr_core.tables.workspace import Workspace
from tasks import study_work

STUDY = "51234567"
FIRST, SECOND = ("-".join([digit * 8] * 5) for digit in "ab")


def folder(workspace: Workspace) -> Path:
    return workspace.dicom_file(STUDY, FIRST).parent


def test_a_study_that_is_interrupted_between_its_files_has_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, written = Workspace(tmp_path), study_work.write_bytes

    def full(path: Path, content: bytes) -> None:
        if path.stem == SECOND:
            raise OSError(28, "no space")
        written(path, content)

    monkeypatch.setattr(study_work, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        study_work._write_dicom(workspace, STUDY, {FIRST: b"1", SECOND: b"2"})
    assert not folder(workspace).exists()


def test_what_an_earlier_attempt_left_is_gone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for images in ({FIRST: b"1", SECOND: b"2"}, {SECOND: b"3"}):
        study_work._write_dicom(workspace, STUDY, images)
    assert {path.stem: path.read_bytes() for path in folder(workspace).iterdir()} == {SECOND: b"3"}
    assert list(workspace.begun_dicom.iterdir()) == []


def test_a_study_without_an_image_has_no_folder(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    study_work._write_dicom(workspace, STUDY, {FIRST: b"1"})
    study_work._write_dicom(workspace, STUDY, {})
    assert not folder(workspace).exists()
