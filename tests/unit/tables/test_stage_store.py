"""A stage's rows count from the rename of their part on, and the newest rows of a study win."""

from pathlib import Path

import pytest

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
    digest = "0" * 64
    return {
        "study_id": study,
        "source_fingerprint": digest,
        "stage_fingerprint": digest,
        "status": "ok",
        "reason": None,
        "attempts": attempts,
        "output_sha256": digest,
    }


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
