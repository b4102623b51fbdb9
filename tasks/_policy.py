"""How tasks behave in Prefect: what is retried, what is cached, what is stored.

Gives the options that every task of the project shares. Prefect's database is an observation log: which studies are
done is known from the ledgers, never from Prefect, so study tasks are not cached there (a hit after a lost part file
would say Completed with no rows).
"""

from typing import Any, Final

from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from cxr_core.errors import BuildError, TransientError
from cxr_core.tables.disk import stop_of

_RETRIES: Final = 2
_DELAYS_S: Final = [2, 10]


def is_infrastructure(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """True where the machine failed rather than the data: only then may trying again help."""
    del task, run
    error = state.result(raise_on_failure=False)
    if isinstance(error, BuildError) or (isinstance(error, OSError) and stop_of(error)):
        return False
    return isinstance(error, TransientError | OSError | TimeoutError | MemoryError)


TASK_OPTIONS: Final[dict[str, Any]] = {
    "retries": _RETRIES,
    "retry_delay_seconds": _DELAYS_S,
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": is_infrastructure,
    "cache_policy": NO_CACHE,
    "persist_result": False,
}
