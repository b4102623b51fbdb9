"""Whether a JPEG, a DICOM file or a gzip file has room for anything but what it should hold.

Takes bytes or a read dataset; gives faults and the parts that must be searched. Searching them is left to `decoded`
and `matching`. Sources: ITU-T T.81 annex B (markers), PS3.10 section 7 (preamble, meta), RFC 1952 (gzip).
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.tag import BaseTag

from cxr_core.policy.profile import load_profile
from cxr_core.settings.deidentify import ProfileName
from cxr_core.verification.findings import Finding
from cxr_core.verification.never_list import load_never_list

_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_APP = range(0xE0, 0xF0)
_RESTART = range(0xD0, 0xD8)
_TABLES = {0xDB, 0xC4, 0xCC, 0xDD}  # DQT, DHT, DAC, DRI
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB}
_JFIF_BYTES = 14  # without a thumbnail
_GZIP_FLAGS_AT = 3
_INFLATE_STEP_BYTES = 1 << 20
_DELIMITER_BYTES = 8  # the item that ends encapsulated pixel data
_PREAMBLE = bytes(128)
JPEG_MAGIC = b"\xff\xd8\xff"
OLDEST_YEARS = 90  # 45 CFR 164.514(b)(2)(i)(C): older ages are told as this one
_META = frozenset({
    "FileMetaInformationGroupLength", "FileMetaInformationVersion", "MediaStorageSOPClassUID",
    "MediaStorageSOPInstanceUID", "TransferSyntaxUID", "ImplementationClassUID", "ImplementationVersionName",
})  # fmt: skip
_OWN_UID = re.compile(r"2\.25\.[1-9]\d{0,38}|1\.2\.840\.10008\.[0-9.]+")
_PSEUDONYM = re.compile(r"1\d{7,8}")


@dataclass(frozen=True, slots=True)
class JpegParts:
    """What a JPEG consists of beside its coded data.

    Parameters
    ----------
    segments : tuple of (marker name, payload)
        Application and comment segments: what may hold text.
    tail : bytes
        What stands after the end of the image.
    """

    segments: tuple[tuple[str, bytes], ...] = field(repr=False)
    tail: bytes = field(repr=False)
    faults: tuple[Finding, ...]


def split_jpeg(data: bytes) -> JpegParts:
    """Walk the markers of a JPEG; only JFIF, tables, frame and scans are allowed."""
    segments: list[tuple[str, bytes]] = []
    faults: list[Finding] = []
    at = 2
    while at + 2 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == _EOI:
            tail = data[at + 2 :]
            return JpegParts(tuple(segments), tail, (*faults, *([Finding.JPEG_TAIL] if tail else ())))
        length = int.from_bytes(data[at + 2 : at + 4])
        payload = data[at + 4 : at + 2 + length]
        if marker in _APP or marker == _COM:
            name = "COM" if marker == _COM else f"APP{marker - _APP.start}"
            segments.append((name, payload))
            if not _is_plain_jfif(name, payload):
                faults.append(Finding.JPEG_SEGMENT)
        elif marker not in _TABLES | _FRAMES | {_SOS}:
            faults.append(Finding.JPEG_SEGMENT)
        at += 2 + length
        if marker == _SOS:
            at = _scan_end(data, at)
    return JpegParts(tuple(segments), b"", (*faults, Finding.JPEG_DAMAGED))


def _is_plain_jfif(name: str, payload: bytes) -> bool:
    return name == "APP0" and payload.startswith(b"JFIF\0") and len(payload) == _JFIF_BYTES


def _scan_end(data: bytes, at: int) -> int:
    """Position of the first marker after a scan: 0xFF not followed by a stuffed zero or a restart."""
    while (at := data.find(b"\xff", at)) != -1 and at + 1 < len(data):
        following = data[at + 1]
        if following == 0xFF:
            at += 1
        elif following == 0 or following in _RESTART:
            at += 2
        else:
            return at
    return len(data)


def gzip_faults(data: bytes) -> tuple[Finding, ...]:
    """A gzip header must hold no name, comment, extra field or time stamp, and stand once."""
    has_more = len(data) < 10 or data[_GZIP_FLAGS_AT] != 0 or data[4:8] != bytes(4) or _has_a_second_member(data)
    return (Finding.GZIP_HEADER,) if has_more else ()


def _has_a_second_member(data: bytes) -> bool:
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        while not inflater.eof and data:
            inflater.decompress(data, _INFLATE_STEP_BYTES)
            data = inflater.unconsumed_tail
    except zlib.error:
        return False  # told as unreadable
    return bool(inflater.unused_data)


def dicom_faults(header: FileDataset, size: int) -> Iterator[Finding]:
    """Faults of a DICOM file: preamble, forbidden attributes at any depth, UIDs that are not ours, pixel length.

    Parameters
    ----------
    size : int
        Length of the file in bytes: nothing may stand after the pixels.
    """
    if header.preamble != _PREAMBLE:
        yield Finding.DICOM_PREAMBLE
    for dataset in (header.file_meta, header):
        yield from _element_faults(dataset)
    listed = load_profile(ProfileName.MIMIC).rules
    if any(int(element.tag) not in listed for element in header):
        yield Finding.DICOM_TAG
    if any(element.keyword not in _META for element in header.file_meta):
        yield Finding.DICOM_TAG
    if (years := _years_of_age(str(header.get("PatientAge") or ""))) is not None and years > OLDEST_YEARS:
        yield Finding.AGE
    if "PixelData" not in header:
        yield Finding.DICOM_UNREADABLE
    elif not _pixels_end_the_file(header, size) or not _pixels_keep_their_bits(header):
        yield Finding.DICOM_PIXELS
    else:
        yield from _codestream_faults(header.PixelData)


def _pixels_end_the_file(header: FileDataset, size: int) -> bool:
    """Native pixels: of the length that the header tells; all: the last thing in the file (PS3.5 section 8, A.4)."""
    pixels = header["PixelData"]
    start, length = pixels.file_tell or 0, len(pixels.value)
    expected = _pixel_bytes(header)
    if expected is not None:
        return length == expected and start + length == size
    return start + length + _DELIMITER_BYTES == size


def _pixels_keep_their_bits(header: FileDataset) -> bool:
    """Native pixels: nothing above BitsStored but the sign (overlays used to be embedded there)."""
    if _pixel_bytes(header) is None or header.get("BitsAllocated") != 16:
        return True
    stored, spare = int(header.get("BitsStored", 16)), 16 - int(header.get("BitsStored", 16))
    words = np.frombuffer(header.PixelData[: len(header.PixelData) // 2 * 2], "<u2")
    if header.get("PixelRepresentation"):
        signed = words.view("<i2")
        return bool((((signed << spare).astype("<i2") >> spare) == signed).all())
    return int(words.max(initial=0)) >> stored == 0


def _codestream_faults(pixels: bytes) -> Iterator[Finding]:
    """Encapsulated JPEG: no comments, no application segments."""
    at = pixels.find(JPEG_MAGIC)
    if at >= 0:
        yield from (fault for fault in split_jpeg(pixels[at:]).faults if fault is Finding.JPEG_SEGMENT)


def _years_of_age(text: str) -> int | None:
    """Whole years of an AS in years; None for anything else."""
    return int(text[:3]) if re.fullmatch(r"\d{3}Y", text) else None


def _element_faults(dataset: Dataset) -> Iterator[Finding]:
    policy = load_never_list()
    for element in dataset:
        if element.VR == "SQ":
            if element.keyword in policy.never_keywords or _is_forbidden(element.tag):
                yield Finding.DICOM_TAG
            for item in element.value:
                yield from _element_faults(item)
        elif _is_forbidden(element.tag) or (element.keyword in policy.never_keywords and not element.is_empty):
            yield Finding.DICOM_TAG
        elif element.VR == "UI" and not _are_own_uids(str(element.value or "")):
            yield Finding.DICOM_UID
        elif element.keyword in {"PatientID", "PatientName"} and not _is_pseudonym(str(element.value or "")):
            yield Finding.DICOM_TAG


def _is_forbidden(tag: BaseTag) -> bool:
    groups = load_never_list().never_groups
    is_group_length = tag.element == 0 and tag.group != 2
    return bool(tag.is_private) or is_group_length or any(first <= tag.group <= last for first, last in groups)


def _are_own_uids(value: str) -> bool:
    uids = re.findall(r"[0-9][0-9.]*", value)
    return all(_OWN_UID.fullmatch(uid) for uid in uids)


def _is_pseudonym(value: str) -> bool:
    return not value or _PSEUDONYM.fullmatch(value) is not None


def _pixel_bytes(header: FileDataset) -> int | None:
    """Length of native pixel data with its padding to even; None for encapsulated streams."""
    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is not None and syntax.is_compressed:
        return None
    samples = int(header.get("Rows", 0)) * int(header.get("Columns", 0)) * int(header.get("SamplesPerPixel", 1))
    size = samples * (int(header.get("BitsAllocated", 16)) // 8)
    return size + size % 2
