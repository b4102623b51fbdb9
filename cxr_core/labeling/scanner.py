"""Where the known phrases stand in a text.

Takes a report, gives its sentences as words with offsets, and the phrases of the lexicon in each: one walk over the
words, longest phrase first, no overlaps. What the phrases mean together is left to `scope`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cxr_core.labeling.lexicon import Lexicon, Role, Rule

# A hyphen inside a word, `___` blanks and XXXX placeholders are not words, so that they part no phrase.
_WORD = re.compile(
    r"_{2,}|x{4,}|(?P<dash>--+|(?<=\s)[-–](?=\s)|—)"
    r"|(?P<word>(?:s/p|w/o|c/w|r/o|h/o|w/)(?![a-z])|[a-z]+(?:['’][a-z]+)?|\d+(?:[.,]\d+)*|[,;:?()+&/])"
)
# A full stop ends a sentence unless it stands in a number or behind an abbreviation.
_ABBREVIATED = "".join(rf"(?<!\b{word}\.)" for word in ("dr", "mr", "ms", "mrs", "vs", "approx", "st", "prob", "poss"))
_END = re.compile(
    rf"\.(?:(?<!\d\.){_ABBREVIATED}|(?<=\d\.)(?!\d))|!|\n[ \t\r]*\n|\n(?=[ \t]*(?:\d{{1,2}}[.)]|[-*•])[ \t])", re.I
)
_SPOKEN = {"(": ",", ")": ","}
_LONGEST_FUZZY = 24

_Trie = dict[str, "_Trie | Rule"]
_RULE = ""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words of one sentence in lower case, and the offsets of each in it."""

    words: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A phrase found: half-open range of words of its sentence, and the rule it belongs to."""

    rule: Rule
    start: int
    end: int

    @property
    def role(self) -> Role:
        """The role of the rule."""
        return self.rule.role


def _lowered(text: str) -> str:
    """Lower case of the same length, so that offsets hold (a few letters grow when lowered)."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def split_sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Offsets of the sentences of `text[start:end]`.

    A full stop ends one unless it stands in a number or behind an abbreviation; so do `!`, an empty line and the
    number or bullet of a new list item. Other line breaks are white space.
    """
    for match in _END.finditer(text, start, end):
        if match.start() > start:
            yield start, match.start()
        start = match.end()
    if end > start:
        yield start, end


def read_words(sentence: str) -> Sentence:
    """The words and signs of one sentence; offsets are into it."""
    words: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for match in _WORD.finditer(_lowered(sentence)):
        if match.lastgroup is None:
            continue
        word = match.group()
        words.append("," if match.lastgroup == "dash" else _SPOKEN.get(word, word))
        starts.append(match.start())
        ends.append(match.end())
    return Sentence(tuple(words), tuple(starts), tuple(ends))


def _singulars(word: str) -> Iterator[str]:
    if len(word) > 4 and word.endswith("ies"):
        yield word[:-3] + "y"
    if len(word) > 4 and word.endswith("es"):
        yield word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]
    if word.endswith(("'s", "’s")):
        yield word[:-2]


def _deletions(word: str) -> set[str]:
    return {word[:i] + word[i + 1 :] for i in range(len(word))}


def _is_one_slip(a: str, b: str) -> bool:
    """True where one letter is lost, added, wrong, or two neighbours are swapped (Damerau distance 1)."""
    if abs(len(a) - len(b)) > 1:
        return False
    first = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[first:], b[first:]
    swapped = len(rest_a) > 1 and len(rest_b) > 1 and rest_a[1] + rest_a[0] + rest_a[2:] == rest_b
    return swapped or rest_a[1:] == rest_b[1:] or rest_a[1:] == rest_b or rest_a == rest_b[1:]


class Scanner:
    """All phrases of a lexicon, compiled once into a tree of words."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._spelling = dict(lexicon.spelling)
        spoken = {word for rule in lexicon.rules for words in rule.phrases for word in words}
        self._vocabulary = spoken | set(self._spelling.values())
        self._real = lexicon.real_words
        self._slips = self._neighbourhood(lexicon)
        self._plain = lru_cache(maxsize=65536)(self._unbent)
        self.canonical = lru_cache(maxsize=65536)(self._canonical)
        self._trie: _Trie = {}
        for rule in lexicon.rules:
            for words in rule.phrases:
                self._add(tuple(self._plain(w) for w in words), rule)

    def _neighbourhood(self, lexicon: Lexicon) -> dict[str, list[str]]:
        """Long words that decide something, by the forms they have with one letter less."""
        kept = (Role.FINDING, Role.CUE, Role.PREDICATE, Role.SUBJECT, Role.PSEUDO, Role.ABNORMALITY)
        words = {w for rule in lexicon.rules if rule.role in kept for p in rule.phrases for w in p if len(w) >= 6}
        slips: dict[str, list[str]] = {}
        for word in sorted(words):
            for form in (word, *_deletions(word)):
                slips.setdefault(form, []).append(word)
        return slips

    def _unbent(self, word: str) -> str:
        word = self._spelling.get(word, word)
        for shorter in _singulars(word):
            if shorter in self._vocabulary:
                return shorter
        return word

    def _canonical(self, word: str) -> str:
        """One spelling for British and American forms, plurals, abbreviations and slips of the pen."""
        word = word.replace("’", "'")
        plain = self._plain(word)
        if plain in self._vocabulary or len(word) < 6 or len(word) > _LONGEST_FUZZY or not word.isalpha():
            return plain
        if plain in self._real or word in self._real:
            return plain
        return self._mended(word) or next(filter(None, map(self._mended, _singulars(word))), plain)

    def _mended(self, word: str) -> str | None:
        near = {w for form in (word, *_deletions(word)) for w in self._slips.get(form, ())}
        fits = [self._plain(w) for w in near if (w[0] == word[0] or len(w) >= 9) and _is_one_slip(word, w)]
        if fits:
            return min(fits)
        # Two slips are believed in long words only, letters otherwise in place.
        fits = [self._plain(w) for w in near if min(len(w), len(word)) >= 10 and abs(len(w) - len(word)) <= 1]
        return min(fits) if fits else None

    def _add(self, words: tuple[str, ...], rule: Rule) -> None:
        node = self._trie
        for word in words:
            node = node.setdefault(word, {})  # type: ignore[assignment]  # leaves stand under the empty word only
        node.setdefault(_RULE, rule)

    def scan(self, words: tuple[str, ...]) -> list[Node]:
        """Phrases in a sentence from left to right; at each word the longest phrase, then on behind it."""
        plain = [self.canonical(w) for w in words]
        nodes: list[Node] = []
        position = 0
        while position < len(plain):
            found = self._longest(plain, position)
            if found is None:
                position += 1
                continue
            nodes.append(found)
            position = found.end
        return nodes

    def _longest(self, plain: list[str], start: int) -> Node | None:
        node = self._trie
        best: Node | None = None
        for position in range(start, len(plain)):
            following = node.get(plain[position])
            if not isinstance(following, dict):
                break
            node = following
            rule = node.get(_RULE)
            if isinstance(rule, Rule):
                best = Node(rule, start, position + 1)
        return best
