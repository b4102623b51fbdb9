"""Decides whether a reading is an allowed marker, and whether it names the patient.

Takes readings and the policy or the header's own identifiers, gives yes or no.
What follows for the piece is left to `judgement`.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.misreading import UNREAD, is_misreading, is_torn
from cxr_core.policy.markers import MarkerPolicy

_NOT_WORD = re.compile(r"[^A-Z0-9\- ]+")
_LIKE_LATIN = str.maketrans({"ı": "i", "İ": "I", "Ł": "L", "ł": "l"})  # readers put dots and strokes where none are
_LOOKALIKES = str.maketrans("0158", "OISB")
_MOST_PIECES, _TORN_LETTERS, _TORN_MISREAD_LETTERS = 3, 4, 6
_SPACED_LETTERS = 4  # of a word that is set with spaces between its letters: three may be somebody's initials
_UNLIKE = 0.4
_LONG = 6  # letters
_ARROW, _AFTER_AN_ARROW = frozenset("TI1"), 5  # what it is read as; letters
_SIDES, _LEAST_IN_A_PHRASE = frozenset("LR"), 2
_WITH_A_SIDE = 3  # letters: a side, and the shortest word after it
_SIGNS = ":;'’|!*•·●○°"
_SIGN_WITHIN = re.compile(rf"(?<=[^\W\d_])[.{_SIGNS}](?=[^\W\d_])")
_SIGN = rf"[{_SIGNS}‘`/\\()\[\]<>^\"“”]"
_HALF_A_VIEW = re.compile(rf"(?<!\w)(?:(A{_SIGN}|{_SIGN}P(?!\w))|P{_SIGN}|{_SIGN}A(?!\w))")  # of AP, or else of PA
_AS_NAMES_ARE = re.compile(
    r"[^\W\d_] ?, ?[^\W\d_]"  # Stand, Ira
    r"|(?<![^\W_])[^\W\d_]\. ?[^\W\d_]"  # R. Port
    r"|[^\W\d_]{2} [^\W\d_]\.$"  # Port R.
)
_LOOPS = frozenset("OQIL")
_EDIT, _NEXT_WORD = 2, 1  # what each costs that makes one wording of another
_LEAST_IDENTIFIER = 2  # a middle initial would take every L and R with it and says nothing by itself


def normalise(text: str) -> str:
    """Upper case without accents or punctuation; hyphens stay inside words only."""
    plain = unicodedata.normalize("NFKD", text.translate(_LIKE_LATIN)).encode("ascii", "ignore").decode("ascii").upper()
    words = (word.strip("-") for word in _NOT_WORD.sub(" ", plain).split())
    return " ".join(word for word in words if word)


def count_alphanumerics(text: str) -> int:
    """How many letters and digits a reading holds, of any script."""
    return sum(character.isalnum() for character in text)


def longest_word(text: str) -> int:
    """How many letters the longest word of a reading has; a hyphen divides words."""
    return max(map(len, normalise(text).replace("-", " ").split()), default=0)


def are_alike(texts: Iterable[str]) -> bool:
    """True where all readers read the same, spaces and look-alikes aside."""
    return len({folded(text) for text in texts}) == 1


def has_company(text: str) -> bool:
    """True for a lone letter read with other signs beside it: there is more ink than the letter's."""
    return count_alphanumerics(text) == 1 and len("".join(text.split())) > 1


def is_of_loops(text: str) -> bool:
    """True for one sign over and over that is a loop or a stroke: wires, sutures and stents are read so."""
    signs = set(folded(text))
    return len(signs) == 1 and signs <= _LOOPS


def is_written_like_a_name(text: str) -> bool:
    """True for words with a comma between them or an initial with its full stop: markers have neither."""
    return _AS_NAMES_ARE.search(text) is not None


def is_allowed(text: str, policy: MarkerPolicy) -> bool:
    """True where every word of the reading is on the allow-list.

    Parameters
    ----------
    text : str
        As a reader gave it.
    policy : MarkerPolicy
    """
    if any(map(_is_foreign, text.translate(_LIKE_LATIN).split())):
        return False  # the normalisation would drop a character that stands on the image
    wording = _without_arrow(normalise(text), policy)
    if not wording:
        return False
    if wording in policy.phrases or _are_markers(_with_sides_apart(wording.split(), policy), policy):
        return True
    unread = UNREAD.join(normalise(part) for part in _SIGN_WITHIN.split(text))
    if UNREAD in unread and _are_markers(tuple(unread.split()), policy):
        return True
    viewed, half_read = _HALF_A_VIEW.subn(lambda view: " AP " if view[1] else " PA ", text)
    words = normalise(viewed).split()
    return half_read > 0 and _longest_listed(words, policy) >= _LONG - 1 and _are_markers(tuple(words), policy)


