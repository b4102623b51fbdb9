"""Bombs in the geometry of a picture: what the header or the codestream claims, before anything is decoded.

Damage to honest streams is in `truncations`, identifiers within them in `streams`.
"""

import random
from collections.abc import Callable
from functools import partial

import numpy as np
from dicom_bytes import (
    COLUMNS,
    DEFLATED,
    HTJ2K,
    JPEG_2000,
    JPEG_BASELINE,
    JPEG_LOSSLESS,
    JPEG_LS,
    PIXEL_DATA,
    RLE,
    ROWS,
    ZEROS,
    Element,
    compressed,
    deflated,
    encapsulated,
    encode,
    header,
    image,
    meta,
    part10,
    phantom,
    text,
    us,
)
from frames import (
    frame,
    recounted_j2k,
    recounted_jpeg,
    resized_j2k,
    resized_jpeg,
    rle,
    rle_segments,
)
from threat import Beyond, Family, Shows, Threat, file_threat

from cxr_core.vocabulary import Reason

_SIDE = 65535
_HUGE = (us(0x00280010, _SIDE), us(0x00280011, _SIDE))
_JPEG_SIDE = 65500  # libjpeg's own limit
_LARGE_JPEG = (us(0x00280010, _JPEG_SIDE), us(0x00280011, _JPEG_SIDE))
_AT_THE_CAP = 4_448  # a multiple of 32, so that its square fills runs of 128
_EIGHT = (us(0x00280100, 8), us(0x00280101, 8), us(0x00280102, 7))

_file = partial(file_threat, Family.BOMBS)


def _frames(value: str) -> Element:
    return text(0x00280008, "IS", value)


def _stream(syntax: str, change: Callable[[bytes], bytes], *changes: Element) -> Callable[[str], bytes]:
    """A frame of the phantom, changed, behind a header of its own."""
    bits = _EIGHT if syntax == JPEG_BASELINE else ()
    return lambda entry: compressed(entry, syntax, encapsulated(change(frame(syntax))), *bits, *changes)


