"""Decides whether text is left beside the rectangles that go: the verification.

Takes the search image, the rectangles and the verdicts, gives verdicts about what was overlooked.
What follows, a second round or quarantine, is left to `cascade`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.lines import measure_lines
from cxr_core.deidentify.pixels.marks import find_marks
from cxr_core.deidentify.pixels.model import TEXT_PROBABILITY, Box
from cxr_core.deidentify.pixels.proposals import SearchImage, repainted
from cxr_core.deidentify.pixels.search import look_near
from cxr_core.deidentify.pixels.series import is_of_a_row
from cxr_core.deidentify.pixels.verdict import Rule, Verdict
from cxr_core.vocabulary import BoxDecision

_BORDER_PX = 3
_CLOSED_SHARE = 0.3
_PROBABILITY = 0.65  # the corners of black boxes look a little like type


def find_residue(
    search: SearchImage, boxes: Sequence[Box], verdicts: Sequence[Verdict], things: Sequence[Box] = ()
) -> list[Verdict]:
    """Likely text outside the boxes that were judged: stages 1 to 3 over the result, where it can have changed.

    Parameters
    ----------
    search : SearchImage
        Of the image before redaction.
    boxes : sequence of Box
        What is redacted.
    verdicts : sequence of Verdict
        What was judged; kept lines are no residue.
    things : sequence of Box
        Rows of like things: black boxes beside them make them look like text.
    """
    closed = _closed(search.shape, [*boxes, *things, *(verdict.line.box for verdict in verdicts if verdict.is_kept)])
    after = repainted(search, boxes)
    marks = [
        mark
        for mark in find_marks(look_near(after, boxes), search.shape)
        if mark.probability >= _PROBABILITY and not _is_closed(mark.core, closed) and not is_of_a_row(search, mark)
    ]
    return [
        Verdict(line, BoxDecision.REDACTED, Rule.RESIDUE)
        for line in measure_lines(after, marks)
        if line.glyphs > 1  # anatomy is full of lone glyphs: no identifiers
        and line.probability >= TEXT_PROBABILITY
        and not _is_closed(line.box, closed)
    ]


def _closed(shape: tuple[int, int], boxes: Sequence[Box]) -> NDArray[np.bool_]:
    """What verification does not look at: redacted boxes and kept markers, with their borders."""
    closed = np.zeros(shape, np.bool_)
    for box in boxes:
        closed[box.grown(_BORDER_PX, shape).window] = True
    return closed


def _is_closed(box: Box, closed: NDArray[np.bool_]) -> bool:
    return float(closed[box.window].mean()) >= _CLOSED_SHARE
