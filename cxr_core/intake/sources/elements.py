"""Decides how the header of an ordinary DICOM file is taken apart, several times faster than pydicom does it.

Takes the first bytes of a file and gives its elements, nested ones included, or `Unusual`: then pydicom reads the
file, so that whatever is odd is read by one reader only. What the elements say is left to `folder` and `identity`.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from pydicom import DataElement, Dataset
from pydicom._dicom_dict import DicomDictionary
from pydicom._private_dict import private_dictionaries
from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import RawDataElement, empty_value_for_VR
from pydicom.tag import BaseTag
from pydicom.values import convert_string

from cxr_core.policy.limits import PIXEL_TAGS

_SHORT = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_NAMES = {code: code.decode() for code in _SHORT | _LONG}
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_CHARACTER_SET = 0x00080005
_MAX_VALUE_BYTES = 1 << 19
_MAX_ELEMENTS = 5_000
_MAX_DEPTH = 16
_SHORT_HEAD, _LONG_LENGTH = struct.Struct("<HH2sH").unpack_from, struct.Struct("<L").unpack_from
_PLAIN_HEAD = struct.Struct("<HHL").unpack_from


class Unusual(Exception):
    """The bytes are none that this reader vouches for; pydicom must read them."""


class Node(Protocol):
    """One data set, to be walked: a header or an item of a sequence."""

    @property
    def encoding(self) -> Any:
        """Its character sets, where this reader knows them."""

    def entries(self) -> Iterator[tuple[int, str | None, Any]]:
        """Tag, VR (None in implicit coding) and raw element or value of every element."""

    def raw(self, tag: int) -> tuple[str | None, Any] | None:
        """VR and raw element or value of one element; None where it is absent."""

    def items(self, tag: int) -> list["Node"] | None:
        """The items of a sequence; None where the element is no sequence that is known without conversion."""

    def unknown_bytes(self, tag: int) -> bytes | None:
        """Value of a private element whose VR neither file nor dictionary tells; None where that is not sure."""

    def converted(self, tag: int) -> DataElement:
        """The element as pydicom converts it; raises whatever a damaged value meets."""


@dataclass(slots=True)
class QuickNode:
    """A data set as this reader parsed it."""

    is_implicit: bool
    encoding: Any = field(repr=False)
    values: dict[int, tuple[str | None, bytes]] = field(default_factory=dict, repr=False)
    nested: dict[int, list["QuickNode"]] = field(default_factory=dict, repr=False)
    parent_encoding: Any = field(default=default_encoding, repr=False)
    _dataset: Dataset | None = field(default=None, repr=False)

    def entries(self) -> Iterator[tuple[int, str | None, Any]]:
        """See `Node`."""
        for tag, (vr, value) in self.values.items():
            yield tag, vr, value

    def raw(self, tag: int) -> tuple[str | None, Any] | None:
        """See `Node`."""
        return self.values.get(tag)

    def items(self, tag: int) -> list[Node] | None:
        """See `Node`."""
        found = self.nested.get(tag)
        return None if found is None else [*found]

    def unknown_bytes(self, tag: int) -> bytes | None:
        """See `Node`."""
        vr, value = self.values[tag]
        _, creator = self.values.get(tag & 0xFFFF0000 | (tag & 0xFF00) >> 8, (None, b""))
        is_unknown = vr in (None, "UN") and _is_foreign(creator)
        return value if is_unknown else None

    def converted(self, tag: int) -> DataElement:
        """See `Node`."""
        return self.dataset()[BaseTag(tag)]

    def dataset(self) -> Dataset:
        """The same as pydicom would have read it; sequences of undefined length have their length."""
        if self._dataset is None:
            raws = {}
            for number, (vr, value) in self.values.items():
                tag, content = BaseTag(number), value or empty_value_for_VR(vr, raw=True)
                raws[tag] = RawDataElement(tag, vr, len(value), content, 0, self.is_implicit, True)  # type: ignore[arg-type]
            self._dataset = Dataset(raws, parent_encoding=self.parent_encoding)  # type: ignore[arg-type]
            self._dataset.set_original_encoding(self.is_implicit, True, self.encoding)
        return self._dataset


@dataclass(slots=True)
class _Cursor:
    """Where the reader is, and how many elements it has met."""

    content: bytes = field(repr=False)
    place: int
    elements: int = 0


def read_elements(content: bytes, start: int, *, is_implicit: bool) -> tuple[QuickNode, bool]:
    """Parse a little endian data set up to its pixels.

    Parameters
    ----------
    content : bytes
        The first bytes of a file; the pixel data must begin within them.
    start : int
        First byte behind the file meta group.
    is_implicit : bool

    Returns
    -------
    The data set, and whether pixel data follows that is not empty.

    Raises
    ------
    Unusual
        Anything but ascending known elements that end where they say, and pixel data behind them.

    Source: PS3.5 section 7 (data set encoding), 7.5 (sequences).
    """
    if is_implicit and content[start + 4 : start + 6].isalpha():
        raise Unusual  # explicit coding under the wrong name
    cursor = _Cursor(content, start)
    try:
        return _read_node(cursor, None, QuickNode(is_implicit, default_encoding), 0)
    except struct.error:
        raise Unusual from None


def _read_node(cursor: _Cursor, end: int | None, node: QuickNode, depth: int) -> tuple[QuickNode, bool]:
    """Read elements until `end`, an item delimiter (no end given, nested) or the pixels (top)."""
    content, before = cursor.content, 0x0007FFFF if not depth else 0
    while end is None or cursor.place < end:
        tag, vr, length = _read_head(cursor, is_implicit=node.is_implicit)
        if tag == _ITEM_END and depth and end is None and not length:
            return node, False
        if not depth and tag in PIXEL_TAGS:
            return node, length > 0
        cursor.elements += 1
        if tag <= before or tag >> 16 == 0xFFFE or cursor.elements > _MAX_ELEMENTS:
            raise Unusual
        before, stop = tag, cursor.place + length
        if vr == "SQ" or (vr is None and _is_sequence(tag)):
            stop = _read_sequence(cursor, tag, length, node, depth)
        elif length > _MAX_VALUE_BYTES or stop > len(content) or (vr == "UN" and _is_sequence(tag)):
            raise Unusual
        else:
            node.values[tag] = (vr, content[cursor.place : stop])
        if tag == _CHARACTER_SET:
            node.encoding = _encoding_of(node.values[tag][1])
        cursor.place = stop
    if cursor.place != end:
        raise Unusual
    return node, False


def _read_head(cursor: _Cursor, *, is_implicit: bool) -> tuple[int, str | None, int]:
    if is_implicit:
        group, element, length = _PLAIN_HEAD(cursor.content, cursor.place)
        cursor.place += 8
        return group << 16 | element, None, length
    group, element, code, length = _SHORT_HEAD(cursor.content, cursor.place)
    cursor.place += 8
    if code in _SHORT:
        return group << 16 | element, _NAMES[code], length
    if code in _LONG and not length:
        (length,) = _LONG_LENGTH(cursor.content, cursor.place)
        cursor.place += 4
        return group << 16 | element, _NAMES[code], length
    if group == 0xFFFE and code == b"\0\0":
        return group << 16 | element, None, length
    raise Unusual


def _read_sequence(cursor: _Cursor, tag: int, length: int, node: QuickNode, depth: int) -> int:
    """Read the items of a sequence; gives the byte behind it."""
    start = cursor.place
    end = None if length == _UNDEFINED else start + length
    if depth >= _MAX_DEPTH or (end or 0) > len(cursor.content):
        raise Unusual
    items: list[QuickNode] = []
    while end is None or cursor.place < end:
        group, element, size = _PLAIN_HEAD(cursor.content, cursor.place)
        item = group << 16 | element
        if item == _SEQUENCE_END and end is None and not size:
            node.values[tag] = (None if node.is_implicit else "SQ", cursor.content[start : cursor.place])
            node.nested[tag] = items
            return cursor.place + 8
        if item != _ITEM:
            raise Unusual
        cursor.place += 8
        child = QuickNode(node.is_implicit, node.encoding, parent_encoding=node.encoding)
        items.append(_read_node(cursor, None if size == _UNDEFINED else cursor.place + size, child, depth + 1)[0])
    if cursor.place != end:
        raise Unusual
    node.values[tag] = (None if node.is_implicit else "SQ", cursor.content[start:end])
    node.nested[tag] = items
    return end


@lru_cache(maxsize=1_000)
def _is_foreign(creator: bytes) -> bool:
    """True for the creator of a private block that pydicom's dictionary does not know."""
    name = creator.decode("ascii", "replace").strip(" \0")
    return bool(name) and name not in private_dictionaries


