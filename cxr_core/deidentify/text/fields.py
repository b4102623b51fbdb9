"""Layer 3, second half: decides what of header fields ("Patient: ...   MRN: ...") and signature blocks is to go.

Takes a document; gives spans by the labels and phrases of `cues.toml`.
Names inside sentences are left to `cues.py`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from cxr_core.deidentify.text.cues import read_cue_tables
from cxr_core.deidentify.text.marks import Document
from cxr_core.deidentify.text.spans import Span, SpanKind
from cxr_core.deidentify.text.tokens import Shape, Token
from cxr_core.deidentify.text.vocabulary import WordClass

_LONGEST_LABEL = 4
_LONGEST_FIELD = 100  # characters; a field is short, a sentence after a colon is none
_FIELD_END = re.compile(r"\n|[ \t]{2,}|\t|[;|]|\.[ \t]|\.$|\.\n")
_COLON = re.compile(r"(?:[ \t]{0,3}[:#=?]{1,2}|[ \t]{0,3}\.{3,80}|[ \t]{0,3}\|)[ \t]{0,40}")
_COPY_LABELS = frozenset({"cc", "copy to", "copies to", "carbon copy"})
# Weak labels also stand before departments and reasons ("FROM: Radiology", "Re: chest pain").
_WEAK_LABELS = frozenset({"re", "pt", "reader", "to", "from", "contact", "staff", "provider", "author"})


@dataclass(frozen=True, slots=True)
class FieldLists:
    """Labels and signature phrases, folded, as tuples of words."""

    name_labels: frozenset[tuple[str, ...]]
    whole_labels: dict[tuple[str, ...], SpanKind]
    block_phrases: frozenset[tuple[str, ...]]
    headings: frozenset[str]


@lru_cache(maxsize=1)
def load_fields() -> FieldLists:
    """Read the lists once a process."""
    tables = read_cue_tables()
    kinds = (kind for kind in SpanKind if kind in tables["labels"] and kind is not SpanKind.NAME)
    return FieldLists(
        name_labels=frozenset(tuple(label.split()) for label in tables["labels"]["name"]),
        whole_labels={tuple(label.split()): kind for kind in kinds for label in tables["labels"][kind]},
        block_phrases=frozenset(tuple(phrase.split()) for phrase in tables["signature"]["block"]),
        headings=frozenset(tables["headings"]["words"].split()),
    )


def find_fields(document: Document, lists: FieldLists) -> list[Span]:
    """Find what stands behind the labels of header fields."""
    spans: list[Span] = []
    tokens = document.tokens
    labels = lists.name_labels | lists.whole_labels.keys()
    for index, token in enumerate(tokens):
        colon = _COLON.match(document.text, token.end)
        if colon is None:
            continue
        label = _label_at(tokens, index, labels)
        if label is None:
            continue
        is_list = " ".join(label) in _COPY_LABELS
        end = _line_end(document.text, colon.end()) if is_list else _field_end(document, index, colon.end())
        value = _tokens_from(tokens, index + 1, end)
        if label in lists.whole_labels and _is_value(value):
            spans.append(Span(colon.end(), end, f"field.{'_'.join(label)}", lists.whole_labels[label]))
        elif label in lists.name_labels:
            spans += _name_spans(value, label)
    return spans


def _line_end(text: str, start: int) -> int:
    found = text.find("\n", start, start + _LONGEST_FIELD)
    return found if found >= 0 else min(len(text), start + _LONGEST_FIELD)


def _label_at(tokens: list[Token], index: int, labels: frozenset[tuple[str, ...]]) -> tuple[str, ...] | None:
    """The longest label that ends at this token."""
    for length in range(min(_LONGEST_LABEL, index + 1), 0, -1):
        words = tuple(token.key for token in tokens[index - length + 1 : index + 1])
        if words in labels:
            return words
    return None


def _field_end(document: Document, index: int, start: int) -> int:
    """Where the value ends: line, wide gap, full stop, or before the next label."""
    text, tokens = document.text, document.tokens
    limit = min(len(text), start + _LONGEST_FIELD)
    found = _FIELD_END.search(text, start, limit)
    end = found.start() if found else limit
    for place in range(index + 1, len(tokens)):
        if tokens[place].start >= end:
            break
        if _COLON.match(text, tokens[place].end) and not tokens[place].has_digit:
            return tokens[_label_start(document, index, place)].start
    return end


def _label_start(document: Document, index: int, place: int) -> int:
    """First token of a label that ends at `place`: capitalised words that follow each other."""
    first = place
    while (
        first - 1 > index and place - first < _LONGEST_LABEL - 1 and document.tokens[first - 1].kind >= WordClass.TERM
    ):
        first -= 1
    return first


def _tokens_from(tokens: list[Token], index: int, end: int) -> list[Token]:
    found: list[Token] = []
    while index < len(tokens) and tokens[index].start < end:
        found.append(tokens[index])
        index += 1
    return found


def _is_value(value: list[Token]) -> bool:
    """A field holds a value, not a sentence: few words, or words that no sentence begins with."""
    lower = sum(
        token.shape is Shape.LOWER and not token.has_digit and token.kind >= WordClass.COMMON for token in value
    )
    return bool(value) and lower <= 2 and any(token.shape is not Shape.MASK for token in value)


def _name_spans(value: list[Token], label: tuple[str, ...]) -> list[Span]:
    """The leading name words of a field; all words of a copy list."""
    spans: list[Span] = []
    written = " ".join(label)
    is_word = bool(value) and value[0].kind >= WordClass.TERM and not value[0].is_initial
    second = value[1] if len(value) > 1 else None
    names_follow = second is not None and (second.is_initial or second.kind < WordClass.PROSE) and not second.has_digit
    if written in _WEAK_LABELS and is_word and not names_follow:
        return spans  # "FROM: Radiology"
    for token in value:
        if token.shape is Shape.MASK or token.has_digit:
            continue
        is_complaint = token.kind >= WordClass.PROSE and (token.is_caseless or token.shape is Shape.LOWER or not spans)
        if written in _COPY_LABELS and is_complaint and not token.is_initial:
            continue  # "CC: right chest pain": the chief complaint has the same label
        if written not in _COPY_LABELS and token.kind >= WordClass.COMMON and token.shape is Shape.LOWER:
            break
        is_core = token.kind is WordClass.CORE and token.shape is Shape.TITLE and not token.is_initial
        if not spans and is_core and not names_follow:
            break
        spans.append(Span(token.start, token.end, f"field.{'_'.join(label)}", SpanKind.NAME))
    return spans


def find_signature_blocks(document: Document, lists: FieldLists) -> list[Span]:
    """Find all that follows a signature phrase, up to the next heading."""
    spans: list[Span] = []
    tokens = document.tokens
    end = -1
    for index, token in enumerate(tokens[:-1]):
        if token.start < end or (token.key, tokens[index + 1].key) not in lists.block_phrases:
            continue
        first = index + 2
        while first < len(tokens) and tokens[first].key in {"by", "on", "at", "and", "reviewed", "approved"}:
            first += 1
        end = _block_end(document, first, lists)
        if first < len(tokens) and tokens[first].start < end:
            spans.append(Span(tokens[first].start, end, "signature.block", SpanKind.SIGNATURE))
    return spans


def _block_end(document: Document, index: int, lists: FieldLists) -> int:
    for place in range(index, len(document.tokens)):
        token = document.tokens[place]
        if token.key in lists.headings and "\n" in document.gap_before(place) and _is_heading(document, place):
            return token.start
    return len(document.text.rstrip())


def _is_heading(document: Document, index: int) -> bool:
    """A heading has a colon within its first words, or shouts alone on its line."""
    text, token = document.text, document.tokens[index]
    line_end = text.find("\n", token.start)
    line = text[token.start : line_end if line_end >= 0 else len(text)]
    return ":" in line[:60] or (line.isupper() and len(line) < 40)
