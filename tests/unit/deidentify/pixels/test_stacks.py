"""Two or three lines of markers, one below the other, may be seen as one place."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box, Line, extent
from cxr_core.deidentify.pixels.stacks import stacks_of

Write = Callable[..., NDArray[np.bool_]]


def stacked(rows: list[NDArray[np.bool_]], gap: int) -> NDArray[np.bool_]:
    """The rows one below the other, so many pixels apart."""
    width = max(row.shape[1] for row in rows)
    parts = [np.pad(row, ((0, gap), (0, width - row.shape[1]))) for row in rows]
    return np.concatenate(parts)[: -gap or None]


def cropped(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.ascontiguousarray(ink[extent(ink).window])


def place(ink: NDArray[np.bool_], *, is_vertical: bool = False) -> Line:
    box = Box(100, 200, 100 + ink.shape[0], 200 + ink.shape[1])
    across = float(ink.shape[1] if is_vertical else ink.shape[0])
    return Line(box, is_vertical, across, 4, 0.8, inks=(ink,), ink_boxes=(box,))


@pytest.mark.parametrize("words", [("LT", "AP"), ("AP", "R", "PORTABLE"), ("Right", "PA")])
def test_lines_one_below_the_other_are_told_apart(text_ink: Write, words: tuple[str, ...]) -> None:
    rows = [cropped(text_ink(word, 28)) for word in words]
    lines = next(stacks_of(place(stacked(rows, gap=8))))
    assert [one.inks[0].shape for one in lines] == [row.shape for row in rows]
    assert [one.box.top - 100 for one in lines] == [
        sum(row.shape[0] + 8 for row in rows[:index]) for index in range(len(rows))
    ]


def test_a_stack_may_lie_on_its_side(text_ink: Write) -> None:
    rows = [cropped(text_ink(word, 28)) for word in ("LT", "AP")]
    ink = np.ascontiguousarray(np.rot90(stacked(rows, gap=10)))
    shapes = {tuple(sorted(one.inks[0].shape for one in lines)) for lines in stacks_of(place(ink))}
    assert tuple(sorted(row.shape[::-1] for row in rows)) in shapes


@pytest.mark.parametrize("text", ["PORTABLE", "R", "Öl", "i", "8"])
def test_one_line_is_no_stack(text_ink: Write, text: str) -> None:
    assert not list(stacks_of(place(cropped(text_ink(text, 28)))))


def test_a_letter_torn_in_two_is_no_stack(text_ink: Write) -> None:
    letter = cropped(text_ink("I", 40))
    letter[letter.shape[0] // 2 - 2 : letter.shape[0] // 2 + 2] = False
    assert not list(stacks_of(place(letter)))


def test_lines_of_two_sizes_are_no_stack(text_ink: Write) -> None:
    rows = [cropped(text_ink("AP", 40)), cropped(text_ink("MRN 447", 18))]
    assert not list(stacks_of(place(stacked(rows, gap=8))))
