"""Who reads what, who sees what, and that nothing is lost or doubled."""

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from review_factory import NOON, SECRET, decision, image, labels, manifest, reader_named, store_with

from cxr_core.errors import UsageError
from cxr_core.review.records import BadDecision, Conflict, Entry, MachineBox, Manifest, NotAllowed, PixelBox, Reader
from cxr_core.review.store import ReviewStore, manifest_digest, token_digest
from cxr_core.vocabulary import BoxDecision, ReaderRole, ReviewAnswer, ReviewKind, ReviewRound

IMAGES, REPORTS = ReviewKind.IMAGES, ReviewKind.REPORTS
CLEAN, PHI, UNSURE = ReviewAnswer.CLEAN, ReviewAnswer.PHI, ReviewAnswer.UNSURE


def next_of(store: ReviewStore, reader: Reader, kind: ReviewKind = IMAGES) -> Entry:
    return store.queue(reader, kind, NOON).ahead[0]


def read_all(store: ReviewStore, reader: Reader, answers: dict[str, ReviewAnswer] | None = None) -> list[str]:
    """Decide everything in the queue; gives the item ids in the order in which they came."""
    seen = []
    while ahead := store.queue(reader, IMAGES, NOON).ahead:
        answer = (answers or {}).get(store.item(reader, ahead[0].item_id).draft.unit_id, CLEAN)
        store.record(reader, decision(reader, ahead[0], answer), NOON)
        seen.append(ahead[0].item_id)
    return seen


def test_two_readers_see_every_item_once_each_in_an_order_of_their_own(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(20), "amber", "basil")
    orders = [read_all(store, reader_named(store, name)) for name in ("amber", "basil")]
    assert [len(order) for order in orders] == [20, 20]
    assert set(orders[0]) == set(orders[1])
    assert orders[0] != orders[1]
    assert store.progress(IMAGES).final == 20


def test_three_readers_share_the_work_so_that_every_item_has_two_answers(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(30), "amber", "basil", "cedar")
    readers = [reader_named(store, name) for name in ("amber", "basil", "cedar")]
    for turn in range(200):
        reader = readers[turn % 3]
        if ahead := store.queue(reader, IMAGES, NOON).ahead:
            store.record(reader, decision(reader, ahead[0]), NOON)
    assert [len(outcome.primary) for outcome in store.outcomes(IMAGES)] == [2] * 30
    assert sum(p.answered for p in store.progress(IMAGES).readers) == 60


def test_the_next_items_stand_ready_for_preloading(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(20), "amber", "basil")
    reader = reader_named(store, "amber")
    queue = store.queue(reader, IMAGES, NOON)
    assert len(queue.ahead) == 6
    assert queue.remaining == 20
    store.record(reader, decision(reader, queue.ahead[0]), NOON)
    after = store.queue(reader, IMAGES, NOON)
    assert [entry.item_id for entry in after.ahead[:5]] == [entry.item_id for entry in queue.ahead[1:]]
    assert (after.answered, after.remaining, after.median_s) == (1, 19, 4.0)


def test_a_reader_resumes_at_the_same_item_after_a_restart(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(20), "amber", "basil")
    reader = reader_named(store, "amber")
    store.record(reader, decision(reader, next_of(store, reader)), NOON)
    waiting = next_of(store, reader)
    store.close()
    again = ReviewStore.open(tmp_path / "review.sqlite")
    assert next_of(again, reader) == waiting
    assert again.secret == SECRET


def test_the_same_decision_sent_twice_is_kept_once(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(3), "amber", "basil")
    reader = reader_named(store, "amber")
    sent = decision(reader, next_of(store, reader))
    assert store.record(reader, sent, NOON) is True
    assert store.record(reader, sent, NOON + timedelta(seconds=9)) is False
    assert store.trail(store.samples()[0].sample_id) == [sent]


def test_a_decision_id_cannot_be_used_for_something_else(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(3), "amber", "basil")
    reader = reader_named(store, "amber")
    sent = decision(reader, next_of(store, reader))
    store.record(reader, sent, NOON)
    with pytest.raises(Conflict, match="used before"):
        store.record(reader, replace(sent, answer=PHI), NOON)


