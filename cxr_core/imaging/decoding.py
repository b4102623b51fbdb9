"""Decides whether a data set holds one grey image that can be decoded safely, and decodes it.

Takes a pydicom Dataset and gives a StoredImage: the stored pixel values, untouched but for the bits that are not
pixels. Leaves reading the file to `reading`, the choice of SOP classes to the airlock, and every transformation of
the values to `rendering`.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
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

from cxr_core.errors import ItemError
from cxr_core.imaging.codecs import decode_codestream, decode_rle, ends_in_filler
from cxr_core.imaging.codestreams import StreamFacts, StreamKind, inspect_codestream
from cxr_core.imaging.fragments import join_fragments
from cxr_core.imaging.reading import read_header
from cxr_core.settings.deidentify import MAX_PIXELS
from cxr_core.vocabulary import Photometric, Reason

__all__ = ["MAX_PIXELS", "StoredImage", "decode", "read_header"]

_NATIVE = frozenset(
    {ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian}
)
_CODESTREAMS = frozenset(
    {
        JPEGBaseline8Bit,
        JPEGExtended12Bit,
        JPEGLossless,
        JPEGLosslessSV1,
        JPEGLSLossless,
        JPEGLSNearLossless,
        JPEG2000Lossless,
        JPEG2000,
        HTJ2KLossless,
        HTJ2KLosslessRPCL,
        HTJ2K,
    }
)
_PIXEL_DATA = 0x7FE00010
_OVERLAY_GROUPS = range(0x6000, 0x6020, 2)


@dataclass(frozen=True, slots=True, eq=False)
class StoredImage:
    """One decoded grey image.

    Parameters
    ----------
    pixels : (rows, columns) uint8, uint16, int8 or int16 array
        Stored values in native byte order; read-only where they are a view of the file.
    bits_stored : int
        BitsStored (0028,0101).
    is_signed : bool
        PixelRepresentation (0028,0103) is 1.
    photometric : Photometric
        As declared; it can lie (see `quality`).
    suspect : bool
        Decoded, but the stream showed signs of damage, or values use bits above BitsStored that nothing declares.
    """

    pixels: NDArray[np.integer]
    bits_stored: int
    is_signed: bool
    photometric: Photometric
    suspect: bool


@dataclass(frozen=True, slots=True)
class _Declared:
    """The image pixel module as far as decoding needs it (PS3.3 section C.7.6.3)."""

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    is_signed: bool
    photometric: Photometric

    @property
    def pixel_count(self) -> int:
        return self.rows * self.columns

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8 if self.bits_allocated == 8 else np.uint16)


@dataclass(frozen=True, slots=True, eq=False)
class _Samples:
    """Decoded samples as bit patterns of the allocated width, of which `bits` are meant.

    Where they `must_fit`, the decoder itself promises that no other bit is set: lossless JPEG adds up differences,
    and damage makes the sum run over.
    """

    patterns: NDArray[np.unsignedinteger]
    bits: int
    is_suspect: bool
    must_fit: bool = False


def decode(dataset: Dataset, *, max_pixels: int = MAX_PIXELS) -> StoredImage:
    """Decode the one grey frame of a data set of any SOP class.

    Parameters
    ----------
    dataset : Dataset
        As `read_header` gives it, pixel data included. Not changed.
    max_pixels : int
        Cap on the declared size, checked before anything is decoded.

    Raises
    ------
    ItemError
        E_SOP (no image, several frames or samples, not MONOCHROME, not 8 or 16 bits allocated), E_BOMB (declared size
        over the cap), E_PIXELS (missing, truncated, damaged, contradictory), E_TS (no decoder).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's warnings print values
        declared = _read_declared(dataset, max_pixels)
        samples = _decode_samples(dataset, declared)
        has_overlay = _has_embedded_overlay(dataset)
    pixels, has_stray_bits = _settle_high_bits(samples, declared)
    if has_stray_bits and samples.must_fit:
        raise ItemError(Reason.E_PIXELS, "lossless samples exceed their own precision")
    return StoredImage(
        pixels=pixels,
        bits_stored=declared.bits_stored,
        is_signed=declared.is_signed,
        photometric=declared.photometric,
        suspect=samples.is_suspect or (has_stray_bits and not has_overlay),
    )


