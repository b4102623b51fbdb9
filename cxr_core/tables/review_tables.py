"""Tables of the review: what human readers saw, marked and agreed on, under pseudonyms.

Gives contracts; samples and answers come from the review's own store. The list of all tables is `catalogue`.
"""

from cxr_core.tables.contract import (
    Column,
    Privacy,
    assertion,
    boolean,
    contract,
    enum,
    integer,
    pixel_boxes,
    text,
    texts,
    timestamp,
)
from cxr_core.tables.ids import DICOM_ID, STUDY_ID, SUBJECT_ID
from cxr_core.vocabulary import Label, ReviewAnswer, ReviewKind, ReviewRound

_PUBLIC, _INTERNAL = Privacy.PUBLIC, Privacy.INTERNAL

REPORT_LABELS = contract(
    "report_labels",
    1,
    "The 14 labels of a report as readers agreed on them: the reference standard. Their subjects form the test set.",
    {
        "study_id": text("Study", _PUBLIC, key=True, pattern=STUDY_ID),
        "subject_id": text("Subject", _PUBLIC, pattern=SUBJECT_ID),
        "readers": integer("How many readers labelled the report", _PUBLIC, minimum=1),
        **{label.value: assertion(f"{label.value} by readers") for label in Label},
    },
)

READER_BOXES = contract(
    "reader_boxes",
    1,
    "Where readers saw PHI left on an image: redacted in the next build.",
    {
        "dicom_id": text("Image", _INTERNAL, key=True, pattern=DICOM_ID),
        "box": integer("Place in the image's list, from 0", _INTERNAL, key=True, minimum=0),
        "study_id": text("Study", _INTERNAL, pattern=STUDY_ID),
        "top": integer("First row", _INTERNAL, minimum=0, unit="pixel"),
        "left": integer("First column", _INTERNAL, minimum=0, unit="pixel"),
        "bottom": integer("Row after the last", _INTERNAL, minimum=1, unit="pixel"),
        "right": integer("Column after the last", _INTERNAL, minimum=1, unit="pixel"),
    },
)


def _reviewed() -> dict[str, Column]:
    """Columns that reviews of images and of texts share."""
    return {
        "sample_id": text("Sample that the item was drawn into", _INTERNAL, key=True),
        "draw": integer("Place of the sample among all, from 0; the statistics are of the last", _INTERNAL, minimum=0),
        "item": text("Opaque id under which readers saw it", _INTERNAL, key=True, pattern=r"^[0-9a-f]{32}$"),
        "study_id": text("Study", _INTERNAL, pattern=STUDY_ID),
        "subject_id": text("Subject", _INTERNAL, pattern=SUBJECT_ID),
        "stratum": text("random, an enriched stratum, or planted:...", _INTERNAL),
        "is_planted": boolean("An identifier was planted to measure the readers", _INTERNAL),
        "sha256": text("SHA-256 of what was shown", _INTERNAL, pattern=r"^[0-9a-f]{64}$"),
        "readers": texts("Blind readers, numbered in the order in which they joined", _INTERNAL),
        "answers": texts("Their answers, in the same order", _INTERNAL),
        "consensus": enum("Answer of the consensus round", _INTERNAL, ReviewAnswer, nullable=True),
        "is_complete": boolean("All blind answers are in", _INTERNAL),
        "needs_consensus": boolean("Readers disagreed or were unsure", _INTERNAL),
        "final": enum("What was settled; null while open", _INTERNAL, ReviewAnswer, nullable=True),
        "is_located": boolean("Of planted items: a mark meets what was planted, or none was drawn", _INTERNAL),
        "marks": integer("Boxes or spans that were settled", _INTERNAL, minimum=0),
    }


IMAGE_REVIEWS = contract(
    "image_reviews",
    1,
    "One row per image and sample: what readers saw on it.",
    {**_reviewed(), "dicom_id": text("Image; of a planted one its background", _INTERNAL, pattern=DICOM_ID)},
)

TEXT_REVIEWS = contract(
    "text_reviews",
    1,
    "One row per report text and sample: what readers saw in it.",
    _reviewed(),
)

REVIEW_DECISIONS = contract(
    "review_decisions",
    1,
    "Every decision of every reader as it came, superseded ones included: the audit trail of the review.",
    {
        "decision_id": text("Id that the page chose", _INTERNAL, key=True),
        "sample_id": text("Sample", _INTERNAL),
        "kind": enum("What was read", _INTERNAL, ReviewKind),
        "item": text("Opaque id of the item", _INTERNAL, pattern=r"^[0-9a-f]{32}$"),
        "study_id": text("Study", _INTERNAL, pattern=STUDY_ID),
        "is_planted": boolean("An identifier was planted to measure the readers", _INTERNAL),
        "reader": text("Reader, numbered in the order in which they joined", _INTERNAL),
        "round": enum("Blind, or consensus", _INTERNAL, ReviewRound),
        "answer": enum("Answer", _INTERNAL, ReviewAnswer),
        "is_current": boolean("Neither superseded nor withdrawn", _INTERNAL),
        "reasons": texts("Reasons that the reader gave", _INTERNAL),
        "boxes": pixel_boxes("Where PHI remains on the image", _INTERNAL),
        "spans": texts("Where PHI remains in the text, start-end", _INTERNAL),
        **{label.value: assertion(f"{label.value} by this reader") for label in Label},
        "sha256": text("SHA-256 of what was shown", _INTERNAL, pattern=r"^[0-9a-f]{64}$"),
        "shown_at": timestamp("When it was shown, by the page's clock, UTC", _INTERNAL),
        "answered_at": timestamp("When it was answered, by the page's clock, UTC", _INTERNAL),
        "recorded_at": timestamp("When it was stored, by the server's clock, UTC", _INTERNAL),
        "page_version": text("Version of the page", _INTERNAL),
        "supersedes": text("Decision that this one replaces", _INTERNAL, nullable=True),
    },
)
