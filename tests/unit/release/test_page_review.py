"""How alike the splits are and what people saw: figures as they were computed, small counts left out."""

import dataclasses
import json
from pathlib import Path

import polars as pl
import pytest
from release_factory import make_plan

from cxr_core.evaluation.agreement import TwoByTwo, agreement, leak_bound, share
from cxr_core.release.croissant import croissant_json
from cxr_core.release.page_review import balance_chart, review_table
from cxr_core.release.review_note import review_note
from cxr_core.review.statistics import LeakReview

REVIEW = LeakReview(
    items=6900,
    settled=6900,
    consensus=180,
    units=leak_bound(0, 6900, found=130, planted=138),
    subjects=leak_bound(0, 3000, found=130, planted=138),
    sensitivity=share(130, 138),
    sensitivity_of={},
    sensitivity_by={},
    agreement=agreement(TwoByTwo(20, 80, 80, 6720)),
    strata=(),
    stale=0,
    remaining=0,
    open=0,
)


def balance(**differences: float | None) -> pl.DataFrame:
    rows = [{"characteristic": name, "validate": value, "test": None} for name, value in differences.items()]
    return pl.DataFrame(rows, schema={"characteristic": pl.String, "validate": pl.Float64, "test": pl.Float64})


def test_a_difference_of_a_tenth_is_filled_and_a_smaller_one_is_not() -> None:
    drawn = balance_chart(balance(age=0.1, female=-0.09))
    assert drawn.count('class="dot g0"') == 1
    assert drawn.count('class="dot soft g0"') == 1


def test_a_difference_lies_in_its_place_and_no_farther_than_the_end() -> None:
    drawn = balance_chart(balance(age=0.2, female=7.0))
    assert 'cx="386"' in drawn
    assert 'cx="452"' in drawn


@pytest.mark.parametrize("given", [None, balance(age=None)])
def test_splits_too_small_to_compare_are_said_to_be(given: pl.DataFrame | None) -> None:
    assert "too small" in balance_chart(given)


def test_the_review_is_told_with_its_bound_and_what_readers_overlook() -> None:
    told = review_table(REVIEW)
    for figure in ("6,900", "0.0483 %", "94.2 %", "97.7 %", "0.19", "20.0 %", "180"):
        assert figure in told


def test_few_images_in_consensus_are_not_counted() -> None:
    assert "180" not in (told := review_table(dataclasses.replace(REVIEW, consensus=9)))
    assert "not shown" in told


def test_without_a_review_the_page_says_so() -> None:
    assert "No image of this release was read by people" in review_table(None)


@pytest.mark.parametrize(
    ("review", "told"), [(REVIEW, review_note(REVIEW)[0]), (None, "No review by readers is recorded for this release.")]
)
def test_the_description_of_a_release_tells_its_review_and_nothing_else_of_the_notes(
    tmp_path: Path, review: LeakReview | None, told: str
) -> None:
    plan = make_plan(tmp_path)
    facts = dataclasses.replace(plan.facts, notes=("another sentence", *review_note(review)))
    plan = dataclasses.replace(plan, facts=facts, review=review)
    assert json.loads(croissant_json(plan, plan.public, "1.0.0"))["rai:dataAnnotationAnalysis"] == told
