"""The JSON behind the reading pages: queue, pictures, texts, decisions, what may be seen once the answers are in.

Takes requests of signed-in readers, asks the store for everything (it alone knows who may see what), gives JSON or a
JPEG. An item that is not the reader's own is answered as one that does not exist.
"""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from cxr_core.review.records import BadDecision, Decision, Item, NotAllowed, PixelBox, Span
from cxr_core.vocabulary import Label, ReviewAnswer, ReviewKind, ReviewReason, ReviewRound, ReviewWindow
from flows.review_server.access import Refused, Signed, TheDesk, TheSigned, writer
from flows.review_server.desk import Desk
from flows.review_server.documents import report_sections, whole_text
from flows.review_server.queues import is_settling, progress_of, queue_answer

router = APIRouter(prefix="/api")
TheWriter = Annotated[Signed, Depends(writer)]
ItemId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCKS_DIFFER = timedelta(days=2)
_Pixel = Annotated[int, Field(ge=0, le=1_000_000)]
_Moment = Annotated[int, Field(ge=0, le=10**14)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class BoxBody(_Strict):
    """A rectangle as the page sends it."""

    top: _Pixel
    left: _Pixel
    bottom: _Pixel
    right: _Pixel


class SpanBody(_Strict):
    """Characters as the page sends them."""

    start: _Pixel
    end: _Pixel


class DecisionBody(_Strict):
    """A decision as the page sends it; reader, round, digest and page version are the server's to say."""

    decision_id: Annotated[str, Field(pattern=r"^[0-9a-f-]{8,64}$")]
    item_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    answer: ReviewAnswer
    shown_at: _Moment
    answered_at: _Moment
    reasons: Annotated[list[ReviewReason], Field(max_length=8)] = []
    boxes: Annotated[list[BoxBody], Field(max_length=100)] = []
    spans: Annotated[list[SpanBody], Field(max_length=100)] = []
    labels: dict[Label, Annotated[int, Field(ge=-1, le=1)] | None] | None = None
    windows: Annotated[list[ReviewWindow], Field(max_length=len(ReviewWindow))] = []
    supersedes: Annotated[str, Field(pattern=r"^[0-9a-f-]{8,64}$")] | None = None


@router.get("/{kind}/queue")
def queue(kind: ReviewKind, desk: TheDesk, who: TheSigned) -> JSONResponse:
    """What is next."""
    return JSONResponse(queue_answer(desk.store, who.reader, kind, desk.clock()))


@router.get("/images/{item_id}/{size}")
def picture(item_id: ItemId, size: str, desk: TheDesk, who: TheSigned) -> Response:
    """The picture of an item in the reader's own queue: whole, at half its size, or a window of its original."""
    draft = _own(desk, who, ReviewKind.IMAGES, item_id).draft
    if size in draft.windows:
        content = desk.pictures.window(draft, ReviewWindow(size))
    elif size in {"half", "full"}:
        content = desk.pictures.half(draft) if size == "half" else desk.pictures.full(draft)
    else:
        raise Refused(404, "there is nothing here")
    return Response(content, media_type="image/jpeg")


@router.get("/{kind}/{item_id}/text")
def text(kind: ReviewKind, item_id: ItemId, desk: TheDesk, who: TheSigned) -> JSONResponse:
    """The text of an item in the reader's own queue."""
    item = _own(desk, who, kind, item_id)
    shown = report_sections(item.draft.text) if kind is ReviewKind.REPORTS else whole_text(item.draft.text)
    return JSONResponse({"sections": [asdict(section) for section in shown]})


@router.post("/{kind}/decisions")
def decide(kind: ReviewKind, body: DecisionBody, desk: TheDesk, who: TheWriter) -> JSONResponse:
    """Keep a decision; the answer comes once it is on the disk. The same one again changes nothing."""
    item = _own(desk, who, kind, body.item_id)
    now = desk.clock()
    is_new = desk.store.record(who.reader, _decision(body, item, who, desk.assets.version, now), now)
    return JSONResponse({"is_new": is_new, **progress_of(desk.store.queue(who.reader, kind, now))})


@router.post("/{kind}/{item_id}/sight")
def sight(kind: ReviewKind, item_id: ItemId, desk: TheDesk, who: TheWriter) -> JSONResponse:
    """What the machine did, once the answers are in. A write: whoever looked can change the answer no more."""
    _own(desk, who, kind, item_id)
    seen = desk.store.sight(who.reader, item_id, desk.clock())
    boxes: list[dict[str, Any]] = [
        {**asdict(machine.box), "decision": machine.decision.value} for machine in seen.machine_boxes
    ]
    return JSONResponse({"machine_boxes": boxes})


def _own(desk: Desk, who: Signed, kind: ReviewKind, item_id: str) -> Item:
    item = desk.store.item(who.reader, item_id)
    if item.kind is not kind:
        raise NotAllowed("this item is not in your queue")
    return item


def _decision(body: DecisionBody, item: Item, who: Signed, page_version: str, now: datetime) -> Decision:
    shown, answered = (_EPOCH + timedelta(milliseconds=ms) for ms in (body.shown_at, body.answered_at))
    if abs(answered - now) > _CLOCKS_DIFFER or abs(shown - now) > _CLOCKS_DIFFER:
        raise BadDecision("the clock of your computer is wrong by days")
    return Decision(
        decision_id=body.decision_id,
        item_id=item.item_id,
        reader=who.reader.name,
        round=ReviewRound.CONSENSUS if is_settling(who.reader) else ReviewRound.PRIMARY,
        answer=body.answer,
        sha256=item.draft.sha256,
        shown_at=shown,
        answered_at=answered,
        page_version=page_version,
        reasons=tuple(dict.fromkeys(body.reasons)),
        boxes=tuple(PixelBox(**box.model_dump()) for box in body.boxes),
        spans=tuple(Span(**span.model_dump()) for span in body.spans),
        labels=body.labels,
        windows=tuple(dict.fromkeys(body.windows)),
        supersedes=body.supersedes,
    )
