"""Decides which lone letters stand in a place that no threshold takes apart, and what ink is theirs.

Takes the search image and a place, gives each letter as a line of its own, from what `lead_sight` says at several
scales.
Whether a letter may stay is left to `cutting`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.ink import as_bytes, of_components
from cxr_core.deidentify.pixels.lead import PLACE_PX, looks_at
from cxr_core.deidentify.pixels.lead_sight import CELL_PX, LETTER_PX, look_for_letters
from cxr_core.deidentify.pixels.model import Box, Line, extent
from cxr_core.deidentify.pixels.parts import Parts
from cxr_core.deidentify.pixels.proposals import SearchImage
from cxr_core.deidentify.pixels.tones import sampled

SIDES = "LR"
_STEP = 1.45  # from one scale to the next
_AROUND = 0.9  # of a place: it may be what stands beside a letter
_MOST_LETTERS = 2.0  # a place is so many times as long as its letter
_LEAST_PX, _LARGEST_PX = 16, 260
_SMALLEST, _LARGEST = 0.35, 1.5  # of a place
_LEAST_VIEW_PX = 48
_SEEN, _OTHER, _PERHAPS = 0.5, 0.5, 0.3  # of a letter; of other type: surely, perhaps
_REGION = 0.3  # from which on a cell belongs to a letter that was seen next to it
_SIZE = 15, 60  # of a letter askew, in pixels of what is seen
_MOSTLY, _MUCH = 0.7, 0.3  # of a part: it is the letter's; of all ink: it is joined to something
_MARGIN, _SHOWN = 0.09, 0.75  # of the letter: what is looked at around it; of the window at which lead is taken apart
_BEYOND_PX = 6  # of a letter that is joined to something: how far it may reach beyond its cells
_PART = 0.12  # by how much less what may be a part of a letter is preferred
_MUCH_LARGER, _WITHIN = 1.6, 0.9
_SURE = 0.8  # of a whole letter: the larger one is that with its initials
_ALIKE, _AS_LARGE, _ONE_PIECE = 0.6, 1.1, 0.97
_RIM_CELLS, _OF_IT = 2, 0.15
_INITIALS, _LONGEST, _CLOSE = (0.15, 0.85), 2.0, 0.8  # of the letter: height and length of initials, and the gap
_LONGEST_OVER_HIGH, _MOST_COMPANY = 3.2, 3
_LOWEST, _HIGHEST, _SPACES, _ON_ITS_LINE, _OVERLAP = 0.5, 1.8, 2.0, 0.25, 0.2  # of a letter: what makes a row with it
_SPACE, _LOWEST_BEYOND = 0.18, 0.62  # the same: of type that is divided from it by so much
_UNHARMED = 0.95  # of the ink of a letter
_SIGNED = 1.6, 2.3, 3.3  # of initials: heights at which their letter is looked for
_SIGNED_AROUND = 4.0  # of initials: how far around them
_SIGNED_SIZE, _SIGNED_GAP = (1.5, 4.0), (0.02, 0.75)  # of initials: the letter; of the letter: the gap between
_SIGNED_SURELY = 0.78
_GLIMPSED_PX, _GLIMPSED = (32, 24, 40), 0.25  # heights at which it is looked for; probability
_COVERED = 0.75  # of the sides of a letter: what its ink must reach


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A lone letter that was seen: which, how surely (0 to 1), where; all other type beside it.

    `cells` tells of all around it how probable it is that each is of the letter; below zero for other type.
    """

    side: str
    certainty: float
    box: Box
    beside: tuple[Box, ...]
    around: Box
    cells: NDArray[np.float32] = field(repr=False)

    @property
    def size(self) -> int:
        return max(self.box.height, self.box.width)

    @property
    def company(self) -> list[Box]:
        """Where initials stand about the letter: small type close to it, no longer than a few letters."""
        found = [box for box in self._close if _is_small(box, self.size)]
        return found if len(found) <= _MOST_COMPANY else []  # more is texture

    @property
    def _close(self) -> list[Box]:
        return [box for box in self.beside if max(box.gaps(self.box)) <= _CLOSE * self.size]

    def is_of_a_row(self, known: Sequence[Box]) -> bool:
        """True where type of about its height stands in its row or column (`Lee, L`), but for what is known.

        Parameters
        ----------
        known : sequence of Box
            Markers that were read.
        """
        unread = [box for box in self.beside if not any(box.intersection(one) for one in known)]
        lying = self.box.transposed
        return any(_follows(self.box, box) or _follows(lying, box.transposed) for box in unread)


def is_seen_as(letter: Line, seen: Sequence[Sighting]) -> bool:
    """True for a letter that was seen where it was read, be it without a serif or the end of its foot."""
    return any(letter.ink_box.likeness(one.box) >= _ALIKE or _is_most_of(one, letter) for one in seen)


def _is_most_of(one: Sighting, letter: Line) -> bool:
    """True for what was seen of a letter that is no higher, and of one piece: nothing stands beside it in its ink."""
    box = letter.ink_box
    is_inside = one.box.intersection(box) >= _WITHIN * one.box.area
    is_as_high = max(box.height, box.width) <= _AS_LARGE * one.size
    return is_inside and is_as_high and _is_of_one_piece(letter.inks[0])


