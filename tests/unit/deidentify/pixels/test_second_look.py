"""Doubtful places that are looked at again."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels import second_look
from cxr_core.deidentify.pixels.model import Box, Line, extent
from cxr_core.deidentify.pixels.proposals import SearchImage, prepare_search
from cxr_core.deidentify.pixels.second_look import (
    SEEN_PX,
    looked_at_again,
    probability_of_text,
    windows_on,
)
from cxr_core.vocabulary import Photometric

Draw = Callable[..., NDArray[np.uint16]]
Write = Callable[..., NDArray[np.bool_]]
_AT = 200, 120
_DOUBT = 0.58


@pytest.fixture
def burned(noise_image: Draw, text_ink: Write) -> Callable[..., tuple[SearchImage, Line]]:
    """Type on noise, and its place as a doubtful line."""

    def draw(text: str, size: int = 28, *, turns: int = 0, contrast: int = 700) -> tuple[SearchImage, Line]:
        image = noise_image().astype(np.int64)
        ink = np.rot90(text_ink(text, size), turns)
        box = Box(_AT[0], _AT[1], _AT[0] + ink.shape[0], _AT[1] + ink.shape[1])
        image[box.window] += contrast * ink
        line = Line(box, turns % 2 == 1, float(min(ink.shape)), len(text), _DOUBT)
        return prepare_search(image.clip(0, 4095).astype(np.uint16), Photometric.MONOCHROME2), line

    return draw


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("text", ["Ross, Ruth", "1931-06-14", "MRN 99120771", "KB", "Clinic of the Bay"])
def test_a_doubtful_line_of_type_stays_one_whichever_way_it_lies(
    burned: Callable[..., tuple[SearchImage, Line]], text: str, turns: int
) -> None:
    search, line = burned(text, 20, turns=turns)
    assert looked_at_again(search, line) is line


def test_faint_type_stays_a_line(burned: Callable[..., tuple[SearchImage, Line]]) -> None:
    search, line = burned("2018-07-13 17:18", 24, contrast=160)
    assert looked_at_again(search, line) is line


def test_a_doubtful_place_on_bare_ground_is_hardly_text(noise_image: Draw) -> None:
    search = prepare_search(noise_image(), Photometric.MONOCHROME2)
    line = Line(Box(200, 120, 240, 300), False, 40.0, 5, _DOUBT)
    assert looked_at_again(search, line).probability == 0.49


def test_a_column_of_discs_is_hardly_text(noise_image: Draw) -> None:
    image, disc = noise_image().astype(np.int64), np.hypot(*np.ogrid[-14:15, -14:15]) <= 13
    for top in range(100, 400, 90):
        image[top : top + 29, 200:229] += 1200 * disc
    search = prepare_search(image.clip(0, 4095).astype(np.uint16), Photometric.MONOCHROME2)
    line = Line(Box(96, 190, 404, 240), True, 50.0, 4, _DOUBT)
    assert looked_at_again(search, line).probability == 0.49


@pytest.mark.parametrize(("rows", "height", "probability"), [(480, 88, _DOUBT), (480, 92, 0.49), (1400, 92, _DOUBT)])
def test_of_large_type_the_second_look_must_be_surer(
    noise_image: Draw, monkeypatch: pytest.MonkeyPatch, rows: int, height: int, probability: float
) -> None:
    monkeypatch.setattr(second_look, "probability_of_text", lambda *_, **__: 0.55)
    search = prepare_search(noise_image(rows, rows), Photometric.MONOCHROME2)
    line = Line(Box(200, 120, 200 + height, 400), False, float(height), 2, _DOUBT)
    assert looked_at_again(search, line).probability == probability


@pytest.mark.parametrize(
    ("is_vertical", "across", "probability"), [(True, 52, 0.49), (True, 48, _DOUBT), (False, 52, _DOUBT)]
)
def test_of_large_type_from_top_to_bottom_the_second_look_must_be_surer_still(
    noise_image: Draw, monkeypatch: pytest.MonkeyPatch, is_vertical: bool, across: int, probability: float
) -> None:
    monkeypatch.setattr(second_look, "probability_of_text", lambda *_, **__: 0.55)
    search = prepare_search(noise_image(1600, 1600), Photometric.MONOCHROME2)
    box = Box(200, 120, 600, 120 + across)
    line = Line(box if is_vertical else box.transposed, is_vertical, float(across), 6, _DOUBT)
    assert looked_at_again(search, line).probability == probability


@pytest.mark.parametrize(
    ("found", "seen", "across", "probability"),
    [(0.7, 0.4, 52, 0.49), (0.7, 0.5, 52, 0.7), (0.78, 0.4, 52, 0.78), (0.7, 0.4, 40, 0.7), (0.78, 0.05, 40, 0.49)],
)
def test_lines_on_end_of_which_the_search_is_fairly_sure_are_looked_at_as_well(
    noise_image: Draw, monkeypatch: pytest.MonkeyPatch, found: float, seen: float, across: int, probability: float
) -> None:
    monkeypatch.setattr(second_look, "probability_of_text", lambda *_, **__: seen)
    search = prepare_search(noise_image(1600, 1600), Photometric.MONOCHROME2)
    line = Line(Box(200, 120, 600, 120 + across), True, float(across), 3, found)
    assert looked_at_again(search, line).probability == probability
    lying = Line(line.box.transposed, False, float(across), 3, found)
    assert looked_at_again(search, lying) is lying


@pytest.mark.parametrize(("found", "seen", "probability"), [(0.69, 0.14, 0.49), (0.69, 0.16, 0.69), (0.71, 0.01, 0.71)])
def test_of_level_lines_less_is_looked_at_and_the_second_look_must_be_sure(
    noise_image: Draw, monkeypatch: pytest.MonkeyPatch, found: float, seen: float, probability: float
) -> None:
    monkeypatch.setattr(second_look, "probability_of_text", lambda *_, **__: seen)
    search = prepare_search(noise_image(), Photometric.MONOCHROME2)
    assert looked_at_again(search, Line(Box(200, 120, 240, 300), False, 40.0, 5, found)).probability == probability


@pytest.mark.parametrize("probability", [0.44, 0.71, 0.97])
def test_only_what_the_search_doubts_is_looked_at_again(noise_image: Draw, probability: float) -> None:
    search = prepare_search(noise_image(), Photometric.MONOCHROME2)
    line = Line(Box(200, 120, 240, 300), False, 40.0, 5, probability)
    assert looked_at_again(search, line) is line


@pytest.mark.parametrize(("length", "windows"), [(20, 1), (190, 1), (200, 2), (380, 2), (2000, 3)])
def test_a_long_place_is_looked_at_in_pieces(noise_image: Draw, length: int, windows: int) -> None:
    search = prepare_search(noise_image(60, 2200), Photometric.MONOCHROME2)
    seen = windows_on(search, Box(20, 100, 40, 100 + length), is_vertical=False)
    assert (seen.shape, seen.dtype) == ((windows, 4, *SEEN_PX), np.dtype(np.int8))


def test_a_vertical_place_is_seen_as_if_it_lay(burned: Callable[..., tuple[SearchImage, Line]]) -> None:
    search, line = burned("Ross, Ruth", 20)
    turned = prepare_search(np.ascontiguousarray(np.rot90(search.stored)), Photometric.MONOCHROME2)
    rows = search.shape[1]
    box = Box(rows - line.box.right, line.box.top, rows - line.box.left, line.box.bottom)
    lying = windows_on(search, line.box, is_vertical=False)[0]
    standing = windows_on(turned, box, is_vertical=True)[0]
    assert float(np.abs(lying[0].astype(int) - standing[0, ::-1, ::-1]).mean()) < 3


def test_where_the_place_is_is_seen(burned: Callable[..., tuple[SearchImage, Line]]) -> None:
    search, line = burned("KB", 20)
    place = windows_on(search, line.box, is_vertical=False)[0, 3]
    seen = extent(place > 0)
    assert (seen.top, seen.bottom) == (14, 34)
    assert abs(seen.width - 20 * line.box.width / line.box.height) <= 1


def test_a_place_at_the_edge_of_an_image_is_looked_at(noise_image: Draw) -> None:
    search = prepare_search(noise_image(40, 40), Photometric.MONOCHROME1)
    assert 0 <= probability_of_text(search, Box(0, 0, 6, 40), is_vertical=False) <= 1


def test_a_place_is_looked_at_with_all_that_a_threshold_took_for_its_ink(
    noise_image: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network has learned places that are as high; the line may have been told from its ground since."""
    looked: list[Box] = []

    def seen(_: SearchImage, box: Box, *, is_vertical: bool) -> float:
        looked.append(box)
        return float(is_vertical)

    monkeypatch.setattr(second_look, "probability_of_text", seen)
    spilt = Box(180, 110, 260, 300)
    line = Line(Box(200, 120, 240, 300), False, 40.0, 5, _DOUBT, 0.0, (np.ones((80, 190), np.bool_),), (spilt,))
    assert looked_at_again(prepare_search(noise_image(), Photometric.MONOCHROME2), line).probability == 0.49
    assert looked == [Box(180, 110, 260, 300)]
