"""The whole build of a small hospital, run as its users run it: what comes out, what runs again, what stays silent."""

import gzip
import json
import os
import re
import shutil
import subprocess
import urllib.request
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from building import Build, PrefectServer, tree

from cxr_core.vocabulary import Label

_LABELS = [label.value for label in Label]

# What each planted fault becomes (specs: acquisition, section 6; the cohort is the default: by patient, from 18 on):
# (reason against the file, reason against the study), None where it goes on.
_BECOMES: dict[str, set[tuple[str | None, str | None]]] = {
    "non_dicom_file": {("E_NOT_DICOM", None)},
    "sr_object": {(None, None)},  # the object is another file of the study: see below
    "no_pixels": {("E_PIXELS", None), ("E_PIXELS", "no_surviving_image")},
    "truncated": {("E_PIXELS", None), ("E_PIXELS", "no_surviving_image")},
    "corrupt_stream": {("E_PIXELS", None), ("E_PIXELS", "no_surviving_image"), (None, None)},
    "no_meta": {(None, None), ("E_NOT_DICOM", None), ("E_NOT_DICOM", "no_surviving_image")},
    "dup_identical": {("duplicate", None), (None, None)},  # one of the two goes on: see below
    "dup_different": {("E_DUP", None), ("E_DUP", "no_surviving_image")},
    "blank_image": {(None, None)},
    "wrong_photometric": {(None, None)},
    "no_report": {("no_report", "no_report")},
    "empty_report": {("no_report", "no_report")},
    "report_without_images": {(None, None)},  # no study of the PACS: see below
    "two_reports": {(None, None)},
    "addendum": {(None, None)},
    "no_accession": {(None, None)},
    "space_accession": {(None, None)},
    "merged_mrn": {(None, None)},
    "wrong_mrn_report": {("E_LINK", "E_LINK")},
    "mixed_patient": {("E_LINK", "E_LINK")},
    "wrong_date": {(None, None)},
    "nonchest": {("not_chest", "not_chest")},
    "outside_cohort": {("outside_cohort", "outside_cohort")},
    "outside_encounter": {(None, None)},
    "minor": {("under_age", "under_age")},
    "over_89": {(None, None)},
}


def _truth(build: Build, name: str) -> pl.DataFrame:
    return pl.read_csv(build.hospital.truth / f"{name}.csv", infer_schema=False).fill_null("")


def _vault(build: Build, name: str) -> pl.DataFrame:
    frame = pl.read_parquet(build.workspace / "vault" / f"{name}.parquet")
    return frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))


def _published(build: Build) -> pl.DataFrame:
    """The image rows of both trees."""
    return pl.concat([pl.read_parquet(root / "images.parquet") for root in (build.public, build.withheld)])


def _pseudonyms(build: Build, kind: str) -> dict[str, str]:
    rows = _vault(build, "pseudonyms").filter(pl.col("kind") == kind)
    return dict(rows.select("pseudonym", "original").iter_rows())


def _csv(root: Path, name: str) -> pl.DataFrame:
    (path,) = root.glob(f"*-{name}.csv.gz")
    return pl.read_csv(gzip.decompress(path.read_bytes()), infer_schema=False)


def _releases(build: Build) -> dict[str, str]:
    return tree(build.release)


