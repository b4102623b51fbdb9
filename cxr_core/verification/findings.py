"""What the verifier can find, and how it is told: file, kind, count, never the value.

Gives the enumeration of kinds and the record of findings; how they are found is left to `matching` and `structure`.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Finding(StrEnum):
    """Kinds of findings: identifying strings first, then faults of structure."""

    NAME = "name"
    NAME_PART = "name_part"
    NAME_WORD = "name_word"
    IDENTIFIER = "identifier"
    UID = "uid"
    DATE = "date"
    PHONE = "phone"
    ADDRESS = "address"
    PLACE = "place"
    AGE = "age"
    PICTURE = "picture"
    UNDECLARED = "undeclared"
    ATTRIBUTE = "attribute"
    JPEG_SEGMENT = "jpeg_segment"
    JPEG_TAIL = "jpeg_tail"
    JPEG_DAMAGED = "jpeg_damaged"
    DICOM_UNREADABLE = "dicom_unreadable"
    DICOM_PREAMBLE = "dicom_preamble"
    DICOM_TAG = "dicom_tag"
    DICOM_UID = "dicom_uid"
    DICOM_PIXELS = "dicom_pixels"
    GZIP_HEADER = "gzip_header"
    CHECKSUM = "checksum"
    LINK = "link"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class FileFinding:
    """One kind of finding in one file.

    Parameters
    ----------
    file : str
        Path below the root; where the name itself identifies, a digest of it.
    """

    file: str
    kind: Finding
    count: int


@dataclass(frozen=True, slots=True)
class Findings:
    """The outcome of a verification.

    Parameters
    ----------
    files, values : int
        What was read: files, and decoded values in them.
    to_sign_off : frozenset of str
        Names that are also words of the schema and stood in free cells. For the vault only: these are names.
    """

    findings: tuple[FileFinding, ...]
    files: int
    values: int
    to_sign_off: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def is_clean(self) -> bool:
        return not self.findings

    def counts(self) -> dict[Finding, int]:
        """Findings by kind."""
        totals: dict[Finding, int] = {}
        for finding in self.findings:
            totals[finding.kind] = totals.get(finding.kind, 0) + finding.count
        return totals

    def message(self) -> str:
        """One line: kinds, counts, number of files; no value and no file name."""
        told = ", ".join(f"{count} {kind.value}" for kind, count in sorted(self.counts().items()))
        files = len({finding.file for finding in self.findings})
        return f"{told} in {files} files" if told else "nothing found"
