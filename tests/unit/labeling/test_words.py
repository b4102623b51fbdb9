"""A report as one letter a word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.labeling.words import END, UNKNOWN, WordTable, lowered, split_chunks, word_offsets

TABLE = WordTable(["no", "effusion", ",", "s/p"], str)


def code(text: str) -> str:
    names = {letter: word[0] for word, letter in TABLE.codes.items()}
    return "".join(names.get(letter, letter) for chunk in split_chunks(text) for letter in TABLE[chunk])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no effusion.", f"ne{END}"),
        ("no right-sided effusion", f"n{UNKNOWN}{UNKNOWN}e"),
        ("no 1.5 cm effusion", f"n{UNKNOWN}{UNKNOWN}e"),
        ("no ___ effusion xxxx", "ne"),
        ("dr. no", f"{UNKNOWN}n"),
        ("effusion (no)", "e,n,"),
        ("no\neffusion\n\nno", f"ne{END}n"),
        ("no\n1. effusion", f"n{END}{UNKNOWN}{END}e"),
        ("- no\n- effusion", f"n{END}e"),
        ("no - effusion", "n,e"),
        ("s/p no", "sn"),
    ],
)
def test_each_word_is_one_letter(text: str, expected: str) -> None:
    assert code(text) == expected


@given(st.text("no effusion.,\n\t-_x1(", max_size=60), st.integers(0, 5))
def test_offsets_point_at_the_words(text: str, start: int) -> None:
    chunks = split_chunks(text)
    edges = word_offsets(chunks, start)
    letters = "".join(TABLE[chunk] for chunk in chunks)
    assert len(edges) == 2 * len(letters) + 2
    for k, letter in enumerate(letters, 1):
        word = text[edges[2 * k] - start : edges[2 * k + 1] - start]
        assert TABLE.codes.get(word, letter) == letter
        assert (word in {"no", "effusion", ","}) <= (letter not in (END, UNKNOWN))


def test_lower_case_keeps_the_length() -> None:
    assert lowered("İNo EFFUSION") == "İno effusion".replace("i̇", "İ")
