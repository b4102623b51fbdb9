"""One per-study stage at work: hands studies to workers, gathers their outcomes, commits them a unit at a time.

Takes the plan of a stage and the upstream rows, gives counts; a unit (one study, or a shard of them) counts as done
from the moment its tables are renamed. Fanning out over Prefect tasks is left to the flows.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from cxr_core.errors import ItemError
from cxr_core.planning.plan import RETRIED
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.disk import stop_of
from cxr_core.tables.stage_store import Rows, StageStore
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
    store: StageStore = field(repr=False)
    pool: Pool = field(repr=False)
    config: BuildConfig = field(repr=False)
    fingerprint: str
    todo: Mapping[str, tuple[str, int]] = field(repr=False)

    def run_unit(self, studies: Sequence[str]) -> UnitCounts:
        """Run some studies and commit their rows together."""
        rows: dict[str, list[Mapping[str, object]]] = defaultdict(list)
        ledger = []
        for study_id in studies:
            outcome, attempt = self._try(study_id)
            for table, some in outcome.rows.items():
                rows[table].extend(some)
            ledger.append(self._ledger_row(outcome, attempt))
        self._commit(rows, ledger)
        quarantined = sum(row["status"] != "ok" for row in ledger)
        return UnitCounts(len(ledger) - quarantined, quarantined)

    def _commit(self, rows: Rows, ledger: Sequence[Mapping[str, object]]) -> None:
        """Where the disk takes no more, no other unit needs to find that out."""
        try:
            self.store.commit(rows, ledger)
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
