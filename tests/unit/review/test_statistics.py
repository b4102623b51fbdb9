"""Every statistic of a random review against a second computation from the raw rows, by other formulas."""

import json
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from review_factory import NOON, decision, image, labels, reader_named, report, store_with
from scipy.optimize import brentq
from scipy.stats import binom

from cxr_core.review.export import export_review, review_tables
from cxr_core.review.records import Manifest, PixelBox
from cxr_core.review.statistics import LeakReview, label_agreement, leak_review, workspace_statistics
from cxr_core.review.store import ReviewStore
from cxr_core.tables.catalogue import (
    IMAGE_REVIEWS,
    READER_BOXES,
    REPORT_LABELS,
    REVIEW_DECISIONS,
    TEXT_REVIEWS,
)
from cxr_core.tables.storage import read_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import Label, ReviewAnswer, ReviewKind

CLEAN, PHI, UNSURE = ReviewAnswer.CLEAN, ReviewAnswer.PHI, ReviewAnswer.UNSURE
IMAGES, REPORTS = ReviewKind.IMAGES, ReviewKind.REPORTS
PLANTED_BOX, OTHER_BOX = PixelBox(10, 10, 30, 90), PixelBox(200, 200, 220, 240)


def sample() -> Manifest:
    drafts = [image(n, stratum="random" if n < 60 else "boxes") for n in range(80)]
    cells = ("planted:faint:small", "planted:clear:large")
    drafts += [image(1000 + n, stratum=cells[n % 2], is_planted=True, planted_boxes=(PLANTED_BOX,)) for n in range(24)]
    return Manifest(IMAGES, 7, 2, tuple(drafts))


def answer_at_random(store: ReviewStore, seed: int) -> None:
    """Two readers and a consensus, who undo now and then and sometimes mark the wrong place."""
    rng = np.random.default_rng(seed)
    for name in ("amber", "basil", "cedar"):
        reader = reader_named(store, name)
        while ahead := store.queue(reader, IMAGES, NOON).ahead:
            entry = ahead[0]
            is_planted = store.item(reader, entry.item_id).draft.is_planted
            chances = [0.1, 0.85, 0.05] if is_planted else [0.85, 0.1, 0.05]
            answer = (CLEAN, PHI, UNSURE)[int(rng.choice(3, p=chances))]
            boxes = ((PLANTED_BOX if rng.random() < 0.8 else OTHER_BOX),) if answer is PHI else ()
            made = decision(reader, entry, answer, boxes=boxes)
            if rng.random() < 0.1:
                first = decision(reader, entry, UNSURE, decision_id=made.decision_id + "-0")
                store.record(reader, first, NOON)
                made = replace(made, supersedes=first.decision_id)
            store.record(reader, made, NOON)


@dataclass
class Raw:
    """One item as the rows of the database have it."""

    draft: dict[str, Any]
    blind: dict[str, str] = field(default_factory=dict)
    boxes: dict[str, list[dict[str, int]]] = field(default_factory=lambda: defaultdict(list))
    consensus: str | None = None

    @property
    def final(self) -> str | None:
        if len(self.blind) < 2:
            return None
        answers = set(self.blind.values())
        return next(iter(answers)) if len(answers) == 1 and answers != {"unsure"} else self.consensus

    @property
    def is_found(self) -> bool:
        deciding = self.boxes["cedar"] if self.consensus else self.boxes["amber"] + self.boxes["basil"]
        return self.final == "phi" and (not deciding or any(box["top"] == PLANTED_BOX.top for box in deciding))


def raw_items(path: Path) -> list[Raw]:
    connection = sqlite3.connect(path)
    items = {row[0]: Raw(json.loads(row[1])) for row in connection.execute("SELECT item_id, draft FROM items")}
    rows = connection.execute(
        "SELECT decision_id, item_id, reader, round, answer, findings, supersedes FROM decisions"
    ).fetchall()
    connection.close()
    replaced = {row[6] for row in rows}
    for decision_id, item_id, reader, turn, answer, findings, _ in rows:
        if decision_id not in replaced:
            items[item_id].boxes[reader] = json.loads(findings)["boxes"]
            if turn == "primary":
                items[item_id].blind[reader] = answer
            else:
                items[item_id].consensus = answer
    return list(items.values())


def limit(events: int, trials: int) -> float:
    """The rate at which so few events have a probability of 5 %, by root finding on the distribution function."""
    return float(brentq(lambda rate: binom.cdf(events, trials, rate) - 0.05, 1e-12, 1 - 1e-12, xtol=1e-15))


