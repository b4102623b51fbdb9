"""Labeling: the 14 observations of a report, each with the evidence for it.

`Labeler` and `label_batch` label, `explain` shows why; rules stand in `rules/*.toml`.
"""

from cxr_core.labeling.aggregation import Evidence, ReportLabels
from cxr_core.labeling.explain import Marked, MarkRole, explain
from cxr_core.labeling.labeler import EVIDENCE_SCHEMA, Labeler, label_batch, readable_spans
from cxr_core.labeling.negbio_style import PUBLISHED_NAME

__all__ = [
    "EVIDENCE_SCHEMA",
    "PUBLISHED_NAME",
    "Evidence",
    "Labeler",
    "MarkRole",
    "Marked",
    "ReportLabels",
    "explain",
    "label_batch",
    "readable_spans",
]
