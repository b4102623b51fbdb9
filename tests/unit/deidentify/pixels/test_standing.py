"""A marker amid other text stays where bare ground tells that it stands by itself."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box, Line, extent
from cxr_core.deidentify.pixels.proposals import prepare_search
from cxr_core.deidentify.pixels.standing import (
    is_place_of_several,
    lies_on_bare_ground,
    rim_px,
    stands_by_itself,
)
from cxr_core.vocabulary import Photometric

Draw = Callable[..., NDArray[np.uint16]]
Burn = Callable[..., NDArray[np.bool_]]


def line_of(ink: NDArray[np.bool_], *, glyphs: int = 6, is_vertical: bool = False) -> Line:
    box = extent(ink)
    across = float(min(box.height, box.width))
    return Line(box, is_vertical, across, glyphs, 0.9, 1.0, (ink[box.window],), (box,))


def stands(image: NDArray[np.uint16], line: Line, *known: Box, is_whole_word: bool = True) -> bool:
    search = prepare_search(image, Photometric.MONOCHROME2)
    return stands_by_itself(search, line, known, is_whole_word=is_whole_word)


@pytest.mark.parametrize("turn", [0, 1])
def test_a_word_between_two_lines_of_a_block_stands_by_itself(noise_image: Draw, burn: Burn, turn: int) -> None:
    image = noise_image()
    marker = burn(image, "SUPINE", (200, 200), turn=turn)
    for offset in (-36, 36):
        burn(image, "Ross, Ruth", (200, 200 + offset) if turn else (200 + offset, 200), turn=turn)
    assert stands(image, line_of(marker, is_vertical=turn == 1))


@pytest.mark.parametrize(
    ("text", "gap_px", "is_whole_word", "alone"),
    [
        ("Ross", 24, True, True),  # a space divides a long word from what follows
        ("Ross", 24, False, False),  # "RT: M. Quill"
        ("Ross", 2, True, False),
        ("R", 20, False, False),
        ("Ross", 90, False, True),
    ],
)
def test_a_word_that_goes_on_does_not_stand_by_itself(
    noise_image: Draw, burn: Burn, text: str, gap_px: int, *, is_whole_word: bool, alone: bool
) -> None:
    image = noise_image()
    marker = burn(image, "SUPINE", (200, 100))
    burn(image, text, (200, extent(marker).right + gap_px))
    assert stands(image, line_of(marker), is_whole_word=is_whole_word) is alone


def test_a_name_of_another_tone_beside_a_word_is_seen(noise_image: Draw, burn: Burn) -> None:
    image = noise_image()
    marker = burn(image, "PORT", (200, 100))
    burn(image, "Ross", (200, extent(marker).right + 16), value=20)
    assert not stands(image, line_of(marker, glyphs=4), is_whole_word=False)


@pytest.mark.parametrize(("gap_px", "alone"), [(12, False), (60, True)])
def test_a_letter_below_a_name_does_not_stand_by_itself(
    noise_image: Draw, burn: Burn, gap_px: int, *, alone: bool
) -> None:
    image = noise_image()
    name = burn(image, "Ross, Ruth", (200, 100))
    letter = burn(image, "R", (extent(name).bottom + gap_px, 100))
    assert stands(image, line_of(letter, glyphs=1), is_whole_word=False) is alone


def test_another_marker_may_stand_beside_a_marker(noise_image: Draw, burn: Burn) -> None:
    image = noise_image()
    marker = burn(image, "PORT", (200, 100))
    other = extent(burn(image, "AP", (200, extent(marker).right + 16)))
    assert stands(image, line_of(marker, glyphs=4), other, is_whole_word=False)
    assert not stands(image, line_of(marker, glyphs=4), is_whole_word=False)


def test_ink_that_was_not_read_lies_on_the_ground_of_a_word(noise_image: Draw, burn: Burn) -> None:
    image = noise_image()
    marker = burn(image, "SUPINE", (200, 100))
    search = prepare_search(image, Photometric.MONOCHROME2)
    assert lies_on_bare_ground(search, line_of(marker))
    half = marker.copy()
    half[:, 130:160] = False
    assert not lies_on_bare_ground(search, line_of(half))


def test_a_place_of_several_lines_is_much_higher_than_the_line_in_it() -> None:
    line = Line(Box(100, 100, 120, 200), False, 20.0, 6, 0.9)
    block = Line(Box(80, 90, 160, 400), False, 80.0, 6, 0.9)
    assert is_place_of_several(block, line)
    assert not is_place_of_several(line, block)
    assert not is_place_of_several(Line(Box(300, 90, 380, 400), False, 80.0, 6, 0.9), line)


def test_close_to_a_letter_nothing_is_kept_for_its_outline() -> None:
    box = Box(100, 100, 160, 150)
    assert [rim_px(Line(box, False, 60.0, glyphs, 0.9)) for glyphs in (1, 2, 6)] == [2, 2, 4]
