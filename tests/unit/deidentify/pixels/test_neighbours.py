"""Lines beside, below and inside one another."""

from dataclasses import replace

import numpy as np
import pytest

from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.neighbours import (
    accompanies,
    adjoins,
    hanging_on,
    initials_of,
    initials_of_doubtful,
    ink_outside,
    ink_shared,
    is_block,
    is_initial_of,
    is_of_its_ink,
    rows_of_letters,
    stands_in_a_table,
    touches,
)


def line(box: Box, glyphs: int, probability: float = 0.9) -> Line:
    ink = np.ones((box.height, box.width), np.bool_)
    return Line(box, False, float(box.height), glyphs, probability, 1.0, (ink,), (box,))


LETTER = line(Box(200, 200, 240, 230), 1)


@pytest.mark.parametrize(
    ("box", "is_company"),
    [
        (Box(250, 200, 266, 235), True),  # below
        (Box(210, 250, 226, 290), True),  # beside
        (Box(160, 205, 180, 240), True),  # above
        (Box(400, 200, 416, 235), False),  # far away
        (Box(250, 200, 300, 245), False),  # no smaller than the letter
        (Box(250, 200, 253, 203), False),  # a speck
        (Box(210, 205, 226, 225), False),  # the letter itself, seen again
    ],
)
def test_initials_are_smaller_letters_close_to_a_lone_letter(box: Box, is_company: bool) -> None:
    assert accompanies(line(box, 2), LETTER) is is_company


@pytest.mark.parametrize(
    ("box", "is_initial"),
    [
        (Box(205, 234, 225, 250), True),  # J beside L
        (Box(200, 234, 238, 262), False),  # as large: the other side
        (Box(205, 280, 225, 296), False),  # further away than the letter is high
    ],
)
def test_a_small_letter_beside_a_kept_one_is_an_initial(box: Box, *, is_initial: bool) -> None:
    assert is_initial_of(line(box, 1), LETTER) is is_initial


def test_a_stroke_of_a_letter_is_no_initial_of_another() -> None:
    doubtful, letter = line(Box(300, 200, 330, 222), 2), line(Box(250, 200, 296, 232), 1)
    stroke = line(Box(252, 200, 290, 208), 1)
    assert initials_of_doubtful([doubtful], [stroke]) == [stroke]
    assert initials_of_doubtful([doubtful], [stroke, letter]) == []


def test_what_is_small_and_many_of_its_heights_away_is_no_initial() -> None:
    lead, typed = line(Box(87, 227, 250, 313), 1), line(Box(357, 64, 385, 88), 1)
    assert not is_initial_of(typed, lead)


@pytest.mark.parametrize(
    ("stick", "goes"),
    [
        (Box(200, 236, 240, 243), True),  # "Li"
        (Box(200, 187, 240, 194), True),
        (Box(200, 250, 240, 257), False),  # a space away
        (Box(200, 236, 270, 243), False),  # higher than the letter: a side of its frame
    ],
)
def test_a_letter_right_beside_a_removed_thin_one_of_its_height_goes(stick: Box, *, goes: bool) -> None:
    thin = replace(line(stick, 2), is_vertical=True, line_px=float(stick.width))
    assert adjoins(LETTER, thin) is goes


def test_beside_what_is_too_large_for_a_letter_stands_no_initial() -> None:
    assert not is_initial_of(line(Box(205, 234, 225, 250), 1), line(Box(0, 260, 360, 620), 1))


def test_a_letter_of_the_size_of_a_removed_name_goes_and_larger_lead_stays() -> None:
    name = line(Box(200, 100, 230, 190), 6)
    assert adjoins(line(Box(200, 200, 232, 225), 1), name)
    assert not adjoins(line(Box(190, 200, 250, 240), 1), name)


def test_a_narrow_letter_below_a_line_of_its_height_goes_with_it() -> None:
    date, letter = line(Box(63, 46, 99, 167), 8), line(Box(112, 48, 139, 64), 1)
    assert adjoins(replace(letter, is_vertical=True, line_px=16.0), date)


@pytest.mark.parametrize(
    ("gap_px", "height_px", "goes"), [(38, 20, True), (44, 20, False), (38, 32, False), (24, 24, True)]
)
def test_an_initial_a_wide_space_away_goes_with_its_name(gap_px: int, height_px: int, *, goes: bool) -> None:
    name = line(Box(100, 100, 120, 160), 3)
    initial = line(Box(100, 160 + gap_px, 100 + height_px, 160 + gap_px + 14), 1)
    assert adjoins(initial, name) is goes


@pytest.mark.parametrize(("gap_px", "goes"), [(56, True), (90, False)])
def test_after_type_of_wide_letters_the_space_is_wider(gap_px: int, *, goes: bool) -> None:
    ink = np.zeros((20, 175), np.bool_)
    for left in range(0, 175, 37):
        ink[:, left : left + 27] = True
    box = Box(100, 100, 120, 275)
    name = Line(box, False, 20.0, 9, 0.9, 0.0, (ink,), (box,))
    assert adjoins(line(Box(100, 275 + gap_px, 120, 275 + gap_px + 24), 1), name) is goes


def test_what_looks_like_type_and_hangs_on_a_removed_place_goes_piece_by_piece() -> None:
    gone = line(Box(100, 100, 120, 200), 8)
    touching, next_one = line(Box(122, 100, 142, 116), 1, 0.6), line(Box(144, 100, 164, 116), 1, 0.6)
    apart, doubtful = line(Box(122, 150, 142, 166), 1, 0.4), line(Box(180, 100, 200, 116), 1, 0.6)
    assert hanging_on([next_one, apart, doubtful, touching], [gone]) == [touching, next_one]


