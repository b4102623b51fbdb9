"""Decides which places the network's maps mark: how surely, at which scale, how high a line would be.

Takes the maps of all views, gives marks, each place once where possible, and rectangles of codes.
What ink a marked place holds is left to `ink`, what lines they make to `lines`.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import SQUARISH, Box, Line
from cxr_core.deidentify.pixels.network import CELL_PX, MARKED, Maps
from cxr_core.deidentify.pixels.places import connected_places
from cxr_core.deidentify.pixels.proposals import COARSE, FINE

TALL = 1.25
"""A place higher than this times its width runs from top to bottom."""

_CODE_PROBABILITY = 0.5
_CODE_LEAST_PX = 16
_CODE_FILL = 0.4
CORE_SHARE = 0.62  # of the line's height that the network marks
_ALONG = 0.45  # of the line's height: how far ink may reach beyond the mark, along and across
_ACROSS = 0.35
_AROUND = 0.6  # of a letter, which may stand in a ring
_BEST_LINE_PX = 20.0  # in a view: where the network is surest
_HIGHEST_LINE_PX = 64.0  # in a view; what is higher was seen at its edges only, unless it is surely text
_STRICTEST, _STRICTER = 0.85, 0.15
_SURE = 0.75
_DOUBT = 2.0  # how much a lower probability counts against a better height
_BORNE_OUT = 0.5
_COVERED, _COVERED_WHOLLY = 0.65, 0.95
_MUCH_HIGHER = 2.0  # what surely is a line is no part of a doubtful one as high as this times its own height
_RIM = 0.2  # of the line's height: what its ink covers beyond the mark
_MOST_MARKS = 400


@dataclass(frozen=True, slots=True)
class Mark:
    """One connected place of a text map: `core` is what was marked, in pixels of the image."""

    core: Box
    scale: int
    probability: float
    is_vertical: bool

    @property
    def line_px(self) -> float:
        """Height of the line, in pixels of the image."""
        return (self.core.width if self.is_vertical else self.core.height) / CORE_SHARE

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


def mark_of(line: Line) -> Mark:
    """The mark as which a line would be marked at the best height."""
    own = line.box.transposed if line.is_vertical else line.box
    rim = round((1 - CORE_SHARE) / 2 * own.height)
    core = Box(own.top + rim, own.left, max(own.bottom - rim, own.top + rim + 1), own.right)
    core = core.transposed if line.is_vertical else core
    return Mark(core, best_scale(own.height), line.probability, line.is_vertical)


def best_scale(line_px: float) -> int:
    """The scale of the view in which the network is surest of a line so high, in pixels of the image."""
    return max(FINE, min(COARSE, int(2 ** round(math.log2(max(line_px / _BEST_LINE_PX, 1.0))))))


def find_marks(
    maps: Sequence[Maps], shape: tuple[int, int], level: float = MARKED, without: Collection[Mark] = ()
) -> list[Mark]:
    """The marked places, the likeliest first; of one seen at several scales, the surest at the best height.

    Parameters
    ----------
    maps : sequence of Maps
    shape : (int, int)
        Rows and columns of the image.
    level : float
        Probability from which a cell belongs to a place.
    without : collection of Mark
        Places that are none after all: what they had covered comes in their stead.
    """
    marks = [mark for one in maps for mark in _marks(one, shape, level) if mark not in without]
    return sorted(
        _best_seen(marks, shape),
        key=lambda mark: (-mark.probability, -mark.core.area, mark.core.top, mark.core.left),
    )[:_MOST_MARKS]


def find_codes(maps: Sequence[Maps], shape: tuple[int, int]) -> list[Box]:
    """Rectangles of barcodes and matrix codes, with a margin."""
    boxes = []
    for one in maps:
        cell = CELL_PX * one.scale
        for place, cells in connected_places(one.code >= round(255 * _CODE_PROBABILITY), connectivity=8):
            is_filled = np.count_nonzero(cells) >= _CODE_FILL * place.area
            if is_filled and min(place.width, place.height) * CELL_PX >= _CODE_LEAST_PX:
                boxes.append(place.times(cell).grown(2 * cell, shape))
    return boxes


def _best_seen(marks: Sequence[Mark], shape: tuple[int, int]) -> list[Mark]:
    """Of what was seen at several scales, the surest one at the best height; what reaches further stays, too."""
    ordered = sorted(marks, key=lambda mark: mark.misfit + _DOUBT * (1 - mark.probability))
    size = -(-shape[0] // CELL_PX), -(-shape[1] // CELL_PX)
    taken = np.full(size, np.inf, np.float32)  # height of the lowest doubtful line there; 0 for a sure one
    chosen: list[Mark] = []
    for mark in ordered:
        is_sure = mark.probability >= _SURE
        highest = _MUCH_HIGHER * mark.line_px if is_sure else np.finfo(np.float32).max
        cells = taken[mark.core.in_steps(CELL_PX).window]
        covered = float((cells <= highest).mean()) if cells.size else 1.0
        if covered >= (_COVERED_WHOLLY if is_sure else _COVERED):
            continue
        chosen.append(mark)
        if mark.probability >= _BORNE_OUT:
            around = taken[mark.core.grown(round(_RIM * mark.line_px), shape).in_steps(CELL_PX).window]
            np.minimum(around, np.float32(0 if is_sure else mark.line_px), out=around)
    return chosen


def _marks(maps: Maps, shape: tuple[int, int], level: float) -> Iterator[Mark]:
    text = np.maximum(maps.text, maps.small) if maps.scale == FINE else maps.text  # there is no finer view to ask
    yield from _marks_above(text, (0, 0), maps.scale, shape, level)


def _marks_above(
    text: NDArray[np.uint8], corner: tuple[int, int], scale: int, shape: tuple[int, int], level: float
) -> Iterator[Mark]:
    """The connected places above a level; those too high for one line are looked at again, more strictly.

    Lines that touch become one place at a low level and come apart at a higher one. `text` is a part of the map whose
    upper left cell is `corner`.
    """
    cell = CELL_PX * scale
    for place, cells in connected_places(text >= round(255 * level), connectivity=4):
        own = np.where(cells, text[place.window], np.uint8(0))
        top, left = corner[0] + place.top, corner[1] + place.left
        core = Box(top, left, top + place.height, left + place.width).times(cell).grown(0, shape)
        mark = Mark(core, scale, float(own[own > 0].mean()) / 255, place.height > TALL * place.width)
        if mark.line_px <= _HIGHEST_LINE_PX * scale or level >= _STRICTEST:
            yield mark
        else:
            yield from _marks_above(own, (top, left), scale, shape, level + _STRICTER)
