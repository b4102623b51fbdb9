"""Decides whether what has the pattern of a code is only the pattern of the ground.

Takes the search image, the maps and a rectangle, gives yes or no: the lines of a grid and the blocks of coarse JPEG
have the edges of a barcode, but they are faint, as strong around the place as in it, and no hint of text is there.
Coarse grain has a little of everything.
Where such patterns are was decided by `marks`; what becomes of a place that is no code is left to `judgement`.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from cxr_core.deidentify.pixels.model import Box
from cxr_core.deidentify.pixels.network import CELL_PX, Maps
from cxr_core.deidentify.pixels.proposals import SearchImage

_HINT = 0.2  # probability of text
_GRAIN_PX, _FAINT, _LINES = 5, 6.0, 0.42  # of 255; of the spread: what lines take of it
_WINDOW_PX = 17  # wider than a bar and its gap
_PLAIN = 32.0  # of 255, between the darkest and the brightest in a window
_MUCH_MORE = 1.5  # times as much as around it
_MARGIN = 0.25  # of a side: of the smallest code as much lies outside it
_LEAST_AROUND_PX, _AROUND = 16, 0.5  # of the shorter side


def is_ground(search: SearchImage, maps: Sequence[Maps], box: Box) -> bool:
    """True where a place neither stands out nor holds anything that even faintly looks like text.

    Parameters
    ----------
    search : SearchImage
    maps : sequence of Maps
    box : Box
        In pixels of the image.
    """
    if _is_grain(search, box):
        return True  # coarse grain hints at everything
    return not _hints_at_text(maps, box) and not _stands_out(search, box)


def _is_grain(search: SearchImage, box: Box) -> bool:
    """True where a place holds hardly any contrast but that of single pixels, and no line runs through it.

    Bars, the rows of a matrix code, a grid and lines of type show in the means of rows or of columns.
    """
    grey = search.views[0].grey[box.window].astype(np.float32)
    coarse = cv2.blur(grey, (_GRAIN_PX, _GRAIN_PX))
    coarse = cv2.subtract(coarse, cv2.blur(coarse, (_WINDOW_PX, _WINDOW_PX)))
    spread = float(coarse.std())
    lines = max(float(coarse.mean(axis=axis).std()) for axis in (0, 1))
    return spread < _FAINT and lines < _LINES * spread


def _hints_at_text(maps: Sequence[Maps], box: Box) -> bool:
    windows = [(one.text, one.small, box.in_steps(CELL_PX * one.scale).window) for one in maps]
    highest = max(int(np.maximum(text[window], small[window]).max(initial=0)) for text, small, window in windows)
    return highest >= round(255 * _HINT)


def _stands_out(search: SearchImage, box: Box) -> bool:
    """True where a place is of plain contrast, or of much more contrast than what lies around it."""
    margin = max(_LEAST_AROUND_PX, round(_AROUND * min(box.height, box.width)))
    outer = box.grown(margin + _WINDOW_PX, search.shape)
    grey = np.ascontiguousarray(search.views[0].grey[outer.window])
    spread = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((_WINDOW_PX, _WINDOW_PX), np.uint8))
    is_around = np.ones(spread.shape, np.bool_)
    near = box.grown(_WINDOW_PX, search.shape)
    is_around[near.top - outer.top : near.bottom - outer.top, near.left - outer.left : near.right - outer.left] = False
    rows, columns = round(_MARGIN * box.height), round(_MARGIN * box.width)
    top, left = box.top - outer.top, box.left - outer.left
    inside = spread[top + rows : top + box.height - rows, left + columns : left + box.width - columns]
    contrast = float(np.median(inside))
    around = float(np.median(spread[is_around])) if is_around.any() else 0.0
    return contrast >= _PLAIN or contrast > _MUCH_MORE * around
