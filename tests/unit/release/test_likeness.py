"""Pictures under several subjects: found, set aside, and their subjects tied; flat images tie nobody."""

import hashlib
from typing import Any

import polars as pl

from cxr_core.release.likeness import shared_drops, shared_pictures
from cxr_core.tables.catalogue import RENDITIONS


def phash(seed: int, *, flipped: int = 0) -> str:
    """A hash that is like no other; with some bits flipped it is near to itself."""
    value = int(hashlib.sha256(str(seed).encode()).hexdigest(), 16)
    return f"{value ^ sum(1 << (4 * bit) for bit in range(flipped)):064x}"


def row(
    image: int, subject: int, picture: str, *, study: int | None = None, flags: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {
        "dicom_id": "-".join([f"{image:08x}"] * 5),
        "study_id": f"5{study if study is not None else image:07d}",
        "subject_id": f"1{subject:07d}",
        "rows": 10,
        "columns": 10,
        "view": "frontal",
        "view_source": "ViewPosition",
        "flags": list(flags),
        "phash": picture,
        "jpeg_bytes": 100,
        "sha256": "a" * 64,
    }


def table(*rows: dict[str, Any]) -> pl.DataFrame:
    return RENDITIONS.frame(rows)


def test_copies_within_a_subject_tie_nobody() -> None:
    found = shared_pictures(table(row(1, 1, phash(1)), row(2, 1, phash(1)), row(3, 2, phash(2))))
    assert (found.kin, found.images.height) == ({}, 0)


def test_a_near_duplicate_under_another_subject_ties_both() -> None:
    found = shared_pictures(table(row(1, 1, phash(1)), row(2, 2, phash(1, flipped=6)), row(3, 3, phash(3))))
    assert found.kin == {"10000001": "10000001", "10000002": "10000001"}
    assert found.images["subject_id"].to_list() == ["10000001", "10000002"]


def test_ties_are_closed_over_pictures() -> None:
    rows = [row(1, 3, phash(1)), row(2, 2, phash(1)), row(3, 2, phash(2)), row(4, 1, phash(2))]
    assert set(shared_pictures(table(*rows)).kin.values()) == {"10000001"}


def test_flat_images_look_the_same_and_tie_nobody() -> None:
    rows = [row(number, number, phash(9), flags=("low_contrast",)) for number in range(1, 4)]
    assert shared_pictures(table(*rows)).kin == {}


def test_shared_pictures_are_set_aside_with_studies_that_have_nothing_left() -> None:
    rows = table(row(1, 1, phash(1), study=1), row(2, 1, phash(5), study=1), row(3, 2, phash(1), study=2))
    drops = shared_drops(shared_pictures(rows), rows)
    told = drops.select(pl.col("study_id", "dicom_id", "kind", "reason").cast(pl.String)).rows()
    image = {number: "-".join([f"{number:08x}"] * 5) for number in (1, 3)}
    assert sorted(told) == [
        ("50000001", image[1], "instance", "E_SHARED"),
        ("50000002", "", "study", "no_surviving_image"),
        ("50000002", image[3], "instance", "E_SHARED"),
    ]
