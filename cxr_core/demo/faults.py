"""Decides which patient of the demo suffers which fault, and how files are damaged.

It holds the list of faults of an acquisition, the table of patients with a part to play, and the functions that
break a finished file; a hospital with fewer patients has the faults of the patients that it has.
Faults of identity, time and reports are acted out by `plan`, `dicom_header`, `reports` and `hospital`.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Fault(StrEnum):
    """What goes wrong in a hospital export; one of each is planted."""

    TRUNCATED = "truncated"
    NON_DICOM_FILE = "non_dicom_file"
    SR_OBJECT = "sr_object"
    NO_PIXELS = "no_pixels"
    CORRUPT_STREAM = "corrupt_stream"
    NO_META = "no_meta"
    DUP_IDENTICAL = "dup_identical"
    DUP_DIFFERENT = "dup_different"
    BLANK_IMAGE = "blank_image"
    WRONG_PHOTOMETRIC = "wrong_photometric"
    NO_REPORT = "no_report"
    EMPTY_REPORT = "empty_report"
    REPORT_WITHOUT_IMAGES = "report_without_images"
    TWO_REPORTS = "two_reports"
    ADDENDUM = "addendum"
    NO_ACCESSION = "no_accession"
    SPACE_ACCESSION = "space_accession"
    WRONG_MRN_REPORT = "wrong_mrn_report"
    MIXED_PATIENT = "mixed_patient"
    WRONG_DATE = "wrong_date"
    NONCHEST = "nonchest"
    OUTSIDE_COHORT = "outside_cohort"
    OUTSIDE_ENCOUNTER = "outside_encounter"
    MERGED_MRN = "merged_mrn"
    MINOR = "minor"
    OVER_89 = "over_89"


# Faults of one instance (the last of its study); the others concern the study, the patient or the report.
FILE_FAULTS = frozenset(
    {
        Fault.TRUNCATED,
        Fault.NO_PIXELS,
        Fault.CORRUPT_STREAM,
        Fault.NO_META,
        Fault.DUP_IDENTICAL,
        Fault.DUP_DIFFERENT,
        Fault.BLANK_IMAGE,
        Fault.WRONG_PHOTOMETRIC,
        Fault.MIXED_PATIENT,
    }
)


@dataclass(frozen=True, slots=True)
class Role:
    """The part of one patient.

    Parameters
    ----------
    studies : tuple of Fault or None
        One entry a study; None for a study in order.
    born : (first, last) year
        Range of the year of birth.
    patient_classes : tuple of str
        HL7 table 0004, one for each study in turn: E emergency, I inpatient, O outpatient.
    merged_studies : int
        That many first studies stand under a record number that was merged later.
    gap_days : (least, greatest)
        Time between studies.
    everywhere : Fault or None
        A fault that holds for each study of the patient.
    """

    studies: tuple[Fault | None, ...]
    born: tuple[int, int] = (1924, 1990)
    patient_classes: tuple[str, ...] = ("E",)
    merged_studies: int = 0
    gap_days: tuple[int, int] = (2, 420)
    everywhere: Fault | None = None


ROLES: dict[int, Role] = {
    0: Role((Fault.TRUNCATED, None, Fault.NO_ACCESSION)),
    1: Role((Fault.SPACE_ACCESSION, Fault.WRONG_PHOTOMETRIC, Fault.ADDENDUM), merged_studies=2),
    2: Role((None, None), born=(2001, 2003), everywhere=Fault.MINOR),
    3: Role((Fault.CORRUPT_STREAM, None, Fault.DUP_DIFFERENT)),
    4: Role((None, None), patient_classes=("O", "I"), everywhere=Fault.OUTSIDE_COHORT),
    5: Role((Fault.SR_OBJECT, Fault.WRONG_DATE, Fault.NONCHEST, None)),
    6: Role((None, Fault.NO_REPORT, None), born=(1922, 1922), gap_days=(420, 640), everywhere=Fault.OVER_89),
    7: Role((Fault.DUP_IDENTICAL, None, Fault.NO_PIXELS)),
    8: Role((None, Fault.WRONG_MRN_REPORT, Fault.MIXED_PATIENT)),
    9: Role((Fault.TWO_REPORTS, Fault.NO_META, None)),
    10: Role((Fault.EMPTY_REPORT, Fault.BLANK_IMAGE, Fault.REPORT_WITHOUT_IMAGES)),
    11: Role((None, Fault.OUTSIDE_ENCOUNTER)),
}


def truncate(content: bytes) -> bytes:
    """Cut a file in the middle of its pixels, as an interrupted transfer leaves it."""
    return content[: int(len(content) * 0.6)]


def corrupt(content: bytes, rng: np.random.Generator) -> bytes:
    """Overwrite a stretch of the compressed pixels with noise; lengths stay right.

    The damage lies beyond half of the file: the header, some kilobytes long, stays whole. 0xFF is left out of the
    noise, so that no marker appears by chance.
    """
    start, length = int(len(content) * 0.55), max(64, len(content) // 12)
    noise = rng.integers(0, 255, length, dtype=np.uint8).tobytes()
    return content[:start] + noise + content[start + length :]


# No DICOM at all, as found in every export: a note, an empty file, a thumbnail cache, a photograph.
STRAY_TEXT = b"Export finished with 2 warnings. Ask the PACS desk before deleting this folder.\r\n"
STRAY_THUMBS = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
