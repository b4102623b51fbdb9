"""A stage over one unit: retries where the machine may be at fault, a ledger row a study, drops for the rest."""

import errno
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cxr_core.errors import BuildError, HilumError, ItemError, TransientError
from cxr_core.planning.stages import LABEL
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.run import RunSettings
from cxr_core.tables.catalogue import STAGE_DROPS
from cxr_core.tables.open_part import OpenPart
from cxr_core.tables.stage_store import StageStore
from cxr_core.vocabulary import Reason, Stage
from tasks.stage_run import StageRun, UnitCounts
from tasks.study_work import StudyOutcome

_STUDY, _OTHER = "50000001", "50000002"
_SOURCE, _STAGE_FINGERPRINT = "a" * 64, "b" * 64
_ATTEMPTS = 3
Answer = StudyOutcome | HilumError


class _ScriptedPool:
    """Answers every call with the next answer of a list."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = iter(answers)
        self.calls: list[tuple[Any, ...]] = []
        self.noted: list[BaseException] = []

    def note(self, error: BaseException) -> None:
        self.noted.append(error)

    def call(self, function: str, *arguments: Any) -> StudyOutcome:
        self.calls.append((function, *arguments))
        answer = next(self._answers)
        if isinstance(answer, HilumError):
            raise answer
        return answer


@pytest.fixture
def store(tmp_path: Path) -> StageStore:
    return StageStore(tmp_path / "label", LABEL.contracts)


@pytest.fixture
def run_of(store: StageStore) -> Callable[..., tuple[StageRun, _ScriptedPool]]:
    def make(*answers: Answer, attempt: int = 1, most: int = 1) -> tuple[StageRun, _ScriptedPool]:
        pool = _ScriptedPool(answers)
        run = StageRun(
            stage=Stage.LABEL,
            function="tasks.study_work:label",
            arguments=lambda study: ("a text", study),
            part=OpenPart(store, most=most, clock=lambda: 0.0),
            pool=pool,  # type: ignore[arg-type]  what a run needs of a pool is `call`
            config=BuildConfig(run=RunSettings(attempts=_ATTEMPTS, workers=1)),
            fingerprint=_STAGE_FINGERPRINT,
            todo={_STUDY: (_SOURCE, attempt), _OTHER: (_SOURCE, 1)},
        )
        return run, pool

    return make


def _crash() -> ItemError:
    return ItemError(Reason.E_CRASH, "worker ended")


def test_a_study_that_succeeds_is_done_with_one_attempt(store, run_of) -> None:
    run, pool = run_of(StudyOutcome(_STUDY))
    assert run.run_unit([_STUDY]) == UnitCounts(done=1, quarantined=0)
    assert pool.calls == [("tasks.study_work:label", "a text", _STUDY)]
    assert store.ledger().to_dicts() == [
        {
            "study_id": _STUDY,
            "source_fingerprint": _SOURCE,
            "stage_fingerprint": _STAGE_FINGERPRINT,
            "status": "ok",
            "reason": None,
            "attempts": 1,
            "output_sha256": StudyOutcome(_STUDY).digest,
        }
    ]


@pytest.mark.parametrize("reason", [Reason.E_CRASH, Reason.E_TIMEOUT, Reason.E_OCR])
def test_a_crash_is_tried_again_up_to_the_limit(store, run_of, reason: Reason) -> None:
    run, pool = run_of(*[ItemError(reason, "")] * 9)
    assert run.run_unit([_STUDY]) == UnitCounts(done=0, quarantined=1)
    assert len(pool.calls) == _ATTEMPTS
    row = store.ledger().to_dicts()[0]
    assert (row["status"], row["reason"], row["attempts"]) == ("quarantined", reason.value, _ATTEMPTS)


def test_success_after_a_crash_counts_the_attempts(store, run_of) -> None:
    run, _ = run_of(_crash(), StudyOutcome(_STUDY))
    assert run.run_unit([_STUDY]) == UnitCounts(done=1, quarantined=0)
    assert store.ledger()["attempts"].to_list() == [2]


def test_attempts_of_earlier_builds_count(store, run_of) -> None:
    run, pool = run_of(_crash(), attempt=_ATTEMPTS)
    run.run_unit([_STUDY])
    assert len(pool.calls) == 1
    assert store.ledger()["attempts"].to_list() == [_ATTEMPTS]


def test_a_fault_of_the_study_is_not_tried_again(store, run_of) -> None:
    run, pool = run_of(ItemError(Reason.E_ENCODING, ""))
    run.run_unit([_STUDY])
    assert len(pool.calls) == 1
    assert store.ledger()["reason"].to_list() == ["E_ENCODING"]


def test_what_is_given_up_has_a_drop_row(store, run_of) -> None:
    run, _ = run_of(ItemError(Reason.E_ENCODING, ""))
    run.run_unit([_STUDY])
    assert store.read(STAGE_DROPS).to_dicts() == [
        {"study_id": _STUDY, "dicom_id": "", "kind": "study", "stage": "label", "reason": "E_ENCODING"}
    ]


def test_one_bad_study_of_a_unit_keeps_the_others(store, run_of) -> None:
    run, _ = run_of(ItemError(Reason.E_ENCODING, ""), StudyOutcome(_OTHER))
    assert run.run_unit([_STUDY, _OTHER]) == UnitCounts(done=1, quarantined=1)
    assert dict(store.ledger().select("study_id", "status").iter_rows()) == {_STUDY: "quarantined", _OTHER: "ok"}


def test_a_failing_machine_commits_nothing(store, run_of) -> None:
    run, _ = run_of(StudyOutcome(_STUDY), TransientError("OSError in label"))
    with pytest.raises(TransientError):
        run.run_unit([_STUDY, _OTHER])
    assert store.ledger().is_empty()


def test_the_rest_is_committed_at_the_end(store, run_of) -> None:
    run, _ = run_of(StudyOutcome(_STUDY), StudyOutcome(_OTHER), most=250)
    run.run_unit([_STUDY])
    run.run_unit([_OTHER])
    assert (run.has_rest, store.ledger()["study_id"].to_list()) == (True, [_STUDY])
    run.commit_rest()
    assert (run.has_rest, store.ledger()["study_id"].to_list()) == (False, [_STUDY, _OTHER])


def test_a_full_disk_is_told_to_the_pool_so_that_no_other_study_begins(store, run_of, monkeypatch) -> None:
    run, pool = run_of(StudyOutcome(_STUDY))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(StageStore, "commit", full)
    with pytest.raises(BuildError, match="the disk is full"):
        run.run_unit([_STUDY])
    assert [type(error) for error in pool.noted] == [BuildError]
