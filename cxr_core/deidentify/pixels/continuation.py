"""Decides how far a removed line goes on beyond what the network marked: while letters of its size and tone follow.

Takes the search image and a line, gives the line with a longer rectangle. The network may lose the end of a line, as
where its letters stand in a tight box of another tone; the ink itself tells.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import TEXT_PROBABILITY, Box, Line
from cxr_core.deidentify.pixels.proposals import SearchImage
from cxr_core.deidentify.pixels.reading import is_letter
from cxr_core.deidentify.pixels.tones import otsu

_LEAST_ASPECT = 1.5
_REACH = 14.0  # of the line's height, on either side
_LETTER = 0.35, 1.1  # heights of what may be a letter, of the line's
_WIDEST = 2.5
_MOST_OF_A_LINE = 0.8  # that ink covers
_GAP = 1.4  # a space of typewriter type and a thin letter
_AS_HIGH, _FEW = 1.4, 2
_RIM = 0.12  # ink that crosses the rim of the line is something larger


def carried_on(search: SearchImage, line: Line) -> Line:
    """The line with all letters that follow it on either side.

    Parameters
    ----------
    search : SearchImage
    line : Line
    """
    if line.box.aspect < _LEAST_ASPECT:
        return line
    across, along = (line.box.width, line.box.height) if line.is_vertical else (line.box.height, line.box.width)
    rim, reach = max(2, round(_RIM * across)), round(_REACH * across)
    rows, columns = (reach, rim) if line.is_vertical else (rim, reach)
    box = line.box
    strip = box.grown_by(rows, columns, search.shape)
    grey = search.views[0].grey[strip.window]
    own = Box(box.top - strip.top, box.left - strip.left, box.bottom - strip.top, box.right - strip.left)
    grey, own = (np.ascontiguousarray(grey.T), own.transposed) if line.is_vertical else (grey, own)
    walks = [_walk(ink, own, float(across)) for ink in _inks_like(grey, own)]
    first, last = min((walk[0] for walk in walks), default=0), max((walk[1] for walk in walks), default=0)
    if last - first <= along:
        return line
    grown = Box(box.top, strip.left + first, box.bottom, strip.left + last)
    if line.is_vertical:
        grown = Box(strip.top + first, box.left, strip.top + last, box.right)
    return replace(line, box=box.union(grown))


def belongs_to(kept: Line, line: Line) -> bool:
    """True for a kept line that may be one of the letters which follow a removed one: about as high, the same way.

    What looks little like type and has hardly a glyph is no line that letters follow.
    """
    is_line = line.probability >= TEXT_PROBABILITY or line.glyphs > _FEW
    ink = kept.ink_box
    height = max(kept.line_px, float(ink.width if line.is_vertical else ink.height))
    is_alike = 1 / _AS_HIGH <= height / line.line_px <= _AS_HIGH
    return is_line and is_alike and (kept.is_vertical == line.is_vertical or is_letter(kept))


def _inks_like(grey: NDArray[np.uint8], own: Box) -> list[NDArray[np.bool_]]:
    """What has the tone of the line's ink: nearer to the rarer of the line's own two tones than to the other.

    Heavy type may cover more than its ground does: where neither tone is clearly the rarer, each of them.
    """
    inside = grey[own.window]
    bright = inside > otsu(inside)
    if not bright.any() or bright.all():
        return []
    middle, share = (float(inside[bright].mean()) + float(inside[~bright].mean())) / 2, float(bright.mean())
    tones = ((share, grey > middle), (1 - share, grey < middle))
    return [np.asarray(ink, dtype=np.bool_) for part, ink in tones if part <= _MOST_OF_A_LINE]


def _walk(ink: NDArray[np.bool_], own: Box, line_px: float) -> tuple[int, int]:
    """First and last column of the line with its followers, in the strip."""
    mask = np.ascontiguousarray(ink).view(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    left, top, width, height = (stats[1:count, side] for side in range(4))
    is_own = (left < own.right) & (left + width > own.left)  # letters of heavy type run together
    is_letter = (height >= _LETTER[0] * line_px) & (height <= _LETTER[1] * line_px)
    is_letter &= is_own | (width <= _WIDEST * line_px)
    is_letter &= (top > 0) & (top + height < ink.shape[0])
    spans = sorted(zip(left[is_letter].tolist(), (left + width)[is_letter].tolist(), strict=True))
    first, last = own.left, own.right
    for start, end in spans:
        if end > last and start - last <= _GAP * line_px:
            last = end
    for start, end in reversed(spans):
        if start < first and first - end <= _GAP * line_px:
            first = start
    return first, last
