"""The rough hospital export beside the project: every planted fault becomes what the specification says."""

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from cxr_core.intake.catalog import catalog_folder
from cxr_core.intake.linkage import Linked, link
from cxr_core.intake.sources.reports import read_reports
from cxr_core.intake.sources.ris_csv import read_encounters_csv, read_merges_csv
from cxr_core.settings.cohort import CohortSettings, CohortUnit
from cxr_core.settings.link import LinkSettings

SHARED = Path(__file__).parents[4] / "shared" / "data"
HOSPITAL = SHARED / "hospital-sample"

pytestmark = pytest.mark.shared

# Fault -> reason of its file, of its study (specs: acquisition, section 6); None where it goes on.
EXPECTED: dict[str, tuple[str | None, str | None]] = {
    "non_dicom_file": ("E_NOT_DICOM", None),
    "sr_object": (None, None),
    "no_pixels": ("E_PIXELS", "no_surviving_image"),
    "truncated": (None, None),
    "corrupt_stream": (None, None),
    "no_meta": (None, None),
    "dup_identical": ("duplicate", None),
    "dup_different": ("E_DUP", None),
    "blank_image": (None, None),
    "no_report": ("no_report", "no_report"),
    "empty_report": ("no_report", "no_report"),
    "report_without_images": (None, None),
    "two_reports": (None, None),
    "addendum": (None, None),
    "no_accession": (None, None),
    "space_accession": (None, None),
    "wrong_mrn_report": ("E_LINK", "E_LINK"),
    "mixed_patient": ("E_LINK", "E_LINK"),
    "wrong_date": (None, None),
    "nonchest": ("not_chest", "not_chest"),
    "outside_cohort": ("outside_cohort", "outside_cohort"),
}


def _table(path: Path) -> pl.DataFrame:
    if not path.exists():
        pytest.skip("../shared/data is absent")
    return pl.read_csv(path, infer_schema=False)


@pytest.fixture(scope="module")
def linked() -> Linked:
    export = HOSPITAL / "export"
    if not export.exists():
        pytest.skip("../shared/data is absent")
    return link(
        catalog_folder(export / "dicom"),
        read_reports([export / "ris" / "ris_export.csv", export / "hl7"]),
        read_encounters_csv(export / "ris" / "encounters.csv"),
        read_merges_csv(export / "ris" / "mrn_merges.csv"),
        cohort=CohortSettings(unit=CohortUnit.ENCOUNTER, min_age=0),
        link=LinkSettings(),
        pixels_equal=lambda *_: False,
    )


@pytest.mark.parametrize("kind", EXPECTED)
def test_planted_faults_become_what_the_specification_says(linked: Linked, kind: str) -> None:
    drops = linked.drops.with_columns(pl.col("reason").cast(pl.String), pl.col("kind").cast(pl.String))
    files = dict(drops.filter(pl.col("path").is_not_null()).select("path", "reason").rows())
    studies = dict(drops.filter(pl.col("kind") == "study").select("original", "reason").rows())
    for fault in _table(HOSPITAL / "truth" / "faults.csv").filter(kind=kind).iter_rows(named=True):
        path = (fault["path"] or "").removeprefix("dicom/")
        assert (files.get(path), studies.get(fault["study"])) == EXPECTED[kind]


def test_kept_studies_and_links_are_those_of_the_truth(linked: Linked) -> None:
    truth = _table(HOSPITAL / "truth" / "studies.csv")
    lost = [kind for kind, (_, study) in EXPECTED.items() if study]
    wanted = truth.filter((pl.col("encounter") == "1") & ~pl.col("fault").fill_null("").is_in(lost))
    assert set(linked.studies["study_instance_uid"]) == set(wanted["study"])
    spoken = dict(linked.reports.select("report_key", "report_id").rows())
    owner = dict(_table(HOSPITAL / "truth" / "reports.csv").select("report_id", "study").rows())
    links = linked.studies.select("study_instance_uid", "report_key").rows()
    assert [uid for uid, key in links if owner[spoken[key]] != uid] == []


def test_every_study_has_the_report_the_rule_or_the_reason_of_the_truth(linked: Linked) -> None:
    reports = _table(HOSPITAL / "truth" / "reports.csv")
    known = set(reports["report_id"])
    keys = dict(linked.reports.select("report_key", "report_id").rows())
    reasons = linked.drops.filter(pl.col("kind").cast(pl.String) == "study")
    dropped = dict(reasons.select("original", pl.col("reason").cast(pl.String)).rows())
    rows = linked.studies.select("study_instance_uid", "report_key", pl.col("link_rule").cast(pl.String)).rows()
    kept = {uid: (keys[key], rule) for uid, key, rule in rows}
    for row in _table(HOSPITAL / "truth" / "studies.csv").iter_rows(named=True):
        fault, uid = row["fault"] or "", row["study"]
        own = reports.filter(study=uid)["report_id"].to_list()
        reason = EXPECTED[fault][1] if fault in EXPECTED else None
        if row["n_images"] == "0":
            assert (kept.get(uid), dropped.get(uid)) == (None, None)
        elif reason or row["encounter"] != "1":
            assert (kept.get(uid), dropped.get(uid)) == (None, reason or "outside_cohort")
        else:
            report, rule = kept[uid]
            assert report in own
            assert report in known
            assert rule == ("patient_time" if fault == "no_accession" else "accession")
            assert report == own[-1] or fault == "addendum"  # the corrected version comes last


def test_flags_and_rules_tell_what_was_odd(linked: Linked) -> None:
    truth = dict(_table(HOSPITAL / "truth" / "studies.csv").select("study", "fault").rows())
    odd = {
        truth[row["study_instance_uid"]]: (row["link_rule"], tuple(row["flags"]))
        for row in linked.studies.iter_rows(named=True)
        if row["flags"] or row["link_rule"] != "accession"
    }
    assert odd == {
        "no_accession": ("patient_time", ()),
        "addendum": ("accession", ("has_addendum",)),
        "two_reports": ("accession", ("superseded_reports",)),
        "wrong_date": ("accession", ("date_mismatch",)),
    }


def test_every_odd_dicom_file_is_a_row() -> None:
    folder = SHARED / "cxr" / "dicom"
    if not folder.exists():
        pytest.skip("../shared/data is absent")
    frame = catalog_folder(folder)
    assert frame.height == sum(path.is_file() for path in folder.rglob("*"))
    counts = Counter(frame["reason"].to_list())
    assert counts[None] == sum("RG1_" in path or "RG3_" in path or "highdicom" in path for path in frame["path"])
    reasons = dict(frame.select("path", "reason").rows())
    assert reasons["fo-dicom/chrJapMulti.dcm"] == "E_PIXELS"
    assert reasons["fuzz/17fbd0_TC0863_missing_study_uid.dcm"] == "not_cr_dx"
