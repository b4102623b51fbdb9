"""What a stranger would plant to have a report tied to the wrong study: each must be told apart or quarantined."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cxr_core.intake.linkage import Linked
from cxr_core.intake.sources.hl7_oru import read_reports_hl7

NOON = dt.datetime(2014, 3, 1, 12, 0)
DAY = dt.timedelta(days=1)
Link = Callable[..., Linked]
Row = dict[str, Any]
OTHER: Row = {
    "study_instance_uid": "1.2",
    "patient_id": "M200",
    "person_names": ["ROE^AL"],
    "birth_date": dt.date(1970, 1, 1),
}


def links(linked: Linked) -> dict[str, str]:
    return dict(linked.studies.drop_nulls("report_key").select("study_instance_uid", "report_key").rows())


def studies(linked: Linked) -> dict[str, str]:
    rows = linked.drops.filter(pl.col("kind").cast(pl.String) == "study")
    return dict(rows.select("original", pl.col("reason").cast(pl.String)).rows())


def second(**more: Any) -> Row:
    """Another study of the same patient."""
    return {"study_instance_uid": "1.2"} | more


def test_accession_numbers_swapped_between_two_patients_quarantine_both(run: Link) -> None:
    images = [{"accession_number": "B1"}, OTHER | {"accession_number": "A1"}]
    linked = run(images, [{}, {"patient_id": "M200", "accession_numbers": ["B1"]}])
    assert (links(linked), studies(linked)) == ({}, {"1.1": "E_LINK", "1.2": "E_LINK"})


def test_accession_numbers_swapped_within_a_patient_are_told_by_the_study_uid(run: Link) -> None:
    images = [{"accession_number": "A2"}, second()]
    reports = [{"study_instance_uid": "1.1"}, {"accession_numbers": ["A2"], "study_instance_uid": "1.2"}]
    linked = run(images, reports)
    assert (links(linked), studies(linked)) == ({}, {"1.1": "E_LINK", "1.2": "E_LINK"})


def test_accession_numbers_swapped_within_a_patient_are_told_by_the_exam_time(run: Link) -> None:
    images = [{"accession_number": "A2"}, second(exam_at=NOON + 90 * DAY)]
    reports = [{}, {"accession_numbers": ["A2"], "exam_at": NOON + 90 * DAY}]
    linked = run(images, reports)
    assert (links(linked), studies(linked)) == ({}, {"1.1": "E_LINK", "1.2": "E_LINK"})
    alone = run(images, [reports[1] | {"exam_at": NOON + 30 * DAY}])  # a wrong time that is nobody's
    assert links(alone) == {"1.1": "r0"}


def test_a_number_that_two_issuers_use_for_the_same_patient_id_stays_within_the_issuer(run: Link) -> None:
    images = [{"issuer": "NORTH"}, second(issuer="SOUTH")]
    linked = run(images, [{"issuer": "NORTH"}, {"issuer": "SOUTH", "text": "Other."}])
    assert links(linked) == {"1.1": "r0", "1.2": "r1"}
    assert studies(run(images, [{}])) == {"1.1": "E_LINK", "1.2": "E_LINK"}


def test_a_report_without_patient_id_never_decides_between_two_patients(run: Link) -> None:
    nobody = {"patient_id": None, "birth_date": None}
    linked = run([{}, OTHER], [nobody])
    assert (links(linked), studies(linked)) == ({}, {"1.1": "E_LINK", "1.2": "E_LINK"})
    named = run([{}, OTHER], [nobody | {"person_names": ["Roe, Al"]}])
    assert (links(named), studies(named)) == ({"1.2": "r0"}, {"1.1": "no_report"})


def test_a_report_without_patient_id_must_not_name_somebody_else(run: Link) -> None:
    linked = run([{}], [{"patient_id": None, "birth_date": None, "person_names": ["Roe, Al"]}])
    assert studies(linked) == {"1.1": "E_LINK"}


def test_an_id_with_the_name_and_birth_date_of_somebody_else_is_a_wrong_id(run: Link) -> None:
    stranger = {"person_names": ["Roe, Al"], "birth_date": dt.date(1970, 1, 1)}
    assert studies(run([{}], [stranger])) == {"1.1": "E_LINK"}
    assert links(run([{}], [stranger | {"person_names": ["Marek-Roe, Ida"]}])) == {"1.1": "r0"}  # a typed birth date
    assert links(run([{}], [stranger | {"birth_date": dt.date(1960, 5, 5)}])) == {"1.1": "r0"}  # a married name


def test_numbers_that_differ_in_leading_zeros_are_two_where_both_exist(run: Link) -> None:
    images = [{"accession_number": "0012"}, second(accession_number="12")]
    linked = run(images, [{"accession_numbers": ["0012"]}, {"accession_numbers": ["12"], "text": "Other."}])
    assert links(linked) == {"1.1": "r0", "1.2": "r1"}
    unsure = run(images, [{"accession_numbers": ["012"]}])
    assert studies(unsure) == {"1.1": "E_LINK", "1.2": "E_LINK"}


def test_numbers_that_differ_in_the_suffix_of_a_site_are_two_where_both_exist(run: Link) -> None:
    images = [{"accession_number": "12-N"}, second(accession_number="12-S")]
    linked = run(images, [{"accession_numbers": ["12-S"]}], suffixes=("-N", "-S"))
    assert (links(linked), studies(linked)) == ({"1.2": "r0"}, {"1.1": "no_report"})
    unsure = run(images, [{"accession_numbers": ["12"]}], suffixes=("-N", "-S"))
    assert studies(unsure) == {"1.1": "E_LINK", "1.2": "E_LINK"}


def test_a_number_given_out_again_years_later_goes_by_the_exam_time(run: Link) -> None:
    images = [{}, second(exam_at=NOON + 800 * DAY)]
    old, new = {"issued_at": NOON}, {"issued_at": NOON + 800 * DAY, "exam_at": NOON + 800 * DAY, "text": "Other."}
    assert links(run(images, [old, new])) == {"1.1": "r0", "1.2": "r1"}
    only_new = run(images, [new])
    assert (links(only_new), studies(only_new)) == ({"1.2": "r0"}, {"1.1": "no_report"})
    assert studies(run(images, [old | {"exam_at": None}])) == {"1.1": "E_LINK", "1.2": "E_LINK"}


def test_one_order_in_two_studies_shares_its_report(run: Link) -> None:
    linked = run([{}, second(exam_at=NOON + dt.timedelta(minutes=5))], [{}])
    assert links(linked) == {"1.1": "r0", "1.2": "r0"}


def test_two_studies_in_one_minute_without_numbers_stay_alone(run: Link) -> None:
    bare = {"accession_number": None}
    linked = run([bare, second(**bare)], [{"accession_numbers": []}, {"accession_numbers": [], "text": "Other."}])
    assert (links(linked), studies(linked)) == ({}, {"1.1": "no_report", "1.2": "no_report"})


def test_a_placer_number_that_is_the_number_of_another_study_links_nothing_wrong(run: Link) -> None:
    images = [{}, second(accession_number="A2")]
    first = {"accession_numbers": ["A1", "A2"], "issued_at": NOON + DAY}
    linked = run(images, [first, {"accession_numbers": ["A2"], "text": "Other.", "issued_at": NOON}])
    assert (links(linked), studies(linked)) == ({"1.1": "r0"}, {"1.2": "E_LINK"})
    absent = first | {"accession_numbers": ["A9", "A2"], "exam_at": NOON - 900 * DAY}
    assert links(run(images, [{}, absent])) == {"1.1": "r0"}


def test_a_merge_in_the_middle_of_a_study_is_one_patient(run: Link) -> None:
    images = [{"patient_id": "OLD"}, {"patient_id": "M100"}]
    assert links(run(images, [{"patient_id": "MID"}], merged=[("OLD", "MID"), ("MID", "M100")])) == {"1.1": "r0"}
    assert studies(run(images, [{}])) == {"1.1": "E_LINK"}


def test_a_merge_of_one_issuer_never_joins_a_patient_of_another(run: Link) -> None:
    images = [
        {"issuer": "NORTH", "patient_id": "M7"},
        second(issuer="SOUTH", patient_id="M5", accession_number="S1"),
        {"study_instance_uid": "1.3", "issuer": "NORTH", "patient_id": "M5", "accession_number": "N1"},
    ]
    report = {"issuer": "NORTH", "patient_id": "M7", "accession_numbers": ["S1"]}
    linked = run(images, [report], merged=[("M5", "M7")], require_report=False)
    assert studies(linked) == {"1.2": "E_LINK"}
    patients = dict(linked.studies.select("study_instance_uid", "patient_id").rows())
    assert patients == {"1.1": "M7", "1.3": "M7"}


@pytest.mark.parametrize("exam", ["CT CHEST W CONTRAST", "CTA CHEST", "HAND 3 VIEWS", "US THORAX", "NM LUNG V/Q SCAN"])
def test_the_time_of_another_exam_never_ties_its_report(run: Link, exam: str) -> None:
    linked = run([{"accession_number": None}], [{"accession_numbers": ["H1"], "exam_description": exam}])
    assert (links(linked), studies(linked)) == ({}, {"1.1": "no_report"})


MDM = (
    "MSH|^~\\&|R|H|||{at}||MDM^{event}|C{at}|P|2.5\rPID|1||M100\r"
    "TXA|1|RAD|TX|{at}||||||||{ident}|{parent}||{number}||{status}\r"
)


def _documents(tmp_path: Path, *messages: tuple[str, str, str, str, str]) -> pl.DataFrame:
    parts = []
    for hour, (event, ident, parent, number, text) in enumerate(messages):
        head = MDM.format(at=f"201403011{hour}00", event=event, ident=ident, parent=parent, number=number, status="AU")
        parts.append(head + (f"OBX|1|TX|||{text}\r" if text else ""))
    (tmp_path / "d.hl7").write_text("".join(parts))
    return read_reports_hl7(tmp_path / "d.hl7")


@pytest.mark.parametrize(
    ("second_message", "text", "reason"),
    [
        (("T11", "D1", "", "", "x"), None, "no_report"),
        (("T11", "D1", "", "", ""), None, "no_report"),
        (("T10", "D2", "D1", "", "IMPRESSION: Pneumonia."), "IMPRESSION: Pneumonia.", None),
        (("T06", "D2", "D1", "", "Rib fracture."), "ADDENDUM: Rib fracture.\n\nIMPRESSION: Normal.", None),
    ],
)
def test_a_document_that_names_its_parent_only_still_changes_it(
    run: Link, reports: Any, tmp_path: Path, second_message: Any, text: str | None, reason: str | None
) -> None:
    rows = _documents(tmp_path, ("T02", "D1", "", "A1", "IMPRESSION: Normal."), second_message)
    linked = run([{}], list(rows.iter_rows(named=True)))
    assert studies(linked).get("1.1") == reason
    told = dict(linked.reports.select("report_key", "text").rows())
    assert [told[key] for key in links(linked).values()] == ([text] if text else [])


FAR = {"accession_numbers": ["A1"], "exam_at": NOON + 30 * DAY}
"""A report whose number is the study's and whose exam time is nobody's."""


def test_a_wrong_exam_time_alone_is_flagged_and_linked(run: Link) -> None:
    images = [{}, second(accession_number="A2", exam_at=NOON + 90 * DAY)]
    linked = run(images, [FAR, {"accession_numbers": ["A2"], "exam_at": NOON + 90 * DAY, "text": "Other."}])
    assert links(linked) == {"1.1": "r0", "1.2": "r1"}
    flags = dict(linked.studies.select("study_instance_uid", "flags").rows())
    assert flags == {"1.1": ["date_mismatch"], "1.2": []}


@pytest.mark.parametrize(
    "stray",
    [
        {"accession_numbers": ["A9"], "text": "Other."},
        {"accession_numbers": ["A9"], "text": "Other.", "patient_id": "M200", "person_names": ["MAREK^IDA"]},
        {"accession_numbers": ["A1"], "text": "Other.", "issued_at": NOON - DAY},
    ],
    ids=["under another number", "under somebody's patient id", "an earlier version"],
)
def test_a_number_that_contradicts_the_time_falls_with_another_report_of_the_studys_day(run: Link, stray: Row) -> None:
    linked = run([{"person_names": ["MAREK^IDA"]}], [FAR | {"issued_at": NOON + DAY}, stray])
    assert (links(linked), studies(linked)) == ({}, {"1.1": "E_LINK"})


def test_a_number_that_contradicts_the_time_falls_with_an_empty_exam_of_the_reports_day(run: Link) -> None:
    empty = second(accession_number="A2", exam_at=NOON + 30 * DAY + dt.timedelta(hours=9))
    linked = run([{}, empty], [FAR])
    assert (links(linked), studies(linked)) == ({}, {"1.1": "E_LINK", "1.2": "no_report"})
    own = {"accession_numbers": ["A2"], "exam_at": empty["exam_at"], "text": "Other."}
    assert links(run([{}, empty], [FAR, own])) == {"1.1": "r0", "1.2": "r1"}


def test_two_contradictions_of_one_patient_are_swapped_numbers(run: Link) -> None:
    images = [{}, second(accession_number="A2", exam_at=NOON + 90 * DAY)]
    linked = run(images, [FAR, {"accession_numbers": ["A2"], "exam_at": NOON - 30 * DAY, "text": "Other."}])
    assert (links(linked), studies(linked)) == ({}, {"1.1": "E_LINK", "1.2": "E_LINK"})


def test_a_contradiction_falls_where_an_exam_and_a_report_of_the_patient_are_left_over(run: Link) -> None:
    images = [{}, second(accession_number="B7", exam_at=NOON + 90 * DAY)]
    stray = {"accession_numbers": ["A9"], "exam_at": NOON - 30 * DAY, "text": "Other."}
    assert studies(run(images, [FAR, stray])) == {"1.1": "E_LINK", "1.2": "no_report"}
    assert links(run(images, [FAR])) == {"1.1": "r0"}  # an exam that nobody reported is no sign of a swap
    assert links(run(images[:1], [FAR, stray])) == {"1.1": "r0"}  # nor is a report whose images were not exported


def test_a_tie_by_time_falls_with_any_other_report_of_that_day(run: Link) -> None:
    bare, report = {"accession_number": None}, {"accession_numbers": ["A8"]}
    other = {"accession_numbers": ["B1"], "text": "Other."}  # the number of another patient's exam
    images = [bare, OTHER | {"accession_number": "B1"}]
    assert links(run([bare], [report])) == {"1.1": "r0"}
    assert studies(run(images, [report, other]))["1.1"] == "E_LINK"


def test_a_second_report_of_the_very_moment_leaves_a_number_in_doubt(run: Link) -> None:
    twin = {"accession_numbers": ["A9"], "text": "Other.", "exam_at": NOON + dt.timedelta(minutes=20)}
    assert studies(run([{}], [{}, twin])) == {"1.1": "E_LINK"}
    assert links(run([{}], [{}, twin | {"exam_at": NOON + dt.timedelta(hours=3)}])) == {"1.1": "r0"}
    assert links(run([{}], [{}, twin | {"exam_description": "CT HEAD"}])) == {"1.1": "r0"}
    assert links(run([{}], [{}, twin | {"text": "IMPRESSION:  Normal."}])) == {"1.1": "r0"}  # a copy
