import datetime as dt
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from cxr_core.intake.linkage import Linked
from cxr_core.settings.cohort import CohortSettings, CohortUnit

NOON = dt.datetime(2014, 3, 1, 12, 0)
HOUR = dt.timedelta(hours=1)
Link = Callable[..., Linked]
Row = dict[str, Any]


def fate(linked: Linked, kind: str) -> dict[str, str]:
    rows = linked.drops.filter(pl.col("kind").cast(pl.String) == kind)
    return dict(rows.select(pl.coalesce("path", "original"), pl.col("reason").cast(pl.String)).rows())


def rule(linked: Linked) -> dict[str, tuple[str | None, str | None]]:
    rows = linked.studies.select("study_instance_uid", "report_key", pl.col("link_rule").cast(pl.String)).rows()
    return {uid: (key, name) for uid, key, name in rows}


@pytest.mark.parametrize("written", ["A1", " A1 ", "00A1", "a1", "A1-X"])
def test_accession_numbers_match_after_trimming(run: Link, written: str) -> None:
    linked = run([{"accession_number": written}], [{}], suffixes=("-X",))
    assert rule(linked) == {"1.1": ("r0", "accession")}


def test_the_study_uid_links_where_accession_numbers_do_not(run: Link) -> None:
    linked = run([{"accession_number": None}], [{"accession_numbers": ["Z"], "study_instance_uid": "1.1"}])
    assert rule(linked) == {"1.1": ("r0", "study_uid")}


def test_patient_and_time_link_only_where_both_sides_are_unique(run: Link) -> None:
    bare = {"accession_number": None}
    near = {"accession_numbers": [], "exam_at": NOON + 3 * HOUR}
    assert rule(run([bare], [near])) == {"1.1": ("r0", "patient_time")}
    assert (
        rule(run([bare, bare | {"study_instance_uid": "1.2", "body_part": "HAND", "description": "HAND"}], [near]))
        == {}
    )
    assert rule(run([bare], [near, near | {"exam_at": NOON - HOUR}])) == {}
    assert rule(run([bare], [near | {"exam_at": NOON + 30 * HOUR}])) == {}
    assert rule(run([bare], [near | {"patient_id": "M200"}])) == {}
    assert rule(run([bare], [near | {"patient_id": None}])) == {}


def test_a_neighbour_just_outside_the_window_keeps_time_from_deciding(run: Link) -> None:
    bare = {"accession_number": None}
    report = {"accession_numbers": [], "exam_at": NOON + 20 * HOUR}
    neighbour = bare | {"study_instance_uid": "1.2", "exam_at": NOON + 50 * HOUR}
    assert rule(run([bare, neighbour], [report])) == {}
    linked_neighbour = neighbour | {"accession_number": "A2"}
    own = {"accession_numbers": ["A2"], "exam_at": NOON + 50 * HOUR}
    assert rule(run([bare, linked_neighbour], [report, own])) == {"1.2": ("r1", "accession")}


def test_time_never_ties_patients_of_different_birth_dates(run: Link) -> None:
    report = {"accession_numbers": [], "birth_date": dt.date(1999, 1, 1)}
    assert rule(run([{"accession_number": None}], [report])) == {}


def test_a_study_of_unknown_time_keeps_another_from_being_the_only_choice(run: Link) -> None:
    bare = {"accession_number": None}
    unknown = bare | {"study_instance_uid": "1.2", "exam_at": None}
    assert rule(run([bare, unknown], [{"accession_numbers": []}])) == {}


def test_time_never_ties_two_different_accession_numbers(run: Link) -> None:
    linked = run([{"accession_number": "A9"}], [{}])
    assert fate(linked, "study") == {"1.1": "no_report"}
    assert fate(linked, "report") == {"r0": "no_images"}


def test_versions_of_one_accession_count_as_one_report_for_patient_and_time(run: Link) -> None:
    linked = run([{"accession_number": None}], [{"status": "preliminary"}, {"issued_at": NOON}])
    assert rule(linked) == {"1.1": ("r1", "patient_time")}


def test_two_patients_in_a_study_are_quarantined(run: Link) -> None:
    linked = run([{}, {"patient_id": "M200"}], [{}])
    assert fate(linked, "study") == {"1.1": "E_LINK"}
    assert fate(linked, "instance") == {"im0": "E_LINK", "im1": "E_LINK"}
    assert fate(linked, "report") == {"r0": "E_LINK"}


