"""Decides which reports speak of which study: by accession number, study UID, or patient and time.

Takes study drafts and reports and gives, per study, the candidates with the rule that found them, and the reports that
contradict it. Which candidate counts is left to `versions`, what a contradiction costs to `linkage`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cxr_core.intake.drafts import Report, StudyDraft, hours_apart
from cxr_core.intake.patients import Patient
from cxr_core.vocabulary import LinkRule, ReportStatus

_SAME_EXAM_HOURS = 24.0


@dataclass(slots=True)
class Matches:
    """What speaks of one study."""

    candidates: dict[str, tuple[Report, LinkRule]] = field(default_factory=dict, repr=False)
    contradicting: dict[str, Report] = field(default_factory=dict, repr=False)

    def add(self, report: Report, rule: LinkRule) -> None:
        """Note a candidate; the strongest rule, which comes first, stays."""
        self.candidates.setdefault(report.key, (report, rule))

    def contradict(self, report: Report) -> None:
        """Note a report of another patient; one that is void was taken back, and says nothing."""
        if report.status is not ReportStatus.VOID:
            self.contradicting[report.key] = report


def match_reports(
    studies: Mapping[str, StudyDraft], reports: Iterable[Report], *, window_hours: float
) -> dict[str, Matches]:
    """Find the reports of every study; nothing is guessed.

    AccessionNumber first, then StudyInstanceUID, then (patient, exam time) only where it is unique on both sides.
    Reports of another patient are never candidates: they contradict the study instead, unless a study of their own
    patient carries the same number.
    """
    matches = {uid: Matches() for uid in studies}
    by_accession: defaultdict[str, list[StudyDraft]] = defaultdict(list)
    for study in studies.values():
        for accession in study.accessions:
            by_accession[accession].append(study)
    unspoken = [report for report in reports if not _match_accession(report, by_accession, matches)]
    unspoken = [report for report in unspoken if not _match_uid(report, studies, matches)]
    _match_times(unspoken, studies, matches, window_hours)
    return matches


def agrees(report: Report, study: StudyDraft) -> bool:
    """True where report and study may be of one patient.

    A report without a patient id agrees unless its birth date says otherwise.
    """
    if report.patient is not None:
        return report.patient in study.patients
    return _same_birth_date(report, study)


def _same_birth_date(report: Report, study: StudyDraft) -> bool:
    dates = {image.birth_date for image in study.images if image.birth_date}
    return report.birth_date is None or not dates or report.birth_date in dates


def _match_accession(
    report: Report, by_accession: Mapping[str, list[StudyDraft]], matches: Mapping[str, Matches]
) -> bool:
    agreed = False
    against: list[StudyDraft] = []
    for accession in report.accessions:
        hits = by_accession.get(accession, [])
        own = [study for study in hits if agrees(report, study)]
        # The number trusted most counts in any case; one that is trusted less must also fit in time, because
        # placer and filler numbers of other systems may by chance equal an accession number.
        for study in own:
            if not agreed or (hours_apart(report.exam_at, study.exam_at) or 0.0) <= _SAME_EXAM_HOURS:
                matches[study.uid].add(report, LinkRule.ACCESSION)
        agreed = agreed or bool(own)
        against += [study for study in hits if study not in own]
    for study in () if agreed else against:
        matches[study.uid].contradict(report)
    return agreed or bool(against)


def _match_uid(report: Report, studies: Mapping[str, StudyDraft], matches: Mapping[str, Matches]) -> bool:
    study = studies.get(report.study_uid or "")
    if study is None:
        return False
    if agrees(report, study):
        matches[study.uid].add(report, LinkRule.STUDY_UID)
    else:
        matches[study.uid].contradict(report)
    return True


def _match_times(
    reports: Iterable[Report], studies: Mapping[str, StudyDraft], matches: Mapping[str, Matches], window_hours: float
) -> None:
    """Tie reports and studies that only patient and time connect, where each is the other's only choice.

    The choice must be the only one within twice the window, studies that have a report already included: a wrong exam
    time must not make the neighbour of the right study the only one left.
    """
    by_patient: defaultdict[Patient, list[StudyDraft]] = defaultdict(list)
    for study in studies.values():
        for patient in study.patients:
            by_patient[patient].append(study)
    groups = _exams(reports)
    choices = {
        key: [study for study in by_patient[key[0]] if _may_belong(versions, study, 2 * window_hours)]
        for key, versions in groups.items()
    }
    claims = Counter(study.uid for near in choices.values() for study in near)
    for key, near in choices.items():
        if len(near) != 1 or claims[near[0].uid] != 1:
            continue
        (study,) = near
        if _is_sure(groups[key], study, matches[study.uid], window_hours):
            for report in groups[key]:
                matches[study.uid].add(report, LinkRule.PATIENT_TIME)


_Exam = tuple[Patient, str]


def _exams(reports: Iterable[Report]) -> dict[_Exam, list[Report]]:
    """Reports by patient and accession number: versions of one exam; without a number each report stands alone."""
    groups: defaultdict[_Exam, list[Report]] = defaultdict(list)
    for report in reports:
        if report.patient is not None:
            groups[report.patient, report.accessions[0] if report.accessions else f"={report.key}"].append(report)
    return groups


def _is_sure(versions: Iterable[Report], study: StudyDraft, matches: Matches, window_hours: float) -> bool:
    """True where all times are known and near, and the study is of one patient without any other report."""
    gaps = [hours_apart(report.exam_at, study.exam_at) for report in versions]
    is_near = all(gap is not None and gap <= window_hours for gap in gaps)
    return is_near and len(study.patients) == 1 and not (matches.candidates or matches.contradicting)


def _may_belong(versions: Iterable[Report], study: StudyDraft, window_hours: float) -> bool:
    """True where nothing speaks against a report (in any version) and a study being of one exam.

    An unknown time speaks against nothing: such a study stays a possible choice, so that no other is taken for the
    only one. Two accession numbers that differ, another study UID or another birth date do.
    """
    for report in versions:
        if report.study_uid and report.study_uid != study.uid:
            return False
        if (report.accessions and study.accessions) or not _same_birth_date(report, study):
            return False
        apart = hours_apart(report.exam_at, study.exam_at)
        if apart is not None and apart > window_hours:
            return False
    return True