def test_every_file_is_published_withheld_or_dropped_once(base_build: Build) -> None:
    told, drops = base_build.result.json, _vault(base_build, "drops")
    originals = _pseudonyms(base_build, "instance")
    shown = [originals[image] for image in _published(base_build)["dicom_id"]]
    kept = _truth(base_build, "images").filter(pl.col("sop").is_in(shown))
    files = drops.filter(pl.col("kind").is_in(["file", "instance"]))["path"]
    present = sorted(p.relative_to(base_build.hospital.dicom).as_posix() for p in _files(base_build.hospital.dicom))
    # A duplicate has the same UID as the published file; which of the two goes is linkage's choice.
    copies = set(_truth(base_build, "faults").filter(kind="dup_identical")["path"].str.strip_prefix("dicom/"))
    assert len(shown) == len(set(shown)) == told["counts"]["images"]
    assert len(files) == files.n_unique()
    assert len(present) == len(files) + len(shown)
    left = set(present) - set(files)
    assert left - copies == set(kept["path"].str.strip_prefix("dicom/")) - copies
    assert Counter(drops.select("stage", "kind", "reason").iter_rows()) == {
        (row["stage"], row["kind"], row["reason"]): row["count"] for row in told["drops"]
    }


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_each_planted_fault_becomes_what_the_specification_says(base_build: Build) -> None:
    drops = _vault(base_build, "drops")
    of_file = dict(drops.filter(pl.col("path").is_not_null()).select("path", "reason").iter_rows())
    of_study = dict(drops.filter(kind="study").select("original", "reason").iter_rows())
    wrong = []
    found: Counter[tuple[str, str | None]] = Counter()
    for row in _truth(base_build, "faults").iter_rows(named=True):
        became = (of_file.get(row["path"].removeprefix("dicom/")), of_study.get(row["study"]))
        found[row["kind"], became[0]] += 1
        if became not in _BECOMES[row["kind"]]:
            wrong.append((row["kind"], became))
    assert wrong == []
    assert {kind for kind, _ in found} == set(_BECOMES)
    assert found["dup_identical", "duplicate"] == found["dup_identical", None] == 1
    assert drops.filter(reason="E_SOP").height == 1
    reports = Counter(drops.filter(kind="report")["reason"])
    assert (reports["no_images"], reports["E_EMPTY"]) == (1, 1)


def test_faults_that_go_on_leave_their_flags(base_build: Build) -> None:
    faults = _truth(base_build, "faults")
    rows = _published(base_build)
    images = {original: image for image, original in _pseudonyms(base_build, "instance").items()}
    studies = {original: study for study, original in _pseudonyms(base_build, "study").items()}
    sops = dict(_truth(base_build, "images").select("path", "sop").iter_rows())
    study_rows = pl.read_parquet(base_build.workspace / "stages" / "register" / "study_rows.parquet")

    def image_flags(kind: str) -> list[list[str]]:
        ids = [images[sops[path]] for path in faults.filter(kind=kind)["path"]]
        return rows.filter(pl.col("dicom_id").is_in(ids))["flags"].to_list()

    def study_row(kind: str) -> dict[str, object]:
        (uid,) = faults.filter(kind=kind)["study"]
        return study_rows.filter(study_id=studies[uid]).row(0, named=True)

    assert [("low_contrast" in flags) for flags in image_flags("blank_image")] == [True]
    assert [("polarity_suspect" in flags) for flags in image_flags("wrong_photometric")] == [True]
    assert study_row("addendum")["has_addendum"] is True
    assert study_row("wrong_date")["date_mismatch"] is True
    assert study_row("wrong_date")["link_rule"] == "accession"
    assert study_row("space_accession")["link_rule"] == "accession"
    assert study_row("no_accession")["link_rule"] in {"study_uid", "patient_time"}


def test_labels_equal_the_truth(base_build: Build) -> None:
    """The section of the paper, and on top what an addendum adds; the corrected version where there are two."""
    versions = _truth(base_build, "reports").filter(pl.col("text") != "")
    by_section = {
        (row["report_id"], row["section"]): [row[label] for label in _LABELS]
        for row in _truth(base_build, "report_labels").iter_rows(named=True)
    }
    originals = _pseudonyms(base_build, "study")
    expected, found = {}, {}
    for root in (base_build.public, base_build.withheld):
        for row in _csv(root, "chexpert").iter_rows(named=True):
            mine = versions.filter(study=originals[row["study_id"]])
            main = mine.filter(pl.col("status") != "ADDENDUM")["report_id"].to_list()[-1]
            wanted = by_section[main, "paper"]
            for report in mine.filter(status="ADDENDUM")["report_id"]:
                added = by_section[report, "addendum"]
                wanted = [new or old for old, new in zip(wanted, added, strict=True)]
            expected[row["study_id"]] = [float(value) if value else None for value in wanted]
            found[row["study_id"]] = [float(row[label]) if row[label] else None for label in _LABELS]
    assert found == expected
    assert len(found) == base_build.result.json["counts"]["studies"]


