"""Decides how probable it is that a place of an image is text, or a code.

Takes the views of the search and the tiles worth looking at, gives maps of probability, from a small convolutional
network (`text_network.onnx`) that `benchmarks/train_text_network.py` trains on synthetic images only.
What lines the maps make is left to `lines`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box, extent
from cxr_core.deidentify.pixels.proposals import TILE_PX, View
from cxr_core.deidentify.pixels.sessions import open_session

CELL_PX = 4  # one value of the maps for 4 x 4 pixels of the view
MARKED = 0.4  # probability from which a cell of a map belongs to a line
REACH_TILES = 9  # how far, in tiles of a view, a change of pixels is looked for in the maps
_BLOCK_PX = 64
AROUND_TILES = 7  # a proposed tile, and three on every side
_MOST_BLOCKS = 12  # a side of an area: what bounds the memory
_MARGIN_PX = 24  # what the network sees around a pixel
_WINDOW_PX = 32
_GRID_PX = 4  # the surroundings are measured in cells: contrast changes slowly
_EDGE_WINDOW_PX = 65  # more than twice a stroke of type and its gap
_OUTSTANDING = 5.0  # times the usual difference from the ground
_GRAIN = 4.0  # of 255: contrast below it is not stretched
_LIMIT = 3.0
_HINT = 0.06
_FAINT_HINT = 0.012  # what is not text at all is told with less


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """What the network says of one view, a value for each cell of `CELL_PX` pixels: 0 to 255 for 0 to 1.

    `text` is high along the middle of a line of text, `code` all over a barcode or a matrix code, `small` over text
    that is too small for this view.
    """

    scale: int
    text: NDArray[np.uint8] = field(repr=False)
    code: NDArray[np.uint8] = field(repr=False)
    small: NDArray[np.uint8] = field(repr=False)

    def within(self, boxes: Sequence[Box], without: Sequence[Box] = ()) -> "Maps":
        """The same maps, zero outside of some rectangles of the image, and within others."""
        inside = np.zeros(self.text.shape, np.uint8)
        for value, some in ((1, boxes), (0, without)):
            for box in some:
                inside[box.in_steps(CELL_PX * self.scale).window] = value
        return Maps(self.scale, self.text * inside, self.code * inside, self.small * inside)

    def joined(self, other: "Maps") -> "Maps":
        """The higher of two answers about one view."""
        pairs = (self.text, other.text), (self.code, other.code), (self.small, other.small)
        text, code, small = (np.maximum(*pair) for pair in pairs)
        return Maps(self.scale, text, code, small)


def look_closer(maps: Maps, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Which tiles of the next finer view may hold text too small for this one.

    Parameters
    ----------
    maps : Maps
        Of the coarser view.
    shape : (int, int)
        Tile rows and columns of the finer view: a cell here covers one tile there.
    """
    return _as_tiles(maps.small >= round(255 * _HINT), shape)


