"""Files are read tolerantly where they are DICOM, and refused by code where they are not or would explode."""

import zlib

import numpy as np
import pytest
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
)

from cxr_core.errors import ItemError, TransientError
from cxr_core.imaging import decode, read_header
from cxr_core.vocabulary import Reason


@pytest.fixture
def save(tmp_path, file_bytes):
    def write(content):
        path = tmp_path / "IM1"
        path.write_bytes(content if isinstance(content, bytes) else file_bytes(content))
        return path

    return write


def refusal(path, **options):
    with pytest.raises(ItemError) as caught:
        read_header(path, **options)
    return caught.value.reason


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        JPEGLSLossless,
    ],
)
def test_file_comes_back_with_its_pixels(radiograph, make_dataset, save, syntax):
    pixels = radiograph()
    dataset = read_header(save(make_dataset(pixels, syntax)))
    assert dataset.file_meta.TransferSyntaxUID == syntax
    np.testing.assert_array_equal(decode(dataset).pixels, pixels)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_file_without_preamble_and_meta_is_read(radiograph, make_dataset, save, file_bytes, syntax):
    pixels = radiograph()
    content = file_bytes(make_dataset(pixels, syntax))
    start = 132 + 12 + int.from_bytes(content[140:144], "little")
    np.testing.assert_array_equal(decode(read_header(save(content[start:]))).pixels, pixels)


def test_file_with_meta_but_no_preamble_is_read(radiograph, make_dataset, save, file_bytes):
    pixels = radiograph()
    content = file_bytes(make_dataset(pixels))
    np.testing.assert_array_equal(decode(read_header(save(content[132:]))).pixels, pixels)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_pixels_can_be_left_out(radiograph, make_dataset, save, syntax):
    dataset = read_header(save(make_dataset(radiograph(), syntax)), stop_before_pixels=True)
    assert "PixelData" not in dataset
    assert dataset.Rows == 96


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        b"Notes of the ward\n" * 40,
        b"\xff\xd8\xff\xe0" + bytes(500),
        bytes(128) + b"DICM",
        bytes(400),
        b"\x08\x00 looks like one" * 30,
        b"\x02\x00" * 200,
    ],
    ids=range(8),
)
def test_other_files_are_not_dicom(save, content):
    assert refusal(save(content)) is Reason.E_NOT_DICOM


def test_media_directory_is_told_apart(radiograph, make_dataset, save):
    dataset = make_dataset(radiograph(), PixelData=None)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.1.3.10")
    assert refusal(save(dataset)) is Reason.E_DICOMDIR


def deflated(file_bytes, dataset, payload):
    content = file_bytes(dataset)
    start = 132 + 12 + int.from_bytes(content[140:144], "little")
    return content[:start] + payload


def test_deflated_bomb_is_refused_before_it_grows(radiograph, make_dataset, save, file_bytes):
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    payload = deflater.compress(bytes(5_000_000)) + deflater.flush()
    content = deflated(file_bytes, make_dataset(radiograph(), DeflatedExplicitVRLittleEndian), payload)
    assert len(content) < 20_000
    assert refusal(save(content), max_inflated_bytes=1_000_000) is Reason.E_BOMB
    assert refusal(save(content), max_inflated_bytes=1_000_000, stop_before_pixels=True) is Reason.E_BOMB


def test_truncated_deflate_is_damaged(radiograph, make_dataset, save, file_bytes):
    content = file_bytes(make_dataset(radiograph(), DeflatedExplicitVRLittleEndian))
    assert refusal(save(content[:-200])) is Reason.E_PIXELS


def test_damaged_deflate_is_damaged(radiograph, make_dataset, save, file_bytes):
    content = deflated(file_bytes, make_dataset(radiograph(), DeflatedExplicitVRLittleEndian), b"\xff" * 50)
    assert refusal(save(content)) is Reason.E_PIXELS


def test_huge_file_is_refused_unread(tmp_path):
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(1 << 30)  # sparse: takes no disk
    assert refusal(path) is Reason.E_BOMB


def test_unreadable_file_is_the_machines_fault_and_its_name_stays_out(tmp_path):
    with pytest.raises(TransientError) as caught:
        read_header(tmp_path / "DOE_JANE.dcm")
    assert "DOE" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_truncated_native_file_loses_its_pixels_only(radiograph, make_dataset, save, file_bytes):
    content = file_bytes(make_dataset(radiograph()))
    with pytest.raises(ItemError) as caught:
        decode(read_header(save(content[:-500])))
    assert caught.value.reason is Reason.E_PIXELS


def test_pixels_that_look_like_items_are_pixels(make_dataset, save):
    pixels = np.tile(np.array([0xFFFE, 0xE000], np.uint16), (200, 150))  # 30,000 heads of items, were it a sequence
    np.testing.assert_array_equal(decode(read_header(save(make_dataset(pixels, bits=16)))).pixels, pixels)


def test_crowd_of_fragments_is_refused(radiograph, make_dataset, save):
    dataset = make_dataset(radiograph(), JPEGLSLossless)
    dataset.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0" * 20_001
    assert refusal(save(dataset)) is Reason.E_BOMB


@pytest.mark.parametrize("tag", [0x00081140, 0x00091001, 0x00880200, 0xFFFCFFFC], ids=hex)
def test_crowd_of_items_is_refused_before_and_behind_the_pixels(radiograph, make_dataset, save, tag):
    dataset = make_dataset(radiograph())
    dataset.add_new(tag, "OB", b"\xfe\xff\x00\xe0\0\0\0\0" * 20_001)
    assert refusal(save(dataset)) is Reason.E_BOMB


def test_name_of_the_file_stays_out_of_the_dataset(radiograph, make_dataset, save):
    assert not read_header(save(make_dataset(radiograph()))).filename


def test_file_meta_with_an_unknown_representation_is_read_over(radiograph, make_dataset, save, file_bytes):
    content = file_bytes(make_dataset(radiograph()))
    damaged = content.replace(b"\x02\x00\x02\x00UI", b"\x02\x00\x02\x00Ui", 1)
    np.testing.assert_array_equal(decode(read_header(save(damaged))).pixels, radiograph())