def _longest_listed(words: Sequence[str], policy: MarkerPolicy) -> int:
    """How many letters the longest listed word has, letter by letter: what stands beside a long one is no name."""
    return max((len(word) for word in words if word in policy.words), default=0)


def _without_arrow(wording: str, policy: MarkerPolicy) -> str:
    """The words without the stroke that an arrow before a long listed one is read as (`TUPRIGHT`)."""
    stroke, word = wording[:1], wording[1:]
    return word if stroke in _ARROW and len(word) >= _AFTER_AN_ARROW and word in policy.words else wording


def _is_foreign(word: str) -> bool:
    """True for a word with a letter or digit that is not Latin; an accent in a long one is a speck above a letter."""
    if len(word) >= _LONG - 1:
        word = "".join(sign for sign in unicodedata.normalize("NFD", word) if not unicodedata.combining(sign))
    return any(sign.isalnum() and not sign.isascii() for sign in word)


def is_spelled_out(text: str, policy: MarkerPolicy) -> bool:
    """True where a reading is made of listed words alone, letter by letter, one of them a long one."""
    words = normalise(text).split()
    return all(word in policy.words for word in words) and _longest_listed(words, policy) >= _LONG


def _are_markers(words: tuple[str, ...], policy: MarkerPolicy) -> bool:
    """True where the words are markers, each by itself or a long one that was read with a gap in it."""
    if not words:
        return True
    if _is_marker(words[0], policy) and _are_markers(words[1:], policy):
        return True
    return any(
        _is_in_pieces(words[:count], policy) and _are_markers(words[count:], policy)
        for count in range(2, len(words) + 1)
    )


def _with_sides_apart(words: Sequence[str], policy: MarkerPolicy) -> tuple[str, ...]:
    """The words, a side by itself that was read with the one after it; of a word alone it may be a name.

    A short one is no name beside a long listed word (`RAP SUPINE`).
    """
    if len(words) < _LEAST_IN_A_PHRASE:
        return tuple(words)
    least = _WITH_A_SIDE if _longest_listed(words, policy) >= _LONG else _LONG + 1
    joined = (len(word) >= least and word[0] in _SIDES and word[1:] in policy.words for word in words)
    return tuple(
        part for word, two in zip(words, joined, strict=True) for part in ((word[0], word[1:]) if two else (word,))
    )


def _is_in_pieces(pieces: tuple[str, ...], policy: MarkerPolicy) -> bool:
    """True for a long word that was read with gaps in it; for a shorter one with a gap after each letter."""
    word = "".join(pieces)
    is_spaced = len(word) == len(pieces) >= _SPACED_LETTERS
    if (len(word) >= _LONG or is_spaced) and word in policy.words:
        return True
    return len(pieces) <= _MOST_PIECES and _is_torn(word, policy)


def _is_torn(word: str, policy: MarkerPolicy) -> bool:
    return any(
        (word == known and len(known) >= _TORN_LETTERS)
        or (len(known) >= _TORN_MISREAD_LETTERS and _is_misread(word, known, policy))
        for known in policy.words
    )


def _is_marker(word: str, policy: MarkerPolicy) -> bool:
    if word in policy.words:
        return True
    if len(word) >= policy.one_edit_from_letters - 1 and any(
        _is_misread(word, known, policy) or is_torn(word, known) for known in policy.words
    ):
        return True
    return len(word) >= policy.joined_least_letters and _is_joined(word, policy)


def _is_misread(word: str, known: str, policy: MarkerPolicy) -> bool:
    """True where a long marker was read with a letter or two taken for others, or one lost."""
    if len(known) < policy.one_edit_from_letters:
        return False
    return is_misreading(word, known, most=2 if len(known) >= policy.two_edits_from_letters else 1)


def is_close(text: str, policy: MarkerPolicy) -> bool:
    """True for what holds a word, or is one, that is not far from a long listed one: its ink may be torn."""
    words = normalise(text).split()
    return any(
        _is_near(word, known, most=round(_UNLIKE * len(known)))
        for word in {*words, "".join(words)}
        for known in policy.words
        if len(known) >= policy.one_edit_from_letters
    )


