import pytest

from cxr_core.policy.chest import Region, chest_policy


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("CHEST (PA AND LAT)", Region.CHEST),
        ("XR CHEST2V", Region.CHEST),
        ("Thorax ap liegend", Region.CHEST),
        ("RIBS W CHEST", Region.CHEST),
        ("CHEST AND ABDOMEN", Region.CHEST),
        ("THORACIC SPINE", Region.OTHER),
        ("T-SPINE 2V", Region.OTHER),
        ("KUB", Region.OTHER),
        ("HAND 3 VIEWS", Region.OTHER),
        ("PORTABLE AP", Region.UNSAID),
        ("HANDICAP ACCESS", Region.UNSAID),
        ("", Region.UNSAID),
    ],
)
def test_descriptions_say_their_region(text: str, region: Region) -> None:
    assert chest_policy().region_of_text(text) is region


@pytest.mark.parametrize(
    ("part", "region"),
    [("CHEST", Region.CHEST), ("chest_to_abdomen", Region.CHEST), ("TSPINE", Region.OTHER), ("", Region.UNSAID)],
)
def test_body_parts_say_their_region(part: str, region: Region) -> None:
    assert chest_policy().region_of_part(part) is region


@pytest.mark.parametrize("name", ["TEST^PATIENT", "ZZTEST^BOB", "Test, Patient", "PHANTOM^LUNG", "QA", "DO NOT USE"])
def test_registrations_of_nobody_are_known(name: str) -> None:
    assert chest_policy().is_test_patient([name], "4711")


@pytest.mark.parametrize("name", ["TESTER^ANNA", "Test^Maria", "Effusion^Will", "Patient^Ida", "Zzyzx^Al", ""])
def test_real_surnames_stay(name: str) -> None:
    assert not chest_policy().is_test_patient([name], "4711")
