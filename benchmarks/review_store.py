"""How many decisions a second the review's store keeps, with eight readers at once, each decision on the disk.

    python benchmarks/review_store.py [--seconds 20] [--items 6900]

Prints decisions a second, CPU milliseconds a decision and the latency of "next item, then store the answer"; then how
long the dashboard's figures take over everything that was answered. Nothing but the store: no HTTP, no picture.
"""

import argparse
import hashlib
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from cxr_core.review.export import review_tables
from cxr_core.review.records import Decision, Draft, Entry, Manifest, Reader
from cxr_core.review.statistics import leak_review
from cxr_core.review.store import ReviewStore, token_digest
from cxr_core.tables.catalogue import READER_BOXES
from cxr_core.vocabulary import ReaderRole, ReviewAnswer, ReviewKind, ReviewRound

_READERS = 8
_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def main() -> None:
    """Fill a store, let eight threads read, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--items", type=int, default=6900)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = filled(Path(folder) / "review.sqlite", chosen.items)
        measure(store, chosen.seconds)
        time_figures(store)
        store.close()


def filled(path: Path, items: int) -> ReviewStore:
    """A store with one sample and eight readers."""
    store = ReviewStore.create(path, bytes(32))
    store.add_sample(Manifest(ReviewKind.IMAGES, 0, 2, tuple(draft(n) for n in range(items))), _NOON)
    for n in range(_READERS):
        store.add_reader(f"reader {n}", ReaderRole.READER, token_digest(str(n)), _NOON)
    return store


def draft(number: int) -> Draft:
    """An image of no content."""
    dicom_id = "-".join([f"{number:08x}"] * 5)
    digest = hashlib.sha256(dicom_id.encode()).hexdigest()
    return Draft(dicom_id, f"5{number:07d}", f"1{number // 2:07d}", "random", digest, rows=3056, columns=2544)


def decision(reader: Reader, entry: Entry) -> Decision:
    """Clean, at once."""
    return Decision(
        decision_id=f"{reader.name[-1]}-{entry.item_id}",
        item_id=entry.item_id,
        reader=reader.name,
        round=ReviewRound.PRIMARY,
        answer=ReviewAnswer.CLEAN,
        sha256=entry.sha256,
        shown_at=_NOON,
        answered_at=_NOON,
        page_version="benchmark",
    )


def measure(store: ReviewStore, seconds: float) -> None:
    """Read with all threads for a while."""
    latencies: list[float] = []
    started, cpu = time.perf_counter(), time.process_time()
    threads = [
        threading.Thread(target=read, args=(store, one, started + seconds, latencies)) for one in store.readers()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, cpu = time.perf_counter() - started, time.process_time() - cpu
    ordered = sorted(latencies)
    print(f"{len(ordered)} decisions in {took:.1f} s: {len(ordered) / took:.0f} a second")
    print(f"CPU {1000 * cpu / len(ordered):.2f} ms a decision")
    print(
        f"latency p50 {1000 * ordered[len(ordered) // 2]:.0f} ms, p95 {1000 * ordered[int(0.95 * len(ordered))]:.0f} ms"
    )


def read(store: ReviewStore, reader: Reader, until: float, latencies: list[float]) -> None:
    """Decide one item after the other."""
    while (now := time.perf_counter()) < until:
        ahead = store.queue(reader, ReviewKind.IMAGES, _NOON).ahead
        if not ahead:
            return
        store.record(reader, decision(reader, ahead[0]), _NOON)
        latencies.append(time.perf_counter() - now)


def time_figures(store: ReviewStore) -> None:
    """The tables and statistics over everything."""
    cpu = time.process_time()
    leak_review(review_tables(store, READER_BOXES.empty()).image_reviews, "dicom_id")
    print(f"all tables and statistics: CPU {time.process_time() - cpu:.2f} s")


if __name__ == "__main__":
    main()
