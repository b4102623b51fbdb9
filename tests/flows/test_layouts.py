"""`cxr publish --layout` as its users run it, and the gates of DICOM and reports."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from building import Build, Result, run, tree

from cxr_core.errors import GateRefused, UsageError
from cxr_core.release.views.rows import Layout
from cxr_core.tables.catalogue import DEID_REPORTS
from cxr_core.tables.storage import read_table, write_table
from cxr_core.tables.workspace import Workspace
from tasks.verification import Verifier
from tasks.view import ViewOrder, make_view

_CXR = [sys.executable, "-c", "from flows.cli import main; main()"]
_WAIVED = {"review": "tests: invented people", "attestation": "tests: invented"}


def cxr(build: Build, *arguments: str) -> Result:
    return run([*_CXR, *arguments], build.environment())


@pytest.fixture
def signoff(tmp_path: Path) -> Path:
    """One patient is called Heart, and reports speak of hearts: a person has looked at that."""
    path = tmp_path / "signoff.txt"
    path.write_text("heart\n")
    return path


def _with_reports(build: Build, signoff: Path) -> ViewOrder:
    workspace = Workspace(build.workspace)
    return ViewOrder(Layout.MIMIC_CXR_2, build.public, workspace=workspace, waivers=_WAIVED, signoff=signoff)


@pytest.fixture
def copied(base_build: Build, tmp_path: Path) -> Build:
    return base_build.copied(tmp_path / "build")


def test_a_layout_is_written_beside_the_release_and_once(copied: Build) -> None:
    before = tree(copied.public)
    first = cxr(copied, "publish", str(copied.public), "--layout", "chexpert-1")
    assert (first.code, first.err) == (0, "")
    place = copied.release / "cxr-1.0.0-chexpert-1"
    assert first.out.splitlines()[0] == f"chexpert-1 written: {place}"
    again = cxr(copied, "publish", str(copied.public), "--layout", "chexpert-1")
    assert again.out.splitlines()[0] == f"chexpert-1 unchanged: {place}"
    assert tree(copied.public) == before
    assert (copied.release / "current").resolve() == copied.public


def test_an_unknown_layout_is_one_clear_line(copied: Build) -> None:
    told = cxr(copied, "publish", str(copied.public), "--layout", "chexpert-2")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("cxr: layout 'chexpert-2' is not known; these are: mimic-cxr-1, ")


@pytest.mark.parametrize("layout", [Layout.MIMIC_CXR_1, Layout.CHEXPERT_1, Layout.CHESTXRAY14])
def test_the_verifier_knows_every_file_of_a_layout(copied: Build, layout: Layout) -> None:
    done = make_view(ViewOrder(layout, copied.public))
    verifier = Verifier.of(Workspace(copied.workspace), None)
    for root in (done.path, done.path.with_name(f"{done.path.name}-withheld")):
        assert verifier.verify(root).findings == ()


def test_a_strange_picture_in_a_layout_is_found(copied: Build) -> None:
    done = make_view(ViewOrder(Layout.MIMIC_CXR_1, copied.public))
    image = sorted(done.path.rglob("*.jpg"))[0]
    content = bytearray(image.read_bytes())
    image.unlink()
    content[-100] ^= 1
    image.write_bytes(content)
    found = Verifier.of(Workspace(copied.workspace), None).verify(done.path)
    assert {item.kind.value for item in found.findings} >= {"picture", "checksum"}


def test_dicom_and_reports_pass_gates_of_their_own(copied: Build, signoff: Path) -> None:
    order = _with_reports(copied, signoff)
    for waived, refusing in (({}, "review"), ({"review": "tests: invented"}, "attestation")):
        with pytest.raises(GateRefused, match=f"gate {refusing}"):
            make_view(replace(order, waivers=waived))
    with pytest.raises(GateRefused, match="gate privacy: 1 name_word in files"):
        make_view(replace(order, signoff=None))
    assert not (copied.release / "cxr-1.0.0-mimic-cxr-2").exists()


def test_dicom_and_reports_are_those_of_the_published_studies(copied: Build, signoff: Path) -> None:
    done = make_view(_with_reports(copied, signoff))
    verifier = Verifier.of(Workspace(copied.workspace), signoff)
    for root, source in (
        (done.path, copied.public),
        (done.path.with_name(f"{done.path.name}-withheld"), copied.withheld),
    ):
        images = pl.read_parquet(source / "images.parquet")
        assert {path.stem for path in root.rglob("*.dcm")} == set(images["dicom_id"])
        assert {path.stem.removeprefix("s") for path in root.rglob("files/**/*.txt")} == set(
            images.filter("has_report")["study_id"]
        )
        assert verifier.verify(root).findings == ()
    lines = [line for path in done.path.rglob("files/**/*.txt") for line in path.read_text().splitlines()]
    assert max(map(len, lines)) <= 79
    assert any("___" in line for line in lines)
    assert json.loads((done.path / "run.json").read_bytes())["waivers"] == _WAIVED
    assert "## Report texts" in (done.path / "DATA_USE_AGREEMENT.md").read_text()


def test_a_name_in_a_report_is_refused_and_nothing_is_visible(copied: Build, signoff: Path) -> None:
    patient = pl.read_csv(copied.hospital.truth / "patients.csv", infer_schema=False)["last"][0]
    path = copied.workspace / "stages" / "deidentify" / "deid_reports.parquet"
    rows = read_table(DEID_REPORTS, path)
    published = set(pl.read_parquet(copied.public / "images.parquet")["study_id"])
    study = next(one for one in rows["study_id"] if one in published)
    spoilt = pl.when(pl.col("study_id") == study).then(pl.lit(f"Seen with {patient}.")).otherwise("text")
    write_table(DEID_REPORTS, rows.with_columns(text=spoilt), path)
    before = tree(copied.release)
    with pytest.raises(GateRefused, match=re.escape("privacy")) as refused:
        make_view(_with_reports(copied, signoff))
    assert patient not in str(refused.value)
    assert tree(copied.release) == before


def test_without_kept_dicom_there_is_one_clear_line(copied: Build, signoff: Path) -> None:
    images = pl.read_parquet(copied.public / "images.parquet")
    Workspace(copied.workspace).dicom_file(images["study_id"][0], images["dicom_id"][0]).unlink()
    with pytest.raises(UsageError, match=r'1 DICOM files were not kept; build with convert.intermediates = "keep"'):
        make_view(_with_reports(copied, signoff))
