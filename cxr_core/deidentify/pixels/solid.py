"""Decides whether what was read as a lone letter is one sign, or several lines of type that lie like a letter.

Takes the search image and a line, gives a verdict from the parts of its ink: two lines that meet in a corner look like
an L once they are small enough. What becomes of it is left to `cascade`.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.ink import as_bytes
from cxr_core.deidentify.pixels.model import Line
from cxr_core.deidentify.pixels.proposals import SearchImage
from cxr_core.deidentify.pixels.tones import contrast_of, hat, otsu

_LEAST_PX = 50  # two lines of the smallest type that is found do not fit into less
_MOST_PX = 400  # the ink is looked at no larger than this
_LARGEST_PART, _PARTS = 0.35, 5
_STROKE = 0.4  # of a letter: wider than its strokes


def is_one_sign(search: SearchImage, line: Line) -> bool:
    """False where the ink of a large letter falls into many parts of which none is the most of it.

    A ring and a letter in it are two parts, a letter of dots or with initials a few more; a line of type has a part a
    glyph. Small letters are not looked at: no two lines fit into them.
    """
    ink = line.ink_box
    if ink.height < _LEAST_PX and ink.width < _LEAST_PX:
        return True
    patch = search.views[0].grey[ink.window]
    zoom = min(1.0, _MOST_PX / max(patch.shape))
    if zoom < 1:
        patch = np.asarray(cv2.resize(patch, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA), np.uint8)
    smooth = np.asarray(cv2.medianBlur(np.ascontiguousarray(patch), 3), np.uint8)
    if _is_one(_lesser(smooth)):
        return True
    contrast = contrast_of(line.inks[0], smooth) if line.inks else None
    return contrast is not None and _is_one(_standing_out(smooth, is_bright=contrast >= 0))


def _lesser(smooth: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """What lies on one side of one threshold, of the two sides that which is less."""
    bright = np.asarray(smooth > otsu(smooth), dtype=np.bool_)
    return bright if 2 * np.count_nonzero(bright) <= bright.size else ~bright


def _standing_out(smooth: NDArray[np.uint8], *, is_bright: bool) -> NDArray[np.bool_]:
    """Strokes of one tone: the ground under a letter may have a step."""
    strokes = hat(smooth, cv2.MORPH_TOPHAT if is_bright else cv2.MORPH_BLACKHAT, _STROKE * max(smooth.shape))
    return np.asarray(strokes > otsu(strokes), dtype=np.bool_)


def _is_one(mask: NDArray[np.bool_]) -> bool:
    _, _, stats, _ = cv2.connectedComponentsWithStats(as_bytes(mask), connectivity=8)
    areas = np.sort(stats[1:, cv2.CC_STAT_AREA])[::-1].astype(np.float64)
    large = areas[areas >= 0.02 * areas.sum()]
    return bool(large.size < _PARTS or large[0] >= _LARGEST_PART * areas.sum())
