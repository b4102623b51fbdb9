"""Why a report has its labels, as marks over its text.

Takes the text and its labels, gives spans with a role for a terminal or a page to colour, in the order of the text.
Colours and escapes are left to whoever prints.
"""

from dataclasses import dataclass
from enum import StrEnum

from cxr_core.labeling.aggregation import ReportLabels
from cxr_core.vocabulary import Assertion, Label


class MarkRole(StrEnum):
    """What a marked span is."""

    PHRASE = "phrase"
    CUE = "cue"
    SCOPE = "scope"  # from a cue to the last phrase that it decides, or the other way round


@dataclass(frozen=True, slots=True)
class Marked:
    """One span of the text: half-open offsets, what it is, and what it says of which label (None: outside the 14)."""

    start: int
    end: int
    role: MarkRole
    label: Label | None
    assertion: Assertion
    rule_id: str


def explain(text: str, labels: ReportLabels) -> list[Marked]:
    """Marks for every phrase, the cue that decided it, and the scope of each cue.

    Parameters
    ----------
    text : str
        The text that was labelled.
    labels : ReportLabels
        Its labels; evidence without offsets (No Finding) gives no mark.

    Returns
    -------
    list of Marked
        By start, the longest first; several labels may mark one span. A scope has no label. A span outside the text
        raises ValueError.
    """
    marks: set[Marked] = set()
    for e in labels.evidence:
        if e.phrase_start is not None and e.phrase_end is not None:
            marks.add(Marked(e.phrase_start, e.phrase_end, MarkRole.PHRASE, e.label, e.assertion, e.rule_id))
        if e.cue_start is not None and e.cue_end is not None:
            marks.add(Marked(e.cue_start, e.cue_end, MarkRole.CUE, e.label, e.assertion, e.cue_id or ""))
    marks |= _scopes(labels)
    if any(m.end > len(text) for m in marks):
        message = "the labels belong to another text: evidence ends behind it"
        raise ValueError(message)
    return sorted(marks, key=lambda m: (m.start, -m.end, m.role, m.label or "", m.rule_id))


def _scopes(labels: ReportLabels) -> set[Marked]:
    reach: dict[tuple[int, int], tuple[int, int, Assertion, str]] = {}
    for e in labels.evidence:
        if e.phrase_start is None or e.phrase_end is None or e.cue_start is None or e.cue_end is None:
            continue
        cue = (e.cue_start, e.cue_end)
        low, high, _, _ = reach.get(cue, (*cue, e.assertion, ""))
        reach[cue] = (min(low, e.phrase_start), max(high, e.phrase_end), e.assertion, e.cue_id or "")
    return {Marked(low, high, MarkRole.SCOPE, None, said, rule) for low, high, said, rule in reach.values()}
