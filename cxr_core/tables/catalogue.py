"""Every table of Hilum, declared once; the data dictionary, the storage and the release gates read these.

Gives the contracts, grouped by zone: what lies in the vault (identified), what lies in `stages/` (pseudonyms only).
How columns are checked is left to `contract`, how files are written to `storage`.
"""

from cxr_core.tables.contract import (
    Column,
    Contract,
    Privacy,
    assertion,
    boolean,
    contract,
    enum,
    integer,
    pixel_boxes,
    real,
    text,
    texts,
    timestamp,
)
from cxr_core.tables.contract import date as day
from cxr_core.vocabulary import (
    BoxDecision,
    FetchStatus,
    IdKind,
    ItemKind,
    Label,
    LabelerName,
    LinkRule,
    Photometric,
    Reason,
    ReportStatus,
    ReviewAnswer,
    ReviewKind,
    ReviewRound,
    SectionName,
    Split,
    Stage,
    View,
    ViewSource,
    WithdrawalReason,
)

_PUBLIC, _INTERNAL, _PHI = Privacy.PUBLIC, Privacy.INTERNAL, Privacy.PHI

SUBJECT_ID = r"^1[0-9]{7,8}$"
STUDY_ID = r"^5[0-9]{7,8}$"
DICOM_ID = r"^[0-9a-f]{8}(-[0-9a-f]{8}){4}$"

# ---------------------------------------------------------------- vault: the identified zone

INSTANCES = contract(
    "instances",
    1,
    "One row per file found in a source: where it lies and the tags that cohort, linkage and views need.",
    {
        "path": text("Path below the source folder, with forward slashes", _PHI, key=True),
        "size_bytes": integer("Size of the file", _PHI, minimum=0, unit="byte"),
        "mtime_ns": integer("Modification time of the file", _PHI, unit="ns since 1970"),
        "fingerprint": text("SHA-256 of the file's content, hexadecimal", _PHI, pattern=r"^[0-9a-f]{64}$"),
        "reason": enum("Why the file is no usable instance; null where it is", _PHI, Reason, nullable=True),
        "sop_instance_uid": text("SOP instance", _PHI, nullable=True, source="(0008,0018)"),
        "sop_class_uid": text("Kind of object", _PHI, nullable=True, source="(0008,0016)"),
        "study_instance_uid": text("Study", _PHI, nullable=True, source="(0020,000D)"),
        "series_instance_uid": text("Series", _PHI, nullable=True, source="(0020,000E)"),
        "issuer": text("Issuer of the patient id; empty where the header names none", _PHI, source="(0010,0021)"),
        "patient_id": text("Patient id as found, before merges", _PHI, nullable=True, source="(0010,0020)"),
        "accession_number": text("Accession number as found", _PHI, nullable=True, source="(0008,0050)"),
        "modality": text("Modality", _PHI, nullable=True, source="(0008,0060)"),
        "exam_at": timestamp("Study date and time; time 00:00 where absent", _PHI, nullable=True, source="(0008,0020)"),
        "birth_date": day("Birth date", _PHI, nullable=True, source="(0010,0030)"),
        "body_part": text("Body part examined", _PHI, nullable=True, source="(0018,0015)"),
        "description": text("Study, series, procedure and protocol descriptions, joined by ' | '", _PHI),
        "content_at": timestamp("Instance creation or content time, newest header wins", _PHI, nullable=True),
        "presentation_intent": text("FOR PRESENTATION or FOR PROCESSING", _PHI, nullable=True, source="(0008,0068)"),
        "rejected_uids": texts("SOP instances that this rejection note (key object selection) names", _PHI),
        "person_names": texts("Names of the patient and relatives, anywhere in the header", _PHI),
        "staff_names": texts("Names of physicians and operators, anywhere in the header", _PHI),
        "identifiers": texts("Ids, accession numbers and the like, anywhere in the header", _PHI),
        "phones": texts("Telephone numbers", _PHI),
        "addresses": texts("Addresses of the patient", _PHI),
        "places": texts("Institutions, departments, stations", _PHI),
    },
)

