"""Whether a reading accounts for all the ink of its line."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.explanation import explains
from cxr_core.deidentify.pixels.model import Box, Line

Write = Callable[..., NDArray[np.bool_]]


def line_of(place: Box, *inks: tuple[NDArray[np.bool_], Box], is_vertical: bool = False) -> Line:
    across = place.width if is_vertical else place.height
    return Line(
        place, is_vertical, float(across), 9, 0.9, 1.0, tuple(ink for ink, _ in inks), tuple(box for _, box in inks)
    )


def beside(*parts: NDArray[np.bool_], gap_px: int) -> NDArray[np.bool_]:
    height = max(part.shape[0] for part in parts)
    blank = np.zeros((height, gap_px), np.bool_)
    grown = [np.vstack([np.zeros((height - part.shape[0], part.shape[1]), np.bool_), part]) for part in parts]
    return np.hstack([one for part in grown for one in (part, blank)])[:, :-gap_px]


@pytest.mark.parametrize("is_vertical", [False, True])
def test_a_word_that_covers_its_place_is_explained(text_ink: Write, *, is_vertical: bool) -> None:
    ink = text_ink("UPRIGHT", 30)
    ink = np.rot90(ink).copy() if is_vertical else ink
    box = Box(0, 0, *ink.shape)
    assert explains("UPRIGHT", line_of(box, (ink, box), is_vertical=is_vertical), 0)


def test_bright_type_does_not_explain_the_dark_type_beside_it(text_ink: Write) -> None:
    bright = text_ink("Right", 30)
    seen = Box(0, 0, *bright.shape)
    place = Box(0, 0, seen.bottom, 2 * seen.right)
    whole = np.ones((place.height, place.width), np.bool_)
    line = line_of(place, (whole, place), (bright, seen))
    assert not explains("Right", line, 1)


@pytest.mark.parametrize(
    ("gap_px", "text", "is_explained"), [(40, "RIGHT", False), (40, "RIGHT AP", True), (6, "RIGHT", True)]
)
def test_ink_after_a_wide_gap_must_be_read_as_a_word(
    text_ink: Write, gap_px: int, text: str, *, is_explained: bool
) -> None:
    ink = beside(text_ink("RIGHT", 30), text_ink("AP", 30), gap_px=gap_px)
    box = Box(0, 0, *ink.shape)
    assert explains(text, line_of(box, (ink, box)), 0) is is_explained


@pytest.mark.parametrize(("more", "is_explained"), [(None, True), ("rj", False)])
def test_letters_set_far_apart_are_one_word_where_each_of_them_was_read(
    text_ink: Write, more: str | None, *, is_explained: bool
) -> None:
    letters = [text_ink(sign, 40) for sign in "UPRIGHT"] + ([text_ink(more, 16)] if more else [])
    ink = beside(*letters, gap_px=30)
    box = Box(0, 0, *ink.shape)
    assert explains("UPRIGHT", line_of(box, (ink, box)), 0) is is_explained


@pytest.mark.parametrize(("text", "is_explained"), [("Sitting", True), ("MOTHANG", False)])
def test_thin_letters_are_not_missed_in_a_narrow_word(text: str, *, is_explained: bool) -> None:
    ink = np.ones((71, 168), np.bool_)
    box = Box(0, 0, *ink.shape)
    assert explains(text, line_of(box, (ink, box)), 0) is is_explained


def test_wide_type_is_as_high_as_its_ink_not_as_what_was_marked_of_it(text_ink: Write) -> None:
    ink = np.asarray(cv2.resize(text_ink("PORTABLE", 56).astype(np.uint8), (500, 56))) > 0
    place, seen = Box(4, 0, 50, 520), Box(0, 10, 56, 510)
    assert place.aspect > 1.2 * 8.5
    assert explains("PORTABLE", line_of(place, (ink, seen)), 0)
    assert not explains("PORT", line_of(place, (ink, seen)), 0)


@pytest.mark.parametrize(("text", "is_explained"), [("MOBILE", True), ("PORT", False)])
def test_the_widest_type_is_explained_where_each_letter_is_seen_by_itself(
    text_ink: Write, text: str, *, is_explained: bool
) -> None:
    letters = [cv2.resize(text_ink(sign, 30).astype(np.uint8), (40, 30)) > 0 for sign in "MOBILE"]
    ink = beside(*letters, gap_px=6)
    box = Box(0, 0, *ink.shape)
    assert box.aspect > 1.2 * 6.5
    assert explains(text, line_of(box, (ink, box)), 0) is is_explained


@pytest.mark.parametrize(("text", "is_explained"), [("MOBILE", True), ("MOB ILE", True), ("MOBIL", False)])
def test_letters_of_dots_are_told_by_the_gaps_between_them(text_ink: Write, text: str, *, is_explained: bool) -> None:
    """Type of one width has gaps as wide as a space on either side of an I."""
    ink = beside(*(text_ink(sign, 60) for sign in "MOBILE"), gap_px=40)
    ink[::4] = False
    ink[:, ::4] = False
    box = Box(0, 0, *ink.shape)
    assert explains(text, line_of(box, (ink, box)), 0) is is_explained


@pytest.mark.parametrize(("text", "is_explained"), [("A\u00b7SUPINE", True), ("ASUPINE", False)])
def test_a_sign_between_words_divides_them_as_a_space_does(text_ink: Write, text: str, *, is_explained: bool) -> None:
    ink = beside(text_ink("AP", 30), text_ink("SUPINE", 30), gap_px=30)
    box = Box(0, 0, *ink.shape)
    assert explains(text, line_of(box, (ink, box)), 0) is is_explained
