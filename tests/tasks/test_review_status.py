"""What the terminal tells of a review: the figures of the statistics, in words."""

import datetime as dt
import hashlib
import json
from pathlib import Path

import pytest

from cxr_core.review.records import Decision, Draft, Manifest
from cxr_core.review.store import ReviewStore, token_digest
from cxr_core.settings.review import ReviewSettings
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import ReaderRole, ReviewAnswer, ReviewKind, ReviewRound
from tasks.review import published_outside_test
from tasks.review_status import LiveStatus, live_status

_NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
_TEXTS = {f"5000000{n}": f"Report {n}." for n in range(4)}


@pytest.fixture
def status(tmp_path: Path) -> LiveStatus:
    """Two readers of three texts and a planted one, which one of them overlooks."""
    drafts = [
        Draft(study, study, "10000001", "random", hashlib.sha256(text.encode()).hexdigest(), text=text)
        for study, text in list(_TEXTS.items())[:3]
    ]
    planted = Draft("50000003", "50000003", "10000002", "planted", "a" * 64, text="planted", is_planted=True)
    store = ReviewStore.create(tmp_path / "review" / "review.sqlite", bytes(32))
    store.add_sample(Manifest(ReviewKind.TEXT, 0, 2, (*drafts, planted)), _NOON)
    for name in ("amber", "basil"):
        reader = store.add_reader(name, ReaderRole.READER, token_digest(name), _NOON)
        while ahead := store.queue(reader, ReviewKind.TEXT, _NOON).ahead:
            item = store.item(reader, ahead[0].item_id)
            is_seen = item.draft.is_planted and name == "amber"
            made = Decision(
                decision_id=f"{name}-{item.item_id}",
                item_id=item.item_id,
                reader=name,
                round=ReviewRound.PRIMARY,
                answer=ReviewAnswer.PHI if is_seen else ReviewAnswer.CLEAN,
                sha256=item.draft.sha256,
                shown_at=_NOON,
                answered_at=_NOON + dt.timedelta(seconds=4),
                page_version="1",
            )
            store.record(reader, made, _NOON)
    found = live_status(store, Workspace(tmp_path), ReviewSettings())
    store.close()
    return found


def test_the_terminal_tells_progress_and_agreement(status: LiveStatus) -> None:
    lines = list(status.lines())
    assert lines[0].startswith("text         3 of 4 settled; 1 wait for the consensus (text-")
    assert lines[1] == "  amber                reader     4 answered, 4.0 s an item"


def test_texts_that_are_gone_are_stale_and_prove_nothing(status: LiveStatus) -> None:
    assert status.statistics.texts is not None
    assert (status.statistics.texts.stale, status.statistics.texts.units.units) == (3, 0)


def test_the_figures_are_plain_json(status: LiveStatus) -> None:
    told = json.loads(json.dumps(status.as_json()))
    assert told["progress"][0]["consensus_waiting"] == 1
    assert told["statistics"]["texts"]["sensitivity_of"]["reader-1"]["events"] == 1
    assert told["statistics"]["texts"]["sensitivity_of"]["reader-2"]["events"] == 0
    assert (told["table_3"], told["required_bound"]) == ([], 0.001)


def test_nobody_was_published_before_the_first_release(tmp_path: Path) -> None:
    assert published_outside_test(tmp_path / "release", "cxr") == frozenset()
