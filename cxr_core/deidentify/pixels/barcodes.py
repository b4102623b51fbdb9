"""Decides where barcodes and matrix codes are: dense, strictly two-valued patterns.

Takes the search image, gives rectangles, before wires are dropped by their coherence (bars are as coherent).
They are always redacted: nobody reads a marker out of a code.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box
from cxr_core.deidentify.pixels.proposals import TILE_PX, SearchImage

_STRONG = 60  # of 255: codes are printed to be read by machines
_OVER_GRAIN = 3.0
_TWO_VALUED = 0.7
_MARGIN_TILES = 2
_WINDOW_TILES = 5
_BARS = 0.10  # edges a pixel along the code
_BARS_ACROSS = 0.15  # of the former: bars are straight
_MATRIX = 0.07
_LOCAL_PX = 33


def find_barcodes(search: SearchImage) -> list[Box]:
    """Rectangles around codes, with a margin of one tile.

    Parameters
    ----------
    search : SearchImage
    """
    bright = search.grey > cv2.blur(search.grey, (_LOCAL_PX, _LOCAL_PX))
    strong = search.gradient >= max(_STRONG, _OVER_GRAIN * float(np.median(search.gradient)))
    across = _edge_rate(bright[:, 1:] != bright[:, :-1], strong[:, 1:], search.shape)
    down = _edge_rate(bright[1:, :] != bright[:-1, :], strong[1:, :], search.shape)
    low, high = np.minimum(across, down), np.maximum(across, down)
    found = ((high > _BARS) & (low < _BARS_ACROSS * high)) | (low > _MATRIX)
    # The window already averages over the code; opening asks for a filled square of windows, not one line of type.
    solid = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, np.ones((4, 4), np.uint8))
    solid = cv2.dilate(solid, np.ones((2 * _MARGIN_TILES + 1, 2 * _MARGIN_TILES + 1), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
    boxes = [_box(stats[index], search.shape) for index in range(1, count)]
    return [
        box for box in boxes if _is_two_valued(search.grey[box.grown(-_MARGIN_TILES * TILE_PX, search.shape).window])
    ]


def _is_two_valued(grey: NDArray[np.uint8]) -> bool:
    """True where most pixels are near one of two tones; grain, however strong, is spread between them."""
    dark, bright = np.percentile(grey, (5, 95))
    reach = 0.25 * (bright - dark)
    return bool(((grey <= dark + reach) | (grey >= bright - reach)).mean() >= _TWO_VALUED)


def _edge_rate(changes: NDArray[np.bool_], strong: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.float32]:
    size = (-(-shape[0] // TILE_PX) * TILE_PX, -(-shape[1] // TILE_PX) * TILE_PX)
    padded = np.zeros(size, np.float32)
    padded[: changes.shape[0], : changes.shape[1]] = changes & strong
    tiles = cv2.resize(padded, (size[1] // TILE_PX, size[0] // TILE_PX), interpolation=cv2.INTER_AREA)
    window = (_WINDOW_TILES, _WINDOW_TILES)
    return np.asarray(cv2.blur(tiles, window, borderType=cv2.BORDER_CONSTANT), dtype=np.float32)


def _box(stat: NDArray[np.int32], shape: tuple[int, int]) -> Box:
    left, top, width, height = (int(value) * TILE_PX for value in stat[:4])
    return Box(top, left, top + height, left + width).grown(0, shape)
