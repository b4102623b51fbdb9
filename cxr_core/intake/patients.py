"""Decides which patient ids mean the same patient: after merges, with issuers where they are known.

Takes ids as found and gives one canonical (issuer, id) a patient.
What follows when two rows name different patients is left to `linkage`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Patient = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PatientIndex:
    """Canonical patients of one build.

    Parameters
    ----------
    survivors : mapping
        Old id -> the id that survives, chains followed to their end.
    issuers : mapping
        Id -> the issuers that any row names for it.
    """

    survivors: Mapping[str, str] = field(repr=False)
    issuers: Mapping[str, frozenset[str]] = field(repr=False)

    @classmethod
    def of(cls, merges: Iterable[tuple[str, str]], rows: Iterable[tuple[str, str | None]]) -> "PatientIndex":
        """Build the index from (old, new) pairs and from every (issuer, id) that a source holds."""
        survivors = _follow(dict(merges))
        issuers: defaultdict[str, set[str]] = defaultdict(set)
        for issuer, patient_id in rows:
            if patient_id and issuer.strip() and patient_id.strip() not in survivors:
                issuers[patient_id.strip()].add(issuer.strip())
        return cls(survivors, {patient_id: frozenset(known) for patient_id, known in issuers.items()})

    def patient(self, issuer: str, patient_id: str | None) -> Patient | None:
        """Canonical (issuer, id); None where the id is blank.

        An id without an issuer belongs to the only issuer known for it. Where several issuers use the id, or none,
        the issuer stays empty: which of several patients is meant is not guessed. A merged id takes the issuer of the
        id that survives.
        """
        found = (patient_id or "").strip()
        if not found:
            return None
        survivor = self.survivors.get(found, found)
        known = self.issuers.get(survivor, frozenset())
        own = issuer.strip()
        if own and (survivor == found or own in known or not known):
            return own, survivor
        return (next(iter(known)) if len(known) == 1 else ""), survivor


def _follow(merges: Mapping[str, str]) -> dict[str, str]:
    """Follow chains of merges to their end; ids merged in a circle all mean one patient, named by the smallest id."""
    found: dict[str, str] = {}
    for old in merges:
        path = [old]
        while (after := merges.get(path[-1])) is not None and after not in path:
            path.append(after)
        end = path[-1] if after is None else min(path[path.index(after) :])
        if end != old:
            found[old] = end
    return found
