"""What changed between two labellings."""

import polars as pl
import pytest

from cxr_core.errors import UsageError
from cxr_core.evaluation.changes import label_changes

BEFORE = pl.DataFrame({"id": ["a", "b", "c"], "Edema": ["1.0", "", "0.0"], "Pneumonia": ["-1.0", "1.0", None]})


def test_cells_that_differ_are_counted_by_what_they_were_and_are() -> None:
    after = BEFORE.with_columns(Edema=pl.Series([0, None, 1]), Pneumonia=pl.Series([-1, -1, -1]))
    rows = label_changes(BEFORE, after, on="id").sort("label", "before").rows()
    assert rows == [
        ("Edema", 0, 1, 1, ["c"]),
        ("Edema", 1, 0, 1, ["a"]),
        ("Pneumonia", None, -1, 1, ["c"]),
        ("Pneumonia", 1, -1, 1, ["b"]),
    ]


def test_equal_labels_have_no_changes() -> None:
    assert label_changes(BEFORE, BEFORE, on="id").is_empty()


def test_the_commonest_change_comes_first_with_some_of_its_ids() -> None:
    many = pl.DataFrame({"id": list("abcdefg"), "Edema": [1] * 6 + [0]})
    after = many.with_columns(Edema=pl.Series([0] * 6 + [1]))
    first = label_changes(many, after, on="id", examples=2).row(0)
    assert first == ("Edema", 1, 0, 6, ["a", "b"])


def test_reports_that_one_table_lacks_are_left_out() -> None:
    assert label_changes(BEFORE, BEFORE.head(1).with_columns(Edema=pl.lit(0)), on="id").height == 1


@pytest.mark.parametrize("broken", [BEFORE.drop("id"), pl.concat([BEFORE, BEFORE])])
def test_tables_without_unique_ids_are_refused(broken: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match="id"):
        label_changes(BEFORE, broken, on="id")
