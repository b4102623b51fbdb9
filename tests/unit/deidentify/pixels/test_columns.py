"""A few like things one after the other are no text."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.columns import DOUBTFUL_ON_END, LEVEL, ON_END, Alike, is_column, is_thing_of

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


@pytest.mark.parametrize("asked", [ON_END, DOUBTFUL_ON_END, LEVEL])
def test_a_place_may_begin_and_end_beyond_its_things(asked: Alike) -> None:
    ink = np.pad(hooks_and_eyes(7), ((0, 0), (STEP_PX * 2 // 3, STEP_PX)))
    assert is_column(on_ground(ink), alike=asked)


@pytest.mark.parametrize(("count", "is_one"), [(4, False), (5, True)])
def test_of_a_level_place_one_thing_more_is_asked(count: int, *, is_one: bool) -> None:
    assert is_column(on_ground(hooks_and_eyes(count)), alike=ON_END)
    assert is_column(on_ground(hooks_and_eyes(count)), alike=LEVEL) is is_one


def test_faint_things_are_alike_enough_on_end_where_little_speaks_for_text() -> None:
    faint = on_ground(hooks_and_eyes(8)) + np.random.default_rng(3).normal(0, 17, (64, 8 * STEP_PX))
    assert is_column(faint.clip(0, 255).astype(np.uint8), alike=DOUBTFUL_ON_END)
    assert not is_column(faint.clip(0, 255).astype(np.uint8), alike=ON_END)


@pytest.mark.parametrize("text", ["Ross, Ruth", "0012", "KHAN"])
def test_a_column_with_a_name_upon_it_is_none(text_ink: Write, text: str) -> None:
    ink, name = hooks_and_eyes(8), text_ink(text, 44)
    assert is_column(on_ground(ink), alike=DOUBTFUL_ON_END)
    ink[10 : 10 + name.shape[0], 40 : 40 + name.shape[1]] |= name
    assert not is_column(on_ground(ink), alike=DOUBTFUL_ON_END)


@pytest.mark.parametrize(("first", "last", "is_one"), [(40, 140, True), (150, 190, True), (0, 30, True)])
def test_a_thing_of_a_column_is_like_the_next_one(first: int, last: int, *, is_one: bool) -> None:
    assert is_thing_of(on_ground(hooks_and_eyes(8)), slice(first, last), ON_END) is is_one


def test_what_lies_upon_a_column_is_none_of_its_things(text_ink: Write) -> None:
    ink, name = hooks_and_eyes(8), text_ink("KB", 40)
    ink[8 : 8 + name.shape[0], 120 : 120 + name.shape[1]] = name
    assert not is_thing_of(on_ground(ink), slice(118, 124 + name.shape[1]), ON_END)
