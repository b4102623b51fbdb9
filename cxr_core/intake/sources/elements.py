"""Decides how the header of an ordinary DICOM file is taken apart, several times faster than pydicom does it.

Takes the first bytes of a file and gives its elements, nested ones included, or `Unusual`: then pydicom reads the
file, so that whatever is odd is read by one reader only. What the elements say is left to `folder` and `identity`.
"""

import struct
from collections.abc import Iterable
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
_SHORT_NAMES, _LONG_NAMES = ({code: code.decode() for code in codes} for codes in (_SHORT, _LONG))
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_CHARACTER_SET, _META_GROUP = 0x00080005, 0x0002
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

    def entries(self) -> Iterable[tuple[int, tuple[str | None, Any]]]:
        """Tag, and VR (None in implicit coding) and raw element or value of every element."""

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

    def entries(self) -> Iterable[tuple[int, tuple[str | None, Any]]]:
        """See `Node`."""
        return self.values.items()

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


def read_meta(content: bytes, start: int) -> tuple[QuickNode, int]:
    """Parse the file meta group (PS3.10 section 7.1), which is always explicit little endian.

    Returns
    -------
    The group, and the first byte behind it.

    Raises
    ------
    Unusual
        Anything but short, ascending elements.
    """
    node, place = QuickNode(False, default_encoding), start
    before = 0
    try:
        while _SHORT_HEAD(content, place)[0] == _META_GROUP:
            tag, vr, length, place = _explicit_head(content, place)
            if tag <= before or vr == "SQ" or place + length > len(content):
                raise Unusual
            node.values[tag] = (vr, content[place : place + length])
            before, place = tag, place + length
    except struct.error:
        raise Unusual from None
    return node, place


def _read_node(cursor: _Cursor, end: int | None, node: QuickNode, depth: int) -> tuple[QuickNode, bool]:
    """Read elements until `end`, an item delimiter (no end given, nested) or the pixels (top)."""
    content, place, before = cursor.content, cursor.place, 0x0007FFFF if not depth else 0
    read_head, values, sequences = _implicit_head if node.is_implicit else _explicit_head, node.values, _sequences()
    while end is None or place < end:
        tag, vr, length, place = read_head(content, place)
        if tag == _ITEM_END and depth and end is None and not length:
            cursor.place = place
            return node, False
        if not depth and tag in PIXEL_TAGS:
            return node, length > 0
        cursor.elements += 1
        if tag <= before or tag >> 16 == 0xFFFE or cursor.elements > _MAX_ELEMENTS:
            raise Unusual
        before, stop = tag, place + length
        if vr == "SQ" or (vr is None and tag in sequences):
            cursor.place = place
            stop = _read_sequence(cursor, tag, length, node, depth)
        elif length > _MAX_VALUE_BYTES or stop > len(content) or (vr == "UN" and tag in sequences):
            raise Unusual
        else:
            values[tag] = (vr, content[place:stop])
        if tag == _CHARACTER_SET:
            node.encoding = _encoding_of(values[tag][1])
        place = stop
    if place != end:
        raise Unusual
    cursor.place = place
    return node, False


_Head = tuple[int, str | None, int, int]
"""Tag, VR, length of the value, and its first byte."""


def _implicit_head(content: bytes, place: int) -> _Head:
    group, element, length = _PLAIN_HEAD(content, place)
    return group << 16 | element, None, length, place + 8


def _explicit_head(content: bytes, place: int) -> _Head:
    group, element, code, length = _SHORT_HEAD(content, place)
    vr = _SHORT_NAMES.get(code)
    if vr is not None:
        return group << 16 | element, vr, length, place + 8
    if code in _LONG_NAMES and not length:
        return group << 16 | element, _LONG_NAMES[code], _LONG_LENGTH(content, place + 8)[0], place + 12
    if group == 0xFFFE and code == b"\0\0":
        return group << 16 | element, None, length, place + 8
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


@lru_cache(maxsize=1)
def _sequences() -> frozenset[int]:
    return frozenset(tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ")


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

    def entries(self) -> Iterable[tuple[int, tuple[str | None, Any]]]:
        """See `Node`."""
        return [(int(tag), (element.VR, element)) for tag, element in self.source.items()]

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
