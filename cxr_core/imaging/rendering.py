"""Decides how stored values become grey levels: the published MIMIC-CXR recipe, byte for byte.

Takes a StoredImage and gives the 8-bit (or 16-bit) picture and its encoded bytes. Leaves decoding to `decoding`,
redaction, which must come first, to the airlock, and judging the picture to `quality`.
"""

from enum import StrEnum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.imaging.decoding import StoredImage
from cxr_core.imaging.histogram import bit_patterns, count_values, pattern_values
from cxr_core.vocabulary import Photometric

JPEG_QUALITY = 95
"""The paper, section 2: "JPEG files with a quality factor of 95"."""

Picture = NDArray[np.uint8] | NDArray[np.uint16]
"""8-bit grey levels, or 16-bit intensities."""


class RenderProfile(StrEnum):
    """PAPER: the published recipe. NONE: the same without equalisation. PNG16: stored intensities, dark to bright."""

    PAPER = "paper"
    NONE = "none"
    PNG16 = "png16"


def render(
    stored: StoredImage,
    profile: RenderProfile = RenderProfile.PAPER,
    *,
    counts: NDArray[np.int64] | None = None,
) -> NDArray[np.uint8]:
    """Turn stored values into 8-bit grey levels exactly as the published recipe does.

    The recipe (MIT-LCP/mimic-cxr#16; the paper, section 2): subtract the minimum, divide by the maximum, times 255,
    truncate to uint8, bitwise-not for MONOCHROME1, `cv2.equalizeHist`. Here the same operations run once per possible
    value instead of once per pixel: one histogram, one composed table, one look-up. Redaction boxes painted before
    take part in the minimum and the histogram, as in the paper.

    Parameters
    ----------
    stored : StoredImage
        8 or 16 bits, signed or unsigned; values above BitsStored are rendered as the values they are.
    profile : RenderProfile
        PAPER or NONE.
    counts : (256,) or (65536,) int64 array, optional
        `count_values(stored)` where the caller has it already.

    Returns
    -------
    (rows, columns) uint8 array
        0 is dark. A constant image becomes 0, or 255 under MONOCHROME1: it has no contrast to stretch.

    Raises
    ------
    ValueError
        PNG16, which has its own function: it gives 16 bits.
    """
    if profile is RenderProfile.PNG16:
        raise ValueError("render gives 8 bits; png16 is made by render_intensities")
    if counts is None:
        counts = count_values(stored)
    present = np.flatnonzero(counts)
    levels = _recipe_levels(stored, present)
    if profile is RenderProfile.PAPER:
        level_counts = np.bincount(levels, weights=counts[present], minlength=256).astype(np.int64)
        levels = _equalisation_table(level_counts)[levels]
    table = np.zeros(counts.size, np.uint8)
    table[present] = levels
    return _look_up(bit_patterns(stored), table)


def render_intensities(stored: StoredImage) -> NDArray[np.uint16]:
    """Stored intensities as unsigned 16-bit values that grow from dark to bright; nothing is stretched.

    Signed values are shifted up by half their range; MONOCHROME1 is mirrored within the range of BitsStored (or of
    all 16 bits where values exceed it). Asked for by users of 8-bit sets (ieee8023/covid-chestxray-dataset#48).

    Returns
    -------
    (rows, columns) uint16 array
    """
    values = stored.pixels.astype(np.int32)
    if stored.is_signed:
        values += 1 << (stored.bits_stored - 1)
    top = (1 << stored.bits_stored) - 1
    if values.min() < 0 or values.max() > top:
        values, top = stored.pixels.astype(np.int32) + (32768 if stored.is_signed else 0), 65535
    if stored.photometric is Photometric.MONOCHROME1:
        values = top - values
    return values.astype(np.uint16)


def scale_down(picture: Picture, shorter_side_px: int) -> Picture:
    """Scale a rendered picture down until its shorter side is as long as asked; the aspect ratio stays.

    Every pixel of the result is the mean of the area that it covers (`cv2.INTER_AREA`), so that fine lines get paler
    and never alias. Scaled is the finished rendering: equalisation saw every pixel of the full size.

    Parameters
    ----------
    picture : (rows, columns) uint8 or uint16 array
    shorter_side_px : int
        A picture that is not larger comes back unchanged: nothing is ever enlarged.

    Returns
    -------
    (rows, columns) array of the same type
        The longer side is rounded half up.
    """
    rows, columns = picture.shape
    shorter = min(rows, columns)
    if shorter <= shorter_side_px:
        return picture
    size = [int(side * shorter_side_px / shorter + 0.5) for side in (columns, rows)]
    scaled: Picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return scaled


def encode(picture: Picture) -> bytes:
    """Encode 8 bits as `encode_jpeg`, 16 bits as `encode_png16`."""
    if picture.dtype == np.uint16:
        return encode_png16(picture.astype(np.uint16, copy=False))
    return encode_jpeg(picture.astype(np.uint8, copy=False))


def encode_jpeg(gray: NDArray[np.uint8]) -> bytes:
    """Encode as the recipe's `cv2.imwrite` does: baseline JPEG, quality 95, JFIF header and no other metadata.

    Parameters
    ----------
    gray : (rows, columns) uint8 array
        Up to 65,500 pixels a side, the limit of libjpeg.
    """
    is_encoded, data = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return _encoded_bytes(is_encoded, data)


def encode_png16(intensities: NDArray[np.uint16]) -> bytes:
    """Encode 16-bit grey as PNG: header, data and end chunks only."""
    is_encoded, data = cv2.imencode(".png", intensities)
    return _encoded_bytes(is_encoded, data)


def _encoded_bytes(is_encoded: bool, data: NDArray[np.uint8]) -> bytes:
    if not is_encoded:
        raise ValueError("image cannot be encoded")
    return data.tobytes()


def _recipe_levels(stored: StoredImage, present: NDArray[np.intp]) -> NDArray[np.uint8]:
    """The recipe's float operations, in its order, on every bit pattern that occurs.

    The subtraction runs in 64 bits: the recipe's own, in the type of the pixels, would wrap for signed images that
    span more than 32,767.
    """
    values = pattern_values(stored)[present]
    shifted = values - values.min()
    levels = np.zeros(present.size, np.uint8)
    if shifted.max() > 0:
        levels = (shifted / shifted.max() * 255).astype(np.uint8)
    return ~levels if stored.photometric is Photometric.MONOCHROME1 else levels


def _equalisation_table(counts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The table of `cv2.equalizeHist` for a histogram of 256 bins, in its float32 arithmetic.

    The darkest level that occurs maps to 0 and the cumulative rest is stretched to 255, rounded half to even; an
    image of one level stays as it is.
    """
    total, first = int(counts.sum()), int(np.flatnonzero(counts)[0])
    table = np.zeros(256, np.uint8)
    if counts[first] == total:
        table[:] = first
        return table
    scale = np.float32(255.0) / np.float32(total - counts[first])
    cumulative = np.cumsum(counts[first + 1 :]).astype(np.float32)
    table[first + 1 :] = np.clip(np.rint(cumulative * scale), 0, 255).astype(np.uint8)
    return table


def _look_up(patterns: NDArray[Any], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    gray: NDArray[np.uint8] = np.asarray(cv2.LUT(patterns, table), dtype=np.uint8)
    return gray.reshape(patterns.shape)  # cv2 may add or drop an axis of length one
