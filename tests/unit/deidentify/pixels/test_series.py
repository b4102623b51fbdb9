"""Rows of like things, and what only seems to be one."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels import series
from cxr_core.deidentify.pixels.followers import followed_to_their_ends
from cxr_core.deidentify.pixels.marks import Mark
from cxr_core.deidentify.pixels.model import Box, Line, lies_on
from cxr_core.deidentify.pixels.proposals import prepare_search
from cxr_core.deidentify.pixels.series import is_of_a_row, tell_rows
from cxr_core.deidentify.pixels.verdict import Rule, Verdict
from cxr_core.vocabulary import BoxDecision, Photometric

Draw = Callable[..., NDArray[np.uint16]]
Burn = Callable[..., NDArray[np.bool_]]
PIECE = Box(200, 252, 300, 268)


def with_zip(image: NDArray[np.uint16]) -> NDArray[np.uint16]:
    for index, top in enumerate(range(20, image.shape[0] - 20, 8)):
        left = 250 if index % 2 else 258
        image[top : top + 5, left : left + 12] = 3300
    return image


def with_holes(image: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """A column of holes at the left border, as of a film."""
    for top in range(4, image.shape[0] - 20, 22):
        image[top : top + 12, 4:20] = 3300
    return image


def with_grid(image: NDArray[np.uint16]) -> NDArray[np.uint16]:
    image[::8] += 500
    return image


def is_row(image: NDArray[np.uint16], core: Box, probability: float = 0.7) -> bool:
    mark = Mark(core, 1, probability, core.height > core.width)
    return is_of_a_row(prepare_search(image, Photometric.MONOCHROME2), mark)


def test_a_piece_of_a_zip_is_of_a_row(noise_image: Draw) -> None:
    assert is_row(with_zip(noise_image()), PIECE)


def test_the_holes_of_a_film_are_a_row(noise_image: Draw) -> None:
    assert is_row(with_holes(noise_image()), Box(100, 4, 200, 20))


def test_what_is_surely_text_is_not_of_a_row(noise_image: Draw) -> None:
    assert not is_row(with_zip(noise_image()), PIECE, 0.9)


def test_what_shows_no_direction_is_not_of_a_row(noise_image: Draw) -> None:
    assert not is_row(with_zip(noise_image()), Box(200, 250, 224, 270))


@pytest.mark.parametrize("value", [0, 900, 2600, 4095])
def test_a_name_on_a_grid_is_not_of_a_row(noise_image: Draw, burn: Burn, value: int) -> None:
    image = with_grid(noise_image())
    ink = burn(image, "Ross, Ruth", (200, 240), size=20, value=value, turn=1)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert not is_row(image, Box(int(rows[0]), int(columns[0]) + 4, int(rows[-1]), int(columns[-1]) - 4))


def test_a_place_on_a_grid_is_not_of_a_row_even_where_nothing_else_is(noise_image: Draw) -> None:
    assert not is_row(with_grid(noise_image()), PIECE)


@pytest.mark.parametrize("text", ["Ross, Ruth", "0012"])
def test_a_name_along_the_holes_of_a_film_is_not_of_a_row(noise_image: Draw, burn: Burn, text: str) -> None:
    image = with_holes(noise_image())
    burn(image, text, (100, 26), size=16, turn=1)
    assert not is_row(image, Box(90, 6, 200, 40))


HOOKS = Box(60, 200, 408, 248)


def with_hooks(image: NDArray[np.uint16], count: int = 8) -> NDArray[np.uint16]:
    """A column of rings with stems beside them."""
    for middle in range(HOOKS.top + 22, HOOKS.top + 22 + 44 * count, 44):
        drawn = np.zeros(image.shape, np.uint8)
        cv2.circle(drawn, (HOOKS.left + 14, middle), 11, 1, 4)
        cv2.line(drawn, (HOOKS.left + 27, middle), (HOOKS.left + 44, middle), 1, 5)
        image[drawn > 0] = 3300
    return image


def told(monkeypatch: pytest.MonkeyPatch, image: NDArray[np.uint16], *marks: Mark) -> tuple[list[Mark], list[Box]]:
    """The rows among some marks, of which the search found these."""
    monkeypatch.setattr(series, "find_marks", lambda *_: list(marks))
    return tell_rows(prepare_search(image, Photometric.MONOCHROME2), [])


@pytest.mark.parametrize(
    ("is_upright", "probability", "is_one"),
    [(True, 0.9, True), (True, 0.96, False), (False, 0.7, True), (False, 0.85, False)],
)
def test_columns_are_rows_but_for_what_is_text_beyond_doubt_and_level_ones_that_look_like_text(
    noise_image: Draw, probability: float, *, is_upright: bool, is_one: bool
) -> None:
    image, core = with_hooks(noise_image()), HOOKS
    if not is_upright:
        image, core = np.ascontiguousarray(image.T), core.transposed
    assert is_row(image, core, probability) is is_one


@pytest.mark.parametrize(("probability", "goes"), [(0.6, True), (0.69, True), (0.71, False)])
def test_pieces_of_a_column_go_with_it_unless_they_look_more_like_text(
    noise_image: Draw, monkeypatch: pytest.MonkeyPatch, probability: float, *, goes: bool
) -> None:
    column, piece = Mark(HOOKS, 1, 0.7, True), Mark(Box(110, 204, 146, 244), 1, probability, False)
    assert told(monkeypatch, with_hooks(noise_image()), column, piece)[0] == ([] if goes else [piece])


def test_what_lies_beside_a_column_does_not_go_with_it(noise_image: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    column, other = Mark(HOOKS, 1, 0.7, True), Mark(Box(110, 300, 146, 340), 1, 0.5, False)
    marks, rows = told(monkeypatch, with_hooks(noise_image()), column, other)
    assert (marks, [row.likeness(HOOKS) > 0.5 for row in rows]) == ([other], [True])


def test_what_was_marked_on_a_zip_does_not_go_with_it(noise_image: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    zip_, piece = Mark(Box(60, 252, 420, 268), 1, 0.7, True), Mark(Box(200, 250, 224, 270), 1, 0.5, False)
    assert told(monkeypatch, with_zip(noise_image()), zip_, piece)[0] == [piece]


@pytest.mark.parametrize("core", [Box(0, 100, 20, 400), Box(460, 100, 480, 400), Box(60, 500, 400, 520)])
def test_a_place_at_the_edge_of_an_image_has_nothing_beside_it(noise_image: Draw, core: Box) -> None:
    assert not is_row(noise_image(), core)


@pytest.mark.parametrize(("left", "lies"), [(200, True), (223, True), (225, False), (300, False)])
def test_more_than_half_of_what_lies_on_a_row_is_inside(left: int, *, lies: bool) -> None:
    assert lies_on(Box(100, left, 140, left + 48), [HOOKS]) is lies


@pytest.mark.parametrize(
    ("is_legible", "things", "goes_on"), [(False, True, False), (True, True, True), (False, False, True)]
)
def test_what_lies_upon_a_row_is_not_followed_along_it_unless_it_was_read(
    noise_image: Draw, *, is_legible: bool, things: bool, goes_on: bool
) -> None:
    image, zip_ = with_zip(noise_image()), Box(20, 250, 460, 270)
    line = Line(Box(100, 250, 160, 270), True, 20.0, 3, 0.8)
    verdict = Verdict(line, BoxDecision.REDACTED, Rule.TEXT, is_legible=is_legible)
    search = prepare_search(image, Photometric.MONOCHROME2)
    (followed,) = followed_to_their_ends(search, [verdict], [zip_] * things)
    assert (followed.line.box.height > 200) is goes_on
