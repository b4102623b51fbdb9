"""A build that is killed anywhere and run again publishes the bytes of a build that was never interrupted."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from building import ROOT, Build, Committed, Hospital, PrefectServer, children, tree

pytestmark = pytest.mark.e2e

_STAGES = ("deidentify", "convert", "label")


def _start(build: Build) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        build.command("--quiet"),
        cwd=ROOT,
        env=build.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _wait_until(is_so: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    while not is_so():
        assert process.poll() is None, process.communicate()[1].decode()[-2000:]
        time.sleep(0.01)


def _has_done(committed: Committed, stage: str, wanted: int) -> bool:
    """So many studies are committed; several may share a part."""
    return committed.studies(stage) >= wanted


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _same(build: Build, other: Build) -> None:
    assert tree(build.release) == tree(other.release)
    assert tree(build.workspace / "jpeg") == tree(other.workspace / "jpeg")
    for stage in (*_STAGES, "register", "split"):
        assert tree(build.workspace / "stages" / stage) == tree(other.workspace / "stages" / stage), stage
    assert [path for path in build.workspace.rglob("*.tmp") if path.exists()] == []
    assert list((build.workspace / "dicom").rglob("*.dcm")) == []


def _moments(seed: int, uninterrupted: Build) -> list[tuple[str, int, float]]:
    """Three moments in the order of the work: so many studies of a stage, and a little more, on any machine."""
    rng = random.Random(seed)
    stages = uninterrupted.result.json["stages"]
    places = [(stage, count) for stage in _STAGES[:2] for count in range(1, stages[stage]["done"] + 1)]
    places.append((_STAGES[2], 1))  # the others follow within a second, and then the parts are folded in
    chosen = sorted(rng.sample(range(len(places)), 3))
    return [(*places[place], rng.uniform(0, 0.5)) for place in chosen]


def test_a_build_killed_three_times_goes_on(
    uninterrupted: Build, clinic: Hospital, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    build = Build(tmp_path / "build", clinic, prefect_server)
    for stage, studies, delay_s in _moments(20, uninterrupted):
        process = _start(build)
        _wait_until(partial(_has_done, Committed(build), stage, studies), process)
        time.sleep(delay_s)
        _kill_group(process)
        assert list(build.release.glob("cxr-*")) == []  # nothing half-made is visible

    result = build.run("--json")

    assert result.code == 0, result.err
    assert result.json["stages"]["deidentify"]["reused"] > 0
    _same(build, uninterrupted)


def test_a_build_killed_while_it_publishes_goes_on(
    uninterrupted: Build, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    """The hidden tree is half built, or just renamed: either way the next run leaves one whole release."""
    build = uninterrupted.copied(tmp_path / "build", server=prefect_server)
    shutil.rmtree(build.release)
    process = _start(build)
    _wait_until(lambda: any(build.release.glob(".building-*/files")), process)
    _kill_group(process)

    result = build.run("--json")

    assert result.code == 0, result.err
    _same(build, uninterrupted)
    assert sorted(path.name for path in build.release.iterdir()) == sorted(
        path.name for path in uninterrupted.release.iterdir()
    )


def test_a_worker_that_is_killed_costs_nothing(
    uninterrupted: Build, clinic: Hospital, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    build = Build(tmp_path / "build", clinic, prefect_server)
    process = _start(build)
    _wait_until(partial(_has_done, Committed(build), "deidentify", 2), process)
    os.kill(_workers(process.pid)[0], signal.SIGKILL)
    _, err = process.communicate(timeout=600)
    assert (process.returncode, err.decode()) == (0, "")
    # The study in the worker's hands was tried twice; its rows and files are the same.
    assert tree(build.release) == tree(uninterrupted.release)
    assert tree(build.workspace / "jpeg") == tree(uninterrupted.workspace / "jpeg")


def _workers(parent: int) -> list[int]:
    """Spawned worker processes of a build, busy or idle."""
    return [pid for pid, command in children(parent) if b"spawn_main" in command]
