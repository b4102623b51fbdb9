"""From mentions to the 14 values of one report.

Takes the evidence of all sentences, gives one value a label: positive before uncertain before negative, and No Finding
where nothing else is stated. Where the evidence comes from is left to `scope` and to the labeler.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cxr_core.vocabulary import Assertion, Label

LABELS: tuple[Label, ...] = tuple(Label)
_RANK = {Assertion.POSITIVE: 3, Assertion.UNCERTAIN: 2, Assertion.NEGATIVE: 1}
_WITHOUT_EFFECT_ON_NO_FINDING = (Label.SUPPORT_DEVICES, Label.NO_FINDING)
NO_FINDING_RULE = "no_finding"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a label has its value: offsets into the labelled text (never text, which may not be released) and rule ids.

    `label` is None for another abnormality, which says nothing but forbids No Finding.
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

    def moved(self, by: int, *, in_addendum: bool) -> "Evidence":
        """The same evidence with offsets into a text in which its sentence's text starts at `by`."""
        return Evidence(
            self.label,
            self.assertion,
            _plus(self.sentence_start, by),
            _plus(self.sentence_end, by),
            _plus(self.phrase_start, by),
            _plus(self.phrase_end, by),
            _plus(self.cue_start, by),
            _plus(self.cue_end, by),
            self.rule_id,
            self.cue_id,
            in_addendum,
        )


@dataclass(frozen=True, slots=True)
class ReportLabels:
    """The 14 values in the order of `Label` (1 / 0 / -1 / None) and the evidence for each."""

    values: tuple[int | None, ...]
    evidence: tuple[Evidence, ...]

    def value(self, label: Label) -> int | None:
        """The value of one label; None where it is not mentioned."""
        return self.values[LABELS.index(label)]


def _plus(offset: int | None, by: int) -> int | None:
    return None if offset is None else offset + by


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
    said = _values_of(e for e in evidence if not e.in_addendum)
    said |= {k: v for k, v in _values_of(e for e in evidence if e.in_addendum).items() if k is not None}
    is_blocked = any(v is not Assertion.NEGATIVE for k, v in said.items() if k not in _WITHOUT_EFFECT_ON_NO_FINDING)
    is_blocked = is_blocked or any(e.label is None and e.assertion is not Assertion.NEGATIVE for e in evidence)
    kept = tuple(evidence)
    if has_text and not is_blocked:
        said[Label.NO_FINDING] = Assertion.POSITIVE
        kept = (*kept, no_finding())
    values = tuple(int(said[label]) if label in said else None for label in LABELS)
    return ReportLabels(values, kept)


def no_finding() -> Evidence:
    """Evidence of absence: no phrase to point at."""
    return Evidence(Label.NO_FINDING, Assertion.POSITIVE, None, None, None, None, None, None, NO_FINDING_RULE, None)
