"""Decides what sheets of type look like, in every look that hides its strokes: for training to find them.

Takes a seed and type faces, gives stored pixels and what of them are strokes: whole letters, also where the device
showed them in scan lines, in dots or by their outline alone. Nothing here comes from a real image.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from burned_in_backgrounds import draw_background
from burned_in_images import develop
from burned_in_text import (
    Face,
    as_lead,
    as_raster,
    draw_person,
    initials,
    marker_lines,
    noise_lines,
    phi_lines,
    render_line,
    with_ring,
)
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.marks import TALL
from cxr_core.deidentify.pixels.model import Box, extent
from cxr_core.vocabulary import Photometric

_LINE_PX = 10, 80
_COARSE_PX = 11, 18  # of type that a console draws small and shows large
_SHORT_LINES = 0.5  # of the blocks are markers: long lines are cut anyhow
_LEAD, _ON_END, _RASTER, _COARSE, _BOLD, _WIDE = 0.2, 0.2, 0.25, 0.2, 0.2, 0.35
_BORDERS = 0.65
_VISIBLE, _NEAR_PX = 4.0, 9  # of 255; how near to what changed the rest of a letter is
_LEAST_CONTRAST = 35.0  # of 255; what has less is drawn on purpose

Mask = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Lines of type that belong together: coverage as it is shown, and of whole letters; where its lines are."""

    shown: Mask
    strokes: Mask
    lines: tuple[Box, ...]
    is_lead: bool = False
    is_vertical: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """An image: stored pixels, whole letters (rows, columns) bool, the rectangle and direction of each line."""

    stored: NDArray[np.uint16] = field(repr=False)
    photometric: Photometric
    strokes: NDArray[np.bool_] = field(repr=False)
    lines: tuple[tuple[Box, bool], ...]


def draw_sheet(seed: int, faces: Sequence[Face], long_side: int) -> Sheet:
    """A radiograph crowded with type."""
    rng = np.random.default_rng(seed)
    grey = draw_background(rng, long_side)
    if rng.random() < _BORDERS:
        _add_borders(rng, grey)
    strokes, taken = np.zeros(grey.shape, np.bool_), np.zeros(grey.shape, np.bool_)
    lines: list[tuple[Box, bool]] = []
    for _ in range(int(rng.integers(10, 26))):
        block = _draw_block(rng, faces)
        place = _free_place(rng, taken, block.shown.shape)
        if place is None:
            continue
        window = slice(place[0], place[0] + block.shown.shape[0]), slice(place[1], place[1] + block.shown.shape[1])
        strokes[window] |= _lay_on(rng, grey[window], block)
        lines += [(_moved(box, place), block.is_vertical) for box in block.lines]
    return Sheet(*develop(rng, grey), strokes, tuple(lines))


def _moved(box: Box, place: tuple[int, int]) -> Box:
    return Box(box.top + place[0], box.left + place[1], box.bottom + place[0], box.right + place[1])