def _read_declared(dataset: Dataset, max_pixels: int) -> _Declared:
    if "Rows" not in dataset and "BitsAllocated" not in dataset and _PIXEL_DATA not in dataset:
        raise ItemError(Reason.E_SOP, "the object holds no image")
    rows, columns = _integer(dataset, "Rows"), _integer(dataset, "Columns")
    frames = _integer(dataset, "NumberOfFrames", default=1)
    samples = _integer(dataset, "SamplesPerPixel", default=1)
    if min(rows, columns) <= 0:
        raise ItemError(Reason.E_PIXELS, f"image of {rows} x {columns}")
    if rows * columns * max(frames, 1) * max(samples, 1) > max_pixels:
        raise ItemError(Reason.E_BOMB, f"{rows} x {columns} x {frames} frames x {samples} samples")
    if frames > 1 or samples != 1:
        raise ItemError(Reason.E_SOP, f"{frames} frames of {samples} samples")
    photometric = _photometric(dataset)
    allocated, stored = _integer(dataset, "BitsAllocated"), _integer(dataset, "BitsStored")
    representation = _integer(dataset, "PixelRepresentation", default=0)
    if allocated not in (8, 16):
        raise ItemError(Reason.E_SOP, f"{allocated} bits allocated")
    if not 1 <= stored <= allocated or representation not in (0, 1):
        raise ItemError(Reason.E_PIXELS, f"{stored} of {allocated} bits stored, representation {representation}")
    return _Declared(
        rows=rows,
        columns=columns,
        bits_allocated=allocated,
        bits_stored=stored,
        is_signed=representation == 1,
        photometric=photometric,
    )


def _find(dataset: Dataset, key: str | int) -> Any:
    """The value under a keyword, the element under a tag; None where it is absent."""
    try:
        return dataset.get(key)
    except Exception:  # noqa: BLE001 the edge: pydicom converts on access and fails in many ways, naming the value
        name = key if isinstance(key, str) else f"({key >> 16:04X},{key & 0xFFFF:04X})"
        raise ItemError(Reason.E_PIXELS, f"{name} cannot be read") from None


def _integer(dataset: Dataset, keyword: str, default: int | None = None) -> int:
    value = _find(dataset, keyword)
    if value is None or value == "":
        if default is None:
            raise ItemError(Reason.E_PIXELS, f"{keyword} is missing")
        return default
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise ItemError(Reason.E_PIXELS, f"{keyword} is not one number") from None


def _photometric(dataset: Dataset) -> Photometric:
    value = str(_find(dataset, "PhotometricInterpretation") or "").strip().upper()
    if value not in set(Photometric):
        raise ItemError(Reason.E_SOP, "PhotometricInterpretation is not MONOCHROME1 or MONOCHROME2")
    return Photometric(value)


def _decode_samples(dataset: Dataset, declared: _Declared) -> _Samples:
    element: DataElement | None = _find(dataset, _PIXEL_DATA)
    if element is None or not isinstance(element.value, bytes) or not element.value:
        raise ItemError(Reason.E_PIXELS, "pixel data is missing")
    syntax = _transfer_syntax(dataset)
    is_encapsulated = bool(element.is_undefined_length)
    if (syntax is None and not is_encapsulated) or syntax in _NATIVE:
        if is_encapsulated:
            raise ItemError(Reason.E_PIXELS, "encapsulated pixel data under a native transfer syntax")
        is_big_endian = syntax == ExplicitVRBigEndian or (syntax is None and dataset.original_encoding[1] is False)
        return _decode_native(element.value, declared, is_big_endian=is_big_endian, is_words=element.VR == "OW")
    if syntax == RLELossless:
        frame, is_whole = join_fragments(element.value)
        pixels = decode_rle(frame, pixel_count=declared.pixel_count, dtype=declared.dtype)
        return _Samples(pixels.reshape(declared.rows, declared.columns), declared.bits_stored, not is_whole)
    if syntax is None or syntax in _CODESTREAMS:
        return _decode_codestream(element.value, declared)
    raise ItemError(Reason.E_TS, "no decoder for the transfer syntax")


def _transfer_syntax(dataset: Dataset) -> str | None:
    meta: Dataset = getattr(dataset, "file_meta", None) or Dataset()
    value = _find(meta, "TransferSyntaxUID")
    return str(value) if value else None


