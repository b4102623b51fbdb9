"""What an operator sees and decides: where stages stand and why, what waits, what is done again or accepted."""

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from building import Build, cxr, run

from cxr_core.errors import UsageError
from cxr_core.tables.workspace import Workspace
from flows.cli import inspect

_RELABELLED = ("--set", "labels.section=findings+impression")


def audit(build: Build) -> list[dict[str, object]]:
    lines = (build.workspace / "vault" / "audit.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def cases(build: Build) -> dict[str, str]:
    """What each case waits for."""
    lines = cxr(build, "quarantine", "list", "--cases").out.splitlines()
    return {line[:13].strip(): line[13:].strip() for line in lines}


def case_of(build: Build, words: str) -> str:
    return next(case for case, told in cases(build).items() if words in told)


def identifiers(build: Build) -> set[str]:
    """Everything that leads back: UIDs and paths of what waits."""
    drops = pl.read_parquet(build.workspace / "vault" / "drops.parquet")
    return {*drops["original"], *drops["path"].drop_nulls()}


@pytest.fixture
def copied(base_build: Build, tmp_path: Path) -> Build:
    return base_build.copied(tmp_path / "build")


def test_a_finished_build_has_nothing_to_do(base_build: Build) -> None:
    told = cxr(base_build, "status").out.splitlines()
    assert [line.endswith("; to do 0") for line in told[:3]] == [True] * 3
    assert told[-1] == f"release     {base_build.public}"


def test_status_names_the_setting_that_makes_a_stage_stale(base_build: Build) -> None:
    told = json.loads(cxr(base_build, "status", "--json", *_RELABELLED).out)["stages"]
    assert (told["deidentify"]["todo"], told["convert"]["todo"]) == (0, 0)
    label = told["label"]
    assert label["causes"] == {"way of doing it changed": label["done"]}
    assert label["stale"] == [{"studies": label["done"], "changed": ["setting LabelSettings.section"]}]


def test_the_doctor_looks_for_the_readers_of_the_build_and_no_others(base_build: Build) -> None:
    told = cxr(base_build, "doctor", "--set", 'deidentify.readers=["rapidocr"]').out
    assert [line.split()[:2] for line in told.splitlines()] == [
        ["look", "key"],  # the demo is built with a public one
        ["ok", "rapidocr"],
        ["ok", "disk"],
        ["ok", "tables"],
    ]


def test_the_doctor_names_weights_that_are_not_there(base_build: Build, tmp_path: Path) -> None:
    sets = ("--set", 'deidentify.readers=["easyocr"]', "--set", f"deidentify.easyocr_weights={tmp_path}")
    result = cxr(base_build, "doctor", *sets)
    assert result.code == 1
    (line,) = [line for line in result.out.splitlines() if " easyocr " in line]
    assert line.startswith("look  easyocr ")


def test_a_dry_run_counts_each_stage_and_says_why(rebuild: Build, base_build: Build) -> None:
    result = rebuild.run("--dry-run", *_RELABELLED)
    done = base_build.result.json["stages"]["label"]["done"]
    assert f"label: {done} to do (way of doing it changed {done}), 0 unchanged" in result.out
    assert f"convert: 0 to do, {base_build.result.json['stages']['convert']['done']} unchanged" in result.out


def test_neither_list_nor_show_tells_an_identifier(base_build: Build, copied: Build) -> None:
    known = identifiers(copied)
    told = [cxr(copied, "quarantine", "list").out, cxr(copied, "quarantine", "list", "--cases").out]
    told += [cxr(copied, "quarantine", "show", case).out for case in list(cases(copied))[-3:]]
    assert [name for name in known for text in told if name in text] == []


def test_identifiers_are_shown_on_demand_and_audited(copied: Build) -> None:
    case = case_of(copied, "E_LINK study")
    told = cxr(copied, "quarantine", "show", case, "--identified").out
    assert [name for name in identifiers(copied) if name in told]
    assert (audit(copied)[-1]["command"], audit(copied)[-1]["counts"]) == (f"quarantine show {case}", {"items": 3})


def test_what_was_typed_for_a_case_stands_nowhere(copied: Build) -> None:
    result = cxr(copied, "quarantine", "show", "MRN4711298", "--identified")
    assert (result.code, result.out) == (2, "")
    assert result.err == "cxr: quarantine: no such case waits; `cxr quarantine list --cases` names them\n"
    assert "4711298" not in (copied.workspace / "vault" / "audit.jsonl").read_text()


@pytest.mark.parametrize("command", [["retry"], ["accept", "--why", "because"]])
def test_nothing_is_decided_about_cases_that_nobody_named(copied: Build, command: list[str]) -> None:
    result = cxr(copied, "quarantine", *command)
    assert (result.code, result.err) == (2, "cxr: quarantine: name cases, or a --reason, or --all\n")


def test_an_acceptance_tells_who_and_why_and_counts_as_dropped(rebuild: Build) -> None:
    why = "the site has no better files"
    assert cxr(rebuild, "quarantine", "accept", "--all", "--why", why).code == 0
    assert (audit(rebuild)[-1]["command"], audit(rebuild)[-1]["why"]) == ("quarantine accept", why)
    assert cases(rebuild) == {}
    before = pl.read_parquet(rebuild.workspace / "vault" / "drops.parquet")
    command = [word for word in rebuild.command("--quiet") if word != "--allow-quarantine"]
    assert run(command, rebuild.environment()).code == 0  # 0.5 % is the limit, and nothing counts
    assert pl.read_parquet(rebuild.workspace / "vault" / "drops.parquet").equals(before)


@pytest.mark.e2e
def test_a_retry_does_just_these_again_once(rebuild: Build) -> None:
    failed = [case_of(rebuild, "deidentify E_PIXELS instance 1, deidentify no_surviving_image")]
    assert cxr(rebuild, "quarantine", "retry", *failed).out == "the next build does again: deidentify 1\n"
    told = json.loads(cxr(rebuild, "status", "--json").out)["stages"]
    assert [stage["causes"] for stage in told.values()] == [{"asked for": 1}, {}, {}]
    stages = rebuild.run("--json").json["stages"]
    tried = {name: stages[name]["done"] + stages[name]["quarantined"] for name in ("deidentify", "convert", "label")}
    assert tried == {"deidentify": 1, "convert": 0, "label": 0}
    told = json.loads(cxr(rebuild, "status", "--json").out)["stages"]
    assert [stage["todo"] for stage in told.values()] == [0, 0, 0]
    assert failed[0] in cases(rebuild)


def test_a_number_of_the_hospital_tells_how_its_study_came_to_be_in_or_out(copied: Build) -> None:
    truth = pl.read_csv(copied.hospital.truth / "studies.csv", infer_schema=False)
    wrong = truth.filter(pl.col("fault") == "wrong_mrn_report").row(0, named=True)
    before = len(audit(copied))
    told = cxr(copied, "explain", "--number", wrong["accession"]).out
    assert "link        out: E_LINK" in told
    assert told == cxr(copied, "explain", "--number", wrong["study"]).out.rstrip() + "\nreport 1 of 1: E_LINK\n"
    assert not any(value in told for value in (wrong["accession"], wrong["study"], wrong["mrn"]))
    assert [line["command"] for line in audit(copied)[before:]] == ["explain a number"] * 2
    assert wrong["accession"] not in json.dumps(audit(copied))


def test_a_published_study_tells_its_way_and_its_labels(base_build: Build) -> None:
    labels = pl.read_parquet(base_build.workspace / "stages" / "label" / "labels.parquet")
    told = cxr(base_build, "explain", labels["study_id"][0]).out
    assert [line.split()[0] for line in told.splitlines()[:3]] == ["catalog", "link", "register"]
    assert "report by " in told
    assert "phrase" in told


def test_verifying_nothing_is_a_users_mistake(base_build: Build, tmp_path: Path) -> None:
    (tmp_path / "copy" / "files").mkdir(parents=True)
    told = cxr(base_build, "verify", str(tmp_path / "copy"))
    assert (told.code, told.out) == (2, "")
    assert "copy holds no file: there is nothing to verify" in told.err


def test_a_folder_without_checksums_is_not_said_to_have_them_checked(base_build: Build, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing of anybody\n")
    told = cxr(base_build, "verify", str(tmp_path), "--workspace", str(base_build.workspace))
    assert "checked: identifiers, pictures, structure (no SHA256SUMS.txt: files may be missing or changed)" in told.out


def test_the_doctor_says_where_there_is_too_little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5 << 20))
    with pytest.raises(UsageError, match="only 5 MiB free here"):
        inspect._room(Path(), "here")


@pytest.mark.parametrize(("place", "told"), [("", "workspace"), ("vault", "vault")])
def test_a_workspace_of_another_user_is_refused_in_words(
    place: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    workspace.create()
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != tmp_path / place)  # tests may run as root
    with pytest.raises(UsageError, match=f"{told} .* may not be read by this user"):
        inspect.workspace_at(tmp_path)
