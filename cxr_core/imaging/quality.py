"""Decides what a person should know of an image before trusting it: the paper's Figure 1 as facts and flags.

Takes the stored values and the rendered picture and gives measured facts with the flags they raise. Leaves every
consequence to people and to the release: no flag drops an image, and nothing is ever flipped or repaired here.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.imaging.decoding import StoredImage
from cxr_core.imaging.histogram import count_values, pattern_values
from cxr_core.imaging.thumbnails import rank_levels, shrink
from cxr_core.vocabulary import QualityFlag

MIN_CONTRAST_SPREAD = 0.15
"""Of 91 radiographs the flattest spreads over 0.28; below half of that little more than a silhouette is left."""
MIN_GREY_LEVELS = 32
"""Fewer than five bits of grey cannot show a lung; a constant image has one level."""
MAX_POLARITY_SCORE = -1.0
"""Of 91 radiographs 89 score above +1.5 and none under -0.4; negatives score the opposite."""
MIN_BORDER_SHARE = 0.05
"""A twentieth of the area is more than film edges and image masks of a few rows."""
MAX_ASPECT = 2.0
"""Chest detectors are at most 43 x 35 cm (1.23); cropped images reach 1.6."""

_SIDE = 64  # polarity looks at anatomy that is tens of millimetres large
_HASH_SIDE, _COARSE_SIDE = 16, 8  # cosine frequencies along each side
_IS_FINE = np.add.outer(np.arange(_HASH_SIDE) >= _COARSE_SIDE, np.arange(_HASH_SIDE) >= _COARSE_SIDE)
_BORDER_SIDE = 128  # lines looked at along each side
_FLAT_RANGE, _EXTREME = 0.02, 0.05  # of the range from the darkest to the brightest pixel
_EDGE_LINES = 2  # a blurred edge is over after so many lines


@dataclass(frozen=True, slots=True)
class QualityFacts:
    """Measured facts of one image.

    Parameters
    ----------
    flags : tuple of QualityFlag
        In the order of the enumeration.
    perceptual_hash : int
        Unsigned, 256 bits; see `perceptual_hash`. Pictures exported twice differ in few bits (`duplicates`).
    contrast_spread : float
        1st to 99th percentile over minimum to maximum of the stored values, 0 to 1.
    grey_levels : int
        Distinct stored values.
    polarity_score : float
        -6 to 6; negative where the picture looks like a negative.
    border_share : float
        Share of the area in flat black or white rows and columns along the sides.
    aspect : float
        Longer side over shorter side.
    turn_degrees : int
        How far the picture was turned anticlockwise from upright: 0, 90, 180 or 270; 0 where nobody looked.
    """

    flags: tuple[QualityFlag, ...]
    perceptual_hash: int
    contrast_spread: float
    grey_levels: int
    polarity_score: float
    border_share: float
    aspect: float
    turn_degrees: int = 0


def assess(
    stored: StoredImage, gray: NDArray[np.uint8], *, counts: NDArray[np.int64] | None = None, turn_degrees: int = 0
) -> QualityFacts:
    """Measure one image and raise the flags of the paper's Figure 1 that header, histogram and picture can tell.

    - LOW_CONTRAST: `contrast_spread` under 0.15 or fewer than 32 grey levels: blank, fogged, or crushed by one
      outlying value, which the recipe's minimum and maximum follow.
    - POLARITY_SUSPECT: `polarity_score` under -1: abdomen darker than the air beside the neck, lungs brighter
      than spine and abdomen; PhotometricInterpretation can lie. Measured on the picture set upright.
    - ORIENTATION_SUSPECT: the frontal image is upside down or lies on its side: `turn_degrees` is not 0. Set upright,
      its likeness to a mean frontal radiograph is 0.55 or more and at least 0.1 above that as it is (`appearance`).
      Of 84 real radiographs none is flagged upright, all but one when turned by 90, 180 or 270 degrees.
    - COLLIMATION_BORDER: flat black or white rows and columns along the sides cover 5 % or more (shutters
      are drawn black, unexposed film is white). Slanted ones escape it.
    - STRIP: one side is twice the other or more, as no chest detector is.
    - SUSPECT_STREAM: the decoder saw signs of damage.

    Parameters
    ----------
    stored : StoredImage
        The decoded image.
    gray : (rows, columns) uint8 array
        Its rendering, in any 8-bit profile: polarity depends on the order of grey levels only.
    counts : (256,) or (65536,) int64 array, optional
        `count_values(stored)` where the caller has it already.
    turn_degrees : int
        `judge_appearance(gray).reading.turn_degrees` where the view is frontal: other views are not judged.
    """
    spread, levels = _contrast(stored, count_values(stored) if counts is None else counts)
    small = shrink(gray, _SIDE)
    score = _polarity_score(shrink(np.rot90(gray, -turn_degrees // 90), _SIDE) if turn_degrees else small)
    border = _border_share(stored)
    aspect = max(gray.shape) / min(gray.shape)
    raised = {
        QualityFlag.LOW_CONTRAST: spread < MIN_CONTRAST_SPREAD or levels < MIN_GREY_LEVELS,
        QualityFlag.POLARITY_SUSPECT: score < MAX_POLARITY_SCORE,
        QualityFlag.ORIENTATION_SUSPECT: turn_degrees != 0,
        QualityFlag.COLLIMATION_BORDER: border >= MIN_BORDER_SHARE,
        QualityFlag.STRIP: aspect >= MAX_ASPECT,
        QualityFlag.SUSPECT_STREAM: stored.suspect,
    }
    return QualityFacts(
        flags=tuple(flag for flag in QualityFlag if raised.get(flag, False)),
        perceptual_hash=_hash_thumbnail(small),
        contrast_spread=round(spread, 4),
        grey_levels=levels,
        polarity_score=round(score, 4),
        border_share=round(border, 4),
        aspect=round(aspect, 4),
        turn_degrees=turn_degrees,
    )


def perceptual_hash(gray: NDArray[np.uint8]) -> int:
    """Hash an image by the signs of its lowest 16 x 16 cosine frequencies against their median.

    The lowest 8 x 8 come first and have a median of their own: these 64 bits alone tell unlike images apart, the
    other 192 tell one chest from another.

    Returns
    -------
    int
        256 unsigned bits, row by row from the lowest frequency. Scaling, light noise and recompression change few.
    """
    return _hash_thumbnail(shrink(gray, _SIDE))


def _hash_thumbnail(small: NDArray[np.uint8]) -> int:
    frequencies = cv2.dct(small.astype(np.float32))[:_HASH_SIDE, :_HASH_SIDE]
    low = frequencies[:_COARSE_SIDE, :_COARSE_SIDE].ravel()
    high = frequencies[_IS_FINE]
    # without the mean brightness, which says nothing of the content
    bits = np.concatenate((low > np.median(low[1:]), high > np.median(high)))
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _contrast(stored: StoredImage, counts: NDArray[np.int64]) -> tuple[float, int]:
    """Spread and number of the stored values, as `QualityFacts` defines them."""
    is_present = counts > 0
    values, weights = pattern_values(stored)[is_present], counts[is_present]
    order = values.argsort()
    values, cumulative = values[order], np.cumsum(weights[order])
    full = int(values[-1] - values[0])
    if full == 0:
        return 0.0, 1
    low, high = values[np.searchsorted(cumulative, [0.01 * cumulative[-1], 0.99 * cumulative[-1]])]
    return float(high - low) / full, int(values.size)


def _polarity_score(small: NDArray[np.uint8]) -> float:
    """Sum three contrasts of anatomy on ranks, so that brightness curves cancel and a negative negates the score.

    Abdomen against the air over both shoulders; abdomen against both lung fields; spine and mediastinum against both
    lung fields. Laterals keep the first two.
    """
    ranks = rank_levels(small) * 2 - 1
    air = (ranks[:10, :8].mean() + ranks[:10, -8:].mean()) / 2
    lungs = (ranks[16:38, 12:24].mean() + ranks[16:38, 40:52].mean()) / 2
    abdomen, spine = ranks[54:, 16:48].mean(), ranks[20:42, 28:36].mean()
    return float((abdomen - air) + (abdomen - lungs) + (spine - lungs))


def _border_share(stored: StoredImage) -> float:
    """Share of the area in flat rows and columns of an extreme level, counted inwards from each side."""
    step = [max(side // _BORDER_SIDE, 1) for side in stored.pixels.shape]
    sample = stored.pixels[:: step[0], :: step[1]].astype(np.float32)
    low, high = float(sample.min()), float(sample.max())
    if low == high:
        return 0.0
    sample = (sample - low) / (high - low)
    rows, columns = (1.0 - _border_depth(lines) / len(lines) for lines in (sample, sample.T))
    return float(1.0 - max(rows, 0.0) * max(columns, 0.0))


def _border_depth(lines: NDArray[np.float32]) -> int:
    """Flat lines on both sides, where the image behind them starts at once along most of the line.

    A shutter ends in a straight edge; air beside the patient ends in a curve. A fiftieth of a border line may be
    marker or text.
    """
    bottom, top = np.quantile(lines, [0.02, 0.98], axis=1)
    is_flat = (top - bottom <= _FLAT_RANGE) & ((top <= _EXTREME) | (bottom >= 1 - _EXTREME))
    if is_flat.all():
        return 0
    depths = int(np.argmin(is_flat)), int(np.argmin(is_flat[::-1]))
    total = 0
    for depth, inwards, level in zip(depths, (lines, lines[::-1]), (top[0], top[-1]), strict=True):
        behind = inwards[min(depth + _EDGE_LINES, len(lines) - 1)]
        differs = behind > _EXTREME if level <= _EXTREME else behind < 1 - _EXTREME
        total += depth if np.mean(differs) >= 0.5 else 0
    return total
