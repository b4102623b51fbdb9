"""Decides whether a report and a study may be of one patient, and which of several studies a number means.

Takes a report and studies and answers without guessing: where two answers are possible there is none.
What follows from the answers is left to `matching`.
"""

import re
from collections.abc import Iterable
from itertools import combinations

from cxr_core.intake.drafts import Report, StudyDraft, hours_apart
from cxr_core.policy.chest import Region, chest_policy

SAME_EXAM_HOURS = 24.0
SAME_MOMENT_HOURS = 1.0
_WORD = re.compile(r"[^\W\d_]{2,}")


def agrees(report: Report, study: StudyDraft) -> bool:
    """True where report and study may be of one patient.

    The patient id decides, unless birth date and name both say otherwise: an id may be typed wrongly into that of
    somebody else, or stand for two patients of two issuers that nobody names. A report without a patient id agrees
    unless birth date or name say otherwise.
    """
    is_same_date, is_same_name = has_same_birth_date(report, study), _has_same_name(report, study)
    if report.patient is not None:
        return report.patient in study.patients and (is_same_date or is_same_name)
    return is_same_date and is_same_name


def has_same_birth_date(report: Report, study: StudyDraft) -> bool:
    """True where the birth dates of report and study do not differ, as far as both are known."""
    dates = {image.birth_date for image in study.images if image.birth_date}
    return report.birth_date is None or not dates or report.birth_date in dates


def _has_same_name(report: Report, study: StudyDraft) -> bool:
    """True where the names of report and study share a word, as far as both are known."""
    told, shown = _name_words(report.person_names), _name_words(study.person_names)
    return not told or not shown or bool(told & shown)


def is_same_person(report: Report, study: StudyDraft) -> bool:
    """True where name and birth date of both are known and agree, whatever the patient ids say."""
    is_known = bool(report.person_names and study.person_names and report.birth_date and study.birth_date)
    return is_known and has_same_birth_date(report, study) and _has_same_name(report, study)


def is_of_other_kind(report: Report, study: StudyDraft) -> bool:
    """True where a report names another region than the images show, or another modality than radiography."""
    policy, told = chest_policy(), report.exam_description
    parts = {policy.region_of_part(image.body_part) for image in study.usable if image.body_part}
    spoken, shown = policy.region_of_text(told), Region.CHEST if Region.CHEST in parts else Region.UNSAID
    return policy.names_other_modality(told) or (spoken is Region.OTHER and shown is Region.CHEST)


def _name_words(names: Iterable[str]) -> set[str]:
    return {word.casefold() for name in names for word in _WORD.findall(name)}


def meant_studies(report: Report, written: str, studies: list[StudyDraft]) -> list[StudyDraft]:
    """The studies that an accession number means, among those whose folded number it is; none where it is unsure.

    One order may have become several studies: they share the report. But numbers that only folding makes equal
    (leading zeros, suffixes of sites) are different numbers; a study UID in the report decides; and a number that a
    patient carries again after more than a day was given out twice, so that the exam time decides. A number alone
    never decides between two patients.

    Parameters
    ----------
    report : Report
    written : str
        The number as the report writes it.
    studies : list of StudyDraft
        Of patients that agree with the report.
    """
    if len(studies) < 2:
        return studies
    if len(frozenset().union(*(study.written_accessions for study in studies))) > 1:
        studies = [study for study in studies if written in study.written_accessions]
    if report.patient is None and len({study.patients for study in studies}) > 1:
        return []
    named = [study for study in studies if study.uid == report.study_uid]
    if named:
        return named
    if _is_one_exam(studies):
        return studies
    near = [study for study in studies if _is_surely_near(report, study)]
    return near if _is_one_exam(near) else []


def _is_one_exam(studies: list[StudyDraft]) -> bool:
    gaps = [hours_apart(one.exam_at, other.exam_at) for one, other in combinations(studies, 2)]
    return all(gap is not None and gap <= SAME_EXAM_HOURS for gap in gaps)


def _is_surely_near(report: Report, study: StudyDraft) -> bool:
    """True where both exam times are known and no more than a day apart."""
    gap = hours_apart(report.exam_at, study.exam_at)
    return gap is not None and gap <= SAME_EXAM_HOURS
