"""What acquisition asks of a PACS, whatever protocol it speaks: records, and the interface that each way offers.

Takes and gives plain values. The protocols are left to `dimse` and `dicomweb`, what to ask for to `intake.acquisition`.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

DAY_S = 86_400
_LAST_MOMENT = "235959.999999"
Content = bytes | bytearray
Deposit = Callable[[str, str, Content], Callable[[], None] | None]
"""Takes study, instance and the bytes of one DICOM file; gives the wait until it is safe, where one is needed."""


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Part of a day, in seconds since midnight; both ends are asked for, so that neighbours share a second."""

    begin_s: int = 0
    end_s: int = DAY_S

    @property
    def is_whole(self) -> bool:
        return (self.begin_s, self.end_s) == (0, DAY_S)

    @property
    def is_smallest(self) -> bool:
        return self.end_s - self.begin_s <= 1

    def halves(self) -> tuple["TimeWindow", "TimeWindow"]:
        """Two windows that cover this one."""
        middle = (self.begin_s + self.end_s) // 2
        return TimeWindow(self.begin_s, middle), TimeWindow(middle, self.end_s)

    def spelled(self) -> str:
        """As a range of StudyTime; empty for the whole day, which also names studies without a time."""
        return "" if self.is_whole else f"{_clock(self.begin_s)}-{_clock(self.end_s)}"


def _clock(second: int) -> str:
    if second >= DAY_S:
        return _LAST_MOMENT
    return f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"


@dataclass(frozen=True, slots=True)
class FoundStudy:
    """A study as a PACS names it.

    Parameters
    ----------
    uid : str
    described : str
        SHA-256 over patient, accession number and time: changes when the PACS corrects a header.
    hint : int or None
        NumberOfStudyRelatedInstances: optional, counts reports and presentation states, may be out of date.
    modalities : tuple of str
    """

    uid: str = field(repr=False)
    described: str = field(repr=False)
    hint: int | None
    modalities: tuple[str, ...] = ()

    @classmethod
    def of(cls, uid: str, facts: Iterable[str], hint: str, modalities: Iterable[str]) -> Self:
        """From the values of an answer."""
        described = hashlib.sha256("\0".join(facts).encode()).hexdigest()
        return cls(uid, described, int(hint) if hint.isdecimal() else None, tuple(sorted(modalities)))

    def merged(self, other: "FoundStudy") -> "FoundStudy":
        """One study that was named twice; differently, where its images stand under two patients."""
        if other.described == self.described:
            return self
        both = "\0".join(sorted((self.described, other.described)))
        hint = None if self.hint is None or other.hint is None else self.hint + other.hint
        modalities = tuple(sorted({*self.modalities, *other.modalities}))
        return FoundStudy(self.uid, hashlib.sha256(both.encode()).hexdigest(), hint, modalities)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gave; `is_cut` where the PACS itself said that there is more."""

    studies: tuple[FoundStudy, ...] = field(repr=False)
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class ListedInstance:
    """An instance that a PACS says a study has; `sop_class` empty where it does not tell."""

    uid: str = field(repr=False)
    series_uid: str = field(repr=False)
    sop_class: str = ""


class Peer(Protocol):
    """One conversation with a PACS; `TransientError` for what may pass, `BuildError` for what will not."""

    def echo(self) -> list[str]:
        """Say in lines what works."""

    def find(self, day: dt.date, window: TimeWindow, modality: str) -> Answer:
        """Studies of a day, or of a part of it, with a modality (empty: every study)."""

    def list_instances(self, study_uid: str) -> tuple[ListedInstance, ...] | None:
        """All instances of a study; None where the PACS cannot list them."""

    def fetch(self, study_uid: str, wanted: Sequence[ListedInstance], *, is_whole: bool) -> bool:
        """Have a study (or only what is wanted of it) sent to the deposit; gives whether the PACS says it sent all."""

    def close(self) -> None:
        """End the conversation."""
