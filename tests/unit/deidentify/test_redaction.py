"""One file's burned-in text: pixels change where text was, the header stays, whatever the file was written in."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from cxr_core.deidentify.redaction import redact_file
from cxr_core.policy.markers import load_marker_policy


class Blind:
    """A reader that reads nothing, so that all that looks like text goes."""

    name = "blind"

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        return [("", 0.0) for _ in crops]


def image(*, has_text: bool) -> NDArray[np.uint16]:
    y, x = np.mgrid[0:300, 0:400]
    grain = np.random.default_rng(5).normal(0, 12, (300, 400))
    stored = (1500 + 500 * np.sin(y / 90) * np.cos(x / 110) + grain).astype(np.uint16)
    if has_text:
        ink = np.zeros(stored.shape, np.uint8)
        cv2.putText(ink, "QUILL AMBROSE", (40, 60), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2)
        stored[ink > 127] = 4000
    return stored


def write(path: Path, pixels: NDArray[np.uint16], syntax: str, *, has_meta: bool = True) -> None:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3"
    dataset.PatientName, dataset.PatientID, dataset.Modality = "Quill^Ambrose", "4711", "CR"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    is_little = syntax != ExplicitVRBigEndian
    dataset.PixelData = pixels.astype("<u2" if is_little else ">u2").tobytes()
    dataset["PixelData"].VR = "OW"
    options = {"implicit_vr": syntax == ImplicitVRLittleEndian, "little_endian": is_little}
    if has_meta:
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
    dcmwrite(path, dataset, enforce_file_format=has_meta, **options)


SYNTAXES = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]


def redacted(path: Path, target: Path) -> tuple[Dataset, int]:
    result = redact_file(path, readers=[Blind()], markers=load_marker_policy())
    target.write_bytes(result.content)
    return dcmread(target), len(result.box_rows)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
def test_a_text_free_image_keeps_every_pixel_and_its_header(tmp_path: Path, syntax: str) -> None:
    write(tmp_path / "in", image(has_text=False), syntax)
    dataset, boxes = redacted(tmp_path / "in", tmp_path / "out")
    assert boxes == 0
    assert np.array_equal(dataset.pixel_array, image(has_text=False))
    assert (dataset.PatientName, dataset.Rows, dataset.BitsStored) == ("Quill^Ambrose", 300, 12)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
def test_text_goes_and_the_rest_stays_whatever_the_byte_order(tmp_path: Path, syntax: str) -> None:
    before = image(has_text=True)
    write(tmp_path / "in", before, syntax)
    dataset, boxes = redacted(tmp_path / "in", tmp_path / "out")
    after = dataset.pixel_array
    assert boxes > 0
    assert not (after[before == 4000] == 4000).any()
    assert np.array_equal(after[120:], before[120:])


def test_a_file_without_file_meta_gets_one(tmp_path: Path) -> None:
    write(tmp_path / "in", image(has_text=False), ImplicitVRLittleEndian, has_meta=False)
    dataset, _ = redacted(tmp_path / "in", tmp_path / "out")
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert np.array_equal(dataset.pixel_array, image(has_text=False))


def test_overlay_planes_and_the_icon_go_the_rest_of_the_header_stays(tmp_path: Path) -> None:
    write(tmp_path / "plain", image(has_text=False), ExplicitVRLittleEndian)
    dataset = dcmread(tmp_path / "plain")
    dataset.add_new(0x60000010, "US", 300)
    dataset.add_new(0x60003000, "OW", b"\xff" * 15000)
    dataset.add_new(0x601E3000, "OW", b"\xff" * 15000)
    icon = Dataset()
    icon.Rows, icon.Columns, icon.BitsAllocated, icon.PixelData = 8, 8, 8, b"\7" * 64
    icon["PixelData"].VR = "OB"
    dataset.IconImageSequence = [icon]
    dataset.save_as(tmp_path / "in")
    after, _ = redacted(tmp_path / "in", tmp_path / "out")
    assert [element.tag for element in after if element.tag.group >= 0x6000 and element.tag.group < 0x7FE0] == []
    assert "IconImageSequence" not in after
    assert after.PatientName == "Quill^Ambrose"


def test_the_sheet_shows_before_and_after_side_by_side(tmp_path: Path) -> None:
    write(tmp_path / "in", image(has_text=True), ExplicitVRLittleEndian)
    result = redact_file(tmp_path / "in", readers=[Blind()], markers=load_marker_policy(), has_sheet=True)
    assert result.sheet is not None
    sheet = cv2.imdecode(np.frombuffer(result.sheet, np.uint8), cv2.IMREAD_COLOR)
    assert sheet.shape == (322, 804, 3)
    before, after = sheet[22:, :400], sheet[22:, 404:]
    assert (before.min(axis=2) > 240).sum() > 500  # the white letters
    assert (after.min(axis=2) > 240).sum() == 0


def test_no_sheet_is_drawn_unasked(tmp_path: Path) -> None:
    write(tmp_path / "in", image(has_text=True), ExplicitVRLittleEndian)
    assert redact_file(tmp_path / "in", readers=[Blind()], markers=load_marker_policy()).sheet is None
