"""`cxr withdraw` as its users run it: told before it is done, done once, finished after a kill, nobody named."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from building import ROOT, Build, Result, run, tree

_CXR = [sys.executable, "-c", "from flows.cli import main; main()"]


def cxr(build: Build, *arguments: str) -> Result:
    places = ["--workspace", str(build.workspace), "--release", str(build.release)]
    return run([*_CXR, *arguments, *places], build.environment())


@pytest.fixture
def copied(base_build: Build, tmp_path: Path) -> Build:
    return base_build.copied(tmp_path / "build")


@pytest.fixture
def subject(base_build: Build) -> str:
    return str(pl.read_parquet(base_build.public / "images.parquet")["subject_id"].sort()[0])


def _studies(build: Build, subject: str) -> set[str]:
    rows = pl.read_parquet(build.workspace / "stages" / "register" / "study_rows.parquet")
    return set(rows.filter(subject_id=subject)["study_id"])


def _mrn(build: Build, subject: str) -> str:
    rows = pl.read_parquet(build.workspace / "vault" / "pseudonyms.parquet")
    return str(rows.filter(pl.col("kind").cast(pl.String) == "patient", pl.col("pseudonym") == subject)["original"][0])


def _traces(build: Build, studies: set[str]) -> list[str]:
    """Files and rows that speak of studies, beside the crosswalk, which keeps the ids so that none is given again."""
    found = [path for path in tree(build.workspace, without=(".prefect",)) if any(study in path for study in studies)]
    for path in sorted(build.workspace.rglob("*.parquet")):
        frame = pl.read_parquet(path)
        if "study_id" in frame.columns and studies & set(frame["study_id"]):
            found.append(path.name)
    return found


def test_a_dry_run_tells_and_removes_nothing(copied: Build, subject: str) -> None:
    before = tree(copied.workspace)
    told = cxr(copied, "withdraw", subject, "--reason", "legal", "--dry-run")
    assert (told.code, told.err) == (0, "")
    counts = f"1 subjects, {len(_studies(copied, subject))} studies, "
    assert told.out.startswith(counts)
    assert told.out.endswith("dry run: nothing was removed\n")
    assert tree(copied.workspace) == before


def test_without_a_yes_nothing_is_removed(copied: Build, subject: str) -> None:
    before = tree(copied.workspace)
    asked = cxr(copied, "withdraw", subject, "--reason", "error")
    assert asked.code == 130  # nobody is there to answer
    assert tree(copied.workspace) == before


def test_everything_that_was_made_of_a_subject_goes_and_the_id_stays_taken(copied: Build, subject: str) -> None:
    studies = _studies(copied, subject)
    assert len(_traces(copied, studies)) > 10
    done = cxr(copied, "withdraw", subject, "--reason", "withdrawn", "--yes")
    assert (done.code, done.err) == (0, "")
    assert _traces(copied, studies) == []
    assert subject in set(pl.read_parquet(copied.workspace / "vault" / "pseudonyms.parquet")["pseudonym"])
    assert subject in set(pl.read_parquet(copied.workspace / "stages" / "split" / "splits.parquet")["subject_id"])


def test_a_list_of_numbers_does_the_same_and_blocks_unknown_ones(copied: Build, subject: str, tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(f"\ufeff{_mrn(copied, subject)}\n\n  NEVERSEEN77  \n")
    studies = _studies(copied, subject)
    done = cxr(copied, "withdraw", "--mrn-file", str(listed), "--reason", "legal", "--yes")
    assert done.code == 0
    assert _mrn(copied, subject) not in done.out
    assert "NEVERSEEN77" not in done.out + (copied.workspace / "vault" / "audit.jsonl").read_text()
    assert _traces(copied, studies) == []
    blocked = pl.read_parquet(copied.workspace / "vault" / "withdrawals.parquet")
    assert {_mrn(copied, subject), "NEVERSEEN77"} == set(blocked["patient_id"])
    assert set(blocked["reason"].cast(pl.String)) == {"legal"}


def test_the_number_that_a_hospital_no_longer_uses_means_the_same_patient(copied: Build, tmp_path: Path) -> None:
    merges = pl.read_parquet(copied.workspace / "vault" / "catalog" / "merges.parquet").sort("old_patient_id")
    ledger = pl.read_parquet(copied.workspace / "vault" / "pseudonyms.parquet")
    row = merges.join(ledger, left_on="new_patient_id", right_on="original").row(0, named=True)
    listed = tmp_path / "list.txt"
    listed.write_text(row["old_patient_id"])
    studies = _studies(copied, row["pseudonym"])
    assert cxr(copied, "withdraw", "--mrn-file", str(listed), "--reason", "legal", "--yes").code == 0
    assert _traces(copied, studies) == []


def test_twice_is_once(copied: Build, subject: str) -> None:
    cxr(copied, "withdraw", subject, "--reason", "withdrawn", "--yes")
    before = tree(copied.workspace, without=("vault",))
    blocked = (copied.workspace / "vault" / "withdrawals.parquet").read_bytes()
    again = cxr(copied, "withdraw", subject, "--reason", "error", "--yes")
    assert again.code == 0
    assert "of these 1 withdrawn before" in again.out
    assert tree(copied.workspace, without=("vault",)) == before
    assert (copied.workspace / "vault" / "withdrawals.parquet").read_bytes() == blocked


def test_a_wrong_id_is_one_clear_line_and_stands_nowhere(copied: Build) -> None:
    told = cxr(copied, "withdraw", "MRN4711298", "--reason", "legal", "--yes")
    assert (told.code, told.err) == (2, "cxr: withdraw: no such subject in this vault\n")
    assert "4711298" not in (copied.workspace / "vault" / "audit.jsonl").read_text()


@pytest.mark.e2e
def test_rows_that_a_cut_off_withdrawal_left_are_not_published(copied: Build, subject: str) -> None:
    """As if the kill came between the block list and the removal: `--only publish` does not read the block list."""
    kept = {path: path.read_bytes() for path in copied.workspace.rglob("*") if path.is_file()}
    cxr(copied, "withdraw", subject, "--reason", "withdrawn", "--yes")
    for path, content in kept.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    before = tree(copied.release)
    refused = copied.run("--only", "publish", "--quiet")
    assert refused.code == 3
    assert refused.err == ("cxr: gate privacy: 1 withdrawn subjects are still there; build without --only and --from\n")
    assert tree(copied.release) == before


def _audited(build: Build) -> bool:
    return "withdraw" in (build.workspace / "vault" / "audit.jsonl").read_text()


def _blocked(build: Build) -> bool:
    return (build.workspace / "vault" / "withdrawals.parquet").exists()


def _pictures_gone(build: Build) -> bool:
    return not (build.workspace / "report.html").exists()


@pytest.mark.e2e
@pytest.mark.parametrize("moment", [_audited, _blocked, _pictures_gone])
def test_after_a_kill_the_same_command_finishes(
    base_build: Build, subject: str, tmp_path: Path, moment: Callable[[Build], bool]
) -> None:
    arguments = ["withdraw", subject, "--reason", "withdrawn", "--yes"]
    whole, cut = (base_build.copied(tmp_path / name) for name in ("whole", "cut"))
    assert cxr(whole, *arguments).code == 0
    process = subprocess.Popen(
        [*_CXR, *arguments, "--workspace", str(cut.workspace)],
        cwd=ROOT,
        env=cut.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not moment(cut):
        time.sleep(0.0005)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert cxr(cut, *arguments).code == 0
    outside = tree(cut.workspace, without=("vault", ".prefect"))
    assert outside == tree(whole.workspace, without=("vault", ".prefect"))
    assert _traces(cut, _studies(base_build, subject)) == []
    lines = [json.loads(line) for line in (cut.workspace / "vault" / "audit.jsonl").read_text().splitlines()]
    assert sum(line["command"].startswith("withdraw") for line in lines) >= 1


def test_earlier_releases_are_named_and_deleted_only_when_a_newer_one_is_out(copied: Build, subject: str) -> None:
    """The newer release is the old one without the subject's row: what a build makes of it is tested elsewhere."""
    images = pl.read_parquet(copied.public / "images.parquet")
    told = cxr(copied, "withdraw", subject, "--reason", "withdrawn", "--yes")
    count = images.filter(pl.col("subject_id").cast(pl.String) == subject).height
    assert f"still in {copied.public}: 1 subjects, {count} images, the newest\n" in told.out
    before = tree(copied.release)
    refused = cxr(copied, "releases", "purge", "--yes")
    assert (refused.code, refused.err) == (
        2,
        "cxr: the newest release holds withdrawn patients: build one without them first\n",
    )
    assert tree(copied.release) == before

    newer = copied.release / "cxr-1.1.0"
    newer.mkdir()
    images.filter(pl.col("subject_id").cast(pl.String) != subject).write_parquet(newer / "images.parquet")
    run_json = json.loads((copied.public / "run.json").read_text()) | {"version": "1.1.0"}
    (newer / "run.json").write_text(json.dumps(run_json))
    old = copied.public
    (copied.release / "current").unlink()
    (copied.release / "current").symlink_to("cxr-1.1.0")
    asked = cxr(copied, "releases", "purge")
    assert asked.code == 130
    assert old.is_dir()
    done = cxr(copied, "releases", "purge", "--yes")
    assert (done.code, done.err) == (0, "")
    assert not old.exists()
    assert (copied.release / "current").resolve() == newer
    assert cxr(copied, "releases", "held").out == f"no release in {copied.release} holds a withdrawn patient\n"
    audit = (copied.workspace / "vault" / "audit.jsonl").read_text().splitlines()
    assert json.loads(audit[-1])["command"] == "releases purge"
