"""Decides from the pixels whether a chest radiograph is frontal or lateral, and whether it stands upright.

Takes the rendered picture and gives the view, or none when unsure, with the measures it was decided by. Leaves the
header, which is asked first, to `view`, flags to `quality`, pictures and weights to `appearance.toml`.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.imaging.thumbnails import cut_borders, rank_levels, shrink
from cxr_core.vocabulary import View

Map = NDArray[np.float32]

_FILE = Path(__file__).with_name("appearance.toml")
_THUMBNAIL, _SIDE = 96, 64
_SIZES = (18, 20, 22)  # the picture of 16 x 16 is slid over the image at these sizes: it may be off centre or cropped
_AXES = np.arange(23, 42)  # columns where the midline may run
_LUNG_ROWS, _BODY_ROWS = slice(10, 42), slice(8, 48)
_MIDLINE, _LEFT, _RIGHT = (-2, 2), (-17, -8), (8, 17)  # columns from the axis


class Reading(NamedTuple):
    """A way to set an image upright: turn it clockwise by `turn_degrees`, and invert it if `is_negative`."""

    turn_degrees: int = 0
    is_negative: bool = False


@dataclass(frozen=True, slots=True)
class Appearance:
    """What one image looks like.

    Parameters
    ----------
    view : View or None
        FRONTAL, LATERAL, or None when unsure.
    reading : Reading
        The way to set it upright; `turn_degrees` is how far it was turned anticlockwise: 0, 90, 180 or 270.
    score : float
        Logarithm of the odds of frontal against lateral, set upright.
    ridge : float
        -1 to 1: ranks of the midline minus ranks of the flank that is nearer to it in brightness.
    symmetry : float
        -1 to 1: correlation of the left half with the mirrored right half.
    frontal_likeness, lateral_likeness : float
        -1 to 1: correlation with the picture, at the best place and size.
    """

    view: View | None
    reading: Reading
    score: float
    ridge: float
    symmetry: float
    frontal_likeness: float
    lateral_likeness: float


@dataclass(frozen=True, slots=True)
class _Rules:
    """The content of `appearance.toml`; the lateral picture both ways round."""

    frontal: Map
    laterals: tuple[Map, Map]
    weights: dict[str, float]
    thresholds: dict[str, float]


def judge_appearance(gray: NDArray[np.uint8]) -> Appearance:
    """Judge the view and the upright position of one image that is taken to be a chest radiograph.

    Everything is measured on the ranks of a thumbnail without flat borders, so that brightness curves cancel.

    1. Reading: the image as it is, turned by 90, 180 and 270 degrees, and as a negative, is compared with a mean
       frontal radiograph. Another reading than the plain one holds where its `frontal_likeness` is 0.55 or more and at
       least 0.1 above the plain one's. A negative that is turned as well is not looked for.
    2. View: four measures add up to a score. FRONTAL where it is +2 or more and `frontal_likeness` 0.6 or more;
       LATERAL where it is -2 or less, `lateral_likeness` 0.5 or more and the reading plain; otherwise None.

    An image of something else than a chest usually gives None, but not always. How often it is right: see
    `docs/image-facts.md`.

    Parameters
    ----------
    gray : (rows, columns) uint8 array
        A rendering in any 8-bit profile, dark to bright.
    """
    rules = _rules()
    ranks = rank_levels(cut_borders(shrink(gray, _THUMBNAIL, oversampling=4), _SIDE)).astype(np.float32)
    reading, frontal_likeness = _best_reading(ranks, rules)
    upright = _set_upright(ranks, reading)
    ridge, symmetry = _midline(upright)
    lateral_likeness = max(_likeness(upright, picture)[0] for picture in rules.laterals)
    weights = rules.weights
    score = (
        weights["constant"]
        + weights["ridge"] * ridge
        + weights["symmetry"] * symmetry
        + weights["frontal_likeness"] * frontal_likeness
        + weights["lateral_likeness"] * lateral_likeness
    )
    limits, view = rules.thresholds, None
    if score >= limits["score"] and frontal_likeness >= limits["frontal_likeness"]:
        view = View.FRONTAL
    elif score <= -limits["score"] and lateral_likeness >= limits["lateral_likeness"] and reading == Reading():
        view = View.LATERAL
    measures = (round(value, 4) for value in (score, ridge, symmetry, frontal_likeness, lateral_likeness))
    return Appearance(view, reading, *measures)


def _best_reading(ranks: Map, rules: _Rules) -> tuple[Reading, float]:
    """The reading that is most like the frontal picture, and how like it is."""
    plain, negative = _likeness(ranks, rules.frontal)
    likeness = {Reading(is_negative=True): negative}
    for turn in (90, 180, 270):
        likeness[Reading(turn)] = _likeness(_set_upright(ranks, Reading(turn)), rules.frontal)[0]
    best = max(likeness, key=likeness.__getitem__)
    limits = rules.thresholds
    if likeness[best] >= max(limits["reading_likeness"], plain + limits["reading_gain"]):
        return best, likeness[best]
    return Reading(), plain


def _set_upright(ranks: Map, reading: Reading) -> Map:
    turned = np.rot90(ranks, -reading.turn_degrees // 90)
    return np.ascontiguousarray(1 - turned if reading.is_negative else turned)


def _likeness(ranks: Map, picture: Map) -> tuple[float, float]:
    """Highest correlation with the picture over places and sizes, and that of the negative."""
    if float(np.ptp(ranks)) == 0:
        return 0.0, 0.0
    low, high = 1.0, -1.0
    for side in _SIZES:
        small = cv2.resize(ranks, (side, side), interpolation=cv2.INTER_AREA)
        found = cv2.matchTemplate(small, picture, cv2.TM_CCOEFF_NORMED)
        low, high = min(low, float(found.min())), max(high, float(found.max()))
    return high, -low


def _midline(ranks: Map) -> tuple[float, float]:
    """Ridge and symmetry at the axis where the midline stands out most from the lungs on both sides."""
    total = np.zeros((_SIDE, _SIDE + 1), np.float32)
    np.cumsum(ranks, axis=1, out=total[:, 1:])
    total = total[_LUNG_ROWS].mean(axis=0)

    def mean_between(columns: tuple[int, int]) -> Map:
        first, last = np.clip(_AXES + columns[0], 0, _SIDE - 1), np.clip(_AXES + columns[1], 1, _SIDE)
        return np.asarray((total[last] - total[first]) / (last - first), np.float32)

    midline = mean_between(_MIDLINE)
    ridges = np.minimum(midline - mean_between(_LEFT), midline - mean_between(_RIGHT))
    best = int(ridges.argmax())
    axis = int(_AXES[best])
    reach = min(axis, _SIDE - axis)
    body = ranks[_BODY_ROWS]
    left, right = body[:, axis - reach : axis], body[:, axis : axis + reach][:, ::-1]
    return float(ridges[best]), _correlation(left, right)


def _correlation(one: Map, other: Map) -> float:
    one, other = one - one.mean(), other - other.mean()
    norm = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / norm if norm > 0 else 0.0


@cache
def _rules() -> _Rules:
    content = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    frontal, lateral = (
        np.array([[int(digit) for digit in row] for row in content["pictures"][name]], np.float32)
        for name in ("frontal", "lateral")
    )
    laterals = lateral, np.ascontiguousarray(lateral[:, ::-1])
    return _Rules(frontal, laterals, content["score"], content["thresholds"])
