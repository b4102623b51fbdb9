"""Layer 1: decides which words and numbers of a text are the patient's or the site's own.

Takes a document, the patient dictionary and the site dictionary; gives marks (names, places) and spans (numbers).
Words that are nobody's in particular are left to the later layers.

A name that is also an ordinary word needs a sign that it is meant as a name. For the patient a capital is enough
("Effusion is a 71-year-old man"); a staff name must stand capitalised inside a sentence or beside another name part,
since a site with a Dr. Small would otherwise lose the first word of "Small left effusion".
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from cxr_core.deidentify.text.marks import Document, Mark, Marks
from cxr_core.deidentify.text.spans import Span, SpanKind
from cxr_core.deidentify.text.tokens import Shape, Token
from cxr_core.deidentify.text.vocabulary import WordClass, one_deleted
from cxr_core.vault.dictionary import PatientDictionary, SiteDictionary, number_forms, written_dates

_FUZZY_FROM = 6  # letters of a name from which one edit is allowed (specs/deidentification.md, section 3)
_SHORTEST_NUMBER = 4
_NUMBER_GROUP = re.compile(r"\d+(?:[-./ )(\t]{1,2}\d+)*")
_COPULAS = frozenset({"is", "are", "was", "were", "remains", "appears", "has", "have", "been"})
# What is said of a patient and not of a heart or an effusion.
_PERSONAL = frozenset({
    "a", "an", "the", "here", "now", "well", "in", "at", "on", "with", "who", "old", "year", "man", "woman", "male",
    "female", "boy", "girl", "had", "patient", "febrile", "afebrile", "asymptomatic", "symptomatic", "intubated",
    "extubated", "transferred", "admitted", "examined", "discharged", "called",
})  # fmt: skip
_INTRODUCTIONS = frozenset({"pt", "patient", "name", "mr", "mrs", "ms", "miss", "mx", "re", "mister", "missus"})
_PATIENT = Mark("dictionary.patient", SpanKind.NAME)
_FUZZY = Mark("dictionary.patient.edit", SpanKind.NAME)
_STAFF = Mark("dictionary.site", SpanKind.NAME)
_ADDRESS = Mark("dictionary.address", SpanKind.ADDRESS)
_PLACE = Mark("dictionary.place", SpanKind.INSTITUTION)

_PhraseIndex = dict[str, tuple[tuple[str, ...], ...]]


@dataclass(frozen=True, slots=True)
class PatientIndex:
    """A patient dictionary prepared for looking up."""

    names: frozenset[str]
    near_names: frozenset[str]
    numbers: tuple[tuple[str, SpanKind], ...]
    phrases: _PhraseIndex


@lru_cache(maxsize=256)
def index_patient(patient: PatientDictionary) -> PatientIndex:
    """Prepare one dictionary; the studies of a patient come in a row, so that a small cache serves."""
    kinds = ((patient.identifiers, SpanKind.ID), (patient.phones, SpanKind.PHONE))
    numbers = {digits: kind for values, kind in kinds for value in values for digits in _digit_forms(value, kind)}
    for day in patient.birth_dates:
        numbers |= {digits: SpanKind.DATE for form in written_dates(day) if len(digits := _digits(form)) >= 6}
    return PatientIndex(
        names=patient.names,
        near_names=frozenset(form for name in patient.names if len(name) >= _FUZZY_FROM for form in one_deleted(name)),
        numbers=tuple(sorted(numbers.items())),
        phrases=index_phrases(patient.address_parts),
    )


def _digit_forms(value: str, kind: SpanKind) -> set[str]:
    forms = {_digits(form).lstrip("0") for form in number_forms(value)}
    if kind is SpanKind.PHONE:
        forms |= {form[-7:] for form in forms if len(form) >= 10}  # without the area code
    return {form for form in forms if len(form) >= _SHORTEST_NUMBER}


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())


def index_phrases(phrases: Iterable[str]) -> _PhraseIndex:
    """Index folded phrases by their first word, longest first."""
    index: dict[str, list[tuple[str, ...]]] = {}
    for phrase in phrases:
        words = tuple(phrase.split())
        index.setdefault(words[0], []).append(words)
    return {first: tuple(sorted(found, key=len, reverse=True)) for first, found in index.items()}


def mark_names(document: Document, patient: PatientIndex, site: SiteDictionary) -> Marks:
    """Mark the name parts of the patient and of the staff."""
    marks: dict[int, Mark] = {}
    pending: dict[int, Mark] = {}
    for index, token in enumerate(document.tokens):
        found = _look_up(token, patient, site)
        if found is None:
            continue
        target = marks if _is_claimed(document, index, found) else pending
        target[index] = found
    _claim_neighbours(document, marks, pending)
    return marks


def _look_up(token: Token, patient: PatientIndex, site: SiteDictionary) -> Mark | None:
    if token.key in patient.names:
        return _PATIENT
    if token.key in site.names:
        return _STAFF
    if token.is_capital and len(token.key) >= _FUZZY_FROM - 1 and not token.is_sentence_start:
        is_near = token.kind < WordClass.TERM and not patient.near_names.isdisjoint(one_deleted(token.key))
        return _FUZZY if is_near else None
    return None


def _is_claimed(document: Document, index: int, mark: Mark) -> bool:
    """True where the word is meant as a name even without another name part beside it."""
    token = document.tokens[index]
    if token.kind is WordClass.UNKNOWN:
        return True
    is_inside = token.is_capital and not token.is_sentence_start
    if mark is _STAFF:
        return is_inside and token.kind < WordClass.TERM
    if token.is_caseless:
        return token.kind < WordClass.TERM
    if token.kind is WordClass.CORE:
        return is_inside and token.shape is Shape.TITLE
    return token.is_capital and not _is_heading(document, index) and not _begins_finding(document, index)


def _is_heading(document: Document, index: int) -> bool:
    """True for a term right before a colon ("Heart: normal"): a heading, even where a patient is called so."""
    token = document.tokens[index]
    return token.kind is WordClass.TERM and token.is_sentence_start and document.gap_after(index).startswith(":")


def _begins_finding(document: Document, index: int) -> bool:
    """True for a term that opens a sentence about what it means: "Heart size", "Effusion is seen", "Lung volumes".

    Not for "Effusion is a 71-year-old man", "Heart presents with": there it is the patient.
    """
    tokens = document.tokens
    token = tokens[index]
    if token.kind is not WordClass.TERM or not token.is_sentence_start:
        return False
    follower = index + 1
    while follower < len(tokens) and tokens[follower].key in _COPULAS and document.gap_before(follower) == " ":
        follower += 1
    if follower >= len(tokens) or document.gap_before(follower) != " " or tokens[follower].shape is not Shape.LOWER:
        return False
    word = tokens[follower]
    if word.kind is WordClass.CORE:
        return follower > index + 1 and word.key not in _PERSONAL
    return word.kind is WordClass.TERM and word.key not in _PERSONAL


def _claim_neighbours(document: Document, marks: dict[int, Mark], pending: dict[int, Mark]) -> None:
    """Claim words that wait, where they stand beside a claimed name part; both directions, one pass each."""
    tokens = document.tokens
    for index in sorted(pending):
        before = tokens[index - 1] if index else None
        is_introduced = before is not None and (before.key in _INTRODUCTIONS or _is_letter(before))
        follows_letter = index + 1 < len(tokens) and _is_letter(tokens[index + 1]) and document.begins_field(index)
        if pending[index] is _PATIENT and (is_introduced or follows_letter):
            marks[index] = pending[index]
        if index - 1 in marks and document.is_name_pair(index - 1):
            marks[index] = pending[index]
    for index in sorted(pending, reverse=True):
        if index + 1 in marks and document.is_name_pair(index):
            marks[index] = pending[index]


def _is_letter(token: Token) -> bool:
    return len(token.key) == 1 and token.key.isalpha() and token.key != "a"


def mark_phrases(document: Document, phrases: _PhraseIndex, *, mark_address: bool) -> Marks:
    """Mark the phrases of an address or of the site's places, whatever separates their words."""
    mark = _ADDRESS if mark_address else _PLACE
    marks: dict[int, Mark] = {}
    if not phrases:
        return marks
    tokens = document.tokens
    for index, token in enumerate(tokens):
        for words in phrases.get(token.key, ()):
            found = tokens[index : index + len(words)]
            if tuple(part.key for part in found) == words and _is_place(found):
                marks.update(dict.fromkeys(range(index, index + len(words)), mark))
                break
    return marks