def test_a_report_of_another_patient_quarantines_the_study(run: Link) -> None:
    linked = run([{}], [{"patient_id": "M200"}, {}])
    assert fate(linked, "study") == {"1.1": "E_LINK"}
    assert fate(linked, "report") == {"r0": "E_LINK", "r1": "E_LINK"}


def test_a_reused_accession_number_links_each_patient_to_his_own(run: Link) -> None:
    linked = run([{}, {"study_instance_uid": "1.2", "patient_id": "M200"}], [{}, {"patient_id": "M200"}])
    assert rule(linked) == {"1.1": ("r0", "accession"), "1.2": ("r1", "accession")}


def test_a_void_report_of_another_patient_says_nothing(run: Link) -> None:
    linked = run([{}], [{}, {"patient_id": "M200", "status": "void"}])
    assert rule(linked) == {"1.1": ("r0", "accession")}
    assert fate(linked, "report") == {"r1": "report_void"}


def test_merged_ids_are_one_patient(run: Link) -> None:
    linked = run([{"patient_id": "OLD"}, {}], [{"patient_id": "OLDER"}], merged=[("OLDER", "OLD"), ("OLD", "M100")])
    assert linked.studies["patient_id"].to_list() == ["M100"]


def test_an_issuer_that_only_one_side_names_is_taken_over(run: Link) -> None:
    linked = run([{"issuer": "NORTH"}], [{}])
    assert linked.studies["issuer"].to_list() == ["NORTH"]


def test_the_same_id_of_two_issuers_is_two_patients(run: Link) -> None:
    linked = run([{"issuer": "NORTH"}], [{"issuer": "SOUTH"}])
    assert fate(linked, "study") == {"1.1": "E_LINK"}


def test_a_report_without_patient_id_must_at_least_not_differ_in_birth_date(run: Link) -> None:
    nobody = {"patient_id": None}
    assert rule(run([{}], [nobody])) == {"1.1": ("r0", "accession")}
    assert fate(run([{}], [nobody | {"birth_date": dt.date(1999, 1, 1)}]), "study") == {"1.1": "E_LINK"}


def test_the_newest_final_report_counts(run: Link) -> None:
    linked = run(
        [{}],
        [
            {"issued_at": NOON, "text": "first"},
            {"issued_at": NOON + HOUR, "text": "second", "status": "corrected"},
            {"issued_at": NOON + 2 * HOUR, "text": "third", "status": "preliminary"},
        ],
    )
    assert rule(linked) == {"1.1": ("r1", "accession")}
    assert fate(linked, "report") == {"r0": "superseded", "r2": "superseded"}
    assert linked.studies["flags"].to_list() == [["superseded_reports"]]


def test_a_copy_of_a_report_is_a_duplicate_and_the_fuller_one_counts(run: Link) -> None:
    linked = run([{}], [{"identifiers": []}, {"identifiers": ["123"], "text": "IMPRESSION:  Normal.\n"}])
    assert rule(linked) == {"1.1": ("r1", "accession")}
    assert fate(linked, "report") == {"r0": "duplicate"}
    assert linked.studies["flags"].to_list() == [["no_demographics"]] or linked.studies["flags"].to_list() == [[]]


@pytest.mark.parametrize(("allowed", "kept"), [(True, {"1.1": ("r0", "accession")}), (False, {})])
def test_a_preliminary_report_counts_only_where_allowed(run: Link, allowed: bool, kept: dict[str, Any]) -> None:
    linked = run([{}], [{"status": "preliminary"}], use_preliminary=allowed)
    assert rule(linked) == kept


def test_a_cancellation_takes_the_final_report_with_it(run: Link) -> None:
    linked = run([{}], [{"issued_at": NOON}, {"issued_at": NOON + HOUR, "status": "void", "text": ""}])
    assert fate(linked, "study") == {"1.1": "no_report"}
    assert fate(linked, "report") == {"r0": "report_void", "r1": "report_void"}


def test_a_void_row_without_times_withdraws_the_report_of_its_id(run: Link) -> None:
    linked = run([{}], [{"report_id": "R"}, {"report_id": "R", "status": "void"}])
    assert fate(linked, "study") == {"1.1": "no_report"}
    other = run([{}], [{"report_id": "R"}, {"report_id": "S", "status": "void"}])
    assert rule(other) == {"1.1": ("r0", "accession")}


