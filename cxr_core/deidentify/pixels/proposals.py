"""Decides where in an image there may be ink, cheaply and generously.

Takes the stored integers, gives a map of places: dense strong edges, and runs of one exact value that
repeats although the surroundings are noisy (the two cues of the MIMIC-CXR paper: contrast and constancy).
Whether a place is text is left to `glyphs` and `classifier`.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.vocabulary import Photometric

TILE_PX = 8
_NOISE_FACTOR = 2.2
_EDGE_FLOOR, _EDGE_CEILING = 22, 70
_NOISE_WINDOW_TILES = 31  # 248 pixels: more than twice the height of a usual block of text
_EDGE_DENSITY = 0.14
_COHERENT = 0.8
_COHERENCE_WINDOW_TILES = 7
_RUN_PX = 4
_RUN_STEP = 5  # of 255: constancy counts only where the run stands out at all
_RUN_DENSITY = 0.10
_RUN_NOISY = 0.5  # a place whose pixels mostly equal their neighbours is a flat one, not a noisy one
_SPIKE_REACH = 8
_SPIKE_FACTOR = 4.0
_SPIKE_STEEP = 2.0
_SPIKE_LEAST_PX = 30
_MOST_VALUES = 4
_NOISE_RANGE, _NOISE_CHANGES = 2, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class SearchImage:
    """One image prepared for the search: the stored integers and an 8-bit view of them, white = bright.

    Parameters
    ----------
    stored : (rows, columns) integer array
        Untouched stored values; the constancy cue dies in 8 bits.
    grey : (rows, columns) uint8 array
        Linear stretch between the .05th and 99.95th percentile, flipped for MONOCHROME1. No VOI LUT.
    gradient : (rows, columns) uint8 array
        3x3 morphological gradient of `grey`.
    threshold : (rows, columns) uint8 array
        Local edge threshold for `gradient`.
    runs : (rows, columns) bool array
        Runs of one overlay value in noisy surroundings: the cue of constancy.
    overlay_values : tuple of int
        Stored values that something was drawn with, the commonest first, at most `_MOST_VALUES`.
    """

    stored: NDArray[np.integer] = field(repr=False)
    grey: NDArray[np.uint8] = field(repr=False)
    gradient: NDArray[np.uint8] = field(repr=False)
    threshold: NDArray[np.uint8] = field(repr=False)
    runs: NDArray[np.bool_] = field(repr=False)
    overlay_values: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        return self.grey.shape[0], self.grey.shape[1]


def prepare_search(stored: NDArray[np.integer], photometric: Photometric) -> SearchImage:
    """Build the 8-bit view, its gradient and its local threshold.

    Parameters
    ----------
    stored : (rows, columns) integer array
    photometric : Photometric
        MONOCHROME1 is flipped for the search only (PS3.3 C.7.6.3.1.2).
    """
    if _is_noise_alone(stored):
        stored = np.zeros_like(stored)
    low, high = _percentiles(stored)
    scale = 255.0 / max(high - low, 1.0)
    floats = stored.astype(np.float32)
    np.clip(floats, low, high, out=floats)  # in place: an image may have 20 million pixels
    floats -= np.float32(low)
    stretched = cv2.convertScaleAbs(floats, alpha=scale)
    del floats
    is_flipped = photometric is Photometric.MONOCHROME1
    grey: NDArray[np.uint8] = np.asarray(255 - stretched if is_flipped else stretched, dtype=np.uint8)
    gradient = np.asarray(cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    runs, values = _constant_runs(stored, gradient)
    return SearchImage(stored, grey, gradient, _edge_threshold(gradient), runs, values)


def propose_places(search: SearchImage, exclude: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Where there may be text, with a margin of two tiles.

    Parameters
    ----------
    search : SearchImage
    exclude : (rows, columns) bool array, optional
        Pixels that were redacted already: their borders are edges of our own making.

    Returns
    -------
    (rows, columns) bool array
    """
    edges = search.gradient >= search.threshold
    runs = search.runs
    if exclude is not None:
        edges &= ~exclude
        runs = runs & ~exclude
    tiles = (_tile_share(edges) > _EDGE_DENSITY) & ~_coherent_tiles(search, edges)
    tiles |= _tile_share(runs) > _RUN_DENSITY
    grown = np.asarray(cv2.dilate(tiles.astype(np.uint8), np.ones((5, 5), np.uint8)), dtype=np.uint8)
    return np.asarray(_pixels_of(grown, search.shape) > 0, dtype=np.bool_)


def _is_noise_alone(stored: NDArray[np.integer]) -> bool:
    """True for a blank exposure: three neighbouring values in which most pixels differ from their neighbours.

    Stretched to 255 steps its noise looks like print; text drawn with so little would drown in it.
    """
    if int(stored.max()) - int(stored.min()) > _NOISE_RANGE:
        return False
    return bool((stored[:, 1:] != stored[:, :-1]).mean() > _NOISE_CHANGES) if stored.shape[1] > 1 else False


def _percentiles(stored: NDArray[np.integer]) -> tuple[float, float]:
    step = max(1, int(np.sqrt(stored.size / 1_000_000)))
    low, high = np.percentile(stored[::step, ::step], (0.05, 99.95))
    return float(low), float(high)


