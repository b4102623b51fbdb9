"""Collects what is true of the demo hospital and writes it beside the export.

It takes the plans, reports and files of patients and gives rows for the nine truth tables; all values are text.
It decides nothing itself; checks read these tables to score a build.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cxr_core.demo.burn_in import BurnedText
from cxr_core.demo.dicom_header import Planted
from cxr_core.demo.faults import Fault
from cxr_core.demo.plan import Extra, ImagePlan, PatientPlan, StudyPlan, Syntax
from cxr_core.demo.ris import Report, Row
from cxr_core.vocabulary import Label

TRUTH_COLUMNS: dict[str, tuple[str, ...]] = {
    "patients": ("i", "last", "first", "mid", "sex", "born", "mrn", "ssn", "phone", "addr", "mother", "hosp", "email",
                 "pn", "alt"),
    "studies": ("study", "accession", "accession_tag", "mrn", "patient", "datetime", "body", "patient_class",
                "encounter", "views", "n_images", "n_reports", "fault"),
    "images": ("path", "sop", "study", "series", "accession", "mrn", "pid_tag", "view", "view_tag", "view_source",
               "photometric", "transfer_syntax", "bits", "rows", "cols", "burned_phi", "markers", "overlay", "icon",
               "preamble_phi", "lossless", "pixel_sha256", "fault"),
    "reports": ("report_id", "accession", "study", "mrn", "status", "source", "style", "text"),
    "report_labels": ("report_id", "accession", "section", *(label.value for label in Label)),
    "header_phi": ("path", "value", "where"),
    "report_phi": ("report_id", "start", "end", "category", "text"),
    "burned": ("path", "row0", "col0", "row1", "col1", "text", "category", "phi", "size", "contrast", "boxed",
               "vertical", "font"),
    "faults": ("kind", "path", "study", "note"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Truth:
    """Rows of every truth table, by table name."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in TRUTH_COLUMNS})

    def extend(self, other: "Truth") -> None:
        """Append the rows of another patient."""
        for name, rows in other.rows.items():
            self.rows[name].extend(rows)

    def add_patient(self, plan: PatientPlan) -> None:
        """Add the patient's row."""
        p = plan.person
        self.rows["patients"].append(
            (str(p.index), p.family, p.given, p.middle, p.sex, p.birth_date.isoformat(), p.mrn, p.ssn, p.phone,
             p.address, p.mother_birth_name, p.hospital.name, p.email, p.dicom_name, p.former_mrn)
        )  # fmt: skip
        if plan.role.merged_studies:
            self.add_fault(Fault.MERGED_MRN, study=plan.studies[0], note=p.former_mrn)

    def add_study(self, study: StudyPlan, index: int, *, n_reports: int) -> None:
        """Add a study's row; a study without images is known to the RIS only."""
        views = "/".join(image.projection.value for image in study.images)
        fault = study.fault.value if study.fault else ""
        self.rows["studies"].append(
            (study.uid, study.accession, study.accession_tag, study.mrn, str(index), f"{study.when:%Y-%m-%d %H:%M}",
             study.exam.body_part, study.patient_class, str(int(study.in_encounter)), views, str(len(study.images)),
             str(n_reports), fault)
        )  # fmt: skip

    def add_image(
        self, study: StudyPlan, image: ImagePlan, *, pid_tag: str, stored: NDArray[np.uint16], burned: list[BurnedText]
    ) -> None:
        """Add an image's row and those of the text burned into it."""
        extras = image.extras
        has_overlay = bool(extras & {Extra.OVERLAY, Extra.EMBEDDED_OVERLAY})
        phi = [text for text in burned if text.category.is_phi]
        view_tag = image.view_value if image.view_tag.value == "ViewPosition" else "<absent>"
        self.rows["images"].append(
            (image.path, image.sop_uid, study.uid, image.series_uid, study.accession, study.mrn, pid_tag,
             image.projection.value, view_tag, image.view_tag.value, image.photometric.value, image.syntax.value,
             str(image.bits_stored), str(image.rows), str(image.columns), str(int(bool(phi))),
             str(len(burned) - len(phi)), str(int(has_overlay)), str(int(Extra.ICON in extras)),
             str(int(Extra.PREAMBLE in extras)), str(int(image.syntax is not Syntax.JPEG_BASELINE)),
             hashlib.sha256(stored.astype("<u2").tobytes()).hexdigest(), image.fault.value if image.fault else "")
        )  # fmt: skip
        self.rows["burned"].extend(_burned_row(image.path, text) for text in burned)

    def add_planted(self, path: str, planted: tuple[Planted, ...]) -> None:
        """Add the identifiers in the header of one file."""
        self.rows["header_phi"].extend((path, item.value, item.where) for item in planted)

    def add_report(self, report: Report) -> None:
        """Add a report, its identifiers and its labels."""
        made, study = report.dictation, report.study
        self.rows["reports"].append(
            (report.report_id, study.accession, study.uid, report.mrn, report.status.value, report.route.value,
             made.style.value, made.text)
        )  # fmt: skip
        self.rows["report_phi"].extend(
            (report.report_id, str(span.start), str(span.end), span.category.value, span.text) for span in made.phi
        )
        for part, said in made.labels.items():
            values = tuple(str(int(said[label])) if label in said else "" for label in Label)
            self.rows["report_labels"].append((report.report_id, study.accession, part.value, *values))

    def add_fault(self, fault: Fault, *, path: str = "", study: StudyPlan | None = None, note: str = "") -> None:
        """Add a planted fault."""
        self.rows["faults"].append((fault.value, path, study.uid if study else "", note))


def _burned_row(path: str, text: BurnedText) -> Row:
    box = (str(text.row0), str(text.col0), str(text.row1), str(text.col1))
    how = (str(text.size_px), f"{text.contrast:g}", str(int(text.is_boxed)), str(int(text.is_vertical)), str(text.font))
    return (path, *box, text.text, text.category.value, str(int(text.category.is_phi)), *how)


def write_csv(path: Path, columns: tuple[str, ...], rows: list[Row], *, has_bom: bool = False) -> None:
    """Write text columns as CSV; an empty text stays an empty field."""
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    frame.write_csv(path, include_bom=has_bom, quote_style="necessary")
