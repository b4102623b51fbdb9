"""Proposals, coherence, constancy, glyphs, classifier, codes: each stage on a small image."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.barcodes import find_barcodes
from cxr_core.deidentify.pixels.classifier import classify, load_weights
from cxr_core.deidentify.pixels.features import FEATURES
from cxr_core.deidentify.pixels.glyphs import find_pieces
from cxr_core.deidentify.pixels.proposals import prepare_search, propose_places
from cxr_core.vocabulary import Photometric

Draw = Callable[..., NDArray[np.uint16]]
Burn = Callable[..., NDArray[np.bool_]]


def test_noise_proposes_nothing(noise_image: Draw) -> None:
    assert not propose_places(prepare_search(noise_image(), Photometric.MONOCHROME2)).any()


@pytest.mark.parametrize("photometric", list(Photometric))
@pytest.mark.parametrize("value", [0, 900, 4095])
def test_text_is_proposed_in_any_tone(noise_image: Draw, burn: Burn, photometric: Photometric, value: int) -> None:
    image = noise_image()
    ink = burn(image, "Ross, Ruth R.", (40, 60), value=value)
    assert propose_places(prepare_search(image, photometric))[ink].all()


def test_constancy_proposes_what_contrast_does_not(noise_image: Draw, burn: Burn) -> None:
    image = noise_image()
    ink = burn(image, "MRN 4471203", (200, 100), value=int(image[210, 150]) + 120)  # 3 % of the range
    search = prepare_search(image, Photometric.MONOCHROME2)
    assert propose_places(search)[ink].mean() > 0.9
    assert search.overlay_values[0] == image[ink][0]


def test_wire_is_dropped_for_its_coherence(noise_image: Draw) -> None:
    image = noise_image()
    cv2.line(image, (0, 30), (519, 400), 4000, 4)
    assert propose_places(prepare_search(image, Photometric.MONOCHROME2)).mean() < 0.02


def test_text_beside_a_wire_is_not_dropped(noise_image: Draw, burn: Burn) -> None:
    image = noise_image()
    cv2.line(image, (0, 100), (519, 100), 4000, 4)
    ink = burn(image, "Ross, Ruth", (110, 60), value=2600)
    assert propose_places(prepare_search(image, Photometric.MONOCHROME2))[ink].all()


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_one_line_becomes_one_likely_piece(noise_image: Draw, burn: Burn, turn: int) -> None:
    image = noise_image()
    ink = burn(image, "DUBOIS 1961", (60, 200), turn=turn)
    search = prepare_search(image, Photometric.MONOCHROME2)
    best = max(classify(find_pieces(search, propose_places(search))), key=lambda p: p.probability * p.glyphs)
    assert best.probability > 0.9
    assert best.is_vertical == (turn in {1, 3})
    assert ink[best.box.window].sum() == ink.sum()


def test_pieces_hide_their_ink() -> None:
    from cxr_core.deidentify.pixels.model import Box, Piece

    piece = Piece(Box(0, 0, 1, 1), False, 1, 1.0, np.ones((1, 1), bool), np.zeros(len(FEATURES), np.float32), 1.0)
    assert "ink" not in repr(piece)


def test_weights_match_the_features() -> None:
    assert load_weights().mean.shape == (len(FEATURES),)


def test_bars_are_found_in_both_directions(noise_image: Draw) -> None:
    rng = np.random.default_rng(5)
    for turn in (0, 1):
        image = noise_image()
        bars = np.repeat(rng.integers(0, 2, 60), 3)[None, :].repeat(60, axis=0) * 4095
        bars = np.rot90(bars, turn)
        image[100 : 100 + bars.shape[0], 100 : 100 + bars.shape[1]] = bars
        covered = np.zeros(image.shape, bool)
        for box in find_barcodes(prepare_search(image, Photometric.MONOCHROME2)):
            covered[box.window] = True
        assert covered[100 : 100 + bars.shape[0], 100 : 100 + bars.shape[1]].mean() > 0.95


def test_matrix_code_is_found(noise_image: Draw) -> None:
    image = noise_image()
    code = np.kron(np.random.default_rng(5).integers(0, 2, (25, 25)), np.ones((4, 4), int)) * 4095
    image[100:200, 100:200] = code
    [box] = find_barcodes(prepare_search(image, Photometric.MONOCHROME2))
    assert (box.top <= 100, box.left <= 100, box.bottom >= 200, box.right >= 200) == (True,) * 4


def test_strong_grain_is_no_code() -> None:
    grain = np.clip(np.random.default_rng(3).normal(2000, 900, (400, 400)), 0, 4095).astype(np.uint16)
    assert find_barcodes(prepare_search(grain, Photometric.MONOCHROME2)) == []


def test_stretched_eight_bit_values_are_no_overlay() -> None:
    grain = np.clip(np.random.default_rng(3).normal(128, 3, (300, 300)), 0, 255).round().astype(np.uint16) * 36
    assert prepare_search(grain, Photometric.MONOCHROME2).overlay_values == ()


def test_type_is_no_code(noise_image: Draw, burn: Burn) -> None:
    image = noise_image()
    burn(image, "SEMI-UPRIGHT PORTABLE", (60, 60))
    assert find_barcodes(prepare_search(image, Photometric.MONOCHROME2)) == []
