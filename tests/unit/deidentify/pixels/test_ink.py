"""What is taken for ink at a marked place."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.ink import Ink, find_inks, without_bare_ends
from cxr_core.deidentify.pixels.marks import Mark
from cxr_core.deidentify.pixels.model import Box
from cxr_core.deidentify.pixels.proposals import prepare_search
from cxr_core.vocabulary import Photometric

Draw = Callable[..., NDArray[np.uint16]]
Write = Callable[..., NDArray[np.bool_]]


def likeness(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    seen = cv2.resize(one.astype(np.uint8), other.shape[::-1], interpolation=cv2.INTER_AREA) > 0
    return float((seen & other).sum() / (seen | other).sum())


def test_outlined_type_shows_its_fill_without_the_outline(noise_image: Draw, text_ink: Write) -> None:
    image, fill = noise_image(), np.pad(text_ink("ERECT", 40), 3)
    box = Box(200, 150, 200 + fill.shape[0], 150 + fill.shape[1])
    mark = outlined(image, fill, (200, 150), 4000, 60)
    inks = list(find_inks(prepare_search(image, Photometric.MONOCHROME2), mark))
    assert max(likeness(ink.mask, _within(fill, box, ink.reach)) for ink in inks) > 0.75


def outlined(
    image: NDArray[np.uint16], fill: NDArray[np.bool_], at: tuple[int, int], tone: int, edge_tone: int
) -> Mark:
    """Draw outlined type into the image; gives the mark of its line."""
    edge = cv2.dilate(fill.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    box = Box(at[0], at[1], at[0] + fill.shape[0], at[1] + fill.shape[1])
    part = image[box.window]
    part[edge], part[fill] = edge_tone, tone
    image[box.window] = cv2.GaussianBlur(part, (0, 0), 0.7)
    return Mark(Box(box.top + 8, box.left, box.bottom - 8, box.right), 1, 0.9, is_vertical=False)


@pytest.mark.parametrize(("ground", "edge_tone"), [(3900, 60), (300, 3900)])
def test_type_of_the_tone_of_its_ground_shows_the_fill_of_its_outline(
    text_ink: Write, ground: int, edge_tone: int
) -> None:
    fill = np.pad(text_ink("PORTABLE", 48), 3)
    image = np.random.default_rng(1).normal(ground, 25, (480, 520)).clip(0, 4095).astype(np.uint16)
    image[:, 500:] = 2000
    mark = outlined(image, fill, (200, 150), ground + 40, edge_tone)
    box = Box(200, 150, 200 + fill.shape[0], 150 + fill.shape[1])
    inks = list(find_inks(prepare_search(image, Photometric.MONOCHROME2), mark))
    assert max(likeness(ink.mask, _within(fill, box, ink.reach)) for ink in inks) > 0.75


def test_outlined_type_beside_plain_type_is_not_shown_without_it(text_ink: Write) -> None:
    fill, name = np.pad(text_ink("ERECT", 48), 3), text_ink("ROSS", 48)
    image = np.random.default_rng(1).normal(3900, 25, (480, 520)).clip(0, 4095).astype(np.uint16)
    image[:, 500:] = 2000
    mark = outlined(image, fill, (200, 60), 3940, 60)
    left = 60 + fill.shape[1] + 16
    image[203 : 203 + name.shape[0], left : left + name.shape[1]][name] = 60
    whole = replace(mark, core=replace(mark.core, right=left + name.shape[1]))
    for ink in find_inks(prepare_search(image, Photometric.MONOCHROME2), whole):
        assert ink.box.right > left


@pytest.mark.parametrize("photometric", list(Photometric))
def test_type_of_one_tone_is_whole_across_a_border_of_the_ground(text_ink: Write, photometric: Photometric) -> None:
    """The upper half lies on a bright ground, the lower on a dark one; the type is brighter than either, or darker."""
    image, fill = bordered(), text_ink("STANDING", 40)
    box = Box(240 - fill.shape[0] // 2, 150, 240 - fill.shape[0] // 2 + fill.shape[0], 150 + fill.shape[1])
    image[box.window][fill] = 4000
    image[box.window] = cv2.GaussianBlur(image[box.window], (0, 0), 0.6)
    mark = Mark(Box(box.top + 6, box.left, box.bottom - 6, box.right), 1, 0.9, is_vertical=False)
    inks = list(find_inks(prepare_search(image, photometric), mark))
    assert max(likeness(ink.mask, _within(fill, box, ink.reach)) for ink in inks) > 0.7


def test_type_across_a_border_is_not_shown_without_what_stands_beside_it_in_another_tone(text_ink: Write) -> None:
    image, fill, name = bordered(), text_ink("STANDING", 40), text_ink("ROSS", 40)
    left = 60 + fill.shape[1] + 16
    image[225 : 225 + fill.shape[0], 60 : 60 + fill.shape[1]][fill] = 4000
    image[225 : 225 + name.shape[0], left : left + name.shape[1]][name] = 1900
    mark = Mark(Box(231, 60, 219 + fill.shape[0], left + name.shape[1]), 1, 0.9, is_vertical=False)
    for ink in find_inks(prepare_search(image, Photometric.MONOCHROME2), mark):
        assert ink.box.right > left


@pytest.mark.parametrize(("beside", "is_cut"), [("", True), ("ROSS", False)])
def test_a_mark_that_runs_on_beyond_type_is_cut_down_to_it_only_where_nothing_else_is_drawn(
    text_ink: Write, beside: str, *, is_cut: bool
) -> None:
    image, fill = np.full((300, 520), 300, np.uint16), text_ink("LAT", 40)
    image[:100] = 4095
    left = 60 + fill.shape[1]
    image[200 : 200 + fill.shape[0], 60:left][fill] = 4000
    if beside:
        faint = text_ink(beside, 20)
        image[200 : 200 + faint.shape[0], left + 20 : left + 20 + faint.shape[1]][faint] = 520
    mark = Mark(Box(204, 60, 196 + fill.shape[0], left + 80), 1, 0.9, is_vertical=False)
    core = without_bare_ends(prepare_search(image, Photometric.MONOCHROME2), mark).core
    assert (core.left, core.top, core.bottom) == (60, mark.core.top, mark.core.bottom)
    assert (core.right <= left + 4) is is_cut


def bordered() -> NDArray[np.uint16]:
    """Bright above, dark below, with grain."""
    image = np.random.default_rng(1).normal(3000, 25, (480, 520))
    image[240:] -= 2600
    return image.clip(0, 4095).astype(np.uint16)


def _within(ink: NDArray[np.bool_], box: Box, reach: Box) -> NDArray[np.bool_]:
    whole = np.zeros((reach.height, reach.width), np.bool_)
    whole[box.top - reach.top : box.bottom - reach.top, box.left - reach.left : box.right - reach.left] = ink
    return whole


@pytest.mark.parametrize(
    ("rows", "columns", "is_spilt"), [((0, 30), (4, 60), True), ((9, 22), (0, 90), True), ((0, 29), (1, 90), False)]
)
def test_ink_is_spilt_where_it_fills_its_reach_from_side_to_side(
    rows: tuple[int, int], columns: tuple[int, int], *, is_spilt: bool
) -> None:
    mask = np.zeros((30, 90), np.bool_)
    mask[rows[0] : rows[1], columns[0] : columns[1]] = True
    assert Ink(mask, Box(0, 0, 60, 180), 0.0).is_spilt is is_spilt
