"""A review of a finished build: drawn, read, exported; what a reader drew is black in the next build, only there."""

import datetime as dt
import json
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
from building import Build, Result, run, tree

from cxr_core.imaging.decoding import decode
from cxr_core.imaging.reading import read_header
from cxr_core.review.records import Decision, Entry, PixelBox, Reader
from cxr_core.review.store import ReviewStore
from cxr_core.vocabulary import ReviewAnswer, ReviewKind, ReviewRound, ReviewWindow

_CXR = [sys.executable, "-c", "from flows.cli import main; main()"]
_NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
_SMALL = ("--set", "review.images=12", "--set", "review.planted_least=3", "--set", "review.per_stratum=1")


def cxr(build: Build, *arguments: str) -> Result:
    return run([*_CXR, "review", *arguments, "--workspace", str(build.workspace)], build.environment())


def draw(build: Build, *more: str) -> Result:
    return cxr(build, "sample", *(more or ("--kind", "images")), "--release", str(build.release), *_SMALL)


def decide(
    reader: Reader,
    entry: Entry,
    answer: ReviewAnswer,
    boxes: tuple[PixelBox, ...] = (),
    windows: tuple[ReviewWindow, ...] = (),
) -> Decision:
    return Decision(
        decision_id=f"{reader.name}-{entry.item_id}",
        item_id=entry.item_id,
        reader=reader.name,
        round=ReviewRound.PRIMARY,
        answer=answer,
        sha256=entry.sha256,
        shown_at=_NOON,
        answered_at=_NOON,
        page_version="test",
        boxes=boxes,
        windows=windows,
    )


def read_everything(build: Build, box: PixelBox) -> str:
    """Two readers find all that was planted, and PHI in `box` of one published image; gives its path."""
    store = ReviewStore.open(build.workspace / "review" / "review.sqlite")
    shown = sorted(
        (o.item.draft for o in store.outcomes(ReviewKind.IMAGES) if not o.item.draft.is_planted),
        key=lambda draft: draft.unit_id,
    )
    for reader in store.readers():
        while ahead := store.queue(reader, ReviewKind.IMAGES, _NOON).ahead:
            draft = store.item(reader, ahead[0].item_id).draft
            boxes = draft.planted_boxes if draft.is_planted else (box,) if draft == shown[0] else ()
            answer = ReviewAnswer.PHI if boxes else ReviewAnswer.CLEAN
            store.record(reader, decide(reader, ahead[0], answer, boxes, draft.windows), _NOON)
    store.close()
    return shown[0].source


def without_review_waiver(build: Build) -> list[str]:
    command = build.command()
    place = next(n for n, word in enumerate(command) if word.startswith("review="))
    return command[: place - 1] + command[place + 1 :]


@pytest.fixture
def drawn(rebuild: Build) -> Build:
    assert draw(rebuild).code == 0
    return rebuild


def test_drawing_again_gives_the_same_manifest_and_says_the_hours_first(drawn: Build) -> None:
    again = draw(drawn)
    other = draw(drawn, "--kind", "images", "--seed", "1")
    hours = re.match(r"(\d+) images x 2 readers x 9 s: 0\.1 hours of reading, ", again.out)
    assert hours is not None
    store = ReviewStore.open(drawn.workspace / "review" / "review.sqlite")
    first, second = store.samples()
    store.close()
    assert f"sample {first.sample_id}, {hours.group(1)} items, manifest {first.digest}" in again.out
    assert f"sample {second.sample_id}" in other.out
    planted = list((drawn.workspace / "review" / "planted").rglob("*.jpg"))
    assert 3 <= len(planted) <= 6
    assert not {path.name for path in planted} & {Path(name).name for name in tree(drawn.release)}


def test_a_dry_run_draws_nothing(rebuild: Build) -> None:
    told = draw(rebuild, "--kind", "images", "--dry-run").out.splitlines()
    assert len(told) == 1
    assert not (rebuild.workspace / "review").exists()


