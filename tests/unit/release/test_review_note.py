"""What a release tells of its review: one known sentence, and nothing small."""

from dataclasses import replace

import pytest

from cxr_core.evaluation.agreement import leak_bound
from cxr_core.release.documents import template_lines
from cxr_core.release.review_note import REVIEW_NOTE, review_note
from cxr_core.review.statistics import LeakReview, leak_review
from cxr_core.tables.catalogue import IMAGE_REVIEWS


@pytest.fixture
def review() -> LeakReview:
    nothing = leak_review(IMAGE_REVIEWS.empty(), "dicom_id")
    return replace(nothing, units=leak_bound(0, 6900, found=138, planted=138))


def test_the_sentence_gives_the_bound(review: LeakReview) -> None:
    (told,) = review_note(review)
    assert told.startswith("6900 images drawn at random were read")
    assert "fewer than 0.0444 % of the images" in told
    assert REVIEW_NOTE.template in template_lines()


def test_nothing_is_told_of_no_review_or_a_small_one(review: LeakReview) -> None:
    assert review_note(None) == ()
    assert review_note(replace(review, units=leak_bound(0, 10, found=60, planted=60))) == ()
    assert review_note(replace(review, units=leak_bound(0, 6900, found=0, planted=60))) == ()


def test_an_empty_review_proves_nothing() -> None:
    nothing = leak_review(IMAGE_REVIEWS.empty(), "dicom_id", {})
    assert (nothing.units.bound, nothing.items, nothing.open, nothing.strata) == (1, 0, 0, [])
