"""Finished studies share a commit: when it is due, what it holds, and what a failure leaves."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import ledger_row

from cxr_core.tables.catalogue import SECTIONS
from cxr_core.tables.contract import ContractError
from cxr_core.tables.open_part import FinishedStudy, OpenPart
from cxr_core.tables.stage_store import Rows, StageStore

A, B, C, D = (f"5000000{number}" for number in range(1, 5))


class _Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class _Store:
    """A store whose commits take a while by the clock, and may fail once."""

    def __init__(self, root: Path, clock: _Clock) -> None:
        self.tables = StageStore(root, (SECTIONS,))
        self.clock = clock
        self.commit_s = 0.0
        self.failure: OSError | None = None

    def commit(self, rows: Rows, ledger: Sequence[Mapping[str, object]]) -> None:
        self.clock.now_s += self.commit_s
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure
        self.tables.commit(rows, ledger)


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def store(tmp_path: Path, clock: _Clock) -> _Store:
    return _Store(tmp_path, clock)


def _part(store: _Store, most: int = 250) -> OpenPart:
    return OpenPart(store, most=most, clock=store.clock)  # type: ignore[arg-type]  a store with faults


def _study(study_id: str, attempts: int = 1, section: str = "impression") -> FinishedStudy:
    row = {"study_id": study_id, "section": section, "start": 0, "end": 9, "fallback": None}
    return FinishedStudy(ledger_row(study_id, attempts=attempts), {SECTIONS.name: [row]})


def _done(store: _Store) -> list[str]:
    return store.tables.ledger()["study_id"].to_list()


def test_the_first_study_is_committed_at_once(store: _Store) -> None:
    part = _part(store)
    part.add([_study(A)])
    assert (_done(store), part.is_empty) == ([A], True)


def test_studies_within_a_second_of_a_commit_wait_for_the_next_one(store: _Store, clock: _Clock) -> None:
    part = _part(store)
    part.add([_study(A)])
    for study, after_s in ((B, 0.5), (C, 0.25)):
        clock.now_s += after_s
        part.add([_study(study)])
    assert (_done(store), part.is_empty) == ([A], False)
    clock.now_s += 0.25
    part.add([_study(D)])
    assert (_done(store), len(store.tables.parts())) == ([A, B, C, D], 2)


def test_a_slow_stage_commits_every_study_at_its_end(store: _Store, clock: _Clock) -> None:
    part = _part(store)
    for study in (A, B, C):
        clock.now_s += 1.0
        part.add([_study(study)])
    assert len(store.tables.parts()) == 3


def test_a_slow_disk_is_asked_a_twentieth_of_the_time(store: _Store, clock: _Clock) -> None:
    store.commit_s = 0.5
    part = _part(store)
    part.add([_study(A)])
    clock.now_s += 9.0
    part.add([_study(B)])
    assert _done(store) == [A]
    clock.now_s += 0.5
    part.add([_study(C)])
    assert _done(store) == [A, B, C]


def test_a_whole_shard_never_waits(store: _Store) -> None:
    part = _part(store, most=2)
    part.add([_study(A), _study(B)])
    part.add([_study(C), _study(D)])
    assert (_done(store), len(store.tables.parts())) == ([A, B, C, D], 2)


def test_what_still_waits_at_the_end_is_committed(store: _Store) -> None:
    part = _part(store)
    part.add([_study(A)])
    part.add([_study(B)])
    part.commit()
    part.commit()
    assert (_done(store), len(store.tables.parts())) == ([A, B], 2)


def test_after_a_failing_commit_the_studies_wait_for_the_next_one(store: _Store) -> None:
    part = _part(store)
    store.failure = OSError("the share went away")
    with pytest.raises(OSError, match="the share went away"):
        part.add([_study(A)])
    assert (_done(store), part.is_empty) == ([], False)
    part.add([_study(B)])
    assert (_done(store), part.is_empty) == ([A, B], True)


def test_a_study_that_is_run_again_after_a_failing_commit_counts_once(store: _Store) -> None:
    part = _part(store)
    store.failure = OSError("the share went away")
    with pytest.raises(OSError, match="the share went away"):
        part.add([_study(A)])
    part.add([_study(A, attempts=2, section="findings")])
    assert store.tables.ledger()["attempts"].to_list() == [2]
    assert store.tables.read(SECTIONS)["section"].to_list() == ["findings"]


def test_rows_that_break_a_contract_stop_the_build(store: _Store) -> None:
    part = _part(store)
    with pytest.raises(ContractError):
        part.add([_study(A, section="no such section")])
    assert _done(store) == []


@settings(max_examples=10, deadline=None)
@given(threads=st.integers(2, 4), most=st.integers(1, 5))
def test_many_threads_lose_nothing(tmp_path_factory: pytest.TempPathFactory, threads: int, most: int) -> None:
    store = _Store(tmp_path_factory.mktemp("store"), _Clock())
    part = _part(store, most)
    studies = [f"500000{number:02d}" for number in range(12)]

    def work(mine: list[str]) -> None:
        for study in mine:
            part.add([_study(study)])

    running = [threading.Thread(target=work, args=(studies[place::threads],)) for place in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    part.commit()
    assert _done(store) == studies
    assert store.tables.read(SECTIONS)["study_id"].to_list() == studies
