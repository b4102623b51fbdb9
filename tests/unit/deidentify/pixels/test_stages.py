"""Views, proposals, network, lines, codes: each stage on a small image."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels import search as search_module
from cxr_core.deidentify.pixels.lines import find_lines, letter_apart
from cxr_core.deidentify.pixels.marks import find_codes, find_marks
from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.network import Maps, hinted, look, look_closer
from cxr_core.deidentify.pixels.proposals import (
    View,
    prepare_search,
    propose_constant_tiles,
    propose_tiles,
    tile_grid,
)
from cxr_core.deidentify.pixels.search import look_everywhere
from cxr_core.vocabulary import Photometric

Draw = Callable[..., NDArray[np.uint16]]
Burn = Callable[..., NDArray[np.bool_]]


def tiles_of(ink: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Tiles of `side` pixels that hold ink."""
    rows, columns = -(-ink.shape[0] // side), -(-ink.shape[1] // side)
    padded = np.zeros((rows * side, columns * side), np.bool_)
    padded[: ink.shape[0], : ink.shape[1]] = ink
    return padded.reshape(rows, side, columns, side).any(axis=(1, 3))


def lines_of(image: NDArray[np.integer], photometric: Photometric = Photometric.MONOCHROME2) -> list[Line]:
    search = prepare_search(image, photometric)
    return find_lines(search, look_everywhere(search))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32])
def test_the_views_are_the_same_whatever_the_stored_type(noise_image: Draw, dtype: type) -> None:
    image = noise_image(bits=8)
    views = prepare_search(image.astype(dtype), Photometric.MONOCHROME2).views
    for view, other in zip(views, prepare_search(image, Photometric.MONOCHROME2).views, strict=True):
        assert np.array_equal(view.grey, other.grey)
        assert np.array_equal(view.equal, other.equal)


def test_the_views_are_flipped_for_monochrome1(noise_image: Draw) -> None:
    image = noise_image()
    plain, flipped = (prepare_search(image, kind).views[0].grey for kind in Photometric)
    assert np.array_equal(plain, 255 - flipped) or np.array_equal(flipped, 255 - plain)


def test_signed_values_below_zero_are_stretched_like_others(noise_image: Draw) -> None:
    image = noise_image()
    below = (image.astype(np.int32) - 3000).astype(np.int16)
    plain, signed = (prepare_search(one, Photometric.MONOCHROME2).views[0].grey for one in (image, below))
    assert np.array_equal(plain, signed)


def test_noise_proposes_next_to_nothing(noise_image: Draw) -> None:
    search = prepare_search(noise_image(), Photometric.MONOCHROME2)
    assert max(float(propose_tiles(view).mean()) for view in search.views) < 0.02
    assert not propose_constant_tiles(search.views[0]).any()


@pytest.mark.parametrize("photometric", list(Photometric))
@pytest.mark.parametrize("value", [0, 900, 4095])
def test_text_is_proposed_in_any_tone(noise_image: Draw, burn: Burn, photometric: Photometric, value: int) -> None:
    image = noise_image()
    ink = burn(image, "Ross, Ruth R.", (40, 60), value=value)
    middle = prepare_search(image, photometric).views[1]
    assert propose_tiles(middle)[tiles_of(ink, 16)].mean() > 0.9


def test_constancy_proposes_what_contrast_does_not(noise_image: Draw, burn: Burn) -> None:
    image = noise_image()
    ink = burn(image, "MRN 4471203", (200, 100), value=int(image[210, 150]) + 120)  # 3 % of the range
    tiles = propose_constant_tiles(prepare_search(image, Photometric.MONOCHROME2).views[0])
    assert tiles[tiles_of(ink, 8)].mean() > 0.4


