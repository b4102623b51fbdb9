"""Plants identifiers in 16-bit originals: what the picture shows stands there, too, and some that no picture shows.

Takes stored pixels, the picture and a random generator, gives stored pixels with one identifier more and where it
stands. Where DICOM is released, a leak can hide in a contrast that 8 bits truncate: readers are measured on such ones,
too. Writing the files is left to the task.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.imaging.decoding import StoredImage
from cxr_core.imaging.rendering import render_intensities
from cxr_core.imaging.windows import WindowScale, show_window, window_scale
from cxr_core.review.planting import SIZES, Gray, Ink, identifier, ink_of, place_along_edge, type_size
from cxr_core.review.records import PixelBox
from cxr_core.vocabulary import Photometric, ReviewWindow

HIDDEN_CELLS = tuple(f"window:{size}" for size in SIZES)
_EVERY = 3  # of three planted images one is seen in a window only
_STEPS = (64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
_MOST_LEVELS = 1.5  # of the picture's 256: less than its own compression changes
_LEAST_LEVELS = 15  # of a window's 256, and more than the noise around
_NOISE_SHARE = 1.5
_PLACES = 24
_INKED = 0.5

Stored = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class PlantedOriginal:
    """Stored pixels with one identifier more that the picture does not show."""

    pixels: Stored = field(repr=False)
    box: PixelBox
    cell: str


def is_hidden(place: int) -> bool:
    """Whether the planted image of that place in the draw shows its text in a window only."""
    return place % _EVERY == _EVERY - 1


def carry_over(stored: StoredImage, before: Gray, after: Gray, box: PixelBox) -> Stored:
    """Plant in the original what was planted in its picture: the same step, read backwards through the rendering.

    Parameters
    ----------
    before, after : (rows, columns) uint8 array
        The picture without and with the text; equal outside `box`.

    Returns
    -------
    (rows, columns) array of the stored type
        Equal to `stored.pixels` outside the box.
    """
    inside = _window_of(box)
    counts = np.bincount(before.ravel(), minlength=256)
    sums = np.bincount(before.ravel(), weights=render_intensities(stored).ravel(), minlength=256)
    levels = np.flatnonzero(counts)
    intensities = np.maximum.accumulate(sums[levels] / counts[levels])
    old, new = before[inside].astype(np.float64), after[inside].astype(np.float64)
    change = np.rint(np.interp(new, levels, intensities) - np.interp(old, levels, intensities))
    least = np.sign(new - old)
    return _changed(stored, inside, np.where(np.abs(change) < np.abs(least), least, change))


def plant_in_original(
    stored: StoredImage, gray: Gray, size_name: str, rng: np.random.Generator
) -> PlantedOriginal | None:
    """Write one identifier near an edge, at a contrast that a window shows and the picture does not.

    Parameters
    ----------
    gray : (rows, columns) uint8 array
        The picture as rendered from `stored`.
    size_name : str
        One of `SIZES`.

    Returns
    -------
    PlantedOriginal or None
        None where no place has such a contrast: too noisy, or shown by the picture as well.
    """
    ink = ink_of(identifier(rng), type_size(gray, size_name, rng), rng)[: gray.shape[0], : gray.shape[1]]
    intensities = render_intensities(stored)
    scale = window_scale(intensities)
    levels = _levels(intensities, gray)
    for _ in range(_PLACES):
        box = place_along_edge(gray.shape, ink.shape, rng)
        inside = _window_of(box)
        sign = 1 if gray[inside].mean() < 128 else -1
        ground = intensities[inside].astype(np.float64)
        least = max(1.0, _NOISE_SHARE * _noise(ground))
        for step in (step for step in _STEPS if step >= least):
            change = sign * np.rint(step * ink)
            if _shown(levels, ground, change, ink) > _MOST_LEVELS:
                continue
            if _is_seen(intensities, scale, box, change, ink):
                return PlantedOriginal(_changed(stored, inside, change), box, f"window:{size_name}")
            break  # a smaller step is seen less
    return None


def _window_of(box: PixelBox) -> tuple[slice, slice]:
    return slice(box.top, box.bottom), slice(box.left, box.right)


def _levels(intensities: NDArray[np.uint16], gray: Gray) -> tuple[NDArray[np.intp], Gray]:
    """The rendering as a table: intensities that occur and their grey levels."""
    table = np.zeros(1 << 16, np.uint8)
    table[intensities.ravel()] = gray.ravel()
    present = np.flatnonzero(np.bincount(intensities.ravel(), minlength=1 << 16))
    return present, table[present]


def _shown(
    levels: tuple[NDArray[np.intp], Gray], ground: NDArray[np.float64], change: NDArray[np.float64], ink: Ink
) -> float:
    """By how many grey levels the picture would show the letters."""
    before, after = (np.interp(values, *levels) for values in (ground, ground + change))
    return float(np.abs(after - before)[ink > _INKED].mean())


def _is_seen(
    intensities: NDArray[np.uint16], scale: WindowScale, box: PixelBox, change: NDArray[np.float64], ink: Ink
) -> bool:
    """Whether a window shows the letters, and more than the noise around them."""
    margin = round(6 * scale.ground_px)
    top, left = max(0, box.top - margin), max(0, box.left - margin)
    part = intensities[top : box.bottom + margin, left : box.right + margin]
    inside = (slice(box.top - top, box.bottom - top), slice(box.left - left, box.right - left))
    planted = part.astype(np.float64)
    planted[inside] += change
    with_text = np.clip(planted, 0, 65535).astype(np.uint16)
    for window in ReviewWindow:
        before, after = (show_window(values, window, scale)[inside].astype(np.float64) for values in (part, with_text))
        step = np.abs(after - before)[ink > _INKED].mean()
        if step >= max(_LEAST_LEVELS, _noise(before)):
            return True
    return False


def _noise(ground: NDArray[np.float64]) -> float:
    """Standard deviation of what changes from pixel to pixel."""
    return float((ground - cv2.GaussianBlur(ground, (0, 0), 2)).std())


def _changed(stored: StoredImage, inside: tuple[slice, slice], change: NDArray[np.float64]) -> Stored:
    """Stored pixels with a change of brightness, within what their bits can hold."""
    if stored.photometric is Photometric.MONOCHROME1:
        change = -change
    half = 1 << (stored.bits_stored - 1)
    low, high = (-half, half - 1) if stored.is_signed else (0, 2 * half - 1)
    made = stored.pixels.copy()
    values = made[inside].astype(np.float64)
    clipped = np.clip(values + change, np.minimum(values, low), np.maximum(values, high))
    made[inside] = clipped.astype(made.dtype)
    return made
