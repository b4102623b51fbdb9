"""Fetches every study of a date range into the vault, day by day, and remembers how far it came.

Takes an open PACS, the shelf and the ledger of the last run; gives counts and the new ledger. Ends by itself when the
night is over or the disk is full, and goes on where it stopped. One study is left to `fetching`.
"""

import datetime as dt
import queue
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxr_core.errors import BuildError, TransientError
from cxr_core.intake.acquisition.fetching import Fetched, StudyFetcher
from cxr_core.intake.acquisition.finding import StudyFinder
from cxr_core.intake.acquisition.pace import Clock, Pace, is_open
from cxr_core.intake.acquisition.shelf import Shelf
from cxr_core.intake.sources.pacs import Pacs
from cxr_core.intake.sources.peer import Answer, FoundStudy, Peer, TimeWindow
from cxr_core.settings.pacs import PacsSettings
from cxr_core.tables.catalogue import ACQUIRED
from cxr_core.tables.storage import read_table, write_table
from cxr_core.vocabulary import FetchStatus

_GIVE_UP_AFTER = 3  # studies in a row of which nothing comes: the PACS is away, not the studies
_FLUSH_EVERY_S = 30.0
_MEGA = 1e6


@dataclass(slots=True)
class Acquired:
    """What a run did.

    Parameters
    ----------
    studies : counts by status
        Of the studies that the PACS named on the days that were asked for.
    known : int
        Of these, complete and unchanged since an earlier run.
    days_left : int
        Days that were not asked for, because the window closed.
    """

    studies: Counter[FetchStatus] = field(default_factory=Counter)
    known: int = 0
    files: int = 0
    size_bytes: int = 0
    refused: int = 0
    days: int = 0
    days_left: int = 0
    problems: Counter[str] = field(default_factory=Counter)

    def as_counts(self) -> dict[str, int]:
        """For the audit and for `--json`."""
        return {
            "found": sum(self.studies.values()) - self.studies[FetchStatus.GONE],
            **{status.value: self.studies[status] for status in FetchStatus},
            "already_there": self.known,
            "files": self.files,
            "bytes": self.size_bytes,
            "refused_files": self.refused,
            "days": self.days,
            "days_left": self.days_left,
        }


