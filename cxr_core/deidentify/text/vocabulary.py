"""Decides which words a report may hold: radiology terms, core words, common English, eponyms, units, shapes.

Takes the word files beside it and gives one `Vocabulary` that says of a folded word what it is.
What follows from that (kept, hidden, hidden only with a cue) is left to the layers; sources and licences: NOTICE.md.
"""

import gzip
import re
import tomllib
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

from cxr_core.reports.sections import heading_words
from cxr_core.vault.dictionary import fold_name

_FOLDER = Path(__file__).parent
_TERM_TABLES = ("report", "anatomy", "findings", "devices", "description", "shorthand", "eponyms", "units")
_MISSPELT_FROM = 7  # shorter words lie within one edit of too many names
_SWAPPED_FROM = 6  # "Doris" is "dorsi" with two letters swapped
_LONGEST_WORD = 40


class WordClass(IntEnum):
    """What a word is, the more protected the higher."""

    UNKNOWN = 0
    NAME_WORD = 1
    COMMON = 2
    PROSE = 3
    TERM = 4
    CORE = 5


class _Table(TypedDict, total=False):
    reason: str
    words: str
    prefixes: str
    heads: str
    phrases: list[str]
    patterns: list[dict[str, str]]


@dataclass(slots=True)
class Vocabulary:
    """All words that may stay. Words are folded (`cxr_core.vault.dictionary.fold_name`).

    Parameters
    ----------
    core : function, negation, uncertainty, side and quantity words
    terms : radiology terms, eponyms and units
    prose : words that any report may be written in, however they are written
    common : common English words; without a lower-case letter they may as well be names
    name_words : those of the common words that are also names
    abbreviations : those of the terms that could be read as a name, were they written as one
    phrases : folded eponym phrases as tuples of words, longest first, by their first word
    weak_eponyms : eponyms that are names as often
    eponym_heads : what makes a weak eponym beside it one
    shapes : full-match pattern of the tokens of letters and digits that may stay
    units : words that make the number before them a measurement
    """

    core: frozenset[str]
    terms: frozenset[str]
    prose: frozenset[str]
    common: frozenset[str]
    name_words: frozenset[str]
    abbreviations: frozenset[str]
    prefixes: tuple[str, ...]
    phrases: dict[str, tuple[tuple[str, ...], ...]]
    weak_eponyms: frozenset[str]
    eponym_heads: frozenset[str]
    shapes: re.Pattern[str]
    units: frozenset[str]
    _misspelt: frozenset[str] = field(default=frozenset(), repr=False)
    _known: dict[str, WordClass] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        long_terms = (word for word in self.core | self.terms if len(word) >= _MISSPELT_FROM)
        self._misspelt = frozenset(form for word in long_terms for form in one_deleted(word))
        for words, kind in (
            (self.common, WordClass.COMMON),
            (self.name_words, WordClass.NAME_WORD),
            (self.prose, WordClass.PROSE),
            (self.terms, WordClass.TERM),
            (self.core, WordClass.CORE),
        ):
            self._known.update(dict.fromkeys(words, kind))

    def classify(self, word: str) -> WordClass:
        """Say what a folded word is; plurals, British spellings and prefixed terms count as terms."""
        found = self._known.get(word)
        if found is not None:
            is_plural = found < WordClass.PROSE and self._is_plural(word)
            return WordClass.TERM if is_plural else found
        return WordClass.TERM if len(word) <= _LONGEST_WORD and self._is_derived(word) else WordClass.UNKNOWN

    def _is_plural(self, word: str) -> bool:
        return any(
            len(stem) >= 4 and stem in self.terms for stem in {word.removesuffix("s"), word.removesuffix("es")} - {word}
        )

    def _is_derived(self, word: str) -> bool:
        if len(word) < 4:
            return False
        plain = word.replace("ae", "e").replace("oe", "e")
        stems = {plain, plain.removesuffix("s"), plain.removesuffix("es"), plain.removesuffix("ly")}
        if any(len(stem) >= 3 and stem in self.terms for stem in stems):
            return True
        return any(
            stem.startswith(prefix) and len(stem) - len(prefix) >= 4 and stem[len(prefix) :] in self.terms
            for stem in stems
            for prefix in self.prefixes
        )

    def _is_term(self, word: str) -> bool:
        return word in self.terms or word in self.core

    def is_misspelt_term(self, word: str) -> bool:
        """True for a long word within one edit (letter lost, added, changed, or two swapped) of a term."""
        if _SWAPPED_FROM <= len(word) < _MISSPELT_FROM and any(self._is_term(form) for form in _swapped(word)):
            return True
        if not _MISSPELT_FROM - 1 <= len(word) <= _LONGEST_WORD:
            return False
        return word in self._misspelt or not self._misspelt.isdisjoint(one_deleted(word))