def _blank_at_the_cap(entry: str) -> bytes:
    """Twenty million black pixels in 310 kB: what `max_pixels` lets through."""
    segment = b"\x81\x00" * (_AT_THE_CAP * _AT_THE_CAP // 128)
    size = us(0x00280010, _AT_THE_CAP), us(0x00280011, _AT_THE_CAP)
    return compressed(entry, RLE, encapsulated(rle(segment, segment)), *size)


def _deflated_at_the_cap(entry: str) -> bytes:
    """As many pixels, deflated fortyfold: five megabytes of noise go before the black."""
    size = us(0x00280010, _AT_THE_CAP), us(0x00280011, _AT_THE_CAP)
    noise = random.Random(7).randbytes(5_000_000)
    total = 2 * _AT_THE_CAP * _AT_THE_CAP
    head = encode([*header(entry, *size), Element(PIXEL_DATA, "OW", b"", total)])
    return (
        ZEROS
        + b"DICM"
        + meta(DEFLATED)
        + deflated((head + noise, 1), (bytes(1_000_000), total // 1_000_000 - 5), (bytes(total % 1_000_000), 1))
    )


def _rle(change: Callable[[bytes, bytes], bytes]) -> Callable[[str], bytes]:
    return lambda entry: compressed(entry, RLE, encapsulated(change(*rle_segments(phantom()))))


def _rle_beyond_the_picture(high: bytes, low: bytes) -> bytes:
    return rle(high, low + b"\x81\xff" * 2_000_000)


THREATS: list[Threat] = [
    _file(
        "sixty-five-thousand-squared",
        "Rows and Columns ask for 8 GiB before a pixel is read.",
        lambda entry: image(entry, *_HUGE),
        Reason.E_BOMB,
    ),
    _file(
        "sixty-five-thousand-squared-times-twenty",
        "Twenty such frames made pydicom ask for 80 GiB.",
        lambda entry: image(entry, *_HUGE, _frames("20")),
        (Reason.E_BOMB, Reason.E_SOP),
    ),
    _file(
        "frames-beyond-64-bits",
        "A number of frames that no machine integer holds.",
        lambda entry: image(entry, _frames("99999999999999999999")),
        (Reason.E_BOMB, Reason.E_SOP, Reason.E_TYPE1),
    ),
    _file(
        "minus-one-frame",
        "A negative number of frames passes every upper bound.",
        lambda entry: image(entry, _frames("-1")),
        (Reason.E_SOP, Reason.E_TYPE1, Reason.E_PIXELS),
    ),
    _file(
        "sixty-five-thousand-squared-in-rle",
        "The header asks for the memory, whatever the stream holds.",
        lambda entry: compressed(entry, RLE, encapsulated(frame(RLE)), *_HUGE),
        Reason.E_BOMB,
    ),
    *(
        _file(
            f"{name}-as-large-as-it-can-say",
            "Header and codestream agree on gigabytes.",
            _stream(syntax, lambda stream: resized_jpeg(stream, _JPEG_SIDE, _JPEG_SIDE), *_LARGE_JPEG),
            Reason.E_BOMB,
        )
        for name, syntax in (("jpeg", JPEG_BASELINE), ("lossless-jpeg", JPEG_LOSSLESS), ("jpeg-ls", JPEG_LS))
    ),
    *(
        _file(
            f"{name}-as-large-as-it-can-say",
            "Header and codestream agree on gigabytes.",
            _stream(syntax, lambda stream: resized_j2k(stream, _SIDE, _SIDE), *_HUGE),
            Reason.E_BOMB,
        )
        for name, syntax in (("jpeg-2000", JPEG_2000), ("htj2k", HTJ2K))
    ),
    *(
        _file(
            f"{name}-larger-than-its-header",
            "The header is modest, and the decoder believes the codestream.",
            _stream(syntax, lambda stream: resized_jpeg(stream, _JPEG_SIDE, _JPEG_SIDE)),
            (Reason.E_PIXELS, Reason.E_BOMB),
        )
        for name, syntax in (("jpeg", JPEG_BASELINE), ("lossless-jpeg", JPEG_LOSSLESS), ("jpeg-ls", JPEG_LS))
    ),
    *(
        _file(
            f"{name}-larger-than-its-header",
            "The header is modest, and the decoder believes the codestream.",
            _stream(syntax, lambda stream: resized_j2k(stream, 1 << 31, 1 << 31)),
            (Reason.E_PIXELS, Reason.E_BOMB),
        )
        for name, syntax in (("jpeg-2000", JPEG_2000), ("htj2k", HTJ2K))
    ),
    _file(
        "jpeg-2000-of-one-pixel-tiles",
        "A picture of the declared size in more tiles than any index holds.",
        lambda entry: compressed(
            entry,
            JPEG_2000,
            encapsulated(resized_j2k(frame(JPEG_2000), 9_999, 9_999, tile=1)),
            us(0x00280010, 9_999),
            us(0x00280011, 9_999),
        ),
        (Reason.E_BOMB, Reason.E_PIXELS),
    ),
    _file(
        "jpeg-2000-of-sixteen-thousand-components",
        "Every component is a plane of its own.",
        _stream(JPEG_2000, lambda stream: recounted_j2k(stream, 16_384)),
        (Reason.E_PIXELS, Reason.E_SOP, Reason.E_BOMB),
    ),
    _file(
        "jpeg-of-255-components",
        "The frame header claims more components than it describes.",
        _stream(JPEG_BASELINE, lambda stream: recounted_jpeg(stream, 255)),
        (Reason.E_PIXELS, Reason.E_SOP),
        shows=Shows.ANYTHING,
    ),
    _file(
        "black-just-under-the-cap",
        "As many pixels as the cap allows, all black, in a file of 310 kB.",
        _blank_at_the_cap,
        (Beyond.CLEANED, Reason.E_BOMB),
        shows=Shows.ANYTHING,
    ),
    _file(
        "a-deflated-picture-at-the-cap",
        "The same as deflate, just plausible enough for the guard of the inflater.",
        _deflated_at_the_cap,
        (Beyond.CLEANED, Reason.E_BOMB, Reason.E_RESIDUAL),
        shows=Shows.ANYTHING,
    ),
    _file(
        "rle-far-beyond-its-picture",
        "Four megabytes of runs unpack to a quarter of a gigabyte behind the last pixel.",
        _rle(_rle_beyond_the_picture),
        (Beyond.CLEANED, Reason.E_PIXELS, Reason.E_BOMB),
    ),
    _file(
        "rle-offset-behind-the-end",
        "The second segment begins behind the end of the frame.",
        _rle(lambda high, low: rle(high, low, offsets=(64, 0x7FFFFFFF))),
        Reason.E_PIXELS,
    ),
    _file(
        "rle-offset-of-four-gigabytes",
        "An offset that is negative where somebody reads it as a signed number.",
        _rle(lambda high, low: rle(high, low, offsets=(64, 0xFFFFFFFF))),
        Reason.E_PIXELS,
    ),
    _file(
        "rle-offsets-backwards",
        "The second segment begins before the first, so that the first has a negative length.",
        _rle(lambda high, low: rle(high, low, offsets=(64 + len(high), 64))),
        Reason.E_PIXELS,
    ),
    _file(
        "rle-offset-into-its-header",
        "The first segment begins within the header that describes it.",
        _rle(lambda high, low: rle(high, low, offsets=(0, 64 + len(high)))),
        Reason.E_PIXELS,
    ),
    _file(
        "rle-of-fifteen-segments",
        "More segments than 16 bits have bytes, none of them there.",
        _rle(lambda high, low: rle(high, low, count=15)),
        Reason.E_PIXELS,
    ),
    _file(
        "rle-of-no-segment",
        "A frame that says it has no segment.",
        _rle(lambda high, low: rle(high, low, count=0)),
        Reason.E_PIXELS,
    ),
    _file(
        "rle-of-four-billion-segments",
        "A count of segments beyond the sixteen that the header has room for.",
        _rle(lambda high, low: rle(high, low, count=0xFFFFFFFF)),
        Reason.E_PIXELS,
    ),
    _file(
        "pixel-data-of-four-gigabytes",
        "The length of the last element is believed, and memory asked for.",
        lambda entry: part10([*header(entry), Element(PIXEL_DATA, "OW", phantom().tobytes(), 0xFFFFFFFE)]),
        (Beyond.CLEANED, Reason.E_PIXELS),  # every pixel is there, and more is claimed
    ),
    _file(
        "no-rows",
        "An image of zero rows divides whoever counts by them.",
        lambda entry: image(entry, us(0x00280010, 0)),
        (Reason.E_TYPE1, Reason.E_PIXELS),
    ),
    _file(
        "one-row-of-everything",
        "A strip as wide as the header can say: filters and resizers meet a picture one pixel high.",
        lambda entry: part10(
            [
                *header(entry, us(0x00280010, 1), us(0x00280011, ROWS * COLUMNS)),
                Element(PIXEL_DATA, "OW", np.ascontiguousarray(phantom()).tobytes()),
            ]
        ),
        Beyond.CLEANED,
        shows=Shows.ANYTHING,
    ),
]
