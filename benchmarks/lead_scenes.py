"""Decides what small scenes with a letter of lead look like, in whatever company: for training to find it.

Takes a random generator, ground and type faces; gives a scene with what was drawn on it, pixel by pixel.
Nothing here comes from a real image.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from burned_in_text import Face, cropped, draw_person, initials, marker_lines, noise_lines, phi_lines, render_line
from numpy.typing import NDArray
from skimage.morphology import skeletonize

SCENE_PX = 128
_ROOM_PX = 224  # a scene while it is drawn: what stands in it may be turned
_SIDES = "LR"
_LOOKALIKES = list("IJKPBEFTDHAUN17420C")
_OTHERS = list("ABCDEFGHIJKMNOPQSTUVWXYZ0123456789")
_HEIGHT_PX = 14, 58

Mask = NDArray[np.float32]


@dataclass(slots=True, eq=False)
class Group:
    """Letters that were laid out together: coverage of each side, of other type, of things that are no type."""

    sides: tuple[Mask, Mask]
    type_: Mask
    things: Mask
    height_px: float = 0.0

    @classmethod
    def empty(cls) -> "Group":
        planes = [np.zeros((_ROOM_PX, _ROOM_PX), np.float32) for _ in range(4)]
        return cls((planes[0], planes[1]), planes[2], planes[3])

    @property
    def planes(self) -> list[Mask]:
        return [*self.sides, self.type_, self.things]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A scene: grey (128, 128) uint8; coverage of L, R and other type, (3, 128, 128); height of its letters."""

    grey: NDArray[np.uint8] = field(repr=False)
    ink: NDArray[np.float32] = field(repr=False)
    height_px: float


def draw_scene(rng: np.random.Generator, ground: NDArray[np.uint8], faces: Sequence[Face]) -> Scene:
    """One scene on a piece of ground of (128, 128) pixels."""
    grey = ground.astype(np.float32)
    pick = rng.random()
    if pick < 0.12:
        return Scene(_finished(rng, grey), np.zeros((3, SCENE_PX, SCENE_PX), np.float32), 0.0)
    group = _lead(rng, faces) if pick < 0.72 else _type(rng, faces)
    planes = _turned(rng, group, is_lead=pick < 0.72)
    total = np.minimum(sum(planes), 1.0)
    _lay_on(rng, grey, total, is_lead=pick < 0.72)
    return Scene(_finished(rng, grey), np.stack(planes[:3]), group.height_px)


