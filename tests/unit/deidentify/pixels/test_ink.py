"""What is taken for ink at a marked place."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.ink import find_inks
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
    edge = cv2.dilate(fill.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    box = Box(200, 150, 200 + fill.shape[0], 150 + fill.shape[1])
    part = image[box.window]
    part[edge], part[fill] = 60, 4000
    image[box.window] = cv2.GaussianBlur(part, (0, 0), 0.7)
    mark = Mark(Box(box.top + 8, box.left, box.bottom - 8, box.right), 1, 0.9, is_vertical=False)
    inks = list(find_inks(prepare_search(image, Photometric.MONOCHROME2), mark))
    assert max(likeness(ink.mask, _within(fill, box, ink.reach)) for ink in inks) > 0.75


def _within(ink: NDArray[np.bool_], box: Box, reach: Box) -> NDArray[np.bool_]:
    whole = np.zeros((reach.height, reach.width), np.bool_)
    whole[box.top - reach.top : box.bottom - reach.top, box.left - reach.left : box.right - reach.left] = ink
    return whole
