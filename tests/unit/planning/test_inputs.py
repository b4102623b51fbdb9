"""What goes into a stage: one fingerprint a study, whatever the order in which its files are listed."""

import hashlib

import polars as pl

from cxr_core.planning.inputs import IMAGE_COLUMNS, convert_wanted, deidentify_wanted
from cxr_core.tables.catalogue import READER_BOXES

A, B = "50000001", "50000002"
ROWS = [(B, "i2", "d2"), (A, "i3", "d3"), (A, "i1", "d1")]


def images(rows: list[tuple[str, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=list(IMAGE_COLUMNS), orient="row")


def test_a_study_goes_by_the_digests_of_its_files() -> None:
    assert convert_wanted(images(ROWS)).rows() == [
        (A, hashlib.sha256(b"i1:d1\0i3:d3\0").hexdigest()),
        (B, hashlib.sha256(b"i2:d2\0").hexdigest()),
    ]


def test_the_order_of_the_files_changes_nothing() -> None:
    assert convert_wanted(images(ROWS[::-1])).equals(convert_wanted(images(ROWS)))


def test_without_images_there_is_nothing_to_convert() -> None:
    assert convert_wanted(images([]).cast(pl.String)).rows() == []


def boxes(*rows: tuple[str, int]) -> pl.DataFrame:
    edges = {"top": 1, "left": 2, "bottom": 3, "right": 4}
    return READER_BOXES.frame(
        {"dicom_id": "-".join(["00000001"] * 5), "box": place, "study_id": study, **edges} for study, place in rows
    )


def test_a_reader_s_box_makes_its_study_stale_and_no_other() -> None:
    requests = pl.DataFrame({"study_id": [A, B], "source_fingerprint": ["a" * 64, "b" * 64]})
    plain = deidentify_wanted(requests, boxes())
    one = deidentify_wanted(requests, boxes((B, 0)))
    two = deidentify_wanted(requests, boxes((B, 1), (B, 0)))
    assert plain.rows() == [(A, "a" * 64), (B, "b" * 64)]
    assert [one.row(0), two.row(0)] == [(A, "a" * 64)] * 2
    assert len({plain.row(1), one.row(1), two.row(1)}) == 3
    assert two.equals(deidentify_wanted(requests, boxes((B, 0), (B, 1))))
