"""Writes DICOM files byte by byte, because no library writes the wrong ones.

Takes elements, true or lying, and gives bytes; a plain chest radiograph of an invented person is the material that
every entry of the corpus spoils in its own way. Which way is left to `families`.
"""

import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

IMPLICIT, EXPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG_BASELINE, JPEG_EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS, JPEG_LS = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80"
JPEG_2000, HTJ2K, RLE = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.5"
DX = "1.2.840.10008.5.1.4.1.1.1.1"
COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"

UNDEFINED = 0xFFFFFFFF
ROWS, COLUMNS = 40, 56
PIXEL_DATA = 0x7FE00010
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
ZEROS = b"\0" * 128
_LONG = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])


@dataclass(frozen=True, slots=True)
class Element:
    """One data element; `length` is what it claims to hold where that is not the truth."""

    tag: int
    vr: str
    value: bytes | int = b""
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """The invented person of one entry. Everything is a canary, and ids differ from entry to entry."""

    entry: str

    @property
    def number(self) -> int:
        """Ten digits: too many to stand anywhere by chance."""
        return 10**9 + zlib.crc32(self.entry.encode())

    @property
    def root(self) -> str:
        """Root of the UIDs, with its last dot."""
        return f"1.3.6.1.4.1.99999.{self.number}."

    @property
    def patient_id(self) -> str:
        return f"QZXP{self.number}"

    @property
    def accession(self) -> str:
        return f"QZXA{self.number}"

    @property
    def canaries(self) -> tuple[str, ...]:
        names = ("QZXVANE", "ORLAQZ", "QZXMURROW", "QZXHOLM", "19610417", "20130509")
        return (*names, str(self.number))


def text(tag: int, vr: str, value: str | bytes) -> Element:
    """A text element, padded to an even length."""
    content = value if isinstance(value, bytes) else value.encode("utf-8")
    return Element(tag, vr, content + (b"\0" if vr == "UI" else b" ") * (len(content) % 2))


def us(tag: int, value: int) -> Element:
    return Element(tag, "US", value)


def header(entry: str, *changes: Element, without: Iterable[int] = (), number: int = 3) -> list[Element]:
    """The header of a DX image in tag order: `changes` replace what stands under their tags, or come on top.

    `number` is the last part of the SOP instance UID.
    """
    who = Person(entry)
    plain = [
        text(0x00080005, "CS", "ISO_IR 192"),
        text(0x00080008, "CS", "ORIGINAL\\PRIMARY"),
        text(0x00080016, "UI", DX),
        text(0x00080018, "UI", f"{who.root}{number}"),
        text(0x00080020, "DA", "20130509"),
        text(0x00080030, "TM", "101500"),
        text(0x00080050, "SH", who.accession),
        text(0x00080060, "CS", "DX"),
        text(0x00080068, "CS", "FOR PRESENTATION"),
        text(0x00080070, "LO", "Philips Medical Systems"),
        text(0x00080080, "LO", "QZXHOLM INFIRMARY"),
        text(0x00080090, "PN", "QZXMURROW^HESTER"),
        text(0x00081030, "LO", "CHEST PA"),
        text(0x00100010, "PN", "QZXVANE^ORLAQZ"),
        text(0x00100020, "LO", who.patient_id),
        text(0x00100030, "DA", "19610417"),
        text(0x00100040, "CS", "F"),
        text(0x00180015, "CS", "CHEST"),
        text(0x00180060, "DS", "125"),
        text(0x00185101, "CS", "PA"),
        text(0x0020000D, "UI", f"{who.root}1"),
        text(0x0020000E, "UI", f"{who.root}2"),
        text(0x00200013, "IS", "1"),
        us(0x00280002, 1),
        text(0x00280004, "CS", "MONOCHROME2"),
        us(0x00280010, ROWS),
        us(0x00280011, COLUMNS),
        us(0x00280100, 16),
        us(0x00280101, 12),
        us(0x00280102, 11),
        us(0x00280103, 0),
    ]
    found = {element.tag: element for element in (*plain, *changes)}
    return [found[tag] for tag in sorted(found) if tag not in set(without)]


