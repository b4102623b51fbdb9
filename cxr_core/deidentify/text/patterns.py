"""Layer 2: decides which pieces of a text are identifiers by their form alone: dates, phones, ids, ages, streets.

Takes a text; gives spans by the rules of `patterns.toml`.
Forms that need to know the patient or the words around are left to the other layers.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

from cxr_core.deidentify.text.marks import Document
from cxr_core.deidentify.text.spans import Span, SpanKind

_FILE = Path(__file__).with_name("patterns.toml")
_MONTH = (
    "(?:(?i:Jan(?:uary)?|Feb(?:ruary)?|Apr(?:il)?|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    "|Nov(?:ember)?|Dec(?:ember)?|Mar(?:ch)?)|May|MAY)\\.?"
)
_LONGEST_WORD_BEFORE = 24
_WORD_BEFORE = re.compile(r"([A-Za-z][A-Za-z0-9]*)[ \t:=#~]{0,3}\Z")
_DAY_WORDS = (
    "(?:twenty|thirty)[- ](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|first|second|third|fourth"
    "|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth"
    "|eighteenth|nineteenth|twentieth|thirtieth"
)
_NUMBERS = re.compile(r"\d+")
_MONTHS = re.compile("jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec")  # in lower-cased text
_UNIT = (
    "(?:[ -]?(?i:[cm]m|mm?hg|m?[lg]|kg|mcg|cc|kvp?|mas|m?gy|hu|hz|fr(?:ench)?|inch(?:es)?"
    "|cent[a-z]{0,10}|mill[a-z]{0,10})\\b|[ -]?%)"
)


class Tried(StrEnum):
    """Where a pattern is tried: trying it everywhere is what makes pattern lists slow."""

    EVERYWHERE = "everywhere"
    AT_DIGIT = "at_digit"
    AT_MONTH = "at_month"
    AFTER_WORD = "after_word"


class _Rule(TypedDict, total=False):
    id: str
    tried: str
    after: str
    unless_after: str
    needs: list[str]
    regex: str
    example: str
    hidden: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """One rule: pattern, where it is tried, after which words, behind which not, what the text must hold, example."""

    rule: str
    kind: SpanKind
    regex: re.Pattern[str]
    tried: Tried
    after: frozenset[str]
    unless_after: frozenset[str]
    needs: tuple[str, ...]
    group: int
    example: str
    hidden: str


@dataclass(frozen=True, slots=True)
class PatternSet:
    """All patterns, sorted by where they are tried."""

    at_digit: tuple[Pattern, ...]
    at_month: tuple[Pattern, ...]
    everywhere: tuple[Pattern, ...]
    after_word: dict[str, tuple[Pattern, ...]]


@lru_cache(maxsize=1)
def read_patterns() -> tuple[Pattern, ...]:
    """Read the rules, in the order of the file."""
    tables: dict[str, dict[str, list[_Rule]]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(_pattern(SpanKind(kind), rule) for kind, table in tables.items() for rule in table["rules"])


@lru_cache(maxsize=1)
def load_patterns() -> PatternSet:
    """Read and sort the rules once a process."""
    return sort_patterns(read_patterns())


def sort_patterns(patterns: tuple[Pattern, ...]) -> PatternSet:
    """Sort patterns by where they are tried."""
    places = {tried: tuple(pattern for pattern in patterns if pattern.tried is tried) for tried in Tried}
    words = {word for pattern in places[Tried.AFTER_WORD] for word in pattern.after}
    return PatternSet(
        at_digit=places[Tried.AT_DIGIT],
        at_month=places[Tried.AT_MONTH],
        everywhere=places[Tried.EVERYWHERE],
        after_word={word: tuple(p for p in places[Tried.AFTER_WORD] if word in p.after) for word in words},
    )


def _pattern(kind: SpanKind, rule: _Rule) -> Pattern:
    regex = re.compile(rule["regex"].replace("DAYWORD", _DAY_WORDS).replace("MONTH", _MONTH).replace("UNIT", _UNIT))
    return Pattern(
        rule=rule["id"],
        kind=kind,
        regex=regex,
        tried=Tried.AFTER_WORD if "after" in rule else Tried(rule.get("tried", Tried.EVERYWHERE)),
        after=frozenset(rule.get("after", "").split()),
        unless_after=frozenset(rule.get("unless_after", "").split()),
        needs=tuple(rule.get("needs", ())),
        group=regex.groupindex.get("span", 0),
        example=rule["example"],
        hidden=rule["hidden"],
    )


def find_patterns(document: Document, patterns: PatternSet) -> list[Span]:
    """Find all pieces that match a rule."""
    text = document.text
    lowered = text.lower()
    numbers = _number_places(text)
    months = [match.start() for match in _MONTHS.finditer(lowered)] if len(lowered) == len(text) else range(len(text))
    spans = [span for pattern in patterns.at_digit for span in _match_at(text, pattern, numbers)]
    spans += [span for pattern in patterns.at_month for span in _match_at(text, pattern, months)]
    for pattern in patterns.everywhere:
        if any(literal in lowered for literal in pattern.needs):
            spans += [_span(match, pattern) for match in pattern.regex.finditer(text)]
    for token in document.tokens:
        for pattern in patterns.after_word.get(token.key, ()):
            match = pattern.regex.match(text, token.end)
            if match is not None:
                spans.append(_span(match, pattern))
    return spans


def _match_at(text: str, pattern: Pattern, places: Sequence[int]) -> Iterator[Span]:
    """Matches that begin at one of the places and do not overlap."""
    end = 0
    match_at = pattern.regex.match
    for place in places:
        match = match_at(text, place) if place >= end else None
        if match is not None and not (pattern.unless_after and _word_before(text, place) in pattern.unless_after):
            end = match.end()
            yield _span(match, pattern)


def _word_before(text: str, place: int) -> str:
    """The word right before a number, lower case; empty where a full stop or more than a few signs lie between."""
    found = _WORD_BEFORE.search(text, max(place - _LONGEST_WORD_BEFORE, 0), place)
    return found.group(1).lower() if found else ""


def _span(match: re.Match[str], pattern: Pattern) -> Span:
    return Span(match.start(pattern.group), match.end(pattern.group), pattern.rule, pattern.kind)


def _number_places(text: str) -> list[int]:
    """Beginnings of numbers, and of "(", "+", "+(" before them."""
    places: list[int] = []
    for match in _NUMBERS.finditer(text):
        opener = match.start()
        while opener > 0 and text[opener - 1] in "(+" and opener > match.start() - 2:
            opener -= 1
        places.extend(range(opener, match.start() + 1))
    return places
