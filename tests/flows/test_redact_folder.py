"""`cxr redact` over a folder: same names, boxes as a table, pictures for the operator, one line for each refusal."""

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from building import Result
from building import run as run_command
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

CXR = str(Path(sys.executable).with_name("cxr"))
NAME = "Quillfeather, Ambrose"


def write(path: Path, text: str = "", marker: str = "", *, seed: int = 5) -> NDArray[np.uint16]:
    y, x = np.mgrid[0:420, 0:500]
    grain = np.random.default_rng(seed).normal(0, 12, (420, 500))
    stored = (1500 + 500 * np.sin(y / 90) * np.cos(x / 110) + grain).astype(np.uint16)
    for words, at in ((text, (30, 40)), (marker, (30, 330))):
        picture = Image.new("L", (500, 420))
        ImageDraw.Draw(picture).text(at, words, fill=255, font=ImageFont.load_default(30))
        stored[np.asarray(picture) > 127] = 4000
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", f"1.2.3.{seed}"
    dataset.PatientName, dataset.PatientID, dataset.Modality = "Quillfeather^Ambrose", "4711", "CR"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelData = stored.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return stored


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "in" / "a" / "named.dcm", NAME, "PORTABLE")
    write(tmp_path / "in" / "plain.dcm", seed=6)
    (tmp_path / "in" / "notes.txt").write_text("no image")
    return tmp_path


def run(folder: Path, *options: str) -> Result:
    command = [CXR, "redact", str(folder / "in"), "-o", str(folder / "out"), "--reader", "rapidocr", *options]
    return run_command(command, {"PATH": "/usr/bin:/bin", "HOME": str(folder)})


def test_names_go_markers_stay_and_text_free_pixels_are_equal(folder: Path) -> None:
    told = run(folder)
    assert told.code == 0, told.err
    named = dcmread(folder / "out" / "a" / "named.dcm").pixel_array
    assert not (named[20:90, 20:320] == 4000).any()
    assert (named[300:400, 20:200] == 4000).sum() > 300
    assert np.array_equal(
        dcmread(folder / "out" / "plain.dcm").pixel_array, dcmread(folder / "in" / "plain.dcm").pixel_array
    )
    assert "2 redacted, E_NOT_DICOM 1;" in told.out
    assert "images/s" in told.out
    assert "boxes: 1 removed, 1 markers kept; to review: none" in told.out
    assert "notes.txt: E_NOT_DICOM" in told.err
    assert not (folder / "out" / "notes.txt").exists()


def test_boxes_say_where_and_why(folder: Path) -> None:
    assert run(folder, "--boxes", str(folder / "boxes.parquet")).code == 0
    boxes = pl.read_parquet(folder / "boxes.parquet").sort("top_px")
    assert boxes.select("path", "decision").rows() == [("a/named.dcm", "redacted"), ("a/named.dcm", "kept")]
    assert b"uillfeather" not in (folder / "boxes.parquet").read_bytes()


def test_a_folder_without_text_gives_an_empty_table_of_boxes(tmp_path: Path) -> None:
    write(tmp_path / "in" / "plain.dcm")
    assert run(tmp_path, "--boxes", str(tmp_path / "boxes.parquet")).code == 0
    assert pl.read_parquet(tmp_path / "boxes.parquet").height == 0


def test_sheets_are_for_their_owner_alone_and_never_in_the_output(folder: Path) -> None:
    assert run(folder, "--sheets", str(folder / "vault")).code == 0
    assert sorted(path.relative_to(folder / "vault").as_posix() for path in (folder / "vault").rglob("*.jpg")) == [
        "a/named.dcm.jpg",
        "plain.dcm.jpg",
    ]
    assert (folder / "vault").stat().st_mode & 0o777 == 0o700
    refused = run(folder, "--sheets", str(folder / "out" / "sheets"))
    assert refused.code == 2
    assert "must not lie inside the output" in refused.err


@pytest.mark.e2e
def test_two_workers_write_the_same_bytes(folder: Path) -> None:
    assert run(folder).code == 0
    first = {path.name: path.read_bytes() for path in (folder / "out").rglob("*.dcm")}
    assert run(folder, "--workers", "2").code == 0
    assert {path.name: path.read_bytes() for path in (folder / "out").rglob("*.dcm")} == first


def test_boxes_that_cannot_be_written_are_refused_before_the_work(folder: Path) -> None:
    told = run(folder, "--boxes", "/dev/null/boxes.parquet")
    assert (told.code, told.out) == (2, "")
    assert told.err == "cxr: /dev/null/boxes.parquet cannot be written\n"
