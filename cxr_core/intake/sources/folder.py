"""Decides how a DICOM file of any make is opened: where its header starts, how it is coded, where it must stop.

Takes a folder and gives its files; takes a file and gives its header without pixels, or an `ItemError`.
What the header says of the patient is left to `intake.identity`, which row it becomes to `intake.catalog`.
"""

import contextlib
import io
import logging
import os
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import pydicom
from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from cxr_core.errors import ItemError
from cxr_core.intake.sources.elements import Node, ParsedNode, Unusual, read_elements, read_meta
from cxr_core.policy.limits import PIXEL_TAGS, HeaderGuard, is_behind_meta, refuse_crowds
from cxr_core.vocabulary import Reason

_PREAMBLE_BYTES = 128
_QUICK_BYTES = 1 << 17  # a header that is longer is read by pydicom
_FIRST_GROUPS = (0x0002, 0x0008)
# Plain text: comparing UIDs of pydicom is slow.
_IMPLICIT, _DIRECTORY = str(ImplicitVRLittleEndian), str(MediaStorageDirectoryStorage)
_ODD_SYNTAXES = frozenset(["", str(DeflatedExplicitVRLittleEndian), str(ExplicitVRBigEndian)])
_PLAIN_VRS = frozenset(["AE", "AS", "CS", "DA", "LO", "PN", "SH", "ST", "TM", "UI"])

_ENCODED_VRS = frozenset(["LO", "PN", "SH"])

# Bounds of an inflated deflate stream. The floor lets a blank 16-bit detector image through, whatever its ratio;
# between floor and ceiling a stream may grow 200-fold, which images of noise and anatomy never reach.
_INFLATED_FLOOR = 64 * 2**20
_INFLATED_CEILING = 512 * 2**20
_INFLATED_RATIO = 200


@dataclass(frozen=True, slots=True)
class Header:
    """A DICOM header up to the pixels.

    Parameters
    ----------
    node : Node
        All elements before the pixel data, nested and private ones included.
    has_pixels : bool
        A pixel data element that is not empty follows.
    """

    node: Node = field(repr=False)
    has_pixels: bool


def walk_files(root: Path) -> Iterator[Path]:
    """Give every regular file below a folder, in a fixed order; symbolic links are not followed.

    A folder that cannot be listed is given itself, so that it is accounted for; the root raises.
    """
    return (path for path, is_special in _walk(root) if not is_special)


def walk_entries(root: Path) -> Iterator[Path]:
    """Give what `walk_files` gives, and the links, pipes and devices between the files, so that none is overlooked."""
    return (path for path, _ in _walk(root))


def holds_nothing(root: Path) -> bool:
    """True for a folder without any entry, however deep; one that cannot be listed is told by whoever reads it."""
    try:
        return next(_walk(root), None) is None
    except OSError:
        return False


def _walk(root: Path) -> Iterator[tuple[Path, bool]]:
    """Every entry that is no folder, and whether it is no regular file either."""
    waiting = [iter(_listed(root))]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
        elif entry.is_dir(follow_symlinks=False):
            try:
                waiting.append(iter(_listed(Path(entry.path))))
            except OSError:
                yield Path(entry.path), False
        else:
            yield Path(entry.path), not entry.is_file(follow_symlinks=False)


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def spell_path(path: Path) -> str:
    """A path as text that says every byte of it: a backslash twice, what is no UTF-8 as `\\xff`."""
    spelled = os.fsencode(path).decode("utf-8", "surrogateescape").replace("\\", "\\\\")
    return "".join(f"\\x{ord(sign) - 0xDC00:02x}" if "\udc80" <= sign <= "\udcff" else sign for sign in spelled)


def read_path(spelled: str) -> Path:
    """The path that `spell_path` wrote."""

    def plain(match: re.Match[str]) -> str:
        return "\\" if match[0] == "\\\\" else chr(0xDC00 + int(match[0][2:], 16))

    text = re.sub(r"\\\\|\\x[0-9a-f]{2}", plain, spelled)
    return Path(os.fsdecode(text.encode("utf-8", "surrogateescape")))


_is_quiet: ContextVar[bool] = ContextVar("_is_quiet", default=False)


