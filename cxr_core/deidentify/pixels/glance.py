"""Decides, cheaply and roughly, whether ink is worth showing to the readers.

Takes ink in one position, gives probabilities, from two small convolutional networks: what a line may be
(`glance.onnx`, by `benchmarks/train_glance.py`), and what the first reader would make of a lone letter (`letters.onnx`,
by `train_letters.py`). Both are trained on synthetic ink only. A reader takes thirty times as long.
What a line says is left to `reading`.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.sessions import open_session

HEIGHT_PX = 24
WIDEST_PX = 240
LETTER_PX = 40
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def glance(inks: Sequence[NDArray[np.bool_]]) -> NDArray[np.float32]:
    """How probable it is that each ink is an allowed marker, and that it is text: (inks, 2) float32.

    Parameters
    ----------
    inks : sequence of (rows, columns) bool arrays
        Of one line, in the positions in which it would be read.
    """
    return np.asarray(_session("glance.onnx").run(None, {"ink": pictures_of(inks, WIDEST_PX)})[0], dtype=np.float32)


def glance_at_letters(inks: Sequence[NDArray[np.bool_]]) -> NDArray[np.float32]:
    """How probable it is that the first reader is certain of each letter of `LETTERS`, and of more than one character.

    Parameters
    ----------
    inks : sequence of (rows, columns) bool arrays
        Of what may be a letter, in the positions in which it would be read.

    Returns
    -------
    (inks, 27) float32 array
    """
    return np.asarray(_session("letters.onnx").run(None, {"ink": pictures_of(inks, LETTER_PX)})[0], dtype=np.float32)


def pictures_of(inks: Sequence[NDArray[np.bool_]], width_px: int) -> NDArray[np.float32]:
    """Ink as the networks over ink want it, 0 to 1: (inks, 1, 24, width) float32, empty beyond the end of each."""
    batch = np.zeros((len(inks), 1, HEIGHT_PX, width_px), np.float32)
    for index, ink in enumerate(inks):
        seen = as_seen(ink, width_px)
        batch[index, 0, :, : seen.shape[1]] = seen
    batch *= np.float32(1 / 255)
    return batch


def as_seen(ink: NDArray[np.bool_], widest_px: int = WIDEST_PX) -> NDArray[np.uint8]:
    """The ink at the height that the networks want, squeezed where it is too long: (24, at most 240) uint8."""
    width = min(widest_px, max(1, round(ink.shape[1] * HEIGHT_PX / ink.shape[0])))
    values = np.ascontiguousarray(ink).view(np.uint8) * np.uint8(255)
    method = cv2.INTER_AREA if ink.shape[0] > HEIGHT_PX else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, (width, HEIGHT_PX), interpolation=method), dtype=np.uint8)


@cache
def _session(name: str) -> Any:
    return open_session(name)
