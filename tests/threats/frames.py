"""Compressed frames of the phantom, and what can be done to them: other sizes, more segments, wrong offsets.

Takes a transfer syntax, gives the bytes of one frame. Putting them into a file is left to `dicom_bytes`.
"""

import struct
from functools import cache
from typing import Any

import imagecodecs
import numpy as np
from dicom_bytes import (
    HTJ2K,
    JPEG_2000,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LS,
    RLE,
    phantom,
    phantom_8,
)
from numpy.typing import NDArray

_FRAME_HEADERS = frozenset({0xC0, 0xC1, 0xC3, 0xF7})
_SCAN = 0xDA


@cache
def frame(syntax: str) -> bytes:
    """The phantom as one frame: 8 bits and lossy for baseline, 12 bits and lossy for extended, else lossless."""
    return encoded(phantom_8() if syntax == JPEG_BASELINE else phantom(), syntax)


def encoded(values: NDArray[Any], syntax: str) -> bytes:
    """Any picture as one frame; 12 bits where it has 16."""
    bits = 12 if values.dtype.itemsize > 1 else 8
    match syntax:
        case _ if syntax == JPEG_BASELINE:
            stream = imagecodecs.jpeg8_encode(values, 95)
        case _ if syntax == JPEG_EXTENDED:
            stream = imagecodecs.jpeg8_encode(values, 95, bitspersample=bits)
        case _ if syntax == JPEG_LOSSLESS:
            stream = imagecodecs.jpeg8_encode(values, lossless=True, predictor=1, bitspersample=bits)
        case _ if syntax == JPEG_LS:
            stream = imagecodecs.jpegls_encode(values)
        case _ if syntax == JPEG_2000:
            stream = imagecodecs.jpeg2k_encode(
                values, codecformat="j2k", reversible=True, bitspersample=bits, numthreads=1
            )
        case _ if syntax == HTJ2K:
            stream = imagecodecs.htj2k_encode(values, reversible=True)
        case _ if syntax == RLE:
            stream = rle(*rle_segments(values))
        case _:
            raise ValueError(syntax)
    return bytes(stream)


def rle_segments(values: NDArray[Any]) -> list[bytes]:
    """PackBits segments, the most significant byte first (PS3.5 annex G), as literal runs."""
    width = values.dtype.itemsize
    planes = values.astype(f">u{width}").reshape(-1).view(np.uint8).reshape(-1, width)
    segments = []
    for index in range(width):
        plane = planes[:, index].tobytes()
        runs = (plane[start : start + 128] for start in range(0, len(plane), 128))
        packed = b"".join(bytes([len(run) - 1]) + run for run in runs)
        segments.append(packed + b"\x80" * (len(packed) % 2))
    return segments


def rle(*segments: bytes, count: int | None = None, offsets: tuple[int, ...] | None = None) -> bytes:
    """An RLE frame; `count` and `offsets` are what its header claims where that is not the truth."""
    places = [64]
    for segment in segments[:-1]:
        places.append(places[-1] + len(segment))
    claimed = places if offsets is None else list(offsets)
    number = len(segments) if count is None else count
    return struct.pack("<16I", number, *claimed, *[0] * (15 - len(claimed))) + b"".join(segments)


def resized_jpeg(stream: bytes, rows: int, columns: int) -> bytes:
    """The same JPEG or JPEG-LS stream under another size."""
    place = _frame_header(stream)
    return stream[: place + 5] + struct.pack(">HH", rows, columns) + stream[place + 9 :]


def recounted_jpeg(stream: bytes, components: int) -> bytes:
    """The same JPEG stream with another number of components."""
    place = _frame_header(stream)
    return stream[: place + 9] + bytes([components]) + stream[place + 10 :]


def _frame_header(stream: bytes) -> int:
    position = 2
    while stream[position + 1] != _SCAN:
        if stream[position + 1] in _FRAME_HEADERS:
            return position
        position += 2 + int.from_bytes(stream[position + 2 : position + 4], "big")
    raise ValueError("no frame header")


def resized_j2k(stream: bytes, rows: int, columns: int, *, tile: int | None = None) -> bytes:
    """The same JPEG 2000 codestream under another size of image and tiles (ISO/IEC 15444-1, A.5.1)."""
    size = struct.pack(">4I", columns, rows, 0, 0)
    tiles = struct.pack(">2I", *((columns, rows) if tile is None else (tile, tile)))
    return stream[:8] + size + tiles + stream[32:]


def recounted_j2k(stream: bytes, components: int) -> bytes:
    """The same codestream with more components, all alike."""
    length = 38 + 3 * components
    return (
        stream[:4]
        + struct.pack(">H", length)
        + stream[6:40]
        + struct.pack(">H", components)
        + (stream[42:45] * components)
        + stream[45:]
    )


def with_segment(stream: bytes, marker: int, content: bytes) -> bytes:
    """A JPEG or JPEG 2000 stream with one more marker segment, behind the first that has to be first."""
    place = 2 if stream[:2] == b"\xff\xd8" else 4 + int.from_bytes(stream[4:6], "big")
    segment = bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content
    return stream[:place] + segment + stream[place:]
