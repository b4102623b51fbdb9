"""The difference of two releases: items, labels, splits, reasons; read from folders or from a plan."""

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from release_factory import FACTS, dicom, make_inputs, make_plan, study, subject, with_label

from cxr_core.errors import BuildError
from cxr_core.release.difference import Difference, ItemChanges, compare
from cxr_core.release.plan import DropCount, ReleasePlan
from cxr_core.release.publication import publish
from cxr_core.release.published import PublishedTables, planned_tables, read_release
from cxr_core.vocabulary import ItemKind, Reason, Stage

NOTHING = ItemChanges(0, 0, 0)


def no_check(_public: Path, _withheld: Path | None) -> None:
    return


def tables(plan: ReleasePlan) -> PublishedTables:
    return planned_tables(plan, plan.public, "1.0.0")


def changes(before: ReleasePlan, after: ReleasePlan) -> Difference:
    return compare(tables(before), tables(after))


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> ReleasePlan:
    """Subject 1 is test and withheld, 2 validate, 3 and 4 train."""
    return make_plan(tmp_path_factory.mktemp("workspace"))


def test_a_release_does_not_differ_from_itself(plan: ReleasePlan) -> None:
    found = changes(plan, plan)
    assert found.is_empty
    assert (found.subjects, found.studies, found.images) == (NOTHING, NOTHING, NOTHING)


def test_additions_and_removals_are_counted_a_kind(plan: ReleasePlan, tmp_path: Path) -> None:
    larger = make_plan(tmp_path, inputs=make_inputs(tmp_path, subjects=6))
    found = changes(plan, larger)
    assert (found.subjects, found.studies, found.images) == (ItemChanges(2, 0, 0),) * 3
    back = changes(larger, plan)
    assert (back.subjects, back.studies, back.images) == (ItemChanges(0, 2, 0),) * 3


def test_a_new_image_changes_its_study_and_its_subject(plan: ReleasePlan) -> None:
    before = tables(plan)
    fewer = before.images.filter(pl.col("dicom_id") != dicom(3))
    found = compare(replace(before, images=fewer), before)
    assert found.images == ItemChanges(1, 0, 0)
    assert (found.studies, found.subjects) == (ItemChanges(0, 0, 1), ItemChanges(0, 0, 1))


def test_other_pixels_and_other_rows_are_told_apart(plan: ReleasePlan) -> None:
    before = tables(plan)
    is_third, is_fourth = pl.col("dicom_id") == dicom(3), pl.col("dicom_id") == dicom(4)
    images = before.images.with_columns(
        sha256=pl.when(is_third).then(pl.lit("e" * 64)).otherwise("sha256"),
        age_years=pl.when(is_fourth).then(62).otherwise("age_years").cast(before.images.schema["age_years"]),
    )
    found = compare(before, replace(before, images=images))
    assert (found.images.changed, found.redrawn) == (2, 1)


def test_rectangles_and_flags_are_compared(plan: ReleasePlan) -> None:
    before = tables(plan)
    box = {"top_px": 1, "left_px": 2, "bottom_px": 5, "right_px": 66}
    kind = before.images.schema["redaction_boxes"]
    boxes = before.images.with_columns(redaction_boxes=pl.Series([[box], [], []], dtype=kind))
    flags = before.images.with_columns(flags=pl.Series([["strip"], ["strip"], ["low_contrast", "strip"]]))
    assert compare(before, replace(before, images=boxes)).images.changed == 1
    assert compare(before, replace(before, images=flags)).images.changed == 2


def test_changed_labels_are_counted_by_category_and_by_what_they_became(plan: ReleasePlan, tmp_path: Path) -> None:
    relabelled = make_plan(tmp_path, inputs=with_label(make_inputs(tmp_path), "Pneumonia", 0))
    found = changes(plan, relabelled)
    assert found.labels.rows() == [  # study 3 was uncertain, 2 and 4 not mentioned
        ("chexpert", "Pneumonia", 3, 0, 3, 0, 0),
        ("negbio", "Pneumonia", 3, 0, 3, 0, 0),
    ]
    assert (found.studies, found.subjects, found.images) == (ItemChanges(0, 0, 3), ItemChanges(0, 0, 3), NOTHING)
    back = changes(relabelled, plan)
    assert back.labels.rows()[0] == ("chexpert", "Pneumonia", 3, 0, 0, 1, 2)


def test_a_subject_that_moves_out_of_train_or_validate_is_told(plan: ReleasePlan) -> None:
    before = tables(plan)

    def moved(to: str) -> Difference:
        own = pl.when(pl.col("subject_id") == subject(2)).then(pl.lit(to)).otherwise("split")
        return compare(before, replace(before, splits=before.splits.with_columns(split=own)))

    assert (moved("train").moves.rows(), moved("train").forbidden_moves) == ([("validate", "train", 1)], 1)
    assert (moved("test").moves.rows(), moved("test").forbidden_moves) == ([("validate", "test", 1)], 0)


def test_reasons_are_compared_and_small_counts_stay_empty(plan: ReleasePlan) -> None:
    drops = (FACTS.drops[0], DropCount(Stage.LINK, ItemKind.STUDY, Reason.NO_REPORT, 60))
    after = replace(plan, facts=replace(FACTS, drops=drops))
    assert changes(plan, after).drops.rows() == [
        ("deidentify", "instance", "E_PIXELS", None, 0),
        ("link", "study", "no_report", 40, 60),
    ]


def test_a_folder_says_what_its_plan_said(plan: ReleasePlan, tmp_path: Path) -> None:
    done = publish(plan, tmp_path, no_check)
    read = read_release(done.path)
    assert read.splits.rows() == [
        (subject(1), "test"),
        (subject(2), "validate"),
        (subject(3), "train"),
        (subject(4), "train"),
    ]
    assert compare(read, tables(plan)).is_empty


def test_the_withheld_tree_can_be_compared_too(plan: ReleasePlan, tmp_path: Path) -> None:
    done = publish(plan, tmp_path, no_check)
    assert done.withheld_path is not None
    read = read_release(done.withheld_path)
    assert set(read.labels["study_id"]) == {study(1)}
    assert read.splits.height == 4


def test_a_damaged_release_is_refused_without_its_content(plan: ReleasePlan, tmp_path: Path) -> None:
    done = publish(plan, tmp_path / "release", no_check)
    shutil.copytree(done.path, tmp_path / "copy")
    (tmp_path / "copy" / "images.parquet").unlink()
    (tmp_path / "copy" / "images.parquet").write_bytes(b"x")
    for folder in (tmp_path / "copy", tmp_path / "nothing"):
        with pytest.raises(BuildError, match="is no release, or a damaged one"):
            read_release(folder)
