"""Decides what a compressed frame claims to be, from its markers alone, before any decoder runs.

Takes the bytes of one frame and gives its kind, size, depth and the visible signs of damage; refuses what is
truncated by its own account. Leaves decoding to `codecs` and the comparison with the DICOM header to `decoding`.
"""

from dataclasses import dataclass
from enum import Enum, auto

from cxr_core.errors import ItemError
from cxr_core.vocabulary import Reason

MAX_TILES = 65_535
"""Most tiles that a JPEG 2000 codestream can number (ISO/IEC 15444-1, A.4.2)."""

MAX_DIFFERENCE_BITS = 16
"""Longest difference of a lossless JPEG (ISO/IEC 10918-1, H.1.2)."""

_SOF_BASELINE, _SOF_EXTENDED, _SOF_LOSSLESS, _SOF_JPEG_LS = 0xC0, 0xC1, 0xC3, 0xF7
_SOS, _DHT = 0xDA, 0xC4
_NOT_FRAMES = frozenset({0xC4, 0xC8, 0xCC})  # DHT, JPG, DAC share the numbers of the frame headers
_EOI = b"\xff\xd9"
_J2K_START = b"\xff\x4f\xff\x51"
_SOT = b"\xff\x90"
_PADDING = b"\x00\xff"  # what encapsulators append to reach an even length
_MAX_PADDING = 64


class StreamKind(Enum):
    JPEG_DCT = auto()
    JPEG_LOSSLESS = auto()
    JPEG_LS = auto()
    JPEG_2000 = auto()
    HTJ2K = auto()