@contextlib.contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Silence pydicom while identified files are read: its warnings and log lines quote values."""
    if _is_quiet.get():
        yield
        return
    logger = logging.getLogger("pydicom")
    was_disabled, token = logger.disabled, _is_quiet.set(True)
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = was_disabled
        _is_quiet.reset(token)


def read_header(file: BinaryIO, size_bytes: int) -> Header:
    """Read the header of one DICOM file, whatever its coding; an ordinary one without pydicom.

    Files without preamble or meta group are read as implicit VR (explicit where the bytes say so) and accepted only
    if they name a SOP class. Deflated data sets are inflated up to a bound.

    Source: PS3.10 section 7 (file format), PS3.5 annex A (transfer syntaxes).

    Raises
    ------
    ItemError
        `E_NOT_DICOM`, `E_DICOMDIR`, or `E_BOMB` where a deflated data set grows beyond its bound.
    """
    with quiet_pydicom():
        try:
            return _read_quickly(file) or _read(file, size_bytes)
        except ItemError:
            raise
        # The one edge where any exception counts as a bad file: on damaged bytes pydicom raises whatever its value
        # converters meet (struct, Unicode, Key, Attribute, Recursion, NotImplemented, MemoryError, ...).
        except Exception:  # noqa: BLE001
            raise ItemError(Reason.E_NOT_DICOM, "the header cannot be parsed") from None


def value_of(node: Node, keyword: str) -> Any:
    """Value of an attribute; None where it is absent or its bytes cannot be converted."""
    try:
        return node.converted(_number(keyword)).value
    # pydicom converts on access and raises whatever a damaged value meets; such a value is as good as absent.
    except Exception:  # noqa: BLE001
        return None


def plain_values(raw: object, tag: int, vr: str | None, encoding: object = None) -> list[str] | None:
    """Stripped values of an element that is plain text, empty ones left out; None where it is anything else.

    Most elements are plain, and this path is several times faster than the conversion of pydicom.

    Parameters
    ----------
    raw : bytes, or an element of pydicom
    tag : int
    vr : str, optional
        Absent in implicit coding.
    encoding : list of str, optional
        Character sets; without them only ASCII is plain.
    """
    value = raw if type(raw) is bytes else raw.value if isinstance(raw, RawDataElement) else None
    if type(value) is not bytes or (vr := vr or _public_vr(tag)) not in _PLAIN_VRS or b"\x1b" in value:
        return None
    if not value:
        return []
    if value.isascii():
        text = value.decode("ascii")
    elif vr in _ENCODED_VRS and isinstance(encoding, list) and len(encoding) == 1:
        try:
            text = value.decode(encoding[0])
        except (UnicodeDecodeError, LookupError):
            return None
    else:
        return None
    if "\x00" in text:
        text = text.replace("\x00", "")
    if "\\" not in text:
        return [part] if (part := text.strip()) else []
    return [part for one in text.split("\\") if (part := one.strip())]


def _vr_of(tag: int, vr: str | None) -> str:
    return vr or _public_vr(tag)


@lru_cache(maxsize=10_000)
def _public_vr(tag: int) -> str:
    """The VR of the dictionary; of a private creator, which is always a LO (PS3.5 section 7.8.1)."""
    if tag & 0x10000 and 0x10 <= tag & 0xFFFF <= 0xFF:
        return "LO"
    return dictionary_VR(tag) if dictionary_has_tag(tag) else "UN"


def text_of(node: Node, keyword: str) -> str:
    """The first value of an attribute as stripped text; empty where there is none."""
    tag = _number(keyword)
    found = node.raw(tag)
    if found is None:
        return ""
    plain = plain_values(found[1], tag, found[0], node.encoding)
    if plain is not None:
        return plain[0] if plain else ""
    if isinstance(found[1], bytes) and len(found[1]) == 2 and _vr_of(tag, found[0]) == "US":
        return str(int.from_bytes(found[1], "little"))  # an ordinary file is little endian
    value = value_of(node, keyword)
    if value is None or isinstance(value, bytes):
        return ""
    if isinstance(value, MultiValue):
        value = value[0] if len(value) else ""
    return str(value).split("\x00")[0].strip()


def has(node: Node, keyword: str) -> bool:
    """True where an attribute is present, with a value or without."""
    return node.raw(_number(keyword)) is not None


def items_of(node: Node, keyword: str) -> Sequence[Node]:
    """Items of a sequence; none where it is absent or no sequence."""
    known = node.items(_number(keyword))
    if known is not None:
        return known
    value = value_of(node, keyword)
    return [ParsedNode(item) for item in value] if isinstance(value, pydicom.Sequence) else []


@lru_cache(maxsize=1_000)
def _number(keyword: str) -> int:
    return int(Tag(keyword))


def _read_quickly(file: BinaryIO) -> Header | None:
    """The header of an ordinary file; None, back at the start, where pydicom must read it."""
    content = file.read(_QUICK_BYTES)
    file.seek(0)
    if content[_PREAMBLE_BYTES : _PREAMBLE_BYTES + 4] != b"DICM":
        return None
    try:
        meta, start = read_meta(content, _PREAMBLE_BYTES + 4)
        syntax = text_of(meta, "TransferSyntaxUID")
        is_odd = syntax in _ODD_SYNTAXES or text_of(meta, "MediaStorageSOPClassUID") == _DIRECTORY
        if is_odd:
            return None
        node, has_pixels = read_elements(content, start, is_implicit=syntax == _IMPLICIT)
    except Unusual:
        return None
    return Header(node, has_pixels) if node.values else None


def _read(file: BinaryIO, size_bytes: int) -> Header:
    has_meta = _seek_to_meta(file)
    meta = ParsedNode(read_dataset(file, False, True, stop_when=is_behind_meta) if has_meta else Dataset())
    if text_of(meta, "MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        raise ItemError(Reason.E_DICOMDIR)
    syntax = text_of(meta, "TransferSyntaxUID") or str(ImplicitVRLittleEndian)
    source: BinaryIO = file
    plain = b""
    if syntax == DeflatedExplicitVRLittleEndian:
        plain = _inflate(file, size_bytes)
        refuse_crowds(plain)
        source = io.BytesIO(plain)
    pixels = _PixelStop(max(size_bytes, len(plain)))
    dataset = read_dataset(
        source,
        is_implicit_VR=syntax == ImplicitVRLittleEndian,
        is_little_endian=syntax != ExplicitVRBigEndian,
        stop_when=pixels,
    )
    if "DirectoryRecordSequence" in dataset:
        raise ItemError(Reason.E_DICOMDIR)
    node = ParsedNode(dataset)
    if not len(dataset) or not (has_meta or _names_a_class(node)):
        raise ItemError(Reason.E_NOT_DICOM, "no data set")
    return Header(node, pixels.length > 0)


class _PixelStop:
    """Stops the reader at the pixel data and remembers whether there was any."""

    def __init__(self, size_bytes: int) -> None:
        self.length = 0
        self._guard = HeaderGuard(size_bytes)

    def __call__(self, tag: BaseTag, vr: str | None, length: int) -> bool:
        if int(tag) in PIXEL_TAGS:  # a plain int: the comparison of tags is slow, and there are many
            self.length = length
            return True
        return self._guard(tag, vr, length)


def _seek_to_meta(file: BinaryIO) -> bool:
    """Go to the meta group, or to the start of a file without one; False where there is none."""
    start = file.read(_PREAMBLE_BYTES + 4)
    if start[_PREAMBLE_BYTES:] == b"DICM":
        return True
    if len(start) < 8:
        raise ItemError(Reason.E_NOT_DICOM, "too short")
    little, big = struct.unpack_from("<H", start)[0], struct.unpack_from(">H", start)[0]
    if little not in _FIRST_GROUPS and big not in _FIRST_GROUPS:
        raise ItemError(Reason.E_NOT_DICOM, "no preamble and no DICOM element at the start")
    if not dictionary_has_tag(Tag(*struct.unpack_from("<HH", start))):
        raise ItemError(Reason.E_NOT_DICOM, "no known element at the start")
    file.seek(0)
    return bool(little == _FIRST_GROUPS[0])


def _names_a_class(node: Node) -> bool:
    return text_of(node, "SOPClassUID").startswith(("1.2.840.", "1.3."))


def _inflate(file: BinaryIO, size_bytes: int) -> bytes:
    """Inflate the rest of a file up to the bound; a stream that ends early gives what it holds (PS3.5 A.5)."""
    bound = min(_INFLATED_CEILING, max(_INFLATED_FLOOR, _INFLATED_RATIO * size_bytes))
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(file.read(), bound + 1)
    except zlib.error:
        raise ItemError(Reason.E_NOT_DICOM, "the deflated data set is damaged") from None
    if len(content) > bound:
        raise ItemError(Reason.E_BOMB, f"a deflated data set grows beyond {bound} bytes")
    return content
