"""Decides which version of a report counts for a study, and what becomes of the other versions.

Takes the candidates of one study and gives the current report, its addenda, and a reason for every other one.
How candidates are found is left to `matching`.
"""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cxr_core.intake.drafts import Report
from cxr_core.vocabulary import Reason, ReportStatus

_BEFORE_ALL = dt.datetime(1, 1, 1)  # noqa: DTZ001  local by contract
_COUNTING = (ReportStatus.FINAL, ReportStatus.CORRECTED)
_BODY_HEADING = re.compile(
    r"^\s*(?:FINDINGS?|IMPRESSION|CONCLUSIONS?|INTERPRETATION|COMPARISON|TECHNIQUE|INDICATION|HISTORY)\b[^\n]{0,20}:",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What counts for one study."""

    current: Report | None = field(repr=False)
    addenda: tuple[Report, ...] = field(default=(), repr=False)
    reasons: dict[str, Reason] = field(default_factory=dict, repr=False)
    is_disputed: bool = False
    """Another version says something else, and nothing tells which of them is newer or corrects the other."""

    @property
    def has_superseded(self) -> bool:
        """An older or weaker version with other words exists."""
        addenda = {report.key for report in self.addenda}
        return any(reason is Reason.SUPERSEDED and key not in addenda for key, reason in self.reasons.items())


def choose_version(candidates: Iterable[Report], *, use_preliminary: bool) -> Verdict:
    """Choose the current report of one study.

    Final and corrected reports count, the newest by issue time; a preliminary one only where nothing final exists and
    the site allows it. A report that is void after it was final takes the final one with it. Addenda that came on
    their own are put above the report they belong to.

    Parameters
    ----------
    candidates : iterable of Report
        All versions that speak of the study, of one patient.
    """
    readable = [report for report in candidates if report.reason is None]
    void = [report for report in readable if report.status is ReportStatus.VOID]
    reasons = {report.key: Reason.REPORT_VOID for report in void}
    standing = [report for report in readable if report.status is not ReportStatus.VOID]
    for report in standing:
        if _is_withdrawn(report, void):
            reasons[report.key] = Reason.REPORT_VOID
    standing = [report for report in standing if report.key not in reasons]
    addenda = [report for report in standing if _is_loose_addendum(report)]
    whole = [report for report in standing if report not in addenda]
    current = _newest([report for report in whole if counts(report)])
    if current is None and use_preliminary and not addenda:
        current = _newest(whole)
    if current is None:
        return Verdict(None, (), reasons | {report.key: Reason.REPORT_VOID for report in standing})
    added = _unique_texts(sorted(addenda, key=_age_key, reverse=True))
    for report in standing:
        if report is not current:
            is_copy = words(report) == words(current) and report.status is current.status
            reasons[report.key] = Reason.DUPLICATE if is_copy else Reason.SUPERSEDED
    return Verdict(current, tuple(added), reasons, any(_disputes(report, current) for report in whole))


def compose_text(verdict: Verdict) -> str:
    """Text of the current report with its loose addenda above it, the newest first."""
    if verdict.current is None:
        return ""
    return "\n\n".join([*(report.text.strip("\n") for report in verdict.addenda), verdict.current.text])


def counts(report: Report) -> bool:
    """True for a report that a radiologist has signed and nobody took back."""
    return report.status in _COUNTING


def words(report: Report) -> tuple[str, ...]:
    """The words of a report, whatever the space between them."""
    return tuple(report.text.split())


def _is_withdrawn(report: Report, void: Iterable[Report]) -> bool:
    """True where a void version speaks of this report: sent later for the same exam, or under the same report id."""
    for later in void:
        is_same_exam = not (later.accessions and report.accessions) or set(later.accessions) & set(report.accessions)
        if later.issued_at is None or report.issued_at is None:
            if later.report_id == report.report_id:
                return True
        elif is_same_exam and later.issued_at > report.issued_at:
            return True
    return False


def _is_loose_addendum(report: Report) -> bool:
    """An addendum that was sent without the report it belongs to: it has no section of a report."""
    return report.has_addendum and not _BODY_HEADING.search(report.text)


def _newest(reports: list[Report]) -> Report | None:
    """The newest report; where not all tell their time, a corrected one goes before a final one."""
    is_timed = all(report.issued_at for report in reports)
    return max(reports, key=lambda one: (is_timed or one.status is ReportStatus.CORRECTED, _age_key(one)), default=None)


def _age_key(report: Report) -> tuple[dt.datetime, bool, int, int, str]:
    """Order of trust: issue time, corrected before final, the longer, the copy that says more of the patient, place."""
    is_corrected = report.status is ReportStatus.CORRECTED
    return report.issued_at or _BEFORE_ALL, is_corrected, len(words(report)), report.facts, report.key


def _disputes(report: Report, current: Report) -> bool:
    """True where a report may as well be the current one: as new and as final, and not all of it stands in that."""
    is_as_new = report.issued_at is None or current.issued_at is None or report.issued_at == current.issued_at
    is_rival = is_as_new and report.status is current.status
    return is_rival and f" {' '.join(words(report))} " not in f" {' '.join(words(current))} "


def _unique_texts(reports: Iterable[Report]) -> list[Report]:
    seen: dict[tuple[str, ...], Report] = {}
    for report in reports:
        seen.setdefault(words(report), report)
    return list(seen.values())