def test_reports_are_never_drawn_from_published_training_data(rebuild: Build) -> None:
    assert draw(rebuild, "--kind", "reports", "--set", "review.label_subjects_share=1").code == 0
    store = ReviewStore.open(rebuild.workspace / "review" / "review.sqlite")
    subjects = {outcome.item.draft.subject_id for outcome in store.outcomes(ReviewKind.REPORTS)}
    store.close()
    withheld = pl.read_parquet(rebuild.withheld / "images.parquet")
    assert subjects
    assert subjects <= set(withheld["subject_id"])


def test_a_token_is_shown_once_and_kept_nowhere(rebuild: Build) -> None:
    told = cxr(rebuild, "readers", "add", "Amber", "--role", "reader")
    token = told.out.splitlines()[-1]
    assert len(token) == 43
    assert not any(token.encode() in path.read_bytes() for path in rebuild.workspace.rglob("*") if path.is_file())
    assert cxr(rebuild, "readers", "list").out == "reader-1   reader     Amber\n"
    assert cxr(rebuild, "readers", "add", "Amber", "--role", "lead").code == 2


@pytest.mark.e2e
def test_a_reader_s_box_is_black_in_the_next_build_and_only_its_study_is_done_again(drawn: Build) -> None:
    for name in ("Amber", "Basil"):
        cxr(drawn, "readers", "add", name, "--role", "reader")
    box = PixelBox(40, 30, 70, 110)
    source = drawn.workspace / read_everything(drawn, box)
    assert "boxes to black         1 on 1 images: the next build does them" in cxr(drawn, "export").out
    before, releases = tree(drawn.workspace / "jpeg"), tree(drawn.release)

    refused = run(without_review_waiver(drawn), drawn.environment())
    assert refused.code == 3
    assert "gate review: 1 bound not met (" in refused.err
    assert tree(drawn.release) == releases

    after = tree(drawn.workspace / "jpeg")
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    study = source.parent
    assert changed
    assert {name for name in changed if study.name not in name} == set()
    picture = cv2.imread(str(source), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture[44:66, 38:102].max() <= 8  # the JPEG rings a little at the rim
    boxes = pl.read_parquet(drawn.workspace / "stages" / "deidentify" / "text_boxes.parquet")
    row = boxes.filter(pl.col("rule") == "reader").row(0, named=True)
    assert (row["top_px"], row["left_px"], row["bottom_px"], row["right_px"]) == (40, 30, 70, 110)

    done = drawn.run("--json").json
    assert done["stages"]["deidentify"]["done"] == 0
    status = json.loads(cxr(drawn, "status", "--json").out)["statistics"]["images"]
    assert (status["remaining"], status["units"]["leaks"], status["sensitivity"]["value"]) == (0, 1, 1.0)


def test_where_dicom_is_kept_planted_images_have_originals_like_all_others(drawn: Build) -> None:
    store = ReviewStore.open(drawn.workspace / "review" / "review.sqlite")
    drafts = [outcome.item.draft for outcome in store.outcomes(ReviewKind.IMAGES)]
    store.close()
    assert {draft.windows for draft in drafts} == {tuple(ReviewWindow)}
    planted = [draft for draft in drafts if draft.is_planted]
    real = {draft.unit_id: draft for draft in drafts if not draft.is_planted}
    assert planted
    for draft in planted:
        made = read_header(drawn.workspace / draft.dicom)
        source = read_header(drawn.workspace / "dicom" / draft.study_id[:3] / draft.study_id / f"{draft.unit_id}.dcm")
        assert {str(e.tag): e.value for e in made if e.tag != 0x7FE00010} == {
            str(e.tag): e.value for e in source if e.tag != 0x7FE00010
        }
        assert made.file_meta == source.file_meta
        (box,) = draft.planted_boxes
        changed = np.argwhere(decode(made).pixels != decode(source).pixels)
        assert len(changed) > 0
        assert (changed >= (box.top, box.left)).all()
        assert (changed < (box.bottom, box.right)).all()
    for draft in real.values():
        assert draft.dicom == f"dicom/{draft.study_id[:3]}/{draft.study_id}/{draft.unit_id}.dcm"
