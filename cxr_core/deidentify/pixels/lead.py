"""Decides what a lead marker is made of: the letter, its ring, an arrow or a bead, and the technologist's initials.

Takes the search image and a place, gives the letter as a line of its own, and the small letters beside it.
Whether the letter may stay is left to `judgement`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import Enum
from functools import partial, reduce
from itertools import islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.parts import Glyphs, Parts, parts_of
from cxr_core.deidentify.pixels.places import groups_of
from cxr_core.deidentify.pixels.proposals import SearchImage
from cxr_core.deidentify.pixels.tones import contrast_of, hat, otsu, sampled

_LETTER_PX = 40  # height at which a letter is taken apart
_LEAST_ZOOM = 0.4
_AROUND = 0.4  # of a place: a ring reaches beyond the mark
_STROKE = 0.3  # of a letter: wider than its strokes
_STROKES = (0.22, cv2.MORPH_TOPHAT), (0.5, cv2.MORPH_BLACKHAT), (0.5, cv2.MORPH_TOPHAT)  # of a place: the same
_SPECK = 0.15  # of the letter
_LETTER = 0.12, 0.95  # of the shorter side of the window, of the longer
_MUCH_SMALLER, _MOST_PARTS, _MOST_TRIED = 1.6, 10, 2
_LYING = 1.3  # length over height of what lies across the end of a letter
_HIGHER, _EVEN, _IN_ROW = 1.18, 1.4, 0.5  # a letter than a line below it; letters of that line; what they share
_WITHIN, _LEVEL = 0.7, 0.9  # of a part: it is of a marker; of two heights, what they share
_X_HEIGHT, _NO_GAP = (0.4, 0.6), 0.12  # of a capital: least height of small letters next to it, and beyond a gap
_CLOSE, _SLANT = 0.5, 0.2  # the same: gap, overlap in italics
_HOLE = 0.45  # of the letter: longer sides
_SAME, _LARGER = 0.3, 1.25  # of the smaller of two rectangles: how much they share; of their longer sides
_ON_ITS_LINE = 0.12
_COMPANY = 2.0  # of the letter: how far from it initials stand
_INITIAL = 0.16, 0.8
_WIDEST = 2.0
_FAINT = 0.3  # of the letter's contrast: thin strokes lose more by blur
_LEAST_CONTRAST = 10.0  # of 255
_ALIKE, _GAP = 1.9, 0.55  # sizes of two initials, and the gap between them in their size
_LEAST_BESIDE_A_WORD = 0.25  # of its height: rough type has specks
_WIDE, _LARGER_THAN_A_WORD = 1.2, 1.3  # of a word's height: strokes of a letter above it; that letter
_AS_BRIGHT = 0.75  # as a part of it
_LONGER = 1.5  # than high: a word
_MOST_INITIALS, _MOST_SMALL = 4, 24
_ASKEW = 0.25  # gap along and across of letters of a slanting line
_LEAST_ALONE, _LONGEST, _NEAR = 0.25, 3.6, 0.9  # of the letter; sides of initials; of the letter
_OPEN = 0.15, 0.8  # of its rectangle: what type covers
_MUCH_LARGER = 3.0  # of a foot: more than its letter
_SMALL_PIECE, _OPEN_SHAPE, _LOST = 0.6, 0.6, 0.25  # of its rectangle: a foot, what a bold letter covers; a stem, of it


PLACE_PX = 96
"""Height at which a place is taken apart."""

LARGEST_PX = 480
"""The side of a place."""

REPEATED = 0.95
"""Likeness of two rectangles from which on two looks show the same: it would be read alike."""


class _Company(Enum):
    """In what company a part stands: nothing but much smaller things, more letters of its word, or too much to tell."""

    NONE = "none"
    WORD = "word"
    CROWD = "crowd"


def letters_within(
    search: SearchImage, place: Line, known: Sequence[Box] = (), *, in_words: bool = False
) -> list[Line]:
    """What may be the letter of a place that holds much smaller ones beside it, or a ring around it; bright or dark.

    Nothing that has a part of about its size beside it, nor what goes on in a row with it: a name must not leave its
    first letter. What one look shows so, no other look may free, nor the ground between two letters.

    Parameters
    ----------
    search : SearchImage
    place : Line
    known : sequence of Box
        Markers that were read in it: no letter of a name.
    in_words : bool
        True for those, too, that may be one letter of a word: to look beside them, not to free them.
    """
    side = max(place.box.height, place.box.width)
    if side > LARGEST_PX:
        return []
    window = place.box.grown(round(_AROUND * side), search.shape)
    alone: list[tuple[Line, int]] = []
    of_words: list[tuple[Line, int]] = []
    looks = list(looks_at(search, window, max(PLACE_PX / side, _LEAST_ZOOM)))
    for parts, kind in looks:
        for letter, company in _letters_of(parts, known):
            if _is_piece(parts, letter, looks[-1][0]):
                continue
            if company is _Company.WORD:
                of_words.append((_cut_out(parts, letter, place), kind))
            elif company is _Company.NONE:
                alone.append((_cut_out(parts, letter, place), kind))
    if in_words:
        return _without_repeats([letter for letter, _ in alone + of_words])
    boxes = [(letter.box, kind) for letter, kind in of_words]
    return _without_repeats([letter for letter, kind in alone if not _is_of_a_word(letter.box, kind, boxes)])


def _is_piece(parts: Parts, letter: int, wide: Parts) -> bool:
    """True for a part of a larger open shape whose thick strokes a narrow look does not show: the foot of a bold L."""
    if parts is wide or not (whole := _whole_of(parts, letter, wide)):
        return False
    size, larger = int(parts.sides[letter]), int(wide.sides[whole])
    if not _LARGER * size <= larger <= _MUCH_LARGER * size:
        return False
    place, around, shape = parts.place(letter), wide.place(whole), wide.mask(whole)
    area = np.count_nonzero(shape)
    lost = np.count_nonzero(shape & (parts.labels[around.window] == 0))
    is_small = place.area <= _SMALL_PIECE * around.area
    return bool(is_small and area <= _OPEN_SHAPE * around.area and lost >= _LOST * area)


def whole_of(search: SearchImage, letter: Line) -> Line | None:
    """The open shape that a letter is a piece of, looked at from further away: the foot of a bold L reads as an L.

    Parameters
    ----------
    search : SearchImage
    letter : Line
        Its first ink is what was read.
    """
    size = max(letter.ink_box.height, letter.ink_box.width)
    window = letter.ink_box.grown(round(_MUCH_LARGER / 2 * size), search.shape)
    grey, zoom = sampled(search.views[0].grey, window, _LETTER_PX / size)
    strokes = hat(grey, cv2.MORPH_TOPHAT, _LETTER_PX)
    parts = parts_of(strokes > max(otsu(strokes), _LEAST_CONTRAST), window, zoom)
    shown = np.bincount(parts.labels[_sampled_box(letter.ink_box, window, zoom, grey.shape).window].ravel())
    whole = int(shown[1:].argmax()) + 1 if shown.size > 1 else 0
    if not whole or parts.touches_rim(whole):
        return None
    box = parts.box(whole)
    is_larger = _LARGER * size <= max(box.height, box.width) <= _MUCH_LARGER * size
    is_open = int(parts.stats[whole, cv2.CC_STAT_AREA]) <= _OPEN_SHAPE * parts.place(whole).area
    is_inside = box.intersection(letter.ink_box) >= _WITHIN * letter.ink_box.area
    return _cut_out(parts, whole, letter) if is_larger and is_open and is_inside else None


def _sampled_box(box: Box, window: Box, zoom: float, shape: tuple[int, int]) -> Box:
    """A rectangle of the image in pixels of a window that was sampled at a zoom."""
    return Box(
        int((box.top - window.top) * zoom),
        int((box.left - window.left) * zoom),
        max(1, int(np.ceil((box.bottom - window.top) * zoom))),
        max(1, int(np.ceil((box.right - window.left) * zoom))),
    ).grown(0, shape)


def _without_repeats(letters: Sequence[Line]) -> list[Line]:
    """Each letter once, as the first look shows it: another that shows the same would be read alike."""
    kept: list[Line] = []
    for letter in letters:
        if all(letter.box.likeness(one.box) < REPEATED for one in kept):
            kept.append(letter)
    return kept


def looks_at(search: SearchImage, window: Box, zoom: float) -> Iterator[tuple[Parts, int]]:
    """The parts of a window under each of the looks at lead, and which kind of look: a hat of OpenCV.

    Parameters
    ----------
    search : SearchImage
    window : Box
    zoom : float
        At which a letter or a word is at most `PLACE_PX` high.
    """
    grey, zoom = sampled(search.views[0].grey, window, zoom)
    for stroke, kind in _STROKES:
        strokes = hat(grey, kind, stroke * PLACE_PX)
        yield parts_of(strokes > max(otsu(strokes), _LEAST_CONTRAST), window, zoom), kind


def _cut_out(parts: Parts, letter: int, place: Line) -> Line:
    box, ink = parts.box(letter), np.ascontiguousarray(parts.mask(letter))
    line_px = float(max(box.height, box.width))
    return replace(place, box=box, is_vertical=False, line_px=line_px, glyphs=1, inks=(ink,), ink_boxes=(box,))


def _is_of_a_word(one: Box, kind: int, in_words: Sequence[tuple[Box, int]]) -> bool:
    """True for a letter of a word, seen alone under another look, and for the ground between two of them."""
    over = [
        its_kind for box, its_kind in in_words if _overlaps(one, box) and not (its_kind != kind and _is_hole(box, one))
    ]
    return kind in over or len(set(over)) < len(over)


def _is_hole(one: Box, other: Box) -> bool:
    """True for what is as small in another as the holes of a letter, which look like letters to the look for ground."""
    is_small = max(one.height, one.width) <= _HOLE * max(other.height, other.width)
    return is_small and one.intersection(other) == one.area


def _overlaps(one: Box, other: Box) -> bool:
    """True where two rectangles share a good part; what is larger is the plate around a letter."""
    is_larger = max(other.height, other.width) > _LARGER * max(one.height, one.width)
    return not is_larger and one.intersection(other) >= _SAME * min(one.area, other.area)


def beside_letter(search: SearchImage, letter: Line) -> list[Line]:
    """The small letters that stand close to a lead letter or word, of its tone: what a technologist signs with.

    Parameters
    ----------
    search : SearchImage
    letter : Line
        Its first ink tells its tone.
    """
    size = _size_of(letter)
    if size > LARGEST_PX or not letter.inks:
        return []
    window = letter.ink_box.grown(round(_COMPANY * size), search.shape)
    grey, zoom = sampled(search.views[0].grey, window, _LETTER_PX / size)
    own = _sampled_box(letter.ink_box, window, zoom, grey.shape)
    contrast = contrast_of(letter.inks[0], grey[own.window])
    if contrast is None:
        return []
    kind = cv2.MORPH_TOPHAT if contrast > 0 else cv2.MORPH_BLACKHAT
    level = max(_FAINT * abs(contrast), _LEAST_CONTRAST)
    parts = parts_of(hat(grey, kind, _STROKE * _LETTER_PX) > level, window, zoom)
    groups = _groups(parts, own, round(size * zoom))
    least = 0.0
    if letter.glyphs > 2 and groups:
        large = hat(grey, kind, _WIDE * _LETTER_PX)
        groups = [group for group in groups if not any(_is_corner(parts, one, large) for one in group)]
        least = _LEAST_BESIDE_A_WORD * size
    return [line for group in groups for line in _initials(letter, parts, group) if line.line_px >= least]


def _is_corner(parts: Parts, index: int, strokes: NDArray[np.uint8]) -> bool:
    """True for a piece of what is larger than a word is high, and as bright in a wider hat: a corner of a letter."""
    place, mask = parts.place(index), parts.mask(index)
    as_bright = strokes >= _AS_BRIGHT * float(np.median(strokes[place.window][mask]))
    large = parts_of(as_bright, parts.window, parts.zoom)
    whole = _whole_of(parts, index, large)
    return whole > 0 and bool(large.sides[whole] >= _LARGER_THAN_A_WORD * _LETTER_PX)


def _whole_of(parts: Parts, index: int, other: Parts) -> int:
    """The part of another look that holds most of one of a look; 0 for its ground."""
    return int(np.bincount(other.labels[parts.place(index).window][parts.mask(index)]).argmax())


def _size_of(letter: Line) -> int:
    """Height of a word, or of the word that it is a letter of; a lone letter may lie in any direction."""
    shorter, longer = sorted((letter.ink_box.height, letter.ink_box.width))
    if letter.glyphs <= 2:
        return longer
    return shorter if longer >= _LONGER * letter.line_px else max(1, round(letter.line_px))


def _letters_of(parts: Parts, known: Sequence[Box]) -> Iterator[tuple[int, _Company]]:
    """The largest parts that may be letters, and in what company they stand."""
    shorter, longer = sorted(parts.labels.shape)  # at the edge of an image a window is narrow
    glyphs = Glyphs(parts)
    for letter in islice((one for one in glyphs if not parts.touches_rim(one)), _MOST_TRIED):
        if _LETTER[0] * shorter <= int(parts.sides[letter]) <= _LETTER[1] * longer:
            yield letter, _company_of(parts, glyphs, letter, known)


def _company_of(parts: Parts, glyphs: Glyphs, letter: int, known: Sequence[Box]) -> _Company:
    size = int(parts.sides[letter])
    near = islice(glyphs.not_below(_SPECK * size, without=letter), _MOST_PARTS + 1)
    others = [one for one in near if not _is_known(parts.box(one), known)]
    if any(_is_next(parts, letter, one, others) or _goes_on(parts, letter, one) for one in others):
        return _Company.WORD
    return _Company.NONE if len(others) <= _MOST_PARTS else _Company.CROWD


def _is_known(box: Box, known: Sequence[Box]) -> bool:
    return any(box.intersection(one) >= _WITHIN * box.area for one in known)


def _is_next(parts: Parts, letter: int, other: int, others: Sequence[int]) -> bool:
    """True where a part may be the next letter of a word: about as large, in the letter's row or column.

    What lies across the end of the letter, below an upright one, is another line: it is as large as it is high. So is
    a row of lower letters there.
    """
    one, two, size = parts.place(letter), parts.place(other), int(parts.sides[letter])
    down, across = one.gaps(two)
    if (down >= 0 and across >= 0) or parts.is_slab(other, size):
        return False
    if _are_level(one, two) or _are_level(one.transposed, two.transposed):
        return True
    high = two.height if down < 0 else two.width  # a wide letter of a lower line is no higher than its line
    if (down >= 0 and one.height >= one.width) or (across >= 0 and one.width >= one.height):
        is_below = down >= 0
        lying = two if is_below else two.transposed
        places = (parts.place(index) for index in others if index != other)
        row = (place if is_below else place.transposed for place in places)
        if size >= _HIGHER * lying.height and any(_is_beside(lying, place) for place in row):
            return False
        high = lying.height if lying.width >= _LYING * lying.height else int(parts.sides[other])
    return size <= _MUCH_SMALLER * high <= _MUCH_SMALLER**2 * size


def _are_level(one: Box, other: Box) -> bool:
    """True for what is as high as a letter and close to it, at its height: two of a line may have run into one."""
    down, across = one.gaps(other)
    lower, higher = sorted((one.height, other.height))
    return -down >= _LEVEL * higher and 0 <= across <= lower


def _is_beside(one: Box, other: Box) -> bool:
    """True for two letters of one line, which may lie a little askew."""
    down, across = one.gaps(other)
    lower, higher = sorted((one.height, other.height))
    return higher <= _EVEN * lower and -down >= _IN_ROW * lower and -_ASKEW * higher <= across <= _GAP * higher


def _goes_on(parts: Parts, letter: int, other: int) -> bool:
    """True for small letters on the line of a letter, close to it, whichever way up: "Lee", "Lu"."""
    one, two = parts.place(letter), parts.place(other)
    if one.width > one.height:
        one, two = one.transposed, two.transposed
    gap = one.gaps(two)[1]
    lowest = _X_HEIGHT[gap > _NO_GAP * one.height] * one.height
    is_on_line = min(abs(one.bottom - two.bottom), abs(one.top - two.top)) <= _ON_ITS_LINE * one.height
    return (
        -_SLANT * one.height <= gap <= _CLOSE * one.height
        and lowest <= two.height <= one.height * _MUCH_SMALLER
        and is_on_line
    )


def _groups(parts: Parts, own: Box, size: int) -> list[list[int]]:
    """Parts of a few alike small letters side by side, or one that several have run into; near the letter any one."""
    small = [index for index in range(1, len(parts.stats)) if _is_small(parts, index, own, size)]
    if len(small) > _MOST_SMALL:
        return []  # texture
    groups: list[list[int]] = []
    for group in groups_of(small[::-1], partial(_are_near, parts.stats)):
        if all(parts.is_arrow(index) for index in group):
            continue  # a digit with others is none
        is_one = len(group) == 1 and (_has_run_together(parts.stats, group[0]) or _is_close(parts, group[0], own, size))
        if is_one or 2 <= len(group) <= _MOST_INITIALS:
            groups.append(group)
    return groups


def _is_close(parts: Parts, index: int, own: Box, size: int) -> bool:
    """True for what looks like type within a letter's height of the letter: two askew are as wide as high."""
    place = parts.place(index)
    shorter, longer = sorted((place.width, place.height))
    is_open = _OPEN[0] * shorter * longer <= int(parts.stats[index, 4]) <= _OPEN[1] * shorter * longer
    is_large = longer >= _LEAST_ALONE * size and longer <= _LONGEST * shorter
    return is_open and is_large and max(own.gaps(place)) <= _NEAR * size


