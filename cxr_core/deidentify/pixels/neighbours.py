"""Decides how lines stand to one another: which go on from another, lie above it, go with it, were seen twice.

Takes lines, gives yes or no, or the ink that is left over.
What follows from it is left to `judgement`.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial, reduce

import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.ink import count_letters
from cxr_core.deidentify.pixels.model import SQUARISH, TEXT_PROBABILITY, UNBOUNDED, Box, Line
from cxr_core.deidentify.pixels.places import groups_of
from cxr_core.deidentify.pixels.reading import is_letter

_SAME_LINE_GAP = 1.3  # of the height of the line
_INITIAL_GAP, _AS_HIGH = 2.0, 1.3  # the same of an initial, and how much its height may differ
_WIDEST_LETTER, _WORD = 2.0, 3  # of the same height: a space is as wide as a letter; letters that tell how wide
_SHARED_HEIGHT = 0.4
_STACK_GAP = 0.9
_STACK_SIZE_RATIO = 1.5
_ALIKE = 0.4, 1.3
_WORD_GAP = 0.3  # of the height of the line: less than a space
_DIRECTED = 3  # glyphs
_COMPANY = 2.2  # of the letter's height
_COMPANION, _LONGEST_COMPANION = (0.15, 0.9), 2.0  # height of initials, their length, of the letter's height
_INITIAL_SIZE, _CLEARLY_SMALLER, _FAR = 0.6, 0.7, 3.0
_LARGEST_LETTER_PX = 220  # what is larger is no letter, but anatomy that reads like one
_TOUCHING, _ASKEW, _SPILT = 0.25, 0.5, 0.1  # of initials: what may lie in the rectangle of a letter, be it askew; ink
_MOST_COMPANIONS = 3
_MUCH_LOWER, _WITHIN = 1.7, 0.8
_LEAST_ROW, _SHARED_IN_A_ROW, _ROW_SIZE_RATIO = 3, 0.6, 2.2
_TABLE_SIZE_RATIO, _COLUMN_GAP, _ROW_GAP, _ALIGNED = 1.5, 12.0, 4.0, 0.5  # of the height of the line
_LONGEST_REST = 1.5  # of what it hangs on
_LEAST_LETTERS, _THIN_ASPECT = 0.5, 4.0
_INSIDE, _INKED = 0.9, 0.25  # of a rectangle
_FEW_GLYPHS, _LEVEL, _STICK_GAP = 2, 0.9, 0.35  # of the lower of two letters: what they share, the gap between them

LEAST_IN_A_BLOCK = 2
"""Lines in a place that was seen as one."""


def adjoins(one: Line, gone: Line) -> bool:
    """True where a line must go with a removed one of about its size: "Ross, Ruth R." must leave no R."""
    if gone.probability < TEXT_PROBABILITY or gone.glyphs < 2:
        return False  # perhaps no text at all: it must not take markers with it
    if _is_beside_a_stick(one, gone):
        return True
    if not _ALIKE[0] * gone.line_px <= one.line_px <= _ALIKE[1] * gone.line_px:
        return False  # ribs have another size, and so has lead beside initials
    if _is_across(one, gone) and not touches(one, gone):
        return False  # the letters of a line run one way
    is_below = one.glyphs <= 2 and gone.box.aspect >= SQUARISH and stacked(one, gone)  # below a name, not initials
    return on_one_line(one, gone) or is_below or _is_initial(one, gone)


def _is_beside_a_stick(one: Line, gone: Line) -> bool:
    """True for a letter or two with a thin one of their height right behind or before it: "Li", "Il"."""
    place, stick = (box.transposed if gone.box.height < gone.box.width else box for box in (one.ink_box, gone.box))
    lower, higher = sorted((place.height, stick.height))
    down, gap = place.gaps(stick)
    is_level = higher <= _AS_HIGH * lower and -down >= _LEVEL * lower
    is_stick = gone.glyphs <= _FEW_GLYPHS and stick.height >= _THIN_ASPECT * stick.width
    return is_letter(one) and is_stick and is_level and 0 <= gap <= _STICK_GAP * lower


def _is_initial(one: Line, gone: Line) -> bool:
    """True for a lone letter as high as a removed line and in its row, a full stop and a wide space away: "L. Ono"."""
    ratio = one.line_px / gone.line_px
    is_alike = is_letter(one) and 1 / _AS_HIGH <= max(ratio, one.ink_box.height / gone.line_px) <= _AS_HIGH
    return is_alike and on_one_line(one, gone, _INITIAL_GAP * max(1.0, _width_of_letters(gone)))


def _width_of_letters(line: Line) -> float:
    """From one letter to the next, in heights of the line: wide faces have wide spaces. 0 where no ink tells."""
    if not line.inks:
        return 0.0
    ink = line.inks[0].T if line.is_vertical else line.inks[0]
    letters = count_letters(ink)
    return min(_WIDEST_LETTER, ink.shape[1] / (ink.shape[0] * letters)) if letters >= _WORD else 0.0


def touches(one: Line, other: Line) -> bool:
    """True where two lines stand as close as the words of one line, or closer."""
    near = one.ink_box.grown(round(_WORD_GAP * min(one.line_px, other.line_px)), UNBOUNDED)
    return near.intersection(other.box) > 0


def hanging_on(lines: Sequence[Line], gone: Sequence[Line]) -> list[Line]:
    """Those lines that look like type and touch a removed one, or one another: what the readers could not tell apart.

    Stacked letters, the end of a line that reaches out of a code, type that was found in pieces.
    """
    left = [line for line in lines if line.probability >= TEXT_PROBABILITY]
    found: list[Line] = []
    front = list(gone)
    while front:
        front = [line for line in left if any(_hangs_on(line, one) for one in front)]
        left = [line for line in left if line not in front]
        found += front
    return found


def _hangs_on(one: Line, gone: Line) -> bool:
    near = one.box.grown(round(_WORD_GAP * min(one.box.height, one.box.width)), UNBOUNDED)
    is_smaller = max(one.box.height, one.box.width) <= _LONGEST_REST * max(gone.box.height, gone.box.width)
    return is_smaller and near.intersection(gone.box) > 0


def _is_across(one: Line, other: Line) -> bool:
    """True where both show a clear direction, and not the same."""
    has_direction = min(one.box.aspect, other.box.aspect) >= SQUARISH and min(one.glyphs, other.glyphs) >= _DIRECTED
    return has_direction and one.is_vertical != other.is_vertical


def accompanies(line: Line, letter: Line) -> bool:
    """True for a line of smaller letters close to a lone letter: the technologist's initials."""
    size = min(line.box.height, line.box.width)
    length = max(line.box.height, line.box.width)
    if not may_have_company(letter) or length > _LONGEST_COMPANION * letter.line_px:
        return False
    if not _COMPANION[0] * letter.line_px <= size <= _COMPANION[1] * letter.line_px:
        return False
    shared = letter.box.intersection(line.box)
    most = _ASKEW if line.inks and ink_shared(line, letter) <= _SPILT else _TOUCHING
    return shared <= most * line.box.area and company(letter).intersection(line.box) > 0


