"""What the airlock is asked: one request a study, with its patient's dictionary and ids that tell nothing."""

import datetime as dt
from typing import Any

import polars as pl

from cxr_core.deidentify.requests import (
    AirlockInput,
    Linked,
    age_in_years,
    build_airlock_input,
    originals,
    site_words_in,
)
from cxr_core.tables.catalogue import INSTANCES, PSEUDONYMS, REPORTS, STUDIES, STUDY_INSTANCES
from cxr_core.vault.dictionary import SiteDictionary
from cxr_core.vault.key import VaultKey
from cxr_core.vault.ledger import register

KEY = VaultKey(bytes(range(32)))
BORN = dt.date(1930, 6, 1)


def instance(study: str, number: int, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {name: [] for name, dtype in INSTANCES.dtypes.items() if isinstance(dtype, pl.List)}
    row |= {"path": f"{study}/{number}", "size_bytes": 1, "mtime_ns": 1, "fingerprint": f"{number:064x}"}
    row |= {"issuer": "", "patient_id": "7654321", "birth_date": BORN, "description": ""}
    row |= {"study_instance_uid": study, "series_instance_uid": f"{study}.9", "sop_instance_uid": f"{study}.{number}"}
    return row | {"person_names": ["Ambrose^Quill"], "staff_names": ["Dr^House"]} | more


def report(key: str, **more: Any) -> dict[str, Any]:
    row: dict[str, Any] = {name: [] for name, dtype in REPORTS.dtypes.items() if isinstance(dtype, pl.List)}
    row |= {"report_key": key, "report_id": key, "issuer": "", "patient_id": "7654321", "status": "final"}
    row |= {"exam_description": "", "text": "No effusion.", "has_addendum": False, "phones": ["617 555 0100"]}
    return row | more


def study(uid: str, year: int, report_key: str | None = None, **more: Any) -> dict[str, Any]:
    row = {"study_instance_uid": uid, "issuer": "", "patient_id": "7654321", "flags": [], "report_key": report_key}
    return row | {"exam_at": dt.datetime(year, 3, 4, 5, 6)} | more


def linked(
    instances: list[dict[str, Any]], studies: list[dict[str, Any]], reports: list[dict[str, Any]] | None = None
) -> Linked:
    frame = INSTANCES.frame(instances)
    return Linked(
        instances=frame,
        reports=REPORTS.frame(reports or []),
        studies=STUDIES.frame(studies),
        study_instances=frame.select(list(STUDY_INSTANCES.columns)),
    )


def asked(given: Linked, key: VaultKey = KEY) -> AirlockInput:
    return build_airlock_input(given, register(PSEUDONYMS.empty(), originals(given), key), key)


TWO = linked(
    [instance("1.2", 1), instance("1.2", 2), instance("1.3", 3)],
    [study("1.2", 2011, "r1"), study("1.3", 2013)],
    [report("r1")],
)


def test_a_request_holds_the_files_with_their_ids_and_the_dictionary_of_all_sources() -> None:
    row = asked(TWO).requests.filter(pl.col("report_text").is_not_null()).row(0, named=True)
    assert row["paths"] == ["1.2/1", "1.2/2"]
    assert len(row["dicom_ids"]) == 2
    assert row["names"] == ["ambrose", "quill"]
    assert row["phones"] == ["617 555 0100"]
    assert "7654321" in row["identifiers"]
    assert row["original_uids"] == ["1.2", "1.2.9", "1.2.1", "1.2.2"]
    assert len(set(row["published_uids"])) == 4


def test_staff_belongs_to_the_site_and_not_to_the_patient() -> None:
    site = asked(TWO).site
    assert "house" in site.names
    assert "quill" not in site.names


def test_in_weeks_study_rows_tell_mondays_and_whole_weeks() -> None:
    given = linked([instance("1.2", 1), instance("1.3", 2)], [study("1.2", 2011), study("1.3", 2012)])
    ledger = register(PSEUDONYMS.empty(), originals(given), KEY)
    rows = build_airlock_input(given, ledger, KEY, tells_weeks=True).study_rows.sort("study_order")
    assert [day.weekday() for day in rows["study_date"]] == [0, 0]
    assert rows["days_since_first"][0] == 0
    assert rows["days_since_first"][1] in (364, 371)


def test_study_rows_keep_order_and_interval_and_hide_the_date() -> None:
    rows = asked(TWO).study_rows.sort("study_order")
    assert rows["study_order"].to_list() == [1, 2]
    assert rows["days_since_first"].to_list() == [0, 731]
    assert rows["prior_study_id"].to_list() == [None, rows["study_id"][0]]
    assert (rows["study_date"][1] - rows["study_date"][0]).days == 731
    assert rows["study_date"][0].year >= 2100


def test_an_age_is_hidden_where_a_later_study_tells_that_the_patient_passes_89() -> None:
    passing = linked(
        [instance("1.2", 1), instance("1.3", 2)],
        [study("1.2", 2015), study("1.3", 2021)],
    )
    hidden = asked(passing).requests.select("hide_age", pl.col("paths").list.first()).sort("paths")
    assert hidden["hide_age"].to_list() == [True, False]
    assert asked(TWO).requests["hide_age"].to_list() == [False, False]


def test_moving_the_files_changes_no_fingerprint_and_a_new_alias_does() -> None:
    before = asked(TWO).requests["source_fingerprint"].to_list()
    rows = TWO.instances.to_dicts()
    moved = [row | {"path": f"elsewhere/{row['path']}"} for row in rows]
    alias = [row | {"person_names": [*row["person_names"], "Alias^Quill"]} for row in rows]
    studies, reports = TWO.studies.to_dicts(), TWO.reports.to_dicts()
    assert asked(linked(moved, studies, reports)).requests["source_fingerprint"].to_list() == before
    assert not set(asked(linked(alias, studies, reports)).requests["source_fingerprint"]) & set(before)


def test_a_fingerprint_needs_the_key() -> None:
    mine, other = (set(asked(TWO, key).requests["source_fingerprint"]) for key in (KEY, VaultKey(b"x" * 32)))
    assert not mine & other


def test_whole_years_are_counted_to_the_birthday() -> None:
    assert age_in_years(BORN, dt.date(2020, 5, 31)) == 89
    assert age_in_years(BORN, dt.date(2020, 6, 1)) == 90


def test_only_site_words_that_stand_in_the_report_make_it_stale() -> None:
    text = "Seen by Le Blanc at Fairview General."
    before = site_words_in(text, SiteDictionary())
    for names, places, changes in (
        ({"leblanc"}, set(), True),
        ({"blanc"}, set(), True),
        ({"house"}, set(), False),
        (set(), {"fairview general"}, True),
        (set(), {"fairview clinic"}, False),
    ):
        site = SiteDictionary(names=frozenset(names), places=frozenset(places))
        assert (site_words_in(text, site) != before) is changes
