"""What has the pattern of a code, and is one."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.contrast import is_ground
from cxr_core.deidentify.pixels.model import Box
from cxr_core.deidentify.pixels.network import Maps
from cxr_core.deidentify.pixels.proposals import prepare_search
from cxr_core.vocabulary import Photometric

SHAPE = 400, 600
CODE = Box(120, 160, 240, 400)


def ground() -> NDArray[np.uint16]:
    """Grain on a slope from dark to bright."""
    slope = np.linspace(300, 3600, SHAPE[1])[None, :]
    return (slope + np.random.default_rng(3).normal(0, 6, SHAPE)).astype(np.uint16)


def bars(box: Box, contrast: float) -> NDArray[np.int64]:
    """Bars of uneven width, as much brighter as is told, of the range."""
    columns = np.repeat(np.random.default_rng(5).integers(0, 2, box.width // 4 + 1), 4)[: box.width]
    picture = np.zeros(SHAPE, np.int64)
    picture[box.window] = columns[None, :] * round(contrast * 4095)
    return picture


def maps(text: int = 0) -> list[Maps]:
    cells = np.zeros((SHAPE[0] // 4, SHAPE[1] // 4), np.uint8)
    cells[40:44, 60:80] = text
    return [Maps(1, cells, np.zeros_like(cells), np.zeros_like(cells))]


def is_no_code(picture: NDArray[np.int64], *, text: int = 0, box: Box = CODE) -> bool:
    stored = np.clip(picture, 0, 4095).astype(np.uint16)
    return is_ground(prepare_search(stored, Photometric.MONOCHROME2), maps(text), box)


@pytest.mark.parametrize("contrast", [0.05, 0.1, 0.5])
def test_a_code_stands_out_however_faint_it_is(contrast: float) -> None:
    assert not is_no_code(ground() + bars(CODE, contrast))


def test_a_small_code_stands_out_from_the_middle_of_its_place() -> None:
    small = Box(150, 240, 190, 280)
    assert not is_no_code(ground() + bars(small, 0.4), box=small.grown(20, SHAPE))


def test_the_lines_of_a_grid_are_no_code() -> None:
    grid = np.zeros(SHAPE, np.int64)
    grid[:, ::8] = grid[:, 1::8] = 250
    assert is_no_code(ground() + grid)


def test_a_code_on_a_grid_goes_by_its_contrast() -> None:
    grid = np.zeros(SHAPE, np.int64)
    grid[:, ::8] = grid[:, 1::8] = 250
    assert not is_no_code(ground() + grid + bars(CODE, 0.3))


def test_where_a_grid_faintly_looks_like_text_nothing_is_let_go() -> None:
    grid = np.zeros(SHAPE, np.int64)
    grid[:, ::8] = grid[:, 1::8] = 250
    assert not is_no_code(ground() + grid, text=60)


def grain(spread: float) -> NDArray[np.int64]:
    """Blurred noise, as exposures with few quanta have."""
    noise = np.random.default_rng(9).normal(0, 1, SHAPE)
    coarse = cv2.GaussianBlur(noise, (0, 0), 1.2)
    return np.rint(coarse / coarse.std() * spread * 4095).astype(np.int64)


def test_coarse_grain_is_no_code_whatever_it_looks_like() -> None:
    assert is_no_code(ground() + grain(0.02), text=150)


def test_faint_bars_in_coarse_grain_are_a_code() -> None:
    assert not is_no_code(ground() + grain(0.02) + bars(CODE, 0.08), text=150)
