"""What the airlock does: header profile, readers of burned-in text, caps."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from cxr_core.settings.section import Section

MAX_PIXELS = 20_000_000
"""A detector of 43 x 43 cm has 18.5 million pixels of 0.1 mm."""


class ProfileName(StrEnum):
    MIMIC = "mimic"
    STRICT = "strict"


class Sheets(StrEnum):
    """Of which images the vault keeps a picture before and after redaction."""

    NONE = "none"
    FLAGGED = "flagged"
    REDACTED = "redacted"


class Compression(StrEnum):
    """How the pixels of de-identified DICOM files are written; each is lossless."""

    RAW = "raw"
    HTJ2K = "htj2k"
    JPEG_LS = "jpeg-ls"


class DeidentifySettings(Section):
    """`[deidentify]`"""

    profile: ProfileName = Field(ProfileName.MIMIC, description="Keep-list of header attributes")
    readers: tuple[str, ...] = Field(
        ("rapidocr", "easyocr"), description="Readers of burned-in text; a marker stays only where all agree"
    )
    easyocr_weights: Path | None = Field(
        None, description="Folder of EasyOCR's weights; default: the installed package"
    )
    entities: str | None = Field(
        None, description="spaCy model whose persons and places are redacted in reports as well; slow, off by default"
    )
    sheets: Sheets = Field(
        Sheets.FLAGGED, description="Pictures before and after, in the vault: none, of flagged images, of redacted ones"
    )
    compression: Compression = Field(
        Compression.RAW, description="De-identified DICOM: raw is quickest to write and read, the others are smaller"
    )
    max_pixels: int = Field(MAX_PIXELS, gt=0, description="Largest image, rows x columns, checked before decoding")

    @property
    def tells_weeks(self) -> bool:
        """True where dates are told by their week only."""
        return self.profile is ProfileName.STRICT
