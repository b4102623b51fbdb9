"""How far the network is believed of what is higher than type is."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.bench import Bench
from cxr_core.deidentify.pixels.judgement import judge
from cxr_core.deidentify.pixels.lines import measure_lines
from cxr_core.deidentify.pixels.marks import Mark
from cxr_core.deidentify.pixels.model import Box, Line, TextReader, extent
from cxr_core.deidentify.pixels.proposals import prepare_search
from cxr_core.deidentify.pixels.reading import Desk, Memo
from cxr_core.deidentify.pixels.wording import Identifiers
from cxr_core.policy.markers import load_marker_policy
from cxr_core.vocabulary import Photometric

Draw = Callable[..., NDArray[np.uint16]]
Burn = Callable[..., NDArray[np.bool_]]


def line_of(image: NDArray[np.uint16], ink: NDArray[np.bool_], probability: float) -> Line:
    """What the middle of a line of type, marked with a probability, is measured to be."""
    box = extent(ink)
    rim = round(0.19 * box.height)
    core = Box(box.top + rim, box.left, box.bottom - rim, box.right)
    (line,) = measure_lines(prepare_search(image, Photometric.MONOCHROME2), [Mark(core, 4, probability, False)])
    return line


@pytest.mark.parametrize(
    ("size", "probability", "believed"),
    [(60, 0.55, 0.55), (110, 0.55, 0.55), (150, 0.55, 0.49), (150, 0.65, 0.65), (260, 0.65, 0.49), (260, 0.8, 0.8)],
)
def test_the_higher_a_line_is_the_surer_it_must_be(
    noise_image: Draw, burn: Burn, size: int, probability: float, believed: float
) -> None:
    image = noise_image(900, 900)
    ink = burn(image, "Ruth", (300, 60), size=size)
    assert line_of(image, ink, probability).probability == pytest.approx(believed)


@pytest.mark.parametrize(
    ("size", "text", "probability", "believed"),
    [
        (60, "Hospital of the Bay", 0.6, 0.49),
        (60, "Hospital of the Bay", 0.7, 0.7),
        (60, "Ruth Ross", 0.6, 0.6),
        (14, "Hospital of the Bay, Radiology, Bay Street 12, 12345 Bay", 0.6, 0.6),
    ],
)
def test_large_type_along_much_of_an_image_must_be_likely(
    noise_image: Draw, burn: Burn, size: int, text: str, probability: float, believed: float
) -> None:
    image = noise_image(900, 900)
    ink = burn(image, text, (300, 30), size=size)
    assert line_of(image, ink, probability).probability == pytest.approx(believed)


def test_a_name_higher_than_type_goes_because_it_is_read(noise_image: Draw, burn: Burn, rapidocr: TextReader) -> None:
    image = noise_image(900, 900)
    line = line_of(image, burn(image, "Ruth", (300, 60), size=260), 0.5)
    bench = Bench(Desk((rapidocr,), Memo()), load_marker_policy(), Identifiers.of(()))
    assert [verdict.is_kept for verdict in judge([line], bench)[0]] == [False]
