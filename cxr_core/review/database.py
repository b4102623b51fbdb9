"""Connections to the review's file: one a thread, one transaction a write.

Takes the path, gives connections and transactions; closing the database closes all of them. What lies in the tables is
left to `schema`, what is written to `store`.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cxr_core.review import schema


class Database:
    """One `review.sqlite`, shared by the threads of a process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        # Threads of one process queue here: SQLite's own waiting sleeps in steps of up to 100 ms and is not fair.
        self._turn = threading.Lock()

    @property
    def read(self) -> sqlite3.Connection:
        """This thread's connection."""
        if not hasattr(self._local, "connection"):
            self._local.connection = schema.connect(self._path)
            self._opened.append(self._local.connection)
        connection: sqlite3.Connection = self._local.connection
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
        for connection in self._opened:
            connection.close()
        self._opened.clear()
        self._local = threading.local()
