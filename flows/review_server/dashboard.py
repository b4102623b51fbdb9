"""The page of the lead: how far everybody is, how well readers agree, what waits, the bound on what slipped through.

Takes the live status of the review, gives it as words and numbers to a template; writes the export that the next build
reads. Who may see it is decided in `access`.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import RedirectResponse

from cxr_core.evaluation.agreement import Agreement, Share
from cxr_core.evaluation.table3 import table3
from cxr_core.review.export import export_review
from cxr_core.review.records import Progress, ReaderProgress
from cxr_core.review.statistics import LabelAgreement, LeakReview
from cxr_core.vocabulary import ReaderRole, ReviewKind
from flows.review_server.access import Signed, TheDesk, form_writer, lead
from flows.review_server.pages import TITLES, page
from flows.review_server.queues import time_left
from tasks.review_status import LiveStatus, live_status

router = APIRouter()
TheLead = Annotated[Signed, Depends(lead)]


@router.get("/dashboard")
def dashboard(desk: TheDesk, who: TheLead, exported: int | None = None) -> Response:
    """All figures of the review, as of now."""
    status = live_status(desk.store, desk.workspace, desk.settings)
    return page(
        desk,
        "dashboard.html",
        who,
        exported=exported,
        samples=[sample_card(progress, status) for progress in status.progress],
        labels=[label_row(one) for one in status.statistics.labels],
        table_3=[] if status.table_3.is_empty() else table3(status.table_3).rows(named=True),
    )


@router.post("/export")
def export(desk: TheDesk, who: TheLead, _: Annotated[Signed, Depends(form_writer)]) -> Response:
    """Write what readers decided as the tables that the next build reads."""
    with desk.workspace.locked():
        tables = export_review(desk.store, desk.workspace)
    desk.log.note("exported", desk.clock(), reader=who.reader.name)
    return RedirectResponse(f"/dashboard?exported={tables.decisions.height}", 303)


def sample_card(progress: Progress, status: LiveStatus) -> dict[str, Any]:
    """One sample: its progress, its readers, and what was found where PHI is looked for."""
    found = {
        ReviewKind.IMAGES: status.statistics.images,
        ReviewKind.TEXT: status.statistics.texts,
    }.get(progress.sample.kind)
    sample = progress.sample
    return {
        "title": TITLES[sample.kind],
        "kind": sample.kind.value,
        "digest": sample.digest[:12],
        "drawn": f"{sample.drawn_at:%Y-%m-%d}",
        "seed": sample.seed,
        "items": sample.items,
        "complete": progress.complete,
        "final": progress.final,
        "waiting": progress.consensus_waiting,
        "settled": progress.consensus_done,
        "readers": [reader_row(one, sample.items) for one in progress.readers if _takes_part(one)],
        "leaks": leak_card(found, status, is_images=sample.kind is ReviewKind.IMAGES) if found else None,
    }


def _takes_part(reader: ReaderProgress) -> bool:
    return reader.role is ReaderRole.READER or reader.answered > 0


def reader_row(reader: ReaderProgress, items: int) -> dict[str, Any]:
    """How far one reader is."""
    is_blind = reader.role is ReaderRole.READER
    return {
        "name": reader.reader,
        "role": reader.role.value,
        "answered": reader.answered,
        "of": items if is_blind else None,
        "pace": "" if reader.median_s is None else f"{reader.median_s:.1f} s",
        "left": time_left(items - reader.answered, reader.median_s) if is_blind else "",
    }


def leak_card(found: LeakReview, status: LiveStatus, *, is_images: bool) -> dict[str, Any]:
    """What was found, and the bound on what was not."""
    bound, population = found.units, status.population if is_images else None
    return {
        "bound": _percent(bound.bound, 3) if bound.planted else "not known",
        "limit": _percent(bound.limit, 3),
        "units": bound.units,
        "leaks": bound.leaks,
        "subjects": found.subjects.units,
        "subject_bound": _percent(found.subjects.bound, 3) if bound.planted else "not known",
        "at_most": bound.at_most(population) if population and bound.planted else None,
        "population": population,
        "required": _percent(status.required_bound, 3) if is_images else None,
        "is_met": bound.bound <= status.required_bound,
        "stale": found.stale,
        "remaining": found.remaining,
        "planted": bound.planted,
        "found": bound.found,
        "sensitivity": _share(found.sensitivity),
        "sensitivity_low": _percent(bound.sensitivity, 1),
        "sensitivity_of": [(reader, _share(one)) for reader, one in found.sensitivity_of.items()],
        "agreement": agreement_card(found.agreement),
        "strata": [(one.stratum, one.items, one.settled, one.phi.events, _share(one.phi)) for one in found.strata],
    }


def agreement_card(given: Agreement) -> dict[str, Any]:
    """Kappa and what kappa hides."""
    table = given.table
    return {
        "items": table.items,
        "observed": _number(given.observed),
        "kappa": _interval(given.kappa, given.kappa_low, given.kappa_high),
        "positive": _number(given.positive),
        "negative": _number(given.negative),
        "pabak": _number(given.pabak),
        "counts": (table.both, table.first_only, table.second_only, table.neither),
    }


def label_row(given: LabelAgreement) -> dict[str, Any]:
    """One label."""
    table = given.positive.table
    return {
        "label": given.label.value,
        "reports": given.reports,
        "kappa": _interval(given.kappa, given.kappa_low, given.kappa_high),
        "positive": _number(given.positive.positive),
        "pabak": _number(given.positive.pabak),
        "counts": (table.both, table.first_only, table.second_only, table.neither),
    }


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:z.3f}"


def _percent(value: float, digits: int) -> str:
    return f"{value:.{digits}%}".replace("%", " %")


def _interval(*values: float | None) -> str:
    value, low, high = values
    if value is None:
        return "–"
    return f"{value:z.3f}" if low is None or high is None else f"{value:z.3f} ({low:z.3f} to {high:z.3f})"


def _share(given: Share) -> str:
    if given.value is None:
        return "–"
    return f"{given.events} of {given.trials} ({_percent(given.low, 1)} to {_percent(given.high, 1)})"
