"""Small files that become large or deep: deflate, lengths, nesting, holes.

Bombs made of many small parts are in `crowds`, those in the geometry of a picture in `geometry`.
"""

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dicom_bytes import (
    DEFLATED,
    IMPLICIT,
    ITEM,
    ITEM_END,
    PIXEL_DATA,
    SEQUENCE_END,
    UNDEFINED,
    ZEROS,
    Element,
    around,
    deflated,
    encode,
    header,
    image,
    meta,
    part10,
    text,
)
from threat import Beyond, Family, Outcome, Threat, file_threat, folder_threat

from cxr_core.vocabulary import Reason

_MIB, _GIB = 1 << 20, 1 << 30
_REFERENCED_IMAGES = 0x00081140
_CLEANED_OR_REFUSED: tuple[Outcome, ...] = (Beyond.CLEANED, Reason.E_NOT_DICOM, Reason.E_BOMB)
_REFUSED = (Reason.E_NOT_DICOM, Reason.E_PIXELS, Reason.E_TYPE1, Reason.E_BOMB)

_file = partial(file_threat, Family.BOMBS)
_folder = partial(folder_threat, Family.BOMBS)


def _pixel_bomb(group: bytes) -> Callable[[str], bytes]:
    """A gigabyte of black behind an honest header."""

    def make(entry: str) -> bytes:
        head = encode([*header(entry), Element(PIXEL_DATA, "OW", b"", _GIB)])
        return ZEROS + b"DICM" + group + deflated((head, 1), (bytes(_MIB), 1024))

    return make


def _implicit_meta() -> bytes:
    """File meta in implicit VR: wrong, and read by pydicom all the same."""
    group = encode([Element(0x00020001, "OB", b"\0\1"), text(0x00020010, "UI", DEFLATED)], IMPLICIT)
    return encode([Element(0x00020000, "UL", struct.pack("<I", len(group)))], IMPLICIT) + group


def _nested_bomb(entry: str) -> bytes:
    """Five sequences of undefined length, and in the innermost item half a gigabyte."""
    low, _ = around(entry, _REFERENCED_IMAGES)
    opening = encode([Element(_REFERENCED_IMAGES, "SQ", b"", UNDEFINED), Element(ITEM, "", b"", UNDEFINED)]) * 5
    head = encode(low) + opening + encode([Element(0x00420011, "OB", b"", _GIB // 2)])
    closing = encode([Element(ITEM_END, ""), Element(SEQUENCE_END, "")]) * 5
    return ZEROS + b"DICM" + meta(DEFLATED) + deflated((head, 1), (b"Z" * _MIB, 512), (closing, 1))


def _deep(depth: int, *, has_lengths: bool, vr: str = "SQ") -> Callable[[str], bytes]:
    """A sequence in a sequence in a sequence."""

    def make(entry: str) -> bytes:
        low, high = around(entry, _REFERENCED_IMAGES)
        opening = encode([Element(_REFERENCED_IMAGES, vr, b"", UNDEFINED), Element(ITEM, "", b"", UNDEFINED)])
        nested = opening * depth + encode([Element(ITEM_END, ""), Element(SEQUENCE_END, "")]) * depth
        return part10([*low, _with_lengths(depth, vr) if has_lengths else nested, *high])

    return make


def _with_lengths(depth: int, vr: str) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = encode([Element(_REFERENCED_IMAGES, vr, encode([Element(ITEM, "", inner)]))])
    return inner


def _too_long_element(entry: str) -> bytes:
    low, high = around(entry, 0x00420011)
    return part10([*low, Element(0x00420011, "OB", b"%PDF", 0xFFFFFFFE), *high])


def _too_long_item(entry: str) -> bytes:
    low, high = around(entry, _REFERENCED_IMAGES)
    sequence = [Element(_REFERENCED_IMAGES, "SQ", b"", 0xFFFFFFF0), Element(ITEM, "", b"", 0xFFFFFFF0)]
    return part10([*low, *sequence, *high])


def _sparse(folder: Path, content: bytes, size: int) -> None:
    """A file with a hole, which takes no room on the disk."""
    with (folder / "image.dcm").open("wb") as stream:
        stream.write(content)
        stream.truncate(size)


THREATS: list[Threat] = [
    _file(
        "deflate-bomb-in-the-pixels",
        "A megabyte of deflate claims, and holds, a gigabyte of pixel data.",
        _pixel_bomb(meta(DEFLATED)),
        Reason.E_BOMB,
    ),
    _file(
        "deflate-bomb-in-nested-sequences",
        "What inflates lies before the pixels, five sequences of undefined length deep.",
        _nested_bomb,
        Reason.E_BOMB,
    ),
    _file(
        "deflate-bomb-behind-a-padded-syntax",
        "The transfer syntax is padded beyond 64 characters, so that a guard reads another one than pydicom does.",
        _pixel_bomb(meta(DEFLATED + "\0" * 60)),
        Reason.E_BOMB,
    ),
    _file(
        "deflate-bomb-behind-implicit-file-meta",
        "The file meta is in implicit VR, which a guard of its own does not parse and pydicom does.",
        _pixel_bomb(_implicit_meta()),
        (Reason.E_BOMB, Reason.E_NOT_DICOM),
    ),
    _file(
        "sequences-2000-deep",
        "A parser that calls itself runs out of stack.",
        _deep(2000, has_lengths=False),
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "sequences-2000-deep-with-lengths",
        "With lengths told, a parser puts off every level until somebody looks.",
        _deep(2000, has_lengths=True),
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "unknown-values-2000-deep",
        "UN of undefined length is a sequence in disguise (PS3.5 section 6.2.2).",
        _deep(2000, has_lengths=False, vr="UN"),
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "sequences-150-deep",
        "Deep enough for one parser to give up, and not for another: two stages then disagree.",
        _deep(150, has_lengths=False),
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "an-element-of-four-gigabytes",
        "A length that is believed is memory that is asked for.",
        _too_long_element,
        _REFUSED,
    ),
    _file(
        "an-item-of-four-gigabytes",
        "The item claims more than its sequence, and the sequence more than the file.",
        _too_long_item,
        _REFUSED,
    ),
    _folder(
        "zeros-behind-the-prefix",
        "Zeros are well-formed empty elements of eight bytes, and a hole of 64 MB costs nothing on the disk.",
        lambda folder: _sparse(folder, ZEROS + b"DICM", 64 * _MIB),
        (Reason.E_NOT_DICOM, Reason.E_BOMB, Reason.E_SOP),
    ),
    _folder(
        "zeros-behind-the-pixels",
        "An honest image goes before the zeros, so that a catalog that stops at the pixels lets it through.",
        lambda folder: _sparse(folder, image("zeros-behind-the-pixels"), 64 * _MIB),
        (*_CLEANED_OR_REFUSED, Reason.E_PIXELS),
    ),
    _folder(
        "a-file-of-600-megabytes",
        "The file is larger than any radiograph, and whoever reads it whole needs all of that.",
        lambda folder: _sparse(folder, image("a-file-of-600-megabytes"), 600 * _MIB),
        Reason.E_BOMB,
    ),
]
