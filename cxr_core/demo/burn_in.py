"""Writes text into pixels as modalities do: identifiers in the corners, orientation markers, lead letters.

It takes stored values, the identifiers of a study and a random stream, and gives the image with its text and one
`BurnedText` a line: what stands where, and whether it identifies. Finding it again is left to `deidentify.pixels`.
"""

import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cxr_core.demo.people import Person
from cxr_core.demo.plan import Burn, Projection, StudyPlan

_HERSHEY = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX)
_PILLOW_FONT = 4  # number of the fifth font: the one inside Pillow, anti-aliased


class TextCategory(StrEnum):
    """What a burned-in line says."""

    NAME = "name"
    MRN = "mrn"
    BIRTHDATE = "birthdate"
    DATETIME = "datetime"
    ACCESSION = "accession"
    INSTITUTION = "institution"
    OPERATOR = "operator"
    ORIENTATION = "orientation"
    POSITION = "position"
    TECHNIQUE = "technique"

    @property
    def is_phi(self) -> bool:
        """True where the line must be blacked out."""
        return self not in {TextCategory.ORIENTATION, TextCategory.POSITION, TextCategory.TECHNIQUE}


@dataclass(frozen=True, slots=True, repr=False)
class BurnedText:
    """One line in the pixels; the box is half-open, in pixels, origin top left, row before column."""

    row0: int
    col0: int
    row1: int
    col1: int
    text: str
    category: TextCategory
    size_px: int
    contrast: float
    is_boxed: bool
    is_vertical: bool
    font: int


@dataclass(frozen=True, slots=True)
class _Pen:
    """How one block of text is written."""

    size_px: int
    font: int
    value: float = 1.0
    is_boxed: bool = False
    is_vertical: bool = False
    contrast: float = 1.0


_Line = tuple[str, TextCategory]


def burn_in(
    stored: NDArray[np.uint16], *, study: StudyPlan, person: Person, projection: Projection, burn: Burn, bits: int,
    rng: np.random.Generator,
) -> list[BurnedText]:  # fmt: skip
    """Write the text of one image into `stored`, in place.

    Parameters
    ----------
    stored : (rows, columns) uint16 array
        As MONOCHROME2 shows it; bright text is large.
    study, person : StudyPlan, Person
        Whose identifiers.
    projection : Projection
        Decides the markers.
    burn : Burn
        What to write.
    bits : int
        Bits stored; white text gets the largest value.
    rng : numpy Generator
        Fonts, sizes, corners.
    """
    written: list[BurnedText] = []
    if burn in {Burn.MARKERS, Burn.BOTH}:
        written += _write_markers(stored, projection, bits, rng)
    if burn in {Burn.IDENTIFIERS, Burn.BOTH}:
        written += _write_identifiers(stored, _identifier_lines(study, person, rng), bits, rng, taken=written)
    return written


def _identifier_lines(study: StudyPlan, person: Person, rng: np.random.Generator) -> list[_Line]:
    when, plain = study.when, _latin(f"{person.family}, {person.given} {person.middle}")
    name = (plain, plain.upper(), _latin(f"{person.family} {person.given}"))[int(rng.integers(3))]
    day = (when.strftime("%d-%b-%Y"), when.strftime("%m/%d/%Y"), when.strftime("%Y.%m.%d"))[int(rng.integers(3))]
    born = (f"DOB {person.birth_date:%m/%d/%Y}", f"{person.birth_date:%d %b %Y}")[int(rng.integers(2))]
    lines: list[_Line] = [
        (name, TextCategory.NAME),
        (f"{('ID ', 'MRN: ', '')[int(rng.integers(3))]}{study.mrn}", TextCategory.MRN),
        (f"{born} {person.sex}", TextCategory.BIRTHDATE),
        (f"{day} {when:%H:%M}", TextCategory.DATETIME),
        (f"ACC {study.accession}", TextCategory.ACCESSION),
        (person.hospital.name, TextCategory.INSTITUTION),
        (f"Tech: {_latin(study.operator.family)}", TextCategory.OPERATOR),
        (f"{rng.integers(70, 130)} kVp {rng.integers(1, 9)}.{rng.integers(0, 9)} mAs", TextCategory.TECHNIQUE),
    ]
    kept = rng.random(len(lines)) < 0.6
    kept[int(rng.integers(2))] = True  # at least the name or the number
    return [line for line, keep in zip(lines, kept, strict=True) if keep]


def _latin(text: str) -> str:
    """Spell without accents: neither the Hershey fonts nor most modalities have them."""
    folded = unicodedata.normalize("NFKD", text.replace("ø", "o").replace("Ø", "O"))
    return "".join(c for c in folded if c.isascii())


