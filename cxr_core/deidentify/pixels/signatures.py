"""Decides what in the ink of a marker is none of its letters: the initials of who took the image, beside or below it.

Takes the line with the ink that was read, and how many letters were; gives the marker and each sign of the initials.
What becomes of them is left to `cut_outs`.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.ink import as_bytes, part_of
from cxr_core.deidentify.pixels.model import Line

_AS_HIGH, _LOWER, _LOWEST = 0.8, 0.7, 0.25  # of the highest letter: those of a word; initials; what is lower is a speck
_GAP = 0.12  # of the highest letter: between a word and its initials; torn letters lie closer
_MOST_SIGNS = 4  # more are pieces of torn letters
_JOINED = 0.9  # of the highest letter: the length of each of several that touch


def signed(line: Line, letters: int) -> tuple[Line, tuple[Line, ...]]:
    """A word without the lower ink before, behind, above or below it, and what of that may be initials, sign by sign.

    Readers overlook initials. Where not all letters of a word are high, nothing is told from it.

    Parameters
    ----------
    line : Line
        Its first ink is what was read.
    letters : int
        How many letters were read of it.
    """
    ink = line.inks[0].T if line.is_vertical else line.inks[0]
    _, labels, stats, _ = cv2.connectedComponentsWithStats(as_bytes(ink), connectivity=8)
    parts = stats[1:]
    highest = float(parts[:, 3].max())
    is_high = parts[:, 3] >= _AS_HIGH * highest
    lengths = np.maximum(1, np.rint(parts[is_high, 2] / (_JOINED * highest)))
    is_lower = (parts[:, 3] <= _LOWER * highest) & (parts[:, 2] <= highest)
    is_lower &= _is_beyond(parts, parts[is_high], _GAP * highest)
    if not 0 < is_lower.sum() <= _MOST_SIGNS or int(lengths.sum()) < letters or line.is_drawn:
        return line, ()
    is_sign = is_lower & (parts[:, 2:4].max(axis=1) >= _LOWEST * highest)
    word = ink & ~np.isin(labels, 1 + np.flatnonzero(is_lower))
    signs = [labels == 1 + index for index in np.flatnonzero(is_sign)]
    masks = [mask.T if line.is_vertical else mask for mask in (word, *signs)]
    return part_of(line, masks[0], line.glyphs), tuple(part_of(line, mask, 1) for mask in masks[1:])


def _is_beyond(parts: NDArray[Any], letters: NDArray[Any], gap: float) -> NDArray[np.bool_]:
    """Which parts lie before or behind all letters, or above or below those on their columns, with a gap between."""
    left, top, right, bottom = (_edges(parts)[edge][:, None] for edge in range(4))
    first, highest, last, lowest = _edges(letters)
    is_apart = (left >= last + gap) | (right <= first - gap)  # in reading direction, by part and letter
    is_above_or_below = (top >= lowest + gap) | (bottom <= highest - gap)
    is_outside = (left[:, 0] >= last.max() + gap) | (right[:, 0] <= first.min() - gap)
    is_on_columns_of_some = (~is_apart).any(axis=1)
    is_beyond_these = is_on_columns_of_some & (is_apart | is_above_or_below).all(axis=1)
    return np.asarray(is_outside | is_beyond_these, dtype=np.bool_)


def _edges(parts: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Left, top, right and bottom of parts, by what OpenCV tells of them."""
    return parts[:, 0], parts[:, 1], parts[:, 0] + parts[:, 2], parts[:, 1] + parts[:, 3]
