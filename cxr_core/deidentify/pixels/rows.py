"""Decides whether ink is a row of things of one shape, as staples and loops of wire are: no text has but one sign.

Takes the ink of a place, gives how many rows. What repeats itself in grey values is told by `repetition`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_LEAST_THINGS, _MOST_THINGS, _OTHERS = 6, 24, 2  # of one shape; of any; of another
_THING, _THING_OF_TWO = 0.3, 0.18  # of the place's height: of one row, of two
_ROWS_APART, _LEAST_PX = 0.4, 4  # of their height; pixels of ink: the bars of scan lines are thinner
_OF_ONE_SIZE, _LEAST_APART_PX = 0.2, 2.0  # of their size
_AS_HIGH = 0.4  # of their height: another sign of the same line, not a wire that crosses it
_SPANNED, _OFF_THE_ROW = 0.6, 0.3  # of the place's length; of their size
_EVEN_STEPS = 1.6  # longest over shortest
_SHAPE_PX, _ONE_SHAPE, _EDGES = 16, 0.1, 0.3  # side of a shape; difference of two; and of a pixel at their edges


@dataclass(frozen=True, slots=True, eq=False)
class _Things:
    """The connected parts of ink, and which of them are looked at."""

    labels: NDArray[Any]
    stats: NDArray[Any]
    middles: NDArray[np.float64]
    indices: NDArray[np.intp]

    def of(self, some: NDArray[np.intp]) -> "_Things":
        return replace(self, indices=some)


def rows_of_one_shape(ink: NDArray[np.bool_]) -> int:
    """How many rows of six things or more of one shape a place is made of: none, one or two.

    The things of a row stand at even steps along most of the place, however askew. The two rows of hooks and eyes, one
    beside the other, are each of a shape of its own.

    Parameters
    ----------
    ink : (rows, columns) bool array
        The ink of a place, its longer direction along the columns.
    """
    mask = np.ascontiguousarray(ink).view(np.uint8)
    _, labels, stats, middles = cv2.connectedComponentsWithStats(mask, connectivity=8)
    largest = stats[1:, 2:4].max(axis=1, initial=0)
    things = _Things(labels, stats, np.asarray(middles, dtype=np.float64), np.empty(0, np.intp))
    smallest = stats[1:, 2:4].min(axis=1)
    large = 1 + np.flatnonzero((largest >= _THING_OF_TWO * ink.shape[0]) & (smallest >= _LEAST_PX))
    rows = _in_two_rows(things.of(large)) if len(large) >= 2 * _LEAST_THINGS else ()
    if rows and all(_is_row(things.of(row), ink.shape[1], _alike_on_the_whole) for row in rows):
        return 2
    large = 1 + np.flatnonzero(largest >= _THING * ink.shape[0])
    return int(_is_row(things.of(large), ink.shape[1], _nearly_all_alike))


def _in_two_rows(things: _Things) -> tuple[NDArray[np.intp], ...]:
    """The things above and those below the widest gap between their middles; nothing where it is none."""
    order = things.indices[np.argsort(things.middles[things.indices, 1])]
    gaps = np.diff(things.middles[order, 1])
    widest = int(np.argmax(gaps))
    is_gap = gaps[widest] >= _ROWS_APART * float(np.median(things.stats[order, 3]))
    return (np.sort(order[: widest + 1]), np.sort(order[widest + 1 :])) if is_gap else ()


def _nearly_all_alike(unlike: Sequence[float], most: float) -> bool:
    return sum(one > most for one in unlike) <= 1


def _alike_on_the_whole(unlike: Sequence[float], most: float) -> bool:
    """Of two rows each thing may be torn a little: twelve of two shapes are no letters."""
    return sum(unlike) <= most * len(unlike)


def _is_row(things: _Things, along_px: int, are_alike: Callable[[Sequence[float], float], bool]) -> bool:
    """True where nearly all of some things are one row of one shape, along most of a place."""
    large, stats, middles = things.indices, things.stats, things.middles
    if not _LEAST_THINGS <= len(large) <= _MOST_THINGS:
        return False
    sizes = stats[large, 2:4].astype(np.float64)
    usual = np.median(sizes, axis=0)
    apart = max(_OF_ONE_SIZE * float(usual.max()), _LEAST_APART_PX)
    is_alike = np.asarray((np.abs(sizes - usual) <= apart).all(axis=1), dtype=np.bool_)
    if np.count_nonzero(is_alike) < _LEAST_THINGS:
        return False
    in_row = _lie_in_a_row(middles[large], is_alike, float(usual.max()))
    alike, others = large[is_alike & in_row], large[in_row & ~is_alike]
    if len(alike) < max(_LEAST_THINGS, len(large) - _OTHERS):
        return False
    along = np.sort(middles[alike, 0])
    is_within = (middles[others, 0] > along[0]) & (middles[others, 0] < along[-1])
    as_high = np.abs(stats[others, 3] - usual[1]) <= _AS_HIGH * usual[1]
    is_row = along[-1] - along[0] >= _SPANNED * along_px and _is_even(along) and not (is_within & as_high).any()
    return bool(is_row) and are_alike(*_unlikenesses(things.of(alike)))


def _lie_in_a_row(middles: NDArray[np.float64], is_alike: NDArray[np.bool_], size: float) -> NDArray[np.bool_]:
    """Which things lie on the straight line through most of those that are alike."""
    across, down = middles.T
    first, last = (np.flatnonzero(is_alike)[one] for one in np.triu_indices(int(is_alike.sum()), 1))
    steps = across[last] - across[first]
    slopes = (down[last] - down[first]) / np.where(steps == 0, np.inf, steps)
    beyond = down - np.median(slopes) * across
    return np.asarray(np.abs(beyond - np.median(beyond[is_alike])) <= _OFF_THE_ROW * size, dtype=np.bool_)


def _is_even(along: NDArray[np.float64]) -> bool:
    """True where all steps are about as long; one thing may be missing."""
    steps = np.sort(np.diff(along))
    longest = steps[-1] / 2 if steps[-1] > _EVEN_STEPS * steps[0] else steps[-1]
    return bool(max(longest, steps[-2]) <= _EVEN_STEPS * steps[0] and longest * _EVEN_STEPS >= steps[0])


def _unlikenesses(things: _Things) -> tuple[list[float], float]:
    """How much each thing differs from what most look like, and how much one of them may: of a few pixels, edges do."""
    shapes = []
    stats = things.stats[things.indices]
    for index, (left, top, width, height, _) in zip(things.indices.tolist(), stats.tolist(), strict=True):
        part = (things.labels[top : top + height, left : left + width] == index).astype(np.float32)
        shapes.append(cv2.resize(part, (_SHAPE_PX, _SHAPE_PX), interpolation=cv2.INTER_AREA))
    usual = np.median(np.stack(shapes), axis=0)
    most = _ONE_SHAPE + _EDGES / float(np.median(stats[:, 2:4].min(axis=1)))
    return [_unlikeness(shape, usual) for shape in shapes], most


def _unlikeness(shape: NDArray[np.float32], usual: NDArray[np.float32]) -> float:
    """The difference of two shapes, one of them moved by at most a step."""
    padded = np.pad(shape, 1, mode="edge")
    side = len(usual)
    moved = (padded[down : down + side, across : across + side] for down in range(3) for across in range(3))
    return min(float(np.abs(one - usual).mean()) for one in moved)
