"""Decides what of a grey window is brighter or darker than what lies around it.

Takes grey values, gives levels, strokes and the contrast of ink; each by one rule for all that take a place apart.
Which strokes are ink is left to `ink`, which are a lead marker to `lead`.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box

_LARGEST_ZOOM = 2.0
_MIDDLE_GREY = 128.0


def sampled(grey: NDArray[np.uint8], window: Box, zoom: float) -> tuple[NDArray[np.uint8], float]:
    """A window of an image at so many times its size, at most twice; and how many times it became."""
    zoom = min(zoom, _LARGEST_ZOOM)
    size = max(1, round(window.width * zoom)), max(1, round(window.height * zoom))
    method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    part = cv2.resize(np.ascontiguousarray(grey[window.window]), size, interpolation=method)
    return np.asarray(part, dtype=np.uint8), zoom


def otsu(grey: NDArray[np.uint8]) -> float:
    """The level that divides a window into two tones best; what is above it is the brighter one."""
    level, _ = cv2.threshold(np.ascontiguousarray(grey), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return float(level)


def percentiles(grey: NDArray[np.uint8], shares: Sequence[float]) -> tuple[float, ...]:
    """What `numpy.percentile` gives of some grey values, counted instead of sorted: many times quicker."""
    below = np.cumsum(np.bincount(grey.ravel(), minlength=256))
    found = []
    for share in shares:
        place = share / 100 * (int(below[-1]) - 1)
        low, high = np.searchsorted(below, (np.floor(place), np.ceil(place)), side="right")
        found.append(float(low + (place - np.floor(place)) * (high - low)))
    return tuple(found)


def median(grey: NDArray[np.uint8]) -> float:
    """The middle one of some grey values."""
    return percentiles(grey, (50,))[0]


def hat(grey: NDArray[np.uint8], kind: int, stroke_px: float) -> NDArray[np.uint8]:
    """How far strokes up to a width stand out: `MORPH_TOPHAT` for bright ones, `MORPH_BLACKHAT` for dark ones."""
    kernel = np.ones((round(stroke_px) | 1,) * 2, np.uint8)
    return np.asarray(cv2.morphologyEx(grey, kind, kernel), dtype=np.uint8)


def strokes_of(grey: NDArray[np.uint8], stroke_px: float) -> NDArray[np.uint8]:
    """Strokes up to a width, brighter and darker than their ground, on a grey one: what lies behind changes slowly."""
    bright, dark = (hat(grey, kind, stroke_px) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT))
    return np.asarray(cv2.addWeighted(bright, 1.0, dark, -1.0, _MIDDLE_GREY), dtype=np.uint8)


def contrast_of(ink: NDArray[np.bool_], grey: NDArray[np.uint8]) -> float | None:
    """How much brighter ink is than its ground, by their medians; None where a window holds but one of them.

    Parameters
    ----------
    ink : (rows, columns) bool array
        Over the window, at any resolution.
    grey : (rows, columns) uint8 array
    """
    rows, columns = grey.shape
    mask = np.ascontiguousarray(ink).view(np.uint8)
    inside = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA) > 0
    if not inside.any() or inside.all():
        return None
    return median(grey[inside]) - median(grey[~inside])
