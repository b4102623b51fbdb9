"""Many readers at once, in threads and in processes, some of them killed: nothing lost, nothing doubled."""

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from review_factory import NOON, decision, manifest, reader_named, store_with

from cxr_core.review.schema import connect
from cxr_core.review.store import ReviewStore
from cxr_core.vocabulary import ReviewKind

IMAGES = ReviewKind.IMAGES
_READER = Path(__file__).with_name("reading_process.py")


def start_reader(database: Path, name: str) -> "subprocess.Popen[str]":
    paths = [str(_READER.parent), str(_READER.parents[3])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, str(_READER), str(database), name]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]", told: list[str]) -> int:
    """Wait for a reader; what it was told is added to `told`."""
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        told += [line.split()[0] for line in process.stdout if line.endswith("\n")]
        assert process.stderr.read() == ""
    return process.returncode


def check_books(store: ReviewStore, items: int, told: Sequence[str]) -> None:
    """Every item has exactly two readers; every decision that a reader was told of is there once."""
    outcomes = store.outcomes(IMAGES)
    assert [len({d.reader for d in outcome.primary}) for outcome in outcomes] == [2] * items
    trail = [made.decision_id for made in store.trail(store.samples()[0].sample_id)]
    assert len(trail) == len(set(trail)) == 2 * items
    assert set(told) <= set(trail)


def test_eight_threads_share_one_store(tmp_path: Path) -> None:
    names = [f"reader {n}" for n in range(8)]
    store = store_with(tmp_path, manifest(40), *names)
    told: list[str] = []
    failures: list[BaseException] = []

    def read(name: str) -> None:
        try:
            reader = reader_named(store, name)
            while ahead := store.queue(reader, IMAGES, NOON).ahead:
                made = decision(reader, ahead[0], decision_id=f"{name[-1]}-{ahead[0].item_id}")
                store.record(reader, made, NOON)
                told.append(made.decision_id)
        except BaseException as failure:  # noqa: BLE001  told below
            failures.append(failure)

    threads = [threading.Thread(target=read, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    check_books(store, 40, told)


def test_processes_that_are_killed_lose_nothing_they_were_told_and_resume(tmp_path: Path) -> None:
    names = ["amber", "basil"]  # each has all of the items to read, however late it starts
    store = store_with(tmp_path, manifest(60), *names)
    database = tmp_path / "review.sqlite"
    told: list[str] = []
    for is_killed in (True, True, False):
        readers = [start_reader(database, name) for name in names]
        if is_killed:
            assert readers[0].stdout is not None
            told.append(readers[0].stdout.readline().split()[0])  # in the middle of its work
            for process in readers:
                process.kill()
        codes = [ended(process, told) for process in readers]
        assert codes[0] == (-9 if is_killed else 0)
    check_books(store, 60, told)
    assert max(Counter(told).values()) == 1


def test_a_commit_waits_for_the_disk(tmp_path: Path) -> None:
    store = store_with(tmp_path, manifest(1), "amber")
    connection = connect(tmp_path / "review.sqlite")
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    connection.close()
    store.close()
