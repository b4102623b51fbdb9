"""One image goes through the whole path, and every real file at hand gives the recipe's bytes or a code."""

import csv
import hashlib
import warnings

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from cxr_core.errors import ItemError
from cxr_core.imaging import RenderProfile, ViewDecision, convert_image, decode, read_header
from cxr_core.vocabulary import Photometric, QualityFlag, Reason, View, ViewSource


def recipe_jpeg(recipe, pixels, photometric, *, equalise=True):
    gray = recipe(pixels, is_monochrome1=photometric == "MONOCHROME1", equalise=equalise)
    return cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


@pytest.fixture
def save(tmp_path, file_bytes):
    def write(dataset):
        path = tmp_path / "IM1"
        path.write_bytes(file_bytes(dataset))
        return path

    return write


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        RLELossless,
        JPEGLosslessSV1,
        JPEGLSLossless,
        JPEG2000Lossless,
        HTJ2KLossless,
    ],
)
@pytest.mark.parametrize("photometric", Photometric)
@pytest.mark.parametrize("box_value", [None, 0, 4095])
def test_jpeg_is_the_recipes_in_every_syntax(recipe, radiograph, make_dataset, save, syntax, photometric, box_value):
    pixels = radiograph(200, 180)
    if box_value is not None:
        pixels[10:40, 20:90] = box_value
    path = save(make_dataset(pixels, syntax, PhotometricInterpretation=photometric.value))
    assert convert_image(path).jpeg == recipe_jpeg(recipe, pixels, photometric)


def test_rendition_holds_the_facts(radiograph, make_dataset):
    rendition = convert_image(make_dataset(radiograph(400, 360), ViewPosition="PA"))
    assert (rendition.rows, rendition.columns, rendition.bits_stored) == (400, 360, 12)
    assert rendition.photometric is Photometric.MONOCHROME2
    assert rendition.view == ViewDecision(View.FRONTAL, ViewSource.VIEW_POSITION)
    assert rendition.quality.flags == ()
    assert rendition.sha256 == hashlib.sha256(rendition.jpeg).hexdigest()


def test_profile_none_leaves_equalisation_out(recipe, radiograph, make_dataset):
    pixels = radiograph()
    rendition = convert_image(make_dataset(pixels), RenderProfile.NONE)
    assert rendition.encoded == recipe_jpeg(recipe, pixels, "MONOCHROME2", equalise=False)


