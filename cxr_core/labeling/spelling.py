"""How a word is spelled: one form for British and American English, plurals, abbreviations and slips of the pen.

Takes the words that the rules use and the spellings of `rules/spelling.toml`, gives the form under which a word of a
report is looked up. Which words form a phrase is left to `scanner`.
"""

from collections.abc import Iterator
from functools import lru_cache

from cxr_core.labeling.lexicon import Lexicon, Role

_LONGEST_FUZZY = 24
_FUZZY_FROM = 6  # letters; shorter words have too many neighbours
_DECIDING = (Role.FINDING, Role.CUE, Role.PREDICATE, Role.SUBJECT, Role.PSEUDO, Role.ABNORMALITY)


class Spelling:
    """The spellings that one lexicon understands."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._spelling = dict(lexicon.spelling)
        spoken = {word for rule in lexicon.rules for words in rule.phrases for word in words}
        self._vocabulary = spoken | set(self._spelling.values())
        self._real = lexicon.real_words
        self._slips = _neighbourhood(lexicon)
        self.plain = lru_cache(maxsize=65536)(self._plain)

    def _plain(self, word: str) -> str:
        """The form without plural, abbreviation or British spelling; what the rules' own phrases are written in."""
        word = self._spelling.get(word, word)
        for shorter in _singulars(word):
            if shorter in self._vocabulary:
                return shorter
        return word

    def canonical(self, word: str) -> str:
        """The form under which a word of a report is looked up: plain, and mended where it is a slip of the pen."""
        word = word.replace("’", "'")
        plain = self.plain(word)
        if plain in self._vocabulary or not _FUZZY_FROM <= len(word) <= _LONGEST_FUZZY or not word.isalpha():
            return plain
        if plain in self._real or word in self._real:
            return plain
        return self._mended(word) or next(filter(None, map(self._mended, _singulars(word))), plain)

    def _mended(self, word: str) -> str | None:
        near = {w for form in (word, *_deletions(word)) for w in self._slips.get(form, ())}
        fits = [self.plain(w) for w in near if (w[0] == word[0] or len(w) >= 9) and _is_one_slip(word, w)]
        if fits:
            return min(fits)
        # Two slips are believed in long words only, letters otherwise in place.
        fits = [self.plain(w) for w in near if min(len(w), len(word)) >= 10 and abs(len(w) - len(word)) <= 1]
        return min(fits) if fits else None


def _neighbourhood(lexicon: Lexicon) -> dict[str, list[str]]:
    """Long words that decide something, by the forms they have with one letter less."""
    deciding = (rule for rule in lexicon.rules if rule.role in _DECIDING)
    words = {w for rule in deciding for phrase in rule.phrases for w in phrase if len(w) >= _FUZZY_FROM}
    slips: dict[str, list[str]] = {}
    for word in sorted(words):
        for form in (word, *_deletions(word)):
            slips.setdefault(form, []).append(word)
    return slips


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
