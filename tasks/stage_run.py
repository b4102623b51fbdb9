"""One per-study stage at work: hands studies to workers, gathers their outcomes, has them committed.

Takes the plan of a stage and the upstream rows, gives counts; a unit (one study, or a shard of them) counts as done
from the moment its part is renamed, which single studies share. Fanning out over Prefect tasks is left to the flows.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from cxr_core.errors import ItemError
from cxr_core.planning.plan import RETRIED
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.disk import stop_of
from cxr_core.tables.open_part import FinishedStudy, OpenPart
from cxr_core.vocabulary import Reason, Stage
from tasks.study_work import StudyOutcome, failed
from tasks.workers import Pool

Arguments = Callable[[str], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class UnitCounts:
    """How the studies of a unit ended."""

    done: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class StageRun:
    """One stage over the studies of one wave.

    Parameters
    ----------
    function : str
        `module:name` of the worker's function.
    arguments : callable
        A study's pseudonym -> the arguments of that function.
    todo : mapping of study to (source fingerprint, attempt)
        The plan.
    """

    stage: Stage
    function: str
    arguments: Arguments = field(repr=False)
    part: OpenPart = field(repr=False)
    pool: Pool = field(repr=False)
    config: BuildConfig = field(repr=False)
    fingerprint: str
    todo: Mapping[str, tuple[str, int]] = field(repr=False)

    def run_unit(self, studies: Sequence[str]) -> UnitCounts:
        """Run some studies; a whole shard is committed at its end, fewer studies share a commit with the next ones."""
        finished = []
        for study_id in studies:
            outcome, attempt = self._try(study_id)
            finished.append(FinishedStudy(self._ledger_row(outcome, attempt), outcome.rows))
        with self._stopping():
            self.part.add(finished)
        quarantined = sum(study.ledger["status"] != "ok" for study in finished)
        return UnitCounts(len(finished) - quarantined, quarantined)

    @property
    def has_rest(self) -> bool:
        """True where finished studies wait for their commit."""
        return not self.part.is_empty

    def commit_rest(self) -> None:
        """Commit what still waits, once no unit runs any more."""
        with self._stopping():
            self.part.commit()

    @contextlib.contextmanager
    def _stopping(self) -> Iterator[None]:
        """Where the disk takes no more, no other unit needs to find that out."""
        try:
            yield
        except OSError as error:
            stop = stop_of(error)
            if stop is None:
                raise
            self.pool.note(stop)
            raise stop from None

    def _try(self, study_id: str) -> tuple[StudyOutcome, int]:
        """Run a study; again, with a fresh worker, where the machine rather than the study may be at fault."""
        first = self.todo[study_id][1]
        reason = Reason.E_CRASH
        for attempt in range(first, max(first, self.config.run.attempts) + 1):
            try:
                return self.pool.call(self.function, *self.arguments(study_id)), attempt
            except ItemError as error:
                reason = error.reason
                if reason not in RETRIED:
                    break
        return failed(self.stage, study_id, reason), attempt

    def _ledger_row(self, outcome: StudyOutcome, attempt: int) -> dict[str, object]:
        return {
            "study_id": outcome.study_id,
            "source_fingerprint": self.todo[outcome.study_id][0],
            "stage_fingerprint": self.fingerprint,
            "status": "ok" if outcome.reason is None else "quarantined",
            "reason": outcome.reason.value if outcome.reason else None,
            "attempts": attempt,
            "output_sha256": outcome.digest,
        }


def todo_of(plan: pl.DataFrame) -> dict[str, tuple[str, int]]:
    """A plan as a look-up: study -> (source fingerprint, number of the coming attempt)."""
    rows = plan.select("study_id", "source_fingerprint", "attempt").iter_rows()
    return {study: (source, attempt) for study, source, attempt in rows}


_CURRENT: dict[Stage, StageRun] = {}


def current_run(stage: Stage) -> StageRun:
    """The run of a stage in this process: workers and stores are no Prefect parameters."""
    return _CURRENT[stage]


def set_current(run: StageRun) -> None:
    """Make a run the one that this process's tasks work for."""
    _CURRENT[run.stage] = run
