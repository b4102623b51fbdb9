"""What belongs to a name or a code that is partly marked, and what does not; where case says nothing."""

import pytest

from cxr_core.deidentify.text import TextEngine
from cxr_core.vault.dictionary import PatientDictionary, SiteDictionary

ENGINE = TextEngine(SiteDictionary())


def redacted(text: str, *names: str) -> str:
    return ENGINE.redact(text, PatientDictionary(names=frozenset(names))).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Discussed with Hamish Film at once.", "Discussed with ___ at once."),
        ("The outside report was issued by K. Plain.", "The outside report was issued by ___."),
        ("Reader: Bone, M.\nNo effusion.", "Reader: ___.\nNo effusion."),
        ("Junior states the pain began today.", "___ states the pain began today."),
        ("Seen with Ngozi van den Berg today.", "Seen with ___ today."),
        ("Flown in from Great Corvinbridge today.", "Flown in from ___ today."),
        ('It was Frank "Chip" Okonkwo who called.', 'It was ___ "___" ___ who called.'),
        ("Verified by Dr Raym-\nond Okonkwo today.", "Verified by ___-\n___ today."),
        ("Read by Lung, who agrees.", "Read by ___, who agrees."),
        ("Performed on CR-EAST-97.", "Performed on ___."),
        ("Film quality is good. Amber, the nurse, agrees.", "Film quality is good. ___, the nurse, agrees."),
    ],
)
def test_a_word_is_a_name_where_its_capital_and_its_neighbour_say_so(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Graves disease and a Ewing sarcoma of the rib.",
        "Known Paget disease. Horner syndrome is new.",
        "Interval Placement Of Right Chest Tube\nThe lungs are clear.",
        "Seen by Cardiology today.",
        "Patient states the pain began today.",
        "Grade 3/6 murmur; image 2/3; 1/2 of the lung.",
        "Heart rate 95, saturation 92 %, 110 kVp.",
    ],
)
def test_radiology_and_its_people_without_a_name_stay(text: str) -> None:
    assert redacted(text) == text


def test_in_a_text_without_capitals_only_words_of_reports_stay() -> None:
    text = (
        "small left effusion is stable and the heart is not enlarged. results called to amber trapper at the bakery "
        "by the resident on call. no pneumothorax is seen on either side."
    )
    told = redacted(text)
    assert "amber" not in told
    assert "trapper" not in told
    assert "bakery" not in told
    assert told.startswith("small left effusion is stable and the heart is not enlarged. results called to ___ at the")
    assert redacted(told) == told


def test_a_patients_name_that_is_a_term_goes_where_an_initial_or_a_title_introduces_it() -> None:
    assert redacted("cxr pt lung 4771: lung clear\nSmall effusion on the left, as before.", "lung").startswith(
        "cxr pt ___"
    )
    assert redacted("Chest film. LUNG N had no lung disease.", "lung") == "Chest film. ___ had no lung disease."
