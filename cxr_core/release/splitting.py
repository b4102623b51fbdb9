"""Which subject goes to train, validate or test; decided by patient, once and for all.

Takes the subjects of this build and the assignments so far; gives all assignments with notes for the datasheet.
Which subjects carry a manual label is told by review, the secret seed by the caller.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import Template

import polars as pl

from cxr_core.settings.split import SplitSettings
from cxr_core.tables.catalogue import SPLITS
from cxr_core.vocabulary import Split

FALLBACK_NOTE = "no report was labelled by hand: test subjects were drawn at random"
EMPTY_TEST_NOTE = "too few subjects for a test set"
MOVED_NOTE = Template("$count subjects moved to test because of a manual label")
NOTES = (FALLBACK_NOTE, EMPTY_TEST_NOTE, MOVED_NOTE.template)
"""Every note that a split can give, for whoever must know the known text of the documents."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Every subject's split, and what a person should know of it.

    Parameters
    ----------
    splits : SPLITS frame
        One row per subject that was ever assigned, sorted by subject.
    notes : tuple of str
        Sentences for run.json and the datasheet.
    moved_to_test : tuple of str
        Subjects that a manual label moved out of train or validate.
    """

    splits: pl.DataFrame
    notes: tuple[str, ...] = ()
    moved_to_test: tuple[str, ...] = ()


def assign_splits(
    subjects: Sequence[str],
    previous: pl.DataFrame,
    *,
    labelled_subjects: frozenset[str],
    settings: SplitSettings,
    seed: bytes,
) -> Assignment:
    """Assign new subjects to splits; an assigned subject stays, unless a manual label moves it into test.

    Test = subjects with a manually labelled report, else a random share; validate = a random set of
    `validate_subjects`, or of `max_validate_share` in small cohorts; train = the rest. "Random" is the rank of
    HMAC-SHA256(seed, purpose, subject_id), so that order and number of workers change nothing.

    Source: MIMIC-CXR (2019), data split: 500 validation patients at random, test patients by manual label.

    Parameters
    ----------
    subjects : sequence of str
        Subjects of this build, in any order, repeats allowed.
    previous : SPLITS frame
        Assignments of earlier builds; subjects that are absent now keep their row.
    labelled_subjects : frozenset of str
        Subjects with at least one manually labelled report.
    seed : bytes
        Secret of this purpose.
    """
    present = set(subjects)
    assigned = {row["subject_id"]: Split(row["split"]) for row in previous.iter_rows(named=True)}
    moved = sorted(s for s, split in assigned.items() if s in labelled_subjects and split is not Split.TEST)
    assigned |= dict.fromkeys(moved, Split.TEST)
    assigned |= dict.fromkeys((present & labelled_subjects) - assigned.keys(), Split.TEST)
    notes = [MOVED_NOTE.substitute(count=len(moved))] if moved else []

    if not labelled_subjects:
        test_target = int(settings.fallback_test_share * len(present))
        _draw(Split.TEST, test_target, present=present, assigned=assigned, seed=seed)
        notes.append(FALLBACK_NOTE)
    validate_target = min(settings.validate_subjects, int(settings.max_validate_share * len(present)))
    _draw(Split.VALIDATE, validate_target, present=present, assigned=assigned, seed=seed)
    assigned |= dict.fromkeys(present - assigned.keys(), Split.TRAIN)

    if not any(assigned[subject] is Split.TEST for subject in present):
        notes.append(EMPTY_TEST_NOTE)
    frame = SPLITS.frame({"subject_id": s, "split": assigned[s].value} for s in sorted(assigned))
    return Assignment(frame, tuple(notes), tuple(moved))


def _draw(split: Split, target: int, *, present: set[str], assigned: dict[str, Split], seed: bytes) -> None:
    """Fill a split up to `target` present subjects from those not assigned yet."""
    held = sum(1 for subject in present if assigned.get(subject) is split)
    ranked = _ranked(present - assigned.keys(), purpose=split.value, seed=seed)
    for subject in ranked[: max(0, target - held)]:
        assigned[subject] = split


def _ranked(subjects: Iterable[str], *, purpose: str, seed: bytes) -> list[str]:
    def rank(subject: str) -> bytes:
        return hmac.new(seed, f"{purpose}\0{subject}".encode(), hashlib.sha256).digest()

    return sorted(subjects, key=rank)
