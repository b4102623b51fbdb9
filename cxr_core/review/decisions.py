"""Whether a reader may decide an item now, and what follows in the database when one does.

Takes a connection inside a write transaction, refuses or writes a decision with the rows that follow from it. What an
answer must look like is left to `rules`, who reads what to `claims`.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from cxr_core.review.claims import CONSENSUS_SLOT
from cxr_core.review.records import Conflict, Decision, Item, NotAllowed, Outcome, Reader, Recorded, Sight
from cxr_core.review.rows import decision_from, decision_row, draft_from, from_ms, item_from, to_ms
from cxr_core.review.rules import check_decision, settle
from cxr_core.vocabulary import ReviewAnswer, ReviewRound

ITEMS = "SELECT i.*, s.kind FROM items i JOIN samples s USING (sample_id) "
_NOT_YOURS = "this item is not in your queue"  # the same words whether it exists or not
_STANDING = "item_id NOT IN (SELECT item_id FROM removed)"
_DECIDED = "SELECT d.* FROM claims c JOIN decisions d USING (decision_id) "


def claim_of(connection: sqlite3.Connection, reader: Reader, item_id: str) -> sqlite3.Row:
    """The reader's claim on an item, with `readers_per_item`.

    Raises
    ------
    NotAllowed
        There is none.
    """
    row: sqlite3.Row | None = connection.execute(
        "SELECT c.*, s.readers_per_item FROM claims c JOIN samples s USING (sample_id) "
        "WHERE c.item_id = ? AND c.reader = ?",
        (item_id, reader.name),
    ).fetchone()
    if row is None:
        raise NotAllowed(_NOT_YOURS)
    return row


def item_of(connection: sqlite3.Connection, item_id: str) -> Item:
    """The item; it must exist."""
    return item_from(connection.execute(f"{ITEMS} WHERE item_id = ?", (item_id,)).fetchone())


def decision_of(connection: sqlite3.Connection, decision_id: str) -> Decision:
    """The decision; it must exist."""
    return decision_from(connection.execute("SELECT * FROM decisions WHERE decision_id = ?", (decision_id,)).fetchone())


def history_of(connection: sqlite3.Connection, sample_id: str, reader: str, limit: int) -> list[Decision]:
    """A reader's current decisions in a sample, the newest first."""
    found = connection.execute(
        f"{_DECIDED} WHERE c.sample_id = ? AND c.reader = ? ORDER BY d.place DESC LIMIT ?", (sample_id, reader, limit)
    )
    return [decision_from(row) for row in found]


def outcome_of(connection: sqlite3.Connection, item_id: str, readers_per_item: int) -> Outcome:
    """Where one item stands."""
    found = connection.execute(f"{_DECIDED} WHERE c.item_id = ? ORDER BY d.place", (item_id,))
    return _settled(item_of(connection, item_id), [decision_from(row) for row in found], readers_per_item)


def outcomes_of(connection: sqlite3.Connection, sample_id: str, readers_per_item: int) -> list[Outcome]:
    """Where every item of a sample stands, in the order of the opaque ids."""
    decided: dict[str, list[Decision]] = {}
    for row in connection.execute(f"{_DECIDED} WHERE c.sample_id = ? ORDER BY d.place", (sample_id,)):
        decided.setdefault(row["item_id"], []).append(decision_from(row))
    items = connection.execute(f"{ITEMS} WHERE sample_id = ? AND {_STANDING} ORDER BY item_id", (sample_id,))
    return [_settled(item_from(row), decided.get(row["item_id"], []), readers_per_item) for row in items]


def trail_of(connection: sqlite3.Connection, sample_id: str) -> list[Recorded]:
    """Every decision of a sample as it came."""
    found = connection.execute(
        "SELECT d.*, c.decision_id IS NOT NULL AS is_current FROM decisions d LEFT JOIN claims c USING (decision_id) "
        "WHERE d.sample_id = ? ORDER BY d.place",
        (sample_id,),
    )
    return [Recorded(decision_from(row), from_ms(row["recorded_at"]), bool(row["is_current"])) for row in found]


def _settled(item: Item, decisions: Sequence[Decision], readers_per_item: int) -> Outcome:
    blind = [decision for decision in decisions if decision.round is ReviewRound.PRIMARY]
    settled = [decision for decision in decisions if decision.round is ReviewRound.CONSENSUS]
    return settle(item, blind, settled[0] if settled else None, readers_per_item)


