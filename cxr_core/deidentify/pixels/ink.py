"""Decides what is ink at a marked place: by one exact stored value, or by contrast.

Takes the search image and a mark, gives binarisations, the likeliest first, cut down to what belongs to the mark.
The lines that they make are left to `lines`.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.marks import Mark
from cxr_core.deidentify.pixels.model import Box, Line, extent
from cxr_core.deidentify.pixels.proposals import SearchImage, View
from cxr_core.deidentify.pixels.tones import hat, median, otsu, percentiles

INK_PX = 32
"""Height of a line where its contrast is judged: near that at which it will be read."""

_OUTLINED_PX = 64  # the same of outlined type: an outline is thin, and must not leak
_MOST_ZOOM = 2.5
_CONSTANT_SHARE = 0.12  # of the mark, for one stored value to be the ink
_CONSTANT_LEAD = 3.0
_INK_SHARE = (0.02, 0.75)
_STROKE = 0.28  # half of the widest stroke, of the line's height
_EXTREMES, _EITHER_SIDE = (4, 96), 40.0  # percentiles of a mark; of 255, more than grain
_FAINT, _TONE, _OTHER_TONE = 16, 16, 0.1  # of 255: a stroke; how much one tone may vary; of its strokes: of another
_MOST_OF = (10, 90)  # percentiles of the ground
_OUTLINE, _HUGS = 0.12, 0.97  # of the line's height: how far an outline reaches; how much of it does
_OUTLINED_SHARE = 0.1  # of the mark: the outlines of its letters
_FRAME_FILL, _FRAMED = 0.5, 0.3
_SPANNED, _MOST_BARE = 0.75, 0.4  # of the length of a mark: what ink must cover at least; what type covers at least
_BARE, _BARE_SHARE = 12.0, 0.05  # of 255: fainter than any type; of the strongest stroke
_LETTER_SHARE = 0.2
_A_LETTER = 0.3  # of the height of a line that runs along the columns
_MOST_COUNTED = 1 << 16  # of the range of values: what 16 bits hold


Plane = Callable[[View], NDArray[np.uint8]]
PLANES: tuple[Plane, Plane] = (lambda view: view.grey, lambda view: view.equal)
"""What of a view is sampled: grey values, and which of them are exactly equal."""


@dataclass(frozen=True, slots=True, eq=False)
class Ink:
    """Ink at a marked place.

    Parameters
    ----------
    mask : (rows, columns) bool array
        Over the mark's reach, at any resolution.
    reach : Box
        What the mask lies over, in pixels of the image.
    constancy : float
        Share of the ink that has the one commonest stored value.
    """

    mask: NDArray[np.bool_] = field(repr=False)
    reach: Box
    constancy: float

    @property
    def box(self) -> Box:
        """The rectangle around the ink, in pixels of the image."""
        down, across = self.reach.height / self.mask.shape[0], self.reach.width / self.mask.shape[1]
        ink = extent(self.mask)
        return Box(
            self.reach.top + int(ink.top * down),
            self.reach.left + int(ink.left * across),
            self.reach.top + int(np.ceil(ink.bottom * down)),
            self.reach.left + int(np.ceil(ink.right * across)),
        )

    @property
    def is_spilt(self) -> bool:
        """True where it fills its reach from one side to the other."""
        ink = extent(self.mask)
        return bool(ink.height == self.mask.shape[0] or ink.width == self.mask.shape[1])

    @property
    def cropped(self) -> NDArray[np.bool_]:
        """The mask within `box`."""
        return np.ascontiguousarray(self.mask[extent(self.mask).window])


def find_inks(search: SearchImage, mark: Mark) -> Iterator[Ink]:
    """Binarisations of the place, the likeliest first; none where nothing there looks like type.

    Parameters
    ----------
    search : SearchImage
    mark : Mark
    """
    reach = mark.reach(search.shape)
    stored = search.stored[reach.window]
    if (mask := _constant_ink(stored, _within(mark.core, reach, 1.0), mark)) is not None:
        yield Ink(mask, reach, 1.0)
    at_reading_height = place_of(search, mark)
    is_type = yield from _shown_by(_contrasted, at_reading_height, search, mark)
    is_type |= yield from _shown_by(_outlined, place_of(search, mark, _OUTLINED_PX), search, mark)
    if is_type and not mark.is_squarish:  # a letter stands on one ground; the tone of what is no type says nothing
        yield from _shown_by(_across_a_border, at_reading_height, search, mark)


def without_bare_ends(search: SearchImage, mark: Mark) -> Mark:
    """The mark without what is bare ground at its ends; the same where type fills it, or little of it is type.

    Maps run on beyond bold type. Bare is what shows no stroke, neither as faint as hard type nor of a like share of the
    strokes that there are.
    """
    grey, core, line_px = place_of(search, mark)
    side = 2 * max(1, round(_STROKE * line_px)) + 1
    strokes = cv2.max(hat(grey, cv2.MORPH_TOPHAT, side), hat(grey, cv2.MORPH_BLACKHAT, side))[core.window]
    along = strokes.max(axis=1 if mark.is_vertical else 0)
    drawn = np.flatnonzero(along > min(_BARE, _BARE_SHARE * float(along.max())))
    if not drawn.size or not _MOST_BARE * along.size <= drawn[-1] + 1 - drawn[0] < along.size:
        return mark
    whole = mark.core.height if mark.is_vertical else mark.core.width
    first, last = int(drawn[0] * whole / along.size), int(np.ceil((drawn[-1] + 1) * whole / along.size))
    return replace(mark, core=mark.core.along(first, last, is_vertical=mark.is_vertical))


def part_of(line: Line, mask: NDArray[np.bool_], glyphs: int) -> Line:
    """A part of the first ink of a line as a line of its own; `mask` lies over the whole of that ink."""
    ink = Ink(np.ascontiguousarray(mask), line.ink_box, line.constancy)
    return line.cut_down_to(ink.cropped, ink.box, glyphs)


def count_letters(ink: NDArray[np.bool_]) -> int:
    """How many connected parts of the ink of a line may be letters: not the dots, accents and hyphens."""
    stats = cv2.connectedComponentsWithStats(as_bytes(ink), connectivity=8)[2]
    return int(np.count_nonzero(stats[1:, cv2.CC_STAT_HEIGHT] >= _A_LETTER * ink.shape[0]))


def as_bytes(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The same mask for OpenCV: 0 and 1."""
    return np.ascontiguousarray(mask).view(np.uint8)


