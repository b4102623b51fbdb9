"""Decides how probable it is that ink shows a wanted letter, or two side by side that make a wanted word: `LT`, `PA`.

Takes ink in some positions and what glances tell of it, gives probabilities. Each of two letters is asked about by
itself: that tells more than a glance at both, to which any two look alike, and two narrow ones like none.
What they say is left to `reading`.
"""

from collections.abc import Callable, Sequence
from itertools import product, takewhile

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.glance import LETTERS
from cxr_core.deidentify.pixels.ink import as_bytes
from cxr_core.deidentify.pixels.model import Box

_MAY_BE_TWO, _LIKE_LETTERS = 0.05, 0.5  # of two characters; what a glance at words is worth beside one at letters
_MUCH = 0.1  # of the ink: a letter; what is less is dirt
_LEVEL = 0.6  # of the lower letter's height: what both share
_SEVERAL = 0.5  # of being more than one letter: they touch
_PERHAPS = 0.02  # of being a letter

_Ink = NDArray[np.bool_]
_Glance = Callable[[Sequence[_Ink]], NDArray[np.float32]]


def worth_of_few(
    inks: Sequence[_Ink],
    glance: _Glance,
    glance_at_letters: _Glance,
    is_wanted: Callable[[str], bool],
    *,
    may_be_two: bool,
    words_matter: bool,
) -> NDArray[np.float32]:
    """How probable it is that each ink is read as a wanted letter or word of two, and that it is two letters at all.

    Parameters
    ----------
    inks : sequence of (rows, columns) bool arrays
        Of one place, in the positions in which it would be read.
    glance, glance_at_letters : callable
        See `glance`.
    is_wanted : callable
        True for a text that could be an allowed marker.
    may_be_two : bool
        False where nothing but a lone letter is wanted.
    words_matter : bool
        True where words of two letters that are not wanted are worth reading as well.

    Returns
    -------
    (inks, 2) float32 array
    """
    seen = glance_at_letters(inks)
    more = seen[:, len(LETTERS)]
    worth = seen[:, : len(LETTERS)][:, [is_wanted(letter) for letter in LETTERS]].max(axis=1, initial=0.0)
    if may_be_two and more.max() >= _MAY_BE_TWO:
        pairs = _worth_of_pairs(inks, glance_at_letters, is_wanted)
        worth = worth if pairs is None else np.maximum(worth, pairs)
        if pairs is None or words_matter:
            worth = np.maximum(worth, _LIKE_LETTERS * glance(inks)[:, 0])
    return np.stack([worth, more], axis=1)


def _worth_of_pairs(
    inks: Sequence[_Ink], glance_at_letters: _Glance, is_wanted: Callable[[str], bool]
) -> NDArray[np.float32] | None:
    """The mean probability of two letters, side by side, of a wanted word: zero where one stands above the other.

    None where the ink is not of two parts: the letters touch, or are more.
    """
    pairs = list(takewhile(len, map(_in_two, inks)))
    if len(pairs) < len(inks):
        return None
    worth = np.zeros(len(inks), np.float32)
    level = [index for index, pair in enumerate(pairs) if _are_level(*(box for box, _ in pair))]
    if level:
        seen = glance_at_letters([letter for index in level for _, letter in pairs[index]])
        if seen[:, len(LETTERS)].max() >= _SEVERAL:
            return None
        letters = seen[:, : len(LETTERS)].reshape(len(level), 2, len(LETTERS))
        worth[level] = [_likeliest(pair, is_wanted) for pair in letters]
    return worth


def _in_two(ink: _Ink) -> list[tuple[Box, _Ink]]:
    """The two parts of an ink, from left to right, with where they lie; none where it is not of two."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(as_bytes(ink), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    large = np.flatnonzero(areas >= _MUCH * areas.sum()) + 1
    if len(large) != 2:
        return []
    found = []
    for left, label in sorted((int(stats[label, cv2.CC_STAT_LEFT]), int(label)) for label in large):
        top, width, height = stats[label, [cv2.CC_STAT_TOP, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].tolist()
        box = Box(top, left, top + height, left + width)
        found.append((box, labels[box.window] == label))
    return found


def _are_level(first: Box, second: Box) -> bool:
    shared = min(first.bottom, second.bottom) - max(first.top, second.top)
    return shared >= _LEVEL * min(first.height, second.height) and first.right <= (second.left + second.right) / 2


def _likeliest(letters: NDArray[np.float32], is_wanted: Callable[[str], bool]) -> float:
    """The mean probability of the letters of the likeliest wanted word; zero where there is none: (2, 26) array."""
    first, second = letters
    perhaps = (np.flatnonzero(one >= _PERHAPS).tolist() for one in letters)
    words = ((first[one] * second[other], LETTERS[one] + LETTERS[other]) for one, other in product(*perhaps))
    return max((float(np.sqrt(worth)) for worth, word in words if is_wanted(word)), default=0.0)