ACQUIRED = contract(
    "acquired",
    1,
    "One row per study that a PACS named: what was received of it. The files themselves lie in `received/`.",
    {
        "study_instance_uid": text("Study", _PHI, key=True, source="(0020,000D)"),
        "day": day("Study date under which the PACS named it", _PHI),
        "described": text("SHA-256 over what the PACS said of the study: another one, and all is fetched again", _PHI),
        "hint": integer("NumberOfStudyRelatedInstances, where the PACS tells it", _PHI, nullable=True, minimum=0),
        "expected": integer("Instances that the PACS listed; null where it lists none", _PHI, nullable=True, minimum=0),
        "received": integer("Instances in the vault", _PHI, minimum=0),
        "missing_uids": texts("Listed instances that did not come", _PHI),
        "status": enum("How the last try ended", _PHI, FetchStatus),
        "attempts": integer("Tries in the last run that asked for it", _PHI, minimum=0),
        "asked_at": timestamp("When it was last asked for, UTC", _PHI),
    },
)

REPORTS = contract(
    "reports",
    1,
    "One row per report (or version of a report) found in a source.",
    {
        "report_key": text("Source file and position within it", _PHI, key=True),
        "report_id": text("Id of the report in its source", _PHI),
        "reason": enum("Why the report cannot be used; null where it can", _PHI, Reason, nullable=True),
        "accession_numbers": texts("Accession numbers the report names, the most trusted first", _PHI),
        "study_instance_uid": text("Study UID the report names", _PHI, nullable=True),
        "issuer": text("Issuer of the patient id; empty where the source names none", _PHI),
        "patient_id": text("Patient id as found, before merges", _PHI, nullable=True),
        "birth_date": day("Birth date", _PHI, nullable=True),
        "exam_at": timestamp("Time of the exam", _PHI, nullable=True),
        "issued_at": timestamp("Time of the report's last change", _PHI, nullable=True),
        "status": enum("Status of the report", _PHI, ReportStatus),
        "exam_description": text("Exam code and description", _PHI),
        "text": text("The report as found, lines joined by newlines", _PHI),
        "has_addendum": boolean("An addendum stands in the report", _PHI),
        "person_names": texts("Names of the patient and relatives", _PHI),
        "staff_names": texts("Names of physicians and other staff", _PHI),
        "identifiers": texts("Ids, accession and visit numbers", _PHI),
        "phones": texts("Telephone numbers", _PHI),
        "addresses": texts("Addresses of the patient", _PHI),
        "places": texts("Institutions, wards, towns", _PHI),
    },
)

ENCOUNTERS = contract(
    "encounters",
    1,
    "Hospital encounters from the RIS side table, for the cohort.",
    {
        "visit": text("Visit number", _PHI, key=True),
        "issuer": text("Issuer of the patient id; empty where the source names none", _PHI),
        "patient_id": text("Patient id, before merges", _PHI),
        "patient_class": text("Patient class, E for emergency", _PHI, source="PV1-2"),
        "arrived_at": timestamp("Arrival", _PHI),
        "departed_at": timestamp("Departure", _PHI, nullable=True),
    },
)

MERGES = contract(
    "merges",
    2,
    "Patient ids that were merged into another one.",
    {
        "old_issuer": text("Issuer of the old id; empty where the file names none", _PHI, key=True),
        "old_patient_id": text("Id that is no longer used", _PHI, key=True),
        "new_issuer": text("Issuer of the new id; empty where the file names none", _PHI),
        "new_patient_id": text("Id that survives", _PHI),
    },
)

STUDIES = contract(
    "studies",
    1,
    "One row per study of the dataset: its patient, its report and how they were tied.",
    {
        "study_instance_uid": text("Study", _PHI, key=True),
        "issuer": text("Issuer of the patient id", _PHI),
        "patient_id": text("Patient id after merges", _PHI),
        "exam_at": timestamp("Time of the exam", _PHI, nullable=True),
        "report_key": text("The linked report; null where the cohort does not require one", _PHI, nullable=True),
        "link_rule": enum("Rule that tied report and study", _PHI, LinkRule, nullable=True),
        "flags": texts("Study flags of the vocabulary", _PHI),
        "encounter_group": text("Class of the encounter around the study, e.g. E", _PHI, nullable=True),
    },
)

