"""Rulers that were taken for lines, and lines that are none."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.proposals import prepare_search
from cxr_core.deidentify.pixels.rulers import without_rulers
from cxr_core.deidentify.pixels.verdict import Rule, Verdict
from cxr_core.vocabulary import BoxDecision, Photometric

Draw = Callable[..., NDArray[np.uint16]]
Burn = Callable[..., NDArray[np.bool_]]
RULER = Box(40, 195, 440, 230)


def with_ruler(image: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Ticks, each fifth a longer one."""
    for index, top in enumerate(range(40, 440, 16)):
        image[top : top + 4, 200 : 226 if index % 5 == 0 else 214] = 3300
    return image


def left_over(image: NDArray[np.uint16], *verdicts: Verdict) -> list[Box]:
    search = prepare_search(image, Photometric.MONOCHROME2)
    return [v.line.box for v in without_rulers(search, verdicts)]


def gone(box: Box, probability: float = 0.48, rule: Rule = Rule.ADJOINS) -> Verdict:
    is_vertical = box.height > box.width
    line = Line(box, is_vertical, float(min(box.height, box.width)), 5, probability)
    return Verdict(line, BoxDecision.REDACTED, rule)


@pytest.mark.parametrize("rule", [Rule.ADJOINS, Rule.TEXT, Rule.READ])
def test_a_ruler_stays_with_all_of_its_pieces(noise_image: Draw, rule: Rule) -> None:
    assert left_over(with_ruler(noise_image()), gone(RULER, rule=rule), gone(Box(120, 196, 180, 228))) == []


def test_what_lies_beside_it_goes(noise_image: Draw) -> None:
    beside = Box(120, 300, 140, 380)
    assert left_over(with_ruler(noise_image()), gone(RULER), gone(beside)) == [beside]


@pytest.mark.parametrize("is_legible", [True, False])
def test_what_was_read_upon_a_ruler_goes_but_the_ruler_does_not_whatever_its_ticks_were_read_as(
    noise_image: Draw, *, is_legible: bool
) -> None:
    date, ruler = Box(120, 196, 180, 228), gone(RULER, rule=Rule.READ)
    verdicts = [replace(one, is_legible=is_legible) for one in (ruler, gone(date, rule=Rule.READ))]
    assert left_over(with_ruler(noise_image()), *verdicts) == [date] * is_legible


@pytest.mark.parametrize(("probability", "rule"), [(0.7, Rule.TEXT), (0.48, Rule.IDENTIFIER), (0.48, Rule.LONG)])
def test_what_looks_like_text_or_says_something_goes(noise_image: Draw, probability: float, rule: Rule) -> None:
    assert left_over(with_ruler(noise_image()), gone(RULER, probability, rule)) == [RULER]


@pytest.mark.parametrize("text", ["Ross, Ruth 1931-06-14", "1120 4471 1120 4471", "NGUYEN MINH MINH NGUYEN"])
def test_a_line_goes_however_little_it_looks_like_one(noise_image: Draw, burn: Burn, text: str) -> None:
    image = noise_image()
    mask = burn(image, text, (200, 60), size=28)
    columns = np.flatnonzero(mask.any(axis=0))
    box = Box(196, int(columns[0]), 230, int(columns[-1]) + 1)
    assert left_over(image, gone(box)) == [box]
