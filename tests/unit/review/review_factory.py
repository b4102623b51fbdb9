"""Samples and decisions for the tests of the review: small, and the same every time."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cxr_core.review.records import Decision, Draft, Entry, Manifest, PixelBox, Reader
from cxr_core.review.store import ReviewStore, token_digest
from cxr_core.vocabulary import Label, ReaderRole, ReviewAnswer, ReviewKind, ReviewReason, ReviewRound

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = bytes(range(32))


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def image(number: int, **fields: Any) -> Draft:
    dicom_id = "-".join(f"{number:08x}" for _ in range(5))
    made = Draft(
        unit_id=dicom_id,
        study_id=f"5{number:07d}",
        subject_id=f"1{number // 2:07d}",
        stratum="random",
        sha256=sha256(dicom_id),
        source=f"jpeg/{dicom_id}.jpg",
        rows=400,
        columns=300,
    )
    return replace(made, **fields)


def report(number: int, text: str = "No pneumothorax.", **fields: Any) -> Draft:
    made = Draft(
        unit_id=f"5{number:07d}",
        study_id=f"5{number:07d}",
        subject_id=f"1{number:07d}",
        stratum="random",
        sha256=sha256(text),
        text=text,
    )
    return replace(made, **fields)


def manifest(count: int, kind: ReviewKind = ReviewKind.IMAGES, readers: int = 2, planted: int = 0) -> Manifest:
    make = image if kind is ReviewKind.IMAGES else report
    drafts = [make(n) for n in range(count)]
    drafts += [
        make(count + n, stratum="planted", is_planted=True, planted_boxes=(PixelBox(10, 10, 30, 90),))
        for n in range(planted)
    ]
    return Manifest(kind, 7, readers, tuple(drafts))


def store_with(path: Path, sample: Manifest, *names: str, consensus: str = "", lead: str = "") -> ReviewStore:
    store = ReviewStore.create(path / "review.sqlite", SECRET)
    store.add_sample(sample, NOON)
    for name in names:
        store.add_reader(name, ReaderRole.READER, token_digest(f"token of {name}"), NOON)
    if consensus:
        store.add_reader(consensus, ReaderRole.CONSENSUS, token_digest(f"token of {consensus}"), NOON)
    if lead:
        store.add_reader(lead, ReaderRole.LEAD, token_digest(f"token of {lead}"), NOON)
    return store


def reader_named(store: ReviewStore, name: str) -> Reader:
    return next(reader for reader in store.readers() if reader.name == name)


def decision(
    reader: Reader, entry: Entry, answer: ReviewAnswer = ReviewAnswer.CLEAN, seconds: float = 4, **fields: Any
) -> Decision:
    """A decision on a place of the queue; its id tells who, what and which answer it is."""
    is_blind = reader.role is ReaderRole.READER
    made = Decision(
        decision_id=f"{reader.name}-{entry.item_id[:12]}-{answer.value}",
        item_id=entry.item_id,
        reader=reader.name,
        round=ReviewRound.PRIMARY if is_blind else ReviewRound.CONSENSUS,
        answer=answer,
        sha256=entry.sha256,
        shown_at=NOON,
        answered_at=NOON + timedelta(seconds=seconds),
        page_version="1",
        reasons=(ReviewReason.DEVICE,) if answer is ReviewAnswer.UNSURE else (),
    )
    return replace(made, **fields)


def labels(**given: int | None) -> dict[Label, int | None]:
    """The 14 labels; keywords are the members' names, all others are empty."""
    return {label: given.get(label.name) for label in Label}
