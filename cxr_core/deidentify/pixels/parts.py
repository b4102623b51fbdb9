"""Decides what the connected parts of a small window are: beads, cups with balls, arrows, frames, ground, or glyphs.

Takes a binarised window, gives its parts.
Which of the glyphs is the letter of a lead marker is left to `lead`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from itertools import count, takewhile
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.ink import as_bytes, frames
from cxr_core.deidentify.pixels.model import Box

_SPECK = 0.018  # of the window
_FILLED, _ROUND = 0.72, 1.35
_ARROW_LENGTH, _ARROW_STEPS, _TIP, _SHAFT, _EVEN, _STRAIGHT = 1.8, 12, 0.6, 0.66, 0.5, 1.5
_SOLID, _THICK = 0.8, 0.35
_OVAL, _CONVEX, _LONGEST_CUP = (0.72, 0.85), 0.94, 2.2  # of a cup: share of its rectangle and of its hull, sides
_HOLLOW, _EVEN_RING = 0.25, 0.8  # of a cup: how much of it is hole; of a ring: how much stays when turned by half


def parts_of(mask: NDArray[Any], window: Box, zoom: float) -> "Parts":
    """The connected parts of a window that was sampled at `zoom` times its size: (rows, columns), not zero is ink."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(as_bytes(np.asarray(mask, dtype=np.bool_)), connectivity=8)
    return Parts(np.asarray(labels, dtype=np.int32), stats, window, zoom)


def is_bead(stats: NDArray[Any]) -> bool:
    """True for a filled round or square, by its row of what OpenCV tells of a component."""
    width, height, area = (int(value) for value in stats[2:5])
    return area >= _FILLED * width * height and max(width, height) <= _ROUND * min(width, height)


