"""Each layer by itself: every pattern's and every cue's own example, and what the layers must leave alone."""

import re

import pytest

from cxr_core.deidentify.text import TextEngine
from cxr_core.deidentify.text.cues import read_cue_tables
from cxr_core.deidentify.text.marks import Document
from cxr_core.deidentify.text.patterns import Pattern, find_patterns, load_patterns, read_patterns, sort_patterns
from cxr_core.deidentify.text.tokens import Shape, Tokenizer
from cxr_core.deidentify.text.vocabulary import WordClass, load_vocabulary
from cxr_core.vault.dictionary import PatientDictionary, SiteDictionary

TOKENIZER = Tokenizer(load_vocabulary())
ENGINE = TextEngine(SiteDictionary())


def _document(text: str) -> Document:
    return Document(text, TOKENIZER.tokenize(text))


@pytest.mark.parametrize("pattern", read_patterns(), ids=lambda pattern: pattern.rule)
def test_every_pattern_hides_what_its_example_says(pattern: Pattern) -> None:
    found = find_patterns(_document(pattern.example), sort_patterns((pattern,)))
    assert [pattern.example[span.start : span.end] for span in found] == [pattern.hidden]


CUE_EXAMPLES = [(name, example) for name, table in read_cue_tables().items() for example in table.get("examples", ())]


@pytest.mark.parametrize(("name", "example"), CUE_EXAMPLES)
def test_every_cue_hides_what_its_example_says(name: str, example: str) -> None:
    text = re.sub(r"\[(.*?)\]", r"\1", example)
    expected = re.sub(r"\[.*?\]", "___", example)
    assert ENGINE.redact(text, PatientDictionary()).text == expected


@pytest.mark.parametrize(
    "text",
    [
        "T11/12 disc", "C3/4 level", "5-10-15 mm", "ratio 1.5", "views 1/2", "2/6 murmur", "T1-T2", "L4-5", "5 mm",
        "10 x 12 cm", "92% on room air", "89-year-old", "14 Fr", "at 30 degrees", "may 2 be", "1.2.3 cm",
    ],
)  # fmt: skip
def test_measures_levels_and_fractions_are_no_identifiers(text: str) -> None:
    assert find_patterns(_document(text), load_patterns()) == []


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("a 90-year-old", "90"), ("91 y.o. male", "91"), ("92yo", "92"), ("93 y/o", "93"), ("102 year old", "102"),
        ("95M with cough", "95"), ("aged 99", "99"), ("ninety year old", "ninety"), ("in her nineties", "nineties"),
    ],
)  # fmt: skip
def test_ages_over_89_go_in_every_spelling(text: str, hidden: str) -> None:
    found = find_patterns(_document(text), load_patterns())
    assert {text[span.start : span.end] for span in found} == {hidden}


def test_common_words_and_terms_are_told_apart() -> None:
    vocabulary = load_vocabulary()
    assert vocabulary.classify("no") is WordClass.CORE
    assert vocabulary.classify("hilar") is WordClass.TERM
    assert vocabulary.classify("perihilar") is WordClass.TERM
    assert vocabulary.classify("haemorrhagic") is WordClass.TERM
    assert vocabulary.classify("quickly") is WordClass.PROSE
    assert vocabulary.classify("bakery") is WordClass.COMMON
    assert vocabulary.classify("marsh") is WordClass.NAME_WORD
    assert vocabulary.classify("kowalczyk") is WordClass.UNKNOWN


@pytest.mark.parametrize("word", ["pnuemonia", "effusoin", "consolidaton", "atelectassis", "pnuemothorax"])
def test_a_misspelt_term_is_known_as_one(word: str) -> None:
    assert load_vocabulary().is_misspelt_term(word)


@pytest.mark.parametrize("word", ["kowalczyk", "adeyemi", "marsh", "goldfarb", "thibodeaux"])
def test_a_name_is_no_misspelt_term(word: str) -> None:
    assert not load_vocabulary().is_misspelt_term(word)


def test_every_shape_matches_its_example_and_no_code() -> None:
    shapes = load_vocabulary().shapes
    assert all(shapes.fullmatch(word) for word in ("T12", "6th", "12mm", "84F", "O2", "COVID19", "x2", "mm3", "FEV1"))
    assert not any(shapes.fullmatch(word) for word in ("RX77", "MRN5512", "A4471", "7N2", "x20931"))


def test_tokens_know_case_sentence_and_shouting() -> None:
    tokens = TOKENIZER.tokenize("Seen by Ida's aunt.\nNO EFFUSION SEEN")
    assert [token.key for token in tokens] == ["seen", "by", "ida", "aunt", "no", "effusion", "seen"]
    assert [token.is_sentence_start for token in tokens] == [True, False, False, False, True, False, False]
    assert [token.is_capital for token in tokens] == [True, False, True, False, False, False, False]
    assert tokens[4].shape is Shape.UPPER


def test_a_dotted_credential_is_one_token() -> None:
    assert [token.key for token in TOKENIZER.tokenize("Lane, M.D. wrote")] == ["lane", "md", "wrote"]


@pytest.mark.parametrize(
    "unit", ["a", "1", "1/", "(", "@", "A.", "Dr ", "'", "-", "1-", "Aa ", "x1 ", "\n", "by ", "Mr. A and "]
)
def test_work_grows_no_faster_than_the_text(unit: str) -> None:
    """Spans per character stay bounded when a nasty unit is repeated, and the run ends (no pattern blows up)."""
    small, large = (ENGINE.redact(f"Lungs clear. {unit * count}", PatientDictionary()) for count in (200, 2_000))
    assert len(large.spans) <= 12 * max(len(small.spans), 1)
