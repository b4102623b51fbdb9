"""The CSV files read as those of MIMIC-CXR-JPG 2, byte for byte."""

import gzip
from pathlib import Path

import polars as pl
import pytest
from release_factory import dicom, make_inputs

from cxr_core.release.layouts import gzip_bytes, labels_csv, metadata_csv, split_csv
from cxr_core.release.tables import image_path
from cxr_core.tables.catalogue import IMAGES
from cxr_core.vocabulary import Label


def test_metadata_has_the_columns_and_forms_of_the_layout(tmp_path: Path) -> None:
    lines = metadata_csv(make_inputs(tmp_path, subjects=1).images).decode().split("\n")
    assert lines == [
        "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,StudyDate,StudyTime,"
        "ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,PatientOrientationCodeSequence_CodeMeaning",
        f"{dicom(1)},10000001,50000001,CHEST (PA AND LAT),PA,16,16,21450107,90000.000,,postero-anterior,Erect",
        "",
    ]


@pytest.mark.parametrize(
    ("time", "written"),
    [
        ("213014.531", "213014.531"),
        ("213014.531234", "213014.531"),
        ("000500", "500.000"),
        ("2130", "213000.000"),
        ("07", "70000.000"),
        ("093000.5", "93000.500"),
        (None, ""),
        ("", ""),
    ],
)
def test_study_time_is_a_float(tmp_path: Path, time: str | None, written: str) -> None:
    images = make_inputs(tmp_path, subjects=1).images.with_columns(study_time=pl.lit(time, dtype=pl.String))
    assert metadata_csv(IMAGES.validate(images)).decode().splitlines()[1].split(",")[8] == written


def test_split_has_the_columns_of_the_layout() -> None:
    rows = {"dicom_id": ["b", "a"], "study_id": ["51", "50"], "subject_id": ["11", "10"], "split": ["test", "train"]}
    assert split_csv(pl.DataFrame(rows)) == b"dicom_id,study_id,subject_id,split\na,50,10,train\nb,51,11,test\n"


def test_labels_are_floats_or_empty() -> None:
    values = {label.value: [None] for label in Label}
    row = {"subject_id": ["10"], "study_id": ["50"], **values, "Edema": [1], "Fracture": [0], "Pneumonia": [-1]}
    frame = pl.DataFrame(row).with_columns(pl.col(label.value).cast(pl.Int8) for label in Label)
    assert labels_csv(frame).decode().split("\n") == [
        "subject_id,study_id,Atelectasis,Cardiomegaly,Consolidation,Edema,Enlarged Cardiomediastinum,Fracture,"
        "Lung Lesion,Lung Opacity,No Finding,Pleural Effusion,Pleural Other,Pneumonia,Pneumothorax,Support Devices",
        "10,50,,,,1.0,,0.0,,,,,,-1.0,,",
        "",
    ]


def test_gzip_has_no_name_and_no_time() -> None:
    packed = gzip_bytes(b"content")
    assert packed[:8] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
    assert gzip.decompress(packed) == b"content"


def test_image_path_groups_by_the_first_two_digits() -> None:
    expected = "files/p10/p10000032/s50414267/02aa804e-bde0afdd-112c0b34-7bc16630-4e384014.jpg"
    assert image_path("10000032", "50414267", "02aa804e-bde0afdd-112c0b34-7bc16630-4e384014") == expected