def test_a_corrected_report_without_time_goes_before_a_final_one(run: Link) -> None:
    linked = run([{}], [{"status": "corrected", "text": "second"}, {"issued_at": NOON}])
    assert rule(linked) == {"1.1": ("r0", "accession")}


@pytest.mark.parametrize("times", [(None, None), (NOON, NOON), (NOON, None), (None, NOON)])
def test_two_versions_of_which_neither_is_newer_are_left_to_a_person(run: Link, times: tuple[Any, Any]) -> None:
    texts = ("IMPRESSION: Pneumothorax.", "IMPRESSION: Normal.")
    linked = run([{}], [{"issued_at": time, "text": text} for time, text in zip(times, texts, strict=True)])
    assert fate(linked, "study") == {"1.1": "E_LINK"}


def test_of_two_versions_of_one_time_the_one_that_holds_the_other_counts(run: Link) -> None:
    short, long = "IMPRESSION: Normal.", "FINDINGS: Clear lungs.\n\nIMPRESSION:  Normal.\n\nSigned."
    assert rule(run([{}], [{"text": long}, {"text": short}])) == {"1.1": ("r0", "accession")}
    assert rule(run([{}], [{"text": short}, {"text": long}])) == {"1.1": ("r1", "accession")}


def test_a_corrected_version_of_the_same_time_goes_before_the_final_one(run: Link) -> None:
    linked = run([{}], [{"issued_at": NOON, "text": "a", "status": "corrected"}, {"issued_at": NOON, "text": "b"}])
    assert rule(linked) == {"1.1": ("r0", "accession")}


def test_an_addendum_of_its_own_is_put_above_its_report(run: Link) -> None:
    linked = run(
        [{}],
        [
            {"issued_at": NOON, "text": "FINDINGS: Clear.\nIMPRESSION: Normal."},
            {"issued_at": NOON + HOUR, "text": "ADDENDUM: Rib fracture.", "has_addendum": True},
        ],
    )
    assert rule(linked) == {"1.1": ("r0", "accession")}
    assert linked.studies["flags"].to_list() == [["has_addendum"]]
    texts = dict(linked.reports.select("report_key", "text").rows())
    assert texts["r0"] == "ADDENDUM: Rib fracture.\n\nFINDINGS: Clear.\nIMPRESSION: Normal."
    assert fate(linked, "report") == {"r1": "superseded"}


def test_an_addendum_alone_is_no_report(run: Link) -> None:
    linked = run([{}], [{"text": "ADDENDUM: Rib fracture.", "has_addendum": True}])
    assert fate(linked, "study") == {"1.1": "no_report"}


def test_one_report_over_several_accessions_is_linked_to_each(run: Link) -> None:
    other = {"study_instance_uid": "1.2", "accession_number": "A2"}
    linked = run([{}, other], [{"accession_numbers": ["A1", "A2"]}])
    assert rule(linked) == {"1.1": ("r0", "accession"), "1.2": ("r0", "accession")}
    assert linked.studies["flags"].to_list() == [["shared_report"]] * 2


def test_a_less_trusted_number_must_fit_in_time(run: Link) -> None:
    other = {"study_instance_uid": "1.2", "accession_number": "P7", "exam_at": NOON - 900 * HOUR}
    linked = run([{}, other], [{"accession_numbers": ["A1", "P7"]}])
    assert rule(linked) == {"1.1": ("r0", "accession")}


@pytest.mark.parametrize(("hours", "flags"), [(0, []), (23, []), (24, ["date_mismatch"]), (-30, ["date_mismatch"])])
def test_a_day_between_exam_and_report_is_flagged(run: Link, hours: int, flags: list[str]) -> None:
    linked = run([{}], [{"exam_at": NOON + hours * HOUR}])
    assert linked.studies["flags"].to_list() == [flags]


def test_empty_and_encoded_reports_leave_their_study_without_one(run: Link) -> None:
    for reason in ("E_EMPTY", "E_ENCODING"):
        linked = run([{}], [{"reason": reason, "text": ""}])
        assert fate(linked, "study") == {"1.1": "no_report"}
        assert fate(linked, "report") == {"r0": reason}


