"""Every accepted transfer syntax gives its pixels back; everything else is refused by code before it can harm."""

import re

import numpy as np
import pytest
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from cxr_core.errors import ItemError
from cxr_core.imaging import decode, read_header
from cxr_core.vocabulary import Photometric, Reason

NATIVE = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
LOSSLESS = [
    *NATIVE,
    RLELossless,
    JPEGLosslessSV1,
    JPEGLossless,
    JPEGLSLossless,
    JPEG2000Lossless,
    JPEG2000,
    HTJ2KLossless,
    HTJ2K,
]


def refusal(dataset, **options):
    with pytest.raises(ItemError) as caught:
        decode(dataset, **options)
    return caught.value.reason


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: uid.name)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_syntax_gives_the_pixels_back(radiograph, make_dataset, syntax, bits):
    pixels = radiograph(bits=bits)
    stored = decode(make_dataset(pixels, syntax, bits=bits))
    np.testing.assert_array_equal(stored.pixels, pixels)
    assert stored.pixels.dtype == pixels.dtype
    assert (stored.bits_stored, stored.is_signed, stored.suspect) == (bits, False, False)
    assert stored.photometric is Photometric.MONOCHROME2


@pytest.mark.parametrize(
    ("syntax", "bits", "tolerance"),
    [(JPEGBaseline8Bit, 8, 8), (JPEGExtended12Bit, 12, 128), (JPEGLSNearLossless, 12, 2)],
)
def test_lossy_syntax_comes_close(radiograph, make_dataset, syntax, bits, tolerance):
    pixels = radiograph(bits=bits)
    stored = decode(make_dataset(pixels, syntax, bits=bits))
    assert np.abs(stored.pixels.astype(int) - pixels).max() <= tolerance
    assert not stored.suspect


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEG2000Lossless, HTJ2KLossless]
)
def test_signed_pixels_keep_their_sign(radiograph, make_dataset, encode_frame, syntax):
    signed = (radiograph().astype(np.int32) - 2048).astype(np.int16)
    frame = None
    if syntax == RLELossless:
        frame = encode_frame(signed.view(np.uint16), syntax, 16)
    stored = decode(make_dataset(signed, syntax, bits=16, frame=frame))
    np.testing.assert_array_equal(stored.pixels, signed)
    assert stored.is_signed


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, ExplicitVRLittleEndian])
def test_sign_is_read_from_the_highest_meant_bit(radiograph, make_dataset, encode_frame, syntax):
    signed = (radiograph().astype(np.int32) - 2048).astype(np.int16)
    patterns = signed.view(np.uint16) & 0x0FFF
    frame = patterns.tobytes() if syntax in NATIVE else encode_frame(patterns, syntax, 12)
    stored = decode(make_dataset(signed, syntax, bits=12, frame=frame))
    np.testing.assert_array_equal(stored.pixels, signed)
    assert not stored.suspect


def test_declared_overlay_in_high_bits_is_cleared(radiograph, make_dataset):
    pixels = radiograph()
    dataset = make_dataset(pixels | np.uint16(0x8000))
    dataset.add_new(0x60000102, "US", 15)
    stored = decode(dataset)
    np.testing.assert_array_equal(stored.pixels, pixels)
    assert not stored.suspect


def test_undeclared_high_bits_are_cleared_and_suspect(radiograph, make_dataset):
    pixels = radiograph()
    stored = decode(make_dataset(pixels | np.uint16(0x4000)))
    np.testing.assert_array_equal(stored.pixels, pixels)
    assert stored.suspect


def test_big_endian_bytes_sent_as_words_are_swapped_back(radiograph, make_dataset):
    pixels = radiograph(bits=8)
    swapped = pixels.ravel().view("<u2").byteswap().tobytes()
    dataset = make_dataset(pixels, ExplicitVRBigEndian, bits=8, frame=swapped)
    dataset["PixelData"].VR = "OW"
    np.testing.assert_array_equal(decode(dataset).pixels, pixels)


