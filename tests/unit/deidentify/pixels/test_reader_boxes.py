"""What a person drew is black, whatever the cascade thought."""

import numpy as np
import pytest

from cxr_core.deidentify.pixels.model import Box, PixelResult, TextBox
from cxr_core.deidentify.pixels.reader_boxes import black_reader_boxes
from cxr_core.vocabulary import BoxDecision, Photometric, QualityFlag

KEPT = TextBox(12, 12, 18, 18, BoxDecision.KEPT, 0.9, 0.5, "rapidocr", "marker")
GONE = TextBox(0, 0, 10, 10, BoxDecision.REDACTED, 0.9, 0.5, "none", "text")


def result(*boxes: TextBox) -> PixelResult:
    pixels = np.arange(100 * 50, dtype=np.uint16).reshape(100, 50) + 7
    return PixelResult(pixels, boxes, (QualityFlag.TEXTURE,), 0.02)


@pytest.mark.parametrize(("photometric", "black"), [(Photometric.MONOCHROME2, 7), (Photometric.MONOCHROME1, 5006)])
def test_the_rectangle_is_black_and_the_rest_untouched(photometric: Photometric, black: int) -> None:
    before = result()
    after = black_reader_boxes(before, [Box(20, 5, 30, 25)], photometric)
    assert (after.pixels[20:30, 5:25] == black).all()
    outside = np.ones(before.pixels.shape, bool)
    outside[20:30, 5:25] = False
    assert (after.pixels[outside] == before.pixels[outside]).all()
    assert after.area_share == 200 / 5000
    assert [(row.rule, row.engine, row.decision) for row in after.boxes] == [("reader", "person", BoxDecision.REDACTED)]


def test_a_marker_below_the_rectangle_is_kept_no_longer() -> None:
    after = black_reader_boxes(result(GONE, KEPT), [Box(10, 10, 20, 20)], Photometric.MONOCHROME2)
    assert [(row.top_px, row.rule) for row in after.boxes] == [(0, "text"), (10, "reader")]
    assert after.area_share == 200 / 5000


def test_what_lies_outside_the_image_is_cut_off() -> None:
    before = result()
    assert black_reader_boxes(before, [Box(200, 0, 210, 10), Box(5, 60, 9, 70)], Photometric.MONOCHROME2) is before
    after = black_reader_boxes(before, [Box(90, 40, 300, 300)], Photometric.MONOCHROME2)
    assert [(row.bottom_px, row.right_px) for row in after.boxes] == [(100, 50)]


def test_a_large_rectangle_is_flagged() -> None:
    after = black_reader_boxes(result(), [Box(0, 0, 50, 50)], Photometric.MONOCHROME2)
    assert after.flags == (QualityFlag.TEXTURE, QualityFlag.LARGE_MASK)
