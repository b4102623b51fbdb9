"""Decides which pixels are blacked for the verdicts, and with what value.

Takes stored pixels and boxes, gives new pixels that are bit-equal elsewhere, and the mask.
Which boxes go was decided by `judgement`.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import SQUARISH, Box, Line
from cxr_core.deidentify.pixels.neighbours import LEAST_IN_A_BLOCK, lines_within
from cxr_core.deidentify.pixels.standing import rim_px
from cxr_core.deidentify.pixels.verdict import Rule, Verdict
from cxr_core.vocabulary import Photometric, QualityFlag

_GROWTH = 0.25  # of the line's height
_GROWTH_ALONG = 0.4  # a full stop or a comma at the end of a line is too small to be seen
_LEAST_GROWTH_PX = 3
_STRIPS = 8  # in which the ink of letters askew is looked at
_TOUCHED = 0.05  # of a removed line: what no letter of it fills
_LINE_GAP = 1.6  # of the line height: a colon or a thin letter between two removed pieces
_MUCH_HIGHER = 2.0  # of two pieces of one line: a capital beside a stroke; what is higher is of another line
_LARGE_SHARE = 0.15
_CENTRE_SHARE = 0.05


def boxes_to_redact(verdicts: Sequence[Verdict], shape: tuple[int, int]) -> list[tuple[Box, Verdict]]:
    """The rectangle of each removed line, grown by a part of its height, more at its ends, and its verdict.

    Gaps within one line (a colon, a thin letter that was not seen) are closed by a rectangle of their own. No rectangle
    grows over the ink of a kept marker, nor over what its verdict spares.
    """
    removed = _as_high_as_type([v for v in verdicts if not v.is_kept])
    kept = [v for v in verdicts if v.is_kept]
    boxes = [(box, verdict) for verdict in removed for box in _around(verdict, kept, shape)]
    bridges = [
        (box, one)
        for index, one in enumerate(removed)
        for other in removed[index + 1 :]
        if _is_one_line(one.line, other.line)
        for box in _bridge(one.line, other.line, kept, shape)
    ]
    return boxes + bridges


def _as_high_as_type(removed: Sequence[Verdict]) -> list[Verdict]:
    """The same, each with the height of its letters: several lines seen as one are grown by what each of them needs."""
    lines = [verdict.line for verdict in removed if verdict.line.box.aspect >= SQUARISH]
    found = []
    for verdict in removed:
        is_vertical = verdict.line.is_vertical
        within = [one.line_px for one in lines_within(verdict.line, lines) if one.is_vertical == is_vertical]
        line_px = median(within) if len(within) >= LEAST_IN_A_BLOCK else verdict.line.line_px
        found.append(replace(verdict, line=replace(verdict.line, line_px=line_px)))
    return found


def outermost(areas: Sequence[tuple[Box, Verdict]]) -> list[tuple[Box, Verdict]]:
    """The areas without those that lie wholly inside another: binarisations and parts of one line."""
    kept: list[tuple[Box, Verdict]] = []
    for box, verdict in sorted(areas, key=lambda area: (-area[0].area, area[0].top, area[0].left)):
        if not any(other.intersection(box) == box.area for other, _ in kept):
            kept.append((box, verdict))
    return kept


def fill_value(stored: NDArray[np.integer], photometric: Photometric) -> int:
    """Black of this image: its own minimum, or maximum for MONOCHROME1.

    0 or the largest value of the format would stretch the range of everything else.
    """
    return int(stored.max() if photometric is Photometric.MONOCHROME1 else stored.min())


def black_out(
    stored: NDArray[np.integer], boxes: Sequence[Box], value: int
) -> tuple[NDArray[np.integer], NDArray[np.bool_]]:
    """A copy with the boxes filled, and the mask of what was filled; both (rows, columns)."""
    pixels = stored.copy()
    mask = np.zeros(stored.shape, np.bool_)
    for box in boxes:
        pixels[box.window] = value
        mask[box.window] = True
    return pixels, mask


def mask_flags(mask: NDArray[np.bool_]) -> list[QualityFlag]:
    """LARGE_MASK where more than 15 % of the image, or more than 5 % of its middle, was blacked."""
    rows, columns = mask.shape
    middle = mask[rows // 4 : rows - rows // 4, columns // 5 : columns - columns // 5]
    is_large = area_share(mask) > _LARGE_SHARE or area_share(middle) > _CENTRE_SHARE
    return [QualityFlag.LARGE_MASK] if is_large else []


def area_share(mask: NDArray[np.bool_]) -> float:
    """Share of the mask that is set, 0 to 1; 0 of no pixel."""
    return np.count_nonzero(mask) / mask.size if mask.size else 0.0


def _around(removed: Verdict, kept: Sequence[Verdict], shape: tuple[int, int]) -> list[Box]:
    """The grown rectangle of a removed line, in pieces where kept ink lies in it.

    The line's own rectangle goes whole, unless it holds a letter that was cut out of it: the box of a kept word may
    hold some of the ink of the name beside it.
    """
    line = removed.line
    grown = _grown(line.box, line, shape)
    pieces, own = [grown], [line.box]
    for verdict in kept:
        read = verdict.as_read
        touched = read.ink_box.intersection(line.box) > _TOUCHED * line.box.area
        adjoins = removed.rule is Rule.ADJOINS
        spared = _strips(read) if adjoins and touched else [read.ink_box]
        around = [box.grown(rim_px(read), shape) for box in spared]
        if (adjoins and not line.inks) or verdict.is_cut_out:  # what was found beside a letter; what a letter was in
            own = _without(own, spared if adjoins else around)
        elif touched:
            continue  # the ink of the one may hold some of the other's
        pieces = _without(pieces, around)
    pieces = _without(pieces, removed.spares)
    return pieces if pieces == [grown] else pieces + own


def _strips(read: Line) -> list[Box]:
    """The ink of a line strip by strip: in the rectangle of letters askew there is room for others."""
    if not read.inks:
        return [read.ink_box]
    place, ink = read.ink_box, read.inks[0]
    edges = np.linspace(0, ink.shape[0], min(_STRIPS, ink.shape[0]) + 1).round().astype(int).tolist()
    down, across = place.height / ink.shape[0], place.width / ink.shape[1]
    found = []
    for first, last in pairwise(edges):
        drawn = np.flatnonzero(ink[first:last].any(axis=0))
        if drawn.size:
            sides = place.left + int(drawn[0] * across), place.left + int(np.ceil((drawn[-1] + 1) * across))
            rows = place.top + int(first * down), place.top + int(np.ceil(last * down))
            found.append(Box(rows[0], sides[0], rows[1], sides[1]))
    return found


def _without(boxes: Sequence[Box], spared: Sequence[Box]) -> list[Box]:
    """What is left of some rectangles outside of others."""
    left = list(boxes)
    for box in spared:
        left = [part for piece in left for part in piece.without(box)]
    return left


def _bridge(one: Line, other: Line, kept: Sequence[Verdict], shape: tuple[int, int]) -> list[Box]:
    """Two removed pieces of a line and the gap between them, without the kept ink that lies in neither."""
    pieces = [_grown(one.box.union(other.box), one, shape)]
    for verdict in kept:
        read = verdict.as_read
        ink = read.ink_box
        if verdict.is_cut_out or not (ink.intersection(one.box) or ink.intersection(other.box)):
            pieces = _without(pieces, [ink.grown(rim_px(read), shape)])
    return pieces


def _grown(box: Box, line: Line, shape: tuple[int, int]) -> Box:
    across = max(_LEAST_GROWTH_PX, round(_GROWTH * line.line_px))
    along = max(across, round(_GROWTH_ALONG * line.line_px))
    rows, columns = (along, across) if line.is_vertical else (across, along)
    return box.grown_by(rows, columns, shape)


def _is_one_line(one: Line, other: Line) -> bool:
    if one.is_vertical != other.is_vertical:
        return False
    a, b = one.box, other.box
    if one.is_vertical:
        a, b = a.transposed, b.transposed
    down, gap = a.gaps(b)
    lower, higher = sorted((one.line_px, other.line_px))
    return -down >= 0.6 * min(a.height, b.height) and 0 < gap <= _LINE_GAP * min(higher, _MUCH_HIGHER * lower)
