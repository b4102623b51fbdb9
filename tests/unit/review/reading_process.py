"""A reader in a process of its own: decides everything in the queue, sends each decision twice, tells what was stored.

Run as `python reading_process.py DATABASE READER`; each line is a decision id, written once the store has returned.
"""

import sys
from pathlib import Path

from review_factory import NOON, decision, reader_named

from cxr_core.review.store import ReviewStore
from cxr_core.vocabulary import ReviewKind


def main(database: Path, name: str) -> None:
    store = ReviewStore.open(database)
    reader = reader_named(store, name)
    while ahead := store.queue(reader, ReviewKind.IMAGES, NOON).ahead:
        made = decision(reader, ahead[0])
        first, second = store.record(reader, made, NOON), store.record(reader, made, NOON)
        if second:
            sys.exit("the second one was taken for a new one")
        sys.stdout.write(f"{made.decision_id} {first}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
