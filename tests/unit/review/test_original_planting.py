"""Identifiers in 16-bit originals: where it was said, as bright as in the picture, or seen in a window alone."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.imaging.decoding import StoredImage
from cxr_core.imaging.rendering import render, render_intensities
from cxr_core.imaging.windows import show_windows
from cxr_core.review.original_planting import PlantedOriginal, carry_over, is_hidden, plant_in_original
from cxr_core.review.planting import Gray, plant_on_image
from cxr_core.review.records import PixelBox
from cxr_core.vocabulary import Photometric

SIGNS = [False, True]


def chest(photometric: Photometric, *, is_signed: bool, noise: float = 3.0, bits: int = 12) -> StoredImage:
    """Black collimation around a bright chest; the stored type and its meaning as asked for."""
    rng = np.random.default_rng(2)
    top = (1 << bits) - 1
    values = np.full((600, 500), top * 0.55)
    cv2.ellipse(values, (250, 300), (110, 200), 0, 0, 360, top * 0.2, -1)
    values = cv2.GaussianBlur(values, (0, 0), 8) + rng.normal(0, noise, values.shape)
    values[:70], values[-70:] = 5, 5
    values[0, :40] = top
    whole = np.clip(np.rint(values), 0, top)
    if photometric is Photometric.MONOCHROME1:
        whole = top - whole
    pixels: NDArray[np.integer] = whole.astype(np.uint8 if bits == 8 else np.uint16)
    if is_signed:
        pixels = (whole - (top + 1) // 2).astype(np.int16)
    return StoredImage(pixels, bits, is_signed=is_signed, photometric=photometric, suspect=False)


def with_pixels(stored: StoredImage, pixels: NDArray[np.integer]) -> StoredImage:
    return StoredImage(pixels, stored.bits_stored, stored.is_signed, stored.photometric, suspect=False)


def changed(stored: StoredImage, pixels: NDArray[np.integer], box: PixelBox) -> NDArray[np.bool_]:
    """Which pixels were changed; all of them in the box."""
    found: NDArray[np.bool_] = stored.pixels != pixels
    outside = found.copy()
    outside[box.top : box.bottom, box.left : box.right] = False
    assert found.any()
    assert not outside.any()
    assert pixels.dtype == stored.pixels.dtype
    return found


def hidden_in(stored: StoredImage) -> PlantedOriginal:
    made = plant_in_original(stored, render(stored), "medium", np.random.default_rng(5))
    assert made is not None
    return made


@pytest.mark.parametrize("photometric", list(Photometric))
@pytest.mark.parametrize("is_signed", SIGNS)
def test_text_for_the_windows_is_in_no_picture(photometric: Photometric, *, is_signed: bool) -> None:
    stored = chest(photometric, is_signed=is_signed)
    made = hidden_in(stored)
    where, planted = changed(stored, made.pixels, made.box), with_pixels(stored, made.pixels)
    assert made.cell == "window:medium"
    difference = np.abs(render(stored).astype(int) - render(planted).astype(int))
    assert difference[where].mean() <= 2
    seen = [
        np.abs(before.astype(int) - after.astype(int))[where].mean()
        for before, after in zip(show_windows(stored).values(), show_windows(planted).values(), strict=True)
    ]
    assert max(seen) >= 10


@pytest.mark.parametrize("photometric", list(Photometric))
@pytest.mark.parametrize("is_signed", SIGNS)
def test_text_of_the_picture_stands_in_the_original_by_the_same_step(
    photometric: Photometric, *, is_signed: bool
) -> None:
    stored = chest(photometric, is_signed=is_signed)
    gray: Gray = render(stored)
    made = plant_on_image(gray, "clear:large", np.random.default_rng(3))
    assert made is not None
    pixels = carry_over(stored, gray, made.gray, made.box)
    where = changed(stored, pixels, made.box)
    step = made.gray.astype(int) - gray.astype(int)
    before, after = (render_intensities(one).astype(int) for one in (stored, with_pixels(stored, pixels)))
    assert np.array_equal(where, step != 0)
    assert np.array_equal(np.sign(after - before), np.sign(step)), "brighter where the picture is, darker where it is"
    assert np.abs(after - before)[np.abs(step) > 5].mean() > np.abs(after - before)[where & (np.abs(step) <= 5)].mean()


def test_no_value_leaves_what_its_bits_can_hold() -> None:
    stored = chest(Photometric.MONOCHROME2, is_signed=False)
    gray = render(stored)
    bright = np.full_like(gray, 255)
    box = PixelBox(0, 0, 600, 500)
    assert int(carry_over(stored, gray, bright, box).max()) <= 4095
    assert int(carry_over(stored, gray, np.zeros_like(gray), box).min()) >= 0


def test_noise_hides_nothing_that_could_be_read() -> None:
    noise = np.random.default_rng(1).integers(0, 4096, (600, 500)).astype(np.uint16)
    stored = with_pixels(chest(Photometric.MONOCHROME2, is_signed=False), noise)
    assert plant_in_original(stored, render(stored), "large", np.random.default_rng(1)) is None


def test_equalisation_hides_text_in_the_black_of_eight_bits_too() -> None:
    stored = chest(Photometric.MONOCHROME2, is_signed=False, bits=8)
    made = hidden_in(stored)
    where, planted = changed(stored, made.pixels, made.box), with_pixels(stored, made.pixels)
    assert np.abs(render(stored).astype(int) - render(planted).astype(int))[where].mean() <= 2


def test_one_of_three_planted_images_is_for_the_windows() -> None:
    assert [place for place in range(9) if is_hidden(place)] == [2, 5, 8]


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (40, 9)])
def test_the_smallest_images_have_windows(shape: tuple[int, int]) -> None:
    pixels = np.arange(shape[0] * shape[1], dtype=np.uint16).reshape(shape)
    shown = show_windows(StoredImage(pixels, 12, False, Photometric.MONOCHROME2, suspect=False))
    assert {picture.shape for picture in shown.values()} == {shape}
