"""Which objects are images that this project publishes: single-frame greyscale CR and DX.

Takes a source dataset, gives nothing or raises the reason code; only tag numbers stand in messages.
Whether the pixels are there and can be decoded is left to the pixel stage.
"""

from pydicom.dataset import Dataset

from cxr_core.deidentify.header.checkers import is_uid
from cxr_core.deidentify.header.reading import Found, read, silence
from cxr_core.errors import ItemError
from cxr_core.vocabulary import Reason

COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
DIGITAL_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.1"
DIGITAL_FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"
ACCEPTED_SOP_CLASSES = frozenset({COMPUTED_RADIOGRAPHY, DIGITAL_FOR_PRESENTATION, DIGITAL_FOR_PROCESSING})

_SOP_CLASS, _FRAMES, _SAMPLES, _PHOTOMETRIC = 0x00080016, 0x00280008, 0x00280002, 0x00280004
_ROWS, _COLUMNS, _ALLOCATED, _STORED = 0x00280010, 0x00280011, 0x00280100, 0x00280101
_HIGH_BIT, _SIGN = 0x00280102, 0x00280103
_UIDS = (0x00080018, 0x0020000D, 0x0020000E)
_PATIENT_ID = 0x00100020


def check_accepted(source: Dataset) -> None:
    """Refuse what is no single-frame, one-sample, 8 to 16 bit MONOCHROME CR or DX image with its identifiers.

    Raises
    ------
    ItemError
        `E_SOP` for another kind of object, `E_TYPE1` for a missing or invalid attribute; tag numbers only.
    """
    with silence():
        _check_kind(source)
        _check_identifiers(source)
        _check_pixel_description(source)


def name_of(tag: int) -> str:
    """Write a tag number as (gggg,eeee)."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _check_kind(source: Dataset) -> None:
    if _required(source, _SOP_CLASS) not in ACCEPTED_SOP_CLASSES:
        raise _refused(_SOP_CLASS)
    frames = read(source, _FRAMES)
    if not frames.empty and _integer(frames) != 1:
        raise _refused(_FRAMES)
    if _number(source, _SAMPLES) != 1:
        raise _refused(_SAMPLES)
    if str(_required(source, _PHOTOMETRIC)).upper() not in {"MONOCHROME1", "MONOCHROME2"}:
        raise _refused(_PHOTOMETRIC)


def _check_identifiers(source: Dataset) -> None:
    for tag in _UIDS:
        if not is_uid(str(_required(source, tag))):
            raise ItemError(Reason.E_TYPE1, f"{name_of(tag)} is no UID")
    _required(source, _PATIENT_ID)


def _check_pixel_description(source: Dataset) -> None:
    for tag in (_ROWS, _COLUMNS):
        if not 1 <= _number(source, tag) <= 65535:
            raise ItemError(Reason.E_TYPE1, f"{name_of(tag)} out of range")
    allocated, stored = _number(source, _ALLOCATED), _number(source, _STORED)
    if allocated not in {8, 16}:
        raise _refused(_ALLOCATED)
    if not 8 <= stored <= allocated:
        raise _refused(_STORED)
    if _number(source, _SIGN) not in {0, 1}:
        raise _refused(_SIGN)
    high_bit = read(source, _HIGH_BIT)
    if not high_bit.empty and _integer(high_bit) != stored - 1:
        raise _refused(_HIGH_BIT)  # a picture in the upper bits, and room for an overlay below (PS3.5 section 8.1.1)


def _required(source: Dataset, tag: int) -> str | int | float:
    found = read(source, tag)
    if not found.readable or len(found.values) != 1:
        raise ItemError(Reason.E_TYPE1, f"{name_of(tag)} missing or unreadable")
    return found.values[0]


def _number(source: Dataset, tag: int) -> int:
    _required(source, tag)
    number = _integer(read(source, tag))
    if number is None:
        raise ItemError(Reason.E_TYPE1, f"{name_of(tag)} is no number")
    return number


def _integer(found: Found) -> int | None:
    try:
        return int(found.values[0]) if found.readable and len(found.values) == 1 else None
    except (ValueError, OverflowError):  # text, or an infinite number
        return None


def _refused(tag: int) -> ItemError:
    return ItemError(Reason.E_SOP, f"{name_of(tag)} is not of an accepted kind")
