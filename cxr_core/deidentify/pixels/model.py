"""Decides the words of the room: text box, line, result, reader.

Holds values only; every stage of the cascade takes and gives these.
What to do with them is left to `cascade`, and what a reader is to `readers`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cxr_core.vocabulary import BoxDecision, QualityFlag

SQUARISH = 2.2
"""A place of a smaller aspect shows no direction: it may be a lone letter."""

TEXT_PROBABILITY = 0.5
"""From here on a line goes even when nobody can read it."""

HARDLY_TEXT = 0.49
"""What is held for text no longer: it goes only for what it says."""

UNBOUNDED = (1 << 30, 1 << 30)
"""Rows and columns of no image: for rectangles that are only compared, never cut out."""

_MOSTLY = 0.5  # of a rectangle
_DRAWN = 0.5  # constancy: much of a line of one exact value


@dataclass(frozen=True, slots=True)
class Box:
    """Rectangle in pixels: half-open, origin top left, row before column."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def area(self) -> int:
        return max(0, self.bottom - self.top) * max(0, self.right - self.left)

    @property
    def aspect(self) -> float:
        """Longer side over shorter side."""
        down, across = max(1, self.bottom - self.top), max(1, self.right - self.left)
        return max(down, across) / min(down, across)

    @property
    def window(self) -> tuple[slice, slice]:
        """The slices that cut this rectangle out of an image."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def transposed(self) -> "Box":
        """Rows for columns: a vertical line as a horizontal one."""
        return Box(self.left, self.top, self.right, self.bottom)

    def grown(self, margin_px: int, shape: tuple[int, int]) -> "Box":
        """This rectangle with a margin on every side, clipped to an image of `shape` (rows, columns)."""
        return self.grown_by(margin_px, margin_px, shape)

    def grown_by(self, rows_px: int, columns_px: int, shape: tuple[int, int]) -> "Box":
        """This rectangle with one margin above and below and another at its sides, clipped in the same way."""
        return Box(
            max(0, self.top - rows_px),
            max(0, self.left - columns_px),
            min(shape[0], self.bottom + rows_px),
            min(shape[1], self.right + columns_px),
        )

    def along(self, first: int, last: int, *, is_vertical: bool) -> "Box":
        """A stretch of a long rectangle: from one pixel along it to the one past another."""
        if is_vertical:
            return Box(self.top + first, self.left, self.top + last, self.right)
        return Box(self.top, self.left + first, self.bottom, self.left + last)

    def in_steps(self, step_px: int) -> "Box":
        """The rectangle counted in steps of some pixels, from the first that it touches to the last."""
        return Box(self.top // step_px, self.left // step_px, -(-self.bottom // step_px), -(-self.right // step_px))

    def times(self, step_px: int) -> "Box":
        """The rectangle in pixels, if it was counted in steps of some."""
        return Box(self.top * step_px, self.left * step_px, self.bottom * step_px, self.right * step_px)

    def gaps(self, other: "Box") -> tuple[int, int]:
        """How far two rectangles stand apart, down and across; what they share counts below zero."""
        down = max(self.top, other.top) - min(self.bottom, other.bottom)
        return down, max(self.left, other.left) - min(self.right, other.right)

    def intersection(self, other: "Box") -> int:
        """Area in common, in pixels."""
        down, across = self.gaps(other)
        return max(0, -down) * max(0, -across)

    def likeness(self, other: "Box") -> float:
        """Area in common, as a share of the smallest rectangle around both: 1 for the same one twice."""
        return self.intersection(other) / self.union(other).area

    def without(self, other: "Box") -> tuple["Box", ...]:
        """What is left of this rectangle outside another: at most four rectangles."""
        if not self.intersection(other):
            return (self,)
        top, bottom = max(self.top, other.top), min(self.bottom, other.bottom)
        parts = (
            Box(self.top, self.left, top, self.right),
            Box(bottom, self.left, self.bottom, self.right),
            Box(top, self.left, bottom, max(self.left, other.left)),
            Box(top, min(self.right, other.right), bottom, self.right),
        )
        return tuple(part for part in parts if part.area)

    def union(self, other: "Box") -> "Box":
        """The smallest rectangle that holds both."""
        return Box(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )


def extent(ink: NDArray[np.bool_]) -> Box:
    """The smallest rectangle that holds all ink, of which there must be some."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)


