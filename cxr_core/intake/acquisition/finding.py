"""Decides when a PACS has told of every study of a day, although it may cut its answers without saying so.

Takes a query over a day and a range of times, gives all studies of the day; a query that may have been cut is split by
StudyTime until the parts hold nothing new. The protocol is left to the peer.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from cxr_core.errors import BuildError
from cxr_core.intake.sources.peer import Answer, FoundStudy, TimeWindow

Query = Callable[[dt.date, TimeWindow, str], Answer]
_Found = dict[str, FoundStudy]


@dataclass(slots=True)
class StudyFinder:
    """Asks day by day, and learns from the answers how many the PACS is willing to give.

    An answer of n studies that held all there was proves that the PACS does not cut below n, so only days with more
    studies than any day before are looked at twice.

    Parameters
    ----------
    query : callable
        Studies of a day within a time window, for one modality.
    modalities : sequence of str
        Each is asked for by itself, because matching a list of them is not in the standard; empty for every study.
    cap : int
        Most answers the PACS gives; 0 where that is unknown.
    """

    query: Query = field(repr=False)
    modalities: Sequence[str] = ()
    cap: int = 0
    proven: int = 2

    def day(self, day: dt.date) -> list[FoundStudy]:
        """Every study of a day, sorted by UID.

        Raises
        ------
        BuildError
            The PACS cuts the answer and asking for parts of the day does not help.
        """
        found: _Found = {}
        for modality in self.modalities or ("",):
            answer = self.query(day, TimeWindow(), modality)
            found = _union(found, self._search(day, TimeWindow(), modality, answer).values())
        return [found[uid] for uid in sorted(found)]

    def _search(self, day: dt.date, window: TimeWindow, modality: str, answer: Answer) -> _Found:
        found = _union({}, answer.studies)
        size = len(answer.studies)
        if not self._may_be_cut(answer):
            return found
        if window.is_smallest:
            if self._is_cut(answer):
                raise BuildError(f"the PACS cuts its answer at {size} studies, even for one second of a day")
            return found
        halves = [(half, self.query(day, half, modality)) for half in window.halves()]
        is_new = any(study.uid not in found for _, half in halves for study in half.studies)
        if self._is_cut(answer) or is_new:
            self._learn(size)
            is_same = all({study.uid for study in half.studies} == found.keys() for _, half in halves)
            if window.is_whole and not is_new and is_same:
                raise BuildError(f"the PACS cuts its answer at {size} studies and does not search by StudyTime")
        elif all(half.studies for _, half in halves):
            # Had the answer been cut, halves of which each holds something would hold more than it.
            self.proven = max(self.proven, size)
            return found
        for half, part in halves:
            found = _union(found, self._search(day, half, modality, part).values())
        return found

    def _is_cut(self, answer: Answer) -> bool:
        return answer.is_cut or bool(self.cap and len(answer.studies) >= self.cap)

    def _may_be_cut(self, answer: Answer) -> bool:
        return self._is_cut(answer) or (not self.cap and len(answer.studies) >= self.proven)

    def _learn(self, size: int) -> None:
        """An answer of this size was cut: every answer as long may be."""
        if size:
            self.cap = min(self.cap, size) if self.cap else size


def _union(found: _Found, more: Iterable[FoundStudy]) -> _Found:
    merged = dict(found)
    for study in more:
        merged[study.uid] = merged[study.uid].merged(study) if study.uid in merged else study
    return merged
