"""Thumbnails keep what judgements need: the content without its borders, by rank."""

import numpy as np
import pytest

from cxr_core.imaging.thumbnails import cut_borders, rank_levels, shrink


def test_ranks_are_shares_of_darker_pixels_and_half_of_equal_ones():
    small = np.array([[10, 20], [20, 200]], np.uint8)
    np.testing.assert_array_equal(rank_levels(small), [[0.125, 0.5], [0.5, 0.875]])


def test_ranks_do_not_see_a_brightness_curve():
    small = np.random.default_rng(1).permutation(256).astype(np.uint8).reshape(16, 16)
    curve = np.sort(np.random.default_rng(2).choice(256, 256, replace=False)).astype(np.uint8)
    np.testing.assert_array_equal(rank_levels(curve[small]), rank_levels(small))


def test_a_negative_has_the_opposite_ranks():
    small = np.random.default_rng(3).integers(0, 256, (32, 32)).astype(np.uint8)
    np.testing.assert_allclose(rank_levels(~small), 1 - rank_levels(small), atol=1e-12)


def test_a_thumbnail_holds_area_means():
    gray = np.kron(np.array([[0, 40], [80, 240]], np.uint8), np.ones((64, 32), np.uint8))
    np.testing.assert_array_equal(shrink(gray, 2), [[0, 40], [80, 240]])


@pytest.mark.parametrize("level", [0, 255])
def test_flat_borders_are_cut_on_every_side(level):
    inner = np.random.default_rng(4).integers(30, 220, (64, 64)).astype(np.uint8)
    framed = np.pad(inner, ((6, 10), (20, 0)), constant_values=level)
    np.testing.assert_array_equal(cut_borders(framed, 64), inner)


def test_a_grey_border_and_a_blank_picture_stay():
    inner = np.random.default_rng(5).integers(30, 220, (48, 48)).astype(np.uint8)
    framed = np.pad(inner, 8, constant_values=128)
    np.testing.assert_array_equal(cut_borders(framed, 64), framed)
    blank = np.zeros((64, 64), np.uint8)
    np.testing.assert_array_equal(cut_borders(blank, 64), blank)


def test_a_border_that_would_leave_less_than_a_third_is_none():
    narrow = np.zeros((96, 96), np.uint8)
    narrow[:, 40:60] = np.random.default_rng(6).integers(30, 220, (96, 20))
    np.testing.assert_array_equal(cut_borders(narrow, 96), narrow)