@dataclass(frozen=True, eq=False)
class Parts:
    """The connected parts of a window: `stats` as OpenCV gives them, the ground being the first."""

    labels: NDArray[np.int32] = field(repr=False)
    stats: NDArray[Any] = field(repr=False)
    window: Box
    zoom: float
    _masks: dict[int, NDArray[np.bool_]] = field(repr=False, default_factory=dict)  # of those that were asked for
    _points: dict[int, NDArray[np.float64]] = field(repr=False, default_factory=dict)

    @cached_property
    def sides(self) -> NDArray[np.int32]:
        """The longer side of every part."""
        return np.asarray(self.stats[:, 2:4].max(axis=1), dtype=np.int32)

    def place(self, index: int) -> Box:
        """The rectangle of a part, in pixels of the window as it was sampled."""
        return self._places[index]

    @cached_property
    def _places(self) -> list[Box]:
        return [Box(top, left, top + height, left + width) for left, top, width, height in self.stats[:, :4].tolist()]

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
        if index not in self._masks:
            self._masks[index] = np.asarray(self.labels[self.place(index).window] == index, dtype=np.bool_)
        return self._masks[index]

    def points(self, index: int) -> NDArray[np.float64]:
        """Where the ink of a part lies, (points, 2), down and across the window as it was sampled."""
        if index not in self._points:
            place, (down, across) = self.place(index), self.mask(index).nonzero()
            self._points[index] = np.stack((down + float(place.top), across + float(place.left)), axis=1)
        return self._points[index]

    def mask_of(self, indices: Sequence[int]) -> NDArray[np.bool_]:
        """Some parts and nothing else, within the rectangle around them."""
        whole = reduce(Box.union, map(self.place, indices))
        return np.isin(self.labels[whole.window], list(indices))

    def touches_rim(self, index: int) -> bool:
        """True for what may go on beyond the window."""
        return any(self._reached(index))

    def _reached(self, index: int) -> tuple[bool, bool, bool, bool]:
        place, (rows, columns) = self.place(index), self.labels.shape
        return place.left == 0, place.top == 0, place.right == columns, place.bottom == rows

    def is_bead(self, index: int) -> bool:
        """True for a filled round or square: no letter."""
        return is_bead(self.stats[index])

    def is_slab(self, index: int, size: int) -> bool:
        """True for a filled part that is thicker than the strokes of a letter of a size."""
        width, height, area = (int(value) for value in self.stats[index, 2:5])
        return area >= _SOLID * width * height and min(width, height) >= _THICK * size

    @cached_property
    def by_size(self) -> list[int]:
        """All parts but specks, the largest first."""
        large = np.flatnonzero(self.sides >= _SPECK * min(self.labels.shape))
        return sorted((int(index) for index in large if index), key=lambda index: -int(self.sides[index]))

    def is_surrounding(self, index: int) -> bool:
        """True for a frame around others, the ground beyond a plate, a bead: no glyph, told at a glance."""
        return self.is_bead(index) or self.is_ground(index) or index in self._frames

    @cached_property
    def _frames(self) -> frozenset[int]:
        every = np.arange(1, len(self.stats))
        return frozenset(frames(self.stats, np.array(self.by_size, np.intp), every).tolist())

    def is_ground(self, index: int) -> bool:
        """True for what reaches two sides of the window: the ground beyond a disc or a plate, a line across it."""
        return sum(self._reached(index)) >= 2

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
        turned = mask[::-1, ::-1]
        is_even = np.count_nonzero(mask & turned) >= _EVEN_RING * np.count_nonzero(mask | turned)  # as any O is
        return not is_even or self._holds_another(index, hole)

    def _holds_another(self, index: int, hole: Any) -> bool:
        """True where another part lies inside a hole of one; the hole in pixels of its mask with a border of one."""
        within = cv2.copyMakeBorder(self.labels[self.place(index).window], 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        inside = np.zeros(within.shape, np.uint8)
        cv2.drawContours(inside, [hole], -1, 1, cv2.FILLED)
        return bool(((inside > 0) & (within > 0) & (within != index)).any())

    def is_arrow(self, index: int) -> bool:
        """True for a shaft with a head behind its tip, the same on both sides, whichever way it points."""
        shape = _lengthwise(self.mask(index))
        if shape is None:
            return False
        sides = _sides_of(*shape)
        return any(_is_arrow_of(way) for way in (sides, sides[:, ::-1]))


def _lengthwise(mask: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The ink along its longest direction and across it, from its middle; None where it is hardly longer than wide."""
    moments = cv2.moments(as_bytes(mask), binaryImage=True)
    middle = (moments["mu20"] + moments["mu02"]) / 2
    apart = float(np.hypot((moments["mu20"] - moments["mu02"]) / 2, moments["mu11"]))
    if middle + apart < _ARROW_LENGTH**2 * (middle - apart):
        return None
    angle = np.arctan2(2 * moments["mu11"], moments["mu20"] - moments["mu02"]) / 2
    down, right = mask.nonzero()
    y, x = down - moments["m01"] / moments["m00"], right - moments["m10"] / moments["m00"]
    cosine, sine = np.cos(angle), np.sin(angle)
    return x * cosine + y * sine, y * cosine - x * sine


def _sides_of(along: NDArray[np.float64], across: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far ink reaches to either side, in steps from its one end to the other: (2, steps)."""
    first = along.min()
    place = (along - first) / max(float(along.max() - first), 1.0)
    steps = np.minimum((place * _ARROW_STEPS).astype(int), _ARROW_STEPS - 1)
    sides = np.zeros((2, _ARROW_STEPS))
    np.maximum.at(sides[0], steps, across)
    np.minimum.at(sides[1], steps, across)
    return np.abs(sides)


def _is_arrow_of(sides: NDArray[np.float64]) -> bool:
    widths = sides.sum(axis=0)
    widest = int(np.argmax(widths))
    shaft = widths[_ARROW_STEPS // 2 :]
    arms = sides[:, widest]
    symmetry = float(sides.min(axis=0).sum()) / max(float(sides.max(axis=0).sum()), 1e-6)
    return bool(
        1 <= widest <= _ARROW_STEPS // 2 - 2
        and widths[0] <= _TIP * widths[widest]
        and shaft.max() <= _SHAFT * widths[widest]
        and shaft[_ARROW_STEPS // 4 : -1].max() <= _STRAIGHT * shaft.min()  # an L has a serif there
        and min(symmetry, float(arms.min() / arms.max())) >= _EVEN
    )


class Glyphs:
    """The parts that may be glyphs, the largest first: no bead, frame, cup, arrow or ground. Looked at as far as asked.

    A window of noise has hundreds of parts, and to tell an arrow takes as long as to read a word.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts, self._left, self._known = parts, iter(parts.by_size), list[int]()

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
            is_thing = self._parts.is_surrounding(index) or self._parts.is_cup(index)
            if not is_thing and not self._parts.is_arrow(index):
                self._known.append(index)
                return True
        return False
