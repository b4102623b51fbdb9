"""Decides which faint lines belong to the block of a removed one: identifiers stand in blocks of one type.

Takes the maps, the removed lines and what is kept, gives lines. The network is less sure of one line of a block than of
the next, as where coarse JPEG or a shutter runs through it; by itself a place as faint as these is left alone.
"""

from collections.abc import Sequence

from cxr_core.deidentify.pixels.marks import Mark, find_marks
from cxr_core.deidentify.pixels.model import SQUARISH, Box, Line, glyphs_along
from cxr_core.deidentify.pixels.neighbours import on_one_line, stacked
from cxr_core.deidentify.pixels.network import Maps

_PROBABILITY = 0.2
_ACROSS, _ALONG = 2.0, 6.0  # of the line's height: how far from it the next is looked for
_LEAST_GLYPHS = 3
_SIZE_RATIO = 1.5
_MOST_ROUNDS = 3


def faint_lines(
    maps: Sequence[Maps], removed: Sequence[Line], kept: Sequence[Box], shape: tuple[int, int]
) -> list[Line]:
    """Lines of the size and direction of a removed one, close above, below or beside it.

    Parameters
    ----------
    maps : sequence of Maps
    removed : sequence of Line
        Those that are text without doubt.
    kept : sequence of Box
        No line that touches one of these is taken.
    shape : (int, int)
        Rows and columns of the image.
    """
    found: list[Line] = []
    front = [line for line in removed if line.glyphs >= _LEAST_GLYPHS and line.box.aspect >= SQUARISH]
    closed = [line.box for line in removed]
    for _ in range(_MOST_ROUNDS):
        if not front:
            break
        around = [_surroundings(line, shape) for line in front]
        marks = find_marks([one.within(around, closed) for one in maps], shape, _PROBABILITY)
        lines = [_line(mark, shape) for mark in marks if not mark.is_squarish]
        front = [
            line
            for line in lines
            if any(_goes_with(line, one) for one in front) and not any(box.intersection(line.box) for box in kept)
        ]
        found += front
        closed += [line.box for line in front]
    return found


def _surroundings(line: Line, shape: tuple[int, int]) -> Box:
    across, along = round(_ACROSS * line.line_px), round(_ALONG * line.line_px)
    rows, columns = (along, across) if line.is_vertical else (across, along)
    return line.box.grown_by(rows, columns, shape)


def _line(mark: Mark, shape: tuple[int, int]) -> Line:
    """The line about a mark, without a look at its ink."""
    rim = round((mark.line_px - min(mark.core.height, mark.core.width)) / 2)
    box = mark.core.grown(rim, shape)
    glyphs = glyphs_along(max(box.height, box.width), mark.line_px)
    return Line(box, mark.is_vertical, mark.line_px, glyphs, mark.probability)


def _goes_with(line: Line, removed: Line) -> bool:
    sizes = sorted((line.line_px, removed.line_px))
    is_alike = line.is_vertical == removed.is_vertical and sizes[1] <= _SIZE_RATIO * sizes[0]
    return is_alike and (on_one_line(line, removed) or stacked(line, removed))
