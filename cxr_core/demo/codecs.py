"""Encodes one frame into the pixel data of a transfer syntax.

It takes stored values and gives the bytes of one frame, without encapsulation; it is the only module of the demo
that imports imagecodecs. Which syntax an image has is left to `plan`, the file around the frame to `dicom_writer`.
"""

import struct

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from cxr_core.demo.plan import Syntax

_BASELINE_QUALITY = 92


def encode_frame(stored: NDArray[np.uint16], syntax: Syntax, bits_stored: int) -> bytes:
    """Encode one frame.

    Parameters
    ----------
    stored : (rows, columns) uint16 array
        Stored values, embedded overlay bits included.
    syntax : Syntax
        How to encode. JPEG baseline keeps 8 bits and loses some; all others are lossless.
    bits_stored : int
        Depth that the codestream states, where its format has one.

    Returns
    -------
    bytes
        PS3.5 annex A: native in the byte order of the syntax, or the codestream of one frame.
    """
    if syntax is Syntax.JPEG_BASELINE:
        return bytes(imagecodecs.jpeg8_encode(stored.astype(np.uint8), level=_BASELINE_QUALITY))
    if syntax is Syntax.JPEG_LOSSLESS:  # first-order prediction, selection value 1
        frame = imagecodecs.jpeg8_encode(stored, lossless=True, predictor=1, bitspersample=bits_stored)
        return bytes(frame)
    if syntax is Syntax.JPEG_LS:
        return bytes(imagecodecs.jpegls_encode(stored))
    if syntax is Syntax.JPEG_2000:
        return bytes(
            imagecodecs.jpeg2k_encode(
                stored, codecformat="j2k", bitspersample=bits_stored, reversible=True, numthreads=1
            )
        )
    if syntax is Syntax.RLE:
        return _run_lengths(stored)
    return stored.astype(">u2" if syntax is Syntax.BIG_ENDIAN else "<u2").tobytes()


def _run_lengths(stored: NDArray[np.uint16]) -> bytes:
    """Encode two byte planes as PackBits, row by row, the more significant plane first (PS3.5 annex G)."""
    planes = ((stored >> 8).astype(np.uint8), (stored & 0xFF).astype(np.uint8))
    segments = [bytes(imagecodecs.packbits_encode(plane, axis=-1)) for plane in planes]
    segments = [segment + b"\x00" * (len(segment) % 2) for segment in segments]
    offsets = [64, 64 + len(segments[0])] + [0] * 13
    return struct.pack("<16L", len(segments), *offsets) + b"".join(segments)