STUDY_INSTANCES = contract(
    "study_instances",
    1,
    "The files that go into each study of the dataset: one row per file.",
    {
        "path": text("Path below the source folder", _PHI, key=True),
        "study_instance_uid": text("Study", _PHI),
        "sop_instance_uid": text("SOP instance", _PHI),
        "fingerprint": text("SHA-256 of the file's content", _PHI),
    },
)

DEVICES = contract(
    "devices",
    1,
    "Maker and model of the device behind each file, read when images for a review are drawn; published nowhere.",
    {
        "path": text("Path below the source folder", _PHI, key=True),
        "fingerprint": text("SHA-256 of the file's content", _PHI),
        "maker": text("Manufacturer as found, spaces joined", _PHI, source="(0008,0070)"),
        "model": text("Model as found, spaces joined; empty where the header names none", _PHI, source="(0008,1090)"),
    },
)

DROPS = contract(
    "drops",
    1,
    "Everything catalogued that is neither published nor withheld, with its reason.",
    {
        "kind": enum("What was dropped", _PHI, ItemKind),
        "original": text("SOP instance UID, study UID, report key, or the path of a file", _PHI),
        "path": text("The file, where the row speaks of one", _PHI, nullable=True),
        "stage": enum("Stage that dropped it", _PHI, Stage),
        "reason": enum("Reason code", _PHI, Reason),
    },
)

ACCEPTED = contract(
    "accepted",
    1,
    "Quarantined items that a person accepted as dropped: they wait no longer and refuse no release.",
    {
        "kind": enum("What was accepted", _PHI, ItemKind, key=True),
        "original": text("As in drops", _PHI, key=True),
        "path": text("The file, where the row speaks of one; else empty", _PHI, key=True),
        "stage": enum("Stage that dropped it", _PHI, Stage, key=True),
        "reason": enum("Reason that was accepted; another one waits anew", _PHI, Reason, key=True),
        "who": text("Account that accepted it", _PHI),
        "why": text("Why, in the words of that person", _PHI),
        "accepted_at": timestamp("When, UTC", _PHI),
    },
)

PSEUDONYMS = contract(
    "pseudonyms",
    1,
    "The crosswalk: every id that was ever given. Rows are only ever added.",
    {
        "kind": enum("What the pseudonym stands for", _PHI, IdKind, key=True),
        "issuer": text("Issuer of the patient id; empty for studies and instances", _PHI, key=True),
        "original": text("Patient id, study UID or SOP instance UID", _PHI, key=True),
        "ordinal": integer("Place in the ledger, from 0, per kind", _PHI, minimum=0),
        "pseudonym": text("Published id", _PHI),
        "date_shift_days": integer(
            "Offset of every date of the patient; null otherwise", _PHI, nullable=True, unit="day"
        ),
    },
)

SUBJECT_IDS = contract(
    "subject_ids",
    1,
    "Patients whose subject id is no longer the one of the crosswalk, after merges and unmerges. Only ever added to.",
    {
        "issuer": text("Issuer of the patient id", _PHI, key=True),
        "original": text("Patient id", _PHI, key=True),
        "turn": integer("1 for the first change, 2 for the next", _PHI, key=True, minimum=1),
        "place": integer("Order of all changes, from 0", _PHI, minimum=0),
        "ordinal": integer("Place in the ledger of a new id; null where it is another patient's", _PHI, nullable=True),
        "pseudonym": text("Published id from then on", _PHI, pattern=SUBJECT_ID),
        "date_shift_days": integer("Offset of every date of the patient", _PHI, unit="day"),
    },
)

WITHDRAWALS = contract(
    "withdrawals",
    1,
    "Patients who were taken out for good; no build reads anything of them again. Only ever added to.",
    {
        "issuer": text("Issuer of the patient id; empty for all issuers", _PHI, key=True),
        "patient_id": text("Patient id", _PHI, key=True),
        "subject_id": text("Published id; null where there was none", _PHI, nullable=True, pattern=SUBJECT_ID),
        "reason": enum("Why", _PHI, WithdrawalReason),
        "who": text("Account that withdrew the patient", _PHI),
        "withdrawn_at": timestamp("When, UTC", _PHI),
    },
)