def _is_place(found: list[Token]) -> bool:
    """A single ordinary word ("Main", "Reading") is a place only capitalised inside a sentence."""
    if len(found) > 1:
        return any(token.is_capital or token.is_caseless or token.kind < WordClass.COMMON for token in found)
    token = found[0]
    if token.kind is WordClass.UNKNOWN:
        return True
    return token.is_capital and not token.is_sentence_start and token.kind < WordClass.TERM


def find_numbers(text: str, patient: PatientIndex) -> list[Span]:
    """Find ids, phones and birth dates of the patient, with and without separators and leading zeros."""
    spans: list[Span] = []
    for match in _NUMBER_GROUP.finditer(text):
        places = [place for place, sign in enumerate(match.group(), match.start()) if sign.isdigit()]
        if len(places) < _SHORTEST_NUMBER:
            continue
        digits = "".join(text[place] for place in places)
        spans += [
            span for number, kind in patient.numbers for span in _occurrences(text, digits, places, (number, kind))
        ]
    return spans


def _occurrences(text: str, digits: str, places: list[int], sought: tuple[str, SpanKind]) -> Iterator[Span]:
    """Each place of a number in one group of digits; `places` are the offsets of the digits in the text."""
    number, kind = sought
    at = digits.find(number)
    while at >= 0:
        span = _widen(text, places[at], places[at + len(number) - 1] + 1, kind)
        yield span
        at = digits.find(number, bisect_left(places, span.end))


def _widen(text: str, start: int, end: int, kind: SpanKind) -> Span:
    """Take letters and digits that touch the number: "MRN275592", leading zeros."""
    while start > 0 and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return Span(start, end, f"dictionary.{kind.value}", kind)
