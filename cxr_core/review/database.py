"""Connections to the review's file: one a thread, one transaction a write.

Takes the path, gives connections and transactions; closing the database closes all of them. What lies in the tables is
left to `schema`, what is written to `store`.
"""

import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cxr_core.review import schema


class _Held:
    """A connection that is closed with the thread that held it: a server's threads come and go, its files must not."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


class Database:
    """One `review.sqlite`, shared by the threads of a process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._opened: weakref.WeakSet[_Held] = weakref.WeakSet()
        # Threads of one process queue here: SQLite's own waiting sleeps in steps of up to 100 ms and is not fair.
        self._turn = threading.Lock()

    @property
    def read(self) -> sqlite3.Connection:
        """This thread's connection."""
        if not hasattr(self._local, "held"):
            held = _Held(schema.connect(self._path))
            self._local.held = held
            self._opened.add(held)
        connection: sqlite3.Connection = self._local.held.connection
        return connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: on the disk when the block is left, or not at all."""
        connection = self.read
        with self._turn:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connections of all threads."""
        for held in list(self._opened):
            held.connection.close()
        self._opened.clear()
        self._local = threading.local()
