"""Labels of reports: the 14 observations with the evidence for each.

Takes the text of one report or a column of them, and the spans to read; gives values and evidence. Which spans to read
is left to `cxr_core.reports`, writing the tables to the caller.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import polars as pl

from cxr_core.labeling.aggregation import LABELS, Evidence, ReportLabels, aggregate
from cxr_core.labeling.lexicon import load_lexicon
from cxr_core.labeling.negbio_style import has_subjects
from cxr_core.labeling.scanner import Scanner, read_words, split_sentences
from cxr_core.labeling.scope import read_sentence
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
_CACHED_SENTENCES = 65536  # reports repeat their sentences; a miss costs a hundred times a hit
EVIDENCE_SCHEMA: dict[str, pl.DataType] = {
    "row": pl.UInt32(),
    "label": pl.Enum([label.value for label in LABELS]),
    "assertion": pl.Int8(),
    "sentence_start": pl.UInt32(),
    "sentence_end": pl.UInt32(),
    "phrase_start": pl.UInt32(),
    "phrase_end": pl.UInt32(),
    "cue_start": pl.UInt32(),
    "cue_end": pl.UInt32(),
    "rule_id": pl.String(),
    "cue_id": pl.String(),
    "in_addendum": pl.Boolean(),
}


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
        self._read = lru_cache(maxsize=_CACHED_SENTENCES)(self._read_sentence)

    def _read_sentence(self, text: str) -> tuple[Evidence, ...]:
        """Evidence of one sentence, offsets into it: the pure part, which is kept for the next report."""
        sentence = read_words(text)
        if not sentence.words:
            return ()
        low, high = sentence.starts, sentence.ends
        mentions = read_sentence(self._scanner.scan(sentence.words), sentence.words, has_subjects=self._has_subjects)
        return tuple(
            Evidence(
                label=label,
                assertion=m.assertion,
                sentence_start=low[0],
                sentence_end=high[-1],
                phrase_start=low[m.start],
                phrase_end=high[m.end - 1],
                cue_start=None if m.cue_start is None else low[m.cue_start],
                cue_end=None if m.cue_end is None else high[m.cue_end - 1],
                rule_id=m.rule_id,
                cue_id=m.cue_id,
            )
            for m in mentions
            for label in m.labels or (None,)
        )

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
        evidence = list(self._evidence(text, spans, in_addendum=False))
        evidence.extend(self._evidence(text, addendum_spans, in_addendum=True))
        has_text = any(c.isalpha() for start, end in spans for c in text[start:end])
        return aggregate(evidence, has_text=has_text or bool(evidence))

    def _evidence(self, text: str, spans: Iterable[Span], *, in_addendum: bool) -> Iterator[Evidence]:
        for start, end in spans:
            for low, high in split_sentences(text, start, end):
                for evidence in self._read(text[low:high]):
                    yield evidence.moved(low, in_addendum=in_addendum)


def readable_spans(text: str) -> tuple[Span, ...]:
    """The parts of a whole report that speak of its images."""
    sections = split_sections(text).items
    return tuple((s.start, s.end) for s in sections if s.name not in _NOT_READ and not s.is_empty)


def label_batch(
    texts: pl.Series,
    spans: Sequence[Sequence[Span] | None] | None = None,
    *,
    addendum_spans: Sequence[Sequence[Span]] | None = None,
    labeler: Labeler | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Label a column of reports.

    Parameters
    ----------
    texts : polars String Series
        Null reads as an empty report.
    spans, addendum_spans : per report, as in `Labeler.label`
    labeler : Labeler, optional
        The chexpert rules by default.

    Returns
    -------
    labels : polars DataFrame
        One Int8 column a label in the order of `Label`, one row a text: 1, 0, -1 or null.
    evidence : polars DataFrame
        `EVIDENCE_SCHEMA`; `row` counts from 0 in `texts`. A null label is an abnormality outside the 14.
    """
    labeler = labeler or Labeler()
    chosen = spans or [None] * texts.len()
    added = addendum_spans or [()] * texts.len()
    reports = [
        labeler.label(text or "", part, addendum_spans=addenda)
        for text, part, addenda in zip(texts, chosen, added, strict=True)
    ]
    columns = {label.value: [r.values[k] for r in reports] for k, label in enumerate(LABELS)}
    labels = pl.DataFrame(columns, schema={label.value: pl.Int8 for label in LABELS})
    rows = [(i, e) for i, report in enumerate(reports) for e in report.evidence]
    return labels, pl.DataFrame(
        {"row": [i for i, _ in rows]}
        | {name: [_cell(getattr(e, name)) for _, e in rows] for name in EVIDENCE_SCHEMA if name != "row"},
        schema=EVIDENCE_SCHEMA,
    )


def _cell(value: object) -> object:
    return value.value if hasattr(value, "value") else value
