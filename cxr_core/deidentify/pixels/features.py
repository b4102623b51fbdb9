"""Decides what the classifier sees of a line of ink: some twenty numbers free of position.

Takes the search image, one binarisation and the rectangles of the glyphs of one line; gives a `Piece`.
What the numbers mean for text or no text is left to `classifier` and its weights.
"""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box, Piece
from cxr_core.deidentify.pixels.proposals import SearchImage

FEATURES: tuple[str, ...] = (
    "log_glyphs",
    "log_components",
    "log_glyph_px",
    "height_variation",
    "start_wander",
    "end_wander",
    "glyph_aspect",
    "fill",
    "contrast",
    "ink_spread",
    "background_spread",
    "ink_extremeness",
    "is_dark",
    "edge_over_threshold",
    "sharpness",
    "constancy",
    "background_constancy",
    "stroke_over_height",
    "stroke_variation",
    "log_aspect",
    "coherence",
)
_TALL = 1.8
_GLYPH_PITCH = 0.72  # mean advance of a letter over its height


def measure_piece(
    search: SearchImage, ink: NDArray[np.bool_], glyphs: NDArray[np.int32], is_vertical: bool
) -> Piece | None:
    """Measure one line of ink.

    Parameters
    ----------
    search : SearchImage
    ink : (rows, columns) bool array
        The binarisation that the glyphs come from.
    glyphs : (n, 4) int32 array
        Rectangles: top, left, bottom, right.
    is_vertical : bool
        Glyphs follow one another from top to bottom.

    Returns
    -------
    Piece or None
        None where nothing but ink, or no ink, stands in the rectangle.
    """
    low, high = glyphs.min(axis=0), glyphs.max(axis=0)
    box = Box(int(low[0]), int(low[1]), int(high[2]), int(high[3]))
    crop = np.ascontiguousarray(ink[box.window])
    around = box.grown(2, search.shape)
    grey = search.grey[around.window].astype(np.float32)
    inside = np.ascontiguousarray(ink[around.window])
    if not crop.any() or inside.all():
        return None
    if len(glyphs) == 1 and box.height > _TALL * box.width:
        is_vertical = True  # one component that is a touching word set on its side
    across = (glyphs[:, 3] - glyphs[:, 1]) if is_vertical else (glyphs[:, 2] - glyphs[:, 0])
    along = (glyphs[:, 2] - glyphs[:, 0]) if is_vertical else (glyphs[:, 3] - glyphs[:, 1])
    glyph_px = float(_middle(across))
    count = int(np.maximum(1, np.rint(along / (_GLYPH_PITCH * glyph_px))).sum())
    constancy = _commonest_share(search.stored[box.window][crop])
    contrast, tones = _tones(grey, inside)
    values = [
        np.log(count),
        *_layout(glyphs, across, along, is_vertical),
        *tones,
        *_edges(search, around, inside, contrast),
        constancy,
        _commonest_share(search.stored[around.window][~inside]),
        *_strokes(crop, glyph_px),
        np.log(box.width / box.height) * (-1 if is_vertical else 1),
        _coherence(grey),
    ]
    return Piece(
        box, is_vertical, count, glyph_px, crop, np.array(values, dtype=np.float32), constancy, is_dark=contrast < 0
    )


def _layout(
    glyphs: NDArray[np.int32], across: NDArray[np.int32], along: NDArray[np.int32], is_vertical: bool
) -> tuple[float, ...]:
    glyph_px = float(_middle(across))
    starts, ends = (glyphs[:, 1], glyphs[:, 3]) if is_vertical else (glyphs[:, 0], glyphs[:, 2])
    return (
        math.log(len(glyphs)),
        math.log(glyph_px),
        float(across.std() / glyph_px),
        float(np.abs(starts - _middle(starts)).sum() / len(glyphs) / glyph_px),
        float(np.abs(ends - _middle(ends)).sum() / len(glyphs) / glyph_px),
        float(_middle(along / across)),
    )


def _middle(values: NDArray[np.generic]) -> Any:
    """The upper median: an element, and several times quicker than np.median on a handful of numbers."""
    return np.sort(values)[len(values) // 2]


def _tones(grey: NDArray[np.float32], inside: NDArray[np.bool_]) -> tuple[float, tuple[float, ...]]:
    """Contrast of the ink (signed, of 255) and the features of tone."""
    mask = inside.view(np.uint8)
    ink_mean, ink_spread = (float(part[0, 0]) for part in cv2.meanStdDev(grey, mask=mask))
    mean, spread = (float(part[0, 0]) for part in cv2.meanStdDev(grey, mask=1 - mask))
    contrast = ink_mean - mean
    scale = abs(contrast) + 1.0
    return contrast, (
        float(np.count_nonzero(inside)) / inside.size,
        abs(contrast) / 255,
        ink_spread / scale,
        spread / scale,
        abs(ink_mean / 127.5 - 1),
        float(contrast < 0),
    )


def _edges(search: SearchImage, around: Box, inside: NDArray[np.bool_], contrast: float) -> tuple[float, ...]:
    mask = inside.view(np.uint8)
    border = mask - cv2.erode(mask, np.ones((3, 3), np.uint8))
    strength = cv2.mean(search.gradient[around.window], mask=border)[0]
    threshold = cv2.mean(search.threshold[around.window])[0]
    return math.log1p(strength / threshold), strength / (abs(contrast) + 1.0)


def _strokes(crop: NDArray[np.bool_], glyph_px: float) -> tuple[float, ...]:
    padded = np.pad(crop, 1).astype(np.uint8)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 3)
    ridge = distance[(distance >= cv2.dilate(distance, np.ones((3, 3), np.uint8))) & (padded > 0)]
    width = float(ridge.mean())
    return 2 * width / glyph_px, float(ridge.std()) / width


def _coherence(grey: NDArray[np.float32]) -> float:
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    xx, yy, xy = (float(a.ravel() @ b.ravel()) for a, b in ((across, across), (down, down), (across, down)))
    return float(np.hypot(xx - yy, 2 * xy) / (xx + yy + 1e-6))


def _commonest_share(values: NDArray[np.integer]) -> float:
    if values.size == 0:
        return 0.0
    ordered = np.sort(values, axis=None)
    bounds = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1], [True]]))
    return float(np.diff(bounds).max() / values.size)
