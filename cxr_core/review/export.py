"""What readers decided, as tables that the build reads: reviews, boxes to black, labels, the audit trail.

Takes outcomes and the trail of the store, gives validated frames; readers appear under numbers, never by name.
Statistics over the frames are left to `statistics`, what the build does with them to its stages.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import polars as pl

from cxr_core.review.records import Decision, Outcome, PixelBox, Reader, Recorded, Span
from cxr_core.review.store import ReviewStore
from cxr_core.tables.catalogue import IMAGE_REVIEWS, READER_BOXES, REPORT_LABELS, REVIEW_DECISIONS, TEXT_REVIEWS
from cxr_core.tables.storage import read_table, write_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import ReviewAnswer, ReviewKind

Codes = Mapping[str, str]
"""A reader's name to the number under which the reader is exported."""


@dataclass(frozen=True, slots=True)
class ReviewTables:
    """Everything that a review gives to the build."""

    image_reviews: pl.DataFrame
    text_reviews: pl.DataFrame
    reader_boxes: pl.DataFrame
    report_labels: pl.DataFrame
    decisions: pl.DataFrame


def review_tables(store: ReviewStore, boxes_before: pl.DataFrame) -> ReviewTables:
    """All tables of a store.

    Of all samples: what a reader saw once stays black, and a label that was given stays given. Statistics are of the
    newest sample of a kind.

    Parameters
    ----------
    boxes_before : READER_BOXES frame
        What was exported before: boxes on images that this store never showed are kept.
    """
    codes = reader_codes(store.readers())
    every = [(sample, store.outcomes_in(sample)) for sample in store.samples()]
    reports = [o for sample, outcomes in every if sample.kind is ReviewKind.REPORTS for o in outcomes]
    images = [o for sample, outcomes in every if sample.kind is ReviewKind.IMAGES for o in outcomes]
    trail = [
        row for sample, outcomes in every for row in _decision_rows(outcomes, store.audit(sample.sample_id), codes)
    ]
    return ReviewTables(
        image_reviews=IMAGE_REVIEWS.frame(
            _review_row(outcome, place, codes) | {"dicom_id": outcome.item.draft.unit_id}
            for place, (sample, outcomes) in enumerate(every)
            if sample.kind is ReviewKind.IMAGES
            for outcome in outcomes
        ),
        text_reviews=TEXT_REVIEWS.frame(
            _review_row(outcome, place, codes)
            for place, (sample, outcomes) in enumerate(every)
            if sample.kind is ReviewKind.TEXT
            for outcome in outcomes
        ),
        reader_boxes=reader_boxes(images, boxes_before),
        report_labels=report_labels(reports),
        decisions=REVIEW_DECISIONS.frame(trail),
    )


def export_review(store: ReviewStore, workspace: Workspace) -> ReviewTables:
    """Write all tables below `stages/review/`."""
    tables = review_tables(store, read_table(READER_BOXES, workspace.review_table(READER_BOXES)))
    for contract, frame in (
        (IMAGE_REVIEWS, tables.image_reviews),
        (TEXT_REVIEWS, tables.text_reviews),
        (READER_BOXES, tables.reader_boxes),
        (REPORT_LABELS, tables.report_labels),
        (REVIEW_DECISIONS, tables.decisions),
    ):
        write_table(contract, frame, workspace.review_table(contract))
    return tables


def reader_codes(readers: Sequence[Reader]) -> Codes:
    """`reader-1`, `reader-2`, ... in the order in which they joined: nobody's name leaves the review."""
    return {reader.name: f"reader-{place}" for place, reader in enumerate(readers, start=1)}


def _review_row(outcome: Outcome, place: int, codes: Codes) -> dict[str, object]:
    draft = outcome.item.draft
    blind = sorted(((codes[d.reader], d.answer.value) for d in outcome.primary), key=_by_number)
    deciding = [outcome.consensus] if outcome.needs_consensus and outcome.consensus else list(outcome.primary)
    return {
        "sample_id": outcome.item.sample_id,
        "draw": place,
        "item": outcome.item.item_id,
        "study_id": draft.study_id,
        "subject_id": draft.subject_id,
        "stratum": draft.stratum,
        "is_planted": draft.is_planted,
        "sha256": draft.sha256,
        "readers": [reader for reader, _ in blind],
        "answers": [answer for _, answer in blind],
        "consensus": outcome.consensus.answer.value if outcome.consensus else None,
        "is_complete": outcome.is_complete,
        "needs_consensus": outcome.needs_consensus,
        "final": outcome.final.value if outcome.final else None,
        "is_located": _is_located(outcome, deciding),
        "marks": len(outcome.boxes) + sum(len(d.spans) for d in deciding if outcome.final),
    }


