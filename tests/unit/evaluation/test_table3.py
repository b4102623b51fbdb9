"""Scores in the form of the paper's Table 3."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import polars as pl
import pytest

from cxr_core.evaluation.scores import score_labels
from cxr_core.evaluation.table3 import figure3, table3

REFERENCE = pl.DataFrame({"Edema": [1, 0, -1, None], "Pneumonia": [1, 1, None, None]})


@pytest.fixture(scope="module")
def scores() -> pl.DataFrame:
    worse = REFERENCE.with_columns(Edema=pl.Series([1, 1, -1, None]))
    parts = [
        score_labels(labels, REFERENCE, rng=np.random.default_rng(0), resamples=50).with_columns(labeler=pl.lit(name))
        for name, labels in (("ours", REFERENCE), ("other", worse))
    ]
    return pl.concat(parts)


def test_labelers_stand_side_by_side_under_each_task(scores: pl.DataFrame) -> None:
    table = table3(scores)
    assert table.columns == [
        "category",
        "n",
        "mention ours",
        "mention other",
        "negation ours",
        "negation other",
        "uncertainty ours",
        "uncertainty other",
    ]
    assert table["category"].to_list() == ["Edema", "Pneumonia", "macro", "micro"]
    assert table["n"].to_list() == [3, 2, 5, 5]


def test_a_cell_tells_the_score_and_its_interval(scores: pl.DataFrame) -> None:
    row = dict(zip(table3(scores).columns, table3(scores).row(0), strict=True))
    assert row["mention ours"] == "1.000 (1.000-1.000)"
    assert row["negation other"] == "0.000 (0.000-0.000)"


def test_what_cannot_be_scored_is_a_dash(scores: pl.DataFrame) -> None:
    assert table3(scores)["negation ours"].to_list()[1] == "-"


def test_the_figure_is_a_document_with_a_dot_for_each_score(scores: pl.DataFrame) -> None:
    root = ET.fromstring(figure3(scores))  # noqa: S314  our own
    scored = scores.filter(pl.col("task") != "positive", pl.col("f1").is_not_null()).height
    legend = 2
    assert len(root.findall("{http://www.w3.org/2000/svg}circle")) == scored + legend


def test_names_of_labelers_are_escaped_in_the_figure(scores: pl.DataFrame) -> None:
    named = scores.with_columns(labeler=pl.lit("a<b"))
    assert re.search("a&lt;b", figure3(named))
