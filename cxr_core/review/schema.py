"""The tables of `review.sqlite` and how connections to it behave: append-only, crash-safe, patient with each other.

Gives connections; which rows are written is left to `store`. Decisions, samples, items, tokens and reveals can only be
added: triggers refuse everything else, so that the file is an audit trail.
"""

import sqlite3
from pathlib import Path

BUSY_MS = 15_000
"""A writer waits so long for another one; a write takes some milliseconds."""

# WAL: readers never wait for the writer, and a killed process leaves a log that the next one replays.
# synchronous=FULL: in WAL mode NORMAL survives a killed process, but the last commits may go with the power. The page
# tells a reader "stored", so every commit is on the disk before it does; that costs one fsync, about 2 ms.
_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)

VERSION = 2

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE samples (
    sample_id TEXT PRIMARY KEY,
    place INTEGER NOT NULL UNIQUE,           -- the newest sample of a kind is the one that is read
    kind TEXT NOT NULL,
    seed INTEGER NOT NULL,
    readers_per_item INTEGER NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    drawn_at INTEGER NOT NULL                -- all times: milliseconds since 1970, UTC
) STRICT;
CREATE TABLE items (
    item_id TEXT PRIMARY KEY,
    sample_id TEXT NOT NULL REFERENCES samples,
    sha256 TEXT NOT NULL,
    draft TEXT NOT NULL                      -- JSON of records.Draft
) STRICT;
CREATE INDEX items_of_sample ON items (sample_id);
CREATE TABLE readers (name TEXT PRIMARY KEY, role TEXT NOT NULL, added_at INTEGER NOT NULL) STRICT;
CREATE TABLE tokens (
    place INTEGER PRIMARY KEY,               -- the newest token of a reader is the only one that opens
    reader TEXT NOT NULL REFERENCES readers,
    sha256 TEXT NOT NULL UNIQUE,
    issued_at INTEGER NOT NULL
) STRICT;
CREATE TABLE orders (
    sample_id TEXT NOT NULL REFERENCES samples,
    reader TEXT NOT NULL REFERENCES readers,
    place INTEGER NOT NULL,
    item_id TEXT NOT NULL REFERENCES items,
    PRIMARY KEY (sample_id, reader, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_of_item ON orders (item_id);
CREATE TABLE claims (                        -- who reads an item; slots 0, 1, ... blind, slot -1 for the consensus
    item_id TEXT NOT NULL REFERENCES items,
    slot INTEGER NOT NULL,
    sample_id TEXT NOT NULL REFERENCES samples,
    reader TEXT NOT NULL REFERENCES readers,
    place INTEGER NOT NULL,                  -- in the reader's order
    claimed_at INTEGER NOT NULL,
    decision_id TEXT,                        -- the reader's current decision: follows from `decisions`
    PRIMARY KEY (item_id, slot),
    UNIQUE (item_id, reader)
) STRICT;
CREATE INDEX claims_of_reader ON claims (sample_id, reader, decision_id, place);
CREATE INDEX claims_of_decision ON claims (decision_id);
CREATE TABLE states (                        -- where an item stands: follows from `decisions`, by rules.settle
    item_id TEXT PRIMARY KEY REFERENCES items,
    sample_id TEXT NOT NULL REFERENCES samples,
    is_complete INTEGER NOT NULL,
    needs_consensus INTEGER NOT NULL,
    final TEXT
) STRICT;
CREATE INDEX states_of_sample ON states (sample_id, needs_consensus, final);
CREATE TABLE decisions (
    place INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which they came
    decision_id TEXT NOT NULL UNIQUE,
    item_id TEXT NOT NULL REFERENCES items,
    sample_id TEXT NOT NULL REFERENCES samples,
    reader TEXT NOT NULL REFERENCES readers,
    round TEXT NOT NULL,
    answer TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    shown_at INTEGER NOT NULL,
    answered_at INTEGER NOT NULL,
    page_version TEXT NOT NULL,
    findings TEXT NOT NULL,                  -- JSON: reasons, boxes, spans, labels
    supersedes TEXT UNIQUE REFERENCES decisions (decision_id),
    recorded_at INTEGER NOT NULL             -- by the server's clock
) STRICT;
CREATE INDEX decisions_of_item ON decisions (item_id, place);
CREATE INDEX decisions_of_reader ON decisions (sample_id, reader, place);
CREATE TABLE removed (                       -- items of withdrawn studies: nobody reads, counts or exports them
    item_id TEXT PRIMARY KEY REFERENCES items,
    removed_at INTEGER NOT NULL
) STRICT;
CREATE TABLE reveals (
    item_id TEXT NOT NULL REFERENCES items,
    reader TEXT NOT NULL REFERENCES readers,
    revealed_at INTEGER NOT NULL,
    PRIMARY KEY (item_id, reader)
) STRICT;
"""

_APPEND_ONLY = ("samples", "items", "readers", "tokens", "decisions", "reveals", "removed")

# What an item held can be emptied once its study was withdrawn.
_BUT = {("items", "UPDATE"): "WHEN OLD.item_id NOT IN (SELECT item_id FROM removed)"}


def connect(path: Path) -> sqlite3.Connection:
    """Open the database with everything that its users agree on; transactions are begun by hand."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
    connection.row_factory = sqlite3.Row
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    return connection


def create(connection: sqlite3.Connection, secret: bytes) -> None:
    """Make the tables in an empty database, in one transaction; a database that has them is left alone."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in _statements():
                connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES ('secret', ?)", (secret,))
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _statements() -> list[str]:
    made = [part for part in _TABLES.split(";\n") if part.strip()]
    for table in _APPEND_ONLY:
        for event in ("UPDATE", "DELETE"):
            but = _BUT.get((table, event), "")
            made.append(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} {but} "
                f"BEGIN SELECT RAISE(ABORT, '{table} can only be added to'); END"
            )
    return made
