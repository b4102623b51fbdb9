"""How a line is shown to the readers, and which of its positions are."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.glance import HEIGHT_PX, LETTERS, WIDEST_PX, as_seen, glance, glance_at_letters
from cxr_core.deidentify.pixels.model import Box, Line, TextReader
from cxr_core.deidentify.pixels.reading import (
    CUT_OUT_LETTER,
    THIN_LETTER,
    Desk,
    Memo,
    draw_ink,
    letter_positions,
    positions,
    read_line,
    upright,
)
from cxr_core.deidentify.pixels.wording import is_allowed
from cxr_core.policy.markers import load_marker_policy

Write = Callable[..., NDArray[np.bool_]]


def line_of(ink: NDArray[np.bool_], glyphs: int, *, is_vertical: bool = False, probability: float = 0.9) -> Line:
    box = Box(0, 0, *ink.shape)
    return Line(box, is_vertical, float(min(ink.shape)), glyphs, probability, 1.0, (ink,), (box,))


def desk(reader: object, marker: float, text: float) -> Desk:
    letters = np.array([marker] * len(LETTERS) + [text], np.float32)
    return Desk(
        (reader,),  # type: ignore[arg-type]
        Memo(),
        lambda inks: np.full((len(inks), 2), (marker, text), np.float32),
        lambda inks: np.tile(letters, (len(inks), 1)),
    )


def tilted(ink: NDArray[np.bool_], degrees: float) -> NDArray[np.bool_]:
    side = 2 * max(ink.shape)
    canvas = np.zeros((side, side), np.uint8)
    top, left = (side - ink.shape[0]) // 2, (side - ink.shape[1]) // 2
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = ink * np.uint8(255)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, 1)
    turned = cv2.warpAffine(canvas, turn, (side, side)) > 127
    rows, columns = np.flatnonzero(turned.any(axis=1)), np.flatnonzero(turned.any(axis=0))
    return turned[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


@pytest.mark.parametrize("letter", ["L", "R", "T", "E"])
@pytest.mark.parametrize("degrees", [-20, -12, 12, 20])
def test_a_letter_askew_is_set_upright(text_ink: Write, letter: str, degrees: int) -> None:
    straight = text_ink(letter, 60)
    righted = upright(tilted(straight, degrees))
    same = [cv2.resize(one.astype(np.uint8), (24, 32), interpolation=cv2.INTER_AREA) > 0 for one in (straight, righted)]
    assert (same[0] & same[1]).sum() > 0.7 * (same[0] | same[1]).sum()


@pytest.mark.parametrize("letter", ["L", "R", "P", "S"])
def test_a_letter_that_stands_straight_is_left_alone(text_ink: Write, letter: str) -> None:
    ink = text_ink(letter, 60)
    assert upright(ink) is ink


def test_a_line_has_two_positions_and_a_letter_eight(text_ink: Write) -> None:
    assert len(list(positions(line_of(text_ink("PORTABLE"), 8), text_ink("PORTABLE")))) == 2
    assert len(list(positions(line_of(text_ink("L"), 1), text_ink("L")))) == 8


def test_what_can_be_no_marker_is_not_read(fake_reader: Callable[..., object], text_ink: Write) -> None:
    reader = fake_reader("Ross")
    place, court = line_of(text_ink("Ross"), 4), desk(reader, 0.0, 1.0)
    assert read_line(place, court, str.isupper, words_matter=False) == ()
    foretold = read_line(place, court, str.isupper, words_matter=False, is_far=str.isdigit)
    assert [(one.texts, one.scores, one.is_foretold) for one in foretold] == [(("",), (1.0,), True)]
    assert reader.seen == 0  # type: ignore[attr-defined]


def test_a_torn_binarisation_does_not_end_the_search(fake_reader: Callable[..., object], text_ink: Write) -> None:
    reader, shown = fake_reader("AP PORTABLE"), iter([(0.035, 0.93), (0.01, 0.5), (1.0, 1.0)])  # one in the mirror
    seen = Desk((reader,), Memo(), lambda inks: np.tile(np.array([next(shown)], np.float32), (len(inks), 1)))  # type: ignore[arg-type]
    line = line_of(text_ink("AP PORTABLE"), 10)
    line = replace(line, inks=line.inks * 2, ink_boxes=line.ink_boxes * 2)
    assert [reading.ink for reading in read_line(line, seen, str.isupper, words_matter=False)] == [1]


@pytest.mark.parametrize("text", ["PORTABLE", "L ERECT", "AP SUPINE", "DECUBITUS", "RIGHT"])
@pytest.mark.parametrize("is_upside_down", [False, True])
def test_a_mirrored_word_is_read_as_in_a_mirror(
    rapidocr: TextReader, text_ink: Write, text: str, *, is_upside_down: bool
) -> None:
    ink = text_ink(text, 40)[:, ::-1]
    line = line_of(ink[::-1, ::-1] if is_upside_down else ink, len(text))
    policy = load_marker_policy()
    readings = read_line(line, Desk((rapidocr,), Memo()), lambda said: is_allowed(said, policy), words_matter=False)
    assert [(one.texts, one.is_mirrored) for one in readings] == [((text,), True)]


def test_a_thin_letter_that_was_cut_out_is_set_upright(fake_reader: Callable[..., object], text_ink: Write) -> None:
    thin = np.zeros((80, 30), np.bool_)
    thin[:, :8] = thin[-8:] = True
    line = line_of(tilted(thin, 8), 1)
    assert line.box.aspect > 1.9
    reader = fake_reader("L")
    seen = list(letter_positions(line.inks[0]))
    assert (len(seen), len(list(positions(line, line.inks[0])))) == (8, 2)
    assert read_line(line, desk(reader, 0.9, 0.1), str.isupper, words_matter=False, promise=CUT_OUT_LETTER)[
        0
    ].texts == ("L",)


@pytest.mark.parametrize(("marker", "readings"), [(0.4, 0), (0.6, 1)])
def test_a_letter_as_thin_as_a_stick_must_promise_more(
    fake_reader: Callable[..., object], text_ink: Write, marker: float, readings: int
) -> None:
    line, reader = line_of(text_ink("L"), 1), fake_reader("L")
    found = read_line(line, desk(reader, marker, 0.1), str.isupper, words_matter=False, promise=THIN_LETTER)
    assert (len(found), reader.seen) == (readings, readings)  # type: ignore[attr-defined]


def test_a_doubtful_line_is_read_once_for_its_words(fake_reader: Callable[..., object], text_ink: Write) -> None:
    reader = fake_reader("Ross")
    readings = read_line(line_of(text_ink("Ross"), 4), desk(reader, 0.0, 1.0), str.isupper, words_matter=True)
    assert ([reading.texts for reading in readings], reader.seen) == ([("Ross",)], 1)  # type: ignore[attr-defined]


def test_a_doubtful_line_that_looks_like_no_text_is_not_read(
    fake_reader: Callable[..., object], text_ink: Write
) -> None:
    reader = fake_reader("Ross")
    assert read_line(line_of(text_ink("Ross"), 4), desk(reader, 0.0, 0.0), str.isupper, words_matter=True) == ()


def spelling_desk(reader: object, *said: tuple[str, float]) -> Desk:
    """Where every position promises a marker, and is spelled so, one after the other."""
    told = iter(said)
    return replace(desk(reader, 0.9, 1.0), spell=lambda _: next(told))


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (("ROSS", 0.9), 0),
        (("ROSS", 0.8), 1),
        (("R", 0.9), 1),
        (("PORT", 0.9), 1),
        (("SHCHERBAKOVAS", 0.8), 0),
        (("ID0000", 0.8), 0),
        (("ID00", 0.8), 1),
    ],
)
def test_what_is_surely_spelled_as_other_words_is_not_read(
    fake_reader: Callable[..., object], text_ink: Write, said: tuple[str, float], read: int
) -> None:
    line, reader = line_of(text_ink("Ross"), 4), fake_reader("Ross")
    is_far = {"ROSS", "R", "SHCHERBAKOVAS", "ID0000", "ID00"}.__contains__
    found = read_line(line, spelling_desk(reader, said), {"PORT"}.__contains__, words_matter=False, is_far=is_far)
    assert [reading.is_foretold for reading in found] == [not read]
    assert found[0].is_legible
    assert reader.seen == read  # type: ignore[attr-defined]


def test_two_letters_that_are_no_marker_do_not_end_the_search(
    fake_reader: Callable[..., object], text_ink: Write
) -> None:
    line, reader = line_of(text_ink("PORT"), 4), fake_reader("PORT")
    seen = spelling_desk(reader, ("KB", 0.99), ("PORT", 0.99))
    found = read_line(line, seen, {"PORT"}.__contains__, words_matter=False, is_far={"KB"}.__contains__)
    assert [reading.texts for reading in found] == [("KB",), ("PORT",)]


def test_a_line_that_goes_for_what_it_says_is_read_whatever_it_is_spelled(
    fake_reader: Callable[..., object], text_ink: Write
) -> None:
    line, reader = line_of(text_ink("Ross"), 4), fake_reader("Ross")
    found = read_line(line, spelling_desk(reader), str.isupper, words_matter=True, is_far=lambda _: True)
    assert found[0].texts == ("Ross",)


@pytest.mark.parametrize(
    ("promise", "positions_read"),
    [(0.6, 3), (0.08, 1), (0.01, 0)],
)
def test_a_letter_is_read_in_other_positions_only_where_they_promise_much(
    fake_reader: Callable[..., object], text_ink: Write, promise: float, positions_read: int
) -> None:
    reader = fake_reader("x", 0.5)
    read_line(line_of(text_ink("L"), 1), desk(reader, promise, 0.0), str.isupper, words_matter=False)
    assert reader.seen == positions_read  # type: ignore[attr-defined]


def test_a_word_torn_by_one_binarisation_is_read_whole_in_the_next(
    fake_reader: Callable[..., object], text_ink: Write
) -> None:
    torn, whole = text_ink("S MI E", 30), text_ink("SEMI-ERECT", 30)
    line = replace(line_of(torn, 9), inks=(torn, whole), ink_boxes=(Box(0, 0, *torn.shape),) * 2)
    seen: list[int] = []

    class Recorder:
        name = "recorder"

        def read(self, crops: list[NDArray[np.uint8]]) -> list[tuple[str, float]]:
            seen.extend(crop.shape[1] for crop in crops)
            return [("SEMI-ERECT", 0.99)]

    def look(inks: Sequence[NDArray[np.bool_]]) -> NDArray[np.float32]:
        return np.array([(1.0 if ink.shape == whole.shape else 0.95, 1.0) for ink in inks], np.float32)

    read_line(line, Desk((Recorder(),), Memo(), look), str.isupper, words_matter=False)
    assert seen == [draw_ink(whole).shape[1]]


def test_a_short_word_is_not_read_on_its_head_alone(text_ink: Write) -> None:
    inks = tuple(text_ink("LT", size) for size in (30, 40, 50))
    line = replace(line_of(inks[0], 2), inks=inks, ink_boxes=(Box(0, 0, *inks[0].shape),) * 3)
    seen: list[int] = []

    class Recorder:
        name = "recorder"

        def read(self, crops: list[NDArray[np.uint8]]) -> list[tuple[str, float]]:
            seen.extend(int(np.argmin(crop.mean(axis=1)) > crop.shape[0] // 2) for crop in crops)
            return [("x", 0.5)]

    def upside_down_is_better(inks: Sequence[NDArray[np.bool_]]) -> NDArray[np.float32]:
        told = np.zeros((len(inks), 27), np.float32)
        told[[0, 4], 0] = 0.8, 0.9
        return told

    desk = Desk((Recorder(),), Memo(), glance_at_letters=upside_down_is_better)
    read_line(line, desk, str.isupper, words_matter=False)
    assert sorted(map(seen.count, set(seen))) == [1, 2]


def test_a_certain_marker_ends_the_search(fake_reader: Callable[..., object], text_ink: Write) -> None:
    reader = fake_reader("L")
    read_line(line_of(text_ink("L"), 1), desk(reader, 1.0, 1.0), str.isupper, words_matter=False)
    assert reader.seen == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["L", "R", "PA", "PORTABLE", "AP UPRIGHT", "LEFT LATERAL", "SUPINE"])
def test_a_glance_lets_markers_through(text_ink: Write, text: str) -> None:
    assert glance([text_ink(text, 30)])[0, 0] > 0.5


NUMBERS = ["4471203", "02/03/1961 14:22", "99120384", "#55120", "14:22:09", "1961-03-02", "12.04.2011", "A158618717"]


def test_a_glance_holds_most_numbers_back_and_sees_that_all_are_text(text_ink: Write) -> None:
    worth = np.concatenate([glance([text_ink(text, 30)]) for text in NUMBERS])
    assert ((worth[:, 0] < 0.1).sum() >= 6, (worth[:, 1] > 0.5).all()) == (True, True)


def test_every_word_of_the_allow_list_passes_the_glance(text_ink: Write) -> None:
    held_back = [word for word in load_marker_policy().words if glance([text_ink(word, 30)])[0, 0] < 0.04]
    assert held_back == []


def test_a_word_that_training_never_saw_passes_the_glance(text_ink: Write) -> None:
    words = ["LIEGEND", "STEHEND", "DECUBITO", "DEBOUT", "LINKS", "RECHTS", "SUPINO", "ORTOSTATICO"]
    assert min(glance([text_ink(word, 30)])[0, 0] for word in words) > 0.04


def test_a_glance_holds_rings_and_speckle_back() -> None:
    ring = np.zeros((40, 40), np.uint8)
    cv2.circle(ring, (20, 20), 15, 1, 4)
    speckle = np.random.default_rng(3).random((40, 60)) > 0.6
    assert (glance([ring > 0])[0, 0] < 0.05, glance([speckle])[0, 0] < 0.05) == (True, True)


def test_an_answer_does_not_depend_on_what_is_shown_beside_it(text_ink: Write) -> None:
    inks = [text_ink(text, 30) for text in ("L", "Ross, Ruth", "PORTABLE")]
    together = glance(inks)
    assert np.allclose(together, np.concatenate([glance([ink]) for ink in inks]), atol=1e-5)


def test_a_long_line_is_squeezed_into_the_view() -> None:
    assert as_seen(np.ones((20, 2000), np.bool_)).shape == (HEIGHT_PX, WIDEST_PX)


@pytest.mark.parametrize("letter", ["L", "R"])
def test_what_a_reader_would_make_of_a_letter_is_foretold(text_ink: Write, letter: str) -> None:
    seen = glance_at_letters([text_ink(letter, 40), text_ink("HQ", 40), np.ones((20, 20), np.bool_)])
    assert (seen.shape, seen[0, LETTERS.index(letter)] > 0.8, seen[1, len(LETTERS)] > 0.3) == ((3, 27), True, True)
    assert seen[2].max() < 0.3


def test_a_letter_that_is_not_wanted_is_not_read(fake_reader: Callable[..., object], text_ink: Write) -> None:
    reader = fake_reader("K")
    line = line_of(text_ink("K"), 1)
    read_line(line, Desk((reader,), Memo()), {"L", "R"}.__contains__, words_matter=False, promise=CUT_OUT_LETTER)  # type: ignore[arg-type]
    assert reader.seen == 0  # type: ignore[attr-defined]
