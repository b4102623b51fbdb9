"""Decides what the synthetic radiographs with burned-in text look like, for training and for measuring.

Takes a seed and type faces, gives stored pixels and what was drawn on them, with its ink.
Nothing here comes from a real image. Training and measuring take disjoint seeds and faces.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from burned_in_backgrounds import draw_background
from burned_in_text import (
    MARKERS,
    Face,
    Person,
    TextKind,
    as_lead,
    as_raster,
    draw_code,
    draw_person,
    initials,
    marker_lines,
    noise_lines,
    phi_lines,
    render_line,
    with_ring,
)
from numpy.typing import NDArray

from cxr_core.vocabulary import Photometric

_HARD_CONTRAST = 30.0  # of 255
_SMALL_PRACTICE_PX = 9
_RASTER_SHARE = 0.15  # of the lines of practice: type of tubes and needle printers is rarer, and harder
SHORT_NAMES = (
    *("Wu, R", "Lee, L", "Ng, L", "L. Wu", "R Li", "Ross R", "LEE L", "R. NG", "Li, R.", "Roe L", "L Ray", "L Xu"),
    *("Rea, L", "R. Orr", "Mo, L", "L. Ono", "Al L", "Bo R", "R. Cox", "L 3", "R 12", "L F", "R M"),
    *("Rex", "Lou", "Lia", "Ron", "LIU", "Lee", "Roos", "Leu", "Le", "Ro", "Lu"),
)


@dataclass(frozen=True, slots=True, eq=False)
class DrawnText:
    """What was drawn and where: half-open rectangle around the ink, in pixels; `ink` is the mask inside it.

    `turn` counts the quarter turns, against the clock, by which the text is turned.
    """

    kind: TextKind
    text: str
    top_px: int
    left_px: int
    ink: NDArray[np.bool_] = field(repr=False)
    is_hard: bool
    turn: int = 0

    @property
    def is_vertical(self) -> bool:
        return self.turn % 2 == 1

    @property
    def line_px(self) -> int:
        """Height of the line, whichever way it runs."""
        return self.ink.shape[1 if self.is_vertical else 0]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A synthetic radiograph: stored pixels (rows, columns), their photometric, what was drawn on them."""

    stored: NDArray[np.uint16] = field(repr=False)
    photometric: Photometric
    drawn: tuple[DrawnText, ...]
    identifiers: tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Sheet:
    """An image being drawn on."""

    rng: np.random.Generator
    grey: NDArray[np.float32]
    taken: NDArray[np.bool_]
    faces: Sequence[Face]
    raster_share: float = 0.0
    drawn: list[DrawnText] = field(default_factory=list)


def draw_sample(seed: int, faces: Sequence[Face], *, has_text: bool = True, long_side: int = 1100) -> Sample:
    """One radiograph as a hospital burns it in: a block about the patient, a marker or two, perhaps a code."""
    rng = np.random.default_rng(seed)
    who = draw_person(rng)
    sheet = _sheet(rng, faces, long_side)
    if has_text:
        if rng.random() < 0.85:
            _draw_block(sheet, phi_lines(rng, who), TextKind.PHI)
        if rng.random() < 0.3:
            _draw_block(sheet, phi_lines(rng, who)[:2], TextKind.PHI)
        if rng.random() < 0.6:
            _draw_block(sheet, marker_lines(rng), TextKind.MARKER)
        if rng.random() < 0.45:
            _draw_lead(sheet)
        if rng.random() < 0.1:
            _draw_code(sheet)
    return _develop(sheet, who)


def draw_practice(seed: int, faces: Sequence[Face], *, long_side: int) -> Sample:
    """One radiograph crowded with text of every size, for training."""
    rng = np.random.default_rng(seed)
    who = draw_person(rng)
    sheet = _sheet(rng, faces, long_side)
    sheet.raster_share = _RASTER_SHARE
    for _ in range(int(rng.integers(3, 10))):
        lines = phi_lines(rng, who) if rng.random() < 0.65 else noise_lines(rng)
        _draw_block(sheet, lines, TextKind.PHI, _SMALL_PRACTICE_PX)
    for _ in range(int(rng.integers(2, 6))):
        _draw_block(sheet, marker_lines(rng), TextKind.MARKER)
    for _ in range(int(rng.integers(2, 8))):
        _draw_lead(sheet)
    for _ in range(int(rng.integers(0, 3))):
        _draw_code(sheet)
    if rng.random() < 0.6:
        _draw_bars(sheet)
    return _develop(sheet, who)


