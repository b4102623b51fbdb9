"""A few like things one after the other are no text."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.columns import is_column
from cxr_core.deidentify.pixels.marks import Mark
from cxr_core.deidentify.pixels.model import Box
from cxr_core.deidentify.pixels.proposals import prepare_search
from cxr_core.deidentify.pixels.series import is_of_a_row
from cxr_core.vocabulary import Photometric

Draw = Callable[..., NDArray[np.uint16]]
Write = Callable[..., NDArray[np.bool_]]
STEP_PX = 36


def on_ground(ink: NDArray[np.bool_], seed: int = 1) -> NDArray[np.uint8]:
    """The ink, soft, on a grainy ground that grows brighter from end to end."""
    ground = np.linspace(60, 140, ink.shape[1])[None, :] + np.random.default_rng(seed).normal(0, 4, ink.shape)
    soft = cv2.GaussianBlur(ink.astype(np.float32), (0, 0), 1.2)
    return np.clip(ground + 70 * soft, 0, 255).astype(np.uint8)


def hooks_and_eyes(count: int, height_px: int = 64) -> NDArray[np.bool_]:
    """Two rows along the columns: rings in one, short bars in the other."""
    drawn = np.zeros((height_px, count * STEP_PX), np.uint8)
    for middle in range(STEP_PX // 2, count * STEP_PX, STEP_PX):
        cv2.circle(drawn, (middle, height_px // 4), height_px // 8, 1, 3)
        cv2.line(drawn, (middle - 8, 3 * height_px // 4), (middle + 8, 3 * height_px // 4 + 3), 1, 4)
    return drawn > 0


@pytest.mark.parametrize("count", [5, 8, 20])
def test_hooks_and_eyes_are_a_column(count: int) -> None:
    assert is_column(on_ground(hooks_and_eyes(count)))


def test_three_of_them_or_small_ones_are_none() -> None:
    assert not is_column(on_ground(hooks_and_eyes(3)))
    assert not is_column(np.ascontiguousarray(on_ground(hooks_and_eyes(8))[::3, ::3]))


def test_things_of_which_one_is_unlike_the_next_are_none() -> None:
    ink = hooks_and_eyes(8)
    ink[:, 4 * STEP_PX : 5 * STEP_PX] = ink[::-1, 4 * STEP_PX : 5 * STEP_PX]
    assert not is_column(on_ground(ink))


@pytest.mark.parametrize("size", [36, 60])
@pytest.mark.parametrize(
    "text", ["RODRIGUEZ^HARUKA^M", "MRN: 00011100011", "12/12/1912", "Minimum", "LILLIE", "1111112", "NGUYEN, ANNA"]
)
def test_words_and_numbers_are_none(text_ink: Write, text: str, size: int) -> None:
    assert not is_column(on_ground(np.pad(text_ink(text, size), size // 4)))


def test_things_that_go_on_to_either_side_are_none() -> None:
    hooks, more = on_ground(hooks_and_eyes(8)), on_ground(hooks_and_eyes(8), seed=2)
    plain = on_ground(np.zeros(hooks.shape, np.bool_))
    assert is_column(hooks, [plain, plain])
    assert is_column(hooks, [plain, more])
    assert not is_column(hooks, [more, more])


def test_a_place_may_reach_beyond_its_things() -> None:
    ink = hooks_and_eyes(9)
    ink[:, -STEP_PX:] = False
    assert is_column(on_ground(ink))


@pytest.mark.parametrize(
    ("is_upright", "probability", "is_one"), [(True, 0.9, True), (True, 0.96, False), (False, 0.7, False)]
)
def test_only_upright_columns_are_left_that_are_not_beyond_doubt_text(
    noise_image: Draw, probability: float, *, is_upright: bool, is_one: bool
) -> None:
    image, hooks = noise_image(), hooks_and_eyes(8)
    shown = hooks.T if is_upright else hooks
    core = Box(100, 200, 100 + shown.shape[0], 200 + shown.shape[1])
    image[core.window][shown] += 900
    mark = Mark(core, 1, probability, is_upright)
    assert is_of_a_row(prepare_search(image, Photometric.MONOCHROME2), mark) is is_one
