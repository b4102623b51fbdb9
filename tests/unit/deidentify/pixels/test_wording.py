import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.deidentify.pixels.wording import (
    Identifiers,
    count_alphanumerics,
    edits,
    is_allowed,
    is_of_loops,
    normalise,
    strangeness,
)
from cxr_core.policy.markers import load_marker_policy

POLICY = load_marker_policy()


@pytest.mark.parametrize(
    "text",
    [
        "L",
        "r",
        "R.",
        "~PORTABLE",
        "LEFT LATERAL",
        "Semi-Upright",
        "P0RTABLE",
        "SUPLNE",
        "LEFTLATERAL",
        "PORTABLEAP",
        "GRID IN",
        "AP ERECT L",
        "D E C U B",
        "L P O R T",
        "RAP SUPINE",
        "A\u00b7SUPINE",
        "/P SUPINE",
        "R (P ERECT",
        "\u00b0A PORTABLE",
    ],
)
def test_markers_are_allowed(text: str) -> None:
    assert is_allowed(text, POLICY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "Ross",
        "Ruth R.",
        "IN",
        "RLL",
        "RAP",
        "PAL",
        "LRT",
        "L A T",
        "R O S S",
        "RAP LAT",
        "LT1",
        "P",
        "09/19",
        "L 2",
        "R刀",
        "SMD",
        "PALATE",
        "LI",
        "/P",
        "A\u00b7LAT",
        "A. SUPINE",
        "A, SUPINE",
        "J/P SUPINE",
        "J\u00b7SUPINE",
        "O'A SUPINE",
        "/PAUL ERECT",
        "CHEST",
        "Chest PA/Lat",
        "PA CHEST",
    ],
)
def test_everything_else_is_not(text: str) -> None:
    assert not is_allowed(text, POLICY)


def test_short_words_must_be_exact() -> None:
    assert not is_allowed("LEFF", POLICY)


def test_phrase_words_stand_only_in_their_order() -> None:
    assert not is_allowed("IN GRID", POLICY)


@pytest.mark.parametrize(
    ("identifier", "texts"),
    [
        ("Wright^Anna", ["RIGHT"]),
        ("Leftwich^Bo", ["LEFT", "WICH"]),
        ("Left^Ann", ["LEFT"]),
        ("Pal^Ann", ["PA", "L"]),
        ("Müller-Port^Eva", ["PORT"]),
        ("Castillo^Mona", ["CASTLLLO"]),
        ("7835769", ["783 5769"]),
        ("Pa^Li", ["PA"]),
    ],
)
def test_identifiers_are_recognised(identifier: str, texts: list[str]) -> None:
    assert Identifiers.of([identifier.replace("^", " ")]).are_named_in(texts)


@pytest.mark.parametrize(
    ("identifier", "texts"),
    [("Left Ann", ["L"]), ("Ross Ruth R", ["R"]), ("Lee Ann", ["LT"]), ("", ["PA"]), ("Castillo", ["PORTABLE"])],
)
def test_other_readings_do_not_name_the_patient(identifier: str, texts: list[str]) -> None:
    assert not Identifiers.of([identifier]).are_named_in(texts)


def test_identifiers_do_not_show_in_repr() -> None:
    assert "CASTILLO" not in repr(Identifiers.of(["Castillo"]))


def test_normalise_drops_accents_and_outer_hyphens() -> None:
    assert normalise("-Séamus, o'Brien-") == "SEAMUS O BRIEN"


def test_letters_of_any_script_count() -> None:
    assert count_alphanumerics("刀 a1.-") == 3


@given(st.text("ABC", max_size=6), st.text("ABC", max_size=6))
def test_edits_are_symmetric_and_zero_only_for_equals(first: str, second: str) -> None:
    assert edits(first, second, most=9) == edits(second, first, most=9)
    assert (edits(first, second, most=9) == 0) == (first == second)


def test_every_listed_word_is_allowed() -> None:
    assert all(is_allowed(word, POLICY) for word in POLICY.words | POLICY.phrases)


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("PORTABLE", 0.0),
        ("PORTBLE", 1 / 7),
        ("SEMIUPRIGHT", 0.0),
        ("APERECT", 0.5 / 7),
        ("LAP", 0.5 / 3),
        ("ROSS", 2.5 / 4),
        ("R######", 6 / 7),
        ("", 1.0),
    ],
)
def test_strangeness_counts_edits_for_each_letter_and_half_of_one_for_a_further_word(
    letters: str, expected: float
) -> None:
    assert strangeness(letters, POLICY) == pytest.approx(expected)


@given(st.lists(st.sampled_from(sorted(POLICY.words)), min_size=1, max_size=4))
def test_rows_of_listed_words_are_hardly_strange(words: list[str]) -> None:
    letters = "".join(words).replace("-", "")
    assert strangeness(letters, POLICY) <= (len(words) - 1) / (2 * len(letters))


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ#", min_size=1, max_size=24))
def test_strangeness_is_a_share(letters: str) -> None:
    assert 0 <= strangeness(letters, POLICY) <= 1


@pytest.mark.parametrize(
    ("text", "are_loops"),
    [
        ("0-0", True),
        ("OOOO", True),
        ("Q Q", True),
        ("I1I", True),
        ("10", False),
        ("80", False),
        ("88", False),
        ("", False),
    ],
)
def test_one_loop_or_stroke_over_and_over_is_wire(text: str, *, are_loops: bool) -> None:
    assert is_of_loops(text) is are_loops


@pytest.mark.parametrize(
    ("text", "is_marker"),
    [
        ("TUPRIGHT", True),
        ("1LATERAL", True),
        ("TPORT", False),
        ("BUPRIGHT", False),
        ("P•RTABLE AP", True),
        ("P•RT", False),
    ],
)
def test_an_arrow_before_a_long_word_and_a_dot_within_one_are_read_as_signs(text: str, *, is_marker: bool) -> None:
    assert is_allowed(text, POLICY) is is_marker
