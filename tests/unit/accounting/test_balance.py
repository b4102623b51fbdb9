import hashlib
from typing import Any

import polars as pl
import pytest

from cxr_core.accounting.balance import join_stage_drops, reconcile
from cxr_core.errors import BuildError
from cxr_core.tables.catalogue import DROPS, INSTANCES, PSEUDONYMS, STAGE_DROPS, STUDIES, STUDY_INSTANCES
from cxr_core.vocabulary import Reason

HASH = hashlib.sha256(b"").hexdigest()
IMAGE_A, IMAGE_B = "a" * 8 + "-00000000" * 4, "b" * 8 + "-00000000" * 4


def _pseudonyms() -> pl.DataFrame:
    pairs = [("study", "1.1", "50000001"), ("instance", "9.1", IMAGE_A), ("instance", "9.2", IMAGE_B)]
    return PSEUDONYMS.frame(
        {"kind": kind, "issuer": "", "original": original, "ordinal": place, "pseudonym": pseudonym}
        for place, (kind, original, pseudonym) in enumerate(pairs)
    )


def _files() -> pl.DataFrame:
    return STUDY_INSTANCES.frame(
        {"path": f"im{uid}", "study_instance_uid": "1.1", "sop_instance_uid": uid, "fingerprint": HASH}
        for uid in ("9.1", "9.2")
    )


def _stage_drop(kind: str, reason: str, *, image: str = "", stage: str = "deidentify") -> dict[str, Any]:
    return {"study_id": "50000001", "dicom_id": image, "kind": kind, "stage": stage, "reason": reason}


def _drop(path: str, reason: str) -> dict[str, Any]:
    return {"kind": "instance", "original": path, "path": path, "stage": "link", "reason": reason}


def _instances(*uids: str) -> pl.DataFrame:
    lists = ("rejected_uids", "person_names", "staff_names", "identifiers", "phones", "addresses", "places")
    base = {"size_bytes": 1, "mtime_ns": 1, "fingerprint": HASH, "issuer": "", "description": ""}
    return INSTANCES.frame(
        base | {name: [] for name in lists} | {"path": f"im{uid}", "sop_instance_uid": uid} for uid in uids
    )


def test_a_dropped_study_takes_its_files_along_but_keeps_their_own_reasons() -> None:
    stage_drops = STAGE_DROPS.frame(
        [
            _stage_drop("study", "no_surviving_image", stage="convert"),
            _stage_drop("instance", "E_PIXELS", image=IMAGE_A),
        ]
    )
    drops = join_stage_drops(stage_drops, _pseudonyms(), _files())
    assert sorted(drops.rows()) == [
        ("instance", "9.1", "im9.1", "deidentify", "E_PIXELS"),
        ("instance", "9.2", "im9.2", "convert", "no_surviving_image"),
        ("study", "1.1", None, "convert", "no_surviving_image"),
    ]


def test_the_first_stage_that_dropped_an_item_counts() -> None:
    stage_drops = STAGE_DROPS.frame(
        [
            _stage_drop("instance", "E_SIZE", image=IMAGE_A, stage="convert"),
            _stage_drop("instance", "E_PIXELS", image=IMAGE_A),
        ]
    )
    assert join_stage_drops(stage_drops, _pseudonyms(), _files())["reason"].to_list() == ["E_PIXELS"]


def test_a_dropped_report_stands_under_its_own_key() -> None:
    studies = STUDIES.frame(
        [{"study_instance_uid": "1.1", "issuer": "", "patient_id": "M1", "report_key": "r0", "flags": []}]
    )
    stage_drops = STAGE_DROPS.frame([_stage_drop("report", "E_EMPTY", stage="label")])
    assert join_stage_drops(stage_drops, _pseudonyms(), _files(), studies)["original"].to_list() == ["r0"]


def test_an_unknown_pseudonym_stops_the_build() -> None:
    stage_drops = STAGE_DROPS.frame([_stage_drop("study", "E_CRASH") | {"study_id": "59999999"}])
    with pytest.raises(BuildError, match="does not know"):
        join_stage_drops(stage_drops, _pseudonyms(), _files())


def test_published_withheld_and_dropped_add_up() -> None:
    drops = DROPS.frame([_drop("im9.3", "no_report")])
    balance = reconcile(
        _instances("9.1", "9.2", "9.3"), drops, pl.Series([IMAGE_A]), pl.Series([IMAGE_B]), _pseudonyms()
    )
    assert (balance.catalogued, balance.published, balance.withheld) == (3, 1, 1)
    assert balance.dropped == {Reason.NO_REPORT: 1}


@pytest.mark.parametrize(
    ("uids", "dropped", "published", "withheld", "message"),
    [
        (["9.1", "9.2"], [], [IMAGE_A], [], "1 neither published, withheld nor dropped"),
        (["9.1"], [_drop("im9.1", "E_DUP"), _drop("im9.1", "E_LINK")], [], [], "1 dropped twice"),
        (["9.1"], [_drop("im7", "E_DUP")], [IMAGE_A], [], "1 dropped but never catalogued"),
        (["9.1"], [], [IMAGE_A], [IMAGE_A], "1 published and withheld"),
        (["9.1"], [_drop("im9.1", "E_DUP")], [IMAGE_A], [], "1 published or withheld without a catalogued file"),
        (["9.1"], [], ["c" * 8 + "-00000000" * 4], [], "does not know"),
    ],
)
def test_what_does_not_add_up_stops_the_build(
    uids: list[str], dropped: list[dict[str, Any]], published: list[str], withheld: list[str], message: str
) -> None:
    kept = (pl.Series(ids, dtype=pl.String) for ids in (published, withheld))
    with pytest.raises(BuildError, match=message):
        reconcile(_instances(*uids), DROPS.frame(dropped), *kept, _pseudonyms())
