"""Connected places of a mask: the same as of the whole, in the same order, wherever empty rows divide it."""

from itertools import pairwise

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.deidentify.pixels.model import Box
from cxr_core.deidentify.pixels.places import connected_places, groups_of


@given(seed=st.integers(0, 10_000), share=st.sampled_from([0.0, 0.02, 0.2, 0.6]), sides=st.sampled_from([4, 8]))
def test_places_are_those_of_the_whole_mask(seed: int, share: float, sides: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((40, 30)) < share
    mask[rng.random(40) < 0.3] = False
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=sides)
    found = list(connected_places(mask, sides))
    whole = {Box(top, left, top + height, left + width) for left, top, width, height, _ in stats[1:].tolist()}
    assert len(found) == count - 1
    assert {place for place, _ in found} == whole
    for place, cells in found:
        label = labels[place.window][cells]
        assert label.min() == label.max() > 0
        assert cells.sum() == stats[label[0], cv2.CC_STAT_AREA]


@given(seed=st.integers(0, 10_000))
def test_places_come_in_the_order_of_their_first_cells(seed: int) -> None:
    mask = np.random.default_rng(seed).random((25, 30)) < 0.2
    first = [(place.top, place.left + int(np.flatnonzero(cells[0])[0])) for place, cells in connected_places(mask, 4)]
    assert first == sorted(first)


def test_an_empty_mask_has_no_places() -> None:
    assert list(connected_places(np.zeros((5, 0), np.bool_), 4)) == []
    assert list(connected_places(np.zeros((5, 7), np.bool_), 8)) == []


@given(things=st.lists(st.integers(0, 60), unique=True))
def test_things_are_of_one_group_where_steps_of_at_most_two_lead_from_one_to_the_other(things: list[int]) -> None:
    groups = list(groups_of(things, lambda one, other: abs(one - other) <= 2))
    assert sorted(thing for group in groups for thing in group) == sorted(things)
    steps = [np.diff(sorted(group)) for group in groups]
    assert all((step <= 2).all() for step in steps)
    ends = sorted((min(group), max(group)) for group in groups)
    assert all(first[1] + 2 < second[0] for first, second in pairwise(ends))


def test_the_likeness_of_rectangles_is_what_they_share_of_the_one_around_both() -> None:
    one = Box(0, 0, 10, 10)
    assert [one.likeness(other) for other in (one, Box(0, 0, 10, 20), Box(20, 0, 30, 10))] == [1.0, 0.5, 0.0]
