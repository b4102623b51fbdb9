"""Decides whether a place is a stack of lines: two or three of one height, one below the other, seen as one.

Takes the ink of a line, gives the lines of the stack. What they say, and what becomes of them, is left to `judgement`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.ink import as_bytes, part_of
from cxr_core.deidentify.pixels.model import SQUARISH, Line

_MOST_ROWS = 3
_OF_ONE_HEIGHT = 1.5  # the highest row over the lowest: a row with tails, one without
_A_ROW, _APART = 0.45, 0.08  # of the highest row's height: what is lower is an accent or a dot; the gap between two
_LEAST_PX = 7  # of ink: rows of dots and scan lines are lower
_GLYPH, _WIDEST, _SOLID = 0.5, 1.8, 0.8  # of a row's height: how high letters are, how wide; of its rectangle: a bar
_LEAST_LETTERS = 2  # in some row: one letter torn in two is no stack

_Span = tuple[int, int]


def stacks_of(line: Line) -> Iterator[tuple[Line, ...]]:
    """The lines of a stack, the upper one first, as each binarisation of the place shows them; none where it is none.

    A place that shows no direction may be a stack that lies on its side.
    """
    ways = (False, True) if line.box.aspect < SQUARISH else (line.is_vertical,)
    for ink, box in zip(line.inks, line.ink_boxes, strict=True):
        for is_vertical in ways:
            upright = np.ascontiguousarray(ink.T) if is_vertical else ink
            spans = _rows(upright)
            if spans:
                shown = replace(line, inks=(ink,), ink_boxes=(box,))
                yield tuple(_row(shown, upright, span, is_vertical=is_vertical) for span in spans)


def _row(shown: Line, upright: NDArray[np.bool_], span: _Span, *, is_vertical: bool) -> Line:
    mask = np.zeros_like(upright)
    mask[slice(*span)] = upright[slice(*span)]
    return part_of(shown, mask.T if is_vertical else mask, _count_letters(upright[slice(*span)]))


def _rows(ink: NDArray[np.bool_]) -> list[_Span]:
    """The rows of a stack, from the first pixel of each to the one past its last; none where ink is no stack."""
    spans = _with_accents(_bands(ink))
    if not 2 <= len(spans) <= _MOST_ROWS:
        return []
    heights = [last - first for first, last in spans]
    gaps = [after[0] - before[1] for before, after in pairwise(spans)]
    is_even = min(heights) >= _LEAST_PX and max(heights) <= _OF_ONE_HEIGHT * min(heights)
    if not is_even or min(gaps) < _APART * max(heights):
        return []
    letters = [_count_letters(ink[slice(*span)]) for span in spans]
    return spans if min(letters) > 0 and max(letters) >= _LEAST_LETTERS else []


def _bands(ink: NDArray[np.bool_]) -> list[_Span]:
    """The runs of rows that hold ink."""
    drawn = np.concatenate([[False], ink.any(axis=1), [False]])
    edges = np.flatnonzero(drawn[1:] != drawn[:-1])
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _with_accents(bands: Sequence[_Span]) -> list[_Span]:
    """The bands with what is much lower than they are joined to the nearest of them."""
    if not bands:
        return []
    least = _A_ROW * max(last - first for first, last in bands)
    rows = [band for band in bands if band[1] - band[0] >= least]
    for low in (band for band in bands if band[1] - band[0] < least):
        nearest = min(range(len(rows)), key=lambda index: max(rows[index][0] - low[1], low[0] - rows[index][1]))
        rows[nearest] = min(rows[nearest][0], low[0]), max(rows[nearest][1], low[1])
    return rows


def _count_letters(row: NDArray[np.bool_]) -> int:
    """How many letters a row may have: parts as high as these, joined ones by their length; none where one is a bar."""
    stats: NDArray[Any] = cv2.connectedComponentsWithStats(as_bytes(row), connectivity=8)[2][1:]
    width, height, area = stats[stats[:, 3] >= _GLYPH * row.shape[0], 2:5].T
    is_bar = (width > _WIDEST * row.shape[0]) & (area > _SOLID * width * height)
    return 0 if is_bar.any() else int(np.maximum(1, width // row.shape[0]).sum())
