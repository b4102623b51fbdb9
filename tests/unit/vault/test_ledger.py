"""Pseudonyms are given once, in any order of arrival the same, and tell nothing of what they stand for."""

import datetime as dt
import random
import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.tables.catalogue import DICOM_ID, PSEUDONYMS, STUDY_ID, SUBJECT_ID
from cxr_core.vault.key import VaultKey
from cxr_core.vault.ledger import Original, published_uid, register
from cxr_core.vocabulary import IdKind

KEY = VaultKey(bytes(range(32)))
BATCH = [
    *(Original(IdKind.PATIENT, str(mrn), "SITE", dt.date(2011, 1, 1)) for mrn in range(20)),
    *(Original(IdKind.STUDY, f"1.2.{n}") for n in range(30)),
    *(Original(IdKind.SERIES, f"1.3.{n}") for n in range(30)),
    *(Original(IdKind.INSTANCE, f"1.4.{n}") for n in range(40)),
]


def ids(ledger: pl.DataFrame) -> dict[tuple[str, str, str], str]:
    return {(r["kind"], r["issuer"], r["original"]): r["pseudonym"] for r in ledger.iter_rows(named=True)}


def test_ids_have_the_forms_of_mimic() -> None:
    ledger = register(PSEUDONYMS.empty(), BATCH, KEY)
    forms = {"patient": SUBJECT_ID, "study": STUDY_ID, "series": r"^2\.25\.\d+$", "instance": DICOM_ID}
    for row in ledger.iter_rows(named=True):
        assert re.match(forms[row["kind"]], row["pseudonym"])
        assert len(row["pseudonym"]) == 8 or row["kind"] in ("series", "instance")


@given(st.integers(0, 2**32))
def test_the_order_of_arrival_changes_nothing(seed: int) -> None:
    shuffled = random.Random(seed).sample(BATCH, len(BATCH))
    assert ids(register(PSEUDONYMS.empty(), shuffled, KEY)) == ids(register(PSEUDONYMS.empty(), BATCH, KEY))


def test_an_id_once_given_never_changes_and_later_batches_append() -> None:
    first = register(PSEUDONYMS.empty(), BATCH[:60], KEY)
    second = register(first, BATCH, KEY)
    assert second.head(first.height).equals(first)
    assert ids(first).items() <= ids(second).items()
    assert len(set(ids(second).values())) == len(BATCH)


def test_the_same_mrn_of_two_issuers_is_two_people() -> None:
    two = [Original(IdKind.PATIENT, "12345", issuer) for issuer in ("A", "B")]
    assert len(set(ids(register(PSEUDONYMS.empty(), two, KEY)).values())) == 2


def test_another_key_gives_other_ids() -> None:
    other = register(PSEUDONYMS.empty(), BATCH, VaultKey(b"x" * 32))
    mine = register(PSEUDONYMS.empty(), BATCH, KEY)
    assert not set(ids(other).values()) & set(ids(mine).values())


def test_ids_come_from_ordinals_and_not_from_originals() -> None:
    # Two hospitals with one patient each: the patient is ordinal 0 in both, whatever the MRN is.
    one = register(PSEUDONYMS.empty(), [Original(IdKind.PATIENT, "1111111")], KEY)
    other = register(PSEUDONYMS.empty(), [Original(IdKind.PATIENT, "2222222")], KEY)
    assert one["pseudonym"][0] == other["pseudonym"][0]


@pytest.mark.parametrize("keep_weekday", [False, True])
@pytest.mark.parametrize("first", [dt.date(1950, 5, 4), dt.date(2011, 2, 3), dt.date(2026, 11, 1)])
def test_shifted_dates_lie_between_2100_and_2200(first: dt.date, keep_weekday: bool) -> None:
    people = [Original(IdKind.PATIENT, str(n), "", first) for n in range(200)]
    shifts = register(PSEUDONYMS.empty(), people, KEY, keep_weekday=keep_weekday)["date_shift_days"]
    assert len(set(shifts)) > 150
    for shift in shifts:
        assert 2119 <= (first + dt.timedelta(days=shift)).year <= 2181
        assert not keep_weekday or shift % 7 == 0


def test_published_uids_are_valid_and_differ_by_kind() -> None:
    study, instance = (published_uid(kind, "50000001", KEY) for kind in (IdKind.STUDY, IdKind.INSTANCE))
    assert study != instance
    for uid in (study, instance):
        assert re.fullmatch(r"2\.25\.(0|[1-9]\d{0,38})", uid)
        assert len(uid) <= 64


def test_originals_never_print() -> None:
    assert "SMITH" not in repr(Original(IdKind.PATIENT, "SMITH", "SMITH-HOSPITAL"))
