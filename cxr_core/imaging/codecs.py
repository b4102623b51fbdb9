"""Decides which decoder of imagecodecs reads a frame, when a second one must agree, and how a frame is encoded.

Takes the bytes of one frame with its checked facts and gives the samples, and back; the only module that imports
imagecodecs. Leaves size limits to `decoding`, which must check the declared size before it calls here.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import ItemError
from cxr_core.imaging.codestreams import StreamFacts, StreamKind
from cxr_core.vocabulary import Reason

_RLE_HEADER_BYTES = 64
_DCT_BLOCK = 8
_JPEG_END = b"\xff\xd9"
_NOISE = bytes(range(1, 251))
_MAX_BYTES_PER_SAMPLE = 4  # of lossless JPEG: a code of at most 16 bits and a difference of at most 16
_HOOK_LOCK = threading.Lock()


def decode_codestream(stream: bytes, facts: StreamFacts) -> NDArray[Any]:
    """Decode one JPEG, JPEG-LS or JPEG 2000 frame of one component.

    Returns
    -------
    (rows, columns) uint8, uint16, int8 or int16 array
        Samples as the stream holds them; a signed JPEG 2000 stream gives signed samples.

    Raises
    ------
    ItemError
        E_PIXELS: the decoder refused the data, or a lossless stream ran out before the last row.
    """
    match facts.kind:
        case StreamKind.JPEG_DCT:
            return _decode_dct(stream, facts)
        case StreamKind.JPEG_LOSSLESS:
            return _decode_lossless(stream, facts)
        case StreamKind.JPEG_LS:
            # without an end marker the decoder hunts for ten seconds behind the data before it gives up
            return _samples(imagecodecs.jpegls_decode, stream if facts.has_end else stream + _JPEG_END)
        case StreamKind.JPEG_2000:
            return _samples(imagecodecs.jpeg2k_decode, stream, numthreads=1)
        case StreamKind.HTJ2K:
            return _decode_htj2k(stream)


def decode_rle(frame: bytes, *, pixel_count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Decode one RLE frame (PS3.5 annex G) of known size.

    The offsets are checked here: imagecodecs follows them without looking and can crash the process.

    Returns
    -------
    (pixel_count,) array of `dtype`
    """
    header = np.frombuffer(frame[:_RLE_HEADER_BYTES].ljust(_RLE_HEADER_BYTES, b"\0"), "<u4")
    offsets = header[1 : 1 + dtype.itemsize].astype(np.int64)
    bounds = np.append(offsets, len(frame))
    if header[0] != dtype.itemsize or offsets[0] != _RLE_HEADER_BYTES or np.any(np.diff(bounds) <= 0):
        raise ItemError(Reason.E_PIXELS, "RLE header is damaged")
    data: bytes = _guarded(imagecodecs.dicomrle_decode, frame, dtype, out=pixel_count * dtype.itemsize)
    if len(data) != pixel_count * dtype.itemsize:
        raise ItemError(Reason.E_PIXELS, f"RLE frame of {len(data)} bytes")
    return np.frombuffer(data, dtype)


def encode_lossless(samples: NDArray[Any], kind: StreamKind) -> bytes:
    """Encode one frame so that `decode_codestream` gives back every bit.

    Parameters
    ----------
    samples : (rows, columns) uint8, uint16, int8 or int16 array
        JPEG-LS knows no sign: it keeps the bit patterns, of which BitsStored and PixelRepresentation tell the meaning.
    kind : StreamKind
        JPEG_LS or HTJ2K.
    """
    whole = np.ascontiguousarray(samples)
    if kind is StreamKind.JPEG_LS:
        return bytes(imagecodecs.jpegls_encode(whole.view(f"u{whole.itemsize}")))
    if kind is StreamKind.HTJ2K:
        return bytes(imagecodecs.htj2k_encode(whole, reversible=True))
    raise ValueError(f"no lossless encoder for {kind.name}")


def ends_in_filler(pixels: NDArray[Any], precision: int) -> bool:
    """Tell whether a DCT image ends in the flat mid-grey that libjpeg paints where data ran out.

    libjpeg leaves blocks without data at zero coefficients, which is exactly half the range. Seven whole blocks of it
    in the last corner do not happen in a radiograph, whose empty background is black or white.
    """
    top = (pixels.shape[0] - 1) // _DCT_BLOCK * _DCT_BLOCK
    corner = pixels[top:, -7 * _DCT_BLOCK :]
    return bool((corner == 1 << (precision - 1)).all())


def _decode_dct(stream: bytes, facts: StreamFacts) -> NDArray[Any]:
    if facts.has_end:
        return _samples(imagecodecs.jpeg8_decode, stream)
    pixels = _samples(imagecodecs.jpeg8_decode, stream + _JPEG_END)
    if ends_in_filler(pixels, facts.precision):
        raise ItemError(Reason.E_PIXELS, "JPEG frame is truncated")
    return pixels


def _decode_lossless(stream: bytes, facts: StreamFacts) -> NDArray[Any]:
    """Decode with the fastest decoder; where its result looks cut short, a second one has to agree.

    libjpeg-turbo decodes on behind the end of the data: with predictor 1 it repeats one value to the last row. The
    second decoder reads on, so that the two differ wherever data is missing; it does not ask where its input ends
    and would read the memory behind it, hence the noise, enough for every pixel.
    """
    pixels = _samples(imagecodecs.jpeg8_decode, stream)
    looks_whole = facts.has_end and facts.predictor == 1 and bool((pixels[-1] != pixels[-1, 0]).any())
    if looks_whole:
        return pixels
    padding = _NOISE * (facts.rows * facts.columns * _MAX_BYTES_PER_SAMPLE // len(_NOISE) + 1)
    if not np.array_equal(pixels, _samples(imagecodecs.jpegsof3_decode, stream + padding)):
        raise ItemError(Reason.E_PIXELS, "lossless JPEG frame is truncated or damaged")
    return pixels


def _decode_htj2k(stream: bytes) -> NDArray[Any]:
    """Decode with OpenJPH, and notice where it stopped.

    imagecodecs cannot raise from the loop that copies rows: an error there goes to `sys.unraisablehook`, and the rows
    that follow keep whatever the memory held before. The hook is process-wide, hence the lock.
    """
    failures: list[str] = []
    with _HOOK_LOCK:
        previous = sys.unraisablehook
        sys.unraisablehook = lambda unraisable: failures.append(str(unraisable.exc_type))
        try:
            samples = _samples(imagecodecs.htj2k_decode, stream)
        finally:
            sys.unraisablehook = previous
    if failures:
        raise ItemError(Reason.E_PIXELS, "HTJ2K frame is damaged")
    return samples


def _samples(decoder: Callable[..., NDArray[Any]], stream: bytes, **options: object) -> NDArray[Any]:
    samples: NDArray[Any] = _guarded(decoder, stream, **options)
    return samples


def _guarded(decoder: Callable[..., Any], *arguments: object, **options: object) -> Any:
    try:
        return decoder(*arguments, **options)
    except Exception:  # noqa: BLE001 the edge: each codec has its own error type, and none of them may carry data out
        raise ItemError(Reason.E_PIXELS, "the decoder refused the frame") from None
