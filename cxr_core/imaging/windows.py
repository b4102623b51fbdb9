"""Decides how stored values are shown so that text which the 8-bit picture hides comes out: three windows of one image.

Takes a StoredImage and gives 8-bit pictures of its size: the darks and the brights stretched, and contrasts of a few
stored values anywhere. Leaves encoding them to `rendering`, and who looks at them to the review.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.imaging.decoding import StoredImage
from cxr_core.imaging.rendering import render_intensities
from cxr_core.vocabulary import ReviewWindow

# So few pixels below the darks and above the brights are dead pixels, or the text itself: it is clipped, not lost.
_TAIL = 0.001
_GROUND_SHARE = 1 / 200  # of the longer side: wider than a stroke of small type, narrower than its line
_LEAST_GROUND_PX = 4
_REACH = 4.0  # standard deviations of the surroundings from grey to white
_LEAST_STEP = 1.0  # stored values: on ground without noise a step of one is seen, rounding is not


@dataclass(frozen=True, slots=True)
class WindowScale:
    """What the windows of one image are measured by, so that a part of it is shown as the whole would be.

    Parameters
    ----------
    low, middle, high : float
        Intensities: where darks begin, the median, where brights end.
    ground_px : float
        Standard deviation of the surroundings that a pixel is compared with.
    """

    low: float
    middle: float
    high: float
    ground_px: float


def window_scale(intensities: NDArray[np.uint16]) -> WindowScale:
    """Measure an image for its windows.

    Parameters
    ----------
    intensities : (rows, columns) uint16 array
        From `render_intensities`: dark to bright.
    """
    cumulative = np.cumsum(np.bincount(intensities.ravel(), minlength=1))
    low, middle, high = np.searchsorted(cumulative, cumulative[-1] * np.array([_TAIL, 0.5, 1 - _TAIL]))
    ground = max(_LEAST_GROUND_PX, _GROUND_SHARE * max(intensities.shape))
    return WindowScale(float(low), float(middle), float(high), ground)


def show_window(
    intensities: NDArray[np.uint16], window: ReviewWindow, scale: WindowScale | None = None
) -> NDArray[np.uint8]:
    """One window of an image, or of a part of it.

    DARKS grows with the logarithm of the distance from the darkest values, up to the median or an eighth of the range,
    whichever is more; BRIGHTS is its mirror. One stored value above a black ground is then a step of 20 grey levels
    and more, which the linear recipe truncates to none. FINE divides each pixel's distance from its surroundings by
    their own spread, so that a step of one stored value is seen on even ground at any level, and a faint one as far as
    noise allows.

    Parameters
    ----------
    intensities : (rows, columns) uint16 array
        Dark to bright.
    scale : WindowScale, optional
        Of the whole image; of `intensities` by default.

    Returns
    -------
    (rows, columns) uint8 array
    """
    scale = scale or window_scale(intensities)
    if window is ReviewWindow.FINE:
        return _fine(intensities, scale)
    reach = max((scale.high - scale.low) / 8, 1.0)
    values = np.arange(int(intensities.max()) + 1, dtype=np.float64)
    if window is ReviewWindow.DARKS:
        table = _stretched(values - scale.low, max(scale.middle - scale.low, reach))
    else:
        table = 255 - _stretched(scale.high - values, max(scale.high - scale.middle, reach))
    shown: NDArray[np.uint8] = np.rint(table).astype(np.uint8)[intensities]
    return shown


def show_windows(stored: StoredImage) -> dict[ReviewWindow, NDArray[np.uint8]]:
    """All windows of a decoded image, each (rows, columns) uint8, 0 is dark."""
    intensities = render_intensities(stored)
    scale = window_scale(intensities)
    return {window: show_window(intensities, window, scale) for window in ReviewWindow}


def _stretched(distance: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    levels: NDArray[np.float64] = 255 * np.log1p(np.clip(distance, 0, reach)) / np.log1p(reach)
    return levels


def _smooth(values: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Near a Gaussian, by two running means, whose cost does not grow with the width."""
    side = 2 * round(sigma_px * np.sqrt(1.5)) + 1  # two means of that width spread as the Gaussian does
    once = cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT_101)
    twice: NDArray[np.float32] = cv2.blur(once, (side, side), borderType=cv2.BORDER_REFLECT_101)  # type: ignore[assignment]
    return twice


def _fine(intensities: NDArray[np.uint16], scale: WindowScale) -> NDArray[np.uint8]:
    # From the middle, so that squares of 16-bit values keep their last digits in 32-bit floats.
    values = intensities.astype(np.float32) - np.float32(scale.middle)
    apart = values - _smooth(values, scale.ground_px)
    spread = np.sqrt(np.maximum(_smooth(apart * apart, 2 * scale.ground_px), 0)) + np.float32(_LEAST_STEP / _REACH)
    shown: NDArray[np.uint8] = np.clip(128 + 127 / _REACH * apart / spread, 0, 255).astype(np.uint8)
    return shown
