"""Which rows are public and which are withheld."""

import gzip
import io
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from release_factory import dicom, make_inputs, make_plan, study, with_smaller_pictures

from cxr_core.errors import GateRefused
from cxr_core.release.plan import Tree
from cxr_core.release.tables import build_images
from cxr_core.tables.catalogue import LABELS, RENDITIONS


def csv_of(tree: Tree | None, name: str) -> pl.DataFrame:
    assert tree is not None
    content = next(file.content for file in tree.files if file.path == name)
    assert content is not None
    return pl.read_csv(gzip.decompress(content) if name.endswith(".gz") else content, infer_schema=False)


def parquet_of(tree: Tree | None, name: str) -> pl.DataFrame:
    assert tree is not None
    content = next(file.content for file in tree.files if file.path == name)
    assert content is not None
    return pl.read_parquet(io.BytesIO(content))


def test_withheld_test_subjects_are_nowhere_in_the_public_tree(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    for name in ("metadata.csv.gz", "split.csv.gz", "chexpert.csv.gz", "negbio.csv.gz"):
        assert study(1) not in csv_of(plan.public, name)["study_id"]
        assert csv_of(plan.withheld, name)["study_id"].to_list() == [study(1)]
    assert not [file for file in plan.public.files if dicom(1) in file.path]
    assert study(1) not in parquet_of(plan.public, "sections.parquet")["study_id"]
    assert study(1) not in parquet_of(plan.public, "evidence.parquet")["study_id"]


def test_under_images_the_test_images_are_public_and_their_labels_withheld(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, test="images")
    assert csv_of(plan.public, "metadata.csv.gz").height == 4
    assert study(1) not in csv_of(plan.public, "chexpert.csv.gz")["study_id"]
    shown = parquet_of(plan.public, "images.parquet").filter(pl.col("study_id") == study(1))
    assert shown["chexpert_pleural_effusion"].to_list() == [None]
    assert csv_of(plan.withheld, "metadata.csv.gz").is_empty()
    assert csv_of(plan.withheld, "chexpert.csv.gz")["study_id"].to_list() == [study(1)]


def test_under_all_nothing_is_withheld(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, test="all")
    assert plan.withheld is None
    assert csv_of(plan.public, "chexpert.csv.gz").height == 4


def test_manual_labels_stand_beside_the_test_set_only(tmp_path: Path) -> None:
    manual = LABELS.frame({"study_id": study(n), "labeler": "chexpert", "Edema": 1} for n in (1, 3))
    plan = make_plan(tmp_path, inputs=replace(make_inputs(tmp_path), reference=manual))
    assert csv_of(plan.withheld, "test-set-labeled.csv")["study_id"].to_list() == [study(1)]
    assert "test-set-labeled.csv" not in {file.path for file in plan.public.files}


def test_a_labelled_study_without_an_image_stands_in_no_label_file(tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path)
    renditions = inputs.renditions.filter(pl.col("study_id") != study(3))
    plan = make_plan(tmp_path, inputs=replace(inputs, renditions=renditions))
    assert csv_of(plan.public, "chexpert.csv.gz")["study_id"].to_list() == [study(2), study(4)]


def test_smaller_pictures_go_where_their_images_go(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, inputs=with_smaller_pictures(tmp_path, make_inputs(tmp_path)))
    for tree in (plan.public, plan.withheld):
        assert tree is not None
        paths = [file.path for file in tree.files if file.path.endswith(".jpg")]
        full = sorted(path for path in paths if path.startswith("files/"))
        assert sorted(path.replace("files-64/", "files/") for path in paths if path not in full) == full
        assert full == sorted(tree.images["path"])


def test_a_build_from_reports_alone_keeps_its_labels(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, inputs=replace(make_inputs(tmp_path), renditions=RENDITIONS.empty()))
    assert csv_of(plan.public, "chexpert.csv.gz").height == 3


def test_a_build_from_images_alone_has_empty_label_files(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, inputs=replace(make_inputs(tmp_path), labels=LABELS.empty()))
    assert csv_of(plan.public, "chexpert.csv.gz").height == 0
    assert csv_of(plan.public, "metadata.csv.gz").height == 3


def test_the_image_row_tells_boxes_flags_labels_and_duplicates(tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path)
    same = inputs.renditions.with_columns(phash=pl.lit("0" * 64), subject_id=pl.lit("10000001"))
    rows = build_images(replace(inputs, renditions=same), producer="hilum 0.1")
    first = rows.row(by_predicate=pl.col("dicom_id") == dicom(1), named=True)
    assert first["redaction_boxes"] == [{"top_px": 1, "left_px": 2, "bottom_px": 5, "right_px": 16}]
    assert first["flags"] == ["low_contrast", "strip"]
    assert (first["chexpert_pneumonia"], first["negbio_edema"], first["chexpert_fracture"]) == (-1, 0, None)
    assert set(rows["duplicate_of"]) == {None, min(dicom(n) for n in (1, 2, 3, 4))}


def test_an_image_without_a_split_refuses(tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path)
    with pytest.raises(GateRefused, match="1 images without splits"):
        make_plan(tmp_path, inputs=replace(inputs, splits=inputs.splits.head(3)))


def test_row_order_of_the_stage_tables_changes_no_byte(tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path)
    names = ("study_rows", "images", "renditions", "sections", "labels", "evidence", "splits")
    turned = replace(inputs, **{name: getattr(inputs, name).reverse() for name in names})
    plans = [make_plan(tmp_path, inputs=given) for given in (inputs, turned)]
    assert plans[0].content_digest() == plans[1].content_digest()
