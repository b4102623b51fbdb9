"""A removed line goes on while letters of its size and tone follow."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.continuation import belongs_to, carried_on
from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.proposals import prepare_search
from cxr_core.vocabulary import Photometric

Draw = Callable[..., NDArray[np.uint16]]
Burn = Callable[..., NDArray[np.bool_]]


def seen(ink: NDArray[np.bool_], image: NDArray[np.uint16], share: slice, *, is_vertical: bool) -> tuple[Box, Box]:
    """The whole rectangle of the ink, and that of the line carried on from a part of it."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    whole = Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    part = rows[share] if is_vertical else columns[share]
    ends = int(part[0]), int(part[-1]) + 1
    box = (
        Box(ends[0], whole.left, ends[1], whole.right)
        if is_vertical
        else Box(whole.top, ends[0], whole.bottom, ends[1])
    )
    line = Line(box, is_vertical, 28.0, 5, 0.9)
    return whole, carried_on(prepare_search(image, Photometric.MONOCHROME2), line).box


@pytest.mark.parametrize("turn", [0, 1])
@pytest.mark.parametrize("share", [slice(90, None), slice(0, 90), slice(70, 150)])
def test_a_line_seen_in_part_is_carried_on_to_both_ends(noise_image: Draw, burn: Burn, turn: int, share: slice) -> None:
    image = noise_image()
    ink = burn(image, "ACC# 134531328", (120, 120), turn=turn)
    whole, box = seen(ink, image, share, is_vertical=turn == 1)
    assert box.intersection(whole) == whole.area


def test_a_line_in_a_tight_box_on_bright_ground_is_carried_on(noise_image: Draw, burn: Burn) -> None:
    image = noise_image() + np.uint16(1200)
    image[116:150, 116:380] = 100
    ink = burn(image, "ACC# 134531328", (120, 120), value=900)
    whole, box = seen(ink, image, slice(90, None), is_vertical=False)
    assert box.intersection(whole) == whole.area


@pytest.mark.parametrize("share", [slice(0, 220), slice(60, None), slice(60, 220)])
def test_heavy_type_whose_letters_run_together_is_carried_on(noise_image: Draw, share: slice) -> None:
    image, ink = noise_image(), np.zeros((480, 520), np.bool_)
    for left, width in ((120, 96), (228, 84), (324, 90)):  # three words, hardly any ground between their letters
        ink[120:148, left : left + width] = True
        for hole in range(left + 8, left + width - 8, 14):
            ink[126:142, hole : hole + 6] = False
    image[ink] = 3600
    whole, box = seen(ink, image, share, is_vertical=False)
    assert box.intersection(whole) == whole.area


def test_a_whole_line_stays_as_it_is(noise_image: Draw, burn: Burn) -> None:
    image = noise_image()
    ink = burn(image, "ACC# 134531328", (120, 120))
    whole, box = seen(ink, image, slice(0, None), is_vertical=False)
    assert box == whole


def test_what_stands_two_lines_away_is_not_taken(noise_image: Draw, burn: Burn) -> None:
    image = noise_image()
    ink = burn(image, "134531328", (120, 120))
    burn(image, "PORTABLE", (120, 360))
    whole, box = seen(ink, image, slice(0, None), is_vertical=False)
    assert box == whole


@pytest.mark.parametrize(
    ("height", "belongs"),
    [(24, True), (40, False), (14, False)],  # an initial that follows a name; lead beside small type; small type
)
def test_a_kept_letter_belongs_to_a_line_of_its_height(height: int, *, belongs: bool) -> None:
    name = Line(Box(100, 100, 124, 260), False, 24.0, 9, 0.9)
    letter = Line(Box(100, 300, 100 + height, 300 + height), False, float(height), 1, 0.9)
    assert belongs_to(letter, name) is belongs


def test_no_letter_belongs_to_what_is_hardly_a_line() -> None:
    faint = Line(Box(100, 100, 124, 160), False, 24.0, 1, 0.3)
    assert not belongs_to(Line(Box(100, 200, 124, 220), False, 24.0, 1, 0.9), faint)
