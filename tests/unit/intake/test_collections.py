"""Public collections as sources; the files are made here in the form of the collections."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image
from pydicom import dcmread

from cxr_core.errors import UsageError
from cxr_core.intake.catalog import catalog_folder
from cxr_core.intake.collections.conversion import CollectionName, convert_collection
from cxr_core.intake.linkage import Linked, link
from cxr_core.intake.sources.reports import read_reports
from cxr_core.settings import load_config
from cxr_core.tables.catalogue import ENCOUNTERS, MERGES

CASE = """<?xml version="1.0"?><eCitation><uId id="CXR{n}"/><MedlineCitation><Article><Abstract>
<AbstractText Label="FINDINGS">Clear.</AbstractText><AbstractText Label="IMPRESSION">No acute disease.</AbstractText>
</Abstract></Article></MedlineCitation><parentImage id="CXR{n}_1_IM-000{n}-3001"/>
<parentImage id="CXR{n}_1_IM-000{n}-4001"/></eCitation>"""
DATA_ENTRY = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,OriginalImageWidth,"
    "OriginalImageHeight,OriginalImagePixelSpacing_x,OriginalImagePixelSpacing_y\n"
    "00000001_000.png,Cardiomegaly|Emphysema,0,1,058Y,M,PA,2048,2500,0.15,0.15\n"
    "00000001_001.png,No Finding,1,1,414,M,AP,2048,2500,0.15,0.15\n"
    "00000002_000.png,Mass|Nodule,0,2,81,F,PA,2048,2500,0.15,0.15\n"
)


def png(path: Path, mode: str = "L", value: int = 7) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((4, 6), value, np.uint8)
    pixels[0, 0] = 200
    Image.fromarray(pixels).convert(mode).save(path)


def linked(output: Path) -> Linked:
    config = load_config(output / "hilum.toml")
    assert config.source.dicom is not None
    return link(
        catalog_folder(config.source.dicom),
        read_reports(config.source.reports),
        ENCOUNTERS.empty(),
        MERGES.empty(),
        cohort=config.cohort,
        link=config.link,
        pixels_equal=lambda *_: False,
    )


def test_open_i_pictures_meet_their_reports(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / "in" / "ecgen").mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / "ecgen" / f"{number}.xml").write_text(CASE.replace("1_IM", f"{number}_IM").format(n=number))
    png(tmp_path / "in" / "png" / "CXR1_1_IM-0001-3001.png", "RGB")
    png(tmp_path / "in" / "png" / "1_IM-0001-4001.dcm.png")
    png(tmp_path / "in" / "png" / "CXR2_2_IM-0002-3001.png")
    (tmp_path / "in" / "p.csv").write_text("uid,filename,projection\n1,1_IM-0001-4001.dcm.png,Lateral\n")
    done = convert_collection(CollectionName.OPENI, tmp_path / "in", tmp_path / "out")
    assert (done.written, done.refused, done.missing) == (3, {}, ("CXR2_2_IM-0002-4001",))
    result = linked(tmp_path / "out")
    assert sorted(result.studies["patient_id"]) == ["CXR1", "CXR2"]
    assert set(result.studies["link_rule"].cast(pl.String)) == {"accession"}
    assert (result.instances.height, result.drops.height) == (3, 0)
    image = dcmread(next((tmp_path / "out" / "dicom" / "CXR1").glob("*4001.dcm")))
    assert (image.ViewPosition, image.PhotometricInterpretation, image.StudyDate) == ("LATERAL", "MONOCHROME2", "")
    assert image.pixel_array[0].tolist() == [200, 7, 7, 7, 7, 7]


def test_dicom_files_of_open_i_are_taken_under_the_names_of_the_collection(tmp_path: Path, write_dicom: Any) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.xml").write_text(CASE.format(n=1))
    write_dicom(tmp_path / "in" / "1" / "1_IM-0001-3001.dcm", PatientID="", AccessionNumber="XXXX")
    (tmp_path / "in" / "1" / "1_IM-0001-4001.dcm").write_bytes(b"no image")
    done = convert_collection(CollectionName.OPENI, tmp_path / "in", tmp_path / "out")
    assert (done.written, done.refused) == (1, {"CXR1_1_IM-0001-4001": "E_NOT_DICOM"})
    assert linked(tmp_path / "out").studies["patient_id"].to_list() == ["CXR1"]


def test_chestxray14_gives_patients_follow_ups_and_its_labels(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "Data_Entry_2017_v2020.csv").write_text(DATA_ENTRY)
    png(tmp_path / "in" / "images_001" / "images" / "00000001_000.png")
    png(tmp_path / "in" / "images_001" / "images" / "00000001_001.png", "RGBA")
    (tmp_path / "in" / "images_001" / "images" / "00000002_000.png").write_bytes(b"broken")
    done = convert_collection(CollectionName.CHESTXRAY14, tmp_path / "in", tmp_path / "out")
    assert (done.written, done.refused, done.missing) == (2, {"00000002_000.png": "E_PIXELS"}, ())
    result = linked(tmp_path / "out")
    assert (result.studies.height, result.studies["patient_id"].unique().to_list()) == (2, ["1"])
    first = dcmread(tmp_path / "out" / "dicom" / "1" / "00000001_000.png.dcm")
    assert (first.PatientAge, first.PatientSex, first.ViewPosition) == ("058Y", "M", "PA")
    assert [float(value) for value in first.ImagerPixelSpacing] == [0.3, 0.3]
    assert "PatientAge" not in dcmread(tmp_path / "out" / "dicom" / "1" / "00000001_001.png.dcm")
    given = pl.read_csv(tmp_path / "out" / "given_labels.csv", infer_schema=False)
    assert given["findings"].to_list() == ["Cardiomegaly|Emphysema", "No Finding"]
    assert given["Cardiomegaly"].to_list() == ["1.0", None]
    assert given["No Finding"].to_list() == [None, "1.0"]
    assert given["Edema"].to_list() == [None, None]


def test_jsrt_words_are_big_endian_and_low_values_bright(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pixels = np.zeros((2048, 2048), ">u2")
    pixels[0, 1] = 4095
    for name in ("JPCLN001.IMG", "JPCNN002.IMG"):
        pixels.tofile(tmp_path / "in" / name)
    pixels[0, 1] = 4096
    pixels.tofile(tmp_path / "in" / "JPCNN003.IMG")
    (tmp_path / "in" / "JPCNN004.IMG").write_bytes(b"short")
    (tmp_path / "in" / "CLNDAT_EN.TXT").write_text(
        "JPCLN001.IMG\t5\t15\t53\tFemale\t1634\t692\tmalignant\tl.upper lobe\tlung cancer\n"
    )
    (tmp_path / "in" / "CNNDAT_EN.TXT").write_text("JPCNN002.IMG\t44\tMale\tnon-nodule\n")
    done = convert_collection(CollectionName.JSRT, tmp_path / "in", tmp_path / "out")
    assert (done.written, done.refused) == (2, {"JPCNN003": "E_PIXELS", "JPCNN004": "E_PIXELS"})
    image = dcmread(tmp_path / "out" / "dicom" / "JPCLN001" / "JPCLN001.dcm")
    assert (image.PatientAge, image.PatientSex, image.BitsStored) == ("053Y", "F", 12)
    assert (image.PhotometricInterpretation, image.pixel_array[0, :3].tolist()) == ("MONOCHROME1", [0, 4095, 0])
    assert dcmread(tmp_path / "out" / "dicom" / "JPCNN002" / "JPCNN002.dcm").PatientAge == "044Y"
    row, normal = pl.read_csv(tmp_path / "out" / "given_labels.csv", infer_schema=False).iter_rows(named=True)
    assert (row["findings"], row["Lung Lesion"], row["nodule_size_mm"], row["state"]) == (
        "nodule",
        "1.0",
        "15",
        "malignant",
    )
    assert (normal["findings"], normal["Lung Lesion"], normal["state"]) == ("non-nodule", "0.0", None)


def test_uids_follow_from_the_names(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "Data_Entry_2017.csv").write_text(DATA_ENTRY)
    png(tmp_path / "in" / "00000001_000.png")
    for output in ("one", "two"):
        convert_collection(CollectionName.CHESTXRAY14, tmp_path / "in", tmp_path / output)
    one, two = (tmp_path / output / "dicom" / "1" / "00000001_000.png.dcm" for output in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("name", list(CollectionName))
def test_a_folder_of_something_else_is_the_users_mistake(tmp_path: Path, name: CollectionName) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(UsageError, match="wanted is the folder of"):
        convert_collection(name, tmp_path / "in", tmp_path / "out")


def test_an_output_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").touch()
    with pytest.raises(UsageError, match="not empty"):
        convert_collection(CollectionName.JSRT, tmp_path, tmp_path / "out")