REQUESTS = contract(
    "requests",
    1,
    "Everything the airlock needs of one study: its files, its ids, its report, what identifies its patient.",
    {
        "study_id": text("Published id of the study", _PHI, key=True, pattern=STUDY_ID),
        "subject_id": text("Published id of the patient", _PHI, pattern=SUBJECT_ID),
        "date_shift_days": integer("Offset of every date of the patient", _PHI, unit="day"),
        "hide_age": boolean("The patient passes 89 later in the dataset: no age is written", _PHI),
        "paths": texts("Files of the study below the source folder", _PHI),
        "dicom_ids": texts("Published ids of the files, in the same order", _PHI),
        "original_uids": texts("Study, series and instance UIDs as found", _PHI),
        "published_uids": texts("Their published UIDs, in the same order", _PHI),
        "names": texts("Name components of the patient and relatives", _PHI),
        "identifiers": texts("Ids of the patient and the study", _PHI),
        "birth_dates": texts("Birth dates, ISO", _PHI),
        "phones": texts("Telephone numbers", _PHI),
        "address_parts": texts("Parts of addresses", _PHI),
        "report_text": text("The linked report", _PHI, nullable=True),
        "source_fingerprint": text("Keyed digest of all of this and of the files", _PHI, pattern=r"^[0-9a-f]{64}$"),
    },
)

SITE_WORDS = contract(
    "site_words",
    1,
    "What identifies the site whoever the patient is: names of its staff, its places.",
    {
        "kind": text("name or place", _PHI, key=True, pattern=r"^(name|place)$"),
        "word": text("Folded name component or place", _PHI, key=True),
    },
)

# ---------------------------------------------------------------- stages: pseudonyms only

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

REPORT_LABELS = contract(
    "report_labels",
    1,
    "The 14 labels of a report as readers agreed on them: the reference standard. Their subjects form the test set.",
    {
        "study_id": text("Study", _PUBLIC, key=True, pattern=STUDY_ID),
        "subject_id": text("Subject", _PUBLIC, pattern=SUBJECT_ID),
        "readers": integer("How many readers labelled the report", _PUBLIC, minimum=1),
        **{label.value: assertion(f"{label.value} by readers") for label in Label},
    },
)

READER_BOXES = contract(
    "reader_boxes",
    1,
    "Where readers saw PHI left on an image: redacted in the next build.",
    {
        "dicom_id": text("Image", _INTERNAL, key=True, pattern=DICOM_ID),
        "box": integer("Place in the image's list, from 0", _INTERNAL, key=True, minimum=0),
        "study_id": text("Study", _INTERNAL, pattern=STUDY_ID),
        "top": integer("First row", _INTERNAL, minimum=0, unit="pixel"),
        "left": integer("First column", _INTERNAL, minimum=0, unit="pixel"),
        "bottom": integer("Row after the last", _INTERNAL, minimum=1, unit="pixel"),
        "right": integer("Column after the last", _INTERNAL, minimum=1, unit="pixel"),
    },
)


def _reviewed() -> dict[str, Column]:
    """Columns that reviews of images and of texts share."""
    return {
        "sample_id": text("Sample that the item was drawn into", _INTERNAL, key=True),
        "draw": integer("Place of the sample among all, from 0; the statistics are of the last", _INTERNAL, minimum=0),
        "item": text("Opaque id under which readers saw it", _INTERNAL, key=True, pattern=r"^[0-9a-f]{32}$"),
        "study_id": text("Study", _INTERNAL, pattern=STUDY_ID),
        "subject_id": text("Subject", _INTERNAL, pattern=SUBJECT_ID),
        "stratum": text("random, an enriched stratum, or planted:...", _INTERNAL),
        "is_planted": boolean("An identifier was planted to measure the readers", _INTERNAL),
        "sha256": text("SHA-256 of what was shown", _INTERNAL, pattern=r"^[0-9a-f]{64}$"),
        "readers": texts("Blind readers, numbered in the order in which they joined", _INTERNAL),
        "answers": texts("Their answers, in the same order", _INTERNAL),
        "consensus": enum("Answer of the consensus round", _INTERNAL, ReviewAnswer, nullable=True),
        "is_complete": boolean("All blind answers are in", _INTERNAL),
        "needs_consensus": boolean("Readers disagreed or were unsure", _INTERNAL),
        "final": enum("What was settled; null while open", _INTERNAL, ReviewAnswer, nullable=True),
        "is_located": boolean("Of planted items: a mark meets what was planted, or none was drawn", _INTERNAL),
        "marks": integer("Boxes or spans that were settled", _INTERNAL, minimum=0),
    }


