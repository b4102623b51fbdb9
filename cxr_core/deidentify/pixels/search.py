"""Decides which tiles of which view the network looks at.

Takes the search image, gives the network's maps of all views, the finest first.
What makes a tile worth a look is left to `proposals`, what the maps mean to `marks`.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box
from cxr_core.deidentify.pixels.network import AROUND_TILES, MARKED, REACH_TILES, Maps, hinted, look, look_closer
from cxr_core.deidentify.pixels.places import connected_places
from cxr_core.deidentify.pixels.proposals import (
    TILE_PX,
    SearchImage,
    View,
    coarsened,
    propose_constant_tiles,
    propose_tiles,
    tile_grid,
)

_BLOCK_TILES, _MOST_ROUNDS = 17, 2  # lines of small type stand closer than eight tiles
_WORD_CELLS, _SURE = 6, 0.8


def look_everywhere(search: SearchImage) -> list[Maps]:
    """Stages 1 and 2: the network over all of the coarsest view, and over the others where there may be more to see.

    Edges are everywhere in anatomy. What the coarsest view gives no hint of is text of one exact value, if any: faint
    or small, but never lossily compressed.
    """
    fine, middle, coarse = search.views
    first = look(coarse, np.ones(tile_grid(coarse), np.bool_))
    dense = propose_tiles(middle) & hinted(first, tile_grid(middle))
    second = look(middle, dense | coarsened(propose_constant_tiles(fine), tile_grid(middle)))
    return [_look_around(fine, look_closer(second, tile_grid(fine))), second, first]


def _look_around(view: View, tiles: NDArray[np.bool_]) -> Maps:
    """The network over some tiles, and then around the text that it found there: small type stands in blocks."""
    maps, seen = look(view, tiles), tiles.copy()
    for _ in range(_MOST_ROUNDS):
        found = coarsened(_surely_lines(maps.text), seen.shape)
        around = cv2.dilate(found.astype(np.uint8), np.ones((_BLOCK_TILES, _BLOCK_TILES), np.uint8)) > 0
        beyond = around & (cv2.dilate(seen.astype(np.uint8), np.ones((AROUND_TILES, AROUND_TILES), np.uint8)) == 0)
        if not beyond.any():
            break
        maps, seen = maps.joined(look(view, beyond)), seen | around
    return maps


def _surely_lines(text: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The connected cells of a map that are as long as a word and somewhere beyond doubt."""
    found = np.zeros(text.shape, np.bool_)
    for place, cells in connected_places(text >= round(255 * MARKED), connectivity=4):
        is_word = max(place.width, place.height) >= _WORD_CELLS
        if is_word and text[place.window][cells].max() >= round(255 * _SURE):
            found[place.window] |= cells
    return found


def look_near(search: SearchImage, boxes: Sequence[Box]) -> list[Maps]:
    """The same where a change of the pixels in some rectangles can show, and zero elsewhere."""
    fine, middle, coarse = search.views
    first, second = (look(view, _near_tiles(view, boxes)) for view in (coarse, middle))
    return [look(fine, look_closer(second, tile_grid(fine)) & _near_tiles(fine, boxes)), second, first]


def _near_tiles(view: View, boxes: Sequence[Box]) -> NDArray[np.bool_]:
    touched = np.zeros(tile_grid(view), np.uint8)
    for box in boxes:
        touched[box.in_steps(TILE_PX * view.scale).window] = 1
    return np.asarray(cv2.dilate(touched, np.ones((REACH_TILES, REACH_TILES), np.uint8)) > 0, dtype=np.bool_)
