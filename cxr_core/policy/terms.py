"""Which words a description may hold, and which maker a name stands for.

Takes `terms.toml`, gives the closed vocabulary `SeriesTerms` with its two questions.
What happens to a description that is refused is left to `deidentify.header`.
"""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

_TOKEN = re.compile(r"[A-Za-z]+|[0-9]+")
_FOREIGN = re.compile(r"[^A-Za-z0-9 ()\[\]/,&+.:;_'*-]")
_MAX_TOKENS = 16
_MAX_NUMBERS = 2
_MAX_LETTERS = 4
_MAX_LENGTH = 64  # PS3.5 table 6.2-1, LO


@dataclass(frozen=True, slots=True)
class SeriesTerms:
    """The closed vocabulary.

    Parameters
    ----------
    words : frozenset of str
        Lower-case words that a description may consist of.
    makers : mapping
        Beginning of a manufacturer's name (lower case, words joined by one space) to the group's name.
    """

    words: frozenset[str] = field(repr=False)
    makers: Mapping[str, str] = field(repr=False)

    def accepted(self, text: str, *, names: Collection[str] = ()) -> str | None:
        """Give the description with single spaces if all of it may stay, else None.

        Every word must be listed and be no person's name of this study; at most two numbers of one digit ("2 views")
        and four single letters, so that no id can be spelled out.

        Parameters
        ----------
        text : str
            Description as found.
        names : collection of str
            Lower-case name words of the people in this header or dictionary.
        """
        kept = " ".join(text.split())
        if not kept or len(kept) > _MAX_LENGTH or _FOREIGN.search(kept):
            return None
        tokens = [token.lower() for token in _TOKEN.findall(kept)]
        numbers = [token for token in tokens if token.isdigit()]
        words = [token for token in tokens if not token.isdigit()]
        if not words or len(tokens) > _MAX_TOKENS or len(numbers) > _MAX_NUMBERS or any(len(n) > 1 for n in numbers):
            return None
        if sum(len(word) == 1 for word in words) > _MAX_LETTERS:
            return None
        return kept if all(word in self.words and word not in names for word in words) else None

    def maker(self, text: str, *, names: Collection[str] = ()) -> str | None:
        """Give the group that a manufacturer's name begins with.

        None where no listed one does, or where a person of this study bears one of the words: a mistyped patient name
        would come out as its group.
        """
        words = [token.lower() for token in _TOKEN.findall(text)]
        if any(word in names for word in words):
            return None
        for length in (2, 1):
            group = self.makers.get(" ".join(words[:length]))
            if group is not None:
                return group
        return None


@lru_cache(maxsize=1)
def load_terms() -> SeriesTerms:
    """Read `terms.toml`."""
    tables = tomllib.loads(files("cxr_core.policy").joinpath("terms.toml").read_text("utf-8"))
    words = frozenset(word for group in tables["series"].values() for word in group)
    makers = {beginning: group for group, beginnings in tables["maker"].items() for beginning in beginnings}
    return SeriesTerms(words, MappingProxyType(makers))
