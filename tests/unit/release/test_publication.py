"""Publication: one rename, nothing for equal content, the same release after a kill at any step."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from release_factory import dicom, jpeg_file, make_inputs, make_plan, with_label

from cxr_core.errors import GateRefused, UsageError
from cxr_core.release.plan import ReleasePlan
from cxr_core.release.publication import Published, publish, published_counts


class Killed(BaseException):
    """Stands for kill -9: nothing may catch it."""


def no_check(_public: Path, _withheld: Path | None) -> None:
    return


def snapshot(folder: Path) -> dict[str, str]:
    """Path, digest, mode and time of everything below a folder; links by their target."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        status = path.lstat()
        if path.is_symlink():
            found[name] = os.fspath(path.readlink())
        elif path.is_dir():
            found[name] = f"{status.st_mode:o}"
        else:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[name] = f"{digest} {status.st_mode:o} {status.st_mtime_ns}"
    return found


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="module")
def plan(workspace: Path) -> ReleasePlan:
    return make_plan(workspace)


@pytest.fixture(scope="module")
def other_plan(workspace: Path) -> ReleasePlan:
    return make_plan(workspace, inputs=with_label(make_inputs(workspace), "Fracture", 1))


def test_digests_pass_sha256sum(plan: ReleasePlan, tmp_path: Path) -> None:
    done = publish(plan, tmp_path, no_check)
    assert done.withheld_path is not None
    for folder in (done.path, done.withheld_path):
        checked = subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS.txt"], cwd=folder, check=False)
        assert checked.returncode == 0


def test_names_modes_and_current(plan: ReleasePlan, tmp_path: Path) -> None:
    done = publish(plan, tmp_path, no_check)
    assert done == Published(tmp_path / "cxr-1.0.0", tmp_path / "cxr-1.0.0-withheld", "1.0.0", is_unchanged=False)
    assert {path.name for path in tmp_path.iterdir()} == {"cxr-1.0.0", "cxr-1.0.0-withheld", "current"}
    assert (tmp_path / "cxr-1.0.0-withheld").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "cxr-1.0.0").stat().st_mode & 0o777 == 0o755
    assert os.fspath((tmp_path / "current").readlink()) == "cxr-1.0.0"


def test_images_are_linked_not_copied(plan: ReleasePlan, workspace: Path, tmp_path: Path) -> None:
    done = publish(plan, tmp_path, no_check)
    published = next(done.path.rglob(f"{dicom(2)}.jpg"))
    assert published.stat().st_ino == jpeg_file(workspace, 2).stat().st_ino


