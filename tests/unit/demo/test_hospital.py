"""The generated hospital as a whole: same seed, same bytes; every fault; every truth row true of its file."""

import hashlib
import warnings
from pathlib import Path

import polars as pl
import pydicom
import pytest
from pydicom.dataset import Dataset

from cxr_core.demo import DemoHospital, generate_hospital
from cxr_core.demo.faults import Fault
from cxr_core.demo.plan import Syntax
from cxr_core.errors import UsageError
from cxr_core.vocabulary import Label

SIDE_PX = 256
UNCOMPRESSED = {Syntax.EXPLICIT, Syntax.IMPLICIT, Syntax.BIG_ENDIAN, Syntax.DEFLATED, Syntax.RLE}
NOT_WHOLE = {Fault.TRUNCATED, Fault.NO_PIXELS, Fault.CORRUPT_STREAM, Fault.NO_META}


def truth(hospital: DemoHospital, table: str) -> pl.DataFrame:
    return pl.read_csv(hospital.truth / f"{table}.csv", infer_schema=False).fill_null("")


def digests(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def read(path: Path) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, force=True)
        dataset.decode()
        return dataset


def texts(dataset: Dataset) -> set[str]:
    found: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for element in dataset.iterall():
            value = element.value
            if isinstance(value, bytes) and len(value) < 1000:
                found.add(value.decode("utf-8", "replace").rstrip("\0 "))
            elif element.VR != "SQ" and not isinstance(value, bytes):
                found.update(
                    str(v) for v in (value if isinstance(value, (list, pydicom.multival.MultiValue)) else [value])
                )
    return found


def test_same_seed_gives_same_bytes_for_any_number_of_workers(tmp_path: Path) -> None:
    generate_hospital(tmp_path / "one", patients=2, seed=3, workers=1, side_px=192)
    generate_hospital(tmp_path / "two", patients=2, seed=3, workers=2, side_px=192)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_a_patient_is_the_same_in_small_and_large_hospitals(tmp_path: Path, hospital: DemoHospital) -> None:
    generate_hospital(tmp_path / "one", patients=1, seed=5, side_px=SIDE_PX)
    small, large = digests(tmp_path / "one/export/dicom"), digests(hospital.dicom)
    assert small.items() <= large.items()


def test_another_seed_gives_another_hospital(tmp_path: Path, hospital: DemoHospital) -> None:
    generate_hospital(tmp_path / "other", patients=1, seed=6, side_px=SIDE_PX)
    other = set(digests(tmp_path / "other/export/dicom").values())
    shared = other & set(digests(hospital.dicom).values())
    strays = {hashlib.sha256((hospital.dicom / f"misc/{name}").read_bytes()).hexdigest()
              for name in ("notes.dcm", "empty.dcm", "Thumbs.db")}  # fmt: skip
    assert shared == strays


def test_every_fault_is_planted_with_twelve_patients(hospital: DemoHospital) -> None:
    assert set(truth(hospital, "faults")["kind"]) == {fault.value for fault in Fault}


def test_counts_agree_with_truth(hospital: DemoHospital) -> None:
    assert hospital.patients == truth(hospital, "patients").height == 12
    assert hospital.studies == truth(hospital, "studies").height
    copies = truth(hospital, "faults").filter(kind="dup_identical").height - 1
    assert hospital.images == truth(hospital, "images").height + copies


def test_every_file_of_truth_exists_and_no_other(hospital: DemoHospital) -> None:
    named = set(truth(hospital, "images")["path"]) | set(truth(hospital, "faults")["path"]) - {""}
    found = {f"dicom/{path}" for path in digests(hospital.dicom)}
    assert {path for path in found - named if not path.endswith("SR00001.dcm")} == set()
    assert named - found == set()


def test_every_planted_header_value_stands_in_its_file(hospital: DemoHospital) -> None:
    root, planted = hospital.dicom.parent, truth(hospital, "header_phi")
    missing = []
    for (path,), rows in planted.group_by("path"):
        dataset = read(root / str(path))
        present = texts(dataset)
        preamble = bytes(getattr(dataset, "preamble", None) or b"").decode("ascii", "replace")
        for value, where in rows.select("value", "where").iter_rows():
            in_text = value in present or value.strip() in present or any(value in text for text in present)
            if not (in_text or (where == "preamble" and value in preamble)):
                missing.append((path, where))
    assert missing == []


def test_every_kind_of_hiding_place_is_used(hospital: DemoHospital) -> None:
    places = set(truth(hospital, "header_phi")["where"])
    assert {
        "preamble", "DataSetTrailingPadding", "OverlayDescription", "RequestAttributesSequence",
        "OtherPatientIDsSequence", "OriginalAttributesSequence", "private (0009,xx12)", "private (0029,xx10)",
    } <= places  # fmt: skip