_KIND_OF_FRAME = {
    _SOF_BASELINE: StreamKind.JPEG_DCT,
    _SOF_EXTENDED: StreamKind.JPEG_DCT,
    _SOF_LOSSLESS: StreamKind.JPEG_LOSSLESS,
    _SOF_JPEG_LS: StreamKind.JPEG_LS,
}


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What the markers of one compressed frame say.

    Parameters
    ----------
    rows, columns, components : int
        Declared size in pixels and samples per pixel.
    precision : int
        Declared bits per sample.
    predictor : int
        Selection value of a lossless JPEG scan (ISO/IEC 10918-1, H.1.2.1), 0 elsewhere.
    has_end : bool
        The end marker stands in the data.
    has_tail : bool
        Bytes other than padding follow the end marker.
    """

    kind: StreamKind
    rows: int
    columns: int
    components: int
    precision: int
    predictor: int = 0
    has_end: bool = True
    has_tail: bool = False


def inspect_codestream(stream: bytes) -> StreamFacts:
    """Read kind, size and depth of one frame from its markers.

    Raises
    ------
    ItemError
        E_PIXELS (no codestream, cut short by its own account), E_TS (a kind no accepted transfer syntax uses).
    """
    if stream[:2] == b"\xff\xd8":
        return _inspect_jpeg(stream)
    start = stream.find(_J2K_START, 0, 4096)  # some encoders wrap the codestream into JP2 boxes
    if start >= 0:
        return _inspect_jpeg2000(stream[start:] if start else stream)
    raise ItemError(Reason.E_PIXELS, "no codestream in the frame")


def _inspect_jpeg(stream: bytes) -> StreamFacts:
    position, frame, tables = 2, b"", []
    frame_marker = 0
    while True:
        while stream[position : position + 1] == b"\xff" and stream[position + 1 : position + 2] == b"\xff":
            position += 1  # fill bytes (ISO/IEC 10918-1, B.1.1.2)
        head = stream[position : position + 4]
        length = int.from_bytes(head[2:4], "big")
        if len(head) < 4 or head[0] != 0xFF or length < 2:
            raise ItemError(Reason.E_PIXELS, "JPEG markers are damaged")
        segment = stream[position + 4 : position + 2 + length]
        marker = head[1]
        position += 2 + length
        if marker == _SOS:
            break
        if (0xC0 <= marker <= 0xCF and marker not in _NOT_FRAMES) or marker == _SOF_JPEG_LS:
            frame_marker, frame = marker, segment
        if marker == _DHT:
            tables.append(segment)
    if len(frame) < 6:
        raise ItemError(Reason.E_PIXELS, "JPEG frame header is missing")
    if frame_marker not in _KIND_OF_FRAME:
        raise ItemError(Reason.E_TS, f"JPEG process with frame marker {frame_marker:#x}")
    if frame_marker == _SOF_LOSSLESS and not all(map(_is_difference_table, tables)):
        raise ItemError(Reason.E_PIXELS, "Huffman tables are damaged")
    has_end, has_tail = _find_end(stream, position)
    return StreamFacts(
        kind=_KIND_OF_FRAME[frame_marker],
        rows=int.from_bytes(frame[1:3], "big"),
        columns=int.from_bytes(frame[3:5], "big"),
        components=frame[5],
        precision=frame[0],
        predictor=segment[-3] if frame_marker == _SOF_LOSSLESS and len(segment) >= 6 else 0,
        has_end=has_end,
        has_tail=has_tail,
    )


def _is_difference_table(segment: bytes) -> bool:
    """Whether a DHT segment is whole and codes lengths of differences, 0 to 16 bits (ISO/IEC 10918-1, B.2.4.2, H.1.2).

    A decoder that trusts longer ones takes more bits for a pixel than its input was made to hold.
    """
    position = 0
    while position < len(segment):
        counts = segment[position + 1 : position + 17]
        end = position + 17 + sum(counts)
        if len(counts) < 16 or end > len(segment) or max(segment[position + 17 : end], default=0) > MAX_DIFFERENCE_BITS:
            return False
        position = end
    return True


def _find_end(stream: bytes, scan_start: int) -> tuple[bool, bool]:
    """Whether the end marker stands behind the scan, and whether anything but padding follows it.

    A stream that ends in the marker is not searched for an earlier one: that takes a tenth of the decoding, and a
    decoder would stop there with rows missing.
    """
    if stream[-_MAX_PADDING:].rstrip(_PADDING).endswith(_EOI):
        return True, False
    end = stream.find(_EOI, scan_start)
    return end >= 0, end >= 0 and bool(stream[end + 2 :].strip(_PADDING))


def _inspect_jpeg2000(stream: bytes) -> StreamFacts:
    if len(stream) < 45:
        raise ItemError(Reason.E_PIXELS, "JPEG 2000 header is truncated")
    x, y, x0, y0, tile_x, tile_y, tile_x0, tile_y0 = (
        int.from_bytes(stream[offset : offset + 4], "big") for offset in range(8, 40, 4)
    )
    columns, rows = x - x0, y - y0
    if min(columns, rows, tile_x, tile_y) <= 0 or tile_x0 > x0 or tile_y0 > y0:
        raise ItemError(Reason.E_PIXELS, "JPEG 2000 geometry is damaged")
    tiles = -(-(x - tile_x0) // tile_x) * -(-(y - tile_y0) // tile_y)
    if tiles > MAX_TILES:
        raise ItemError(Reason.E_BOMB, f"JPEG 2000 with {tiles} tiles")
    end = _walk_tile_parts(stream)
    return StreamFacts(
        kind=StreamKind.HTJ2K if int.from_bytes(stream[6:8], "big") & 0x4000 else StreamKind.JPEG_2000,
        rows=rows,
        columns=columns,
        components=int.from_bytes(stream[40:42], "big"),
        precision=(stream[42] & 0x7F) + 1,
        has_end=stream[end : end + 2] == _EOI,
        has_tail=bool(stream[end + 2 :].strip(_PADDING)),
    )


def _walk_tile_parts(stream: bytes) -> int:
    """Follow the declared lengths of the tile-parts; the position of the end marker, or of the end of the data."""
    position = 2
    while stream[position : position + 2] != _SOT:
        length = int.from_bytes(stream[position + 2 : position + 4], "big")
        if stream[position : position + 1] != b"\xff" or length < 2:
            raise ItemError(Reason.E_PIXELS, "JPEG 2000 main header is damaged")
        position += 2 + length
    while stream[position : position + 2] == _SOT:
        length = int.from_bytes(stream[position + 6 : position + 10], "big")
        if length == 0:  # the last tile-part may run to the end of the codestream (ISO/IEC 15444-1, A.4.2)
            end = stream.rfind(_EOI)
            return end if end > position else len(stream)
        if length < 14 or position + length > len(stream):
            raise ItemError(Reason.E_PIXELS, "JPEG 2000 tile-part is truncated")
        position += length
    return position