def supports(text: str, marker: str) -> bool:
    """True where a second reading bears out a marker that another reader read with certainty.

    The second reader need not read it letter by letter: two letters in five may differ. Of a lone letter it need
    only see that it is one character: a letter by itself names nobody, and readers trained on words guess at it.
    """
    said, meant = folded(text), folded(marker)
    if len(meant) == 1:
        return count_alphanumerics(text) <= 1
    if len(said) > len(meant) + len(meant) // 4:
        return False
    return _is_near(said, meant, most=max(1, round(_UNLIKE * len(meant))))


def folded(text: str) -> str:
    """Capitals without spaces or punctuation, look-alikes made one."""
    return normalise(text).replace(" ", "").replace("-", "").translate(_LOOKALIKES)


def strangeness(letters: str, policy: MarkerPolicy) -> float:
    """How far letters without spaces are from any row of listed words: edits for each letter, at most 1.

    Every word after the first counts as half an edit: of the shortest ones any name could be made.

    Parameters
    ----------
    letters : str
        Capitals; any other sign is none of a listed word's.
    policy : MarkerPolicy
    """
    listed, lengths = _listed(policy)
    last, steps = np.arange(len(lengths)), _EDIT * np.arange(listed.shape[1] + 1)
    costs = np.tile(steps, (len(lengths), 1))  # of each word, of which so many letters are spent
    whole = 0
    for letter in letters.encode("ascii", "replace"):
        replaced = costs[:, :-1] + _EDIT * (listed != letter)
        costs += _EDIT
        np.minimum(costs[:, 1:], replaced, out=costs[:, 1:])
        np.minimum.accumulate(costs - steps, axis=1, out=costs)
        costs += steps
        whole = int(costs[last, lengths].min())
        costs[:, 0] = min(int(costs[0, 0]), whole + _NEXT_WORD)
    return min(1.0, whole / (_EDIT * len(letters))) if letters else 1.0


@cache
def _listed(policy: MarkerPolicy) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """The letters of the listed words, one a row, and how many each has."""
    words = sorted({word.replace("-", "") for word in policy.words})
    lengths = np.array([len(word) for word in words])
    letters = np.zeros((len(words), lengths.max()), np.uint8)
    for row, word in zip(letters, words, strict=True):
        row[: len(word)] = list(word.encode("ascii", "replace"))
    return letters, lengths


def _is_joined(word: str, policy: MarkerPolicy) -> bool:
    reachable = [True] + [False] * len(word)
    for end in range(1, len(word) + 1):
        parts = (part for part in policy.joined_words if len(part) <= end)
        reachable[end] = any(reachable[end - len(part)] and word.endswith(part, 0, end) for part in parts)
    return reachable[-1]


@dataclass(frozen=True, slots=True)
class Identifiers:
    """The strings that identify the patient, made ready for comparison. PHI."""

    tokens: frozenset[str] = field(repr=False)

    @classmethod
    def of(cls, strings: Iterable[str]) -> "Identifiers":
        """Whole strings without spaces, and each word of them."""
        tokens: set[str] = set()
        for string in strings:
            words = normalise(string).replace("-", " ").split()
            tokens.update([*words, "".join(words)])
        return cls(frozenset(token for token in tokens if len(token) >= _LEAST_IDENTIFIER))

    def are_named_in(self, texts: Sequence[str]) -> bool:
        """True where a word, the whole of a text, or neighbouring texts joined name the patient.

        One edit is forgiven from five characters on, two from eight.
        """
        words = [normalise(text).replace("-", " ").split() for text in texts]
        candidates = {word for group in words for word in group}
        candidates |= {"".join(group) for group in words}
        candidates.add("".join("".join(group) for group in words))
        return any(self._matches(candidate) for candidate in candidates if len(candidate) >= _LEAST_IDENTIFIER)

    def _matches(self, candidate: str) -> bool:
        if candidate in self.tokens:
            return True
        return any(
            (most := _forgiven(len(token))) > 0 and _is_near(candidate, token, most=most) for token in self.tokens
        )


def _forgiven(length: int) -> int:
    return 2 if length >= 8 else 1 if length >= 5 else 0


def _is_near(first: str, second: str, *, most: int) -> bool:
    return edits(first, second, most=most) <= most


def edits(first: str, second: str, *, most: int) -> int:
    """Levenshtein distance, or any number above `most` once it is above."""
    if abs(len(first) - len(second)) > most:
        return most + 1
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
        if min(row) > most:
            return most + 1
    return row[-1]
