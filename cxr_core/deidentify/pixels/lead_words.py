"""Decides which parts of a place are the word of a lead marker: alike in height, in one row, however askew it lies.

Takes the search image and a place, gives the word set straight, and its letters where they lie.
Whether the word may stay is left to `cutting`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.lead import LARGEST_PX, PLACE_PX, REPEATED, looks_at
from cxr_core.deidentify.pixels.model import Box, Line, extent, glyphs_along
from cxr_core.deidentify.pixels.parts import Parts
from cxr_core.deidentify.pixels.proposals import SearchImage

_LONGEST_PX = 720  # of a place as it is taken apart, along
_AROUND, _FURTHER = 0.35, (0.0, 1.0, 2.5)  # of the place's shorter side; along a word that goes on
_MOST_LARGER = 2  # parts of a letter above a word: stencils
_MOST_PARTS, _MOST_LETTERS = 20, 13  # "SEMI-UPRIGHT", and a stroke
_LARGE = 0.6  # of the largest part: letters of one height, some of them wide or askew
_TURNS = range(-16, 17, 2)  # degrees about the line through the middles of the letters
_MOST_POINTS = 1500  # of a word: enough to tell how it lies
_AS_HIGH = 0.8  # of the highest letter
_MUCH_LOWER, _MUCH_HIGHER = 0.74, 1.2  # of a word: what stands beside it
_LEAST, _MOST_BESIDE, _SPECK = 2, 6, 0.12  # letters; parts beside them; of their height: what is no letter
_GAP, _BESIDE_GAP = 0.9, 0.28  # of the height: between letters of the word at most, to what is not of it at least
_LONG, _SMALL, _SMALL_GAP = 4, 0.66, 0.1  # letters of a word that small ones may stand closer to
_NO_LETTER, _NO_CAPITAL = 0.56, 1.8  # of a capital: no small letter of its type is so low; of small ones, so high
_ON_ITS_LINE = 0.22
_STRAIGHT = 4.0  # degrees


@dataclass(frozen=True, slots=True, eq=False)
class LeadWord:
    """The word of a lead marker.

    Parameters
    ----------
    place : Line
        The word as it lies in the image.
    level : Line
        As if it lay level: its ink turned, over a rectangle about the same middle.
    letters : tuple of Line
        Each as it lies in the image.
    is_askew : bool
        True where the rectangle around the word may hold what stands beside it.
    is_beside_larger : bool
        True where something larger was left out of it: the letter above, an arrow.
    """

    place: Line
    level: Line
    letters: tuple[Line, ...] = field(repr=False)
    is_askew: bool
    is_beside_larger: bool

    @property
    def pieces(self) -> tuple[Line, ...]:
        """What is to be kept of the image: a level word as a whole, one askew letter by letter."""
        return self.letters if self.is_askew else (self.place,)


@dataclass(frozen=True, slots=True, eq=False)
class _Turned:
    """Where one part lies along and across a word, in pixels of the window."""

    part: int
    left: float
    right: float
    top: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


@dataclass(frozen=True, slots=True)
class _Row:
    """Parts that make a word, from its one end to the other: their angle, in degrees, and the height of the highest.

    `goes_on` is true where the next letter may lie beyond the window, or is cut off by it.
    """

    parts: tuple[int, ...]
    angle: float
    high: float
    is_beside_larger: bool
    goes_on: bool


def words_within(search: SearchImage, place: Line) -> Iterator[LeadWord]:
    """What may be the word of a lead marker in a place, bright or dark, under each look at it.

    Beside it may stand a few things that are much lower, or at a distance: initials, an arrow, a cup. Nothing else may:
    of a line of type no word is taken, nor the capitals of a name.

    Parameters
    ----------
    search : SearchImage
    place : Line
    """
    shorter, longer = sorted((place.box.height, place.box.width))
    if shorter > LARGEST_PX or not shorter:
        return
    zoom, rim = min(PLACE_PX / shorter, _LONGEST_PX / longer), round(_AROUND * shorter)
    angle, seen = 0.0, list[LeadWord]()
    for further in _FURTHER:
        down, across = np.abs(_axes(angle)[0]) * further * shorter
        window = place.box.grown_by(rim + round(down), rim + round(across), search.shape)
        beyond: _Row | None = None
        for parts, _ in looks_at(search, window, zoom):
            row = _row_of(parts, search.shape)
            if row is not None and not row.goes_on:
                word = _lead_word(parts, place, row)
                if not any(_is_same(word, one) for one in seen):
                    yield word
                seen.append(word)
            beyond = beyond or (row if row is not None and row.goes_on else None)
        if beyond is None:
            return
        angle = beyond.angle


def _is_same(word: LeadWord, other: LeadWord) -> bool:
    """True where another look shows the same letters: it would be read alike."""
    is_alike = word.place.box.likeness(other.place.box) >= REPEATED
    return is_alike and len(word.letters) == len(other.letters)


def _row_of(parts: Parts, shape: tuple[int, int]) -> _Row | None:
    """The one row of alike letters; where the largest parts are a letter or things beside the word, the row without.

    `shape` is that of the image: beyond its edge no word goes on.
    """
    glyphs, beyond = _glyphs(parts), None
    for larger in range(min(_MOST_LARGER + 1, len(glyphs))):
        row = _row_without(parts, glyphs[larger:], glyphs[:larger], shape)
        if row is not None and not row.goes_on:
            return row
        beyond = beyond or row
    return beyond


def _row_without(parts: Parts, glyphs: Sequence[int], larger: Sequence[int], shape: tuple[int, int]) -> _Row | None:
    """The row that some parts make; `larger` is what may stand beside it, or above."""
    whole = [one for one in glyphs if not parts.touches_rim(one)]
    large = _as_large_as_the_first(parts, whole)
    if not _LEAST <= len(large) <= _MOST_LETTERS:
        return None
    angle = _angle(parts, large)
    turned = [_turned(parts, one, angle) for one in glyphs]
    high = max(one.height for one in turned if one.part in large)
    letters = [one for one in turned if one.part in whole and one.height >= _AS_HIGH * high]
    beside = [one for one in turned if one.height >= _SPECK * high and one not in letters]
    wide = [_turned(parts, one, angle) for one in larger]
    together = [one for one in wide if _have_run_together(one, letters, high) and not parts.touches_rim(one.part)]
    word = sorted(letters + together, key=lambda one: one.left)
    if not _is_word(word, high) or len(beside) > _MOST_BESIDE:
        return None
    wide = [one for one in wide if one not in together]
    if not _are_apart(wide, word, high):
        return None
    if not all(_may_stand_beside(one, word, high) for one in beside if one.part in whole):
        return None
    cut = [one for one in beside if one.part not in whole]
    goes_on = any(_may_follow(one, word, high) for one in cut) or not _ends_within(parts, word, angle, high, shape)
    return _Row(tuple(one.part for one in word), angle, high, bool(wide), goes_on)


def _ends_within(parts: Parts, word: Sequence[_Turned], angle: float, high: float, shape: tuple[int, int]) -> bool:
    """True where the window, or the edge of the image, shows beyond both ends of a word that no letter follows."""
    reach, middle = _BESIDE_GAP * high, _middle_of(word)
    ends = np.array([(word[0].left - reach, middle), (max(one.right for one in word) + reach, middle)])
    places, window = ends @ _axes(angle), parts.window
    is_first = np.array([window.top == 0, window.left == 0])
    is_last = np.array([window.bottom == shape[0], window.right == shape[1]])
    return bool(((places >= 0) | is_first).all() and ((places <= np.array(parts.labels.shape)) | is_last).all())


def _glyphs(parts: Parts) -> list[int]:
    """The parts that may be glyphs, the largest first, without cups and arrows among the large ones; none of a line."""
    solid = [one for one in parts.by_size if not parts.is_surrounding(one)]
    glyphs = [one for one in solid if parts.sides[one] >= _SPECK * parts.sides[solid[0]]]
    large = _as_large_as_the_first(parts, glyphs)
    if not _LEAST <= len(glyphs) <= _MOST_PARTS or len(large) > _MOST_LETTERS:
        return []
    things = [one for one in large if parts.is_cup(one) or parts.is_arrow(one)]  # of small ones it does not matter
    return [one for one in glyphs if one not in things]


def _as_large_as_the_first(parts: Parts, ordered: Sequence[int]) -> list[int]:
    return [one for one in ordered if parts.sides[one] >= _LARGE * parts.sides[ordered[0]]]


def _angle(parts: Parts, large: Sequence[int]) -> float:
    """How the row of some parts lies, in degrees: of all turns about it the one with the sharpest edges."""
    middles = np.array([_middle(parts.place(one)) for one in large])
    apart = middles[:, None] - middles[None, :]
    first, last = divmod(int(np.argmax((apart**2).sum(axis=2))), len(large))
    down, across = apart[first, last]
    rough = float(np.degrees(np.arctan2(down, across)))
    rough -= 180 * round(rough / 180)  # either way up is a reading
    ink = np.concatenate([parts.points(one) for one in large])
    ink = ink[:: max(1, len(ink) // _MOST_POINTS)]
    return max((rough + turn for turn in _TURNS), key=lambda angle: _evenness(ink, angle))


def _middle(box: Box) -> tuple[float, float]:
    return (box.top + box.bottom) / 2, (box.left + box.right) / 2


def _evenness(ink: NDArray[np.float64], angle: float) -> float:
    """How uneven the sums of the ink are across a row at an angle."""
    across = np.rint(ink @ _axes(angle)[1]).astype(np.int64)
    sums = np.bincount(across - across.min()).astype(np.float64)
    return float((sums * sums).sum())


def _axes(angle: float) -> NDArray[np.float64]:
    """Unit vectors (down, across the window) along a row at an angle, and across it."""
    radians = np.radians(angle)
    return np.array([[np.sin(radians), np.cos(radians)], [np.cos(radians), -np.sin(radians)]])


def _turned(parts: Parts, one: int, angle: float) -> _Turned:
    along, across = _axes(angle) @ parts.points(one).T
    return _Turned(one, along.min(), along.max() + 1, across.min(), across.max() + 1)


def _is_word(word: Sequence[_Turned], high: float) -> bool:
    """True for two letters or more in one row, none of them a line's distance away."""
    gaps = [after.left - before.right for before, after in pairwise(word)]
    middle = _middle_of(word)
    is_row = all(abs(one.middle - middle) <= _ON_ITS_LINE * high for one in word)
    return len(word) >= _LEAST and is_row and all(gap <= _GAP * high for gap in gaps)


