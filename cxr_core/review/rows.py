"""Records as rows of the review's database and back.

Takes rows, gives records, and the other way; times are milliseconds since 1970 in UTC, what has no column of its own is
JSON with sorted keys, so that equal records give equal text. What is written when is left to `store`.
"""

import json
import sqlite3
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from cxr_core.review.records import Decision, Draft, Item, Labels, MachineBox, PixelBox, Sample, Span
from cxr_core.vocabulary import BoxDecision, Label, ReviewAnswer, ReviewKind, ReviewReason, ReviewRound, ReviewWindow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970, UTC."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_ms(milliseconds: int) -> datetime:
    """The moment, in UTC."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def canonical(value: object) -> str:
    """JSON in one spelling only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def draft_text(draft: Draft) -> str:
    """A draft as JSON; without a DICOM file it reads as drafts did before there were windows."""
    fields = asdict(draft)
    if not draft.dicom:
        del fields["dicom"], fields["dicom_sha256"]
    return canonical(fields)


def draft_from(text: str) -> Draft:
    """The draft that `draft_text` wrote."""
    fields = json.loads(text)
    fields["planted_boxes"] = tuple(PixelBox(**box) for box in fields["planted_boxes"])
    fields["planted_spans"] = tuple(Span(**span) for span in fields["planted_spans"])
    fields["machine_boxes"] = tuple(
        MachineBox(PixelBox(**item["box"]), BoxDecision(item["decision"])) for item in fields["machine_boxes"]
    )
    return Draft(**fields)


def item_from(row: sqlite3.Row) -> Item:
    """An item; the row joins `items` with the kind of its sample."""
    return Item(row["item_id"], row["sample_id"], ReviewKind(row["kind"]), draft_from(row["draft"]))


def sample_from(row: sqlite3.Row) -> Sample:
    """A sample; the row counts its items."""
    return Sample(
        sample_id=row["sample_id"],
        kind=ReviewKind(row["kind"]),
        seed=row["seed"],
        readers_per_item=row["readers_per_item"],
        digest=row["digest"],
        drawn_at=from_ms(row["drawn_at"]),
        items=row["items"],
    )


def findings_text(decision: Decision) -> str:
    """Reasons, boxes, spans and labels of a decision as JSON; windows where there were any."""
    found: dict[str, object] = {
        "reasons": [reason.value for reason in decision.reasons],
        "boxes": [asdict(box) for box in decision.boxes],
        "spans": [asdict(span) for span in decision.spans],
        "labels": None if decision.labels is None else {k.value: v for k, v in decision.labels.items()},
    }
    if decision.windows:
        found["windows"] = [window.value for window in decision.windows]
    return canonical(found)


def decision_row(decision: Decision, sample_id: str, recorded_at: datetime) -> dict[str, Any]:
    """A decision as the columns of its table."""
    return {
        "decision_id": decision.decision_id,
        "item_id": decision.item_id,
        "sample_id": sample_id,
        "reader": decision.reader,
        "round": decision.round.value,
        "answer": decision.answer.value,
        "sha256": decision.sha256,
        "shown_at": to_ms(decision.shown_at),
        "answered_at": to_ms(decision.answered_at),
        "page_version": decision.page_version,
        "findings": findings_text(decision),
        "supersedes": decision.supersedes,
        "recorded_at": to_ms(recorded_at),
    }


def decision_from(row: sqlite3.Row) -> Decision:
    """The decision of a row."""
    found = json.loads(row["findings"])
    return Decision(
        decision_id=row["decision_id"],
        item_id=row["item_id"],
        reader=row["reader"],
        round=ReviewRound(row["round"]),
        answer=ReviewAnswer(row["answer"]),
        sha256=row["sha256"],
        shown_at=from_ms(row["shown_at"]),
        answered_at=from_ms(row["answered_at"]),
        page_version=row["page_version"],
        reasons=tuple(ReviewReason(reason) for reason in found["reasons"]),
        boxes=tuple(PixelBox(**box) for box in found["boxes"]),
        spans=tuple(Span(**span) for span in found["spans"]),
        labels=_labels(found["labels"]),
        windows=tuple(ReviewWindow(window) for window in found.get("windows", ())),
        supersedes=row["supersedes"],
    )


def _labels(found: dict[str, int | None] | None) -> Labels | None:
    return None if found is None else {label: found[label.value] for label in Label}
