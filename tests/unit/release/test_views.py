"""Other layouts of a release: names and columns as the originals have them, the same files, all or nothing."""

import gzip
import hashlib
import os
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from release_factory import dicom, make_inputs, make_plan, study, subject

from cxr_core.errors import GateRefused, UsageError
from cxr_core.release.publication import publish
from cxr_core.release.views import writing
from cxr_core.release.views.chestxray14 import COLUMNS, chestxray14
from cxr_core.release.views.folders import CHEXPERT_COLUMNS, MIMIC_COLUMNS, chexpert_1, mimic_cxr_1
from cxr_core.release.views.mimic_cxr_2 import LINE_CHARACTERS, mimic_cxr_2, report_text
from cxr_core.release.views.rows import ReleaseTrees
from cxr_core.release.views.view import View
from cxr_core.release.views.writing import write_view

DOCUMENTS = {"README.md": b"# A view\n"}
_MIMIC_HEADER = (
    "path,view,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Airspace Opacity,Lung Lesion,Edema,Consolidation,"
    "Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices"
)
_CHEXPERT_HEADER = (
    "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,"
    "Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices"
)


def allow(_roots: list[Path]) -> None:
    return


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> ReleaseTrees:
    """Subject 1 is test and withheld, 2 validate, 3 and 4 train; all images are frontal, PA."""
    folder = tmp_path_factory.mktemp("release")
    plan = make_plan(folder / "workspace", inputs=make_inputs(folder / "workspace"))
    done = publish(plan, folder / "releases", lambda _public, _withheld: None)
    return ReleaseTrees.read(done.path)


def content(view: View, path: str) -> list[str]:
    file = next(one for one in (*view.public, *view.withheld) if one.path == path)
    data = gzip.decompress(file.content or b"") if path.endswith(".gz") else file.content or b""
    return data.decode().split("\n")


def paths(files: object) -> list[str]:
    return sorted(file.path for file in files)  # type: ignore[attr-defined]


def test_mimic_cxr_1_has_the_columns_and_names_of_the_paper(release: ReleaseTrees) -> None:
    view = mimic_cxr_1(release)
    assert ",".join(MIMIC_COLUMNS) == _MIMIC_HEADER
    assert content(view, "train.csv.gz") == [
        _MIMIC_HEADER,
        f"train/p{subject(3)}/s01/view1_frontal.jpg,frontal,,,,,,0.0,,-1.0,,,1.0,,,",
        f"train/p{subject(4)}/s01/view1_frontal.jpg,frontal,1.0,,,,,,,,,,,,,",
        "",
    ]
    assert paths(view.public) == sorted(
        ["train.csv.gz", "valid.csv.gz", f"valid/p{subject(2)}/s01/view1_frontal.jpg"]
        + [f"train/p{subject(number)}/s01/view1_frontal.jpg" for number in (3, 4)]
    )


def test_the_test_set_goes_to_a_root_of_its_own(release: ReleaseTrees, tmp_path: Path) -> None:
    for make, listed in (
        (mimic_cxr_1, "test.csv.gz"),
        (chexpert_1, "CheXpert-v1.0/test.csv"),
        (chestxray14, "test_list.txt"),
    ):
        target = tmp_path / make.__name__
        write_view(make(release), target, DOCUMENTS, allow)
        apart = target.with_name(f"{target.name}-withheld")
        assert (apart / listed).is_file()
        assert not (target / listed).exists()
        assert apart.stat().st_mode & 0o777 == 0o700
        assert subject(1) not in "".join(str(path) for path in target.rglob("*"))
        assert dicom(1) not in "".join(str(path) for path in target.rglob("*"))


