"""Every user's mistake ends in one clear line on standard error and exit code 2."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest
from building import ROOT, Build, Hospital, PrefectServer, Result, run

import flows.cli
import flows.quiet
from flows.build.__main__ import main


@pytest.fixture
def build(hospital: Hospital, tmp_path: Path) -> Build:
    """A build whose configuration, key and tables may be spoilt; its DICOM folder stays where it is."""
    own = tmp_path / "hospital"
    (own / "made" / "export").mkdir(parents=True)
    for name in ("ris", "hl7"):
        (own / "made" / "export" / name).mkdir()
        for path in (hospital.export / name).iterdir():
            (own / "made" / "export" / name / path.name).write_bytes(path.read_bytes())
    (own / "made" / "export" / "dicom").symlink_to(hospital.dicom)
    copy = Hospital(own)
    copy.key.write_bytes(hospital.key.read_bytes())
    copy.key.chmod(0o600)
    copy.config.write_text(hospital.config.read_text().replace(str(hospital.key), str(copy.key)))
    return Build(tmp_path / "build", copy)


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[Sequence[str]], Result]:
    """Run the command in this process: it is refused before Prefect is imported, and a process costs seconds."""

    def start_the_work(workspace: Path) -> None:
        raise AssertionError(f"{workspace}: the work began")

    def run_command(arguments: Sequence[str]) -> Result:
        monkeypatch.setattr(sys, "argv", ["cxr", *arguments])
        code = flows.cli.run(main)
        return Result(code, *capsys.readouterr())

    monkeypatch.delenv("HILUM_KEY_FILE", raising=False)
    monkeypatch.setattr(flows.quiet, "set_quiet_environment", start_the_work)
    return run_command


def _refused(result: Result, words: str) -> None:
    """One line that names the mistake, on standard error alone, and no traceback."""
    assert result.code == 2, result.err
    assert result.out == ""
    assert re.fullmatch(r"cxr: [^\n]+\n", result.err), result.err
    assert re.search(words, result.err), result.err


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is spoilt, which arguments are given on top, and what the line must name."""

    words: str
    arguments: tuple[str, ...] = ()
    spoil: Callable[[Hospital], object] = lambda _: None


def _configured(text: str) -> Callable[[Hospital], object]:
    return lambda hospital: hospital.config.write_text(hospital.config.read_text() + text)


def _demo_key() -> bytes:
    from cxr_core.vault.key import demo_key

    return demo_key().secret.hex().encode()


_MISTAKES = {
    "missing folder": Mistake("nowhere.*does not exist", ("--dicom", "nowhere")),
    "file for a folder": Mistake("no folder", ("--dicom", str(ROOT / "pyproject.toml"))),
    "missing reports": Mistake("nowhere.csv.*does not exist", ("--reports", "nowhere.csv")),
    "unknown key": Mistake("unknown key cohort.min_agee", spoil=_configured("[cohort]\nmin_agee = 3\n")),
    "unknown section": Mistake("unknown key cohorts", spoil=_configured("[cohorts]\nmin_age = 3\n")),
    "wrong value": Mistake("cohort.min_age", ("--set", "cohort.min_age=old")),
    "no TOML": Mistake("is no TOML", spoil=_configured("[cohort\n")),
    "configuration absent": Mistake("cannot be read", spoil=lambda hospital: hospital.config.unlink()),
    "no key": Mistake(
        "cxr key new",
        spoil=lambda hospital: hospital.config.write_text(re.sub(r"key_file.*", "", hospital.config.read_text())),
    ),
    "key absent": Mistake("cannot be read.*cxr key new", spoil=lambda hospital: hospital.key.unlink()),
    "short key": Mistake("shorter than 32 bytes", spoil=lambda hospital: hospital.key.write_text("ab" * 20)),
    "open key": Mistake("chmod 600", spoil=lambda hospital: hospital.key.chmod(0o644)),
    "demo key": Mistake("demo's public key", spoil=lambda hospital: hospital.key.write_bytes(_demo_key())),
    "unwritable workspace": Mistake("cannot be written", ("--workspace", "/dev/null/workspace")),
    "unwritable release": Mistake("cannot be written", ("--release", "/dev/null/release")),
    "unknown waiver": Mistake("'privacy' cannot be waived", ("--waive", "privacy=me: because")),
    "waiver without a reason": Mistake("write GATE=REASON", ("--waive", "review")),
    "only and from": Mistake("--only and --from", ("--only", "label", "--from", "convert")),
    "set without a section": Mistake("section.key=value", ("--set", "min_age=0")),
    "set without a value": Mistake("section.key=value", ("--set", "cohort.min_age")),
    "unknown stage": Mistake("--only", ("--only", "publishing")),
    "unknown option": Mistake("No such option", ("--dicoms", "x")),
    "no workers": Mistake("--workers", ("--workers", "0")),
    "stage alone without a build": Mistake("holds no build yet", ("--only", "label")),
    "runner that is not there": Mistake("runner", ("--runner", "abacus")),
}


