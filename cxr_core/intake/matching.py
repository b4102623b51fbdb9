"""Decides which reports speak of which study: by accession number, study UID, or patient and time.

Takes study drafts and reports and gives, per study, the candidates with the rule that found them, and the reports that
contradict it. Which candidate counts is left to `versions`, what a contradiction costs to `linkage`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cxr_core.intake.drafts import Report, StudyDraft, hours_apart
from cxr_core.intake.identification import (
    SAME_EXAM_HOURS,
    SAME_MOMENT_HOURS,
    agrees,
    has_same_birth_date,
    is_of_other_kind,
    meant_studies,
)
from cxr_core.intake.patients import Patient
from cxr_core.vocabulary import LinkRule, ReportStatus


@dataclass(slots=True)
class Matches:
    """What speaks of one study."""

    candidates: dict[str, tuple[Report, LinkRule]] = field(default_factory=dict, repr=False)
    contradicting: dict[str, Report] = field(default_factory=dict, repr=False)
    lesser: set[str] = field(default_factory=set, repr=False)

    def add(self, report: Report, rule: LinkRule, *, is_lesser: bool = False) -> None:
        """Note a candidate; the strongest rule, which comes first, stays.

        A candidate is lesser where only a number that its report trusts less than another is the study's.
        """
        if report.key not in self.candidates and is_lesser:
            self.lesser.add(report.key)
        self.candidates.setdefault(report.key, (report, rule))

    def contradict(self, report: Report) -> None:
        """Note a report of another patient; one that is void was taken back, and says nothing."""
        if report.status is not ReportStatus.VOID:
            self.doubt(report)

    def doubt(self, report: Report) -> None:
        """Note a report of the patient that may mean this study or another one, void or not."""
        self.contradicting[report.key] = report


@dataclass(slots=True)
class _Book:
    """All studies, looked up by what reports name, and what was found to speak of them."""

    studies: Mapping[str, StudyDraft] = field(repr=False)
    matches: dict[str, Matches] = field(repr=False)
    by_accession: defaultdict[str, list[StudyDraft]] = field(default_factory=lambda: defaultdict(list), repr=False)
    by_patient: defaultdict[Patient, list[StudyDraft]] = field(default_factory=lambda: defaultdict(list), repr=False)


def match_reports(
    studies: Mapping[str, StudyDraft], reports: Iterable[Report], *, window_hours: float
) -> dict[str, Matches]:
    """Find the reports of every study; nothing is guessed.

    AccessionNumber first, then StudyInstanceUID, then (patient, exam time) only where it is unique on both sides.
    Reports of another patient are never candidates: they contradict the study instead, unless a study of their own
    patient carries the same number.
    """
    book = _Book(studies, {uid: Matches() for uid in studies})
    for study in studies.values():
        for accession in study.accessions:
            book.by_accession[accession].append(study)
        for patient in study.patients:
            book.by_patient[patient].append(study)
    unspoken = [report for report in reports if not _match_accession(report, book)]
    unspoken = [report for report in unspoken if not _match_uid(report, book)]
    _match_times(unspoken, book, window_hours)
    return book.matches


def _match_accession(report: Report, book: _Book) -> bool:
    linked: list[tuple[StudyDraft, bool]] = []
    against: list[StudyDraft] = []
    doubtful: list[StudyDraft] = []
    for place, accession in enumerate(report.accessions):
        hits = book.by_accession.get(accession, [])
        own = [study for study in hits if agrees(report, study)]
        against += [study for study in hits if study not in own]
        # The number trusted most counts in any case; one that is trusted less must also fit in time, because
        # placer and filler numbers of other systems may by chance equal an accession number.
        near = [study for study in own if not place or _is_near(report, study)]
        meant = meant_studies(report, report.written_accessions[place], near)
        doubtful += near if near and not meant else []
        linked += [(study, place > 0) for study in meant]
    named = book.studies.get(report.study_uid or "")
    if linked and named is not None and named not in [study for study, _ in linked]:
        doubtful += [named, *(study for study, _ in linked)]  # number and study UID speak of different studies
    doubtful += _spoken_by_time(report, [study for study, _ in linked], book)
    for study, is_lesser in linked:
        book.matches[study.uid].add(report, LinkRule.ACCESSION, is_lesser=is_lesser)
    for study in doubtful:
        book.matches[study.uid].doubt(report)
    for study in () if linked or doubtful else against:
        book.matches[study.uid].contradict(report)
    return bool(linked or doubtful or against)


def _spoken_by_time(report: Report, linked: list[StudyDraft], book: _Book) -> list[StudyDraft]:
    """Studies in doubt because the number means one exam and the exam time another one of the same patient.

    A wrong exam time alone is no doubt; one that is, within an hour, that of the patient's other exam is what swapped
    numbers look like.
    """
    if not linked or any(_is_near(report, study) for study in linked):
        return []
    patients = {patient for study in linked for patient in study.patients}
    own = [study for patient in patients for study in book.by_patient[patient]]
    gaps = [(study, hours_apart(report.exam_at, study.exam_at)) for study in own]
    others = [study for study, gap in gaps if gap is not None and gap <= SAME_MOMENT_HOURS]
    return [*linked, *others] if others else []


def _is_near(report: Report, study: StudyDraft) -> bool:
    return (hours_apart(report.exam_at, study.exam_at) or 0.0) <= SAME_EXAM_HOURS


def _match_uid(report: Report, book: _Book) -> bool:
    study = book.studies.get(report.study_uid or "")
    if study is None:
        return False
    if agrees(report, study):
        book.matches[study.uid].add(report, LinkRule.STUDY_UID)
    else:
        book.matches[study.uid].contradict(report)
    return True


def _match_times(reports: Iterable[Report], book: _Book, window_hours: float) -> None:
    """Tie reports and studies that only patient and time connect, where each is the other's only choice.

    The choice must be the only one within twice the window, studies that have a report already included: a wrong exam
    time must not make the neighbour of the right study the only one left.
    """
    groups = _exams(reports)
    choices = {
        key: [study for study in book.by_patient.get(key[0], []) if _may_belong(versions, study, 2 * window_hours)]
        for key, versions in groups.items()
    }
    claims = Counter(study.uid for near in choices.values() for study in near)
    for key, near in choices.items():
        if len(near) != 1 or claims[near[0].uid] != 1:
            continue
        (study,) = near
        if _is_sure(groups[key], study, book.matches[study.uid], window_hours):
            for report in groups[key]:
                book.matches[study.uid].add(report, LinkRule.PATIENT_TIME)


_Exam = tuple[Patient, str]


def _exams(reports: Iterable[Report]) -> dict[_Exam, list[Report]]:
    """Reports by patient and accession number: versions of one exam; without a number each report stands alone."""
    groups: defaultdict[_Exam, list[Report]] = defaultdict(list)
    for report in reports:
        if report.patient is not None:
            groups[report.patient, report.accessions[0] if report.accessions else f"={report.key}"].append(report)
    return groups


def _is_sure(versions: Iterable[Report], study: StudyDraft, matches: Matches, window_hours: float) -> bool:
    """True where all times are known and near, and the study is of one patient without any other report.

    A report of another region or another modality is never tied by time alone, however near: its own images may not
    have been exported.
    """
    gaps = [hours_apart(report.exam_at, study.exam_at) for report in versions]
    is_near = all(gap is not None and gap <= window_hours for gap in gaps)
    is_kind = not any(is_of_other_kind(report, study) for report in versions)
    return is_near and is_kind and len(study.patients) == 1 and not (matches.candidates or matches.contradicting)


def _may_belong(versions: Iterable[Report], study: StudyDraft, window_hours: float) -> bool:
    """True where nothing speaks against a report (in any version) and a study being of one exam.

    An unknown time speaks against nothing: such a study stays a possible choice, so that no other is taken for the
    only one. Two accession numbers that differ, another study UID or another birth date do.
    """
    for report in versions:
        if report.study_uid and report.study_uid != study.uid:
            return False
        if (report.accessions and study.accessions) or not has_same_birth_date(report, study):
            return False
        apart = hours_apart(report.exam_at, study.exam_at)
        if apart is not None and apart > window_hours:
            return False
    return True