def floor(events: int, trials: int) -> float:
    return float(brentq(lambda rate: binom.sf(events - 1, trials, rate) - 0.05, 1e-12, 1 - 1e-12, xtol=1e-15))


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> tuple[LeakReview, list[Raw]]:
    folder = tmp_path_factory.mktemp("review")
    store = store_with(folder, sample(), "amber", "basil", consensus="cedar")
    answer_at_random(store, seed=5)
    tables = review_tables(store, READER_BOXES.empty())
    return leak_review(tables.image_reviews, "dicom_id"), raw_items(folder / "review.sqlite")


def test_the_bounds_are_those_of_the_raw_rows(reviewed: tuple[LeakReview, list[Raw]]) -> None:
    found, raw = reviewed
    random = [item for item in raw if item.draft["stratum"] == "random"]
    planted = [item for item in raw if item.draft["is_planted"]]
    leaks = sum(item.final in {"phi", "unsure"} for item in random)
    seen = sum(item.is_found for item in planted)
    assert 0 < leaks < 30
    assert 10 < seen < 24
    assert (found.units.units, found.units.leaks) == (60, leaks)
    assert (found.units.planted, found.units.found) == (24, seen)
    assert found.units.limit == pytest.approx(limit(leaks, 60))
    assert found.units.bound == pytest.approx(limit(leaks, 60) / floor(seen, 24))
    leaky = {item.draft["subject_id"] for item in random if item.final in {"phi", "unsure"}}
    subjects = {item.draft["subject_id"] for item in random}
    assert (found.subjects.units, found.subjects.leaks) == (len(subjects), len(leaky))
    assert found.subjects.bound == pytest.approx(limit(len(leaky), len(subjects)) / floor(seen, 24))


def test_sensitivities_are_those_of_the_raw_rows(reviewed: tuple[LeakReview, list[Raw]]) -> None:
    found, raw = reviewed
    planted = [item for item in raw if item.draft["is_planted"]]
    for code, name in (("reader-1", "amber"), ("reader-2", "basil")):
        assert found.sensitivity_of[code].events == sum(item.blind[name] != "clean" for item in planted)
    for stratum in ("planted:faint:small", "planted:clear:large"):
        some = [item for item in planted if item.draft["stratum"] == stratum]
        assert (found.sensitivity_by[stratum].events, found.sensitivity_by[stratum].trials) == (
            sum(item.is_found for item in some),
            12,
        )


def test_agreement_is_that_of_the_raw_rows(reviewed: tuple[LeakReview, list[Raw]]) -> None:
    found, raw = reviewed
    real = [item for item in raw if not item.draft["is_planted"]]
    pairs = Counter((item.blind["amber"] != "clean", item.blind["basil"] != "clean") for item in real)
    table = found.agreement.table
    assert (table.both, table.first_only, table.second_only, table.neither) == (
        pairs[True, True],
        pairs[True, False],
        pairs[False, True],
        pairs[False, False],
    )
    a, b, c, d = table.both, table.first_only, table.second_only, table.neither
    # Cohen's kappa of a 2x2 table in its other form.
    assert found.agreement.kappa == pytest.approx(2 * (a * d - b * c) / ((a + b) * (b + d) + (a + c) * (c + d)))
    assert found.agreement.pabak == pytest.approx((a + d - b - c) / (a + b + c + d))


def test_strata_are_reported_apart(reviewed: tuple[LeakReview, list[Raw]]) -> None:
    found, raw = reviewed
    assert [(s.stratum, s.items, s.settled) for s in found.strata] == [("random", 60, 60), ("boxes", 20, 20)]
    assert found.strata[1].phi.events == sum(
        item.final in {"phi", "unsure"} for item in raw if item.draft["stratum"] == "boxes"
    )
    assert (found.items, found.settled, found.open) == (80, 80, 0)
    assert found.consensus == sum(
        len(set(item.blind.values())) > 1 or "unsure" in item.blind.values()
        for item in raw
        if not item.draft["is_planted"]
    )


