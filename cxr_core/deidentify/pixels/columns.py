"""Decides whether a place is a column of a few like things: the hooks and eyes, studs or eyelets that close clothes.

Takes grey values along a place, gives yes or no. What returns a dozen times and more is told by `repetition`; what
becomes of the place is left to `lines`.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box
from cxr_core.deidentify.pixels.repetition import is_written_upon
from cxr_core.deidentify.pixels.tones import sampled, strokes_of

_SEEN_PX = 32  # height of the place where it is compared with itself: things are no finer
_LEAST_PX = 28  # height of a place, in pixels of the image: scan lines and dots of small type repeat themselves
_LEAST_STEP_PX, _LEAST_STEP = 18, 0.3  # in pixels of the image, and of the place's height: the same of large type
_STROKE = 1 / 3  # of the height
_APART = 0.35  # correlation half a step away
_ALIKE_BESIDE = 0.4  # the same of what lies on either side: lines of type, one below the other, are wider than a place
_FEWEST = 2.5  # steps from the first thing to the last, which are narrower than a step
_LEFT_OVER = 0.25  # of a step: a part of a thing
_SLACK_PX = 2  # steps are no whole pixels
_BARE, _DRAWN = 0.6, 75  # of the usual strength of strokes: a place may reach beyond its things; percentile of columns


class Alike(NamedTuple):
    """What is asked of a place: how many steps it is long, correlations after a step of all and of each thing."""

    steps: float
    whole: float
    each: float


ON_END = Alike(3.3, 0.8, 0.65)
"""Hardly any line of type is, read from top to bottom."""

DOUBTFUL_ON_END = Alike(3.3, 0.75, 0.6)
"""Hooks that are bent or half faded are."""

LEVEL = Alike(4.3, 0.8, 0.65)
"""Type mostly runs so, and a name may be of four letters that are much alike (`COCO`)."""


def is_column(grey: NDArray[np.uint8], beside: Iterable[NDArray[np.uint8]] = (), alike: Alike = ON_END) -> bool:
    """True where each of four things or more is like the next one, after one step.

    Letters that follow one another hardly ever are. Seen across, the lines of a block of type may be, and so is a grid;
    they go on to either side.

    Parameters
    ----------
    grey : (rows, columns) uint8 array
        The place, its longer direction along the columns, at the image's own resolution.
    beside : iterable of (rows, columns) uint8 arrays
        Strips along it on either side; taken only where all else speaks for a column.
    alike : Alike
        What is asked of it.
    """
    if grey.shape[0] < _LEAST_PX:
        return False
    strokes = _strokes(grey)
    step, zoom = _step(grey, strokes, alike), strokes.shape[0] / grey.shape[0]
    if step is None:
        return False
    things = _without_bare_ends(strokes)
    if things.shape[1] < _FEWEST * step or min(_likenesses(things, step)) < alike.each:
        return False
    goes_on = [_after(_strokes(strip), step) >= _ALIKE_BESIDE for strip in beside]
    return not (goes_on and all(goes_on)) and not is_written_upon(grey, round(step / zoom))


def is_thing_of(grey: NDArray[np.uint8], part: slice, alike: Alike) -> bool:
    """True for a part of a column that is like what lies a step before it or behind it.

    Parameters
    ----------
    grey : (rows, columns) uint8 array
        The column, as `is_column` takes it.
    part : slice
        Columns.
    alike : Alike
        What was asked of the column.
    """
    strokes = _strokes(grey)
    step, zoom = _step(grey, strokes, alike), strokes.shape[0] / grey.shape[0]
    if step is None:
        return False
    first, last = int(part.start * zoom), min(int(np.ceil(part.stop * zoom)), strokes.shape[1])
    there = ((first + away - _SLACK_PX, last + away + _SLACK_PX) for away in (-step, step))
    return any(
        float(_correlated(strokes[:, start:stop], strokes[:, first:last]).max()) >= alike.each
        for start, stop in there
        if 0 <= start < stop <= strokes.shape[1]
    )


def _strokes(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is brighter and darker than its ground, on a grey one, the place `_SEEN_PX` high at most."""
    small, _ = sampled(grey, Box(0, 0, *grey.shape), min(1.0, _SEEN_PX / grey.shape[0]))
    return strokes_of(small, _STROKE * small.shape[0])


def _step(grey: NDArray[np.uint8], strokes: NDArray[np.uint8], asked: Alike) -> int | None:
    """After how many columns the place is most like itself, beyond where it is not; None where that is little."""
    least = max(_LEAST_STEP * strokes.shape[0], _LEAST_STEP_PX * strokes.shape[0] / grey.shape[0])
    length = strokes.shape[1]
    most = int(length / asked.steps)
    if most <= least:
        return None
    alike = _correlated(strokes, strokes[:, : length - most])
    lowest = np.minimum.accumulate(alike)
    peaks = [
        lag
        for lag in range(int(np.ceil(least)), most)
        if alike[lag] >= max(alike[lag - 1], alike[lag + 1], asked.whole) and lowest[lag] <= _APART
    ]
    return max(peaks, key=lambda lag: float(alike[lag]), default=None)


def _without_bare_ends(strokes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    strengths = strokes.std(axis=0)
    drawn = np.flatnonzero(strengths >= _BARE * np.percentile(strengths, _DRAWN))
    return strokes[:, drawn[0] : drawn[-1] + 1]


def _likenesses(strokes: NDArray[np.uint8], step: int) -> Iterator[float]:
    """How like the next one each thing is, from end to end."""
    last = strokes.shape[1] - 2 * step
    is_left_over = last % step > _LEFT_OVER * step
    for at in [*range(0, last + 1, step), *[last] * is_left_over]:
        there = strokes[:, max(0, at + step - _SLACK_PX) : at + 2 * step + _SLACK_PX]
        yield float(_correlated(there, strokes[:, at : at + step]).max())


def _after(strokes: NDArray[np.uint8], step: int) -> float:
    """How like a strip is to itself after a step."""
    most = step + _SLACK_PX
    alike = _correlated(strokes, strokes[:, : strokes.shape[1] - most])
    return float(alike[max(1, step - _SLACK_PX) :].max())


def _correlated(strokes: NDArray[np.uint8], part: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Correlation of a part with what lies so many columns further on, a row higher or lower; 0 where one is plain."""
    inner = np.ascontiguousarray(part[1:-1])
    if not inner.size or inner.min() == inner.max():
        return np.zeros(strokes.shape[1] - part.shape[1] + 1, np.float32)
    return np.asarray(cv2.matchTemplate(strokes, inner, cv2.TM_CCOEFF_NORMED).max(axis=0), dtype=np.float32)
