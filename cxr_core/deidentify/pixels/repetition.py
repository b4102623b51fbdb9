"""Decides whether a long place repeats itself from end to end, as the teeth of a zip do, and what lies upon it.

Takes grey values along a line, gives yes or no, and where the pattern does not return: words, numbers and bar codes do
not after a fixed step. What becomes of a line that says nothing is left to `lines`.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.tones import hat, strokes_of

_LEAST_PX = 96
_LEAST_TURNS = 12
_BANDS = ((0.2, 0.8), (0.35, 0.65), (0.3, 0.5), (0.4, 0.6), (0.5, 0.7))  # across the line: teeth stand in two rows
_NARROW = ((0.1, 0.3), (0.2, 0.35), (0.65, 0.8), (0.7, 0.9))  # a place may be much higher than its row
_STROKES_PX, _STROKE = 40, 1 / 3  # height at which strokes are looked at; the widest, of that
_LEAST_STEP = 0.2  # of the place's height: dots of a matrix and scan lines stand closer
_FAINTEST = 0.15  # of the strongest strokes: fainter ones are not made as strong
_ENDS = 0.1  # of the length: the slider, and what the mark reaches beyond
_ALIKE, _ALIKE_EACH = 0.7, 0.5  # correlation after one, two and three steps; of every part of the line by itself
_LITTLE = 0.35  # of all: half of what is asked, for the ends do not overlap
_PARTS, _EIGHTHS, _FIFTHS = 4, 8, 5
_STRONG, _UNLIKE = 0.6, 0.3  # of the pattern's own strength; correlation
_SWINGS, _WELL = 4, 0.5  # changes from light to dark; standard deviations
_WIDEST_GROUND_PX = 101
_MOST_SHIFT = 0.7  # of the length
_STEPS, _ACROSS_PX = (1, 2), (-1, 0, 1)  # a pattern runs askew, and its steps are no whole pixels
_BROKEN, _GRAIN = 1.8, 2.0  # times the usual difference after a step, and what of 255 is no difference
_STILL = 0.5  # of the pattern's strength in a place: it goes on there
_USUAL, _OWN = 25, 65  # percentiles of the differences after a step: of the row, of the place
_POINT = 3, 3  # pixels about one
_ROWS = 3  # what lies upon a pattern is at least so high a part of it
_LEAST_BREAK = 2.0, 1.0  # steps, and of the place's height


def repeats_itself(grey: NDArray[np.uint8], own: slice | None = None) -> bool:
    """True where one pattern returns at least `_LEAST_TURNS` times over the whole length of a place.

    Parameters
    ----------
    grey : (rows, columns) uint8 array
        The place, its longer direction along the columns, and what it may go on with at either end.
    own : slice, optional
        The columns of the place itself; by default all. A short piece of a zip repeats itself no less for being short:
        it is counted together with the teeth before it or behind it.
    """
    return _step(grey, own or slice(0, grey.shape[1])) is not None


def repeats_as_a_whole(grey: NDArray[np.uint8], own: slice) -> bool:
    """The same of a place that looks much like text: all of it returns, after a step as wide as teeth.

    The stems of letters may stand as evenly as teeth ("Nguyen"), and the dots of which letters are made do.
    """
    step = _step(grey, own)
    if step is None or step < _LEAST_STEP * grey.shape[0]:
        return False
    strokes = _strokes_of(grey)[:, own].astype(np.float32)
    shifts = [(lag, down) for lag in _lags(step) for down in _ACROSS_PX if lag < _MOST_SHIFT * strokes.shape[1]]
    return any(_at_shift(strokes, lag, down) >= _ALIKE for lag, down in shifts)


def _at_shift(strokes: NDArray[np.float32], lag: int, down: int) -> float:
    """Correlation of a place with what lies so many columns further on and so many rows lower."""
    first, second = np.roll(strokes, down, axis=0)[:, lag:], strokes[:, :-lag]
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1]) if first.std() > 0 < second.std() else 0.0


def broken_at(grey: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Where along a place that repeats itself something else lies upon it: first column, and the one past the last.

    Parameters
    ----------
    grey : (rows, columns) uint8 array
        The place, its longer direction along the columns.
    """
    step = _step(grey, slice(0, grey.shape[1]))
    if step is None:
        return []
    strokes = _strokes_of(grey)
    unlike = _unlikeness(strokes, step)
    is_broken = (unlike > _BROKEN * (float(np.median(unlike)) + _GRAIN)).astype(np.uint8)
    whole = cv2.morphologyEx(is_broken[None, :], cv2.MORPH_CLOSE, np.ones((1, step | 1), np.uint8))[0]
    edges = np.flatnonzero(np.diff(whole.astype(np.int8), prepend=0, append=0)).reshape(-1, 2).tolist()
    least = max(_LEAST_BREAK[0] * step, _LEAST_BREAK[1] * grey.shape[0])
    found = [(first, last) for first, last in edges if last - first >= least]
    added = _apart(strokes, step, _POINT) if found else strokes
    return [(first, last) for first, last in found if _is_written(added[:, first:last])]  # not the slider of a zip


