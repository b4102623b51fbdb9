"""Labels depend on words, not on how they are laid out."""

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.labeling import EVIDENCE_SCHEMA, Labeler, MarkRole, ReportLabels, explain, label_batch
from cxr_core.vocabulary import Assertion, Label

LABELER = Labeler()
STATEMENTS = (
    "No pleural effusion or pneumothorax",
    "Left lower lobe opacity may represent pneumonia",
    "The heart size is mildly enlarged",
    "Small right effusion, and the edema has resolved",
    "Cannot exclude a nodule in the right apex",
    "The nasogastric tube has been removed",
    "No change in the bibasilar atelectasis",
    "Cardiac and mediastinal contours are normal",
    "Retrocardiac opacity, atelectasis versus consolidation",
    "History of fracture",
)
REPORTS = st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=4).map(lambda s: ". ".join(s) + ".")


def values(text: str) -> tuple[int | None, ...]:
    return LABELER.label(text).values


@given(REPORTS)
def test_case_does_not_matter(text: str) -> None:
    assert values(text) == values(text.upper()) == values(text.lower()) == values(text.title())


@given(REPORTS, st.integers(1, 9), st.sampled_from(["\n", "  ", "\n   ", "\r\n", "\t"]))
def test_line_wraps_and_spaces_do_not_matter(text: str, every: int, gap: str) -> None:
    words = text.split(" ")
    wrapped = "".join(w + (gap if i % every == 0 else " ") for i, w in enumerate(words))
    assert values(wrapped) == values(text)


@given(REPORTS)
def test_a_trailing_full_stop_does_not_matter(text: str) -> None:
    assert values(text.rstrip(".")) == values(text)


@given(REPORTS, st.integers(0, 40), st.sampled_from(["___", "XXXX", "________"]))
def test_blanks_do_not_matter(text: str, position: int, blank: str) -> None:
    words = text.split(" ")
    at = position % len(words)
    assert values(" ".join([*words[:at], blank, *words[at:]])) == values(text)


@given(st.text(max_size=200))
def test_any_text_is_labelled_within_its_bounds(text: str) -> None:
    labels = LABELER.label(text)
    assert all(mark.end <= len(text) for mark in explain(text, labels))


@given(REPORTS)
def test_every_label_has_evidence(text: str) -> None:
    labels = LABELER.label(text)
    shown = {e.label for e in labels.evidence}
    assert all(label in shown for label, value in zip(Label, labels.values, strict=True) if value is not None)


def test_no_finding_has_its_rule_as_evidence() -> None:
    last = LABELER.label("No effusion.").evidence[-1]
    assert (last.label, last.rule_id, last.phrase_start) == (Label.NO_FINDING, "no_finding", None)


@pytest.mark.parametrize("text", ["", "  \n", "___", "1. ."])
def test_a_text_without_words_has_no_labels(text: str) -> None:
    assert LABELER.label(text) == ReportLabels((None,) * 14, ())


def test_offsets_point_at_phrase_and_cue() -> None:
    text = "Lungs clear.\nNo  Pleural\neffusion."
    (item,) = [e for e in LABELER.label(text).evidence if e.label is Label.PLEURAL_EFFUSION]
    assert item.phrase_start is not None
    assert item.cue_start is not None
    assert text[item.phrase_start : item.phrase_end] == "Pleural\neffusion"
    assert text[item.cue_start : item.cue_end] == "No"
    assert text[item.sentence_start : item.sentence_end] == "No  Pleural\neffusion"


def test_only_the_given_spans_are_read() -> None:
    text = "Small effusion. No pneumothorax."
    labels = LABELER.label(text, [(16, len(text))])
    assert labels.value(Label.PLEURAL_EFFUSION) is None
    assert labels.value(Label.PNEUMOTHORAX) == 0


def test_indication_and_history_sections_are_not_read() -> None:
    text = "INDICATION: pneumonia.\nHISTORY: fracture.\nFINDINGS: Small effusion.\nRECOMMENDATION: CT for nodule."
    labels = LABELER.label(text)
    assert [e.label for e in labels.evidence] == [Label.PLEURAL_EFFUSION]


def test_addendum_wins_over_the_report() -> None:
    text = "There is a nodule. No effusion or nodule."
    labels = LABELER.label(text, [(19, len(text))], addendum_spans=[(0, 18)])
    assert (labels.value(Label.LUNG_LESION), labels.value(Label.PLEURAL_EFFUSION)) == (1, 0)
    assert labels.value(Label.NO_FINDING) is None


def test_addendum_may_take_a_finding_back() -> None:
    text = "No nodule. There is a nodule."
    labels = LABELER.label(text, [(11, len(text))], addendum_spans=[(0, 10)])
    assert (labels.value(Label.LUNG_LESION), labels.value(Label.NO_FINDING)) == (0, 1)


def test_marks_show_scope_cue_and_phrase_in_order() -> None:
    text = "Possible pneumonia."
    marks = explain(text, LABELER.label(text))
    assert [(text[m.start : m.end], m.role, m.assertion) for m in marks] == [
        ("Possible pneumonia", MarkRole.SCOPE, Assertion.UNCERTAIN),
        ("Possible", MarkRole.CUE, Assertion.UNCERTAIN),
        ("pneumonia", MarkRole.PHRASE, Assertion.UNCERTAIN),
    ]


def test_marks_of_another_text_are_refused() -> None:
    labels = LABELER.label("Left lower lobe pneumonia.")
    with pytest.raises(ValueError, match="another text"):
        explain("Short.", labels)


def test_batch_equals_single_reports() -> None:
    texts = ["Small effusion.", None, "No pneumothorax. Scoliosis."]
    labels, evidence = label_batch(pl.Series(texts), labeler=LABELER)
    assert labels.columns == [label.value for label in Label]
    assert set(labels.dtypes) == {pl.Int8()}
    assert labels.rows() == [LABELER.label(text or "").values for text in texts]
    assert evidence.schema == pl.Schema(EVIDENCE_SCHEMA)
    assert evidence["row"].to_list() == [0, 2, 2]


def test_evidence_holds_no_text() -> None:
    _, evidence = label_batch(pl.Series(["Marfleet has a small effusion."]), labeler=LABELER)
    assert not re.search("marfleet|small", evidence.write_json(), re.IGNORECASE)
