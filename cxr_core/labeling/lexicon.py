"""The words that the labelers know, as typed rules.

Reads the TOML files in `rules/`, gives frozen rules with their phrases spelled out as word sequences. Finding the
phrases in a text is left to `scanner`, what they mean together to `scope`.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

from cxr_core.vocabulary import Assertion, Label, LabelerName


class Role(StrEnum):
    """What a phrase does in a sentence."""

    FINDING = "finding"
    SUBJECT = "subject"
    PREDICATE = "predicate"
    ABNORMALITY = "abnormality"
    NEUTRAL = "neutral"
    ANATOMY = "anatomy"
    PSEUDO = "pseudo"
    CUE = "cue"
    TRANSPARENT = "transparent"
    STOP = "stop"
    WEAK_STOP = "weak_stop"
    AND = "and"
    OR = "or"
    COMMA = "comma"
    VERB = "verb"
    DETERMINER = "determiner"
    FRESH = "fresh"


class Direction(StrEnum):
    """Which side of a cue it governs."""

    FORWARD = "forward"
    BACKWARD = "backward"
    BOTH = "both"
    EITHER = "either"  # backward where it stands behind a finding, else forward
    PREDICATE = "predicate"  # forward where a finding follows it, else backward: "is likely", "is likely pneumonia"
    TRAILING = "trailing"  # backward right behind a finding where none follows, else forward: "edema likely"
    ANSWER = "answer"  # backward where nothing follows it, else forward: "effusion: no", "pleura: no effusion"


class Claim(StrEnum):
    """What a cue or predicate says; ABSENT takes the mention out of the findings, STEADY says nothing of presence."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNCERTAIN = "uncertain"
    ABSENT = "absent"
    STEADY = "steady"


ASSERTION_OF = {
    Claim.POSITIVE: Assertion.POSITIVE,
    Claim.NEGATIVE: Assertion.NEGATIVE,
    Claim.UNCERTAIN: Assertion.UNCERTAIN,
}
_STRENGTH = {Claim.STEADY: 0, Claim.POSITIVE: 0, Claim.UNCERTAIN: 1, Claim.NEGATIVE: 2, Claim.ABSENT: 3}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the lexicon; `example` and `expects` are run as a test."""

    id: str
    role: Role
    phrases: tuple[tuple[str, ...], ...]
    labels: tuple[Label, ...] = ()
    claim: Claim = Claim.POSITIVE
    direction: Direction = Direction.FORWARD
    strength: int = 0
    is_enumerating: bool = False
    is_narrow: bool = False
    example: str = ""
    expects: tuple[tuple[Label, Assertion], ...] = ()


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All rules of one labeler, and how words are spelled."""

    rules: tuple[Rule, ...]
    spelling: tuple[tuple[str, str], ...]
    real_words: frozenset[str]


def expand(pattern: str) -> tuple[tuple[str, ...], ...]:
    """Spell out `(a|b|) c` as its word sequences; groups may be nested, `,?` is an optional comma.

    >>> expand("pleural (fluid|effusion)")
    (('pleural', 'fluid'), ('pleural', 'effusion'))
    """
    pieces, position = _alternatives(re.findall(r"[()|]|[^()|]+", pattern.replace(",?", "(,|)")), 0)
    if position:
        message = f"unbalanced pattern: {pattern}"
        raise ValueError(message)
    return tuple(dict.fromkeys(tuple(text.split()) for text in pieces))


def _alternatives(pieces: list[str], depth: int) -> tuple[list[str], int]:
    """Texts that the pieces up to a closing bracket can spell; consumes them. Second: brackets left open."""
    options: list[str] = []
    current = [""]
    while pieces:
        piece = pieces.pop(0)
        if piece == "(":
            inner, missing = _alternatives(pieces, depth + 1)
            if missing:
                return [], missing
            current = [a + b for a, b in product(current, inner)]
        elif piece == "|":
            options.extend(current)
            current = [""]
        elif piece == ")":
            return [*options, *current], 0 if depth else 1
        else:
            current = [a + piece for a in current]
    return [*options, *current], depth


def _rule(role: Role, entry: dict[str, Any]) -> Rule:
    claim = Claim(entry.get("assertion", "steady" if role is Role.PREDICATE else "positive"))
    return Rule(
        id=entry["id"],
        role=role,
        phrases=tuple(dict.fromkeys(words for p in entry["phrases"] for words in expand(p) if words)),
        labels=tuple(Label(name) for name in entry.get("labels", ())),
        claim=claim,
        direction=Direction(entry.get("direction", "forward")),
        strength=entry.get("strength", _STRENGTH[claim]),
        is_enumerating=entry.get("is_enumerating", False),
        is_narrow=entry.get("is_narrow", False),
        example=entry["example"],
        expects=tuple((Label(name), Assertion(value)) for name, value in entry["expects"].items()),
    )


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files("cxr_core.labeling").joinpath("rules", f"{name}.toml").read_text("utf-8"))


def _rules_of(name: str) -> Iterator[Rule]:
    for table, entries in _read(name).items():
        for entry in entries:
            yield _rule(Role(table), entry)


def _structure(name: str) -> Iterator[Rule]:
    for table, entry in _read(name).items():
        phrases = tuple(dict.fromkeys(words for p in entry["phrases"] for words in expand(p) if words))
        yield Rule(id=table, role=Role(table), phrases=phrases)


_FILES = {
    LabelerName.CHEXPERT: ("findings", "devices", "subjects", "abnormalities", "cues"),
    LabelerName.NEGBIO: ("negbio_findings", "findings", "devices", "subjects", "abnormalities", "negbio_cues"),
}


@cache
def load_lexicon(name: LabelerName) -> Lexicon:
    """The rules of a labeler, in order of precedence where two rules share a phrase."""
    spelling = _read("spelling")
    rules = [rule for file in _FILES[name] for rule in _rules_of(file)]
    return Lexicon(
        rules=(*rules, *_structure("structure")),
        spelling=tuple(spelling["words"].items()),
        real_words=frozenset(spelling["real_words"]["words"]),
    )
