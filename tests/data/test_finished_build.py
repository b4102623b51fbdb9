"""What must hold for any finished build: HILUM_WORKSPACE and HILUM_RELEASE name one, else a small one is made.

Reads what a build left and nothing of how it was made.
"""

import hashlib
import os
from pathlib import Path

import polars as pl
import pytest
from building import Build, Hospital

from cxr_core.planning.stages import CONVERT, DEIDENTIFY, LABEL, STAGES
from cxr_core.tables.catalogue import DEID_REPORTS, EVIDENCE, IMAGES, LABELS, RENDITIONS, SECTIONS, TEXT_BOXES
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import Label, Split


@pytest.fixture(scope="module")
def build(request: pytest.FixtureRequest) -> tuple[Workspace, Path]:
    named = os.environ.get("HILUM_WORKSPACE"), os.environ.get("HILUM_RELEASE")
    if named[0] and named[1]:
        return Workspace(Path(named[0])), (Path(named[1]) / "current").resolve()
    base: Build = request.getfixturevalue("base_build")
    assert isinstance(base.hospital, Hospital)
    return Workspace(base.workspace), base.public


def released(build: tuple[Workspace, Path]) -> pl.DataFrame:
    roots = [build[1], build[1].with_name(build[1].name + "-withheld")]
    return pl.concat(
        [
            pl.read_parquet(root / "images.parquet").with_columns(root=pl.lit(str(root)))
            for root in roots
            if root.is_dir()
        ]
    )


def test_every_stage_table_obeys_its_contract(build: tuple[Workspace, Path]) -> None:
    for definition in STAGES.values():
        store = definition.store(build[0])
        for contract in store.tables:
            contract.validate(store.read(contract))


def test_no_subject_stands_in_two_splits_and_no_test_image_is_public(build: tuple[Workspace, Path]) -> None:
    images = released(build)
    assert images.group_by("subject_id").agg(pl.col("split").n_unique())["split"].max() == 1
    public = images.filter(pl.col("root") == str(build[1]))
    assert Split.TEST.value not in public["split"].cast(pl.String).to_list()


def test_every_image_row_has_its_file_and_digest(build: tuple[Workspace, Path]) -> None:
    for root, path, digest in released(build).select("root", "path", "sha256").iter_rows():
        assert hashlib.sha256((Path(root) / path).read_bytes()).hexdigest() == digest


def test_every_label_has_evidence_and_lies_in_range(build: tuple[Workspace, Path]) -> None:
    store = LABEL.store(build[0])
    labels, evidence = store.read(LABELS), store.read(EVIDENCE)
    proven = set(evidence.select("study_id", "labeler", "label").drop_nulls().iter_rows())
    for row in labels.iter_rows(named=True):
        for label in Label:
            assert row[label.value] in (1, 0, -1, None)
            if row[label.value] is not None:
                assert (row["study_id"], row["labeler"], label.value) in proven


def test_sections_and_evidence_lie_inside_their_report(build: tuple[Workspace, Path]) -> None:
    texts = DEIDENTIFY.store(build[0]).read(DEID_REPORTS).select("study_id", pl.col("text").str.len_chars().alias("n"))
    store = LABEL.store(build[0])
    sections = store.read(SECTIONS).join(texts, on="study_id")
    assert sections.filter((pl.col("start") > pl.col("end")) | (pl.col("end") > pl.col("n"))).is_empty()
    evidence = store.read(EVIDENCE).join(texts, on="study_id")
    assert evidence.filter((pl.col("phrase_end") > pl.col("n")) | (pl.col("sentence_end") > pl.col("n"))).is_empty()


def test_no_age_over_90_and_every_date_lies_between_2100_and_2200(build: tuple[Workspace, Path]) -> None:
    images = DEIDENTIFY.store(build[0]).read(IMAGES)
    ages = images["age_years"].drop_nulls()
    assert ages.is_empty() or ages.cast(pl.Int64).le(90).all()
    years = images["study_date"].drop_nulls().str.slice(0, 4).cast(pl.Int64)
    assert years.is_between(2100, 2200).all()


def test_boxes_lie_inside_their_image(build: tuple[Workspace, Path]) -> None:
    store = DEIDENTIFY.store(build[0])
    boxes = store.read(TEXT_BOXES).join(store.read(IMAGES).select("dicom_id", "rows", "columns"), on="dicom_id")
    outside = (pl.col("bottom_px") > pl.col("rows")) | (pl.col("right_px") > pl.col("columns"))
    empty = (pl.col("top_px") >= pl.col("bottom_px")) | (pl.col("left_px") >= pl.col("right_px"))
    assert boxes.filter(outside | empty).is_empty()


def test_every_rendition_is_released(build: tuple[Workspace, Path]) -> None:
    assert set(CONVERT.store(build[0]).read(RENDITIONS)["dicom_id"]) == set(released(build)["dicom_id"])
