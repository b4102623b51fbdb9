"""Which rectangles are blacked."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.deidentify.pixels.judgement import Rule, Verdict
from cxr_core.deidentify.pixels.model import Box, Line
from cxr_core.deidentify.pixels.redaction import boxes_to_redact
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
