"""Under which ids earlier releases know the patients who were withdrawn."""

import polars as pl

from cxr_core.tables.catalogue import PSEUDONYMS, SUBJECT_IDS
from cxr_core.vault.withdrawal import ids_ever


def ledgers() -> tuple[pl.DataFrame, pl.DataFrame]:
    """A and B were one subject from some day on; C is somebody else, D of another issuer."""
    given = [("", "A", "10000001"), ("", "B", "10000002"), ("", "C", "10000003"), ("west", "A", "10000004")]
    pseudonyms = PSEUDONYMS.frame(
        {"kind": "patient", "issuer": issuer, "original": name, "ordinal": place, "pseudonym": pseudonym}
        | {"date_shift_days": 7}
        for place, (issuer, name, pseudonym) in enumerate(given)
    )
    changes = [{"issuer": "", "original": "B", "turn": 1, "place": 0, "ordinal": None}]
    return pseudonyms, SUBJECT_IDS.frame(row | {"pseudonym": "10000001", "date_shift_days": 7} for row in changes)


def test_a_patient_is_sought_under_retired_ids_too() -> None:
    assert ids_ever([("", "B")], *ledgers()) == {"10000001", "10000002"}


def test_an_empty_issuer_stands_for_all() -> None:
    assert ids_ever([("", "A")], *ledgers()) == {"10000001", "10000004"}
    assert ids_ever([("west", "A")], *ledgers()) == {"10000004"}
    assert ids_ever([("", "nobody")], *ledgers()) == frozenset()
