"""Decides where a lone L or R stands, by the shape of its strokes and by its company.

Takes a piece of an image at a scale, gives what each pixel belongs to, from a small convolutional network (`lead.onnx`)
that `benchmarks/train_lead.py` trains on synthetic scenes only: it sees a letter in its ring, beside an arrow, cut by
the bridges of a stencil or amid ribs, where no threshold shows it whole. What is part of a word is other type to it.
Whether a letter that was seen so may stay is left to `cut_outs`.
"""

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.sessions import open_session

CELL_PX = 4
"""One value of the answer for 4 x 4 pixels of what is seen."""

LETTER_PX = 20, 42
"""Heights of letters, in pixels of what is seen, that the network tells."""

_WINDOWS_PX = 65, 21  # about a letter and its gap, about a stroke
_GRAIN = 4.0  # of 255: contrast below it is not stretched


def as_seen(grey: NDArray[np.uint8]) -> NDArray[np.int8]:
    """The contrast to what is around, about a letter and about a stroke: (2, rows, columns) int8."""
    values = grey.astype(np.float32)
    planes = []
    for window in _WINDOWS_PX:
        mean = cv2.blur(values, (window, window), borderType=cv2.BORDER_REFLECT)
        square = cv2.blur(values * values, (window, window), borderType=cv2.BORDER_REFLECT)
        spread = np.sqrt(np.maximum(square - mean * mean, 0)) + _GRAIN
        planes.append(np.clip((values - mean) / (3 * spread), -1, 1))
    return np.rint(np.stack(planes) * 127).astype(np.int8)


def look_for_letters(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How probable it is that a pixel belongs to a lone L, to a lone R, to other type.

    Parameters
    ----------
    grey : (rows, columns) uint8 array
        Sampled so that a letter would be `LETTER_PX` high; at least 32 pixels a side.

    Returns
    -------
    (3, rows / 4, columns / 4) float32 array
        Rounded up.
    """
    rows, columns = grey.shape
    padded = cv2.copyMakeBorder(grey, 0, -rows % 8, 0, -columns % 8, cv2.BORDER_REPLICATE)
    seen = as_seen(np.asarray(padded, dtype=np.uint8)).astype(np.float32)[None] / 127
    answer = np.asarray(_session().run(None, {"view": seen})[0][0], dtype=np.float32)
    return answer[:, : -(-rows // CELL_PX), : -(-columns // CELL_PX)]


@cache
def _session() -> Any:
    return open_session("lead.onnx")
