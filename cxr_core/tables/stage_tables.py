"""Tables that stages leave under pseudonyms: images, texts, labels, splits, and the ledgers that say what was done.

Gives contracts. What readers decided stands in `review_tables`, the list of all tables is `catalogue`.
"""

from cxr_core.tables.contract import Privacy, assertion, boolean, contract, enum, integer, real, text, texts
from cxr_core.tables.contract import date as day
from cxr_core.tables.ids import DICOM_ID, STUDY_ID, SUBJECT_ID
from cxr_core.vocabulary import (
    BoxDecision,
    ItemKind,
    Label,
    LabelerName,
    LinkRule,
    Photometric,
    Reason,
    SectionName,
    Split,
    Stage,
    View,
    ViewSource,
)

_PUBLIC, _INTERNAL = Privacy.PUBLIC, Privacy.INTERNAL

STUDY_ROWS = contract(
    "study_rows",
    1,
    "What later stages need of each study, under pseudonyms.",
    {
        "study_id": text("Study", _PUBLIC, key=True, pattern=STUDY_ID),
        "subject_id": text("Subject", _PUBLIC, pattern=SUBJECT_ID),
        "study_date": day("Shifted date of the study", _PUBLIC, nullable=True),
        "study_order": integer("Place among the subject's studies, from 1", _PUBLIC, minimum=1),
        "days_since_first": integer("Days since the subject's first study", _PUBLIC, nullable=True, unit="day"),
        "prior_study_id": text("The subject's study before this one", _PUBLIC, nullable=True, pattern=STUDY_ID),
        "link_rule": enum("Rule that tied report and study", _INTERNAL, LinkRule, nullable=True),
        "has_report": boolean("A report is linked", _PUBLIC),
        "has_addendum": boolean("The report has an addendum", _PUBLIC),
        "shared_report": boolean("The report covers several studies", _PUBLIC),
        "date_mismatch": boolean("Exam dates of study and report differ by more than a day", _INTERNAL),
        "encounter_group": text("Class of the encounter around the study", _PUBLIC, nullable=True, pattern=r"^[A-Z]$"),
    },
)

IMAGES = contract(
    "images",
    1,
    "One row per de-identified image: the attributes that the header engine kept.",
    {
        "dicom_id": text("Image", _PUBLIC, key=True, pattern=DICOM_ID),
        "study_id": text("Study", _PUBLIC, pattern=STUDY_ID),
        "subject_id": text("Subject", _PUBLIC, pattern=SUBJECT_ID),
        "rows": integer("Rows", _PUBLIC, minimum=1, unit="pixel", source="(0028,0010)"),
        "columns": integer("Columns", _PUBLIC, minimum=1, unit="pixel", source="(0028,0011)"),
        "bits_stored": integer("Bits stored", _PUBLIC, minimum=1, maximum=16, source="(0028,0101)"),
        "photometric": enum("Photometric interpretation", _PUBLIC, Photometric, source="(0028,0004)"),
        "modality": text("Modality", _PUBLIC, pattern=r"^(CR|DX)$", source="(0008,0060)"),
        "study_date": text("Shifted study date, yyyymmdd", _PUBLIC, nullable=True, source="(0008,0020)"),
        "study_time": text("Study time, hhmmss", _PUBLIC, nullable=True, source="(0008,0030)"),
        "view_position": text("View position as kept", _PUBLIC, nullable=True, source="(0018,5101)"),
        "procedure_description": text(
            "Procedure step description as kept", _PUBLIC, nullable=True, source="(0040,0254)"
        ),
        "procedure_code": text("Meaning of the procedure code", _PUBLIC, nullable=True, source="(0008,1032)"),
        "view_code": text("Meaning of the view code", _PUBLIC, nullable=True, source="(0054,0220)"),
        "orientation_code": text(
            "Meaning of the patient orientation code", _PUBLIC, nullable=True, source="(0054,0410)"
        ),
        "age_years": integer("Age, 90 for 90 and above", _PUBLIC, nullable=True, minimum=0, maximum=90, unit="year"),
        "sex": text("Sex", _PUBLIC, nullable=True, pattern=r"^[MFO]$", source="(0010,0040)"),
        "is_portable": boolean("A tag says that a portable unit was used", _PUBLIC, nullable=True),
        "manufacturer_group": text("Manufacturer, from a closed list", _PUBLIC, nullable=True, source="(0008,0070)"),
        "imager_pixel_spacing_mm": real("Pixel spacing, rows", _PUBLIC, nullable=True, unit="mm", source="(0018,1164)"),
        "redacted_area_share": real("Share of the image that was blacked", _PUBLIC),
        "readers": text("Readers that decided on burned-in text", _INTERNAL),
        "flags": texts("Quality flags of the pixel engine", _PUBLIC),
        "dropped_elements": integer("Header elements that were not kept", _INTERNAL, minimum=0),
        "dicom_sha256": text("SHA-256 of the de-identified DICOM file", _INTERNAL, pattern=r"^[0-9a-f]{64}$"),
    },
)