def may_have_company(letter: Line) -> bool:
    """True for a lone letter of the size of lead."""
    return is_letter(letter) and letter.line_px <= _LARGEST_LETTER_PX


def initials_of(letters: Sequence[Line], lines: Sequence[Line]) -> list[Line]:
    """Those lines that accompany one of the letters. What has many companions is no letter, but texture."""
    found: list[Line] = []
    for letter in (one for one in letters if may_have_company(one)):
        companions = [line for line in lines if accompanies(line, letter)]
        found += companions if len(companions) <= _MOST_COMPANIONS else []
    return found


def initials_of_doubtful(letters: Sequence[Line], lines: Sequence[Line]) -> list[Line]:
    """The same of letters that nobody read: their company is clearly smaller, for loops and rings stand in rows."""
    found = []
    large = [line for line in lines if is_letter(line)] if letters else []
    whole = [one for one in lines if not any(_is_piece_of(one, other) for other in large)]
    for letter in letters:
        size = max(letter.ink_box.height, letter.ink_box.width)
        smaller = [one for one in whole if min(one.ink_box.height, one.ink_box.width) <= _CLEARLY_SMALLER * size]
        found += initials_of([letter], smaller)
    return found


def _is_piece_of(one: Line, other: Line) -> bool:
    """True for a line within a larger one, that lies like a letter: a stroke of it."""
    return other.box.area > one.box.area and one.box.intersection(other.box) >= _WITHIN * one.box.area