def lies_on(box: Box, others: Iterable[Box]) -> bool:
    """True for a rectangle of which more than half lies on one of some others."""
    return any(other.intersection(box) > _MOSTLY * box.area for other in others)


GLYPH_PITCH = 0.62
"""Advance of a letter over the height of its line."""


def glyphs_along(along_px: float, line_px: float) -> int:
    """How many letters of a height go into a length, at least one."""
    return max(1, round(along_px / (GLYPH_PITCH * line_px)))


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One line of what looks like text: a line of words, a word, a single letter.

    Parameters
    ----------
    box : Box
        Rectangle around the ink.
    is_vertical : bool
        True where the letters follow one another from top to bottom.
    line_px : float
        Height of the letters, across the line, in pixels of the image.
    glyphs : int
        Estimated number of characters.
    probability : float
        Probability of being text, from the network.
    constancy : float
        Share of the ink that has the one commonest stored value.
    inks : tuple of (rows, columns) bool arrays
        The ink under each likely binarisation, the likeliest first; pictures of text, hence never in a `repr`.
    ink_boxes : tuple of Box
        What each of `inks` lies over; `box` holds the mark, too.
    slack_px : int
        By how much the mark may be too high: it is made of whole cells of the view in which it was seen.
    """

    box: Box
    is_vertical: bool
    line_px: float
    glyphs: int
    probability: float
    constancy: float = 0.0
    inks: tuple[NDArray[np.bool_], ...] = field(repr=False, default=())
    ink_boxes: tuple[Box, ...] = ()
    slack_px: int = 0

    @property
    def ink_box(self) -> Box:
        """What the likeliest ink lies over; the line's own rectangle where it has none."""
        return self.ink_boxes[0] if self.ink_boxes else self.box

    @property
    def is_drawn(self) -> bool:
        """Of one exact value, most of it: a device has drawn it, which nobody signs in lead."""
        return self.constancy > _DRAWN

    def cut_down_to(self, ink: NDArray[np.bool_], box: Box, glyphs: int) -> "Line":
        """A part of the line as one by itself: so much ink, over a rectangle, of so many characters."""
        return replace(
            self,
            box=box,
            is_vertical=box.height > box.width,
            line_px=float(min(box.height, box.width)),
            glyphs=glyphs,
            inks=(ink,),
            ink_boxes=(box,),
        )

    def over(self, box: Box) -> "Line":
        """The same line over another rectangle, as high as that is across it."""
        return replace(self, box=box, line_px=float(box.width if self.is_vertical else box.height))

    def beside(self, box: Box, glyphs: int) -> "Line":
        """A line that was found next to this one, over a rectangle, of so many characters: its ink is not known."""
        across = float(min(box.height, box.width))
        is_vertical = box.height > box.width
        return replace(self, box=box, is_vertical=is_vertical, line_px=across, glyphs=glyphs, inks=(), ink_boxes=())


@dataclass(frozen=True, slots=True)
class TextBox:
    """One line of burned-in text and what became of it; never what it says.

    Half-open rectangle in pixels, origin top left. `engine` names the readers that decided
    (`rapidocr+easyocr`, `memo`, `none`), `rule` the rule that did.
    """

    top_px: int
    left_px: int
    bottom_px: int
    right_px: int
    decision: BoxDecision
    probability: float
    constancy: float
    engine: str
    rule: str


@dataclass(frozen=True, slots=True, eq=False)
class PixelResult:
    """An image without burned-in identifiers.

    `pixels` has the dtype and shape of the input and is bit-equal to it outside the redacted boxes;
    `area_share` is the share of the image that was blacked (0 to 1).
    """

    pixels: NDArray[np.integer] = field(repr=False)
    boxes: tuple[TextBox, ...]
    flags: tuple[QualityFlag, ...]
    area_share: float


class TextReader(Protocol):
    """Reads crops of binarised ink (black on white, uint8). One (text, score 0 to 1) for each crop, in order.

    A crop must be read by itself: what stands beside it in the call must not change the answer.
    """

    name: str

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]: ...