def test_undo_replaces_the_answer_and_keeps_both_in_the_trail(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(3), "amber", "basil")
    reader = reader_named(store, "amber")
    entry = next_of(store, reader)
    first = decision(reader, entry)
    second = decision(reader, entry, PHI, supersedes=first.decision_id)
    store.record(reader, first, NOON)
    store.record(reader, second, NOON)
    assert store.history(reader, IMAGES) == [second]
    assert store.own(reader, entry.item_id) == second
    assert store.trail(store.samples()[0].sample_id) == [first, second]


def test_a_withdrawn_answer_leaves_the_item_open_for_its_reader(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(10), "amber", "basil")
    reader = reader_named(store, "amber")
    entry = next_of(store, reader)
    first = decision(reader, entry)
    store.record(reader, first, NOON)
    store.record(reader, decision(reader, entry, ReviewAnswer.WITHDRAWN, supersedes=first.decision_id), NOON)
    assert next_of(store, reader) == entry
    assert store.progress(IMAGES).readers[0].answered == 0
    store.record(reader, decision(reader, entry, PHI), NOON)
    assert store.own(reader, entry.item_id) is not None


@pytest.mark.parametrize("supersedes", [None, "amber-somebody-else"])
def test_a_second_window_cannot_overwrite_an_answer_it_has_not_seen(tmp_path: Path, supersedes: str | None) -> None:
    store = store_with(tmp_path, manifest(3), "amber", "basil")
    reader = reader_named(store, "amber")
    entry = next_of(store, reader)
    store.record(reader, decision(reader, entry), NOON)
    with pytest.raises(Conflict, match="look again"):
        store.record(reader, decision(reader, entry, PHI, supersedes=supersedes), NOON)


def test_nothing_to_undo_is_said(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(3), "amber", "basil")
    reader = reader_named(store, "amber")
    with pytest.raises(Conflict, match="nothing to undo"):
        store.record(reader, decision(reader, next_of(store, reader), ReviewAnswer.WITHDRAWN), NOON)


def test_disagreement_goes_to_a_third_person_and_is_settled_there(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(5), "amber", "basil", consensus="cedar")
    unit = image(3).unit_id
    for name, answer in (("amber", CLEAN), ("basil", PHI)):
        read_all(store, reader_named(store, name), {unit: answer})
    cedar = reader_named(store, "cedar")
    queue = store.queue(cedar, IMAGES, NOON)
    assert [store.item(cedar, entry.item_id).draft.unit_id for entry in queue.ahead] == [unit]
    assert (queue.round, queue.remaining) == (ReviewRound.CONSENSUS, 1)
    box = PixelBox(5, 6, 70, 80)
    store.record(cedar, decision(cedar, queue.ahead[0], PHI, boxes=(box,)), NOON)
    settled = next(outcome for outcome in store.outcomes(IMAGES) if outcome.item.draft.unit_id == unit)
    assert (settled.final, settled.boxes) == (PHI, (box,))
    progress = store.progress(IMAGES)
    assert (progress.complete, progress.consensus_waiting, progress.consensus_done, progress.final) == (5, 0, 1, 5)


def test_unsure_goes_to_consensus_even_where_both_are(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(2), "amber", "basil", consensus="cedar")
    for name in ("amber", "basil"):
        read_all(store, reader_named(store, name), {image(0).unit_id: UNSURE})
    assert store.progress(IMAGES).consensus_waiting == 1
    assert len(store.queue(reader_named(store, "cedar"), IMAGES, NOON).ahead) == 1


def test_an_item_is_in_the_hands_of_one_consensus_reader_only(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(1), "amber", "basil", consensus="cedar", lead="dill")
    for name, answer in (("amber", CLEAN), ("basil", PHI)):
        read_all(store, reader_named(store, name), {image(0).unit_id: answer})
    assert len(store.queue(reader_named(store, "cedar"), IMAGES, NOON).ahead) == 1
    assert len(store.queue(reader_named(store, "dill"), IMAGES, NOON).ahead) == 0


