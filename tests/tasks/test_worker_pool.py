"""Workers: results come back, a death names its study, and nothing that quotes a patient gets out."""

import contextlib
import os
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from worker_functions import CANARY

from cxr_core.errors import BuildError, HilumError, ItemError, TransientError, UsageError
from cxr_core.vocabulary import Reason
from tasks import workers
from tasks.workers import WorkerPool

_NATIVE_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vault") / "workers.log"


@pytest.fixture(scope="module")
def pool(log: Path) -> Iterator[WorkerPool]:
    with WorkerPool(1, deadline_s=300, log=log) as some:
        yield some


def _raised(pool: WorkerPool, name: str) -> HilumError:
    with pytest.raises(HilumError) as caught:
        pool.call(f"worker_functions:{name}")
    return caught.value


def _everything_told(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.args)


def test_the_result_comes_back(pool: WorkerPool) -> None:
    assert pool.call("worker_functions:double", 21) == 42


def test_workers_start_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that takes over the environment while another thread changes it does not start at all."""
    changing = threading.Lock()
    was_free: list[bool] = []

    @contextlib.contextmanager
    def slow_environment() -> Iterator[None]:
        was_free.append(is_free := changing.acquire(blocking=False))
        time.sleep(0.1)
        yield
        if is_free:
            changing.release()

    monkeypatch.setattr(workers, "_native_environment", slow_environment)
    with WorkerPool(3, deadline_s=300, log=tmp_path / "log") as pool, ThreadPoolExecutor(3) as threads:
        doubled = list(threads.map(lambda value: pool.call("worker_functions:double", value), range(3)))
    assert (doubled, was_free) == ([0, 2, 4], [True] * 3)


def test_a_worker_stays_warm_between_calls(pool: WorkerPool) -> None:
    first = pool.call("worker_functions:process_id")
    assert first == pool.call("worker_functions:process_id")
    assert first != os.getpid()


def test_a_reason_code_passes_through(pool: WorkerPool) -> None:
    error = _raised(pool, "quarantine")
    assert isinstance(error, ItemError)
    assert (error.reason, error.detail) == (Reason.E_PIXELS, "three of four bytes")


def test_a_users_mistake_passes_through_and_no_further_call_is_begun(tmp_path: Path) -> None:
    with WorkerPool(1, deadline_s=300, log=tmp_path / "log") as pool:
        error = _raised(pool, "refuse")
        assert isinstance(error, UsageError)
        assert str(error) == "name a reader"
        with pytest.raises(UsageError, match="name a reader"):
            pool.call("worker_functions:double", 21)


def test_a_full_disk_stops_the_build_in_one_line(tmp_path: Path) -> None:
    with WorkerPool(1, deadline_s=300, log=tmp_path / "log") as pool:
        error = _raised(pool, "fill_disk")
    assert type(error) is BuildError
    assert str(error).startswith("the disk is full: free some space, then run the same command again")


@pytest.mark.parametrize(("name", "kind"), [("quote_patient", ItemError), ("lose_disk", TransientError)])
def test_an_unknown_fault_is_told_without_its_text(
    pool: WorkerPool, log: Path, name: str, kind: type[HilumError]
) -> None:
    error = _raised(pool, name)
    assert type(error) is kind
    for piece in (CANARY, *CANARY.split("^"), "7719402"):
        assert piece not in _everything_told(error)
        assert piece not in log.read_text()


def test_an_unknown_fault_becomes_a_crash_with_its_place(pool: WorkerPool) -> None:
    error = _raised(pool, "quote_patient")
    assert isinstance(error, ItemError)
    assert error.reason is Reason.E_CRASH
    assert error.detail.startswith("ValueError at worker_functions.py:")


@pytest.mark.parametrize("name", ["exit_at_once", "be_killed", "give_what_cannot_travel"])
def test_a_worker_that_dies_is_a_crash_and_the_pool_goes_on(pool: WorkerPool, name: str) -> None:
    error = _raised(pool, name)
    assert isinstance(error, ItemError)
    assert error.reason is Reason.E_CRASH
    assert CANARY not in _everything_told(error)
    assert pool.call("worker_functions:double", 4) == 8


def test_a_call_beyond_its_deadline_is_a_timeout_and_the_pool_goes_on(tmp_path: Path) -> None:
    with WorkerPool(1, deadline_s=2, log=tmp_path / "log") as impatient:
        error = _raised(impatient, "sleep_long")
        assert isinstance(error, ItemError)
        assert error.reason is Reason.E_TIMEOUT
        assert impatient.call("worker_functions:double", 4) == 8


def test_a_death_takes_no_other_worker_along(tmp_path: Path) -> None:
    go = tmp_path / "go"
    with WorkerPool(2, deadline_s=300, log=tmp_path / "log") as pool, ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(pool.call, "worker_functions:wait_for", go)
        _raised(pool, "be_killed")
        go.touch()
        assert waiting.result() == "go"


def test_native_libraries_get_one_thread_in_the_worker_alone(pool: WorkerPool) -> None:
    before = dict(os.environ)
    told = pool.call("worker_functions:environment", _NATIVE_THREADS)
    assert told == dict.fromkeys(_NATIVE_THREADS, "1")
    assert dict(os.environ) == before


def test_a_worker_keeps_the_memory_that_it_frees(pool: WorkerPool) -> None:
    """20 MB, freed and asked for again: the kernel is not asked for their pages twice."""
    pool.call("worker_functions:fill_memory", 20 << 20)
    assert pool.call("worker_functions:fill_memory", 20 << 20) < 1000  # of 5,120 pages


def test_what_workers_print_goes_to_the_log(pool: WorkerPool, log: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pool.call("worker_functions:be_noisy")
    assert capfd.readouterr() == ("", "")
    assert {"printed by Python", "written to 1", "written to 2"} <= set(log.read_text().splitlines())


def test_the_log_is_readable_by_its_owner_alone(pool: WorkerPool, log: Path) -> None:
    pool.call("worker_functions:double", 1)
    assert log.stat().st_mode & 0o077 == 0


def test_a_log_that_cannot_be_opened_is_no_fault_of_the_study(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Behind the airlock stages run without the vault, where the log lies: they must not quarantine every study."""
    with WorkerPool(1, deadline_s=300, log=tmp_path / "no vault here" / "log") as pool:
        assert pool.call("worker_functions:double", 4) == 8
    assert capfd.readouterr() == ("", "")


def test_a_pool_without_calls_starts_no_process(tmp_path: Path) -> None:
    with WorkerPool(8, deadline_s=300, log=tmp_path / "log"):
        pass
    assert not (tmp_path / "log").exists()
