"""Which published images the report page shows, and how they are made small.

Takes published image rows and where each JPEG lies; gives small JPEG bytes. Choosing is by digest, so that equal
releases show equal images and nobody picks the pretty ones.
"""

import io
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from PIL import Image

from cxr_core.release.contracts import label_column
from cxr_core.release.summary import SMALLEST_SHOWN
from cxr_core.vocabulary import Assertion, Label, LabelerName, QualityFlag, View

SIDE_PX = 240
MOST_PICTURES = 12
_QUALITY = 72


@dataclass(frozen=True, slots=True)
class Choice:
    """An image of a sheet and the label or quality flag that it stands for; None where it fills the sheet."""

    path: str
    view: str
    shows: Label | QualityFlag | None


@dataclass(frozen=True, slots=True)
class SmallPicture:
    """A chosen image, scaled down and cropped to a square."""

    choice: Choice
    jpeg: bytes = field(repr=False)


def choose(images: pl.DataFrame, labeler: LabelerName = LabelerName.CHEXPERT) -> list[Choice]:
    """One image for each label that at least eleven images have, then others; at most `MOST_PICTURES`.

    No subject stands there twice; images with a quality flag and repeated images are left out.
    """
    plain = images.filter(pl.col("flags").list.len() == 0, pl.col("duplicate_of").is_null()).sort("sha256")
    chosen: list[Choice] = []
    seen: set[str] = set()

    def take(rows: pl.DataFrame, label: Label | None, most: int) -> None:
        for path, view, subject in rows.select("path", "view", "subject_id").iter_rows():
            if most and len(chosen) < MOST_PICTURES and subject not in seen:
                seen.add(subject)
                chosen.append(Choice(path, view, label))
                most -= 1

    for label in Label:
        is_positive = pl.col(label_column(labeler, label)) == Assertion.POSITIVE.value
        if images.filter(is_positive).height >= SMALLEST_SHOWN:
            take(plain.filter(is_positive), label, 1)
    take(plain, None, MOST_PICTURES)
    return chosen


def choose_flagged(images: pl.DataFrame) -> list[Choice]:
    """One image for each quality flag, as in the paper's Figure 1: what people should know of before they trust one.

    A flag speaks of the image and not of a person, so that there is no smallest count here.
    """
    rows = images.filter(pl.col("duplicate_of").is_null()).sort("sha256")
    chosen = []
    for flag in QualityFlag:
        for path, view in rows.filter(pl.col("flags").list.contains(flag.value)).select("path", "view").head(1).rows():
            chosen.append(Choice(path, view or View.OTHER.value, flag))
    return chosen


def small_picture(choice: Choice, source: Path) -> SmallPicture:
    """Scale an image down until its shorter side has `SIDE_PX` pixels, and keep the square in the middle."""
    with Image.open(source) as opened:
        opened.draft("L", (SIDE_PX, SIDE_PX))
        whole = opened.convert("L")
    scale = SIDE_PX / min(whole.size)
    size = (max(round(whole.width * scale), SIDE_PX), max(round(whole.height * scale), SIDE_PX))
    left, top = (size[0] - SIDE_PX) // 2, (size[1] - SIDE_PX) // 2
    square = whole.resize(size, Image.Resampling.BOX).crop((left, top, left + SIDE_PX, top + SIDE_PX))
    sink = io.BytesIO()
    square.save(sink, "JPEG", quality=_QUALITY, optimize=True)
    return SmallPicture(choice, sink.getvalue())