@cache
def phantom() -> NDArray[np.uint16]:
    """A (ROWS, COLUMNS) 12-bit picture without anything that looks like a letter; it uses the whole range."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    stored: NDArray[np.uint16] = ((y * COLUMNS + x) * 4095 // (ROWS * COLUMNS - 1)).astype(np.uint16)
    return stored


@cache
def phantom_8() -> NDArray[np.uint8]:
    """The upper 8 bits of the phantom."""
    return (phantom() >> 4).astype(np.uint8)


EIGHT_BITS = (us(0x00280100, 8), us(0x00280101, 8), us(0x00280102, 7))


def pixels(values: NDArray[Any] | None = None) -> Element:
    """Native pixel data, little endian; the phantom by default."""
    stored = phantom() if values is None else values
    wide = stored.dtype.itemsize > 1
    content = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    return Element(PIXEL_DATA, "OW" if wide else "OB", content + b"\0" * (len(content) % 2))


def encode(parts: Iterable[Element | bytes], syntax: str = EXPLICIT) -> bytes:
    """Elements one after the other, in the order given; bytes go in as they are."""
    return b"".join(part if isinstance(part, bytes) else _element(part, syntax) for part in parts)


def _element(element: Element, syntax: str) -> bytes:
    order = ">" if syntax == BIG_ENDIAN else "<"
    value = element.value
    content = value if isinstance(value, bytes) else struct.pack(f"{order}H", value)
    length = len(content) if element.length is None else element.length
    tag = struct.pack(f"{order}HH", element.tag >> 16, element.tag & 0xFFFF)
    if syntax == IMPLICIT or element.tag >> 16 == 0xFFFE:
        return tag + struct.pack(f"{order}I", length) + content
    vr = element.vr.encode("latin-1")
    if element.vr in _LONG:
        return tag + vr + b"\0\0" + struct.pack(f"{order}I", length) + content
    return tag + vr + struct.pack(f"{order}H", length & 0xFFFF) + content


def meta(syntax: str | None, *more: Element, sop_class: str = DX, length: int | None = None) -> bytes:
    """The file meta group; `length` is what its group length claims where that is not the truth."""
    elements: list[Element] = [
        Element(0x00020001, "OB", b"\0\1"),
        text(0x00020002, "UI", sop_class),
        text(0x00020003, "UI", "1.3.6.1.4.1.99999.5.6.7"),
        *([] if syntax is None else [text(0x00020010, "UI", syntax)]),
        text(0x00020012, "UI", "1.3.6.1.4.1.99999.1"),
        *more,
    ]
    elements.sort(key=lambda element: element.tag)
    group = encode(elements)
    claimed = len(group) if length is None else length
    return encode([Element(0x00020000, "UL", struct.pack("<I", claimed))]) + group


def part10(
    parts: Iterable[Element | bytes],
    syntax: str = EXPLICIT,
    *,
    preamble: bytes = ZEROS,
    file_meta: bytes | None = None,
) -> bytes:
    """A whole file. Other syntaxes than the native four are written in explicit little endian, as PS3.5 A.4 wants."""
    group = meta(syntax) if file_meta is None else file_meta
    return preamble + b"DICM" + group + encode(parts, syntax)


def image(entry: str, *changes: Element, without: Iterable[int] = (), syntax: str = EXPLICIT) -> bytes:
    """The plain image of one entry's person with changes in its header; PixelData may be among them."""
    return part10(header(entry, pixels(), *changes, without=without), syntax)


def around(entry: str, tag: int) -> tuple[list[Element], list[Element]]:
    """The elements of the plain image before and behind a tag that it does not have, or is to have otherwise."""
    parts = [*header(entry), pixels()]
    return [part for part in parts if part.tag < tag], [part for part in parts if part.tag > tag]


def inserted(tag: int, *parts: Element | bytes) -> Callable[[str], bytes]:
    """A maker of the plain image with parts where their tag belongs, written as they are."""

    def make(entry: str) -> bytes:
        low, high = around(entry, tag)
        return part10([*low, *parts, *high])

    return make


def items(tag: int, *contents: Sequence[Element | bytes], defined: bool = False) -> bytes:
    """A sequence in explicit little endian, of undefined length or with all lengths told."""
    encoded = [encode(content) for content in contents]
    if defined:
        body = b"".join(encode([Element(ITEM, "", content)]) for content in encoded)
        return encode([Element(tag, "SQ", body)])
    inner = b"".join(encode([Element(ITEM, "", b"", UNDEFINED), content, Element(ITEM_END, "")]) for content in encoded)
    return encode([Element(tag, "SQ", b"", UNDEFINED), inner, Element(SEQUENCE_END, "")])


def encapsulated(*fragments: bytes, table: bytes = b"", is_closed: bool = True) -> bytes:
    """Encapsulated pixel data (PS3.5 A.4): offset table, fragments, and the delimiter unless it is left out."""
    parts: list[Element | bytes] = [Element(PIXEL_DATA, "OB", b"", UNDEFINED), Element(ITEM, "", table)]
    parts += [Element(ITEM, "", fragment + b"\0" * (len(fragment) % 2)) for fragment in fragments]
    return encode([*parts, Element(SEQUENCE_END, "")] if is_closed else parts)


def compressed(entry: str, syntax: str, pixel_data: bytes, *changes: Element) -> bytes:
    """A file with encapsulated pixel data behind its header."""
    return part10([*header(entry, *changes), pixel_data], syntax)


def deflated(*parts: tuple[bytes, int]) -> bytes:
    """A raw deflate stream of parts, each repeated: a gigabyte costs no more than its first megabyte."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    stream = b"".join((packer.compress(part) + packer.flush(zlib.Z_FULL_FLUSH)) * times for part, times in parts)
    return stream + packer.flush(zlib.Z_FINISH)
