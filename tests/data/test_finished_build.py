"""Checks over any finished build: HILUM_WORKSPACE and HILUM_RELEASE name one, else the small hospital is looked at.

`HILUM_WORKSPACE=workspace HILUM_RELEASE=release .venv/bin/pytest tests/data` after a nightly build.
"""

import gzip
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from cxr_core.planning.stages import STAGES
from cxr_core.tables.catalogue import (
    DEID_REPORTS,
    DERIVATIVES,
    EVIDENCE,
    IMAGES,
    LABELS,
    RENDITIONS,
    SECTIONS,
    SPLITS,
    STUDY_ROWS,
    TEXT_BOXES,
)
from cxr_core.tables.contract import Contract
from cxr_core.tables.storage import read_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import Label, Split, Stage

_LABELS = [label.value for label in Label]
_WHOLE_TABLES = {
    "register/study_rows.parquet": STUDY_ROWS,
    "split/splits.parquet": SPLITS,
    **{
        f"{stage.value}/{table.name}.parquet": table
        for stage, d in STAGES.items()
        for table in d.store(Workspace(Path())).tables
    },
}


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished build: its workspace and the trees of its newest release."""

    workspace: Workspace
    public: Path

    @property
    def trees(self) -> tuple[Path, ...]:
        withheld = self.public.with_name(self.public.name + "-withheld")
        return (self.public, withheld) if withheld.is_dir() else (self.public,)

    def stage(self, stage: Stage, table: Contract) -> pl.DataFrame:
        return read_table(table, self.workspace.stage(stage) / f"{table.name}.parquet")

    def released(self, name: str) -> pl.DataFrame:
        """One Parquet table of all trees."""
        return pl.concat([pl.read_parquet(root / f"{name}.parquet") for root in self.trees])

    def csv(self, name: str) -> pl.DataFrame:
        """One CSV file of all trees, as text."""
        contents = (gzip.decompress(path.read_bytes()) for root in self.trees for path in root.glob(f"*-{name}.csv.gz"))
        return pl.concat([pl.read_csv(content, infer_schema=False) for content in contents])


@pytest.fixture(scope="session")
def finished(request: pytest.FixtureRequest) -> Finished:
    workspace, release = os.environ.get("HILUM_WORKSPACE"), os.environ.get("HILUM_RELEASE")
    if bool(workspace) != bool(release):
        pytest.fail("HILUM_WORKSPACE and HILUM_RELEASE belong together")
    if workspace and release:
        return Finished(Workspace(Path(workspace).resolve()), (Path(release) / "current").resolve())
    built = request.getfixturevalue("base_build")
    return Finished(Workspace(built.workspace), built.public)


@pytest.mark.parametrize("path", sorted(_WHOLE_TABLES))
def test_every_stage_table_keeps_its_contract(finished: Finished, path: str) -> None:
    table = _WHOLE_TABLES[path]
    file = finished.workspace.stages / path
    assert file.is_file()
    frame = read_table(table, file)
    assert table.validate(frame).equals(frame)
    assert frame.equals(frame.sort(table.key))


def test_the_build_holds_something(finished: Finished) -> None:
    """A green build with empty tables is the failure that nobody sees."""
    told = json.loads((finished.public / "run.json").read_bytes())["counts"]
    assert told["public"]["images"] > 0
    assert told["public"]["labelled_studies"] > 0
    assert finished.released("images").height == sum(part["images"] for part in told.values() if part)


def test_no_subject_and_no_study_is_in_two_splits(finished: Finished) -> None:
    rows = finished.csv("split")
    assert rows.height == finished.released("images").height
    for unit in ("subject_id", "study_id"):
        assert rows.group_by(unit).agg(pl.col("split").n_unique()).filter(pl.col("split") > 1).is_empty()
    assert rows.group_by("study_id").agg(pl.col("subject_id").n_unique())["subject_id"].max() == 1
    assert set(rows["split"]) <= {split.value for split in Split}


def test_no_tree_holds_what_another_holds(finished: Finished) -> None:
    images = finished.released("images")
    assert images["dicom_id"].n_unique() == images.height
    assert images["path"].n_unique() == images.height


def test_every_image_row_has_its_file_with_its_digest(finished: Finished) -> None:
    rows = finished.stage(Stage.CONVERT, RENDITIONS)
    smaller = finished.stage(Stage.CONVERT, DERIVATIVES)
    names = [f"{image}.{size}" for image, size in smaller.select("dicom_id", "size").iter_rows()]
    on_disk = {path.stem: path for path in finished.workspace.jpeg.rglob("*.jpg")}
    assert set(on_disk) == {*rows["dicom_id"], *names}
    for row in rows.iter_rows(named=True):
        content = on_disk[row["dicom_id"]].read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (row["sha256"], row["jpeg_bytes"])
    for name, digest in zip(names, smaller["sha256"], strict=True):
        assert hashlib.sha256(on_disk[name].read_bytes()).hexdigest() == digest
    for root in finished.trees:
        images = pl.read_parquet(root / "images.parquet")
        present = {path.relative_to(root).as_posix() for path in (root / "files").rglob("*.jpg")}
        assert present == set(images["path"])
        for path, digest in images.select("path", "sha256").iter_rows():
            assert hashlib.sha256((root / path).read_bytes()).hexdigest() == digest


def test_no_file_lies_in_a_release_that_its_sums_do_not_name(finished: Finished) -> None:
    for root in finished.trees:
        sums = dict(line.split("  ", 1)[::-1] for line in (root / "SHA256SUMS.txt").read_text().splitlines())
        present = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
        assert present - {"SHA256SUMS.txt"} == set(sums)
        for name, digest in sums.items():
            assert hashlib.sha256((root / name).read_bytes()).hexdigest() == digest


def test_labels_are_positive_negative_uncertain_or_empty(finished: Finished) -> None:
    labels = finished.stage(Stage.LABEL, LABELS)
    for label in _LABELS:
        assert set(labels[label].drop_nulls()) <= {1, 0, -1}
    for labeler in ("chexpert", "negbio"):
        rows = finished.csv(labeler)
        assert rows.columns == ["subject_id", "study_id", *_LABELS]
        assert rows["study_id"].n_unique() == rows.height
        for label in _LABELS:
            assert set(rows[label].drop_nulls()) <= {"1.0", "0.0", "-1.0"}


def test_released_labels_are_those_of_the_stage(finished: Finished) -> None:
    labels = finished.stage(Stage.LABEL, LABELS)
    for labeler in ("chexpert", "negbio"):
        rows = finished.csv(labeler).sort("study_id").drop("subject_id")
        own = labels.filter(labeler=labeler).filter(pl.col("study_id").is_in(rows["study_id"].implode()))
        assert rows.select(pl.col(_LABELS).cast(pl.Float64).cast(pl.Int8)).equals(own.sort("study_id").select(_LABELS))


def test_no_finding_excludes_every_other_positive_or_uncertain_label(finished: Finished) -> None:
    """Devices are no finding of disease (Irvin et al. 2019, CheXpert)."""
    labels = finished.stage(Stage.LABEL, LABELS)
    others = [label for label in _LABELS if label not in {"No Finding", "Support Devices"}]
    healthy = labels.filter(pl.col("No Finding") == 1).select(others)
    assert healthy.filter(pl.any_horizontal(pl.all().is_in([1, -1]))).is_empty()


def test_every_label_has_evidence_that_says_the_same(finished: Finished) -> None:
    evidence = finished.stage(Stage.LABEL, EVIDENCE).with_columns(pl.col("label").cast(pl.String))
    labels = finished.stage(Stage.LABEL, LABELS)
    long = labels.unpivot(_LABELS, index=["study_id", "labeler"], variable_name="label", value_name="assertion")
    # No Finding is the absence of all else: it rests on no phrase where none says "normal".
    wanted = long.drop_nulls("assertion").filter(pl.col("label") != "No Finding").cast({"assertion": pl.Int64})
    keys = ["study_id", "labeler", "label", "assertion"]
    assert wanted.join(evidence, on=keys, how="anti").is_empty()


def test_evidence_and_sections_lie_inside_the_reports(finished: Finished) -> None:
    reports = finished.stage(Stage.DEIDENTIFY, DEID_REPORTS).select("study_id", length=pl.col("text").str.len_chars())
    sections = finished.stage(Stage.LABEL, SECTIONS).join(reports, on="study_id", how="left")
    assert sections["length"].null_count() == 0
    assert sections.filter((pl.col("start") > pl.col("end")) | (pl.col("end") > pl.col("length"))).is_empty()
    phrases = finished.stage(Stage.LABEL, EVIDENCE).join(reports, on="study_id", how="left").drop_nulls("phrase_start")
    outside = (
        (pl.col("sentence_start") > pl.col("phrase_start"))
        | (pl.col("phrase_start") >= pl.col("phrase_end"))
        | (pl.col("phrase_end") > pl.col("sentence_end"))
        | (pl.col("sentence_end") > pl.col("length"))
    )
    assert phrases.filter(outside).is_empty()


def test_evidence_stands_in_the_section_that_was_labelled_or_in_an_addendum(finished: Finished) -> None:
    sections = finished.stage(Stage.LABEL, SECTIONS)
    addenda = finished.workspace.stage(Stage.REGISTER) / "study_rows.parquet"
    amended = read_table(STUDY_ROWS, addenda).filter(pl.col("has_addendum"))["study_id"]
    phrases = finished.stage(Stage.LABEL, EVIDENCE).drop_nulls("phrase_start").join(sections, on="study_id")
    outside = (pl.col("phrase_start") < pl.col("start")) | (pl.col("phrase_end") > pl.col("end"))
    assert phrases.filter(outside, ~pl.col("study_id").is_in(amended.implode())).is_empty()


def test_nobody_is_older_than_ninety(finished: Finished) -> None:
    """45 CFR 164.514(b)(2)(i)(C): all ages over 89 are one group."""
    ages = finished.stage(Stage.DEIDENTIFY, IMAGES)["age_years"].drop_nulls()
    assert ages.is_between(0, 90).all()
    assert finished.released("images")["age_years"].drop_nulls().is_between(0, 90).all()


def test_every_date_is_shifted_into_the_future(finished: Finished) -> None:
    """MIMIC-CXR: dates lie between 2100 and 2200."""
    first, last = pl.date(2100, 1, 1), pl.date(2200, 12, 31)
    studies = read_table(STUDY_ROWS, finished.workspace.stage(Stage.REGISTER) / "study_rows.parquet")
    assert studies.drop_nulls("study_date").filter(~pl.col("study_date").is_between(first, last)).is_empty()
    dates = finished.csv("metadata").drop_nulls("StudyDate")
    shifted = dates.with_columns(pl.col("StudyDate").str.to_date("%Y%m%d"))
    assert shifted.filter(~pl.col("StudyDate").is_between(first, last)).is_empty()
    by_study = dates.select("study_id", "StudyDate").unique().join(studies, on="study_id")
    kept = by_study.filter(~pl.col("date_mismatch"))
    assert kept.filter(pl.col("StudyDate") != pl.col("study_date").dt.strftime("%Y%m%d")).is_empty()


def test_times_hold_whole_hours(finished: Finished) -> None:
    told = json.loads((finished.public / "run.json").read_bytes())
    if told["deviations"]:
        return  # exact times were asked for, and the release says so
    times = finished.csv("metadata")["StudyTime"].drop_nulls().cast(pl.Float64)
    assert (times % 10_000 == 0).all()


def test_boxes_lie_inside_their_images(finished: Finished) -> None:
    images = finished.stage(Stage.DEIDENTIFY, IMAGES).select("dicom_id", "rows", "columns")
    boxes = finished.stage(Stage.DEIDENTIFY, TEXT_BOXES).join(images, on="dicom_id", how="left")
    assert boxes["rows"].null_count() == 0
    outside = (
        (pl.col("top_px") >= pl.col("bottom_px"))
        | (pl.col("left_px") >= pl.col("right_px"))
        | (pl.col("bottom_px") > pl.col("rows"))
        | (pl.col("right_px") > pl.col("columns"))
    )
    assert boxes.filter(outside).is_empty()
    shown = finished.released("images").explode("redaction_boxes", empty_as_null=True).drop_nulls("redaction_boxes")
    opened = shown.select("width_px", "height_px", "redaction_boxes").unnest("redaction_boxes")
    beyond = (pl.col("bottom_px") > pl.col("height_px")) | (pl.col("right_px") > pl.col("width_px"))
    assert opened.filter(beyond).is_empty()


def test_every_released_study_is_known_to_every_stage(finished: Finished) -> None:
    released = set(finished.released("images")["study_id"])
    for stage, table in ((Stage.DEIDENTIFY, IMAGES), (Stage.CONVERT, RENDITIONS)):
        assert released == set(finished.stage(stage, table)["study_id"])
    rows = read_table(STUDY_ROWS, finished.workspace.stage(Stage.REGISTER) / "study_rows.parquet")
    assert released <= set(rows["study_id"])


def test_ledgers_agree_with_what_lies_there(finished: Finished) -> None:
    for stage, definition in STAGES.items():
        ledger = definition.store(finished.workspace).ledger()
        done = set(ledger.filter(status="ok")["study_id"])
        first = definition.contracts[0]
        assert set(finished.stage(stage, first)["study_id"]) == done


def test_the_vault_is_closed_to_others(finished: Finished) -> None:
    if not finished.workspace.vault.is_dir():
        return  # a workspace behind the airlock
    assert finished.workspace.vault.stat().st_mode & 0o077 == 0
    for root in finished.trees[1:]:
        assert root.stat().st_mode & 0o077 == 0
