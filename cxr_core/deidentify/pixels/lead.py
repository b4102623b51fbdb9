"""Decides what a lead marker is made of: the letter, its ring, an arrow or a bead, and the technologist's initials.

Takes the search image and a place, gives the letter as a line of its own, and the small letters beside it.
Whether the letter may stay is left to `judgement`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from itertools import count, islice, takewhile
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.ink import as_bytes, is_frame
from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.proposals import SearchImage

_PLACE_PX, _LETTER_PX = 96, 40  # height at which a place, and a letter, is taken apart
_LEAST_ZOOM = 0.4
_AROUND = 0.4  # of a place: a ring reaches beyond the mark
_STROKE = 0.3  # of a letter: wider than its strokes
_STROKES = (0.22, cv2.MORPH_TOPHAT), (0.5, cv2.MORPH_BLACKHAT), (0.5, cv2.MORPH_TOPHAT)  # of a place: the same
_LARGEST_PX = 360  # the side of a place
_SPECK = 0.15  # of the letter
_LETTER = 0.12, 0.95  # of the window
_FILLED, _ROUND = 0.72, 1.35
_ARROW_LENGTH, _ARROW_STEPS, _TIP, _SHAFT, _EVEN = 1.8, 12, 0.8, 0.66, 0.5
_MUCH_SMALLER, _MOST_PARTS, _MOST_TRIED = 1.6, 10, 2
_SOLID, _THICK = 0.8, 0.35
_FAR, _LYING = 1.5, 1.3  # of the letter: the gap to the next one; length over height of what lies across its end
_OVAL, _CONVEX, _LONGEST_CUP = (0.72, 0.85), 0.94, 2.2  # of a cup: share of its rectangle and of its hull, sides
_HOLLOW, _NOTCHED = 0.25, 0.9  # of a cup: how much of it is hole, and how much of the hole's hull
_ON_ITS_LINE = 0.12
_COMPANY = 2.0  # of the letter: how far from it initials stand
_INITIAL = 0.16, 0.8
_WIDEST = 2.0
_FAINT = 0.3  # of the letter's contrast: thin strokes lose more by blur
_LEAST_CONTRAST = 10.0  # of 255
_ALIKE, _GAP = 1.9, 0.55  # sizes of two initials, and the gap between them in their size
_MOST_INITIALS = 4


@dataclass(frozen=True, eq=False)
class _Parts:
    """The connected parts of a window: `stats` as OpenCV gives them, the ground being the first."""

    labels: NDArray[np.int32] = field(repr=False)
    stats: NDArray[Any] = field(repr=False)
    window: Box
    zoom: float

    @cached_property
    def sides(self) -> NDArray[np.int32]:
        """The longer side of every part."""
        return np.asarray(self.stats[:, 2:4].max(axis=1), dtype=np.int32)

    def place(self, index: int) -> Box:
        """The rectangle of a part, in pixels of the window as it was sampled."""
        left, top, width, height = (int(value) for value in self.stats[index, :4])
        return Box(top, left, top + height, left + width)

    def box(self, index: int) -> Box:
        """The rectangle of a part, in pixels of the image."""
        place, down, across = self.place(index), self.window.top, self.window.left
        return Box(
            down + int(place.top / self.zoom),
            across + int(place.left / self.zoom),
            down + int(np.ceil(place.top / self.zoom + place.height / self.zoom)),
            across + int(np.ceil(place.left / self.zoom + place.width / self.zoom)),
        )

    def mask(self, index: int) -> NDArray[np.bool_]:
        """The part alone, within its rectangle."""
        return np.asarray(self.labels[self.place(index).window] == index, dtype=np.bool_)

    def touches_rim(self, index: int) -> bool:
        place, (rows, columns) = self.place(index), self.labels.shape
        return place.left == 0 or place.top == 0 or place.right == columns or place.bottom == rows

    def is_bead(self, index: int) -> bool:
        """True for a filled round or square: no letter."""
        width, height, area = (int(value) for value in self.stats[index, 2:5])
        return area >= _FILLED * width * height and max(width, height) <= _ROUND * min(width, height)

    def is_slab(self, index: int, size: int) -> bool:
        """True for a filled part that is thicker than the strokes of a letter of a size."""
        width, height, area = (int(value) for value in self.stats[index, 2:5])
        return area >= _SOLID * width * height and min(width, height) >= _THICK * size

    def is_ground(self, index: int) -> bool:
        """True for what reaches around a corner of the window: the ground beyond a disc or a plate."""
        place, (rows, columns) = self.place(index), self.labels.shape
        return (place.left == 0 or place.right == columns) and (place.top == 0 or place.bottom == rows)

    def is_cup(self, index: int) -> bool:
        """True for a round outline with balls in it, loose or lying against its rim; an empty one may be an O."""
        mask = as_bytes(self.mask(index))
        contours, tree = cv2.findContours(
            cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
        )
        holes = [contour for contour, place in zip(contours, tree[0], strict=True) if place[3] >= 0]
        if not holes:
            return False
        rim, hole = max(contours, key=cv2.contourArea), max(holes, key=cv2.contourArea)
        outside, inside = cv2.contourArea(rim), cv2.contourArea(hole)
        shorter, longer = sorted(side + 1.0 for side in cv2.minAreaRect(rim)[1])
        is_oval = _OVAL[0] <= outside / (shorter * longer) <= _OVAL[1] and longer <= _LONGEST_CUP * shorter
        if not is_oval or outside < _CONVEX * cv2.contourArea(cv2.convexHull(rim)) or inside < _HOLLOW * outside:
            return False
        is_notched = inside < _NOTCHED * cv2.contourArea(cv2.convexHull(hole))
        return is_notched or self._holds_another(index, hole)

    def _holds_another(self, index: int, hole: Any) -> bool:
        """True where another part lies inside a hole of one; the hole in pixels of its mask with a border of one."""
        within = cv2.copyMakeBorder(self.labels[self.place(index).window], 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        inside = np.zeros(within.shape, np.uint8)
        cv2.drawContours(inside, [hole], -1, 1, cv2.FILLED)
        return bool(((inside > 0) & (within > 0) & (within != index)).any())

    def is_arrow(self, index: int) -> bool:
        """True for a shaft with a head behind its tip, the same on both sides, whichever way it points."""
        mask = self.mask(index)
        if not _is_long(mask):
            return False
        ink = np.argwhere(mask).astype(np.float64)
        ink -= ink.mean(axis=0)
        _, axes = np.linalg.eigh(ink.T @ ink)
        across, along = (ink @ axes).T
        return any(_is_arrow_along(way * along, across) for way in (1, -1))


def _is_long(mask: NDArray[np.bool_]) -> bool:
    """True where the spread of the ink in one direction is much larger than across it."""
    moments = cv2.moments(as_bytes(mask), binaryImage=True)
    middle = (moments["mu20"] + moments["mu02"]) / 2
    apart = float(np.hypot((moments["mu20"] - moments["mu02"]) / 2, moments["mu11"]))
    return bool(middle + apart >= _ARROW_LENGTH**2 * (middle - apart))


def _is_arrow_along(along: NDArray[np.float64], across: NDArray[np.float64]) -> bool:
    place = (along - along.min()) / max(float(np.ptp(along)), 1.0)
    steps = np.minimum((place * _ARROW_STEPS).astype(int), _ARROW_STEPS - 1)
    sides = np.zeros((2, _ARROW_STEPS))
    for side, way in enumerate((1, -1)):
        np.maximum.at(sides[side], steps, np.maximum(way * across, 0))
    widths = sides.sum(axis=0)
    widest = int(np.argmax(widths))
    shaft = widths[_ARROW_STEPS // 2 :]
    arms = sides[:, widest]
    symmetry = float(sides.min(axis=0).sum()) / max(float(sides.max(axis=0).sum()), 1e-6)
    return bool(
        1 <= widest <= _ARROW_STEPS // 2 - 2
        and widths[0] <= _TIP * widths[widest]
        and shaft.max() <= _SHAFT * widths[widest]
        and min(symmetry, float(arms.min() / arms.max())) >= _EVEN
    )


def letters_within(search: SearchImage, place: Line) -> Iterator[Line]:
    """What may be the letter of a place that holds much smaller ones beside it, or a ring around it; bright or dark.

    Nothing that has a part of about its size beside it: a name must not leave its first letter.

    Parameters
    ----------
    search : SearchImage
    place : Line
    """
    side = max(place.box.height, place.box.width)
    if side > _LARGEST_PX:
        return
    window = place.box.grown(round(_AROUND * side), search.shape)
    grey, zoom = _sampled(search, window, max(_PLACE_PX / side, _LEAST_ZOOM))
    for stroke, kind in _STROKES:
        kernel = np.ones((round(stroke * _PLACE_PX) | 1,) * 2, np.uint8)
        hat = np.asarray(cv2.morphologyEx(grey, kind, kernel), dtype=np.uint8)
        level, _ = cv2.threshold(hat, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        parts = _parts(hat > max(level, _LEAST_CONTRAST), window, zoom)
        for letter in _letters_of(parts):
            box, ink = parts.box(letter), np.ascontiguousarray(parts.mask(letter))
            yield replace(
                place, box=box, is_vertical=False, line_px=float(max(box.height, box.width)), glyphs=1, inks=(ink,),
                ink_boxes=(box,),
            )  # fmt: skip


def beside_letter(search: SearchImage, letter: Line) -> list[Line]:
    """The small letters that stand close to a lead letter, of its tone: what a technologist signs with.

    Parameters
    ----------
    search : SearchImage
    letter : Line
        Its first ink tells its tone.
    """
    size = max(letter.ink_box.height, letter.ink_box.width)
    if size > _LARGEST_PX or not letter.inks:
        return []
    window = letter.ink_box.grown(round(_COMPANY * size), search.shape)
    grey, zoom = _sampled(search, window, _LETTER_PX / size)
    own = Box(
        int((letter.ink_box.top - window.top) * zoom),
        int((letter.ink_box.left - window.left) * zoom),
        max(1, int(np.ceil((letter.ink_box.bottom - window.top) * zoom))),
        max(1, int(np.ceil((letter.ink_box.right - window.left) * zoom))),
    ).grown(0, grey.shape)
    inside = grey[own.window]
    ink = cv2.resize(as_bytes(letter.inks[0]), inside.shape[::-1], interpolation=cv2.INTER_AREA) > 0
    if not ink.any() or ink.all():
        return []
    contrast = float(np.median(inside[ink])) - float(np.median(inside[~ink]))
    kind = cv2.MORPH_TOPHAT if contrast > 0 else cv2.MORPH_BLACKHAT
    kernel = np.ones((round(_STROKE * _LETTER_PX) | 1,) * 2, np.uint8)
    hat = np.asarray(cv2.morphologyEx(grey, kind, kernel), dtype=np.uint8)
    parts = _parts(hat > max(_FAINT * abs(contrast), _LEAST_CONTRAST), window, zoom)
    return [line for group in _groups(parts, own) for line in _initials(letter, parts, group)]


def _sampled(search: SearchImage, window: Box, zoom: float) -> tuple[NDArray[np.uint8], float]:
    zoom = min(zoom, 2.0)
    size = max(1, round(window.width * zoom)), max(1, round(window.height * zoom))
    method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    grey = cv2.resize(np.ascontiguousarray(search.views[0].grey[window.window]), size, interpolation=method)
    return np.asarray(grey, dtype=np.uint8), zoom


def _parts(mask: NDArray[Any], window: Box, zoom: float) -> _Parts:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(as_bytes(np.asarray(mask, dtype=np.bool_)), connectivity=8)
    return _Parts(np.asarray(labels, dtype=np.int32), stats, window, zoom)


def _letters_of(parts: _Parts) -> Iterator[int]:
    """The parts that may be a letter by themselves, the largest first: no other part is about as large."""
    rows = min(parts.labels.shape)
    glyphs = _Glyphs(parts)
    for letter in islice((one for one in glyphs if not parts.touches_rim(one)), _MOST_TRIED):
        size = int(parts.sides[letter])
        if not _LETTER[0] * rows <= size <= _LETTER[1] * rows:
            continue
        if _stands_alone(parts, glyphs, letter):
            yield letter


def _stands_alone(parts: _Parts, glyphs: "_Glyphs", letter: int) -> bool:
    """True where no other part may be the next letter, the smaller ones are few, and they make no word with it."""
    size = int(parts.sides[letter])
    others: list[int] = []
    for other in islice(glyphs.not_below(_SPECK * size, without=letter), _MOST_PARTS + 1):
        if _is_next(parts, letter, other):
            return False
        others.append(other)
    is_word = others and all(_goes_on(parts.stats, letter, other) for other in others)
    return not is_word and len(others) <= _MOST_PARTS


class _Glyphs:
    """The parts that may be glyphs, the largest first: no bead, frame or arrow. Looked at as far as they are asked for.

    A window of noise has hundreds of parts, and to tell an arrow takes as long as to read a word.
    """

    def __init__(self, parts: _Parts) -> None:
        sides = parts.sides
        large = np.flatnonzero(sides >= _SPECK * _LETTER[0] * min(parts.labels.shape))
        ordered = sorted((int(index) for index in large if index), key=lambda index: -int(sides[index]))
        self._parts, self._left, self._known = parts, iter(ordered), list[int]()
        self._every = np.ones(len(parts.stats), np.bool_)
        self._every[0] = False

    def __iter__(self) -> Iterator[int]:
        for index in count():
            if index == len(self._known) and not self._find_next():
                return
            yield self._known[index]

    def not_below(self, size: float, *, without: int) -> Iterator[int]:
        """Those of at least a size, save one."""
        at_least = takewhile(lambda index: self._parts.sides[index] >= size, self)
        return (index for index in at_least if index != without)

    def _find_next(self) -> bool:
        for index in self._left:
            is_thing = self._parts.is_bead(index) or is_frame(self._parts.stats, index, self._every)
            is_thing = is_thing or self._parts.is_ground(index) or self._parts.is_cup(index)
            if not is_thing and not self._parts.is_arrow(index):
                self._known.append(index)
                return True
        return False


def _is_next(parts: _Parts, letter: int, other: int) -> bool:
    """True where a part may be the next letter of a word: about as large, in the letter's row or column, not far off.

    What lies across the end of the letter, below an upright one, is another line: it is as large as it is high.
    """
    one, two, size = parts.place(letter), parts.place(other), int(parts.sides[letter])
    down, across = one.gaps(two)
    if (down >= 0 and across >= 0) or max(down, across) > _FAR * size or parts.is_slab(other, size):
        return False
    is_below = down >= 0 and one.height >= one.width and two.width >= _LYING * two.height
    is_beside = across >= 0 and one.width >= one.height and two.height >= _LYING * two.width
    high = two.height if is_below else two.width if is_beside else int(parts.sides[other])
    return size <= _MUCH_SMALLER * high <= _MUCH_SMALLER**2 * size


def _goes_on(stats: NDArray[Any], letter: int, other: int) -> bool:
    """True where a part stands on the letter's line, to its right: the small letters of a word."""
    left, top, width, height = (int(value) for value in stats[letter, :4])
    bottom = stats[other, 1] + stats[other, 3]
    return bool(stats[other, 0] >= left + width and abs(bottom - top - height) <= _ON_ITS_LINE * height)


