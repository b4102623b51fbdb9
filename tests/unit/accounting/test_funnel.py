from typing import Any

import polars as pl
import pytest

from cxr_core.accounting.funnel import funnel, quarantined_share
from cxr_core.tables.catalogue import DROPS, INSTANCES, REPORTS, STUDIES

LISTS = ("person_names", "staff_names", "identifiers", "phones", "addresses", "places")


def _drop(kind: str, original: str, reason: str, stage: str = "link") -> dict[str, Any]:
    return {"kind": kind, "original": original, "stage": stage, "reason": reason}


@pytest.fixture
def instances() -> pl.DataFrame:
    base = {"size_bytes": 1, "mtime_ns": 1, "fingerprint": "0" * 64, "issuer": "", "description": ""}
    base |= {name: [] for name in (*LISTS, "rejected_uids")}
    studies = [None, "1.1", "1.1", "1.2", "1.3"]
    return INSTANCES.frame(
        base | {"path": f"im{place}", "study_instance_uid": uid} for place, uid in enumerate(studies)
    )


DROPPED = DROPS.frame(
    [
        _drop("instance", "9.4", "E_OCR", "deidentify"),
        _drop("file", "im0", "E_NOT_DICOM", "catalog"),
        _drop("instance", "9.3", "no_report"),
        _drop("study", "1.2", "no_report"),
        _drop("study", "1.3", "E_LINK"),
    ]
)


def test_the_funnel_counts_down_in_the_order_of_the_flow(instances: pl.DataFrame) -> None:
    frame = funnel(instances, REPORTS.empty(), DROPPED)
    assert frame.filter(unit="image").rows() == [
        ("image", None, None, 0, 5),
        ("image", "catalog", "E_NOT_DICOM", 1, 4),
        ("image", "link", "no_report", 1, 3),
        ("image", "deidentify", "E_OCR", 1, 2),
        ("image", None, None, 0, 2),
    ]
    assert frame.filter(unit="study")["remaining"].to_list() == [3, 2, 1, 1]
    assert frame.filter(unit="report")["remaining"].to_list() == [0, 0]


def test_the_quarantined_share_is_of_studies_in_the_cohort() -> None:
    kept = STUDIES.frame([{"study_instance_uid": "1.1", "issuer": "", "patient_id": "M1", "flags": []}])
    found = quarantined_share(kept, DROPPED)
    assert (found.quarantined, found.in_cohort, found.share) == (1, 2, 0.5)
    assert quarantined_share(STUDIES.empty(), DROPS.empty()).share == 0.0
