"""A stage's rows count from the rename of their part on, and the newest rows of a study win."""

import itertools
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import ledger_row

from cxr_core.tables.catalogue import DEID_REPORTS, LEDGER
from cxr_core.tables.contract import ContractError
from cxr_core.tables.stage_store import StageStore

A, B = "50000001", "50000002"


def report(study: str, text: str) -> dict[str, object]:
    return {
        "study_id": study,
        "subject_id": "10000001",
        "text": text,
        "spans": 0,
        "has_demographics": True,
        "text_sha256": "0" * 64,
    }


def done(study: str, attempts: int = 1) -> dict[str, object]:
    return ledger_row(study, attempts=attempts)


@pytest.fixture
def store(tmp_path: Path) -> StageStore:
    return StageStore(tmp_path, (DEID_REPORTS,))


def texts(store: StageStore) -> dict[str, str]:
    return dict(store.read(DEID_REPORTS).select("study_id", "text").iter_rows())


def test_an_empty_store_reads_as_empty_tables(store: StageStore) -> None:
    assert store.ledger().equals(LEDGER.empty())
    assert texts(store) == {}


def test_the_newest_rows_of_a_study_replace_the_older_ones(store: StageStore) -> None:
    store.commit({"deid_reports": [report(A, "old"), report(B, "b")]}, [done(A), done(B)])
    store.commit({"deid_reports": [report(A, "new")]}, [done(A, 2)])
    assert texts(store) == {A: "new", B: "b"}


def test_a_study_whose_rows_went_away_has_none_left(store: StageStore) -> None:
    store.commit({"deid_reports": [report(A, "old")]}, [done(A)])
    store.commit({}, [done(A, 2)])
    assert texts(store) == {}
    assert store.ledger()["attempts"].to_list() == [2]


def test_compaction_changes_no_row_and_drops_studies_that_left(store: StageStore) -> None:
    store.commit({"deid_reports": [report(A, "a"), report(B, "b")]}, [done(A), done(B)])
    store.commit({"deid_reports": [report(B, "b2")]}, [done(B)])
    before = store.read(DEID_REPORTS)
    store.compact(frozenset({A, B}))
    assert store.read(DEID_REPORTS).equals(before)
    assert list((store.root / "parts").iterdir()) == []
    store.compact(frozenset({B}))
    assert texts(store) == {B: "b2"}


def test_a_compaction_without_news_writes_nothing(store: StageStore) -> None:
    store.commit({"deid_reports": [report(A, "a")]}, [done(A)])
    store.compact(frozenset({A}))
    table = store.root / "ledger.parquet"
    before = table.stat().st_ino
    store.compact(frozenset({A, B}))
    assert table.stat().st_ino == before
    store.compact(frozenset({B}))
    assert table.stat().st_ino != before


def test_a_compaction_that_was_killed_between_two_tables_loses_nothing(
    store: StageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.commit({"deid_reports": [report(A, "a")]}, [done(A)])
    store.compact(frozenset({A}))
    store.commit({"deid_reports": [report(A, "a2"), report(B, "b")]}, [done(A, 2), done(B)])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cxr_core.tables.stage_store.shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        store.compact(frozenset({A, B}))
    monkeypatch.undo()
    assert texts(store) == {A: "a2", B: "b"}
    store.compact(frozenset({A, B}))
    assert texts(store) == {A: "a2", B: "b"}


def test_a_part_that_breaks_a_contract_is_not_visible(store: StageStore) -> None:
    with pytest.raises(ContractError):
        store.commit({"deid_reports": [report("no-id", "a")]}, [done(A)])
    assert store.ledger().is_empty()


def test_some_columns_are_read_alike_before_and_after_compaction(store: StageStore) -> None:
    store.commit({"deid_reports": [report(B, "b"), report(A, "old")]}, [done(A), done(B)])
    store.commit({"deid_reports": [report(A, "a")]}, [done(A, 2)])
    before = store.read(DEID_REPORTS, ["text"])
    assert before.rows() == [("a",), ("b",)]
    store.compact(frozenset({A, B}))
    assert store.read(DEID_REPORTS, ["text"]).equals(before)


_STUDIES = [f"5000000{number}" for number in range(8)]


def _committed(root: Path, shards: list[list[str]]) -> StageStore:
    store = StageStore(root, (DEID_REPORTS,))
    for shard in shards:
        store.commit({"deid_reports": [report(study, f"text {study}") for study in shard]}, [done(s) for s in shard])
    return store


@settings(max_examples=12)
@given(order=st.permutations(_STUDIES), cuts=st.sets(st.integers(1, 7)))
def test_neither_shards_nor_the_order_of_their_arrival_change_a_byte(order: list[str], cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(order)]
    shards = [list(order[start:end]) for start, end in itertools.pairwise(edges)]
    with tempfile.TemporaryDirectory() as folder:
        plain = _committed(Path(folder) / "plain", [_STUDIES])
        shuffled = _committed(Path(folder) / "shuffled", shards)
        for store in (plain, shuffled):
            store.compact(frozenset(_STUDIES))
        for name in ("deid_reports", "ledger"):
            one, other = (store.root / f"{name}.parquet" for store in (plain, shuffled))
            assert one.read_bytes() == other.read_bytes()


@settings(max_examples=12)
@given(
    base=st.sets(st.sampled_from(_STUDIES)),
    shards=st.lists(st.lists(st.sampled_from(_STUDIES), min_size=1, unique=True), max_size=5),
    asked=st.sets(st.sampled_from(_STUDIES)),
)
def test_some_studies_read_like_the_whole(base: set[str], shards: list[list[str]], asked: set[str]) -> None:
    """Parts that hold none of them stay unread, and nothing is missed by that."""
    with tempfile.TemporaryDirectory() as folder:
        store = _committed(Path(folder), [sorted(base)] if base else [])
        store.compact(frozenset(base))
        for shard in shards:
            store.commit({"deid_reports": [report(study, str(shard)) for study in shard]}, [done(s) for s in shard])
        for contract in (DEID_REPORTS, LEDGER):
            whole = store.read(contract).filter(pl.col("study_id").is_in(list(asked)))
            assert store.read(contract, among=sorted(asked)).equals(whole)