def _lead(rng: np.random.Generator, faces: Sequence[Face]) -> Group:
    """A letter with what is sold with it, or with what a technologist adds; or a word, or another letter."""
    group = Group.empty()
    face = faces[int(rng.integers(len(faces)))]
    height = float(np.exp(rng.uniform(*np.log(_HEIGHT_PX))))
    group.height_px = height
    kind, style = rng.random(), _style(rng)
    if kind < 0.68:
        side = int(rng.integers(2))
        letter, plane = style(_letter(rng, _SIDES[side], face, height)), group.sides[side]
    elif kind < 0.84:
        other = _LOOKALIKES if rng.random() < 0.5 else _OTHERS
        letter, plane = style(_letter(rng, str(rng.choice(other)), face, height)), group.type_
    else:
        letter, plane = style(_letter(rng, _short_word(rng), face, height)), group.type_
    own = _put(plane, letter, (_ROOM_PX - letter.shape[0]) // 2, (_ROOM_PX - letter.shape[1]) // 2)
    for company, chance in ((_add_initials, 0.4), (_add_word, 0.3), (_add_arrow, 0.2), (_add_beads, 0.15)):
        if rng.random() < chance:
            company(rng, group, own, height, face)
    if rng.random() < 0.28:
        _add_frame(rng, group, own, height)
    return group


def _short_word(rng: np.random.Generator) -> str:
    """What begins or ends with a side and is none: a word, a name, a number."""
    pick, side = rng.random(), str(rng.choice(list(_SIDES)))
    if pick < 0.25 and len(word := str(rng.choice(marker_lines(rng)))) > 1:
        return word
    rest = "".join(rng.choice([*_OTHERS, *"LRaeiounrst"], int(rng.integers(1, 4))))
    gap = str(rng.choice(["", "", " ", ".", ". ", "-", "  "]))
    return side + gap + rest if pick < 0.65 else rest + gap + side


def _type(rng: np.random.Generator, faces: Sequence[Face]) -> Group:
    """Lines of type as a console draws them; or a marker of type with nothing of its height near it."""
    group = Group.empty()
    face = faces[int(rng.integers(len(faces)))]
    height = float(np.exp(rng.uniform(*np.log((9, 60)))))
    group.height_px = height
    if rng.random() < 0.3:
        side = int(rng.integers(2))
        letter = _letter(rng, _SIDES[side], face, height)
        own = _put(group.sides[side], letter, (_ROOM_PX - letter.shape[0]) // 2, (_ROOM_PX - letter.shape[1]) // 2)
        if rng.random() < 0.3:
            _add_initials(rng, group, own, height, face)
        return group
    lines = phi_lines(rng, draw_person(rng)) if rng.random() < 0.5 else noise_lines(rng)
    if rng.random() < 0.35:
        lines = [_short_word(rng) for _ in range(int(rng.integers(1, 4)))]
    top = int(rng.integers(0, _ROOM_PX // 2))
    for line in lines:
        letters = _letter(rng, line, face, height)
        left = int(rng.integers(-letters.shape[1] // 2, _ROOM_PX // 2))
        _put(group.type_, letters, top, left)
        top += int(height * rng.uniform(1.2, 2.0))
    return group


def _letter(rng: np.random.Generator, text: str, face: Face, height: float) -> Mask:
    """Coverage of a letter or a word, about so high, as wide as its maker liked."""
    drawn = render_line(text, face, max(12, round(height * 2)), is_binary=False)
    zoom = height / max(8, drawn.shape[0])
    size = max(2, round(drawn.shape[1] * zoom * rng.uniform(0.75, 1.3))), max(4, round(height))
    return np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _style(rng: np.random.Generator) -> Callable[[Mask], Mask]:
    """How a maker of lead letters cuts them: plain, heavy, as an outline, as a stencil, of beads, of wire."""
    pick = rng.random()
    if pick < 0.45:
        return lambda letter: letter
    if pick < 0.65:
        return lambda letter: _wider(letter, rng.uniform(0.03, 0.1))
    if pick < 0.74:
        return lambda letter: _outline(letter, rng.uniform(0.03, 0.07))
    if pick < 0.85:
        return lambda letter: _stencil(rng, _wider(letter, rng.uniform(0, 0.06)))
    return lambda letter: _along_strokes(rng, letter)


def _padded(letter: Mask, border: int) -> Mask:
    return np.asarray(cv2.copyMakeBorder(letter, *[border] * 4, cv2.BORDER_CONSTANT, value=0), dtype=np.float32)


def _wider(letter: Mask, share: float) -> Mask:
    reach = max(1, round(share * letter.shape[0]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach + 1, reach + 1))
    return np.asarray(cv2.dilate(_padded(letter, reach), kernel), dtype=np.float32)


def _outline(letter: Mask, share: float) -> Mask:
    wide = _wider(letter, 2 * share)
    border = (wide.shape[0] - letter.shape[0]) // 2
    inner = cv2.erode(_padded(letter, border), np.ones((2, 2), np.uint8)) if letter.shape[0] > 24 else wide * 0
    return cropped(np.clip(wide - inner, 0, 1))


def _stencil(rng: np.random.Generator, letter: Mask) -> Mask:
    """Cut by one or two bars: the bridges that hold a stencil together."""
    cut = letter.copy()
    rows, columns = letter.shape
    for _ in range(int(rng.integers(1, 3))):
        thick = max(1, round(rows * rng.uniform(0.05, 0.13)))
        slope = rng.uniform(-0.15, 0.15)
        if rng.random() < 0.65:
            y = rng.uniform(0.2, 0.8) * rows
            cv2.line(cut, (0, round(y)), (columns, round(y + slope * columns)), 0, thick)
        else:
            x = rng.uniform(0.3, 0.7) * columns
            cv2.line(cut, (round(x), 0), (round(x + slope * rows), rows), 0, thick)
    return cut if cut.sum() > 0.5 * letter.sum() else letter


def _along_strokes(rng: np.random.Generator, letter: Mask) -> Mask:
    """The strokes of a letter drawn anew: beads in a row, or a wire."""
    points = np.argwhere(skeletonize(letter > 0.5))
    if len(points) < 6:
        return letter
    rows = letter.shape[0]
    is_wire = rng.random() < 0.4
    pitch = 1.0 if is_wire else max(2.5, rows * rng.uniform(0.08, 0.16))
    radius = rows * rng.uniform(0.02, 0.06) if is_wire else pitch * rng.uniform(0.3, 0.5)
    border = int(radius) + 2
    drawn = np.zeros((letter.shape[0] + 2 * border, letter.shape[1] + 2 * border), np.float32)
    chosen: list[NDArray[np.int_]] = []
    is_square = rng.random() < 0.3
    for point in points:
        if all(np.hypot(*(point - one)) >= pitch for one in chosen):
            chosen.append(point)
            y, x = (int(value) + border for value in point)
            if is_square:
                reach = max(1, round(radius))
                drawn[y - reach : y + reach + 1, x - reach : x + reach + 1] = 1
            else:
                cv2.circle(drawn, (x * 16, y * 16), max(8, round(radius * 16)), 1.0, -1, cv2.LINE_AA, 4)
    return drawn


def _put(plane: Mask, letter: Mask, top: int, left: int) -> tuple[int, int, int, int]:
    """Draws a letter on a plane, as far as it lies in it; gives its rectangle."""
    bottom, right = top + letter.shape[0], left + letter.shape[1]
    within = max(0, top), max(0, left), min(plane.shape[0], bottom), min(plane.shape[1], right)
    if within[2] > within[0] and within[3] > within[1]:
        window = plane[within[0] : within[2], within[1] : within[3]]
        part = letter[within[0] - top : within[2] - top, within[1] - left : within[3] - left]
        np.maximum(window, part, out=window)
    return top, left, bottom, right


def _beside(
    rng: np.random.Generator, own: tuple[int, int, int, int], size: tuple[int, int], gap: float, *, side: int
) -> tuple[int, int]:
    """Top left corner of something to the right, to the left, below or above."""
    top, left, bottom, right = own
    if side < 2:
        low, high = top - size[0] // 3, bottom - 2 * size[0] // 3
        at = int(rng.choice([bottom - size[0], top, rng.integers(min(low, high), max(low, high) + 1)]))
        return at, round(right + gap) if side == 0 else round(left - gap - size[1])
    at = int(rng.choice([left, right - size[1], (left + right - size[1]) // 2]))
    return round(bottom + gap) if side == 2 else round(top - gap - size[0]), at


def _add_initials(
    rng: np.random.Generator, group: Group, own: tuple[int, int, int, int], height: float, face: Face
) -> None:
    """Small letters or figures anywhere close, also in the crook of an L."""
    low = height * rng.uniform(0.2, 0.75)
    text = initials(rng) if rng.random() < 0.75 else "".join(rng.choice(list("0123456789LR"), int(rng.integers(1, 4))))
    small = _letter(rng, text, face, low)
    if rng.random() < 0.4:
        small = _wider(small, rng.uniform(0.03, 0.1))
    if rng.random() < 0.1 and low < 0.5 * height:
        top, left = own[0] + round(rng.uniform(0.1, 0.4) * height), own[1] + round(rng.uniform(0.45, 0.6) * height)
    else:
        side = int(rng.choice([0, 0, 1, 2, 2, 3]))
        is_like_a_word = side < 2 and low > 0.45 * height  # "Lee": what stands so close is no initial
        gap = height * (rng.uniform(0.35, 0.8) if is_like_a_word else rng.uniform(0.06, 0.7))
        top, left = _beside(rng, own, small.shape, gap, side=side)
    _put(group.type_, small, top, left)


def _add_word(
    rng: np.random.Generator, group: Group, own: tuple[int, int, int, int], height: float, face: Face
) -> None:
    """A word above or below, no higher than the letter; or a lower one beside it."""
    word = str(rng.choice(marker_lines(rng))) if rng.random() < 0.6 else initials(rng) + initials(rng)
    is_beside = rng.random() < 0.3
    drawn = _letter(
        rng, word if len(word) > 1 else word * 3, face, height * rng.uniform(0.25, 0.65 if is_beside else 0.9)
    )
    gap = height * (rng.uniform(0.35, 0.8) if is_beside else rng.uniform(0.15, 0.7))
    side = int(rng.choice([0, 1])) if is_beside else int(rng.choice([2, 2, 3]))
    _put(group.type_, drawn, *_beside(rng, own, drawn.shape, gap, side=side))


def _add_arrow(rng: np.random.Generator, group: Group, own: tuple[int, int, int, int], height: float, _: Face) -> None:
    """An arrow that shows what is up or where the beam came from; it may touch."""
    length, thick = height * rng.uniform(0.6, 1.5), max(1, round(height * rng.uniform(0.05, 0.14)))
    side = int(length) + 2 * thick + 6
    arrow = np.zeros((side, max(8, round(height * rng.uniform(0.3, 0.6)) + 2 * thick)), np.float32)
    middle, tip = arrow.shape[1] // 2, thick + 2
    cv2.line(arrow, (middle, tip), (middle, side - thick - 2), 1.0, thick, cv2.LINE_AA)
    reach = middle - thick
    if rng.random() < 0.6:
        for end in (middle - reach, middle + reach):
            cv2.line(arrow, (middle, tip), (end, tip + round(reach * rng.uniform(0.8, 1.5))), 1.0, thick, cv2.LINE_AA)
    else:
        corners = np.array([[middle, tip], [middle - reach, tip + 2 * reach], [middle + reach, tip + 2 * reach]])
        cv2.fillPoly(arrow, [corners.astype(np.int32)], 1.0, cv2.LINE_AA)
    arrow = np.ascontiguousarray(np.rot90(arrow, int(rng.choice([0, 0, 0, 1, 2, 3]))))
    gap = height * rng.uniform(-0.06, 0.5)
    _put(group.things, arrow, *_beside(rng, own, arrow.shape, gap, side=int(rng.integers(4))))


def _add_beads(rng: np.random.Generator, group: Group, own: tuple[int, int, int, int], height: float, _: Face) -> None:
    """Balls in a cup or in a row."""
    side = max(8, round(height * rng.uniform(0.3, 0.9)))
    cup, radius = np.zeros((side, side), np.float32), max(1, round(side * rng.uniform(0.07, 0.13)))
    if rng.random() < 0.6:
        cv2.circle(cup, (side // 2, side // 2), side // 2 - 1, 1.0, max(1, radius // 2), cv2.LINE_AA)
    for x, y in (
        np.clip(rng.normal((0.5, 0.7), (0.15, 0.08), (int(rng.integers(1, 5)), 2)), 0.15, 0.85) * side
    ).tolist():
        cv2.circle(cup, (int(x), int(y)), radius, 1.0, -1, cv2.LINE_AA)
    gap = height * rng.uniform(0.05, 0.6)
    _put(group.things, cup, *_beside(rng, own, cup.shape, gap, side=int(rng.integers(4))))


def _add_frame(rng: np.random.Generator, group: Group, own: tuple[int, int, int, int], height: float) -> None:
    """A ring or a frame, about the letter or about all that stands with it."""
    top, left, bottom, right = own
    if rng.random() < 0.3 and (everything := np.argwhere(np.maximum(group.type_, sum(group.sides)) > 0.3)).size:
        (top, left), (bottom, right) = everything.min(axis=0).tolist(), (everything.max(axis=0) + 1).tolist()
    thick, room = max(1, round(height * rng.uniform(0.04, 0.12))), height * rng.uniform(0.12, 0.5)
    middle = (left + right) // 2, (top + bottom) // 2
    if rng.random() < 0.55:
        radius = round(np.hypot(bottom - top, right - left) / 2 + room / 2)
        cv2.circle(group.things, middle, radius, 1.0, thick, cv2.LINE_AA)
    else:
        corner, other = (round(left - room), round(top - room)), (round(right + room), round(bottom + room))
        cv2.rectangle(group.things, corner, other, 1.0, thick)


def _turned(rng: np.random.Generator, group: Group, *, is_lead: bool) -> list[Mask]:
    """All planes of a group askew, mirrored, lying, moved and blurred alike, cut to the scene."""
    turn = float(rng.normal(0, 12)) if is_lead else float(rng.normal(0, 1))
    turn = float(np.clip(turn, -35, 35))
    quarter = int(rng.choice([0] * 8 + [1, 2, 3]))
    is_mirrored = is_lead and rng.random() < 0.15
    offset = rng.uniform(-38, 38, 2)
    middle = _ROOM_PX / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), turn + 90 * quarter, 1.0)
    matrix[:, 2] += SCENE_PX / 2 - middle + offset
    blur = float(rng.uniform(0.3, 0.35 + group.height_px / 30)) if is_lead else float(rng.uniform(0.2, 0.6))
    planes = []
    for plane in group.planes:
        one = plane[:, ::-1] if is_mirrored else plane
        moved = cv2.warpAffine(np.ascontiguousarray(one), matrix, (SCENE_PX, SCENE_PX), flags=cv2.INTER_LINEAR)
        planes.append(np.asarray(cv2.GaussianBlur(moved, (0, 0), blur), dtype=np.float32))
    return planes


def _lay_on(rng: np.random.Generator, grey: Mask, alpha: Mask, *, is_lead: bool) -> None:
    """Puts coverage on the ground: lead adds to what is there, type replaces it; bright, or dark on bright."""
    local = float(np.median(grey[alpha > 0.3])) if (alpha > 0.3).any() else 128.0
    step = float(rng.uniform(18, 60) if rng.random() < 0.3 else rng.uniform(45, 180))
    is_bright = rng.random() < (0.9 if is_lead else 0.8)
    if is_lead and rng.random() < 0.1:  # cut out of a plate of lead
        plate = cv2.GaussianBlur(cv2.dilate(alpha, np.ones((9, 9), np.uint8)), (0, 0), 1.0)
        grey += plate * (min(255.0, local + step) - grey)
        is_bright = False
    level = float(np.clip(local + step if is_bright else local - step, 0, 255))
    if abs(level - local) < 15:
        level = float(np.clip(local - step if is_bright else local + step, 0, 255))
    if is_lead and rng.random() < 0.4:
        grey += np.clip(alpha, 0, 1) * (level - local)
    else:
        grey += np.clip(alpha, 0, 1) * (level - grey)


def _finished(rng: np.random.Generator, grey: Mask) -> NDArray[np.uint8]:
    """Slope, grain, JPEG: whatever an image went through."""
    if rng.random() < 0.25:
        x, y = np.meshgrid(np.linspace(-1, 1, SCENE_PX), np.linspace(-1, 1, SCENE_PX))
        grey = grey + rng.uniform(-60, 60) * x + rng.uniform(-60, 60) * y
    if rng.random() < 0.6:
        grey = grey + rng.normal(0, rng.uniform(0.5, 7), grey.shape)
    if rng.random() < 0.15:
        grey = cv2.GaussianBlur(grey, (0, 0), rng.uniform(0.4, 0.9))
    if rng.random() < 0.3:
        grey = 128 + (grey - 128) * rng.uniform(0.4, 1.2)
    out = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        encoded = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 95))])[1]
        out = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
    return np.asarray(out, dtype=np.uint8)
