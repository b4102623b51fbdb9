"""The compiled search and the plain one find the same."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.labeling import Labeler
from cxr_core.reports import search

LETTERS = st.text("abc", max_size=6)
PATTERNS = st.lists(LETTERS.filter(bool), min_size=1, max_size=12, unique=True)


@given(PATTERNS, st.text("abcdé", max_size=40))
def test_both_searches_agree(patterns: list[str], text: str) -> None:
    assert search.compiled_search(patterns)(text) == search.plain_search(patterns)(text)


@pytest.mark.parametrize("compiled", [search.compiled_search, search.plain_search])
def test_the_longest_wins_and_nothing_overlaps(compiled: Callable[[Sequence[str]], search.Search]) -> None:
    find = compiled(["ab", "abcabd", "b"])
    assert find("zzabcabdzzabcab") == [(1, 2, 8), (0, 10, 12), (0, 13, 15)]


def test_labels_do_not_depend_on_which_search_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = Labeler()
    monkeypatch.setattr("cxr_core.labeling.scanner.compile_search", search.plain_search)
    text = "IMPRESSION: Small left effusion, no pneumothorax. Heart size is borderline; ET tube has been removed."
    assert Labeler().label(text) == compiled.label(text)
