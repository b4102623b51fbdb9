"""Lines of type that lie like a letter are no letter; a ring or initials do not make many parts of one."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.proposals import SearchImage, prepare_search
from cxr_core.deidentify.pixels.solid import is_one_sign
from cxr_core.vocabulary import Photometric

SIDE = 480


def search_of(drawing: NDArray[np.uint8]) -> SearchImage:
    noise = np.random.default_rng(7).normal(0, 4, drawing.shape)
    stored = np.clip(400 + 3.0 * drawing + noise, 0, 1023).astype(np.uint16)
    return prepare_search(stored, Photometric.MONOCHROME2)


WHOLE = Box(20, 20, SIDE - 20, SIDE - 20)


def whole(box: Box = WHOLE) -> Line:
    return Line(box, is_vertical=False, line_px=box.height, glyphs=1, probability=0.9, constancy=0.0)


def blank() -> NDArray[np.uint8]:
    return np.zeros((SIDE, SIDE), np.uint8)


def letter(thickness: int = 40) -> NDArray[np.uint8]:
    drawn = blank()
    cv2.line(drawn, (120, 100), (120, 380), 200, thickness)
    cv2.line(drawn, (120, 380), (330, 380), 200, thickness)
    return drawn


def test_two_lines_of_type_that_meet_in_a_corner_are_no_letter() -> None:
    drawn = blank()
    cv2.putText(drawn, "PA UPRIGHT", (40, 80), cv2.FONT_HERSHEY_SIMPLEX, 1.6, 255, 3)
    upright = np.ascontiguousarray(np.rot90(drawn))
    both = np.maximum(drawn, upright)
    assert not is_one_sign(search_of(both), whole())
    seen = replace(whole(), inks=(both[WHOLE.window] > 0,), ink_boxes=(WHOLE,))
    assert not is_one_sign(search_of(both), seen)


@pytest.mark.parametrize("thickness", [14, 40])
def test_a_letter_is_one_sign(thickness: int) -> None:
    assert is_one_sign(search_of(letter(thickness)), whole())


def test_a_letter_in_a_ring_is_one_sign() -> None:
    drawn = letter(24)
    cv2.circle(drawn, (SIDE // 2, SIDE // 2), 210, 200, 12)
    assert is_one_sign(search_of(drawn), whole())


def test_a_letter_with_initials_beside_it_is_one_sign() -> None:
    drawn = letter(40)
    cv2.putText(drawn, "RBN", (230, 250), cv2.FONT_HERSHEY_SIMPLEX, 1.5, 200, 6)
    assert is_one_sign(search_of(drawn), whole())


def test_a_bold_letter_that_leaves_little_ground_is_one_sign() -> None:
    drawn = blank()
    drawn[100:380, 130:350] = 200
    for top, left, bottom, right in ((140, 190, 200, 260), (240, 320, 290, 350), (270, 130, 380, 150)):
        drawn[top:bottom, left:right] = 0
    drawn[320:380, 210:270] = drawn[100:140, 310:350] = 0  # five places of ground: in an R, and around it
    box = Box(100, 130, 380, 350)
    line = replace(whole(box), inks=(np.ascontiguousarray(drawn[box.window] > 0),), ink_boxes=(box,))
    assert is_one_sign(search_of(drawn), line)


def test_a_small_letter_is_not_looked_at() -> None:
    assert is_one_sign(search_of(blank()), whole(Box(20, 20, 60, 60)))