def test_checksums_pass_and_subjects_stay_in_one_split(base_build: Build) -> None:
    for root in (base_build.public, base_build.withheld):
        checked = subprocess.run(
            ["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS.txt"],
            cwd=root,
            capture_output=True,
            check=False,
        )
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    splits = pl.concat([_csv(root, "split") for root in (base_build.public, base_build.withheld)])
    assert splits.group_by("subject_id").agg(pl.col("split").n_unique())["split"].unique().to_list() == [1]
    assert set(_csv(base_build.withheld, "split")["split"]) == {"test"}
    assert "test" not in set(_csv(base_build.public, "split")["split"])


@pytest.mark.e2e
def test_first_and_second_run_say_only_our_own_lines(base_build: Build, tmp_path: Path) -> None:
    """Both start a Prefect of their own; nothing of the second is done, and not one byte of the release changes."""
    assert base_build.result.err == ""
    again = base_build.copied(tmp_path / "build")
    before = _releases(again)
    result = again.run()
    assert result.code == 0
    for line in result.err.splitlines():
        assert re.fullmatch(r"(catalog|publish) +\d+(/\d+)?( +\d+\.\d s)?", line), line
    assert not re.search(r"Traceback|prefect|WARNING|Error", result.out)
    assert f"release unchanged: {again.public}" in result.out
    stages = base_build.result.json["stages"]
    for name in ("deidentify", "convert", "label"):
        tried = stages[name]["done"] + stages[name]["quarantined"]
        assert re.search(rf"^{name} +0 +{tried} +0 ", result.out, re.MULTILINE), name
    assert _releases(again) == before


def test_another_section_relabels_and_converts_nothing(rebuild: Build, base_build: Build) -> None:
    result = rebuild.run("--json", "--set", "labels.section=findings+impression")
    assert result.code == 0
    stages, before = result.json["stages"], base_build.result.json["stages"]
    assert [stages[name]["done"] for name in ("deidentify", "convert", "label")] == [0, 0, before["label"]["done"]]
    assert tree(rebuild.workspace / "jpeg") == tree(base_build.workspace / "jpeg")
    assert tree(rebuild.workspace / "stages" / "deidentify") == tree(base_build.workspace / "stages" / "deidentify")
    assert (result.json["version"], result.json["unchanged"]) == ("1.1.0", False)
    assert _csv(rebuild.public, "chexpert").equals(_csv(base_build.public, "chexpert")) is False


@pytest.mark.e2e
def test_rehash_finds_what_size_and_time_hide(rebuild: Build) -> None:
    """A file that was replaced by one of the same size and time: by itself a build cannot see that."""
    hospital = rebuild.hospital.copied(rebuild.root.with_name("hospital"))
    build = replace(rebuild, hospital=hospital)
    rows = pl.read_parquet(build.workspace / "vault" / "catalog" / "instances.parquet")
    shown = {_pseudonyms(build, "instance")[image] for image in _published(build)["dicom_id"]}
    row = rows.filter(pl.col("sop_instance_uid").is_in(shown)).sort("size_bytes").row(-1, named=True)
    path = hospital.dicom / row["path"]
    content, times = bytearray(path.read_bytes()), path.stat()
    content[-40:-20] = bytes(20)  # pixels
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    unseen = build.run("--json")
    assert (unseen.code, unseen.err) == (0, "")
    assert [unseen.json["stages"][name]["done"] for name in ("deidentify", "convert")] == [0, 0]
    seen = build.run("--json", "--rehash")
    assert (seen.code, seen.err) == (0, "")
    stages = seen.json["stages"]
    assert stages["deidentify"]["done"] + stages["deidentify"]["quarantined"] == 1
    assert stages["label"]["done"] == 0


