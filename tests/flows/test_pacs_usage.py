"""What is wrong with the settings of a PACS is said in one line before anybody is asked for anything."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from building import Hospital, Result

import flows.cli
from flows.build.__main__ import main as build

Command = Callable[..., Result]
_MOVE = ["source.way=pacs-move", "source.pacs.host=localhost", "source.pacs.ae_title=X", "source.pacs.start=2014-03-01"]


@pytest.fixture
def command(hospital: Hospital, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `cxr pacs ...` or a build with some settings, in this process."""

    def run(words: list[str], sets: list[str], more: list[str]) -> Result:
        named = [word for one in sets for word in ("--set", one)]
        monkeypatch.setattr(sys, "argv", ["cxr", *words, str(hospital.config), *more, *named])
        code = flows.cli.run(build if not words else flows.cli._invoke)
        return Result(code, *capsys.readouterr())

    monkeypatch.delenv("HILUM_KEY_FILE", raising=False)
    return run


@pytest.mark.parametrize("words", [[], ["pacs", "acquire"]])
@pytest.mark.parametrize(
    ("sets", "told"),
    [
        (["source.way=pacs-move"], "source.pacs.host is needed"),
        (["source.way=pacs-get", "source.pacs.host=x"], "source.pacs.ae_title is needed"),
        (["source.way=dicomweb"], "source.pacs.url is needed"),
        (_MOVE[:3], "the first study date"),
        ([*_MOVE, "source.pacs.end=2014-02-01"], "before the first"),
        (["source.way=by-mail"], "source.way"),
        (["source.pacs.window=8-17"], "source.pacs.window"),
    ],
)
def test_a_wrong_setting_is_one_line(
    command: Command, tmp_path: Path, words: list[str], sets: list[str], told: str
) -> None:
    result = command(words, sets, ["--workspace", str(tmp_path / "workspace")])
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch(r"cxr: [^\n]+\n", result.err), result.err
    assert told in result.err


def test_images_come_from_one_place(command: Command, hospital: Hospital, tmp_path: Path) -> None:
    places = ["--workspace", str(tmp_path / "workspace"), "--dicom", str(hospital.dicom)]
    result = command([], _MOVE, places)
    assert (result.code, result.err) == (
        2,
        "cxr: source.dicom and source.way pacs-move: images come from one of them\n",
    )


@pytest.mark.parametrize("name", ["echo", "find", "acquire"])
def test_a_folder_has_no_pacs(command: Command, name: str) -> None:
    result = command(["pacs", name], [], [])
    assert result.code == 2
    assert "source.way is folder" in result.err
