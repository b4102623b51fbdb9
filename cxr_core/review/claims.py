"""Who reads what next: each reader's own shuffled order, and claims that keep every item with its number of readers.

Takes an open connection (inside a write transaction where it writes) and gives item ids. What a reader may see is left
to `store`, what becomes of the answers to `decisions`.
"""

import hashlib
import sqlite3
from datetime import datetime
from statistics import median

from cxr_core.review.records import Sample
from cxr_core.review.rows import to_ms

CONSENSUS_SLOT = -1
_PACE = 50  # decisions that tell how fast a reader is


def ensure_order(connection: sqlite3.Connection, sample: Sample, reader: str) -> None:
    """Shuffle the sample for one reader, once: by SHA-256 of seed, reader and item, so that it can be done again."""
    known = connection.execute(
        "SELECT 1 FROM orders WHERE sample_id = ? AND reader = ? LIMIT 1", (sample.sample_id, reader)
    ).fetchone()
    if known:
        return
    found = connection.execute(
        "SELECT item_id FROM items WHERE sample_id = ? AND item_id NOT IN (SELECT item_id FROM removed)",
        (sample.sample_id,),
    )
    shuffled = sorted((row["item_id"] for row in found), key=lambda item: _place(sample.seed, reader, item))
    connection.executemany(
        "INSERT INTO orders (sample_id, reader, place, item_id) VALUES (?, ?, ?, ?)",
        [(sample.sample_id, reader, place, item) for place, item in enumerate(shuffled)],
    )


def _place(seed: int, reader: str, item_id: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{reader}\0{item_id}".encode()).digest()


def open_claims(connection: sqlite3.Connection, sample_id: str, reader: str, *, is_consensus: bool) -> list[str]:
    """Items that the reader has claimed and not decided, in the reader's order."""
    found = connection.execute(
        "SELECT item_id FROM claims WHERE sample_id = ? AND reader = ? AND decision_id IS NULL "
        "AND (slot < 0) = ? ORDER BY place, claimed_at, item_id",
        (sample_id, reader, is_consensus),
    )
    return [row["item_id"] for row in found]


def claim_blind(connection: sqlite3.Connection, sample: Sample, reader: str, wanted: int, at: datetime) -> int:
    """Claim up to `wanted` more items in the reader's order; gives how many were found."""
    reached = connection.execute(
        "SELECT max(place) FROM claims WHERE sample_id = ? AND reader = ? AND slot >= 0", (sample.sample_id, reader)
    ).fetchone()[0]
    found = _free(connection, sample, reader, wanted, -1 if reached is None else reached)
    if len(found) < wanted and reached is not None:  # what others gave back lies behind the place that was reached
        found = _free(connection, sample, reader, wanted, -1)
    for row in found:
        _insert(
            connection,
            row["item_id"],
            _free_slot(connection, row["item_id"]),
            sample.sample_id,
            reader,
            row["place"],
            at,
        )
    return len(found)


def _free(connection: sqlite3.Connection, sample: Sample, reader: str, wanted: int, after: int) -> list[sqlite3.Row]:
    return connection.execute(
        "SELECT o.place, o.item_id FROM orders o WHERE o.sample_id = ? AND o.reader = ? AND o.place > ? "
        "AND (SELECT count(*) FROM claims c WHERE c.item_id = o.item_id AND c.slot >= 0) < ? "
        "AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.item_id = o.item_id AND c.reader = o.reader) "
        "ORDER BY o.place LIMIT ?",
        (sample.sample_id, reader, after, sample.readers_per_item, wanted),
    ).fetchall()


def _free_slot(connection: sqlite3.Connection, item_id: str) -> int:
    taken = {row["slot"] for row in connection.execute("SELECT slot FROM claims WHERE item_id = ?", (item_id,))}
    return next(slot for slot in range(len(taken) + 1) if slot not in taken)


def claim_consensus(connection: sqlite3.Connection, sample: Sample, reader: str, wanted: int, at: datetime) -> int:
    """Claim up to `wanted` more items whose readers disagreed or were unsure; never one that the reader read blind."""
    found = connection.execute(
        "SELECT s.item_id FROM states s WHERE s.sample_id = ? AND s.needs_consensus = 1 AND s.final IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.item_id = s.item_id AND (c.slot = ? OR c.reader = ?)) "
        "ORDER BY s.item_id LIMIT ?",
        (sample.sample_id, CONSENSUS_SLOT, reader, wanted),
    ).fetchall()
    for row in found:
        _insert(connection, row["item_id"], CONSENSUS_SLOT, sample.sample_id, reader, 0, at)
    return len(found)


def _insert(
    connection: sqlite3.Connection, item_id: str, slot: int, sample_id: str, reader: str, place: int, at: datetime
) -> None:
    connection.execute(
        "INSERT INTO claims (item_id, slot, sample_id, reader, place, claimed_at) VALUES (?, ?, ?, ?, ?, ?)",
        (item_id, slot, sample_id, reader, place, to_ms(at)),
    )


def release_stale(connection: sqlite3.Connection, sample_id: str, reader: str, before: datetime) -> None:
    """Give back what other readers claimed before that moment and never decided."""
    connection.execute(
        "DELETE FROM claims WHERE sample_id = ? AND decision_id IS NULL AND reader <> ? AND claimed_at < ?",
        (sample_id, reader, to_ms(before)),
    )


def remaining(connection: sqlite3.Connection, sample: Sample, reader: str) -> int:
    """Items that could still come to the reader: not decided by the reader, not filled by others."""
    parameters = (sample.sample_id, reader)
    decided = connection.execute(
        "SELECT count(*) FROM claims WHERE sample_id = ? AND reader = ? AND slot >= 0 AND decision_id IS NOT NULL",
        parameters,
    ).fetchone()[0]
    others = connection.execute(
        "SELECT count(DISTINCT reader) FROM claims WHERE sample_id = ? AND reader <> ? AND slot >= 0", parameters
    ).fetchone()[0]
    full = 0
    if others >= sample.readers_per_item:
        full = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM claims WHERE sample_id = ? AND reader <> ? AND slot >= 0 "
            "GROUP BY item_id HAVING count(*) >= ?)",
            (*parameters, sample.readers_per_item),
        ).fetchone()[0]
    return int(sample.items - decided - full)


def pace(connection: sqlite3.Connection, sample_id: str, reader: str) -> tuple[int, float | None]:
    """How many items the reader has decided, and the median seconds of the last decisions."""
    answered = connection.execute(
        "SELECT count(*) FROM claims WHERE sample_id = ? AND reader = ? AND decision_id IS NOT NULL",
        (sample_id, reader),
    ).fetchone()[0]
    last = connection.execute(
        "SELECT answered_at - shown_at FROM decisions WHERE sample_id = ? AND reader = ? ORDER BY place DESC LIMIT ?",
        (sample_id, reader, _PACE),
    )
    took = [row[0] / 1000 for row in last]
    return answered, median(took) if took else None