def _write_identifiers(
    stored: NDArray[np.uint16], lines: list[_Line], bits: int, rng: np.random.Generator, *, taken: list[BurnedText]
) -> list[BurnedText]:
    """Write a block of lines into a corner that no marker holds."""
    side = max(stored.shape)
    pen = _Pen(
        size_px=int(max(11, side * rng.uniform(0.014, 0.026))),
        font=int(rng.integers(5)),
        value=float(rng.choice([1.0, 1.0, 0.8, 0.55])),
        is_boxed=bool(rng.random() < 0.25),
        is_vertical=bool(rng.random() < 0.08),
    )
    free = [corner for corner in range(4) if all(_corner_of(stored, text) != corner for text in taken)]
    corner = free[int(rng.integers(len(free)))]
    return _write_block(stored, lines, pen, corner=corner, bits=bits)


def _corner_of(stored: NDArray[np.uint16], text: BurnedText) -> int:
    rows, columns = stored.shape
    return 2 * int(text.row0 + text.row1 > rows) + int(text.col0 + text.col1 > columns)


def _write_markers(
    stored: NDArray[np.uint16], projection: Projection, bits: int, rng: np.random.Generator
) -> list[BurnedText]:
    """Write L or R on the side where it belongs, and at times the position; some letters are of lead and tilted."""
    is_left = bool(rng.random() < 0.6)
    pen = _Pen(int(max(20, max(stored.shape) * rng.uniform(0.03, 0.05))), int(rng.integers(4)))
    lines: list[_Line] = [("L" if is_left else "R", TextCategory.ORIENTATION)]
    positions = {
        Projection.AP: ("PORTABLE", "AP", "SUPINE", "SEMI-UPRIGHT", "AP PORTABLE"),
        Projection.PA: ("PA", "ERECT", "UPRIGHT"),
        Projection.LATERAL: ("LAT", "LATERAL", "LEFT LATERAL"),
    }.get(projection, ())
    if positions and rng.random() < 0.6:
        lines.append((positions[int(rng.integers(len(positions)))], TextCategory.POSITION))
    if len(lines) == 1 and rng.random() < 0.5:
        return [_write_lead_letter(stored, lines[0][0], bits=bits, is_right_side=is_left, rng=rng)]
    return _write_block(stored, lines, pen, corner=1 if is_left else 0, bits=bits)


