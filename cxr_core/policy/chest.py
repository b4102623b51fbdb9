"""Decides by word lists which exams show the chest and which registrations stand for nobody.

Takes body parts, descriptions, names and ids; gives a `Region` or a yes.
How the regions of several texts are weighed is left to `cxr_core.intake.cohort`.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

_POLICY_FILE = Path(__file__).with_name("chest.toml")


class Region(StrEnum):
    """What a text says of the region shown."""

    CHEST = "chest"
    OTHER = "other"
    UNSAID = "unsaid"


@dataclass(frozen=True, slots=True)
class ChestPolicy:
    """The word lists, ready to match."""

    chest_parts: frozenset[str]
    other_parts: frozenset[str]
    chest_words: re.Pattern[str]
    other_words: re.Pattern[str]
    test_names: re.Pattern[str]
    test_ids: re.Pattern[str]
    other_modalities: re.Pattern[str]

    def extended(
        self, chest_words: Iterable[str] = (), other_words: Iterable[str] = (), test_patients: Iterable[str] = ()
    ) -> "ChestPolicy":
        """The same with a site's own words (taken literally) and patterns of names and ids (regular expressions)."""
        chest, other, tests = list(map(re.escape, chest_words)), list(map(re.escape, other_words)), list(test_patients)
        return replace(
            self,
            chest_words=_joined(self.chest_words, _words(chest)) if chest else self.chest_words,
            other_words=_joined(self.other_words, _words(other)) if other else self.other_words,
            test_names=_joined(self.test_names, _any(tests)) if tests else self.test_names,
            test_ids=_joined(self.test_ids, _any(tests)) if tests else self.test_ids,
        )

    def region_of_part(self, body_part: str) -> Region:
        """Region of a BodyPartExamined value; what no list holds is unsaid."""
        folded = " ".join(body_part.upper().replace("_", " ").split())
        if folded in self.chest_parts or folded.replace(" ", "") in self.chest_parts:
            return Region.CHEST
        is_other = folded in self.other_parts or folded.replace(" ", "") in self.other_parts
        return Region.OTHER if is_other else self.region_of_text(body_part)

    def region_of_text(self, text: str) -> Region:
        """Region of one description: a chest word wins over every other word."""
        spaced = text.replace("_", " ")
        if self.chest_words.search(spaced):
            return Region.CHEST
        return Region.OTHER if self.other_words.search(spaced) else Region.UNSAID

    def names_other_modality(self, text: str) -> bool:
        """True where an exam description names a modality that makes no radiographs."""
        return bool(self.other_modalities.search(text.replace("_", " ")))

    def is_test_patient(self, names: Iterable[str], patient_id: str) -> bool:
        """True where a name or the id as a whole is one that stands for nobody."""
        written = (name.strip("^ ,") for name in names)
        return bool(self.test_ids.fullmatch(patient_id)) or any(map(self.test_names.fullmatch, written))


@lru_cache(maxsize=1)
def chest_policy() -> ChestPolicy:
    """The lists of `chest.toml`."""
    tables = tomllib.loads(_POLICY_FILE.read_text(encoding="utf-8"))
    part, description, test = tables["body_part"], tables["description"], tables["test_patient"]
    return ChestPolicy(
        chest_parts=_folded(part["chest"]),
        other_parts=_folded(part["other"]),
        chest_words=_words(description["chest"]),
        other_words=_words(description["other"]),
        test_names=_any(test["names"]),
        test_ids=_any(test["ids"]),
        other_modalities=_words(tables["modality"]["other"]),
    )


def _folded(values: Iterable[str]) -> frozenset[str]:
    return frozenset(value.upper().replace("_", " ") for value in values)


def _words(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W\d_])(?:{'|'.join(patterns)})(?![^\W\d_])", re.IGNORECASE)


def _any(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


def _joined(one: re.Pattern[str], other: re.Pattern[str]) -> re.Pattern[str]:
    return _any([one.pattern, other.pattern])