def _constant_ink(stored: NDArray[np.integer], core: Box, mark: Mark) -> NDArray[np.bool_] | None:
    """What has one exact value that is common in the mark and rare around it."""
    values, counts = _counted(stored[core.window])
    for index in np.argsort(-counts, kind="stable")[:3].tolist():
        share = counts[index] / max(1, core.area)
        if share >= _CONSTANT_SHARE and _stands_out(stored, int(values[index]), core):
            mask = belonging(stored == int(values[index]), core, mark)
            if is_ink(mask, core, mark):
                return mask
    return None


_Place = tuple[NDArray[np.uint8], Box, float]
"""Grey values, where the mark lies in them, and the height of its line there."""


def place_of(search: SearchImage, mark: Mark, height_px: int = INK_PX) -> _Place:
    """The grey values of a mark's reach, its line so high; where the mark lies in them; the line's height there."""
    reach = mark.reach(search.shape)
    grey = at_height(search, reach, mark.line_px, height_px, PLANES[0])
    zoom = grey.shape[0] / reach.height
    return grey, _within(mark.core, reach, zoom).grown(0, grey.shape), mark.line_px * zoom


def _shown_by(
    looks: Callable[[NDArray[np.uint8], Box, float], Iterator[NDArray[np.bool_]]],
    place: _Place,
    search: SearchImage,
    mark: Mark,
) -> Generator[Ink, None, bool]:
    """The inks that a look shows at a place; gives whether there was one."""
    reach, is_any = mark.reach(search.shape), False
    for shown in looks(*place):
        mask = belonging(shown, place[1], mark)
        if is_ink(mask, place[1], mark):
            is_any = True
            yield Ink(mask, reach, _commonest_share(search.stored[reach.window], mask))
    return is_any