def _decode_native(data: bytes, declared: _Declared, *, is_big_endian: bool, is_words: bool) -> _Samples:
    expected = declared.pixel_count * declared.dtype.itemsize
    if len(data) < expected:
        raise ItemError(Reason.E_PIXELS, f"{len(data)} bytes of pixel data, {expected} expected")
    if is_big_endian and declared.bits_allocated == 8 and is_words:
        # 8-bit pixels sent as big endian words stand pairwise swapped (PS3.5 annex D.1)
        data = np.frombuffer(data[: len(data) // 2 * 2], "<u2").byteswap().tobytes()
    dtype = declared.dtype.newbyteorder(">" if is_big_endian else "<")
    pixels = np.frombuffer(data, dtype, count=declared.pixel_count).reshape(declared.rows, declared.columns)
    has_tail = len(data) > expected + expected % 2
    return _Samples(pixels.astype(declared.dtype, copy=False), declared.bits_stored, has_tail)


def _decode_codestream(data: bytes, declared: _Declared) -> _Samples:
    frame, is_whole = join_fragments(data)
    facts = inspect_codestream(frame)
    _compare_with_header(facts, declared)
    pixels = decode_codestream(frame, facts)
    if pixels.shape != (declared.rows, declared.columns) or pixels.dtype.itemsize > 2:
        raise ItemError(Reason.E_PIXELS, "decoded size differs from the declared size")
    is_cut = facts.kind is StreamKind.JPEG_DCT and ends_in_filler(pixels, facts.precision)
    return _Samples(
        patterns=_widen(pixels, declared),
        bits=min(facts.precision, declared.bits_stored),  # the sign stands in the highest bit of the stream
        must_fit=facts.kind is StreamKind.JPEG_LOSSLESS and facts.precision <= declared.bits_stored,
        is_suspect=is_cut or facts.has_tail or not facts.has_end or not is_whole,
    )


def _compare_with_header(facts: StreamFacts, declared: _Declared) -> None:
    if (facts.rows, facts.columns) != (declared.rows, declared.columns):
        raise ItemError(Reason.E_PIXELS, f"frame of {facts.rows} x {facts.columns} under another declared size")
    if facts.components != 1 or facts.precision > declared.bits_allocated:
        raise ItemError(Reason.E_PIXELS, f"frame of {facts.components} components of {facts.precision} bits")
    if facts.kind is StreamKind.JPEG_DCT and facts.precision != declared.bits_stored:
        # PS3.5 section 8.2.1 wants them equal; lossy values then overshoot BitsStored and readers disagree on them
        raise ItemError(Reason.E_TS, f"lossy JPEG of {facts.precision} bits with {declared.bits_stored} stored")


def _widen(pixels: NDArray[Any], declared: _Declared) -> NDArray[Any]:
    """The bit patterns of decoded samples as unsigned integers of the allocated width; signed samples keep sign."""
    signed = np.int8 if declared.bits_allocated == 8 else np.int16
    wide = pixels.astype(signed, copy=False) if pixels.dtype.kind == "i" else pixels
    return wide.view(declared.dtype) if wide.dtype.kind == "i" else wide.astype(declared.dtype, copy=False)


def _has_embedded_overlay(dataset: Dataset) -> bool:
    """Whether an overlay plane lives in the high bits of the pixels (PS3.3 C.9.2, retired in 2004)."""
    return any((group, 0x0102) in dataset and (group, 0x3000) not in dataset for group in _OVERLAY_GROUPS)


def _settle_high_bits(samples: _Samples, declared: _Declared) -> tuple[NDArray[np.integer], bool]:
    """Clear the bits that are not meant, or fill them with the sign; and tell whether they held anything else."""
    bits, width = samples.bits, declared.bits_allocated
    signed: NDArray[np.signedinteger] = samples.patterns.view(np.int8 if width == 8 else np.int16)
    if bits == width:
        return (signed if declared.is_signed else samples.patterns), False
    if not declared.is_signed:
        stray = bool(int(samples.patterns.max()) >> bits)
        return (samples.patterns & ((1 << bits) - 1) if stray else samples.patterns), stray
    extended = (signed << (width - bits)) >> (width - bits)
    is_plain = bool((extended == signed).all()) or not int(samples.patterns.max()) >> bits
    return extended, not is_plain
