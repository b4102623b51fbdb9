"""Who is taken out of the dataset for good: the block list, and what it tells the cohort and the holders of releases.

Takes patients and a reason, gives the list with them in it; rows are only ever added, so that a withdrawal outlives
every rebuild. Removing what was made of the patients is left to the task.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cxr_core.errors import UsageError
from cxr_core.tables.catalogue import WITHDRAWALS
from cxr_core.vault.subjects import Patient, Subject
from cxr_core.vocabulary import IdKind, WithdrawalReason

CAUSE = "vault: withdrawn"
"""How the cohort's exclusions name a withdrawal."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Who withdraws patients, why and when."""

    reason: WithdrawalReason
    who: str
    at: dt.datetime


def read_mrns(path: Path) -> list[str]:
    """Patient ids of a text file, one a line; blank lines are passed over.

    Raises
    ------
    UsageError
        The file cannot be read or names nobody.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"list {path} cannot be read as text") from None
    found = [line.strip() for line in lines if line.strip()]
    if not found:
        raise UsageError(f"list {path} names nobody")
    return found


def patients_of_subject(subject_id: str, subjects: dict[Patient, Subject]) -> list[Patient]:
    """Every patient id that stands behind a subject now."""
    return sorted(patient for patient, subject in subjects.items() if subject.pseudonym == subject_id)


def patients_of_mrns(
    mrns: Iterable[str], subjects: dict[Patient, Subject], survivors: Mapping[str, str]
) -> list[Patient]:
    """Patients by their number, those of every issuer, with all other ids of the same subject.

    A number that nobody has yet is blocked all the same: the next export may bring the patient.

    Parameters
    ----------
    survivors : mapping
        Merged patient id -> the one that is used instead.
    """
    listed = set(mrns)
    wanted = listed | {survivors[mrn] for mrn in listed if mrn in survivors}
    named = {patient for patient in subjects if patient[1] in wanted}
    hit = {subjects[patient].pseudonym for patient in named}
    others = {patient for patient, subject in subjects.items() if subject.pseudonym in hit}
    return sorted(others | {("", mrn) for mrn in wanted})


def withdraw(
    before: pl.DataFrame, patients: Iterable[Patient], subjects: dict[Patient, Subject], how: Withdrawal
) -> pl.DataFrame:
    """The block list with these patients in it; who is blocked already keeps the row.

    Returns
    -------
    WITHDRAWALS frame
    """
    known = set(before.select("issuer", "patient_id").iter_rows())
    rows = [
        {
            "issuer": patient[0],
            "patient_id": patient[1],
            "subject_id": subjects[patient].pseudonym if patient in subjects else None,
            "reason": how.reason.value,
            "who": how.who,
            "withdrawn_at": how.at.replace(tzinfo=None, microsecond=0),
        }
        for patient in patients
        if patient not in known
    ]
    return pl.concat([before, WITHDRAWALS.frame(rows)]).sort("issuer", "patient_id")


def as_exclusions(withdrawals: pl.DataFrame, exclusions: pl.DataFrame | None) -> pl.DataFrame | None:
    """The cohort's exclusions with all withdrawn patients; a withdrawal is told before any other cause."""
    if withdrawals.is_empty():
        return exclusions
    rows = withdrawals.select("issuer", "patient_id", cause=pl.lit(CAUSE))
    return rows if exclusions is None else pl.concat([exclusions.select(rows.columns), rows])


def ids_ever(patients: Iterable[Patient], pseudonyms: pl.DataFrame, subject_ids: pl.DataFrame) -> frozenset[str]:
    """Every subject id that patients ever had: earlier releases know some under ids that merges have retired.

    Parameters
    ----------
    patients : iterable of (issuer, patient id)
        An empty issuer stands for all.
    pseudonyms, subject_ids : PSEUDONYMS and SUBJECT_IDS frames
    """
    wanted = set(patients)
    first = pseudonyms.filter(pl.col("kind").cast(pl.String) == IdKind.PATIENT.value)
    rows = pl.concat(frame.select("issuer", "original", "pseudonym") for frame in (first, subject_ids)).iter_rows()
    return frozenset(pseudonym for issuer, original, pseudonym in rows if {(issuer, original), ("", original)} & wanted)


def withdrawn_subjects(withdrawals: pl.DataFrame) -> pl.DataFrame:
    """Published ids that were withdrawn, each with the day: `subject_id`, `withdrawn_on`."""
    rows = withdrawals.filter(pl.col("subject_id").is_not_null())
    days = rows.group_by("subject_id").agg(withdrawn_on=pl.col("withdrawn_at").min().dt.date())
    return days.sort("subject_id")