def _groups(parts: _Parts, own: Box) -> list[list[int]]:
    """Parts of a few alike small letters side by side, or one that several have run into."""
    size = max(own.height, own.width)
    small = [index for index in range(1, len(parts.stats)) if _is_small(parts, index, own, size)]
    groups: list[list[int]] = []
    while small:
        group = [small.pop(0)]
        while more := [index for index in small if any(_are_near(parts.stats, index, one) for one in group)]:
            group += more
            small = [index for index in small if index not in more]
        if 2 <= len(group) <= _MOST_INITIALS or (len(group) == 1 and _has_run_together(parts.stats, group[0])):
            groups.append(group)
    return groups


def _is_small(parts: _Parts, index: int, own: Box, size: int) -> bool:
    place = parts.place(index)
    if place.intersection(own) or parts.touches_rim(index):
        return False
    shorter, longer = sorted((place.width, place.height))
    return (
        _INITIAL[0] * size <= longer <= _WIDEST * _INITIAL[1] * size
        and shorter <= _INITIAL[1] * size
        and not parts.is_bead(index)
        and not parts.is_arrow(index)
    )


def _are_near(stats: NDArray[Any], one: int, other: int) -> bool:
    sides = sorted(int(max(stats[index, 2:4])) for index in (one, other))
    gaps = [
        max(int(stats[one, axis]), int(stats[other, axis]))
        - min(int(stats[one, axis] + stats[one, axis + 2]), int(stats[other, axis] + stats[other, axis + 2]))
        for axis in (0, 1)
    ]
    return sides[1] <= _ALIKE * sides[0] and max(gaps) <= _GAP * sides[0] and min(gaps) <= 0


def _has_run_together(stats: NDArray[Any], index: int) -> bool:
    shorter, longer = sorted(int(value) for value in stats[index, 2:4])
    return 1.15 * shorter <= longer <= 3.6 * shorter and stats[index, 4] <= 0.85 * shorter * longer


def _initials(letter: Line, parts: _Parts, group: Sequence[int]) -> list[Line]:
    """One line, or one for each part where the letter would lie between them."""
    boxes = [parts.box(index) for index in group]
    whole = reduce(Box.union, boxes)
    return [
        replace(
            letter, box=box, is_vertical=box.height > box.width, line_px=float(min(box.height, box.width)),
            glyphs=len(group) + 1, inks=(), ink_boxes=(),
        )
        for box in ([whole] if not whole.intersection(letter.ink_box) else boxes)
    ]  # fmt: skip
