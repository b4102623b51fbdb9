"""Decides what an operator sees of a redaction: the image before and after, with its boxes.

Takes stored pixels before and after and the rows of the boxes, gives a picture as JPEG bytes.
The picture shows what was removed: it belongs into the vault, and where it is written is left to the caller.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import PixelResult
from cxr_core.vocabulary import BoxDecision, Photometric

_SIDE_PX = 1100  # of each of the two panels, at most
_RED, _GREEN, _WHITE = (60, 60, 255), (90, 220, 90), (255, 255, 255)
_LINE_PX = 22
_QUALITY = 85


def draw_sheet(stored: NDArray[np.integer], result: PixelResult, photometric: Photometric) -> bytes:
    """Before and after, side by side: removed boxes red, kept ones green, each with its rule and probability.

    Parameters
    ----------
    stored : (rows, columns) integer array
        The image before redaction.
    result : PixelResult
    photometric : Photometric

    Returns
    -------
    bytes
        A colour JPEG without metadata.
    """
    scale = min(1.0, _SIDE_PX / max(stored.shape))
    low, high = (float(value) for value in np.percentile(stored[::4, ::4], (0.1, 99.9)))
    before, after = (_panel(pixels, photometric, (low, high), scale) for pixels in (stored, result.pixels))
    for box in result.boxes:
        colour = _RED if box.decision is BoxDecision.REDACTED else _GREEN
        top, left, bottom, right = (
            round(side * scale) for side in (box.top_px, box.left_px, box.bottom_px, box.right_px)
        )
        for panel in (before, after):
            cv2.rectangle(panel, (left - 2, top - 2), (right + 1, bottom + 1), colour, 1)
        label = f"{box.rule} {box.probability:.2f}"
        cv2.putText(after, label, (left, max(10, top - 5)), cv2.FONT_HERSHEY_SIMPLEX, 0.38, colour, 1, cv2.LINE_AA)
    sheet = np.hstack([before, np.full((before.shape[0], 4, 3), 255, np.uint8), after])
    return cv2.imencode(".jpg", _captioned(sheet, result), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()


def _panel(
    pixels: NDArray[np.integer], photometric: Photometric, window: tuple[float, float], scale: float
) -> NDArray[Any]:
    low, high = window
    grey = np.clip((pixels.astype(np.float32) - low) * (255 / max(high - low, 1.0)), 0, 255).astype(np.uint8)
    if photometric is Photometric.MONOCHROME1:
        grey = 255 - grey
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR))


def _captioned(sheet: NDArray[Any], result: PixelResult) -> NDArray[Any]:
    gone = sum(box.decision is BoxDecision.REDACTED for box in result.boxes)
    flags = ", ".join(flag.value for flag in result.flags) or "none"
    words = f"removed {gone}, kept {len(result.boxes) - gone}, area {result.area_share:.2%}, flags: {flags}"
    strip = np.zeros((_LINE_PX, sheet.shape[1], 3), np.uint8)
    cv2.putText(strip, words, (6, _LINE_PX - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _WHITE, 1, cv2.LINE_AA)
    return np.vstack([strip, sheet])
