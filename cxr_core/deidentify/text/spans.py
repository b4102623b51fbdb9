"""Decides how found spans become redacted text: union, order, replacement.

Takes spans with offsets from the layers; gives disjoint sorted spans and the text with `___` in their place.
Which characters are spans is left to the layers; a span tells its rule and kind, never its value.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

REPLACEMENT = "___"
_JOINT = re.compile(r"[ \t,'’\-]{0,3}")
_INITIAL_JOINT = re.compile(r"\.[ \t]{0,2}")
_SENTENCE_BEGINS = re.compile(r"[ \t]{0,3}(?:[^\W\d_a-z]|\n|\Z)")
_TRIMMED = " \t\r\n,;:"


class SpanKind(StrEnum):
    """What a redacted piece of text was."""

    NAME = "name"
    ID = "id"
    DATE = "date"
    TIME = "time"
    PHONE = "phone"
    CONTACT = "contact"
    ADDRESS = "address"
    INSTITUTION = "institution"
    AGE = "age"
    SIGNATURE = "signature"
    UNKNOWN_WORD = "unknown_word"
    NUMBER = "number"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """One piece of the source text to hide: half-open character offsets, the rule that found it, its kind."""

    start: int
    end: int
    rule: str
    kind: SpanKind


@dataclass(frozen=True, slots=True)
class RedactedText:
    """A text without its identifiers.

    Parameters
    ----------
    text : str
        The source with `___` in place of each span.
    spans : tuple of Span
        Disjoint, sorted, with offsets into the source.
    original_length : int
        Characters of the source.
    """

    text: str
    spans: tuple[Span, ...]
    original_length: int


def unite(text: str, spans: Iterable[Span]) -> tuple[Span, ...]:
    """Merge overlapping and neighbouring spans, keep line breaks outside.

    Neighbours are spans with nothing but blanks, commas, hyphens or apostrophes of one line between them, so that
    "Le Blanc, Yvette" reads as one `___`. A united span keeps the rule and kind of its first piece, a denied
    number inside a date those of the date.
    """
    united: list[Span] = []
    for span in sorted(piece for whole in spans for piece in _lines(text, whole)):
        last = united[-1] if united else None
        if last is not None and (span.start <= last.end or _is_joint(text, last, span)):
            named = span if span.start < last.end and last.rule.startswith("deny.") else last
            united[-1] = Span(last.start, max(last.end, span.end), named.rule, named.kind)
        else:
            united.append(span)
    return tuple(united)


def _is_joint(text: str, last: Span, span: Span) -> bool:
    gap = text[last.end : span.start]
    if _JOINT.fullmatch(gap):
        return True
    is_initial = text[last.end - 1].isalpha() and not text[max(last.end - 2, 0) : last.end - 1].isalpha()
    return is_initial and span.kind is SpanKind.NAME and _INITIAL_JOINT.fullmatch(gap) is not None


def _lines(text: str, span: Span) -> Iterable[Span]:
    """Split a span at line breaks and trim blanks and separators at both ends of each piece."""
    start = span.start
    while start < span.end:
        cut = text.find("\n", start, span.end)
        end = span.end if cut < 0 else cut
        piece = text[start:end]
        left = start + len(piece) - len(piece.lstrip(_TRIMMED))
        right = end - (len(piece) - len(piece.rstrip(_TRIMMED)))
        if right - left > 1 and text[right - 1] == "." and _SENTENCE_BEGINS.match(text, right):
            right -= 1  # the stop closes a sentence: "on 19 May. The heart"
        if left < right:
            yield Span(left, right, span.rule, span.kind)
        start = end + 1


def replace_spans(text: str, spans: tuple[Span, ...]) -> str:
    """Put `___` in place of disjoint sorted spans."""
    pieces: list[str] = []
    position = 0
    for span in spans:
        pieces += (text[position : span.start], REPLACEMENT)
        position = span.end
    return "".join((*pieces, text[position:]))
