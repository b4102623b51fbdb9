"""Gates: what refuses, what may be waived, what a refusal says."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from release_factory import dicom, make_inputs, make_plan, with_smaller_pictures

from cxr_core.errors import GateRefused, UsageError
from cxr_core.release.gates import (
    Attestation,
    AttestationMethod,
    Gate,
    GateResult,
    ReviewStatement,
    attestation_gate,
    check_waivers,
    counts_gate,
    enforce,
    review_gate,
    small_counts_gate,
    split_gate,
)
from cxr_core.release.plan import ReleasePlan
from cxr_core.release.publication import CONSTANT_MTIME_NS, publish
from cxr_core.release.tree_gates import split_rows, tree_gates

DIGEST = "c" * 64
OTHER = f"{dicom(99)}.jpg"


@pytest.mark.parametrize("gate", ["privacy", "split", "integrity", "columns", "order", "small_counts", "nonsense"])
def test_only_three_gates_may_be_waived(gate: str) -> None:
    with pytest.raises(UsageError, match="these can: attestation, counts, review"):
        check_waivers({gate: "me: because"})


def test_a_waiver_needs_a_reason() -> None:
    with pytest.raises(UsageError, match="needs a reason"):
        check_waivers({"review": "  "})


def test_a_failed_gate_refuses_unless_it_is_waived() -> None:
    failed = GateResult(Gate.REVIEW, passed=False, message="1 reviews missing; run `cxr review`")
    with pytest.raises(GateRefused, match="gate review: 1 reviews missing; run `cxr review`"):
        enforce([failed], {})
    assert enforce([failed], {"review": "lead: pilot"}) == (failed,)


def test_a_subject_in_two_splits_refuses() -> None:
    rows = pl.DataFrame({"subject_id": ["a", "a", "b", "b"], "split": ["train", "test", "train", "train"]})
    assert split_gate(rows).message.startswith("1 subjects in two splits; ")
    assert split_gate(rows.filter(pl.col("subject_id") == "b")).passed


@pytest.mark.parametrize(("images", "previous", "passed"), [(90, 100, True), (89, 100, False), (1, None, True)])
def test_fewer_rows_than_the_last_release_refuse(images: int, previous: int | None, passed: bool) -> None:
    assert counts_gate(images, previous, min_share=0.9).passed is passed


def test_review_is_required_outside_the_demo() -> None:
    assert review_gate(None, is_demo=True).passed
    assert not review_gate(None, is_demo=False).passed
    met = ReviewStatement(images_reviewed=6900, remaining=0, leak_bound=0.0004, required_bound=0.001)
    assert review_gate(met, is_demo=False).passed
    assert not review_gate(ReviewStatement(100, 1, 0.0004, 0.001), is_demo=True).passed
    assert not review_gate(ReviewStatement(100, 0, 0.03, 0.001), is_demo=False).passed
    assert review_gate(ReviewStatement(100, 0, 0.03, 0.001), is_demo=True).passed
    unfinished = review_gate(ReviewStatement(6900, 0, 0.0004, 0.001, open_items=3), is_demo=False)
    assert unfinished.message.startswith("3 items without an outcome; ")


SIGNED = Attestation(AttestationMethod.SAFE_HARBOR, DIGEST, "IRB 1", "none known", "officer", "2026-01-02")
DEMO = Attestation(AttestationMethod.DEMO, DIGEST)


@pytest.mark.parametrize(
    ("attestation", "digest", "is_demo", "passed"),
    [
        (SIGNED, DIGEST, False, True),
        (SIGNED, "d" * 64, False, False),
        (Attestation(AttestationMethod.SAFE_HARBOR, DIGEST, "IRB 1"), DIGEST, False, False),
        (None, DIGEST, False, False),
        (None, DIGEST, True, True),
        (DEMO, DIGEST, True, True),
        (DEMO, DIGEST, False, False),
    ],
)
def test_someone_must_answer_for_this_configuration(
    attestation: Attestation | None, digest: str, is_demo: bool, passed: bool
) -> None:
    assert attestation_gate(attestation, config_digest=digest, is_demo=is_demo).passed is passed


def test_counts_from_1_to_10_in_a_shown_table_refuse() -> None:
    assert small_counts_gate([pl.DataFrame({"n": [0, 11, None], "share": [0.1, 0.2, 0.3]})]).passed
    assert small_counts_gate([pl.DataFrame({"n": [0, 10]})]).counts == {"small counts shown": 1}


# ---------------------------------------------------------------- the built tree


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> ReleasePlan:
    return make_plan(tmp_path_factory.mktemp("workspace"))


def failed_gates(root: Path) -> set[str]:
    return {result.name.value for result in tree_gates(root) if not result.passed}


def damaged(plan: ReleasePlan, folder: Path, damage: Callable[[Path], object]) -> set[str]:
    """The gates that fail on a hidden tree that was damaged before it was checked."""
    failed: set[str] = set()

    def check(public: Path, _withheld: Path | None) -> None:
        damage(public)
        failed.update(failed_gates(public))

    publish(plan, folder, check)
    return failed


def rewrite_split(root: Path, change: Callable[[list[str]], list[str]]) -> None:
    path = root / "cxr-1.0.0-split.csv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    path.write_bytes(gzip.compress("\n".join(change(lines)).encode()))
    os.utime(path, ns=(CONSTANT_MTIME_NS, CONSTANT_MTIME_NS))


def test_both_built_trees_pass_and_share_no_subject(plan: ReleasePlan, tmp_path: Path) -> None:
    def check(public: Path, withheld: Path | None) -> None:
        assert withheld is not None
        assert failed_gates(public) | failed_gates(withheld) == set()
        assert split_rows([public, withheld]).height == 4

    publish(plan, tmp_path, check)


def test_smaller_pictures_pass_with_their_images_only(tmp_path: Path) -> None:
    inputs = with_smaller_pictures(tmp_path / "work", make_inputs(tmp_path / "work"))
    plan = make_plan(tmp_path / "work", inputs=inputs)
    assert damaged(plan, tmp_path / "whole", lambda _: None) == set()
    lonely = {"integrity", "order"}
    assert (
        damaged(plan, tmp_path / "lonely", lambda r: next(r.glob("files-64/*/*/*/*.jpg")).with_name(OTHER).touch())
        == lonely
    )


@pytest.mark.parametrize("policy", ["images", "all"])
def test_trees_of_every_test_policy_pass(plan: ReleasePlan, tmp_path: Path, policy: str) -> None:
    def check(public: Path, withheld: Path | None) -> None:
        assert [failed_gates(tree) for tree in (public, withheld) if tree] in ([set()], [set(), set()])

    publish(make_plan(tmp_path / "work", test=policy), tmp_path / "releases", check)


DAMAGES: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "an image is gone": (lambda r: next(r.rglob("*.jpg")).unlink(), {"integrity"}),
    "an undeclared file": (lambda r: (r / "notes.txt").write_text("x"), {"integrity", "columns", "order"}),
    "a link": (lambda r: [(r / "report.html").unlink(), (r / "report.html").symlink_to("/")], {"order"}),
    "rows out of order": (lambda r: rewrite_split(r, lambda lines: [lines[0], *reversed(lines[1:])]), {"order"}),
    "a row is gone": (lambda r: rewrite_split(r, lambda lines: lines[:-1]), {"integrity"}),
    "another column": (
        lambda r: rewrite_split(r, lambda lines: [lines[0] + ",name", *(line + ",x" for line in lines[1:])]),
        {"columns"},
    ),
    "columns in another order": (
        lambda r: rewrite_split(r, lambda lines: [",".join(line.split(",")[::-1]) for line in lines]),
        {"columns"},
    ),
    "a newer file": (lambda r: (r / "README.md").touch(), {"order"}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_tree_is_refused(plan: ReleasePlan, tmp_path: Path, damage: str) -> None:
    act, gates = DAMAGES[damage]
    assert damaged(plan, tmp_path, act) == gates


def test_a_column_that_turns_internal_is_refused(
    plan: ReleasePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from cxr_core.release import tree_gates as module
    from cxr_core.release.contracts import RELEASE_IMAGES, RELEASE_TABLES
    from cxr_core.tables.contract import Privacy

    columns = dict(RELEASE_IMAGES.columns)
    columns["age_years"] = replace(columns["age_years"], privacy=Privacy.INTERNAL)
    tables = {**RELEASE_TABLES, "images.parquet": replace(RELEASE_IMAGES, columns=columns)}
    monkeypatch.setattr(module, "RELEASE_TABLES", tables)
    assert damaged(plan, tmp_path, lambda _root: None) == {"columns"}


def test_every_released_column_is_public() -> None:
    from cxr_core.release.contracts import CSV_COLUMNS, RELEASE_TABLES
    from cxr_core.tables.contract import Privacy

    assert {column.privacy for columns in CSV_COLUMNS.values() for column in columns} == {Privacy.PUBLIC}
    assert {c.privacy for table in RELEASE_TABLES.values() for c in table.columns.values()} == {Privacy.PUBLIC}


def test_croissant_names_every_flat_column(plan: ReleasePlan, tmp_path: Path) -> None:
    root = publish(plan, tmp_path, lambda _public, _withheld: None).path
    content = json.loads((root / "croissant.json").read_bytes())
    names = {field["name"] for field in content["recordSet"][0]["field"]}
    assert names == set(pl.read_parquet(root / "images.parquet").columns) - {"flags", "redaction_boxes"}
    digest = content["distribution"][0]["sha256"]
    assert f"{digest}  images.parquet" in (root / "SHA256SUMS.txt").read_text()
