"""Sections of a report: each defect of older section splitters, and the paper's rule."""

import pytest

from cxr_core.reports import Fallback, SectionPolicy, choose_section, split_sections
from cxr_core.vocabulary import SectionName


def chosen(text: str, policy: SectionPolicy = SectionPolicy.PAPER) -> str:
    return choose_section(split_sections(text), policy).text_of(text)


def name_of(text: str) -> SectionName:
    return choose_section(split_sections(text)).name


def test_impression_is_preferred() -> None:
    assert chosen("FINDINGS: Small effusion.\n\nIMPRESSION: No pneumonia.") == "No pneumonia."


def test_findings_stand_in_for_a_missing_impression() -> None:
    result = choose_section(split_sections("INDICATION: cough.\n\nFINDINGS: Small effusion."))
    assert (result.name, result.fallback) == (SectionName.FINDINGS, Fallback.NO_IMPRESSION)


def test_final_section_stands_in_for_both() -> None:
    text = "INDICATION: cough.\n\nCHEST, TWO VIEWS: Lungs are clear.\n\nCOMPARISON: None."
    result = choose_section(split_sections(text))
    assert result.text_of(text) == "Lungs are clear."
    assert result.fallback is Fallback.NO_IMPRESSION_NOR_FINDINGS


def test_text_without_headings_is_read_whole() -> None:
    assert chosen("The lungs are clear. No effusion.") == "The lungs are clear. No effusion."


@pytest.mark.parametrize("text", ["", "  \n ", "INDICATION: cough."])
def test_nothing_to_read_is_said(text: str) -> None:
    result = choose_section(split_sections(text))
    assert (result.spans, result.fallback, result.start, result.end) == ((), Fallback.NOTHING_TO_READ, 0, 0)


def test_empty_findings_do_not_swallow_the_impression() -> None:
    assert chosen("FINDINGS:\nIMPRESSION:\nNo acute process.") == "No acute process."


def test_empty_impression_falls_back_to_findings() -> None:
    assert chosen("FINDINGS: Small effusion.\nIMPRESSION:\n") == "Small effusion."


def test_heading_on_the_first_line_is_seen() -> None:
    assert name_of("IMPRESSION: No acute process.") is SectionName.IMPRESSION


@pytest.mark.parametrize(
    "heading", ["Impression:", "impression:", "Impression :", "IMPRESSION:", "  Impression:", "IMPRESSION"]
)
def test_case_and_space_of_a_heading_do_not_matter(heading: str) -> None:
    assert chosen(f"FINDINGS: Effusion.\n{heading}\nNo acute process.") == "No acute process."


@pytest.mark.parametrize(
    "heading",
    [
        "FINDINGS AND IMPRESSION",
        "FINDINGS & IMPRESSION",
        "FINDINGS/IMPRESSION",
        "Impression and Recommendations",
        "CONCLUSION",
        "CONCLUSIONS",
        "OPINION",
        "IMPRESSION (1 OF 2)",
        "IMPRESSION 1",
        "FINAL IMPRESSION",
        "RADIOLOGIST'S IMPRESSION",
        "DR. IMPRESSION",
    ],
)
def test_spellings_of_an_impression(heading: str) -> None:
    text = f"CLINICAL INFORMATION: cough.\n\n{heading}: No acute process."
    assert name_of(text) is SectionName.IMPRESSION
    assert chosen(text) == "No acute process."


@pytest.mark.parametrize(
    "heading", ["FINDINGS", "FINDINGS/RESULT", "Result", "REPORT", "RADIOGRAPHIC FINDINGS", "FINDINGS (2 VIEWS)"]
)
def test_spellings_of_findings(heading: str) -> None:
    assert name_of(f"Indication: cough.\n{heading}: No acute process.") is SectionName.FINDINGS


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("INDICATION", SectionName.INDICATION),
        ("CLINICAL INFORMATION", SectionName.INDICATION),
        ("REASON FOR EXAM", SectionName.INDICATION),
        ("HISTORY", SectionName.HISTORY),
        ("CLINICAL HISTORY", SectionName.HISTORY),
        ("COMPARISON", SectionName.COMPARISON),
        ("TECHNIQUE", SectionName.TECHNIQUE),
        ("EXAMINATION", SectionName.EXAMINATION),
        ("RECOMMENDATION(S)", SectionName.RECOMMENDATION),
        ("NOTIFICATION", SectionName.NOTIFICATION),
    ],
)
def test_other_headings_get_their_name(heading: str, name: SectionName) -> None:
    assert split_sections(f"{heading}: some words.").items[0].name is name


