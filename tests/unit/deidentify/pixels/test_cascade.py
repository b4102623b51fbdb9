from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cxr_core.deidentify.pixels import PixelResult, TextReader, redact_pixels
from cxr_core.errors import ItemError
from cxr_core.policy.markers import load_marker_policy
from cxr_core.vocabulary import BoxDecision, Photometric, QualityFlag, Reason

Draw = Callable[..., NDArray[np.uint16]]
Burn = Callable[..., NDArray[np.bool_]]


def redact(
    image: NDArray[np.integer],
    reader: TextReader,
    *,
    photometric: Photometric = Photometric.MONOCHROME2,
    identifiers: tuple[str, ...] = (),
) -> PixelResult:
    return redact_pixels(
        image, photometric=photometric, identifiers=identifiers, readers=[reader], markers=load_marker_policy()
    )


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint8), (12, np.uint16), (14, np.int16)])
def test_text_free_image_is_untouched(noise_image: Draw, rapidocr: TextReader, bits: int, dtype: type) -> None:
    image = noise_image(bits=bits).astype(dtype)
    result = redact(image, rapidocr)
    assert (result.boxes, result.flags, result.area_share) == ((), (), 0.0)
    assert result.pixels.dtype == dtype
    assert result.pixels.tobytes() == image.tobytes()


def test_input_is_not_written_to(noise_image: Draw, burn: Burn, rapidocr: TextReader) -> None:
    image = noise_image()
    burn(image, "Ross, Ruth", (40, 60))
    before = image.copy()
    image.flags.writeable = False
    redact(image, rapidocr)
    assert np.array_equal(image, before)


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
@pytest.mark.parametrize("bits", [8, 14])
def test_name_is_blacked_and_nothing_else(
    noise_image: Draw, burn: Burn, rapidocr: TextReader, bits: int, turn: int
) -> None:
    image = noise_image(bits=bits)
    ink = burn(image, "Ross, Ruth R.", (60, 60), value=2**bits - 1, turn=turn)
    result = redact(image, rapidocr)
    mask = np.zeros(image.shape, bool)
    for box in result.boxes:
        assert box.decision is BoxDecision.REDACTED
        mask[box.top_px : box.bottom_px, box.left_px : box.right_px] = True
    assert mask[ink].all()
    assert np.array_equal(result.pixels[~mask], image[~mask])
    assert set(np.unique(result.pixels[mask])) == {image.min()}
    assert result.area_share == mask.mean() < 0.05


def test_monochrome1_is_filled_with_its_own_maximum(noise_image: Draw, burn: Burn, rapidocr: TextReader) -> None:
    image = noise_image()
    ink = burn(image, "Ross, Ruth", (40, 60), value=5)
    result = redact(image, rapidocr, photometric=Photometric.MONOCHROME1)
    assert set(np.unique(result.pixels[ink])) == {image.max()}


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("form", ["plain", "ringed", "mirrored", "tilted", "upside down", "on its side"])
def test_a_lead_letter_is_kept_however_it_lies(
    noise_image: Draw, text_ink: Burn, rapidocr: TextReader, side: str, form: str
) -> None:
    image = noise_image()
    image[lead_letter(text_ink, side, form)] = 3200
    result = redact(image, rapidocr)
    assert [box.decision for box in result.boxes] == [BoxDecision.KEPT]
    assert np.array_equal(result.pixels, image)


