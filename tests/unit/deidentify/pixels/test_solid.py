"""Lines of type that lie like a letter are no letter; a ring or initials do not make many parts of one."""

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
    assert not is_one_sign(search_of(np.maximum(drawn, upright)), whole())


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


def test_a_small_letter_is_not_looked_at() -> None:
    assert is_one_sign(search_of(blank()), whole(Box(20, 20, 60, 60)))
