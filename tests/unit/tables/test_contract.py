"""A contract refuses what it does not declare, and its complaints hold no value."""

import polars as pl
import pytest

from cxr_core.tables.catalogue import DROPS, LABELS, PSEUDONYMS, STAGE_TABLES, VAULT_TABLES
from cxr_core.tables.contract import Contract, ContractError, Privacy
from cxr_core.vocabulary import Label

TABLES = (*VAULT_TABLES, *STAGE_TABLES)
ROW = {"kind": "file", "original": "CANARY", "path": "CANARY", "stage": "catalog", "reason": "E_SOP"}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_column_says_what_it_is_and_every_table_has_an_empty_form(table: Contract) -> None:
    for column in table.columns.values():
        assert column.description
    assert table.validate(table.empty()).schema == table.dtypes


def test_tables_behind_the_airlock_hold_no_identified_column() -> None:
    assert {table.name: table.columns_of(Privacy.PHI) for table in STAGE_TABLES} == {
        table.name: () for table in STAGE_TABLES
    }


def test_vault_tables_hold_nothing_public() -> None:
    assert all(set(table.columns_of(Privacy.PHI)) == set(table.columns) for table in VAULT_TABLES)


def test_the_14_labels_stand_in_the_order_of_mimic() -> None:
    assert list(LABELS.columns)[2:] == [label.value for label in Label]
    assert next(iter(Label)).value == "Atelectasis"
    assert list(Label)[8].value == "No Finding"


def test_an_unknown_column_is_refused_rather_than_dropped() -> None:
    frame = DROPS.frame([ROW]).with_columns(pl.lit("CANARY").alias("surprise"))
    with pytest.raises(ContractError, match="surprise") as caught:
        DROPS.validate(frame)
    assert "CANARY" not in str(caught.value)


def test_a_missing_column_is_refused() -> None:
    with pytest.raises(ContractError, match="missing columns"):
        DROPS.validate(DROPS.empty().drop("reason"))


def test_a_wrong_type_is_refused() -> None:
    with pytest.raises(ContractError, match="wrong types"):
        DROPS.validate(DROPS.frame([ROW]).with_columns(pl.lit(1).alias("original")))


def test_failing_rules_are_counted_without_values() -> None:
    row = {"kind": "patient", "issuer": "", "original": "CANARY", "ordinal": -1, "pseudonym": "CANARY"}
    with pytest.raises(ContractError) as caught:
        PSEUDONYMS.frame([row, row])
    assert "CANARY" not in str(caught.value)
    assert "'ordinal|min': 2" in str(caught.value)
    assert "'primary_key': 2" in str(caught.value)
