"""Lone letters that are seen where no threshold takes them apart, and what is none."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.followers import signing_what_is_seen
from cxr_core.deidentify.pixels.lead_sight import CELL_PX, look_for_letters
from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.proposals import SearchImage, prepare_search
from cxr_core.deidentify.pixels.sightings import (
    Sighting,
    as_line,
    by_preference,
    clear_of,
    is_glimpsed,
    is_seen_as,
    letter_signed,
    sightings,
)
from cxr_core.deidentify.pixels.verdict import Rule, Verdict
from cxr_core.vocabulary import BoxDecision, Photometric

Draw = Callable[..., NDArray[np.uint16]]
Write = Callable[..., NDArray[np.bool_]]
_AT = 200, 200
_CERTAIN = 0.62


@pytest.fixture
def lead(noise_image: Draw, text_ink: Write) -> Callable[..., tuple[SearchImage, Box]]:
    """Draws words of lead: (text, size, offset down, offset right) each; gives the search and the first one's place."""

    def draw(*words: tuple[str, int, int, int], cut: bool = False, mirrored: bool = False) -> tuple[SearchImage, Box]:
        image = noise_image()
        alpha = np.zeros(image.shape, np.float32)
        boxes = []
        for text, size, down, right in words:
            ink = text_ink(text, size)[:, :: -1 if mirrored else 1]
            box = Box(_AT[0] + down, _AT[1] + right, _AT[0] + down + ink.shape[0], _AT[1] + right + ink.shape[1])
            alpha[box.window] = np.maximum(alpha[box.window], ink)
            boxes.append(box)
        if cut:
            middle = (boxes[0].top + boxes[0].bottom) // 2
            alpha[middle - 4 : middle + 4] = 0
        soft = cv2.GaussianBlur(alpha, (0, 0), 1.5)
        return prepare_search((image + 1500 * soft).astype(np.uint16), Photometric.MONOCHROME2), boxes[0]

    return draw


def _best(search: SearchImage, place: Box) -> Sighting | None:
    sure = [one for one in sightings(search, place) if one.certainty >= _CERTAIN]
    return by_preference(sure)[0] if sure else None


def _line(box: Box) -> Line:
    return Line(box, False, float(box.height), 1, 0.6)


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_letter_cut_in_two_by_the_bridge_of_a_stencil_is_seen(
    lead: Callable[..., tuple[SearchImage, Box]], side: str, mirrored: bool
) -> None:
    search, place = lead((side, 90, 0, 0), cut=True, mirrored=mirrored)
    seen = _best(search, place)
    assert seen is not None
    assert seen.side == side
    assert seen.box.likeness(place) >= 0.6


@pytest.mark.parametrize("word", ["LEE", "ROSS", "3R7", "RUTH"])
def test_a_letter_of_a_word_is_not_seen(lead: Callable[..., tuple[SearchImage, Box]], word: str) -> None:
    search, place = lead((word, 70, 0, 0))
    assert _best(search, place) is None


def test_initials_beside_a_letter_are_its_company_and_none_of_its_ink(
    lead: Callable[..., tuple[SearchImage, Box]],
) -> None:
    search, place = lead(("R", 100, 0, 0), ("KB", 44, 95, 10))
    seen = _best(search, place)
    assert seen is not None
    letter = as_line(search, seen, _line(place))
    assert letter is not None
    assert letter.box.likeness(place) >= 0.8
    assert len(seen.company) == 1
    assert seen.company[0].top >= place.bottom - 8


def test_a_letter_is_cut_down_where_its_rectangle_holds_what_is_not_its_ink() -> None:
    ink = np.zeros((40, 20), np.bool_)
    ink[:30] = True
    letter = Line(Box(0, 0, 80, 40), False, 80.0, 1, 0.6, 0.0, (ink,), (Box(0, 0, 80, 40),))
    assert clear_of(letter, [Box(64, 0, 90, 60)]).ink_box == Box(0, 0, 64, 40)


def test_a_letter_loses_none_of_its_ink_to_what_overlaps_with_it() -> None:
    ink = np.ones((40, 20), np.bool_)
    letter = Line(Box(0, 0, 80, 40), False, 80.0, 1, 0.6, 0.0, (ink,), (Box(0, 0, 80, 40),))
    assert clear_of(letter, [Box(64, 0, 90, 60)]) is letter


def test_a_letter_is_glimpsed_where_it_stands_and_not_in_the_ground_beside_type(
    lead: Callable[..., tuple[SearchImage, Box]],
) -> None:
    search, place = lead(("L", 90, 0, 0))
    assert is_glimpsed(search, _line(place))
    search, date = lead(("07.09.2021", 30, 0, 0), ("H", 30, 120, 140))
    assert not is_glimpsed(search, _line(Box(date.top, date.left, date.top + 150, date.left + 150)))


def _sighting(certainty: float, box: Box) -> Sighting:
    return Sighting("L", certainty, box, (), box, np.zeros((1, 1), np.float32))


def test_a_letter_is_preferred_to_its_half_that_looks_like_one() -> None:
    half, whole = _sighting(0.74, Box(40, 0, 80, 30)), _sighting(0.66, Box(0, 0, 82, 40))
    assert by_preference([half, whole]) == [whole, half]


