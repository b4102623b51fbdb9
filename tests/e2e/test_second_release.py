"""A second release: additions, a withdrawal, a merge of patients, a manual label and a changed rule, all told truly.

1.0.0 is the base build, 1.1.0 lacks one study, 1.2.0 has it again and everything else at once.
"""

import json
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest
from building import Build, PrefectServer, Result, run, tree

from cxr_core.release.difference import Difference, compare
from cxr_core.release.published import read_release
from cxr_core.tables.catalogue import REPORT_LABELS
from cxr_core.tables.storage import write_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import LabelerName

pytestmark = pytest.mark.e2e
_CXR = [sys.executable, "-c", "from flows.cli import main; main()"]


def cxr(build: Build, *arguments: str) -> Result:
    return run([*_CXR, *arguments], build.environment())


@dataclass(frozen=True, slots=True)
class Chosen:
    """Subjects of the base build, each for one part of the story."""

    removed_study: str
    withdrawn: str
    labelled: str
    labelled_study: str
    older: str
    younger: str


@dataclass(frozen=True, slots=True)
class Story:
    """The build after 1.2.0, what was chosen, and what was printed."""

    build: Build
    chosen: Chosen
    withdrawal: Result
    last: Result

    def release(self, version: str) -> Path:
        return self.build.release / f"cxr-{version}"


def _choose(build: Build) -> Chosen:
    """Train subjects for the withdrawal, the label and the removed study; one of train merges with one of validate."""
    rows = pl.read_parquet(build.public / "images.parquet").with_columns(pl.col("split").cast(pl.String))
    ledger = pl.read_parquet(build.workspace / "vault" / "pseudonyms.parquet")
    ordinal = dict(
        ledger.filter(pl.col("kind").cast(pl.String) == "patient").select("pseudonym", "ordinal").iter_rows()
    )
    train = sorted(rows.filter(split="train")["subject_id"].unique(), key=ordinal.__getitem__)
    validate = sorted(rows.filter(split="validate")["subject_id"].unique(), key=ordinal.__getitem__)[0]
    first, second, third, fourth = train[:4]
    older, younger = sorted((first, validate), key=ordinal.__getitem__)
    labelled_study = rows.filter(subject_id=third, has_report=True)["study_id"].sort()[0]
    removed = rows.filter(subject_id=fourth)["study_id"].sort()[0]
    return Chosen(removed, second, third, labelled_study, older, younger)


def _original(build: Build, kind: str, pseudonym: str) -> str:
    rows = pl.read_parquet(build.workspace / "vault" / "pseudonyms.parquet")
    mine = rows.filter(pl.col("kind").cast(pl.String) == kind, pl.col("pseudonym") == pseudonym)
    return str(mine["original"][0])


def _files_of(build: Build, study: str) -> list[Path]:
    rows = pl.read_parquet(build.workspace / "vault" / "catalog" / "instances.parquet")
    mine = rows.filter(study_instance_uid=_original(build, "study", study))["path"]
    return [build.hospital.dicom / path for path in mine]


