"""Rows of like things, and what only seems to be one."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.lines import is_of_a_row
from cxr_core.deidentify.pixels.marks import Mark
from cxr_core.deidentify.pixels.model import Box
from cxr_core.deidentify.pixels.proposals import prepare_search
from cxr_core.vocabulary import Photometric

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