IMAGE_REVIEWS = contract(
    "image_reviews",
    1,
    "One row per image and sample: what readers saw on it.",
    {**_reviewed(), "dicom_id": text("Image; of a planted one its background", _INTERNAL, pattern=DICOM_ID)},
)

TEXT_REVIEWS = contract(
    "text_reviews",
    1,
    "One row per report text and sample: what readers saw in it.",
    _reviewed(),
)

REVIEW_DECISIONS = contract(
    "review_decisions",
    1,
    "Every decision of every reader as it came, superseded ones included: the audit trail of the review.",
    {
        "decision_id": text("Id that the page chose", _INTERNAL, key=True),
        "sample_id": text("Sample", _INTERNAL),
        "kind": enum("What was read", _INTERNAL, ReviewKind),
        "item": text("Opaque id of the item", _INTERNAL, pattern=r"^[0-9a-f]{32}$"),
        "study_id": text("Study", _INTERNAL, pattern=STUDY_ID),
        "is_planted": boolean("An identifier was planted to measure the readers", _INTERNAL),
        "reader": text("Reader, numbered in the order in which they joined", _INTERNAL),
        "round": enum("Blind, or consensus", _INTERNAL, ReviewRound),
        "answer": enum("Answer", _INTERNAL, ReviewAnswer),
        "is_current": boolean("Neither superseded nor withdrawn", _INTERNAL),
        "reasons": texts("Reasons that the reader gave", _INTERNAL),
        "boxes": pixel_boxes("Where PHI remains on the image", _INTERNAL),
        "spans": texts("Where PHI remains in the text, start-end", _INTERNAL),
        **{label.value: assertion(f"{label.value} by this reader") for label in Label},
        "sha256": text("SHA-256 of what was shown", _INTERNAL, pattern=r"^[0-9a-f]{64}$"),
        "shown_at": timestamp("When it was shown, by the page's clock, UTC", _INTERNAL),
        "answered_at": timestamp("When it was answered, by the page's clock, UTC", _INTERNAL),
        "recorded_at": timestamp("When it was stored, by the server's clock, UTC", _INTERNAL),
        "page_version": text("Version of the page", _INTERNAL),
        "supersedes": text("Decision that this one replaces", _INTERNAL, nullable=True),
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

VAULT_TABLES: tuple[Contract, ...] = (
    ACQUIRED,
    INSTANCES,
    REPORTS,
    ENCOUNTERS,
    MERGES,
    STUDIES,
    STUDY_INSTANCES,
    DEVICES,
    DROPS,
    ACCEPTED,
    PSEUDONYMS,
    SUBJECT_IDS,
    WITHDRAWALS,
    REQUESTS,
    SITE_WORDS,
)
STAGE_TABLES: tuple[Contract, ...] = (
    STUDY_ROWS,
    IMAGES,
    TEXT_BOXES,
    DEID_REPORTS,
    RENDITIONS,
    DERIVATIVES,
    SECTIONS,
    LABELS,
    EVIDENCE,
    REPORT_LABELS,
    READER_BOXES,
    IMAGE_REVIEWS,
    TEXT_REVIEWS,
    REVIEW_DECISIONS,
    SPLITS,
    RETIRED_SUBJECTS,
    STAGE_DROPS,
    LEDGER,
    RETRIES,
    FINGERPRINT_PARTS,
)