def draw_short_names(seed: int, faces: Sequence[Face], *, long_side: int = 900) -> Sample:
    """One radiograph with short names that hold a lone L or R, each by itself: nothing beside tells what it is."""
    rng = np.random.default_rng(seed)
    sheet = _sheet(rng, faces, long_side)
    for _ in range(5):
        _draw_block(sheet, [str(rng.choice(SHORT_NAMES))], TextKind.PHI)
    return _develop(sheet, draw_person(rng))


def _sheet(rng: np.random.Generator, faces: Sequence[Face], long_side: int) -> _Sheet:
    grey = draw_background(rng, long_side)
    return _Sheet(rng, grey, np.zeros(grey.shape, np.bool_), faces)


def _develop(sheet: _Sheet, who: Person) -> Sample:
    stored, photometric = develop(sheet.rng, sheet.grey)
    return Sample(stored, photometric, tuple(sheet.drawn), (who.given, who.family, who.mrn, who.accession))


def develop(rng: np.random.Generator, grey: NDArray[np.float32]) -> tuple[NDArray[np.uint16], Photometric]:
    """Stored values of a drawn image: compression history, bit depth, range and photometric."""
    if rng.random() < 0.45:
        grey = _compressed(rng, grey)
    bits = int(rng.choice([8, 8, 10, 12, 12, 14, 16]))
    span = (2**bits - 1) * rng.uniform(0.5, 1.0)
    low = rng.uniform(0, 0.2) * span
    stored = np.clip(np.rint(low + grey / 255 * (span - low)), 0, 2**bits - 1).astype(np.uint16)
    photometric = Photometric.MONOCHROME2
    if rng.random() < 0.2:
        photometric = Photometric.MONOCHROME1
        stored = (2**bits - 1 - stored).astype(np.uint16)
    return stored, photometric


