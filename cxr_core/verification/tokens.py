"""How a text falls apart into tokens that can be compared with names, ids and dates.

Takes decoded text, gives folded tokens: case and accents gone, split at everything that is no letter or digit. Which
tokens identify is left to `never_list`.
"""

import re
import unicodedata

_UNSEEN = frozenset({"Mn", "Mc", "Me", "Cf"})  # accents, soft hyphens, zero-width spaces
_RUN = re.compile(r"[^\W_]+")
_PIECE = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def fold(text: str) -> str:
    """Case and accents folded: `Łé` stays two letters, `É` becomes `e`."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text)
    return "".join(char for char in plain if unicodedata.category(char) not in _UNSEEN).casefold()


def camel_apart(text: str) -> str:
    """Words that are written together, apart: `ViewPosition` is `View Position`; for text that is not folded yet."""
    return _CAMEL.sub(" ", text)


def tokenize(folded: str) -> list[str]:
    """Runs of letters and digits of a folded text."""
    return _RUN.findall(folded)


def split_mixed(tokens: list[str]) -> list[str]:
    """Tokens with those that mix letters and digits split at the borders: `mrn123` gives `mrn`, `123`."""
    split: list[str] = []
    for token in tokens:
        if token.isalpha() or token.isdigit():
            split.append(token)
        else:
            split += _PIECE.findall(token)
    return split