def test_a_cohort_of_images_alone_requires_no_report(run: Link) -> None:
    assert rule(run([{}], [], require_report=False)) == {"1.1": (None, None)}


def test_copies_with_the_same_bytes_are_duplicates(run: Link) -> None:
    same = {"sop_instance_uid": "9.9", "fingerprint": "a" * 64}
    assert fate(run([same, same], [{}]), "instance") == {"im1": "duplicate"}


def test_equal_pixels_keep_the_newest_header(run: Link) -> None:
    same = {"sop_instance_uid": "9.9"}
    linked = run([same | {"content_at": NOON}, same | {"content_at": NOON - HOUR}], [{}], pixels_equal=True)
    assert fate(linked, "instance") == {"im1": "reheadered"}


def test_other_pixels_under_one_uid_quarantine_all_but_not_the_study(run: Link) -> None:
    same = {"sop_instance_uid": "9.9"}
    linked = run([same, same, {}], [{}])
    assert fate(linked, "instance") == {"im0": "E_DUP", "im1": "E_DUP"}
    assert linked.instances["path"].to_list() == ["im2"]


def test_raw_images_go_where_images_for_reading_exist(run: Link) -> None:
    raw = {"presentation_intent": "FOR PROCESSING"}
    assert fate(run([raw, {"presentation_intent": "FOR PRESENTATION"}], [{}]), "instance") == {"im0": "for_processing"}
    assert fate(run([raw], [{}]), "instance") == {}


def test_what_a_rejection_note_names_is_left_out(run: Link) -> None:
    note = {"reason": "E_SOP", "rejected_uids": ["9.0"]}
    linked = run([{}, {}, note], [{}])
    assert fate(linked, "instance") == {"im0": "excluded", "im2": "E_SOP"}


@pytest.mark.parametrize(
    ("image", "report", "is_chest"),
    [
        ({"body_part": "HAND", "description": "HAND 3 VIEWS | Hand AP |  |  | W034 Chest"}, {}, False),
        ({"body_part": None, "description": "PORTABLE"}, {}, True),
        ({"body_part": None, "description": "PORTABLE"}, {"exam_description": "HAND 2V"}, False),
        ({"body_part": None, "description": ""}, {"exam_description": ""}, False),
        ({"body_part": "THORAX", "description": ""}, {"exam_description": ""}, True),
        ({"body_part": "CHEST", "description": "T-SPINE 2 VIEWS"}, {}, False),
        ({"body_part": "ABDOMEN", "description": "CHEST AND ABDOMEN | ABD SUPINE |  |  | "}, {}, False),
        ({"body_part": "ABDOMEN", "description": "XR CHEST 2V | PA |  |  | "}, {}, False),
        ({"body_part": "PORT CHEST", "description": "TRAUMA SERIES | AP |  |  | "}, {"exam_description": ""}, True),
    ],
)
def test_exam_and_image_must_agree_on_the_chest(run: Link, image: Row, report: Row, is_chest: bool) -> None:
    linked = run([image], [report])
    assert fate(linked, "study") == ({} if is_chest else {"1.1": "not_chest"})


def test_other_regions_leave_a_chest_study_image_by_image(run: Link) -> None:
    linked = run([{}, {"body_part": "PELVIS", "description": "TRAUMA | Pelvis AP |  |  | "}], [{}])
    assert fate(linked, "instance") == {"im1": "not_chest"}
    assert linked.instances["path"].to_list() == ["im0"]


@pytest.mark.parametrize(
    ("stay", "unit", "is_inside"),
    [
        ({}, "encounter", True),
        ({"patient_class": "O"}, "encounter", False),
        ({"patient_class": "O"}, "patient", False),
        ({"arrived_at": NOON + HOUR}, "encounter", False),
        ({"arrived_at": NOON + HOUR}, "patient", True),
        ({"patient_id": "M200"}, "patient", False),
        ({"departed_at": None}, "encounter", True),
    ],
)
def test_the_cohort_follows_its_unit(run: Link, stay: Row, unit: str, is_inside: bool) -> None:
    linked = run([{}], [{}], stays=[stay], unit=CohortUnit(unit))
    assert fate(linked, "study") == ({} if is_inside else {"1.1": "outside_cohort"})


def test_the_encounter_around_the_study_is_noted(run: Link) -> None:
    linked = run([{}], [{}], stays=[{"patient_class": "I"}, {}, {"arrived_at": NOON + HOUR}])
    assert linked.studies["encounter_group"].to_list() == ["E"]


