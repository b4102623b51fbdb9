"""Decides what burned-in text says and how its letters look: wording, type faces, lead letters, codes.

Takes a random generator, gives coverage masks (float32, 0 to 1) with the words they stand for.
Where they go on an image is left to `burned_in_images`. All names are invented.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_BITMAP_PX = 32
_FONT_ROOT = Path("/usr/share/fonts")
_TRAIN_FAMILIES = (
    "dejavu", "liberation", "lato", "open-sans", "roboto", "terminus", "andika", "gentium", "junicode", "mplus",
    "agave", "cabin", "tlwg",
)  # fmt: skip
_TEST_FAMILIES = (
    "freefont",
    "urw-base35",
    "inconsolata",
    "courier-prime",
    "firacode",
    "hack",
    "fonts-go",
    "noto/NotoSans",
)
_TEST_HERSHEY = (cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_PLAIN)
_TRAIN_HERSHEY = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX)
_SYMBOLS = ("math", "symbol", "dingbat", "standardsymbols", "d050000l", "webdings", "emoji", "music", "kufi", "icons")

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
    "Bo",
    "Al",
    "Ng",
    "Xiu",
    "Ravi",
    "Siobhan",
    "Thabo",
    "Yusuf",
    "Zoë",
    "Jörg",
    "Maria-Elena",
    "Priscilla",
    "Wilhelmina",
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
    "Li",
    "Wu",
    "Oh",
    "Port",
    "Le",
    "O'Brien",
    "Núñez",
    "Papadopoulos",
    "Featherstonehaugh",
    "Okonkwo",
    "Tran",
    "Schmidt-Weber",
    "de",
    "Vries",
]
_PLACES = [
    "St Brigid Hospital",
    "Lakeside Clinic",
    "County General",
    "Harbor Medical Center",
    "UNIV. HOSPITAL RADIOLOGY",
    "NORTH ICU 4",
    "City Chest Unit",
    "Klinikum Nord",
    "Hôpital du Lac",
    "EMERGENCY DEPT",
]
_TECHNIQUE = [
    "85 kV 2.5 mAs",
    "120kVp 4 mAs",
    "EI 1450",
    "SID 180",
    "S: 214",
    "Zoom 55%",
    "W 4096 L 2048",
    "IM: 1/2",
    "SE 1",
    "REX 1890",
    "DAP 0.12",
]
MARKERS = [
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
    "LATERAL",
    "PORTABLE",
    "SUPINE",
    "ERECT",
    "UPRIGHT",
    "SEMI-UPRIGHT",
    "SITTING",
]
_PAIRS = ("LEFT LATERAL", "AP PORTABLE", "PA ERECT", "AP SUPINE", "AP UPRIGHT", "L LAT", "R AP")


class TextKind(StrEnum):
    PHI = "phi"
    MARKER = "marker"
    LEAD = "lead"
    INITIALS = "initials"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Face:
    """A type face: a font file, one of OpenCV's stroke faces, or PIL's own (neither)."""

    path: str = ""
    hershey: int = -1


@dataclass(frozen=True, slots=True)
class Person:
    """Who is named on an image."""

    given: str
    family: str
    mrn: str
    accession: str


@cache
def training_faces() -> tuple[Face, ...]:
    """The faces of training that this machine has."""
    return (*_faces(_TRAIN_FAMILIES, _TRAIN_HERSHEY), Face())


@cache
def test_faces() -> tuple[Face, ...]:
    """The faces kept for measuring."""
    return _faces(_TEST_FAMILIES, _TEST_HERSHEY)


def _faces(families: Sequence[str], strokes: Sequence[int]) -> tuple[Face, ...]:
    files = sorted(p for suffix in ("ttf", "otf", "otb") for p in _FONT_ROOT.rglob(f"*.{suffix}"))
    chosen: dict[str, list[Path]] = {family: [] for family in families}
    for path in files:
        for family in families:
            if f"/{family}" in str(path).lower() or f"/{family}" in str(path):
                if not any(word in path.name.lower() for word in _SYMBOLS) and _is_latin(path):
                    chosen[family].append(path)
                break
    spread = [Face(str(p)) for group in chosen.values() for p in group[:: max(1, len(group) // 8)][:8]]
    return tuple(spread) + tuple(Face(hershey=face) for face in strokes)


def _is_latin(path: Path) -> bool:
    try:
        font = ImageFont.truetype(str(path), 24)
        shapes = {bytes(font.getmask(letter)) for letter in "AZaz09,/"}
    except (OSError, ValueError):
        return False
    return len(shapes) == 8 and b"" not in shapes


def draw_person(rng: np.random.Generator) -> Person:
    digits = int(rng.integers(5, 10))
    mrn = "".join(str(d) for d in rng.integers(0, 10, digits))
    if rng.random() < 0.3:
        mrn = "".join(rng.choice(list(string.ascii_uppercase), 2)) + mrn
    if rng.random() < 0.2:
        mrn = f"{mrn[:3]}-{mrn[3:]}"
    return Person(str(rng.choice(_GIVEN)), str(rng.choice(_FAMILY)), mrn, f"A{rng.integers(10**6, 10**9)}")


def phi_lines(rng: np.random.Generator, who: Person) -> list[str]:
    """One to six lines about a person."""
    given, family = who.given, who.family
    day, clock = _day(rng), f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}"
    sex = rng.choice(["M", "F"])
    lines = [
        rng.choice([
            f"{family}, {given}", f"{family.upper()}^{given.upper()}", f"{given} {family}", f"{family}, {given} R.",
            f"{family.upper()} {given.upper()} [{sex}]", f"{family} {given[0]}.",
        ]),
        rng.choice([f"MRN {who.mrn}", f"ID: {who.mrn}", who.mrn, f"Pat-ID {who.mrn}", f"#{who.mrn}"]),
        rng.choice([f"DOB: {day}", day, f"*{day}", f"{rng.integers(1, 99)}Y {sex}", f"born {day} ({sex})"]),
        rng.choice([f"{day} {clock}", _day(rng), f"{clock}:{rng.integers(0, 60):02d}", f"Acq {_day(rng)} {clock} PM"]),
        rng.choice([f"ACC# {who.accession}", who.accession, f"Acc: {who.accession}"]),
        str(rng.choice(_PLACES)),
        rng.choice([f"Tech: {rng.choice(_FAMILY)}", f"Ref: Dr {rng.choice(_FAMILY)}", str(rng.choice(_TECHNIQUE))]),
        " ".join(str(w) for w in rng.choice([*_TECHNIQUE, "CHEST", "Thorax pa", "Room 3", _word(rng)], 2)),
    ]  # fmt: skip
    count = min(len(lines), 1 + int(rng.integers(0, 6)))
    return [str(lines[index]) for index in sorted(rng.permutation(len(lines))[:count])]


def marker_lines(rng: np.random.Generator) -> list[str]:
    """An orientation or technique marker, perhaps with a second one below."""
    lines = [str(rng.choice(_PAIRS)) if rng.random() < 0.3 else str(rng.choice(MARKERS))]
    if rng.random() < 0.2:
        lines.append(str(rng.choice(MARKERS[6:])))
    return [line.title() if rng.random() < 0.15 else line for line in lines]


def initials(rng: np.random.Generator) -> str:
    return "".join(rng.choice(list("ABCDEFGHJKMNPQSTUVWXYZ"), int(rng.integers(2, 4))))


def noise_lines(rng: np.random.Generator) -> list[str]:
    """Strings of no meaning, so that training does not learn the wording."""
    letters = list(string.ascii_letters + string.digits + ",.:/-()#")
    return ["".join(rng.choice(letters, int(rng.integers(2, 16)))) for _ in range(int(rng.integers(1, 4)))]


def _day(rng: np.random.Generator) -> str:
    year, month, day = int(rng.integers(1930, 2026)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
    named = ("JAN", "Feb", "MAR", "Apr", "MAY", "JUN", "Jul", "AUG", "SEP", "Oct", "NOV", "DEC")[month - 1]
    return str(rng.choice([
        f"{month:02d}/{day:02d}/{year}", f"{day:02d}.{month:02d}.{year}", f"{year}-{month:02d}-{day:02d}",
        f"{day:02d} {named} {year}", f"{year}{month:02d}{day:02d}", f"{month}/{day}/{year % 100:02d}",
    ]))  # fmt: skip


def _word(rng: np.random.Generator) -> str:
    return "".join(rng.choice(list(string.ascii_letters), int(rng.integers(3, 9))))


def render_line(text: str, face: Face, size: int, *, is_binary: bool, stretch: float = 1.0) -> NDArray[np.float32]:
    """Coverage of one line, cropped to its ink: (rows, columns) float32, 0 to 1.

    `size` is the size of the type in pixels, `stretch` its width over the usual width.
    """
    if face.hershey >= 0:
        text = text.encode("ascii", "replace").decode()
        scale, thick = size / 30, max(1, round(size / 14))
        (width, height), base = cv2.getTextSize(text, face.hershey, scale, thick)
        canvas = np.zeros((height + base + 12, width + 12), np.uint8)
        line = cv2.LINE_8 if is_binary else cv2.LINE_AA
        cv2.putText(canvas, text, (6, height + 6), face.hershey, scale, 255, thick, line)
    else:
        zoom = -(-size // _BITMAP_PX) if face.path.endswith(".otb") else 1  # as modalities enlarge their one font
        font = _font(face.path, size // zoom)
        left, top, right, bottom = font.getbbox(text)
        picture = Image.new("L", (max(1, int(right - left)) + 4, max(1, int(bottom - top)) + 4), 0)
        ImageDraw.Draw(picture).text((2 - left, 2 - top), text, fill=255, font=font)
        canvas = np.kron(np.asarray(picture), np.ones((zoom, zoom), np.uint8))
    if stretch != 1.0:
        canvas = cv2.resize(
            canvas, (max(4, int(canvas.shape[1] * stretch)), canvas.shape[0]), interpolation=cv2.INTER_LINEAR
        )
    alpha = canvas.astype(np.float32) / 255
    if is_binary:
        alpha = (alpha > 0.5).astype(np.float32)
    return cropped(alpha)


@cache
def _font(path: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    if not path:
        return ImageFont.load_default(size)
    if path.endswith(".otb"):  # a bitmap font has the sizes that it has
        for near in (*range(size, 5, -1), *range(size + 1, 3 * _BITMAP_PX)):
            try:
                return ImageFont.truetype(path, near)
            except OSError:
                continue
    return ImageFont.truetype(path, size)


def cropped(alpha: NDArray[np.float32], level: float = 0.3) -> NDArray[np.float32]:
    """The part of a mask that holds ink."""
    rows, columns = np.flatnonzero((alpha > level).any(axis=1)), np.flatnonzero((alpha > level).any(axis=0))
    if not rows.size:
        return np.zeros((1, 1), np.float32)
    return np.ascontiguousarray(alpha[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def as_raster(rng: np.random.Generator, alpha: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Type as a tube or a needle printer shows it: in lines with gaps between them, or in dots."""
    step = max(2, round(size * rng.uniform(0.04, 0.14)))
    rows, columns = (np.arange(side) for side in alpha.shape)
    if step >= 3 and rng.random() < 0.4:  # dots
        cells = -(-alpha.shape[0] // step), -(-alpha.shape[1] // step)
        inked = cv2.resize(alpha, (cells[1], cells[0]), interpolation=cv2.INTER_AREA) > rng.uniform(0.12, 0.35)
        radius = step * rng.uniform(0.35, 0.6)
        from_centre = [(side % step) + 0.5 - step / 2 for side in (rows, columns)]
        dot = np.clip(radius + 0.5 - np.hypot(from_centre[0][:, None], from_centre[1][None, :]), 0, 1)
        return np.asarray(dot * inked[rows // step][:, columns // step], dtype=np.float32)
    off = max(1, round(step * rng.uniform(0.25, 0.6)))
    gaps = (rows + int(rng.integers(step))) % step < off
    shade = np.where(gaps, rng.choice([0.0, 0.0, 0.15, 0.3]), 1.0).astype(np.float32)
    return np.asarray(alpha * shade[:, None], dtype=np.float32)


def as_lead(rng: np.random.Generator, alpha: NDArray[np.float32], turn: float) -> NDArray[np.float32]:
    """A letter of lead: askew by `turn` degrees and as blurred as the exposure; sometimes mirrored."""
    if rng.random() < 0.12:
        alpha = np.ascontiguousarray(alpha[:, ::-1])
    border = int(max(alpha.shape) * 0.5) + 4
    padded = cv2.copyMakeBorder(alpha, border, border, border, border, cv2.BORDER_CONSTANT, value=0)
    centre = (padded.shape[1] / 2, padded.shape[0] / 2)
    turned = cv2.warpAffine(padded, cv2.getRotationMatrix2D(centre, turn, 1), padded.shape[::-1])
    soft = cv2.GaussianBlur(turned, (0, 0), rng.uniform(0.5, 1.0 + max(alpha.shape) / 60))
    soft /= max(float(soft.max()), 1e-3)  # thin strokes fade in the blur; the ink stays countable
    return cropped(np.asarray(soft, dtype=np.float32))


def with_ring(rng: np.random.Generator, alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """A ring or a frame around a letter."""
    rows, columns = alpha.shape
    reach, thick = int(0.72 * max(rows, columns)) + 3, max(1, max(rows, columns) // int(rng.integers(10, 24)))
    side = 2 * (reach + thick) + 3
    canvas = np.zeros((side, side), np.float32)
    top, left = (side - rows) // 2, (side - columns) // 2
    canvas[top : top + rows, left : left + columns] = alpha
    if rng.random() < 0.6:
        cv2.circle(canvas, (side // 2, side // 2), reach, 1.0, thick, cv2.LINE_AA)
    else:
        cv2.rectangle(canvas, (2 + thick, 2 + thick), (side - 3 - thick, side - 3 - thick), 1.0, thick)
    return canvas


def draw_code(rng: np.random.Generator) -> NDArray[np.float32]:
    """A barcode or a matrix code: (rows, columns) of 0 and 1, with its quiet zone."""
    module = int(rng.integers(2, 7))
    if rng.random() < 0.5:
        widths = rng.choice([1, 1, 2, 2, 3, 4], int(rng.integers(30, 90)))
        bars = np.repeat(np.arange(len(widths)) % 2 == 0, widths)
        pattern = np.repeat(bars[None, :], max(6, int(len(bars) * rng.uniform(0.12, 0.4))), axis=0)
        module = max(1, module // 2)
    else:
        side = int(rng.integers(12, 40))
        pattern = rng.random((side, side)) < 0.5
        if rng.random() < 0.7:
            for row, column in ((0, 0), (0, side - 7), (side - 7, 0)):
                eye = np.ones((7, 7), bool)
                eye[1:6, 1:6] = False
                eye[2:5, 2:5] = True
                pattern[row : row + 7, column : column + 7] = eye
    return np.kron(pattern, np.ones((module, module))).astype(np.float32)