def test_profile_png16_keeps_the_intensities(radiograph, make_dataset):
    pixels = radiograph()
    rendition = convert_image(make_dataset(pixels), RenderProfile.PNG16)
    decoded = cv2.imdecode(np.frombuffer(rendition.encoded, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decoded, pixels)


@pytest.mark.parametrize("profile", [RenderProfile.PAPER, RenderProfile.NONE])
def test_smaller_pictures_are_scaled_from_the_full_rendering(recipe, radiograph, make_dataset, profile):
    pixels = radiograph(400, 360)
    rendition = convert_image(make_dataset(pixels), profile, sizes=(180, 90))
    gray = recipe(pixels, is_monochrome1=False, equalise=profile is RenderProfile.PAPER)
    for derivative, shape in zip(rendition.derivatives, [(180, 200), (90, 100)], strict=True):
        scaled = cv2.resize(gray, shape, interpolation=cv2.INTER_AREA)
        assert derivative.encoded == cv2.imencode(".jpg", scaled, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
        assert derivative.sha256 == hashlib.sha256(derivative.encoded).hexdigest()
    assert [derivative.shorter_side_px for derivative in rendition.derivatives] == [180, 90]
    assert rendition.jpeg == convert_image(make_dataset(pixels), profile).jpeg


def test_smaller_pictures_of_png16_keep_16_bits(radiograph, make_dataset):
    (derivative,) = convert_image(make_dataset(radiograph()), RenderProfile.PNG16, sizes=(40,)).derivatives
    decoded = cv2.imdecode(np.frombuffer(derivative.encoded, np.uint8), cv2.IMREAD_UNCHANGED)
    assert (decoded.dtype, decoded.shape) == (np.uint16, (48, 40))


def test_lying_photometric_is_flagged_and_not_flipped(recipe, radiograph, make_dataset):
    pixels = radiograph(400, 360)
    rendition = convert_image(make_dataset(pixels, PhotometricInterpretation="MONOCHROME1"))
    assert rendition.quality.flags == (QualityFlag.POLARITY_SUSPECT,)
    assert rendition.jpeg == recipe_jpeg(recipe, pixels, "MONOCHROME1")


@pytest.mark.parametrize("profile", RenderProfile)
def test_view_comes_from_the_pixels_where_the_header_is_silent(radiograph, make_dataset, profile):
    rendition = convert_image(make_dataset(radiograph(400, 360)), profile)
    assert rendition.view == ViewDecision(View.FRONTAL, ViewSource.PIXELS)
    assert rendition.quality.flags == ()


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize("tags", [{}, {"ViewPosition": "PA"}])
def test_turned_frontal_image_is_flagged_and_not_turned_back(recipe, radiograph, make_dataset, degrees, tags):
    pixels = np.ascontiguousarray(np.rot90(radiograph(400, 360), degrees // 90))
    rendition = convert_image(make_dataset(pixels, **tags))
    assert rendition.view.view is View.FRONTAL
    assert rendition.quality.flags == (QualityFlag.ORIENTATION_SUSPECT,)
    assert rendition.quality.turn_degrees == degrees
    assert rendition.jpeg == recipe_jpeg(recipe, pixels, "MONOCHROME2")


@pytest.mark.parametrize("position", ["LL", "LLD"])
def test_orientation_of_other_views_is_not_judged(radiograph, make_dataset, position):
    pixels = np.ascontiguousarray(np.rot90(radiograph(400, 360)))
    rendition = convert_image(make_dataset(pixels, ViewPosition=position))
    assert QualityFlag.ORIENTATION_SUSPECT not in rendition.quality.flags


def pydicom_pixels(path):
    """Pixels by pydicom's own decoders; None where it has none for the syntax."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, force=True)
        if "TransferSyntaxUID" not in dataset.file_meta:
            dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        try:
            return dataset.pixel_array
        except (RuntimeError, NotImplementedError):
            return None


@pytest.mark.shared
def test_every_real_file_gives_the_recipes_bytes_or_a_code(recipe, shared_data):
    paths = sorted(p for p in (shared_data / "cxr/dicom").rglob("*") if p.is_file())
    paths += sorted(p for p in (shared_data / "hospital-sample/export/dicom").rglob("*") if p.is_file())
    compared, refused = 0, []
    for path in paths:
        try:
            stored = decode(read_header(path))
        except ItemError as error:
            refused.append(error.reason)
            continue
        oracle = pydicom_pixels(path) if stored.pixels.size < 3_000_000 else None  # its J2K takes seconds
        if oracle is not None:
            np.testing.assert_array_equal(stored.pixels, oracle)
            compared += 1
        expected = recipe_jpeg(recipe, stored.pixels, stored.photometric)
        assert convert_image(path).jpeg == expected
    assert compared >= 80
    assert set(refused) == {Reason.E_NOT_DICOM, Reason.E_PIXELS, Reason.E_SOP, Reason.E_TS}


@pytest.mark.shared
def test_hospital_sample_decodes_to_its_truth(shared_data):
    folder = shared_data / "hospital-sample"
    with (folder / "truth/images.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["lossless"] == "1"]
    verdicts = {}
    for row in rows:
        try:
            stored = decode(read_header(folder / "export" / row["path"]))
        except ItemError as error:
            verdicts[row["fault"]] = error.reason
            continue
        display = stored.pixels.astype("<u2")
        if stored.photometric is Photometric.MONOCHROME1 and row["fault"] != "wrong_photometric":
            display = (1 << stored.bits_stored) - 1 - display
        if row["fault"] == "corrupt_stream":
            assert stored.suspect
        else:
            assert hashlib.sha256(display.astype("<u2").tobytes()).hexdigest() == row["display_sha256"]
    assert verdicts == {"truncated": Reason.E_PIXELS, "no_pixels": Reason.E_PIXELS}
