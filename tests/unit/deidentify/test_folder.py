"""A folder without reports or cohort: every usable instance is taken, and what is in doubt is not."""

import datetime as dt
from typing import Any

import polars as pl

from cxr_core.deidentify.folder import link_images_only
from cxr_core.tables.catalogue import INSTANCES


def instance(path: str, sop: str, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {name: [] for name, dtype in INSTANCES.dtypes.items() if isinstance(dtype, pl.List)}
    row |= {"path": path, "size_bytes": 1, "mtime_ns": 1, "fingerprint": "a" * 64, "issuer": "", "description": ""}
    row |= {"patient_id": "1", "study_instance_uid": "1.2", "series_instance_uid": "1.3", "sop_instance_uid": sop}
    return row | {"exam_at": dt.datetime(2011, 1, 1)} | more


def outcome(*rows: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    linked, refused = link_images_only(INSTANCES.frame(rows))
    return linked.study_instances["path"].to_list(), dict(refused.with_columns(pl.col("reason").cast(str)).iter_rows())


def test_every_usable_file_is_taken() -> None:
    assert outcome(instance("a", "1"), instance("b", "2")) == (["a", "b"], {})


def test_what_the_catalog_refused_stays_refused() -> None:
    assert outcome(instance("a", "1", reason="E_SOP"), instance("b", "2")) == (["b"], {"a": "E_SOP"})


def test_two_patients_in_a_study_refuse_the_study() -> None:
    kept, refused = outcome(instance("a", "1"), instance("b", "2", patient_id="9"))
    assert (kept, refused) == ([], {"a": "E_LINK", "b": "E_LINK"})


def test_equal_copies_count_once_and_unlike_ones_not_at_all() -> None:
    assert outcome(instance("a", "1"), instance("b", "1")) == (["a"], {"b": "duplicate"})
    kept, refused = outcome(instance("a", "1"), instance("b", "1", fingerprint="b" * 64))
    assert (kept, refused) == ([], {"a": "E_DUP", "b": "E_DUP"})
