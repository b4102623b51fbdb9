"""Decides what a word is and how it stands: its case, whether case says anything there, whether a sentence begins.

Takes a text and a vocabulary; gives tokens with offsets, folded keys and word classes, the common ground of the layers.
What is hidden is left to the layers.
"""

import re
from enum import IntEnum
from typing import NamedTuple

from cxr_core.deidentify.text.vocabulary import Vocabulary, WordClass
from cxr_core.vault.dictionary import fold_name

# Runs of letters and digits with inner apostrophes; combining accents, soft hyphens and zero-width signs belong to
# the word, so that they cannot split a name; "M.D." is one token; `___` stands for a word that is gone.
_DOTTED = r"(?<![^\W_])(?:[A-Za-z]\.){2,}(?:[A-Za-z](?![^\W_]))?"
_SIGN = "(?:[^\\W_]|[\u0300-\u036f\u00ad\u200b-\u200f\u2060\ufeff])"
_ASCII_TOKEN = re.compile(rf"_{{3,}}|{_DOTTED}|[A-Za-z0-9]+(?:['`][A-Za-z0-9]+)*")
_TOKEN = re.compile(f"_{{3,}}|{_DOTTED}|{_SIGN}+(?:['’`´]{_SIGN}+)*")
_SENTENCE_END = re.compile(r"[.!?:;\u2022*]|\n[ \t]*[\n\-#>]|\n[ \t]*\d")
_POSSESSIVE = re.compile(r"['’`´][sS]$")
_MOST_REMEMBERED = 200_000
_LETTERS_TO_JUDGE_BY = 100
_LETTERS_A_CAPITAL = 200  # mixed case has a capital every 20 to 40 letters
_WRAP_WIDTH = 50  # a line at least this long without a full stop goes on in the next one
_NAME_GAP = re.compile(r"[ \t][\"“(']|[\"”)'][ \t]|_|[ \t]{1,3}|[ \t]?,[ \t]{0,3}|-|[ \t]?\n[ \t]{0,3}|\.[ \t]{0,2}")


class Shape(IntEnum):
    LOWER = 0
    TITLE = 1
    UPPER = 2
    MASK = 3


class Word(NamedTuple):
    """What can be said of a word without its place: see `Token`."""

    key: str
    shape: Shape
    kind: WordClass
    has_digit: bool


class Token(NamedTuple):
    """One word of a text (a named tuple: a report makes hundreds of them).

    Parameters
    ----------
    start, end : int
        Offsets into the text; a possessive 's lies inside.
    key : str
        Folded form without possessive and dots: what dictionaries and vocabularies are asked for.
    shape : Shape
        TITLE also holds mixed case ("McDonald"); one capital letter is TITLE.
    kind : WordClass
    has_digit : bool
    is_sentence_start : bool
    is_caseless : bool
        True where case says nothing: in a line of capitals, in a text without them.
    is_capital : bool
        True where a capital marks the word: not where case says nothing.
    """

    start: int
    end: int
    key: str
    shape: Shape
    kind: WordClass
    has_digit: bool
    is_sentence_start: bool
    is_caseless: bool
    is_capital: bool

    @property
    def is_initial(self) -> bool:
        return len(self.key) == 1 and self.key.isalpha() and self.shape is Shape.TITLE


class Tokenizer:
    """Splits texts into tokens; remembers what it learned of a word, since reports repeat themselves."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._words: dict[str, Word] = {}

    def tokenize(self, text: str) -> list[Token]:
        """Split a text into tokens, in order."""
        caseless = _caseless_lines(text)
        tokens: list[Token] = []
        line, line_start, line_end, line_length = 0, 0, _line_end(text, 0), 0
        previous_end = 0
        for match in (_ASCII_TOKEN if text.isascii() else _TOKEN).finditer(text):
            start, end = match.span()
            while start > line_end:
                line, line_length = line + 1, line_end - line_start
                line_start, line_end = line_end + 1, _line_end(text, line_end + 1)
            gap = text[previous_end:start]
            starts = gap != " " and (not tokens or _begins_sentence(gap, line_length))
            word, is_caseless = self._describe(match.group()), caseless[line]
            is_capital = not is_caseless and word.shape in (Shape.TITLE, Shape.UPPER)
            tokens.append(Token(start, end, *word, starts, is_caseless, is_capital))
            previous_end = end
        return tokens

    def _describe(self, written: str) -> Word:
        found = self._words.get(written)
        if found is None:
            if len(self._words) >= _MOST_REMEMBERED:
                self._words.clear()
            found = self._words[written] = self._judge(written)
        return found

    def _judge(self, written: str) -> Word:
        if written[0] == "_":
            return Word("", Shape.MASK, WordClass.CORE, has_digit=False)
        bare = _POSSESSIVE.sub("", written) if len(written) > 2 else written
        key = fold_name(bare).replace(".", "")
        has_digit = not key.isalpha() and any(sign.isdigit() for sign in key)
        kind = WordClass.UNKNOWN if has_digit else self._vocabulary.classify(key)
        return Word(key, _shape(bare), kind, has_digit)


def _shape(word: str) -> Shape:
    if word.islower():
        return Shape.LOWER
    if len(word) > 1 and word.isupper():
        return Shape.UPPER
    return Shape.TITLE if any(sign.isupper() for sign in word) else Shape.LOWER


def _begins_sentence(gap: str, previous_line_length: int) -> bool:
    if _SENTENCE_END.search(gap):
        return True
    return "\n" in gap and previous_line_length < _WRAP_WIDTH


def _line_end(text: str, start: int) -> int:
    found = text.find("\n", start)
    return len(text) if found < 0 else found


def _caseless_lines(text: str) -> list[bool]:
    """Per line: True where case says nothing: capitals with at least two words to judge by, or a text without any."""
    if _is_lower_case(text):
        return [True] * (text.count("\n") + 1)
    return [line.isupper() and " " in line.strip() for line in text.split("\n")]


def _is_lower_case(text: str) -> bool:
    """True for a text without capitals. A `___` counts as one, so that a redacted text is read as its source was."""
    letters = sum(map(str.islower, text))
    capitals = sum(map(str.isupper, text)) + text.count("___")
    return letters >= _LETTERS_TO_JUDGE_BY and capitals * _LETTERS_A_CAPITAL < letters


def is_name_gap(text: str, left: Token, right: Token) -> bool:
    """True where two tokens may be parts of one name: blank, comma, hyphen, a line wrap, a stop after an initial."""
    gap = text[left.end : right.start]
    if gap in {" ", ", ", "-", ",", "'"}:
        return True
    if len(gap) > 8 or not _NAME_GAP.fullmatch(gap):
        return False
    return left.is_initial if gap[0] == "." else True
