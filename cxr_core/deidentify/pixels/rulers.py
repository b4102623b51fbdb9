"""Decides which removed lines are no type after all: followed to their ends, they are a ruler.

Takes the search image and verdicts, gives the verdicts without those. A wire that crosses a ruler, or its longer ticks,
hide in a piece of it that the same thing returns after a fixed step; over its whole length that shows.
Whether a place repeats itself is left to `repetition`.
"""

from collections.abc import Sequence

from cxr_core.deidentify.pixels.lines import grey_along
from cxr_core.deidentify.pixels.proposals import SearchImage
from cxr_core.deidentify.pixels.repetition import repeats_itself
from cxr_core.deidentify.pixels.verdict import Verdict, is_unread

_ASPECT, _PROBABILITY = 6.0, 0.65  # a ruler is longer than this, and hardly as much like text
_WITHIN = 0.7  # of a line: it is a piece of the ruler


def without_rulers(search: SearchImage, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts without those on rulers, as wholes and in pieces.

    Parameters
    ----------
    search : SearchImage
    verdicts : sequence of Verdict
        Removed lines reach to where nothing like them follows.
    """
    doubtful = [v for v in verdicts if is_unread(v) and v.line.probability < _PROBABILITY]
    rulers = [v for v in doubtful if v.line.box.aspect >= _ASPECT and repeats_itself(grey_along(search, v.line))]

    def is_of_one(verdict: Verdict) -> bool:
        box = verdict.line.box
        is_piece = any(one.line.box.intersection(box) >= _WITHIN * box.area for one in rulers)
        return verdict in rulers or (is_piece and not verdict.is_legible)  # a date may be printed upon it

    return [v for v in verdicts if not (v in doubtful and is_of_one(v))]
