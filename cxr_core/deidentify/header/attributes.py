"""Which columns of the `images` table come from the header.

Takes a de-identified header and nothing else, gives `ImageMetadata`: what the header lacks cannot get into a table.
Rows, columns, bits and flags come from the pixel stage; writing the table is left to `study`.
"""

import re
from dataclasses import dataclass

from pydicom.dataset import Dataset

from cxr_core.deidentify.header.dates import years_of
from cxr_core.deidentify.header.reading import read, read_items, silence, text_of

_PORTABLE = re.compile(r"\b(portable|port|bedside|mobile)\b", re.IGNORECASE)
_DESCRIPTIONS = (0x00081030, 0x0008103E, 0x00400254, 0x00181030, 0x00181400)
_CODE_MEANING = 0x00080104


@dataclass(frozen=True, slots=True)
class ImageMetadata:
    """The header's part of a row of `images`; names, units and sources as in that contract. None: not in the header."""

    modality: str
    study_date: str | None
    study_time: str | None
    view_position: str | None
    procedure_description: str | None
    procedure_code: str | None
    view_code: str | None
    orientation_code: str | None
    age_years: int | None
    sex: str | None
    is_portable: bool | None
    manufacturer_group: str | None
    imager_pixel_spacing_mm: float | None


def metadata(header: Dataset) -> ImageMetadata:
    """Read the columns from a de-identified header (before or after `assemble`)."""
    with silence():
        return ImageMetadata(
            modality=_text(header, 0x00080060) or "",
            study_date=_text(header, 0x00080020),
            study_time=_time(header),
            view_position=_text(header, 0x00185101),
            procedure_description=_text(header, 0x00400254),
            procedure_code=_meaning(header, 0x00081032),
            view_code=_meaning(header, 0x00540220),
            orientation_code=_meaning(header, 0x00540410),
            age_years=years_of(_text(header, 0x00101010) or ""),
            sex=_text(header, 0x00100040),
            is_portable=_is_portable(header),
            manufacturer_group=_text(header, 0x00080070),
            imager_pixel_spacing_mm=_spacing(header),
        )


def _text(header: Dataset, tag: int) -> str | None:
    return text_of(read(header, tag)) or None


def _time(header: Dataset) -> str | None:
    text = _text(header, 0x00080030)
    return None if text is None else text.ljust(6, "0")


def _meaning(header: Dataset, tag: int) -> str | None:
    items = read_items(header, tag)
    return _text(items[0], _CODE_MEANING) if items else None


def _is_portable(header: Dataset) -> bool | None:
    descriptions = [text for tag in _DESCRIPTIONS if (text := _text(header, tag)) is not None]
    return any(_PORTABLE.search(text) for text in descriptions) if descriptions else None


def _spacing(header: Dataset) -> float | None:
    values = read(header, 0x00181164).values
    return float(values[0]) if values else None
