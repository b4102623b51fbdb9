"""A blank exposure holds no print: its noise is not stretched into any."""

import numpy as np

from cxr_core.deidentify.pixels.proposals import prepare_search, propose_tiles
from cxr_core.vocabulary import Photometric


def test_a_blank_exposure_has_no_place_for_text() -> None:
    noise = np.random.default_rng(3).integers(2047, 2050, (400, 360)).astype(np.uint16)
    search = prepare_search(noise, Photometric.MONOCHROME2)
    assert not any(propose_tiles(view).any() for view in search.views)


def test_faint_letters_on_an_even_ground_are_searched_all_the_same() -> None:
    ground = np.full((400, 360), 2047, np.uint16)
    for left in range(100, 200, 12):
        ground[100:120, left : left + 4] = 2049
    middle = prepare_search(ground, Photometric.MONOCHROME2).views[1]
    assert propose_tiles(middle)[6:8, 6:12].any()
