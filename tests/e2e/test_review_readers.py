"""Eight readers at once over HTTP, and a server that is killed among them: no decision is lost, none is doubled."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from reviewing import HttpReader, make_review, server_for

from cxr_core.vocabulary import ReaderRole, ReviewKind

pytestmark = pytest.mark.e2e
IMAGES = 240
READERS = tuple(f"reader{number}" for number in range(8))


def test_no_decision_is_lost_or_doubled_when_the_server_is_killed(tmp_path: Path) -> None:
    people = dict.fromkeys(READERS, ReaderRole.READER)
    review = make_review(tmp_path / "workspace", images=IMAGES, size=(40, 32), reports=(), people=people)
    server = server_for(review, tmp_path / "server.log").start()
    readers = [HttpReader(server.url, name) for name in READERS]
    threads = [threading.Thread(target=reader.read_all) for reader in readers]
    for thread in threads:
        thread.start()
    kills = 0
    try:
        for wanted in (60, 150, 270):
            _wait_until(lambda: sum(len(reader.acknowledged) for reader in readers) >= wanted)  # noqa: B023
            server.kill()
            kills += 1
            server.start()
        for thread in threads:
            thread.join(180)
    finally:
        server.kill()
        for reader in readers:
            reader.close()
    assert not any(thread.is_alive() for thread in threads)
    assert kills == 3
    assert sum(reader.resent for reader in readers) > 0, "the kills hit nobody"

    store = review.open()
    sample = store.sample(ReviewKind.IMAGES)
    assert sample is not None
    kept = [decision.decision_id for decision in store.trail(sample.sample_id)]
    acknowledged = [decision for reader in readers for decision in reader.acknowledged]
    assert len(kept) == len(set(kept)) == 2 * IMAGES
    assert sorted(kept) == sorted(acknowledged)
    for outcome in store.outcomes(ReviewKind.IMAGES):
        assert len({decision.reader for decision in outcome.primary}) == 2
        assert outcome.is_complete
        assert not outcome.needs_consensus
    per_reader = Counter(decision.reader for decision in store.trail(sample.sample_id))
    assert per_reader == {reader.name: len(reader.acknowledged) for reader in readers if reader.acknowledged}
    store.close()


def _wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(6000):
        if happened():
            return
        time.sleep(0.01)
    raise TimeoutError
