"""What goes into a stage: one fingerprint a study, whatever the order in which its files are listed."""

import hashlib

import polars as pl

from cxr_core.planning.inputs import IMAGE_COLUMNS, convert_wanted

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
