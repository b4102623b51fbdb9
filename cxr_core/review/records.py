"""The words of a review: what is read, who reads, what was decided, what came out.

Holds values only, frozen; times are aware and in UTC, rectangles lie in the pixels of the published JPEG.
How they are kept is left to `store`, how samples are drawn to `sampling`, what they mean to `outcomes`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cxr_core.errors import HilumError
from cxr_core.vocabulary import (
    BoxDecision,
    Label,
    ReaderRole,
    ReviewAnswer,
    ReviewKind,
    ReviewReason,
    ReviewRound,
    ReviewWindow,
)

Labels = Mapping[Label, int | None]
"""The 14 labels of one report: 1, 0, -1, or None for not mentioned."""


class ReviewError(HilumError):
    """The review cannot do this. The message is fit for the page: it holds no text of an item."""


class NotAllowed(ReviewError):
    """This reader may not see or do this (HTTP 403; 404 where the item must stay unknown)."""


class Conflict(ReviewError):
    """Something else was decided before: look again (HTTP 409)."""


class BadDecision(ReviewError):
    """The decision contradicts itself or its item (HTTP 422)."""


@dataclass(frozen=True, slots=True)
class PixelBox:
    """Rectangle in pixels of the published JPEG: half-open, origin top left, row before column."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True)
class MachineBox:
    """What the build saw and did: hidden from readers until their answers are in."""

    box: PixelBox
    decision: BoxDecision


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a text, half-open, counted from 0 in Unicode code points."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Draft:
    """One item of a manifest, before it has an opaque id.

    Parameters
    ----------
    unit_id : str
        `dicom_id` of an image, `study_id` of a report. A planted item names the image or report it was made from.
    stratum : str
        `random`, an enriched stratum (`boxes`, `view:lateral`, ...), or `planted`. Strata are reported apart.
    sha256 : str
        Digest of the file as shown (or of the text, in UTF-8): what the decision is about.
    source : str
        Path of the picture below the workspace, with forward slashes; empty for texts.
    text : str
        The text to read; empty for images.
    rows, columns : int
        Size of the picture in pixels; 0 for texts.
    planted_boxes, planted_spans
        Where an identifier was planted; empty for real items.
    machine_boxes : sequence of MachineBox
        What the build found on the image.
    dicom, dicom_sha256 : str
        De-identified DICOM file below the workspace, where it is kept and may be released, and its digest: readers
        then look at its windows, too. Empty where only the picture leaves.
    """

    unit_id: str
    study_id: str
    subject_id: str
    stratum: str
    sha256: str
    source: str = ""
    text: str = field(default="", repr=False)
    rows: int = 0
    columns: int = 0
    is_planted: bool = False
    planted_boxes: tuple[PixelBox, ...] = ()
    planted_spans: tuple[Span, ...] = ()
    machine_boxes: tuple[MachineBox, ...] = field(default=(), repr=False)
    dicom: str = ""
    dicom_sha256: str = ""

    @property
    def windows(self) -> tuple[ReviewWindow, ...]:
        """What a reader must have seen before the image can be called clean."""
        return tuple(ReviewWindow) if self.dicom else ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """A sample as drawn, frozen: the same seed and data give the same digest (`store.manifest_digest`)."""

    kind: ReviewKind
    seed: int
    readers_per_item: int
    drafts: Sequence[Draft] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sample:
    """A manifest in the store."""

    sample_id: str
    kind: ReviewKind
    seed: int
    readers_per_item: int
    digest: str
    drawn_at: datetime
    items: int


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to read, under its opaque id. `draft` names study and stratum: never send it to a reader's browser."""

    item_id: str
    sample_id: str
    kind: ReviewKind
    draft: Draft


@dataclass(frozen=True, slots=True)
class Reader:
    """A person of the review."""

    name: str
    role: ReaderRole


@dataclass(frozen=True, slots=True)
class Decision:
    """What a reader decided on one item, as the page sends it.

    Parameters
    ----------
    decision_id : str
        Chosen by the page (a UUID): the same id sent again is stored once.
    sha256 : str
        Digest of what was shown; must be the item's.
    labels : mapping of Label to int or None, optional
        All 14 for `LABELLED`; None otherwise.
    windows : tuple of ReviewWindow
        Those of the 16-bit image that were on the screen before the answer.
    shown_at, answered_at : datetime
        By the page's clock, UTC.
    supersedes : str, optional
        The reader's current decision on the item, which this one replaces (undo); None for the first.
    """

    decision_id: str
    item_id: str
    reader: str
    round: ReviewRound
    answer: ReviewAnswer
    sha256: str
    shown_at: datetime
    answered_at: datetime
    page_version: str
    reasons: tuple[ReviewReason, ...] = ()
    boxes: tuple[PixelBox, ...] = ()
    spans: tuple[Span, ...] = ()
    labels: Labels | None = None
    windows: tuple[ReviewWindow, ...] = ()
    supersedes: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One place of a reader's queue."""

    item_id: str
    sha256: str
    decision: Decision | None
    """The reader's own current decision; None while open."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What a reader is to read now.

    Parameters
    ----------
    ahead : sequence of Entry
        Open items in the reader's order, the first is next; the rest may be preloaded.
    answered : int
        Items that this reader has answered in the sample.
    remaining : int
        Open items that could still come to this reader. Other readers may take some of them where there are more
        readers than an item needs.
    median_s : float or None
        Median seconds between shown and answered, of this reader's last 50 decisions.
    """

    sample_id: str
    kind: ReviewKind
    round: ReviewRound
    ahead: Sequence[Entry]
    answered: int
    remaining: int
    median_s: float | None


@dataclass(frozen=True, slots=True)
class Sight:
    """What may be shown of one item once its answers are in: the others' decisions and the machine's boxes."""

    decisions: Sequence[Decision]
    machine_boxes: Sequence[MachineBox]


@dataclass(frozen=True, slots=True)
class ReaderProgress:
    """How far one reader is in one sample."""

    reader: str
    role: ReaderRole
    answered: int
    median_s: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sample is.

    Parameters
    ----------
    complete : int
        Items with all blind answers in.
    consensus_waiting, consensus_done : int
        Items that readers disagreed on or were unsure of.
    final : int
        Items with an outcome.
    """

    sample: Sample
    complete: int
    consensus_waiting: int
    consensus_done: int
    final: int
    readers: Sequence[ReaderProgress]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One item with everything decided on it: the input of the dashboard, the statistics and the export.

    Parameters
    ----------
    primary : sequence of Decision
        Current blind decisions, in the order in which they came.
    consensus : Decision or None
        Current decision of the consensus round.
    is_complete : bool
        All blind answers are in.
    needs_consensus : bool
        Readers disagreed, or one was unsure.
    final : ReviewAnswer or None
        `CLEAN`, `PHI` or `LABELLED`, once settled; a consensus that stays `UNSURE` stays so and counts as PHI for
        the bound.
    labels : Labels or None
        The settled labels of a report.
    boxes : sequence of PixelBox
        Where PHI remains: the consensus reader's boxes, or both readers' where they agreed on PHI.
    """

    item: Item
    primary: Sequence[Decision]
    consensus: Decision | None
    is_complete: bool
    needs_consensus: bool
    final: ReviewAnswer | None
    labels: Labels | None
    boxes: Sequence[PixelBox]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision in the audit trail.

    Parameters
    ----------
    recorded_at : datetime
        By the server's clock.
    is_current : bool
        Neither superseded nor withdrawn.
    """

    decision: Decision
    recorded_at: datetime
    is_current: bool
