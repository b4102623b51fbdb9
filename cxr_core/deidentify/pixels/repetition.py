"""Decides whether a long place repeats itself from end to end, as the teeth of a zip do, and what lies upon it.

Takes grey values along a line, gives yes or no, and where the pattern does not return: words, numbers and bar codes
do not after a fixed step. What becomes of a line that says nothing is left to `lines`.
"""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

_LEAST_PX = 96
_LEAST_TURNS = 12
_BANDS = ((0.2, 0.8), (0.35, 0.65), (0.3, 0.5), (0.4, 0.6), (0.5, 0.7))  # across the line: teeth stand in two rows
_ENDS = 0.1  # of the length: the slider, and what the mark reaches beyond
_ALIKE, _ALIKE_EACH = 0.7, 0.5  # correlation after one, two and three steps; of every part of the line by itself
_PARTS = 4
_WIDEST_GROUND_PX = 101
_STEPS, _ACROSS_PX = (1, 2), (-1, 0, 1)  # a pattern runs askew, and its steps are no whole pixels
_UNLIKE, _GRAIN = 1.8, 2.0  # times the usual difference after a step, and what of 255 is no difference
_ROWS = 3  # what lies upon a pattern is at least so high a part of it
_LEAST_BREAK = 2.0, 1.5  # steps, and of the place's height


def repeats_itself(grey: NDArray[np.uint8]) -> bool:
    """True where one pattern returns at least `_LEAST_TURNS` times over the whole length.

    Parameters
    ----------
    grey : (rows, columns) uint8 array
        The place, its longer direction along the columns.
    """
    return _step(grey) is not None


def broken_at(grey: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Where along a place that repeats itself something else lies upon it: first column, and the one past the last.

    Parameters
    ----------
    grey : (rows, columns) uint8 array
        The place, its longer direction along the columns.
    """
    step = _step(grey)
    if step is None:
        return []
    unlike = _unlikeness(grey, step)
    is_broken = (unlike > _UNLIKE * (float(np.median(unlike)) + _GRAIN)).astype(np.uint8)
    whole = cv2.morphologyEx(is_broken[None, :], cv2.MORPH_CLOSE, np.ones((1, step | 1), np.uint8))[0]
    edges = np.flatnonzero(np.diff(whole.astype(np.int8), prepend=0, append=0)).reshape(-1, 2).tolist()
    least = max(_LEAST_BREAK[0] * step, _LEAST_BREAK[1] * grey.shape[0])
    return [(first, last) for first, last in edges if last - first >= least]


def _unlikeness(grey: NDArray[np.uint8], step: int) -> NDArray[np.float32]:
    """For each column, how much what is around it differs from what lies a step or two further on either side."""
    rows, columns = grey.shape
    least = np.full((rows, columns), 255, np.float32)
    around = (step | 1, (rows // _ROWS) | 1)
    lags = sorted({max(1, turns * step + more) for turns in _STEPS for more in range(-2, 3)})
    for lag in lags:
        for down in _ACROSS_PX:
            moved = np.roll(grey, down, axis=0)[:, lag:]
            apart = cv2.blur(cv2.absdiff(moved, np.ascontiguousarray(grey[:, :-lag])).astype(np.float32), around)
            np.minimum(least[:, :-lag], apart, out=least[:, :-lag])
            np.minimum(least[:, lag:], apart, out=least[:, lag:])
    return np.asarray(least.max(axis=0), np.float32)


def _step(grey: NDArray[np.uint8]) -> int | None:
    """After how many columns the pattern of a place returns; None where it does not."""
    rows, columns = grey.shape
    if columns < _LEAST_PX:
        return None
    for first, last in _BANDS:
        profile = _profile(grey[int(rows * first) : max(int(rows * last), int(rows * first) + 1)])
        step = _likeliest_step(profile)
        if step is not None and _is_periodic(profile, step):
            return step
    return None


def _profile(band: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The values along a band without slow changes of the ground and without its ends."""
    along = band.mean(axis=0, dtype=np.float32)
    side = min(along.size // 6, _WIDEST_GROUND_PX) | 1
    flat = along - cv2.blur(along[None, :], (side, 1))[0]
    cut = round(_ENDS * along.size)
    return np.asarray(flat[cut:-cut], dtype=np.float32)


def _is_periodic(profile: NDArray[np.float32], step: int) -> bool:
    if not all(_is_like_itself(profile, turns * step, _ALIKE) for turns in (1, 2, 3)):
        return False
    ends = np.linspace(0, profile.size, _PARTS + 1).astype(int).tolist()
    return all(_is_like_itself(profile[first:last], step, _ALIKE_EACH) for first, last in pairwise(ends))


def _likeliest_step(profile: NDArray[np.float32]) -> int | None:
    """The lag at which the profile is most like itself, beyond its first change of sign."""
    centred = profile - profile.mean()
    spectrum = np.fft.rfft(centred, 2 * profile.size)
    likeness = np.fft.irfft(spectrum * np.conj(spectrum))[: profile.size // _LEAST_TURNS]
    apart = np.flatnonzero(likeness < 0)
    return int(apart[0] + np.argmax(likeness[apart[0] :])) if apart.size else None


def _is_like_itself(profile: NDArray[np.float32], lag: int, least: float) -> bool:
    """True where some correlation with itself about a lag is high enough: steps are no whole pixels."""
    near = sorted(range(max(1, lag - 2), lag + 3), key=lambda one: abs(one - lag))
    return any(_at(profile, one) >= least for one in near)


def _at(profile: NDArray[np.float32], lag: int) -> float:
    first, second = profile[:-lag], profile[lag:]
    if first.size < lag:
        return 0.0
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((first * first).sum() * (second * second).sum()))
    return float((first * second).sum()) / scale if scale > 0 else 0.0
