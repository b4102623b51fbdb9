from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cxr_core.deidentify.pixels.model import TextReader
from cxr_core.deidentify.pixels.readers import build_readers


class FakeReader:
    """Answers what it is told, whatever it is shown; counts the crops it saw."""

    def __init__(self, text: str | Exception, score: float = 0.99, name: str = "fake") -> None:
        self.name = name
        self.seen = 0
        self._answer = text
        self._score = score

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        if isinstance(self._answer, Exception):
            raise self._answer
        self.seen += len(crops)
        return [(self._answer, self._score) for _ in crops]


@pytest.fixture
def fake_reader() -> Callable[..., FakeReader]:
    return FakeReader


@pytest.fixture(scope="session")
def rapidocr() -> TextReader:
    return build_readers(["rapidocr"])[0]


def _noise_image(rows: int = 480, columns: int = 520, *, bits: int = 12, seed: int = 1) -> NDArray[np.uint16]:
    """A soft, grainy field without text, mid grey, well inside the range of `bits`."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:rows, 0:columns]
    field = 0.35 + 0.15 * np.sin(y / 90) * np.cos(x / 110)
    grain = cv2.GaussianBlur(rng.normal(0, 1, (rows, columns)), (0, 0), 0.8) * 0.012
    return np.clip((field + grain) * (2**bits - 1), 20, 2**bits - 20).astype(np.uint16)


def _text_ink(text: str, size: int = 28) -> NDArray[np.bool_]:
    """The ink of one line in PIL's own font, cropped."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(text)
    picture = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4), 0)
    ImageDraw.Draw(picture).text((2 - left, 2 - top), text, fill=255, font=font)
    ink = np.asarray(picture) > 127
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _burn(image: NDArray[np.uint16], text: str, at: tuple[int, int], **options: int) -> NDArray[np.bool_]:
    """Burn a line into the image; gives the mask of its ink. Options: size, value, turn (quarter turns)."""
    ink = np.rot90(_text_ink(text, options.get("size", 28)), options.get("turn", 0))
    mask = np.zeros(image.shape, np.bool_)
    mask[at[0] : at[0] + ink.shape[0], at[1] : at[1] + ink.shape[1]] = ink
    image[mask] = options.get("value", 4095)
    return mask


@pytest.fixture(scope="session")
def noise_image() -> Callable[..., NDArray[np.uint16]]:
    return _noise_image


@pytest.fixture(scope="session")
def text_ink() -> Callable[..., NDArray[np.bool_]]:
    return _text_ink


@pytest.fixture(scope="session")
def burn() -> Callable[..., NDArray[np.bool_]]:
    return _burn
