"""Decides which patient ids mean the same patient: after merges, with issuers where they are known.

Takes ids as found and gives one canonical (issuer, id) a patient.
What follows when two rows name different patients is left to `linkage`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Patient = tuple[str, str]
Merge = tuple[Patient, Patient]


@dataclass(frozen=True, slots=True)
class PatientIndex:
    """Canonical patients of one build.

    Parameters
    ----------
    merges : mapping
        Old (issuer, id) -> the one that replaces it; an empty issuer means that the merge names none.
    issuers : mapping
        Id -> the issuers that any row names for it.
    """

    merges: Mapping[Patient, Patient] = field(repr=False)
    issuers: Mapping[str, frozenset[str]] = field(repr=False)

    @classmethod
    def of(cls, merges: Iterable[Merge], rows: Iterable[tuple[str, str | None]]) -> "PatientIndex":
        """Build the index from (old, new) patients and from every (issuer, id) that a source holds."""
        issuers: defaultdict[str, set[str]] = defaultdict(set)
        for issuer, patient_id in rows:
            if patient_id and issuer.strip():
                issuers[patient_id.strip()].add(issuer.strip())
        return cls(dict(merges), {patient_id: frozenset(known) for patient_id, known in issuers.items()})

    def patient(self, issuer: str, patient_id: str | None) -> Patient | None:
        """Canonical (issuer, id); None where the id is blank.

        An id without an issuer belongs to the only issuer known for it. Where several issuers use the id, or none,
        the issuer stays empty: which of several patients is meant is not guessed. Merges are followed to the end of
        their chain; ids merged in a circle all mean one patient, named by the smallest id.
        """
        found = (patient_id or "").strip()
        if not found:
            return None
        path = [(issuer.strip() or self._only_issuer(found), found)]
        while (after := self._merged(*path[-1])) is not None:
            if after in path:
                return min(path[path.index(after) :], key=lambda one: (one[1], one[0]))
            path.append(after)
        return path[-1]

    def _only_issuer(self, patient_id: str) -> str:
        known = self.issuers.get(patient_id, frozenset())
        return next(iter(known)) if len(known) == 1 else ""

    def _merged(self, issuer: str, patient_id: str) -> Patient | None:
        """The patient that replaces this one, one step further; None where no merge speaks of it.

        A merge that names no issuer speaks of the issuer of the surviving id. Where that issuer uses the old id, too,
        the same id of another issuer is somebody else, and without an issuer nobody can tell.
        """
        exact = self.merges.get((issuer, patient_id)) if issuer else None
        if exact is not None:
            return exact[0] or issuer, exact[1]
        loose = self.merges.get(("", patient_id))
        if loose is None:
            return None
        new_issuer, survivor = loose
        known = frozenset([new_issuer]) if new_issuer else self.issuers.get(survivor, frozenset())
        users = self.issuers.get(patient_id, frozenset())
        if issuer in known or not known:
            return issuer, survivor
        if (users & known) if issuer else len(users) > 1:
            return None
        return new_issuer or self._only_issuer(survivor), survivor