def test_ink_in_two_kept_boxes_leaves_nothing_over() -> None:
    both = line(Box(0, 0, 60, 100), 8)
    assert ink_outside(both, [Box(0, 0, 30, 100), Box(30, 0, 60, 100)]) == 0.0
    assert ink_outside(both, [Box(0, 0, 30, 100)]) == 0.5
    assert ink_outside(Line(both.box, False, 60.0, 8, 0.9), [both.box]) == 1.0


def test_a_place_in_the_ink_of_a_letter_is_of_it_and_the_ground_beside_its_foot_is_not() -> None:
    ink = np.zeros((40, 30), np.bool_)
    ink[:, :10] = ink[30:] = True
    letter = replace(LETTER, inks=(ink,))
    assert is_of_its_ink(Box(205, 200, 225, 218), letter)
    assert not is_of_its_ink(Box(202, 212, 226, 230), letter)
    assert not is_of_its_ink(Box(190, 190, 230, 215), letter)
    assert not is_of_its_ink(Box(205, 200, 225, 218), replace(LETTER, inks=()))


@pytest.fixture
def letter_and_its_hole() -> tuple[Line, Line]:
    """A bold letter at half the resolution of its hole."""
    letter, hole = np.ones((20, 15), np.bool_), np.ones((12, 10), np.bool_)
    letter[5:11, 5:10] = False
    whole, within = Box(100, 200, 140, 230), Box(110, 210, 122, 220)
    return replace(line(whole, 1), inks=(letter,), ink_boxes=(whole,)), replace(
        line(within, 1), inks=(hole,), ink_boxes=(within,)
    )


def test_ink_is_shared_by_what_covers_the_same_pixels_at_any_resolution(
    letter_and_its_hole: tuple[Line, Line],
) -> None:
    letter, hole = letter_and_its_hole
    beside = replace(hole, ink_boxes=(Box(110, 240, 122, 250),))
    assert (ink_shared(letter, letter), ink_shared(hole, letter), ink_shared(letter, hole)) == (1.0, 0.0, 0.0)
    assert (ink_shared(beside, letter), ink_shared(replace(letter, inks=()), hole)) == (0.0, 0.0)


@pytest.mark.parametrize("is_vertical", [False, True])
def test_letters_in_a_row_or_column_are_one_line(is_vertical: bool) -> None:
    row = [Box(100, 100 + 50 * index, 140, 130 + 50 * index) for index in range(4)]
    letters = [line(box.transposed if is_vertical else box, 1) for box in row]
    whole = Box(100, 100, 140, 280)
    found = rows_of_letters(letters)
    assert [(one.box, one.is_vertical) for one in found] == [(whole.transposed if is_vertical else whole, is_vertical)]
    assert rows_of_letters(letters[:2]) == []


def test_a_thin_letter_and_a_longer_piece_belong_to_a_row_of_letters() -> None:
    column = [Box(100, 50, 130, 90), Box(150, 50, 180, 90), Box(200, 50, 214, 90), Box(230, 50, 260, 90)]
    piece = Box(280, 50, 400, 90)
    found = rows_of_letters([line(box, 1) for box in [*column, piece]])
    assert [(one.box, one.is_vertical) for one in found] == [(Box(100, 50, 400, 90), True)]


def test_short_lines_of_a_block_are_no_column_of_letters() -> None:
    block = [Box(100 + 40 * index, 50, 130 + 40 * index, 150) for index in range(3)]
    assert rows_of_letters([line(box, 4) for box in block]) == []


def test_a_letter_with_many_companions_is_texture() -> None:
    around = [line(Box(250 + 20 * index, 200, 266 + 20 * index, 235), 2) for index in range(2)]
    assert initials_of([LETTER], around) == around
    assert initials_of([LETTER], around * 2) == []


def test_a_line_that_runs_across_another_is_not_its_end() -> None:
    name = line(Box(200, 100, 230, 300), 9)
    box = Box(200, 310, 300, 330)
    assert adjoins(Line(box, False, 20.0, 6, 0.9), name)
    assert not adjoins(Line(box, True, 20.0, 6, 0.9), name)


def test_words_touch_where_less_than_a_space_divides_them() -> None:
    name = line(Box(200, 100, 230, 200), 6)
    assert touches(line(Box(200, 206, 230, 300), 6), name)
    assert not touches(line(Box(200, 214, 230, 300), 6), name)


def test_a_place_that_holds_two_lines_is_a_block() -> None:
    upper, lower = line(Box(100, 100, 120, 300), 9), line(Box(130, 100, 150, 260), 7)
    whole = line(Box(98, 96, 152, 304), 9)
    assert is_block(whole, [whole, upper, lower])
    assert not is_block(whole, [whole, upper])
    assert not is_block(upper, [whole, upper, lower])


@pytest.mark.parametrize(
    ("box", "is_value"),
    [
        (Box(140, 300, 160, 315), True),  # a lone letter in the row of the label, below a value
        (Box(140, 340, 160, 355), False),  # in no column
        (Box(170, 300, 190, 315), False),  # in no row
        (Box(130, 300, 170, 330), False),  # twice as high
        (Box(140, 500, 160, 515), False),  # too far from its label
    ],
)
def test_the_value_of_a_label_stands_in_its_row_and_in_the_column_of_another(box: Box, is_value: bool) -> None:
    label, other = line(Box(140, 100, 160, 150), 3), line(Box(100, 300, 120, 420), 8)
    assert stands_in_a_table(line(box, 1), [label, other]) is is_value
    assert not stands_in_a_table(line(box, 1), [label])
