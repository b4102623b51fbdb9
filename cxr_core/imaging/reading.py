"""Decides whether a file is a DICOM object at all, and reads it without trusting it.

Takes a path and gives a pydicom Dataset, or an ItemError that says why there is none; deflated data is inflated here,
under a cap, because pydicom inflates without one. Leaves the pixels to `decoding` and every policy (SOP class,
required identifiers) to the airlock.
"""

import os
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset, read_partial
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from cxr_core.errors import ItemError, TransientError
from cxr_core.policy.limits import PIXEL_TAGS, GuardedReader, is_behind_meta, refuse_large
from cxr_core.vocabulary import Reason

MAX_INFLATED_BYTES = 1 << 28
"""Cap on deflated data: 306 kB of deflate has become 646 MB of memory."""

# Radiographs deflate to a tenth at best, blank ones (of up to 32 million pixels) to a thousandth.
_PLAUSIBLE_RATIO, _SMALL_INFLATED_BYTES = 50, 1 << 26
_INFLATE_STEP_BYTES = 1 << 22
_PREAMBLE_BYTES = 128
_PIXEL_DATA = 0x7FE00010
_DIRECTORY_RECORDS = 0x00041220
# A file without preamble opens with file meta (group 0002) or with the identifying group 0008, in either byte order.
_FIRST_GROUPS = frozenset({b"\x02\x00", b"\x08\x00", b"\x00\x08"})
# What makes a stream without the DICM prefix an object and not a coincidence: a SOP class, a modality or pixels.
_OBJECT_TAGS = (0x00080016, 0x00080060, _PIXEL_DATA)


def read_header(
    path: Path, *, stop_before_pixels: bool = False, max_inflated_bytes: int = MAX_INFLATED_BYTES
) -> Dataset:
    """Read one DICOM file, with or without preamble and file meta, without believing what it declares.

    A file without file meta keeps pydicom's guess of its encoding (`Dataset.original_encoding`). Deflated data is
    inflated up to a cap *before* pydicom sees it; the transfer syntax in `file_meta` stays the deflated one.

    Parameters
    ----------
    path : Path
        The file. Its name never reaches an error message.
    stop_before_pixels : bool
        True leaves out the pixel data and everything behind it, for catalogs.
    max_inflated_bytes : int
        Most bytes that a deflated data set may become.

    Raises
    ------
    ItemError
        E_NOT_DICOM, E_DICOMDIR, E_BOMB (file or inflated data over the cap), E_PIXELS (header readable, pixels not).
    TransientError
        The file cannot be opened or read from disk.

    Source: PS3.10 section 7.1 (file format), PS3.5 annex A.5 (deflate).
    """
    try:
        size = path.stat().st_size
        refuse_large(size)
        with path.open("rb", buffering=0) as raw, GuardedReader(raw, size) as file:
            return _read(file, stop_before_pixels=stop_before_pixels, max_inflated=max_inflated_bytes)
    except OSError as error:
        raise TransientError(f"file cannot be read ({os.strerror(error.errno or 0)})") from None


def parse_header(content: bytes) -> Dataset:
    """Read one DICOM file that is in memory already, as `read_header` would.

    Raises
    ------
    ItemError
        As `read_header`.
    """
    refuse_large(len(content))
    with GuardedReader(BytesIO(content), len(content)) as file:
        return _read(file, stop_before_pixels=False, max_inflated=MAX_INFLATED_BYTES)


def _read(file: GuardedReader, *, stop_before_pixels: bool, max_inflated: int) -> Dataset:
    head = file.read(_PREAMBLE_BYTES + 4)
    has_prefix = head[_PREAMBLE_BYTES:] == b"DICM"
    if not has_prefix and head[:2] not in _FIRST_GROUPS:
        raise ItemError(Reason.E_NOT_DICOM, "no DICM prefix and no data set")
    meta_start = _PREAMBLE_BYTES + 4 if has_prefix else 0
    syntax, data_start = _read_syntax(file, meta_start)
    file.seek(data_start)
    if file.read(2) == b"\0\0":  # pydicom reads a command set, which no file has, without asking where to stop
        raise ItemError(Reason.E_NOT_DICOM, "a command set instead of a data set")
    if syntax == DeflatedExplicitVRLittleEndian:
        plain = _inflate(file, data_start, max_inflated)
        dataset = _parse_inflated(file, data_start, plain, stop_before_pixels=stop_before_pixels)
    else:
        dataset = _parse(file, stop_before_pixels=stop_before_pixels)
    _refuse_other_objects(dataset, has_prefix=has_prefix)
    return dataset


