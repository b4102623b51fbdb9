"""Generated images, data sets and files for the imaging tests, and the published recipe as the oracle."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
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

NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


def _pack_bits(data: bytes) -> bytes:
    """PackBits with literal runs only: valid RLE (PS3.5 annex G), if not small."""
    runs = (data[start : start + 128] for start in range(0, len(data), 128))
    packed = b"".join(bytes([len(run) - 1]) + run for run in runs)
    return packed + b"\x80" * (len(packed) % 2)


def _encode_rle(pixels: NDArray[Any]) -> bytes:
    width = pixels.dtype.itemsize
    planes = pixels.astype(f">u{width}").reshape(-1).view(np.uint8).reshape(-1, width)
    segments = [_pack_bits(planes[:, index].tobytes()) for index in range(width)]
    offsets = 64 + np.cumsum([0, *map(len, segments[:-1])])
    header = np.zeros(16, "<u4")
    header[0], header[1 : 1 + width] = width, offsets
    return header.tobytes() + b"".join(segments)


def _encode(pixels: NDArray[Any], syntax: UID, bits: int) -> bytes:
    """One frame of unsigned pixels under an encapsulated transfer syntax."""
    match syntax:
        case _ if syntax == RLELossless:
            return _encode_rle(pixels)
        case _ if syntax in (JPEGBaseline8Bit, JPEGExtended12Bit):
            return bytes(imagecodecs.jpeg8_encode(pixels, 95, bitspersample=bits))
        case _ if syntax in (JPEGLosslessSV1, JPEGLossless):
            predictor = 1 if syntax == JPEGLosslessSV1 else 6
            return bytes(imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=predictor, bitspersample=bits))
        case _ if syntax in (JPEGLSLossless, JPEGLSNearLossless):
            return bytes(imagecodecs.jpegls_encode(pixels, 2 if syntax == JPEGLSNearLossless else None))
        case _ if syntax in (JPEG2000Lossless, JPEG2000):
            return bytes(imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", reversible=True, bitspersample=bits))
        case _ if syntax in (HTJ2KLossless, HTJ2K):
            return bytes(imagecodecs.htj2k_encode(pixels, reversible=True))
    raise ValueError(syntax)


@pytest.fixture(scope="session")
def radiograph() -> Callable[..., NDArray[Any]]:
    """A smooth picture with noise, dark lungs, a bright spine and abdomen, on black air."""

    def make(rows: int = 96, columns: int = 80, bits: int = 12, seed: int = 7) -> NDArray[Any]:
        y, x = np.mgrid[:rows, :columns].astype(float)
        y, x = y / rows, x / columns
        body = 1 / (1 + np.exp((np.abs(x - 0.5) - 0.25 - 0.22 * np.minimum(y * 3, 1)) * 60))
        lungs = sum(np.exp(-(((x - c) / 0.11) ** 2) - ((y - 0.42) / 0.22) ** 2) for c in (0.3, 0.7))
        picture = body * (0.45 + 0.35 * y - 0.38 * lungs + 0.2 * np.exp(-(((x - 0.5) / 0.06) ** 2)))
        picture += np.random.default_rng(seed).normal(0, 0.004, picture.shape)
        scaled = np.clip(picture / picture.max(), 0, 1) * ((1 << bits) - 1)
        return scaled.astype(np.uint8 if bits <= 8 else np.uint16)

    return make


@pytest.fixture(scope="session")
def make_dataset() -> Callable[..., FileDataset]:
    """A data set of one grey image; `frame` replaces the encoded frame, `tags` any attribute (None deletes it)."""

    def make(
        pixels: NDArray[Any],
        syntax: UID = ExplicitVRLittleEndian,
        *,
        bits: int = 12,
        frame: bytes | None = None,
        **tags: Any,
    ) -> FileDataset:
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = syntax
        meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
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
        dataset.Rows, dataset.Columns = pixels.shape
        dataset.BitsAllocated, dataset.BitsStored = 8 * pixels.dtype.itemsize, bits
        dataset.HighBit, dataset.SamplesPerPixel = bits - 1, 1
        dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
        dataset.PhotometricInterpretation = "MONOCHROME2"
        if syntax in NATIVE:
            order = ">" if syntax == ExplicitVRBigEndian else "<"
            raw = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes() if frame is None else frame
            dataset.PixelData = raw + b"\0" * (len(raw) % 2)
        else:
            dataset.PixelData = encapsulate([_encode(pixels, syntax, bits) if frame is None else frame])
            dataset["PixelData"].is_undefined_length = True
        dataset["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
        for keyword, value in tags.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        return dataset

    return make


@pytest.fixture(scope="session")
def file_bytes() -> Callable[[FileDataset], bytes]:
    """The Part 10 file of a data set."""

    def write(dataset: FileDataset) -> bytes:
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()

    return write


@pytest.fixture(scope="session")
def encode_frame() -> Callable[[NDArray[Any], UID, int], bytes]:
    return _encode


@pytest.fixture(scope="session")
def recipe() -> Callable[..., NDArray[np.uint8]]:
    """The published recipe (MIT-LCP/mimic-cxr#16), pixel by pixel; a constant image becomes 0 before inversion."""

    def run(pixels: NDArray[Any], *, is_monochrome1: bool, equalise: bool = True) -> NDArray[np.uint8]:
        image = pixels.astype(np.float64)
        image = image - np.min(image)
        image = image / np.max(image) if np.max(image) > 0 else image
        gray = (image * 255).astype(np.uint8)
        if is_monochrome1:
            gray = cv2.bitwise_not(gray).reshape(gray.shape)
        return cv2.equalizeHist(gray).reshape(gray.shape) if equalise else gray

    return run


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The data beside the project; tests that want it skip where it is absent."""
    path = Path(__file__).parents[4] / "shared" / "data"
    if not path.is_dir():
        pytest.skip("the shared data does not lie beside the project")
    return path
