"""Workers on a Dask cluster: one that runs somewhere, or one of processes on this machine.

Takes the calls that `workers.WorkerPool` takes and gives what it gives: every Dask worker holds such a pool of its own,
so that a death or a deadline ends one study there just as here. Rows are committed by the build, never by a worker.
"""

import contextlib
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import dask
from distributed import Client, KilledWorker, LocalCluster, get_worker

from cxr_core.errors import BuildError, HilumError, ItemError, TransientError, UsageError
from cxr_core.vocabulary import Reason
from tasks.workers import WorkerPool

_PATIENCE_S: Final = 30.0
_ADVICE: Final = "start its workers with --no-nanny, or with DASK_DISTRIBUTED__WORKER__DAEMON=False"


class DaskPool:
    """Dask workers that run one call a thread at a time; safe to call from many threads.

    Parameters
    ----------
    workers : int
        Processes of a cluster on this machine.
    address : str
        Of a scheduler, or empty for a cluster of processes on this machine.
    deadline_s, log
        As for `WorkerPool`; every machine sees the log's folder under the same path.

    Raises
    ------
    UsageError
        No scheduler answers, or no worker.
    """

    def __init__(self, workers: int, address: str, *, deadline_s: float, log: Path) -> None:
        self._pool = _PoolOfABuild(uuid4().hex, deadline_s, log)
        self._closing = contextlib.ExitStack()
        self._client = self._closing.enter_context(_client(address, workers))
        self._failure: BuildError | None = None

    @property
    def width(self) -> int:
        """Calls at a time."""
        return sum(self._client.nthreads().values())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError, TimeoutError, CancelledError):
            self._client.run(_close, self._pool)
        self._closing.close()

    def call(self, function: str, *arguments: Any) -> Any:
        """Run `module:name` on the cluster and give back what it returns.

        Raises
        ------
        ItemError
            What the function raised; E_TIMEOUT or E_CRASH where a worker ended instead.
        TransientError
            The function met a failing machine, or the cluster went away.
        BuildError
            Nothing sensible can follow, here or in a call before.
        """
        if self._failure is not None:
            raise self._failure
        is_error, result = self._ask(function, arguments)
        if is_error:
            self.note(result)
            raise result
        return result

    def _ask(self, function: str, arguments: tuple[Any, ...], worker: str | None = None) -> tuple[bool, Any]:
        key, workers = f"call-{uuid4().hex}", [worker] if worker else None
        try:
            future = self._client.submit(_answer, self._pool, function, arguments, pure=False, key=key, workers=workers)
            answer: tuple[bool, Any] = future.result()
        except KilledWorker:
            raise ItemError(Reason.E_CRASH, "worker ended") from None
        except (CancelledError, OSError, TimeoutError):
            raise TransientError("the Dask cluster went away") from None
        return answer

    def note(self, error: BaseException) -> None:
        """After an error that ends the build no further call is begun."""
        if isinstance(error, BuildError):
            self._failure = error

    def check(self, function: str, arguments: tuple[Any, ...], expected: Mapping[Any, str]) -> None:
        """Refuse a cluster that would not give this machine's bytes.

        Raises
        ------
        UsageError
            A worker lacks the workspace, or gives another answer than the expected one.
        """
        for worker in sorted(self._client.nthreads()):
            is_error, answer = self._ask(function, arguments, worker)
            if is_error:
                raise UsageError(f"Dask worker {worker}: {answer}")
            if answer != dict(expected):
                raise UsageError(f"Dask worker {worker} runs other code, rules or libraries than this machine")


def check_cluster(address: str) -> None:
    """Refuse an address where no cluster answers, before hours of work.

    Raises
    ------
    UsageError
        As `DaskPool`.
    """
    if address:
        with _client(address, 0):
            pass


@contextlib.contextmanager
def _client(address: str, workers: int) -> Iterator[Client]:
    with contextlib.ExitStack() as closing:
        where = address or closing.enter_context(_local_cluster(workers))
        try:
            client = closing.enter_context(Client(where, timeout=_PATIENCE_S, set_as_default=False))
            client.wait_for_workers(1 if address else workers, timeout=_PATIENCE_S * 2)
        except (OSError, TimeoutError, ValueError):
            raise UsageError(f"run.dask_address: no Dask scheduler with a worker answers at {address}") from None
        yield client


@contextlib.contextmanager
def _local_cluster(workers: int) -> Iterator[LocalCluster]:
    """Processes here, with keys of their own: another user of this machine must not send them work."""
    with (
        tempfile.TemporaryDirectory(prefix="dask-") as scratch,
        # Each holds a spawned worker, which daemons may not; and a worker may be large: nobody ends it for that.
        dask.config.set({"distributed.worker.daemon": False, "temporary-directory": scratch}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            security=True,
            dashboard_address=None,
            local_directory=scratch,
            silence_logs="CRITICAL",
        ) as cluster,
    ):
        yield cluster


# ---------------------------------------------------------------- at the other end


@dataclass(frozen=True, slots=True)
class _PoolOfABuild:
    """Which pool a call is for."""

    build: str
    deadline_s: float
    log: Path


_POOLS: dict[Path, tuple[str, WorkerPool]] = {}
_ONE_AT_A_TIME = threading.Lock()


def _answer(asked: _PoolOfABuild, function: str, arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    """What a Dask worker does: never raises, because Dask logs the arguments of what raises."""
    if not asked.log.parents[1].is_dir():
        return True, UsageError(f"the workspace {asked.log.parents[1]} is not there; every machine needs it")
    try:
        return False, _pool(asked).call(function, *arguments)
    except HilumError as error:
        return True, error
    except AssertionError:  # multiprocessing's way to say that daemons have no children
        return True, UsageError(_ADVICE)


def _pool(asked: _PoolOfABuild) -> WorkerPool:
    """This build's pool here; that of an earlier build of the workspace, which was killed, goes."""
    with _ONE_AT_A_TIME:
        build, pool = _POOLS.get(asked.log, ("", None))
        if pool is None or build != asked.build:
            if pool is not None:
                pool.close()
            pool = WorkerPool(get_worker().state.nthreads, deadline_s=asked.deadline_s, log=asked.log)
            _POOLS[asked.log] = (asked.build, pool)
        return pool


def _close(asked: _PoolOfABuild) -> None:
    with _ONE_AT_A_TIME:
        build, pool = _POOLS.get(asked.log, ("", None))
        if pool is not None and build == asked.build:
            del _POOLS[asked.log]
            pool.close()
