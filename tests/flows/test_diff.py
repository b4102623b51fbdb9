"""`cxr diff` as a user runs it: a table, one JSON object, exit code 1 where a subject changed its split."""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from building import ROOT, Build


def cxr(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from flows.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def moved(base_build: Build, tmp_path: Path) -> Path:
    """A copy of the public tree in which one subject of validate stands in train."""
    folder = tmp_path / base_build.public.name
    shutil.copytree(base_build.public, folder)
    (path,) = folder.glob("*-split.csv.gz")
    lines = gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)
    subject = next(line for line in lines if line.endswith(",validate\n")).split(",")[2]
    changed = [line.replace("validate", "train") if subject in line else line for line in lines]
    path.unlink()
    path.write_bytes(gzip.compress("".join(changed).encode()))
    return folder


def test_a_release_and_itself_have_no_difference(base_build: Build) -> None:
    done = cxr("diff", str(base_build.public), str(base_build.release / "current"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "cxr 1.0.0 -> cxr 1.0.0\nno difference\n"


def test_a_moved_subject_is_told_and_ends_with_exit_code_1(base_build: Build, moved: Path) -> None:
    shown = cxr("diff", str(base_build.public), str(moved))
    assert shown.returncode == 1
    assert "1 subjects moved between splits: models trained on one release know the other" in shown.stdout
    told = cxr("diff", str(base_build.public), str(moved), "--json")
    assert (told.returncode, told.stderr) == (1, "")
    answer = json.loads(told.stdout)
    assert answer["split_moves"] == [{"before": "validate", "after": "train", "subjects": 1}]
    assert answer["images"] == {"added": 0, "removed": 0, "changed": 0, "redrawn": 0}


def test_what_is_no_release_is_one_clear_line(tmp_path: Path) -> None:
    done = cxr("diff", str(tmp_path), str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"cxr: {tmp_path} is no release, or a damaged one: its tables cannot be read\n"
