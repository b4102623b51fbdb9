"""Which subject goes to train, validate or test; decided by patient, once and for all.

Takes the subjects of this build, the assignments so far and what ties subjects together; gives all assignments with
notes for the datasheet. Which subjects carry a manual label is told by review, which share a picture by `likeness`,
the secret seed by the caller.
"""

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from string import Template

import polars as pl

from cxr_core.settings.split import SplitSettings
from cxr_core.tables.catalogue import SPLITS
from cxr_core.vocabulary import Split

FALLBACK_NOTE = "no report was labelled by hand: test subjects were drawn at random"
EMPTY_TEST_NOTE = "too few subjects for a test set"
MOVED_NOTE = Template("$count subjects moved to test because of a manual label")
MERGED_NOTE = Template("$count subjects changed their split because patients were merged")
APART_NOTE = Template("$count subjects share a picture with a subject of another split")
NOTES = (FALLBACK_NOTE, EMPTY_TEST_NOTE, MOVED_NOTE.template, MERGED_NOTE.template, APART_NOTE.template)
"""Every note that a split can give, for whoever must know the known text of the documents."""

_STRONGEST_FIRST = (Split.TEST, Split.VALIDATE, Split.TRAIN)


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


@dataclass(frozen=True, slots=True)
class Ties:
    """What ties subjects to each other.

    Parameters
    ----------
    kin : mapping of subject_id to subject_id
        Subjects that share pictures, each with the smallest of them: they go to one split.
    retired : sequence of (retired, successor)
        Subject ids that are used no more, in the order in which they were retired; the successor inherits the split.
    """

    kin: Mapping[str, str] = field(default_factory=dict)
    retired: Sequence[tuple[str, str]] = ()


_UNTIED = Ties()


def assign_splits(
    subjects: Sequence[str],
    previous: pl.DataFrame,
    *,
    labelled_subjects: frozenset[str],
    settings: SplitSettings,
    seed: bytes,
    ties: Ties = _UNTIED,
) -> Assignment:
    """Assign new subjects to splits; an assigned subject stays, unless a manual label moves it into test.

    Test = subjects with a manually labelled report, else a random share; validate = a random set of
    `validate_subjects`, or of `max_validate_share` in small cohorts; train = the rest. "Random" is the rank of
    HMAC-SHA256(seed, purpose, subject_id), so that order and number of workers change nothing.

    Subjects that share a picture are drawn together; one that comes later follows those that are assigned already.
    Where patients were merged, test wins over validate over train: nothing of a test patient is ever trained on.

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
    ties : Ties
        Subjects that belong together.
    """
    present = set(subjects)
    assigned = {row["subject_id"]: Split(row["split"]) for row in previous.iter_rows(named=True)}
    inherited = _inherit(assigned, ties.retired)
    moved = sorted(s for s, split in assigned.items() if s in labelled_subjects and split is not Split.TEST)
    assigned |= dict.fromkeys(moved, Split.TEST)
    assigned |= dict.fromkeys((present & labelled_subjects) - assigned.keys(), Split.TEST)
    _follow(assigned, present, ties.kin)
    notes = [MOVED_NOTE.substitute(count=len(moved))] if moved else []
    notes += [MERGED_NOTE.substitute(count=inherited)] if inherited else []

    draw = _Draw(present, assigned, ties.kin, seed)
    if not labelled_subjects:
        draw.fill(Split.TEST, int(settings.fallback_test_share * len(present)))
        notes.append(FALLBACK_NOTE)
    draw.fill(Split.VALIDATE, min(settings.validate_subjects, int(settings.max_validate_share * len(present))))
    assigned |= dict.fromkeys(present - assigned.keys(), Split.TRAIN)

    if not any(assigned[subject] is Split.TEST for subject in present):
        notes.append(EMPTY_TEST_NOTE)
    if apart := _apart(assigned, present, ties.kin):
        notes.append(APART_NOTE.substitute(count=apart))
    frame = SPLITS.frame({"subject_id": s, "split": assigned[s].value} for s in sorted(assigned))
    return Assignment(frame, tuple(notes), tuple(moved))


def _strongest(splits: Iterable[Split]) -> Split:
    return min(splits, key=_STRONGEST_FIRST.index)


def _inherit(assigned: dict[str, Split], retired: Sequence[tuple[str, str]]) -> int:
    """Give successors the split of those whose place they take; how many that had one already changed theirs."""
    changed = set()
    for old, successor in retired:
        if old in assigned:
            own = assigned.get(successor)
            assigned[successor] = _strongest([assigned[old], *([own] if own else [])])
            changed |= {successor} if own and assigned[successor] is not own else set()
    return len(changed)


def _families(subjects: Iterable[str], kin: Mapping[str, str]) -> dict[str, list[str]]:
    """Subjects by the root of their kin; a subject that shares no picture is a family of its own."""
    families: defaultdict[str, list[str]] = defaultdict(list)
    for subject in subjects:
        families[kin.get(subject, subject)].append(subject)
    return families


def _follow(assigned: dict[str, Split], present: set[str], kin: Mapping[str, str]) -> None:
    """New subjects follow their kin: test before validate before train, where these were assigned apart."""
    for family in _families(present & kin.keys(), kin).values():
        known = [assigned[subject] for subject in family if subject in assigned]
        if known:
            fresh = [subject for subject in family if subject not in assigned]
            assigned |= dict.fromkeys(fresh, _strongest(known))


def _apart(assigned: Mapping[str, Split], present: set[str], kin: Mapping[str, str]) -> int:
    """Subjects of families that stand in several splits because they were assigned before anybody knew."""
    families = _families(present & kin.keys(), kin).values()
    return sum(len(family) for family in families if len({assigned[subject] for subject in family}) > 1)


@dataclass(frozen=True, slots=True)
class _Draw:
    """Fills splits from the subjects that are not assigned yet, a family at a time."""

    present: set[str]
    assigned: dict[str, Split]
    kin: Mapping[str, str]
    seed: bytes

    def fill(self, split: Split, target: int) -> None:
        """Fill a split up to `target` present subjects; a family that does not fit in is passed over."""
        held = sum(1 for subject in self.present if self.assigned.get(subject) is split)
        families = _families(self.present - self.assigned.keys(), self.kin)
        for root in sorted(families, key=lambda root: self._rank(split, root)):
            if held >= target:
                return
            if held + len(families[root]) <= target:
                self.assigned.update(dict.fromkeys(families[root], split))
                held += len(families[root])

    def _rank(self, split: Split, root: str) -> bytes:
        return hmac.new(self.seed, f"{split.value}\0{root}".encode(), hashlib.sha256).digest()