def _compressed(rng: np.random.Generator, grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """After JPEG in eight bits, perhaps coarse, perhaps at a smaller size; or with its error alone, as in twelve."""
    size = grey.shape[1], grey.shape[0]
    zoom = float(rng.uniform(0.6, 1.0)) if rng.random() < 0.2 else 1.0
    method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_NEAREST
    small = cv2.resize(grey, (round(size[0] * zoom), round(size[1] * zoom)), interpolation=method)
    rounded = np.clip(np.rint(small), 0, 255).astype(np.uint8)
    quality = int(rng.integers(25, 60)) if rng.random() < 0.5 else int(rng.integers(55, 97))
    encoded = cv2.imencode(".jpg", rounded, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE).astype(np.float32)
    if zoom == 1.0 and rng.random() < 0.3:
        decoded += small - rounded
    return np.asarray(cv2.resize(decoded, size, interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _draw_block(sheet: _Sheet, lines: Sequence[str], kind: TextKind, least_px: int = 12) -> None:
    rng = sheet.rng
    size = int(np.exp(rng.uniform(np.log(least_px), np.log(80))))
    face = sheet.faces[int(rng.integers(len(sheet.faces)))]
    is_binary = rng.random() < 0.4
    stretch = float(rng.uniform(0.75, 1.3)) if rng.random() < 0.3 else 1.0
    inks = [render_line(line, face, size, is_binary=is_binary, stretch=stretch) for line in lines]
    if rng.random() < 0.15:
        inks = [_bold(ink) for ink in inks]
    if sheet.raster_share and rng.random() < sheet.raster_share:
        inks = [as_raster(rng, ink, size) for ink in inks]
    turn = int(rng.choice([0, 0, 0, 0, 0, 1, 2, 3])) if kind is TextKind.PHI or rng.random() < 0.1 else 0
    leading = int(rng.uniform(0.1, 0.8) * size) + 2
    height, width = sum(ink.shape[0] + leading for ink in inks), max(ink.shape[1] for ink in inks)
    alpha, owner = np.zeros((height, width), np.float32), np.full((height, width), -1)
    top, align = 0, rng.choice([0.0, 0.0, 0.5, 1.0])
    for index, ink in enumerate(inks):
        left = int((width - ink.shape[1]) * align)
        alpha[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
        owner[top : top + ink.shape[0], left : left + ink.shape[1]] = index
        top += ink.shape[0] + leading
    _place(sheet, np.rot90(alpha, turn), np.rot90(owner, turn), [(kind, line) for line in lines], turn)


def _draw_lead(sheet: _Sheet) -> None:
    """A letter or a word of lead, perhaps in a ring, perhaps with the technologist's initials or number below."""
    rng = sheet.rng
    side = str(rng.choice(MARKERS[:2])) if rng.random() < 0.75 else str(rng.choice(MARKERS[6:12]))
    size = int(np.exp(rng.uniform(np.log(24), np.log(200 if len(side) == 1 else 110))))
    face = sheet.faces[int(rng.integers(len(sheet.faces)))]
    most = 25 if rng.random() < 0.6 else 45  # laid down with care, or not
    turn = float(rng.uniform(-most, most))
    letter = render_line(side, face, size, is_binary=False)
    if rng.random() < 0.4:
        letter = _bold(letter)
    ringed = with_ring(rng, letter) if rng.random() < 0.25 else letter
    alpha = as_lead(rng, ringed, turn)
    owner, texts = np.zeros(alpha.shape, int), [(TextKind.LEAD, side)]
    if rng.random() < 0.45:
        small = max(9, int(size * rng.uniform(0.25, 0.65)))
        sign = initials(rng) if rng.random() < 0.75 else str(rng.integers(1, 1000))
        who = as_lead(rng, render_line(sign, face, small, is_binary=False), turn)
        alpha, owner = _beside(rng, alpha, who, int(rng.uniform(0.15, 1.0) * size))
        texts.append((TextKind.INITIALS, "initials"))
    if rng.random() < 0.3:
        alpha, owner = _beside(rng, alpha, _beads(rng, size), int(rng.uniform(0.05, 0.6) * size), owner)
    _place(sheet, alpha, owner, texts)


def _beads(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Balls that show which way is up: in a cup, or in a row."""
    side = max(10, int(size * rng.uniform(0.3, 0.9)))
    radius, cup = max(1, int(side * rng.uniform(0.06, 0.12))), np.zeros((side, side), np.uint8)
    if rng.random() < 0.6:
        cv2.circle(cup, (side // 2, side // 2), side // 2 - 1, 255, max(1, radius // 2), cv2.LINE_AA)
    spots = rng.normal((0.5, 0.7), (0.14, 0.06), (int(rng.integers(2, 6)), 2))
    if rng.random() < 0.3:
        spots = np.stack([np.linspace(0.15, 0.85, len(spots)), np.full(len(spots), 0.5)], axis=1)
    for x, y in (np.clip(spots, 0.12, 0.88) * side).astype(int).tolist():
        cv2.circle(cup, (x, y), radius, 255, -1, cv2.LINE_AA)
    return cup.astype(np.float32) / 255


def _beside(
    rng: np.random.Generator,
    letter: NDArray[np.float32],
    who: NDArray[np.float32],
    gap: int,
    owner: NDArray[np.int_] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int_]]:
    """Something on one side of the letter, below it more often than elsewhere; whose each pixel is: 0, 1 or -1.

    Without `owner` the letter is 0 and what stands beside it 1; with it, what stands beside is nobody's.
    """
    turn = int(rng.choice([0, 0, 0, 1, 2, 3]))
    first, second = np.rot90(letter, turn), np.rot90(who, turn)  # below in a turned sheet is beside in the other
    shape = first.shape[0] + gap + second.shape[0], max(first.shape[1], second.shape[1])
    both, whose = np.zeros(shape, np.float32), np.full(shape, -1)
    left, right = (int(rng.integers(0, shape[1] - one.shape[1] + 1)) for one in (first, second))
    both[: first.shape[0], left : left + first.shape[1]] = first
    both[-second.shape[0] :, right : right + second.shape[1]] = second
    whose[: first.shape[0], left : left + first.shape[1]] = 0 if owner is None else np.rot90(owner, turn)
    if owner is None:
        whose[-second.shape[0] :] = 1
    return np.rot90(both, -turn).copy(), np.rot90(whose, -turn).copy()


def _draw_code(sheet: _Sheet) -> None:
    code = np.rot90(draw_code(sheet.rng), int(sheet.rng.integers(4)))
    place = _find_place(sheet, (code.shape[0] + 16, code.shape[1] + 16))
    if place is None:
        return
    top, left = place[0] + 8, place[1] + 8
    light, dark = 255.0 - sheet.rng.uniform(0, 40), sheet.rng.uniform(0, 40)
    if sheet.rng.random() < 0.3:
        light, dark = dark, light
    sheet.grey[place[0] : top + code.shape[0] + 8, place[1] : left + code.shape[1] + 8] = light
    sheet.grey[top : top + code.shape[0], left : left + code.shape[1]] = light + (dark - light) * code
    ink = np.ones(code.shape, np.bool_)
    sheet.drawn.append(DrawnText(TextKind.CODE, "", top, left, ink, is_hard=False))


def _draw_bars(sheet: _Sheet) -> None:
    """Filled rectangles, alone or in stacks, as redaction leaves them: they are no text."""
    rng = sheet.rng
    tone = float(rng.choice([0.0, 0.0, 0.0, 255.0]))
    for _ in range(int(rng.integers(1, 5))):
        height, count = int(np.exp(rng.uniform(np.log(14), np.log(120)))), int(rng.integers(1, 6))
        widths = rng.integers(height, 14 * height, count)
        gap = int(rng.uniform(-0.2, 0.6) * height)
        place = _find_place(sheet, (count * height + (count - 1) * max(gap, 0), int(widths.max())))
        if place is None:
            continue
        for index, width in enumerate(widths.tolist()):
            top = place[0] + index * (height + gap)
            left = place[1] + (int(rng.integers(0, 12)) if rng.random() < 0.5 else 0)
            sheet.grey[top : top + height, left : left + width] = tone


def _place(
    sheet: _Sheet,
    alpha: NDArray[np.float32],
    owner: NDArray[np.int_],
    texts: Sequence[tuple[TextKind, str]],
    turn: int = 0,
) -> None:
    place = _find_place(sheet, alpha.shape)
    if place is None:
        return
    window = sheet.grey[place[0] : place[0] + alpha.shape[0], place[1] : place[1] + alpha.shape[1]]
    is_hard = _blend(sheet.rng, window, alpha, is_lead=texts[0][0] is TextKind.LEAD)
    for index, (kind, text) in enumerate(texts):
        ink = (owner == index) & (alpha > 0.5)
        rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
        if not rows.size:
            continue
        box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        top, left = place[0] + int(rows[0]), place[1] + int(columns[0])
        sheet.drawn.append(DrawnText(kind, text, top, left, box, is_hard, turn))


def _blend(rng: np.random.Generator, window: NDArray[np.float32], alpha: NDArray[np.float32], *, is_lead: bool) -> bool:
    """Put the text on the image in place; True where its contrast is what the benchmark calls hard."""
    local = float(np.median(window))
    style = "lead" if is_lead else rng.choice(["white", "white", "white", "grey", "black", "outline", "boxed", "faint"])
    level, is_hard = 255.0, False
    if style == "lead":
        level = min(255.0, local + rng.uniform(45, 150))
        if rng.random() < 0.15:  # a hollow marker: the letter is cut out of the lead
            level = max(0.0, local - rng.uniform(45, 120))
    elif style == "grey":
        level = local + rng.choice([-1, 1]) * rng.uniform(60, 120)
    elif style == "black":
        level = 0.0 if local > 60 else 255.0
    elif style == "faint":
        level, is_hard = local + rng.choice([-1, 1]) * rng.uniform(13, 26), True
    elif style == "boxed":
        tone = float(rng.choice([0.0, 0.0, 255.0, local * 0.5]))
        reach = float(rng.choice([1.0, 0.6])) if tone not in {0.0, 255.0} else 1.0
        window += reach * (tone - window)
        level = float(rng.choice([255.0, 200.0, 100.0])) if tone < 128 else float(rng.choice([0.0, 60.0, 130.0]))
    elif local > 205:
        level = 0.0
    level = float(np.clip(level, 0, 255))
    if style not in {"boxed", "outline"}:
        is_hard |= abs(level - local) < _HARD_CONTRAST
    if style == "outline":
        halo = cv2.dilate(np.ascontiguousarray(alpha), np.ones((3, 3), np.uint8))
        shade = 0.0 if level > 127 else 255.0
        window += halo * (shade - window)
    window += alpha * (level - window)
    return bool(is_hard)


def _bold(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.dilate(ink, np.ones((2, 2), np.uint8)), dtype=np.float32)


def _find_place(sheet: _Sheet, size: tuple[int, ...]) -> tuple[int, int] | None:
    rng, taken = sheet.rng, sheet.taken
    rows, columns = taken.shape[0] - size[0] - 6, taken.shape[1] - size[1] - 6
    if rows < 12 or columns < 12:
        return None
    for _ in range(30):
        if rng.random() < 0.6:  # mostly in the corners, as modalities do
            top = int(rng.choice([rng.integers(3, 4 + rows // 12), rng.integers(rows - rows // 12, rows)]))
            left = int(rng.choice([rng.integers(3, 4 + columns // 12), rng.integers(columns - columns // 12, columns)]))
        else:
            top, left = int(rng.integers(3, rows)), int(rng.integers(3, columns))
        margin = slice(max(0, top - 40), top + size[0] + 40), slice(max(0, left - 60), left + size[1] + 60)
        if not taken[margin].any():
            taken[top : top + size[0], left : left + size[1]] = True
            return top, left
    return None
