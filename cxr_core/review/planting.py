"""Plants identifiers on images and in texts, to measure what readers overlook: invented people, faint type.

Takes grey pictures or redacted texts and a random generator, gives them with one identifier more and where it stands.
What is planted lies below `workspace/review/planted` alone and never comes near a release. The size and contrast of
the type are those at which a machine fails (docs/burned-in-text.md): faint, small, on noise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cxr_core.review.records import PixelBox, Span

Gray = NDArray[np.uint8]
Ink = NDArray[np.float32]
IsFound = Callable[[Gray, PixelBox], bool]
"""Whether the machine would black out what was planted there."""

# Contrast as a share of the grey range, height of the type as a share of the rows.
CONTRASTS = {"faint": (0.03, 0.045), "low": (0.045, 0.07), "clear": (0.07, 0.2)}
SIZES = {"small": (0.011, 0.015), "medium": (0.015, 0.022), "large": (0.025, 0.04)}
CELLS = tuple(f"{contrast}:{size}" for contrast, size in product(CONTRASTS, SIZES))

_LEAST_PX = 9
_TRIES = 4
_FAINTER = 0.6
_LEAST_CONTRAST = 0.03
_PLACES = 6
_NOISE_SHARE = 1.5  # a step of so many standard deviations of the noise is surely read
_FACES = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, None)
_SYLLABLES = ("bar", "del", "fen", "gor", "hal", "kin", "lam", "mor", "nes", "pol", "rud", "sel", "tav", "vik", "wen")


@dataclass(frozen=True, slots=True)
class PlantedImage:
    """A picture with one identifier more.

    Parameters
    ----------
    cell : str
        `contrast:size` as drawn, after it was made faint enough for the machine to miss it.
    contrast : float
        The same as a share of the grey range.
    is_missed : bool
        False where the machine found every version that it was asked about; True where none was asked.
    """

    gray: Gray
    box: PixelBox
    cell: str
    contrast: float
    is_missed: bool


@dataclass(frozen=True, slots=True)
class PlantedText:
    """A text with one identifier more."""

    text: str
    span: Span


def plant_on_image(
    gray: Gray, cell: str, rng: np.random.Generator, is_found: IsFound | None = None
) -> PlantedImage | None:
    """Write one identifier near an edge of a picture.

    Parameters
    ----------
    gray : (rows, columns) uint8 array
        Not changed.
    cell : str
        `contrast:size`, one of `CELLS`.
    is_found : callable, optional
        The machine: as long as it finds the text, the text is written fainter, four times at most, but never
        so faint that the noise around it drowns it: what nobody can read is no leak.

    Returns
    -------
    PlantedImage or None
        Equal to `gray` outside the box; None where the picture is noise throughout.
    """
    contrast_name, size_name = cell.split(":")
    ink = ink_of(identifier(rng), type_size(gray, size_name, rng), rng)[:, : gray.shape[1]]
    wanted = float(rng.uniform(*CONTRASTS[contrast_name]))
    box, least = _readable_place(gray, ink.shape, wanted, rng)
    if least > CONTRASTS["clear"][1]:
        return None
    contrast = max(least, wanted)
    for _ in range(_TRIES):
        made = _blend(gray, ink, box, contrast)
        if is_found is None or not is_found(made, box):
            return PlantedImage(made, box, _cell(contrast, size_name), contrast, is_missed=True)
        contrast = max(least, contrast * _FAINTER)
    return PlantedImage(_blend(gray, ink, box, contrast), box, _cell(contrast, size_name), contrast, is_missed=False)


def type_size(gray: Gray, size_name: str, rng: np.random.Generator) -> int:
    """Height of the type in pixels, by its share of the rows."""
    return max(_LEAST_PX, round(float(rng.uniform(*SIZES[size_name])) * int(gray.shape[0])))


def _readable_place(
    gray: Gray, ink: tuple[int, ...], contrast: float, rng: np.random.Generator
) -> tuple[PixelBox, float]:
    """The first of some random places where that contrast can be read, else the quietest; and the least contrast there.

    The first, not the quietest: on quiet ground the machine finds everything.
    """
    places = [place_along_edge(gray.shape, ink, rng) for _ in range(_PLACES)]
    least = [_NOISE_SHARE / 255 * _noise(gray[box.top : box.bottom, box.left : box.right]) for box in places]
    readable = [place for place, one in enumerate(least) if one <= contrast]
    chosen = readable[0] if readable else int(np.argmin(least))
    return places[chosen], max(_LEAST_CONTRAST, least[chosen])


def _noise(ground: Gray) -> float:
    """Standard deviation of what changes from pixel to pixel, in grey levels."""
    values = ground.astype(np.float32)
    return float((values - cv2.GaussianBlur(values, (0, 0), 2)).std())


def _cell(contrast: float, size_name: str) -> str:
    name = next((name for name, (_, most) in CONTRASTS.items() if contrast <= most), list(CONTRASTS)[-1])
    return f"{name}:{size_name}"


def plant_in_text(text: str, rng: np.random.Generator) -> PlantedText:
    """Put one identifier into a report, at the end of a sentence or of the text."""
    lead, identifier_text = _sentence(rng)
    ends = [place for place in range(1, len(text)) if text[place - 1] == "." and text[place].isspace()]
    place = int(rng.choice(ends)) if ends else len(text)
    before = f"{text[:place]} {lead} "
    start = len(before)
    return PlantedText(f"{before}{identifier_text}.{text[place:]}", Span(start, start + len(identifier_text)))


def identifier(rng: np.random.Generator) -> str:
    """One burned-in identifier of an invented person, as devices write them."""
    forms = (_name(rng).upper(), f"ID {_digits(rng, 7)}", f"DOB {_date(rng)}", f"ACC {_digits(rng, 9)}", _date(rng))
    return str(forms[int(rng.integers(len(forms)))])


def _sentence(rng: np.random.Generator) -> tuple[str, str]:
    forms = (
        ("Findings were discussed with Dr.", _name(rng).replace("^", " ")),
        ("Compared with the study of", _date(rng)),
        ("The patient can be reached at", f"555-{_digits(rng, 4)}"),
        ("Medical record number", _digits(rng, 7)),
    )
    return forms[int(rng.integers(len(forms)))]


def _name(rng: np.random.Generator) -> str:
    family, given = ("".join(rng.choice(_SYLLABLES, size=count)).capitalize() for count in (3, 2))
    return f"{family}^{given}"


def _digits(rng: np.random.Generator, count: int) -> str:
    return "".join(str(digit) for digit in rng.integers(0, 10, size=count))


def _date(rng: np.random.Generator) -> str:
    return f"{rng.integers(1, 13):02d}/{rng.integers(1, 29):02d}/{rng.integers(1930, 2005)}"


def ink_of(text: str, size_px: int, rng: np.random.Generator) -> Ink:
    """The letters as coverage from 0 to 1, cut to what is inked."""
    face = _FACES[int(rng.integers(len(_FACES)))]
    canvas = np.zeros((3 * size_px, (len(text) + 2) * size_px), np.uint8)
    if face is None:
        picture = Image.fromarray(canvas)
        ImageDraw.Draw(picture).text((size_px, size_px), text, fill=255, font=ImageFont.load_default(size_px))
        canvas = np.asarray(picture)
    else:
        thick = max(1, size_px // 14)
        scale = cv2.getFontScaleFromHeight(face, max(1, size_px - thick), thick)
        cv2.putText(canvas, text, (size_px, 2 * size_px), face, scale, 255, thick, cv2.LINE_AA)
    rows, columns = np.nonzero(canvas)
    inked = canvas[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    coverage: Ink = inked.astype(np.float32) / np.float32(inked.max())
    return coverage


def place_along_edge(shape: tuple[int, ...], ink: tuple[int, ...], rng: np.random.Generator) -> PixelBox:
    """Along the upper or lower edge, where devices write, at any column."""
    rows, columns = shape[0], shape[1]
    height, width = min(ink[0], rows), min(ink[1], columns)
    margin = int(rng.integers(0, max(1, rows // 10)))
    top = margin if rng.random() < 0.5 else rows - height - margin
    top = min(max(0, top), rows - height)
    left = int(rng.integers(0, columns - width + 1))
    return PixelBox(top, left, top + height, left + width)


def _blend(gray: Gray, ink: Ink, box: PixelBox, contrast: float) -> Gray:
    """Lighter type on dark ground and darker on light, by `contrast` of the grey range."""
    made = gray.copy()
    window = (slice(box.top, box.bottom), slice(box.left, box.right))
    ground = made[window].astype(np.float32)
    sign = 1.0 if ground.mean() < 128 else -1.0
    inked = ground + sign * contrast * 255 * ink[: ground.shape[0], : ground.shape[1]]
    made[window] = np.clip(np.rint(inked), 0, 255).astype(np.uint8)
    return made


def cells_for(count: int) -> Sequence[str]:
    """The cells of so many planted images, in turn: each contrast and size equally often."""
    return [CELLS[place % len(CELLS)] for place in range(count)]