def test_progress_is_that_of_the_raw_rows(tmp_path: Path) -> None:
    store = store_with(tmp_path, sample(), "amber", "basil", consensus="cedar")
    answer_at_random(store, seed=9)
    cedar = reader_named(store, "cedar")
    amber = reader_named(store, "amber")
    settled = {outcome.item.item_id for outcome in store.outcomes(IMAGES) if outcome.consensus}
    for made in store.history(amber, IMAGES, limit=8):  # undone, except where the consensus is settled
        if made.item_id not in settled:
            undone = replace(
                made, decision_id=f"{made.decision_id}-x", answer=ReviewAnswer.WITHDRAWN, boxes=(), reasons=()
            )
            store.record(amber, replace(undone, supersedes=made.decision_id), NOON)
    raw = raw_items(tmp_path / "review.sqlite")
    for item in raw:
        item.blind = {name: answer for name, answer in item.blind.items() if answer != "withdrawn"}
    progress = store.progress(IMAGES)
    consensus = [item for item in raw if item.consensus]
    assert progress.complete == sum(len(item.blind) == 2 for item in raw) < 104
    assert (progress.consensus_waiting, progress.consensus_done) == (0, len(consensus))
    assert progress.final == sum(item.final is not None for item in raw)
    answered = {one.reader: one.answered for one in progress.readers}
    assert answered["amber"] == sum("amber" in item.blind for item in raw)
    assert answered[cedar.name] == len(consensus)


def test_items_without_an_outcome_are_counted_as_open(tmp_path: Path) -> None:
    store = store_with(tmp_path, sample(), "amber", "basil", consensus="cedar")
    reader = reader_named(store, "amber")
    store.record(reader, decision(reader, store.queue(reader, IMAGES, NOON).ahead[0]), NOON)
    found = leak_review(review_tables(store, READER_BOXES.empty()).image_reviews, "dicom_id")
    assert (found.open, found.settled, found.units.units, found.units.bound) == (104, 0, 0, 1)


# ---------------------------------------------------------------- the dataset changes after the review


def four_images(path: Path) -> ReviewStore:
    """0 clean, 1 PHI with a box, 2 PHI without a box, 3 clean."""
    store = store_with(path, Manifest(IMAGES, 7, 2, tuple(image(n) for n in range(4))), "amber", "basil")
    for name in ("amber", "basil"):
        reader = reader_named(store, name)
        while ahead := store.queue(reader, IMAGES, NOON).ahead:
            unit = store.item(reader, ahead[0].item_id).draft.unit_id
            answer = PHI if unit in {image(1).unit_id, image(2).unit_id} else CLEAN
            boxes = (OTHER_BOX,) if unit == image(1).unit_id else ()
            store.record(reader, decision(reader, ahead[0], answer, boxes=boxes), NOON)
    return store


def test_a_box_that_was_blacked_remains_no_longer_but_still_counts_as_a_leak(tmp_path: Path) -> None:
    reviews = review_tables(four_images(tmp_path), READER_BOXES.empty()).image_reviews
    current = {image(n).unit_id: image(n).sha256 for n in range(4)}
    assert leak_review(reviews, "dicom_id", current).remaining == 2
    redone = current | {image(1).unit_id: "f" * 64, image(2).unit_id: "e" * 64}
    after = leak_review(reviews, "dicom_id", redone)
    assert (after.remaining, after.units.leaks, after.units.units, after.stale) == (1, 2, 4, 0)
    gone = {unit: sha for unit, sha in redone.items() if unit != image(2).unit_id}
    assert leak_review(reviews, "dicom_id", gone).remaining == 0


def test_an_image_that_was_clean_and_has_changed_proves_nothing(tmp_path: Path) -> None:
    reviews = review_tables(four_images(tmp_path), READER_BOXES.empty()).image_reviews
    current = {image(n).unit_id: image(n).sha256 for n in range(3)} | {image(0).unit_id: "d" * 64}
    found = leak_review(reviews, "dicom_id", current)
    assert (found.stale, found.units.units, found.items) == (2, 2, 2)


def test_an_earlier_sample_s_phi_remains_until_it_is_gone_or_read_again(tmp_path: Path) -> None:
    store = four_images(tmp_path)
    again = image(2, sha256="e" * 64)
    store.add_sample(Manifest(IMAGES, 8, 2, (image(0), again)), NOON)
    current = {image(n).unit_id: image(n).sha256 for n in range(4)} | {again.unit_id: again.sha256}
    reviews = review_tables(store, READER_BOXES.empty()).image_reviews
    assert leak_review(reviews, "dicom_id", current).remaining == 2
    for name in ("amber", "basil"):
        reader = reader_named(store, name)
        while ahead := store.queue(reader, IMAGES, NOON).ahead:
            store.record(reader, decision(reader, ahead[0]), NOON)
    found = leak_review(review_tables(store, READER_BOXES.empty()).image_reviews, "dicom_id", current)
    assert (found.remaining, found.units.leaks, found.units.units) == (1, 0, 2)


