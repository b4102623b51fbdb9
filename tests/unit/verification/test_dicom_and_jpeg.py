"""The structure of DICOM and JPEG files: nothing may stand where something could hide."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit
from source_factory import UID, make_needles

from cxr_core.verification.findings import Finding
from cxr_core.verification.structure import gzip_faults, split_jpeg
from cxr_core.verification.verify import verify_tree


def clean_dicom() -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    meta.MediaStorageSOPInstanceUID = "2.25.123456789012345678901234567890"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = "2.25.42"
    header = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    header.SOPClassUID = meta.MediaStorageSOPClassUID
    header.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    header.PatientName = "10000032"
    header.PatientID = "10000032"
    header.PatientBirthDate = ""
    header.StudyDate = "21450307"
    header.StudyTime = "090000"
    header.ViewPosition = "PA"
    header.Rows, header.Columns = 4, 5
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 12, 11
    header.SamplesPerPixel, header.PixelRepresentation = 1, 0
    header.PhotometricInterpretation = "MONOCHROME2"
    header.PixelData = np.arange(20, dtype="<u2").tobytes()
    return header


def kinds(folder: Path, header: Dataset | None = None, data: bytes | None = None) -> set[Finding]:
    sink = io.BytesIO()
    if header is not None:
        header.save_as(sink, enforce_file_format=False)
    path = folder / "p10" / "p10000032" / "s50414267" / "image.dcm"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if data is not None else sink.getvalue())
    return set(verify_tree(folder, make_needles()).counts())


def saved(header: Dataset) -> bytes:
    sink = io.BytesIO()
    header.save_as(sink)
    return sink.getvalue()


def test_a_clean_dicom_file_passes(tmp_path: Path) -> None:
    assert kinds(tmp_path, clean_dicom()) == set()


@pytest.mark.parametrize(
    ("keyword", "value", "kind"),
    [
        ("PatientName", "ZABRINSKI^OTTOKAR", Finding.NAME),
        ("PatientID", "0047-11298", Finding.IDENTIFIER),
        ("StudyDescription", "for Dr Lindqvist", Finding.NAME_PART),
        ("AccessionNumber", "90817263", Finding.IDENTIFIER),
        ("StudyDate", "20131209", Finding.DATE),
        ("StudyInstanceUID", UID, Finding.UID),
        ("SeriesInstanceUID", "1.3.6.1.4.1.99999.8", Finding.DICOM_UID),
        ("InstitutionName", "somewhere", Finding.DICOM_TAG),
        ("PatientBirthDate", "21000101", Finding.DICOM_TAG),
        ("PatientName", "Someone else", Finding.DICOM_TAG),
    ],
)
def test_a_leaking_element_is_found(tmp_path: Path, keyword: str, value: str, kind: Finding) -> None:
    header = clean_dicom()
    setattr(header, keyword, value)
    assert kind in kinds(tmp_path, header)


def test_a_leak_in_a_nested_sequence_is_found(tmp_path: Path) -> None:
    header, item = clean_dicom(), Dataset()
    item.ReferringPhysicianName = "Lindqvist-Okafor^Marit"
    header.ReferencedStudySequence = [item]
    assert kinds(tmp_path, header) >= {Finding.DICOM_TAG, Finding.NAME}


def test_private_overlay_and_unknown_bytes_are_found(tmp_path: Path) -> None:
    header = clean_dicom()
    header.add_new(0x00091010, "UN", b"ZABRINSKI ")
    header.add_new(0x60003000, "OW", bytes(4))
    assert kinds(tmp_path, header) >= {Finding.DICOM_TAG, Finding.NAME_PART}


def test_preamble_and_file_meta_are_searched(tmp_path: Path) -> None:
    header = clean_dicom()
    header.preamble = b"ZABRINSKI".ljust(128, b"\0")
    header.file_meta.SourceApplicationEntityTitle = "OTTOKAR"
    assert kinds(tmp_path, header) >= {Finding.DICOM_PREAMBLE, Finding.DICOM_TAG, Finding.NAME_PART}


def test_pixels_longer_than_the_image_are_found(tmp_path: Path) -> None:
    header = clean_dicom()
    header.PixelData += b"12"
    assert kinds(tmp_path, header) == {Finding.DICOM_PIXELS}


@pytest.mark.parametrize("tail", [b"", b"\0\0"])
def test_encapsulated_pixels_end_the_file(tmp_path: Path, tail: bytes) -> None:
    header = clean_dicom()
    header.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    header.PixelData = encapsulate([jpeg()])
    header["PixelData"].VR = "OB"
    expected = {Finding.DICOM_PIXELS} if tail else set()
    assert kinds(tmp_path, data=saved(header) + tail) == expected


def test_bytes_after_the_pixels_are_found(tmp_path: Path) -> None:
    assert kinds(tmp_path, data=saved(clean_dicom()) + b"ZABRINSKI^OTTOKAR here")


def test_broken_dicom_is_a_finding_and_no_crash(tmp_path: Path) -> None:
    broken = saved(clean_dicom())[:300]
    assert Finding.DICOM_UNREADABLE in kinds(tmp_path, data=broken + b"\xff" * 40)


def test_pydicom_prints_no_value(tmp_path: Path) -> None:
    """Warnings are errors in this suite: an invalid date would raise if pydicom's warning came through."""
    data = saved(clean_dicom()).replace(b"21450307", b"ZABRINSK")
    assert kinds(tmp_path, data=data) == set()


def jpeg(**options: object) -> bytes:
    sink = io.BytesIO()
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(sink, "JPEG", **options)
    return sink.getvalue()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 100}, {"optimize": True}])
def test_plain_jpegs_have_no_fault(options: dict[str, object]) -> None:
    parts = split_jpeg(jpeg(**options))
    assert parts.faults == ()
    assert parts.tail == b""
    assert [name for name, _ in parts.segments] == ["APP0"]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (jpeg(comment=b"hello"), Finding.JPEG_SEGMENT),
        (jpeg(exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"), Finding.JPEG_SEGMENT),
        (jpeg() + b"x", Finding.JPEG_TAIL),
        (jpeg()[:-2], Finding.JPEG_DAMAGED),
        (jpeg()[:40], Finding.JPEG_DAMAGED),
    ],
)
def test_jpegs_with_room_for_more_have_a_fault(data: bytes, fault: Finding) -> None:
    assert fault in split_jpeg(data).faults


def test_a_gzip_header_with_time_or_name_is_a_fault() -> None:
    plain = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    assert gzip_faults(plain) == ()
    assert gzip_faults(plain[:3] + b"\x08" + plain[4:]) == (Finding.GZIP_HEADER,)
    assert gzip_faults(plain[:4] + b"\x01" + plain[5:]) == (Finding.GZIP_HEADER,)