def test_chexpert_1_has_19_columns_and_only_two_views(release: ReleaseTrees) -> None:
    assert ",".join(CHEXPERT_COLUMNS) == _CHEXPERT_HEADER
    assert len(CHEXPERT_COLUMNS) == 19
    is_third = pl.col("dicom_id") == dicom(3)
    views = pl.when(is_third).then(pl.lit("other")).otherwise("view").alias("view")
    changed = ReleaseTrees(release.public, release.run, release.images.with_columns(views))
    view = chexpert_1(changed)
    assert view.left_out == 1
    assert content(view, "CheXpert-v1.0/train.csv")[:-1] == [
        _CHEXPERT_HEADER,
        f"CheXpert-v1.0/train/patient{subject(4)}/study1/view1_frontal.jpg,Female,61,Frontal,PA,1.0,,,,,,,,,,,,,",
    ]


@pytest.mark.parametrize(
    ("view", "position", "written"),
    [("frontal", "AP", "Frontal,AP"), ("frontal", None, "Frontal,"), ("lateral", "LL", "Lateral,")],
)
def test_chexpert_1_names_the_projection_of_frontal_images_only(
    release: ReleaseTrees, view: str, position: str | None, written: str
) -> None:
    one = release.images.filter(dicom_id=dicom(3)).with_columns(
        view=pl.lit(view), view_position=pl.lit(position, dtype=pl.String)
    )
    line = content(chexpert_1(ReleaseTrees(release.public, release.run, one)), "CheXpert-v1.0/train.csv")[1]
    assert f",Female,61,{written}," in line


def test_chestxray14_names_the_findings_that_both_label_sets_have(release: ReleaseTrees) -> None:
    lines = content(chestxray14(release), "Data_Entry.csv")
    assert lines[0] == ",".join(COLUMNS)
    assert lines[0].endswith("View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]")
    assert lines[2] == f"{dicom(3)}.jpg,Effusion,0,{subject(3)},61,F,PA,16,16,,"
    assert lines[3] == f"{dicom(4)}.jpg,No Finding,0,{subject(4)},61,F,PA,16,16,,"


def test_several_findings_are_joined_by_bars(release: ReleaseTrees) -> None:
    images = release.images.with_columns(
        pl.lit(1.0).alias(name) for name in ("Atelectasis", "Pleural Effusion", "Fracture")
    )
    lines = content(chestxray14(ReleaseTrees(release.public, release.run, images)), "Data_Entry.csv")
    assert lines[1].split(",")[1] == "Atelectasis|Effusion"


def test_a_view_is_the_same_files_and_its_sums_pass(release: ReleaseTrees, tmp_path: Path) -> None:
    target, is_new = write_view(mimic_cxr_1(release), release.public.with_name("view"), DOCUMENTS, allow)
    assert is_new
    images = sorted(target.rglob("*.jpg"))
    originals = {path.stat().st_ino for path in release.public.rglob("*.jpg")}
    assert {path.stat().st_ino for path in images} <= originals
    for line in (target / "SHA256SUMS.txt").read_text().splitlines():
        digest, path = line.split("  ")
        assert hashlib.sha256((target / path).read_bytes()).hexdigest() == digest
    assert write_view(mimic_cxr_1(release), target, DOCUMENTS, allow) == (target, False)


