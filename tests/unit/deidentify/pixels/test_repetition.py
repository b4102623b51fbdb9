"""What repeats itself says nothing."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.repetition import broken_at, repeats_as_a_whole, repeats_itself

Write = Callable[..., NDArray[np.bool_]]


def grey(ink: NDArray[np.bool_], seed: int = 1) -> NDArray[np.uint8]:
    """The ink on a grainy ground that grows brighter from end to end."""
    ground = np.linspace(60, 120, ink.shape[1])[None, :] + np.random.default_rng(seed).normal(0, 4, ink.shape)
    return np.clip(ground + 80 * ink, 0, 255).astype(np.uint8)


def teeth(count: int, pitch_px: int) -> NDArray[np.bool_]:
    """Two rows of teeth that mesh."""
    ink = np.zeros((40, count * pitch_px), np.bool_)
    for index in range(count):
        rows = slice(6, 22) if index % 2 else slice(18, 34)
        ink[rows, index * pitch_px : index * pitch_px + max(2, pitch_px // 2)] = True
    return ink


@pytest.mark.parametrize("pitch_px", [6, 11, 22])
def test_the_teeth_of_a_zip_repeat_themselves(pitch_px: int) -> None:
    assert repeats_itself(grey(teeth(40, pitch_px)))


@pytest.mark.parametrize(
    "text", ["RODRIGUEZ^HARUKA^M", "MRN: 00011100011", "1111111711111", "HOSPITAL DEL CARMEN", "12/12/1912 12:12:12"]
)
def test_words_and_numbers_do_not(text_ink: Write, text: str) -> None:
    assert not repeats_itself(grey(text_ink(text, 32)))


def test_a_name_at_the_end_of_a_zip_is_not_lost_in_it(text_ink: Write) -> None:
    name = text_ink("RODRIGUEZ", 32)
    both = np.zeros((40, 440 + name.shape[1]), np.bool_)
    both[:, :440] = teeth(40, 11)
    both[: name.shape[0], 440:] = name[:40]
    assert not repeats_itself(grey(both))


def test_a_short_place_does_not_repeat_itself() -> None:
    assert not repeats_itself(grey(teeth(8, 11)))
    assert not repeats_itself(np.zeros((30, 300), np.uint8))


@pytest.mark.parametrize("text", ["2014-01-10", "RODRIGUEZ"])
def test_what_lies_upon_a_pattern_is_found_where_it_lies(text_ink: Write, text: str) -> None:
    both, ink = teeth(140, 11), text_ink(text, 20)
    both[10 : 10 + ink.shape[0], 300 : 300 + ink.shape[1]] ^= ink
    (found,) = broken_at(grey(both))
    assert abs(found[0] - 300) <= 12
    assert abs(found[1] - 300 - ink.shape[1]) <= 12


def test_nothing_lies_upon_a_plain_pattern_nor_upon_what_is_none(text_ink: Write) -> None:
    assert broken_at(grey(teeth(60, 11))) == []
    assert broken_at(grey(text_ink("RODRIGUEZ^HARUKA^M", 32))) == []


def test_a_short_piece_of_a_zip_repeats_itself_together_with_what_it_goes_on_with() -> None:
    zip_ = grey(teeth(40, 11))
    assert repeats_itself(zip_, slice(0, 66))
    assert repeats_itself(zip_, slice(180, 250))


@pytest.mark.parametrize("text", ["Ruth R", "MARY", "0012"])
def test_a_short_name_between_two_pieces_of_a_zip_is_not_lost_in_it(text_ink: Write, text: str) -> None:
    name, piece = text_ink(text, 32)[:40], teeth(30, 11)
    both = np.zeros((40, 2 * piece.shape[1] + name.shape[1] + 20), np.bool_)
    both[:, : piece.shape[1]], both[:, -piece.shape[1] :] = piece, piece
    own = slice(piece.shape[1] + 10, piece.shape[1] + 10 + name.shape[1])
    both[: name.shape[0], own] = name
    assert not repeats_itself(grey(both), own)


def test_a_name_printed_along_the_holes_of_a_film_is_not_lost_in_them(text_ink: Write) -> None:
    name, holes = text_ink("RODRIGUEZ^HARUKA^M", 28), np.zeros((60, 440), np.bool_)
    for left in range(4, 440, 22):
        holes[6:22, left : left + 12] = True
    assert repeats_itself(grey(holes))
    holes[32 : 32 + name.shape[0], 40 : 40 + min(name.shape[1], 400)] = name[:, :400]
    assert not repeats_itself(grey(holes))


def test_a_wire_across_a_zip_does_not_hide_that_it_repeats_itself() -> None:
    zip_ = teeth(40, 11)
    zip_[:, 205:211] = True
    assert repeats_itself(grey(zip_))


def test_a_rib_beside_a_zip_does_not_hide_that_it_repeats_itself() -> None:
    ground = grey(np.pad(teeth(40, 11), ((0, 20), (0, 0)))).astype(np.float64)
    ground[48:] += 40 * np.exp(-(((np.arange(440) - 220) / 60) ** 2))[None, :]
    assert repeats_itself(np.clip(ground, 0, 255).astype(np.uint8))


def ruler(count: int, pitch_px: int, rows: int = 60) -> NDArray[np.bool_]:
    """Ticks, every fifth of them twice as long."""
    ink = np.zeros((rows, count * pitch_px), np.bool_)
    for index in range(count):
        ink[20 : 50 if index % 5 == 0 else 35, index * pitch_px : index * pitch_px + 3] = True
    return ink


def test_ribs_behind_a_ruler_do_not_hide_that_it_repeats_itself() -> None:
    ground, columns = grey(ruler(60, 12)).astype(np.float64), np.arange(720)
    for middle in range(60, 720, 110):
        ground += 70 * np.exp(-(((columns - middle) / 22) ** 2))[None, :]
    assert repeats_itself(np.clip(ground, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("contrast", [-70, 60, 110])
@pytest.mark.parametrize("text", ["RODRIGUEZ", "17.03.61", "Okafor"])
def test_a_name_upon_a_row_is_not_of_it(text_ink: Write, text: str, contrast: int) -> None:
    both, name = grey(teeth(90, 15)).astype(np.int64), text_ink(text, 24)[:40]
    own = slice(500, 500 + name.shape[1])
    both[: name.shape[0], own] += contrast * name
    assert not repeats_itself(np.clip(both, 0, 255).astype(np.uint8), own)


def test_a_wire_or_a_step_of_the_ground_does_not_lie_upon_a_pattern_as_a_name_does() -> None:
    zip_ = grey(teeth(60, 14)).astype(np.int64)
    zip_[:, 300:] += 50
    zip_[:, 560:566] += 60
    assert broken_at(np.clip(zip_, 0, 255).astype(np.uint8)) == []


def stems(letters: str, pitch_px: int = 8) -> NDArray[np.bool_]:
    """Letters of two stems, evenly spaced and in scan lines: arches below and above, bars, tails, a capital."""
    ink = np.zeros((32, 2 * pitch_px * len(letters)), np.bool_)
    bars = {"n": (10, 13), "u": (21, 24), "e": (15, 18), "g": (26, 29), "N": (2, 6)}
    for index, letter in enumerate(letters):
        left, right = 2 * pitch_px * index, 2 * pitch_px * index + pitch_px
        top, bottom = (2 if letter == "N" else 10), (29 if letter == "g" else 24)
        ink[top:bottom, right : right + 3] = True
        ink[top : 16 if letter == "g" else 24, left : left + 3] = True
        ink[slice(*bars[letter]), left : right + 3] = True
    ink[::4] = False
    return ink


def test_letters_whose_stems_stand_as_evenly_as_teeth_do_not_return_as_a_whole() -> None:
    name = grey(stems("Nguengnueneg"))
    assert repeats_itself(name)
    assert not repeats_as_a_whole(name, slice(0, name.shape[1]))


def test_dots_of_a_matrix_are_no_teeth() -> None:
    dots = np.zeros((32, 240), np.bool_)
    dots[::3, ::3] = True
    assert not repeats_as_a_whole(grey(dots), slice(0, 240))


@pytest.mark.parametrize("pitch_px", [11, 22])
def test_teeth_return_as_a_whole(pitch_px: int) -> None:
    zip_ = grey(teeth(40, pitch_px))
    assert repeats_as_a_whole(zip_, slice(0, zip_.shape[1]))
