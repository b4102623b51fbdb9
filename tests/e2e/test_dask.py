"""On a Dask cluster, of this machine or of others, a build gives the bytes of a build without one."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import ROOT, Build, Hospital, PrefectServer, tree

pytestmark = pytest.mark.e2e

_SHARDS = ("--granularity", "shard", "--set", "run.shard_studies=4")

_HIDE_DISTRIBUTED = """
import sys
from importlib.machinery import PathFinder

class WithoutDistributed(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name == "distributed" else PathFinder.find_spec(name, path, target)

sys.meta_path = [WithoutDistributed if finder is PathFinder else finder for finder in sys.meta_path]
"""


@pytest.fixture
def build(clinic: Hospital, prefect_server: PrefectServer, tmp_path: Path) -> Build:
    return Build(tmp_path / "build", clinic, prefect_server)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A scheduler and one worker, started as an administrator would; gives the scheduler's address."""
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    environment = Build(folder, Hospital(folder)).environment({"PYTHONPATH": str(ROOT)})
    programs = [
        ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)],
        ["worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny", "--no-dashboard"],
    ]
    with (folder / "log").open("wb") as log:
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "dask", *program],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            for program in programs
        ]
        try:
            while not file.exists():
                assert started[0].poll() is None, (folder / "log").read_text()[-2000:]
                time.sleep(0.1)
            yield json.loads(file.read_text())["address"]
        finally:
            for process in reversed(started):
                process.send_signal(signal.SIGTERM)
                process.wait(60)


def _same(build: Build, other: Build) -> None:
    assert tree(build.release) == tree(other.release)
    assert tree(build.workspace / "jpeg") == tree(other.workspace / "jpeg")
    assert tree(build.workspace / "stages") == tree(other.workspace / "stages")


def test_a_cluster_of_two_processes_gives_the_same_bytes(build: Build, uninterrupted: Build) -> None:
    result = build.run("--json", "--runner", "dask", *_SHARDS)
    assert (result.code, result.err) == (0, "")
    _same(build, uninterrupted)


def test_a_scheduler_somewhere_gives_the_same_bytes(build: Build, uninterrupted: Build, cluster: str) -> None:
    result = build.run("--json", "--runner", "dask", "--set", f"run.dask_address={cluster}")
    assert (result.code, result.err) == (0, "")
    _same(build, uninterrupted)


def test_an_address_where_no_scheduler_answers_is_refused(build: Build) -> None:
    result = build.run("--runner", "dask", "--set", "run.dask_address=tcp://127.0.0.1:9")
    assert result.code == 2
    assert re.fullmatch(r"cxr: run.dask_address: no Dask scheduler with a worker answers at [^\n]+\n", result.err)
    assert not (build.workspace / "vault" / "catalog" / "instances.parquet").exists()


def test_without_the_extra_the_runner_is_refused(build: Build, tmp_path: Path) -> None:
    """An interpreter whose `distributed` cannot be found, as where the extra is not installed."""
    (tmp_path / "sitecustomize.py").write_text(_HIDE_DISTRIBUTED)
    result = build.run("--runner", "dask", environment={"PYTHONPATH": str(tmp_path)})
    assert result.code == 2
    assert result.err == (
        "cxr: runner dask: it is not installed here; pip install 'hilum[dask]', or use --runner local\n"
    )
