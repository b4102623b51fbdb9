"""Decides which lines the network's maps make: their rectangles, their direction, their ink.

Takes the search image and the maps, gives lines of text and rectangles of codes.
What a line says is left to `reading`, what becomes of it to `judgement`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import SQUARISH, Box, Line, extent
from cxr_core.deidentify.pixels.network import CELL_PX, Maps
from cxr_core.deidentify.pixels.proposals import FINE, SearchImage, View

_MARKED = 0.4  # a cell of the map belongs to a line
_CODE_PROBABILITY = 0.5
_CODE_LEAST_PX = 16
_CORE_SHARE = 0.62  # of the line's height that the network marks
_ALONG = 0.45  # of the line's height: how far ink may reach beyond the mark, along and across
_ACROSS = 0.35
_AROUND = 0.6  # of a letter, which may stand in a ring
_TALL = 1.25
_BEST_LINE_PX = 20.0  # in a view: where the network is surest
_HIGHEST_LINE_PX = 64.0  # in a view; what is higher was seen at its edges only, unless it is surely text
_STRICTEST, _STRICTER = 0.85, 0.15
_SURE = 0.75
_DOUBT = 2.0  # how much a lower probability counts against a better height
_BORNE_OUT = 0.5
_COVERED, _COVERED_WHOLLY = 0.65, 0.95
_RIM = 0.2  # of the line's height: what its ink covers beyond the mark
_MOST_LINES = 400
_CONSTANT_SHARE = 0.12  # of the mark, for one stored value to be the ink
_CONSTANT_LEAD = 3.0
_INK_SHARE = (0.02, 0.75)
_STROKE = 0.28  # half of the widest stroke, of the line's height
_FRAME_FILL, _FRAMED = 0.5, 0.3
_SPANNED = 0.75
_LETTER_SHARE = 0.2
_MOST_IN_LEAD, _MUCH_SMALLER, _SMALLER, _APART = 8, 1.3, 1.1, 0.15
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
    def is_squarish(self) -> bool:
        """Of no clear direction: a letter or two, or a letter with others below it."""
        return self.core.aspect < SQUARISH

    @property
    def misfit(self) -> float:
        """How far the line is from the height at which the network is surest."""
        return abs(math.log(self.line_px / self.scale / _BEST_LINE_PX))

    def reach(self, shape: tuple[int, int]) -> Box:
        """As far as the ink of this line may go."""
        cell = CELL_PX * self.scale
        along, across = round(_ALONG * self.line_px) + cell, round(_ACROSS * self.line_px) + cell // 2
        if self.is_squarish:
            along = across = round(_AROUND * self.line_px) + cell
        rows, columns = (along, across) if self.is_vertical else (across, along)
        return self.core.grown_by(rows, columns, shape)


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
    return [line for mark in chosen for line in _measure(search, views[mark.scale], mark)]


def _best_seen(marks: Sequence[_Mark], shape: tuple[int, int]) -> list[_Mark]:
    """Of what was seen at several scales, the surest one at the best height; what reaches further stays, too."""
    ordered = sorted(marks, key=lambda mark: mark.misfit + _DOUBT * (1 - mark.probability))
    taken = np.zeros((-(-shape[0] // CELL_PX), -(-shape[1] // CELL_PX)), np.bool_)
    chosen: list[_Mark] = []
    for mark in ordered:
        cells = taken[_scaled(mark.core, CELL_PX).window]
        covered = float(cells.mean()) if cells.size else 1.0
        if covered >= (_COVERED_WHOLLY if mark.probability >= _SURE else _COVERED):
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
    yield from _marks_above(text, (0, 0), maps.scale, shape, _MARKED)


def _marks_above(
    text: NDArray[np.uint8], corner: tuple[int, int], scale: int, shape: tuple[int, int], level: float
) -> Iterator[_Mark]:
    """The connected places above a level; those too high for one line are looked at again, more strictly.

    Lines that touch become one place at a low level and come apart at a higher one. `text` is a part of the map whose
    upper left cell is `corner`.
    """
    mask = (text >= round(255 * level)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    cell = CELL_PX * scale
    for index in range(1, count):
        left, top, width, height, _ = (int(value) for value in stats[index])
        window = slice(top, top + height), slice(left, left + width)
        own = np.where(labels[window] == index, text[window], np.uint8(0))
        at = corner[0] + top, corner[1] + left
        core = Box(at[0] * cell, at[1] * cell, (at[0] + height) * cell, (at[1] + width) * cell).grown(0, shape)
        mark = _Mark(core, scale, float(own[own > 0].mean()) / 255, height > _TALL * width)
        if mark.line_px <= _HIGHEST_LINE_PX * scale or level >= _STRICTEST:
            yield mark
        else:
            yield from _marks_above(own, at, scale, shape, level + _STRICTER)


def _measure(search: SearchImage, view: View, mark: _Mark) -> Iterator[Line]:
    """Fit the line to its ink: the rectangle holds the mark and all ink that belongs to it.

    A lone letter with smaller ones beside it (a lead marker with the technologist's initials) comes as two lines.
    """
    reach = mark.reach(search.shape)
    inks = [ink for ink in _inks(search, view, mark, reach) if ink.mask.any()]
    if inks and mark.is_squarish and (parts := _letter_apart(inks[0].mask)) is not None:
        for part in parts:
            box = _box_of(part, reach)
            yield _line(
                mark, box, (_Ink(part, max(ink.constancy for ink in inks)),), is_vertical=box.height > _TALL * box.width
            )
        return
    box = mark.core.union(_box_of(inks[0].mask, reach)) if inks else mark.core
    yield _line(mark, box.grown(0, search.shape), tuple(inks), is_vertical=mark.is_vertical)


def _line(mark: _Mark, box: Box, inks: Sequence[_Ink], *, is_vertical: bool) -> Line:
    along = box.height if is_vertical else box.width
    across = box.width if is_vertical else box.height
    glyphs = _count_glyphs(inks[0].mask, is_vertical=is_vertical) if inks else 0
    return Line(
        box=box,
        is_vertical=is_vertical,
        line_px=float(across),
        glyphs=glyphs or max(1, round(along / (_GLYPH_PITCH * mark.line_px))),
        probability=mark.probability,
        constancy=max((ink.constancy for ink in inks), default=0.0),
        inks=tuple(np.ascontiguousarray(ink.mask[extent(ink.mask).window]) for ink in inks),
    )


def _box_of(mask: NDArray[np.bool_], reach: Box) -> Box:
    """The rectangle around ink, in pixels of the image."""
    down, across = reach.height / mask.shape[0], reach.width / mask.shape[1]
    ink = extent(mask)
    return Box(
        reach.top + int(ink.top * down),
        reach.left + int(ink.left * across),
        reach.top + int(np.ceil(ink.bottom * down)),
        reach.left + int(np.ceil(ink.right * across)),
    )


def _letter_apart(mask: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """The ink of a letter and of much smaller ones at a distance, or None where they are one line."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(_bytes(mask), connectivity=8)
    if not 3 <= count <= _MOST_IN_LEAD + 1:
        return None
    sizes = np.sqrt(stats[1:, 2].astype(np.float64) * stats[1:, 3])
    letter = int(np.argmax(sizes)) + 1
    others = [index for index in range(1, count) if index != letter]
    sides = stats[letter, 2:4]
    if any(
        float(sizes[index - 1]) * _MUCH_SMALLER > sizes[letter - 1] or (stats[index, 2:4] * _SMALLER > sides).any()
        for index in others
    ):
        return None
    away = cv2.distanceTransform(_bytes(labels != letter), cv2.DIST_L2, 3)
    small = np.isin(labels, others)
    if away[small].min() < _APART * float(sides.max()):
        return None
    return labels == letter, small


def _inks(search: SearchImage, view: View, mark: _Mark, reach: Box) -> Iterator[_Ink]:
    """Binarisations of the place, the likeliest first, cut down to the components that the mark touches."""
    stored = search.stored[reach.window]
    core = _within(mark.core, reach, 1)
    values, counts = np.unique(stored[core.window], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:3]
    shares = counts[order] / max(1, stored[core.window].size)
    for index, share in zip(order.tolist(), shares.tolist(), strict=True):
        if share >= _CONSTANT_SHARE and _stands_out(stored, int(values[index]), core):
            ink = _belonging(stored == values[index], core, mark)
            if _is_ink(ink, core, mark):
                yield _Ink(ink, 1.0)
                break
    grey = np.ascontiguousarray(view.grey[_scaled(reach, view.scale).window])
    small = _within(mark.core, reach, view.scale).grown(0, grey.shape)
    if grey.size == 0 or small.area == 0:
        return
    for mask in _contrasted(grey, small, mark.line_px / view.scale):
        ink = _belonging(mask, small, mark)
        if _is_ink(ink, small, mark):
            yield _Ink(ink, _commonest_share(stored, ink))


def _contrasted(grey: NDArray[np.uint8], core: Box, line_px: float) -> Iterator[NDArray[np.bool_]]:
    """Ink against ground: by one threshold, then by strokes brighter or darker than what lies around them.

    Strokes are thinner than half a line, so that steps of the ground (a shutter, the border of a lung) drop out.
    """
    bright = grey > _otsu(grey[core.window])
    ring = np.ones(grey.shape, np.bool_)
    ring[core.window] = False
    gain = float(bright[core.window].mean()) - (float(bright[ring].mean()) if ring.any() else 0.5)
    yield bright if gain >= 0 else ~bright
    side = 2 * max(1, round(_STROKE * line_px)) + 1
    kernel = np.ones((side, side), np.uint8)
    hats = [
        np.asarray(cv2.morphologyEx(grey, kind, kernel), np.uint8) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)
    ]
    stronger = int(hats[1][core.window].mean() > hats[0][core.window].mean())
    for hat in (hats[stronger], hats[1 - stronger]):
        yield np.asarray(hat > max(_otsu(hat[core.window]), 1.0), dtype=np.bool_)