def _is_of_one_piece(ink: NDArray[np.bool_]) -> bool:
    _, _, stats, _ = cv2.connectedComponentsWithStats(as_bytes(ink), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return bool(areas.max(initial=0) >= _ONE_PIECE * areas.sum())


def by_preference(seen: Sequence[Sighting]) -> list[Sighting]:
    """The surest first; what looks like a letter within a much larger one after that: half an R may look like one."""
    return sorted(
        seen, key=lambda one: one.certainty - _PART * any(_is_part_of(one, other) for other in seen), reverse=True
    )


def _is_part_of(one: Sighting, other: Sighting) -> bool:
    is_larger = other.size >= _MUCH_LARGER * one.size or other.box.area >= _MUCH_LARGER**2 * one.box.area
    return is_larger and one.certainty < _SURE and one.box.intersection(other.box) >= _MOSTLY * one.box.area


def _is_small(box: Box, size: int) -> bool:
    shorter, longer = sorted((box.height, box.width))
    is_lower = _INITIALS[0] * size <= shorter <= _INITIALS[1] * size
    return is_lower and longer <= min(_LONGEST * size, _LONGEST_OVER_HIGH * shorter)


def _follows(letter: Box, other: Box) -> bool:
    """True for type in the row of a letter that stands on its line, about as high, within a few spaces.

    Small letters of its word stand close to it; what is as low and further away are initials.
    """
    gap = letter.gaps(other)[1]
    least = _LOWEST if gap < _SPACE * letter.height else _LOWEST_BEYOND
    is_as_high = least * letter.height <= other.height <= _HIGHEST * letter.height
    offset = min(abs(letter.bottom - other.bottom), abs(letter.top - other.top))
    return (
        is_as_high
        and -_OVERLAP * letter.height <= gap <= _SPACES * letter.height
        and offset <= _ON_ITS_LINE * letter.height
    )


def _places_in(mask: NDArray[np.bool_]) -> list[Box]:
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return [Box(top, left, top + height, left + width) for left, top, width, height in stats[1:, :4].tolist()]


def sightings(search: SearchImage, place: Box) -> list[Sighting]:
    """The lone letters in and about a place, as each scale shows them."""
    size = min(float(max(place.height, place.width)), _MOST_LETTERS * min(place.height, place.width))
    window = place.grown(round(_AROUND * size), search.shape)
    return [one for height in _heights(size) for one in _at_scale(search, window, height)]


def is_glimpsed(search: SearchImage, letter: Line) -> bool:
    """True where there is a hint of a lone letter in what was read as one: readers read the ground beside type, too."""
    box = letter.ink_box
    size = max(box.height, box.width)
    window = box.grown(round(_AROUND * size), search.shape)
    own = box.top - window.top, box.left - window.left, box.bottom - window.top, box.right - window.left
    for height in _GLIMPSED_PX:
        grey, zoom = sampled(search.views[0].grey, window, height / size)
        if min(grey.shape) >= _LEAST_VIEW_PX:
            cells = Box(*(int(edge * zoom / CELL_PX) for edge in own))
            if look_for_letters(grey)[:2, *cells.window].max(initial=0.0) >= _GLIMPSED:
                return True
    return False


def letter_signed(search: SearchImage, initials: Box) -> Box | None:
    """Where a much larger lone letter is surely seen beside what may be its initials; None where none is."""
    size = min(initials.height, initials.width)
    window = initials.grown(round(_SIGNED_AROUND * size), search.shape)
    for height in (times * size for times in _SIGNED):
        for one in _at_scale(search, window, height):
            gap = max(initials.gaps(one.box)) / one.size
            is_larger = _SIGNED_SIZE[0] * size <= one.size <= _SIGNED_SIZE[1] * size
            if one.certainty >= _SIGNED_SURELY and is_larger and _SIGNED_GAP[0] <= gap <= _SIGNED_GAP[1]:
                return one.box
    return None


def _heights(size: float) -> Iterator[float]:
    """The heights of letters that are looked for, in pixels of the image, from the largest on."""
    height = min(_LARGEST * size, float(_LARGEST_PX))
    least = max(_LEAST_PX, _SMALLEST * size)
    while height >= least:
        yield height
        height /= _STEP


def _at_scale(search: SearchImage, window: Box, height: float) -> Iterator[Sighting]:
    grey, _ = sampled(search.views[0].grey, window, float(np.sqrt(LETTER_PX[0] * LETTER_PX[1])) / height)
    if min(grey.shape) < _LEAST_VIEW_PX:
        return
    maps = look_for_letters(grey)
    sides = maps[:2]
    type_ = _places_in(maps[2] >= _PERHAPS)
    likelier = sides.max(axis=0)
    near = (likelier >= _REGION) & (maps[2] < _OTHER)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(near.astype(np.uint8), connectivity=4)
    seen_shape = grey.shape[0] / CELL_PX, grey.shape[1] / CELL_PX
    for index in range(1, len(stats)):
        mask = labels == index
        likely = sides[:, mask & (likelier >= _SEEN)]
        left, top, width, higher = (int(value) for value in stats[index, :4])
        if not likely.size or not _SIZE[0] <= CELL_PX * max(width, higher) <= _SIZE[1]:
            continue
        side = int(likely.sum(axis=1).argmax())
        cells = Box(top, left, top + higher, left + width)
        box = _in_image(cells, window, seen_shape)
        around = cells.grown(_RIM_CELLS, near.shape)
        own = np.where(mask, sides[side], np.where(maps[2] >= _OTHER, np.float32(-1), 0))[around.window]
        beside = tuple(_in_image(one, window, seen_shape) for one in type_ if not one.intersection(cells))
        certainty = float(likely[side].mean())
        yield Sighting(SIDES[side], certainty, box, beside, _in_image(around, window, seen_shape), own)


def as_line(search: SearchImage, sighting: Sighting, place: Line) -> Line | None:
    """A letter that was seen as a line of its own, with its ink under each look that shows it whole; else None.

    The look that shows it as it was seen comes first: others may show the ground between its strokes.
    """
    seen = sighting.box
    window = seen.grown(round(_MARGIN * sighting.size), search.shape)
    shown = []
    for parts, _ in looks_at(search, window, _SHOWN * PLACE_PX / sighting.size):
        strokes = _strokes(parts, _laid_over(sighting, window, parts.labels.shape))
        if strokes.any():
            cells = extent(strokes)
            box = _in_image(cells, window, strokes.shape)
            if box.height >= _COVERED * seen.height and box.width >= _COVERED * seen.width:
                shown.append((box, np.ascontiguousarray(strokes[cells.window])))
    if not shown:
        return None
    boxes, inks = zip(*sorted(shown, key=lambda one: -one[0].likeness(seen)), strict=True)
    size = float(max(boxes[0].height, boxes[0].width))
    return replace(
        place, box=boxes[0], is_vertical=False, line_px=size, glyphs=1, inks=tuple(inks), ink_boxes=tuple(boxes)
    )


def _in_image(cells: Box, window: Box, shape: tuple[float, ...]) -> Box:
    """A rectangle of a window, sampled to a shape, in pixels of the image."""
    down, across = window.height / shape[0], window.width / shape[1]
    return Box(
        window.top + int(cells.top * down),
        window.left + int(cells.left * across),
        min(window.bottom, window.top + int(np.ceil(cells.bottom * down))),
        min(window.right, window.left + int(np.ceil(cells.right * across))),
    )


def clear_of(letter: Line, boxes: Sequence[Box]) -> Line:
    """The letter with a rectangle that reaches over none of the others, as far as that costs it no ink."""
    for box in boxes:
        own, ink = letter.ink_box, letter.inks[0]
        if own.intersection(box):
            parts = [(_share_in(part, ink, own), part) for part in own.without(box)]
            share, part = max(parts, key=lambda one: one[0], default=(0.0, own))
            if share >= _UNHARMED:
                letter = letter.cut_down_to(ink[_part_of(part, own, ink.shape)], part, glyphs=1)
    return letter


def _share_in(part: Box, ink: NDArray[np.bool_], own: Box) -> float:
    inside = int(np.count_nonzero(ink[_part_of(part, own, ink.shape)]))
    return inside / max(1, int(np.count_nonzero(ink)))


def _part_of(part: Box, own: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The pixels of an ink over `own` that lie in a part of it."""
    down, across = shape[0] / own.height, shape[1] / own.width
    rows = slice(int((part.top - own.top) * down), max(1, round((part.bottom - own.top) * down)))
    return rows, slice(int((part.left - own.left) * across), max(1, round((part.right - own.left) * across)))


def _strokes(parts: Parts, cells: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The ink of a letter: parts that lie mostly in it as a whole, of a large one that is joined to others its share.

    What reaches into it with little of itself is an initial beside it, and so is what was seen as other type.
    """
    region = cells >= _OF_IT
    inside = np.bincount(parts.labels[region], minlength=len(parts.stats))
    inside[0] = 0
    is_own = inside >= _MOSTLY * parts.stats[:, 4]
    is_own[0] = False
    is_joined = inside >= _MUCH * inside.sum()
    reach = cv2.dilate(region.view(np.uint8), np.ones((2 * _BEYOND_PX + 1,) * 2, np.uint8)) > 0
    return of_components(parts.labels, is_own) | (of_components(parts.labels, is_joined) & reach & (cells > -_OF_IT))


def _laid_over(sighting: Sighting, window: Box, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """What the cells of a sighting say of each pixel of a window that was sampled to a shape; 0 outside of them."""
    around = sighting.around
    down, across = sighting.cells.shape[0] / around.height, sighting.cells.shape[1] / around.width
    rows = (window.top + (np.arange(shape[0]) + 0.5) * window.height / shape[0] - around.top) * down - 0.5
    columns = (window.left + (np.arange(shape[1]) + 0.5) * window.width / shape[1] - around.left) * across - 0.5
    x, y = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
    return np.asarray(
        cv2.remap(sighting.cells, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0),
        dtype=np.float32,
    )
