"""Windows of 16-bit images: faint text that the published recipe truncates is seen in at least one of them."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.imaging.decoding import StoredImage
from cxr_core.imaging.rendering import render
from cxr_core.imaging.windows import show_windows
from cxr_core.vocabulary import Photometric, ReviewWindow

ROWS, COLUMNS = 500, 420
TOP, LEFT, HEIGHT = 40, 40, 16
HIDDEN_LEVELS, SEEN_LEVELS = 1.5, 10.0


def letters() -> NDArray[np.bool_]:
    canvas = np.zeros((ROWS, COLUMNS), np.uint8)
    scale = cv2.getFontScaleFromHeight(cv2.FONT_HERSHEY_SIMPLEX, HEIGHT, 2)
    cv2.putText(canvas, "DOE JANE 4411", (LEFT, TOP + HEIGHT), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 2)
    return canvas > 0


def chest(noise: float) -> NDArray[np.float64]:
    """12 bits: black collimation on top, a white block below, lungs and noise between."""
    rng = np.random.default_rng(1)
    made = np.full((ROWS, COLUMNS), 2200.0)
    cv2.ellipse(made, (130, 250), (60, 130), 0, 0, 360, 700, -1)
    cv2.ellipse(made, (290, 250), (60, 130), 0, 0, 360, 800, -1)
    return cv2.GaussianBlur(made, (0, 0), 9) + rng.normal(0, noise, made.shape)


def stored(values: NDArray[np.float64], photometric: Photometric, *, is_signed: bool = False) -> StoredImage:
    whole = np.clip(np.rint(values), 0, 4095)
    pixels = (whole - 2048).astype(np.int16) if is_signed else whole.astype(np.uint16)
    return StoredImage(pixels, bits_stored=12, is_signed=is_signed, photometric=photometric, suspect=False)


GROUNDS = {"black": 6.0, "white": 4088.0, "even": 2210.0}


def scene(ground: str, step: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A chest under an even field, without and with text a few of 4,096 values apart; both ends of the range occur."""
    values = chest(noise=2.0)
    values[:100] = GROUNDS[ground]
    values[-80:-40], values[-40:] = 0, 4095
    with_text = values.copy()
    with_text[letters()] += step
    return values, with_text


def levels(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(float) - other.astype(float))[letters()].mean())


@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("photometric", list(Photometric))
@pytest.mark.parametrize(
    ("ground", "step", "window"),
    [
        ("black", 3, ReviewWindow.DARKS),
        ("black", 1, ReviewWindow.FINE),
        ("white", -3, ReviewWindow.BRIGHTS),
        ("white", -1, ReviewWindow.FINE),
        ("even", 2, ReviewWindow.FINE),
    ],
)
def test_text_that_the_picture_hides_is_seen_in_a_window(
    ground: str, step: int, window: ReviewWindow, photometric: Photometric, *, is_signed: bool
) -> None:
    if photometric is Photometric.MONOCHROME1:  # the same picture, stored as its negative
        values, with_text = (4095 - one for one in scene(ground, step))
    else:
        values, with_text = scene(ground, step)
    without, text = (stored(one, photometric, is_signed=is_signed) for one in (values, with_text))
    assert levels(render(without), render(text)) < HIDDEN_LEVELS
    assert levels(show_windows(without)[window], show_windows(text)[window]) > SEEN_LEVELS


def test_one_white_hot_corner_hides_no_text_in_a_window() -> None:
    """The recipe gives such an image 16 grey levels: everything but the corner is dark."""
    values, with_text = (one.copy() for one in (chest(noise=8.0), chest(noise=8.0)))
    with_text[letters()] += 30
    values[-5:, -5:] = with_text[-5:, -5:] = 65535
    without, text = (
        StoredImage(
            np.rint(one).astype(np.uint16), 16, is_signed=False, photometric=Photometric.MONOCHROME2, suspect=False
        )
        for one in (values, with_text)
    )
    shown = levels(show_windows(without)[ReviewWindow.FINE], show_windows(text)[ReviewWindow.FINE])
    noise = show_windows(without)[ReviewWindow.FINE][:100].std()
    assert shown > max(SEEN_LEVELS, noise)


@pytest.mark.parametrize("value", [0, 77, 4095])
def test_an_even_image_has_even_windows(value: int) -> None:
    shown = show_windows(stored(np.full((30, 20), float(value)), Photometric.MONOCHROME2))
    assert set(shown) == set(ReviewWindow)
    assert all(picture.shape == (30, 20) and np.ptp(picture) == 0 for picture in shown.values())


def test_windows_grow_from_dark_to_bright() -> None:
    ramp = np.tile(np.linspace(0, 4095, 300), (200, 1))
    shown = show_windows(stored(ramp, Photometric.MONOCHROME2))
    for window in (ReviewWindow.DARKS, ReviewWindow.BRIGHTS):
        assert (np.diff(shown[window][100].astype(int)) >= 0).all()
        assert (shown[window][100][0], shown[window][100][-1]) == (0, 255)