def _edge_threshold(gradient: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = gradient.shape
    small = (max(1, columns // TILE_PX), max(1, rows // TILE_PX))
    noise = cv2.medianBlur(cv2.resize(gradient, small, interpolation=cv2.INTER_AREA), _NOISE_WINDOW_TILES)
    threshold = np.clip(_NOISE_FACTOR * noise, _EDGE_FLOOR, _EDGE_CEILING).astype(np.uint8)
    return np.asarray(cv2.resize(threshold, (columns, rows), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def _tile_share(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Share of set pixels in each 8-pixel tile; the last row and column of tiles may reach over the image."""
    rows, columns = mask.shape
    padded = np.zeros((-(-rows // TILE_PX) * TILE_PX, -(-columns // TILE_PX) * TILE_PX), np.uint8)
    padded[:rows, :columns] = mask
    size = (padded.shape[1] // TILE_PX, padded.shape[0] // TILE_PX)
    share = cv2.resize(padded * np.uint8(255), size, interpolation=cv2.INTER_AREA)
    return np.asarray(share, dtype=np.float32) / np.float32(255)


def _coherent_tiles(search: SearchImage, edges: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tiles amid edges of one direction: wires and collimator edges, not text.

    Each edge pixel counts once whatever its strength, so that a strong wire cannot outvote the faint
    text beside it.
    """
    across = cv2.Sobel(search.grey, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(search.grey, cv2.CV_32F, 0, 1)
    length = cv2.magnitude(across, down) + np.float32(1e-3)
    no_edge = ~edges
    for part in (across, down):  # in place, as in `prepare_search`
        np.divide(part, length, out=part)
        part[no_edge] = 0
    del length, no_edge
    tensor = [_window_sum(part) for part in (across * across, down * down, across * down)]
    total = tensor[0] + tensor[1] + np.float32(1e-6)
    anisotropy = np.hypot(tensor[0] - tensor[1], 2 * tensor[2]) / total
    return np.asarray(anisotropy >= _COHERENT, dtype=np.bool_)


def _window_sum(values: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, columns = values.shape
    padded = np.zeros((-(-rows // TILE_PX) * TILE_PX, -(-columns // TILE_PX) * TILE_PX), np.float32)
    padded[:rows, :columns] = values
    size = (padded.shape[1] // TILE_PX, padded.shape[0] // TILE_PX)
    tiles = cv2.resize(padded, size, interpolation=cv2.INTER_AREA)
    window = (_COHERENCE_WINDOW_TILES, _COHERENCE_WINDOW_TILES)
    return np.asarray(cv2.blur(tiles, window, borderType=cv2.BORDER_CONSTANT), dtype=np.float32)


def _constant_runs(
    stored: NDArray[np.integer], gradient: NDArray[np.uint8]
) -> tuple[NDArray[np.bool_], tuple[int, ...]]:
    """Pixels in a run of exactly equal stored values that stand out from noisy surroundings, and the values."""
    runs = _runs_along(stored, 0) | _runs_along(stored, 1)
    flat = cv2.blur(runs.astype(np.float32), (8 * TILE_PX + 1, 8 * TILE_PX + 1))
    edge = cv2.dilate((gradient >= _RUN_STEP).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    runs &= edge & (flat < _RUN_NOISY)
    values = _outstanding_values(stored[runs])
    runs[runs] = np.isin(stored[runs], values)
    return runs, values


def _outstanding_values(values: NDArray[np.integer]) -> tuple[int, ...]:
    """Values that occur far more often than those next to them: an overlay is drawn with one value.

    Next in rank, not in number: an 8-bit image stretched to 14 bits has gaps between all its values.
    """
    if values.size == 0:
        return ()
    occupied, found = np.unique(values, return_counts=True)
    counts = found.astype(np.float32)
    window = 2 * _SPIKE_REACH + 1
    around = cv2.blur(counts.reshape(1, -1), (window, 1), borderType=cv2.BORDER_REPLICATE).ravel()
    others = (around * window - counts) / (window - 1)
    nearest = np.pad(counts, 1)
    steep = counts > _SPIKE_STEEP * np.maximum(
        nearest[:-2], nearest[2:]
    )  # runs sharpen a natural peak, but leave slopes
    spikes = np.flatnonzero(steep & (counts > _SPIKE_FACTOR * others + _SPIKE_LEAST_PX))
    order = spikes[np.argsort(-counts[spikes], kind="stable")][:_MOST_VALUES]
    return tuple(int(value) for value in occupied[order])


def _runs_along(stored: NDArray[np.integer], axis: int) -> NDArray[np.bool_]:
    size = stored.shape[axis]
    out = np.zeros(stored.shape, np.bool_)
    if size < _RUN_PX:
        return out
    equal = np.diff(stored, axis=axis) == 0
    steps = _RUN_PX - 1
    starts = np.ones_like(np.take(equal, range(size - steps), axis=axis))
    for shift in range(steps):
        starts &= np.take(equal, range(shift, size - steps + shift), axis=axis)
    for shift in range(_RUN_PX):
        window = [slice(None), slice(None)]
        window[axis] = slice(shift, size - steps + shift)
        out[tuple(window)] |= starts
    return out


def _pixels_of(tiles: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    return np.repeat(np.repeat(tiles, TILE_PX, axis=0), TILE_PX, axis=1)[: shape[0], : shape[1]]
