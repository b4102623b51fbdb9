"""An invented source: one patient with every kind of identifier, as the vault's catalogue would hold it."""

import datetime as dt
from typing import Any

import polars as pl

from cxr_core.tables.catalogue import INSTANCES, REPORTS
from cxr_core.verification.never_list import Needles, build_needles

UID = "1.3.6.1.4.1.99999.7.20131209.4711"


def make_needles(
    *, names: tuple[str, ...] = ("ZABRINSKI^OTTOKAR^W",), pseudonyms: pl.DataFrame | None = None, **instance: Any
) -> Needles:
    lists = {name: [] for name, dtype in INSTANCES.dtypes.items() if dtype == pl.List}
    row: dict[str, Any] = lists | {
        "path": "a/b.dcm",
        "size_bytes": 1,
        "mtime_ns": 1,
        "fingerprint": "f" * 64,
        "sop_instance_uid": f"{UID}.1",
        "study_instance_uid": UID,
        "issuer": "",
        "patient_id": "0047-11298",
        "accession_number": "ACC90817263",
        "exam_at": dt.datetime(2013, 12, 9, 14, 5),
        "birth_date": dt.date(1951, 3, 27),
        "description": "",
        "person_names": list(names),
        "staff_names": ["Lindqvist-Okafor^Marit^^Dr"],
        "identifiers": ["VISIT5550123"],
        "phones": ["(555) 010-7788"],
        "addresses": ["12 Larkspur Hollow, Wexbury"],
        "places": ["St Aldhelm Infirmary"],
    }
    return build_needles(INSTANCES.frame([row | instance]), REPORTS.empty(), pseudonyms)