def is_initial_of(one: Line, letter: Line) -> bool:
    """True for a lone letter of little more than half the size of another, close to it: a few times its own height."""
    size, large = (max(line.ink_box.height, line.ink_box.width) for line in (one, letter))
    is_small = size <= _INITIAL_SIZE * large and large <= _LARGEST_LETTER_PX
    return is_small and max(one.ink_box.gaps(letter.ink_box)) <= min(large, _FAR * size)


def company(letter: Line) -> Box:
    """Where the initials of a lone letter would stand."""
    return letter.box.grown(round(_COMPANY * letter.line_px), UNBOUNDED)


def on_one_line(one: Line, other: Line, most: float = _SAME_LINE_GAP) -> bool:
    """True where a line goes on from another, along its direction, after a gap of at most so many heights."""
    a, b = _flattened(one.box, other.is_vertical), _flattened(other.box, other.is_vertical)
    down, gap = a.gaps(b)
    heights = sorted((max(1, a.height), max(1, b.height)))
    return -down >= _SHARED_HEIGHT * heights[0] and gap <= most * min(other.line_px, one.line_px * 2)


def stacked(one: Line, other: Line) -> bool:
    """True where a line of about the same size stands close above or below another."""
    own = _flattened(one.box, other.is_vertical)
    gap, across = own.gaps(_flattened(other.box, other.is_vertical))
    sizes = sorted((float(own.height) if is_letter(one) else one.line_px, other.line_px))  # a letter shows no direction
    return across < 0 and gap <= _STACK_GAP * sizes[1] and sizes[1] <= _STACK_SIZE_RATIO * sizes[0]


def stands_in_a_table(one: Line, lines: Sequence[Line]) -> bool:
    """True for the value of a label: in the row of one line and in the column of another, all of one size.

    Columns may stand far apart, so that a lone letter adjoins nothing.
    """
    alike = [line for line in lines if _ALIKE[0] * line.line_px <= one.line_px <= _TABLE_SIZE_RATIO * line.line_px]
    return any(_is_in_row(one, line) for line in alike) and any(_is_in_column(one, line) for line in alike)


def _is_in_row(one: Line, other: Line) -> bool:
    a, b = _flattened(one.box, other.is_vertical), _flattened(other.box, other.is_vertical)
    down, gap = a.gaps(b)
    return -down >= _SHARED_IN_A_ROW * min(a.height, b.height) and 0 <= gap <= _COLUMN_GAP * other.line_px


def _is_in_column(one: Line, other: Line) -> bool:
    a, b = _flattened(one.box, other.is_vertical), _flattened(other.box, other.is_vertical)
    gap, _ = a.gaps(b)
    offset = min(abs(a.left - b.left), abs(a.right - b.right))
    return 0 <= gap <= _ROW_GAP * other.line_px and offset <= _ALIGNED * other.line_px


def rows_of_letters(lines: Sequence[Line]) -> list[Line]:
    """Single letters that stand in one row or column, as one line each: type in segments is found letter by letter.

    Thin letters and longer pieces of the same row belong to it, but most of it are letters.
    """
    rows: list[Line] = []
    for is_vertical in (False, True):
        pieces = [line for line in lines if _is_piece(line, is_vertical=is_vertical)]
        for row in groups_of(pieces, partial(_follows, is_vertical=is_vertical)):
            box = reduce(Box.union, (line.box for line in row))
            has_letters = sum(line.box.aspect < SQUARISH for line in row) >= _LEAST_LETTERS * len(row)
            if len(row) >= _LEAST_ROW and has_letters and box.aspect >= SQUARISH:
                likeliest = max(row, key=lambda line: line.probability)
                across = float(min(box.height, box.width))
                rows.append(
                    replace(
                        likeliest,
                        box=box,
                        is_vertical=is_vertical,
                        line_px=across,
                        glyphs=len(row),
                        inks=(),
                        ink_boxes=(),
                    )
                )
    return rows


