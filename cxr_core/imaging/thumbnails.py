"""Decides how a full-size picture becomes the small one that view, quality and hash are judged on.

Takes rendered grey levels and gives thumbnails, without the flat borders where asked, and their ranks. Leaves every
judgement to `appearance` and `quality`.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

_FLAT_LEVELS, _DARK, _BRIGHT = 6, 13, 242  # of 255: a border is even, and black or white
_SMALLEST_SHARE = 1 / 3  # what is left of a side when borders are cut; else it was no border


def shrink(gray: NDArray[np.uint8], side: int, *, oversampling: int = 8) -> NDArray[np.uint8]:
    """Make a square thumbnail by area means over a few samples a pixel.

    Averaging every pixel of a full-size image takes longer than encoding it, and noise is gone long before.

    Parameters
    ----------
    gray : (rows, columns) uint8 array
        Any size from 1 x 1.
    side : int
        Pixels of a side of the thumbnail; the aspect ratio is not kept.
    oversampling : int
        At least so many samples along each side of a pixel, where the image has them.

    Returns
    -------
    (side, side) uint8 array
    """
    step = [max(length // (oversampling * side), 1) for length in gray.shape]
    sample = np.ascontiguousarray(gray[:: step[0], :: step[1]])
    return _resized(sample, side)


def rank_levels(small: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Replace grey levels by their ranks, so that any growing brightness curve cancels.

    Parameters
    ----------
    small : (rows, columns) uint8 array

    Returns
    -------
    (rows, columns) float64 array in (0, 1)
        Share of darker pixels plus half the share of equal ones; a negative gives 1 minus it.
    """
    levels = np.bincount(small.ravel(), minlength=256)
    ranks: NDArray[np.float64] = ((np.cumsum(levels) - levels / 2) / small.size)[small]
    return ranks


def cut_borders(small: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Cut flat black or white rows and columns off the sides and scale the rest to a square again.

    Shutters, image masks and unexposed film say nothing of the patient. A line is flat where all but a twentieth of
    it spans at most 6 of 255 levels; where less than a third of a side would be left, that side is kept whole.

    Parameters
    ----------
    small : (rows, columns) uint8 array
        A thumbnail.
    side : int
        Pixels of a side of the result.

    Returns
    -------
    (side, side) uint8 array
    """
    inner = small[_inner(small), _inner(small.T)]
    return _resized(np.ascontiguousarray(inner), side)


def _inner(lines: NDArray[np.uint8]) -> slice:
    """The lines from the first to the last that is not flat."""
    ordered = np.sort(lines[:, ::2], axis=1)
    margin = ordered.shape[1] // 40
    bottom, top = ordered[:, margin], ordered[:, -1 - margin]
    is_flat = (top - bottom <= _FLAT_LEVELS) & ((top <= _DARK) | (bottom >= _BRIGHT))
    kept = np.flatnonzero(~is_flat)
    if not kept.size or kept[-1] + 1 - kept[0] < len(lines) * _SMALLEST_SHARE:
        return slice(0, len(lines))
    return slice(int(kept[0]), int(kept[-1]) + 1)


def _resized(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)