@dataclass(slots=True)
class Acquisition:
    """One run.

    Parameters
    ----------
    pacs : Pacs
    shelf : Shelf
    ledger : Path
        Of the ACQUIRED table.
    settings : PacsSettings
    list_again : bool
        List the instances of every study, also where nothing says that it changed.
    on_progress : callable
        Called with 1 for each study.
    """

    pacs: Pacs = field(repr=False)
    shelf: Shelf = field(repr=False)
    ledger: Path
    settings: PacsSettings
    clock: Clock = field(default_factory=Clock, repr=False)
    list_again: bool = False
    on_progress: Callable[[int], None] = field(default=lambda _: None, repr=False)
    done: Acquired = field(default_factory=Acquired)
    _rows: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    _uids_by_day: dict[dt.date, set[str]] = field(default_factory=dict, repr=False)
    _flushed_at: float = 0.0
    _failed_in_a_row: int = 0

    def run(self, days: Sequence[dt.date]) -> Acquired:
        """Fetch the studies of some days.

        Raises
        ------
        BuildError
            The disk is full, the PACS refuses for good, or nothing comes any more; what came is kept.
        """
        self._rows = {row["study_instance_uid"]: row for row in read_table(ACQUIRED, self.ledger).iter_rows(named=True)}
        for uid, row in self._rows.items():
            self._uids_by_day.setdefault(row["day"], set()).add(uid)
        self._flushed_at = self.clock.monotonic()
        pace = Pace(self.settings.max_mb_per_s * _MEGA, self.clock)
        fetchers = [self._fetcher(self.pacs.connect(), pace) for _ in range(self.settings.associations)]
        finder = StudyFinder(_patiently(fetchers[0].peer, self), self.settings.modalities, self.settings.find_cap)
        try:
            for number, day in enumerate(days):
                if not self._is_open() or not self._day(day, finder, fetchers):
                    self.done.days_left = len(days) - number
                    break
                self.done.days += 1
        finally:
            for fetcher in fetchers:
                fetcher.peer.close()
            self.done.refused = self.pacs.arrivals.refused
            self._flush()
        return self.done

    def _fetcher(self, peer: Peer, pace: Pace) -> StudyFetcher:
        return StudyFetcher(peer, self.pacs.arrivals, self.shelf, self.settings, pace, self.clock)

    def _is_open(self) -> bool:
        return is_open(self.settings.window_hours, self.clock.local())

    def _day(self, day: dt.date, finder: StudyFinder, fetchers: Sequence[StudyFetcher]) -> bool:
        """Fetch one day; gives False where the window closed before its end."""
        found = finder.day(day)
        self._mark_gone(day, {study.uid for study in found})
        todo = []
        for study in found:
            if self._is_known(study):
                self._rows[study.uid]["day"] = day
                self.done.studies[FetchStatus.COMPLETE] += 1
                self.done.known += 1
                self.on_progress(1)
            else:
                todo.append(study)
        tried = 0
        for study, fetched in self._fetch(todo, fetchers):
            tried += 1
            self._note(day, study, fetched)
        return tried == len(todo)

    def _fetch(
        self, todo: Sequence[FoundStudy], fetchers: Sequence[StudyFetcher]
    ) -> Iterator[tuple[FoundStudy, Fetched]]:
        """Fetch studies while the window is open, each association one at a time."""
        open_todo = (study for study in todo if self._is_open())
        if len(fetchers) == 1:
            for study in open_todo:
                yield study, fetchers[0].fetch(study, anew=self._is_changed(study))
            return
        idle: queue.SimpleQueue[StudyFetcher] = queue.SimpleQueue()
        for fetcher in fetchers:
            idle.put(fetcher)

        def one(study: FoundStudy) -> tuple[FoundStudy, Fetched]:
            mine = idle.get()
            try:
                return study, mine.fetch(study, anew=self._is_changed(study))
            finally:
                idle.put(mine)

        with ThreadPoolExecutor(len(fetchers)) as pool:
            yield from pool.map(one, list(open_todo))

    def _is_changed(self, study: FoundStudy) -> bool:
        row = self._rows.get(study.uid)
        return row is not None and row["described"] != study.described

    def _is_known(self, study: FoundStudy) -> bool:
        """True where a study is complete and nothing says that it changed."""
        row = self._rows.get(study.uid)
        if row is None or row["status"] != FetchStatus.COMPLETE or self.list_again or self._is_changed(study):
            return False
        if study.hint is None and row["expected"] is not None:
            return False  # nothing tells whether it grew: its instances are listed again
        is_same: bool = study.hint == row["hint"]
        return is_same and len(self.shelf.present(study.uid)) >= row["received"]

    def _note(self, day: dt.date, study: FoundStudy, fetched: Fetched) -> None:
        # A study that came in part keeps its old description, so that it is fetched anew once more.
        old = self._rows.get(study.uid)
        is_whole = fetched.status is FetchStatus.COMPLETE
        self._rows[study.uid] = {
            "study_instance_uid": study.uid,
            "day": day,
            "described": study.described if is_whole or old is None else old["described"],
            "hint": study.hint,
            "expected": fetched.expected,
            "received": fetched.received,
            "missing_uids": list(fetched.missing),
            "status": fetched.status,
            "attempts": fetched.attempts,
            "asked_at": self.clock.now().replace(tzinfo=None),
        }
        self.done.studies[fetched.status] += 1
        self.done.files += fetched.files
        self.done.size_bytes += fetched.size_bytes
        if fetched.problem:
            self.done.problems[fetched.problem] += 1
        self.on_progress(1)
        self._failed_in_a_row = 0 if fetched.files or is_whole else self._failed_in_a_row + 1
        if self._failed_in_a_row >= _GIVE_UP_AFTER:
            raise BuildError(f"nothing came of {_GIVE_UP_AFTER} studies in a row: {fetched.problem}")
        if self.clock.monotonic() - self._flushed_at > _FLUSH_EVERY_S:
            self._flush()

    def _mark_gone(self, day: dt.date, found: set[str]) -> None:
        """Studies of a day that the PACS names no more: told, but kept, because it may be the PACS that is wrong."""
        for uid in self._uids_by_day.get(day, set()) - found:
            if self._rows[uid]["day"] == day:
                self._rows[uid]["status"] = FetchStatus.GONE
                self.done.studies[FetchStatus.GONE] += 1

    def _flush(self) -> None:
        try:
            write_table(ACQUIRED, ACQUIRED.frame(self._rows.values()), self.ledger)
        except OSError:
            raise BuildError("the ledger of fetched studies cannot be written: is the vault's disk full?") from None
        self._flushed_at = self.clock.monotonic()


def _patiently(peer: Peer, run: Acquisition) -> Callable[[dt.date, TimeWindow, str], Answer]:
    """The peer's query, tried again while only the connection fails."""

    def ask(day: dt.date, window: TimeWindow, modality: str) -> Answer:
        for number in range(run.settings.attempts):
            try:
                return peer.find(day, window, modality)
            except TransientError as error:
                peer.close()
                problem = str(error)
            if number + 1 < run.settings.attempts:
                run.clock.sleep(run.settings.backoff_s * 2**number)
        raise BuildError(problem)

    return ask


def unfetched(rows: Iterable[dict[str, Any]], shelf: Shelf) -> Iterator[tuple[str, str, str | None]]:
    """What the PACS named but did not send: path where it would lie, study, instance.

    Parameters
    ----------
    rows : rows of the ACQUIRED table
    """
    for row in rows:
        study = row["study_instance_uid"]
        if row["status"] not in (FetchStatus.PARTIAL, FetchStatus.FAILED):
            continue
        for uid in row["missing_uids"]:
            yield shelf.path(study, uid).relative_to(shelf.received).as_posix(), study, uid
        if not row["missing_uids"]:
            yield shelf.place(study).relative_to(shelf.received).as_posix() + "/not-fetched", study, None