def test_images_are_copied_where_links_are_impossible(
    plan: ReleasePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(18, "cross-device link")

    linked = snapshot(publish(plan, tmp_path / "a", no_check).path)
    monkeypatch.setattr(os, "link", refuse)
    assert snapshot(publish(plan, tmp_path / "b", no_check).path) == linked


def test_equal_content_changes_nothing(plan: ReleasePlan, tmp_path: Path) -> None:
    publish(plan, tmp_path, no_check)
    before = snapshot(tmp_path)
    again = publish(plan, tmp_path, no_check)
    assert again.is_unchanged
    assert again.version == "1.0.0"
    assert snapshot(tmp_path) == before


def test_other_content_takes_the_next_minor(plan: ReleasePlan, other_plan: ReleasePlan, tmp_path: Path) -> None:
    publish(plan, tmp_path, no_check)
    first = snapshot(tmp_path / "cxr-1.0.0")
    done = publish(other_plan, tmp_path, no_check)
    assert done.version == "1.1.0"
    assert os.fspath((tmp_path / "current").readlink()) == "cxr-1.1.0"
    assert snapshot(tmp_path / "cxr-1.0.0") == first
    assert (done.path / "CHANGELOG.md").read_text().count("\n## ") == 2


def test_the_change_log_tells_what_differs_from_the_last_release(
    plan: ReleasePlan, other_plan: ReleasePlan, tmp_path: Path
) -> None:
    publish(plan, tmp_path, no_check)
    done = publish(other_plan, tmp_path, no_check)
    assert (done.path / "CHANGELOG.md").read_text().splitlines()[2:9] == [
        "## 1.1.0",
        "",
        "3 images, 3 subjects.",
        "- subjects: 0 added, 0 removed, 3 changed",
        "- studies: 0 added, 0 removed, 3 changed",
        "- Fracture changed in 1 to 10 studies (chexpert)",
        "- Fracture changed in 1 to 10 studies (negbio)",
    ]


def test_the_withheld_tree_has_a_change_log_of_its_own(
    plan: ReleasePlan, other_plan: ReleasePlan, tmp_path: Path
) -> None:
    publish(plan, tmp_path, no_check)
    done = publish(other_plan, tmp_path, no_check)
    assert done.withheld_path is not None
    log = (done.withheld_path / "CHANGELOG.md").read_text()
    assert re.findall(r"^\d+ images.*|^- studies.*", log, re.M) == [
        "1 images, 1 subjects.",
        "- studies: 0 added, 0 removed, 1 changed",
        "1 images, 1 subjects.",
    ]


def test_versions_are_ordered_by_number(
    plan: ReleasePlan, other_plan: ReleasePlan, workspace: Path, tmp_path: Path
) -> None:
    publish(make_plan(workspace, version="1.9.0"), tmp_path, no_check)
    assert publish(other_plan, tmp_path, no_check).version == "1.10.0"
    assert publish(plan, tmp_path, no_check).version == "1.11.0"


def test_a_fixed_version_with_other_content_refuses(workspace: Path, plan: ReleasePlan, tmp_path: Path) -> None:
    publish(plan, tmp_path, no_check)
    before = snapshot(tmp_path)
    inputs = with_label(make_inputs(workspace), "Fracture", 1)
    for version in ("1.0.0", "0.9.0"):
        with pytest.raises(GateRefused, match="gate version"):
            publish(make_plan(workspace, inputs=inputs, version=version), tmp_path, no_check)
    assert snapshot(tmp_path) == before


def test_a_refusal_leaves_the_last_release_and_nothing_else(
    plan: ReleasePlan, other_plan: ReleasePlan, tmp_path: Path
) -> None:
    def refuse(public: Path, withheld: Path | None) -> None:
        assert (public / "SHA256SUMS.txt").is_file()
        assert withheld is not None
        raise GateRefused("privacy", "1 name in 1 files")

    publish(plan, tmp_path, no_check)
    before = snapshot(tmp_path)
    with pytest.raises(GateRefused, match="privacy"):
        publish(other_plan, tmp_path, refuse)
    assert snapshot(tmp_path) == before


def test_a_missing_or_changed_image_refuses(tmp_path: Path) -> None:
    plan = make_plan(tmp_path / "work")
    jpeg_file(tmp_path / "work", 2).unlink()
    jpeg_file(tmp_path / "work", 3).unlink()
    jpeg_file(tmp_path / "work", 3).write_bytes(b"x")
    with pytest.raises(GateRefused, match="1 images missing from the workspace, 1 with another digest"):
        publish(plan, tmp_path / "releases", no_check)
    assert list((tmp_path / "releases").iterdir()) == []


def test_a_second_publication_at_the_same_time_is_refused(plan: ReleasePlan, tmp_path: Path) -> None:
    def publish_again(_public: Path, _withheld: Path | None) -> None:
        with pytest.raises(UsageError, match="in use"):
            publish(plan, tmp_path, no_check)

    publish(plan, tmp_path, publish_again)


def test_a_withheld_tree_without_its_public_one_is_never_removed(plan: ReleasePlan, tmp_path: Path) -> None:
    (tmp_path / "cxr-1.0.0-withheld").mkdir()
    with pytest.raises(GateRefused, match="without its public tree"):
        publish(plan, tmp_path, no_check)
    assert (tmp_path / "cxr-1.0.0-withheld").is_dir()


def test_a_withheld_tree_may_be_moved_away_after_publication(plan: ReleasePlan, tmp_path: Path) -> None:
    publish(plan, tmp_path, no_check)
    shutil.move(tmp_path / "cxr-1.0.0-withheld", tmp_path / "elsewhere")
    again = publish(plan, tmp_path, no_check)
    assert (again.is_unchanged, again.withheld_path) == (True, None)


def test_published_counts_are_those_of_both_trees(plan: ReleasePlan, tmp_path: Path) -> None:
    assert published_counts("cxr", tmp_path) is None
    publish(plan, tmp_path, no_check)
    assert published_counts("cxr", tmp_path) == 4


def test_run_json_tells_no_time_and_hides_small_drops(plan: ReleasePlan, tmp_path: Path) -> None:
    run = json.loads((publish(plan, tmp_path, no_check).path / "run.json").read_bytes())
    assert run["content_digest"] == plan.content_digest()
    assert [drop["count"] for drop in run["drops"]] == [None, None, 40]
    assert run["counts"]["withheld"]["images"] == 1


# ---------------------------------------------------------------- kills

_STEPS = {os: ("link", "rename", "replace", "symlink", "mkdir", "fsync", "utime", "rmdir", "unlink", "chmod")}


def killing_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Let the process die at the n-th call that changes the disk, before the call happens."""
    done = 0

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **keywords: Any) -> Any:
            nonlocal done
            done += 1
            if done > steps:
                raise Killed
            return original(*args, **keywords)

        return step

    for module, names in _STEPS.items():
        for name in names:
            if name == "fsync":  # counted as a step, but a test need not wait for the disk
                monkeypatch.setattr(module, name, wrap(lambda _handle: None))
                continue
            monkeypatch.setattr(module, name, wrap(getattr(module, name)))
    return lambda: done


def kill_points(total: int) -> Iterator[int]:
    """The end, where the renames are, in full; a sample of the steps before."""
    yield from range(0, total - 12, 17)
    yield from range(total - 12, total)


def test_a_kill_at_any_step_and_a_rerun_give_the_same_release(tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path, subjects=2)
    plan, other_plan = (make_plan(tmp_path, inputs=i) for i in (inputs, with_label(inputs, "Fracture", 1)))
    base = tmp_path / "base"
    publish(plan, base, no_check)
    first = snapshot(base / "cxr-1.0.0")
    whole = tmp_path / "whole"
    shutil.copytree(base, whole, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        count = killing_after(10**9, patch)
        publish(other_plan, whole, no_check)
        total = count()
    expected = snapshot(whole)
    assert total > 60
    for steps in kill_points(total):
        root = tmp_path / f"killed-{steps}"
        shutil.copytree(base, root, symlinks=True)
        with pytest.MonkeyPatch.context() as patch:
            killing_after(steps, patch)
            with pytest.raises(Killed):
                publish(other_plan, root, no_check)
        assert snapshot(root / "cxr-1.0.0") == first
        current = os.fspath((root / "current").readlink())
        assert (root / current / "SHA256SUMS.txt").is_file()
        publish(other_plan, root, no_check)
        assert snapshot(root) == expected
        shutil.rmtree(root)


def test_kills_one_after_another_still_end_in_the_same_release(plan: ReleasePlan, tmp_path: Path) -> None:
    publish(plan, tmp_path / "whole", no_check)
    root = tmp_path / "killed"
    for steps in (5, 60, 20, 90, 3, 80, 1):
        with pytest.MonkeyPatch.context() as patch:
            killing_after(steps, patch)
            with pytest.raises(Killed):
                publish(plan, root, no_check)
    publish(plan, root, no_check)
    assert snapshot(root) == snapshot(tmp_path / "whole")
