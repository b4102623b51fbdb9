"""Decides what hangs together: set cells of a mask, or things of which each is linked to another.

Takes a mask, gives the rectangle and the cells of each connected place, in the order of their first cells; or takes
things, gives their groups. What a place or a group means is left to those who ask.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box, extent

_Thing = TypeVar("_Thing")


def connected_places(mask: NDArray[np.bool_], connectivity: int) -> Iterator[tuple[Box, NDArray[np.bool_]]]:
    """The connected places of a mask that is mostly empty; each as its rectangle and its cells within that.

    Rows without a set cell divide the mask: labels are given to the bands between them only, which for the map of an
    image is a tenth of the work.

    Parameters
    ----------
    mask : (rows, columns) bool array
    connectivity : int
        4 or 8.
    """
    for first, last in _bands(mask):
        used = extent(mask[first:last])
        band = np.ascontiguousarray(mask[first:last, used.left : used.right]).view(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(band, connectivity=connectivity)
        for index in range(1, count):
            left, top, width, height = (int(value) for value in stats[index, :4])
            cells = np.asarray(labels[top : top + height, left : left + width] == index, dtype=np.bool_)
            place = Box(first + top, used.left + left, first + top + height, used.left + left + width)
            yield place, cells


def groups_of(things: Sequence[_Thing], are_linked: Callable[[_Thing, _Thing], bool]) -> Iterator[list[_Thing]]:
    """The groups of things of which each is linked to another one; the group of the last thing comes first."""
    left = list(things)
    while left:
        group = [left.pop()]
        while more := [thing for thing in left if any(are_linked(thing, one) for one in group)]:
            group += more
            left = [thing for thing in left if thing not in more]
        yield group


def _bands(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First row and the row after the last of every run of rows with a set cell."""
    is_used = np.concatenate(([False], mask.any(axis=1), [False]))
    edges = np.flatnonzero(is_used[1:] != is_used[:-1]).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))
