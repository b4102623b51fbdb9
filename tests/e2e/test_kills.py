"""Killed with -9 at any moment and run again: the same release, byte for byte."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from building import Build, Hospital, PrefectServer, tree

pytestmark = pytest.mark.e2e
_PATIENCE_S = 600


def _start(build: Build) -> subprocess.Popen[bytes]:
    (build.home / "tmp").mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        build.command("--quiet"),
        cwd=Path(__file__).parents[2],
        env=build.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _await_first_part(build: Build, process: subprocess.Popen[bytes]) -> None:
    """Until the first study is committed: from then on a kill falls among the studies."""
    parts = build.workspace / "stages" / "deidentify" / "parts"
    for _ in range(_PATIENCE_S * 10):
        if process.poll() is not None or (parts.is_dir() and any(parts.glob("[0-9]*"))):
            return
        time.sleep(0.1)


def _releases(build: Build) -> dict[str, str]:
    return tree(build.release)


def test_three_kills_and_a_rerun_give_the_release_of_an_undisturbed_build(
    hospital: Hospital, base_build: Build, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    moments = random.Random(20)
    build = Build(tmp_path / "killed", hospital, prefect_server)
    for _ in range(3):
        process = _start(build)
        _await_first_part(build, process)
        time.sleep(moments.uniform(0.0, 3.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not list(build.release.glob("cxr-*")), "nothing half-written may be visible"
    assert build.run("--quiet").code == 0
    assert _releases(build) == _releases(base_build)


def test_a_killed_worker_costs_no_study(
    hospital: Hospital, base_build: Build, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    build = Build(tmp_path / "worker", hospital, prefect_server)
    process = _start(build)
    _await_first_part(build, process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    workers = [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    assert workers
    os.kill(int(workers[0]), signal.SIGKILL)
    assert process.wait(timeout=_PATIENCE_S) == 0
    assert _releases(build) == _releases(base_build)
