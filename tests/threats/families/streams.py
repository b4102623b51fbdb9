"""Encapsulated pixels: identifiers within codestreams, fragments that are empty, too many or none.

Codestreams that claim another size are in `geometry`, cut ones in `truncations`.
"""

import struct
from collections.abc import Callable
from functools import partial

import numpy as np
from dicom_bytes import (
    EIGHT_BITS,
    HTJ2K,
    ITEM,
    JPEG_2000,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LS,
    PIXEL_DATA,
    RLE,
    SEQUENCE_END,
    UNDEFINED,
    Element,
    compressed,
    encapsulated,
    encode,
    phantom,
    phantom_8,
)
from frames import encoded, frame, with_segment
from threat import Beyond, Family, Outcome, Shows, Threat, file_threat

from cxr_core.vocabulary import Reason

_WORDS = b"QZXSEGMENT QZXVANE^ORLAQZ 19610417"
_COMMENT, _EXIF, _APP8, _APP14, _J2K_COMMENT = 0xFE, 0xE1, 0xE8, 0xEE, 0x64
_CLEANED_OR_PIXELS: tuple[Outcome, ...] = (Beyond.CLEANED, Reason.E_PIXELS)

_file = partial(file_threat, Family.STREAMS, canaries=["QZXSEGMENT"])


def _with(syntax: str, pixel_data: Callable[[bytes], bytes]) -> Callable[[str], bytes]:
    """The phantom's frame under a syntax, put into pixel data in some way."""
    bits = EIGHT_BITS if syntax == JPEG_BASELINE else ()
    return lambda entry: compressed(entry, syntax, pixel_data(frame(syntax)), *bits)


def _segment(syntax: str, marker: int, content: bytes) -> Callable[[str], bytes]:
    return _with(syntax, lambda stream: encapsulated(with_segment(stream, marker, content)))


def _exif() -> bytes:
    """An EXIF directory of one entry: the artist."""
    entry = struct.pack("<HHHII", 1, 0x013B, 2, len(_WORDS), 26) + b"\0\0\0\0"
    return b"Exif\0\0" + b"II*\0\x08\0\0\0" + entry + _WORDS


def _boxed(stream: bytes) -> bytes:
    """The codestream within a JP2 file, with boxes of XML and of a UUID before it (ISO/IEC 15444-1, annex I)."""
    boxes = [(b"jP  ", b"\r\n\x87\n"), (b"ftyp", b"jp2 \0\0\0\0jp2 "), (b"xml ", _WORDS), (b"uuid", b"U" * 16 + _WORDS)]
    boxes.append((b"jp2c", stream))
    return b"".join(struct.pack(">I", 8 + len(content)) + kind + content for kind, content in boxes)


def _second_picture(stream: bytes) -> bytes:
    """Another whole JPEG behind the end of the first, in the same fragment."""
    return encapsulated(stream + with_segment(stream, _COMMENT, _WORDS))


def _two_frames(stream: bytes) -> bytes:
    other = encoded(phantom()[::-1], JPEG_LOSSLESS)
    return encapsulated(stream, other, table=struct.pack("<2I", 0, 8 + len(stream) + len(stream) % 2))


def _in_pieces(stream: bytes) -> bytes:
    pieces = [stream[start : start + 64] for start in range(0, len(stream), 64)]
    return encapsulated(*pieces)


def _with_empty_pieces(stream: bytes) -> bytes:
    half = len(stream) // 2 & ~1
    return encapsulated(b"", stream[:half], b"", b"", stream[half:], b"")


def _without_table(stream: bytes) -> bytes:
    body = Element(ITEM, "", stream + b"\0" * (len(stream) % 2))
    return encode([Element(PIXEL_DATA, "OB", b"", UNDEFINED), body, Element(SEQUENCE_END, "")])


def _too_long_fragment(stream: bytes) -> bytes:
    table, body = Element(ITEM, ""), Element(ITEM, "", stream, 0x7FFFFFFE)
    return encode([Element(PIXEL_DATA, "OB", b"", UNDEFINED), table, body, Element(SEQUENCE_END, "")])


def _told_length(stream: bytes) -> bytes:
    """Encapsulated pixels in an element whose length is told, against PS3.5 A.4."""
    inner = encapsulated(stream)[12:]
    return encode([Element(PIXEL_DATA, "OB", inner)])


def _words_between(stream: bytes) -> bytes:
    """A fragment of words behind the picture's."""
    return encapsulated(stream, _WORDS)


def _with_all(stream: bytes) -> bytes:
    for marker in range(0xE0, 0xF0):
        stream = with_segment(stream, marker, _WORDS)
    return stream


_MARKED = (
    ("jpeg", JPEG_BASELINE, Shows.ANYTHING),
    ("extended-jpeg", JPEG_EXTENDED, Shows.ANYTHING),
    ("lossless-jpeg", JPEG_LOSSLESS, Shows.PHANTOM),
    ("jpeg-ls", JPEG_LS, Shows.PHANTOM),
)

