"""Labels of reports: the 14 observations with the evidence for each.

Takes the text of one report and the spans to read; gives values and evidence. Which spans to read is left to
`cxr_core.reports`, columns of reports to `batch`.
"""

import re
from collections.abc import Sequence

from cxr_core.labeling.aggregation import Evidence, ReportLabels, aggregate
from cxr_core.labeling.evidence import located
from cxr_core.labeling.lexicon import load_lexicon
from cxr_core.labeling.negbio_style import has_subjects
from cxr_core.labeling.scanner import Scanner
from cxr_core.labeling.scope import read_mentions
from cxr_core.labeling.words import lowered
from cxr_core.reports import split_sections
from cxr_core.vocabulary import LabelerName, SectionName

Span = tuple[int, int]

_NOT_READ = frozenset(
    {
        SectionName.INDICATION,
        SectionName.HISTORY,
        SectionName.COMPARISON,
        SectionName.TECHNIQUE,
        SectionName.EXAMINATION,
        SectionName.RECOMMENDATION,
        SectionName.NOTIFICATION,
        SectionName.SIGNATURE,
    }
)
_LETTER = re.compile(r"[^\W\d_]")


class Labeler:
    """One rule set, compiled once; safe to share between threads, cheap to rebuild in a worker.

    Parameters
    ----------
    name : LabelerName
        `chexpert` (default) or `negbio`, which is published as `hilum-negbio-style`.
    """

    def __init__(self, name: LabelerName = LabelerName.CHEXPERT) -> None:
        self.name = name
        self._scanner = Scanner(load_lexicon(name))
        self._has_subjects = has_subjects(name)

    def label(
        self, text: str, spans: Sequence[Span] | None = None, *, addendum_spans: Sequence[Span] = ()
    ) -> ReportLabels:
        """Label one report.

        Parameters
        ----------
        text : str
            The report.
        spans : sequence of (start, end), optional
            The parts to read (`ChosenSection.spans`). None reads all but indication, history, comparison,
            technique, recommendation, notification and signature sections.
        addendum_spans : sequence of (start, end)
            Addenda: what they say of a label replaces what the report says.

        Returns
        -------
        ReportLabels
            Offsets of the evidence are into `text`. A text without a word gives no label at all.
        """
        if spans is None:
            spans = readable_spans(text)
        evidence = [e for start, end in spans for e in self._evidence(text, start, end)]
        for start, end in addendum_spans:
            evidence.extend(e._replace(in_addendum=True) for e in self._evidence(text, start, end))
        has_text = bool(evidence) or any(_LETTER.search(text, start, end) for start, end in spans)
        return aggregate(evidence, has_text=has_text)

    def _evidence(self, text: str, start: int, end: int) -> list[Evidence]:
        reading = self._scanner.read(lowered(text[start:end]))
        mentions = read_mentions(reading, has_subjects=self._has_subjects)
        return located(reading, mentions, start) if mentions else []


def readable_spans(text: str) -> tuple[Span, ...]:
    """The parts of a whole report that speak of its images."""
    sections = split_sections(text).items
    return tuple((s.start, s.end) for s in sections if s.name not in _NOT_READ and not s.is_empty)