def _may_stand_beside(one: _Turned, word: Sequence[_Turned], high: float) -> bool:
    """True for what is much lower, and neither between the letters nor close to their ends like the next one."""
    if one.height > _MUCH_LOWER * high:
        return False
    if not _is_in_row(one, word, high):
        return True
    is_small = one.height <= (_SMALL if len(word) >= _LONG else _NO_LETTER) * high
    return _gap(one, word) >= (_SMALL_GAP if is_small else _BESIDE_GAP) * high


def _may_follow(one: _Turned, word: Sequence[_Turned], high: float) -> bool:
    """True for what is cut off where the next letter would stand; a frame around the word lies along it."""
    return _shared(one, word) > 0 and -_ON_ITS_LINE * high <= _gap(one, word) <= _GAP * high


def _gap(one: _Turned, word: Sequence[_Turned]) -> float:
    """How far beyond the ends of a word something stands; below zero where it lies along it."""
    return max(word[0].left - one.right, one.left - max(letter.right for letter in word))


def _are_apart(larger: Sequence[_Turned], word: Sequence[_Turned], high: float) -> bool:
    """True for what is higher than a word and stands in another row, or is one thing at a distance: an arrow.

    A bar or an arrow above or below a word is much lower, however long.
    """
    in_row = [one for one in larger if _is_in_row(one, word, high)]
    of_rows = [one for one in larger if one in in_row or one.height > _MUCH_LOWER * high]
    is_higher = all(one.height >= _MUCH_HIGHER * high for one in of_rows)
    return is_higher and (not in_row or (len(larger) == 1 and _is_far(in_row[0], word, high)))


