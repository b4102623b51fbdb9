"""Decides whether a place is a column of a few like things: the hooks and eyes, studs or eyelets that close clothes.

Takes grey values along a place, gives yes or no. What returns a dozen times and more is told by `repetition`; what
becomes of the place is left to `lines`.
"""

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box
from cxr_core.deidentify.pixels.tones import sampled, strokes_of

_SEEN_PX = 32  # height of the place where it is compared with itself: things are no finer
_LEAST_PX = 28  # height of a place, in pixels of the image: scan lines and dots of small type repeat themselves
_LEAST_STEP_PX, _LEAST_STEP = 18, 0.3  # in pixels of the image, and of the place's height: the same of large type
_STROKE = 1 / 3  # of the height
_APART = 0.35  # correlation half a step away
_ALIKE_BESIDE = 0.4  # the same of what lies on either side: lines of type, one below the other, are wider than a place
_SLACK_PX = 2  # steps are no whole pixels
_BARE = 0.6  # of the usual strength of strokes: a place may reach beyond its things


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
    rows = grey.shape[0]
    if rows < _LEAST_PX:
        return False
    strokes = _strokes(grey)
    step = _step(strokes, max(_LEAST_STEP * strokes.shape[0], _LEAST_STEP_PX * strokes.shape[0] / rows), alike)
    if step is None or min(_likenesses(strokes, step)) < alike.each:
        return False
    goes_on = [_after(_strokes(strip), step) >= _ALIKE_BESIDE for strip in beside]
    return not goes_on or not all(goes_on)


def _strokes(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is brighter and darker than its ground, on a grey one, the place `_SEEN_PX` high at most."""
    small, _ = sampled(grey, Box(0, 0, *grey.shape), min(1.0, _SEEN_PX / grey.shape[0]))
    return strokes_of(small, _STROKE * small.shape[0])


def _step(strokes: NDArray[np.uint8], least: float, asked: Alike) -> int | None:
    """After how many columns the place is most like itself, beyond where it is not; None where that is little."""
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


def _likenesses(strokes: NDArray[np.uint8], step: int) -> list[float]:
    """How like each thing is to the next one, without what is bare at either end."""
    starts = range(0, strokes.shape[1] - step + 1, step)
    strengths = [float(strokes[:, start : start + step].std()) for start in starts]
    drawn = np.flatnonzero(np.array(strengths) >= _BARE * float(np.median(strengths)))
    return [
        float(_correlated(strokes[:, max(0, at + step - _SLACK_PX) : at + 2 * step + _SLACK_PX], thing).max())
        for at, thing in ((start, strokes[:, start : start + step]) for start in starts[drawn[0] : drawn[-1]])
    ]


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