@pytest.mark.parametrize(("rows", "columns"), [(96, 128), (93, 121), (5, 3), (1, 1)])
def test_constancy_proposes_tiles_with_a_tenth_of_runs_in_noise(rows: int, columns: int) -> None:
    equal = np.where(np.random.default_rng(rows).random((rows, columns)) < 0.3, 255, 0).astype(np.uint8)
    view = View(1, np.zeros_like(equal), equal)
    padded = np.zeros((-(-rows // 8) * 8, -(-columns // 8) * 8 + 1), np.bool_)
    padded[:rows, :columns] = equal > 0
    runs = padded[:, :-1] & padded[:, 1:]
    share = runs.reshape(padded.shape[0] // 8, 8, -1, 8).mean(axis=(1, 3))
    assert np.array_equal(propose_constant_tiles(view), share > 0.1)


def test_constancy_proposes_nothing_on_a_flat_ground() -> None:
    flat = np.full((200, 200), 900, np.uint16)
    flat[60:80, 60:140] = 4000
    assert not propose_constant_tiles(prepare_search(flat, Photometric.MONOCHROME2).views[0]).any()


def test_the_network_sees_small_type_at_half_size_and_asks_for_a_closer_look(noise_image: Draw, burn: Burn) -> None:
    image = noise_image()
    ink = burn(image, "Ross, Ruth 02/03/1961", (200, 100), size=13)
    search = prepare_search(image, Photometric.MONOCHROME2)
    middle = look(search.views[1], propose_tiles(search.views[1]))
    wanted = look_closer(middle, propose_constant_tiles(search.views[0]).shape)
    assert wanted[tiles_of(ink, 8)].mean() > 0.8
    assert wanted.mean() < 0.1


@pytest.mark.parametrize("size", [16, 24, 40, 80])
def test_the_coarsest_view_tells_where_the_next_may_hold_text(noise_image: Draw, burn: Burn, size: int) -> None:
    image = noise_image()
    ink = burn(image, "Ross, Ruth", (200, 100), size=size)
    _, middle, coarse = prepare_search(image, Photometric.MONOCHROME2).views
    wanted = hinted(look(coarse, np.ones(tile_grid(coarse), np.bool_)), tile_grid(middle))
    assert wanted[tiles_of(ink, 16)].mean() > 0.9


def test_edges_alone_are_not_looked_at_again(noise_image: Draw) -> None:
    image = noise_image(1600, 1600)
    for row in range(300, 1400, 160):  # like ribs
        cv2.ellipse(image, (800, row), (600, 220), 0, 200, 340, 2600, 14, cv2.LINE_AA)
    _, middle, coarse = prepare_search(image, Photometric.MONOCHROME2).views
    wanted = hinted(look(coarse, np.ones(tile_grid(coarse), np.bool_)), tile_grid(middle))
    edges = propose_tiles(middle)
    assert edges.mean() > 0.05
    assert wanted[edges].mean() < 0.5


def test_the_network_looks_no_further_than_it_was_asked(noise_image: Draw, burn: Burn) -> None:
    image = noise_image(512, 1024)
    burn(image, "Ross, Ruth", (100, 60), size=14)
    burn(image, "Ross, Ruth", (100, 700), size=14)
    fine = prepare_search(image, Photometric.MONOCHROME2).views[0]
    tiles = np.zeros((64, 128), np.bool_)
    tiles[12:16, 6:20] = True
    text = look(fine, tiles).text
    assert text[:, :80].max() > 200
    assert not text[:, 80:].any()


def test_small_type_is_followed_from_line_to_line(
    noise_image: Draw, burn: Burn, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = noise_image(512, 512)
    for row in range(4):
        burn(image, "Ross, Ruth 1961", (100 + 40 * row, 60), size=13)
    hint = np.zeros((64, 64), np.bool_)
    hint[12:16, 6:24] = True
    monkeypatch.setattr(search_module, "look_closer", lambda *_: hint)
    fine, _, _ = look_everywhere(prepare_search(image, Photometric.MONOCHROME2))
    found = [int(fine.text[(100 + 40 * row) // 4 : (120 + 40 * row) // 4].max()) > 200 for row in range(4)]
    assert found == [True] * 4


def test_the_network_says_nothing_where_nothing_was_proposed(noise_image: Draw, burn: Burn) -> None:
    image = noise_image()
    burn(image, "Ross, Ruth", (40, 60))
    view = prepare_search(image, Photometric.MONOCHROME2).views[0]
    maps = look(view, np.zeros_like(propose_tiles(view)))
    assert [int(plane.max()) for plane in (maps.text, maps.code, maps.small)] == [0, 0, 0]


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_one_line_becomes_one_likely_line(noise_image: Draw, burn: Burn, turn: int) -> None:
    image = noise_image()
    ink = burn(image, "DUBOIS 1961", (60, 200), turn=turn)
    best = lines_of(image)[0]
    assert best.probability > 0.8
    assert best.is_vertical == (turn in {1, 3})
    assert ink[best.box.window].sum() == ink.sum()


@pytest.mark.parametrize("size", [13, 20, 40, 80])
def test_type_of_any_size_is_found_whole(noise_image: Draw, burn: Burn, size: int) -> None:
    image = noise_image()
    ink = burn(image, "Ross, R", (60, 100), size=size)
    covered = np.zeros(image.shape, bool)
    for line in lines_of(image):
        covered[line.box.window] = True
    assert covered[ink].mean() > 0.98


def test_a_date_over_the_perforation_of_a_film_is_found(noise_image: Draw, burn: Burn) -> None:
    image = noise_image(900, 520)
    image[:, 480:] = 300
    for top in range(8, 880, 22):
        image[top : top + 12, 488:502] = 3300
    rows = np.flatnonzero(burn(image, "20140110 1230", (500, 488), size=16, value=4095, turn=1).any(axis=1))
    found = [line.box for line in lines_of(image) if line.box.left >= 476 and line.box.bottom - line.box.top < 300]
    assert any(box.top <= rows[0] + 6 and box.bottom >= rows[-1] - 6 for box in found)


def test_lines_of_a_block_stay_apart(noise_image: Draw, burn: Burn) -> None:
    image = noise_image()
    for row in (60, 100, 140):
        burn(image, "Ross, Ruth R.", (row, 100), size=26)
    boxes = [line.box for line in lines_of(image) if line.probability > 0.5]
    assert len(boxes) >= 3
    assert max(box.height for box in boxes) < 40


@pytest.mark.parametrize("turn", [0, 1])
def test_a_line_across_a_border_of_the_ground_is_hardly_higher_than_its_type(text_ink: Burn, turn: int) -> None:
    """One threshold takes the brighter ground for ink, as far above and below as is looked."""
    image = np.random.default_rng(1).normal(700, 30, (480, 900))
    image[:, 470:] += 1700
    ink = text_ink("Ross, Ruth 1931", 44)
    image[200 : 200 + ink.shape[0], 240 : 240 + ink.shape[1]][ink] += 1500  # of no exact value
    drawn = np.ascontiguousarray(np.rot90(image.clip(0, 4095).astype(np.uint16), turn))
    (line,) = (one for one in lines_of(drawn) if one.probability > 0.5 and one.glyphs > 1)
    assert ink.shape[0] <= line.line_px <= 1.5 * ink.shape[0]
    assert max(line.box.height, line.box.width) >= 0.95 * ink.shape[1]


def test_a_wire_is_no_line(noise_image: Draw) -> None:
    image = noise_image()
    cv2.line(image, (0, 30), (519, 400), 4000, 4)
    assert [line for line in lines_of(image) if line.probability > 0.5] == []


def test_text_beside_a_wire_is_found(noise_image: Draw, burn: Burn) -> None:
    image = noise_image()
    cv2.line(image, (0, 100), (519, 100), 4000, 4)
    ink = burn(image, "Ross, Ruth", (110, 60), value=2600)
    covered = np.zeros(image.shape, bool)
    for line in lines_of(image):
        covered[line.box.window] = True
    assert covered[ink].mean() > 0.98


def test_lines_hide_their_ink() -> None:
    line = Line(Box(0, 0, 1, 1), False, 1.0, 1, 1.0, 1.0, (np.ones((1, 1), bool),))
    assert ("inks" in repr(line), "array" in repr(line)) == (False, False)


@pytest.mark.parametrize("turn", [0, 1])
def test_bars_are_found_in_both_directions(noise_image: Draw, turn: int) -> None:
    bars = np.repeat(np.random.default_rng(5).integers(0, 2, 60), 3)[None, :].repeat(60, axis=0) * 4095
    covered = coded(noise_image(), np.rot90(bars, turn))
    assert covered.mean() > 0.95


def test_matrix_code_is_found(noise_image: Draw) -> None:
    code = np.kron(np.random.default_rng(5).integers(0, 2, (25, 25)), np.ones((4, 4), int)) * 4095
    assert coded(noise_image(), code).mean() > 0.95


def coded(image: NDArray[np.uint16], code: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Burn a code into a white field, and say which of its pixels a found rectangle covers."""
    rows, columns = code.shape
    image[92 : 108 + rows, 92 : 108 + columns] = 4095
    image[100 : 100 + rows, 100 : 100 + columns] = code
    search = prepare_search(image, Photometric.MONOCHROME2)
    covered = np.zeros(image.shape, bool)
    for box in find_codes(look_everywhere(search), search.shape):
        covered[box.window] = True
    return covered[100 : 100 + rows, 100 : 100 + columns]


@pytest.mark.parametrize("sigma", [3, 900])
def test_grain_is_no_code_and_no_text(sigma: int) -> None:
    grain = np.clip(np.random.default_rng(3).normal(2000, sigma, (400, 400)), 0, 4095).astype(np.uint16)
    search = prepare_search(grain, Photometric.MONOCHROME2)
    maps = look_everywhere(search)
    assert find_codes(maps, search.shape) == []
    assert [line for line in find_lines(search, maps) if line.probability > 0.5] == []


def test_stretched_eight_bit_values_are_no_overlay() -> None:
    grain = np.clip(np.random.default_rng(3).normal(128, 3, (300, 300)), 0, 255).round().astype(np.uint16) * 36
    assert not propose_constant_tiles(prepare_search(grain, Photometric.MONOCHROME2).views[0]).any()


def test_type_is_no_code(noise_image: Draw, burn: Burn) -> None:
    image = noise_image()
    burn(image, "SEMI-UPRIGHT PORTABLE", (60, 60))
    search = prepare_search(image, Photometric.MONOCHROME2)
    assert find_codes(look_everywhere(search), search.shape) == []


def test_a_sure_line_is_not_lost_in_a_doubtful_place_that_is_much_higher() -> None:
    fine, coarse = (
        Maps(scale, *(np.zeros((240 // scale, 240 // scale), np.uint8) for _ in range(3))) for scale in (1, 4)
    )
    fine.text[60:65, 40:50] = 200  # a word of 32 pixels
    coarse.text[15:19, 10:13] = 153  # the same and the one below it, seen as a line of 77
    sure, doubtful = Box(240, 160, 260, 200), Box(240, 160, 304, 208)
    assert {mark.core for mark in find_marks([fine, coarse], (960, 960))} == {sure, doubtful}


def test_what_a_place_had_covered_comes_back_where_that_is_none() -> None:
    fine, coarse = (
        Maps(scale, *(np.zeros((240 // scale, 240 // scale), np.uint8) for _ in range(3))) for scale in (1, 4)
    )
    fine.text[60:65, 40:60] = 178  # a likely line, and behind it
    coarse.text[15:18, 10:50] = 166  # the ticks of a ruler, seen as one place with it
    line, both = Box(240, 160, 260, 240), Box(240, 160, 288, 800)
    (seen,) = find_marks([fine, coarse], (960, 960))
    assert seen.core == both
    assert [mark.core for mark in find_marks([fine, coarse], (960, 960), without=[seen])] == [line]


@pytest.mark.parametrize(("hole_px", "stays"), [(0, False), (5, True)])
def test_beads_beside_a_letter_are_no_letters(text_ink: Burn, hole_px: int, *, stays: bool) -> None:
    letter = text_ink("R", 60)
    place = np.zeros((80, 120), np.bool_)
    place[10 : 10 + letter.shape[0], 40 : 40 + letter.shape[1]] = letter
    for middle in (16, 104):
        away = np.hypot(np.arange(80)[:, None] - 48, np.arange(120)[None, :] - middle)
        place |= (away >= hole_px) & (away <= 7.5)
    apart = letter_apart(place)
    assert apart is not None
    assert bool(apart[1].any()) is stays
