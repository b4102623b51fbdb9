"""Whether a decoded value or a byte stream holds a needle.

Takes needles once and texts or bytes many times; gives the kinds and tokens found. Which of them count in which place
is left to `fields` and `verify`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxr_core.verification.findings import Finding
from cxr_core.verification.never_list import Needles
from cxr_core.verification.tokens import fold, split_mixed, tokenize

_UID = re.compile(r"\d+(?:\.\d+){2,}")
_PUBLISHED_UID = re.compile(r"(?<![\d.])(?:2\.25\.\d{15,39}|1\.2\.840\.10008(?:\.\d+)+)(?![\d.])")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
# Ids of images and digests: their digits equal ids of the source by chance, and nothing fits into them.
_OPAQUE = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{8}){4}\b|\b[0-9a-f]{64}\b")
_HEX_WORD = re.compile(r"[a-f]{1,4}")
_SPLIT_KINDS = frozenset({Finding.IDENTIFIER, Finding.PHONE, Finding.DATE})
_TIMESTAMP_LENGTHS = frozenset({10, 12, 14})
_LONGEST_SPLIT = 6  # parts into which separators split an id
_PREFIX = 8


@dataclass(frozen=True, slots=True)
class Hit:
    """A needle that was found. The token is an identified value and never leaves the verifier."""

    kind: Finding
    token: str = field(repr=False)


class TextMatcher:
    """Looks up the tokens of a text: constant work per token, whatever the number of needles."""

    def __init__(self, needles: Needles) -> None:
        self._needles = needles

    def hits(self, text: str) -> set[Hit]:
        """Every needle in a decoded value."""
        folded = fold(text)
        found = {Hit(Finding.UID, uid) for uid in _UID.findall(folded) if uid in self._needles.uids}
        tokens = tokenize(_THOUSANDS.sub(self._count_or_id, _without_opaque(folded)))
        expanded = split_mixed(tokens)
        found.update(self._words(tokens))
        found.update(self._phrases(tokens))
        if len(expanded) > len(tokens):
            found.update(self._mixed(tokens))
            found.update(self._phrases(expanded))
        if len(expanded) > 1:
            found.update(self._joined(expanded))
        return found

    def _count_or_id(self, number: re.Match[str]) -> str:
        """ "32,001 images" is a count, "3,979,149" of a catalog of a hundred is none."""
        digits = number[0].replace(",", "")
        return " " if int(digits) <= self._needles.largest_count else digits

    def _words(self, tokens: list[str]) -> Iterator[Hit]:
        words, issued = self._needles.words, self._needles.issued
        for token in tokens:
            form = token.lstrip("0") if token[0] == "0" else token
            kind = words.get(token) or words.get(form) or _timestamp(words, token)
            if kind is not None and token not in issued:
                yield Hit(kind, form)

    def _mixed(self, tokens: list[str]) -> Iterator[Hit]:
        """Pieces of tokens that mix letters and digits, but for the letters of hexadecimal numbers."""
        for token in tokens:
            found = split_mixed([token])
            if len(found) > 1:
                yield from self._words([piece for piece in found if not _HEX_WORD.fullmatch(piece)])

    def _phrases(self, tokens: list[str]) -> Iterator[Hit]:
        phrases = self._needles.phrases
        for start, token in enumerate(tokens):
            for phrase, kind in phrases.get(token, ()):
                if tuple(tokens[start : start + len(phrase)]) == phrase:
                    yield Hit(kind, " ".join(phrase))

    def _joined(self, tokens: list[str]) -> Iterator[Hit]:
        """Ids at whose separators the text fell apart."""
        words, issued = self._needles.words, self._needles.issued
        has_digits = [token[0].isdigit() for token in tokens]
        for start in range(len(tokens) - 1):
            if not any(has_digits[start : start + _LONGEST_SPLIT]):
                continue
            form = tokens[start]
            for token in tokens[start + 1 : start + _LONGEST_SPLIT]:
                form += token
                kind = words.get(form.lstrip("0"))
                if kind in _SPLIT_KINDS and form not in issued:
                    yield Hit(kind, form.lstrip("0"))


def _without_opaque(folded: str) -> str:
    if len(folded) < _PREFIX + 1:
        return folded
    return _PUBLISHED_UID.sub(" ", _OPAQUE.sub(" ", folded))


def _timestamp(words: dict[str, Finding], token: str) -> Finding | None:
    """A source date at the head of a time stamp: 20120520012400."""
    if len(token) in _TIMESTAMP_LENGTHS and token.isdigit() and words.get(token[:8]) is Finding.DATE:
        return Finding.DATE
    return None


class StreamMatcher:
    """Looks for long needles in coded streams.

    A place is looked at where eight bytes in a row occur in the first eight bytes of needles at all (one in ten
    thousand places of random data), then where they equal such a beginning, then where the whole needle stands.
    """

    def __init__(self, needles: Needles) -> None:
        self._by_prefix: dict[bytes, list[tuple[bytes, Finding]]] = {}
        for needle, kind in needles.streams.items():
            self._by_prefix.setdefault(needle[:_PREFIX], []).append((needle, kind))
        joined = b"".join(self._by_prefix)
        self._prefixes: NDArray[np.uint64] = np.sort(np.frombuffer(joined, np.uint64))
        self._used: NDArray[np.bool_] = np.zeros(256, np.bool_)
        self._used[np.frombuffer(joined, np.uint8)] = True

    def hits(self, data: bytes, *, shortest: int = _PREFIX) -> list[Finding]:
        """Kinds of the needles of at least `shortest` bytes in a stream, one entry an occurrence."""
        if not self._by_prefix or len(data) < _PREFIX:
            return []
        found: list[Finding] = []
        for at in self._candidates(np.frombuffer(data, np.uint8)):
            for needle, kind in self._by_prefix[data[at : at + _PREFIX]]:
                if len(needle) >= shortest and data.startswith(needle, at):
                    found.append(kind)
        return found

    def _candidates(self, data: NDArray[np.uint8]) -> list[int]:
        """Places whose eight bytes begin a needle."""
        run = self._used[data]
        for step in (1, 2, 4):  # after these, a place is true where it and the seven after it were
            run = run[:-step] & run[step:]
        places = np.flatnonzero(run)
        windows = np.lib.stride_tricks.sliding_window_view(data, _PREFIX)[places]
        values = np.ascontiguousarray(windows).view(np.uint64).ravel()
        nearest = np.minimum(np.searchsorted(self._prefixes, values), len(self._prefixes) - 1)
        return [int(place) for place in places[self._prefixes[nearest] == values]]
