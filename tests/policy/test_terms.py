"""The closed vocabulary of descriptions and makers."""

import pytest

from cxr_core.policy.terms import load_terms


@pytest.mark.parametrize(
    "text",
    [
        "CHEST (PA AND LAT)",
        "CHEST (PORTABLE AP)",
        "CHEST (SINGLE VIEW)",
        "Chest 2 views",
        "XR CHEST 2VW",
        "X-RAY CHEST, 1-2 VIEWS",
        "CHEST LATERAL",
        "W Chest PA, bucky",
        "DX Chest AP/Lateral erect",
        "CHEST PORT. LINE PLACEMENT",
        "PORTABLE AP SEMI-UPRIGHT",
    ],
)
def test_a_description_of_a_radiograph_stays_as_it_is(text: str) -> None:
    assert load_terms().accepted(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "7",
        "CHEST (PORTABLE AP) for Patrick Vandenberg",
        "W034 Chest",
        "CHEST 7835769",
        "CHEST 1 2 3 4 5",
        "CHEST 04/03/2011",
        "CHEST MAY",
        "CHEST\u0000PA",
        "THORAX ÄP",
        "chest " * 20,
        "S T R A L S chest",
    ],
)
def test_a_description_with_anything_else_goes(text: str) -> None:
    assert load_terms().accepted(text) is None


def test_a_listed_word_that_names_a_person_of_this_study_goes() -> None:
    assert load_terms().accepted("CHEST AP HAND") == "CHEST AP HAND"
    assert load_terms().accepted("CHEST AP HAND", names={"hand", "grant"}) is None


def test_white_space_is_folded() -> None:
    assert load_terms().accepted("  CHEST   PA ") == "CHEST PA"


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("Philips Medical Systems", "Philips"),
        ("GE Healthcare", "GE"),
        ('"GE Healthcare"', "GE"),
        ("SIEMENS", "Siemens"),
        ("Siemens Healthineers", "Siemens"),
        ("Agfa-Gevaert", "Agfa"),
        ("FUJI PHOTO FILM Co., ltd.", "Fujifilm"),
        ("FUJIFILM Corporation", "Fujifilm"),
        ("Carestream Health", "Carestream"),
        ("EASTMAN KODAK Company", "Carestream"),
        ("KONICA MINOLTA", "Konica"),
        ("General Electric", "GE"),
    ],
)
def test_a_maker_becomes_its_group(text: str, group: str) -> None:
    assert load_terms().maker(text) == group


@pytest.mark.parametrize("text", ["", "Gerald Smith", "Dr. Philips", "St. Brendan Memorial Hospital"])
def test_an_unknown_maker_has_no_group(text: str) -> None:
    assert load_terms().maker(text) is None


def test_a_maker_that_is_a_persons_name_has_no_group() -> None:
    assert load_terms().maker("Canon^Grace") == "Canon"
    assert load_terms().maker("Canon^Grace", names={"canon", "grace"}) is None


def test_the_vocabulary_holds_single_lower_case_words_and_no_months() -> None:
    words = load_terms().words
    assert all(word.isascii() and word.isalpha() and word == word.lower() for word in words)
    assert not words & {"january", "march", "may", "june", "august", "monday", "sunday", "mr", "mrs"}
