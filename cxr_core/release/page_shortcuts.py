"""What goes with a label but is no finding: a portable unit, a maker, blacked text. A model may learn that instead.

Takes published image rows; gives one chart an attribute, a dot for each group of images beside what all images have.
Which attributes an image carries is told by `contracts`, where the charts stand by `page`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from cxr_core.release.contracts import label_column
from cxr_core.release.markup import legend, note, words
from cxr_core.release.summary import SMALLEST_SHOWN, suppress_small_counts
from cxr_core.vocabulary import Assertion, Label, LabelerName

_MOST_GROUPS = 4
_DOUBLINGS = 2  # the axis goes from a quarter to four times
_UNLIKELY = 3.0  # standard errors: 14 labels by some groups are many comparisons
_SIDE, _LEFT, _TOP, _STEP = 20, 168, 24, 66
_TICKS = ("a quarter", "half", "as often", "twice", "4 times")
_PORTABLE = {True: "portable unit", False: "fixed unit"}
_BLACKED = ("no text blacked", "less than 1 % blacked", "1 % and more blacked")
_NAMES = ("portable or fixed", "blacked text", "maker of the device")
_TOO_FEW = "There is too little to be shown."
_STYLES = ("dot g", "axis", "middle", "soft")
_TAGS = ("circle", "cx", "cy", "r", "line", "x1", "x2", "y1", "y2", "map dots", "charts")
WORDS = (
    *(*_TICKS, *_PORTABLE.values(), *_BLACKED, *_NAMES, *_STYLES, *_TAGS, _TOO_FEW),
    *(f"{kind} g{group}" for kind in ("dot", "dot soft") for group in range(_MOST_GROUPS)),
    *(f"g{group}" for group in range(_MOST_GROUPS)),
)
"""Every text of the charts that is no value of an image."""


@dataclass(frozen=True, slots=True)
class Lean:
    """How much more often a label is positive in a group of images than in all of them.

    Parameters
    ----------
    doublings : float
        Binary logarithm of the ratio of both shares; -inf where the group has none.
    is_unlikely : bool
        Chance alone would hardly make the group differ so much from the other images.
    """

    label: Label
    group: str
    doublings: float
    is_unlikely: bool


def leans(images: pl.DataFrame, groups: pl.Series, labeler: LabelerName = LabelerName.CHEXPERT) -> list[Lean]:
    """Compare the groups of an attribute; counts from 1 to 10 and what would give them away are left out.

    Parameters
    ----------
    groups : (images,) string series
        Null where an image is in no group.
    """
    grouped = images.with_columns(group=groups).filter(pl.col("group").is_not_null())
    sizes = dict(grouped.group_by("group").len().iter_rows())
    found = []
    for label in Label:
        positive = pl.col(label_column(labeler, label)) == Assertion.POSITIVE.value
        counts = grouped.group_by("group").agg(n=positive.fill_null(value=False).sum().cast(pl.Int64)).sort("group")
        whole = int(counts["n"].sum())
        for group, count in suppress_small_counts(counts, ["n"]).iter_rows():
            if count is not None and whole and sizes[group] >= SMALLEST_SHOWN:
                found.append(_lean(label, group, (count, sizes[group]), (whole, grouped.height)))
    return found


def _lean(label: Label, group: str, inside: tuple[int, int], whole: tuple[int, int]) -> Lean:
    """Compare (positive, images) of a group with those of all groups; the error is that of group against the rest."""
    share, overall = inside[0] / inside[1], whole[0] / whole[1]
    rest = whole[1] - inside[1]
    doublings = math.log2(share / overall) if share else -math.inf
    if not rest or overall == 1:
        return Lean(label, group, doublings, is_unlikely=False)
    error = math.sqrt(overall * (1 - overall) * (1 / inside[1] + 1 / rest))
    apart = share - (whole[0] - inside[0]) / rest
    return Lean(label, group, doublings, is_unlikely=abs(apart) > _UNLIKELY * error)


def attributes(images: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    """Attributes that could stand in for a label: (name, group of each image)."""
    portable = images["is_portable"].replace_strict(_PORTABLE, default=None, return_dtype=pl.String)
    share = pl.col("redacted_area_share")
    blacked = pl.when(share == 0).then(pl.lit(_BLACKED[0])).when(share < 0.01).then(pl.lit(_BLACKED[1]))
    makers = images["manufacturer_group"].drop_nulls().value_counts(sort=True)["manufacturer_group"][:_MOST_GROUPS]
    maker = pl.when(pl.col("manufacturer_group").is_in(makers.to_list())).then(pl.col("manufacturer_group"))
    yield _NAMES[0], portable
    yield _NAMES[1], images.select(group=blacked.otherwise(pl.lit(_BLACKED[2])))["group"]
    yield _NAMES[2], images.select(group=maker)["group"]


def shortcut_charts(images: pl.DataFrame) -> str:
    """A chart for each attribute that has two groups large enough."""
    drawn = []
    for name, groups in attributes(images):
        found = leans(images, groups)
        shown = sorted({lean.group for lean in found})
        if len(shown) > 1:
            colours = [(f"g{place}", group) for place, group in enumerate(shown)]
            drawn.append(f"<div><h3>{words(name)}</h3>{legend(colours)}{_chart(found, shown)}</div>\n")
    return f'<div class="charts">\n{"".join(drawn)}</div>\n' if drawn else note(_TOO_FEW)


def _chart(found: list[Lean], shown: list[str]) -> str:
    height = _TOP + _SIDE * len(Label)
    parts = []
    for place, tick in enumerate(_TICKS):
        x = _x(place - _DOUBLINGS)
        style = "middle" if place == _DOUBLINGS else "axis"
        parts.append(f'<line x1="{x}" x2="{x}" y1="{_TOP - 4}" y2="{height}" class="{style}"/>')
        parts.append(f'<text class="tick" x="{x}" y="12">{words(tick)}</text>')
    for row, label in enumerate(Label):
        y = _TOP + row * _SIDE + _SIDE // 2
        parts.append(f'<text x="0" y="{y + 4}">{words(label.value)}</text>')
        mine = [lean for lean in found if lean.label is label]
        parts += [_dot(lean, y, shown.index(lean.group)) for lean in mine]
    box = f"0 0 {_LEFT + 2 * _DOUBLINGS * _STEP + 40} {height}"
    return f'<svg class="map dots" viewBox="{box}" role="img">{"".join(parts)}</svg>\n'


def _dot(lean: Lean, y: int, place: int) -> str:
    style = "dot" if lean.is_unlikely else "dot soft"
    at = max(-_DOUBLINGS, min(_DOUBLINGS, lean.doublings))
    return f'<circle cx="{_x(at)}" cy="{y}" r="5" class="{style} g{place}"/>'


def _x(doublings: float) -> int:
    return round(_LEFT + 20 + (doublings + _DOUBLINGS) * _STEP)
