"""Readers overlook initials; they do not stay in the ink of a word that does."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box, Line, extent
from cxr_core.deidentify.pixels.signatures import signed

Write = Callable[..., NDArray[np.bool_]]


def cropped(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.ascontiguousarray(ink[extent(ink).window])


def of(ink: NDArray[np.bool_], *, is_vertical: bool = False, constancy: float = 0.1) -> Line:
    """A line with some ink, a pixel of it for each of the image."""
    if is_vertical:
        ink = np.ascontiguousarray(ink.T)
    box = Box(100, 200, 100 + ink.shape[0], 200 + ink.shape[1])
    across = float(ink.shape[1] if is_vertical else ink.shape[0])
    return Line(box, is_vertical, across, 4, 0.8, constancy, inks=(ink,), ink_boxes=(box,))


def spaced(text: str, write: Write, height: int) -> NDArray[np.bool_]:
    """Letters one by one, with room between them."""
    letters = [cropped(write(letter, height)) for letter in text]
    high = max(letter.shape[0] for letter in letters)
    padded = [np.pad(letter, ((high - letter.shape[0], 0), (0, 8))) for letter in letters]
    return cropped(np.concatenate(padded, axis=1))


def beside(word: NDArray[np.bool_], signs: NDArray[np.bool_], *, down: int, along: int) -> NDArray[np.bool_]:
    canvas = np.zeros((word.shape[0] + 60, word.shape[1] + 120), np.bool_)
    canvas[: word.shape[0], : word.shape[1]] = word
    canvas[down : down + signs.shape[0], along : along + signs.shape[1]] |= signs
    return cropped(canvas)


@pytest.mark.parametrize("is_vertical", [False, True])
def test_initials_behind_a_word_are_told_from_it(text_ink: Write, *, is_vertical: bool) -> None:
    word, signs = spaced("PORT", text_ink, 60), spaced("DW", text_ink, 24)
    line = of(beside(word, signs, down=0, along=word.shape[1] + 16), is_vertical=is_vertical)
    left, found = signed(line, 4)
    length = left.box.height if is_vertical else left.box.width
    assert (length, len(found)) == (word.shape[1], 2)


def test_initials_below_a_word_are_told_from_it(text_ink: Write) -> None:
    word, signs = spaced("PORT", text_ink, 60), spaced("VG", text_ink, 24)
    left, found = signed(of(beside(word, signs, down=word.shape[0] + 10, along=4)), 4)
    assert (left.box.height, len(found)) == (word.shape[0], 2)


@pytest.mark.parametrize(
    ("text", "letters", "constancy"),
    [("PORT", 4, 0.1), ("SEMI-UPRIGHT", 11, 0.1), ("Right", 5, 0.1), ("LATERAL.", 7, 1.0)],
)
def test_a_word_by_itself_stays_as_it_is(text_ink: Write, text: str, letters: int, constancy: float) -> None:
    line = of(spaced(text, text_ink, 60), constancy=constancy)
    assert signed(line, letters) == (line, ())


def test_a_letter_torn_in_two_is_not_signed(text_ink: Write) -> None:
    word = spaced("PORT", text_ink, 60)
    word[word.shape[0] * 3 // 4 : word.shape[0] * 3 // 4 + 3] = False
    line = of(word)
    assert signed(line, 4) == (line, ())