def at_height(search: SearchImage, reach: Box, line_px: float, height_px: int, plane: Plane) -> NDArray[np.uint8]:
    """The values of a place, the line about so high: edges of small type lie between pixels."""
    zoom = min(height_px / line_px, _MOST_ZOOM)
    view = max((view for view in search.views if view.scale * zoom <= 1 or view.scale == 1), key=lambda one: one.scale)
    grey = np.ascontiguousarray(plane(view)[reach.in_steps(view.scale).window])
    size = max(1, round(reach.width * zoom)), max(1, round(reach.height * zoom))
    method = cv2.INTER_AREA if zoom * view.scale <= 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(grey, size, interpolation=method), dtype=np.uint8)


def _contrasted(grey: NDArray[np.uint8], core: Box, line_px: float) -> Iterator[NDArray[np.bool_]]:
    """Ink against ground: by one threshold, then by strokes brighter or darker than what lies around them.

    Strokes are thinner than half a line, so that steps of the ground (a shutter, the border of a lung) drop out.
    """
    bright = grey > otsu(grey[core.window])
    ring = np.ones(grey.shape, np.bool_)
    ring[core.window] = False
    yield from _both_sides(grey, core, ring, line_px)
    gain = float(bright[core.window].mean()) - (float(bright[ring].mean()) if ring.any() else 0.5)
    yield bright if gain >= 0 else ~bright
    side = 2 * max(1, round(_STROKE * line_px)) + 1
    hats = [hat(grey, kind, side) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)]
    stronger = int(hats[1][core.window].mean() > hats[0][core.window].mean())
    for strokes in (hats[stronger], hats[1 - stronger]):
        yield np.asarray(strokes > max(otsu(strokes[core.window]), 1.0), dtype=np.bool_)


def _across_a_border(grey: NDArray[np.uint8], core: Box, line_px: float) -> Iterator[NDArray[np.bool_]]:
    """Type of one tone that crosses a border of the ground: its contrast is not one. None where the ground is one."""
    ring = np.ones(grey.shape, np.bool_)
    ring[core.window] = False
    if not ring.any() or float(np.ptp(percentiles(grey[ring], _MOST_OF))) < _EITHER_SIDE:
        return
    side = 2 * max(1, round(_STROKE * line_px)) + 1
    for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
        if (toned := _of_one_tone(grey, hat(grey, kind, side), core, line_px)) is not None:
            yield toned


def _of_one_tone(
    grey: NDArray[np.uint8], strokes: NDArray[np.uint8], core: Box, line_px: float
) -> NDArray[np.bool_] | None:
    """What has the tone of most strokes; None where some have another: a reader would not know of those."""
    drawn = strokes[core.window] > _FAINT
    if not drawn.any():
        return None
    weights = np.bincount(grey[core.window][drawn], strokes[core.window][drawn], minlength=256)
    tone = int(np.argmax(np.convolve(weights, np.ones(2 * _TONE + 1), "same")))
    toned = np.abs(grey.astype(np.int16) - tone) <= _TONE
    is_one = np.count_nonzero(drawn & ~_hem(toned, line_px)[core.window]) <= _OTHER_TONE * np.count_nonzero(drawn)
    return np.asarray(toned, dtype=np.bool_) if is_one else None