def test_dates_and_age_bound_the_cohort(run: Link) -> None:
    assert fate(run([{}], [{}], start=dt.date(2014, 3, 2)), "study") == {"1.1": "outside_cohort"}
    assert fate(run([{}], [{}], end=dt.date(2014, 3, 1)), "study") == {}
    child = {"birth_date": dt.date(1996, 3, 2)}
    assert fate(run([child], [{}]), "study") == {"1.1": "under_age"}
    assert fate(run([child | {"birth_date": dt.date(1996, 3, 1)}], [{}]), "study") == {}


def test_excluded_and_test_patients_come_before_everything(run: Link) -> None:
    out = run(
        [{"patient_id": "OLD"}], [{}], merged=[("OLD", "M100")], excluded=[{"patient_id": "M100", "cause": "opt_out"}]
    )
    assert fate(out, "study") == {"1.1": "excluded"}
    assert fate(out, "report") == {"r0": "excluded"}
    assert fate(run([{"person_names": ["ZZTEST^ONE"]}], [{}]), "study") == {"1.1": "test_patient"}
    assert fate(run([{"person_names": ["TESTER^ANNA"]}], [{}]), "study") == {}


def test_an_exclusion_without_issuer_means_every_issuer(run: Link) -> None:
    images = [{"issuer": "NORTH"}, {"issuer": "SOUTH", "study_instance_uid": "1.2"}]
    linked = run(images, [], excluded=[{"patient_id": "M100", "cause": ""}], require_report=False)
    assert fate(linked, "study") == {"1.1": "excluded", "1.2": "excluded"}


def test_a_study_of_other_modalities_says_so_and_takes_its_report(run: Link) -> None:
    linked = run([{"reason": "not_cr_dx"}, {"reason": "E_SOP"}], [{}])
    assert fate(linked, "study") == {"1.1": "not_cr_dx"}
    assert fate(linked, "report") == {"r0": "not_cr_dx"}


def test_a_study_whose_images_are_all_bad_has_no_surviving_image(run: Link) -> None:
    assert fate(run([{"reason": "E_PIXELS"}], [{}]), "study") == {"1.1": "no_surviving_image"}


def test_modalities_are_the_sites_choice(run: Link) -> None:
    image = {"modality": "RG", "sop_class_uid": "1.2.840.10008.5.1.4.1.1.1"}
    assert fate(run([image], [{}]), "instance") == {"im0": "not_cr_dx"}
    assert fate(run([image], [{}], modalities=("CR", "DX", "RG")), "instance") == {}


def test_two_accessions_in_a_study_with_two_reports_are_ambiguous(run: Link) -> None:
    linked = run([{}, {"accession_number": "A2"}], [{}, {"accession_numbers": ["A2"], "text": "Other"}])
    assert fate(linked, "study") == {"1.1": "E_LINK"}


def test_a_site_adds_its_own_words_and_test_patients(run: Link) -> None:
    image = {"body_part": None, "description": "RX TX | FRENTE |  |  | "}
    bare = {"exam_description": ""}
    assert fate(run([image], [bare]), "study") == {"1.1": "not_chest"}
    assert fate(run([image], [bare], chest_words=("rx tx",)), "study") == {}
    assert fate(run([image], [bare], chest_words=("TX",), other_words=("frente",)), "study") == {"1.1": "not_chest"}
    assert fate(run([{}], [{}], test_patients=("M1\\d+",)), "study") == {"1.1": "test_patient"}
    assert fate(run([{}], [{}], test_patients=("marek.*",)), "study") == {"1.1": "test_patient"}
    assert fate(run([{}], [{}], test_patients=("M1",)), "study") == {}


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no regular expression"):
        CohortSettings(test_patients=("(",))


def test_a_site_may_quarantine_what_is_a_day_apart(run: Link) -> None:
    late = {"exam_at": NOON + 24 * HOUR}
    assert fate(run([{}], [late], quarantine_date_mismatch=True), "study") == {"1.1": "E_LINK"}
    assert fate(run([{}], [late], quarantine_date_mismatch=True), "report") == {"r0": "E_LINK"}
    assert fate(run([{}], [{"exam_at": NOON + 23 * HOUR}], quarantine_date_mismatch=True), "study") == {}