@pytest.fixture(scope="module")
def story(
    base_build: Build,
    prefect_server: PrefectServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Story:
    folder = tmp_path_factory.mktemp("story")
    hospital = base_build.hospital.copied(folder / "hospital")
    build = replace(base_build.copied(folder / "build", server=prefect_server), hospital=hospital)
    chosen = _choose(build)
    contents = {path: path.read_bytes() for path in _files_of(build, chosen.removed_study)}
    for path in contents:
        path.unlink()
    fewer = build.run("--json")
    assert (fewer.code, fewer.json["version"]) == (0, "1.1.0"), fewer.err
    for path, content in contents.items():
        path.write_bytes(content)
    withdrawal = cxr(
        build, "withdraw", chosen.withdrawn, "--reason", "withdrawn", "--yes", "--workspace", str(build.workspace)
    )
    old, new = (_original(build, "patient", subject) for subject in (chosen.older, chosen.younger))
    with (hospital.export / "ris" / "mrn_merges.csv").open("a") as merges:
        merges.write(f"{old},{new},2016-02-03\n")  # the hospital keeps the number of the younger id
    _label(build, chosen)
    last = build.run("--json", "--set", "labels.section=findings+impression")
    assert (last.code, last.json["version"]) == (0, "1.2.0"), last.err
    return Story(build, chosen, withdrawal, last)


def _label(build: Build, chosen: Chosen) -> None:
    row = {"study_id": chosen.labelled_study, "subject_id": chosen.labelled, "readers": 2, "Edema": 1, "Fracture": 0}
    path = Workspace(build.workspace).review_table(REPORT_LABELS)
    write_table(REPORT_LABELS, REPORT_LABELS.frame([row]), path)


@pytest.fixture(scope="module")
def difference(story: Story) -> Difference:
    return compare(read_release(story.release("1.1.0")), read_release(story.release("1.2.0")))


def _subjects(*roots: Path) -> set[str]:
    return {subject for root in roots for subject in pl.read_parquet(root / "images.parquet")["subject_id"]}


def _trees(story: Story, version: str) -> tuple[Path, Path]:
    root = story.release(version)
    return root, root.with_name(root.name + "-withheld")


def test_a_withdrawal_tells_counts_and_no_number(story: Story) -> None:
    assert story.withdrawal.code == 0
    assert story.withdrawal.out.startswith("1 subjects, ")
    original = _original(story.build, "patient", story.chosen.withdrawn)
    assert original not in story.withdrawal.out + story.withdrawal.err


def test_the_withdrawn_subject_is_in_no_tree_of_the_next_release(story: Story) -> None:
    for root in _trees(story, "1.2.0"):
        assert story.chosen.withdrawn not in {path.name.removeprefix("p") for path in root.rglob("p1*")}
        assert story.chosen.withdrawn not in _subjects(root)


def test_the_withdrawn_subject_is_counted_in_the_change_log_and_named_in_the_vault(story: Story) -> None:
    log = (story.release("1.2.0") / "CHANGELOG.md").read_text()
    assert "- 1 subjects withdrawn: every copy of their images and labels must be deleted\n" in log
    assert story.chosen.withdrawn not in log
    listed = (story.build.workspace / "vault" / "withdrawn-subjects.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in listed] == ["subject_id", story.chosen.withdrawn]


def test_the_withdrawal_stands_in_the_drops_with_its_reason(story: Story) -> None:
    drops = pl.read_parquet(story.build.workspace / "vault" / "drops.parquet")
    lost = drops.filter(pl.col("reason").cast(pl.String) == "withdrawn", pl.col("kind").cast(pl.String) == "study")
    assert lost.height > 0
    assert set(lost["stage"].cast(pl.String)) == {"link"}


def test_an_earlier_release_is_left_as_it_was(story: Story, base_build: Build) -> None:
    assert tree(story.release("1.0.0")) == tree(base_build.public)


def test_the_added_study_is_there_again_under_its_id(story: Story) -> None:
    without, again = (pl.read_parquet(story.release(v) / "images.parquet")["study_id"] for v in ("1.1.0", "1.2.0"))
    assert story.chosen.removed_study not in set(without)
    assert story.chosen.removed_study in set(again)


def test_merged_patients_keep_the_older_id_and_the_other_is_listed(story: Story) -> None:
    subjects = _subjects(*_trees(story, "1.2.0"))
    assert story.chosen.older in subjects
    assert story.chosen.younger not in subjects
    listed = (story.build.workspace / "vault" / "retired-subjects.csv").read_text().splitlines()
    assert listed == ["subject_id,successor", f"{story.chosen.younger},{story.chosen.older}"]
    log = (story.release("1.2.0") / "CHANGELOG.md").read_text()
    assert "- 1 subject ids retired because patients were merged or parted\n" in log


def test_merged_studies_carry_the_date_shift_of_the_surviving_subject(story: Story) -> None:
    rows = pl.read_parquet(story.build.workspace / "stages" / "register" / "study_rows.parquet")
    mine = rows.filter(subject_id=story.chosen.older).sort("study_order")
    assert mine["study_order"].to_list() == list(range(1, mine.height + 1))
    days = mine["days_since_first"].drop_nulls().to_list()
    assert days == sorted(days)


def test_nobody_moved_but_by_a_label_or_a_merge(story: Story, difference: Difference) -> None:
    before, after = (dict(read_release(story.release(version)).splits.iter_rows()) for version in ("1.1.0", "1.2.0"))
    moved = {subject: after[subject] for subject in before.keys() & after.keys() if before[subject] != after[subject]}
    expected = {story.chosen.labelled: "test"}
    if before[story.chosen.older] == "train":
        expected[story.chosen.older] = "validate"
    assert moved == expected
    assert difference.forbidden_moves == 0


def test_the_difference_counts_what_happened(story: Story, difference: Difference) -> None:
    before, after = (read_release(story.release(version)) for version in ("1.1.0", "1.2.0"))
    old, new = set(before.images["subject_id"]), set(after.images["subject_id"])
    assert (difference.subjects.added, difference.subjects.removed) == (len(new - old), len(old - new))
    assert {story.chosen.withdrawn, story.chosen.labelled, story.chosen.younger} <= old - new
    assert new - old <= {story.chosen.older}
    assert difference.labels["studies"].sum() > 0


def test_diff_on_the_command_line_ends_well(story: Story) -> None:
    shown = cxr(story.build, "diff", str(story.release("1.1.0")), str(story.release("1.2.0")))
    assert (shown.code, shown.err) == (0, "")
    assert "subjects moved into test only" in shown.out


def test_a_manual_label_makes_test_rows_and_table_3(story: Story) -> None:
    public, withheld = _trees(story, "1.2.0")
    assert list(public.glob("*test-set-labeled.csv")) == []
    lines = (withheld / "cxr-1.2.0-test-set-labeled.csv").read_text().splitlines()
    assert lines[1:] == [f"{story.chosen.labelled},{story.chosen.labelled_study},,,,1.0,,0.0,,,,,,,,"]
    datasheet = (public / "datasheet.md").read_text()
    for labeler in LabelerName:
        assert f"mention {labeler.value}" in datasheet


def test_the_same_build_once_more_changes_nothing(story: Story) -> None:
    before = tree(story.build.release)
    again = story.build.run("--json", "--set", "labels.section=findings+impression")
    assert (again.code, again.json["unchanged"]) == (0, True)
    assert tree(story.build.release) == before
    assert [again.json["stages"][name]["done"] for name in ("deidentify", "convert", "label")] == [0, 0, 0]


def test_the_audit_tells_of_the_withdrawal_and_names_nobody(story: Story) -> None:
    lines = [json.loads(line) for line in (story.build.workspace / "vault" / "audit.jsonl").read_text().splitlines()]
    (entry,) = [line for line in lines if line["command"].startswith("withdraw")]
    assert entry["command"] == "withdraw, reason withdrawn"
    assert entry["counts"]["studies"] > 0


def test_a_lookup_knows_both_numbers_of_merged_patients_and_the_retired_id(story: Story) -> None:
    workspace = ("--workspace", str(story.build.workspace))
    numbers = {_original(story.build, "patient", subject) for subject in (story.chosen.older, story.chosen.younger)}
    shown = cxr(story.build, "lookup", story.chosen.older, *workspace).out
    told = re.findall(rf"^subject {story.chosen.older} is patient (\S+)", shown, re.MULTILINE)
    assert set(told) == numbers
    retired = cxr(story.build, "lookup", story.chosen.younger, *workspace)
    assert (retired.code, retired.out) == (
        0,
        f"subject {story.chosen.younger} was retired; look up {story.chosen.older}\n",
    )
