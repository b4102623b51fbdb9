"""Decides whether ink is a row of things of one shape, as staples and loops of wire are: no text has but one sign.

Takes the ink of a place, gives yes or no. What repeats itself in grey values is told by `repetition`.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_LEAST_THINGS, _MOST_THINGS, _OTHERS = 6, 24, 2  # of one shape; of any; of another
_THING, _OF_ONE_SIZE, _LEAST_APART_PX = 0.3, 0.2, 2.0  # of the place's height; of their size
_AS_HIGH = 0.4  # of their height: another sign of the same line, not a wire that crosses it
_SPANNED, _OFF_THE_ROW = 0.6, 0.3  # of the place's length; of their size
_EVEN_STEPS = 1.6  # longest over shortest
_SHAPE_PX, _ONE_SHAPE, _EDGES = 16, 0.1, 0.3  # side of a shape; difference of two; and of a pixel at their edges


def is_row_of_one_shape(ink: NDArray[np.bool_]) -> bool:
    """True where six things or more of one shape stand at even steps along most of a place, however askew.

    Parameters
    ----------
    ink : (rows, columns) bool array
        The ink of a place, its longer direction along the columns.
    """
    mask = np.ascontiguousarray(ink).view(np.uint8)
    _, labels, stats, middles = cv2.connectedComponentsWithStats(mask, connectivity=8)
    sizes = stats[:, 2:4].astype(np.float64)
    large = 1 + np.flatnonzero(sizes[1:].max(axis=1, initial=0.0) >= _THING * ink.shape[0])
    if not _LEAST_THINGS <= len(large) <= _MOST_THINGS:
        return False
    usual = np.median(sizes[large], axis=0)
    apart = max(_OF_ONE_SIZE * float(usual.max()), _LEAST_APART_PX)
    is_alike = np.asarray((np.abs(sizes[large] - usual) <= apart).all(axis=1), dtype=np.bool_)
    if np.count_nonzero(is_alike) < _LEAST_THINGS:
        return False
    in_row = _lie_in_a_row(np.asarray(middles[large], dtype=np.float64), is_alike, float(usual.max()))
    alike, others = large[is_alike & in_row], large[in_row & ~is_alike]
    if len(alike) < max(_LEAST_THINGS, len(large) - _OTHERS):
        return False
    along = np.sort(middles[alike, 0])
    is_within = (middles[others, 0] > along[0]) & (middles[others, 0] < along[-1])
    as_high = np.abs(sizes[others, 1] - usual[1]) <= _AS_HIGH * usual[1]
    is_row = along[-1] - along[0] >= _SPANNED * ink.shape[1] and _is_even(along) and not (is_within & as_high).any()
    return bool(is_row) and _are_of_one_shape(np.asarray(labels), stats[alike], alike)


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


def _are_of_one_shape(labels: NDArray[Any], stats: NDArray[Any], indices: NDArray[np.intp]) -> bool:
    """True where all but one look like what most look like; of what is a few pixels wide, edges are a good part."""
    shapes = []
    for index, (left, top, width, height, _) in zip(indices.tolist(), stats.tolist(), strict=True):
        part = (labels[top : top + height, left : left + width] == index).astype(np.float32)
        shapes.append(cv2.resize(part, (_SHAPE_PX, _SHAPE_PX), interpolation=cv2.INTER_AREA))
    usual = np.median(np.stack(shapes), axis=0)
    most = _ONE_SHAPE + _EDGES / float(np.median(stats[:, 2:4].min(axis=1)))
    return sum(_unlikeness(shape, usual) > most for shape in shapes) <= 1


def _unlikeness(shape: NDArray[np.float32], usual: NDArray[np.float32]) -> float:
    """The difference of two shapes, one of them moved by at most a step."""
    padded = np.pad(shape, 1, mode="edge")
    side = len(usual)
    moved = (padded[down : down + side, across : across + side] for down in range(3) for across in range(3))
    return min(float(np.abs(one - usual).mean()) for one in moved)