def _both_sides(
    grey: NDArray[np.uint8], core: Box, ring: NDArray[np.bool_], line_px: float
) -> Iterator[NDArray[np.bool_]]:
    """Of type that is both brighter and darker than its ground (outlined, or with a shadow): each by itself.

    One threshold takes the ground together with either. The fill is mostly bright. Dark type beside bright type is no
    outline: shown one without the other, a reader would not know of it.
    """
    if not ring.any():
        return
    ground = median(grey[ring])
    dark, bright = percentiles(grey[core.window], _EXTREMES)
    if min(bright - ground, ground - dark) >= _EITHER_SIDE:
        fill, edge = grey > (ground + bright) / 2, grey < (ground + dark) / 2
        if _hugs(edge, fill, core, line_px):
            yield fill
            yield edge


def _outlined(grey: NDArray[np.uint8], core: Box, line_px: float) -> Iterator[NDArray[np.bool_]]:
    """The fill of type that a thin line of another tone runs around, whatever lies behind the fill."""
    for kind in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT):
        strokes = hat(grey, kind, _outline_px(line_px))
        edge = strokes > max(otsu(strokes[core.window]), _EITHER_SIDE)
        if edge[core.window].mean() >= _OUTLINED_SHARE and (fill := _enclosed(edge, core, line_px)) is not None:
            yield fill


def _enclosed(edge: NDArray[np.bool_], core: Box, line_px: float) -> NDArray[np.bool_] | None:
    """What an outline runs around, without the holes of letters; None where it is no outline.

    What an outline encloses is the fill; what a second one encloses within it is the ground again, the hole of an O.
    All of the outlines must run close along the fill: there is no other type beside it.
    """
    outside = _reached_from_beyond(~edge)
    enclosed = ~edge & ~outside
    if not edge[core.window].any() or not _hugs(edge, enclosed, core, line_px):
        return None  # nor would a part of it
    outer = _connected_to(edge, _beside(outside), connectivity=8)
    fill = _connected_to(enclosed, _beside(outer), connectivity=4)
    return fill if _hugs(edge, fill, core, line_px) else None