def _by_number(pair: tuple[str, str]) -> int:
    return int(pair[0].rpartition("-")[2])


def _is_located(outcome: Outcome, deciding: Sequence[Decision]) -> bool:
    """A planted item was found where it was planted; a reader who drew nothing is believed."""
    draft = outcome.item.draft
    if not draft.is_planted:
        return False
    boxes = [box for decision in deciding for box in decision.boxes]
    spans = [span for decision in deciding for span in decision.spans]
    if not boxes and not spans:
        return True
    return any(_meet(a, b) for a in boxes for b in draft.planted_boxes) or any(
        _overlap(a, b) for a in spans for b in draft.planted_spans
    )


def _meet(a: PixelBox, b: PixelBox) -> bool:
    return a.top < b.bottom and b.top < a.bottom and a.left < b.right and b.left < a.right


def _overlap(a: Span, b: Span) -> bool:
    return a.start < b.end and b.start < a.end


def reader_boxes(outcomes: Iterable[Outcome], before: pl.DataFrame) -> pl.DataFrame:
    """Where PHI remained, of every sample: the READER_BOXES frame.

    An undone decision takes its boxes with it; of an image that the store never showed, the boxes from before stay.
    """
    found: dict[tuple[str, str], dict[PixelBox, None]] = {}
    for outcome in outcomes:
        draft = outcome.item.draft
        if not draft.is_planted:
            marked = found.setdefault((draft.unit_id, draft.study_id), {})
            marked.update(dict.fromkeys(outcome.boxes))
    rows = [
        {"dicom_id": dicom_id, "study_id": study_id, "box": place, **asdict(box)}
        for (dicom_id, study_id), boxes in found.items()
        for place, box in enumerate(sorted(boxes, key=lambda b: (b.top, b.left, b.bottom, b.right)))
    ]
    shown = [dicom_id for dicom_id, _ in found]
    return pl.concat([READER_BOXES.frame(rows), before.filter(~pl.col("dicom_id").is_in(shown))])


def report_labels(outcomes: Iterable[Outcome]) -> pl.DataFrame:
    """The reference standard, of every sample; where a report was labelled twice, the later sample's labels hold."""
    rows: dict[str, dict[str, object]] = {}
    for outcome in outcomes:
        if outcome.final is ReviewAnswer.LABELLED and outcome.labels is not None:
            draft = outcome.item.draft
            rows[draft.study_id] = {
                "study_id": draft.study_id,
                "subject_id": draft.subject_id,
                "readers": len(outcome.primary) + (outcome.consensus is not None),
                **{label.value: value for label, value in outcome.labels.items()},
            }
    return REPORT_LABELS.frame(rows.values())


def _decision_rows(outcomes: Sequence[Outcome], trail: Sequence[Recorded], codes: Codes) -> Iterable[dict[str, object]]:
    items = {outcome.item.item_id: outcome.item for outcome in outcomes}
    for recorded in trail:
        decision = recorded.decision
        item = items.get(decision.item_id)
        if item is None:  # of a withdrawn study
            continue
        yield {
            "decision_id": decision.decision_id,
            "sample_id": item.sample_id,
            "kind": item.kind.value,
            "item": decision.item_id,
            "study_id": item.draft.study_id,
            "is_planted": item.draft.is_planted,
            "reader": codes[decision.reader],
            "round": decision.round.value,
            "answer": decision.answer.value,
            "is_current": recorded.is_current,
            "reasons": [reason.value for reason in decision.reasons],
            "boxes": [{f"{edge}_px": value for edge, value in asdict(box).items()} for box in decision.boxes],
            "spans": [f"{span.start}-{span.end}" for span in decision.spans],
            **{label.value: value for label, value in (decision.labels or {}).items()},
            "sha256": decision.sha256,
            "shown_at": _plain(decision.shown_at),
            "answered_at": _plain(decision.answered_at),
            "recorded_at": _plain(recorded.recorded_at),
            "page_version": decision.page_version,
            "supersedes": decision.supersedes,
        }


def _plain(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)  # UTC by the store; the tables hold no time zones