@pytest.mark.parametrize(
    ("option", "ran"), [("--only", ["label"]), ("--from", ["convert", "label", "split", "publish"])]
)
def test_some_stages_alone(option: str, ran: list[str], rebuild: Build, base_build: Build) -> None:
    result = rebuild.run("--json", option, ran[0], "--set", "labels.section=findings+impression")
    assert (result.code, result.err) == (0, "")
    assert list(result.json["stages"]) == ran
    assert result.json["stages"]["label"]["done"] == base_build.result.json["stages"]["label"]["done"]
    assert tree(rebuild.workspace / "jpeg") == tree(base_build.workspace / "jpeg")
    assert result.json["version"] == ("1.1.0" if option == "--from" else None)
    assert rebuild.server is not None
    assert _shown_progress(rebuild.server, _flow_run(rebuild), "hilum-label") == ("progress", 100.0)


def _flow_run(build: Build) -> str:
    """The newest flow run on a build's workspace: other processes of the session build on the same server."""
    assert build.server is not None
    wanted = {"flow_runs": {"name": {"any_": ["build"]}}, "sort": "START_TIME_DESC"}
    runs = _asked(build.server, "flow_runs", wanted)
    mine = [run["id"] for run in runs if run["parameters"]["request"]["workspace"] == str(build.workspace)]
    return str(mine[0])


def _shown_progress(server: PrefectServer, flow_run: str, key: str) -> tuple[str, float]:
    """Kind and figure of a flow run's artifact under a key, as Prefect's UI shows it."""
    wanted = {"artifacts": {"key": {"any_": [key]}, "flow_run_id": {"any_": [flow_run]}}}
    (artifact,) = _asked(server, "artifacts", wanted)
    return artifact["type"], artifact["data"]


