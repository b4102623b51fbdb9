"""Decides what is ink at the place of a line by the look of it: which pixels are strokes of type.

Takes the search image and a line, gives the line with that ink, from a small convolutional network (`strokes.onnx`)
that `benchmarks/train_strokes.py` trains on synthetic images only: it sees type across a border of the ground, amid
ribs, outlined, and in scan lines or dots, of which it makes whole letters; no one threshold shows these.
What thresholds show is left to `ink`, what a line says to `reading`.
"""

from dataclasses import replace
from functools import cache
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.ink import INK_PX, PLANES, Ink, at_height, belonging, is_ink, place_of
from cxr_core.deidentify.pixels.lead_sight import as_seen
from cxr_core.deidentify.pixels.marks import mark_of
from cxr_core.deidentify.pixels.model import Line
from cxr_core.deidentify.pixels.proposals import SearchImage
from cxr_core.deidentify.pixels.sessions import open_session

_PLANES = 3
_STEP_PX = 8
_STROKES = 0.5, 0.3  # probabilities: thin ones may be seen with less


def by_sight(search: SearchImage, line: Line) -> Line | None:
    """The line with those inks alone that look like strokes of type; None where nothing does that fills it.

    It is slower than a threshold, and errs in other ways: for what thresholds did not show.
    """
    mark = mark_of(line)
    reach = mark.reach(search.shape)
    grey, core, _ = place_of(search, mark)
    equal = at_height(search, reach, mark.line_px, INK_PX, PLANES[1])
    shown = strokes_of(grey.T, equal.T).T if line.is_vertical else strokes_of(grey, equal)
    masks = (belonging(np.ascontiguousarray(shown > least), core, mark) for least in _STROKES)
    inks = [Ink(mask, reach, line.constancy) for mask in takewhile(lambda one: is_ink(one, core, mark), masks)]
    if not inks:
        return None
    return replace(line, inks=tuple(ink.cropped for ink in inks), ink_boxes=tuple(ink.box for ink in inks))


def as_planes(grey: NDArray[np.uint8], equal: NDArray[np.uint8]) -> NDArray[np.int8]:
    """What the network sees of a place: contrast about a letter and about a stroke, exact equality; (3, rows, columns).

    Parameters
    ----------
    grey, equal : (rows, columns) uint8 array
        As in `proposals.View`, sampled so that a line is about 32 pixels high and runs along the columns.
    """
    return np.concatenate([as_seen(grey), (equal >> 1).astype(np.int8)[None]])


def strokes_of(grey: NDArray[np.uint8], equal: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How probable strokes of type are in a place, (rows, columns) float32; `grey` and `equal` as in `as_planes`."""
    rows, columns = grey.shape
    seen = np.zeros((1, _PLANES, rows + -rows % _STEP_PX, columns + -columns % _STEP_PX), np.float32)
    np.multiply(as_planes(grey, equal), np.float32(1 / 127), out=seen[0, :, :rows, :columns])
    answer = _session().run(None, {"place": seen})[0]
    return np.asarray(answer[0, 0, :rows, :columns], dtype=np.float32)


@cache
def _session() -> Any:
    return open_session("strokes.onnx")
