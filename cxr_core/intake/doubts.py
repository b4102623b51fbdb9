"""Decides which links cannot be trusted because something else of the same person fits as well or better.

Takes every study with the report it was tied to, and all reports; gives the studies whose tie is in doubt. Looks only
at what a hospital knows: who, when, and which other exams and reports of that person are left over.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cxr_core.intake.drafts import Report, StudyDraft, hours_apart
from cxr_core.intake.identification import SAME_EXAM_HOURS, SAME_MOMENT_HOURS, is_of_other_kind, is_same_person
from cxr_core.intake.patients import Patient
from cxr_core.intake.versions import counts, words
from cxr_core.vocabulary import LinkRule


@dataclass(frozen=True, slots=True)
class Tie:
    """A study with what was found to speak of it.

    Parameters
    ----------
    report : Report or None
        The one that counts.
    rule : LinkRule or None
        What found it.
    candidates : mapping of report key to Report
        All versions that were found, that one included.
    """

    study: StudyDraft = field(repr=False)
    report: Report | None = field(repr=False)
    rule: LinkRule | None
    candidates: Mapping[str, Report] = field(repr=False)

    @property
    def gap_hours(self) -> float | None:
        """Distance of the exam times of study and report; None where one is unknown."""
        return hours_apart(self.study.exam_at, self.report.exam_at) if self.report else None

    @property
    def is_far(self) -> bool:
        """True where study and report speak of different days."""
        return (self.gap_hours or 0.0) >= SAME_EXAM_HOURS


def doubtful_ties(ties: Sequence[Tie], reports: Iterable[Report]) -> frozenset[str]:
    """Studies (by UID) that may have got the report of another exam of the same person.

    A number and a person that agree are trusted as long as the exam time does, unless a report that belongs nowhere
    names the very moment of the study. Where the exam times contradict each other, the number is either that of
    another exam or the time is wrong; the tie stands only if nothing speaks for the former: no exam without a report on
    the report's day, no report without an exam on the study's day, no second contradiction of that person, and no exam
    and report of that person left over that swapped numbers would explain. A tie by patient and time rests on the time
    alone, and falls with any other report of that day that belongs nowhere.

    Parameters
    ----------
    ties : sequence of Tie
        All studies.
    reports : iterable of Report
        All readable reports.
    """
    people = _People.of(ties, reports)
    return frozenset(tie.study.uid for tie in ties if tie.report and _is_doubtful(tie, people))


@dataclass(slots=True)
class _People:
    """Studies and reports by who they are of, and which reports have found the exam they speak of."""

    ties: defaultdict[Patient, list[Tie]] = field(default_factory=lambda: defaultdict(list), repr=False)
    reports: defaultdict[object, list[Report]] = field(default_factory=lambda: defaultdict(list), repr=False)
    found: set[str] = field(default_factory=set, repr=False)
    settled: set[str] = field(default_factory=set, repr=False)

    @classmethod
    def of(cls, ties: Iterable[Tie], reports: Iterable[Report]) -> "_People":
        people = cls()
        for tie in ties:
            for patient in tie.study.patients:
                people.ties[patient].append(tie)
            people.found.update(tie.candidates)
            near = (one for one in tie.candidates.values() if _is_within(one, tie.study, SAME_EXAM_HOURS))
            people.settled.update(one.key for one in near)
        for report in reports:
            if counts(report) and report.reason is None:
                for key in {report.patient, report.birth_date} - {None}:
                    people.reports[key].append(report)
        return people

    def others(self, tie: Tie) -> list[Tie]:
        """Other studies of the same patient."""
        return [one for patient in tie.study.patients for one in self.ties[patient] if one is not tie]

    def strays(self, tie: Tie) -> Iterator[Report]:
        """Other reports of the same person, of this kind of exam, that no study on their day has.

        Whose they are is told by the patient id, or by name and birth date where the id is missing or another's.
        """
        births = {image.birth_date for image in tie.study.images if image.birth_date}
        seen = {tie.report.key} if tie.report else set()
        for key in (*tie.study.patients, *births):
            for report in self.reports[key]:
                if report.key in seen or report.key in self.settled:
                    continue
                seen.add(report.key)
                is_own = report.patient in tie.study.patients or is_same_person(report, tie.study)
                if is_own and not is_of_other_kind(report, tie.study):
                    yield report


def _is_doubtful(tie: Tie, people: _People) -> bool:
    strays = [one for one in people.strays(tie) if tie.report and words(one) != words(tie.report)]
    if tie.is_far and tie.rule is LinkRule.ACCESSION:
        return _is_explained_by_a_swap(tie, people.others(tie), strays, people.found)
    hours = SAME_EXAM_HOURS if tie.rule is LinkRule.PATIENT_TIME else SAME_MOMENT_HOURS
    return any(_is_within(one, tie.study, hours) for one in strays)


def _is_explained_by_a_swap(tie: Tie, others: Sequence[Tie], strays: Sequence[Report], found: set[str]) -> bool:
    report = tie.report
    if report is None:
        return False
    unsettled = (other for other in others if other.report is None or other.is_far)
    if any(_is_within(report, other.study, SAME_EXAM_HOURS) for other in unsettled):
        return True
    if any(_is_within(one, tie.study, SAME_EXAM_HOURS) for one in (*strays, *_earlier(tie))):
        return True
    return any(other.is_far for other in others) or _is_a_pair_left_over(
        others, [one for one in strays if one.key not in found]
    )


def _is_a_pair_left_over(others: Sequence[Tie], strays: Sequence[Report]) -> bool:
    """True where an exam and a report found nothing, and not because they found each other and were refused."""
    empty = [other.study for other in others if other.report is None and other.study.usable]
    pairs = [(study, one) for study in empty for one in strays if _is_named(study, one)]
    lonely = [study for study in empty if study not in [study for study, _ in pairs]]
    return bool(lonely) and any(one not in [report for _, report in pairs] for one in strays)


def _is_named(study: StudyDraft, report: Report) -> bool:
    return report.study_uid == study.uid or not study.accessions.isdisjoint(report.accessions)


def _earlier(tie: Tie) -> Iterator[Report]:
    """Other versions under the same number."""
    return (one for one in tie.candidates.values() if one is not tie.report and one.reason is None)


def _is_within(report: Report, study: StudyDraft, hours: float) -> bool:
    """True where both exam times are known and no further apart."""
    gap = hours_apart(report.exam_at, study.exam_at)
    return gap is not None and gap <= hours