TEXT_BOXES = contract(
    "text_boxes",
    1,
    "One row per piece of burned-in text: where it lies and what became of it, never what it said.",
    {
        "dicom_id": text("Image", _PUBLIC, key=True, pattern=DICOM_ID),
        "study_id": text("Study", _PUBLIC, pattern=STUDY_ID),
        "box": integer("Place in the image's list, from 0", _PUBLIC, key=True, minimum=0),
        "top_px": integer("First row", _PUBLIC, minimum=0, unit="pixel"),
        "left_px": integer("First column", _PUBLIC, minimum=0, unit="pixel"),
        "bottom_px": integer("Row after the last", _PUBLIC, minimum=0, unit="pixel"),
        "right_px": integer("Column after the last", _PUBLIC, minimum=0, unit="pixel"),
        "decision": enum("Kept or redacted", _PUBLIC, BoxDecision),
        "probability": real("Probability of being text", _INTERNAL),
        "constancy": real("Share of exactly equal values", _INTERNAL),
        "engine": text("Readers that read it", _INTERNAL),
        "rule": text("Rule that decided", _INTERNAL),
    },
)

DEID_REPORTS = contract(
    "deid_reports",
    1,
    "One row per study with a report: the report with identifiers replaced.",
    {
        "study_id": text("Study", _PUBLIC, key=True, pattern=STUDY_ID),
        "subject_id": text("Subject", _PUBLIC, pattern=SUBJECT_ID),
        "text": text("Redacted text; leaves the workspace only where text is released", _INTERNAL),
        "spans": integer("Pieces that were replaced", _INTERNAL, minimum=0),
        "has_demographics": boolean("The patient's name was known to the engine", _INTERNAL),
        "text_sha256": text("SHA-256 of the redacted text", _INTERNAL, pattern=r"^[0-9a-f]{64}$"),
    },
)

RENDITIONS = contract(
    "renditions",
    2,
    "One row per JPEG: its view, quality flags and digests.",
    {
        "dicom_id": text("Image", _PUBLIC, key=True, pattern=DICOM_ID),
        "study_id": text("Study", _PUBLIC, pattern=STUDY_ID),
        "subject_id": text("Subject", _PUBLIC, pattern=SUBJECT_ID),
        "rows": integer("Rows", _PUBLIC, minimum=1, unit="pixel"),
        "columns": integer("Columns", _PUBLIC, minimum=1, unit="pixel"),
        "view": enum("View", _PUBLIC, View, nullable=True),
        "view_source": enum("Where the view was read", _PUBLIC, ViewSource, nullable=True),
        "flags": texts("Quality flags", _PUBLIC),
        "phash": text("Perceptual hash, 64 hexadecimal digits", _INTERNAL, pattern=r"^[0-9a-f]{64}$"),
        "jpeg_bytes": integer("Size of the JPEG", _PUBLIC, minimum=1, unit="byte"),
        "sha256": text("SHA-256 of the JPEG", _PUBLIC, pattern=r"^[0-9a-f]{64}$"),
    },
)

DERIVATIVES = contract(
    "derivatives",
    1,
    "One row per smaller JPEG, where `convert.sizes` asks for some.",
    {
        "dicom_id": text("Image", _PUBLIC, key=True, pattern=DICOM_ID),
        "size": integer("Shorter side that was asked for", _PUBLIC, key=True, minimum=32, maximum=2048, unit="pixel"),
        "study_id": text("Study", _PUBLIC, pattern=STUDY_ID),
        "sha256": text("SHA-256 of the JPEG", _PUBLIC, pattern=r"^[0-9a-f]{64}$"),
    },
)

SECTIONS = contract(
    "sections",
    1,
    "One row per labelled report: which section was labelled.",
    {
        "study_id": text("Study", _PUBLIC, key=True, pattern=STUDY_ID),
        "section": enum("Section that was labelled", _PUBLIC, SectionName),
        "start": integer("Offset of its first character in the redacted report", _PUBLIC, minimum=0),
        "end": integer("Offset after its last character", _PUBLIC, minimum=0),
        "fallback": text("Why it is not the impression; null where it is", _PUBLIC, nullable=True),
    },
)