def _is_far(one: _Turned, word: Sequence[_Turned], high: float) -> bool:
    return _gap(one, word) >= _BESIDE_GAP * (high if one.height >= _NO_CAPITAL * high else one.height)


def _have_run_together(one: _Turned, letters: Sequence[_Turned], high: float) -> bool:
    """True for what is as high as the letters of a word, and in their row: two letters that touch."""
    is_as_high = _AS_HIGH * high <= one.height <= high / _AS_HIGH
    return is_as_high and abs(one.middle - _middle_of(letters)) <= _ON_ITS_LINE * high


def _middle_of(word: Sequence[_Turned]) -> float:
    """Where the middle of a row lies, across it."""
    return float(np.median([one.middle for one in word]))


def _is_in_row(one: _Turned, word: Sequence[_Turned], high: float) -> bool:
    return _shared(one, word) > _ON_ITS_LINE * high


def _shared(one: _Turned, word: Sequence[_Turned]) -> float:
    """How much of its height something has in common with a word."""
    return min(one.bottom, max(letter.bottom for letter in word)) - max(one.top, min(letter.top for letter in word))


def _lead_word(parts: Parts, place: Line, row: _Row) -> LeadWord:
    word, angle, high = row.parts, row.angle, row.high
    ink = _level_ink(parts, word, angle)
    along, across = round(ink.shape[1] * high / ink.shape[0] / parts.zoom), round(high / parts.zoom)
    boxes = [parts.box(one) for one in word]
    whole = reduce(Box.union, boxes)
    top, left = (whole.top + whole.bottom - across) // 2, (whole.left + whole.right - along) // 2
    level = Box(top, left, top + across, left + along)
    line = replace(place, line_px=float(across), glyphs=max(len(word), glyphs_along(along, across)), slack_px=0)
    is_vertical = 45 < abs(angle) < 135
    lying = replace(_over(line, whole, parts.mask_of(word)), is_vertical=is_vertical)
    is_askew = abs(angle - 90 * round(angle / 90)) > _STRAIGHT
    letters = (_over(lying, box, parts.mask(one)) for one, box in zip(word, boxes, strict=True))
    return LeadWord(
        lying, replace(_over(line, level, ink), is_vertical=False), tuple(letters), is_askew, row.is_beside_larger
    )


def _over(line: Line, box: Box, ink: NDArray[np.bool_]) -> Line:
    return replace(line, box=box, inks=(np.ascontiguousarray(ink),), ink_boxes=(box,))


def _level_ink(parts: Parts, word: Sequence[int], angle: float) -> NDArray[np.bool_]:
    """The ink of some parts turned so that their row runs along the columns."""
    mask = parts.mask_of(word)
    rows, columns = mask.shape
    side = int(np.ceil(np.hypot(rows, columns))) + 2
    down, across = (side - rows) // 2, (side - columns) // 2
    padded = np.zeros((side, side), np.uint8)
    padded[down : down + rows, across : across + columns] = mask * np.uint8(255)
    level = cv2.warpAffine(padded, cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1), (side, side)) > 127
    return np.ascontiguousarray(level[extent(level).window])
