"""Words of lead: set straight and told from what stands beside them; a name leaves no word."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels import cascade
from cxr_core.deidentify.pixels.bench import Bench
from cxr_core.deidentify.pixels.cut_outs import lead_words
from cxr_core.deidentify.pixels.cutting import judge_lead_word
from cxr_core.deidentify.pixels.lead import beside_letter
from cxr_core.deidentify.pixels.lead_words import LeadWord, words_within
from cxr_core.deidentify.pixels.model import Box, Line, PixelResult, TextReader, extent
from cxr_core.deidentify.pixels.proposals import prepare_search
from cxr_core.deidentify.pixels.reading import Desk, Memo
from cxr_core.deidentify.pixels.verdict import Rule, Verdict, is_lead
from cxr_core.deidentify.pixels.wording import Identifiers
from cxr_core.policy.markers import load_marker_policy
from cxr_core.vocabulary import BoxDecision, Photometric

Draw = Callable[..., NDArray[np.uint16]]
Write = Callable[..., NDArray[np.bool_]]
Piece = tuple[str, int, tuple[int, int]]
"""Text, size, and where its upper left corner lies from that of the word."""


class Lead:
    """Pieces of lead, turned together; knows which ink is whose."""

    def __init__(self, image: NDArray[np.uint16], write: Write, pieces: tuple[Piece, ...], degrees: float) -> None:
        self._image = image
        self.inks = [self._turned(write(text, size), at, degrees) for text, size, at in pieces]

    def _turned(self, ink: NDArray[np.bool_], at: tuple[int, int], degrees: float) -> NDArray[np.bool_]:
        rows, columns = self._image.shape
        flat = np.zeros((rows, columns), np.uint8)
        top, left = rows // 2 + at[0], 150 + at[1]
        flat[top : top + ink.shape[0], left : left + ink.shape[1]] = ink * np.uint8(255)
        turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), degrees, 1)
        return np.asarray(cv2.warpAffine(flat, turn, (columns, rows)) > 127, dtype=np.bool_)

    @property
    def stored(self) -> NDArray[np.uint16]:
        drawn = np.any(self.inks, axis=0).astype(np.float32)
        return (self._image + 1500 * cv2.GaussianBlur(drawn, (0, 0), 1.0)).astype(np.uint16)

    def words(self) -> list[LeadWord]:
        box = extent(np.any(self.inks, axis=0))
        place = Line(box, False, float(box.height), 4, 0.7)
        return list(words_within(prepare_search(self.stored, Photometric.MONOCHROME2), place))


@pytest.fixture
def lead(noise_image: Draw, text_ink: Write) -> Callable[..., Lead]:
    def draw(*pieces: Piece, degrees: float = 0) -> Lead:
        return Lead(noise_image(), text_ink, pieces, degrees)

    return draw


def overlap(one: Box, other: Box) -> float:
    return one.intersection(other) / one.union(other).area


UPRIGHT = ("UPRIGHT", 40, (0, 0))


@pytest.mark.parametrize("degrees", [0, -14, 9, 25, 90])
@pytest.mark.parametrize("beside", [("KB", 20, (14, 220)), ("KB", 20, (44, 60)), ("712", 22, (-30, 20))])
def test_a_word_is_told_from_initials_beside_it(lead: Callable[..., Lead], beside: Piece, degrees: float) -> None:
    drawn = lead(UPRIGHT, beside, degrees=degrees)
    word = drawn.words()[0]
    assert overlap(word.place.box, extent(drawn.inks[0])) > 0.85


@pytest.mark.parametrize("degrees", [-22, -14, 9, 25])
def test_a_word_askew_is_set_straight_and_kept_letter_by_letter(lead: Callable[..., Lead], degrees: float) -> None:
    word = lead(UPRIGHT, degrees=degrees).words()[0]
    assert (word.is_askew, len(word.pieces)) == (True, 7)
    assert word.level.box.aspect == pytest.approx(lead(UPRIGHT).words()[0].level.box.aspect, rel=0.12)


def test_a_level_word_is_kept_as_a_whole(lead: Callable[..., Lead]) -> None:
    word = lead(UPRIGHT).words()[0]
    assert (word.is_askew, word.pieces) == (False, (word.place,))


@pytest.mark.parametrize(
    "name", ["PORT Anna", "PORT, Al", "PAul", "LTd", "Erect Ono", "PORT A", "Port", "RTE 4", "SEMI Ito", "LAT lu"]
)
def test_a_name_leaves_no_word(lead: Callable[..., Lead], name: str) -> None:
    drawn = lead((name, 36, (0, 0)))
    whole = extent(drawn.inks[0])
    assert not any(word.place.box.width < 0.85 * whole.width for word in drawn.words())


def test_a_capital_with_smaller_ones_close_to_it_is_a_name_in_small_capitals(lead: Callable[..., Lead]) -> None:
    assert lead(("PA", 40, (0, 0)), ("UL", 28, (8, 50))).words() == []


@pytest.mark.parametrize("degrees", [0, -14, 12])
def test_the_word_below_a_larger_letter_is_found(lead: Callable[..., Lead], degrees: float) -> None:
    drawn = lead(("ERECT", 36, (0, 0)), ("R", 72, (-80, 40)), degrees=degrees)
    assert any(overlap(word.place.box, extent(drawn.inks[0])) > 0.85 for word in drawn.words())


def test_a_name_that_begins_with_a_larger_letter_leaves_no_word(lead: Callable[..., Lead]) -> None:
    assert lead(("PA", 40, (0, 0)), ("S", 60, (-16, -40))).words() == []


@pytest.mark.parametrize(("size", "is_word"), [(22, True), (32, False)])
def test_only_what_is_too_low_for_small_letters_may_stand_close_to_a_short_word(
    lead: Callable[..., Lead], size: int, *, is_word: bool
) -> None:
    drawn = lead(("RT", 44, (0, 0)), ("KB", size, (12, 64)))
    assert any(overlap(word.place.box, extent(drawn.inks[0])) > 0.85 for word in drawn.words()) is is_word


@pytest.mark.parametrize("degrees", [0, -14])
@pytest.mark.parametrize("size", [240, 340])
def test_a_bar_below_a_word_is_no_letter_of_it(lead: Callable[..., Lead], size: int, degrees: float) -> None:
    drawn = lead(("LEFT", 40, (0, 0)), ("-", size, (44, 0)), degrees=degrees)
    assert any(overlap(word.place.box, extent(drawn.inks[0])) > 0.85 for word in drawn.words())


@pytest.mark.parametrize("degrees", [0, 9])
def test_letters_that_touch_are_letters_of_their_word(lead: Callable[..., Lead], degrees: float) -> None:
    bar = ("-", 80, (0, 28)), ("-", 80, (0, 50))  # upon the I and the two T
    drawn = lead(("SITTING", 44, (0, 0)), *bar, degrees=degrees)
    whole = extent(np.any(drawn.inks, axis=0))
    assert any(overlap(word.place.box, whole) > 0.85 for word in drawn.words())


def test_a_larger_word_in_the_same_row_is_no_letter_above(lead: Callable[..., Lead]) -> None:
    assert lead(("AP", 36, (12, 90)), ("WU", 52, (0, 0))).words() == []


@pytest.mark.parametrize("missing_px", [24, 60])
def test_a_word_that_goes_on_beyond_its_place_is_found_whole(lead: Callable[..., Lead], missing_px: int) -> None:
    drawn = lead(UPRIGHT)
    whole = extent(drawn.inks[0])
    seen = Line(replace(whole, right=whole.right - missing_px), False, float(whole.height), 4, 0.7)
    search = prepare_search(drawn.stored, Photometric.MONOCHROME2)
    assert [len(word.letters) for word in words_within(search, seen)][:1] == [7]


@pytest.mark.parametrize(("to_the_edge_px", "size"), [(3, 44), (8, 44), (3, 70)])
def test_a_word_beside_the_edge_of_the_image_ends_there(
    lead: Callable[..., Lead], text_ink: Write, to_the_edge_px: int, size: int
) -> None:
    width = text_ink("ERECT", size).shape[1]
    drawn = lead(("ERECT", size, (0, 520 - 150 - to_the_edge_px - width)))
    assert any(overlap(word.place.box, extent(drawn.inks[0])) > 0.8 for word in drawn.words())


def test_a_word_that_was_seen_in_pieces_is_read_as_one(lead: Callable[..., Lead], rapidocr: TextReader) -> None:
    drawn = lead(UPRIGHT, degrees=-16)
    whole = extent(drawn.inks[0])
    middle = (whole.left + whole.right) // 2
    halves = replace(whole, right=middle), replace(whole, left=middle + 4)
    removed = [
        Verdict(Line(half, False, float(half.height), 3, 0.7), BoxDecision.REDACTED, Rule.TEXT) for half in halves
    ]
    search = prepare_search(drawn.stored, Photometric.MONOCHROME2)
    bench = Bench(Desk((rapidocr,), Memo()), load_marker_policy(), Identifiers.of(()))
    assert [kept.texts for kept in lead_words(search, removed, [], bench)] == [("UPRIGHT",)] * 7


@pytest.mark.parametrize("degrees", [0, -14])
def test_a_word_of_which_a_piece_was_read_as_a_shorter_one_stays_whole(
    lead: Callable[..., Lead], rapidocr: TextReader, degrees: float
) -> None:
    drawn = lead(UPRIGHT, degrees=degrees)
    whole = extent(drawn.inks[0])
    first = replace(whole, right=whole.left + 2 * whole.width // 7)
    up = Verdict(Line(first, False, float(whole.height), 2, 0.7), BoxDecision.KEPT, Rule.MARKER, "rapidocr", ("UP",))
    gone = Verdict(Line(whole, False, float(whole.height), 7, 0.7), BoxDecision.REDACTED, Rule.TEXT)
    search = prepare_search(drawn.stored, Photometric.MONOCHROME2)
    bench = Bench(Desk((rapidocr,), Memo()), load_marker_policy(), Identifiers.of(()))
    assert {kept.texts for kept in lead_words(search, [up, gone], [], bench)} == {("UPRIGHT",)}


def test_a_word_is_found_in_the_last_of_many_places_where_these_look_more_like_type(
    lead: Callable[..., Lead], rapidocr: TextReader
) -> None:
    drawn = lead(UPRIGHT)
    place = extent(drawn.inks[0])
    type_ = [Line(Box(10 * at, 10, 10 * at + 8, 60), False, 8.0, 6, 0.8) for at in range(12)]
    lines = [*type_, Line(place, False, float(place.height), 7, 0.6)]
    removed = [Verdict(line, BoxDecision.REDACTED, Rule.TEXT) for line in lines]
    search = prepare_search(drawn.stored, Photometric.MONOCHROME2)
    bench = Bench(Desk((rapidocr,), Memo()), load_marker_policy(), Identifiers.of(()))
    assert [kept.texts for kept in lead_words(search, removed, [], bench)] == [("UPRIGHT",)]


@pytest.mark.parametrize(
    ("second", "score", "stays"), [("P()RT", 0.985, True), ("P()RT", 0.94, False), ("HORSE", 0.985, False)]
)
def test_a_word_of_lead_stays_where_one_reader_spells_it_out_and_the_other_bears_it_out(
    lead: Callable[..., Lead], fake_reader: Callable[..., TextReader], second: str, score: float, *, stays: bool
) -> None:
    word = lead(("PORT", 40, (0, 0))).words()[0]
    readers = fake_reader("PORT", score, name="first"), fake_reader(second, 0.7, name="second")
    bench = Bench(Desk(readers, Memo()), load_marker_policy(), Identifiers.of(()))
    assert bool(judge_lead_word(word, bench)) is stays


def redact(lead: Lead, readers: tuple[TextReader, ...]) -> PixelResult:
    return cascade.redact_pixels(
        lead.stored,
        photometric=Photometric.MONOCHROME2,
        identifiers=("Jane Roe",),
        readers=readers,
        markers=load_marker_policy(),
    )


def blacked(lead: Lead, reader: TextReader) -> list[float]:
    """How much of the ink of each piece goes."""
    black = np.zeros(lead.stored.shape, np.bool_)
    for row in redact(lead, (reader,)).boxes:
        if row.decision is BoxDecision.REDACTED:
            black[row.top_px : row.bottom_px, row.left_px : row.right_px] = True
    return [float(black[ink].mean()) for ink in lead.inks]


@pytest.mark.parametrize("degrees", [0, -12, 12])
def test_the_word_stays_and_the_initials_go(lead: Callable[..., Lead], rapidocr: TextReader, degrees: float) -> None:
    drawn = lead(UPRIGHT, ("KB", 22, (46, 70)), degrees=degrees)
    word, initials = blacked(drawn, rapidocr)
    assert (word <= 0.05, initials >= 0.95) == (True, True)


@pytest.mark.parametrize("beside", [("KB", 22, (48, 60)), ("51", 20, (-30, 40))])
def test_initials_beside_a_word_are_found(lead: Callable[..., Lead], beside: Piece) -> None:
    drawn = lead(UPRIGHT, beside)
    word = drawn.words()[0].place
    found = beside_letter(prepare_search(drawn.stored, Photometric.MONOCHROME2), word)
    assert any(overlap(line.box, extent(drawn.inks[1])) > 0.6 for line in found)


def test_nothing_is_found_beside_a_word_alone(lead: Callable[..., Lead]) -> None:
    drawn = lead(UPRIGHT)
    word = drawn.words()[0].place
    assert beside_letter(prepare_search(drawn.stored, Photometric.MONOCHROME2), word) == []


@pytest.mark.parametrize(("letter", "size", "thicker_px"), [("L", 110, 9), ("E", 110, 9), ("R", 150, 5), ("H", 150, 5)])
def test_the_corners_of_a_larger_letter_above_a_word_are_no_initials(
    noise_image: Draw, text_ink: Write, letter: str, size: int, thicker_px: int
) -> None:
    gap = 20 if size == 110 else 10
    drawn = Lead(noise_image(900, 700), text_ink, (("AP", 60, (gap, 40)), (letter, size, (-int(0.78 * size), 0))), 0)
    drawn.inks[1] = cv2.dilate(drawn.inks[1].astype(np.uint8), np.ones((thicker_px,) * 2, np.uint8)) > 0
    ink, box = drawn.inks[0], extent(drawn.inks[0])
    word = Line(box, False, float(box.height), 3, 0.7, inks=(ink[box.window],), ink_boxes=(box,))
    assert beside_letter(prepare_search(drawn.stored, Photometric.MONOCHROME2), word) == []


@pytest.mark.parametrize("word", ["AP", "ERECT", "PORT"])
@pytest.mark.parametrize("degrees", [0, -10])
def test_a_word_below_a_letter_is_none_of_its_initials(
    lead: Callable[..., Lead], rapidocr: TextReader, word: str, degrees: float
) -> None:
    drawn = lead((word, 40, (20, 0)), ("R", 110, (-90, 10)), degrees=degrees)
    assert blacked(drawn, rapidocr) == [0, 0]


@pytest.mark.parametrize(("texts", "is_askew"), [(("AP", "AP"), True), (("AP", "AP"), False), (("L", "L"), False)])
def test_a_letter_of_a_word_is_no_lead_letter_that_has_initials(texts: tuple[str, str], *, is_askew: bool) -> None:
    ink = np.ones((50, 34), np.bool_)
    box = Box(100, 100, 150, 134)
    line = Line(box, False, 50.0, 2, 0.7, 0.0, (ink,), (box,))
    kept = Verdict(line, BoxDecision.KEPT, Rule.MARKER, "one+other", texts, is_cut_out=True, is_piece=is_askew)
    assert is_lead(kept) is not is_askew
