"""Nothing that identifies anybody leaves the vault, in builds that succeed and in builds that fail in every stage."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest
from building import Build, Hospital, PrefectServer, Result
from canary import Needles, in_bytes, leaks, needles

from cxr_core.tables.catalogue import IMAGES
from cxr_core.tables.storage import read_table, write_table
from cxr_core.vocabulary import Stage


@pytest.fixture(scope="module")
def wanted(hospital: Hospital) -> Needles:
    return needles(hospital)


def _told(result: Result | None, wanted: Needles) -> list[str]:
    assert result is not None
    return in_bytes((result.out + result.err).encode(), wanted)


def test_the_search_finds_everybody_in_the_vault(base_build: Build, wanted: Needles) -> None:
    """Without this the other tests would pass on a search that finds nothing."""
    found = {text for _, text in leaks(base_build.workspace / "vault", wanted, without=())}
    assert len(wanted) > 400
    identifiers = pl.read_csv(base_build.hospital.truth / "patients.csv", infer_schema=False)
    assert set(identifiers["mrn"]) | set(identifiers["last"]) - {"Heart"} <= found


def test_a_build_leaves_nobody_outside_the_vault(base_build: Build, wanted: Needles) -> None:
    """Stage tables, DICOM, JPEG, build.json, Prefect's database, HOME, TMPDIR, and what was printed."""
    assert (base_build.workspace / ".prefect" / "prefect.db").is_file()
    assert any((base_build.workspace / "dicom").rglob("*.dcm"))
    assert leaks(base_build.workspace, wanted) == []
    assert leaks(base_build.home, wanted) == []
    assert _told(base_build.result, wanted) == []


def test_prefect_knows_runs_by_our_names(base_build: Build) -> None:
    """Stage, unit, pseudonym. Names drawn at random would say Nightingale one day, who is a technologist here."""
    with sqlite3.connect(f"file:{base_build.workspace / '.prefect' / 'prefect.db'}?mode=ro", uri=True) as database:
        flows = {name for (name,) in database.execute("select name from flow_run")}
        tasks = {name for (name,) in database.execute("select name from task_run")}
    database.close()
    assert {name for name in flows if not re.match(r"(build|deidentify|convert|label)\b", name)} == set()
    stages = "|".join(stage.value for stage in Stage)
    known = rf"({stages}|account)(-[0-9a-f]+)?|commit-({stages})"
    assert {name for name in tasks if not re.fullmatch(known, name)} == set()


def test_a_release_holds_nobody(base_build: Build, wanted: Needles) -> None:
    assert leaks(base_build.release, wanted, without=()) == []


@pytest.mark.slow
def test_prefect_at_its_most_talkative_tells_of_nobody(other_build: Build, wanted: Needles) -> None:
    assert "prefect" in other_build.result.err.lower()
    assert leaks(other_build.workspace, wanted) == []
    assert leaks(other_build.home, wanted) == []
    assert _told(other_build.result, wanted) == []


# ---------------------------------------------------------------- builds that fail


@dataclass(frozen=True, slots=True)
class Failure:
    """How a build is made to fail, with which arguments, and the exit code that follows."""

    spoil: Callable[[Build], None]
    arguments: tuple[str, ...]
    code: int


def _leave_a_quotation_mark_open(build: Build) -> None:
    path = build.hospital.export / "ris" / "ris_export.csv"
    path.write_text(path.read_text(encoding="utf-8-sig") + 'R1,"' + "x" * 200_000, encoding="utf-8")


def _corrupt(name: str) -> Callable[[Build], None]:
    def spoil(build: Build) -> None:
        path = build.workspace / name
        content = bytearray(path.read_bytes())
        content[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
        path.write_bytes(content[:-40])

    return spoil


def _remove_the_sources_files(build: Build) -> None:
    for path in list(build.hospital.dicom.rglob("*")):
        if path.is_file():
            path.unlink()


def _put_a_patient_among_the_images(build: Build) -> None:
    """As a bug of the header engine would: the verifier must find it and publishing must not say it."""
    path = build.workspace / "stages" / "deidentify" / "images.parquet"
    name = pl.read_csv(build.hospital.truth / "patients.csv", infer_schema=False)["last"][0]
    images = read_table(IMAGES, path).with_columns(procedure_description=pl.lit(f"CHEST {name}"))
    write_table(IMAGES, images, path)


def _spoil_nothing(build: Build) -> None:
    del build


_FAILURES = {
    "csv": Failure(_leave_a_quotation_mark_open, (), 2),
    "requests": Failure(_corrupt("vault/catalog/requests.parquet"), ("--from", "deidentify"), 1),
    "upstream table": Failure(_corrupt("stages/deidentify/deid_reports.parquet"), ("--from", "label"), 1),
    "reader": Failure(
        _spoil_nothing, ("--from", "deidentify", "--limit", "1", "--set", 'deidentify.readers=["nobody"]'), 2
    ),
    "source": Failure(
        _remove_the_sources_files, ("--from", "deidentify", "--limit", "1", "--set", "dates.time=empty"), 1
    ),
    "privacy gate": Failure(_put_a_patient_among_the_images, ("--only", "publish"), 3),
}


@pytest.mark.e2e
@pytest.mark.parametrize("name", list(_FAILURES))
def test_a_build_that_fails_tells_of_nobody(
    name: str, base_build: Build, prefect_server: PrefectServer, wanted: Needles, tmp_path: Path
) -> None:
    failure = _FAILURES[name]
    build = base_build.copied(tmp_path / "build", server=prefect_server)
    shutil.rmtree(build.workspace / ".prefect")
    build = replace(build, hospital=build.hospital.copied(tmp_path / "hospital"))
    failure.spoil(build)
    before = sorted(path.name for path in build.release.iterdir())

    result = build.run(*failure.arguments, environment={"PREFECT_LOGGING_LEVEL": "DEBUG"})

    assert result.code == failure.code, result.err[-2000:]
    assert _told(result, wanted) == []
    planted = "stages" if failure.spoil is _put_a_patient_among_the_images else ".none"
    assert leaks(build.workspace, wanted, without=("vault", planted)) == []
    assert leaks(build.release, wanted, without=()) == []
    assert leaks(build.home, wanted) == []
    assert leaks(prefect_server.home, wanted) == []
    if failure.code:
        assert sorted(path.name for path in build.release.iterdir()) == before
