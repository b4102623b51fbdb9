"""Decides what the synthetic radiographs with burned-in text look like, for training and for measuring.

Takes a seed and a set of fonts, gives stored pixels with the rectangles of what was drawn on them.
Nothing here comes from a real image; what is measured with it is left to `burned_in` and `train_text_classifier`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cxr_core.vocabulary import Photometric

_GIVEN = [
    "Ada",
    "Ben",
    "Carla",
    "Dev",
    "Ewa",
    "Finn",
    "Gwen",
    "Hugo",
    "Ines",
    "Jon",
    "Kira",
    "Liam",
    "Mona",
    "Nils",
    "Olga",
    "Pia",
    "Quinn",
    "Ross",
    "Ruth",
    "Sven",
    "Tara",
    "Uma",
]
_FAMILY = [
    "Abbott",
    "Brandt",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Grant",
    "Hansen",
    "Ivanov",
    "Jensen",
    "Keller",
    "Lindqvist",
    "Moreau",
]
_PLACES = ("St Brigid Hospital", "Lakeside Clinic", "County General", "Harbor Medical Center")
_MARKERS = [
    "L",
    "R",
    "L",
    "R",
    "L",
    "R",
    "LT",
    "RT",
    "LEFT",
    "RIGHT",
    "AP",
    "PA",
    "LAT",
    "PORTABLE",
    "SUPINE",
    "ERECT",
    "UPRIGHT",
    "SEMI-UPRIGHT",
    "LEFT LATERAL",
    "AP PORTABLE",
    "PA ERECT",
    "AP SUPINE",
]
_DEJAVU = Path("/usr/share/fonts/truetype/dejavu")


class TextKind(StrEnum):
    PHI = "phi"
    MARKER = "marker"
    LEAD = "lead"
    INITIALS = "initials"


_IN_LEAD = (TextKind.LEAD, TextKind.INITIALS)


@dataclass(frozen=True, slots=True)
class DrawnText:
    """What was drawn and where: half-open rectangle around the ink, in pixels; `ink` is the mask inside it."""

    kind: TextKind
    text: str
    top_px: int
    left_px: int
    ink: NDArray[np.bool_]
    is_hard: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """A synthetic radiograph: stored pixels (rows, columns), their photometric, what was drawn on them."""

    stored: NDArray[np.uint16]
    photometric: Photometric
    drawn: tuple[DrawnText, ...]
    identifiers: tuple[str, ...]


Font = tuple[str, int | str]  # ("pil", 0), ("hershey", face) or ("file", path)

TRAIN_FONTS: tuple[Font, ...] = (
    ("pil", 0),
    ("hershey", cv2.FONT_HERSHEY_SIMPLEX),
    ("hershey", cv2.FONT_HERSHEY_DUPLEX),
    ("hershey", cv2.FONT_HERSHEY_TRIPLEX),
    ("file", "DejaVuSans.ttf"),
    ("file", "DejaVuSans-Bold.ttf"),
    ("file", "DejaVuSerif.ttf"),
    ("file", "DejaVuSansCondensed.ttf"),
)
TEST_FONTS: tuple[Font, ...] = (
    ("hershey", cv2.FONT_HERSHEY_COMPLEX),
    ("hershey", cv2.FONT_HERSHEY_PLAIN),
    ("file", "DejaVuSansMono.ttf"),
    ("file", "DejaVuSansMono-Bold.ttf"),
    ("file", "DejaVuSerif-Bold.ttf"),
    ("file", "DejaVuSansCondensed-Bold.ttf"),
)


def installed(fonts: Sequence[Font]) -> list[Font]:
    """Those of the fonts that this machine has; PIL's and Hershey's are always there."""
    return [font for font in fonts if font[0] != "file" or (_DEJAVU / str(font[1])).exists()]


def draw_sample(seed: int, fonts: Sequence[Font], *, has_text: bool = True, long_side: int = 1100) -> Sample:
    """One synthetic radiograph."""
    rng = np.random.default_rng(seed)
    grey = draw_background(rng, long_side)
    bits = int(rng.choice([8, 10, 12, 12, 14, 16]))
    given, family = str(rng.choice(_GIVEN)), str(rng.choice(_FAMILY))
    mrn = str(rng.integers(10**6, 10**7))
    drawn: list[DrawnText] = []
    if has_text:
        drawn = _draw_texts(rng, grey, fonts, (given, family, mrn))
    if rng.random() < 0.25:
        quality = int(rng.integers(75, 96))
        grey = cv2.imdecode(
            cv2.imencode(".jpg", np.clip(grey, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0
        ).astype(np.float32)
    span = (2**bits - 1) * rng.uniform(0.6, 1.0)
    low = rng.uniform(0, 0.1) * span
    stored = np.clip(np.rint(low + grey / 255 * (span - low)), 0, 2**bits - 1).astype(np.uint16)
    photometric = Photometric.MONOCHROME2
    if rng.random() < 0.2:
        photometric = Photometric.MONOCHROME1
        stored = (2**bits - 1 - stored).astype(np.uint16)
    return Sample(stored, photometric, tuple(drawn), (given, family, mrn))


def draw_background(rng: np.random.Generator, long_side: int) -> NDArray[np.float32]:
    """A thorax in outline: lungs, ribs, vessels, spine, wires, hardware, collimator, grain (0 to 255)."""
    rows = int(long_side * rng.uniform(0.4, 0.5))  # soft anatomy at half the size, sharp things on top at full
    columns = int(long_side * rng.uniform(0.4, 0.5))
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    y, x = y / rows, x / columns
    image = np.full((rows, columns), rng.uniform(120, 200), np.float32)
    image -= rng.uniform(60, 150) * np.clip(np.abs(x - 0.5) * 2 - rng.uniform(0.6, 1.1), 0, 0.4) / 0.4
    for side in (-1, 1):
        centre = 0.5 + side * rng.uniform(0.18, 0.24)
        lung = ((x - centre) / rng.uniform(0.14, 0.19)) ** 2 + ((y - 0.47) / rng.uniform(0.3, 0.38)) ** 2
        image -= rng.uniform(60, 110) / (1 + np.exp(np.minimum((lung - 1) * rng.uniform(5, 14), 30)))
    image = cv2.GaussianBlur(image, (0, 0), long_side / 80)
    _draw_ribs(rng, image)
    _draw_vessels(rng, image)
    _draw_spine(rng, image)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.0))
    image = cv2.resize(image, (2 * columns, 2 * rows), interpolation=cv2.INTER_CUBIC)
    _draw_hardware(rng, image)
    _add_grain(rng, image)
    if rng.random() < 0.4:  # edge enhancement, as portable units apply it
        image += rng.uniform(0.5, 2.5) * (image - cv2.GaussianBlur(image, (0, 0), rng.uniform(2, 8)))
    if rng.random() < 0.35:
        _collimate(rng, image)
    return np.clip(image, 0, rng.uniform(215, 255)).astype(np.float32)


def _draw_ribs(rng: np.random.Generator, image: NDArray[np.float32]) -> None:
    rows, columns = image.shape
    for index in range(int(rng.integers(7, 11))):
        for side in (-1, 1):
            layer = np.zeros_like(image)
            centre = (int(columns * (0.5 + side * 0.2)), int(rows * (0.1 + 0.085 * index)))
            axes = (int(columns * rng.uniform(0.2, 0.27)), int(rows * rng.uniform(0.08, 0.14)))
            thick = int(columns * rng.uniform(0.012, 0.028))
            arc = (190, 350) if rng.random() < 0.7 else (10, 170)
            cv2.ellipse(layer, centre, axes, side * rng.uniform(8, 25), *arc, 1.0, thick, cv2.LINE_AA)
            inner = cv2.GaussianBlur(layer, (0, 0), thick / 3)
            image += rng.uniform(12, 35) * (layer - rng.uniform(0.2, 0.6) * inner)


def _draw_vessels(rng: np.random.Generator, image: NDArray[np.float32]) -> None:
    rows, columns = image.shape
    layer = np.zeros_like(image)
    for _ in range(int(rng.integers(20, 60))):
        side = rng.choice([-1, 1])
        point = np.array([columns * (0.5 + side * 0.09), rows * rng.uniform(0.35, 0.6)])
        angle, width = (0 if side > 0 else np.pi) + rng.normal(0, 0.9), rng.uniform(2, 7)
        for _ in range(int(rng.integers(5, 16))):
            end = point + columns * 0.02 * np.array([np.cos(angle), np.sin(angle)])
            start_px = (int(point[0]), int(point[1]))
            cv2.line(layer, start_px, (int(end[0]), int(end[1])), rng.uniform(0.4, 1), max(1, int(width)), cv2.LINE_AA)
            point, angle, width = end, angle + rng.normal(0, 0.35), width * 0.9
    image += rng.uniform(10, 45) * layer


def _draw_spine(rng: np.random.Generator, image: NDArray[np.float32]) -> None:
    rows, columns = image.shape
    width = int(columns * rng.uniform(0.03, 0.05))
    for index in range(14):
        top = int(rows * (0.02 + 0.07 * index))
        box = (columns // 2 - width, top), (columns // 2 + width, top + int(rows * 0.055))
        cv2.rectangle(image, *box, float(image[min(top, rows - 1), columns // 2] + rng.uniform(5, 25)), 2)


def _draw_hardware(rng: np.random.Generator, image: NDArray[np.float32]) -> None:
    rows, columns = image.shape
    for _ in range(int(rng.integers(0, 5))):  # wires and tubes
        anchors = np.stack([rng.uniform(-0.1, 1.1, 5) * columns, rng.uniform(-0.1, 1.1, 5) * rows], axis=1)
        t = np.linspace(0, 1, 200)[:, None]
        weights = [np.array([1, 4, 6, 4, 1])[k] * t**k * (1 - t) ** (4 - k) for k in range(5)]
        curve = sum(w * a for w, a in zip(weights, anchors, strict=True))
        layer = np.zeros_like(image)
        cv2.polylines(layer, [np.int32(curve)], False, 1.0, int(rng.integers(1, 9)), cv2.LINE_AA)
        image += rng.uniform(20, 110) * layer
    for _ in range(int(rng.integers(0, 7))):  # clips, electrodes, coins
        at = (int(rng.uniform(0.05, 0.95) * columns), int(rng.uniform(0.05, 0.95) * rows))
        size, level = int(rng.integers(3, 22)), float(rng.uniform(190, 255))
        shape = rng.integers(4)
        if shape == 0:
            cv2.circle(image, at, size, level, -1, cv2.LINE_AA)
        elif shape == 1:
            cv2.circle(image, at, size, level, int(rng.integers(1, 5)), cv2.LINE_AA)
        elif shape == 2:
            cv2.line(image, at, (at[0] + size, at[1] + int(rng.integers(-size, size))), level, 3, cv2.LINE_AA)
        else:
            cv2.ellipse(image, at, (size, size // 2 + 1), rng.uniform(0, 180), 0, 300, level, 2, cv2.LINE_AA)
    if rng.random() < 0.2:  # pacemaker
        at = (int(rng.uniform(0.65, 0.8) * columns), int(rng.uniform(0.2, 0.35) * rows))
        size = int(columns * rng.uniform(0.03, 0.05))
        cv2.ellipse(image, at, (size, int(size * 1.2)), 0, 0, 360, rng.uniform(200, 240), -1, cv2.LINE_AA)
        for _ in range(6):
            corner = (at[0] + int(rng.integers(-size, size) * 0.5), at[1] + int(rng.integers(-size, size) * 0.5))
            far = (corner[0] + int(rng.integers(4, size)), corner[1] + int(rng.integers(4, size)))
            cv2.rectangle(image, corner, far, float(rng.uniform(120, 255)), int(rng.integers(-1, 3)) or 1)


def _add_grain(rng: np.random.Generator, image: NDArray[np.float32]) -> None:
    fine = rng.normal(0, 1, image.shape).astype(np.float32)
    coarse = cv2.GaussianBlur(rng.normal(0, 1, image.shape).astype(np.float32), (0, 0), 3) * 10
    cloud = cv2.GaussianBlur(rng.normal(0, 1, image.shape).astype(np.float32), (0, 0), 9) * 30
    if rng.random() < 0.5:
        fine = cv2.GaussianBlur(fine, (0, 0), 0.8) * 2
    image += rng.uniform(0.5, 7) * fine + rng.uniform(0, 3) * coarse + rng.uniform(0, 4) * cloud


def _collimate(rng: np.random.Generator, image: NDArray[np.float32]) -> None:
    rows, columns = image.shape
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    inset = rng.uniform(0, 0.09, (4, 2)) * np.where(corners > 0.5, -1, 1)
    polygon = np.int32((corners + inset) * [columns, rows])
    mask = np.zeros(image.shape, np.uint8)
    cv2.fillPoly(mask, [polygon], 1)
    image[mask == 0] = rng.choice([0.0, 0.0, 8.0, 250.0])


def _draw_texts(
    rng: np.random.Generator, grey: NDArray[np.float32], fonts: Sequence[Font], identity: tuple[str, str, str]
) -> list[DrawnText]:
    taken = np.zeros(grey.shape, np.bool_)
    drawn: list[DrawnText] = []
    if rng.random() < 0.8:
        drawn += _draw_block(rng, grey, taken, _phi_lines(rng, identity), TextKind.PHI, fonts)
    if rng.random() < 0.7:
        drawn += _draw_block(rng, grey, taken, _marker_lines(rng), TextKind.MARKER, fonts)
    if rng.random() < 0.4:
        drawn += _draw_block(rng, grey, taken, [str(rng.choice(["L", "R"]))], TextKind.LEAD, fonts)
    if rng.random() < 0.3:  # the technologist's initials lie in lead too
        initials = "".join(rng.choice(list("ABCDEFGHJKMNPQSTUVWXYZ"), int(rng.integers(2, 4))))
        drawn += _draw_block(rng, grey, taken, [initials], TextKind.INITIALS, fonts)
    return drawn


def _phi_lines(rng: np.random.Generator, identity: tuple[str, str, str]) -> list[str]:
    given, family, mrn = identity
    day = f"{rng.integers(1, 13):02d}/{rng.integers(1, 29):02d}/{rng.integers(1930, 2020)}"
    clock = f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}"
    lines = [
        rng.choice(
            [f"{family}, {given}", f"{family.upper()}^{given.upper()}", f"{given} {family}", f"{family}, {given} R."]
        ),
        f"MRN {mrn}",
        rng.choice([f"DOB: {day}", day, day.replace("/", ".")]),
        f"{day} {clock}",
        f"ACC# {rng.integers(10**8, 10**9)}",
        str(rng.choice(_PLACES)),
        f"Tech: {rng.choice(_FAMILY)}",
    ]
    order = rng.permutation(len(lines))[: int(rng.integers(1, 6))]
    return [str(lines[index]) for index in sorted(order)]


def _marker_lines(rng: np.random.Generator) -> list[str]:
    lines = [str(rng.choice(["L", "R"]))]
    if rng.random() < 0.6:
        lines.append(str(rng.choice(_MARKERS[6:])))
    return lines


def _draw_block(
    rng: np.random.Generator,
    grey: NDArray[np.float32],
    taken: NDArray[np.bool_],
    lines: Sequence[str],
    kind: TextKind,
    fonts: Sequence[Font],
) -> list[DrawnText]:
    size = int(np.exp(rng.uniform(np.log(11), np.log(60)))) if kind is TextKind.PHI else int(rng.integers(14, 64))
    font = fonts[int(rng.integers(len(fonts)))]
    is_binary = rng.random() < 0.4
    inks = [_render_line(line, font, size, is_binary) for line in lines]
    if kind in _IN_LEAD:
        inks = [_as_lead(rng, inks[0])]
    turn = int(rng.choice([0, 0, 0, 0, 1, 2, 3])) if kind is TextKind.PHI else 0
    height, width = sum(int(ink.shape[0] * 1.25) + 1 for ink in inks), max(ink.shape[1] for ink in inks)
    place = _find_place(rng, taken, (width, height) if turn % 2 else (height, width))
    if place is None:
        return []
    alpha, owner = np.zeros((height, width), np.float32), np.full((height, width), -1)
    top, is_right = 0, rng.random() < 0.5
    for index, ink in enumerate(inks):
        left = width - ink.shape[1] if is_right else 0
        alpha[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
        owner[top : top + ink.shape[0], left : left + ink.shape[1]] = index
        top += int(ink.shape[0] * 1.25) + 1
    alpha, owner = np.rot90(alpha, turn), np.rot90(owner, turn)
    window = grey[place[0] : place[0] + alpha.shape[0], place[1] : place[1] + alpha.shape[1]]
    is_hard = _blend(rng, window, alpha, kind)
    drawn = []
    for index, line in enumerate(lines):
        ink = (owner == index) & (alpha > 0.5)
        at_rows, at_columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
        box = ink[at_rows[0] : at_rows[-1] + 1, at_columns[0] : at_columns[-1] + 1]
        drawn.append(DrawnText(kind, line, place[0] + int(at_rows[0]), place[1] + int(at_columns[0]), box, is_hard))
    return drawn


def _blend(rng: np.random.Generator, window: NDArray[np.float32], alpha: NDArray[np.float32], kind: TextKind) -> bool:
    """Put the text on the image in place; True where its contrast is what the benchmark calls hard."""
    style = rng.choice(["white", "white", "grey", "black", "outline", "boxed", "faint"])
    local = float(np.median(window))
    level, is_hard = 255.0, False
    if kind in _IN_LEAD:
        level = min(255.0, local + rng.uniform(50, 140))
    elif style == "grey":
        level = local + rng.choice([-1, 1]) * rng.uniform(70, 120)
    elif style == "black":
        level = 0.0 if local > 60 else 255.0
    elif style == "faint":
        level, is_hard = local + rng.choice([-1, 1]) * rng.uniform(13, 26), True
    elif local > 205:
        level = 0.0
    level = float(np.clip(level, 0, 255))
    is_hard |= abs(level - local) < 30
    if style == "outline" and kind not in _IN_LEAD:
        halo = cv2.dilate(np.ascontiguousarray(alpha), np.ones((3, 3), np.uint8))
        window[:] = window * (1 - halo) + halo * (0.0 if level > 127 else 255.0)
    if style == "boxed" and kind not in _IN_LEAD:
        window[:] = 0.0
        level = float(rng.choice([255.0, 200.0, 90.0]))
        is_hard = False
    window[:] = window * (1 - alpha) + alpha * level
    return is_hard


def _render_line(text: str, font: Font, size: int, is_binary: bool) -> NDArray[np.float32]:
    """Coverage (0 to 1) of one line, cropped to its ink."""
    kind, face = font
    if kind == "hershey":
        scale, thick = size / 30, max(1, size // 14)
        (width, height), base = cv2.getTextSize(text, int(face), scale, thick)
        canvas = np.zeros((height + base + 12, width + 12), np.uint8)
        line = cv2.LINE_8 if is_binary else cv2.LINE_AA
        cv2.putText(canvas, text, (6, height + 6), int(face), scale, 255, thick, line)
    else:
        type_face = ImageFont.load_default(size) if kind == "pil" else ImageFont.truetype(_DEJAVU / str(face), size)
        left, top, right, bottom = type_face.getbbox(text)
        picture = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4), 0)
        ImageDraw.Draw(picture).text((2 - left, 2 - top), text, fill=255, font=type_face)
        canvas = np.asarray(picture)
    alpha = canvas.astype(np.float32) / 255
    if is_binary:
        alpha = (alpha > 0.5).astype(np.float32)
    rows, columns = np.flatnonzero((alpha > 0.5).any(axis=1)), np.flatnonzero((alpha > 0.5).any(axis=0))
    return alpha[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _as_lead(rng: np.random.Generator, alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """A lead letter lies a little askew and is as blurred as the rest of the exposure."""
    border = int(max(alpha.shape) * 0.4) + 4
    padded = cv2.copyMakeBorder(alpha, border, border, border, border, cv2.BORDER_CONSTANT, value=0)
    centre = (padded.shape[1] / 2, padded.shape[0] / 2)
    turned = cv2.warpAffine(padded, cv2.getRotationMatrix2D(centre, rng.uniform(-20, 20), 1), padded.shape[::-1])
    soft = cv2.GaussianBlur(turned, (0, 0), rng.uniform(0.6, 1.4))
    soft /= max(float(soft.max()), 1e-3)  # thin strokes fade in the blur; the ink stays countable
    rows, columns = np.flatnonzero((soft > 0.5).any(axis=1)), np.flatnonzero((soft > 0.5).any(axis=0))
    return np.ascontiguousarray(soft[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _find_place(rng: np.random.Generator, taken: NDArray[np.bool_], size: tuple[int, int]) -> tuple[int, int] | None:
    rows, columns = taken.shape[0] - size[0] - 8, taken.shape[1] - size[1] - 8
    if rows <= 8 or columns <= 8:
        return None
    for _ in range(30):
        if rng.random() < 0.75:  # mostly in the corners, as modalities do
            top = int(rng.choice([rng.integers(4, 4 + rows // 12 + 1), rng.integers(rows - rows // 12, rows)]))
            left = int(
                rng.choice([rng.integers(4, 4 + columns // 12 + 1), rng.integers(columns - columns // 12, columns)])
            )
        else:
            top, left = int(rng.integers(4, rows)), int(rng.integers(4, columns))
        margin = slice(max(0, top - 12), top + size[0] + 12), slice(max(0, left - 30), left + size[1] + 30)
        if not taken[margin].any():
            taken[top : top + size[0], left : left + size[1]] = True
            return top, left
    return None