def is_written_upon(grey: NDArray[np.uint8], step: int) -> bool:
    """True where most of a place is much less like what lies a step further than the rest of it is.

    Parameters
    ----------
    grey : (rows, columns) uint8 array
        The place, its longer direction along the columns.
    step : int
        After how many columns it repeats itself.
    """
    return _is_overlaid(grey, _without_ground(grey), slice(0, grey.shape[1]), step)


def _is_written(added: NDArray[Any]) -> bool:
    """True where some row of what was added to a pattern changes from light to dark as often as letters do."""
    return any(_swings(band.mean(axis=0, dtype=np.float32)) >= _SWINGS for band in np.array_split(added, _FIFTHS))


def _strokes_of(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return strokes_of(grey, _STROKE * grey.shape[0])


def _unlikeness(grey: NDArray[np.uint8], step: int) -> NDArray[np.float32]:
    """For each column, how much what is around it differs from what lies a step or two further on either side."""
    return np.asarray(_apart(grey, step, (step | 1, (grey.shape[0] // _ROWS) | 1)).max(axis=0), dtype=np.float32)


def _apart(grey: NDArray[np.uint8], step: int, around: tuple[int, int]) -> NDArray[np.float32]:
    """The same for each pixel, and so many columns and rows around it."""
    least = np.full(grey.shape, 255, np.float32)
    for lag in _lags(step):
        for down in _ACROSS_PX:
            moved = np.roll(grey, down, axis=0)[:, lag:]
            apart = cv2.blur(cv2.absdiff(moved, np.ascontiguousarray(grey[:, :-lag])).astype(np.float32), around)
            np.minimum(least[:, :-lag], apart, out=least[:, :-lag])
            np.minimum(least[:, lag:], apart, out=least[:, lag:])
    return least


def _lags(step: int) -> list[int]:
    return sorted({max(1, turns * step + more) for turns in _STEPS for more in range(-2, 3)})


def _step(grey: NDArray[np.uint8], own: slice) -> int | None:
    """After how many columns the pattern of a place returns; None where it does not, or something stands beside it.

    What a rib or the border of a lung drowns in the grey values may show in the strokes.
    """
    by_grey = _step_along(grey, own, _BANDS, _without_ground, least=1)
    return by_grey if by_grey is not None else _step_by_strokes(grey, own)


def _step_by_strokes(grey: NDArray[np.uint8], own: slice) -> int | None:
    zoom = min(1.0, _STROKES_PX / grey.shape[0])
    size = max(1, round(grey.shape[1] * zoom)), max(1, round(grey.shape[0] * zoom))
    small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    strokes = hat(small, cv2.MORPH_TOPHAT, _STROKE * size[1])
    there = slice(int(own.start * zoom), max(int(own.stop * zoom), int(own.start * zoom) + 1))
    least = round(_LEAST_STEP * size[1])
    step = _step_along(strokes, there, _BANDS + _NARROW, _evened, least=least)
    return None if step is None else max(1, round(step / zoom))


def _step_along(
    grey: NDArray[np.uint8],
    own: slice,
    bands: Sequence[tuple[float, float]],
    profile_of: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    *,
    least: int,
) -> int | None:
    rows, columns = grey.shape
    for first, last in bands:
        band = grey[int(rows * first) : max(int(rows * last), int(rows * first) + 1)]
        along = profile_of(band)
        for stretch in _stretches(own, columns):
            step = _step_of(along, stretch, own)
            if step is not None and step >= least:
                plain = _without_ground(band)
                is_covered = _has_other_things(grey[:, own], plain[own], step)
                if not is_covered and not _is_overlaid(grey, plain, own, step):
                    return step
    return None


def _is_overlaid(grey: NDArray[np.uint8], along: NDArray[np.float32], own: slice, step: int) -> bool:
    """True where a place is much less like what lies a step further than the rest of its row: a name lies upon it."""
    unlike = _unlikeness(_strokes_of(grey), step)
    strength = cv2.blur(np.abs(along)[None, :], (2 * step + 1, 1))[0]
    is_of_the_row = strength >= _STILL * float(np.median(strength[own]))
    usual = float(np.percentile(unlike[is_of_the_row], _USUAL))
    return float(np.percentile(unlike[own], _OWN)) > _BROKEN * (usual + _GRAIN)


def _stretches(own: slice, columns: int) -> Iterator[slice]:
    """The place, with what is before it, behind it, and both; without their ends."""
    cut = round(_ENDS * (own.stop - own.start))
    for start, stop in dict.fromkeys(
        ((own.start, own.stop), (0, columns), (0, own.stop), (own.start, columns))  # the whole of either side
    ):
        if stop - start >= _LEAST_PX:
            yield slice(start + cut, stop - cut)


def _without_ground(band: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The values along a band without slow changes of the ground."""
    along = band.mean(axis=0, dtype=np.float32)
    side = min(along.size // 6, _WIDEST_GROUND_PX) | 1
    return np.asarray(along - cv2.blur(along[None, :], (side, 1))[0], dtype=np.float32)


def _evened(band: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The same, everywhere about as strong: a row of like things lies on bright and on dark ground."""
    along = _without_ground(band)
    side = min(along.size // 6, _WIDEST_GROUND_PX) | 1
    spread = np.sqrt(np.maximum(cv2.blur((along * along)[None, :], (side, 1))[0], 0))
    return np.asarray(along / (spread + _FAINTEST * spread.max() + np.float32(1e-6)), dtype=np.float32)


def _step_of(along: NDArray[np.float32], stretch: slice, own: slice) -> int | None:
    """After how many columns the pattern of a stretch returns; None where it does not, or not everywhere."""
    profile = along[stretch]
    step = _likeliest_step(profile)
    if step is None or not all(_is_like_itself(profile, turns * step, _ALIKE) for turns in (1, 2, 3)):
        return None
    first, last = max(own.start - step, stretch.start), min(own.stop + step, stretch.stop)
    parts = [*np.array_split(profile, _PARTS), along[first:last]]
    return step if all(_is_like_itself(part, step, _ALIKE_EACH) for part in parts) else None


def _has_other_things(grey: NDArray[np.uint8], along: NDArray[np.float32], step: int) -> bool:
    """True where beside the pattern, over two eighths of the length on end, stands something that does not return.

    A name may be printed along the holes of a film. What only crosses a zip is there in one of the eighths; a rib or a
    wire that lies beside it is light or dark but once.
    """
    least = [_STRONG * float(part.std()) for part in np.array_split(along, _EIGHTHS)]
    for band in np.array_split(grey, _FIFTHS):
        beside = _without_ground(band)
        if not _is_like_itself(beside, step, _UNLIKE) and _is_busy(np.array_split(beside, _EIGHTHS), least):
            return True
    return False


def _is_busy(parts: Sequence[NDArray[np.float32]], least: Sequence[float]) -> bool:
    """True where two neighbouring parts are strong and change from light to dark as often as letters do."""
    return any(
        float(one.std()) > at_one and float(other.std()) > at_other and _swings(np.concatenate((one, other))) >= _SWINGS
        for (one, at_one), (other, at_other) in pairwise(zip(parts, least, strict=True))
    )


def _swings(profile: NDArray[np.float32]) -> int:
    """How often a profile goes from well above its mean to well below it, or back."""
    centred = profile - profile.mean()
    sides = np.sign(centred)[np.abs(centred) > _WELL * centred.std()]
    return int(np.count_nonzero(np.diff(sides)))


def _likeliest_step(profile: NDArray[np.float32]) -> int | None:
    """The lag at which the profile is most like itself, beyond its first change of sign; None where that is little."""
    centred = profile - profile.mean()
    spectrum = np.fft.rfft(centred, 1 << (2 * profile.size - 1).bit_length())  # a power of two is much quicker
    likeness = np.fft.irfft(spectrum * np.conj(spectrum))[: profile.size // _LEAST_TURNS]
    apart = np.flatnonzero(likeness < 0)
    if not apart.size:
        return None
    step = int(apart[0] + np.argmax(likeness[apart[0] :]))
    return step if likeness[step] >= _LITTLE * likeness[0] else None  # most places end here, without more sums


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
