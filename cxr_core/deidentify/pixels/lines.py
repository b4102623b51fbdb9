"""Decides which lines the marked places make: their rectangles, their direction, their ink.

Takes the search image and the maps, gives lines of text.
What a line says is left to `reading`, what becomes of it to `judgement`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.ink import Ink, as_bytes, find_inks, without_bare_ends
from cxr_core.deidentify.pixels.marks import TALL, Mark
from cxr_core.deidentify.pixels.model import GLYPH_PITCH, HARDLY_TEXT, TEXT_PROBABILITY, Box, Line, glyphs_along
from cxr_core.deidentify.pixels.network import CELL_PX, MARKED, Maps
from cxr_core.deidentify.pixels.parts import is_bead
from cxr_core.deidentify.pixels.proposals import SearchImage
from cxr_core.deidentify.pixels.repetition import broken_at, repeats_itself
from cxr_core.deidentify.pixels.rows import rows_of_one_shape
from cxr_core.deidentify.pixels.series import tell_rows

_MOST_IN_LEAD, _MUCH_SMALLER, _SMALLER = 8, 1.3, 1.1
_APART, _APART_IN_A_WORD, _ALIGNED = 0.12, 0.3, 0.1  # of the letter's size
_MOST_TO_PITCH = 2
_MUCH_LESS = 0.7
_FEW_GLYPHS = 3
_TOO_HIGH = (1 / 7, 0.75), (1 / 10, 0.6)  # of the shorter side of an image, unless so probable: spines are as high
_LARGE, _LONGEST, _LIKELY = 1 / 36, 0.4, 0.65  # of the shorter side; of the side along which it runs; probability
_ZIP_ASPECT, _ZIP_PROBABILITY = 4.0, 0.9  # a zip is longer than this, and never as surely text
_ROW_LOOKS = (0.6, 1), (0.9, 2)  # below which probability how many rows of staples and the like the looks must show


def find_lines(search: SearchImage, maps: Sequence[Maps], level: float = MARKED) -> list[Line]:
    """The lines of text, the likeliest first. One seen at two scales comes twice; `judgement` knows it again.

    Parameters
    ----------
    search : SearchImage
    maps : sequence of Maps
        One for each view of the search, in any order.
    level : float
        Probability from which a cell of the maps belongs to a line.
    """
    return measure_lines(search, tell_rows(search, maps, level)[0])


def measure_lines(search: SearchImage, marks: Iterable[Mark]) -> list[Line]:
    """The lines that some marked places make, in the order of the marks."""
    return [line for mark in marks for line in _measure(search, mark)]


def _measure(search: SearchImage, mark: Mark) -> Iterator[Line]:
    """Fit the line to its ink: the rectangle holds the mark and all ink that belongs to it.

    A lone letter with smaller ones beside it (a lead marker with the technologist's initials) comes as two lines. What
    repeats itself from end to end is none, but for what lies upon it: a date on the perforation of a film.
    """
    most = None if mark.probability >= TEXT_PROBABILITY else 1  # what is hardly text is read once, if at all
    inks = [ink for ink in islice(find_inks(search, mark), most) if ink.mask.any()]
    if not inks and not mark.is_squarish and most is None:
        mark = without_bare_ends(search, mark)
        inks = [ink for ink in find_inks(search, mark) if ink.mask.any()]
    if inks and mark.is_squarish and (parts := letter_apart(inks[0].mask)) is not None:
        constancy = max(ink.constancy for ink in inks)
        for part in (Ink(mask, inks[0].reach, constancy) for mask in parts if mask.any()):
            yield _line(search, mark, (part,), is_vertical=part.box.height > TALL * part.box.width, is_part=True)
        return
    line = _line(search, mark, inks, is_vertical=mark.is_vertical)
    if _is_of_one_sign(line):
        return
    if not (_may_be_zip(line) and repeats_itself(grey := grey_along(search, line))):
        yield _told_from_ground(line, mark, inks)
        return
    for first, last in broken_at(grey):
        yield _part_of(line, first, last)


def _told_from_ground(line: Line, mark: Mark, inks: Sequence[Ink]) -> Line:
    """The line no higher than the likeliest ink that ends within its reach; the same where none does.

    Where the ground changes beneath a line, one threshold takes ground for ink, as far as is looked.
    """
    told = next((ink for ink in inks if not ink.is_spilt), None)
    if told is None or told is inks[0]:
        return line
    box, whole = mark.core.union(told.box), line.box
    if not mark.is_squarish:  # its last letters may be too faint for either
        rows, columns = (whole, box) if line.is_vertical else (box, whole)
        box = Box(rows.top, columns.left, rows.bottom, columns.right)
    return line.over(box)


def _is_of_one_sign(line: Line) -> bool:
    """True for staples and the like: of what is likely text, two looks must show a row, or one of them two."""
    needed = next((rows for most, rows in _ROW_LOOKS if line.probability < most), None)
    if needed is None:
        return False
    shown = accumulate(rows_of_one_shape(_upright(line, ink)) for ink in line.inks)
    return any(rows >= needed for rows in shown)


def words_of(line: Line) -> Iterator[Line]:
    """Each binarisation of a place that covers much less than the place, as a line of its own: type amid ribs."""
    for ink, box in zip(line.inks, line.ink_boxes, strict=True):
        if box.area < _MUCH_LESS * line.box.area:
            across, along = sorted((box.height, box.width))
            yield line.cut_down_to(ink, box, glyphs_along(along, across))


def _may_be_zip(line: Line) -> bool:
    return line.box.aspect >= _ZIP_ASPECT and line.probability < _ZIP_PROBABILITY


def _upright(line: Line, ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.ascontiguousarray(ink.T) if line.is_vertical else ink


def grey_along(search: SearchImage, line: Line) -> NDArray[np.uint8]:
    """The grey values of a line's place, along its columns."""
    grey = search.views[0].grey[line.box.window]
    return np.ascontiguousarray(grey.T) if line.is_vertical else grey


def _part_of(line: Line, first: int, last: int) -> Line:
    """A part of a long line, all of it ink: what lies upon a pattern cannot be read through it."""
    box = line.box.along(first, last, is_vertical=line.is_vertical)
    return replace(line, box=box, glyphs=glyphs_along(last - first, round(line.line_px)), inks=(), ink_boxes=())


def _line(search: SearchImage, mark: Mark, inks: Sequence[Ink], *, is_vertical: bool, is_part: bool = False) -> Line:
    box = mark.core
    if inks:
        box = inks[0].box if is_part else mark.core.union(inks[0].box).grown(0, search.shape)
    along, across = (box.height, box.width) if is_vertical else (box.width, box.height)
    pitched = glyphs_along(along, mark.line_px)
    glyphs = _count_glyphs(inks[0].mask, is_vertical=is_vertical) if inks else pitched
    return Line(
        box=box,
        is_vertical=is_vertical,
        line_px=float(across),
        glyphs=min(glyphs, _MOST_TO_PITCH * pitched),  # dots of a matrix printer are no glyphs
        probability=mark.probability if glyphs < _FEW_GLYPHS else _believed(mark.probability, box, search.shape),
        constancy=max((ink.constancy for ink in inks), default=0.0),
        inks=tuple(ink.cropped for ink in inks),
        ink_boxes=tuple(ink.box for ink in inks),
        slack_px=2 * CELL_PX * mark.scale,
    )


def _believed(probability: float, box: Box, shape: tuple[int, int]) -> float:
    """A line as high as type never is, for the size of its image, must be text beyond doubt or be read.

    So must large type that runs along much of the image: zips, rulers and rows of hooks do.
    """
    across, length = min(box.height, box.width) / min(shape), max(box.height / shape[0], box.width / shape[1])
    is_too_high = any(across > high and probability < least for high, least in _TOO_HIGH)
    is_too_long = across > _LARGE and length > _LONGEST and probability < _LIKELY
    return min(probability, HARDLY_TEXT) if is_too_high or is_too_long else probability


def letter_apart(mask: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """The ink of a letter and of much smaller ones at a distance, or None where they are one line or nothing else.

    Where all of the smaller ones are beads, there are no smaller letters; one blurred letter may look like a bead.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(as_bytes(mask), connectivity=8)
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
    away = cv2.distanceTransform(as_bytes(labels != letter), cv2.DIST_L2, 3)
    small = np.isin(labels, others)
    apart = _APART_IN_A_WORD if _is_word(stats, letter, others) else _APART
    if away[small].min() < apart * float(sides.max()):
        return None
    are_beads = all(is_bead(stats[index]) for index in others)
    return labels == letter, np.zeros_like(small) if are_beads else small


def _is_word(stats: NDArray[Any], letter: int, others: Sequence[int]) -> bool:
    """True where small letters go on from a capital, on its line ("Lat"): lead beside a marker stands anyhow."""
    left, top, width, height = (int(value) for value in stats[letter, :4])
    return all(
        stats[other, 0] >= left + width and abs(stats[other, 1] + stats[other, 3] - top - height) <= _ALIGNED * height
        for other in others
    )


def _count_glyphs(ink: NDArray[np.bool_], *, is_vertical: bool) -> int:
    """Characters of a line: each component counts for as many as would fit into its length."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(as_bytes(ink), connectivity=8)
    along, across = (stats[1:, 3], stats[1:, 2]) if is_vertical else (stats[1:, 2], stats[1:, 3])
    height = float(across.max())
    tall = across >= 0.4 * height
    return max(1, int(np.maximum(1, np.rint(along[tall] / (1.25 * GLYPH_PITCH * height))).sum()))
