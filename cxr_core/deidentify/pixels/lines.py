"""Decides which lines the network's maps make: their rectangles, their direction, their ink.

Takes the search image and the maps, gives lines of text and rectangles of codes.
What a line says is left to `reading`, what becomes of it to `judgement`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.network import CELL_PX, Maps
from cxr_core.deidentify.pixels.proposals import FINE, SearchImage, View

_MARKED = 0.4  # a cell of the map belongs to a line
_CODE_PROBABILITY = 0.5
_CODE_LEAST_PX = 16
_CORE_SHARE = 0.62  # of the line's height that the network marks
_ALONG = 0.45  # of the line's height: how far ink may reach beyond the mark, along and across
_ACROSS = 0.35
_TALL = 1.25
_BEST_LINE_PX = 20.0  # in a view: where the network is surest
_HIGHEST_LINE_PX = 64.0  # in a view; what is higher was seen at its edges only, unless it is surely text
_SURE = 0.85
_BORNE_OUT = 0.5
_COVERED = 0.65
_RIM = 0.2  # of the line's height: what its ink covers beyond the mark
_MOST_LINES = 400
_CONSTANT_SHARE = 0.12  # of the mark, for one stored value to be the ink
_CONSTANT_LEAD = 3.0
_INK_SHARE = (0.02, 0.75)
_GLYPH_PITCH = 0.62  # advance of a letter over the height of its line


@dataclass(frozen=True, slots=True)
class _Mark:
    """One connected place of a text map: in pixels of the image."""

    core: Box
    scale: int
    probability: float
    is_vertical: bool

    @property
    def line_px(self) -> float:
        return (self.core.width if self.is_vertical else self.core.height) / _CORE_SHARE

    @property
    def misfit(self) -> float:
        """How far the line is from the height at which the network is surest."""
        return abs(math.log(self.line_px / self.scale / _BEST_LINE_PX))

    def reach(self, shape: tuple[int, int]) -> Box:
        """As far as the ink of this line may go."""
        cell = CELL_PX * self.scale
        along, across = round(_ALONG * self.line_px) + cell, round(_ACROSS * self.line_px) + cell // 2
        rows, columns = (along, across) if self.is_vertical else (across, along)
        core = self.core
        return Box(core.top - rows, core.left - columns, core.bottom + rows, core.right + columns).grown(0, shape)


@dataclass(frozen=True, slots=True, eq=False)
class _Ink:
    """Ink in a rectangle of one view."""

    mask: NDArray[np.bool_] = field(repr=False)
    constancy: float


def find_lines(search: SearchImage, maps: Sequence[Maps]) -> list[Line]:
    """The lines of text, the likeliest first. One seen at two scales comes twice; `judgement` knows it again.

    Parameters
    ----------
    search : SearchImage
    maps : sequence of Maps
        One for each view of the search, in the same order.
    """
    marks = [mark for one in maps for mark in _marks(one, search.shape)]
    chosen = sorted(
        _best_seen(marks, search.shape),
        key=lambda mark: (-mark.probability, -mark.core.area, mark.core.top, mark.core.left),
    )[:_MOST_LINES]
    views = {view.scale: view for view in search.views}
    return [_measure(search, views[mark.scale], mark) for mark in chosen]


def _best_seen(marks: Sequence[_Mark], shape: tuple[int, int]) -> list[_Mark]:
    """Of what was seen at several scales, the one whose line has the best height; what reaches further stays, too."""
    ordered = sorted(marks, key=lambda mark: mark.misfit)
    taken = np.zeros((-(-shape[0] // CELL_PX), -(-shape[1] // CELL_PX)), np.bool_)
    chosen: list[_Mark] = []
    for mark in ordered:
        cells = taken[_scaled(mark.core, CELL_PX).window]
        if cells.size and cells.mean() >= _COVERED:
            continue
        chosen.append(mark)
        if mark.probability >= _BORNE_OUT:
            taken[_scaled(mark.core.grown(round(_RIM * mark.line_px), shape), CELL_PX).window] = True
    return chosen


def find_codes(search: SearchImage, maps: Sequence[Maps]) -> list[Box]:
    """Rectangles of barcodes and matrix codes, with a margin."""
    boxes = []
    for one in maps:
        cell = CELL_PX * one.scale
        mask = (one.code >= round(255 * _CODE_PROBABILITY)).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        for left, top, width, height, area in stats[1:count].tolist():
            is_filled = area >= 0.4 * width * height
            if is_filled and min(width, height) * CELL_PX >= _CODE_LEAST_PX:
                box = Box(top * cell, left * cell, (top + height) * cell, (left + width) * cell)
                boxes.append(box.grown(2 * cell, search.shape))
    return boxes


def _marks(maps: Maps, shape: tuple[int, int]) -> Iterator[_Mark]:
    text = np.maximum(maps.text, maps.small) if maps.scale == FINE else maps.text  # there is no finer view to ask
    mask = (text >= round(255 * _MARKED)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    cell = CELL_PX * maps.scale
    for index in range(1, count):
        left, top, width, height, _ = (int(value) for value in stats[index])
        window = slice(top, top + height), slice(left, left + width)
        probability = float(text[window][labels[window] == index].mean()) / 255
        core = Box(top * cell, left * cell, (top + height) * cell, (left + width) * cell).grown(0, shape)
        mark = _Mark(core, maps.scale, probability, height > _TALL * width)
        if mark.line_px <= _HIGHEST_LINE_PX * maps.scale or probability >= _SURE:
            yield mark


def _measure(search: SearchImage, view: View, mark: _Mark) -> Line:
    """Fit the line to its ink: the rectangle holds the mark and all ink that belongs to it."""
    reach = mark.reach(search.shape)
    inks = [ink for ink in _inks(search, view, mark, reach) if ink.mask.any()]
    box, glyphs, line_px = mark.core, 0, mark.line_px
    for ink in inks[:1]:
        step = reach.height / ink.mask.shape[0], reach.width / ink.mask.shape[1]
        rows, columns = np.flatnonzero(ink.mask.any(axis=1)), np.flatnonzero(ink.mask.any(axis=0))
        inner = Box(
            reach.top + int(rows[0] * step[0]),
            reach.left + int(columns[0] * step[1]),
            reach.top + int(np.ceil((rows[-1] + 1) * step[0])),
            reach.left + int(np.ceil((columns[-1] + 1) * step[1])),
        )
        box = box.union(inner).grown(0, search.shape)
        line_px = float(inner.width if mark.is_vertical else inner.height)
        glyphs = _count_glyphs(ink.mask, is_vertical=mark.is_vertical)
    if not glyphs:
        along = mark.core.height if mark.is_vertical else mark.core.width
        glyphs = max(1, round(along / (_GLYPH_PITCH * mark.line_px)))
    return Line(
        box=box,
        is_vertical=mark.is_vertical,
        line_px=max(line_px, 0.7 * mark.line_px),
        glyphs=glyphs,
        probability=mark.probability,
        constancy=max((ink.constancy for ink in inks), default=0.0),
        inks=tuple(_trimmed(ink.mask) for ink in inks),
    )


def _inks(search: SearchImage, view: View, mark: _Mark, reach: Box) -> Iterator[_Ink]:
    """Binarisations of the place, the likeliest first, cut down to the components that the mark touches."""
    stored = search.stored[reach.window]
    core = _within(mark.core, reach, 1)
    values, counts = np.unique(stored[core.window], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:3]
    shares = counts[order] / max(1, stored[core.window].size)
    for index, share in zip(order.tolist(), shares.tolist(), strict=True):
        if share >= _CONSTANT_SHARE and _stands_out(stored, int(values[index]), core):
            mask = _touching(stored == values[index], core)
            if _is_ink(mask, core):
                yield _Ink(mask, 1.0)
                break
    grey = view.grey[_scaled(reach, view.scale).window]
    small = _within(mark.core, reach, view.scale).grown(0, grey.shape)
    if grey.size == 0 or small.area == 0:
        return
    level = _otsu(grey[small.window])
    bright = grey > level
    ring = np.ones(grey.shape, np.bool_)
    ring[small.window] = False
    bright_gain = bright[small.window].mean() - (bright[ring].mean() if ring.any() else 0.5)
    for mask in (bright, ~bright) if bright_gain >= 0 else (~bright, bright):
        ink = _touching(mask, small)
        if _is_ink(ink, small):
            yield _Ink(ink, _commonest_share(stored, ink))


def _stands_out(stored: NDArray[np.integer], value: int, core: Box) -> bool:
    """True where a value is commoner in the mark than around it: ink, not ground."""
    inside = float((stored[core.window] == value).mean())
    outside = (float((stored == value).sum()) - inside * core.area) / max(1, stored.size - core.area)
    return inside > _CONSTANT_LEAD * outside


def _otsu(grey: NDArray[np.uint8]) -> float:
    level, _ = cv2.threshold(np.ascontiguousarray(grey), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return float(level)


def _touching(mask: NDArray[np.bool_], core: Box) -> NDArray[np.bool_]:
    """The components of a mask that have a pixel in the mark."""
    count, labels = cv2.connectedComponents(np.ascontiguousarray(mask).view(np.uint8), connectivity=8)
    inside = np.zeros(count, np.bool_)
    inside[np.unique(labels[core.window])] = True
    inside[0] = False
    return np.asarray(inside[labels], dtype=np.bool_)


def _is_ink(mask: NDArray[np.bool_], core: Box) -> bool:
    share = float(mask[core.window].mean()) if core.area else 0.0
    return _INK_SHARE[0] <= share <= _INK_SHARE[1]


def _commonest_share(stored: NDArray[np.integer], ink: NDArray[np.bool_]) -> float:
    size = (stored.shape[1], stored.shape[0])
    full = (
        ink if ink.shape == stored.shape else cv2.resize(ink.view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    )
    _, counts = np.unique(stored[full], return_counts=True)
    return float(counts.max() / counts.sum()) if counts.size else 0.0


def _count_glyphs(ink: NDArray[np.bool_], *, is_vertical: bool) -> int:
    """Characters of a line: each component counts for as many as would fit into its length."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(np.ascontiguousarray(ink).view(np.uint8), connectivity=8)
    along, across = (stats[1:, 3], stats[1:, 2]) if is_vertical else (stats[1:, 2], stats[1:, 3])
    height = float(across.max())
    tall = across >= 0.4 * height
    return max(1, int(np.maximum(1, np.rint(along[tall] / (1.25 * _GLYPH_PITCH * height))).sum()))


def _trimmed(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.ascontiguousarray(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _within(box: Box, outer: Box, scale: int) -> Box:
    """A rectangle in the coordinates of another, at a scale."""
    return Box(
        (box.top - outer.top) // scale,
        (box.left - outer.left) // scale,
        -(-(box.bottom - outer.top) // scale),
        -(-(box.right - outer.left) // scale),
    )


def _scaled(box: Box, scale: int) -> Box:
    """The rectangle in steps of `scale` pixels, all of it."""
    return Box(box.top // scale, box.left // scale, -(-box.bottom // scale), -(-box.right // scale))
