"""The words of the project, each defined once: labels, views, splits, stages, reasons, flags.

Everything that is an enumeration anywhere (a column, a file, a rule, an option) derives from the members here.
"""

from enum import IntEnum, StrEnum


class Label(StrEnum):
    """The 14 CheXpert observations, in the column order of the MIMIC-CXR-JPG files."""

    ATELECTASIS = "Atelectasis"
    CARDIOMEGALY = "Cardiomegaly"
    CONSOLIDATION = "Consolidation"
    EDEMA = "Edema"
    ENLARGED_CARDIOMEDIASTINUM = "Enlarged Cardiomediastinum"
    FRACTURE = "Fracture"
    LUNG_LESION = "Lung Lesion"
    LUNG_OPACITY = "Lung Opacity"
    NO_FINDING = "No Finding"
    PLEURAL_EFFUSION = "Pleural Effusion"
    PLEURAL_OTHER = "Pleural Other"
    PNEUMONIA = "Pneumonia"
    PNEUMOTHORAX = "Pneumothorax"
    SUPPORT_DEVICES = "Support Devices"


class Assertion(IntEnum):
    """What a report says of an observation; absent (not mentioned) is null, not a member."""

    POSITIVE = 1
    NEGATIVE = 0
    UNCERTAIN = -1


class LabelerName(StrEnum):
    CHEXPERT = "chexpert"
    NEGBIO = "negbio"


class Stage(StrEnum):
    """The stages of a build, in the order of the flow."""

    CATALOG = "catalog"
    LINK = "link"
    REGISTER = "register"
    DEIDENTIFY = "deidentify"
    CONVERT = "convert"
    LABEL = "label"
    SPLIT = "split"
    PUBLISH = "publish"


class ItemKind(StrEnum):
    """What a row of the drop table speaks of."""

    FILE = "file"
    INSTANCE = "instance"
    STUDY = "study"
    REPORT = "report"


