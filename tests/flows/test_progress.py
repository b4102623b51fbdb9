"""What shows while a build runs: bars on a terminal, lines elsewhere, nothing where nothing was wanted."""

import os
import pty
import subprocess
import sys
import threading

import pytest
from building import ROOT

import flows.progress
from flows.progress import BuildProgress

_TWO_STAGES = """
from flows.progress import BuildProgress
with BuildProgress().stages(["deidentify", "convert"], 3) as ticks:
    ticks["deidentify"](2)
    ticks["convert"](1)
"""


def test_a_line_ends_each_stage(capsys: pytest.CaptureFixture[str]) -> None:
    progress = BuildProgress()
    with progress.stages(["deidentify", "label"], 5) as ticks:
        ticks["deidentify"](3)
        ticks["deidentify"](2)
        ticks["label"](4)
    assert capsys.readouterr() == ("", "deidentify  5/5\nlabel       4/4\n")


def test_a_stage_says_that_it_is_alive_although_nothing_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(flows.progress, "_LINE_EVERY_S", 0.001)
    shown = threading.Event()
    monkeypatch.setattr(flows.progress._Lines, "show", lambda lines: (lines._print("still"), shown.set()))
    with BuildProgress().stages(["label"], 5) as ticks:
        ticks["label"](1)
        shown.wait()
    assert capsys.readouterr().err.startswith("label       still\n")


def test_a_quiet_build_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with BuildProgress(quiet=True).stages(["label"], 1) as ticks:
        ticks["label"](1)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_a_bar_a_stage() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _TWO_STAGES],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    out, _ = process.communicate()
    os.close(theirs)
    told = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert (process.returncode, out) == (0, b"")
    last = told.rsplit("deidentify", 1)[1]
    assert "━" in last
    assert "2/2" in last
    assert "1/1" in last.split("convert", 1)[1]