def test_a_letter_is_preferred_to_its_foot_however_long_that_is() -> None:
    foot, whole = _sighting(0.67, Box(0, 10, 25, 93)), _sighting(0.66, Box(3, 0, 106, 85))
    assert by_preference([foot, whole]) == [whole, foot]


def test_a_letter_that_is_surely_seen_is_preferred_to_itself_with_its_initials() -> None:
    letter, both = _sighting(0.85, Box(40, 0, 140, 80)), _sighting(0.84, Box(0, 0, 200, 90))
    assert by_preference([both, letter]) == [letter, both]


def test_a_letter_was_seen_where_it_was_read_only_if_the_rectangles_are_alike() -> None:
    letter = _line(Box(0, 0, 100, 60))
    assert is_seen_as(letter, [_sighting(0.9, Box(4, 2, 104, 64))])
    assert not is_seen_as(letter, [_sighting(0.9, Box(40, 0, 140, 100))])


def test_a_letter_was_seen_though_its_serif_was_not_unless_something_stands_beside_it() -> None:
    seen = _sighting(0.9, Box(0, 20, 100, 70))
    ink = np.zeros((100, 90), np.bool_)
    ink[:, 40:60] = ink[80:, :60] = True
    serif = replace(_line(Box(0, 0, 100, 90)), inks=(ink,), ink_boxes=(Box(0, 0, 100, 90),))
    assert is_seen_as(serif, [seen])
    apart = ink.copy()
    apart[80:, 36:40] = False
    assert not is_seen_as(replace(serif, inks=(apart,)), [seen])


def test_the_answer_has_a_cell_for_every_four_pixels_begun() -> None:
    assert look_for_letters(np.full((66, 49), 90, np.uint8)).shape == (3, -(-66 // CELL_PX), -(-49 // CELL_PX))


def test_nothing_is_seen_on_bare_ground(noise_image: Draw) -> None:
    search = prepare_search(noise_image(), Photometric.MONOCHROME2)
    assert _best(search, Box(100, 100, 200, 180)) is None


@pytest.mark.parametrize(
    ("other", "is_row"),
    [
        (Box(150, 190, 200, 300), True),  # "Rex"
        (Box(150, 220, 200, 300), False),  # R, and initials half as high
        (Box(130, 220, 200, 300), True),  # R, and type that is hardly lower
        (Box(100, 220, 200, 300), True),
        (Box(150, 400, 200, 480), False),
    ],
)
def test_small_letters_close_to_a_letter_are_a_word_with_it_and_further_away_initials(
    other: Box, *, is_row: bool
) -> None:
    letter = Box(100, 110, 200, 180)
    seen = replace(_sighting(0.9, letter), beside=(other,))
    assert seen.is_of_a_row([]) is is_row


def _signing(search: SearchImage, line: Line, *verdicts: Verdict) -> list[Box]:
    return [one.line.box for one in signing_what_is_seen(search, list(verdicts), [line])]


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("at", [(30, 72), (95, 10), (-40, 20)])
def test_what_stands_small_beside_a_letter_that_nobody_read_signs_it(
    lead: Callable[..., tuple[SearchImage, Box]], side: str, at: tuple[int, int]
) -> None:
    search, initials = lead(("17", 34, *at), (side, 100, 0, 0))
    assert _signing(search, _line(initials)) == [initials]


@pytest.mark.parametrize(
    ("size", "at"), [(34, (0, 200)), (80, (0, 110))], ids=["far from it", "not much smaller than it"]
)
def test_what_is_far_from_a_letter_or_hardly_smaller_signs_nothing(
    lead: Callable[..., tuple[SearchImage, Box]], size: int, at: tuple[int, int]
) -> None:
    search, other = lead(("17", size, *at), ("L", 100, 0, 0))
    assert _signing(search, _line(other)) == []


def test_a_kept_letter_is_left_to_those_who_know_it_and_what_goes_is_not_asked_twice(
    lead: Callable[..., tuple[SearchImage, Box]],
) -> None:
    search, initials = lead(("17", 34, 30, 72), ("L", 100, 0, 0))
    letter = _line(Box(_AT[0], _AT[1], _AT[0] + 80, _AT[1] + 60))
    kept = Verdict(letter, BoxDecision.KEPT, Rule.MARKER, texts=("L",))
    gone = Verdict(_line(initials), BoxDecision.REDACTED, Rule.READ)
    assert _signing(search, _line(initials), kept) == []
    assert _signing(search, _line(initials), gone) == []


@pytest.mark.parametrize(("glyphs", "height"), [(5, 30), (2, 11)])
def test_what_is_long_or_tiny_signs_nothing(
    lead: Callable[..., tuple[SearchImage, Box]], glyphs: int, height: int
) -> None:
    search, initials = lead(("17", 34, 30, 72), ("L", 100, 0, 0))
    line = replace(_line(initials), glyphs=glyphs, line_px=float(height))
    assert _signing(search, line) == []


def test_the_rectangle_of_what_signs_a_letter_does_not_grow_over_it(
    lead: Callable[..., tuple[SearchImage, Box]],
) -> None:
    search, initials = lead(("17", 34, 30, 70), ("L", 100, 0, 0))
    (found,) = signing_what_is_seen(search, [], [_line(initials)])
    letter = letter_signed(search, initials)
    assert letter is not None
    assert found.line.line_px <= max(initials.gaps(letter))
