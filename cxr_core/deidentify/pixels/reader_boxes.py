"""Blacks what human readers drew: their word is final, whatever the cascade thought of the place.

Takes the result of the cascade and rectangles in pixels of the same image, gives a result with them black and a row
for each. Where readers saw something is told by the review, under pseudonyms.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box, PixelResult, TextBox
from cxr_core.deidentify.pixels.redaction import area_share, black_out, fill_value, mask_flags
from cxr_core.vocabulary import BoxDecision, Photometric

RULE, ENGINE = "reader", "person"


def black_reader_boxes(result: PixelResult, boxes: Sequence[Box], photometric: Photometric) -> PixelResult:
    """Black out the rectangles too.

    Parameters
    ----------
    boxes : sequence of Box
        In the pixels of the image; what lies outside it is cut off, and a rectangle of no pixel is none.

    Returns
    -------
    PixelResult
        The same object where there is nothing to black; rows of what lies wholly below a rectangle are replaced by
        the rectangle's.
    """
    inside = [box for box in (one.grown(0, result.pixels.shape) for one in boxes) if box.height > 0 and box.width > 0]
    if not inside:
        return result
    pixels, _ = black_out(result.pixels, inside, fill_value(result.pixels, photometric))
    rows = [row for row in result.boxes if not any(_covers(box, row) for box in inside)]
    rows += [_row(box) for box in dict.fromkeys(inside)]
    mask = _mask(result.pixels.shape, rows)
    flags = [flag for flag in result.flags if flag not in mask_flags(mask)] + mask_flags(mask)
    ordered = sorted(rows, key=lambda row: (row.top_px, row.left_px))
    return replace(result, pixels=pixels, boxes=tuple(ordered), flags=tuple(flags), area_share=area_share(mask))


def _covers(box: Box, row: TextBox) -> bool:
    return (
        box.top <= row.top_px and box.left <= row.left_px and box.bottom >= row.bottom_px and box.right >= row.right_px
    )


def _row(box: Box) -> TextBox:
    return TextBox(box.top, box.left, box.bottom, box.right, BoxDecision.REDACTED, 1.0, 0.0, ENGINE, RULE)


def _mask(shape: tuple[int, ...], rows: Sequence[TextBox]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, np.bool_)
    for row in rows:
        if row.decision is BoxDecision.REDACTED:
            mask[row.top_px : row.bottom_px, row.left_px : row.right_px] = True
    return mask
