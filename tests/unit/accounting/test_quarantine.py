"""What waits for a person goes by names that tell nothing, and waits no longer once it was accepted."""

import datetime as dt
from typing import Any

import polars as pl
import pytest

from cxr_core.accounting.funnel import QuarantineShare, quarantined_share
from cxr_core.accounting.quarantine import Acceptance, accept, cases, choose, waiting
from cxr_core.tables.catalogue import ACCEPTED, DROPS, INSTANCES, PSEUDONYMS, STUDIES
from cxr_core.vocabulary import Reason

SALT = b"salt"
STUDY, IMAGE = "50000001", "0000000a-00000000-00000000-00000000-00000000"
HOW = Acceptance("keeper", "the scanner was broken", dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC))
LISTS = ("person_names", "staff_names", "identifiers", "phones", "addresses", "places", "rejected_uids")


def _drop(kind: str, original: str, reason: str, stage: str = "deidentify", path: str | None = None) -> dict[str, Any]:
    return {"kind": kind, "original": original, "stage": stage, "reason": reason, "path": path}


DROPPED = DROPS.frame(
    [
        _drop("file", "stray.txt", "E_NOT_DICOM", "catalog", "stray.txt"),
        _drop("study", "1.2", "E_LINK", "link"),
        _drop("instance", "9.1", "E_PIXELS", path="a/1"),
        _drop("study", "1.1", "no_surviving_image"),
        _drop("instance", "9.3", "not_chest", "link", "c/1"),
    ]
)


@pytest.fixture
def named() -> pl.DataFrame:
    base = {"size_bytes": 1, "mtime_ns": 1, "fingerprint": "0" * 64, "issuer": "", "description": ""}
    base |= {name: [] for name in LISTS}
    paths = {"stray.txt": None, "a/1": "1.1", "c/1": "1.3"}
    instances = INSTANCES.frame(base | {"path": path, "study_instance_uid": uid} for path, uid in paths.items())
    ids = [("study", "1.1", STUDY), ("instance", "9.1", IMAGE)]
    pseudonyms = PSEUDONYMS.frame(
        {"kind": kind, "issuer": "", "original": original, "pseudonym": pseudonym, "ordinal": 0}
        for kind, original, pseudonym in ids
    )
    rows = waiting(DROPPED, ACCEPTED.empty())
    return cases(rows, instances, STUDIES.empty(), pseudonyms, salt=SALT)


def test_policy_exclusions_do_not_wait() -> None:
    assert waiting(DROPPED, ACCEPTED.empty())["reason"].to_list() == [
        "E_NOT_DICOM",
        "E_LINK",
        "E_PIXELS",
        "no_surviving_image",
    ]


def test_what_belongs_to_one_study_is_one_case_under_its_pseudonym(named: pl.DataFrame) -> None:
    mine = named.filter(case=STUDY)
    assert sorted(mine["reason"]) == ["E_PIXELS", "no_surviving_image"]
    assert mine.filter(kind="instance")["item"].to_list() == [IMAGE]


def test_the_name_of_a_case_that_was_never_registered_follows_from_the_salt(named: pl.DataFrame) -> None:
    name = named.filter(reason="E_LINK")["case"][0]
    assert len(name) == 12
    assert name.startswith("q")
    other = cases(
        waiting(DROPPED, ACCEPTED.empty()),
        INSTANCES.empty(),
        STUDIES.empty(),
        PSEUDONYMS.empty(),
        salt=b"another",
    )
    assert name not in set(other["case"])


def test_a_study_without_images_goes_along_with_the_last_of_its_reasons(named: pl.DataFrame) -> None:
    assert sorted(choose(named, (), Reason.E_PIXELS)["reason"]) == ["E_PIXELS", "no_surviving_image"]
    more = named.vstack(named.filter(reason="E_PIXELS").with_columns(reason=pl.lit("E_DUP", named.schema["reason"])))
    assert choose(more, (), Reason.E_PIXELS)["reason"].to_list() == ["E_PIXELS"]


def test_an_accepted_item_waits_no_longer_until_it_fails_for_another_reason(named: pl.DataFrame) -> None:
    accepted = accept(choose(named, [STUDY], None), ACCEPTED.empty(), HOW)
    assert waiting(DROPPED, accepted)["reason"].to_list() == ["E_NOT_DICOM", "E_LINK"]
    other = DROPS.frame([_drop("instance", "9.1", "E_BOMB", path="a/1")])
    assert waiting(other, accepted).height == 1


def test_an_acceptance_keeps_who_and_why_and_the_first_one_stands(named: pl.DataFrame) -> None:
    first = accept(choose(named, [STUDY], None), ACCEPTED.empty(), HOW)
    again = accept(named, first, Acceptance("another", "because", HOW.at))
    told = again.select(pl.col("reason").cast(pl.String), "who", "why").sort("reason").rows()
    assert told == [
        ("E_LINK", "another", "because"),
        ("E_NOT_DICOM", "another", "because"),
        ("E_PIXELS", "keeper", "the scanner was broken"),
        ("no_surviving_image", "keeper", "the scanner was broken"),
    ]
    assert ACCEPTED.validate(again).height == 4


def test_accepted_studies_count_in_the_cohort_and_not_in_the_quarantine(named: pl.DataFrame) -> None:
    kept = STUDIES.frame([{"study_instance_uid": "1.1", "issuer": "", "patient_id": "M1", "flags": []}])
    reasons = (("E_LINK", 1), ("no_surviving_image", 1))
    assert quarantined_share(kept, DROPPED) == QuarantineShare(2, 2, reasons)
    accepted = accept(choose(named, [STUDY], None), ACCEPTED.empty(), HOW)
    assert quarantined_share(kept, DROPPED, accepted) == QuarantineShare(1, 2, reasons[:1])
