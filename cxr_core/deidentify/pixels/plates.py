"""Decides whether what has the edges of a code is a bare plate with a marker on it.

Takes the search image, lines and the rectangles of codes, gives yes or no.
Codes go unread; what becomes of one that is none is left to `cascade`.
"""

from collections.abc import Sequence

from cxr_core.deidentify.pixels.bench import Bench
from cxr_core.deidentify.pixels.judgement import judge_line
from cxr_core.deidentify.pixels.model import UNBOUNDED, Box, Line
from cxr_core.deidentify.pixels.proposals import SearchImage
from cxr_core.deidentify.pixels.standing import lies_on_bare_ground
from cxr_core.deidentify.pixels.verdict import Verdict
from cxr_core.deidentify.pixels.wording import edits, folded

_WORD = 2  # letters
_LONG = 5  # letters: of a word as long the readers may differ by one, and mean the same
_PLATE = 1.0  # of the height of a line: how far the edges of its plate reach, with the margin of a code
_OUTLINE = 0.5  # the same of the outline of a lone letter


def is_on_a_plate(search: SearchImage, line: Line, codes: Sequence[Box], bench: Bench) -> bool:
    """True for a marker on a bare plate that has the edges of a code: no room is left for bars or squares.

    Parameters
    ----------
    search : SearchImage
    line : Line
    codes : sequence of Box
    bench : Bench
    """
    over = [code for code in codes if code.intersection(line.box)]
    if not all(_is_plate_of(line, box, _PLATE) for box in over):
        return False
    verdict = judge_line(line, bench)
    if verdict is None or not verdict.is_kept:
        return False
    return all(explains_code(verdict, box) for box in over) and lies_on_bare_ground(search, verdict.as_read)


def explains_code(kept: Verdict, code: Box) -> bool:
    """True where what looks like a code is the plate of a kept marker."""
    margin = _PLATE if len(folded(kept.texts[0])) >= _WORD else _OUTLINE
    return not kept.is_cut_out and _say_the_same(kept.texts) and _is_plate_of(kept.line, code, margin)


def _say_the_same(texts: Sequence[str]) -> bool:
    first, *others = map(folded, texts)
    most = 1 if len(first) >= _LONG else 0
    return all(edits(first, one, most=most) <= most for one in others)


def _is_plate_of(line: Line, code: Box, most: float) -> bool:
    """True where a code reaches no further beyond a line than a plate does, or an outline, in heights of the line."""
    margin = round(most * min(line.box.height, line.box.width))
    return line.box.grown(margin, UNBOUNDED).intersection(code) == code.area