def _asked(server: PrefectServer, what: str, wanted: dict[str, object]) -> list[dict[str, Any]]:
    request = urllib.request.Request(  # noqa: S310  our own server, on loopback
        f"{server.url}/{what}/filter", json.dumps(wanted).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        found: list[dict[str, Any]] = json.load(answer)
    return found


@dataclass(frozen=True, slots=True)
class Removal:
    """The base build run again after one study had left the source."""

    before: Build
    after: Build
    study_id: str
    subject_id: str


@pytest.fixture(scope="module")
def removal(base_build: Build, prefect_server: PrefectServer, tmp_path_factory: pytest.TempPathFactory) -> Removal:
    folder = tmp_path_factory.mktemp("removal")
    hospital = base_build.hospital.copied(folder / "hospital")
    row = _published(base_build).filter(pl.col("split") == "train").sort("dicom_id").row(0, named=True)
    uid = _pseudonyms(base_build, "study")[row["study_id"]]
    files = pl.read_parquet(base_build.workspace / "vault" / "catalog" / "instances.parquet")
    for path in files.filter(study_instance_uid=uid)["path"]:  # a study may have been imported again elsewhere
        (hospital.dicom / path).unlink()
    copy = base_build.copied(folder / "build", server=prefect_server)
    fewer = Build(copy.root, hospital, copy.server)
    result = fewer.run("--json")
    assert result.code == 0, result.err
    return Removal(base_build, replace(fewer, result=result), row["study_id"], row["subject_id"])


def test_a_removed_study_leaves_the_next_release(removal: Removal) -> None:
    told, study = removal.after.result.json, removal.study_id
    assert (told["version"], told["unchanged"]) == ("1.1.0", False)
    assert study not in set(_published(removal.after)["study_id"])
    assert study not in {path.name for path in (removal.after.workspace / "jpeg").glob("*/*")}
    assert [path for path in tree(removal.after.release / "cxr-1.1.0") if study in path] == []
    assert told["counts"]["studies"] == removal.before.result.json["counts"]["studies"] - 1


def test_a_removed_study_costs_no_other_patients_study(removal: Removal) -> None:
    """What is unchanged does not run again: one study less must not send 228,000 others through the readers of text."""
    stages = removal.after.result.json["stages"]
    own = _published(removal.before).filter(subject_id=removal.subject_id)["study_id"].n_unique()
    assert stages["deidentify"]["done"] <= own - 1
    assert stages["convert"]["done"] <= own - 1


def test_behind_the_airlock_nothing_needs_the_vault(rebuild: Build, base_build: Build, tmp_path: Path) -> None:
    """Conversion, labelling and splitting give the same bytes without it; publishing asks for it."""
    (rebuild.workspace / "vault").rename(tmp_path / "vault")
    for name in ("jpeg", "stages/convert", "stages/label"):
        shutil.rmtree(rebuild.workspace / name)
    before = _releases(rebuild)
    result = rebuild.run("--from", "convert", "--quiet")
    assert result.code == 3
    assert re.fullmatch(r"cxr: gate privacy: [^\n]*vault[^\n]*\n", result.err)
    assert tree(rebuild.workspace / "stages") == tree(base_build.workspace / "stages")
    assert tree(rebuild.workspace / "jpeg") == tree(base_build.workspace / "jpeg")
    assert _releases(rebuild) == before


def _everything(build: Build) -> dict[str, tuple[str, int, int]]:
    """Content, mode and time of everything, folders and Prefect's database included."""
    digests = tree(build.root, without=("home",))
    found = {}
    for path in build.root.rglob("*"):
        name = str(path.relative_to(build.root))
        if not name.startswith("home"):
            state = path.lstat()
            time_ns = 0 if path.is_dir() else state.st_mtime_ns
            found[name] = (digests.get(name, ""), state.st_mode, time_ns)
    return found


def test_a_dry_run_writes_nothing(rebuild: Build) -> None:
    """Also where the source has changed: what it looks up in between lies in the vault, and goes."""
    hospital = rebuild.hospital.copied(rebuild.root.with_name("hospital"))
    gone = sorted(hospital.dicom.rglob("*.dcm"))[0]
    gone.unlink()
    build = replace(rebuild, hospital=hospital, server=None)
    before = _everything(build)
    result = build.run("--dry-run", "--json", "--rehash", "--set", "labels.section=findings+impression")
    assert (result.code, result.err) == (0, "")
    assert _everything(build) == before
    assert [path for path in build.home.rglob("*") if path.is_file()] == []
    stages = result.json["stages"]
    assert stages["label"]["todo"] >= _reported_studies(rebuild) - 1


def _reported_studies(build: Build) -> int:
    return pl.read_parquet(build.workspace / "stages" / "deidentify" / "deid_reports.parquet").height


def test_a_dry_run_of_a_new_workspace_counts_its_studies(rebuild: Build, base_build: Build) -> None:
    for folder in (rebuild.workspace, rebuild.release):
        shutil.rmtree(folder)
    result = rebuild.run("--dry-run", "--json")
    assert result.code == 0
    assert result.json["stages"]["deidentify"]["todo"] == base_build.result.json["stages"]["deidentify"]["todo"]
    assert not rebuild.release.exists()
    assert not rebuild.workspace.exists()


@pytest.mark.slow
def test_workers_and_granularity_change_no_byte(base_build: Build, other_build: Build) -> None:
    assert _releases(other_build) == _releases(base_build)
    for name in ("stages", "jpeg", "dicom"):
        assert tree(other_build.workspace / name) == tree(base_build.workspace / name), name
