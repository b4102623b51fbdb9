"""Decides when a study has come whole: lists its instances, has the missing ones sent, looks again, tries again.

Takes a study that a PACS named, gives what became of it. What lies on the shelf is the truth, so that a killed run,
a cut connection and a study that grew are one and the same case. Which studies to fetch is left to `acquire`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cxr_core.errors import TransientError
from cxr_core.intake.acquisition.pace import Clock, Pace
from cxr_core.intake.acquisition.shelf import Shelf
from cxr_core.intake.sources.arrivals import Arrivals
from cxr_core.intake.sources.peer import FoundStudy, ListedInstance, Peer
from cxr_core.settings.pacs import PacsSettings
from cxr_core.vocabulary import FetchStatus


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one study.

    Parameters
    ----------
    expected : int or None
        Instances that the PACS listed; None where it lists none.
    missing : tuple of str
        Listed instances that did not come.
    files, size_bytes : int
        What was moved now.
    problem : str
        The last one, in words that name no patient; empty where there was none.
    """

    status: FetchStatus
    expected: int | None
    received: int
    missing: tuple[str, ...] = field(repr=False)
    attempts: int = 0
    files: int = 0
    size_bytes: int = 0
    problem: str = ""


@dataclass(slots=True)
class _Work:
    """One study while it is being fetched."""

    study: FoundStudy = field(repr=False)
    is_anew: bool
    fresh: set[str] = field(default_factory=set, repr=False)
    listed: tuple[ListedInstance, ...] | None = field(default=None, repr=False)
    files: int = 0
    size_bytes: int = 0
    is_whole: bool = False
    """The PACS said itself that it has sent everything."""
    is_in_vain: bool = False
    """Asked for single instances, it sent none: not every PACS can."""


@dataclass(slots=True)
class StudyFetcher:
    """Fetches study after study over one conversation with a PACS."""

    peer: Peer = field(repr=False)
    arrivals: Arrivals = field(repr=False)
    shelf: Shelf = field(repr=False)
    settings: PacsSettings
    pace: Pace = field(repr=False)
    clock: Clock = field(repr=False)

    def fetch(self, study: FoundStudy, *, anew: bool = False) -> Fetched:
        """Fetch what is missing of a study.

        Parameters
        ----------
        anew : bool
            Fetch what is there as well: the PACS has changed what it says of the study.

        Raises
        ------
        BuildError
            The vault takes nothing more, or the PACS refuses for good.
        """
        work, problem, tries = _Work(study, anew), "", 0
        while tries < self.settings.attempts:
            tries += 1
            if tries > 1:
                self.clock.sleep(self.settings.backoff_s * 2 ** (tries - 2))
            self.pace.wait()
            try:
                self._try(work)
                if self._is_complete(work):
                    return self._result(work, FetchStatus.COMPLETE, tries, "")
            except TransientError as error:
                self.peer.close()
                problem = str(error)
                continue
            problem = "the PACS says done, but instances are missing"
        status = FetchStatus.PARTIAL if self.shelf.present(study.uid) else FetchStatus.FAILED
        return self._result(work, status, tries, problem)

    def _try(self, work: _Work) -> None:
        uid = work.study.uid
        work.listed = self.peer.list_instances(uid)
        missing = self._missing(work)
        if work.listed is not None and not missing:
            return
        is_anew = work.is_anew and not work.fresh
        is_whole = not self.shelf.present(uid) or work.listed is None or is_anew or work.is_in_vain
        self.arrivals.expect(uid, (one.uid for one in work.listed or ()))
        try:
            work.is_whole = self.peer.fetch(uid, missing, is_whole=is_whole)
        finally:
            came = self.arrivals.close(uid)
            work.fresh |= came.uids
            work.is_in_vain = not (is_whole or came.uids)
            work.files += len(came.uids)
            work.size_bytes += came.size_bytes
            self.pace.spent(came.size_bytes)
        self.arrivals.check()
        self.shelf.settle(uid)

    def _missing(self, work: _Work) -> Sequence[ListedInstance]:
        if work.is_anew:
            return [one for one in work.listed or () if one.uid not in work.fresh]
        return [one for one in work.listed or () if not self.shelf.has(work.study.uid, one.uid)]

    def _is_complete(self, work: _Work) -> bool:
        """By the list where there is one; else by the PACS's own word."""
        if work.listed is None:
            return work.is_whole and bool(self.shelf.present(work.study.uid))
        if self._missing(work):
            return False
        # What the PACS names no more was taken back there: rejected, or filed under the wrong patient. It has to say so
        # twice, and of nothing that it has just sent: a list may have been cut, or the study have grown behind it.
        named = {one.uid for one in work.listed} | work.fresh
        if self.shelf.has_others(work.study.uid, named):
            named |= {one.uid for one in self.peer.list_instances(work.study.uid) or ()}
            self.shelf.keep_only(work.study.uid, named)
        return True

    def _result(self, work: _Work, status: FetchStatus, tries: int, problem: str) -> Fetched:
        return Fetched(
            status=status,
            expected=None if work.listed is None else len({one.uid for one in work.listed}),
            received=len(self.shelf.present(work.study.uid)),
            missing=tuple(sorted({one.uid for one in self._missing(work)})),
            attempts=tries,
            files=work.files,
            size_bytes=work.size_bytes,
            problem=problem,
        )
