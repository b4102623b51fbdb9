"""Decides nothing: the common form in which the token layers say which words are to go.

Takes a text with its tokens; gives marks by token number and turns them into spans.
Who marks what is left to the layers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cxr_core.deidentify.text.spans import Span, SpanKind
from cxr_core.deidentify.text.tokens import Token, is_name_gap

_LOWER_WORD = re.compile(r"(?<![^\W_])[a-z]{2,}")
_LINE_REACH = 300  # a text of one line must not be searched once a word
_POSSESSIVES = frozenset({"'s", "’s"})


@dataclass(frozen=True, slots=True)
class Mark:
    """The rule that claims a token, and what it takes it for."""

    rule: str
    kind: SpanKind


Marks: TypeAlias = Mapping[int, Mark]


@dataclass(frozen=True, slots=True)
class Document:
    """A text and its tokens, as the layers read it."""

    text: str
    tokens: list[Token]

    def gap_after(self, index: int) -> str:
        """What stands between a token and the next one (or the end)."""
        end = self.tokens[index + 1].start if index + 1 < len(self.tokens) else len(self.text)
        return self.text[self.tokens[index].end : end]

    def gap_before(self, index: int) -> str:
        """What stands between a token and the one before (or the beginning)."""
        return self.text[self.tokens[index - 1].end if index else 0 : self.tokens[index].start]

    def line_of(self, index: int) -> str:
        """The line that a token stands in; of a very long one, what lies around the token."""
        place = self.tokens[index].start
        first, last = max(place - _LINE_REACH, 0), min(place + _LINE_REACH, len(self.text))
        start, end = self.text.rfind("\n", first, place), self.text.find("\n", place, last)
        return self.text[start + 1 if start >= 0 else first : end if end >= 0 else last]

    def is_titled(self, index: int) -> bool:
        """True in a line without a lower-case word, such as a heading: there a capital says little."""
        return _LOWER_WORD.search(self.line_of(index)) is None

    def begins_field(self, index: int) -> bool:
        """True where a line or a field begins: nothing, a colon, a bracket, dots or a wide gap before it."""
        gap = self.gap_before(index)
        return not index or "\n" in gap or gap.endswith("  ") or gap.strip()[-1:] in set(":;|([.)#=>")

    def is_name_pair(self, left: int) -> bool:
        """True where token `left` and the next one may be parts of one name."""
        return left + 1 < len(self.tokens) and is_name_gap(self.text, self.tokens[left], self.tokens[left + 1])


def spans_of(document: Document, marks: Marks) -> list[Span]:
    """One span a marked token, without its possessive 's; `unite` joins neighbours."""
    spans: list[Span] = []
    for index, mark in marks.items():
        token = document.tokens[index]
        is_possessive = token.end - token.start > 2 and document.text[token.end - 2 : token.end] in _POSSESSIVES
        spans.append(Span(token.start, token.end - 2 * is_possessive, mark.rule, mark.kind))
    return spans
