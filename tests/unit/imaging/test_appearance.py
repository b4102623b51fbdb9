"""The pixels tell the view where they can and keep silent where they cannot; turns and negatives are noticed."""

import tomllib
from collections import Counter
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from cxr_core.demo.anatomy import Findings, draw_body
from cxr_core.demo.phantom import radiograph as take_radiograph
from cxr_core.demo.plan import Projection
from cxr_core.imaging import Reading, StoredImage, appearance, judge_appearance, render
from cxr_core.vocabulary import Photometric, View

TURNS = (0, 90, 180, 270)


def rendered(pixels, bits=8):
    return render(StoredImage(pixels, bits, False, Photometric.MONOCHROME2, False))


def turned(gray, degrees):
    """Turned anticlockwise, as somebody would by mistake."""
    return np.rot90(gray, degrees // 90)


@pytest.fixture(scope="module")
def phantoms():
    """Rendered phantoms of ten bodies: (projection, picture); laterals face either way."""
    pictures = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        body = draw_body(rng, is_female=seed % 2 == 0, age_years=20 + 7 * seed)
        for projection in (Projection.PA, Projection.AP, Projection.LATERAL):
            image = SimpleNamespace(projection=projection, rows=500, columns=430, bits_stored=12)
            pixels = take_radiograph(body, Findings(), image, rng)
            is_mirrored = projection is Projection.LATERAL and seed % 2
            pictures.append((projection, rendered(pixels[:, ::-1].copy() if is_mirrored else pixels, 12)))
    return pictures


def test_phantoms_are_told_or_left_open_and_never_confused(phantoms):
    told = Counter((projection is Projection.LATERAL, judge_appearance(gray).view) for projection, gray in phantoms)
    assert told[True, View.FRONTAL] == told[False, View.LATERAL] == 0
    assert told[False, View.FRONTAL] >= 16  # of 20
    assert told[True, View.LATERAL] >= 7  # of 10


def test_upright_phantoms_are_read_as_they_are(phantoms):
    frontal = [gray for projection, gray in phantoms if projection is not Projection.LATERAL]
    assert {judge_appearance(gray).reading for gray in frontal} == {Reading(0, is_negative=False)}


@pytest.mark.parametrize("degrees", TURNS)
def test_a_turned_frontal_image_is_frontal_and_its_turn_is_told(radiograph, degrees):
    upright = judge_appearance(rendered(radiograph(400, 360, 8)))
    found = judge_appearance(turned(rendered(radiograph(400, 360, 8)), degrees))
    assert found.reading == Reading(degrees)
    assert found.view is View.FRONTAL
    assert (found.score, found.measures) == (upright.score, upright.measures)


def test_a_negative_is_read_as_one(radiograph):
    found = judge_appearance(~rendered(radiograph(400, 360, 8)))
    assert found.reading == Reading(is_negative=True)
    assert found.view is View.FRONTAL


@pytest.mark.parametrize("exponent", [0.5, 2.0])
def test_a_brightness_curve_changes_little(radiograph, exponent):
    gray = radiograph(400, 360, 8)
    curved = (255 * (gray / 255.0) ** exponent).astype(np.uint8)
    assert judge_appearance(curved).view is View.FRONTAL
    assert judge_appearance(curved).measures == pytest.approx(judge_appearance(gray).measures, abs=0.04)


@pytest.mark.parametrize("level", [0, 255])
def test_a_border_changes_little(radiograph, level):
    gray = radiograph(400, 360, 8)
    framed = np.pad(gray, ((30, 60), (80, 10)), constant_values=level)
    assert judge_appearance(framed).view is View.FRONTAL
    assert judge_appearance(framed).measures == pytest.approx(judge_appearance(gray).measures, abs=0.04)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (300, 200)])
def test_a_blank_image_says_nothing(shape):
    found = judge_appearance(np.full(shape, 7, np.uint8))
    assert (found.view, found.reading) == (None, Reading())
    assert found.measures == (0, 0, 0, 0.5, 0, 0)  # every rank is the middle one


def test_noise_says_nothing():
    found = judge_appearance(np.random.default_rng(1).integers(0, 256, (500, 400)).astype(np.uint8))
    assert (found.view, found.reading) == (None, Reading())


def test_pictures_are_squares_of_digits_and_the_frontal_one_is_symmetrical():
    pictures = tomllib.loads(Path(appearance.__file__).with_suffix(".toml").read_text(encoding="utf-8"))["pictures"]
    assert {len(rows) for rows in pictures.values()} == {16}
    assert {len(row) for row in chain(*pictures.values())} == {16}
    assert all(row == row[::-1] for row in pictures["frontal"])


def test_score_is_the_weighted_sum_of_the_measures(radiograph):
    found = judge_appearance(rendered(radiograph(400, 360, 8)))
    weights = np.array([7.0, 6.4, 2.6, 4.9, 6.8, -8.8])
    assert found.score == pytest.approx(float(weights @ found.measures) - 7.8, abs=1e-4)


@pytest.fixture
def real(shared_data):
    """Rendered real radiographs by view."""

    def pictures(*folders):
        paths = chain(*((shared_data / "cxr/images" / folder).iterdir() for folder in folders))
        return [rendered(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)) for path in sorted(paths)]

    return {View.FRONTAL: pictures("nih", "cc_by"), View.LATERAL: pictures("nc_sa_lateral")}


@pytest.mark.shared
def test_view_of_real_radiographs(real):
    told = {view: Counter(judge_appearance(gray).view for gray in pictures) for view, pictures in real.items()}
    assert told[View.FRONTAL] == {View.FRONTAL: 73, None: 11}
    assert told[View.LATERAL] == {View.LATERAL: 6, None: 1}


@pytest.mark.shared
def test_turns_of_real_frontal_radiographs(real):
    found = Counter(
        (degrees, judge_appearance(turned(gray, degrees)).reading) for gray in real[View.FRONTAL] for degrees in TURNS
    )
    assert found[0, Reading(0)] == 84  # no false alarm
    assert {degrees: found[degrees, Reading(degrees)] for degrees in TURNS[1:]} == {90: 83, 180: 83, 270: 83}


@pytest.mark.shared
def test_turned_real_radiographs_are_never_given_the_wrong_view(real):
    turns = [turned(gray, degrees) for gray in real[View.FRONTAL] for degrees in TURNS[1:]]
    assert View.LATERAL not in {judge_appearance(gray).view for gray in turns}
    turns = [turned(gray, degrees) for gray in real[View.LATERAL] for degrees in TURNS[1:]]
    assert View.FRONTAL not in {judge_appearance(gray).view for gray in turns}
