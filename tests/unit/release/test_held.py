"""Which releases still hold withdrawn subjects, and how they go: whole, views first, finished after a kill."""

import json
from pathlib import Path

import polars as pl
import pytest

from cxr_core.release.held import remove_trees, trees_holding

GONE = frozenset({"10000001", "10000002"})


def write_release(root: Path, name: str, version: str, subjects: list[str], **more: str) -> Path:
    path = root / name
    path.mkdir(parents=True)
    (path / "run.json").write_text(json.dumps({"name": "cxr", "version": version, **more}))
    if "view_of" not in more:
        pl.DataFrame({"subject_id": subjects, "dicom_id": subjects}).write_parquet(path / "images.parquet")
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """1.0.0 has one in each part and a view; 1.1.0 is the newest and has none."""
    write_release(tmp_path, "cxr-1.0.0", "1.0.0", ["10000000", "10000001", "10000001"])
    write_release(tmp_path, "cxr-1.0.0-withheld", "1.0.0", ["10000002"])
    write_release(tmp_path, "cxr-1.0.0-chexpert-1", "1.0.0", [], view_of="mimic-cxr-jpg-2")
    write_release(tmp_path, "cxr-1.1.0", "1.1.0", ["10000000"])
    write_release(tmp_path, "cxr-1.1.0-chexpert-1", "1.1.0", [], view_of="mimic-cxr-jpg-2")
    (tmp_path / "current").symlink_to("cxr-1.1.0")
    (tmp_path / "notes").mkdir()
    return tmp_path


def test_every_part_and_view_of_a_release_is_found(root: Path) -> None:
    trees, unread = trees_holding(root, GONE)
    assert unread == []
    assert [(tree.path.name, tree.subjects, tree.images, tree.is_view) for tree in trees] == [
        ("cxr-1.0.0-chexpert-1", 2, 3, True),
        ("cxr-1.0.0", 1, 2, False),
        ("cxr-1.0.0-withheld", 1, 1, False),
    ]
    assert not any(tree.is_current for tree in trees)


def test_the_newest_release_is_known_as_such_in_all_its_parts(root: Path) -> None:
    (root / "current").unlink()
    (root / "current").symlink_to("cxr-1.0.0")
    assert all(tree.is_current for tree in trees_holding(root, GONE)[0])


def test_removing_leaves_everything_else_as_it_is(root: Path) -> None:
    remove_trees(root, trees_holding(root, GONE)[0])
    assert sorted(path.name for path in root.iterdir()) == ["current", "cxr-1.1.0", "cxr-1.1.0-chexpert-1", "notes"]
    assert trees_holding(root, GONE) == ([], [])


def test_what_a_kill_left_goes_with_the_next_removal(root: Path) -> None:
    (root / "cxr-1.0.0").rename(root / ".purged-cxr-1.0.0")
    remove_trees(root, trees_holding(root, GONE)[0])
    assert not list(root.glob(".purged-*"))


@pytest.mark.parametrize("name", ["run.json", "images.parquet"])
def test_a_damaged_release_is_told_and_not_removed(root: Path, name: str) -> None:
    (root / "cxr-1.0.0-withheld" / name).write_bytes(b"{")
    trees, unread = trees_holding(root, GONE)
    assert [path.name for path in unread] == ["cxr-1.0.0-withheld"]
    assert "cxr-1.0.0-withheld" not in {tree.path.name for tree in trees}


def test_an_empty_folder_holds_nobody(tmp_path: Path) -> None:
    assert trees_holding(tmp_path, GONE) == ([], [])