def lead_letter(text_ink: Burn, side: str, form: str) -> NDArray[np.bool_]:
    """A mask of the size of the test image with one letter of 60 pixels."""
    picture = np.zeros((480, 520), np.uint8)
    ink = text_ink(side, 60).astype(np.uint8) * 255
    turned = {"mirrored": ink[:, ::-1], "upside down": np.rot90(ink, 2), "on its side": np.rot90(ink)}.get(form, ink)
    rows, columns = turned.shape
    picture[200 : 200 + rows, 200 : 200 + columns] = turned
    centre = (200 + columns // 2, 200 + rows // 2)
    if form == "ringed":
        cv2.circle(picture, centre, 48, 255, 4)
    if form == "tilted":
        picture = cv2.warpAffine(picture, cv2.getRotationMatrix2D(centre, 18, 1), (520, 480))
    return picture > 127


def test_text_over_the_border_of_a_lung_is_blacked_whole(noise_image: Draw, burn: Burn, rapidocr: TextReader) -> None:
    image = noise_image()
    image[:, 180:] += np.uint16(1500)
    ink = burn(image, "Castillo, Mona", (200, 80), value=2900)
    assert blacked(redact(image, rapidocr), image.shape)[ink].all()


@pytest.mark.parametrize("step", [140, 400])
def test_faint_text_of_one_value_is_blacked(noise_image: Draw, burn: Burn, rapidocr: TextReader, step: int) -> None:
    image = noise_image()
    ink = burn(image, "MRN 4471203", (200, 100), value=int(image[210, 150]) + step)
    assert blacked(redact(image, rapidocr), image.shape)[ink].mean() > 0.95


def test_codes_are_blacked(noise_image: Draw, rapidocr: TextReader) -> None:
    image = noise_image()
    code = np.kron(np.random.default_rng(5).integers(0, 2, (25, 25)), np.ones((4, 4), int)) * 4095
    image[92:208, 92:208] = 4095
    image[100:200, 100:200] = code
    result = redact(image, rapidocr)
    assert blacked(result, image.shape)[100:200, 100:200].mean() > 0.95
    assert "code" in {box.rule for box in result.boxes}


def blacked(result: PixelResult, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, bool)
    for box in result.boxes:
        if box.decision is BoxDecision.REDACTED:
            mask[box.top_px : box.bottom_px, box.left_px : box.right_px] = True
    return mask


@pytest.mark.parametrize("marker", ["R", "AP", "PORTABLE", "LEFT LATERAL"])
def test_marker_is_kept(noise_image: Draw, burn: Burn, rapidocr: TextReader, marker: str) -> None:
    image = noise_image()
    burn(image, marker, (30, 30), size=36)
    result = redact(image, rapidocr)
    assert [box.decision for box in result.boxes] == [BoxDecision.KEPT]
    assert np.array_equal(result.pixels, image)


def test_lone_letter_is_not_touched(noise_image: Draw, burn: Burn, rapidocr: TextReader) -> None:
    image = noise_image()
    burn(image, "L", (30, 30), size=36)
    assert np.array_equal(redact(image, rapidocr).pixels, image)


def test_marker_stays_while_the_name_goes(noise_image: Draw, burn: Burn, rapidocr: TextReader) -> None:
    image = noise_image()
    marker = burn(image, "PORTABLE", (30, 30))
    name = burn(image, "Ross, Ruth", (400, 250))
    result = redact(image, rapidocr)
    assert (result.pixels[marker] == 4095).all()
    assert not (result.pixels[name] == 4095).any()


def test_patient_named_like_a_marker_loses_it(noise_image: Draw, burn: Burn, rapidocr: TextReader) -> None:
    image = noise_image()
    ink = burn(image, "RIGHT", (30, 30))
    assert not (redact(image, rapidocr, identifiers=("Wright Anna",)).pixels[ink] == 4095).any()


def test_middle_initial_does_not_outlive_the_name(noise_image: Draw, burn: Burn, rapidocr: TextReader) -> None:
    image = noise_image()
    burn(image, "Ross, Ruth", (60, 40))
    initial = burn(image, "R", (60, 210))
    assert not (redact(image, rapidocr).pixels[initial] == 4095).any()


def test_rows_say_where_and_why_but_never_what(noise_image: Draw, burn: Burn, rapidocr: TextReader) -> None:
    image = noise_image()
    burn(image, "Castillo Mona 4471203 02/03/1961", (40, 20))
    [box] = redact(image, rapidocr).boxes
    assert (box.rule, box.engine, box.constancy) == ("long", "none", 1.0)
    assert "astillo" not in repr(redact(image, rapidocr))


def test_the_order_of_arrival_changes_nothing(noise_image: Draw, burn: Burn, rapidocr: TextReader) -> None:
    images = [noise_image(seed=seed) for seed in (1, 2)]
    for image, text in zip(images, ("ERECT", "Ross R"), strict=True):
        burn(image, text, (40, 60))
    forth = [redact(image, rapidocr).pixels for image in images]
    back = [redact(image, rapidocr).pixels for image in reversed(images)]
    assert all(np.array_equal(a, b) for a, b in zip(forth, reversed(back), strict=True))


@pytest.mark.parametrize(("error", "reason"), [(ItemError(Reason.E_OCR, "down"), Reason.E_OCR)])
def test_failing_reader_quarantines_the_image(
    noise_image: Draw, burn: Burn, fake_reader: Callable[..., TextReader], error: ItemError, reason: Reason
) -> None:
    image = noise_image()
    burn(image, "Erect", (40, 60), size=31)
    with pytest.raises(ItemError) as caught:
        redact(image, fake_reader(error, name="broken"))
    assert caught.value.reason is reason


def test_no_reader_is_e_ocr(noise_image: Draw) -> None:
    with pytest.raises(ItemError) as caught:
        redact_pixels(
            noise_image(),
            photometric=Photometric.MONOCHROME2,
            identifiers=(),
            readers=(),
            markers=load_marker_policy(),
        )
    assert caught.value.reason is Reason.E_OCR


def test_surviving_residue_quarantines_the_image(
    noise_image: Draw, burn: Burn, rapidocr: TextReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = noise_image()
    burn(image, "Ross, Ruth", (40, 60))
    from cxr_core.deidentify.pixels import residue

    monkeypatch.setattr(residue, "repainted", lambda search, _: search)  # as if nothing had been blacked
    monkeypatch.setattr(residue, "_closed", lambda shape, _: np.zeros(shape, np.bool_))
    with pytest.raises(ItemError) as caught:
        redact(image, rapidocr)
    assert caught.value.reason is Reason.E_RESIDUAL


def with_zip(image: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Two rows of teeth that mesh, from top to bottom, with the slider at the upper end."""
    image[10:40, 250:270] = 3300
    for index, top in enumerate(range(44, image.shape[0] - 8, 8)):
        left = 250 if index % 2 else 258
        image[top : top + 5, left : left + 12] = 3300
    return image


def test_a_zip_is_left_alone(noise_image: Draw, rapidocr: TextReader) -> None:
    assert redact(with_zip(noise_image()), rapidocr).boxes == ()


@pytest.mark.parametrize("at", [(200, 40), (200, 290), (200, 200)])
@pytest.mark.parametrize("turn", [0, 1])
def test_a_name_beside_a_zip_or_across_it_goes(
    noise_image: Draw, burn: Burn, rapidocr: TextReader, at: tuple[int, int], turn: int
) -> None:
    image = with_zip(noise_image())
    ink = burn(image, "Ross, Ruth", at, size=24, turn=turn)
    assert (redact(image, rapidocr).pixels[ink] == image.min()).mean() > 0.95


def test_colour_frame_is_refused(rapidocr: TextReader) -> None:
    with pytest.raises(ItemError) as caught:
        redact(np.zeros((10, 10, 3), np.uint8), rapidocr)
    assert caught.value.reason is Reason.E_PIXELS


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (16, 16)])
def test_odd_sizes_and_flat_images_pass(rapidocr: TextReader, shape: tuple[int, int]) -> None:
    image = np.full(shape, 7, np.uint16)
    assert np.array_equal(redact(image, rapidocr).pixels, image)


def test_large_mask_is_flagged(noise_image: Draw, burn: Burn, rapidocr: TextReader) -> None:
    image = noise_image(rows=200, columns=520)
    for row in (30, 90, 150):
        burn(image, "Ross, Ruth 01/02/1950", (row, 20), size=40)
    assert QualityFlag.LARGE_MASK in redact(image, rapidocr).flags


@pytest.mark.parametrize("at", [(0, 0), (0, 200), (200, 0)])
def test_a_line_that_touches_the_edge_of_the_image_goes_whole(
    noise_image: Draw, burn: Burn, rapidocr: TextReader, at: tuple[int, int]
) -> None:
    image = noise_image()
    ink = burn(image, "KAUFMAN, SCOTT 03.09.2012", at, size=15)
    removed = np.zeros(image.shape, np.bool_)
    for box in redact(image, rapidocr).boxes:
        removed[box.top_px : box.bottom_px, box.left_px : box.right_px] = True
    assert removed[ink].mean() == 1.0


@pytest.mark.parametrize("last", ["SUPINE", "PORTABLE"])
def test_a_marker_that_is_the_last_line_of_a_block_stays(
    noise_image: Draw, burn: Burn, rapidocr: TextReader, last: str
) -> None:
    image = noise_image()
    names = [burn(image, text, (60 + 30 * row, 40)) for row, text in enumerate(("Ross, Ruth R.", "02/03/1961"))]
    marker = burn(image, last, (120, 40))
    result = redact(image, rapidocr)
    assert (result.pixels[marker] == 4095).all()
    assert not any((result.pixels[name] == 4095).any() for name in names)


@pytest.mark.parametrize("last", ["RT: M. Quill", "PORT, Al", "L. Ono"])
def test_a_name_like_a_marker_in_a_block_leaves_nothing(
    noise_image: Draw, burn: Burn, rapidocr: TextReader, last: str
) -> None:
    image = noise_image()
    burn(image, "Ross, Ruth R.", (60, 40))
    name = burn(image, last, (90, 40))
    assert not (redact(image, rapidocr).pixels[name] == 4095).any()
