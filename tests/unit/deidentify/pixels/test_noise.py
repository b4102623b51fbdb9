"""A blank exposure holds no print: its noise is not stretched into any."""

import numpy as np

from cxr_core.deidentify.pixels.proposals import prepare_search, propose_places
from cxr_core.vocabulary import Photometric


def test_a_blank_exposure_has_no_place_for_text() -> None:
    noise = np.random.default_rng(3).integers(2047, 2050, (400, 360)).astype(np.uint16)
    assert not propose_places(prepare_search(noise, Photometric.MONOCHROME2)).any()


def test_faint_letters_on_an_even_ground_are_searched_all_the_same() -> None:
    ground = np.full((400, 360), 2047, np.uint16)
    for left in range(100, 200, 12):
        ground[100:120, left : left + 4] = 2049
    assert propose_places(prepare_search(ground, Photometric.MONOCHROME2))[100:120, 100:200].any()
