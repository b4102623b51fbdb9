"""Larger shapes beside small type that goes: what its margin leaves alone."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.bystanders import with_bystanders
from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.proposals import SearchImage, prepare_search
from cxr_core.deidentify.pixels.redaction import boxes_to_redact
from cxr_core.deidentify.pixels.verdict import Rule, Verdict
from cxr_core.vocabulary import BoxDecision, Photometric

Draw = Callable[..., NDArray[np.uint16]]
Write = Callable[..., NDArray[np.bool_]]
SHAPE = (480, 520)
INITIALS = Box(250, 232, 290, 300)


@pytest.fixture
def lead(noise_image: Draw, text_ink: Write) -> Callable[[str, int, int], tuple[SearchImage, Box]]:
    """Blurred initials, and a letter of a size whose right edge stands so far from them; gives where it stands."""

    def draw(letter: str, size: int, gap: int) -> tuple[SearchImage, Box]:
        image = noise_image()
        ink, small = text_ink(letter, size), text_ink("JK", 52)
        box = Box(290 - ink.shape[0], INITIALS.left - gap - ink.shape[1], 290, INITIALS.left - gap)
        for where, drawn in ((box.top, box.left), ink), ((INITIALS.top, INITIALS.left), small):
            plane = np.zeros(SHAPE, np.float32)
            plane[where[0] : where[0] + drawn.shape[0], where[1] : where[1] + drawn.shape[1]] = drawn
            image = np.maximum(image, (3400 * cv2.GaussianBlur(plane, (0, 0), 1.5)).astype(np.uint16))
        return prepare_search(image, Photometric.MONOCHROME2), box

    return draw


def removed(rule: Rule = Rule.TEXT) -> Verdict:
    return Verdict(Line(INITIALS, False, float(INITIALS.height), 2, 0.8), BoxDecision.REDACTED, rule)


def blacked(verdict: Verdict) -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, np.bool_)
    for box, _ in boxes_to_redact([verdict], SHAPE):
        mask[box.window] = True
    return mask


@pytest.mark.parametrize("letter", ["L", "R"])
def test_the_margin_of_initials_does_not_reach_over_the_letter_beside_them(
    lead: Callable[[str, int, int], tuple[SearchImage, Box]], letter: str
) -> None:
    search, box = lead(letter, 130, 4)
    [alone], [beside] = [removed()], with_bystanders(search, [removed()])
    assert blacked(alone)[box.window].any()
    assert not blacked(beside)[box.window][:, :-3].any()
    assert blacked(beside)[INITIALS.window].all()


def test_type_of_its_own_size_is_not_spared_nor_is_anything_beside_what_says_who_it_is(
    lead: Callable[[str, int, int], tuple[SearchImage, Box]],
) -> None:
    search, _ = lead("L", 52, 4)
    assert with_bystanders(search, [removed()])[0].spares == ()
    search, _ = lead("L", 130, 4)
    assert with_bystanders(search, [removed(Rule.IDENTIFIER)])[0].spares == ()


def test_a_letter_that_reaches_into_the_rectangle_is_not_spared(
    lead: Callable[[str, int, int], tuple[SearchImage, Box]],
) -> None:
    search, box = lead("L", 130, -6)
    [verdict] = with_bystanders(search, [removed()])
    assert not any(one.intersection(box) for one in verdict.spares)
