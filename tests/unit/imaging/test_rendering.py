"""The composed table gives the recipe's pixels, for every depth, sign and photometric interpretation."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cxr_core.imaging import RenderProfile, StoredImage, encode_jpeg, encode_png16, render, render_intensities
from cxr_core.imaging.histogram import count_values
from cxr_core.imaging.rendering import scale_down
from cxr_core.vocabulary import Photometric

M1, M2 = Photometric.MONOCHROME1, Photometric.MONOCHROME2


def stored_image(pixels, photometric=M2, bits=None):
    return StoredImage(
        pixels=pixels,
        bits_stored=bits or 8 * pixels.dtype.itemsize,
        is_signed=pixels.dtype.kind == "i",
        photometric=photometric,
        suspect=False,
    )


@given(
    pixels=st.sampled_from(["u1", "i1", "u2", "i2"]).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12))
    ),
    photometric=st.sampled_from(Photometric),
    profile=st.sampled_from([RenderProfile.PAPER, RenderProfile.NONE]),
)
@settings(max_examples=300, deadline=None)
def test_any_array_renders_as_the_recipe_does(recipe, pixels, photometric, profile):
    expected = recipe(pixels, is_monochrome1=photometric is M1, equalise=profile is RenderProfile.PAPER)
    np.testing.assert_array_equal(render(stored_image(pixels, photometric), profile), expected)


@pytest.mark.parametrize("bits", range(8, 17))
@pytest.mark.parametrize("photometric", [M1, M2])
@pytest.mark.parametrize("is_signed", [False, True])
def test_every_depth_renders_as_the_recipe_does(recipe, radiograph, bits, photometric, is_signed):
    pixels = radiograph(120, 100, bits)
    if is_signed:
        pixels = (pixels.astype(np.int64) - (1 << (bits - 1))).astype(f"i{pixels.dtype.itemsize}")
    expected = recipe(pixels, is_monochrome1=photometric is M1)
    np.testing.assert_array_equal(render(stored_image(pixels, photometric, bits)), expected)


def test_all_65536_values_truncate_as_the_recipe_truncates(recipe):
    pixels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    for top in (255, 256, 1023, 4095, 4097, 16383, 40000, 65535):
        cut = np.minimum(pixels, np.uint16(top))
        np.testing.assert_array_equal(
            render(stored_image(cut), RenderProfile.NONE), recipe(cut, is_monochrome1=False, equalise=False)
        )


def test_values_above_bits_stored_keep_their_order(recipe):
    pixels = np.array([[0, 4095, 5000, 65535]], np.uint16)
    gray = render(stored_image(pixels, bits=12), RenderProfile.NONE)
    assert gray.tolist() == [[0, 15, 19, 255]]


@pytest.mark.parametrize(("photometric", "level"), [(M2, 0), (M1, 255)])
@pytest.mark.parametrize("value", [0, 7, 65535])
def test_constant_image_has_no_contrast_to_stretch(photometric, level, value):
    gray = render(stored_image(np.full((5, 4), value, np.uint16), photometric))
    assert (gray == level).all()


def test_signed_range_wider_than_its_type_does_not_wrap():
    pixels = np.array([[-32768, 0, 32767]], np.int16)
    assert render(stored_image(pixels), RenderProfile.NONE).tolist() == [[0, 127, 255]]


def test_counts_are_exact_across_stripes(monkeypatch):
    monkeypatch.setattr("cxr_core.imaging.histogram._EXACT_FLOAT32", 64)
    pixels = np.random.default_rng(3).integers(0, 65536, (50, 30), dtype=np.uint16)
    np.testing.assert_array_equal(count_values(stored_image(pixels)), np.bincount(pixels.ravel(), minlength=65536))


def test_not_contiguous_pixels_render_alike(radiograph):
    pixels = radiograph()
    np.testing.assert_array_equal(
        render(stored_image(pixels[::2, ::-1])), render(stored_image(pixels[::2, ::-1].copy()))
    )


def test_jpeg_is_the_recipes_and_holds_no_metadata(radiograph):
    gray = radiograph(bits=8)
    data = encode_jpeg(gray)
    assert data == cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    markers, position = [], 2
    while data[position + 1] != 0xDA:
        markers.append(data[position + 1])
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    assert set(markers) == {0xE0, 0xDB, 0xC0, 0xC4}
    assert data.count(b"JFIF") == 1
    assert data.endswith(b"\xff\xd9")


def test_png_of_16_bits_gives_the_intensities_back(radiograph):
    pixels = radiograph()
    intensities = render_intensities(stored_image(pixels, bits=12))
    data = encode_png16(intensities)
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decoded, pixels)
    assert b"tEXt" not in data


@pytest.mark.parametrize(
    ("pixels", "photometric", "bits", "expected"),
    [
        (np.array([[0, 1, 4095]], np.uint16), M2, 12, [[0, 1, 4095]]),
        (np.array([[0, 1, 4095]], np.uint16), M1, 12, [[4095, 4094, 0]]),
        (np.array([[-2048, 0, 2047]], np.int16), M2, 12, [[0, 2048, 4095]]),
        (np.array([[0, 4096]], np.uint16), M1, 12, [[65535, 61439]]),
        (np.array([[0, 255]], np.uint8), M2, 8, [[0, 255]]),
    ],
)
def test_intensities_grow_from_dark_to_bright(pixels, photometric, bits, expected):
    assert render_intensities(stored_image(pixels, photometric, bits)).tolist() == expected


def test_png16_is_refused_where_8_bits_are_asked():
    with pytest.raises(ValueError, match="8 bits"):
        render(stored_image(np.zeros((2, 2), np.uint8)), RenderProfile.PNG16)


def test_scaling_down_gives_means_of_areas():
    picture = np.kron(np.array([[0, 40], [80, 240]], np.uint8), np.ones((64, 64), np.uint8))
    np.testing.assert_array_equal(scale_down(picture, 2), [[0, 40], [80, 240]])
    np.testing.assert_array_equal(scale_down(picture, 1), [[90]])


def test_a_thin_line_gets_paler_and_does_not_vanish():
    picture = np.zeros((64, 64), np.uint16)
    picture[:, 17] = 60000
    scaled = scale_down(picture, 8)
    assert scaled.dtype == np.uint16
    np.testing.assert_array_equal(scaled[:, 2], [7500] * 8)
    assert np.count_nonzero(scaled) == 8


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((3056, 2544), 512, (615, 512)),
        ((2544, 3056), 224, (224, 269)),
        ((300, 200), 200, (300, 200)),
        ((300, 200), 512, (300, 200)),
        ((1000, 1), 1, (1000, 1)),
        ((5, 3), 2, (3, 2)),
    ],
)
def test_the_shorter_side_is_as_asked_and_nothing_is_enlarged(shape, size, expected):
    assert scale_down(np.zeros(shape, np.uint8), size).shape == expected