THREATS: list[Threat] = [
    *(
        _file(
            f"{name}-with-a-comment",
            "Comments travel with the codestream wherever it is copied.",
            _segment(syntax, _COMMENT, _WORDS),
            Beyond.CLEANED,
            shows=shows,
        )
        for name, syntax, shows in _MARKED
    ),
    *(
        _file(
            f"{name}-with-exif",
            "So do camera data: who, where and when.",
            _segment(syntax, _EXIF, _exif()),
            Beyond.CLEANED,
            shows=shows,
        )
        for name, syntax, shows in _MARKED
    ),
    _file(
        "jpeg-with-every-application-segment",
        "Sixteen kinds of segments belong to whoever uses them.",
        _with(JPEG_LOSSLESS, lambda stream: encapsulated(_with_all(stream))),
        Beyond.CLEANED,
    ),
    _file(
        "jpeg-ls-with-a-colour-transform",
        "APP8 of HP changes how samples are read.",
        _segment(JPEG_LS, _APP8, b"mrfx\x01"),
        (Beyond.CLEANED, Reason.E_PIXELS),
    ),
    _file(
        "jpeg-with-a-colour-transform",
        "APP14 of Adobe changes how samples are read.",
        _segment(JPEG_BASELINE, _APP14, b"Adobe\0\x64\0\0\0\0\x02"),
        _CLEANED_OR_PIXELS,
        shows=Shows.ANYTHING,
    ),
    _file(
        "jpeg-2000-with-a-comment",
        "The comment of a JPEG 2000 codestream.",
        _segment(JPEG_2000, _J2K_COMMENT, b"\0\x01" + _WORDS),
        Beyond.CLEANED,
    ),
    _file(
        "htj2k-with-a-comment",
        "The same for high throughput.",
        _segment(HTJ2K, _J2K_COMMENT, b"\0\x01" + _WORDS),
        Beyond.CLEANED,
    ),
    _file(
        "jpeg-2000-in-boxes",
        "A JP2 file, with XML and UUID boxes, where a codestream belongs.",
        _with(JPEG_2000, lambda stream: encapsulated(_boxed(stream))),
        _CLEANED_OR_PIXELS,
    ),
    _file(
        "words-behind-the-codestream",
        "Bytes behind the end marker belong to nobody.",
        _with(JPEG_LOSSLESS, lambda stream: encapsulated(stream + _WORDS)),
        _CLEANED_OR_PIXELS,
    ),
    _file(
        "a-second-codestream-behind-the-first",
        "A second picture, of which no header tells.",
        _with(JPEG_LOSSLESS, _second_picture),
        _CLEANED_OR_PIXELS,
    ),
    _file(
        "words-in-a-fragment-of-their-own",
        "A last fragment that is no part of the picture.",
        _with(JPEG_LOSSLESS, _words_between),
        _CLEANED_OR_PIXELS,
    ),
    _file(
        "two-frames-that-say-one",
        "Two frames in the offset table, and one in the header.",
        _with(JPEG_LOSSLESS, _two_frames),
        (*_CLEANED_OR_PIXELS, Reason.E_SOP),
    ),
    _file(
        "words-in-the-offset-table",
        "The table may have any length, and its content is read by few.",
        _with(JPEG_LOSSLESS, lambda stream: encapsulated(stream, table=_WORDS)),
        _CLEANED_OR_PIXELS,
    ),
    _file(
        "offsets-beyond-the-pixels",
        "Whoever follows the table reads memory that is not his.",
        _with(JPEG_LOSSLESS, lambda stream: encapsulated(stream, table=b"\xf0\xff\xff\xff")),
        _CLEANED_OR_PIXELS,
    ),
    _file(
        "a-frame-in-pieces",
        "A frame may come in any number of fragments.",
        _with(JPEG_LOSSLESS, _in_pieces),
        Beyond.CLEANED,
    ),
    _file(
        "empty-fragments-between",
        "Some of them hold nothing.",
        _with(JPEG_LOSSLESS, _with_empty_pieces),
        _CLEANED_OR_PIXELS,
    ),
    _file(
        "empty-fragments-only",
        "All of them hold nothing.",
        _with(JPEG_LOSSLESS, lambda _: encapsulated(b"", b"", b"")),
        Reason.E_PIXELS,
    ),
    _file(
        "no-fragment",
        "An offset table and no fragment.",
        _with(JPEG_LOSSLESS, lambda _: encapsulated()),
        Reason.E_PIXELS,
    ),
    _file(
        "not-even-an-offset-table",
        "Encapsulated pixels without an item.",
        _with(RLE, lambda _: encode([Element(PIXEL_DATA, "OB", b"", UNDEFINED), Element(SEQUENCE_END, "")])),
        Reason.E_PIXELS,
    ),
    _file(
        "no-offset-table",
        "The first item is the picture, and a reader that follows the rule skips it.",
        _with(JPEG_LOSSLESS, _without_table),
        _CLEANED_OR_PIXELS,
    ),
    _file(
        "a-fragment-of-two-gigabytes",
        "The length of an item is believed.",
        _with(JPEG_LOSSLESS, _too_long_fragment),
        Reason.E_PIXELS,
    ),
    _file(
        "fragments-in-a-told-length",
        "Encapsulated pixels must have undefined length; here it is told.",
        _with(JPEG_LOSSLESS, _told_length),
        _CLEANED_OR_PIXELS,
    ),
    _file(
        "no-delimiter",
        "The file ends behind the last fragment.",
        _with(JPEG_LOSSLESS, lambda stream: encapsulated(stream, is_closed=False)),
        _CLEANED_OR_PIXELS,
    ),
    _file(
        "deep-samples-in-a-shallow-header",
        "Sixteen bits in the stream, twelve in the header: the others could hold a plane.",
        lambda entry: compressed(entry, JPEG_LS, encapsulated(encoded(phantom() | np.uint16(0x5000), JPEG_LS))),
        _CLEANED_OR_PIXELS,
    ),
    _file(
        "shallow-samples-in-a-deep-header",
        "Eight bits in the stream, twelve in the header.",
        lambda entry: compressed(entry, JPEG_LS, encapsulated(encoded(phantom_8(), JPEG_LS))),
        _CLEANED_OR_PIXELS,
        shows=Shows.ANYTHING,
    ),
]