def hinted(maps: Maps, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Which tiles of the next finer view, of `shape` rows and columns, may hold text of whatever size."""
    return _as_tiles(np.maximum(maps.small, maps.text) >= round(255 * _FAINT_HINT), shape)


def _as_tiles(cells: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    tiles = np.zeros(shape, np.bool_)
    rows, columns = min(shape[0], cells.shape[0]), min(shape[1], cells.shape[1])
    tiles[:rows, :columns] = cells[:rows, :columns]
    return tiles


def look(view: View, tiles: NDArray[np.bool_]) -> Maps:
    """Run the network over the blocks of a view that hold a proposed tile.

    Parameters
    ----------
    view : View
    tiles : (tile rows, tile columns) bool array
        See `proposals.propose_tiles`.

    Returns
    -------
    Maps
        Zero where nothing was proposed.
    """
    rows, columns = view.grey.shape
    down, across = -(-rows // _BLOCK_PX), -(-columns // _BLOCK_PX)
    cells = _BLOCK_PX // CELL_PX
    maps = np.zeros((3, down * cells, across * cells), np.uint8)
    if tiles.any():
        sides = cache(lambda: _Sides.of(view.grey))
        margin = _MARGIN_PX // CELL_PX
        for area in _areas(tiles, (down, across)):
            answer = _run(_input(view, sides, area))
            maps[:, *area.in_steps(CELL_PX).window] = answer[0, :, margin:-margin, margin:-margin]
    used = maps[:, : -(-rows // CELL_PX), : -(-columns // CELL_PX)]
    return Maps(view.scale, used[0], used[1], used[2])


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """The edges of a plane without the type that may touch them: what its ground is, to be drawn out beyond them."""

    top: NDArray[np.uint8]
    bottom: NDArray[np.uint8]
    left: NDArray[np.uint8]
    right: NDArray[np.uint8]

    @classmethod
    def of(cls, plane: NDArray[np.uint8]) -> "_Sides":
        top, bottom = _without_type(plane[0]), _without_type(plane[-1])
        left, right = plane[:, 0].copy(), plane[:, -1].copy()
        left[[0, -1]], right[[0, -1]] = (top[0], bottom[0]), (top[-1], bottom[-1])
        return cls(top, bottom, _without_type(left), _without_type(right))

    def drawn_at(self, part: NDArray[np.uint8], inside: Box) -> None:
        """Write those edges that a part of the plane holds."""
        rows, columns = slice(inside.top, inside.bottom), slice(inside.left, inside.right)
        if inside.top == 0:
            part[0] = self.top[columns]
        if inside.bottom == len(self.left):
            part[-1] = self.bottom[columns]
        if inside.left == 0:
            part[:, 0] = self.left[rows]
        if inside.right == len(self.top):
            part[:, -1] = self.right[rows]


def _without_type(side: NDArray[np.uint8]) -> NDArray[np.uint8]:
    usual = np.asarray(cv2.medianBlur(np.ascontiguousarray(side)[None, :], _EDGE_WINDOW_PX)[0], dtype=np.uint8)
    apart = np.abs(side.astype(np.int16) - usual)
    return np.where(apart > max(_GRAIN, _OUTSTANDING * float(np.median(apart))), usual, side)


def _cut_out(plane: NDArray[np.uint8], window: Box, sides: Callable[[], _Sides] | None = None) -> NDArray[np.uint8]:
    """A part of the plane; what reaches beyond its edges is what lies there, or what its sides are, drawn out."""
    inside = window.grown(0, (plane.shape[0], plane.shape[1]))
    if inside == window:
        return plane[window.window]
    edges = (
        inside.top - window.top,
        window.bottom - inside.bottom,
        inside.left - window.left,
        window.right - inside.right,
    )
    part = plane[inside.window]
    if sides is not None:
        part = part.copy()
        sides().drawn_at(part, inside)
    drawn_out = cv2.copyMakeBorder(part, *edges, cv2.BORDER_REPLICATE | cv2.BORDER_ISOLATED)
    drawn_out[edges[0] : edges[0] + inside.height, edges[2] : edges[2] + inside.width] = plane[inside.window]
    return np.asarray(drawn_out, dtype=np.uint8)


def normalise(grey: NDArray[np.uint8], out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Local contrast: each pixel less the mean of its surroundings, over their spread; -1 to 1.

    Parameters
    ----------
    grey : (rows, columns) uint8 array
    out : (rows - 32, columns - 32) float32 array, optional
        Where to write; by default a new array.

    Returns
    -------
    (rows - 32, columns - 32) float32 array
        Without the border of half a window, where the surroundings are not known.
    """
    rows, columns = grey.shape
    cells = (-(-columns // _GRID_PX), -(-rows // _GRID_PX))
    squares = np.multiply(grey, grey, dtype=np.uint16)
    mean, spread = (_smoothed(cv2.resize(plane, cells, interpolation=cv2.INTER_AREA)) for plane in (grey, squares))
    spread -= mean * mean
    gain = 1 / (_LIMIT * (np.sqrt(np.maximum(spread, 0, out=spread), out=spread) + np.float32(_GRAIN)))
    gains, offsets = (
        cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_LINEAR) for plane in (gain, -mean * gain)
    )
    inner = (slice(_WINDOW_PX // 2, -(_WINDOW_PX // 2)),) * 2
    contrast = cv2.multiply(grey[inner], gains[inner], dst=out, dtype=cv2.CV_32F)
    cv2.add(contrast, offsets[inner], dst=contrast)
    return np.asarray(np.clip(contrast, -1, 1, out=contrast), dtype=np.float32)


def _smoothed(cells: NDArray[Any]) -> NDArray[np.float32]:
    side = _WINDOW_PX // _GRID_PX + 1
    return np.asarray(cv2.blur(cells.astype(np.float32), (side, side)), dtype=np.float32)


def _areas(tiles: NDArray[np.bool_], blocks: tuple[int, int]) -> list[Box]:
    """Rectangles, in pixels of the view, that hold every proposed tile and what lies around it.

    They are made of whole blocks, the more the less margin is paid, and cut down to what was asked for: text that is
    too small for the coarser view may be one word in a block.
    """
    down, across = blocks
    side = _BLOCK_PX // TILE_PX
    padded = np.zeros((down * side, across * side), np.uint8)
    padded[: tiles.shape[0], : tiles.shape[1]] = tiles
    near = cv2.dilate(padded, np.ones((5, 5), np.uint8))
    around = cv2.dilate(padded, np.ones((AROUND_TILES, AROUND_TILES), np.uint8))
    some_rows = near.reshape(down, side, across * side).any(axis=1)  # one axis after the other: much quicker than both
    wanted = np.asarray(some_rows.reshape(down, across, side).any(axis=2), dtype=np.bool_)
    areas = []
    for block in _rectangles(wanted):
        rows, columns = block.top * side, block.left * side
        used = extent(around[rows : block.bottom * side, columns : block.right * side] > 0)
        edges = (rows + used.top, columns + used.left, rows + used.bottom, columns + used.right)
        areas.append(Box(*(TILE_PX * edge for edge in edges)))
    return areas


def _rectangles(wanted: NDArray[np.bool_]) -> list[Box]:
    """Rectangles of blocks that hold every wanted one once."""
    left_over = wanted.copy()
    found = []
    for top, left in np.argwhere(wanted).tolist():
        if not left_over[top, left]:
            continue
        right = left + 1
        while right < wanted.shape[1] and left_over[top, right] and right - left < _MOST_BLOCKS:
            right += 1
        bottom = top + 1
        while bottom < wanted.shape[0] and left_over[bottom, left:right].all() and bottom - top < _MOST_BLOCKS:
            bottom += 1
        left_over[top:bottom, left:right] = False
        found.append(Box(top, left, bottom, right))
    return found


def _input(view: View, sides: Callable[[], _Sides], area: Box) -> NDArray[np.float32]:
    half = _WINDOW_PX // 2
    seen, around = _with_margin(area, _MARGIN_PX), _with_margin(area, _MARGIN_PX + half)
    planes = np.empty((1, 2, seen.height, seen.width), np.float32)
    normalise(_cut_out(view.grey, around, sides), out=planes[0, 0])
    np.multiply(_cut_out(view.equal, seen), np.float32(1 / 255), out=planes[0, 1])
    return planes


def _with_margin(area: Box, margin_px: int) -> Box:
    """The rectangle with a margin that may reach beyond the view."""
    return Box(area.top - margin_px, area.left - margin_px, area.bottom + margin_px, area.right + margin_px)


def _run(batch: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(_session().run(None, {"view": batch})[0], dtype=np.uint8)


@cache
def _session() -> Any:
    return open_session("text_network.onnx")
