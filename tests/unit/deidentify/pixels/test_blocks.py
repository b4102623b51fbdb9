"""Faint lines beside a removed one."""

import numpy as np
import pytest

from cxr_core.deidentify.pixels.blocks import faint_lines
from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.network import Maps

SHAPE = (400, 800)
REMOVED = Line(Box(100, 200, 120, 360), False, 20.0, 12, 0.9)
_FAINT = 70  # of 255


def maps_with(core: Box) -> list[Maps]:
    """What the network says at full size: faintly text in one place."""
    text = np.zeros((SHAPE[0] // 4, SHAPE[1] // 4), np.uint8)
    text[core.in_steps(4).window] = _FAINT
    empty = np.zeros_like(text)
    return [Maps(1, text, empty, empty)]


@pytest.mark.parametrize(
    ("core", "goes"),
    [
        (Box(132, 200, 144, 320), True),  # the line below
        (Box(76, 240, 88, 360), True),  # the line above
        (Box(104, 376, 116, 460), True),  # it goes on
        (Box(200, 200, 212, 320), False),  # far below
        (Box(128, 200, 160, 480), False),  # twice its size
        (Box(128, 240, 240, 252), False),  # it runs across
        (Box(132, 200, 144, 212), False),  # a speck
    ],
)
def test_a_faint_line_of_the_block_of_a_removed_one_goes(core: Box, goes: bool) -> None:
    found = faint_lines(maps_with(core), [REMOVED], [], SHAPE)
    assert [line.box.intersection(core) == core.area for line in found] == ([True] if goes else [])


def test_a_faint_line_that_touches_a_kept_marker_stays() -> None:
    core = Box(132, 200, 144, 320)
    assert faint_lines(maps_with(core), [REMOVED], [Box(130, 300, 150, 400)], SHAPE) == []


def test_a_faint_line_by_itself_stays() -> None:
    assert faint_lines(maps_with(Box(132, 200, 144, 320)), [], [], SHAPE) == []
