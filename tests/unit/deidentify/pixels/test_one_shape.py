"""Rows of one shape are no text; words and numbers are, also where digits return."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.rows import rows_of_one_shape

Write = Callable[..., NDArray[np.bool_]]


def staples(count: int, *, missing: tuple[int, ...] = (), slope: float = 0.0) -> NDArray[np.bool_]:
    """Square brackets in a row."""
    rows = 30 + int(abs(slope) * 18 * count)
    canvas = np.zeros((rows, 18 * count), np.uint8)
    for index in sorted(set(range(count)) - set(missing)):
        left, top = 18 * index + 2, int(slope * 18 * index) + 4
        cv2.polylines(canvas, [np.array([[6, 0], [0, 0], [0, 20], [6, 20]]) + np.array([left, top])], False, 1, 2)
    return canvas > 0


@pytest.mark.parametrize("slope", [0.0, 0.12])
@pytest.mark.parametrize("missing", [(), (3,)])
def test_staples_are_a_row_of_one_shape(missing: tuple[int, ...], slope: float) -> None:
    assert rows_of_one_shape(staples(8, missing=missing, slope=slope)) == 1


def test_five_are_too_few_and_two_gaps_too_many() -> None:
    assert (rows_of_one_shape(staples(5)), rows_of_one_shape(staples(9, missing=(2, 6)))) == (0, 0)


def test_what_a_wire_crosses_is_still_one() -> None:
    ink = np.pad(staples(9), ((20, 20), (0, 0)))
    ink[:, 40:44] = True
    assert rows_of_one_shape(ink) == 1


@pytest.mark.parametrize(
    "text", ["11/12/2011", "1711171", "LILIT", "Anna", "00:01:00", "MIMI MIM", "8083808", "ELLEN", "HANNAH", "10010110"]
)
@pytest.mark.parametrize("size", [14, 32])
def test_words_and_numbers_are_not(text_ink: Write, text: str, size: int) -> None:
    assert rows_of_one_shape(text_ink(text, size)) == 0


def test_no_ink_is_no_row() -> None:
    assert rows_of_one_shape(np.zeros((20, 80), np.bool_)) == 0


def test_hooks_beside_eyes_are_two_rows() -> None:
    hooks, eyes = staples(8), np.zeros((30, 144), np.uint8)
    for index in range(8):
        cv2.circle(eyes, (18 * index + 8, 12), 6, 1, 2)
    assert rows_of_one_shape(np.concatenate([hooks, eyes > 0])) == 2


def test_two_lines_of_numbers_are_none(text_ink: Write) -> None:
    upper, lower = text_ink("11711171", 20), text_ink("10010110", 20)
    both = np.zeros((60, max(upper.shape[1], lower.shape[1])), np.bool_)
    both[4 : 4 + upper.shape[0], : upper.shape[1]] = upper
    both[34 : 34 + lower.shape[0], : lower.shape[1]] = lower
    assert rows_of_one_shape(both) == 0
