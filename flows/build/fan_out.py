"""How a stage becomes task runs: one a study for small plans, one a shard of studies for large ones.

Takes a stage's run and its task, gives counts; at most one wave of futures is alive, and each is dropped once its
numbers are in.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from prefect.futures import PrefectFuture, as_completed

from cxr_core.settings.run import Granularity, RunSettings
from flows.progress import Tick
from tasks.stage_run import UnitCounts

Unit = tuple[str, tuple[str, ...]]
"""Name and studies of a task run."""
Submit = Callable[[str, Sequence[str]], PrefectFuture[UnitCounts]]


def units(studies: Sequence[str], settings: RunSettings, planned: int) -> list[Unit]:
    """Cut studies into named units of work.

    Parameters
    ----------
    planned : int
        Studies of the whole plan, which decides for `auto`.

    Returns
    -------
    list of (name, studies)
        A study's unit is named by its pseudonym, a shard by a digest of its studies.
    """
    granularity = settings.granularity
    if granularity is Granularity.AUTO:
        granularity = Granularity.STUDY if planned <= settings.study_tasks_up_to else Granularity.SHARD
    if granularity is Granularity.STUDY:
        return [(study, (study,)) for study in studies]
    step = settings.shard_studies
    shards = [tuple(studies[start : start + step]) for start in range(0, len(studies), step)]
    return [(hashlib.sha256("\n".join(shard).encode()).hexdigest()[:12], shard) for shard in shards]


def run_units(submit: Submit, work: Sequence[Unit], tick: Tick) -> UnitCounts:
    """Submit every unit, wait, add up; the first failure of the machine is raised once all have ended."""
    sizes: dict[Any, int] = {}
    for name, studies in work:
        sizes[submit(name, studies)] = len(studies)
    done = quarantined = 0
    failure: BaseException | None = None
    for future in as_completed(list(sizes)):
        result = future.result(raise_on_failure=False)
        if isinstance(result, BaseException):
            failure = failure or result
            continue
        done += result.done
        quarantined += result.quarantined
        tick(sizes[future])
    if failure is not None:
        raise failure
    return UnitCounts(done, quarantined)
