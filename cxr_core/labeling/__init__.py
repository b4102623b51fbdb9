"""Labeling: the 14 observations of a report, each with the evidence for it.

`Labeler` labels one report, `label_reports` a column of them; `explain` shows why. Rules stand in `rules/*.toml`.
"""

from cxr_core.labeling.aggregation import Evidence, ReportLabels
from cxr_core.labeling.batch import EVIDENCE_SCHEMA, SECTION_SCHEMA, LabelledReports, label_batch, label_reports
from cxr_core.labeling.explain import Marked, MarkRole, explain
from cxr_core.labeling.labeler import Labeler, readable_spans
from cxr_core.labeling.negbio_style import PUBLISHED_NAME
from cxr_core.labeling.page import explain_page

__all__ = [
    "EVIDENCE_SCHEMA",
    "PUBLISHED_NAME",
    "SECTION_SCHEMA",
    "Evidence",
    "Labeler",
    "LabelledReports",
    "MarkRole",
    "Marked",
    "ReportLabels",
    "explain",
    "explain_page",
    "label_batch",
    "label_reports",
    "readable_spans",
]
