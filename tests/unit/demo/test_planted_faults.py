"""Each planted fault is really in the files, not only in the truth table."""

import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pydicom
import pytest
from pydicom.dataset import Dataset

from cxr_core.demo import DemoHospital
from cxr_core.demo.faults import Fault


def table(hospital: DemoHospital, name: str) -> pl.DataFrame:
    return pl.read_csv(hospital.truth / f"{name}.csv", infer_schema=False).fill_null("")


def fault_rows(hospital: DemoHospital, fault: Fault) -> list[dict[str, str]]:
    return table(hospital, "faults").filter(kind=fault.value).to_dicts()


def path_of(hospital: DemoHospital, fault: Fault) -> Path:
    return hospital.dicom.parent / fault_rows(hospital, fault)[0]["path"]


def read(path: Path) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True)


def reports_of(hospital: DemoHospital, fault: Fault) -> pl.DataFrame:
    return table(hospital, "reports").filter(study=fault_rows(hospital, fault)[0]["study"])


def test_truncated_pixels_are_shorter_than_rows_times_columns(hospital: DemoHospital) -> None:
    dataset = read(path_of(hospital, Fault.TRUNCATED))
    assert len(dataset.get("PixelData", b"")) < 2 * dataset.Rows * dataset.Columns


def test_no_pixels_means_no_pixel_data(hospital: DemoHospital) -> None:
    assert "PixelData" not in read(path_of(hospital, Fault.NO_PIXELS))


def test_no_meta_means_no_preamble_and_no_group_two(hospital: DemoHospital) -> None:
    content = path_of(hospital, Fault.NO_META).read_bytes()
    assert content[128:132] != b"DICM"
    assert content[:2] == b"\x08\x00"
    assert read(path_of(hospital, Fault.NO_META)).StudyInstanceUID


def test_identical_copies_are_identical(hospital: DemoHospital) -> None:
    first, copy = (hospital.dicom.parent / row["path"] for row in fault_rows(hospital, Fault.DUP_IDENTICAL))
    assert first != copy
    assert first.read_bytes() == copy.read_bytes()


def test_different_copies_share_the_uid_but_not_the_pixels(hospital: DemoHospital) -> None:
    original, copy = (hospital.dicom.parent / row["path"] for row in fault_rows(hospital, Fault.DUP_DIFFERENT))
    assert read(original).SOPInstanceUID == read(copy).SOPInstanceUID
    digests = table(hospital, "images").filter(sop=str(read(copy).SOPInstanceUID))["pixel_sha256"]
    assert digests.n_unique() == 2


def test_a_blank_image_has_no_contrast(hospital: DemoHospital) -> None:
    path = path_of(hospital, Fault.BLANK_IMAGE)
    row = table(hospital, "images").filter(path=fault_rows(hospital, Fault.BLANK_IMAGE)[0]["path"]).to_dicts()[0]
    assert row["burned_phi"] == "0"
    if not read(path).file_meta.TransferSyntaxUID.is_compressed:
        assert int(np.ptp(read(path).pixel_array & ((1 << int(row["bits"])) - 1))) <= 3


def test_two_patients_are_mixed_in_one_study(hospital: DemoHospital) -> None:
    row = fault_rows(hospital, Fault.MIXED_PATIENT)[0]
    study_mrn = table(hospital, "studies").filter(study=row["study"])["mrn"].item()
    dataset = read(path_of(hospital, Fault.MIXED_PATIENT))
    assert dataset.StudyInstanceUID == row["study"]
    assert dataset.PatientID != study_mrn
    assert dataset.PatientID in set(table(hospital, "patients")["mrn"])


def test_a_misfiled_report_names_another_patient(hospital: DemoHospital) -> None:
    study = fault_rows(hospital, Fault.WRONG_MRN_REPORT)[0]["study"]
    mrn = reports_of(hospital, Fault.WRONG_MRN_REPORT)["mrn"].item()
    assert mrn != table(hospital, "studies").filter(study=study)["mrn"].item()
    assert mrn in set(table(hospital, "patients")["mrn"])


def test_accessions_are_missing_or_spaced_in_headers_only(hospital: DemoHospital) -> None:
    assert read(path_of(hospital, Fault.NO_ACCESSION)).AccessionNumber == ""
    spaced = path_of(hospital, Fault.SPACE_ACCESSION).read_bytes()
    accession = fault_rows(hospital, Fault.SPACE_ACCESSION)[0]["note"]
    assert f" {accession} ".encode() in spaced
    assert reports_of(hospital, Fault.SPACE_ACCESSION)["accession"].to_list() == [accession]


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        (Fault.NO_REPORT, []),
        (Fault.TWO_REPORTS, ["FINAL", "CORRECTED"]),
        (Fault.ADDENDUM, ["FINAL", "ADDENDUM"]),
        (Fault.REPORT_WITHOUT_IMAGES, ["FINAL"]),
        (Fault.EMPTY_REPORT, ["FINAL"]),
    ],
)
def test_reports_exist_as_the_fault_says(hospital: DemoHospital, fault: Fault, statuses: list[str]) -> None:
    assert reports_of(hospital, fault)["status"].to_list() == statuses


def test_an_empty_report_is_empty_and_an_orphan_has_no_images(hospital: DemoHospital) -> None:
    assert reports_of(hospital, Fault.EMPTY_REPORT)["text"].to_list() == [""]
    orphan = fault_rows(hospital, Fault.REPORT_WITHOUT_IMAGES)[0]["study"]
    assert table(hospital, "images").filter(study=orphan).is_empty()


def test_a_structured_report_lies_beside_its_images(hospital: DemoHospital) -> None:
    dataset = read(path_of(hospital, Fault.SR_OBJECT).parent / "SR00001.dcm")
    assert dataset.Modality == "SR"
    assert "PixelData" not in dataset


def test_a_hand_is_no_chest(hospital: DemoHospital) -> None:
    assert read(path_of(hospital, Fault.NONCHEST)).BodyPartExamined == "HAND"


def test_a_wrong_clock_shows_in_the_header_and_not_in_the_ris(hospital: DemoHospital) -> None:
    study = fault_rows(hospital, Fault.WRONG_DATE)[0]["study"]
    when = table(hospital, "studies").filter(study=study)["datetime"].item()
    assert int(when[:4]) - int(read(path_of(hospital, Fault.WRONG_DATE)).StudyDate[:4]) in {1, 2, 3}


def test_a_lying_photometric_interpretation_shows_air_bright(hospital: DemoHospital) -> None:
    row = table(hospital, "images").filter(fault="wrong_photometric").to_dicts()[0]
    dataset = read(hospital.dicom.parent / row["path"])
    if not dataset.file_meta.TransferSyntaxUID.is_compressed:
        corner = dataset.pixel_array[:3, :3].mean() / (1 << int(row["bits"]))
        assert (corner > 0.5) == (row["photometric"] == "MONOCHROME2")


def test_strays_are_no_dicom(hospital: DemoHospital) -> None:
    for row in fault_rows(hospital, Fault.NON_DICOM_FILE):
        assert (hospital.dicom.parent / row["path"]).read_bytes()[128:132] != b"DICM"
