"""Exact scores on tables small enough to count by hand."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cxr_core.errors import UsageError
from cxr_core.evaluation.scores import Task, score_labels

REFERENCE = pl.DataFrame({"id": ["a", "b", "c", "d"], "Edema": [1, 0, -1, None], "Fracture": [None, 0, None, 1]})
PREDICTED = pl.DataFrame({"id": ["a", "b", "c", "d"], "Edema": [1, -1, -1, 0], "Fracture": [None, 0, None, None]})


def row(scores: pl.DataFrame, task: str, category: str) -> dict[str, object]:
    return scores.filter(pl.col("task") == task, pl.col("category") == category).row(0, named=True)


@pytest.mark.parametrize(
    ("task", "category", "counts", "f1"),
    [
        ("mention", "Edema", (3, 1, 0), 6 / 7),
        ("mention", "Fracture", (1, 0, 1), 2 / 3),
        ("mention", "macro", (4, 1, 1), (6 / 7 + 2 / 3) / 2),
        ("mention", "micro", (4, 1, 1), 8 / 10),
        ("negation", "Edema", (0, 1, 1), 0.0),
        ("negation", "Fracture", (1, 0, 0), 1.0),
        ("uncertainty", "Edema", (1, 1, 0), 2 / 3),
        ("uncertainty", "Fracture", (0, 0, 0), None),
        ("uncertainty", "macro", (1, 1, 0), 2 / 3),
        ("positive", "micro", (1, 0, 1), 2 / 3),
    ],
)
def test_scores_are_exact(task: str, category: str, counts: tuple[int, int, int], f1: float | None) -> None:
    got = row(score_labels(PREDICTED, REFERENCE, on="id"), task, category)
    assert (got["true_positive"], got["false_positive"], got["false_negative"]) == counts
    assert got["f1"] == pytest.approx(f1)


def test_macro_leaves_out_categories_without_support() -> None:
    reference = pl.DataFrame({"Edema": [1], "Fracture": [None]}, schema={"Edema": pl.Int8, "Fracture": pl.Int8})
    predicted = pl.DataFrame({"Edema": [1], "Fracture": [1]})
    assert row(score_labels(predicted, reference), "mention", "macro")["f1"] == 1.0


def test_reports_are_joined_by_id_not_by_order() -> None:
    assert_frame_equal(
        score_labels(PREDICTED.reverse(), REFERENCE, on="id"), score_labels(PREDICTED, REFERENCE, on="id")
    )


def test_a_report_without_prediction_counts_as_unlabelled() -> None:
    assert row(score_labels(PREDICTED.head(1), REFERENCE, on="id"), "mention", "Edema")["false_negative"] == 2


def test_airspace_opacity_is_lung_opacity() -> None:
    scores = score_labels(pl.DataFrame({"Airspace Opacity": [1.0]}), pl.DataFrame({"Lung Opacity": [1]}))
    assert row(scores, "positive", "Lung Opacity")["f1"] == 1.0


def test_intervals_enclose_the_score_and_repeat() -> None:
    def run() -> pl.DataFrame:
        return score_labels(PREDICTED, REFERENCE, on="id", rng=np.random.default_rng(7), resamples=200)

    scores = run()
    assert_frame_equal(scores, run())
    micro = row(scores, "mention", "micro")
    assert micro["f1_low"] <= micro["f1"] <= micro["f1_high"]  # type: ignore[operator]


def test_perfect_labels_have_a_narrow_interval() -> None:
    scores = score_labels(
        REFERENCE, REFERENCE, on="id", rng=np.random.default_rng(1), resamples=50, tasks=[Task.MENTION]
    )
    got = row(scores, "mention", "micro")
    assert (got["f1_low"], got["f1"], got["f1_high"]) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("predicted", "on"),
    [
        (pl.DataFrame({"id": ["a"], "Height": [1]}), None),
        (PREDICTED.drop("id"), "id"),
        (PREDICTED.head(2), None),
        (pl.concat([PREDICTED, PREDICTED]), "id"),
    ],
)
def test_tables_that_do_not_fit_are_refused(predicted: pl.DataFrame, on: str | None) -> None:
    with pytest.raises(UsageError):
        score_labels(predicted, REFERENCE, on=on)


@pytest.mark.parametrize("cell", ["positive", "2", "0.5", "300", "-9", "inf"])
def test_a_cell_that_is_no_label_is_refused(cell: str) -> None:
    given = pl.DataFrame({"id": ["a", "b"], "Edema": ["1", cell]})
    with pytest.raises(UsageError, match="1 values of Edema are none of 1, 0, -1, empty"):
        score_labels(given, given, on="id")


@pytest.mark.parametrize("cell", [" 1", "1.0", "1 ", "+1"])
def test_blanks_and_digits_behind_the_point_do_not_change_a_label(cell: str) -> None:
    given = pl.DataFrame({"id": ["a", "b"], "Edema": [cell, " "]})
    standard = pl.DataFrame({"id": ["a", "b"], "Edema": [1.0, float("nan")]})
    assert score_labels(given, standard, on="id")["f1"].drop_nulls().unique().to_list() == [1.0]


def test_tables_without_an_id_in_common_are_refused() -> None:
    given = pl.DataFrame({"id": ["001"], "Edema": ["1"]})
    with pytest.raises(UsageError, match="no id in common"):
        score_labels(given, given.with_columns(id=pl.lit("1")), on="id")
