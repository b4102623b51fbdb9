"""Long-lived spawned worker processes, one study in flight in each.

Takes a function's dotted name and its arguments, gives its result; a worker that dies names its study, the others
keep their warm models. What the functions do is left to `study_work`; how often a study is tried to the plan.
"""

import contextlib
import faulthandler
import importlib
import multiprocessing as mp
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

from cxr_core.errors import BuildError, HilumError, ItemError, TransientError, place_of
from cxr_core.tables.disk import stop_of
from cxr_core.vocabulary import Reason

NATIVE_ENVIRONMENT: Final = {
    # One thread in each native library: two workers on two cores must not become eight threads on two cores.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
    # glibc gives every image's memory back to the kernel and gets it anew for the next one, page by page: a quarter
    # of the time of a raw image. A worker keeps up to 256 MB instead (mallopt(3); other C libraries do not look).
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    "MALLOC_TOP_PAD_": str(64 << 20),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # large pages where the kernel has them (glibc 2.35 and newer)
}
"""What native libraries read when a worker starts."""
_SPAWN: Final = mp.get_context("spawn")  # fork and Prefect's threads hang (PrefectHQ/prefect#9229)
_STARTING: Final = threading.Lock()  # a child takes over the environment: changed meanwhile, it would not start


class Pool(Protocol):
    """What runs calls for a stage: processes here, or a cluster."""

    @property
    def width(self) -> int:
        """Calls at a time."""

    def call(self, function: str, *arguments: Any) -> Any:
        """Run `module:name` in a worker and give back what it returns."""

    def note(self, error: BaseException) -> None:
        """After an error that ends the build no further call is begun."""


class WorkerPool:
    """Worker processes that run one call at a time each; safe to call from many threads.

    Parameters
    ----------
    workers : int
        Processes.
    deadline_s : float
        Longest time for one call. Native code cannot be interrupted, so the whole worker ends.
    log : Path
        File for whatever the workers or their libraries print; it may name files, so it belongs into the vault.
    """

    def __init__(self, workers: int, *, deadline_s: float, log: Path) -> None:
        self.width = workers
        self._deadline_s = deadline_s
        self._log = log
        self._failure: BuildError | None = None
        self._idle: queue.Queue[_Worker | None] = queue.Queue()
        self._started: list[_Worker] = []
        for _ in range(workers):
            self._idle.put(None)  # started at first use: a build with nothing to do starts none

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers."""
        for worker in self._started:
            worker.stop()

    def note(self, error: BaseException) -> None:
        """After an error that ends the build no further call is begun."""
        if isinstance(error, BuildError):
            self._failure = error

    def call(self, function: str, *arguments: Any) -> Any:
        """Run `module:name` in a worker and give back what it returns.

        Raises
        ------
        ItemError
            What the function raised; E_TIMEOUT or E_CRASH where the worker ended instead.
        TransientError
            The function met a failing machine.
        BuildError
            Nothing sensible can follow (a full disk), here or in a call before.
        """
        worker = self._idle.get()
        is_alive = worker is not None
        try:
            if self._failure is not None:
                raise self._failure
            worker = worker or self._start()
            is_alive = True
            return worker.call(function, arguments)
        except WorkerDiedError as death:
            is_alive = False
            if worker is not None:
                worker.stop()
                self._started.remove(worker)
            raise ItemError(Reason.E_TIMEOUT if death.is_timeout else Reason.E_CRASH, "worker ended") from None
        except BuildError as error:
            self.note(error)
            raise
        finally:
            self._idle.put(worker if is_alive else None)

    def _start(self) -> "_Worker":
        worker = _Worker(self._deadline_s, self._log)
        self._started.append(worker)
        return worker


class WorkerDiedError(TransientError):
    """The process at the other end of the pipe is gone."""

    def __init__(self, *, is_timeout: bool) -> None:
        super().__init__("worker died")
        self.is_timeout = is_timeout


class _Worker:
    """One spawned process and our end of its pipe."""

    def __init__(self, deadline_s: float, log: Path) -> None:
        self._deadline_s = deadline_s
        self._pipe, theirs = _SPAWN.Pipe()
        with _STARTING, _native_environment():
            self._process = _SPAWN.Process(target=_serve, args=(theirs, deadline_s, str(log)), daemon=True)
            self._process.start()
        theirs.close()

    def call(self, function: str, arguments: tuple[Any, ...]) -> Any:
        started = time.monotonic()
        try:
            self._pipe.send((function, arguments))
            is_error, result = self._pipe.recv()
        except (EOFError, OSError):
            raise WorkerDiedError(is_timeout=time.monotonic() - started >= self._deadline_s) from None
        if is_error:
            raise result
        return result

    def stop(self) -> None:
        self._pipe.close()
        self._process.join(timeout=2)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


@contextlib.contextmanager
def _native_environment() -> Iterator[None]:
    """Set the variables that native libraries read when they are loaded, for the child alone."""
    before = {name: os.environ.get(name) for name in NATIVE_ENVIRONMENT}
    os.environ.update(NATIVE_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _serve(pipe: Connection, deadline_s: float, log: str) -> None:
    """Answer calls until the pipe is closed."""
    stream = _redirect_output(log)
    while True:
        try:
            function, arguments = pipe.recv()
        except (EOFError, OSError):
            return
        faulthandler.dump_traceback_later(deadline_s, exit=True, file=stream)
        answer = _answer(function, arguments)
        faulthandler.cancel_dump_traceback_later()
        try:
            pipe.send(answer)
        except OSError:
            return


def _answer(function: str, arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    module, name = function.split(":")
    try:
        return False, getattr(importlib.import_module(module), name)(*arguments)
    except HilumError as error:
        return True, error
    except (OSError, MemoryError) as error:
        return True, stop_of(error) or TransientError(f"{_told(error)} in {name}")
    except Exception as error:  # noqa: BLE001  the quarantine edge: an unknown fault is the study's, and may quote it
        with contextlib.suppress(OSError):  # a log that takes no line is no fault of the study
            sys.stderr.write(f"{name}: {type(error).__name__} at {place_of(error)}\n")
            sys.stderr.flush()
        return True, ItemError(Reason.E_CRASH, f"{type(error).__name__} at {place_of(error)}")


def _told(error: BaseException) -> str:
    """The system's words for its number: never the error's own text, which names files."""
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else type(error).__name__


def _redirect_output(log: str) -> Any:
    """Send what libraries print to the log: the terminal shows our own lines only."""
    try:
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:  # behind the airlock the stages run without the vault, where the log lies
        handle = os.open(os.devnull, os.O_WRONLY)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    sys.stdout = sys.stderr = os.fdopen(handle, "w", buffering=1)
    return sys.stderr