LABELS = contract(
    "labels",
    1,
    "The 14 labels of each study, per labeler: 1, 0, -1 or null.",
    {
        "study_id": text("Study", _PUBLIC, key=True, pattern=STUDY_ID),
        "labeler": enum("Rule set", _PUBLIC, LabelerName, key=True),
        **{label.value: assertion(f"{label.value} in the report") for label in Label},
    },
)

EVIDENCE = contract(
    "evidence",
    1,
    "Why a label is what it is: one row per mention.",
    {
        "study_id": text("Study", _PUBLIC, key=True, pattern=STUDY_ID),
        "labeler": enum("Rule set", _PUBLIC, LabelerName, key=True),
        "mention": integer("Place in the report's list, from 0", _PUBLIC, key=True, minimum=0),
        "label": enum(
            "Observation; null for another abnormality, which only forbids No Finding", _PUBLIC, Label, nullable=True
        ),
        "assertion": integer("1, 0 or -1", _PUBLIC, minimum=-1, maximum=1),
        "sentence_start": integer("Offset of the sentence in the redacted report", _PUBLIC, nullable=True, minimum=0),
        "sentence_end": integer("Offset after the sentence", _PUBLIC, nullable=True, minimum=0),
        "phrase_start": integer("Offset of the phrase", _PUBLIC, nullable=True, minimum=0),
        "phrase_end": integer("Offset after the phrase", _PUBLIC, nullable=True, minimum=0),
        "rule_id": text("Rule that names the phrase", _PUBLIC),
        "cue_id": text("Rule of the cue", _PUBLIC, nullable=True),
    },
)

SPLITS = contract(
    "splits",
    1,
    "The split of every subject that was ever assigned. A subject never moves.",
    {
        "subject_id": text("Subject", _PUBLIC, key=True, pattern=SUBJECT_ID),
        "split": enum("Split", _PUBLIC, Split),
    },
)

RETIRED_SUBJECTS = contract(
    "retired_subjects",
    1,
    "Subject ids that are used no more because patients were merged or unmerged, and who took their place.",
    {
        "place": integer("Order in which they were retired, from 0", _INTERNAL, key=True, minimum=0),
        "subject_id": text("Retired id", _INTERNAL, pattern=SUBJECT_ID),
        "successor": text("Id that stands for the same patient now", _INTERNAL, pattern=SUBJECT_ID),
    },
)

STAGE_DROPS = contract(
    "stage_drops",
    1,
    "What a per-study stage dropped, under pseudonyms; accounting joins it to the originals inside the vault.",
    {
        "study_id": text("Study", _INTERNAL, key=True, pattern=STUDY_ID),
        "dicom_id": text("Image; empty where the row speaks of the study or its report", _INTERNAL, key=True),
        "kind": enum("What was dropped", _INTERNAL, ItemKind, key=True),
        "stage": enum("Stage that dropped it", _INTERNAL, Stage, key=True),
        "reason": enum("Reason code", _INTERNAL, Reason),
    },
)

LEDGER = contract(
    "ledger",
    1,
    "What a stage has done: one row per study. Nothing else counts as done.",
    {
        "study_id": text("Study", _INTERNAL, key=True, pattern=STUDY_ID),
        "source_fingerprint": text("Keyed digest of everything that went in", _INTERNAL, pattern=r"^[0-9a-f]{64}$"),
        "stage_fingerprint": text(
            "Digest of settings, code, rules and libraries", _INTERNAL, pattern=r"^[0-9a-f]{64}$"
        ),
        "status": text("ok or quarantined", _INTERNAL, pattern=r"^(ok|quarantined)$"),
        "reason": enum("Reason code of a quarantined study", _INTERNAL, Reason, nullable=True),
        "attempts": integer("How often the study was tried with these fingerprints", _INTERNAL, minimum=1),
        "output_sha256": text("Digest of the rows and files that came out", _INTERNAL, pattern=r"^[0-9a-f]{64}$"),
    },
)

RETRIES = contract(
    "retries",
    1,
    "Studies that a person wants a stage to do again, whatever its ledger says; gone once that was done.",
    {"study_id": text("Study", _INTERNAL, key=True, pattern=STUDY_ID)},
)

FINGERPRINT_PARTS = contract(
    "fingerprint_parts",
    1,
    "What each stage fingerprint of a ledger was made of, so that a stale study can be told why it is.",
    {
        "stage_fingerprint": text("As in the ledger", _INTERNAL, key=True, pattern=r"^[0-9a-f]{64}$"),
        "part": text("A module, a rule file, a setting or a library", _INTERNAL, key=True),
        "value": text("Digest of the part; of a library its version", _INTERNAL),
    },
)
