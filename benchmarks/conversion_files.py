"""Makes DICOM files of every transfer syntax, depth, sign and photometric interpretation, from invented pictures.

Takes an array or the parameters of one and gives a data set or a file; every lossless codec here gives back what it
was given. Shared by the comparison of speed, the count of equal JPEG files and the mutated files.
"""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

Pixels = NDArray[np.integer[Any]]
Box = tuple[int, int, int, int]
"""Top, left, bottom, right; half-open."""

NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
NOISE = 16.0
"""Standard deviation in 12 bits. The JPEG then has 1.5 MB, as the 377,110 files of 570 GB of MIMIC-CXR-JPG have."""


def make_picture(rows: int, columns: int, *, bits: int = 12, seed: int = 0) -> Pixels:
    """An invented chest: smooth anatomy, quantum noise, black air; every value from 0 to the top may occur."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    y, x = y / rows, x / columns
    body = 1 / (1 + np.exp((np.abs(x - 0.5) - 0.27 - 0.2 * np.minimum(y * 3, 1)) * 60))
    lungs = sum(np.exp(-(((x - c) / 0.11) ** 2) - ((y - 0.42) / 0.22) ** 2) for c in (0.3, 0.7))
    picture = body * (1800 + 1400 * y - 1500 * lungs) + rng.normal(0, NOISE, (rows, columns)).astype(np.float32)
    top = (1 << bits) - 1
    return (picture * (top / 4095)).clip(0, top).astype(np.uint8 if bits <= 8 else np.uint16)


def paint(pixels: Pixels, boxes: tuple[Box, ...], value: int) -> None:
    """Fill boxes in place, as redaction does."""
    for top, left, bottom, right in boxes:
        pixels[top:bottom, left:right] = value


def make_dataset(
    pixels: Pixels, syntax: UID = ExplicitVRLittleEndian, *, bits: int = 12, photometric: str = "MONOCHROME2"
) -> FileDataset:
    """A data set of one grey image; signed pixels give PixelRepresentation 1, sign extended to the allocated bits."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = syntax, ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = UID("2.25.1")
    dataset = FileDataset(
        "",
        {},
        file_meta=meta,
        preamble=b"\0" * 128,
        is_implicit_VR=syntax.is_implicit_VR,
        is_little_endian=syntax.is_little_endian,
    )
    dataset.SOPClassUID, dataset.SOPInstanceUID = ComputedRadiographyImageStorage, UID("2.25.1")
    dataset.Modality = "CR"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, photometric
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8 * pixels.dtype.itemsize, bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    if syntax in NATIVE:
        raw = pixels.astype(pixels.dtype.newbyteorder(">" if syntax == ExplicitVRBigEndian else "<")).tobytes()
        dataset.PixelData = raw + b"\0" * (len(raw) % 2)
    else:
        dataset.PixelData = encapsulate([encode_frame(pixels, syntax, bits)])
        dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 and syntax != ImplicitVRLittleEndian else "OW"
    return dataset


def file_bytes(dataset: FileDataset) -> bytes:
    """The Part 10 file of a data set."""
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def encode_frame(pixels: Pixels, syntax: UID, bits: int) -> bytes:
    """One frame under an encapsulated transfer syntax; of signed pixels, the bits that BitsStored means."""
    if syntax == RLELossless:
        return _encode_rle(pixels)
    unsigned = pixels.view(f"u{pixels.dtype.itemsize}") & ((1 << bits) - 1)
    return bytes(_ENCODERS[syntax](np.ascontiguousarray(unsigned), bits))


_Encoder = Callable[[Any, int], bytes]
_ENCODERS: dict[UID, _Encoder] = {
    **dict.fromkeys(
        (JPEGBaseline8Bit, JPEGExtended12Bit), lambda p, bits: imagecodecs.jpeg8_encode(p, 95, bitspersample=bits)
    ),
    JPEGLosslessSV1: lambda p, bits: imagecodecs.jpeg8_encode(p, lossless=True, predictor=1, bitspersample=bits),
    JPEGLossless: lambda p, bits: imagecodecs.jpeg8_encode(p, lossless=True, predictor=6, bitspersample=bits),
    JPEGLSLossless: lambda p, _: imagecodecs.jpegls_encode(p),
    JPEGLSNearLossless: lambda p, _: imagecodecs.jpegls_encode(p, 2),
    **dict.fromkeys(
        (JPEG2000Lossless, JPEG2000),
        lambda p, bits: imagecodecs.jpeg2k_encode(p, codecformat="j2k", reversible=True, bitspersample=bits),
    ),
    **dict.fromkeys(
        (HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K), lambda p, _: imagecodecs.htj2k_encode(p, reversible=True)
    ),
}
ENCAPSULATED = (RLELossless, *_ENCODERS)
LOSSY_BITS = {JPEGBaseline8Bit: (8,), JPEGExtended12Bit: (8, 12)}
"""Depths that lossy JPEG has; the others take every depth."""


def _encode_rle(pixels: Pixels) -> bytes:
    """PS3.5 annex G: a byte plane a segment, the highest first, each row packed by itself."""
    width = pixels.dtype.itemsize
    planes = np.ascontiguousarray(pixels).view(np.uint8).reshape(*pixels.shape, width)[:, :, ::-1]
    segments = []
    for index in range(width):
        packed = b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in planes[:, :, index])
        segments.append(packed + b"\0" * (len(packed) % 2))
    header = np.zeros(16, "<u4")
    header[0], header[1 : 1 + width] = width, 64 + np.cumsum([0, *map(len, segments[:-1])])
    return header.tobytes() + b"".join(segments)
