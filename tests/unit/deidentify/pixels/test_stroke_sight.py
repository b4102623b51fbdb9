"""Which pixels of a place are taken for strokes of type by the look of them."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.proposals import prepare_search
from cxr_core.deidentify.pixels.stroke_sight import as_planes, by_sight, strokes_of
from cxr_core.vocabulary import Photometric

Grey = NDArray[np.uint8]
Draw = Callable[..., NDArray[np.uint16]]
Burn = Callable[..., NDArray[np.bool_]]
Write = Callable[..., NDArray[np.bool_]]


def ground(shape: tuple[int, ...], tone: float = 110, seed: int = 1) -> NDArray[np.float32]:
    grain = np.random.default_rng(seed).normal(0, 5, shape)
    return np.asarray(tone + cv2.GaussianBlur(grain, (0, 0), 0.8), dtype=np.float32)


def shown(place: NDArray[np.float32]) -> NDArray[np.bool_]:
    grey = np.clip(cv2.GaussianBlur(place, (0, 0), 0.6), 0, 255).astype(np.uint8)
    return strokes_of(grey, np.zeros_like(grey)) > 0.5


def likeness(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


def word(text_ink: Write) -> NDArray[np.bool_]:
    return np.pad(text_ink("PORTABLE", 42), ((10, 10), (14, 14)))


@pytest.mark.parametrize("tone", [250.0, 10.0])
def test_type_is_told_bright_or_dark(text_ink: Write, tone: float) -> None:
    ink = word(text_ink)
    assert likeness(shown(np.where(ink, tone, ground(ink.shape))), ink) > 0.75


@pytest.mark.parametrize("tone", [250.0, 10.0])
def test_of_type_in_scan_lines_whole_letters_are_made(text_ink: Write, tone: float) -> None:
    ink = word(text_ink)
    drawn = ink & (np.arange(len(ink)) % 4 < 2)[:, None]
    assert likeness(shown(np.where(drawn, tone, ground(ink.shape))), ink) > 0.7


def test_type_is_whole_across_a_border_of_the_ground(text_ink: Write) -> None:
    ink = word(text_ink)
    beneath = ground(ink.shape) + np.where(np.arange(ink.shape[1]) < 110, -70, 90).astype(np.float32)
    assert likeness(shown(np.where(ink, 250, beneath)), ink) > 0.7


@pytest.mark.parametrize(("fill", "edge"), [(250.0, 5.0), (20.0, 240.0)])
def test_of_outlined_type_the_fill_is_told(text_ink: Write, fill: float, edge: float) -> None:
    ink = word(text_ink)
    around = cv2.dilate(ink.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert likeness(shown(np.where(ink, fill, np.where(around, edge, ground(ink.shape)))), ink) > 0.7


@pytest.mark.parametrize("seed", range(4))
def test_bare_ground_has_no_strokes(seed: int) -> None:
    assert shown(ground((52, 160), seed=seed)).mean() < 0.01


@given(st.integers(1, 70), st.integers(1, 90))
def test_an_answer_is_as_large_as_the_place(rows: int, columns: int) -> None:
    grey = np.random.default_rng(rows).integers(0, 256, (rows, columns)).astype(np.uint8)
    assert strokes_of(grey, grey).shape == as_planes(grey, grey).shape[1:] == (rows, columns)


@pytest.mark.parametrize("photometric", list(Photometric))
@pytest.mark.parametrize("turn", [0, 1])
def test_a_line_is_shown_in_ink_that_looks_like_strokes(
    noise_image: Draw, burn: Burn, turn: int, photometric: Photometric
) -> None:
    image = noise_image()
    ink = burn(image, "STANDING", (120, 140), turn=turn)
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    box = Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    line = Line(box, turn == 1, float(min(box.height, box.width)), 8, 0.9)
    seen = by_sight(prepare_search(image, photometric), line)
    assert seen is not None
    assert (seen.box, len(seen.inks)) == (box, 2)
    whole = cv2.resize(seen.inks[0].astype(np.uint8), (seen.ink_box.width, seen.ink_box.height)) > 0
    assert likeness(whole, ink[seen.ink_box.window]) > 0.6


def test_a_place_of_bare_ground_has_no_such_ink(noise_image: Draw) -> None:
    line = Line(Box(200, 100, 224, 260), False, 24.0, 8, 0.9)
    assert by_sight(prepare_search(noise_image(), Photometric.MONOCHROME2), line) is None