def look(connection: sqlite3.Connection, reader: Reader, item_id: str, at: datetime) -> Sight:
    """Show the others' answers and the machine's boxes, and note that a blind reader has seen them.

    Raises
    ------
    NotAllowed
        Not the reader's item, or an answer is still missing.
    """
    claim = claim_of(connection, reader, item_id)
    outcome = outcome_of(connection, item_id, claim["readers_per_item"])
    is_blind = claim["slot"] != CONSENSUS_SLOT
    if not outcome.is_complete or (is_blind and claim["decision_id"] is None):
        raise NotAllowed("shown once every reader has answered")
    if is_blind:
        connection.execute("INSERT OR IGNORE INTO reveals VALUES (?, ?, ?)", (item_id, reader.name, to_ms(at)))
    every = [*outcome.primary, *([outcome.consensus] if outcome.consensus else [])]
    others = [decision for decision in every if decision.reader != reader.name]
    return Sight(others, outcome.item.draft.machine_boxes)


def keep(connection: sqlite3.Connection, reader: Reader, decision: Decision, at: datetime) -> bool:
    """Write a decision and what follows from it; False where this very decision was kept before.

    Raises
    ------
    NotAllowed, Conflict, BadDecision
        See `ReviewStore.record`; nothing is written.
    """
    if _is_repeat(connection, decision):
        return False
    claim = claim_of(connection, reader, decision.item_id)
    item = item_of(connection, decision.item_id)
    _check_claim(connection, reader, decision, claim)
    check_decision(item, decision)
    row = decision_row(decision, item.sample_id, at)
    connection.execute(
        f"INSERT INTO decisions ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608  own names
        list(row.values()),
    )
    current = None if decision.answer is ReviewAnswer.WITHDRAWN else decision.decision_id
    connection.execute(
        "UPDATE claims SET decision_id = ? WHERE item_id = ? AND reader = ?", (current, decision.item_id, reader.name)
    )
    _note_state(connection, outcome_of(connection, item.item_id, claim["readers_per_item"]))
    return True


def _is_repeat(connection: sqlite3.Connection, decision: Decision) -> bool:
    row = connection.execute("SELECT * FROM decisions WHERE decision_id = ?", (decision.decision_id,)).fetchone()
    if row is None:
        return False
    sent = decision_row(decision, row["sample_id"], decision.answered_at)
    if any(row[name] != value for name, value in sent.items() if name != "recorded_at"):
        raise Conflict("this decision id was used before")
    return True


def _check_claim(connection: sqlite3.Connection, reader: Reader, decision: Decision, claim: sqlite3.Row) -> None:
    is_consensus = claim["slot"] == CONSENSUS_SLOT
    if decision.reader != reader.name or (decision.round is ReviewRound.CONSENSUS) != is_consensus:
        raise NotAllowed(_NOT_YOURS)
    if decision.supersedes != claim["decision_id"]:
        raise Conflict("you have decided this item before: look again")
    if decision.answer is ReviewAnswer.WITHDRAWN and decision.supersedes is None:
        raise Conflict("there is nothing to undo")
    outcome = outcome_of(connection, decision.item_id, claim["readers_per_item"])
    if is_consensus:
        if not outcome.needs_consensus:
            raise Conflict("the readers have changed their answers: no consensus is needed now")
        return
    if outcome.consensus is not None:
        raise Conflict("the consensus on this item is settled")
    seen = "SELECT 1 FROM reveals WHERE item_id = ? AND reader = ?"
    if connection.execute(seen, (decision.item_id, reader.name)).fetchone():
        raise NotAllowed("you have seen the other answers: yours stays")


def _note_state(connection: sqlite3.Connection, outcome: Outcome) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?)",
        (
            outcome.item.item_id,
            outcome.item.sample_id,
            outcome.is_complete,
            outcome.needs_consensus,
            outcome.final.value if outcome.final else None,
        ),
    )


def remove(connection: sqlite3.Connection, studies: frozenset[str], at: datetime) -> int:
    """Empty the items of some studies and take them out of all queues; gives how many they were."""
    known = connection.execute("SELECT item_id, draft FROM items WHERE item_id NOT IN (SELECT item_id FROM removed)")
    gone = [row["item_id"] for row in known.fetchall() if draft_from(row["draft"]).study_id in studies]
    connection.executemany("INSERT INTO removed VALUES (?, ?)", [(item_id, to_ms(at)) for item_id in gone])
    for table in ("claims", "orders", "states"):
        connection.executemany(f"DELETE FROM {table} WHERE item_id = ?", [(item_id,) for item_id in gone])  # noqa: S608  own names
    connection.executemany("UPDATE items SET draft = '{}', sha256 = '' WHERE item_id = ?", [(i,) for i in gone])
    return len(gone)
