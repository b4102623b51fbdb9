"""Which rectangles are blacked."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.redaction import boxes_to_redact
from cxr_core.deidentify.pixels.verdict import Rule, Verdict
from cxr_core.vocabulary import BoxDecision

SHAPE = 400, 400


def verdict(box: Box, text: str = "", *, glyphs: int = 6) -> Verdict:
    line = Line(box, False, float(min(box.height, box.width)), glyphs, 0.9)
    if text:
        return Verdict(line, BoxDecision.KEPT, Rule.MARKER, texts=(text, text))
    return Verdict(line, BoxDecision.REDACTED, Rule.TEXT)


def mask(verdicts: list[Verdict]) -> np.ndarray:
    out = np.zeros(SHAPE, np.bool_)
    for box, _ in boxes_to_redact(verdicts, SHAPE):
        out[box.window] = True
    return out


def test_a_removed_line_does_not_grow_over_a_kept_marker() -> None:
    name, marker = Box(100, 100, 140, 300), Box(146, 120, 170, 150)
    black = mask([verdict(name), verdict(marker, "L", glyphs=1)])
    assert black[name.window].all()
    assert not black[marker.window].any()
    assert black[142, 200]  # beside the marker the margin is what it was


@pytest.mark.parametrize("text", ["LATERAL", "L"])
def test_a_removed_block_goes_whole_whatever_is_read_within_it(text: str) -> None:
    block, inside = Box(100, 100, 200, 300), Box(150, 120, 170, 220)
    assert mask([verdict(block), verdict(inside, text, glyphs=len(text))])[block.window].all()


def test_a_removed_line_goes_whole_where_the_ink_of_a_kept_word_reaches_into_it() -> None:
    age, word = Box(100, 100, 140, 200), Box(132, 60, 180, 300)
    black = mask([verdict(age, glyphs=3), verdict(word, "EXPIRATION")])
    assert black[Box(90, 84, 150, 216).window].all()
    assert not black[Box(151, 60, 180, 300).window].any()


def test_what_joins_two_removed_pieces_of_a_line_spares_the_letter_that_was_cut_out() -> None:
    place, speck, letter = Box(100, 100, 130, 200), Box(104, 220, 126, 240), Box(102, 170, 128, 195)
    cut_out = replace(verdict(letter, "L", glyphs=1), is_cut_out=True)
    black = mask([verdict(place), verdict(speck), cut_out])
    assert not black[letter.window].any()
    assert black[Box(104, 200, 126, 220).window].all()


sides = st.tuples(*[st.integers(0, 30)] * 4)


@given(sides, sides)
def test_a_rectangle_without_another_is_what_lies_outside_it(one: tuple[int, ...], two: tuple[int, ...]) -> None:
    first, second = (Box(a, b, a + c + 1, b + d + 1) for a, b, c, d in (one, two))
    expected, seen = np.zeros((64, 64), int), np.zeros((64, 64), int)
    expected[first.window] = 1
    expected[second.window] = 0
    for part in first.without(second):
        seen[part.window] += 1
    assert (seen == expected).all()


def removed(box: Box) -> Verdict:
    return Verdict(Line(box, False, float(box.height), 8, 0.9), BoxDecision.REDACTED, Rule.TEXT)


def test_several_lines_seen_as_one_are_grown_by_what_each_of_them_needs() -> None:
    block, lines = Box(100, 100, 200, 300), [Box(105, 105, 125, 290), Box(140, 105, 160, 290)]
    black = mask([removed(block), *map(removed, lines)])
    assert black[Box(95, 92, 205, 308).window].all()
    assert not black[:95].any()
    assert not black[:, 308:].any()


def test_specks_within_a_large_line_take_nothing_from_its_margin() -> None:
    large, specks = Box(100, 100, 200, 300), [Box(105, 105, 125, 125), Box(140, 205, 160, 225)]
    black = mask([removed(large), *map(removed, specks)])
    assert black[Box(75, 60, 225, 340).window].all()


def test_a_large_place_is_not_joined_with_the_small_type_beside_it() -> None:
    place, small = Box(100, 20, 300, 160), Box(190, 300, 210, 380)
    assert not mask([removed(place), removed(small)])[Box(100, 240, 300, 280).window].any()


@pytest.mark.parametrize("height", [20, 36])
def test_two_pieces_of_a_line_are_joined(height: int) -> None:
    first, second = Box(100, 20, 140, 100), Box(120 - height // 2, 132, 120 + height // 2, 300)
    assert mask([removed(first), removed(second)])[Box(102, 100, 138, 132).window].all()


def test_a_removed_line_that_only_touches_a_marker_does_not_grow_over_it() -> None:
    place, marker = Box(100, 100, 160, 212), Box(130, 208, 170, 300)
    black = mask([verdict(place), verdict(marker, "R DECUB", glyphs=7)])
    assert black[place.window].all()
    assert not black[Box(130, 212, 170, 300).window].any()
