"""Layer 4: decides which words and numbers nobody vouches for: they go.

Takes a document and the vocabulary; gives marks for words outside it, for capitalised words inside a sentence that
are also surnames, and for numbers of four digits and more without a unit.
Why a word that is in the vocabulary should go all the same is left to the other layers.
"""

import re

from cxr_core.deidentify.text.marks import Document, Mark, Marks
from cxr_core.deidentify.text.spans import SpanKind
from cxr_core.deidentify.text.tokens import Shape, Token
from cxr_core.deidentify.text.vocabulary import Vocabulary, WordClass

_UNKNOWN = Mark("deny.word", SpanKind.UNKNOWN_WORD)
_SURNAME = Mark("deny.surname", SpanKind.NAME)
_NUMBER = Mark("deny.number", SpanKind.NUMBER)
_CODE = Mark("deny.code", SpanKind.ID)
_NEIGHBOUR = Mark("deny.neighbour", SpanKind.NAME)
_LONGEST_SHORT_NUMBER = 3
# "1500 ml", "1000-1500 ml", "1200 x 1400 mm": the unit may follow a range.
_MEASURE = re.compile(r"(?:[.,]\d{1,4})?(?: ?[x×/-] ?\d{1,5}(?:[.,]\d{1,4})?){0,2}[ -]?([A-Za-z%]{1,12}[23]?|%)")


def mark_denied(document: Document, vocabulary: Vocabulary) -> Marks:
    """Mark what is not in the vocabulary."""
    protected = _protected(document, vocabulary)
    marks: dict[int, Mark] = {}
    for index, token in enumerate(document.tokens):
        if index in protected or token.shape is Shape.MASK:
            continue
        mark = _deny_number(document, token, vocabulary) if token.has_digit else _deny_word(token, vocabulary)
        if mark is not None:
            marks[index] = mark
    return marks


def _protected(document: Document, vocabulary: Vocabulary) -> set[int]:
    """Tokens of eponym phrases ("Swan-Ganz", "Hill-Sachs")."""
    tokens = document.tokens
    found: set[int] = set()
    for index, token in enumerate(tokens):
        for words in vocabulary.phrases.get(token.key, ()):
            if tuple(part.key for part in tokens[index : index + len(words)]) == words:
                found.update(range(index, index + len(words)))
    return found


def _deny_word(token: Token, vocabulary: Vocabulary) -> Mark | None:
    if token.kind is WordClass.UNKNOWN:
        is_plain = token.shape is Shape.LOWER or token.is_sentence_start or token.in_shout
        return None if len(token.key) < 2 or (is_plain and vocabulary.is_misspelt_term(token.key)) else _UNKNOWN
    is_inside = token.is_capital and token.shape is Shape.TITLE and not token.is_sentence_start
    return _SURNAME if token.kind is WordClass.NAME_WORD and is_inside else None


def _deny_number(document: Document, token: Token, vocabulary: Vocabulary) -> Mark | None:
    if not token.key.isdigit():
        return None if vocabulary.shapes.fullmatch(token.key) else _CODE
    if len(token.key) <= _LONGEST_SHORT_NUMBER:
        return None
    unit = _MEASURE.match(document.text, token.end)
    return None if unit is not None and unit.group(1).lower() in vocabulary.units else _NUMBER


def mark_code_parts(document: Document, marks: Marks) -> Marks:
    """Mark what hangs on a denied code by a hyphen or slash: all of "RX/77-2041", not only its long number."""
    found: dict[int, Mark] = {}
    tokens = document.tokens
    for anchor, mark in marks.items():
        if mark is not _CODE and mark is not _NUMBER:
            continue
        for step in (1, -1):
            beside = anchor + step
            while 0 <= beside < len(tokens) and document.gap_after(min(beside, beside - step)) in {"-", "/", "."}:
                token = tokens[beside]
                if not token.has_digit and not (token.shape is Shape.UPPER and len(token.key) <= 3):
                    break
                found[beside] = _CODE
                beside += step
    return found


def mark_neighbours(document: Document, marks: Marks) -> Marks:
    """Mark initials and capitalised surnames beside a marked name: "Grant" in "Grant Kowalczyk", "A" in "Patrick A"."""
    found: dict[int, Mark] = {}
    tokens = document.tokens
    for anchor in sorted(marks):
        if not _is_anchor(tokens[anchor], marks[anchor]):
            continue
        for step in (1, -1):
            beside = anchor + step
            while 0 <= beside < len(tokens) and beside not in marks and beside not in found:
                left = min(beside, beside - step)
                if not document.is_name_pair(left) or not _joins_name(tokens[beside], document, left):
                    break
                found[beside] = _NEIGHBOUR
                beside += step
    return found


def _is_anchor(token: Token, mark: Mark) -> bool:
    return mark.kind is SpanKind.NAME or (mark is _UNKNOWN and token.shape is not Shape.LOWER and not token.in_shout)


def _joins_name(token: Token, document: Document, left: int) -> bool:
    if "\n" in document.gap_after(left):
        return False
    if token.is_initial:
        return not (token.is_sentence_start and token.key in {"a", "i"})
    if token.kind is WordClass.NAME_WORD:
        return token.shape is not Shape.LOWER
    is_short_term = token.kind is WordClass.TERM and len(token.key) <= 3 and not token.is_sentence_start
    return token.is_capital and token.shape is Shape.TITLE and (token.kind is WordClass.COMMON or is_short_term)