class FetchStatus(StrEnum):
    """How the last try to fetch a study from a PACS ended."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"
    GONE = "gone"  # the PACS names it no more


class IdKind(StrEnum):
    """What a pseudonym stands for."""

    PATIENT = "patient"
    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"


class Split(StrEnum):
    """Spelled as in the MIMIC-CXR-JPG split file."""

    TRAIN = "train"
    VALIDATE = "validate"
    TEST = "test"


class View(StrEnum):
    FRONTAL = "frontal"
    LATERAL = "lateral"
    OTHER = "other"


class ViewSource(StrEnum):
    """Where the view was read, in the order of trust."""

    VIEW_POSITION = "ViewPosition"
    VIEW_CODE = "ViewCodeSequence"
    PATIENT_ORIENTATION = "PatientOrientation"
    PROCESSING = "AcquisitionDeviceProcessingDescription"
    SERIES_DESCRIPTION = "SeriesDescription"
    PIXELS = "pixels"


class Photometric(StrEnum):
    MONOCHROME1 = "MONOCHROME1"
    MONOCHROME2 = "MONOCHROME2"


class ReportStatus(StrEnum):
    FINAL = "final"
    CORRECTED = "corrected"
    PRELIMINARY = "preliminary"
    VOID = "void"


class LinkRule(StrEnum):
    """Which rule tied a report to a study, the strongest first."""

    ACCESSION = "accession"
    STUDY_UID = "study_uid"
    PATIENT_TIME = "patient_time"


class SectionName(StrEnum):
    """Sections of a report. `OTHER` holds headings outside the list; `BODY` text before any heading."""

    IMPRESSION = "impression"
    FINDINGS = "findings"
    INDICATION = "indication"
    HISTORY = "history"
    COMPARISON = "comparison"
    TECHNIQUE = "technique"
    EXAMINATION = "examination"
    RECOMMENDATION = "recommendation"
    NOTIFICATION = "notification"
    ADDENDUM = "addendum"
    SIGNATURE = "signature"
    OTHER = "other"
    BODY = "body"


class BoxDecision(StrEnum):
    """What became of a piece of burned-in text."""

    KEPT = "kept"
    REDACTED = "redacted"


class WithdrawalReason(StrEnum):
    """Why a patient is taken out of the dataset for good."""

    WITHDRAWN = "withdrawn"
    LEGAL = "legal"
    ERROR = "error"


class QualityFlag(StrEnum):
    """What a person should know before trusting an image; never a reason to drop it by itself."""

    LOW_CONTRAST = "low_contrast"
    POLARITY_SUSPECT = "polarity_suspect"
    ORIENTATION_SUSPECT = "orientation_suspect"
    COLLIMATION_BORDER = "collimation_border"
    STRIP = "strip"
    SUSPECT_STREAM = "suspect_stream"
    LARGE_MASK = "large_mask"
    TEXTURE = "texture"
    TEXT_DECLARED = "text_declared"


class ReviewKind(StrEnum):
    """What readers look at."""

    IMAGES = "images"
    TEXT = "text"
    REPORTS = "reports"


class ReaderRole(StrEnum):
    """What a person may do in a review."""

    READER = "reader"
    CONSENSUS = "consensus"
    LEAD = "lead"


class ReviewRound(StrEnum):
    """Blind reading, or the reading that settles a disagreement."""

    PRIMARY = "primary"
    CONSENSUS = "consensus"


class ReviewAnswer(StrEnum):
    """What a reader said of one item. `WITHDRAWN` undoes an answer and leaves the item open."""

    CLEAN = "clean"
    PHI = "phi"
    UNSURE = "unsure"
    LABELLED = "labelled"
    WITHDRAWN = "withdrawn"


class ReviewWindow(StrEnum):
    """What of a 16-bit image a reader looks at beside its 8-bit picture (`cxr_core.imaging.windows`)."""

    DARKS = "darks"
    BRIGHTS = "brights"
    FINE = "fine"


class ReviewReason(StrEnum):
    """Why a reader was unsure, or what the text was (MIMIC-CXR 2019: the first three were the commonest)."""

    DEVICE = "device"
    LOCATION = "location"
    TECHNIQUE = "technique"
    JEWELLERY = "jewellery"
    HANDWRITING = "handwriting"
    BARCODE = "barcode"
    FACE = "face"
    OTHER = "other"


class StudyFlag(StrEnum):
    """What a person should know of the link between a study and its report."""

    DATE_MISMATCH = "date_mismatch"
    HAS_ADDENDUM = "has_addendum"
    SHARED_REPORT = "shared_report"
    SUPERSEDED_REPORTS = "superseded_reports"
    NO_DEMOGRAPHICS = "no_demographics"


class Reason(StrEnum):
    """Why an item is not in the release. Text, unit and source: `policy/reasons.toml`.

    Codes with `E_` are quarantined (something is wrong with the item); the others are policy (the item is fine,
    the dataset does not want it).
    """

    E_NOT_DICOM = "E_NOT_DICOM"
    E_DICOMDIR = "E_DICOMDIR"
    E_SOP = "E_SOP"
    E_TYPE1 = "E_TYPE1"
    E_FETCH = "E_FETCH"
    E_PIXELS = "E_PIXELS"
    E_BOMB = "E_BOMB"
    E_TS = "E_TS"
    E_DUP = "E_DUP"
    E_LINK = "E_LINK"
    E_SHARED = "E_SHARED"
    E_OCR = "E_OCR"
    E_RESIDUAL = "E_RESIDUAL"
    E_ENCODING = "E_ENCODING"
    E_SIZE = "E_SIZE"
    E_EMPTY = "E_EMPTY"
    E_REPORT = "E_REPORT"
    E_CRASH = "E_CRASH"
    E_TIMEOUT = "E_TIMEOUT"
    DUPLICATE = "duplicate"
    REHEADERED = "reheadered"
    NO_REPORT = "no_report"
    NO_IMAGES = "no_images"
    NOT_CHEST = "not_chest"
    NOT_CR_DX = "not_cr_dx"
    OUTSIDE_COHORT = "outside_cohort"
    UNDER_AGE = "under_age"
    EXCLUDED = "excluded"
    WITHDRAWN = "withdrawn"
    TEST_PATIENT = "test_patient"
    FOR_PROCESSING = "for_processing"
    SUPERSEDED = "superseded"
    REPORT_VOID = "report_void"
    NO_SURVIVING_IMAGE = "no_surviving_image"

    @property
    def is_quarantine(self) -> bool:
        """True where something is wrong with the item, so that it waits for a person."""
        return self.value.startswith("E_")