def test_frame_in_several_fragments_is_joined(radiograph, make_dataset, encode_frame):
    pixels = radiograph()
    frame = encode_frame(pixels, JPEGLSLossless, 12)
    items = [b"", frame[:500], frame[500:1001] + frame[1001:1002], frame[1002:]]
    dataset = make_dataset(pixels, JPEGLSLossless)
    dataset.PixelData = b"".join(b"\xfe\xff\x00\xe0" + len(i).to_bytes(4, "little") + i for i in items)
    np.testing.assert_array_equal(decode(dataset).pixels, pixels)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"NumberOfFrames": "2"}, Reason.E_SOP),
        ({"SamplesPerPixel": 3}, Reason.E_SOP),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, Reason.E_SOP),
        ({"PhotometricInterpretation": None}, Reason.E_SOP),
        ({"BitsAllocated": 32}, Reason.E_SOP),
        ({"BitsAllocated": 1, "BitsStored": 1}, Reason.E_SOP),
        ({"Rows": 65535, "Columns": 65535}, Reason.E_BOMB),
        ({"NumberOfFrames": "2000000"}, Reason.E_BOMB),
        ({"Rows": 0}, Reason.E_PIXELS),
        ({"Rows": None}, Reason.E_PIXELS),
        ({"BitsStored": 0}, Reason.E_PIXELS),
        ({"BitsStored": 17}, Reason.E_PIXELS),
        ({"PixelRepresentation": 2}, Reason.E_PIXELS),
        ({"PixelData": None}, Reason.E_PIXELS),
        ({"Rows": 97}, Reason.E_PIXELS),
    ],
    ids=str,
)
def test_header_is_judged_before_pixels(radiograph, make_dataset, tags, reason):
    assert refusal(make_dataset(radiograph(), **tags)) is reason


def test_object_without_image_is_no_image(make_dataset, radiograph):
    absent = ("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelData")
    assert refusal(make_dataset(radiograph(), **dict.fromkeys(absent))) is Reason.E_SOP


def test_cap_on_pixels_can_be_set(radiograph, make_dataset):
    assert refusal(make_dataset(radiograph()), max_pixels=7679) is Reason.E_BOMB
    assert decode(make_dataset(radiograph()), max_pixels=7680).pixels.size == 7680


@pytest.mark.parametrize(
    "uid",
    ["1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55", "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.92", "1.2.3"],
)
def test_syntax_without_decoder_is_refused(radiograph, make_dataset, encode_frame, uid):
    frame = encode_frame(radiograph(), JPEGExtended12Bit, 12)
    dataset = make_dataset(radiograph(), JPEGExtended12Bit, frame=frame)
    dataset.file_meta.TransferSyntaxUID = UID(uid)
    assert refusal(dataset) is Reason.E_TS


def test_lossy_depth_other_than_declared_is_refused(radiograph, make_dataset, encode_frame):
    frame = encode_frame(radiograph(bits=12), JPEGExtended12Bit, 12)
    assert refusal(make_dataset(radiograph(bits=10), JPEGExtended12Bit, bits=10, frame=frame)) is Reason.E_TS


ENCAPSULATED = [
    (RLELossless, 12),
    (JPEGBaseline8Bit, 8),
    (JPEGExtended12Bit, 12),
    (JPEGLosslessSV1, 12),
    (JPEGLossless, 12),
    (JPEGLSLossless, 12),
    (JPEG2000Lossless, 12),
    (HTJ2KLossless, 12),
]


@pytest.mark.parametrize(("syntax", "bits"), ENCAPSULATED)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9])
def test_truncated_frame_is_refused(radiograph, make_dataset, encode_frame, syntax, bits, share):
    pixels = radiograph(200, 160, bits)
    frame = encode_frame(pixels, syntax, bits)
    cut = frame[: int(len(frame) * share) // 2 * 2]
    assert refusal(make_dataset(pixels, syntax, bits=bits, frame=cut)) is Reason.E_PIXELS


@pytest.mark.parametrize(("syntax", "bits"), [(JPEGBaseline8Bit, 8), (JPEGExtended12Bit, 12)])
def test_lossy_frame_without_end_marker_is_suspect(radiograph, make_dataset, encode_frame, syntax, bits):
    pixels = radiograph(200, 160, bits)
    frame = encode_frame(pixels, syntax, bits).removesuffix(b"\xff\xd9")
    assert decode(make_dataset(pixels, syntax, bits=bits, frame=frame)).suspect


@pytest.mark.parametrize(("syntax", "bits"), [(JPEGBaseline8Bit, 8), (JPEGExtended12Bit, 12)])
def test_lossy_frame_cut_and_closed_again_is_suspect(radiograph, make_dataset, encode_frame, syntax, bits):
    pixels = radiograph(200, 160, bits)
    frame = encode_frame(pixels, syntax, bits)
    frame = frame[: len(frame) // 2] + b"\xff\xd9"
    assert decode(make_dataset(pixels, syntax, bits=bits, frame=frame)).suspect


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGLossless])
def test_lossless_frame_cut_and_closed_again_is_refused(radiograph, make_dataset, encode_frame, syntax):
    pixels = radiograph(200, 160)
    frame = encode_frame(pixels, syntax, 12)
    frame = frame[: len(frame) // 2] + b"\xff\xd9"
    assert refusal(make_dataset(pixels, syntax, frame=frame)) is Reason.E_PIXELS


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless])
def test_bytes_behind_the_end_marker_are_suspect(radiograph, make_dataset, encode_frame, syntax):
    pixels = radiograph()
    frame = encode_frame(pixels, syntax, 12) + b"SECRET"
    stored = decode(make_dataset(pixels, syntax, frame=frame))
    np.testing.assert_array_equal(stored.pixels, pixels)
    assert stored.suspect