def test_transfer_syntaxes_depths_and_photometric_interpretations_all_occur(hospital: DemoHospital) -> None:
    images = truth(hospital, "images")
    assert set(images["transfer_syntax"]) == {syntax.value for syntax in Syntax} - {Syntax.JPEG_BASELINE.value}
    assert set(images["bits"]) == {"10", "12", "14", "15"}
    assert set(images["photometric"]) == {"MONOCHROME1", "MONOCHROME2"}
    assert set(images["view_source"]) == {"ViewPosition", "ViewCodeSequence", "SeriesDescription"}


def test_stored_pixels_match_their_digest(hospital: DemoHospital) -> None:
    checked = 0
    for row in truth(hospital, "images").iter_rows(named=True):
        if row["transfer_syntax"] not in UNCOMPRESSED or row["fault"] in NOT_WHOLE:
            continue
        dataset = read(hospital.dicom.parent / row["path"])
        pixels = dataset.pixel_array & ((1 << int(row["bits"])) - 1)  # an overlay may sit above
        assert hashlib.sha256(pixels.astype("<u2").tobytes()).hexdigest() == row["pixel_sha256"], row["path"]
        checked += 1
    assert checked > 10


def test_a_third_of_the_images_carries_identifiers(hospital: DemoHospital) -> None:
    images = truth(hospital, "images")
    share = (images["burned_phi"] == "1").mean()
    assert share is not None
    assert 0.2 < float(share) < 0.5


def test_burned_boxes_lie_within_their_image(hospital: DemoHospital) -> None:
    boxes = truth(hospital, "burned").join(truth(hospital, "images").select("path", "rows", "cols"), on="path")
    edges = boxes.select(pl.col("row0", "col0", "row1", "col1", "rows", "cols").cast(pl.Int64))
    inside = (pl.col("row0") >= 0) & (pl.col("col0") >= 0) & (pl.col("row1") <= pl.col("rows"))
    assert edges.filter(inside & (pl.col("col1") <= pl.col("cols"))).height == boxes.height > 10


def test_labels_are_the_fourteen_and_hold_published_values_only(hospital: DemoHospital) -> None:
    labels = truth(hospital, "report_labels")
    assert labels.columns == ["report_id", "accession", "section", *(label.value for label in Label)]
    values = set(labels.select([label.value for label in Label]).unpivot()["value"])
    assert values == {"", "0", "1", "-1"}
    assert set(labels["No Finding"]) == {"", "1"}


def test_identifiers_stand_where_report_truth_says(hospital: DemoHospital) -> None:
    both = truth(hospital, "report_phi").join(truth(hospital, "reports"), on="report_id", suffix="_whole")
    wrong = [
        row["report_id"]
        for row in both.iter_rows(named=True)
        if row["text_whole"][int(row["start"]) : int(row["end"])] != row["text"]
    ]
    assert both.height > 100
    assert wrong == []


def test_reports_leave_by_csv_and_by_message(hospital: DemoHospital) -> None:
    csv_path, messages = hospital.reports
    exported = pl.read_csv(csv_path, infer_schema=False)
    reports = truth(hospital, "reports")
    assert set(exported["report_id"]) == set(reports.filter(source="csv")["report_id"])
    assert csv_path.read_bytes().startswith(b"\xef\xbb\xbf")
    single = {path.stem for path in messages.glob("R*.hl7")}
    assert single == set(reports.filter(source="hl7")["report_id"])
    batch = (messages / "batch_001.hl7").read_text(encoding="utf-8")
    assert all(report_id in batch for report_id in reports.filter(source="hl7_batch")["report_id"])


def test_an_outsider_has_no_emergency_encounter(hospital: DemoHospital) -> None:
    outside = set(truth(hospital, "studies").filter(fault="outside_cohort")["mrn"])
    encounters = pl.read_csv(hospital.encounters, infer_schema=False)
    assert set(encounters.filter(pl.col("mrn").is_in(list(outside)))["patient_class"]) == {"O", "I"}


def test_merged_numbers_lead_to_a_patient(hospital: DemoHospital) -> None:
    merges = pl.read_csv(hospital.merges, infer_schema=False)
    assert set(merges["new_mrn"]) <= set(truth(hospital, "patients")["mrn"])
    assert set(merges["old_mrn"]) <= set(truth(hospital, "studies")["mrn"])


def test_record_numbers_and_accessions_are_unique(hospital: DemoHospital) -> None:
    assert truth(hospital, "patients")["mrn"].is_unique().all()
    assert truth(hospital, "studies")["accession"].is_unique().all()
    assert truth(hospital, "reports")["report_id"].is_unique().all()


@pytest.mark.parametrize("wrong", [{"patients": 0}, {"workers": 0}, {"side_px": 64}])
def test_impossible_hospitals_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        generate_hospital(tmp_path / "h", **wrong)


def test_an_earlier_hospital_is_not_overwritten(hospital: DemoHospital) -> None:
    with pytest.raises(UsageError):
        generate_hospital(hospital.truth.parent, patients=1)
