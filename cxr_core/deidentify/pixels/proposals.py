"""Decides where in an image there may be text, cheaply and generously.

Takes the stored integers, gives views of them at three scales and the tiles worth a closer look: dense edges, and
runs of one exact value in noisy surroundings (the two cues of the MIMIC-CXR paper: contrast and constancy).
Whether a place is text is left to `network`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box
from cxr_core.vocabulary import Photometric

FINE, MIDDLE, COARSE = 1, 2, 4  # pixels of the image for one of a view
TILE_PX = 8
_NOISE_FACTOR = 2.2
_EDGE_FLOOR, _EDGE_CEILING = 9, 48  # of 255
_NOISE_WINDOW_TILES = 31  # more than twice the height of a usual block of text
_EDGE_DENSITY = 0.12
_RUN_PX = 3  # strokes of type of 28 pixels
_RUN_DENSITY = 0.10
_RUN_WINDOW_TILES = 9
_RUN_NOISY = 0.5  # a place whose pixels mostly equal their neighbours is a flat one, not a noisy one
_HEADROOM = 0.12
_NOISE_RANGE, _NOISE_CHANGES = 2, 0.5
_SHARES = np.rint(np.arange(TILE_PX**2 + 1) * (255 / TILE_PX**2)).astype(np.float32) / np.float32(255)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One scale of the search.

    Parameters
    ----------
    scale : int
        Pixels of the image for one of the view: FINE, MIDDLE or COARSE. Type of 8 to 140 pixels is 8 to 36 high in
        one of them.
    grey : (rows, columns) uint8 array
        Linear stretch between the .05th and 99.95th percentile and a little beyond, bright = white. No VOI LUT.
    equal : (rows, columns) uint8 array
        Share, of 255, of stored pixels that equal their right neighbour exactly.
    """

    scale: int
    grey: NDArray[np.uint8] = field(repr=False)
    equal: NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class SearchImage:
    """One image prepared for the search: the stored integers and views of them, the finest first."""

    stored: NDArray[np.integer] = field(repr=False)
    views: tuple[View, View, View] = field(repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        return self.stored.shape[0], self.stored.shape[1]


def prepare_search(stored: NDArray[np.integer], photometric: Photometric) -> SearchImage:
    """Build the views.

    Parameters
    ----------
    stored : (rows, columns) integer array
        Untouched stored values; the constancy cue dies in 8 bits.
    photometric : Photometric
        MONOCHROME1 is flipped for the search only (PS3.3 C.7.6.3.1.2).
    """
    grey = _stretched(stored, is_flipped=photometric is Photometric.MONOCHROME1)
    equal = np.zeros(stored.shape, np.uint8)
    if stored.shape[1] > 1:
        cv2.compare(stored[:, 1:], stored[:, :-1], cv2.CMP_EQ, dst=equal[:, :-1])
    fine = View(FINE, grey, equal)
    middle = View(MIDDLE, _shrunk(grey, 2), _shrunk(equal, 2))
    coarse = View(COARSE, _shrunk(middle.grey, 2), _shrunk(middle.equal, 2))
    return SearchImage(stored, (fine, middle, coarse))


def propose_tiles(view: View) -> NDArray[np.bool_]:
    """Which tiles of `TILE_PX` pixels of a view may hold text: (tile rows, tile columns) bool.

    Parameters
    ----------
    view : View
    """
    gradient = np.asarray(cv2.morphologyEx(view.grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    edges = np.asarray(cv2.compare(gradient, _edge_threshold(gradient), cv2.CMP_GE), dtype=np.uint8)
    return np.asarray(_tile_share(np.packbits(edges, axis=1)) > _EDGE_DENSITY, dtype=np.bool_)


def propose_constant_tiles(view: View) -> NDArray[np.bool_]:
    """Tiles with runs of exactly equal stored values that stand out from noisy surroundings, at any contrast."""
    equal = np.packbits(view.equal, axis=1)
    runs = equal.copy()
    for distance in range(1, _RUN_PX - 1):
        runs &= _ahead(equal, distance)
    around = cv2.blur(_tile_share(equal), (_RUN_WINDOW_TILES, _RUN_WINDOW_TILES))
    return np.asarray((_tile_share(runs) > _RUN_DENSITY) & (around < _RUN_NOISY), dtype=np.bool_)


def coarsened(tiles: NDArray[np.bool_], grid: tuple[int, int]) -> NDArray[np.bool_]:
    """Which tiles of the next coarser view, of `grid` rows and columns, hold one of the given tiles."""
    rows, columns = grid
    padded = np.zeros((2 * rows, 2 * columns), np.bool_)
    part = tiles[: 2 * rows, : 2 * columns]
    padded[: part.shape[0], : part.shape[1]] = part
    down = padded[::2] | padded[1::2]
    return np.asarray(down[:, ::2] | down[:, 1::2], dtype=np.bool_)


def tile_grid(view: View) -> tuple[int, int]:
    """Rows and columns of the tiles of a view; the last of each may reach over it."""
    rows, columns = view.grey.shape
    return -(-rows // TILE_PX), -(-columns // TILE_PX)


def repainted(search: SearchImage, boxes: Sequence[Box]) -> SearchImage:
    """The same views after redaction: black, and all pixels equal, in the boxes."""
    views = []
    for view in search.views:
        grey, equal = view.grey.copy(), view.equal.copy()
        for box in boxes:
            window = box.in_steps(view.scale).window
            grey[window], equal[window] = 0, 255
        views.append(View(view.scale, grey, equal))
    return SearchImage(search.stored, (views[0], views[1], views[2]))


def _stretched(stored: NDArray[np.integer], *, is_flipped: bool) -> NDArray[np.uint8]:
    """Eight bits of the stored values; a blank exposure gives zeros."""
    lowest, highest = int(stored.min()), int(stored.max())
    if _is_noise_alone(stored, highest - lowest):
        return np.zeros(stored.shape, np.uint8)
    step = max(1, int(np.sqrt(stored.size / 100_000)))
    low, high = (float(value) for value in np.percentile(stored[::step, ::step], (0.05, 99.95)))
    room = _HEADROOM * max(high - low, 1.0)  # type may be a little brighter than the brightest ground
    low, high = max(low - room, lowest), min(high + room, highest)
    values: NDArray[Any] = stored
    if stored.dtype not in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        values, low, high = (stored.astype(np.float32) - np.float32(lowest)), low - lowest, high - lowest
    above = cv2.subtract(values, np.array([low, 0, 0, 0]))
    if above.dtype == np.float32:
        np.maximum(above, 0, out=above)  # integers stop at zero by themselves
    grey = np.asarray(cv2.convertScaleAbs(above, alpha=255.0 / max(high - low, 1.0)), dtype=np.uint8)
    return np.asarray(cv2.bitwise_not(grey), dtype=np.uint8) if is_flipped else grey


def _is_noise_alone(stored: NDArray[np.integer], span: int) -> bool:
    """True for a blank exposure: three neighbouring values in which most pixels differ from their neighbours.

    Stretched to 255 steps its noise looks like print; text drawn with so little would drown in it.
    """
    if span > _NOISE_RANGE:
        return False
    return bool((stored[:, 1:] != stored[:, :-1]).mean() > _NOISE_CHANGES) if stored.shape[1] > 1 else False


def _shrunk(values: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    """The means of squares of so many pixels a side; what is left over at the end is left out.

    That is by the very scale of the view, and forty times as quick as a size that is no whole part.
    """
    rows, columns = (max(1, side // times) for side in values.shape)
    whole = values[: rows * times, : columns * times]
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _edge_threshold(gradient: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = gradient.shape
    small = _shrunk(gradient, TILE_PX)
    noise = cv2.medianBlur(small, _NOISE_WINDOW_TILES)
    threshold = np.clip(_NOISE_FACTOR * noise, _EDGE_FLOOR, _EDGE_CEILING).astype(np.uint8)
    return np.asarray(cv2.resize(threshold, (columns, rows), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def _tile_share(bits: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Share of each tile that is set; the last row and column of tiles may reach over the image.

    `bits` is a mask in which one byte holds `TILE_PX` pixels of a row.
    """
    rows, across = bits.shape
    down = -(-rows // TILE_PX)
    counts = np.zeros((down * TILE_PX, across), np.uint8)
    np.bitwise_count(bits, out=counts[:rows])
    return np.asarray(_SHARES[counts.reshape(down, TILE_PX, across).sum(axis=1, dtype=np.uint8)], dtype=np.float32)


def _ahead(bits: NDArray[np.uint8], distance: int) -> NDArray[np.uint8]:
    """The mask moved to the left by fewer than eight pixels."""
    moved = np.asarray(bits << np.uint8(distance), dtype=np.uint8)
    moved[:, :-1] |= bits[:, 1:] >> np.uint8(8 - distance)
    return moved
