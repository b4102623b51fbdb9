"""Native pixels and the attributes that describe them: lengths, bits, planes that hide in the bits.

Compressed pixels are in `streams`, sizes that ask for memory in `geometry`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from dicom_bytes import (
    COLUMNS,
    EIGHT_BITS,
    PIXEL_DATA,
    ROWS,
    SEQUENCE_END,
    UNDEFINED,
    Element,
    header,
    image,
    part10,
    phantom,
    phantom_8,
    pixels,
    text,
    us,
)
from numpy.typing import NDArray
from threat import Beyond, Family, Shows, Threat, file_threat

from cxr_core.vocabulary import Reason

_WORDS = b"QZXPIXELS QZXVANE 19610417"
_NO_PICTURE = (Reason.E_SOP, Reason.E_PIXELS, Reason.E_TYPE1)
_ALLOCATED, _STORED, _HIGH, _SIGN = 0x00280100, 0x00280101, 0x00280102, 0x00280103

_file = partial(file_threat, Family.PIXELS)


def _raw(content: bytes, *changes: Element, vr: str = "OW") -> Callable[[str], bytes]:
    return lambda entry: part10([*header(entry, *changes), Element(PIXEL_DATA, vr, content)])


def _values(values: NDArray[Any], *changes: Element) -> Callable[[str], bytes]:
    return lambda entry: part10([*header(entry, *changes), pixels(values)])


def _bits(allocated: int, stored: int, high: int | None = None) -> tuple[Element, ...]:
    return (us(_ALLOCATED, allocated), us(_STORED, stored), us(_HIGH, stored - 1 if high is None else high))


def _letters() -> NDArray[np.bool_]:
    """A plane with a T in it: what an embedded overlay holds."""
    plane = np.zeros((ROWS, COLUMNS), np.bool_)
    plane[8:12, 10:40] = plane[8:32, 23:27] = True
    return plane


def _overlay_above(entry: str) -> bytes:
    """An overlay in bit 12 of 12-bit pixels, and noise of another kind in bits 13 to 15 (PS3.3 C.9.2)."""
    values = phantom() | _letters().astype(np.uint16) << 12 | np.uint16(0xA000)
    told = (us(0x60000010, ROWS), us(0x60000011, COLUMNS), us(0x60000100, 16), us(0x60000102, 12))
    return part10([*header(entry, *told), pixels(values)])


def _overlay_above_untold(entry: str) -> bytes:
    return part10([*header(entry), pixels(phantom() | _letters().astype(np.uint16) << 14)])


def _overlay_below(entry: str) -> bytes:
    """Twelve bits at the top of sixteen, as HighBit says, and an overlay in the four below."""
    values = phantom() << 4 | _letters().astype(np.uint16) << 1
    return part10([*header(entry, us(_HIGH, 15)), pixels(values)])


def _signed_with_overlay(entry: str) -> bytes:
    values = phantom() & np.uint16(0x07FF) | _letters().astype(np.uint16) << 15
    return part10([*header(entry, us(_SIGN, 1)), pixels(values)])


def _undefined_length(entry: str) -> bytes:
    """Plain pixels of undefined length under a native syntax, closed by a delimiter."""
    opened = Element(PIXEL_DATA, "OW", b"", UNDEFINED)
    return part10([*header(entry), opened, phantom().tobytes(), Element(SEQUENCE_END, "")])


def _twice(entry: str) -> bytes:
    other = Element(PIXEL_DATA, "OW", (_WORDS * 400)[: 2 * ROWS * COLUMNS])
    return part10([*header(entry), other, pixels()])


_STORED_BYTES = phantom().astype("<u2").tobytes()

THREATS: list[Threat] = [
    _file(
        "an-overlay-above-the-bits",
        "Text hides in the bits that a viewer does not show.",
        _overlay_above,
        Beyond.CLEANED,
    ),
    _file(
        "an-overlay-above-the-bits-untold",
        "The same, and no attribute tells of it.",
        _overlay_above_untold,
        Beyond.CLEANED,
    ),
    _file(
        "an-overlay-below-the-bits",
        "HighBit says that the picture stands in the upper bits; whoever takes the lower ones keeps the text.",
        _overlay_below,
        (Beyond.CLEANED, Reason.E_PIXELS, Reason.E_SOP, Reason.E_TYPE1),
    ),
    _file(
        "an-overlay-in-the-sign",
        "The sign bit of a picture without negative values.",
        _signed_with_overlay,
        Beyond.CLEANED,
        shows=Shows.ANYTHING,
    ),
    _file(
        "a-high-bit-of-fifteen",
        "HighBit lies: the picture stands in the lower bits all the same.",
        _values(phantom(), us(_HIGH, 15)),
        (Beyond.CLEANED, Reason.E_PIXELS, Reason.E_SOP, Reason.E_TYPE1),
    ),
    _file(
        "a-high-bit-of-seven",
        "HighBit lies: it cuts the picture in half.",
        _values(phantom(), us(_HIGH, 7)),
        (Beyond.CLEANED, Reason.E_PIXELS, Reason.E_SOP, Reason.E_TYPE1),
    ),
    _file(
        "a-high-bit-of-sixty-thousand",
        "HighBit is no bit.",
        _values(phantom(), us(_HIGH, 60_000)),
        (Beyond.CLEANED, Reason.E_PIXELS, Reason.E_SOP, Reason.E_TYPE1),
    ),
    _file(
        "more-bits-stored-than-allocated",
        "Whoever shifts by the difference shifts by a negative number.",
        _values(phantom(), *_bits(16, 17)),
        _NO_PICTURE,
    ),
    _file("bits-stored-beyond-reason", "A shift by 65535.", _values(phantom(), *_bits(16, 65535)), _NO_PICTURE),
    _file("no-bits-stored", "A picture of no bits.", _values(phantom(), *_bits(16, 0, 0)), _NO_PICTURE),
    _file(
        "seven-bits-of-eight",
        "Fewer bits than are accepted, with words in the eighth.",
        _values(phantom_8() >> 1, *_bits(8, 7)),
        _NO_PICTURE,
    ),
    _file(
        "twelve-bits-allocated", "Packed pixels, three bytes for two.", _values(phantom(), *_bits(12, 12)), _NO_PICTURE
    ),
    _file(
        "thirty-two-bits-allocated",
        "Wider than any radiograph.",
        _values(phantom().astype(np.uint32), *_bits(32, 12)),
        _NO_PICTURE,
    ),
    _file(
        "no-bits-allocated",
        "Whoever divides by the bytes a pixel divides by zero.",
        _values(phantom(), *_bits(0, 0, 0)),
        _NO_PICTURE,
    ),
    _file("a-sign-of-two", "PixelRepresentation is neither 0 nor 1.", _values(phantom(), us(_SIGN, 2)), _NO_PICTURE),
    _file(
        "rows-of-two-values",
        "Rows has two values; one reader takes the first, another the last.",
        _raw(_STORED_BYTES, Element(0x00280010, "US", b"\x28\0\xff\xff")),
        _NO_PICTURE,
    ),
    _file(
        "rows-in-letters",
        "Rows is written as text.",
        _raw(_STORED_BYTES, text(0x00280010, "LO", "40")),
        (Beyond.CLEANED, *_NO_PICTURE),
    ),
    _file(
        "rows-of-one-byte",
        "Rows has half a value.",
        _raw(_STORED_BYTES, Element(0x00280010, "US", b"\x28")),
        (*_NO_PICTURE, Reason.E_NOT_DICOM),
    ),
    _file(
        "pixels-too-short",
        "Half of the last row is missing, and memory would be read in its place.",
        _raw(_STORED_BYTES[:-COLUMNS]),
        Reason.E_PIXELS,
    ),
    _file(
        "pixels-of-a-quarter",
        "Eight bits a pixel where the header says sixteen.",
        _raw(phantom_8().tobytes()),
        Reason.E_PIXELS,
    ),
    _file(
        "pixels-too-long",
        "Words stand behind the last pixel, within the element.",
        _raw(_STORED_BYTES + _WORDS),
        (Beyond.CLEANED, Reason.E_PIXELS),
        canaries=["QZXPIXELS"],
    ),
    _file(
        "pixels-and-a-second-picture",
        "A second frame that no attribute tells of.",
        _raw(_STORED_BYTES * 2),
        (Beyond.CLEANED, Reason.E_PIXELS),
    ),
    _file(
        "pixels-of-odd-length",
        "The length of the element is odd.",
        _raw(phantom_8().tobytes() + b"Q", *EIGHT_BITS, vr="OB"),
        (Beyond.CLEANED, Reason.E_PIXELS, Reason.E_NOT_DICOM),
        shows=Shows.PHANTOM_8,
    ),
    _file(
        "an-odd-number-of-pixels",
        "An honest picture of odd size, its padding byte a letter.",
        _raw(phantom_8()[:5, :5].tobytes() + b"Q", us(0x00280010, 5), us(0x00280011, 5), *EIGHT_BITS, vr="OB"),
        Beyond.CLEANED,
        shows=Shows.ANYTHING,
    ),
    _file("pixels-of-length-zero", "PixelData is there and empty.", _raw(b""), Reason.E_PIXELS),
    _file("no-pixels", "The header of an image, and no image.", lambda entry: part10(header(entry)), Reason.E_PIXELS),
    _file(
        "pixels-of-undefined-length",
        "Only encapsulated pixels may have undefined length.",
        _undefined_length,
        Reason.E_PIXELS,
    ),
    _file(
        "pixels-as-a-sequence",
        "PixelData is a sequence of items.",
        _raw(b"\xfe\xff\x00\xe0\0\0\0\0", vr="SQ"),
        (Reason.E_PIXELS, Reason.E_NOT_DICOM),
    ),
    _file(
        "pixels-as-text",
        "PixelData has the representation of a text.",
        _raw(_STORED_BYTES, vr="UT"),
        (Beyond.CLEANED, Reason.E_PIXELS, Reason.E_NOT_DICOM),
    ),
    _file(
        "pixels-as-unknown",
        "PixelData has the representation of nothing.",
        _raw(_STORED_BYTES, vr="UN"),
        (Beyond.CLEANED, Reason.E_PIXELS, Reason.E_NOT_DICOM),
    ),
    _file(
        "pixels-twice",
        "Two pictures under one tag: the first holds words.",
        _twice,
        (Beyond.CLEANED, Reason.E_PIXELS, Reason.E_NOT_DICOM),
        canaries=["QZXPIXELS"],
    ),
    _file(
        "words-for-pixels-in-private",
        "A second picture in a private group, as makers keep the unprocessed one.",
        lambda entry: image(entry, text(0x7FE10010, "LO", "QZXPIXELS"), Element(0x7FE11010, "OB", _WORDS)),
        Beyond.CLEANED,
        canaries=["QZXPIXELS"],
    ),
    _file(
        "flat-pixels",
        "Every pixel is alike: whoever stretches contrast divides by zero.",
        _values(np.full((ROWS, COLUMNS), 2047, np.uint16)),
        Beyond.CLEANED,
        shows=Shows.ANYTHING,
    ),
    _file(
        "one-pixel",
        "The smallest picture there is.",
        _raw(b"\x01\x00", us(0x00280010, 1), us(0x00280011, 1)),
        Beyond.CLEANED,
        shows=Shows.ANYTHING,
    ),
]