@lru_cache(maxsize=10_000)
def _is_sequence(tag: int) -> bool:
    return tag in DicomDictionary and DicomDictionary[tag][0] == "SQ"


@lru_cache(maxsize=100)
def _encoding_of(value: bytes) -> Any:
    try:
        return convert_encodings(convert_string(value, True))
    except (LookupError, ValueError, TypeError):
        raise Unusual from None


@dataclass(slots=True)
class ParsedNode:
    """A data set that pydicom has parsed."""

    source: Dataset = field(repr=False)
    encoding: None = None

    def entries(self) -> Iterator[tuple[int, str | None, Any]]:
        """See `Node`."""
        for tag, element in list(self.source.items()):
            yield int(tag), element.VR, element

    def raw(self, tag: int) -> tuple[str | None, Any] | None:
        """See `Node`."""
        element: Any = self.source.get_item(BaseTag(tag))
        return None if element is None else (element.VR, element)

    def items(self, tag: int) -> list[Node] | None:  # noqa: ARG002  sequences are known once they are converted
        """See `Node`."""
        return None

    def unknown_bytes(self, tag: int) -> bytes | None:  # noqa: ARG002  pydicom's conversion tells
        """See `Node`."""
        return None

    def converted(self, tag: int) -> DataElement:
        """See `Node`."""
        return self.source[BaseTag(tag)]
