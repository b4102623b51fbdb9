"""Subjects after merges and unmerges: the older id survives, parted patients get new ones, nothing is used twice."""

import datetime as dt
from collections.abc import Callable, Mapping

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.tables.catalogue import PSEUDONYMS, SUBJECT_IDS
from cxr_core.vault.key import VaultKey
from cxr_core.vault.ledger import IdMaker, Original, register
from cxr_core.vault.subjects import (
    Patient,
    as_ledger,
    current_subjects,
    retired_subjects,
    settle_subjects,
    with_current_subjects,
)
from cxr_core.vocabulary import IdKind

KEY = VaultKey(b"a key of the tests, 32 bytes long")
MAKER = IdMaker(KEY, 8, keep_weekday=False)
DAY = dt.date(2015, 3, 4)
A, B, C = ("", "A"), ("", "B"), ("", "C")


def ledger_of(*batches: list[Patient]) -> pl.DataFrame:
    ledger = PSEUDONYMS.empty()
    for batch in batches:
        ledger = register(ledger, [Original(IdKind.PATIENT, name, issuer, DAY) for issuer, name in batch], KEY)
    return ledger


def merged(**survivors: str) -> Callable[[Patient], Patient]:
    return lambda patient: (patient[0], survivors.get(patient[1], patient[1]))


def settle(ledger: pl.DataFrame, changes: pl.DataFrame, *present: Patient, **survivors: str) -> pl.DataFrame:
    return settle_subjects(ledger, changes, dict.fromkeys(present, DAY), merged(**survivors), MAKER)


def ids(ledger: pl.DataFrame, changes: pl.DataFrame) -> dict[Patient, str]:
    return {patient: subject.pseudonym for patient, subject in current_subjects(ledger, changes).items()}


def test_without_merges_nothing_changes() -> None:
    ledger = ledger_of([A, B])
    assert settle(ledger, SUBJECT_IDS.empty(), A, B).is_empty()


@pytest.mark.parametrize("survivor", ["A", "B"])
def test_the_older_id_survives_whichever_number_the_hospital_keeps(survivor: str) -> None:
    ledger = ledger_of([A], [B])
    before = ids(ledger, SUBJECT_IDS.empty())
    changes = settle(ledger, SUBJECT_IDS.empty(), ("", survivor), A=survivor, B=survivor)
    assert ids(ledger, changes) == {A: before[A], B: before[A]}
    assert retired_subjects(ledger, changes).rows() == [(0, before[B], before[A])]
    shifts = {subject.date_shift_days for subject in current_subjects(ledger, changes).values()}
    assert shifts == set(ledger.filter(pl.col("original") == "A")["date_shift_days"])


def test_a_new_number_of_a_known_patient_takes_over_the_id() -> None:
    ledger = ledger_of([A])
    changes = settle(ledger, SUBJECT_IDS.empty(), C, A="C")
    assert ids(ledger, changes)[C] == ids(ledger, changes)[A]
    assert retired_subjects(ledger, changes).is_empty()


def test_parted_patients_get_new_ids_and_all_old_ones_are_retired() -> None:
    ledger = ledger_of([A], [B])
    old = ids(ledger, SUBJECT_IDS.empty())
    together = settle(ledger, SUBJECT_IDS.empty(), A, B="A")
    parted = settle(ledger, together, A, B)
    new = ids(ledger, parted)
    assert len({*old.values(), *new.values()}) == 4
    assert {row[1:] for row in retired_subjects(ledger, parted).rows()} == {
        (old[B], old[A]),
        (old[A], new[A]),
        (old[A], new[B]),
    }
    assert settle(ledger, parted, A, B).equals(parted)


def test_a_patient_who_is_not_in_this_build_parts_nobody() -> None:
    ledger = ledger_of([A], [B])
    together = settle(ledger, SUBJECT_IDS.empty(), A, B="A")
    assert settle(ledger, together, A).equals(together)


def test_ids_of_changes_are_never_given_again() -> None:
    ledger = ledger_of([A], [B])
    parted = settle(ledger, settle(ledger, SUBJECT_IDS.empty(), A, B="A"), A, B)
    later = register(ledger, [Original(IdKind.PATIENT, "C", "", DAY)], KEY, also_taken=as_ledger(parted))
    assert ids(later, parted)[C] not in {*ledger["pseudonym"], *parted["pseudonym"]}
    assert later["ordinal"].to_list() == [0, 1, 4]


def test_the_crosswalk_as_it_counts_now_has_one_row_a_patient() -> None:
    ledger = ledger_of([A], [B])
    changes = settle(ledger, SUBJECT_IDS.empty(), A, B="A")
    rows = with_current_subjects(ledger, changes)
    assert dict(rows.select("original", "pseudonym").iter_rows()) == {
        "A": ids(ledger, changes)[A],
        "B": ids(ledger, changes)[A],
    }


_NAMES = ("A", "B", "C", "D")


@given(st.lists(st.dictionaries(st.sampled_from(_NAMES), st.sampled_from(_NAMES)), max_size=4))
def test_patients_who_are_one_have_one_id_and_others_never_share(steps: list[Mapping[str, str]]) -> None:
    ledger = ledger_of([("", name) for name in _NAMES])
    changes = SUBJECT_IDS.empty()
    for step in steps:
        survivors = {name: step.get(name, name) for name in _NAMES}
        survivors = {name: survivors[end] if survivors[end] in survivors else end for name, end in survivors.items()}
        present = {("", end) for end in survivors.values() if survivors[end] == end}
        changes = settle(ledger, changes, *sorted(present), **survivors)
        now = ids(ledger, changes)
        for name, end in survivors.items():
            if ("", end) in present:
                assert now["", name] == now["", end]
        assert len({now[patient] for patient in present}) == len(present)
    again = retired_subjects(ledger, changes)
    assert not set(again["subject_id"]) & set(ids(ledger, changes).values())