def _swapped(word: str) -> set[str]:
    """All forms with two neighbouring letters swapped."""
    return {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)}


def one_deleted(word: str) -> frozenset[str]:
    """The word and all forms with one letter left out: two words one edit apart share such a form."""
    return frozenset({word} | {word[:place] + word[place + 1 :] for place in range(len(word))})


@lru_cache(maxsize=1)
def load_vocabulary() -> Vocabulary:
    """Read the word files once a process."""
    tables, more = _read_tables("radiology.toml"), _read_tables("report_words.toml")
    terms = {fold_name(word) for name in _TERM_TABLES for word in _parts(tables[name]["words"])}
    terms |= {fold_name(word) for name in ("terms", "eponyms") for word in _parts(more[name]["words"])}
    terms |= {word for word in heading_words() if len(word) > 2}
    prose = {word for table in (tables, more) for word in table["prose"]["words"].split()}
    short = {word for word in more["terms"]["words"].split() if len(word) == 3} | set(
        tables["shorthand"]["words"].split()
    )
    prefixes = tables["morphology"]["prefixes"].split()
    terms |= {prefix for prefix in prefixes if len(prefix) > 2}  # "pre- and postoperative"
    patterns = (entry["pattern"] for entry in tables["shapes"]["patterns"])
    return Vocabulary(
        core=frozenset(fold_name(word) for word in tables["core"]["words"].split()),
        terms=frozenset(terms),
        prose=_read_word_file("prose_words.txt.gz") | prose,
        common=_read_word_file("words.txt.gz"),
        name_words=_read_word_file("name_words.txt.gz"),
        abbreviations=frozenset(word for word in short if _is_pronounceable(word)),
        prefixes=tuple(sorted(prefixes, key=len, reverse=True)),
        phrases=_index_phrases(tables["eponym_phrases"]["phrases"] + more["eponym_phrases"]["phrases"]),
        weak_eponyms=frozenset((tables["weak_eponyms"]["words"] + more["weak_eponyms"]["words"]).split()),
        eponym_heads=frozenset(tables["weak_eponyms"]["heads"].split()),
        shapes=re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE),
        units=frozenset(tables["units"]["words"].split()),
    )


def _read_tables(name: str) -> dict[str, _Table]:
    tables: dict[str, _Table] = tomllib.loads((_FOLDER / name).read_text(encoding="utf-8"))
    return tables


def _is_pronounceable(word: str) -> bool:
    return 3 <= len(word) <= 4 and word.isalpha() and not frozenset("aeiou").isdisjoint(word)


def _parts(words: str) -> list[str]:
    """Split the words of a table; "dual-lead" is two tokens in a report and so two words here."""
    return [part for part in re.split(r"[\s\-./]+", words) if part]


def _index_phrases(phrases: list[str]) -> dict[str, tuple[tuple[str, ...], ...]]:
    split = sorted((tuple(_parts(fold_name(phrase))) for phrase in phrases), key=len, reverse=True)
    return {first: tuple(words for words in split if words[0] == first) for first in {words[0] for words in split}}


def _read_word_file(name: str) -> frozenset[str]:
    text = gzip.decompress((_FOLDER / name).read_bytes()).decode("ascii")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