def _write_lead_letter(
    stored: NDArray[np.uint16], letter: str, *, bits: int, is_right_side: bool, rng: np.random.Generator
) -> BurnedText:
    """Lay a tilted letter of lead on the cassette: it attenuates like metal, with blurred edges."""
    rows, columns = stored.shape
    size = int(max(rows, columns) * rng.uniform(0.04, 0.06))
    mask = _ink(letter, _Pen(size, 3))
    mask = np.pad(mask, size // 2)
    turn = cv2.getRotationMatrix2D((mask.shape[1] / 2, mask.shape[0] / 2), float(rng.normal(0, 12)), 1.0)
    tilted = np.asarray(cv2.warpAffine(mask, turn, (mask.shape[1], mask.shape[0])), np.uint8)
    soft = _crop(np.asarray(cv2.GaussianBlur(tilted, (0, 0), max(0.8, size / 40)), np.uint8))
    row = int(rows * rng.uniform(0.12, 0.3))
    margin = int(columns * 0.03)
    col = columns - margin - soft.shape[1] if is_right_side else margin
    pen = _Pen(size, 3, value=0.95, contrast=0.95)
    _blend(stored, soft, row=row, col=col, value=pen.value * ((1 << bits) - 1))
    return _record(letter, TextCategory.ORIENTATION, pen, row=row, col=col, shape=soft.shape)


def _write_block(
    stored: NDArray[np.uint16], lines: list[_Line], pen: _Pen, *, corner: int, bits: int
) -> list[BurnedText]:
    """Write lines below one another into corner 0..3 (top left, top right, bottom left, bottom right).

    In small images a long line is cut at the margin, and the last ones are left out where they find no room.
    """
    rows, columns = stored.shape
    pens = [_fit(pen, text, rows if pen.is_vertical else columns) for text, _ in lines]
    inks = [_ink(text, fitted) for (text, _), fitted in zip(lines, pens, strict=True)]
    if pen.is_vertical:
        inks = [np.ascontiguousarray(np.rot90(ink)) for ink in inks]
    margin, gap = max(4, pen.size_px // 2), max(3, pen.size_px // 3)
    axis = 1 if pen.is_vertical else 0
    inks = _fitting([ink[: rows - 2 * margin, : columns - 2 * margin] for ink in inks], stored, axis, margin, gap)
    total = sum(ink.shape[axis] + gap for ink in inks)
    far = corner % 2 if pen.is_vertical else corner // 2
    at = ((columns if pen.is_vertical else rows) - margin - total) if far else margin
    written = []
    for (text, category), fitted, ink in zip(lines, pens, inks, strict=False):
        row, col = _place(ink, (rows, columns), pen, corner=corner, at=at, margin=margin)
        shown = _legible(stored, fitted, row=row, col=col, shape=ink.shape, top=(1 << bits) - 1)
        if shown.is_boxed:
            pad = gap // 2
            stored[max(0, row - pad) : row + ink.shape[0] + pad, max(0, col - pad) : col + ink.shape[1] + pad] = 0
        _blend(stored, ink, row=row, col=col, value=shown.value * ((1 << bits) - 1))
        written.append(_record(text, category, shown, row=row, col=col, shape=ink.shape))
        at += ink.shape[axis] + gap
    return written


def _fitting(
    inks: list[NDArray[np.uint8]], stored: NDArray[np.uint16], axis: int, margin: int, gap: int
) -> list[NDArray[np.uint8]]:
    """The first lines, as many as there is room for between the margins."""
    ends = np.cumsum([ink.shape[axis] + gap for ink in inks])
    return inks[: int(np.searchsorted(ends, stored.shape[axis] - 2 * margin, side="right"))]


def _legible(stored: NDArray[np.uint16], pen: _Pen, *, row: int, col: int, shape: tuple[int, ...], top: int) -> _Pen:
    """Choose the ink's value, so that a reader sees each letter: the pen's own, else black, else on a black box."""
    ground = stored[row : row + shape[0], col : col + shape[1]]
    low, high = (float(edge) / top for edge in np.quantile(ground, [0.05, 0.95]))
    if pen.is_boxed:
        return replace(pen, contrast=pen.value)
    if pen.value - high >= 0.3:
        return replace(pen, contrast=round(pen.value - high, 3))
    if low >= 0.3:
        return replace(pen, value=0.0, contrast=round(low, 3))
    return replace(pen, is_boxed=True, contrast=pen.value)


def _place(
    ink: NDArray[np.uint8], size: tuple[int, int], pen: _Pen, *, corner: int, at: int, margin: int
) -> tuple[int, int]:
    rows, columns = size
    if pen.is_vertical:
        return (rows - margin - ink.shape[0] if corner // 2 else margin), at
    return at, (columns - margin - ink.shape[1] if corner % 2 else margin)


def _fit(pen: _Pen, text: str, room: int) -> _Pen:
    """Shrink the pen where the line would not fit across the image."""
    widest = 0.75 * pen.size_px * max(1, len(text))
    size = pen.size_px if widest < 0.9 * room else max(8, int(pen.size_px * 0.9 * room / widest))
    return replace(pen, size_px=size)


def _ink(text: str, pen: _Pen) -> NDArray[np.uint8]:
    """Draw a line of text and cut it to its ink; 255 is full ink."""
    height, width = pen.size_px * 3, pen.size_px * (len(text) + 3)
    if pen.font == _PILLOW_FONT:
        page = Image.new("L", (width, height))
        font = ImageFont.load_default(pen.size_px)
        ImageDraw.Draw(page).text((pen.size_px, pen.size_px), text, fill=255, font=font)
        return _crop(np.asarray(page, np.uint8))
    mask = np.zeros((height, width), np.uint8)
    scale, thickness = pen.size_px / 22, max(1, pen.size_px // 14)
    cv2.putText(mask, text, (pen.size_px, 2 * pen.size_px), _HERSHEY[pen.font], scale, 255, thickness, cv2.LINE_8)
    return _crop(mask)


def _crop(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = np.flatnonzero(mask.max(1) > 8), np.flatnonzero(mask.max(0) > 8)
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _blend(stored: NDArray[np.uint16], ink: NDArray[np.uint8], *, row: int, col: int, value: float) -> None:
    window = stored[row : row + ink.shape[0], col : col + ink.shape[1]]
    share = ink[: window.shape[0], : window.shape[1]].astype(np.float32) / np.float32(255)
    window[:] = np.round(window * (1 - share) + share * np.float32(value)).astype(np.uint16)


def _record(text: str, category: TextCategory, pen: _Pen, *, row: int, col: int, shape: tuple[int, ...]) -> BurnedText:
    return BurnedText(
        row, col, row + shape[0], col + shape[1], text, category,
        pen.size_px, pen.contrast, pen.is_boxed, pen.is_vertical, pen.font,
    )  # fmt: skip
