"""Which reports are labelled by hand: rare labels, doubt and disagreement first, few patients, nobody who was released.

Takes labels, redacted reports and the subjects that may become test; gives drafts. Every subject with a manual label
goes to test, so the share of subjects is capped, and what training data has been published is left alone.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import polars as pl

from cxr_core.review.records import Draft
from cxr_core.review.sampling import rank, text_draft
from cxr_core.settings.review import ReviewSettings
from cxr_core.vocabulary import Assertion, Label, LabelerName

_TOLD = {Assertion.POSITIVE: "positive", Assertion.NEGATIVE: "negative", Assertion.UNCERTAIN: "uncertain"}


@dataclass(frozen=True, slots=True)
class ReportTables:
    """LABELS and DEID_REPORTS frames, and who may not be drawn.

    Parameters
    ----------
    excluded_subjects : frozenset of str
        Subjects of an earlier release outside its test set: nobody's training data becomes test.
    """

    labels: pl.DataFrame = field(repr=False)
    reports: pl.DataFrame = field(repr=False)
    excluded_subjects: frozenset[str] = field(default=frozenset(), repr=False)


def report_sample(tables: ReportTables, settings: ReviewSettings, seed: int) -> list[Draft]:
    """Draw reports in turn from the cells label x assertion and from disagreements of the labelers, the rarest first.

    One report a subject, until the wanted number or the cap of subjects is reached; then further reports of the same
    subjects, who are test by now.

    Returns
    -------
    list of Draft
        Each with the cell for which it was drawn as its stratum.
    """
    excluded = pl.col("subject_id").is_in(list(tables.excluded_subjects))
    reports = tables.reports.filter(~excluded)
    rows = {row["study_id"]: row for row in reports.iter_rows(named=True)}
    subject_of = {study: row["subject_id"] for study, row in rows.items()}
    cells = report_cells(tables.labels.filter(pl.col("study_id").is_in(list(rows))))
    everyone = tables.reports["subject_id"].n_unique()
    most = max(1, int(settings.label_subjects_share * everyone))
    ordered = {cell: sorted(members, key=lambda s: rank(seed, "reports", s)) for cell, members in cells.items()}
    chosen = _in_turn(ordered, subject_of, wanted=settings.reports, most_subjects=most)
    return [text_draft(rows[study], cell) for study, cell in chosen.items()]


def report_cells(labels: pl.DataFrame) -> dict[str, list[str]]:
    """Studies by cell, the rarest cell first; a study stands in several cells."""
    ours = labels.filter(pl.col("labeler").cast(pl.String) == LabelerName.CHEXPERT.value)
    cells: dict[str, list[str]] = {}
    for label in Label:
        for assertion, told in _TOLD.items():
            cells[f"{label.value} {told}"] = ours.filter(pl.col(label.value) == assertion)["study_id"].to_list()
    other = labels.filter(pl.col("labeler").cast(pl.String) == LabelerName.NEGBIO.value)
    both = ours.join(other, on="study_id", how="inner", suffix=" other")
    differs = pl.any_horizontal(pl.col(label.value).ne_missing(pl.col(f"{label.value} other")) for label in Label)
    cells["disagreement"] = both.filter(differs)["study_id"].to_list()
    cells["nothing"] = ours.filter(pl.all_horizontal(pl.col(label.value).is_null() for label in Label))[
        "study_id"
    ].to_list()
    return dict(sorted(((c, m) for c, m in cells.items() if m), key=lambda pair: (len(pair[1]), pair[0])))


def _in_turn(
    cells: dict[str, list[str]], subject_of: dict[str, str], *, wanted: int, most_subjects: int
) -> dict[str, str]:
    """Studies with the cell that chose them: first one a subject, then more of the same subjects."""
    chosen: dict[str, str] = {}
    subjects: set[str] = set()

    def is_new(study: str) -> bool:
        return subject_of[study] not in subjects and len(subjects) < most_subjects

    def is_known(study: str) -> bool:
        return study not in chosen and subject_of[study] in subjects

    for may in (is_new, is_known):
        turns = deque((cell, iter(members)) for cell, members in cells.items())
        while turns and len(chosen) < wanted:
            cell, left = turns.popleft()
            study = _next(left, may)
            if study is not None:
                chosen[study] = cell
                subjects.add(subject_of[study])
                turns.append((cell, left))
    return chosen


def _next(left: Iterable[str], may: Callable[[str], bool]) -> str | None:
    return next((study for study in left if may(study)), None)
