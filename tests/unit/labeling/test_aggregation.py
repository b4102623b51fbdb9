"""From mentions to one value a label."""

from itertools import permutations

import pytest

from cxr_core.labeling import Evidence
from cxr_core.labeling.aggregation import aggregate, strongest
from cxr_core.vocabulary import Assertion, Label

POSITIVE, NEGATIVE, UNCERTAIN = Assertion.POSITIVE, Assertion.NEGATIVE, Assertion.UNCERTAIN


def mention(label: Label | None, assertion: Assertion, *, in_addendum: bool = False) -> Evidence:
    return Evidence(label, assertion, 0, 9, 0, 9, None, None, "rule", None, in_addendum)


@pytest.mark.parametrize("order", list(permutations([POSITIVE, NEGATIVE, UNCERTAIN])))
def test_positive_beats_uncertain_beats_negative(order: tuple[Assertion, ...]) -> None:
    assert strongest(order) is POSITIVE
    assert strongest([a for a in order if a is not POSITIVE]) is UNCERTAIN


def test_nothing_said_has_no_value() -> None:
    assert strongest([]) is None


@pytest.mark.parametrize(
    ("label", "assertion", "no_finding"),
    [
        (Label.EDEMA, NEGATIVE, 1),
        (Label.EDEMA, POSITIVE, None),
        (Label.EDEMA, UNCERTAIN, None),
        (Label.SUPPORT_DEVICES, POSITIVE, 1),
        (None, POSITIVE, None),
        (None, UNCERTAIN, None),
        (None, NEGATIVE, 1),
    ],
)
def test_no_finding_needs_everything_else_denied(
    label: Label | None, assertion: Assertion, no_finding: int | None
) -> None:
    assert aggregate([mention(label, assertion)], has_text=True).value(Label.NO_FINDING) == no_finding


def test_no_category_implies_another() -> None:
    labels = aggregate([mention(Label.PNEUMONIA, POSITIVE)], has_text=True)
    assert [label for label in Label if labels.value(label) is not None] == [Label.PNEUMONIA]


def test_an_addendum_replaces_what_the_report_says() -> None:
    report, addendum = mention(Label.EDEMA, POSITIVE), mention(Label.EDEMA, NEGATIVE, in_addendum=True)
    assert aggregate([report, addendum], has_text=True).value(Label.EDEMA) == 0
