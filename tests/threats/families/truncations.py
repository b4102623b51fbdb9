"""Files that end too early, at each place where a reader does something else, and streams that end within.

Files that are too long are in `disguises`.
"""

from collections.abc import Callable
from functools import partial

from dicom_bytes import (
    EIGHT_BITS,
    HTJ2K,
    JPEG_2000,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LS,
    RLE,
    compressed,
    encapsulated,
    encode,
    header,
    image,
    meta,
)
from frames import frame
from threat import Beyond, Family, Outcome, Threat, file_threat

from cxr_core.vocabulary import Reason

_META = 132
_HEADER_CUT: tuple[Outcome, ...] = (Reason.E_NOT_DICOM, Reason.E_TYPE1, Reason.E_SOP, Reason.E_PIXELS)

_file = partial(file_threat, Family.TRUNCATIONS)


def _at(place: Callable[[str], int]) -> Callable[[str], bytes]:
    """The plain image, cut behind so many bytes; a negative number counts from the end."""
    return lambda entry: image(entry)[: place(entry)]


def _data_set(_: str) -> int:
    return _META + len(meta("1.2.840.10008.1.2.1"))


def _pixel_element(entry: str) -> int:
    return _data_set(entry) + len(encode(header(entry)))


def _within(tag: int, more: int) -> Callable[[str], int]:
    """So many bytes into the element of a tag."""
    return lambda entry: _data_set(entry) + len(encode(part for part in header(entry) if part.tag < tag)) + more


def _encapsulated(syntax: str, cut: Callable[[bytes], bytes]) -> Callable[[str], bytes]:
    """A file whose pixel data is cut behind encapsulation: its lengths tell more than there is."""
    return lambda entry: compressed(entry, syntax, cut(encapsulated(frame(syntax))))


def _stream(syntax: str, cut: Callable[[bytes], bytes]) -> Callable[[str], bytes]:
    """A file that is whole, around a stream that is cut."""
    bits = EIGHT_BITS if syntax == JPEG_BASELINE else ()
    return lambda entry: compressed(entry, syntax, encapsulated(cut(frame(syntax))), *bits)


_STREAMS = {
    "jpeg": JPEG_BASELINE,
    "extended-jpeg": JPEG_EXTENDED,
    "lossless-jpeg": JPEG_LOSSLESS,
    "jpeg-ls": JPEG_LS,
    "jpeg-2000": JPEG_2000,
    "htj2k": HTJ2K,
    "rle": RLE,
}
_WHY_STREAM = "The decoder runs out of data and paints what it likes, or what memory held before."

THREATS: list[Threat] = [
    _file(
        "cut-in-the-preamble", "Shorter than the place where the prefix stands.", _at(lambda _: 64), Reason.E_NOT_DICOM
    ),
    _file("cut-in-the-prefix", "The prefix is there by half.", _at(lambda _: 130), Reason.E_NOT_DICOM),
    _file("cut-behind-the-prefix", "The prefix is the last that is there.", _at(lambda _: _META), Reason.E_NOT_DICOM),
    _file("cut-in-the-group-length", "The first element has no value.", _at(lambda _: _META + 6), Reason.E_NOT_DICOM),
    _file(
        "cut-in-the-file-meta",
        "The transfer syntax is not told any more.",
        _at(lambda _: _META + 60),
        (Reason.E_NOT_DICOM, Reason.E_SOP, Reason.E_TYPE1),
    ),
    _file(
        "cut-behind-the-file-meta",
        "A file meta and nothing that it could describe.",
        _at(_data_set),
        (Reason.E_NOT_DICOM, Reason.E_SOP, Reason.E_TYPE1),
    ),
    _file("cut-in-a-tag", "Half a tag.", _at(_within(0x00100010, 2)), _HEADER_CUT),
    _file("cut-in-a-length", "A tag, a representation, half a length.", _at(_within(0x00100010, 7)), _HEADER_CUT),
    _file("cut-in-a-value", "Half a name.", _at(_within(0x00100010, 12)), _HEADER_CUT),
    _file("cut-behind-an-element", "A header that ends well, and too early.", _at(_within(0x00280010, 0)), _HEADER_CUT),
    _file("cut-before-the-pixels", "The whole header, and no pixels.", _at(_pixel_element), Reason.E_PIXELS),
    _file(
        "cut-in-the-pixel-element",
        "The tag of the pixels, and no length.",
        _at(lambda entry: _pixel_element(entry) + 7),
        (Reason.E_PIXELS, Reason.E_NOT_DICOM),
    ),
    _file(
        "cut-behind-the-pixel-length",
        "The length of the pixels, and no pixel.",
        _at(lambda entry: _pixel_element(entry) + 12),
        Reason.E_PIXELS,
    ),
    _file(
        "cut-in-the-pixels",
        "Half of the picture.",
        _at(lambda entry: _pixel_element(entry) + 12 + 2240),
        Reason.E_PIXELS,
    ),
    _file("cut-by-one-byte", "All but half of the last pixel.", _at(lambda _: -1), Reason.E_PIXELS),
    _file(
        "cut-in-the-offset-table",
        "Encapsulated pixels without a fragment, or an end.",
        _encapsulated(JPEG_LOSSLESS, lambda data: data[:16]),
        Reason.E_PIXELS,
    ),
    _file(
        "cut-in-the-length-of-a-fragment",
        "An item without a length.",
        _encapsulated(JPEG_LOSSLESS, lambda data: data[:26]),
        Reason.E_PIXELS,
    ),
    _file(
        "cut-in-a-fragment",
        "Half of a fragment.",
        _encapsulated(JPEG_LOSSLESS, lambda data: data[: len(data) // 2]),
        Reason.E_PIXELS,
    ),
    _file(
        "cut-in-the-last-delimiter",
        "All of the picture, and half of the end.",
        _encapsulated(JPEG_LOSSLESS, lambda data: data[:-4]),
        (Beyond.CLEANED, Reason.E_PIXELS),
    ),
    *(
        _file(
            f"{name}-cut-in-half",
            _WHY_STREAM,
            _stream(syntax, lambda stream: stream[: len(stream) // 2]),
            Reason.E_PIXELS,
        )
        for name, syntax in _STREAMS.items()
    ),
    *(
        _file(f"{name}-cut-in-its-header", _WHY_STREAM, _stream(syntax, lambda stream: stream[:30]), Reason.E_PIXELS)
        for name, syntax in _STREAMS.items()
    ),
]
