"""Decides whether a doubtful place is text after all: by a closer look at it, with what is around it.

Takes the search image and a place, gives a probability, from a small convolutional network (`second_look.onnx`) that
`benchmarks/train_second_look.py` trains on what the search finds in synthetic images. It sees the place at one scale
whatever its size, and knows where it ends; the maps of `network` see neither.
What becomes of a place is left to `judgement`.
"""

from dataclasses import replace
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.lead_sight import as_seen
from cxr_core.deidentify.pixels.model import HARDLY_TEXT, TEXT_PROBABILITY, Box, Line
from cxr_core.deidentify.pixels.proposals import SearchImage, View
from cxr_core.deidentify.pixels.sessions import open_session

LINE_PX = 20
"""How high a line is in what the network sees."""

SEEN_PX = 48, 224
"""Rows and columns of what it sees: a piece of a line with what is above, below and beside it."""

_DOUBTFUL, _DENIED = 0.65, 0.2  # as the search holds a place at most, and as the second look holds it
_FAIRLY_SURE, _DENIED_LARGE_ROW, _ROW = 0.75, 0.45, 2.5  # the same of a large line from top to bottom; its aspect
_LIKELY, _DENIED_ON_END = 0.8, 0.1  # the same of any such line
_LESS_SURE, _DENIED_LEVEL = 0.7, 0.15  # the same of any other
_LARGE, _LARGE_FEW, _FEW = 0.08, 0.07, 3  # of the image's shorter side: type as high is seen well; so many glyphs
_LARGE_PX = 90  # the least of either
_LARGE_ON_END, _LARGE_ON_END_PX = 0.03, 50  # the same of a line from top to bottom: spines and windpipes look like one
_DENIED_LARGE = 0.6
_LONGEST_PX = 192  # of a line in one window
_MOST_WINDOWS = 3


def looked_at_again(search: SearchImage, line: Line) -> Line:
    """The line, held for hardly text where the search was in doubt and a second look denies it.

    Hardly text is not nothing: it still goes for what it says.
    """
    if not TEXT_PROBABILITY <= line.probability < _LIKELY:
        return line
    whole = line.over(line.box.union(line.ink_box))  # all that one threshold takes for ink, as the network learned it
    least = _least_of(whole, min(search.shape))
    if least and probability_of_text(search, whole.box, is_vertical=line.is_vertical) < least:
        return replace(line, probability=HARDLY_TEXT)
    return line


def _least_of(line: Line, side_px: int) -> float:
    """How probable text a second look must find a line, on an image with so short a shorter side; 0: it is not asked.

    Spines and windpipes are rows on end of which the search is fairly sure.
    """
    if line.probability < _DOUBTFUL:
        return _DENIED_LARGE if _is_large(line, side_px) else _DENIED
    if not line.is_vertical:
        return _DENIED_LEVEL if line.probability < _LESS_SURE else 0.0
    is_doubtful = line.probability < _FAIRLY_SURE and line.box.aspect >= _ROW
    return _DENIED_LARGE_ROW if is_doubtful and _is_high(line, side_px) else _DENIED_ON_END


def _is_large(line: Line, side_px: int) -> bool:
    """True for type so large, on an image with so short a shorter side, that what it is should be plain."""
    if line.glyphs <= _FEW:
        return line.line_px >= max(_LARGE_PX, _LARGE_FEW * side_px)
    return _is_high(line, side_px)


def _is_high(line: Line, side_px: int) -> bool:
    share, px = (_LARGE_ON_END, _LARGE_ON_END_PX) if line.is_vertical else (_LARGE, _LARGE_PX)
    return line.line_px >= max(px, share * side_px)


def probability_of_text(search: SearchImage, box: Box, *, is_vertical: bool) -> float:
    """How probable it is that a place is text: of a long one, wherever it is the most so.

    Parameters
    ----------
    search : SearchImage
    box : Box
        As high as its letters would be.
    is_vertical : bool
        True where these would follow one another from top to bottom.
    """
    seen = windows_on(search, box, is_vertical=is_vertical).astype(np.float32) / 127
    return float(np.asarray(_session().run(None, {"place": seen})[0], dtype=np.float32).max())


def windows_on(search: SearchImage, box: Box, *, is_vertical: bool) -> NDArray[np.int8]:
    """What the network sees of a place: a window for each piece of a long one.

    Returns
    -------
    (windows, 4, 48, 224) int8 array
        Contrast about a letter and about a stroke, exact equality, and where the place is; letters upright or on their
        heads.
    """
    along, across = (box.height, box.width) if is_vertical else (box.width, box.height)
    pixel = across / LINE_PX
    pieces = min(_MOST_WINDOWS, max(1, int(np.ceil(along / (pixel * _LONGEST_PX)))))
    centres = [along * (piece + 0.5) / pieces for piece in range(pieces)]
    return np.stack([_window(search, box, centre, pixel, is_vertical=is_vertical) for centre in centres])


def _window(search: SearchImage, box: Box, centre: float, pixel: float, *, is_vertical: bool) -> NDArray[np.int8]:
    """The window about a point along a place, with pixels of the image for one of it."""
    view = _view_for(search, pixel)
    rows, columns = SEEN_PX
    first, above = centre - pixel * columns / 2, (LINE_PX - rows) / 2 * pixel
    if is_vertical:  # a quarter turn: its columns run down the image, its rows to the left
        matrix = np.array([[0, -pixel, box.right - above], [pixel, 0, box.top + first]])
    else:
        matrix = np.array([[pixel, 0, box.left + first], [0, pixel, box.top + above]])
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2  # centres of pixels
    matrix /= view.scale
    matrix[:, 2] -= 0.5
    grey, equal = (_sampled(plane, matrix) for plane in (view.grey, view.equal))
    start = columns / 2 - centre / pixel
    stop = start + (box.height if is_vertical else box.width) / pixel
    place = np.zeros(SEEN_PX, np.int8)
    place[(rows - LINE_PX) // 2 : (rows + LINE_PX) // 2, max(0, round(start)) : max(1, round(stop))] = 127
    return np.concatenate([as_seen(grey), (equal >> 1).astype(np.int8)[None], place[None]])


def _view_for(search: SearchImage, pixel: float) -> View:
    """The coarsest view that is no coarser than the window."""
    return max((view for view in search.views if view.scale <= max(1.0, pixel)), key=lambda view: view.scale)


def _sampled(plane: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    method = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = SEEN_PX[1], SEEN_PX[0]
    return np.asarray(
        cv2.warpAffine(plane, matrix, size, flags=method, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8
    )


@cache
def _session() -> Any:
    return open_session("second_look.onnx")
