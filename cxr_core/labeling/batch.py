"""Columns of reports in, tables out: sections, labels and evidence of many reports.

Takes a polars column of texts, gives polars frames, which Arrow and Parquet share without a copy. What one report says
is left to `labeler` and to `cxr_core.reports`; writing the tables to the caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from cxr_core.labeling.aggregation import LABELS, Evidence, ReportLabels
from cxr_core.labeling.labeler import Labeler, Span
from cxr_core.reports import ChosenSection, SectionPolicy, choose_section, split_sections

_AT_ONCE = 512  # reports whose rows are Python objects at one time: few enough for the garbage collector not to notice
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
SECTION_SCHEMA: dict[str, pl.DataType] = {
    "section": pl.String(),
    "start": pl.UInt32(),
    "end": pl.UInt32(),
    "fallback": pl.String(),
    "has_addendum": pl.Boolean(),
}


@dataclass(frozen=True, slots=True)
class LabelledReports:
    """What was read and found in a column of reports.

    Attributes
    ----------
    sections : polars DataFrame
        `SECTION_SCHEMA`, one row a text: the part that was labelled and why it is not the impression.
    labels : polars DataFrame
        One Int8 column a label in the order of `Label`, one row a text: 1, 0, -1 or null.
    evidence : polars DataFrame
        `EVIDENCE_SCHEMA`; `row` counts from 0 in the texts. A null label is an abnormality outside the 14.
    """

    sections: pl.DataFrame
    labels: pl.DataFrame
    evidence: pl.DataFrame


def label_reports(texts: pl.Series, labeler: Labeler, policy: SectionPolicy = SectionPolicy.PAPER) -> LabelledReports:
    """Choose the section of each report and label it.

    Parameters
    ----------
    texts : polars String Series
        Whole reports. Null reads as an empty report.
    labeler : Labeler
    policy : SectionPolicy
        Which sections are labelled.

    Returns
    -------
    LabelledReports
    """
    whole = texts.fill_null("").to_list()
    parts = [_label_some(whole[k : k + _AT_ONCE], labeler, policy) for k in range(0, len(whole), _AT_ONCE)]
    if not parts:
        return _label_some([], labeler, policy)
    evidence = [part.evidence.with_columns(pl.col("row") + k * _AT_ONCE) for k, part in enumerate(parts)]
    return LabelledReports(
        pl.concat([part.sections for part in parts]), pl.concat([part.labels for part in parts]), pl.concat(evidence)
    )


def _label_some(texts: list[str], labeler: Labeler, policy: SectionPolicy) -> LabelledReports:
    chosen = [choose_section(split_sections(text), policy) for text in texts]
    results = [
        labeler.label(text, part.spans, addendum_spans=part.addendum_spans)
        for text, part in zip(texts, chosen, strict=True)
    ]
    return LabelledReports(_section_table(chosen), _label_table(results), _evidence_table(results))


def label_batch(
    texts: pl.Series,
    spans: Sequence[Sequence[Span] | None] | None = None,
    *,
    addendum_spans: Sequence[Sequence[Span]] | None = None,
    labeler: Labeler | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Label a column of reports whose sections are known.

    Parameters
    ----------
    texts : polars String Series
        Null reads as an empty report.
    spans, addendum_spans : per report, as in `Labeler.label`
    labeler : Labeler, optional
        The chexpert rules by default.

    Returns
    -------
    labels, evidence : polars DataFrame
        As in `LabelledReports`.
    """
    labeler = labeler or Labeler()
    chosen = spans or [None] * texts.len()
    added = addendum_spans or [()] * texts.len()
    results = [
        labeler.label(text or "", part, addendum_spans=addenda)
        for text, part, addenda in zip(texts, chosen, added, strict=True)
    ]
    return _label_table(results), _evidence_table(results)


def _section_table(chosen: Sequence[ChosenSection]) -> pl.DataFrame:
    columns = {
        "section": [c.name.value for c in chosen],
        "start": [c.start for c in chosen],
        "end": [c.end for c in chosen],
        "fallback": [c.fallback and c.fallback.value for c in chosen],
        "has_addendum": [bool(c.addendum_spans) for c in chosen],
    }
    return pl.DataFrame(columns, schema=SECTION_SCHEMA)


def _label_table(results: Sequence[ReportLabels]) -> pl.DataFrame:
    columns = zip(*(r.values for r in results), strict=True) if results else [()] * len(LABELS)
    return pl.DataFrame(
        [pl.Series(label.value, column, dtype=pl.Int8) for label, column in zip(LABELS, columns, strict=True)]
    )


def _evidence_table(results: Sequence[ReportLabels]) -> pl.DataFrame:
    counts = [len(r.evidence) for r in results]
    rows = pl.Series("row", np.repeat(np.arange(len(counts), dtype=np.uint32), counts))
    if rows.is_empty():
        return pl.DataFrame(schema=EVIDENCE_SCHEMA)
    fields = zip(*(e for r in results for e in r.evidence), strict=True)
    columns = [
        pl.Series(name, column, dtype=EVIDENCE_SCHEMA[name])
        for name, column in zip(Evidence._fields, fields, strict=True)
    ]
    return pl.DataFrame([rows, *columns])
