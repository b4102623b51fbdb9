"""Builders for small DICOM files and for rows of the intake tables; all persons and numbers are invented."""

import datetime as dt
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from cxr_core.intake.linkage import Linked, link
from cxr_core.settings.cohort import CohortSettings
from cxr_core.settings.link import LinkSettings
from cxr_core.tables.catalogue import ENCOUNTERS, INSTANCES, MERGES, REPORTS

DX = "1.2.840.10008.5.1.4.1.1.1.1"
NOON = dt.datetime(2014, 3, 1, 12, 0)

Rows = Callable[..., pl.DataFrame]
Link = Callable[..., Linked]
Row = dict[str, Any]


def _dataset(**tags: Any) -> Dataset:
    dataset = Dataset()
    values = {
        "SOPClassUID": DX,
        "SOPInstanceUID": "1.2.3.4.5.6.1",
        "StudyInstanceUID": "1.2.3.4.5",
        "SeriesInstanceUID": "1.2.3.4.5.6",
        "PatientID": "M100",
        "PatientName": "MAREK^IDA",
        "Modality": "DX",
        "StudyDate": "20140301",
        "StudyTime": "120000",
        "Rows": 2,
        "Columns": 2,
        "SamplesPerPixel": 1,
        "BitsAllocated": 8,
        "PixelData": b"\x01\x02\x03\x04",
    } | tags
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OB"
    return dataset


@pytest.fixture(scope="session")
def write_dicom() -> Callable[..., None]:
    """Write a one-image file: `write_dicom(path, PatientID="M1", PixelData=None)`; None leaves a tag out."""

    def write(path: Path, syntax: str = ExplicitVRLittleEndian, **tags: Any) -> None:
        dataset = _dataset(**tags)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", DX)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2.3")
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(path, enforce_file_format=True)

    return write


_INSTANCE = {
    "size_bytes": 10,
    "mtime_ns": 1,
    "sop_class_uid": DX,
    "study_instance_uid": "1.1",
    "series_instance_uid": "1.1.1",
    "issuer": "",
    "patient_id": "M100",
    "accession_number": "A1",
    "modality": "DX",
    "exam_at": NOON,
    "birth_date": dt.date(1960, 5, 5),
    "body_part": "CHEST",
    "description": "CHEST PA",
    "person_names": ["MAREK^IDA"],
    "staff_names": [],
    "identifiers": [],
    "phones": [],
    "addresses": [],
    "places": [],
    "rejected_uids": [],
}
_REPORT = {
    "accession_numbers": ["A1"],
    "issuer": "",
    "patient_id": "M100",
    "birth_date": dt.date(1960, 5, 5),
    "exam_at": NOON,
    "status": "final",
    "exam_description": "CHEST PA",
    "text": "IMPRESSION: Normal.",
    "has_addendum": False,
    "person_names": [],
    "staff_names": [],
    "identifiers": [],
    "phones": [],
    "addresses": [],
    "places": [],
}


@pytest.fixture(scope="session")
def instances() -> Rows:
    """INSTANCES from partial rows; path, SOP UID and fingerprint follow the row's place."""

    def build(*rows: dict[str, Any]) -> pl.DataFrame:
        return INSTANCES.frame(
            _INSTANCE
            | {
                "path": f"im{place}",
                "sop_instance_uid": f"9.{place}",
                "fingerprint": hashlib.sha256(str(place).encode()).hexdigest(),
            }
            | row
            for place, row in enumerate(rows)
        )

    return build


@pytest.fixture(scope="session")
def reports() -> Rows:
    """REPORTS from partial rows; the key follows the row's place."""

    def build(*rows: dict[str, Any]) -> pl.DataFrame:
        return REPORTS.frame(
            _REPORT | {"report_key": f"r{place}", "report_id": f"R{place}"} | row for place, row in enumerate(rows)
        )

    return build


@pytest.fixture(scope="session")
def encounters() -> Rows:
    """ENCOUNTERS from partial rows: an emergency stay of M100 on the day of the exam."""

    def build(*rows: dict[str, Any]) -> pl.DataFrame:
        base = {
            "issuer": "",
            "patient_id": "M100",
            "patient_class": "E",
            "arrived_at": NOON - dt.timedelta(hours=2),
            "departed_at": NOON + dt.timedelta(hours=4),
        }
        return ENCOUNTERS.frame(base | {"visit": f"v{place}"} | row for place, row in enumerate(rows))

    return build


@pytest.fixture(scope="session")
def merges() -> Rows:
    """MERGES from (old, new) pairs; an id may have its issuer before it: `NORTH/M1`."""

    def build(*pairs: tuple[str, str]) -> pl.DataFrame:
        columns = ("old_issuer", "old_patient_id", "new_issuer", "new_patient_id")
        parted = ([part for text in pair for part in text.rpartition("/")[::2]] for pair in pairs)
        return MERGES.frame(dict(zip(columns, row, strict=True)) for row in parted)

    return build


@pytest.fixture(scope="session")
def run(instances: Any, reports: Any, encounters: Any, merges: Any) -> Link:
    """Link small tables: lists of partial rows, and settings by name."""

    def go(
        images: list[Row],
        texts: list[Row],
        *,
        stays: list[Row] | None = None,
        merged: list[tuple[str, str]] | None = None,
        excluded: list[Row] | None = None,
        pixels_equal: bool = False,
        suffixes: tuple[str, ...] = (),
        use_preliminary: bool = False,
        quarantine_date_mismatch: bool = False,
        **cohort: Any,
    ) -> Linked:
        schema = {"issuer": pl.String, "patient_id": pl.String, "cause": pl.String}
        return link(
            instances(*images),
            reports(*texts),
            encounters(*(stays or [])),
            merges(*(merged or [])),
            cohort=CohortSettings(**cohort),
            link=LinkSettings(
                accession_suffixes=suffixes,
                use_preliminary=use_preliminary,
                quarantine_date_mismatch=quarantine_date_mismatch,
            ),
            pixels_equal=lambda *_: pixels_equal,
            exclusions=pl.DataFrame([{"issuer": ""} | row for row in excluded], schema=schema) if excluded else None,
        )

    return go
