"""Whether a review of images speaks of their DICOM files, too."""

import datetime as dt
from pathlib import Path

import pytest

from cxr_core.review.records import Draft, Manifest
from cxr_core.review.store import ReviewStore
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import ReviewKind
from tasks.reviewed import unread_originals

_NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def draft(number: int, dicom: str, *, is_planted: bool = False) -> Draft:
    return Draft(
        unit_id=f"unit-{number}",
        study_id=f"5000000{number}",
        subject_id="10000001",
        stratum="random",
        sha256=f"{number:064x}",
        source=f"{number}.jpg",
        is_planted=is_planted,
        dicom=dicom,
        dicom_sha256="a" * 64 if dicom else "",
    )


@pytest.mark.parametrize(
    ("drafts", "unread"),
    [
        ((draft(1, "1.dcm"), draft(2, "2.dcm")), 0),
        ((draft(1, "1.dcm"), draft(2, "")), 1),
        ((draft(1, ""), draft(2, ""), draft(3, "", is_planted=True)), 2),
    ],
)
def test_images_without_windows_prove_nothing_of_dicom_files(
    tmp_path: Path, drafts: tuple[Draft, ...], unread: int
) -> None:
    workspace = Workspace(tmp_path)
    store = ReviewStore.create(workspace.review_store, bytes(32))
    store.add_sample(Manifest(ReviewKind.IMAGES, 0, 2, drafts), _NOON)
    store.close()
    assert unread_originals(workspace) == unread


def test_where_nobody_reviewed_another_gate_speaks(tmp_path: Path) -> None:
    assert unread_originals(Workspace(tmp_path)) == 0
