"""From mentions to the 14 values of one report.

Takes the evidence of all sentences, gives one value a label: positive before uncertain before negative, and No Finding
where nothing else is stated. Where the evidence comes from is left to `scope` and to the labeler.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cxr_core.vocabulary import Assertion, Label

LABELS: tuple[Label, ...] = tuple(Label)
_RANK = {Assertion.POSITIVE: 3, Assertion.UNCERTAIN: 2, Assertion.NEGATIVE: 1}
_WITHOUT_EFFECT_ON_NO_FINDING = frozenset({Label.SUPPORT_DEVICES, Label.NO_FINDING})
NO_FINDING_RULE = "no_finding"


class Evidence(NamedTuple):
    """Why a label has its value: offsets into the labelled text (never text, which may not be released) and rule ids.

    `label` is None for another abnormality, which says nothing but forbids No Finding. A tuple, not a dataclass:
    making six of these is a tenth of the time a report takes, and frozen dataclasses cost five times as much.
    """

    label: Label | None
    assertion: Assertion
    sentence_start: int | None
    sentence_end: int | None
    phrase_start: int | None
    phrase_end: int | None
    cue_start: int | None
    cue_end: int | None
    rule_id: str
    cue_id: str | None
    in_addendum: bool = False


@dataclass(frozen=True, slots=True)
class ReportLabels:
    """The 14 values in the order of `Label` (1 / 0 / -1 / None) and the evidence for each."""

    values: tuple[Assertion | None, ...]
    evidence: tuple[Evidence, ...]

    def value(self, label: Label) -> Assertion | None:
        """The value of one label; None where it is not mentioned."""
        return self.values[LABELS.index(label)]


def strongest(assertions: Iterable[Assertion]) -> Assertion | None:
    """Positive before uncertain before negative (MIMIC-CXR-JPG, Methods); None where there is none."""
    return max(assertions, key=lambda a: _RANK[a], default=None)


def _values_of(evidence: Iterable[Evidence]) -> dict[Label | None, Assertion]:
    said: dict[Label | None, Assertion] = {}
    for item in evidence:
        known = said.get(item.label)
        if known is None or _RANK[item.assertion] > _RANK[known]:
            said[item.label] = item.assertion
    return said


def aggregate(evidence: Sequence[Evidence], *, has_text: bool) -> ReportLabels:
    """The labels of one report.

    An addendum wins over the report wherever it speaks of the same label. No Finding is 1 where every other label but
    Support Devices is negative or not mentioned and no other abnormality is stated; otherwise empty, never 0.

    Parameters
    ----------
    evidence : sequence of Evidence
        All mentions.
    has_text : bool
        False for a report without a word to read: nothing is labelled, not even No Finding.

    Returns
    -------
    ReportLabels
    """
    added = [e for e in evidence if e.in_addendum]
    said = _values_of(e for e in evidence if not e.in_addendum) if added else _values_of(evidence)
    other = said.get(None)
    if added:
        said |= _values_of(added)
        other = strongest(value for value in (other, said.get(None)) if value is not None)
    stated = {label for label, value in said.items() if value is not Assertion.NEGATIVE and label is not None}
    kept = tuple(evidence)
    if has_text and other in (None, Assertion.NEGATIVE) and stated <= _WITHOUT_EFFECT_ON_NO_FINDING:
        said[Label.NO_FINDING] = Assertion.POSITIVE
        kept = (*kept, no_finding())
    return ReportLabels(tuple(map(said.get, LABELS)), kept)


def no_finding() -> Evidence:
    """Evidence of absence: no phrase to point at."""
    return Evidence(Label.NO_FINDING, Assertion.POSITIVE, None, None, None, None, None, None, NO_FINDING_RULE, None)