def test_the_letters_of_indication_make_no_impression() -> None:
    assert split_sections("CONTRAINDICATION: none.\nVINDICATION: none.").of(SectionName.IMPRESSION) == ()


@pytest.mark.parametrize("heading", ["CHEST 2 VIEWS", "X-RAY #2 & LATERAL", "PORT. CHEST"])
def test_headings_with_digits_and_signs_are_seen(heading: str) -> None:
    text = f"IMPRESSION: No effusion.\n{heading}: Small nodule."
    assert chosen(text) == "No effusion."


def test_headings_inside_one_line_are_seen() -> None:
    assert chosen("Indication: cough. Findings: Small effusion. Impression: No pneumonia.") == "No pneumonia."


def test_organ_headings_stay_inside_the_findings() -> None:
    text = "FINDINGS:\nLUNGS: Clear.\nHeart: Normal.\nPLEURA: No effusion."
    assert chosen(text) == "LUNGS: Clear.\nHeart: Normal.\nPLEURA: No effusion."


def test_several_impressions_are_all_read() -> None:
    assert (
        chosen("IMPRESSION: No effusion.\nFINDINGS: x.\nIMPRESSION: Small nodule.") == "No effusion.\n\nSmall nodule."
    )


def test_addendum_stands_above_a_line_of_underscores() -> None:
    text = "ADDENDUM: There is a small nodule.\n_______________________________\nFINAL REPORT\nIMPRESSION: No nodule."
    sections = split_sections(text)
    result = choose_section(sections)
    assert sections.has_addendum
    assert result.text_of(text) == "No nodule."
    assert [text[a:b] for a, b in result.addendum_spans] == ["There is a small nodule."]


def test_an_impression_inside_an_addendum_belongs_to_it() -> None:
    text = "Addendum\nIMPRESSION: Small nodule.\n________________\nIMPRESSION: No nodule."
    assert chosen(text) == "No nodule."


@pytest.mark.parametrize(
    "line",
    [
        "Electronically signed by A B, MD on 01/02/2013",
        "Dictated by: A B",
        "Findings were discussed with Dr. A by telephone at 14:13.",
        "Please call (555) 555-0100 with results.",
        "Dr. A was notified at 3 pm.",
        "The referring physician was paged.",
        "These findings were communicated to the team.",
        "I have personally reviewed the images.",
    ],
)
def test_closing_lines_are_no_part_of_the_impression(line: str) -> None:
    assert chosen(f"IMPRESSION: Small effusion.\n\n{line}") == "Small effusion."


def test_a_statement_behind_a_notification_is_read() -> None:
    text = "IMPRESSION: 1. Pneumothorax. Dr. A was notified at 3 pm. 2. Small effusion."
    assert chosen(text) == "1. Pneumothorax.\n\n2. Small effusion."


def test_both_policy_takes_both_sections_in_order() -> None:
    text = "FINDINGS: PICC in place.\n\nIMPRESSION: No pneumonia."
    result = choose_section(split_sections(text), SectionPolicy.FINDINGS_AND_IMPRESSION)
    assert [text[a:b] for a, b in result.spans] == ["PICC in place.", "No pneumonia."]


def test_both_policy_falls_back_like_the_paper() -> None:
    assert chosen("FINDINGS: PICC in place.", SectionPolicy.FINDINGS_AND_IMPRESSION) == "PICC in place."


def test_times_and_blanks_are_no_headings() -> None:
    assert chosen("FINDINGS: At 10:30 the ___: none.") == "At 10:30 the ___: none."


def test_a_numbered_list_behind_prose_findings_is_an_impression_without_heading() -> None:
    text = "FINDINGS: Small effusion. No edema.\n\n1. Small effusion.\n2. Nodule."
    assert name_of(text) is SectionName.IMPRESSION
    assert chosen(text) == "1. Small effusion.\n2. Nodule."


def test_numbered_findings_stay_findings() -> None:
    assert name_of("FINDINGS:\n1. Small effusion.\n2. Nodule.") is SectionName.FINDINGS


