import pytest

from cxr_core.intake.patients import PatientIndex


def test_merges_are_followed_to_their_end() -> None:
    index = PatientIndex.of([(("", "a"), ("", "b")), (("", "b"), ("", "c"))], [])
    assert [index.patient("", name) for name in ("a", "b", "c")] == [("", "c")] * 3


def test_ids_merged_in_a_circle_are_one_patient() -> None:
    index = PatientIndex.of([(("", "b"), ("", "a")), (("", "a"), ("", "b"))], [])
    assert index.patient("", "a") == index.patient("", "b") == ("", "a")


def test_an_id_without_issuer_belongs_to_the_only_issuer_known() -> None:
    index = PatientIndex.of([], [("NORTH", "m1"), ("", "m1")])
    assert index.patient("", "m1") == ("NORTH", "m1")


def test_which_of_two_issuers_is_meant_is_not_guessed() -> None:
    index = PatientIndex.of([], [("NORTH", "m1"), ("SOUTH", "m1")])
    assert index.patient("", "m1") == ("", "m1")
    assert index.patient("SOUTH", "m1") == ("SOUTH", "m1")


def test_a_merged_id_takes_the_issuer_of_the_survivor() -> None:
    index = PatientIndex.of([(("", "old"), ("", "new"))], [("FORMER", "old"), ("NORTH", "new")])
    assert index.patient("FORMER", "old") == ("NORTH", "new")


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_blank_id_is_no_patient(blank: str | None) -> None:
    assert PatientIndex.of([], []).patient("NORTH", blank) is None


def test_a_merge_of_one_issuer_leaves_the_same_id_of_another_alone() -> None:
    rows = [("NORTH", "m5"), ("SOUTH", "m5"), ("NORTH", "m7")]
    for merge in ((("", "m5"), ("", "m7")), (("NORTH", "m5"), ("NORTH", "m7"))):
        index = PatientIndex.of([merge], rows)
        assert index.patient("NORTH", "m5") == ("NORTH", "m7")
        assert index.patient("SOUTH", "m5") == ("SOUTH", "m5")
        assert index.patient("", "m5") == ("", "m5")


def test_a_merge_may_lead_to_another_issuer() -> None:
    index = PatientIndex.of([(("LEGACY", "m5"), ("NORTH", "m7"))], [("LEGACY", "m5"), ("SOUTH", "m5")])
    assert index.patient("LEGACY", "m5") == ("NORTH", "m7")
    assert index.patient("SOUTH", "m5") == ("SOUTH", "m5")
