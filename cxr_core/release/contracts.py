"""Which tables and columns a release holds; the files, the data dictionary and the columns gate derive from these.

Gives contracts made from the columns of `tables.catalogue`, so that a column which is reclassified there stops
leaving here. What the CSV files of the layout hold is told by `CSV_COLUMNS`, each column with the one it comes from.
"""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cxr_core.tables.catalogue import (
    DICOM_ID,
    EVIDENCE,
    IMAGES,
    LABELS,
    RENDITIONS,
    SECTIONS,
    SPLITS,
    STUDY_ROWS,
)
from cxr_core.tables.contract import Column, Contract, Privacy, assertion, contract, pixel_boxes, text
from cxr_core.vocabulary import Label, LabelerName, Split

_PUBLIC = Privacy.PUBLIC


def label_column(labeler: LabelerName, label: Label) -> str:
    """Name of a label's column in images.parquet, e.g. `chexpert_pleural_effusion`."""
    return f"{labeler.value}_{label.name.lower()}"


def _taken(source: Contract, names: Iterable[str]) -> dict[str, Column]:
    # Copies: a contract writes the column's name into its kind, and two contracts must not share one.
    return {name: copy.deepcopy(source.columns[name]) for name in names}


def _public_part(source: Contract) -> Contract:
    return contract(source.name, source.version, source.description, _taken(source, source.columns_of(_PUBLIC)))


RELEASE_IMAGES = contract(
    "images",
    1,
    "One flat row per published image: ids, split, view, acquisition, quality, redaction, both labelers.",
    {
        **_taken(IMAGES, ["dicom_id", "study_id", "subject_id"]),
        "path": text("Path of the JPEG below the root of the release", _PUBLIC),
        **_taken(SPLITS, ["split"]),
        **_taken(RENDITIONS, ["view", "view_source"]),
        **_taken(IMAGES, ["view_position"]),
        **{
            new: copy.deepcopy(RENDITIONS.columns[old])
            for new, old in {"width_px": "columns", "height_px": "rows"}.items()
        },
        **_taken(STUDY_ROWS, ["study_order", "days_since_first", "prior_study_id", "encounter_group"]),
        **_taken(STUDY_ROWS, ["has_report", "has_addendum", "shared_report"]),
        **_taken(IMAGES, ["age_years", "sex", "is_portable", "manufacturer_group", "bits_stored"]),
        **_taken(IMAGES, ["imager_pixel_spacing_mm", "redacted_area_share"]),
        "redaction_boxes": pixel_boxes("Blacked rectangles; widths rounded up to 64 pixels", _PUBLIC),
        **_taken(RENDITIONS, ["flags"]),
        "duplicate_of": text(
            "First image of the subject that looks the same", _PUBLIC, nullable=True, pattern=DICOM_ID
        ),
        **{
            label_column(labeler, label): assertion(f"{label.value} by the {labeler.value} rules")
            for labeler in LabelerName
            for label in Label
        },
        "labeler": text("Program that made the label columns", _PUBLIC, pattern=r"^[a-z-]+ [0-9.]+$"),
        **_taken(RENDITIONS, ["sha256"]),
    },
)

RELEASE_SECTIONS = _public_part(SECTIONS)
RELEASE_EVIDENCE = _public_part(EVIDENCE)

RELEASE_TABLES: Mapping[str, Contract] = {
    "images.parquet": RELEASE_IMAGES,
    "sections.parquet": RELEASE_SECTIONS,
    "evidence.parquet": RELEASE_EVIDENCE,
}


@dataclass(frozen=True, slots=True)
class CsvColumn:
    """A column of a CSV file of the layout and the declared column that it comes from."""

    name: str
    table: Contract
    column: str

    @property
    def privacy(self) -> Privacy:
        return self.table.columns[self.column].privacy


_IDS = {name: CsvColumn(name, IMAGES, name) for name in ("dicom_id", "study_id", "subject_id")}
_LABEL_COLUMNS = (
    _IDS["subject_id"],
    _IDS["study_id"],
    *(CsvColumn(label.value, LABELS, label.value) for label in Label),
)

# Column orders of MIMIC-CXR-JPG 2.0.0: public loaders read by name, some by position.
CSV_COLUMNS: Mapping[str, tuple[CsvColumn, ...]] = {
    "metadata.csv.gz": (
        _IDS["dicom_id"],
        _IDS["subject_id"],
        _IDS["study_id"],
        CsvColumn("PerformedProcedureStepDescription", IMAGES, "procedure_description"),
        CsvColumn("ViewPosition", IMAGES, "view_position"),
        CsvColumn("Rows", IMAGES, "rows"),
        CsvColumn("Columns", IMAGES, "columns"),
        CsvColumn("StudyDate", IMAGES, "study_date"),
        CsvColumn("StudyTime", IMAGES, "study_time"),
        CsvColumn("ProcedureCodeSequence_CodeMeaning", IMAGES, "procedure_code"),
        CsvColumn("ViewCodeSequence_CodeMeaning", IMAGES, "view_code"),
        CsvColumn("PatientOrientationCodeSequence_CodeMeaning", IMAGES, "orientation_code"),
    ),
    "split.csv.gz": (
        _IDS["dicom_id"],
        _IDS["study_id"],
        _IDS["subject_id"],
        CsvColumn("split", SPLITS, "split"),
    ),
    "chexpert.csv.gz": _LABEL_COLUMNS,
    "negbio.csv.gz": _LABEL_COLUMNS,
    "test-set-labeled.csv": _LABEL_COLUMNS,
}

SPLIT_TABLES: Mapping[str, Contract] = {f"splits/{split.value}-images.parquet": RELEASE_IMAGES for split in Split}
"""The rows of images.parquet once more, a file a split that has any: hubs of datasets want it so."""

DOCUMENTS: frozenset[str] = frozenset(
    {
        "IMAGE_FILENAMES",
        "SHA256SUMS.txt",
        "LICENSE.txt",
        "DATA_USE_AGREEMENT.md",
        "README.md",
        "data-dictionary.md",
        "datasheet.md",
        "CITATION.cff",
        "CHANGELOG.md",
        "croissant.json",
        "run.json",
    }
)
OPTIONAL_DOCUMENTS: frozenset[str] = frozenset({"report.html"})