def test_bytes_behind_native_pixels_are_suspect(radiograph, make_dataset):
    pixels = radiograph()
    stored = decode(make_dataset(pixels, frame=pixels.tobytes() + b"SECRET"))
    np.testing.assert_array_equal(stored.pixels, pixels)
    assert stored.suspect


def test_htj2k_damage_that_the_decoder_cannot_raise_is_noticed(radiograph, make_dataset, encode_frame):
    pixels = radiograph(200, 160)
    frame = bytearray(encode_frame(pixels, HTJ2KLossless, 12))
    tile_part = frame.find(b"\xff\x90")
    cut = (len(frame) - tile_part) // 2
    frame[tile_part + 6 : tile_part + 10] = cut.to_bytes(4, "big")  # the length agrees with the cut
    whole = bytes(frame[: tile_part + cut]) + b"\xff\xd9"
    assert refusal(make_dataset(pixels, HTJ2KLossless, frame=whole)) is Reason.E_PIXELS


@pytest.mark.parametrize(("syntax", "bits"), ENCAPSULATED[1:])
def test_frame_of_another_size_is_refused_undecoded(radiograph, make_dataset, encode_frame, syntax, bits):
    frame = encode_frame(radiograph(64, 64, bits), syntax, bits)
    assert refusal(make_dataset(radiograph(96, 80, bits), syntax, bits=bits, frame=frame)) is Reason.E_PIXELS


@pytest.mark.parametrize(
    "offsets", [(2, 64, 10**9), (2, 64, 60), (2, 0, 0), (15, 64, 100), (0, 0, 0), (2, 2**32 - 1, 70)]
)
def test_rle_offsets_are_checked_before_the_decoder_follows_them(radiograph, make_dataset, offsets):
    header = np.zeros(16, "<u4")
    header[:3] = offsets
    frame = header.tobytes() + bytes(200)
    assert refusal(make_dataset(radiograph(), RLELossless, frame=frame)) is Reason.E_PIXELS


def test_offset_table_without_frame_is_refused(radiograph, make_dataset):
    dataset = make_dataset(radiograph(), JPEGLSLossless)
    dataset.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0"
    assert refusal(dataset) is Reason.E_PIXELS


def test_encapsulated_data_under_a_native_syntax_is_refused(radiograph, make_dataset):
    dataset = make_dataset(radiograph(), JPEGLSLossless)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    assert refusal(dataset) is Reason.E_PIXELS


def test_native_data_under_an_encapsulated_syntax_is_refused(radiograph, make_dataset):
    dataset = make_dataset(radiograph())
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    assert refusal(dataset) is Reason.E_PIXELS


def test_jpeg_2000_of_too_many_tiles_is_a_bomb(radiograph, make_dataset, encode_frame):
    frame = bytearray(encode_frame(radiograph(400, 400), JPEG2000Lossless, 12))
    frame[24:32] = (1).to_bytes(4, "big") * 2
    assert refusal(make_dataset(radiograph(400, 400), JPEG2000Lossless, frame=bytes(frame))) is Reason.E_BOMB


def test_refusal_holds_no_value_of_the_header(radiograph, make_dataset):
    dataset = make_dataset(radiograph(), PhotometricInterpretation="DOE JANE")
    dataset.PatientName = "DOE^JANE"
    with pytest.raises(ItemError) as caught:
        decode(dataset)
    assert not re.search("DOE|JANE", str(caught.value) + repr(caught.value.__cause__))


def test_decoding_leaves_the_dataset_alone(radiograph, make_dataset):
    dataset = make_dataset(radiograph() | np.uint16(0x8000))
    before = dataset.PixelData
    decode(dataset)
    assert dataset.PixelData == before


def test_pixel_data_of_an_unknown_representation_is_refused(radiograph, make_dataset, file_bytes, tmp_path):
    content = file_bytes(make_dataset(radiograph()))
    path = tmp_path / "IM1"
    path.write_bytes(content.replace(b"\xe0\x7f\x10\x00OW", b"\xe0\x7f\x10\x00O\xfe"))
    assert refusal(read_header(path)) is Reason.E_PIXELS


@pytest.mark.parametrize("damage", ["length of 17 bits", "table cut short"])
def test_lossless_tables_that_ask_for_more_than_a_pixel_has_are_refused(radiograph, make_dataset, encode_frame, damage):
    """A second decoder trusts the table and reads behind its input."""
    frame = bytearray(encode_frame(radiograph(), JPEGLossless, 12))
    table = frame.find(b"\xff\xc4") + 4
    frame[table + (17 if damage == "length of 17 bits" else 1)] = 17 if damage == "length of 17 bits" else 200
    assert refusal(make_dataset(radiograph(), JPEGLossless, frame=bytes(frame))) is Reason.E_PIXELS
