import polars as pl
import pytest

from cxr_core.accounting.trail import Step, TrailTables, trail
from cxr_core.tables.catalogue import DROPS, INSTANCES, LEDGER, PSEUDONYMS, SPLITS, STUDIES
from cxr_core.vocabulary import Stage

FILE = {
    "size_bytes": 1,
    "mtime_ns": 1,
    "fingerprint": "a" * 64,
    "issuer": "",
    "description": "",
    "rejected_uids": [],
} | {name: [] for name in ("person_names", "staff_names", "identifiers", "phones", "addresses", "places")}
INSIDE = {
    "study_instance_uid": "1.1",
    "issuer": "",
    "patient_id": "M1",
    "report_key": "r0",
    "link_rule": "accession",
} | {
    "flags": ["has_addendum"],
    "encounter_group": "E",
}
DONE = {"study_id": "50000001", "source_fingerprint": "a" * 64, "stage_fingerprint": "b" * 64, "status": "ok"} | {
    "attempts": 1,
    "output_sha256": "c" * 64,
}


def drop(kind: str, original: str, stage: str, reason: str, path: str | None = None) -> dict[str, str | None]:
    return {"kind": kind, "original": original, "path": path, "stage": stage, "reason": reason}


def tables(*drops: dict[str, str | None], inside: bool = True) -> TrailTables:
    ids = [
        {"kind": "study", "issuer": "", "original": "1.1", "ordinal": 0, "pseudonym": "50000001"},
        {"kind": "patient", "issuer": "", "original": "M1", "ordinal": 0, "pseudonym": "10000001"},
    ]
    return TrailTables(
        instances=INSTANCES.frame(FILE | {"path": f"im{n}", "study_instance_uid": "1.1"} for n in range(3)),
        studies=STUDIES.frame([INSIDE] if inside else []),
        drops=DROPS.frame(drops),
        pseudonyms=PSEUDONYMS.frame(ids if inside else []),
        ledgers={Stage.DEIDENTIFY: LEDGER.frame([DONE] if inside else [])},
        splits=SPLITS.frame([{"subject_id": "10000001", "split": "train"}] if inside else []),
    )


def test_a_study_that_is_in_is_followed_to_its_split() -> None:
    found = trail("1.1", tables(drop("instance", "9.1", "catalog", "E_SOP", "im1")))
    assert found == [
        Step(Stage.CATALOG, "in", "2 of 3 files (1 E_SOP)"),
        Step(Stage.LINK, "in", "report by accession, encounter E, has_addendum"),
        Step(Stage.REGISTER, "study 50000001"),
        Step(Stage.DEIDENTIFY, "ok"),
        Step(Stage.SPLIT, "train"),
    ]


def test_a_study_that_is_out_ends_where_it_was_left_out() -> None:
    lost = [drop("instance", f"9.{n}", "link", "E_LINK", f"im{n}") for n in range(3)]
    found = trail("1.1", tables(drop("study", "1.1", "link", "E_LINK"), *lost, inside=False))
    assert found == [
        Step(Stage.CATALOG, "in", "3 of 3 files"),
        Step(Stage.LINK, "out: E_LINK", "0 of 3 files (3 E_LINK)"),
    ]


def test_the_airlock_may_be_the_end() -> None:
    found = trail("1.1", tables(drop("study", "1.1", "deidentify", "no_surviving_image")))
    assert found[-1] == Step(Stage.DEIDENTIFY, "out: no_surviving_image")


@pytest.mark.parametrize("inside", [True, False])
def test_nothing_of_the_patient_is_told(inside: bool) -> None:
    told = str(trail("1.1", tables(drop("study", "1.1", "label", "E_CRASH"), inside=inside)))
    assert not any(word in told for word in ("M1", "1.1", "im0", "r0"))
    assert isinstance(tables().drops, pl.DataFrame)
