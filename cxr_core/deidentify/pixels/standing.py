"""Decides whether a marker that was read stands by itself amid what was seen as one place with it.

Takes the search image and lines, gives yes or no from the grey values: bare ground between and around its letters.
What becomes of the marker and of the place is left to `judgement` and `cascade`.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.ink import as_bytes
from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.proposals import SearchImage

_LINE_PX = 32  # height at which the ground is looked at
_MUCH_HIGHER = 1.7  # a place of several lines, over one of them
_AS_FAR, _AS_FAR_ACROSS = 1.5, 0.9  # of the marker's height: no letter of its own line, none of the next
_WORD_GAP = 0.3
_SHORT = 2  # glyphs: what may be an initial below a name
_RIM_PX, _RIM = 2, 0.08  # of the height of a word: its outline
_EDGE = 0.16  # of the height: outlines, shadows and blur belong to the letters
_STROKE, _STROKES = 0.3, 0.004  # of the contrast of the letters; share of the ground
_LEAST_CONTRAST = 12.0  # of 255


def is_place_of_several(place: Line, line: Line) -> bool:
    """True where a place is much higher than a line in it: several lines, or a line and what lies around it."""
    return place.line_px >= _MUCH_HIGHER * line.line_px and place.box.intersection(line.ink_box) > 0


def stands_by_itself(search: SearchImage, line: Line, known: Sequence[Box], *, is_whole_word: bool) -> bool:
    """True where nothing but the first ink of a line lies in its rectangle and next to it.

    A line that goes on, however small or faint against its letters, does not stand by itself: it may be the first word
    of one that names somebody.

    Parameters
    ----------
    search : SearchImage
    line : Line
        Its first ink is what was read.
    known : sequence of Box
        Other markers that were read, which may stand beside it.
    is_whole_word : bool
        True for a long listed word: a space divides it from what follows. Of others no letter may follow in a line.
    """
    height = _height(line)
    along = round(_WORD_GAP * height if is_whole_word else _AS_FAR * max(height, line.line_px))
    across = round(_AS_FAR_ACROSS * height) if line.glyphs <= _SHORT else 0
    return _is_alone(search, line, (along, across), known)


def lies_on_bare_ground(search: SearchImage, line: Line) -> bool:
    """True where nothing but its first ink lies in the rectangle of a line.

    Parameters
    ----------
    search : SearchImage
    line : Line
    """
    return _is_alone(search, line, (0, 0), ())


def rim_px(line: Line) -> int:
    """How far beyond its ink what is kept of a line reaches: type has outlines; close to a letter stand initials."""
    return max(_RIM_PX, round(_RIM * _height(line))) if line.glyphs > _SHORT else _RIM_PX


def _height(line: Line) -> int:
    sides = line.ink_box.height, line.ink_box.width
    return min(sides) if line.glyphs > 1 else max(sides)


def _is_alone(search: SearchImage, line: Line, reach: tuple[int, int], known: Sequence[Box]) -> bool:
    """True where the ground is bare in the rectangle of a line and so far around it, along and across."""
    if not line.inks:
        return False
    box, height = line.ink_box, _height(line)
    along, across = (max(rim_px(line), far) for far in reach)
    rows, columns = (along, across) if line.is_vertical else (across, along)
    window = box.grown_by(rows, columns, search.shape)
    zoom = min(1.0, _LINE_PX / height)
    size = max(1, round(window.width * zoom)), max(1, round(window.height * zoom))
    grey = np.ascontiguousarray(search.views[0].grey[window.window])
    patch = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    ink = _placed(line.inks[0], box, window, patch.shape)
    side = 2 * max(1, round(_EDGE * height * zoom)) + 1
    near = cv2.dilate(as_bytes(ink), np.ones((side, side), np.uint8)) > 0
    for other in known:
        near |= _covering(other.grown(_RIM_PX, search.shape), window, patch.shape)
    return _is_bare(patch, ink, ~near, height * zoom)


def _is_bare(patch: NDArray[np.float32], ink: NDArray[np.bool_], ground: NDArray[np.bool_], height: float) -> bool:
    """True where the ground is smooth against the contrast of the ink or its outline, whatever slow changes it has."""
    if not ink.any() or not ground.any():
        return False
    weight = ground.astype(np.float32)
    total = cv2.GaussianBlur(weight, (0, 0), height)
    slow = cv2.GaussianBlur(patch * weight, (0, 0), height) / np.maximum(total, 1e-3)
    apart = np.abs(patch - slow)
    outline = apart[~ink & ~ground]
    contrast = abs(float(np.median((patch - slow)[ink])))
    if outline.size:
        contrast = max(contrast, float(np.median(outline)))
    strokes = apart[ground] > _STROKE * contrast
    return contrast >= _LEAST_CONTRAST and float(strokes.mean()) <= _STROKES


def _placed(ink: NDArray[np.bool_], box: Box, window: Box, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The ink of a rectangle in the pixels of a window around it."""
    inside = _within(box, window, shape)
    mask = np.zeros(shape[:2], np.bool_)
    size = (inside.width, inside.height)
    mask[inside.window] = cv2.resize(as_bytes(ink) * np.uint8(255), size, interpolation=cv2.INTER_AREA) > 127
    return mask


def _covering(box: Box, window: Box, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.zeros(shape[:2], np.bool_)
    if box.intersection(window):
        mask[_within(box, window, shape).window] = True
    return mask


def _within(box: Box, window: Box, shape: tuple[int, ...]) -> Box:
    """A rectangle in the pixels of a window as it was sampled, at least one pixel of it."""
    down, across = shape[0] / window.height, shape[1] / window.width
    top, left = max(0, int((box.top - window.top) * down)), max(0, int((box.left - window.left) * across))
    bottom = min(shape[0], round((box.bottom - window.top) * down))
    right = min(shape[1], round((box.right - window.left) * across))
    return Box(min(top, shape[0] - 1), min(left, shape[1] - 1), max(bottom, top + 1), max(right, left + 1))
