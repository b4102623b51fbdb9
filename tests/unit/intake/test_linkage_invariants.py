"""Over generated small hospitals: nothing disappears, nothing is linked to another patient."""

import datetime as dt
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_core.intake.linkage import link
from cxr_core.settings.cohort import CohortSettings, CohortUnit
from cxr_core.settings.link import LinkSettings

NOON = dt.datetime(2014, 3, 1, 12, 0)
PATIENTS = st.sampled_from(["M1", "M2", "M3", "M1-old"])
ACCESSIONS = st.sampled_from(["A1", "A2", " 0A3", "A4", ""])
MOMENTS = st.one_of(st.none(), st.integers(-40, 40).map(lambda hours: NOON + dt.timedelta(hours=hours)))
IMAGES = st.lists(
    st.fixed_dictionaries(
        {
            "reason": st.sampled_from([None, None, None, "E_PIXELS", "E_SOP", "not_cr_dx"]),
            "study_instance_uid": st.sampled_from(["1.1", "1.2", "1.3", "1.4", "1.5"]),
            "sop_instance_uid": st.sampled_from(["9.1", "9.2", "9.3", "9.4", "9.5", "9.6", "9.7", "9.8"]),
            "patient_id": PATIENTS,
            "issuer": st.sampled_from(["", "", "N", "S"]),
            "accession_number": st.one_of(st.none(), ACCESSIONS),
            "exam_at": MOMENTS,
            "description": st.sampled_from(["CHEST PA", "HAND", ""]),
            "presentation_intent": st.sampled_from([None, "FOR PROCESSING", "FOR PRESENTATION"]),
        }
    ),
    max_size=12,
)
TEXTS = st.lists(
    st.fixed_dictionaries(
        {
            "reason": st.sampled_from([None, None, None, "E_EMPTY", "E_REPORT"]),
            "patient_id": st.one_of(st.none(), PATIENTS),
            "issuer": st.sampled_from(["", "", "N"]),
            "accession_numbers": st.lists(ACCESSIONS, max_size=2),
            "study_instance_uid": st.sampled_from([None, None, "1.1", "1.2", "1.9"]),
            "status": st.sampled_from(["final", "corrected", "preliminary", "void"]),
            "exam_at": MOMENTS,
            "issued_at": MOMENTS,
            "has_addendum": st.booleans(),
        }
    ),
    max_size=10,
)


@settings(max_examples=40, deadline=None)
@given(
    IMAGES,
    TEXTS,
    st.booleans(),
    st.booleans(),
    st.sampled_from(list(CohortUnit)),
)
def test_every_item_is_in_the_dataset_or_dropped_exactly_once(  # noqa: PLR0917  fixtures, then what is generated
    instances: Any,
    reports: Any,
    encounters: Any,
    merges: Any,
    images: list[dict[str, Any]],
    texts: list[dict[str, Any]],
    has_stays: bool,
    require_report: bool,
    unit: CohortUnit,
) -> None:
    found, spoken = instances(*images), reports(*texts)
    linked = link(
        found,
        spoken,
        encounters(*([{"patient_id": "M1"}, {"patient_id": "M2"}] if has_stays else [])),
        merges(("M1-old", "M1")),
        cohort=CohortSettings(unit=unit, require_report=require_report),
        link=LinkSettings(),
        pixels_equal=lambda first, second: (len(first) + len(second)) % 2 == 0,
    )
    drops = linked.drops.with_columns(pl.col("kind").cast(pl.String))
    paths = [*linked.instances["path"], *drops.filter(pl.col("path").is_not_null())["path"]]
    assert sorted(paths) == sorted(found["path"])
    uids = [*linked.studies["study_instance_uid"], *drops.filter(pl.col("kind") == "study")["original"]]
    assert sorted(uids) == sorted(found["study_instance_uid"].unique())
    used = set(linked.studies["report_key"].drop_nulls())
    keys = [*used, *drops.filter(pl.col("kind") == "report")["original"]]
    assert sorted(keys) == sorted(spoken["report_key"])
    _check_patients(linked.studies, found, spoken)
    assert set(linked.instances["study_instance_uid"]) == set(linked.studies["study_instance_uid"])
    assert linked.instances["sop_instance_uid"].is_unique().all()


def _check_patients(studies: pl.DataFrame, found: pl.DataFrame, spoken: pl.DataFrame) -> None:
    """No study holds two patients, and no report of one patient stands with a study of another."""
    people = {row["report_key"]: row["patient_id"] for row in spoken.iter_rows(named=True)}
    for row in studies.iter_rows(named=True):
        files = found.filter(pl.col("study_instance_uid") == row["study_instance_uid"])
        owners = {name.removesuffix("-old") for name in files["patient_id"]}
        owner = people.get(row["report_key"] or "")
        assert row["patient_id"] in owners
        assert owner is None or owner.removesuffix("-old") == row["patient_id"]
        if row["report_key"]:
            report = spoken.row(by_predicate=pl.col("report_key") == row["report_key"], named=True)
            assert report["status"] in ("final", "corrected")
            assert report["reason"] is None


@settings(max_examples=10, deadline=None)
@given(IMAGES, TEXTS, st.randoms())
def test_the_order_of_arrival_changes_nothing(
    instances: Any,
    reports: Any,
    encounters: Any,
    merges: Any,
    images: list[dict[str, Any]],
    texts: list[dict[str, Any]],
    random: Any,
) -> None:
    found, spoken = instances(*images), reports(*texts)

    def run(first: pl.DataFrame, second: pl.DataFrame) -> list[list[Any]]:
        linked = link(
            first,
            second,
            encounters(),
            merges(),
            cohort=CohortSettings(),
            link=LinkSettings(),
            pixels_equal=lambda *_: False,
        )
        return [sorted(map(str, frame.rows())) for frame in (linked.studies, linked.instances, linked.drops)]

    seed = random.randrange(1000)
    assert run(found, spoken) == run(found.sample(fraction=1, shuffle=True, seed=seed), spoken[::-1])
