"""Full reports by authors who had not seen the rules: the scores that were measured hold."""

from pathlib import Path

import polars as pl
import pytest

from cxr_core.evaluation.scores import Task, score_labels
from cxr_core.labeling import Labeler, label_reports
from cxr_core.vocabulary import Label

FOLDER = Path(__file__).with_name("reports")
NAMES = [label.value for label in Label]
SLACK = 0.003  # a rule for another phenomenon may cost a cell


def read(name: str, file: str) -> pl.DataFrame:
    return pl.read_csv(FOLDER / name / f"{file}.csv", infer_schema=False)


def score(name: str, labeler: Labeler) -> tuple[list[float], float]:
    """Micro-F1 of the three tasks, and the share of reports with every cell right."""
    reports, reference = read(name, "reports"), read(name, "labels")
    labels = label_reports(reports["text"], labeler).labels
    scores = score_labels(labels.insert_column(0, reports["id"]), reference, on="id")
    micro = [scores.filter(pl.col("task") == task.value, pl.col("category") == "micro")["f1"][0] for task in Task]
    wanted = reference.select(pl.col(NAMES).cast(pl.Float64).cast(pl.Int8)).rows()
    exact = sum(got == want for got, want in zip(labels.select(NAMES).rows(), wanted, strict=True))
    return micro[:3], exact / reports.height


@pytest.mark.parametrize(
    ("name", "micro", "exact"),
    [("held_out", (0.966, 0.945, 0.880), 0.800), ("learned", (0.992, 0.998, 0.992), 0.938)],
)
def test_measured_scores_hold(name: str, micro: tuple[float, ...], exact: float, labeler: Labeler) -> None:
    got, whole = score(name, labeler)
    assert all(value >= least - SLACK for value, least in zip(got, micro, strict=True)), got
    assert whole >= exact - 2 * SLACK


def test_the_comparator_is_worse_on_what_nobody_tuned_for(labeler: Labeler, negbio: Labeler) -> None:
    ours, others = score("held_out", labeler), score("held_out", negbio)
    assert all(mine > other for mine, other in zip(ours[0], others[0], strict=True))
    assert ours[1] > others[1]


@pytest.mark.parametrize("name", ["held_out", "learned"])
def test_sets_are_whole(name: str) -> None:
    reports, labels, ambiguous = (read(name, file) for file in ("reports", "labels", "ambiguous"))
    assert reports["id"].to_list() == labels["id"].to_list()
    assert set(labels.columns) == {"id", *NAMES}
    assert set(ambiguous["id"]) <= set(reports["id"])
    assert set(ambiguous["category"]) <= set(NAMES)
