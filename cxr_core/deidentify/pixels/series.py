"""Decides which marked places are rows of like things, or pieces of one: zips, staples, rulers, hooks, holes of a film.

Takes the search image and the maps, gives the marks that may be text, and where the rows lie. How a place repeats
itself is told by `repetition` and `columns`; what lines the other marks make is left to `lines`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.columns import DOUBTFUL_ON_END, LEVEL, ON_END, Alike, is_column, is_thing_of
from cxr_core.deidentify.pixels.marks import Mark, find_marks
from cxr_core.deidentify.pixels.model import Box
from cxr_core.deidentify.pixels.network import MARKED, Maps
from cxr_core.deidentify.pixels.proposals import SearchImage
from cxr_core.deidentify.pixels.repetition import broken_at, repeats_as_a_whole, repeats_itself

_LIKELY = 0.65  # what was hidden by a row, and is no piece of one either
_LIKE_TEXT = 0.8  # a row that is as surely text must be plain
_ROW_PROBABILITY = 0.9  # never as surely text: what repeats itself a dozen times
_COLUMN_PROBABILITY = 0.95  # the same of a column of a few things, from top to bottom
_REACH = 10.0  # of the line's height: how far on either side a row of like things is followed
_BESIDE = 1.5  # of the height of a strip
_PIECE = 0.8  # of a place: inside a column, and so one or two of its things


def tell_rows(search: SearchImage, maps: Sequence[Maps], level: float = MARKED) -> tuple[list[Mark], list[Box]]:
    """The marks that may be text, and where the others lie, as high as letters would be: pieces of rows say nothing.

    What lies upon such a row, a date on the perforation of a film, is a mark of its own. So is what is likely text and
    was covered by the row: a line that stands close before the ticks of a ruler is one place with them, seen coarsely.
    What is marked within a column of a few things and is like what lies a step further on is one of them.
    """
    marks = find_marks(maps, search.shape, level)
    rows = {mark for mark in marks if is_of_a_row(search, mark)}
    if rows:
        hidden = [mark for mark in find_marks(maps, search.shape, level, rows) if mark not in marks]
        likely = [mark for mark in hidden if mark.probability >= _LIKELY]
        rows |= {mark for mark in likely if is_of_a_row(search, mark)}
        marks = sorted(marks + likely, key=lambda mark: -mark.probability)
        rows |= _pieces(search, marks, rows)
    may_be = [one for mark in marks for one in (_upon(search, mark) if mark in rows else [mark])]
    return may_be, [_at_line_height(mark, search.shape) for mark in marks if mark in rows]


def is_of_a_row(search: SearchImage, mark: Mark) -> bool:
    """True for a piece of a row that repeats itself, and for a column of a few things.

    Where the ground on either side repeats itself as well, there is a grid on the image, and whatever lies on it seems
    to; the longer ticks of a ruler reach to one side.
    """
    if mark.is_squarish or mark.probability >= _COLUMN_PROBABILITY:
        return False
    strip = _Strip.of(search, mark)
    return _is_column(strip, mark) or _is_row(strip, mark)


@dataclass(frozen=True, slots=True)
class _Strip:
    """A marked place along the columns, with what a row may go on with before it and behind it, and what is beside."""

    grey: NDArray[np.uint8]
    own: slice
    beside: tuple[NDArray[np.uint8], ...]

    @classmethod
    def of(cls, search: SearchImage, mark: Mark) -> "_Strip":
        core = mark.core.transposed if mark.is_vertical else mark.core
        grey = search.views[0].grey.T if mark.is_vertical else search.views[0].grey
        rim, reach = round((mark.line_px - core.height) / 2), max(core.width, round(_REACH * mark.line_px))
        strip = core.grown_by(rim, reach, (grey.shape[0], grey.shape[1]))
        parts = (grey[max(0, top) : max(0, top + strip.height)] for top in _beside(strip))
        beside = tuple(part[:, strip.left : strip.right] for part in parts if len(part) > 1)  # none beyond the image
        own = slice(core.left - strip.left, core.right - strip.left)
        return cls(np.ascontiguousarray(grey[strip.window]), own, beside)


def _beside(strip: Box) -> tuple[int, int]:
    """Where strips as high begin above and below, not so near that a tooth or a tick may reach into them."""
    return strip.top - round(_BESIDE * strip.height), strip.bottom + round((_BESIDE - 1) * strip.height)


def _is_column(strip: _Strip, mark: Mark) -> bool:
    asked = _asked_of(mark)
    return asked is not None and is_column(
        strip.grey[:, strip.own], (part[:, strip.own] for part in strip.beside), asked
    )


def _asked_of(mark: Mark) -> Alike | None:
    """How alike things must be: letters hardly ever follow one another, still less from top to bottom."""
    if mark.probability < _LIKE_TEXT:
        return DOUBTFUL_ON_END if mark.is_vertical else LEVEL
    return ON_END if mark.is_vertical and mark.probability < _COLUMN_PROBABILITY else None


def _is_row(strip: _Strip, mark: Mark) -> bool:
    repeats = repeats_as_a_whole if mark.probability >= _LIKE_TEXT else repeats_itself
    if mark.probability >= _ROW_PROBABILITY or not repeats(strip.grey, strip.own):
        return False
    return not strip.beside or not all(repeats_itself(np.ascontiguousarray(part), strip.own) for part in strip.beside)


def _pieces(search: SearchImage, marks: Sequence[Mark], rows: set[Mark]) -> set[Mark]:
    """The marks that are things of a column."""
    return {mark for mark in marks if mark not in rows and any(_is_thing_of(search, mark, row) for row in rows)}


def _is_thing_of(search: SearchImage, mark: Mark, row: Mark) -> bool:
    """True for a mark inside a column, doubtful or no surer than that, and like what lies a step further on."""
    asked, place = _asked_of(row), _at_line_height(row, search.shape)
    is_within = place.intersection(mark.core) >= _PIECE * mark.core.area
    if asked is None or not is_within or mark.probability >= max(_LIKELY, row.probability):
        return False
    strip = _Strip.of(search, row)
    core, whole = (one.core.transposed if row.is_vertical else one.core for one in (mark, row))
    part = slice(max(0, core.left - whole.left), min(core.right, whole.right) - whole.left)
    return _is_column(strip, row) and is_thing_of(strip.grey[:, strip.own], part, asked)


def _upon(search: SearchImage, mark: Mark) -> Iterator[Mark]:
    grey = search.views[0].grey[mark.core.window]
    for span in broken_at(np.ascontiguousarray(grey.T) if mark.is_vertical else grey):
        yield replace(mark, core=mark.core.along(*span, is_vertical=mark.is_vertical))


def _at_line_height(mark: Mark, shape: tuple[int, int]) -> Box:
    rim = round((mark.line_px - min(mark.core.height, mark.core.width)) / 2)
    rows, columns = (0, rim) if mark.is_vertical else (rim, 0)
    return mark.core.grown_by(rows, columns, shape)
