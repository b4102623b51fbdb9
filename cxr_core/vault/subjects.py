"""Which subject id a patient has now: merges and unmerges after a release change ids, and nothing is forgotten.

Takes the crosswalk, the changes so far and which patient ids mean the same patient; gives the new changes and the ids
that are retired. Which ids mean the same patient is left to intake, splits of those concerned to the release.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from cxr_core.tables.catalogue import PSEUDONYMS, RETIRED_SUBJECTS, SUBJECT_IDS
from cxr_core.vault.ledger import IdMaker, Original, give
from cxr_core.vocabulary import IdKind

Patient = tuple[str, str]
"""(issuer, patient id)"""


@dataclass(frozen=True, slots=True)
class Subject:
    """A published id and the date shift that goes with it."""

    pseudonym: str
    date_shift_days: int = field(repr=False)


def current_subjects(ledger: pl.DataFrame, changes: pl.DataFrame) -> dict[Patient, Subject]:
    """The subject of every patient id that was ever given one: the newest change, else the crosswalk."""
    found: dict[Patient, Subject] = {}
    for rows in (_patients(ledger), changes.sort("place")):
        columns = rows.select("issuer", "original", "pseudonym", "date_shift_days")
        found |= {(issuer, original): Subject(name, shift) for issuer, original, name, shift in columns.iter_rows()}
    return found


def as_ledger(changes: pl.DataFrame) -> pl.DataFrame:
    """PSEUDONYMS rows of the ids that changes gave; their ordinals are taken like all others."""
    given = changes.filter(pl.col("ordinal").is_not_null()).with_columns(kind=pl.lit(IdKind.PATIENT.value))
    return given.select(pl.col(name).cast(PSEUDONYMS.dtypes[name]) for name in PSEUDONYMS.columns)


def with_current_subjects(ledger: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """The crosswalk as it counts now: one row a patient id, with the subject that it has today."""
    rows = [
        {
            "kind": IdKind.PATIENT.value,
            "issuer": issuer,
            "original": original,
            "ordinal": place,
            "pseudonym": subject.pseudonym,
            "date_shift_days": subject.date_shift_days,
        }
        for place, ((issuer, original), subject) in enumerate(current_subjects(ledger, changes).items())
    ]
    return pl.concat([ledger.filter(pl.col("kind") != IdKind.PATIENT.value), PSEUDONYMS.frame(rows)])


def settle_subjects(
    ledger: pl.DataFrame,
    changes: pl.DataFrame,
    present: Mapping[Patient, dt.date | None],
    same: Callable[[Patient], Patient],
    maker: IdMaker,
) -> pl.DataFrame:
    """Bring the subjects in line with what is known of patients now.

    Patients who turn out to be one keep the older id (the smaller ordinal); a patient id that replaces a known one
    takes over its id. Patients who turn out to be several after all get new ids, every one of them: the old id stands
    for a mixture that nobody should go on using.

    Parameters
    ----------
    ledger, changes : PSEUDONYMS and SUBJECT_IDS frames
        So far; their rows come back unchanged.
    present : mapping of patient to date
        Patients of this build (after merges) and their first study.
    same : callable
        The patient that an id stands for now.

    Returns
    -------
    SUBJECT_IDS frame
    """
    state = _State(ledger, changes, maker)
    for group in state.mixed(present, same):
        state.part(group, present)
    members: defaultdict[Patient, list[Patient]] = defaultdict(list)
    for patient in state.subjects:
        members[same(patient)].append(patient)
    for patient in sorted(present):
        state.join(patient, members[patient])
    return state.changes


class _State:
    """The subjects while changes are made, one after the other."""

    def __init__(self, ledger: pl.DataFrame, changes: pl.DataFrame, maker: IdMaker) -> None:
        self._ledger = _patients(ledger)
        self._maker = maker
        self.changes = changes.sort("place")
        self.subjects = current_subjects(ledger, changes)

    def mixed(
        self, present: Mapping[Patient, object], same: Callable[[Patient], Patient]
    ) -> Iterator[list[list[Patient]]]:
        """For each id that stands for several patients of this build: the patient ids of each."""
        holders: defaultdict[str, defaultdict[Patient, list[Patient]]] = defaultdict(lambda: defaultdict(list))
        for patient, subject in sorted(self.subjects.items()):
            holders[subject.pseudonym][same(patient)].append(patient)
        for groups in holders.values():
            concerned = [groups[patient] for patient in sorted(groups) if patient in present]
            if len(concerned) > 1:
                yield concerned

    def part(self, groups: list[list[Patient]], present: Mapping[Patient, dt.date | None]) -> None:
        """Give each group a new id."""
        for group in groups:
            issuer, original = group[0]
            first = next((present[patient] for patient in group if patient in present), None)
            taken = pl.concat([self._ledger, as_ledger(self.changes)])
            (row,) = give(taken, IdKind.PATIENT, [Original(IdKind.PATIENT, original, issuer, first)], self._maker)
            subject = Subject(str(row["pseudonym"]), int(str(row["date_shift_days"])))
            for patient in group:
                self._change(patient, subject, ordinal=row["ordinal"] if patient == group[0] else None)

    def join(self, patient: Patient, members: list[Patient]) -> None:
        """Let a patient and all ids that mean the same have the oldest of their subjects."""
        known = {self.subjects[member] for member in members}
        if not known or (len(known) == 1 and patient in self.subjects):
            return
        ages = dict(pl.concat([self._ledger, as_ledger(self.changes)]).select("pseudonym", "ordinal").iter_rows())
        survivor = min(known, key=lambda subject: ages[subject.pseudonym])
        for member in sorted({patient, *members}):
            if self.subjects.get(member) != survivor:
                self._change(member, survivor, ordinal=None)

    def _change(self, patient: Patient, subject: Subject, *, ordinal: object) -> None:
        issuer, original = patient
        turns = self.changes.filter(issuer=issuer, original=original).height
        row = {
            "place": self.changes.height,
            "issuer": issuer,
            "original": original,
            "turn": turns + 1,
            "ordinal": ordinal,
            "pseudonym": subject.pseudonym,
            "date_shift_days": subject.date_shift_days,
        }
        self.changes = pl.concat([self.changes, SUBJECT_IDS.frame([row])])
        self.subjects[patient] = subject


def retired_subjects(ledger: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """Ids that no patient has any more, and who took their place, in the order in which that happened.

    Returns
    -------
    RETIRED_SUBJECTS frame
    """
    subjects = {
        patient: subject.pseudonym for patient, subject in current_subjects(ledger, SUBJECT_IDS.empty()).items()
    }
    used = {subject.pseudonym for subject in current_subjects(ledger, changes).values()}
    pairs: dict[tuple[str, str], None] = {}
    for issuer, original, name in changes.sort("place").select("issuer", "original", "pseudonym").iter_rows():
        before = subjects.get((issuer, original), name)
        if before != name and before not in used:
            pairs[before, name] = None
        subjects[issuer, original] = name
    return RETIRED_SUBJECTS.frame(
        {"place": place, "subject_id": old, "successor": new} for place, (old, new) in enumerate(pairs)
    )


def _patients(ledger: pl.DataFrame) -> pl.DataFrame:
    return ledger.filter(pl.col("kind") == IdKind.PATIENT.value)