def _is_small(parts: Parts, index: int, own: Box, size: int) -> bool:
    place = parts.place(index)
    if place.intersection(own) or parts.touches_rim(index):
        return False
    shorter, longer = sorted((place.width, place.height))
    return (
        _INITIAL[0] * size <= longer <= _WIDEST * _INITIAL[1] * size
        and shorter <= _INITIAL[1] * size
        and not parts.is_bead(index)
    )


def _are_near(stats: NDArray[Any], one: int, other: int) -> bool:
    sides = sorted(int(max(stats[index, 2:4])) for index in (one, other))
    gaps = [
        max(int(stats[one, axis]), int(stats[other, axis]))
        - min(int(stats[one, axis] + stats[one, axis + 2]), int(stats[other, axis] + stats[other, axis + 2]))
        for axis in (0, 1)
    ]
    return sides[1] <= _ALIKE * sides[0] and max(gaps) <= _GAP * sides[0] and min(gaps) <= _ASKEW * sides[0]


def _has_run_together(stats: NDArray[Any], index: int) -> bool:
    shorter, longer = sorted(int(value) for value in stats[index, 2:4])
    return 1.15 * shorter <= longer <= _LONGEST * shorter and stats[index, 4] <= 0.85 * shorter * longer


def _initials(letter: Line, parts: Parts, group: Sequence[int]) -> list[Line]:
    """One line, or one for each part where the letter would lie between them."""
    boxes = [parts.box(index) for index in group]
    whole = reduce(Box.union, boxes)
    return [
        letter.beside(box, len(group) + 1) for box in ([whole] if not whole.intersection(letter.ink_box) else boxes)
    ]
