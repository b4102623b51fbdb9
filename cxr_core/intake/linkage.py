"""Decides which studies make up the dataset, which report each of them has, and why everything else is left out.

Takes the catalog, the RIS side tables and the settings; gives studies, their files and one drop row for every other
item. Pseudonyms are left to the vault, decoding to the stages behind the airlock.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from cxr_core.intake.cohort import Cohort
from cxr_core.intake.doubts import Tie, doubtful_ties
from cxr_core.intake.drafts import (
    Image,
    Report,
    StudyDraft,
    draft_studies,
    hours_apart,
    read_images,
    read_reports,
)
from cxr_core.intake.duplicates import Copy, PixelsEqual, judge_copies
from cxr_core.intake.matching import Matches, match_reports
from cxr_core.intake.patients import PatientIndex
from cxr_core.intake.versions import Verdict, choose_version, compose_text, counts, words
from cxr_core.settings.cohort import CohortSettings
from cxr_core.settings.link import LinkSettings
from cxr_core.tables.catalogue import DROPS, MERGES, REPORTS, STUDIES, STUDY_INSTANCES
from cxr_core.vocabulary import ItemKind, LinkRule, Reason, ReportStatus, Stage, StudyFlag

_MISMATCH_HOURS = 24.0


@dataclass(frozen=True, slots=True)
class Linked:
    """What linkage decided.

    Parameters
    ----------
    studies : STUDIES frame
        The studies of the dataset.
    instances : STUDY_INSTANCES frame
        Their files.
    drops : DROPS frame
        One row for every other file, study and report of the catalog.
    reports : REPORTS frame
        All reports; linked ones have loose addenda put above their text. This frame, not the catalog's, feeds the
        airlock.
    """

    studies: pl.DataFrame = field(repr=False)
    instances: pl.DataFrame = field(repr=False)
    drops: pl.DataFrame = field(repr=False)
    reports: pl.DataFrame = field(repr=False)


@dataclass(slots=True)
class _Decision:
    """One study with everything that was decided about it."""

    study: StudyDraft
    matches: Matches
    verdict: Verdict
    reason: Reason | None = None

    @property
    def rule(self) -> LinkRule | None:
        current = self.verdict.current
        return self.matches.candidates[current.key][1] if current else None


def link(  # noqa: PLR0913  the four tables of intake and the settings that rule them
    instances: pl.DataFrame,
    reports: pl.DataFrame,
    encounters: pl.DataFrame,
    merges: pl.DataFrame,
    *,
    cohort: CohortSettings,
    link: LinkSettings,
    pixels_equal: PixelsEqual,
    exclusions: pl.DataFrame | None = None,
) -> Linked:
    """Tie reports to studies and decide on the cohort.

    Parameters
    ----------
    instances, reports, encounters, merges : frames of these contracts
        The catalog and the RIS side tables; an empty encounters table means that none was given.
    cohort, link : settings
    pixels_equal : callable
        Whether two catalogued files (by path) hold the same pixels; asked only for files with one SOP Instance UID and
        different bytes.
    exclusions : frame of issuer, patient_id, cause, optional
        Patients of whom nothing may be read.

    Returns
    -------
    Linked
        Every file, study and report of the catalog is in the dataset or has exactly one drop row of its kind.
    """
    index = patient_index(instances, reports, merges)
    rules = Cohort.of(cohort, encounters, exclusions, index)
    images = read_images(instances, index, link.accession_suffixes)
    dropped = _judge_images(images, rules, pixels_equal)
    studies = draft_studies(images, dropped)
    records = read_reports(reports, index, link.accession_suffixes)
    decisions = _decide(studies, records, link)
    for decision in decisions:
        _judge_study(decision, rules, dropped, require_report=cohort.require_report)
    _judge_ties(decisions, records, quarantine_mismatch=link.quarantine_date_mismatch)
    fates = _report_fates(records, decisions, rules)
    return Linked(
        studies=STUDIES.frame(_study_rows(decisions, rules)),
        instances=STUDY_INSTANCES.frame(_instance_rows(decisions, dropped)),
        drops=DROPS.frame(_drop_rows(images, dropped, decisions, fates)),
        reports=_composed(reports, decisions),
    )


def patient_index(instances: pl.DataFrame, reports: pl.DataFrame, merges: pl.DataFrame) -> PatientIndex:
    """Which patient ids mean the same patient, as the link stage sees it; frames of the catalog."""
    pairs = [
        ((old_issuer.strip(), old.strip()), (new_issuer.strip(), new.strip()))
        for old_issuer, old, new_issuer, new in merges.select(list(MERGES.columns)).iter_rows()
    ]
    ids = pl.concat([frame.select("issuer", "patient_id").unique() for frame in (instances, reports)])
    return PatientIndex.of(pairs, ids.iter_rows())


def _judge_images(images: list[Image], rules: Cohort, pixels_equal: PixelsEqual) -> dict[str, Reason]:
    """Reasons by path for files that the catalog found usable."""
    dropped: dict[str, Reason] = {}
    rejected = {uid for image in images for uid in image.rejected_uids}
    copies: defaultdict[str, list[Copy]] = defaultdict(list)
    for image in images:
        if image.reason is not None:
            continue
        if image.sop_uid in rejected:
            dropped[image.path] = Reason.EXCLUDED
        elif not rules.is_wanted_modality(image):
            dropped[image.path] = Reason.NOT_CR_DX
        else:
            copies[image.sop_uid or ""].append(Copy(image.path, image.fingerprint, image.content_at, image.mtime_ns))
    for same in copies.values():
        if len(same) > 1:
            dropped |= judge_copies(same, pixels_equal)
    return dropped | _for_processing(images, dropped)


def _for_processing(images: list[Image], dropped: Mapping[str, Reason]) -> dict[str, Reason]:
    """Raw detector images are left out where the study has images made for reading."""
    usable = [image for image in images if image.reason is None and image.path not in dropped]
    presented = {image.study_uid for image in usable if not image.is_for_processing}
    return {
        image.path: Reason.FOR_PROCESSING
        for image in usable
        if image.is_for_processing and image.study_uid in presented
    }


def _decide(studies: Mapping[str, StudyDraft], reports: list[Report], link: LinkSettings) -> list[_Decision]:
    # A report that could not be read at all names nothing that could be matched.
    readable = [report for report in reports if report.reason is not Reason.E_REPORT]
    matches = match_reports(studies, readable, window_hours=link.window_hours)
    return [
        _Decision(
            study,
            matches[uid],
            choose_version(
                (report for report, _ in matches[uid].candidates.values()), use_preliminary=link.use_preliminary
            ),
        )
        for uid, study in sorted(studies.items())
    ]


def _judge_study(decision: _Decision, rules: Cohort, dropped: dict[str, Reason], *, require_report: bool) -> None:
    """Set the reason against a study, the most fundamental first; drop its images of other regions."""
    study, report = decision.study, decision.verdict.current
    decision.reason = rules.patient_reason(study.patients, study.person_names) or _image_reason(study, dropped)
    if decision.reason:
        return
    if len(study.patients) != 1:
        decision.reason = Reason.E_LINK
        return
    chest = [image for image in study.usable if rules.shows_chest(image, report)]
    if not chest:
        decision.reason = Reason.NOT_CHEST
        return
    decision.reason = rules.study_reason(study, report)
    if decision.reason is None and (decision.matches.contradicting or _is_ambiguous(decision)):
        decision.reason = Reason.E_LINK
    elif decision.reason is None and report is None and require_report:
        decision.reason = Reason.NO_REPORT
    if decision.reason is None:
        kept = {image.path for image in chest}
        dropped |= {image.path: Reason.NOT_CHEST for image in study.usable if image.path not in kept}
        study.usable = chest


def _judge_ties(decisions: list[_Decision], reports: Iterable[Report], *, quarantine_mismatch: bool) -> None:
    """Quarantine the studies that may have got the report of another exam; ties of studies left out count, too."""
    doubtful = doubtful_ties([_tie(decision) for decision in decisions], reports)
    for decision in decisions:
        is_mismatch = quarantine_mismatch and _is_date_mismatch(decision)
        if decision.reason is None and (is_mismatch or decision.study.uid in doubtful):
            decision.reason = Reason.E_LINK


def _tie(decision: _Decision) -> Tie:
    versions = {key: report for key, (report, _) in decision.matches.candidates.items()}
    return Tie(decision.study, decision.verdict.current, decision.rule, versions)


def _image_reason(study: StudyDraft, dropped: Mapping[str, Reason]) -> Reason | None:
    """Why a study without usable images is left out: the policy that left them out, else nothing survived."""
    if study.usable:
        return None
    reasons = {image.reason or dropped.get(image.path) for image in study.images} - {Reason.E_SOP}
    return Reason.NOT_CR_DX if reasons == {Reason.NOT_CR_DX} else Reason.NO_SURVIVING_IMAGE


def _is_date_mismatch(decision: _Decision) -> bool:
    report = decision.verdict.current
    apart = hours_apart(decision.study.exam_at, report.exam_at) if report else None
    return apart is not None and apart >= _MISMATCH_HOURS


def _is_ambiguous(decision: _Decision) -> bool:
    """True where several reports that count speak of the study and which of them means it is unknown.

    That is where a study carries several accession numbers and their reports differ, where the study's number is the
    first number of one report and a lesser one (placer, filler) of another with other words, or where two versions
    differ and neither is newer.
    """
    if decision.verdict.is_disputed:
        return True
    own = decision.study.accessions
    readable = [
        (key, report, rule) for key, (report, rule) in decision.matches.candidates.items() if report.reason is None
    ]
    found = {frozenset(report.accessions) & own for _, report, rule in readable if rule is LinkRule.ACCESSION}
    if len(own) > 1 and len(found) > 1:
        return True
    counting = [(key in decision.matches.lesser, report) for key, report, _ in readable if counts(report)]
    return len({is_lesser for is_lesser, _ in counting}) > 1 and len({words(report) for _, report in counting}) > 1


def _report_fates(reports: list[Report], decisions: Iterable[_Decision], rules: Cohort) -> dict[str, Reason]:
    """One reason for every report that no kept study uses."""
    linked: set[str] = set()
    fates: dict[str, Reason] = {}
    for decision in decisions:
        current = decision.verdict.current
        if decision.reason is None and current:
            linked.add(current.key)
        for key in [*decision.matches.candidates, *decision.matches.contradicting]:
            fate = decision.verdict.reasons.get(key) or decision.reason
            if fate:
                fates.setdefault(key, fate)
    return {
        report.key: _own_reason(report, rules) or fates.get(report.key) or _without_study(report)
        for report in reports
        if report.key not in linked
    }


def _own_reason(report: Report, rules: Cohort) -> Reason | None:
    excluded = rules.patient_reason([report.patient], report.person_names) if report.patient else None
    return report.reason or excluded


def _without_study(report: Report) -> Reason:
    return Reason.REPORT_VOID if report.status is ReportStatus.VOID else Reason.NO_IMAGES


def _study_rows(decisions: list[_Decision], rules: Cohort) -> list[dict[str, Any]]:
    kept = [decision for decision in decisions if decision.reason is None]
    uses = Counter(decision.verdict.current.key for decision in kept if decision.verdict.current)
    rows = []
    for decision in kept:
        report = decision.verdict.current
        ((issuer, patient_id),) = decision.study.patients
        exam_at = decision.study.exam_at or (report.exam_at if report else None)
        rows.append(
            {
                "study_instance_uid": decision.study.uid,
                "issuer": issuer,
                "patient_id": patient_id,
                "exam_at": exam_at,
                "report_key": report.key if report else None,
                "link_rule": decision.rule,
                "flags": _flags(decision, uses),
                "encounter_group": rules.group((issuer, patient_id), exam_at),
            }
        )
    return rows


def _flags(decision: _Decision, uses: Mapping[str, int]) -> list[str]:
    study, verdict, report = decision.study, decision.verdict, decision.verdict.current
    has_names = bool(study.person_names or (report and report.person_names))
    raised = {
        StudyFlag.DATE_MISMATCH: _is_date_mismatch(decision),
        StudyFlag.HAS_ADDENDUM: bool(verdict.addenda) or (report is not None and report.has_addendum),
        StudyFlag.SHARED_REPORT: report is not None and uses[report.key] > 1,
        StudyFlag.SUPERSEDED_REPORTS: verdict.has_superseded,
        StudyFlag.NO_DEMOGRAPHICS: not has_names,
    }
    return [flag.value for flag, is_raised in raised.items() if is_raised]


def _instance_rows(decisions: list[_Decision], dropped: Mapping[str, Reason]) -> list[dict[str, Any]]:
    return [
        {
            "path": image.path,
            "study_instance_uid": decision.study.uid,
            "sop_instance_uid": image.sop_uid,
            "fingerprint": image.fingerprint,
        }
        for decision in decisions
        if decision.reason is None
        for image in decision.study.usable
        if image.path not in dropped
    ]


def _drop_rows(
    images: list[Image], dropped: Mapping[str, Reason], decisions: list[_Decision], fates: Mapping[str, Reason]
) -> list[dict[str, Any]]:
    against = {decision.study.uid: decision.reason for decision in decisions if decision.reason}
    rows = []
    for image in images:
        reason = image.reason or dropped.get(image.path) or against.get(image.study_uid or "")
        if reason:
            kind = ItemKind.INSTANCE if image.sop_uid else ItemKind.FILE
            stage = Stage.CATALOG if image.reason else Stage.LINK
            rows.append(_drop(kind, image.sop_uid or image.path, reason, stage=stage, path=image.path))
    rows += [_drop(ItemKind.STUDY, uid, reason) for uid, reason in against.items()]
    catalogued = (Reason.E_REPORT, Reason.E_ENCODING, Reason.E_EMPTY)
    for key, reason in fates.items():
        stage = Stage.CATALOG if reason in catalogued else Stage.LINK
        rows.append(_drop(ItemKind.REPORT, key, reason, stage=stage))
    return rows


def _drop(
    kind: ItemKind, original: str, reason: Reason, *, stage: Stage = Stage.LINK, path: str | None = None
) -> dict[str, Any]:
    return {"kind": kind, "original": original, "path": path, "stage": stage, "reason": reason}


def _composed(reports: pl.DataFrame, decisions: Iterable[_Decision]) -> pl.DataFrame:
    """Reports with loose addenda above the text of the report that they belong to."""
    texts = {
        decision.verdict.current.key: compose_text(decision.verdict)
        for decision in decisions
        if decision.verdict.current and decision.verdict.addenda and decision.reason is None
    }
    if not texts:
        return reports
    key = pl.col("report_key")
    return REPORTS.validate(
        reports.with_columns(
            text=key.replace_strict(texts, default=pl.col("text"), return_dtype=pl.String),
            has_addendum=pl.col("has_addendum") | key.is_in(list(texts)),
        )
    )