def _is_piece(line: Line, *, is_vertical: bool) -> bool:
    runs_along = (line.box.height > line.box.width) == is_vertical
    return line.box.aspect < _THIN_ASPECT or runs_along


def _follows(one: Line, other: Line, *, is_vertical: bool) -> bool:
    a, b = _flattened(one.box, is_vertical), _flattened(other.box, is_vertical)
    sizes = sorted((max(1, a.height), max(1, b.height)))
    down, gap = a.gaps(b)
    return -down >= _SHARED_IN_A_ROW * sizes[0] and sizes[1] <= _ROW_SIZE_RATIO * sizes[0] and gap <= sizes[1]


def is_block(line: Line, others: Sequence[Line]) -> bool:
    """True where two much lower lines or more lie in a place: several lines were seen as one."""
    return len(lines_within(line, others)) >= LEAST_IN_A_BLOCK


def lines_within(line: Line, others: Sequence[Line]) -> list[Line]:
    """Those of the others that lie in a place and are much lower."""
    return [
        one
        for one in others
        if one.line_px * _MUCH_LOWER <= line.line_px and one.box.intersection(line.box) >= _WITHIN * one.box.area
    ]


def ink_outside(line: Line, boxes: Sequence[Box]) -> float:
    """Share of a line's ink that lies in none of the boxes; 1 where it has no ink."""
    if not line.inks:
        return 1.0
    ink = line.inks[0]
    down, across = ink.shape[0] / line.ink_box.height, ink.shape[1] / line.ink_box.width
    left = ink.copy()
    for box in boxes:
        rows = _steps(box.top - line.ink_box.top, box.bottom - line.ink_box.top, down)
        columns = _steps(box.left - line.ink_box.left, box.right - line.ink_box.left, across)
        left[rows, columns] = False
    return float(np.count_nonzero(left)) / max(1, int(np.count_nonzero(ink)))


def is_of_its_ink(box: Box, line: Line) -> bool:
    """True for a rectangle that lies in a line's likeliest ink: a stroke of a letter, or the ground within one."""
    place = line.ink_box
    if not line.inks or box.intersection(place) < _INSIDE * box.area:
        return False
    down, across = line.inks[0].shape[0] / place.height, line.inks[0].shape[1] / place.width
    rows = _steps(box.top - place.top, box.bottom - place.top, down)
    columns = _steps(box.left - place.left, box.right - place.left, across)
    return bool(line.inks[0][rows, columns].mean() >= _INKED)


def ink_shared(line: Line, other: Line) -> float:
    """Share of a line's likeliest ink that is ink of the other, too; 0 where either has none."""
    if not (line.inks and other.inks):
        return 0.0
    place = line.ink_box
    mine = _ink_over(line, place)
    return float(np.count_nonzero(mine & _ink_over(other, place))) / max(1, int(np.count_nonzero(mine)))


def _ink_over(line: Line, place: Box) -> NDArray[np.bool_]:
    """A line's ink in the pixels of a rectangle."""
    ink = line.inks[0]
    down = (np.arange(place.top, place.bottom) - line.ink_box.top) * ink.shape[0] // line.ink_box.height
    across = (np.arange(place.left, place.right) - line.ink_box.left) * ink.shape[1] // line.ink_box.width
    is_within = ((down >= 0) & (down < ink.shape[0]))[:, None] & ((across >= 0) & (across < ink.shape[1]))[None, :]
    rows, columns = down.clip(0, ink.shape[0] - 1), across.clip(0, ink.shape[1] - 1)
    return np.asarray(ink[rows][:, columns] & is_within, dtype=np.bool_)


def _steps(first: int, last: int, zoom: float) -> slice:
    return slice(max(0, int(first * zoom)), max(0, int(np.ceil(last * zoom))))


def _flattened(box: Box, is_vertical: bool) -> Box:
    return box.transposed if is_vertical else box