def _read_syntax(file: BinaryIO, start: int) -> tuple[str, int]:
    """The transfer syntax and the first byte behind the file meta, read as pydicom itself reads them.

    Another reader could find another syntax in a hostile file meta, and pydicom would inflate without a cap.
    """
    file.seek(start)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            meta = read_dataset(file, False, True, stop_when=is_behind_meta)
            syntax = str(meta.get("TransferSyntaxUID", "")).strip("\0 ")
        except Exception:  # noqa: BLE001 the edge: what the meta cannot be read as, the data set is refused for
            raise ItemError(Reason.E_NOT_DICOM, "file meta cannot be parsed") from None
    return syntax, file.tell()


def _inflate(file: BinaryIO, start: int, cap: int) -> GuardedReader:
    """Inflate step by step into a file of explicit little endian, which deflated data is (PS3.5 A.5)."""
    file.seek(start)
    deflated = file.read()
    cap = min(cap, max(_PLAUSIBLE_RATIO * len(deflated), _SMALL_INFLATED_BYTES))
    inflater, plain, size = zlib.decompressobj(-zlib.MAX_WBITS), BytesIO(), 0
    plain.write(_plain_meta())
    while not inflater.eof:
        try:
            chunk = inflater.decompress(deflated, _INFLATE_STEP_BYTES)
        except zlib.error:
            raise ItemError(Reason.E_PIXELS, "deflated data is damaged") from None
        deflated = inflater.unconsumed_tail
        size += plain.write(chunk)
        if size > cap:
            raise ItemError(Reason.E_BOMB, f"deflated data of more than {cap} bytes")
        if not chunk and not deflated and not inflater.eof:
            raise ItemError(Reason.E_PIXELS, "deflated data is truncated")
    return GuardedReader(plain, plain.tell())


def _parse_inflated(file: BinaryIO, start: int, plain: GuardedReader, *, stop_before_pixels: bool) -> Dataset:
    """Parse inflated data, keeping the file meta it came with."""
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        meta = read_partial(BytesIO(file.read(start)), force=True).file_meta
    dataset = _parse(plain, stop_before_pixels=stop_before_pixels)
    dataset.file_meta = meta
    return dataset


def _plain_meta() -> bytes:
    uid = ExplicitVRLittleEndian.encode("ascii")
    uid += b"\0" * (len(uid) % 2)
    return b"\0" * _PREAMBLE_BYTES + b"DICM" + struct.pack("<HH2sH", 2, 0x10, b"UI", len(uid)) + uid


def _parse(file: GuardedReader, *, stop_before_pixels: bool) -> Dataset:
    dataset = _try_parse(file, stop_before_pixels=stop_before_pixels)
    if dataset is not None:
        return dataset
    if not stop_before_pixels and _try_parse(file, stop_before_pixels=True) is not None:
        raise ItemError(Reason.E_PIXELS, "pixel data cannot be read")
    raise ItemError(Reason.E_NOT_DICOM, "data set cannot be parsed")


def _try_parse(file: GuardedReader, *, stop_before_pixels: bool) -> Dataset | None:
    file.restart()

    def stops(tag: BaseTag, vr: str | None, length: int) -> bool:
        return file.meet(tag, vr, length) or (stop_before_pixels and tag in PIXEL_TAGS)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings print values
            return read_partial(file, stop_when=stops, force=True) or None
    except ItemError:
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        return None  # not the machine's fault: pydicom says so of a sequence that ends early
    except Exception:  # noqa: BLE001  the edge: on bad bytes pydicom raises a dozen types, some with values in them
        return None


def _refuse_other_objects(dataset: Dataset, *, has_prefix: bool) -> None:
    if _is_directory(getattr(dataset, "file_meta", FileMetaDataset())) or _DIRECTORY_RECORDS in dataset:
        raise ItemError(Reason.E_DICOMDIR, "a media directory holds no image")
    if not dataset or (not has_prefix and not any(tag in dataset for tag in _OBJECT_TAGS)):
        raise ItemError(Reason.E_NOT_DICOM, "no element of a DICOM object")


def _is_directory(meta: Dataset) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return bool(meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage)
        except Exception:  # noqa: BLE001  the edge: pydicom converts on access and fails in many ways, naming the value
            return False