def test_an_addendum_without_a_rule_line_ends_where_the_report_begins() -> None:
    text = (
        "ADDENDUM: There is a small left effusion.\n\nFINAL REPORT\nEXAMINATION: CHEST\nINDICATION: Cough.\n\n"
        "FINDINGS: The heart is enlarged.\n\nIMPRESSION: Cardiomegaly.\n"
    )
    chosen = choose_section(split_sections(text))
    assert chosen.name is SectionName.IMPRESSION
    assert chosen.text_of(text) == "Cardiomegaly."
    assert [text[start:end].split("\n", maxsplit=1)[0] for start, end in chosen.addendum_spans] == [
        "There is a small left effusion."
    ]


@pytest.mark.parametrize(
    "text",
    [
        "FINDINGS: Small effusion.\nIMPRESSION - No acute process.",
        "FINDINGS - Small effusion.\nIMPRESSION - No acute process.",
        "FINDINGS Small effusion. IMPRESSION No acute process.",
        "INDICATION: SOB IMPRESSION: No acute process.",
        "FINDINGS: Small effusion.\n*** IMPRESSION ***\nNo acute process.",
        "FINDINGS\r\nSmall effusion.\r\nIMPRESSION\r\nNo acute process.",
        "Findings: Small effusion.\nImpr:\nNo acute process.",
    ],
)
def test_a_heading_may_lack_its_colon_its_line_or_its_letters(text: str) -> None:
    assert chosen(text) == "No acute process."


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("HISTORY: cough\nHeart: normal.\nLungs: clear.", "Heart: normal.\nLungs: clear."),
        ("CARDIOMEDIASTINAL SILHOUETTE: NORMAL.", "CARDIOMEDIASTINAL SILHOUETTE: NORMAL."),
        ("TECHNIQUE: AP.\nLINES AND TUBES: PICC.\nLUNGS: clear.", "LINES AND TUBES: PICC.\nLUNGS: clear."),
    ],
)
def test_headings_of_single_findings_open_the_findings(text: str, read: str) -> None:
    result = choose_section(split_sections(text))
    assert (result.name, result.text_of(text)) == (SectionName.FINDINGS, read)


@pytest.mark.parametrize(
    "text",
    [
        "INDICATION: cough\n\nSmall effusion.",
        "CLINICAL STATEMENT: melanoma\n\nSmall effusion.",
        "COMPARISON: none. Small effusion.",
        "PRELIMINARY REPORT\nNo effusion.\n\nFINAL REPORT\nSmall effusion.",
    ],
)
def test_findings_without_a_heading_follow_what_introduces_them(text: str) -> None:
    assert chosen(text) == "Small effusion."


@pytest.mark.parametrize(
    "words", ["As above.", "See above", "See findings.", "1. As described above.", "Findings as above."]
)
def test_an_impression_that_points_elsewhere_is_no_impression(words: str) -> None:
    assert chosen(f"FINDINGS: Small effusion.\nIMPRESSION: {words}") == "Small effusion."


def test_an_impression_that_says_more_than_as_above_is_read() -> None:
    assert chosen("FINDINGS: x.\nIMPRESSION: As above, no pneumonia.") == "As above, no pneumonia."


def test_an_addendum_ends_where_the_original_report_begins() -> None:
    text = "ADDENDUM: There is a nodule.\n\nORIGINAL REPORT:\nIMPRESSION: No nodule."
    result = choose_section(split_sections(text))
    assert (result.text_of(text), len(result.addendum_spans)) == ("No nodule.", 1)


def test_a_report_that_begins_with_final_report_is_read() -> None:
    assert chosen("Final report. Chest. The heart is normal.") == "Final report. Chest. The heart is normal."


@pytest.mark.parametrize(
    "line",
    [
        "The above findings were discussed with the team.",
        "Findings were telephoned to the ward.",
        "Results have been relayed.",
        "Dr ___ was paged at 10:00.",
        "Discussed with Dr ___ by the resident.",
        "Please call with questions.",
        "Notified by telephone.",
        "Notification of the team at 9 am.",
        "A telephone call was made.",
        "We informed the nurse.",
        "The referring physician was told.",
        "Electronically signed by ___",
        "Dictated on ___",
        "Approved and finalized electronically by ___",
        "Reviewed by ___",
        "Interpreted by ___",
        "I, ___, have reviewed the images.",
        "I have personally viewed this.",
        "End of report",
        "Final report.",
        "Job number 12",
        "D: 12 / T: 13",
        "Attending radiologist ___",
        "This report was generated automatically.",
        "Workstation 4",
    ],
)
def test_closing_lines_are_no_impression(line: str) -> None:
    assert chosen(f"IMPRESSION: No acute process.\n{line}") == "No acute process."