def test_consensus_is_refused_once_the_readers_agree_after_all(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(1), "amber", "basil", consensus="cedar")
    read_all(store, reader_named(store, "amber"), {image(0).unit_id: PHI})
    basil, cedar = reader_named(store, "basil"), reader_named(store, "cedar")
    entry = next_of(store, basil)
    store.record(basil, decision(basil, entry), NOON)
    waiting = next_of(store, cedar)
    store.record(basil, decision(basil, entry, PHI, supersedes=decision(basil, entry).decision_id), NOON)
    with pytest.raises(Conflict, match="no consensus is needed"):
        store.record(cedar, decision(cedar, waiting), NOON)


def test_a_reader_cannot_change_the_answer_once_consensus_is_settled(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(1), "amber", "basil", consensus="cedar")
    for name, answer in (("amber", CLEAN), ("basil", PHI)):
        read_all(store, reader_named(store, name), {image(0).unit_id: answer})
    cedar, amber = reader_named(store, "cedar"), reader_named(store, "amber")
    entry = next_of(store, cedar)
    store.record(cedar, decision(cedar, entry), NOON)
    own = store.own(amber, entry.item_id)
    assert own is not None
    with pytest.raises(Conflict, match="settled"):
        store.record(amber, decision(amber, entry, PHI, supersedes=own.decision_id), NOON)


# ---------------------------------------------------------------- who may see what


def test_a_reader_opens_nothing_outside_the_own_queue(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(40), "amber", "basil", "cedar")
    amber, cedar = reader_named(store, "amber"), reader_named(store, "cedar")
    own = {entry.item_id for entry in store.queue(amber, IMAGES, NOON).ahead}
    foreign = next(e.item_id for e in store.queue(cedar, IMAGES, NOON).ahead if e.item_id not in own)
    messages = set()
    for item_id in (foreign, "0" * 32, "../../etc/passwd"):
        with pytest.raises(NotAllowed) as refusal:
            store.item(amber, item_id)
        messages.add(str(refusal.value))
    assert messages == {"this item is not in your queue"}


def test_item_ids_tell_nothing_of_image_or_planting(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(10, planted=5), "amber", "basil")
    ids = [outcome.item.item_id for outcome in store.outcomes(IMAGES)]
    assert len(set(ids)) == 15
    assert all(len(item_id) == 32 and set(item_id) <= set("0123456789abcdef") for item_id in ids)
    other = ReviewStore.create(tmp_path / "other" / "review.sqlite", secret=b"another" * 4)
    other.add_sample(manifest(10, planted=5), NOON)
    assert not set(ids) & {outcome.item.item_id for outcome in other.outcomes(IMAGES)}


def test_others_answers_and_machine_boxes_show_only_once_both_are_in(tmp_path: Path) -> None:
    boxes = (MachineBox(PixelBox(1, 2, 3, 4), BoxDecision.REDACTED),)
    sample = Manifest(IMAGES, 7, 2, (image(0, machine_boxes=boxes),))
    store = store_with(tmp_path, sample, "amber", "basil")
    amber, basil = reader_named(store, "amber"), reader_named(store, "basil")
    entry = next_of(store, amber)
    with pytest.raises(NotAllowed, match="every reader"):
        store.sight(amber, entry.item_id, NOON)
    store.record(amber, decision(amber, entry), NOON)
    with pytest.raises(NotAllowed, match="every reader"):
        store.sight(amber, entry.item_id, NOON)
    theirs = decision(basil, next_of(store, basil), PHI)
    store.record(basil, theirs, NOON)
    sight = store.sight(amber, entry.item_id, NOON)
    assert (sight.decisions, sight.machine_boxes) == ([theirs], boxes)


def test_an_answer_stays_once_its_reader_has_looked_at_the_others(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(1), "amber", "basil")
    amber, basil = reader_named(store, "amber"), reader_named(store, "basil")
    entry = next_of(store, amber)
    for reader in (amber, basil):
        store.record(reader, decision(reader, next_of(store, reader)), NOON)
    store.sight(amber, entry.item_id, NOON)
    with pytest.raises(NotAllowed, match="yours stays"):
        store.record(amber, decision(amber, entry, PHI, supersedes=decision(amber, entry).decision_id), NOON)
    store.record(basil, decision(basil, entry, PHI, supersedes=decision(basil, entry).decision_id), NOON)