def _stands_out(stored: NDArray[np.integer], value: int, core: Box) -> bool:
    """True where a value is commoner in the mark than around it: ink, not ground."""
    inside = float((stored[core.window] == value).mean())
    outside = (float((stored == value).sum()) - inside * core.area) / max(1, stored.size - core.area)
    return inside > _CONSTANT_LEAD * outside


def _otsu(grey: NDArray[np.uint8]) -> float:
    level, _ = cv2.threshold(np.ascontiguousarray(grey), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return float(level)


def _belonging(mask: NDArray[np.bool_], core: Box, mark: _Mark) -> NDArray[np.bool_]:
    """The components of a mask that have a pixel in the mark, without a ring or frame around the others.

    Of a letter's place, what runs on beyond it (a wire, a rib, half a ring) does not belong, either.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(_bytes(mask), connectivity=8)
    inside = np.zeros(count, np.bool_)
    inside[np.unique(labels[core.window])] = True
    inside[0] = False
    for index in np.flatnonzero(inside).tolist():
        if _is_frame(stats, index, inside):
            inside[index] = False
    if mark.is_squarish:
        rows, columns = mask.shape
        whole = inside & (stats[:, 0] > 0) & (stats[:, 1] > 0)
        whole &= (stats[:, 0] + stats[:, 2] < columns) & (stats[:, 1] + stats[:, 3] < rows)
        if whole.any() and (np.maximum(stats[whole, 2], stats[whole, 3]) >= _LETTER_SHARE * min(rows, columns)).any():
            inside = whole
    return np.asarray(inside[labels], dtype=np.bool_)


def _is_frame(stats: NDArray[Any], index: int, inside: NDArray[np.bool_]) -> bool:
    """True for a thin component whose rectangle holds, well inside it, a good part of the others."""
    left, top, width, height, area = (int(value) for value in stats[index])
    if area > _FRAME_FILL * width * height:
        return False
    held = [
        stats[other]
        for other in np.flatnonzero(inside).tolist()
        if other != index
        and stats[other, 0] > left
        and stats[other, 1] > top
        and stats[other, 0] + stats[other, 2] < left + width
        and stats[other, 1] + stats[other, 3] < top + height
    ]
    return any(max(one[2], one[3]) >= _FRAMED * min(width, height) for one in held)


def _is_ink(mask: NDArray[np.bool_], core: Box, mark: _Mark) -> bool:
    """True where a binarisation covers the mark as type does, and runs over most of its length."""
    inside = mask[core.window]
    if not _INK_SHARE[0] <= (float(inside.mean()) if inside.size else 0.0) <= _INK_SHARE[1]:
        return False
    along = np.flatnonzero(inside.any(axis=1 if mark.is_vertical else 0))
    return mark.is_squarish or bool(along[-1] - along[0] + 1 >= _SPANNED * inside.shape[0 if mark.is_vertical else 1])


def _commonest_share(stored: NDArray[np.integer], ink: NDArray[np.bool_]) -> float:
    size = (stored.shape[1], stored.shape[0])
    full = ink if ink.shape == stored.shape else cv2.resize(_bytes(ink), size, interpolation=cv2.INTER_NEAREST) > 0
    _, counts = np.unique(stored[full], return_counts=True)
    return float(counts.max() / counts.sum()) if counts.size else 0.0


def _bytes(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(mask).view(np.uint8)


def _count_glyphs(ink: NDArray[np.bool_], *, is_vertical: bool) -> int:
    """Characters of a line: each component counts for as many as would fit into its length."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(_bytes(ink), connectivity=8)
    along, across = (stats[1:, 3], stats[1:, 2]) if is_vertical else (stats[1:, 2], stats[1:, 3])
    height = float(across.max())
    tall = across >= 0.4 * height
    return max(1, int(np.maximum(1, np.rint(along[tall] / (1.25 * _GLYPH_PITCH * height))).sum()))


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
