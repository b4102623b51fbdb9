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
_MIDLINE, _LUNGS, _WALLS = (-2, 2), ((-17, -8), (8, 17)), ((-28, -21), (21, 28))  # columns from the axis


class Reading(NamedTuple):
    """A way to set an image upright: turn it clockwise by `turn_degrees`, and invert it if `is_negative`."""

    turn_degrees: int = 0
    is_negative: bool = False


class Measures(NamedTuple):
    """What the score is made of, by ranks from 0 (darkest) to 1 (brightest), on the image set upright.

    Parameters
    ----------
    ridge : float
        -1 to 1: the midline minus the brighter one of the lungs beside it, means over the rows of the lungs. The
        midline is sought in the middle third, where this is greatest.
    ridge_share : float
        0 to 1: share of these rows in which the midline is brighter than both.
    symmetry : float
        -1 to 1: correlation of the left half with the mirrored right half.
    wall : float
        0 to 1: the darker one of the strips beyond the two lungs.
    frontal_likeness, lateral_likeness : float
        -1 to 1: correlation with the picture of `appearance.toml`, at the best place and size.
    """

    ridge: float
    ridge_share: float
    symmetry: float
    wall: float
    frontal_likeness: float
    lateral_likeness: float


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
        Logarithm of the odds of frontal against lateral.
    measures : Measures
        What the score is made of.
    """

    view: View | None
    reading: Reading
    score: float
    measures: Measures


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
    2. View: six measures add up to a score. FRONTAL where it is 2.5 or more and `frontal_likeness` 0.6 or more;
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
    lateral_likeness = max(_likeness(upright, picture)[0] for picture in rules.laterals)
    measures = Measures(*(round(value, 4) for value in (*_thorax(upright), frontal_likeness, lateral_likeness)))
    weights = rules.weights
    score = weights["constant"] + sum(weights[name] * value for name, value in measures._asdict().items())
    return Appearance(_view(score, measures, reading, rules.thresholds), reading, round(score, 4), measures)


def _view(score: float, measures: Measures, reading: Reading, limits: dict[str, float]) -> View | None:
    if score >= limits["frontal_score"] and measures.frontal_likeness >= limits["frontal_likeness"]:
        return View.FRONTAL
    is_like_lateral = measures.lateral_likeness >= limits["lateral_likeness"]
    return View.LATERAL if score <= limits["lateral_score"] and is_like_lateral and reading == Reading() else None


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


def _thorax(ranks: Map) -> tuple[float, float, float, float]:
    """Ridge, its share of rows, symmetry and wall, at the axis where the midline stands out most from both lungs."""
    total = np.zeros((_SIDE, _SIDE + 1), np.float32)
    np.cumsum(ranks, axis=1, out=total[:, 1:])
    total = total[_LUNG_ROWS]

    def strip(columns: tuple[int, int]) -> Map:
        """(rows, axes) means over columns beside each axis, as far as the image goes."""
        first, last = np.clip(_AXES + columns[0], 0, _SIDE - 1), np.clip(_AXES + columns[1], 1, _SIDE)
        return np.asarray((total[:, last] - total[:, first]) / (last - first), np.float32)

    left, right = (strip(_MIDLINE) - strip(columns) for columns in _LUNGS)
    ridges = np.minimum(left.mean(axis=0), right.mean(axis=0))
    best = int(ridges.argmax())
    share = float(np.mean(np.minimum(left, right)[:, best] > 0))
    wall = min(float(strip(columns)[:, best].mean()) for columns in _WALLS)
    return float(ridges[best]), share, _symmetry(ranks[_BODY_ROWS], int(_AXES[best])), wall


def _symmetry(body: Map, axis: int) -> float:
    reach = min(axis, _SIDE - axis)
    return _correlation(body[:, axis - reach : axis], body[:, axis : axis + reach][:, ::-1])


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