def test_nobody_decides_under_another_name_or_in_another_round(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(1), "amber", "basil")
    amber, basil = reader_named(store, "amber"), reader_named(store, "basil")
    entry = next_of(store, amber)
    next_of(store, basil)
    for wrong in (replace(decision(amber, entry), reader="basil"), decision(amber, entry, round=ReviewRound.CONSENSUS)):
        with pytest.raises(NotAllowed):
            store.record(amber, wrong, NOON)


# ---------------------------------------------------------------- readers and tokens


def test_only_the_newest_token_of_a_reader_opens(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(1), "amber")
    amber = reader_named(store, "amber")
    assert store.reader_of(token_digest("token of amber")) == amber
    assert store.reader_of(token_digest("guessed")) is None
    store.add_reader("amber", ReaderRole.READER, token_digest("renewed"), NOON)
    assert store.reader_of(token_digest("token of amber")) is None
    assert store.reader_of(token_digest("renewed")) == amber


def test_roles_do_not_change(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(1), "amber")
    with pytest.raises(UsageError, match="already a reader"):
        store.add_reader("amber", ReaderRole.LEAD, token_digest("x"), NOON)


def test_what_was_claimed_and_left_is_taken_over_a_day_later(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(4), "amber", "basil", "cedar")
    amber, basil, cedar = (reader_named(store, name) for name in ("amber", "basil", "cedar"))
    left = next_of(store, amber)
    read_all(store, basil)
    assert store.queue(cedar, IMAGES, NOON + timedelta(hours=23)).ahead == []
    assert len(store.queue(cedar, IMAGES, NOON + timedelta(hours=25)).ahead) == 4
    with pytest.raises(NotAllowed):
        store.record(amber, decision(amber, left), NOON)


# ---------------------------------------------------------------- samples


def test_the_same_manifest_is_added_once_whatever_its_order(tmp_path: Path) -> None:
    sample = manifest(6)
    turned = replace(sample, drafts=tuple(reversed(sample.drafts)))
    store = store_with(tmp_path, sample)
    assert store.add_sample(turned, NOON) == store.sample(IMAGES)
    assert len(store.samples()) == 1
    assert manifest_digest(replace(sample, seed=8)) != manifest_digest(sample)


def test_the_newest_sample_of_a_kind_is_read_and_the_old_one_stays_in_the_trail(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(2), "amber", "basil")
    read_all(store, reader_named(store, "amber"))
    first = store.samples()[0]
    second = store.add_sample(manifest(5), NOON)
    assert store.sample(IMAGES) == second
    assert store.queue(reader_named(store, "amber"), IMAGES, NOON).remaining == 5
    assert len(store.trail(first.sample_id)) == 2


def test_no_sample_is_said(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(1), "amber")
    with pytest.raises(NotAllowed, match="no sample of reports"):
        store.queue(reader_named(store, "amber"), REPORTS, NOON)
    with pytest.raises(UsageError, match="cxr review sample"):
        ReviewStore.open(tmp_path / "elsewhere.sqlite")


def test_the_file_refuses_to_change_what_was_decided(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(1), "amber", "basil")
    read_all(store, reader_named(store, "amber"))
    connection = sqlite3.connect(tmp_path / "review.sqlite")
    for statement in ("UPDATE decisions SET answer = 'phi'", "DELETE FROM decisions", "DELETE FROM items"):
        with pytest.raises(sqlite3.IntegrityError, match="can only be added to"):
            connection.execute(statement)
    connection.close()
    assert (tmp_path / "review.sqlite").stat().st_mode & 0o777 == 0o600


# ---------------------------------------------------------------- labels


