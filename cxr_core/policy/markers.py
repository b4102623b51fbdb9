"""Decides which burned-in words may stay on an image.

Takes `markers.toml`, gives a typed, frozen policy.
How readings are compared with it is left to `deidentify.pixels.judgement`.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class MarkerPolicy:
    """The allow-list of orientation and technique markers.

    Parameters
    ----------
    words : frozenset of str
        Upper case, hyphens kept.
    phrases : frozenset of str
        Words that may stand only in this order, separated by one space.
    least_score, least_score_each : float
        Lowest mean score of the readers, lowest score of any one of them (0 to 1).
    one_edit_from_letters, two_edits_from_letters : int
        Words of this length or more may be read with one or two letters wrong or lost.
    certain_score : float
        A first reader as sure as this needs no more than the support of the others.
    joined_words : frozenset of str
        Words that may be read without the space between them: none so short that two of them spell a third.
    joined_least_letters : int
        The shortest whole that these make.
    """

    words: frozenset[str]
    phrases: frozenset[str]
    least_score: float
    least_score_each: float
    one_edit_from_letters: int
    two_edits_from_letters: int
    certain_score: float
    joined_words: frozenset[str]
    joined_least_letters: int


@cache
def load_marker_policy() -> MarkerPolicy:
    """The policy that comes with the package."""
    raw = tomllib.loads(files("cxr_core.policy").joinpath("markers.toml").read_text(encoding="utf-8"))
    matching = raw["matching"]
    return MarkerPolicy(
        words=frozenset(str(word) for group in raw["group"] for word in group["words"]),
        phrases=frozenset(str(phrase["text"]) for phrase in raw["phrase"]),
        least_score=float(matching["least_score"]),
        least_score_each=float(matching["least_score_each"]),
        one_edit_from_letters=int(matching["one_edit_from_letters"]),
        two_edits_from_letters=int(matching["two_edits_from_letters"]),
        certain_score=float(matching["certain_score"]),
        joined_words=frozenset(
            str(word)
            for group in raw["group"]
            for word in group["words"]
            if group.get("joined", True) and len(word) >= int(matching["joined_word_least_letters"])
        ),
        joined_least_letters=int(matching["joined_least_letters"]),
    )