def test_boxes_stay_through_later_samples_and_go_with_an_undone_answer(tmp_path: Path) -> None:
    store = four_images(tmp_path)
    boxes = review_tables(store, READER_BOXES.empty()).reader_boxes
    assert boxes.select("dicom_id", "top", "left", "bottom", "right").rows() == [(image(1).unit_id, 200, 200, 220, 240)]
    store.add_sample(Manifest(IMAGES, 8, 2, (image(1, sha256="a" * 64),)), NOON)
    assert review_tables(store, READER_BOXES.empty()).reader_boxes.equals(boxes)
    elsewhere = boxes.with_columns(dicom_id=boxes["dicom_id"].str.replace_all("00000001", "000000ff"))
    assert review_tables(store, elsewhere).reader_boxes.height == 2


def test_planted_boxes_never_reach_the_build(tmp_path: Path) -> None:
    planted = image(9, is_planted=True, stratum="planted:low:small", planted_boxes=(PLANTED_BOX,))
    store = store_with(tmp_path, Manifest(IMAGES, 7, 1, (planted,)), "amber")
    reader = reader_named(store, "amber")
    entry = store.queue(reader, IMAGES, NOON).ahead[0]
    store.record(reader, decision(reader, entry, PHI, boxes=(PLANTED_BOX,)), NOON)
    tables = review_tables(store, READER_BOXES.empty())
    assert tables.reader_boxes.is_empty()
    assert tables.image_reviews["is_located"].to_list() == [True]


# ---------------------------------------------------------------- labels, and what is written


def labelled(path: Path) -> ReviewStore:
    texts = [report(n, f"Report {n}.") for n in range(6)]
    store = store_with(path, Manifest(REPORTS, 7, 2, tuple(texts)), "amber", "basil", consensus="cedar")
    given = {"amber": [1, 1, 0, None, -1, 1], "basil": [1, 0, 0, None, 1, 1], "cedar": [None, 1, None, None, -1, None]}
    for name, values in given.items():
        reader = reader_named(store, name)
        while ahead := store.queue(reader, REPORTS, NOON).ahead:
            number = int(store.item(reader, ahead[0].item_id).draft.unit_id[1:])
            made = labels(EDEMA=values[number])
            store.record(reader, decision(reader, ahead[0], ReviewAnswer.LABELLED, labels=made), NOON)
    return store


def test_the_reference_holds_what_readers_agreed_on(tmp_path: Path) -> None:
    found = review_tables(labelled(tmp_path), READER_BOXES.empty()).report_labels.sort("study_id")
    assert found["Edema"].to_list() == [1, 1, 0, None, -1, 1]
    assert found["readers"].to_list() == [2, 3, 2, 2, 3, 2]
    assert found["Fracture"].to_list() == [None] * 6


def test_agreement_on_labels_is_told_label_by_label(tmp_path: Path) -> None:
    found = label_agreement(review_tables(labelled(tmp_path), READER_BOXES.empty()).decisions)
    edema = next(one for one in found if one.label is Label.EDEMA)
    table = edema.positive.table
    assert (table.both, table.first_only, table.second_only, table.neither) == (2, 1, 1, 2)
    # Observed 4 of 6; expected by hand over 1, 0, -1, absent: (3*3 + 1*2 + 1*0 + 1*1) / 36.
    assert edema.kappa == pytest.approx((4 / 6 - 12 / 36) / (1 - 12 / 36))
    assert len(found) == 14
    assert next(one for one in found if one.label is Label.FRACTURE).kappa is None


def test_the_export_is_read_back_and_names_nobody(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    store = four_images(tmp_path)
    export_review(store, workspace)
    before = {path.name: path.read_bytes() for path in (workspace.stages / "review").iterdir()}
    assert sorted(before) == sorted(
        f"{contract.name}.parquet"
        for contract in (IMAGE_REVIEWS, TEXT_REVIEWS, READER_BOXES, REPORT_LABELS, REVIEW_DECISIONS)
    )
    assert not any(b"amber" in content.replace(b"amber-", b"") for content in before.values())
    decisions = read_table(REVIEW_DECISIONS, workspace.review_table(REVIEW_DECISIONS))
    assert set(decisions["reader"]) == {"reader-1", "reader-2"}
    assert decisions["recorded_at"].to_list() == [NOON.replace(tzinfo=None)] * 8
    export_review(store, workspace)
    assert before == {path.name: path.read_bytes() for path in (workspace.stages / "review").iterdir()}
    found = workspace_statistics(workspace).images
    assert found is not None
    assert (found.units.units, found.units.leaks) == (4, 2)


def test_without_a_review_there_are_no_statistics(tmp_path: Path) -> None:
    found = workspace_statistics(Workspace(tmp_path))
    assert (found.images, found.texts, found.labels) == (None, None, [])
