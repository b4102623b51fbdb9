"""Which header attributes may leave, and how each value is judged.

Takes `profile.toml` and the name of a profile, gives a `Profile`: tag number to `KeepRule`, and the dictionaries.
Applying the rules is left to `deidentify.header`; the verifier and the documentation read the same object.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cxr_core.policy.codes import CodeContext, CodeDictionary, load_codes
from cxr_core.policy.terms import SeriesTerms, load_terms
from cxr_core.settings.deidentify import ProfileName

CODE_ITEM_TAGS: Mapping[int, str] = MappingProxyType({0x00080100: "SH", 0x00080102: "SH", 0x00080104: "LO"})
"""The only tags inside a kept sequence: CodeValue, CodingSchemeDesignator, CodeMeaning, with their VR."""


class Action(StrEnum):
    """What becomes of an attribute (PS3.15 table E.1-1a). What has no rule is removed (X)."""

    KEEP = "K"
    CLEAN = "C"
    PSEUDONYMISE = "U"
    REPLACE = "D"
    EMPTY = "Z"


class Requirement(StrEnum):
    """What the project demands of an attribute (PS3.5 section 7.4)."""

    REQUIRED = "1"
    CONDITIONAL = "1C"
    MAY_BE_EMPTY = "2"
    EMPTY_IF_PRESENT = "2C"
    OPTIONAL = "3"


class Check(StrEnum):
    """How a value is judged."""

    WRITTEN = "written"
    EMPTY = "empty"
    UID = "uid"
    REGISTERED = "registered"
    CHOICE = "choice"
    LEADING = "leading"
    MODALITY = "modality"
    ORIENTATION = "orientation"
    INTEGER = "integer"
    DECIMAL = "decimal"
    STORED = "stored"
    AGE = "age"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    TERMS = "terms"
    MAKER = "maker"
    CODES = "codes"


@dataclass(frozen=True, slots=True)
class KeepRule:
    """One attribute of the keep-list.

    Parameters
    ----------
    tag, keyword, vr : int, str, str
        As in PS3.6; `vr` is two-lettered or "US or SS", "OB or OW".
    requirement : Requirement
        What happens where the value is missing or refused: 1 the image is quarantined, 2 emptied, else left out.
    action : Action
        PS3.15 letter.
    check : Check
        How values are judged.
    minimum, maximum : float
        Range of numbers, both ends included.
    values : frozenset of str
        Enumerated values, upper case.
    multiplicity : (int, int)
        Fewest and most values.
    context : CodeContext or None
        Dictionary of a code sequence.
    option : str
        Code (CID 7050) of the PS3.15 option under which the attribute may stay; empty where none is needed.
    reason, source : str
        Why research needs it; where it is defined.
    """

    tag: int
    keyword: str
    vr: str
    requirement: Requirement
    action: Action
    check: Check
    reason: str
    source: str
    minimum: float = 0.0
    maximum: float = 0.0
    values: frozenset[str] = frozenset()
    multiplicity: tuple[int, int] = (1, 1)
    context: CodeContext | None = None
    option: str = ""


@dataclass(frozen=True, slots=True)
class Deviation:
    """A row of PS3.15 table E.1-1 that is knowingly not followed."""

    tag: int
    reason: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A keep-list with the dictionaries that its rules use.

    Parameters
    ----------
    name : ProfileName
        Which one.
    edition : str
        Edition of PS3.15 it was written against.
    rules : mapping
        Tag number to rule, in tag order: the only tags that a de-identified header may hold.
    deviations : tuple of Deviation
        Rows of PS3.15 not followed.
    codes, terms : CodeDictionary, SeriesTerms
        Closed dictionaries.
    """

    name: ProfileName
    edition: str
    rules: Mapping[int, KeepRule] = field(repr=False)
    deviations: tuple[Deviation, ...] = field(repr=False)
    codes: CodeDictionary = field(repr=False)
    terms: SeriesTerms = field(repr=False)


@lru_cache(maxsize=8)
def load_profile(name: ProfileName, site_codes: Path | None = None) -> Profile:
    """Read `profile.toml` for one profile.

    Parameters
    ----------
    name : ProfileName
        `strict` leaves out or empties what the file marks, on top of `mimic`.
    site_codes : Path, optional
        A site's additions to `codes.toml`.

    Raises
    ------
    ValueError
        Where a tag is listed twice or an entry cannot be understood.
    """
    document = tomllib.loads(files("cxr_core.policy").joinpath("profile.toml").read_text("utf-8"))
    rules: dict[int, KeepRule] = {}
    for module in document["module"]:
        for entry in module["keep"]:
            rule = _rule(entry, module["source"], name)
            if rule is None:
                continue
            if rule.tag in rules:
                message = f"profile.toml lists ({rule.tag >> 16:04X},{rule.tag & 0xFFFF:04X}) twice"
                raise ValueError(message)
            rules[rule.tag] = rule
    return Profile(
        name=name,
        edition=document["edition"],
        rules=MappingProxyType(dict(sorted(rules.items()))),
        deviations=tuple(Deviation(_tag(entry["tag"]), entry["reason"]) for entry in document["deviation"]),
        codes=load_codes(site_codes),
        terms=load_terms(),
    )


def _tag(text: str) -> int:
    group, _, element = text.partition(",")
    return int(group, 16) << 16 | int(element, 16)


def _rule(entry: Mapping[str, Any], source: str, name: ProfileName) -> KeepRule | None:
    low, high = entry.get("vm", (1, 1))
    context = entry.get("context")
    rule = KeepRule(
        tag=_tag(entry["tag"]),
        keyword=entry["keyword"],
        vr=entry["vr"],
        requirement=Requirement(entry["type"]),
        action=Action(entry["action"]),
        check=Check(entry["check"]),
        reason=entry["reason"],
        source=entry.get("source", source),
        minimum=float(entry.get("min", 0)),
        maximum=float(entry.get("max", 0)),
        values=frozenset(entry.get("values", ())),
        multiplicity=(low, high),
        context=None if context is None else CodeContext(context),
        option=entry.get("option", ""),
    )
    match entry.get("strict") if name is ProfileName.STRICT else None:
        case "X":
            return None
        case "Z":
            return replace(rule, action=Action.EMPTY, check=Check.EMPTY, option="")
        case _:
            return rule
