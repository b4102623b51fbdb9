"""What a header may be at most, before any parser spends time or memory on it.

Takes what a reader meets element by element, refuses what no radiograph is. Shared by catalog and airlock, so that
neither takes what would stop the other; deflated data and declared pixels have caps of their own where they are read.
"""

import io
from dataclasses import dataclass

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.tag import BaseTag

from cxr_core.errors import ItemError
from cxr_core.vocabulary import Reason

MAX_FILE_BYTES = 1 << 29
"""Larger files are refused unread: 100 million 16-bit pixels are 200 MB."""
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Float, double float and integer pixel data (PS3.6): where a header ends."""
_MAX_ELEMENTS = 20_000  # real headers have some hundreds at the top level
_MAX_ITEMS = 20_000
_MAX_TEXT_BYTES = 1 << 20
_MAX_HEADER_BYTES = 1 << 24  # icons, look-up tables and curves included
_BULK = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "UN", "UT", "UC", "UR"})
_ITEMS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
_OPAQUE = frozenset({"OB", "OW", None})  # how pixel data is written; nothing within is parsed then
_HEAD_BYTES = 16  # a parser reads tag and length of an element or an item in portions of at most so many bytes


@dataclass(slots=True)
class HeaderGuard:
    """Counts elements as a reader meets them (the `stop_when` of pydicom's readers); never stops it, only refuses.

    Parameters
    ----------
    size_bytes : int
        Bytes that there are: a length beyond them is no bomb.

    Raises
    ------
    ItemError
        `E_BOMB` for too many elements, a text or a header beyond all reason.
    """

    size_bytes: int
    elements: int = 0
    header_bytes: int = 0

    def __call__(self, tag: int, vr: str | None, length: int) -> bool:
        self.elements += 1
        if self.elements > _MAX_ELEMENTS:
            raise ItemError(Reason.E_BOMB, f"more than {_MAX_ELEMENTS} elements")
        if length > self.size_bytes or int(tag) in PIXEL_TAGS:  # undefined, or a lie that the reader meets next
            return False
        self.header_bytes += length
        is_long_text = length > _MAX_TEXT_BYTES and _vr_of(tag, vr) not in _BULK
        if is_long_text or self.header_bytes > _MAX_HEADER_BYTES:
            raise ItemError(Reason.E_BOMB, f"a header of {self.header_bytes} bytes and more")
        return False


class GuardedReader(io.BufferedReader):
    """A file that counts items of sequences while a parser reads them, and refuses a crowd before it is parsed.

    A value that a parser keeps for later is counted when it is read. The value of the pixel data is not: counting
    takes longer than reading it, and only the heads of its fragments are ever parsed.

    Parameters
    ----------
    raw : raw stream or BytesIO
    size_bytes : int
        Bytes that there are: no read asks for more, whatever a length declares.

    Raises
    ------
    ItemError
        `E_BOMB`, from `read`.
    """

    def __init__(self, raw: io.RawIOBase | io.BytesIO, size_bytes: int) -> None:
        super().__init__(raw)
        self._size_bytes = size_bytes
        self.restart()

    @property
    def name(self) -> str:
        """Empty: pydicom keeps the name of a buffered file, and names of files can tell patients."""
        return ""

    def restart(self) -> None:
        """Go to the start and count anew."""
        self.seek(0)
        self._items, self._is_in_pixels = 0, False
        self._guard = HeaderGuard(self._size_bytes)

    def meet(self, tag: int, vr: str | None, length: int) -> bool:
        """Take notice of the element whose value is read next (the `stop_when` of pydicom's readers); never stops."""
        self._is_in_pixels = int(tag) in PIXEL_TAGS and vr in _OPAQUE
        return self._guard(tag, vr, length)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as any file does."""
        data = super().read(-1 if size is None else min(size, self._size_bytes))
        if len(data) <= _HEAD_BYTES or not self._is_in_pixels:
            self._items += _count_items(data)
            _refuse_items(self._items)
        return data


def is_behind_meta(tag: BaseTag, vr: str | None, length: int) -> bool:  # noqa: ARG001  signature of pydicom's callback
    """True where the file meta group ends (a `stop_when` of pydicom's readers)."""
    return tag.group != 2


def _vr_of(tag: int, vr: str | None) -> str:
    """The VR that is written, or the one of the dictionary; what is unknown counts as bulk."""
    return vr or (dictionary_VR(tag) if dictionary_has_tag(tag) else "UN")


def refuse_large(size_bytes: int) -> None:
    """Refuse a file that is too large to be read.

    Raises
    ------
    ItemError
        `E_BOMB`.
    """
    if size_bytes > MAX_FILE_BYTES:
        raise ItemError(Reason.E_BOMB, f"file of {size_bytes} bytes")


def refuse_crowds(content: bytes) -> None:
    """Refuse data with more items of sequences than a header can have: each costs a parser a millisecond.

    Raises
    ------
    ItemError
        `E_BOMB`.
    """
    _refuse_items(_count_items(content))


def _count_items(content: bytes) -> int:
    return sum(map(content.count, _ITEMS))


def _refuse_items(count: int) -> None:
    if count > _MAX_ITEMS:
        raise ItemError(Reason.E_BOMB, f"more than {_MAX_ITEMS} items")
