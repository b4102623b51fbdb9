"""Decides which ink belongs together: binarises, finds glyph-sized components, joins them into lines.

Takes the search image and the map of places, gives pieces (lines of ink) with their features, under several
binarisations at once, since neither polarity nor size of the text is known.
Whether a piece is text is left to `classifier`, what it says to `reading`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.features import measure_piece
from cxr_core.deidentify.pixels.model import Piece
from cxr_core.deidentify.pixels.proposals import SearchImage
from cxr_core.errors import ItemError
from cxr_core.vocabulary import Reason

_STROKE_PX = 17  # type of 80 pixels has strokes of 10 to 16
_WINDOW_PX = 75
_EXTREME = 8  # of 255
_DEVIATIONS = 0.5
_LEAST_STEP = 0.4  # of the local edge threshold: ink differs from its surroundings by at least this
_GLYPH_EXTENT_PX = (6, 200)
_LETTER_PX = 8  # a letter that stands alone; smaller specks only count in a line
_GLYPH_AREA_PX = 8
_GLYPH_ASPECT = 10.0
_EDGE_SUPPORT = 0.8
# One exact value is evidence enough, for hard contrasts have no edges to speak of; but not the darkest or the
# brightest value, which saturation repeats as well.
_CONSTANT_SUPPORT = 0.2
_LEVEL_TOLERANCE = 48.0
_MOST_PIECES = 1500  # radiographs have up to 350 under all binarisations, noise has thousands
_MOST_GLYPHS = 3000  # of one binarisation; the best supported ones stay


@dataclass(frozen=True, slots=True, eq=False)
class _Glyphs:
    """Components of one binarisation: tops, lefts, bottoms, rights, mean grey levels, all of length n."""

    ink: NDArray[np.bool_] = field(repr=False)
    boxes: NDArray[np.int32] = field(repr=False)
    levels: NDArray[np.float32] = field(repr=False)


def find_pieces(search: SearchImage, places: NDArray[np.bool_]) -> list[Piece]:
    """Every line of ink in the proposed places, under each binarisation (they overlap).

    Parameters
    ----------
    search : SearchImage
    places : (rows, columns) bool array
        Where to look; see `proposals.propose_places`.

    Raises
    ------
    ItemError
        E_RESIDUAL where all looks like ink.
    """
    pieces: list[Piece] = []
    for ink, least_support in _binarisations(search, places):
        glyphs = _find_glyphs(search, ink, least_support)
        pieces += [
            piece
            for members, is_vertical in _join_lines(glyphs)
            if (piece := measure_piece(search, glyphs.ink, glyphs.boxes[members], is_vertical)) is not None
        ]
        if len(pieces) > _MOST_PIECES:
            raise ItemError(Reason.E_RESIDUAL, f"more than {_MOST_PIECES} pieces look like ink")
    return pieces


def _binarisations(search: SearchImage, places: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.bool_], float]]:
    """Ink under each guess, and how sharp the borders of its glyphs must be."""
    for operation in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
        yield _thin_ink(search, operation) & places, _EDGE_SUPPORT
    grey = search.grey.astype(np.float32)
    window = (_WINDOW_PX, _WINDOW_PX)
    mean = cv2.blur(grey, window)
    step = np.asarray(cv2.blur(grey * grey, window), dtype=np.float32)
    step -= np.asarray(mean * mean, dtype=np.float32)
    np.sqrt(np.maximum(step, 0, out=step), out=step)  # the standard deviation
    step *= _DEVIATIONS
    np.maximum(step, _LEAST_STEP * search.threshold, out=step)
    bright, dark = (grey > mean + step) & places, (grey < mean - step) & places
    del grey, mean, step  # four bytes a pixel each, not to be held while the ink is measured
    yield np.asarray(bright, dtype=np.bool_), _EDGE_SUPPORT
    yield np.asarray(dark, dtype=np.bool_), _EDGE_SUPPORT
    # White type over a grey wire: only the tone of the type tells them apart.
    yield np.asarray((search.grey >= 255 - _EXTREME) & places, dtype=np.bool_), _EDGE_SUPPORT
    yield np.asarray((search.grey <= _EXTREME) & places, dtype=np.bool_), _EDGE_SUPPORT
    ends = int(search.stored.min()), int(search.stored.max())
    for value in search.overlay_values:
        support = _EDGE_SUPPORT if value in ends else _CONSTANT_SUPPORT
        yield np.asarray((search.stored == value) & places, dtype=np.bool_), support


def _thin_ink(search: SearchImage, operation: int) -> NDArray[np.bool_]:
    """Strokes thinner than the kernel, at half the height of the strongest stroke near by.

    Unlike a comparison with the local mean, this holds for grey type in a black box on bright tissue.
    """
    hat = cv2.morphologyEx(search.grey, operation, np.ones((_STROKE_PX, _STROKE_PX), np.uint8))
    peak = cv2.dilate(hat, np.ones((_STROKE_PX, _STROKE_PX), np.uint8))
    floor = _LEAST_STEP * search.threshold
    return np.asarray((hat > floor) & (hat.astype(np.uint16) * 2 > peak), dtype=np.bool_)


def _find_glyphs(search: SearchImage, ink: NDArray[np.bool_], least_support: float) -> _Glyphs:
    mask = ink.view(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    width, height, area = stats[:, 2], stats[:, 3], stats[:, 4]
    longest = np.maximum(width, height)
    good = (longest >= _GLYPH_EXTENT_PX[0]) & (longest <= _GLYPH_EXTENT_PX[1]) & (area >= _GLYPH_AREA_PX)
    good &= longest <= _GLYPH_ASPECT * np.maximum(np.minimum(width, height), 1)
    at = np.flatnonzero(mask)
    owner: NDArray[np.int32] = np.asarray(labels, dtype=np.int32).ravel()[at]
    support = _edge_support(search, mask, at, owner, count)
    good &= support >= least_support
    good[0] = False
    chosen = np.flatnonzero(good)
    if chosen.size > _MOST_GLYPHS:
        chosen = np.sort(chosen[np.argsort(-support[chosen], kind="stable")[:_MOST_GLYPHS]])
    boxes = np.stack([stats[:, 1], stats[:, 0], stats[:, 1] + height, stats[:, 0] + width], axis=1)
    levels = _mean_by_owner(search.grey.ravel()[at], owner, count)
    return _Glyphs(ink, boxes[chosen].astype(np.int32), levels[chosen])


def _edge_support(
    search: SearchImage, mask: NDArray[np.uint8], at: NDArray[np.intp], owner: NDArray[np.int32], count: int
) -> NDArray[np.float32]:
    """Mean over the border of each component of gradient / local threshold: type has sharp borders all round."""
    core = np.asarray(cv2.erode(mask, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    is_border = core.ravel()[at] == 0
    border = at[is_border]
    ratio = search.gradient.ravel()[border] / search.threshold.ravel()[border].astype(np.float32)
    return _mean_by_owner(np.asarray(ratio, dtype=np.float32), owner[is_border], count)


def _mean_by_owner(
    values: NDArray[np.float32] | NDArray[np.uint8], owner: NDArray[np.int32], count: int
) -> NDArray[np.float32]:
    total = np.bincount(owner, weights=values, minlength=count)
    return np.asarray(total / np.maximum(np.bincount(owner, minlength=count), 1), dtype=np.float32)


def _join_lines(glyphs: _Glyphs) -> list[tuple[NDArray[np.intp], bool]]:
    """Groups of glyphs that stand in one line, each with its direction; single glyphs come last."""
    if not len(glyphs.boxes):
        return []
    across = _gaps(glyphs, is_vertical=False)
    down = _gaps(glyphs, is_vertical=True)
    lines: list[tuple[NDArray[np.intp], bool]] = []
    single = np.ones(len(glyphs.boxes), np.bool_)
    doubtful: list[tuple[NDArray[np.intp], bool]] = []
    for own, other, is_vertical in ((across, down, False), (down, across, True)):
        for members in _chains(np.isfinite(own)):
            if _is_better_linked(own[members].min(axis=1), other[members].min(axis=1)):
                lines.append((members, is_vertical))
                single[members] = False
            else:
                doubtful.append((members, is_vertical))
    # Tightly set lines link as well down as across, so that either direction refuses: no glyph may be lost to that.
    lines += [(members, is_vertical) for members, is_vertical in doubtful if single[members].mean() > 0.5]
    for members, _ in lines:
        single[members] = False
    single &= (glyphs.boxes[:, 2:] - glyphs.boxes[:, :2]).max(axis=1) >= _LETTER_PX
    return lines + [(np.array([index]), False) for index in np.flatnonzero(single)]


def _is_better_linked(own: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """True unless a quarter of the glyphs have a closer neighbour in the other direction (lines of one block)."""
    last = len(own) - 1
    return bool(np.sort(own)[last // 2] <= np.sort(other)[last // 4])


def _gaps(glyphs: _Glyphs, *, is_vertical: bool) -> NDArray[np.float32]:
    """(n, n) gaps between neighbours in one line, in glyph heights; infinite where two do not stand in line."""
    boxes = glyphs.boxes[:, [1, 0, 3, 2]] if is_vertical else glyphs.boxes
    top, left, bottom, right = (boxes[:, side].astype(np.float32) for side in range(4))
    height = bottom - top
    tallest = np.maximum(height[:, None], height[None, :])
    shortest = np.minimum(height[:, None], height[None, :])
    shared = np.minimum(bottom[:, None], bottom[None, :]) - np.maximum(top[:, None], top[None, :])
    gap = np.maximum(left[:, None], left[None, :]) - np.minimum(right[:, None], right[None, :])
    linked = (shared >= 0.5 * shortest) & (tallest <= 2.2 * shortest) & (gap <= np.maximum(0.8 * tallest, 3))
    linked &= gap > -0.5 * shortest  # one inside the other is not one after the other
    linked &= np.abs(glyphs.levels[:, None] - glyphs.levels[None, :]) <= _LEVEL_TOLERANCE
    np.fill_diagonal(linked, val=False)
    return np.asarray(np.where(linked, np.maximum(gap, 0) / tallest, np.inf), dtype=np.float32)


def _chains(linked: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Connected groups of two or more, by their smallest member."""
    left = np.flatnonzero(linked.any(axis=1))
    unseen = set(left.tolist())
    chains = []
    for start in left.tolist():
        if start not in unseen:
            continue
        unseen.discard(start)
        members, front = [start], [start]
        while front:
            found = [j for j in np.flatnonzero(linked[front.pop()]).tolist() if j in unseen]
            unseen.difference_update(found)
            members += found
            front += found
        chains.append(np.sort(np.array(members, dtype=np.intp)))
    return chains
