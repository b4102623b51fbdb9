"""From a de-identified header and redacted pixels to the bytes of a DICOM file.

Takes a header of `engine` and an array of stored values; gives a whole Part 10 file in Explicit VR Little Endian or
losslessly compressed, its last element (7FE0,0010) appended by hand: that spares two copies of the pixels.
What the header may hold was decided by `engine`, the pixels by `deidentify.pixels`; writing to disk is left to `study`.
"""

import struct
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, HTJ2KLossless, JPEGLSLossless

from cxr_core.deidentify.header.cleaning import code_item
from cxr_core.deidentify.header.reading import silence
from cxr_core.errors import ItemError
from cxr_core.imaging.codecs import encode_lossless
from cxr_core.imaging.codestreams import StreamKind
from cxr_core.policy.codes import Code
from cxr_core.settings.deidentify import Compression
from cxr_core.vocabulary import Reason

IMPLEMENTATION_CLASS_UID = "2.25.89134357207824053341950953989947769368"
IMPLEMENTATION_VERSION_NAME = "HILUM"
CLEAN_PIXEL_DATA = Code("113101", "DCM", "Clean Pixel Data Option")

_METHODS = 0x00120064
_SYNTAXES = {
    Compression.RAW: ExplicitVRLittleEndian,
    Compression.HTJ2K: HTJ2KLossless,
    Compression.JPEG_LS: JPEGLSLossless,
}
_KINDS = {Compression.HTJ2K: StreamKind.HTJ2K, Compression.JPEG_LS: StreamKind.JPEG_LS}
_UNDEFINED_LENGTH = 0xFFFFFFFF
_ITEM, _DELIMITER = struct.pack("<HH", 0xFFFE, 0xE000), struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def assemble(
    header: Dataset,
    pixels: NDArray[np.integer],
    *,
    bits_stored: int,
    is_signed: bool,
    compression: Compression = Compression.RAW,
) -> bytes:
    """Write the file of one image whose pixels have passed the pixel stage.

    The preamble is 128 zero bytes, the file meta is ours, PixelData is rows x columns x 1 or 2 bytes (padded to an even
    length, PS3.5 section 8.1.1) and the last element. Bits above `bits_stored` are cleared, or carry the sign.

    Parameters
    ----------
    header : Dataset
        From `deidentify_header`; not changed.
    pixels : (rows, columns) integer array
        Stored values after redaction.
    bits_stored : int
        8 to 16.
    is_signed : bool
        Two's complement.
    compression : Compression
        RAW, or one frame in one fragment behind an empty offset table (PS3.5 annex A.4).

    Raises
    ------
    ItemError
        `E_PIXELS` where the array does not have the header's shape or the bits are out of range.
    """
    if pixels.ndim != 2 or pixels.shape != (header.Rows, header.Columns) or not 8 <= bits_stored <= 16:
        raise ItemError(Reason.E_PIXELS, "the array does not have the shape that the header tells")
    allocated = 8 if bits_stored == 8 else 16
    dataset = Dataset()
    with silence():
        for element in header:
            dataset.add(element)
        _describe(dataset, allocated, bits_stored, is_signed=is_signed)
        dataset.file_meta = _file_meta(dataset, _SYNTAXES[compression])
        buffer = BytesIO()
        dcmwrite(buffer, dataset, implicit_vr=False, little_endian=True, enforce_file_format=True)
    stored = _stored_values(pixels, allocated, bits_stored, is_signed=is_signed)
    if compression is Compression.RAW:
        return b"".join((buffer.getvalue(), *_native(stored)))
    return b"".join((buffer.getvalue(), *_encapsulated(encode_lossless(stored, _KINDS[compression]))))


def _native(stored: NDArray[np.integer]) -> tuple[bytes, ...]:
    padding = b"\0" * (stored.nbytes % 2)
    return (
        _pixel_head(b"OB" if stored.itemsize == 1 else b"OW", stored.nbytes + len(padding)),
        stored.tobytes(),
        padding,
    )


def _encapsulated(frame: bytes) -> tuple[bytes, ...]:
    padding = b"\0" * (len(frame) % 2)
    table = _ITEM + struct.pack("<I", 0)
    head = _ITEM + struct.pack("<I", len(frame) + len(padding))
    return _pixel_head(b"OB", _UNDEFINED_LENGTH), table, head, frame, padding, _DELIMITER


def _pixel_head(vr: bytes, length: int) -> bytes:
    return struct.pack("<HH2s2xI", 0x7FE0, 0x0010, vr, length)


def _describe(dataset: Dataset, allocated: int, bits_stored: int, *, is_signed: bool) -> None:
    dataset.add(DataElement(0x00280100, "US", allocated))
    dataset.add(DataElement(0x00280101, "US", bits_stored))
    dataset.add(DataElement(0x00280102, "US", bits_stored - 1))
    dataset.add(DataElement(0x00280103, "US", int(is_signed)))
    dataset.add(DataElement(0x00280301, "CS", "NO"))
    methods = [item for item in dataset[_METHODS].value if item.CodeValue != CLEAN_PIXEL_DATA.value]
    methods.append(code_item(CLEAN_PIXEL_DATA))
    dataset.add(DataElement(_METHODS, "SQ", Sequence(sorted(methods, key=_code_value))))


def _code_value(item: Dataset) -> str:
    return str(item.CodeValue)


def _stored_values(
    pixels: NDArray[np.integer], allocated: int, bits_stored: int, *, is_signed: bool
) -> NDArray[np.integer]:
    """Clear what lies above BitsStored: overlays used to be embedded there (PS3.5 section 8.1.2)."""
    mask = (1 << bits_stored) - 1
    stored = pixels.astype("<u2", copy=False)  # two's complement of a signed array keeps its low bits
    if is_signed:
        half = 1 << (bits_stored - 1)
        stored = (((stored & mask).astype(np.int32) ^ half) - half).astype("<u2")
    elif int(stored.max(initial=0)) > mask:
        stored = stored & mask
    stored = stored.astype("u1") if allocated == 8 else stored
    return stored.view(f"i{stored.itemsize}") if is_signed else stored


def _file_meta(dataset: Dataset, syntax: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = UID(str(dataset.SOPClassUID))
    meta.MediaStorageSOPInstanceUID = UID(str(dataset.SOPInstanceUID))
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    return meta
