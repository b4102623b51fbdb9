"""Each flag follows its definition; none is raised by a plain radiograph."""

import cv2
import numpy as np
import pytest

from cxr_core.imaging import StoredImage, assess, perceptual_hash, render
from cxr_core.vocabulary import Photometric, QualityFlag

M1, M2 = Photometric.MONOCHROME1, Photometric.MONOCHROME2


def facts_of(pixels, photometric=M2, *, suspect=False, turn_degrees=0):
    stored = StoredImage(pixels, 8 * pixels.dtype.itemsize, pixels.dtype.kind == "i", photometric, suspect)
    return assess(stored, render(stored), turn_degrees=turn_degrees)


def test_plain_radiograph_raises_no_flag(radiograph):
    facts = facts_of(radiograph(400, 360))
    assert facts.flags == ()
    assert facts.polarity_score > 1
    assert facts.aspect == pytest.approx(400 / 360, abs=1e-4)


def test_lying_photometric_interpretation_is_suspect(radiograph):
    pixels = radiograph(400, 360)
    assert facts_of(pixels, M1).flags == (QualityFlag.POLARITY_SUSPECT,)
    assert facts_of(4095 - pixels, M1).flags == ()


def test_negative_negates_the_polarity_score(radiograph):
    pixels = radiograph(400, 360)
    assert facts_of(pixels, M1).polarity_score == pytest.approx(-facts_of(pixels).polarity_score, abs=0.1)


def test_constant_image_has_low_contrast_and_nothing_else():
    facts = facts_of(np.zeros((300, 300), np.uint16))
    assert facts.flags == (QualityFlag.LOW_CONTRAST,)
    assert (facts.contrast_spread, facts.grey_levels, facts.polarity_score) == (0.0, 1, 0.0)


def test_one_outlying_pixel_crushes_the_contrast(radiograph):
    pixels = radiograph(400, 360)
    pixels[0, 0] = 65535
    assert QualityFlag.LOW_CONTRAST in facts_of(pixels).flags


def test_few_grey_levels_are_low_contrast(radiograph):
    assert facts_of(radiograph(400, 360) >> 8).flags == (QualityFlag.LOW_CONTRAST,)


def test_signed_values_are_counted_in_order(radiograph):
    pixels = radiograph(400, 360)
    signed = (pixels.astype(np.int32) - 2048).astype(np.int16)
    assert facts_of(signed).contrast_spread == facts_of(pixels).contrast_spread


@pytest.mark.parametrize("level", [0, 4095])
@pytest.mark.parametrize(("depth", "is_flagged"), [(0, False), (4, False), (20, True)])
def test_flat_border_of_a_twentieth_is_collimation(level, depth, is_flagged):
    rng = np.random.default_rng(1)
    pixels = rng.normal(2000, 300, (400, 360)).clip(300, 3800).astype(np.uint16)
    pixels[0, 0], pixels[-1, -1] = 0, 4095
    pixels[:, :depth] = level
    pixels[:, 360 - depth :] = level
    facts = facts_of(pixels)
    assert (QualityFlag.COLLIMATION_BORDER in facts.flags) is is_flagged
    assert facts.border_share == pytest.approx(2 * depth / 360, abs=0.012)


def test_air_beside_the_patient_is_no_collimation(radiograph):
    assert facts_of(radiograph(400, 360)).border_share == 0.0


@pytest.mark.parametrize(("shape", "is_flagged"), [((430, 350), False), ((400, 201), False), ((400, 200), True)])
def test_strip_is_twice_as_long_as_wide(radiograph, shape, is_flagged):
    assert (QualityFlag.STRIP in facts_of(radiograph(*shape)).flags) is is_flagged


def test_suspect_stream_is_handed_on(radiograph):
    assert facts_of(radiograph(400, 360), suspect=True).flags == (QualityFlag.SUSPECT_STREAM,)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_image_is_orientation_suspect_and_its_polarity_is_measured_upright(radiograph, degrees):
    pixels = radiograph(400, 400)
    facts = facts_of(np.rot90(pixels, degrees // 90), turn_degrees=degrees)
    assert facts.flags == (QualityFlag.ORIENTATION_SUSPECT,)
    assert facts.turn_degrees == degrees
    assert facts.polarity_score == facts_of(pixels).polarity_score


def differing_bits(one, other):
    """Of the first 64 bits, and of all 256."""
    bits = perceptual_hash(one) ^ perceptual_hash(other)
    return (bits >> 192).bit_count(), bits.bit_count()


def test_first_bits_of_the_perceptual_hash_survive_scaling_and_compression(radiograph):
    gray = radiograph(400, 360, 8)
    smaller = cv2.resize(gray, (270, 300), interpolation=cv2.INTER_AREA)
    noisy = cv2.imdecode(cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], 0)
    assert [differing_bits(gray, other)[0] <= 2 for other in (smaller, noisy)] == [True, True]


def test_perceptual_hash_tells_other_images_apart(radiograph):
    gray = radiograph(400, 360, 8)
    coarse, total = differing_bits(gray, gray[::-1].copy())
    assert coarse >= 12
    assert total >= 52
    assert 0 <= perceptual_hash(gray) < 1 << 256


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 3), (7, 64)])
def test_tiny_images_are_assessed(shape):
    assert facts_of(np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)).perceptual_hash >= 0


@pytest.fixture(scope="module")
def real_pictures(shared_data):
    folders = [shared_data / "cxr/images" / name for name in ("nih", "cc_by", "nc_sa_lateral")]
    paths = sorted(path for folder in folders for path in folder.iterdir())
    return {path.stem: cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths}


@pytest.mark.shared
def test_real_radiographs_raise_no_flag_but_five_borders(real_pictures):
    flagged = {name: facts.flags for name, gray in real_pictures.items() if (facts := facts_of(gray)).flags}
    assert len(real_pictures) >= 90
    assert set(flagged.values()) == {(QualityFlag.COLLIMATION_BORDER,)}
    assert len(flagged) == 5


@pytest.mark.shared
def test_real_radiographs_with_a_fault_put_in_raise_its_flag(real_pictures):
    missed = dict.fromkeys(("crushed", "half", "dark border", "bright border"), 0)
    for gray in real_pictures.values():
        rows, columns = gray.shape
        crushed, half = gray.astype(np.uint16), gray[:, : columns // 3]
        crushed[0, 0] = 65535
        missed["crushed"] += QualityFlag.LOW_CONTRAST not in facts_of(crushed).flags
        missed["half"] += QualityFlag.STRIP not in facts_of(np.ascontiguousarray(half)).flags
        for name, level in (("dark border", gray.min()), ("bright border", gray.max())):
            bordered = gray.copy()
            bordered[: rows // 20], bordered[:, : columns // 20] = level, level
            missed[name] += QualityFlag.COLLIMATION_BORDER not in facts_of(bordered).flags
    assert missed == {"crushed": 0, "half": 0, "dark border": 0, "bright border": 0}


@pytest.mark.shared
def test_polarity_on_real_radiographs_and_their_negatives(shared_data):
    paths = [p for folder in ("nih", "cc_by", "nc_sa_lateral") for p in (shared_data / "cxr/images" / folder).iterdir()]
    false_alarms = missed = 0
    for path in paths:
        gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        false_alarms += QualityFlag.POLARITY_SUSPECT in facts_of(gray).flags
        missed += QualityFlag.POLARITY_SUSPECT not in facts_of(~gray).flags
    assert len(paths) >= 90
    assert false_alarms == 0
    assert missed <= 2
