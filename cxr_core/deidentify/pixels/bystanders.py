"""Decides which larger shapes stand beside small type that goes: its margin does not reach over them.

Takes the search image and verdicts, gives the verdicts with what each of them spares. A letter of lead that nobody
marked stays as it is, and the initials beside it must not take its foot along.
How wide margins are is left to `redaction`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2

from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.parts import Parts, parts_of
from cxr_core.deidentify.pixels.proposals import SearchImage
from cxr_core.deidentify.pixels.tones import hat, otsu, sampled
from cxr_core.deidentify.pixels.verdict import LEAD_ASPECT, Verdict, is_unread

_LINE_PX = 24  # height at which what stands beside a line is looked at
_LEAST_PX = 20  # lead is no lower
_AROUND, _STROKE = 2.5, 1.2  # of the line's height: how far beside it; the widest stroke
_LARGER = 1.25, 5.0  # of the line's height
_LEAST_CONTRAST = 20.0  # of 255
_SURELY_TYPE = 0.92  # lead is blurred
_OPEN = 0.75  # of its rectangle: what a letter covers at most


def with_bystanders(search: SearchImage, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The same verdicts; those on small type that goes spare the larger shapes next to it.

    Parameters
    ----------
    search : SearchImage
    verdicts : sequence of Verdict
    """
    return [replace(v, spares=tuple(_beside(search, v.line))) if _may_be_initials(v) else v for v in verdicts]


def _may_be_initials(verdict: Verdict) -> bool:
    line = verdict.line
    is_small = line.box.aspect < LEAD_ASPECT and line.line_px >= _LEAST_PX
    return is_small and is_unread(verdict) and line.probability < _SURELY_TYPE


def _beside(search: SearchImage, line: Line) -> Iterator[Box]:
    """Bright shapes of the size of a letter above small type that lie wholly outside of its rectangle."""
    window = line.box.grown(round(_AROUND * line.line_px), search.shape)
    grey, zoom = sampled(search.views[0].grey, window, _LINE_PX / line.line_px)
    strokes = hat(grey, cv2.MORPH_TOPHAT, _STROKE * _LINE_PX)
    parts = parts_of(strokes > max(otsu(strokes), _LEAST_CONTRAST), window, zoom)
    return (parts.box(index) for index in parts.by_size if _is_larger(parts, index, line))


def _is_larger(parts: Parts, index: int, line: Line) -> bool:
    box = parts.box(index)
    is_of_a_size = _LARGER[0] * line.line_px <= max(box.height, box.width) <= _LARGER[1] * line.line_px
    is_open = int(parts.stats[index, cv2.CC_STAT_AREA]) <= _OPEN * parts.place(index).area
    return is_of_a_size and is_open and not parts.touches_rim(index) and not box.intersection(line.box)
