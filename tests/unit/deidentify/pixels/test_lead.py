"""Lead markers: the letter stays, what stands beside it goes."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.lead import beside_letter, letters_within, whole_of
from cxr_core.deidentify.pixels.model import Box, Line, extent
from cxr_core.deidentify.pixels.proposals import SearchImage, prepare_search
from cxr_core.vocabulary import Photometric

Draw = Callable[..., NDArray[np.uint16]]
Write = Callable[..., NDArray[np.bool_]]
_AT = 200


class Plate:
    """A soft image with lead on it; knows where its letter and the signs beside it lie."""

    def __init__(self, noise_image: Draw, text_ink: Write) -> None:
        self._image = noise_image()
        self._write = text_ink
        self._lead = np.zeros(self._image.shape, np.float32)
        self.letter = self.place = Box(0, 0, 0, 0)

    def put(self, text: str, size: int, at: tuple[int, int]) -> Box:
        ink = self._write(text, size)
        box = Box(at[0], at[1], at[0] + ink.shape[0], at[1] + ink.shape[1])
        self._lead[box.window] = np.maximum(self._lead[box.window], ink)
        self.place = box if self.place.area == 0 else self.place.union(box)
        return box

    def cup(self, box: Box, balls: tuple[tuple[int, int, int], ...]) -> None:
        middle = (box.left + box.right) // 2, (box.top + box.bottom) // 2
        cv2.ellipse(self._lead, (middle, (box.width, box.height), 0), 1.0, 4)
        for x, y, radius in balls:
            cv2.circle(self._lead, (middle[0] + x, middle[1] + y), radius, 1.0, -1)

    def cut_out_of_a_disc(self, centre: tuple[int, int], radius: int) -> None:
        disc = np.zeros_like(self._lead)
        cv2.circle(disc, centre[::-1], radius, 1.0, -1)
        self._lead = np.maximum(disc - self._lead, 0)

    def strokes(self, at: tuple[int, int], strokes: tuple[tuple[int, int, int, int], ...]) -> Box:
        """A letter of upright strokes: first and last column, first and last row of each."""
        for left, right, top, bottom in strokes:
            self._lead[at[0] + top : at[0] + bottom, at[1] + left : at[1] + right] = 1
        self.place = Box(at[0], at[1], at[0] + max(one[3] for one in strokes), at[1] + max(one[1] for one in strokes))
        return self.place

    def ring(self, centre: tuple[int, int], radius: int) -> None:
        cv2.circle(self._lead, centre, radius, 1.0, 4)

    @property
    def search(self) -> SearchImage:
        lead = cv2.GaussianBlur(self._lead, (0, 0), 1.2)
        return prepare_search((self._image + 1500 * lead).astype(np.uint16), Photometric.MONOCHROME2)

    def line(self, box: Box) -> Line:
        ink = np.ascontiguousarray(self._lead[box.window] > 0.5)
        return Line(box, False, float(box.height), 1, 0.6, 0.0, (ink,), (box,))


@pytest.fixture
def plate(noise_image: Draw, text_ink: Write) -> Plate:
    return Plate(noise_image, text_ink)


def overlap(one: Box, other: Box) -> float:
    return one.intersection(other) / one.union(other).area


@pytest.mark.parametrize("at", [(_AT + 70, _AT), (_AT - 40, _AT + 4), (_AT + 8, _AT + 60)])
def test_the_letter_is_told_from_initials_around_it(plate: Plate, at: tuple[int, int]) -> None:
    letter = plate.put("R", 64, (_AT, _AT))
    plate.put("KB", 26, at)
    found = [line.box for line in letters_within(plate.search, plate.line(plate.place))]
    assert overlap(found[0], letter) > 0.75


def test_a_tall_letter_at_the_edge_of_the_image_is_found(plate: Plate) -> None:
    letter = plate.strokes((_AT, 6), ((0, 14, 0, 100), (0, 36, 86, 100)))
    found = letters_within(plate.search, plate.line(letter))
    assert max(overlap(one.box, letter) for one in found) >= 0.8


def test_the_letter_in_a_ring_is_found(plate: Plate) -> None:
    letter = plate.put("L", 50, (_AT, _AT))
    plate.ring((_AT + 14, _AT + 20), 48)
    place = letter.grown(20, (480, 520))
    assert any(overlap(line.box, letter) > 0.75 for line in letters_within(plate.search, plate.line(place)))


@pytest.mark.parametrize("balls", [((-5, 8, 4), (6, 9, 4)), ((0, 13, 8),)])  # loose, and one that lies against the rim
def test_a_cup_with_balls_is_no_letter_beside_the_letter(plate: Plate, balls: tuple[tuple[int, int, int], ...]) -> None:
    letter = plate.put("R", 60, (_AT, _AT))
    cup = Box(_AT + 4, _AT - 70, _AT + 52, _AT - 22)
    plate.cup(cup, balls)
    found = [line.box for line in letters_within(plate.search, plate.line(letter.union(cup)))]
    assert any(overlap(box, letter) > 0.75 for box in found)


def test_an_empty_cup_may_be_the_next_letter(plate: Plate) -> None:
    letter = plate.put("L", 60, (_AT, _AT))
    cup = Box(_AT + 4, _AT + 50, _AT + 48, _AT + 94)
    plate.cup(cup, ())
    found = [line.box for line in letters_within(plate.search, plate.line(letter.union(cup)))]
    assert not any(overlap(box, letter) > 0.3 for box in found)


def test_the_dark_letter_in_a_bright_disc_is_found(plate: Plate) -> None:
    letter = plate.put("R", 60, (_AT, _AT))
    initials = plate.put("BL", 24, (_AT + 14, _AT + 56))
    plate.cut_out_of_a_disc((_AT + 40, _AT + 24), 70)
    place = letter.union(initials).grown(6, (480, 520))
    assert any(overlap(line.box, letter) > 0.75 for line in letters_within(plate.search, plate.line(place)))


def test_initials_that_run_together_across_the_end_of_a_letter_are_another_line(plate: Plate) -> None:
    letter = plate.put("L", 64, (_AT, _AT))
    box = plate.put("JTP", 28, (_AT + 56, _AT - 8))
    plate._lead[box.window] = cv2.dilate(plate._lead[box.window], np.ones((1, 7)))
    found = [line.box for line in letters_within(plate.search, plate.line(letter.union(box)))]
    assert any(overlap(one, letter) > 0.75 for one in found)


def test_a_row_of_lower_letters_across_the_end_of_a_letter_is_another_line(plate: Plate) -> None:
    letter = plate.put("L", 64, (_AT, _AT))
    below = plate.put("EI", 48, (_AT + 58, _AT - 4))
    found = [line.box for line in letters_within(plate.search, plate.line(letter.union(below)))]
    assert any(overlap(one, letter) > 0.75 for one in found)


@pytest.mark.parametrize("names", [("L", "EI"), ("LI", "ON")])
def test_of_lines_of_one_size_no_letter_is_freed(plate: Plate, names: tuple[str, str]) -> None:
    first = plate.put(names[0], 48, (_AT, _AT))
    below = plate.put(names[1], 48, (_AT + 46, _AT))
    letter = replace(first, right=first.left + first.width // len(names[0]))
    found = [line.box for line in letters_within(plate.search, plate.line(first.union(below)))]
    assert not any(overlap(one, letter) > 0.4 for one in found)


def test_two_signs_of_a_line_that_run_into_one_are_no_letter(plate: Plate) -> None:
    first = plate.put("0", 34, (_AT, _AT - 40))
    sign = Box(first.top, _AT, first.bottom, _AT + 38)
    plate._lead[sign.top : sign.bottom, sign.right - 8 : sign.right] = 1.0
    plate._lead[sign.bottom - 8 : sign.bottom, sign.left : sign.right] = 1.0
    last = plate.put("4", 34, (_AT, _AT + 50))
    place = first.union(sign).union(last)
    assert not any(overlap(line.box, sign) > 0.5 for line in letters_within(plate.search, plate.line(place)))


def test_a_wide_initial_in_the_row_of_a_letter_is_no_letter_of_its_word(plate: Plate) -> None:
    """`M` is as wide as a lead letter is high by half; what tells is how high it is."""
    letter = plate.put("R", 60, (_AT, 200))
    plate.put("MW", 30, (_AT, 200 + letter.width + 26))
    found = letters_within(plate.search, plate.line(plate.place))
    assert max(overlap(one.box, letter) for one in found) >= 0.8


@pytest.mark.parametrize("is_known", [True, False])
def test_the_letter_beside_a_marker_that_was_read_is_found(plate: Plate, *, is_known: bool) -> None:
    letter = plate.put("R", 56, (_AT, _AT))
    word = plate.put("AP", 48, (_AT + 4, _AT + 56))
    known = (word.grown(2, (480, 520)),) if is_known else ()
    found = [line.box for line in letters_within(plate.search, plate.line(letter.union(word)), known)]
    assert any(overlap(one, letter) > 0.75 for one in found) is is_known


@pytest.mark.parametrize("name", ["Wu, {R}", "Mo, {L}", "{L}. Wu", "{R} Li", "Rea, {L}"])
def test_a_name_leaves_no_initial(plate: Plate, name: str) -> None:
    whole = plate.put(name.replace("{", "").replace("}", ""), 40, (_AT, _AT))
    width = whole.width // 4
    start = whole.left if name.startswith("{") else whole.right - width
    initial = Box(whole.top, start, whole.bottom, start + width)
    found = [line.box for line in letters_within(plate.search, plate.line(whole))]
    assert not any(overlap(box, initial) > 0.4 for box in found)


@pytest.mark.parametrize("name", ["LEE", "Li", "RUTH", "Lee", "RL", "Rana", "Lu", "Leu", "Ron"])
def test_a_name_leaves_no_letter(plate: Plate, name: str) -> None:
    whole = plate.put(name, 48, (_AT, _AT))
    found = [line.box for line in letters_within(plate.search, plate.line(whole))]
    first = Box(whole.top, whole.left, whole.bottom, whole.left + whole.width // 2)
    assert not any(overlap(box, first) > 0.3 for box in found)


@pytest.mark.parametrize("at", [(_AT + 70, _AT), (_AT - 40, _AT + 4), (_AT + 8, _AT + 60)])
def test_initials_beside_a_letter_are_found(plate: Plate, at: tuple[int, int]) -> None:
    letter = plate.put("L", 64, (_AT, _AT))
    initials = plate.put("KB", 26, at)
    found = beside_letter(plate.search, plate.line(letter))
    assert len(found) == 1
    assert initials.intersection(found[0].box) > 0.9 * initials.area
    assert not found[0].box.intersection(letter)


def test_nothing_stands_beside_a_letter_alone(plate: Plate) -> None:
    letter = plate.put("R", 64, (_AT, _AT))
    assert beside_letter(plate.search, plate.line(letter)) == []
    assert beside_letter(plate.search, replace(plate.line(letter), inks=())) == []


def test_a_ring_an_arrow_and_a_bead_are_no_initials(plate: Plate) -> None:
    letter = plate.put("R", 40, (_AT, _AT))
    plate.ring((_AT + 14, _AT + 14), 40)
    cv2.circle(plate._lead, (_AT + 14, _AT - 50), 10, 1.0, -1)
    cv2.arrowedLine(plate._lead, (_AT - 50, _AT + 40), (_AT - 50, _AT - 10), 1.0, 5, tipLength=0.35)
    assert beside_letter(plate.search, plate.line(letter)) == []


@pytest.mark.parametrize("degrees", [0, 16])
def test_an_l_with_serifs_is_a_letter_and_no_arrow(plate: Plate, degrees: float) -> None:
    canvas = np.zeros((180, 180), np.float32)
    for top, left, bottom, right in ((20, 50, 34, 90), (20, 60, 150, 80), (126, 46, 150, 136), (104, 120, 150, 136)):
        canvas[top:bottom, left:right] = 1.0
    canvas = cv2.warpAffine(canvas, cv2.getRotationMatrix2D((90, 90), degrees, 1), (180, 180))
    place = Box(_AT, _AT, _AT + 180, _AT + 180)
    plate._lead[place.window] = canvas
    letter = extent(plate._lead > 0.5)
    assert any(overlap(line.box, letter) > 0.75 for line in letters_within(plate.search, plate.line(letter)))


@pytest.mark.parametrize("degrees", [-24, 0, 24])
@pytest.mark.parametrize("thicker_px", [3, 9])
def test_the_holes_of_a_letter_are_no_letters_of_a_word(plate: Plate, degrees: float, thicker_px: int) -> None:
    letter = plate.put("R", 110, (_AT, _AT)).grown(30, (480, 520))
    canvas = cv2.dilate(plate._lead[letter.window], np.ones((thicker_px,) * 2))
    turn = cv2.getRotationMatrix2D((letter.width / 2, letter.height / 2), degrees, 1)
    plate._lead[letter.window] = cv2.warpAffine(canvas, turn, (letter.width, letter.height))
    letter = extent(plate._lead > 0.5)
    assert any(overlap(line.box, letter) > 0.75 for line in letters_within(plate.search, plate.line(letter)))


def test_one_sign_that_looks_like_type_close_to_a_letter_is_found(plate: Plate) -> None:
    letter = plate.put("R", 64, (_AT, _AT))
    initial = plate.put("K", 26, (_AT + 20, _AT + 56))
    found = beside_letter(plate.search, plate.line(letter))
    assert [one.box.intersection(initial) > 0.9 * initial.area for one in found] == [True]


def test_one_sign_far_from_a_letter_is_left(plate: Plate) -> None:
    letter = plate.put("R", 64, (_AT, _AT))
    plate.put("K", 26, (_AT + 20, _AT + 130))
    assert beside_letter(plate.search, plate.line(letter)) == []


def test_the_first_letter_of_a_word_is_looked_beside_but_not_freed(plate: Plate) -> None:
    whole = plate.put("Lee", 48, (_AT, _AT))
    first = Box(whole.top, whole.left, whole.bottom, whole.left + whole.width // 3)
    place = plate.line(whole)
    beside, freed = (letters_within(plate.search, place, in_words=both) for both in (True, False))
    assert any(overlap(line.box, first) > 0.6 for line in beside)
    assert not any(overlap(line.box, first) > 0.3 for line in freed)


def test_the_foot_of_a_bold_letter_is_no_letter(plate: Plate) -> None:
    strokes = (0, 60, 0, 10), (14, 46, 0, 132), (0, 90, 122, 132), (76, 90, 84, 132), (62, 76, 108, 132)
    letter = plate.strokes((_AT, _AT), strokes)
    found = [line.box for line in letters_within(plate.search, plate.line(letter))]
    assert found
    assert all(overlap(box, letter) > 0.85 for box in found)


def test_the_rest_of_a_bold_letter_is_found_from_its_foot(plate: Plate) -> None:
    whole = plate.strokes((180, 200), ((10, 45, 0, 120), (0, 60, 0, 8), (10, 90, 108, 120), (78, 90, 70, 120)))
    foot = Box(240, 246, 300, 290)
    found = whole_of(plate.search, plate.line(foot))
    assert found is not None
    assert overlap(found.box, whole) > 0.9


def test_a_whole_letter_is_a_piece_of_nothing_be_it_in_a_ring(plate: Plate) -> None:
    letter = plate.put("L", 90, (_AT, _AT))
    plate.ring(((letter.left + letter.right) // 2, (letter.top + letter.bottom) // 2), 70)
    assert whole_of(plate.search, plate.line(letter)) is None


def test_initials_are_no_piece_of_the_letter_beside_them(plate: Plate) -> None:
    letter = plate.put("R", 120, (150, 150))
    small = plate.put("L", 50, (letter.bottom - 36, letter.right + 12))
    assert whole_of(plate.search, plate.line(small)) is None
