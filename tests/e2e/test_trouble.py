"""What an operator meets: full and read-only disks, damaged tables, two builds at once, clocks. Nothing is lost."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import ROOT, Build, Hospital, PrefectServer, Result, cxr, tree

pytestmark = pytest.mark.e2e


@pytest.fixture
def rebuild(uninterrupted: Build, prefect_server: PrefectServer, tmp_path: Path) -> Build:
    return uninterrupted.copied(tmp_path / "build", server=prefect_server)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", place], check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def _remount(place: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", place], check=True)


def _same(build: Build, other: Build) -> None:
    assert tree(build.release) == tree(other.release)
    assert tree(build.workspace / "jpeg") == tree(other.workspace / "jpeg")
    assert tree(build.workspace / "stages") == tree(other.workspace / "stages")


def _line(result: Result, code: int) -> str:
    assert (result.code, result.out) == (code, "")
    assert result.err.count("\n") == 1, result.err
    return result.err.rstrip()


# ---------------------------------------------------------------- the disk


def test_a_full_disk_stops_in_one_line_and_the_rerun_completes(
    small_disk: Path, uninterrupted: Build, clinic: Hospital, prefect_server: PrefectServer
) -> None:
    build = Build(small_disk, clinic, prefect_server)
    room = sum(path.stat().st_size for path in clinic.dicom.rglob("*") if path.is_file()) // 3
    ballast = small_disk / "ballast"
    subprocess.run(["fallocate", "-l", str((64 << 20) - room), ballast], check=True)

    line = _line(build.run("--quiet"), 1)

    assert line == (
        "cxr: the disk is full: free some space, then run the same command again: nothing that was done is lost"
    )
    assert list(build.release.glob("cxr-*")) == []
    ballast.unlink()
    result = build.run("--json")
    assert (result.code, result.err) == (0, "")
    assert result.json["stages"]["deidentify"]["reused"] > 0
    assert [row for row in result.json["drops"] if row["reason"] == "E_CRASH"] == []
    _same(build, uninterrupted)


def test_a_file_size_limit_stops_in_one_line(rebuild: Build, uninterrupted: Build) -> None:
    command = ["bash", "-c", 'ulimit -f 20; exec "$@"', "bash", *rebuild.command("--quiet", "--rehash")]
    (rebuild.workspace / "stages" / "convert" / "ledger.parquet").unlink()
    ended = subprocess.run(
        command, cwd=ROOT, env=rebuild.environment(), capture_output=True, text=True, check=False, timeout=600
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("cxr: a file grew beyond the limit of this process (ulimit -f): raise it, then run")
    assert rebuild.run("--quiet") == Result(0, "", "")
    _same(rebuild, uninterrupted)


def test_a_read_only_workspace_is_refused_and_can_be_looked_at(
    small_disk: Path, uninterrupted: Build, prefect_server: PrefectServer
) -> None:
    subprocess.run(["cp", "-a", f"{uninterrupted.root}/.", small_disk], check=True)
    build = Build(small_disk, uninterrupted.hospital, prefect_server)
    _remount(small_disk, "ro")
    for arguments in ((), ("--only", "label"), ("--dry-run",)):
        line = _line(build.run("--quiet", *arguments), 2)
        assert re.fullmatch(r"cxr: (workspace|vault) \S+ cannot be written", line), line
    assert cxr(build, "status").out.splitlines()[-1].startswith("release ")
    assert cxr(build, "quarantine", "list").code == 0
    assert f"look  workspace {build.workspace} cannot be written\n" in cxr(build, "doctor").out
    _remount(small_disk, "rw")
    assert build.run("--quiet").code == 0
    _same(build, uninterrupted)


# ---------------------------------------------------------------- damaged tables


@pytest.mark.parametrize(
    ("name", "again"), [("stages/label/labels.parquet", "label"), ("stages/convert/ledger.parquet", "convert")]
)
def test_a_damaged_table_is_named_moved_aside_and_made_again(
    name: str, again: str, rebuild: Build, uninterrupted: Build
) -> None:
    path = rebuild.workspace / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])

    line = _line(rebuild.run("--quiet"), 1)

    told = "is damaged or gone; `cxr doctor --workspace DIR` looks at all tables and says what to do"
    assert line == f"cxr: {name} {told}"
    assert tree(rebuild.release) == tree(uninterrupted.release)
    assert f"look  {name} is damaged: it can be made again: `cxr doctor --set-aside`" in cxr(rebuild, "doctor").out
    assert f"moved {name} -> damaged/001\n" in cxr(rebuild, "doctor", "--set-aside").out
    assert (rebuild.workspace / "damaged" / "001" / name).exists()
    result = rebuild.run("--json")
    assert result.code == 0, result.err
    done = uninterrupted.result.json["stages"]
    assert result.json["stages"][again]["done"] == done[again]["done"]
    _same(rebuild, uninterrupted)


def test_a_damaged_split_ledger_is_refused_until_it_comes_from_a_backup(rebuild: Build, uninterrupted: Build) -> None:
    path = rebuild.workspace / "stages" / "split" / "splits.parquet"
    content = path.read_bytes()
    path.write_bytes(b"PAR1")
    assert _line(rebuild.run("--quiet"), 1).startswith("cxr: stages/split/splits.parquet is damaged or gone")
    advice = "holds which subject is in which split: bring it back from a backup"
    assert advice in cxr(rebuild, "doctor", "--set-aside").out
    assert path.read_bytes() == b"PAR1"
    path.write_bytes(content)
    assert rebuild.run("--quiet").code == 0
    _same(rebuild, uninterrupted)


# ---------------------------------------------------------------- two at once, and the clock


def test_of_two_builds_at_once_the_second_is_refused_and_the_first_goes_on(
    uninterrupted: Build, clinic: Hospital, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    build = Build(tmp_path / "build", clinic, prefect_server)
    first = subprocess.Popen(
        build.command("--quiet"), cwd=ROOT, env=build.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while not (build.workspace / "vault" / "catalog" / "requests.parquet").exists():
        assert first.poll() is None
        time.sleep(0.05)
    assert _line(build.run("--quiet"), 2) == f"cxr: workspace {build.workspace} is in use by another build"
    out, err = first.communicate(timeout=600)
    assert (first.returncode, out, err) == (0, b"", b"")
    _same(build, uninterrupted)


def test_times_in_the_future_or_the_past_change_nothing(
    uninterrupted: Build, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    """The clock was wrong while files arrived: they are read again, no study is done again."""
    hospital = uninterrupted.hospital.copied(tmp_path / "hospital")
    copy = uninterrupted.copied(tmp_path / "build", server=prefect_server)
    build = Build(copy.root, hospital, prefect_server)
    now = time.time()
    for place, path in enumerate(sorted(hospital.dicom.rglob("*"))):
        shift = (-1 if place % 2 else 1) * 10 * 365 * 86_400
        os.utime(path, (now + shift, now + shift), follow_symlinks=False)
    stages = build.run("--json").json["stages"]
    assert [stages[name]["done"] for name in ("deidentify", "convert", "label")] == [0, 0, 0]
    _same(build, uninterrupted)