def _add_borders(rng: np.random.Generator, grey: Mask) -> None:
    """Shutters, borders of lungs, edges of plates: the ground changes beneath the type."""
    rows, columns = grey.shape
    for _ in range(int(rng.integers(1, 6))):
        area = np.zeros(grey.shape, np.uint8)
        centre = int(rng.integers(columns)), int(rng.integers(rows))
        size = int(rng.uniform(0.05, 0.8) * columns), int(rng.uniform(0.05, 0.8) * rows)
        if rng.random() < 0.5:
            corners = cv2.boxPoints((centre, size, float(rng.normal(0, 8))))
            cv2.fillPoly(area, [np.rint(corners).astype(np.int32)], 255)
        else:
            cv2.ellipse(area, centre, (size[0] // 2, size[1] // 2), float(rng.uniform(0, 180)), 0, 360, 255, -1)
        cover = area.astype(np.float32) / 255
        if blur := float(rng.choice([0, 1, 3, 8])):
            cover = cv2.GaussianBlur(cover, (0, 0), blur)
        if rng.random() < 0.3:
            cover = 1 - cover
        if rng.random() < 0.4:
            tone = float(rng.choice([0, 0, 255, rng.uniform(0, 255)]))
            grey += cover * float(rng.choice([1, 0.8, 0.5])) * (tone - grey)
        else:
            grey += cover * float(rng.choice([-1, 1]) * rng.uniform(20, 140))
    np.clip(grey, 0, 255, out=grey)


def _draw_block(rng: np.random.Generator, faces: Sequence[Face]) -> Block:
    face = faces[int(rng.integers(len(faces)))]
    if rng.random() < _LEAD:
        return _draw_lead(rng, face)
    wording = marker_lines(rng) if rng.random() < _SHORT_LINES else _long_lines(rng)
    size = int(np.exp(rng.uniform(*np.log(_LINE_PX))))
    pairs = _as_device(rng, [_render(rng, line, face, size) for line in wording], size)
    leading = int(rng.uniform(0.15, 1.0) * size) + 2
    height, width = sum(one.shape[0] + leading for one, _ in pairs) - leading, max(one.shape[1] for one, _ in pairs)
    shown, strokes = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    top, boxes = 0, []
    for one, whole in pairs:
        box = Box(top, 0, top + one.shape[0], one.shape[1])
        shown[box.window], strokes[box.window] = one, whole
        boxes.append(box)
        top += one.shape[0] + leading
    if rng.random() >= _ON_END:
        turned = (slice(None, None, -1),) * 2 if rng.random() < 0.1 else (slice(None),) * 2
        boxes = boxes if turned[0].step is None else [_turned_over(box, (height, width)) for box in boxes]
        return Block(shown[turned], strokes[turned], tuple(boxes))
    on_end = tuple(Box(width - box.right, box.top, width - box.left, box.bottom) for box in boxes)
    return Block(np.rot90(shown), np.rot90(strokes), on_end, is_vertical=True)


def _turned_over(box: Box, shape: tuple[int, int]) -> Box:
    return Box(shape[0] - box.bottom, shape[1] - box.right, shape[0] - box.top, shape[1] - box.left)


def _long_lines(rng: np.random.Generator) -> list[str]:
    lines = phi_lines(rng, draw_person(rng)) if rng.random() < 0.6 else noise_lines(rng)
    return lines[: int(rng.integers(1, 4))]


def _render(rng: np.random.Generator, line: str, face: Face, size: int) -> Mask:
    is_binary = bool(rng.random() < 0.4)
    stretch = float(rng.uniform(0.7, 1.6)) if rng.random() < _WIDE else 1.0
    if rng.random() >= _COARSE:
        return render_line(line, face, size, is_binary=is_binary, stretch=stretch)
    coarse = int(rng.integers(*_COARSE_PX))
    zoom = max(2, round(size / coarse))
    small = render_line(line, face, coarse, is_binary=True)
    wide = max(1, zoom + int(rng.integers(-1, 2)))
    return np.asarray(np.kron(small, np.ones((zoom, wide), np.float32)), dtype=np.float32)


def _as_device(rng: np.random.Generator, whole: Sequence[Mask], size: int) -> list[tuple[Mask, Mask]]:
    """Lines as they are shown, all in the same way, each with its whole letters."""
    if rng.random() < _BOLD:
        reach = int(rng.integers(2, max(3, size // 8)))
        whole = [np.asarray(cv2.dilate(one, np.ones((reach, reach), np.uint8)), dtype=np.float32) for one in whole]
    if rng.random() < _RASTER:
        return [(as_raster(rng, one, size), one) for one in whole]
    return [(one, one) for one in whole]


def _draw_lead(rng: np.random.Generator, face: Face) -> Block:
    """A letter or a word of lead, or small ones such as initials; a ring around it is no stroke."""
    pick = rng.random()
    wording = (
        str(rng.choice(marker_lines(rng))) if pick < 0.7 else initials(rng) if pick < 0.9 else str(rng.integers(999))
    )
    size = int(np.exp(rng.uniform(np.log(16), np.log(150 if len(wording) == 1 else 80))))
    letters = render_line(wording, face, size, is_binary=False)
    if rng.random() < 0.4:
        letters = np.asarray(cv2.dilate(letters, np.ones((3, 3), np.uint8)), dtype=np.float32)
    shown = strokes = as_lead(rng, letters, float(rng.uniform(-30, 30)))
    if rng.random() < 0.25:
        shown = with_ring(rng, strokes)
        strokes = _in_the_middle(strokes, shown.shape)
    box = extent(strokes >= 0.5 * float(strokes.max()))
    return Block(shown, strokes, (box,), is_lead=True, is_vertical=box.height > TALL * box.width)


def _in_the_middle(mask: Mask, shape: tuple[int, ...]) -> Mask:
    rows, columns = mask.shape
    whole = np.zeros(shape, np.float32)
    top, left = (shape[0] - rows) // 2, (shape[1] - columns) // 2
    whole[top : top + rows, left : left + columns] = mask
    return whole


def _lay_on(rng: np.random.Generator, window: Mask, block: Block) -> NDArray[np.bool_]:
    """Put the type on the image in place, in one of the ways in which devices set it off; gives what can be seen."""
    before, local = window.copy(), float(np.median(window))
    if block.is_lead:
        bright = rng.random() < 0.85
        level = min(255.0, local + rng.uniform(30, 150)) if bright else max(0.0, local - rng.uniform(30, 120))
        window += block.shown * (level - window)
    else:
        _set_off(rng, window, block.shown, local)
    changed = cv2.dilate((np.abs(window - before) > _VISIBLE).astype(np.uint8), np.ones((_NEAR_PX, _NEAR_PX), np.uint8))
    return (block.strokes > 0.5) & (changed > 0)


def _set_off(rng: np.random.Generator, window: Mask, shown: Mask, local: float) -> None:
    looks: list[tuple[float, Callable[[], None]]] = [
        (0.3, lambda: _plain(rng, window, shown, local)),
        (0.12, lambda: _faint(rng, window, shown, local)),
        (0.28, lambda: _outlined(rng, window, shown)),
        (0.1, lambda: _shadowed(rng, window, shown)),
        (0.2, lambda: _on_plate(rng, window, shown)),
    ]
    chances = np.array([chance for chance, _ in looks])
    looks[int(rng.choice(len(looks), p=chances / chances.sum()))][1]()


def _plain(rng: np.random.Generator, window: Mask, shown: Mask, local: float) -> None:
    far = 255.0 if local < 128 else 0.0
    level = far if rng.random() < 0.5 else float(rng.choice([255.0, 0.0, local - rng.uniform(40, 120)]))
    if abs(level - local) < _LEAST_CONTRAST:
        level = far
    window += shown * (float(np.clip(level, 0, 255)) - window)


def _faint(rng: np.random.Generator, window: Mask, shown: Mask, local: float) -> None:
    level = local + float(rng.choice([-1, 1])) * rng.uniform(11, 40)
    window += shown * (float(np.clip(level, 0, 255)) - window)


def _tones(rng: np.random.Generator) -> tuple[float, float]:
    """Of the fill, and of what sets it off."""
    if rng.random() < 0.7:
        return float(rng.choice([255, 255, 235, 200])), float(rng.choice([0, 0, 0, 30, 70]))
    return float(rng.choice([0, 0, 40, 90])), float(rng.choice([255, 255, 220, 180]))


def _outlined(rng: np.random.Generator, window: Mask, shown: Mask) -> None:
    """A line around the letters; sometimes that line alone."""
    fill, edge = _tones(rng)
    reach = int(rng.choice([3, 3, 5, 5, 7, 9, 13]))
    kind = cv2.MORPH_RECT if rng.random() < 0.5 else cv2.MORPH_ELLIPSE
    halo = cv2.dilate(np.ascontiguousarray(shown), cv2.getStructuringElement(kind, (reach, reach)))
    if rng.random() < 0.12:
        window += np.clip(halo - shown, 0, 1) * (edge - window)
        return
    window += halo * (edge - window)
    window += shown * (fill - window)


def _shadowed(rng: np.random.Generator, window: Mask, shown: Mask) -> None:
    fill, edge = _tones(rng)
    step = int(rng.integers(1, 5))
    shadow = np.zeros_like(shown)
    shadow[step:, step:] = shown[:-step, :-step] if step < min(shown.shape) else 0
    window += shadow * (edge - window)
    window += shown * (fill - window)


def _on_plate(rng: np.random.Generator, window: Mask, shown: Mask) -> None:
    """On a plate of one tone, or half through it; one of five ends beneath the type."""
    fill, tone = _tones(rng)
    reach = float(rng.choice([1.0, 1.0, 0.6]))
    if rng.random() < 0.2:
        along = int(np.argmax(window.shape))
        stop = int(rng.uniform(0.2, 0.8) * window.shape[along])
        window = window.swapaxes(0, along)
        shown = shown.swapaxes(0, along)
        window[:stop] += reach * (tone - window[:stop])
    else:
        window += reach * (tone - window)
    window += shown * (fill - window)


def _free_place(rng: np.random.Generator, taken: NDArray[np.bool_], size: tuple[int, ...]) -> tuple[int, int] | None:
    rows, columns = taken.shape[0] - size[0] - 6, taken.shape[1] - size[1] - 6
    if rows < 12 or columns < 12:
        return None
    for _ in range(30):
        top, left = int(rng.integers(3, rows)), int(rng.integers(3, columns))
        near = slice(max(0, top - 6), top + size[0] + 6), slice(max(0, left - 6), left + size[1] + 6)
        if not taken[near].any():
            taken[top : top + size[0], left : left + size[1]] = True
            return top, left
    return None