def test_labels_that_differ_go_to_consensus_and_its_labels_are_the_reference(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(1, REPORTS), "amber", "basil", consensus="cedar")
    amber, basil, cedar = (reader_named(store, name) for name in ("amber", "basil", "cedar"))
    for reader, given in ((amber, labels(EDEMA=1)), (basil, labels(EDEMA=-1))):
        made = decision(reader, next_of(store, reader, REPORTS), ReviewAnswer.LABELLED, labels=given)
        store.record(reader, made, NOON)
    waiting = next_of(store, cedar, REPORTS)
    assert store.outcomes(REPORTS)[0].labels is None
    store.record(cedar, decision(cedar, waiting, ReviewAnswer.LABELLED, labels=labels(EDEMA=1)), NOON)
    assert store.outcomes(REPORTS)[0].labels == labels(EDEMA=1)


def test_one_reader_is_enough_where_the_sample_says_so(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(2, REPORTS, readers=1), "amber", "basil")
    amber = reader_named(store, "amber")
    given = labels(NO_FINDING=1, SUPPORT_DEVICES=1)
    made = decision(amber, next_of(store, amber, REPORTS), ReviewAnswer.LABELLED, labels=given)
    store.record(amber, made, NOON)
    assert [outcome.labels for outcome in store.outcomes(REPORTS) if outcome.final] == [given]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"labels": labels(NO_FINDING=1, EDEMA=-1)}, "No Finding contradicts Edema"),
        ({"labels": dict(list(labels().items())[:13])}, "each of the 14"),
        ({"labels": labels(EDEMA=2)}, "each of the 14"),
        ({"labels": None}, "belong to the answer"),
        ({"answer": CLEAN, "labels": None}, "clean is no answer"),
        ({"labels": labels(), "boxes": (PixelBox(0, 0, 1, 1),)}, "marks belong"),
        ({"labels": labels(), "sha256": "0" * 64}, "not what the sample holds"),
        ({"labels": labels(), "decision_id": "x"}, "a decision id has"),
        ({"labels": labels(), "answered_at": NOON - timedelta(seconds=1)}, "before it was shown"),
        ({"labels": labels(), "shown_at": NOON.replace(tzinfo=None)}, "time zone"),
    ],
)
def test_a_decision_that_contradicts_itself_is_refused(tmp_path: Path, fields: dict, message: str) -> None:
    store = store_with(tmp_path, manifest(1, REPORTS), "amber", "basil")
    amber = reader_named(store, "amber")
    made = decision(amber, next_of(store, amber, REPORTS), ReviewAnswer.LABELLED)
    with pytest.raises(BadDecision, match=message):
        store.record(amber, replace(made, **fields), NOON)


@pytest.mark.parametrize("box", [PixelBox(0, 0, 401, 10), PixelBox(10, 10, 10, 20), PixelBox(-1, 0, 5, 5)])
def test_a_box_lies_inside_the_image(tmp_path: Path, box: PixelBox) -> None:
    store = store_with(tmp_path, manifest(1), "amber", "basil")
    amber = reader_named(store, "amber")
    with pytest.raises(BadDecision, match="outside the image"):
        store.record(amber, decision(amber, next_of(store, amber), PHI, boxes=(box,)), NOON)


# ---------------------------------------------------------------- withdrawal


def test_a_withdrawn_study_leaves_queues_counts_and_texts_but_not_the_trail(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(8, REPORTS), "amber", "basil")
    amber, basil = reader_named(store, "amber"), reader_named(store, "basil")
    entry = next_of(store, amber, REPORTS)
    made = decision(amber, entry, ReviewAnswer.LABELLED, labels=labels())
    store.record(amber, made, NOON)
    study = store.item(amber, entry.item_id).draft.study_id
    assert store.remove_studies([study, "59999999"], NOON) == 1
    assert store.remove_studies([study], NOON) == 0
    sample = store.sample(REPORTS)
    assert sample is not None
    assert (sample.items, len(store.outcomes(REPORTS))) == (7, 7)
    assert store.queue(amber, REPORTS, NOON).remaining == 7
    assert entry.item_id not in {e.item_id for e in store.queue(basil, REPORTS, NOON, ahead=8).ahead}
    assert store.trail(sample.sample_id) == [made]
    with pytest.raises(NotAllowed):
        store.item(amber, entry.item_id)
    content = sqlite3.connect(tmp_path / "review.sqlite")
    assert study not in {row[0] for row in content.execute("SELECT json_extract(draft, '$.study_id') FROM items")}
    content.close()
