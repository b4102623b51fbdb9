"""Decides whether a study belongs to the cohort: patient, region, dates, emergency encounter, age.

Takes study drafts and the RIS side tables and gives the reason against each study, or none.
Whether a report belongs to the study is left to `matching` and `linkage`.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from cxr_core.intake.catalog import DESCRIPTION_BREAK, DESCRIPTION_SLOTS
from cxr_core.intake.drafts import Image, Report, StudyDraft
from cxr_core.intake.patients import Patient, PatientIndex
from cxr_core.policy.chest import ChestPolicy, Region, chest_policy
from cxr_core.settings.cohort import CohortSettings, CohortUnit
from cxr_core.vocabulary import Reason

_MIDNIGHT = dt.time()
_OPEN_STAY = dt.timedelta(hours=24)  # of an encounter without a departure
_CAUSES = {"test": Reason.TEST_PATIENT, "vault: withdrawn": Reason.WITHDRAWN}  # by how a cause begins; others: excluded


@dataclass(frozen=True, slots=True)
class Encounter:
    """One stay of a patient."""

    patient_class: str
    arrived_at: dt.datetime = field(repr=False)
    departed_at: dt.datetime = field(repr=False)

    def holds(self, moment: dt.datetime) -> bool:
        """True where an exam falls into the stay; by whole days where the exam has no time."""
        if moment.time() == _MIDNIGHT:
            return self.arrived_at.date() <= moment.date() <= self.departed_at.date()
        return self.arrived_at <= moment <= self.departed_at


@dataclass(frozen=True, slots=True)
class Cohort:
    """Everything that the cohort decision needs, ready to ask."""

    settings: CohortSettings
    encounters: dict[Patient, tuple[Encounter, ...]] | None = field(repr=False)
    excluded: dict[Patient, Reason] = field(repr=False)
    policy: ChestPolicy = field(repr=False)

    @classmethod
    def of(
        cls, settings: CohortSettings, encounters: pl.DataFrame, exclusions: pl.DataFrame | None, index: PatientIndex
    ) -> "Cohort":
        """Prepare the side tables; without any encounter every study counts as within one."""
        stays: defaultdict[Patient, list[Encounter]] = defaultdict(list)
        for row in encounters.iter_rows(named=True):
            patient = index.patient(row["issuer"], row["patient_id"])
            if patient:
                end = row["departed_at"] or row["arrived_at"] + _OPEN_STAY
                stays[patient].append(Encounter(row["patient_class"], row["arrived_at"], end))
        known = {patient: tuple(found) for patient, found in stays.items()}
        policy = chest_policy().extended(settings.chest_words, settings.other_words, settings.test_patients)
        return cls(settings, known if encounters.height else None, _excluded(exclusions, index), policy)

    def patient_reason(self, patients: Iterable[Patient], names: Iterable[str]) -> Reason | None:
        """Why nothing of a patient may be read."""
        found = list(patients)
        excluded = next((self.excluded[patient] for patient in found if patient in self.excluded), None)
        if excluded:
            return excluded
        listed = tuple(names)
        is_test = any(self.policy.is_test_patient(listed, patient_id) for _, patient_id in found)
        return Reason.TEST_PATIENT if is_test else None

    def is_wanted_modality(self, image: Image) -> bool:
        """True for the modalities that the settings name; without one the SOP class tells."""
        modality = image.modality or ("CR" if image.sop_class.endswith(".1.1.1") else "DX")
        return modality in self.settings.modalities

    def shows_chest(self, image: Image, report: Report | None) -> bool:
        """True where exam or image say chest and neither says another region.

        The exam is spoken for by study and procedure descriptions, the report where these are silent; the image by its
        series description, else its body part, else its protocol (which is often left at the default).
        """
        study, series, protocol = _texts(image.description)
        exam = self._first(self.policy.region_of_text(text) for text in study)
        if exam is Region.UNSAID and report is not None:
            exam = self.policy.region_of_text(report.exam_description)
        own = self._first(
            (
                self.policy.region_of_text(series),
                self.policy.region_of_part(image.body_part),
                self.policy.region_of_text(protocol),
            )
        )
        return Region.CHEST in (exam, own) and Region.OTHER not in (exam, own)

    def study_reason(self, study: StudyDraft, report: Report | None) -> Reason | None:
        """Why a study of one known patient is outside the cohort: dates, encounters, age."""
        moment = study.exam_at or (report.exam_at if report else None)
        (patient,) = study.patients
        if not self._is_in_range(moment) or not self._is_in_encounter(patient, moment):
            return Reason.OUTSIDE_COHORT
        birth_date = study.birth_date or (report.birth_date if report else None)
        if moment and birth_date and _age_years(birth_date, moment) < self.settings.min_age:
            return Reason.UNDER_AGE
        return None

    def group(self, patient: Patient, moment: dt.datetime | None) -> str | None:
        """Class of the encounter around an exam; the wanted class first, where stays overlap."""
        if self.encounters is None or moment is None:
            return None
        classes = {stay.patient_class for stay in self.encounters.get(patient, ()) if stay.holds(moment)}
        single = sorted(name for name in classes if len(name) == 1 and name.isascii() and name.isupper())
        return self.settings.patient_class if self.settings.patient_class in single else next(iter(single), None)

    def _is_in_range(self, moment: dt.datetime | None) -> bool:
        start, end = self.settings.start, self.settings.end
        if start is None and end is None:
            return True
        return moment is not None and (start or dt.date.min) <= moment.date() <= (end or dt.date.max)

    def _is_in_encounter(self, patient: Patient, moment: dt.datetime | None) -> bool:
        if self.encounters is None:
            return True
        stays = [stay for stay in self.encounters.get(patient, ()) if stay.patient_class == self.settings.patient_class]
        if self.settings.unit is CohortUnit.ENCOUNTER:
            return moment is not None and any(stay.holds(moment) for stay in stays)
        return any(self._is_in_range(stay.arrived_at) for stay in stays)

    @staticmethod
    def _first(regions: Iterable[Region]) -> Region:
        return next((region for region in regions if region is not Region.UNSAID), Region.UNSAID)


def _texts(description: str) -> tuple[list[str], str, str]:
    """Exam texts, series text and protocol of a description; one without slots is an exam text."""
    slots = description.split(DESCRIPTION_BREAK)
    if len(slots) != len(DESCRIPTION_SLOTS):
        return [description], "", ""
    study, series, requested, performed, protocol = slots
    return [study, requested, performed], series, protocol


def _excluded(exclusions: pl.DataFrame | None, index: PatientIndex) -> dict[Patient, Reason]:
    found: dict[Patient, Reason] = {}
    for row in exclusions.iter_rows(named=True) if exclusions is not None else ():
        patient = index.patient(row["issuer"], row["patient_id"])
        if patient:
            cause = row["cause"].casefold()
            known = (reason for start, reason in _CAUSES.items() if cause.startswith(start))
            found[patient] = next(known, Reason.EXCLUDED)
            # An exclusion that names no issuer, of an id that several issuers use, means all of them: leaving out too
            # much is the smaller harm.
            for issuer in index.issuers.get(patient[1], frozenset()) if not patient[0] else ():
                found[issuer, patient[1]] = found[patient]
    return found


def _age_years(birth_date: dt.date, moment: dt.datetime) -> int:
    had_birthday = (moment.month, moment.day) >= (birth_date.month, birth_date.day)
    return moment.year - birth_date.year - (0 if had_birthday else 1)