def _reached_from_beyond(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What of a mask hangs together with its border."""
    wide = cv2.copyMakeBorder(as_bytes(mask), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(wide, None, (0, 0), 2, flags=4)
    return np.asarray(wide[1:-1, 1:-1] == 2, dtype=np.bool_)


def _hugs(edge: NDArray[np.bool_], fill: NDArray[np.bool_], core: Box, line_px: float) -> bool:
    """True where an edge runs, within the mark, nowhere further from a fill than an outline is wide."""
    drawn = edge[core.window]
    return bool(np.count_nonzero(drawn & _hem(fill, line_px)[core.window]) >= _HUGS * np.count_nonzero(drawn))


def _hem(mask: NDArray[np.bool_], line_px: float) -> NDArray[np.bool_]:
    """A mask and what lies as near to it as an outline is wide."""
    near = cv2.dilate(as_bytes(mask), np.ones((_outline_px(line_px),) * 2, np.uint8))
    return np.asarray(near > 0, dtype=np.bool_)


def _outline_px(line_px: float) -> int:
    return 2 * max(1, round(_OUTLINE * line_px)) + 1


def _beside(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask and the pixels next to it."""
    return np.asarray(cv2.dilate(as_bytes(mask), np.ones((3, 3), np.uint8)) > 0, dtype=np.bool_)


def _connected_to(mask: NDArray[np.bool_], seeds: NDArray[np.bool_], *, connectivity: int) -> NDArray[np.bool_]:
    """The components of a mask that have a pixel among the seeds."""
    count, labels = cv2.connectedComponents(as_bytes(mask), connectivity=connectivity)
    is_wanted = np.zeros(count, np.bool_)
    is_wanted[labels[seeds]] = True
    is_wanted[0] = False
    return of_components(labels, is_wanted)


def _stands_out(stored: NDArray[np.integer], value: int, core: Box) -> bool:
    """True where a value is commoner in the mark than around it: ink, not ground."""
    inside = float((stored[core.window] == value).mean())
    outside = (float((stored == value).sum()) - inside * core.area) / max(1, stored.size - core.area)
    return inside > _CONSTANT_LEAD * outside


def belonging(mask: NDArray[np.bool_], core: Box, mark: Mark) -> NDArray[np.bool_]:
    """The components of a mask that have a pixel in the mark, without a ring or frame around the others.

    Of a letter's place, what runs on beyond it (a wire, a rib, half a ring) does not belong, either.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(as_bytes(mask), connectivity=8)
    inside = np.zeros(count, np.bool_)
    inside[labels[core.window]] = True
    inside[0] = False
    some = np.flatnonzero(inside)
    inside[frames(stats, some, some)] = False
    if mark.is_squarish:
        rows, columns = mask.shape
        whole = inside & (stats[:, 0] > 0) & (stats[:, 1] > 0)
        whole &= (stats[:, 0] + stats[:, 2] < columns) & (stats[:, 1] + stats[:, 3] < rows)
        if whole.any() and (np.maximum(stats[whole, 2], stats[whole, 3]) >= _LETTER_SHARE * min(rows, columns)).any():
            inside = whole
    return of_components(labels, inside)


def of_components(labels: Any, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of the wanted components; much quicker than `wanted[labels]`."""
    return np.asarray(np.take(wanted, labels), dtype=np.bool_)


def frames(stats: NDArray[Any], some: NDArray[np.intp], others: NDArray[np.intp]) -> NDArray[np.intp]:
    """Those of some components that are thin and whose rectangle holds, well inside it, a good part of the others."""
    left, top, width, height = stats[others, :4].T
    is_thin = stats[some, 4] <= _FRAME_FILL * stats[some, 2] * stats[some, 3]
    may_be = some[is_thin]
    x, y, across, down = stats[may_be, :4].T[:, :, None]
    held = (left > x) & (top > y) & (left + width < x + across) & (top + height < y + down)
    is_large = np.maximum(width, height) >= _FRAMED * np.minimum(across, down)
    return np.asarray(may_be[(held & is_large).any(axis=1)], dtype=np.intp)


def is_ink(mask: NDArray[np.bool_], core: Box, mark: Mark) -> bool:
    """True where a binarisation covers the mark as type does, and runs over most of its length."""
    inside = mask[core.window]
    if not _INK_SHARE[0] <= (float(inside.mean()) if inside.size else 0.0) <= _INK_SHARE[1]:
        return False
    along = np.flatnonzero(inside.any(axis=1 if mark.is_vertical else 0))
    return mark.is_squarish or bool(along[-1] - along[0] + 1 >= _SPANNED * inside.shape[0 if mark.is_vertical else 1])


def _commonest_share(stored: NDArray[np.integer], mask: NDArray[np.bool_]) -> float:
    size = (stored.shape[1], stored.shape[0])
    full = cv2.resize(as_bytes(mask), size, interpolation=cv2.INTER_NEAREST) > 0
    _, counts = _counted(stored[full])
    return float(counts.max() / counts.sum()) if counts.size else 0.0


def _counted(stored: NDArray[np.integer]) -> tuple[NDArray[np.integer], NDArray[np.intp]]:
    """The values that occur, the lowest first, and how often each does; to count is much quicker than to sort."""
    if stored.size == 0 or int(stored.max()) - (lowest := int(stored.min())) > _MOST_COUNTED:
        return np.unique(stored, return_counts=True)
    counts = np.bincount(stored.ravel().astype(np.intp) - lowest)
    values = np.flatnonzero(counts)
    return values + lowest, counts[values]


def _within(box: Box, outer: Box, zoom: float) -> Box:
    """A rectangle in the coordinates of another that is shown `zoom` times as large."""
    return Box(
        int((box.top - outer.top) * zoom),
        int((box.left - outer.left) * zoom),
        int(np.ceil((box.bottom - outer.top) * zoom)),
        int(np.ceil((box.right - outer.left) * zoom)),
    )
