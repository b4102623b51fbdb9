"""A reader's queue as the page needs it: what is next, what was last, how much is left and how long it takes.

Takes the store's records, gives plain JSON under opaque ids: never a study, a stratum, a path or a digest. In the
consensus round the answers of both readers go along.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from cxr_core.review.records import Decision, Item, NotAllowed, Queue, Reader
from cxr_core.review.store import ReviewStore
from cxr_core.vocabulary import Label, ReaderRole, ReviewKind, ReviewReason

REASON_WORDS: Mapping[ReviewReason, str] = {
    ReviewReason.DEVICE: "Device",
    ReviewReason.LOCATION: "Place in the hospital",
    ReviewReason.TECHNIQUE: "Technique text",
    ReviewReason.JEWELLERY: "Jewellery, name plate",
    ReviewReason.HANDWRITING: "Handwriting, film label",
    ReviewReason.BARCODE: "Barcode",
    ReviewReason.FACE: "Face",
    ReviewReason.OTHER: "Other",
}
_ORDINALS = ("First reader", "Second reader", "Third reader", "Fourth reader")
_MINUTE_S, _HOUR_S = 60, 3600


def is_settling(reader: Reader) -> bool:
    """True for those who settle what readers disagree on, and read nothing blind."""
    return reader.role is not ReaderRole.READER


def queue_answer(store: ReviewStore, reader: Reader, kind: ReviewKind, at: datetime) -> dict[str, Any]:
    """What `queue` of a kind says: progress, the items ahead and the reader's last one.

    Raises
    ------
    NotAllowed
        No sample of the kind was drawn.
    """
    queue = store.queue(reader, kind, at)
    last = store.history(reader, kind, 1)
    return {
        **progress_of(queue),
        "ahead": [_entry(store, reader, entry.item_id, None, at) for entry in queue.ahead],
        "last": _entry(store, reader, last[0].item_id, last[0], at) if last else None,
    }


def progress_of(queue: Queue) -> dict[str, Any]:
    """How far the reader is, in numbers and words."""
    return {
        "done": queue.answered,
        "total": queue.answered + queue.remaining,
        "left_text": time_left(queue.remaining, queue.median_s),
    }


def time_left(remaining: int, median_s: float | None) -> str:
    """The time that the rest takes at the reader's own pace, in words; empty where nothing is known or left."""
    if median_s is None or remaining == 0:
        return ""
    seconds = remaining * max(median_s, 1)
    if seconds < _MINUTE_S:
        return "less than a minute left"
    if seconds < _HOUR_S:
        return f"about {round(seconds / _MINUTE_S)} min left"
    return f"about {seconds / _HOUR_S:.1f} h left"


def _entry(store: ReviewStore, reader: Reader, item_id: str, decision: Decision | None, at: datetime) -> dict[str, Any]:
    item = store.item(reader, item_id)
    entry: dict[str, Any] = {"item_id": item_id, "decision": decision_answer(decision) if decision else None}
    if item.kind is ReviewKind.IMAGES:
        windows = [window.value for window in item.draft.windows]
        entry |= {"rows": item.draft.rows, "columns": item.draft.columns, "windows": windows}
    return entry | (_both(store, reader, item, at) if is_settling(reader) else {})


def decision_answer(decision: Decision) -> dict[str, Any]:
    """A reader's own decision, as the page kept it."""
    return {
        "decision_id": decision.decision_id,
        "answer": decision.answer.value,
        "reasons": [reason.value for reason in decision.reasons],
        "boxes": [asdict(box) for box in decision.boxes],
        "spans": [asdict(span) for span in decision.spans],
        "labels": _plain(decision.labels),
        "windows": [window.value for window in decision.windows],
        "is_saved": True,
    }


def _plain(labels: Mapping[Label, int | None] | None) -> dict[str, int | None] | None:
    return None if labels is None else {label.value: value for label, value in labels.items()}


def _both(store: ReviewStore, reader: Reader, item: Item, at: datetime) -> dict[str, Any]:
    """The blind answers under ordinals, not names; the labels on which they agree."""
    try:
        said = [d for d in store.sight(reader, item.item_id, at).decisions if d.round.value == "primary"]
    except NotAllowed:  # a reader took an answer back meanwhile
        said = []
    answers = [
        {
            "who": who,
            "answer": decision.answer.value,
            "why": ", ".join(REASON_WORDS[reason].lower() for reason in decision.reasons),
            "boxes": [asdict(box) for box in decision.boxes],
            "spans": [asdict(span) for span in decision.spans],
            "labels": _plain(decision.labels),
        }
        for who, decision in zip(_ORDINALS, said, strict=False)
    ]
    return {"answers": answers, "agreed": _agreed(said) if item.kind is ReviewKind.REPORTS else {}}


def _agreed(said: Sequence[Decision]) -> dict[str, int | None]:
    labels = [decision.labels for decision in said if decision.labels is not None]
    if len(labels) < len(said) or not labels:
        return {}
    return {label.value: labels[0][label] for label in Label if all(one[label] == labels[0][label] for one in labels)}
