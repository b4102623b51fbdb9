"""Decides how stored values are counted: every possible value, exactly, once per image.

Takes a StoredImage and gives counts indexed by bit pattern, for `rendering` and `quality` to share. Leaves their
meaning to those two.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.imaging.decoding import StoredImage

_EXACT_FLOAT32 = 1 << 24  # cv2.calcHist counts in integers but hands the counts over as float32


def bit_patterns(stored: StoredImage) -> NDArray[np.unsignedinteger]:
    """The pixels as unsigned integers of the same bits: what a table is indexed with.

    Returns
    -------
    (rows, columns) uint8 or uint16 array
        A view where the pixels are contiguous.
    """
    unsigned: np.dtype[Any] = np.dtype(f"u{stored.pixels.dtype.itemsize}")
    return np.ascontiguousarray(stored.pixels).view(unsigned)


def pattern_values(stored: StoredImage) -> NDArray[np.int64]:
    """The pixel value that each bit pattern stands for.

    Returns
    -------
    (256,) or (65536,) int64 array
    """
    width = stored.pixels.dtype.itemsize
    return np.arange(1 << (8 * width), dtype=f"u{width}").view(stored.pixels.dtype).astype(np.int64)


def count_values(stored: StoredImage) -> NDArray[np.int64]:
    """Count every possible value of an image, indexed by bit pattern.

    All 65,536 values of 16 bits have a bin, whatever BitsStored says: a table of 4,096 would silently turn higher
    ones into 0.

    Returns
    -------
    (256,) or (65536,) int64 array
        Exact for any size: the counting runs in stripes that float32 can hold.
    """
    patterns = bit_patterns(stored)
    bins = 1 << (8 * patterns.dtype.itemsize)
    step = max(_EXACT_FLOAT32 // patterns.shape[1], 1)
    counts = np.zeros(bins, np.int64)
    for top in range(0, patterns.shape[0], step):
        stripe = patterns[top : top + step]
        counts += cv2.calcHist([stripe], [0], None, [bins], [0, bins]).ravel().astype(np.int64)
    return counts
