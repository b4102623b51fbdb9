"""Layer 4: decides which words and numbers nobody vouches for: they go.

Takes a document and the vocabulary; gives marks for words outside it, for words beyond the prose of reports where a
capital, or no case at all, lets them be names, and for numbers of four digits and more without a unit.
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
_LONGEST_SHORT_NUMBER = 3
_NO_NAME_FROM = 8  # letters from which a word one edit from a term is no name, even with a capital
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
    """Tokens of eponyms ("Swan-Ganz", "Hill-Sachs", "Graves disease")."""
    tokens = document.tokens
    found: set[int] = set()
    for index, token in enumerate(tokens):
        for words in vocabulary.phrases.get(token.key, ()):
            if tuple(part.key for part in tokens[index : index + len(words)]) == words:
                found.update(range(index, index + len(words)))
        if token.key in vocabulary.weak_eponyms and _has_head(document, index, vocabulary):
            found.add(index)
    return found


def _has_head(document: Document, index: int, vocabulary: Vocabulary) -> bool:
    """True where a disease or a device follows: "Graves disease", "Ewing's sarcoma"."""
    tokens = document.tokens
    return (
        index + 1 < len(tokens)
        and document.gap_after(index) in {" ", "-"}
        and tokens[index + 1].key in vocabulary.eponym_heads
    )


def _deny_word(token: Token, vocabulary: Vocabulary) -> Mark | None:
    is_inside = token.is_capital and token.shape is Shape.TITLE and not token.is_sentence_start
    if is_inside and token.key in vocabulary.abbreviations:
        return _SURNAME  # abbreviations are written in capitals or without: "Mai", "Rao"
    if token.kind >= WordClass.TERM or len(token.key) < 2:
        return None
    if token.kind is WordClass.UNKNOWN:
        is_spared = not is_inside or len(token.key) >= _NO_NAME_FROM
        return None if is_spared and vocabulary.is_misspelt_term(token.key) else _UNKNOWN
    if token.kind is WordClass.PROSE:
        return _SURNAME if is_inside and token.key in vocabulary.name_words else None
    return _SURNAME if token.is_capital or token.is_caseless else None


def _deny_number(document: Document, token: Token, vocabulary: Vocabulary) -> Mark | None:
    if not token.key.isdigit():
        return None if vocabulary.shapes.fullmatch(token.key) else _CODE
    if len(token.key) <= _LONGEST_SHORT_NUMBER:
        return None
    unit = _MEASURE.match(document.text, token.end)
    return None if unit is not None and unit.group(1).lower() in vocabulary.units else _NUMBER