@pytest.mark.parametrize("name", list(_MISTAKES))
def test_a_mistake_is_refused_before_the_work_begins(
    name: str, build: Build, run_here: Callable[[Sequence[str]], Result]
) -> None:
    mistake = _MISTAKES[name]
    mistake.spoil(build.hospital)
    _refused(run_here([*build.command()[3:], *mistake.arguments]), mistake.words)


@pytest.mark.parametrize("source", ["--dicom", "--reports"])
def test_a_source_that_holds_no_file_is_refused(
    source: str, build: Build, tmp_path: Path, run_here: Callable[[Sequence[str]], Result]
) -> None:
    (tmp_path / "unmounted" / "within").mkdir(parents=True)
    told = run_here([*build.command()[3:], source, str(tmp_path / "unmounted")])
    _refused(told, "unmounted holds no file: is it mounted")


def test_images_without_reports_are_refused_where_every_study_must_have_one(
    build: Build, run_here: Callable[[Sequence[str]], Result]
) -> None:
    arguments = [str(build.hospital.config), "--dicom", str(build.hospital.dicom)]
    _refused(run_here([*arguments, "--workspace", str(build.workspace)]), "no source of reports.*require_report=false")


def test_a_mistake_is_refused_in_a_process_of_its_own(build: Build) -> None:
    build.hospital.key.unlink()
    _refused(build.run(), "cannot be read.*cxr key new")
    assert not (build.workspace / ".prefect").exists()


def _with_table(change: Callable[[Path], object]) -> Callable[[Hospital], object]:
    return lambda hospital: change(hospital.export / "ris" / "ris_export.csv")


def _leave_a_quotation_mark_open(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8-sig") + 'R1,"' + "x" * 200_000, encoding="utf-8")


_TABLE_MISTAKES = {
    "unreadable CSV": Mistake("ris_export.csv", spoil=_with_table(_leave_a_quotation_mark_open)),
    "missing column": Mistake(
        "no column for text.*ris_export.csv",
        spoil=_with_table(lambda path: pl.read_csv(path, infer_schema=False).drop("report_text").write_csv(path)),
    ),
    "mapped column absent": Mistake("no column 'findings'", ("--set", 'source.columns={text = "findings"}')),
}


@pytest.mark.parametrize("name", list(_TABLE_MISTAKES))
def test_a_table_that_cannot_be_read_is_refused(name: str, build: Build, prefect_server: PrefectServer) -> None:
    mistake = _TABLE_MISTAKES[name]
    mistake.spoil(build.hospital)
    _refused(replace(build, server=prefect_server).run(*mistake.arguments), mistake.words)


def test_the_workspace_of_another_key_is_refused(build: Build, prefect_server: PrefectServer) -> None:
    (build.workspace / "vault").mkdir(parents=True)
    (build.workspace / "vault" / "key_id").write_text("00000000")
    _refused(replace(build, server=prefect_server).run(), "begun with key 00000000")


def test_a_workspace_in_use_is_refused(build: Build, prefect_server: PrefectServer) -> None:
    from cxr_core.tables.workspace import Workspace

    workspace = Workspace(build.workspace)
    workspace.create()
    with workspace.locked():
        _refused(replace(build, server=prefect_server).run(), "in use by another build")


def test_an_interruption_is_one_line_and_exit_code_130(build: Build, prefect_server: PrefectServer) -> None:
    build = replace(build, server=prefect_server)
    process = subprocess.Popen(
        build.command("--quiet"),
        cwd=ROOT,
        env=build.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C reaches the whole foreground group
    )
    _wait_until((build.workspace / "vault" / "catalog" / "requests.parquet").exists, process)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (130, b"")
    with pytest.raises(ProcessLookupError):  # no worker stays behind
        os.killpg(process.pid, 0)
    assert err.decode() == "cxr: interrupted; run the same command again to resume\n"


def _wait_until(is_so: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    while not is_so():
        assert process.poll() is None, process.communicate()[1].decode()[-2000:]
        time.sleep(0.05)


def test_help_starts_neither_prefect_nor_torch() -> None:
    told = run(
        [sys.executable, "-X", "importtime", "-m", "flows.build", "--help"],
        {"PATH": os.environ["PATH"], "COLUMNS": "160"},
    )
    assert told.code == 0
    assert "--granularity" in told.out
    assert not re.search(r"\| +(prefect|torch|easyocr|rapidocr|onnxruntime)\b", told.err)
