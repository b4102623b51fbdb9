"""A report as a string with one letter a word, so that phrases are substrings and a search for them is one call.

Takes the words that the rules know, gives a code letter for each; a word that no rule knows is `UNKNOWN`, the end of a
sentence `END`. Spelling is left to `spelling`, phrases to `scanner`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

UNKNOWN = "-"
END = "."
_FIRST_CODE = 0x100  # above the two letters with a meaning of their own
_MOST_CHUNKS = 200_000  # numbers make ever new ones; the table starts anew where it grows past this

# A list item or an empty line ends a sentence; other line breaks are white space.
_BREAK = re.compile(r"\n(?=[ \t\r]*\n|[ \t]*(?:\d{1,2}[.)]|[-*•])[ \t])")
_BREAK_SIGN = "\v"
_BULLET = re.compile(rf"((?:^|{_BREAK_SIGN})[ \t]*)[-–](?=[ \t])")  # else it would read as a dash
# A full stop ends a sentence unless it stands in a number or behind an abbreviation. A hyphen inside a word, `___`
# blanks and XXXX placeholders are not words, so that they part no phrase.
_ABBREVIATED = "".join(rf"(?<!\b{word}\.)" for word in ("dr", "mr", "ms", "mrs", "vs", "approx", "st", "prob", "poss"))
_WORD = re.compile(
    rf"_{{2,}}|x{{4,}}|(?P<end>\.(?:(?<!\d\.){_ABBREVIATED}|(?<=\d\.)(?!\d))|[!{_BREAK_SIGN}])|(?P<dash>--+|^[-–]$|—)"
    r"|(?P<word>(?:s/p|w/o|c/w|c/f|d/t|b/l|r/o|h/o|w/)(?![a-z])|[a-z]+(?:['’][a-z]+)?|\d+(?:[.,]\d+)*|[,;:?()+&/])"
)
_SPOKEN = {"(": ",", ")": ","}

Span = tuple[int, int]


def lowered(text: str) -> str:
    """Lower case of the same length, so that offsets hold (a few letters grow when lowered)."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def split_chunks(text: str) -> list[str]:
    """What stands between single white spaces, so that offsets are sums of lengths; empty where two spaces meet."""
    if "\n" in text:
        text = _BREAK.sub(_BREAK_SIGN, text).replace("\n", " ")
    if "- " in text or "– " in text:
        text = _BULLET.sub(r"\1*", text)
    return text.replace("\t", " ").replace("\r", " ").split(" ")


class WordTable(dict[str, str]):
    """Code letters by chunk ("effusion." is two letters), filled as chunks are met.

    Parameters
    ----------
    words : iterable of str
        The words that have a code, as `canonical` gives them.
    canonical : callable
        The form under which a word is looked up.
    """

    def __init__(self, words: Iterable[str], canonical: Callable[[str], str]) -> None:
        super().__init__()
        self.codes = {word: chr(_FIRST_CODE + k) for k, word in enumerate(sorted(set(words)))}
        self._canonical = canonical
        self._spans: dict[str, tuple[Span, ...]] = {}

    def __missing__(self, chunk: str) -> str:
        if len(self) >= _MOST_CHUNKS:
            self.clear()
        code = self[chunk] = "".join([self._letter(m) for m in _WORD.finditer(chunk) if m.lastgroup])
        return code

    def _letter(self, match: re.Match[str]) -> str:
        if match["end"]:
            return END
        word = "," if match["dash"] else _SPOKEN.get(match["word"], match["word"])
        return self.codes.get(self._canonical(word), UNKNOWN)


class EdgeTable(dict[str, tuple[int, ...]]):
    """Start and end of each word of a chunk, in turn; filled as chunks are asked for."""

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        if len(self) >= _MOST_CHUNKS:
            self.clear()
        edges = self[chunk] = tuple(edge for m in _WORD.finditer(chunk) if m.lastgroup for edge in m.span())
        return edges


_edges = EdgeTable()


def word_offsets(chunks: Sequence[str], start: int) -> list[int]:
    """Start and end of each word in a text, in turn, where the chunks begin at `start`.

    Equals the places of the code letters: letter `k` of `END + code` stands at `2 * k` and `2 * k + 1`; the first,
    the end of sentence before the text, stands nowhere.
    """
    starts = accumulate([len(chunk) + 1 for chunk in chunks], initial=start)
    by_chunk = zip(starts, map(_edges.__getitem__, chunks), strict=False)
    return [0, 0, *[first + edge for first, edges in by_chunk for edge in edges]]
