"""What a decision must look like, when readers agree, and how an item is settled.

Takes records, gives an `Outcome` or one sentence that says what is wrong; pure. Who may decide, and in which order, is
left to `store`.
"""

import re
from collections.abc import Sequence

from cxr_core.review.records import BadDecision, Decision, Item, Labels, Outcome, PixelBox
from cxr_core.vocabulary import Label, ReviewAnswer, ReviewKind

_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
_MOST_MARKS = 100
_VERDICTS = frozenset({ReviewAnswer.CLEAN, ReviewAnswer.PHI, ReviewAnswer.UNSURE, ReviewAnswer.WITHDRAWN})
_ANSWERS = {
    ReviewKind.IMAGES: _VERDICTS,
    ReviewKind.TEXT: _VERDICTS,
    ReviewKind.REPORTS: frozenset({ReviewAnswer.LABELLED, ReviewAnswer.UNSURE, ReviewAnswer.WITHDRAWN}),
}
_MARKED = frozenset({ReviewAnswer.PHI, ReviewAnswer.UNSURE})


def contradiction(labels: Labels) -> str | None:
    """What is wrong with a set of labels, as one sentence for the page; None where nothing is.

    Source: Irvin et al. 2019: No Finding is positive only where no observation but Support Devices is positive or
    uncertain.
    """
    if labels.get(Label.NO_FINDING) != 1:
        return None
    against = [
        label.value
        for label in Label
        if label not in {Label.NO_FINDING, Label.SUPPORT_DEVICES} and labels.get(label) in {1, -1}
    ]
    return f"No Finding contradicts {', '.join(against)}" if against else None


def check_decision(item: Item, decision: Decision) -> None:
    """Refuse a decision that contradicts itself or its item.

    Raises
    ------
    BadDecision
        With one sentence that holds nothing of the item's text.
    """
    problem = _form_problem(decision) or _answer_problem(item, decision)
    problem = problem or _window_problem(item, decision) or _mark_problem(item, decision)
    if problem:
        raise BadDecision(problem)


def _form_problem(decision: Decision) -> str | None:
    if not _ID.fullmatch(decision.decision_id):
        return "a decision id has 8 to 64 letters, digits or hyphens"
    if not 0 < len(decision.page_version) <= 64:
        return "the page's version is missing"
    if decision.shown_at.tzinfo is None or decision.answered_at.tzinfo is None:
        return "times need a time zone"
    if decision.answered_at < decision.shown_at:
        return "answered before it was shown"
    return None


def _answer_problem(item: Item, decision: Decision) -> str | None:
    if decision.answer not in _ANSWERS[item.kind]:
        return f"{decision.answer.value} is no answer in a review of {item.kind.value}"
    if decision.sha256 != item.draft.sha256:
        return "what was shown is not what the sample holds"
    if (decision.answer is ReviewAnswer.LABELLED) != (decision.labels is not None):
        return "labels belong to the answer labelled"
    if decision.labels is None:
        return None
    if set(decision.labels) != set(Label) or not set(decision.labels.values()) <= {1, 0, -1, None}:
        return "each of the 14 labels is 1, 0, -1 or empty"
    return contradiction(decision.labels)


def _window_problem(item: Item, decision: Decision) -> str | None:
    """Clean is said of everything that leaves: of the 16 bits, too, where they do."""
    if not set(decision.windows) <= set(item.draft.windows):
        return "this image has no such window"
    if decision.answer is ReviewAnswer.CLEAN and set(decision.windows) != set(item.draft.windows):
        return "look at the three windows of the original first"
    return None


def _mark_problem(item: Item, decision: Decision) -> str | None:
    if len(decision.boxes) + len(decision.spans) > _MOST_MARKS:
        return f"more than {_MOST_MARKS} marks"
    if (decision.boxes or decision.spans) and decision.answer not in _MARKED:
        return "marks belong to the answers phi and unsure"
    if decision.boxes and item.kind is not ReviewKind.IMAGES:
        return "boxes belong to images"
    if decision.spans and item.kind is not ReviewKind.TEXT:
        return "spans belong to texts"
    draft = item.draft
    if any(
        not (0 <= b.top < b.bottom <= draft.rows and 0 <= b.left < b.right <= draft.columns) for b in decision.boxes
    ):
        return "a box lies outside the image"
    if any(not 0 <= s.start < s.end <= len(draft.text) for s in decision.spans):
        return "a span lies outside the text"
    return None


def settle(item: Item, primary: Sequence[Decision], consensus: Decision | None, readers_per_item: int) -> Outcome:
    """What came out of one item.

    Parameters
    ----------
    primary : sequence of Decision
        Current blind decisions, one a reader, in the order in which they came; none withdrawn.
    consensus : Decision or None
        Current decision of the consensus round.
    readers_per_item : int
        Blind decisions that make an item complete.
    """
    is_complete = len(primary) >= readers_per_item
    needs_consensus = is_complete and not _agree(primary)
    decided = _deciding(primary, consensus, is_complete=is_complete, needs_consensus=needs_consensus)
    return Outcome(
        item=item,
        primary=tuple(primary),
        consensus=consensus,
        is_complete=is_complete,
        needs_consensus=needs_consensus,
        final=decided[0].answer if decided else None,
        labels=decided[0].labels if decided else None,
        boxes=_boxes(decided),
    )


def _agree(primary: Sequence[Decision]) -> bool:
    first = primary[0]
    if any(decision.answer is ReviewAnswer.UNSURE for decision in primary):
        return False
    return all(decision.answer is first.answer and decision.labels == first.labels for decision in primary)


def _deciding(
    primary: Sequence[Decision], consensus: Decision | None, *, is_complete: bool, needs_consensus: bool
) -> Sequence[Decision]:
    """The decisions that settle the item; empty while it is open."""
    if needs_consensus:
        return [consensus] if consensus else []
    return list(primary) if is_complete else []


def _boxes(decided: Sequence[Decision]) -> tuple[PixelBox, ...]:
    """What every deciding reader drew, without repeats: a box too many costs some pixels, one too few a patient."""
    return tuple(dict.fromkeys(box for decision in decided for box in decision.boxes))