def test_where_links_cannot_go_files_are_copied(
    release: ReleaseTrees, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_disk(_source: Path, _target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    linked, _ = write_view(mimic_cxr_1(release), tmp_path / "linked", DOCUMENTS, allow)
    monkeypatch.setattr(os, "link", other_disk)
    copied, _ = write_view(mimic_cxr_1(release), tmp_path / "copied", DOCUMENTS, allow)
    assert (copied / "SHA256SUMS.txt").read_bytes() == (linked / "SHA256SUMS.txt").read_bytes()
    assert {path.stat().st_nlink for path in copied.rglob("*.jpg")} == {1}
    assert {path.stat().st_mtime_ns for path in copied.rglob("*") if path.is_file()} == {writing.CONSTANT_MTIME_NS}


def test_a_damaged_release_gives_no_view(release: ReleaseTrees, tmp_path: Path) -> None:
    images = release.images.with_columns(digest=pl.lit("0" * 64))
    view = mimic_cxr_1(ReleaseTrees(release.public, release.run, images))
    with pytest.raises(GateRefused, match="0 files are missing, 3 have another digest"):
        write_view(view, tmp_path / "view", DOCUMENTS, allow)
    assert list(tmp_path.iterdir()) == []


def test_what_a_gate_refuses_leaves_nothing(release: ReleaseTrees, tmp_path: Path) -> None:
    def refuse(_roots: list[Path]) -> None:
        raise GateRefused("privacy", "no")

    with pytest.raises(GateRefused):
        write_view(mimic_cxr_1(release), tmp_path / "view", DOCUMENTS, refuse)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_taken_is_left_alone(release: ReleaseTrees, tmp_path: Path) -> None:
    (tmp_path / "view").mkdir()
    (tmp_path / "view" / "mine").write_text("mine")
    with pytest.raises(UsageError, match="holds something else"):
        write_view(mimic_cxr_1(release), tmp_path / "view", DOCUMENTS, allow)
    assert [path.name for path in tmp_path.rglob("*")] == ["view", "mine"]


def test_after_a_kill_between_the_two_renames_the_same_call_finishes(release: ReleaseTrees, tmp_path: Path) -> None:
    write_view(mimic_cxr_1(release), tmp_path / "whole", DOCUMENTS, allow)
    write_view(mimic_cxr_1(release), tmp_path / "cut", DOCUMENTS, allow)
    (tmp_path / "cut").rename(tmp_path / ".building-cut")  # the withheld tree was renamed first
    done, is_new = write_view(mimic_cxr_1(release), tmp_path / "cut", DOCUMENTS, allow)
    assert is_new
    assert (done / "SHA256SUMS.txt").read_bytes() == (tmp_path / "whole" / "SHA256SUMS.txt").read_bytes()
    assert not list(tmp_path.glob(".building-*"))


@pytest.mark.parametrize("damage", ["withheld", "nothing there"])
def test_what_is_no_public_tree_is_one_clear_line(release: ReleaseTrees, tmp_path: Path, damage: str) -> None:
    place = release.public.with_name(f"{release.public.name}-withheld") if damage == "withheld" else tmp_path
    with pytest.raises(UsageError):
        ReleaseTrees.read(place)


def test_mimic_cxr_2_lists_records_and_studies(release: ReleaseTrees, tmp_path: Path) -> None:
    reports = {study(3): "FINAL REPORT\n No edema.\n"}
    view = mimic_cxr_2(release, reports=reports, digests={}, locate=lambda study, image: tmp_path / f"{study}-{image}")
    folder = f"files/p10/p{subject(3)}"
    assert content(view, "cxr-study-list.csv.gz") == [
        "subject_id,study_id,path",
        f"{subject(3)},{study(3)},{folder}/s{study(3)}.txt",
        "",
    ]
    records = [file for file in view.public if file.path == "cxr-record-list.csv.gz"]
    lines = gzip.decompress(records[0].content or b"").decode().splitlines()
    assert lines[0] == "subject_id,study_id,dicom_id,path"
    assert lines[2] == f"{subject(3)},{study(3)},{dicom(3)},{folder}/s{study(3)}/{dicom(3)}.dcm"
    assert len(lines) == 4
    assert content(view, f"{folder}/s{study(3)}.txt") == ["FINAL REPORT", " No edema.", ""]


@given(st.text(st.sampled_from("ab_. -\n"), max_size=600))
def test_report_lines_are_short_and_no_word_is_lost(text: str) -> None:
    written = report_text(text)
    assert all(len(line) <= LINE_CHARACTERS for line in written.splitlines())
    assert "".join(written.split()) == "".join(text.split())
    assert report_text(written) == written
    assert written.endswith("\n")


def test_short_lines_stay_as_they_are() -> None:
    text = "EXAMINATION:  CHEST\n\n  INDICATION:  ___ with cough\n"
    assert report_text(text) == text
