"""How releases are named and numbered, and where the parts of one lie before and after publication.

Takes the folder of releases; gives versions and paths. Which version comes next is left to `publication`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

BUILDING = ".building-"
"""First part of the names of hidden trees."""

WITHHELD = "-withheld"
"""Last part of the names of trees that hold the test set."""


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A release version; ordered by number, not by letter."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> "Version":
        major, minor, patch = (int(part) for part in text.split("."))
        return cls(major, minor, patch)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def next_minor(self) -> "Version":
        return Version(self.major, self.minor + 1, 0)


def latest_version(name: str, root: Path) -> Version | None:
    """The newest published version of a dataset, by number."""
    pattern = re.compile(rf"{re.escape(name)}-(\d+\.\d+\.\d+)")
    found = [pattern.fullmatch(path.name) for path in root.iterdir()] if root.is_dir() else []
    return max((Version.parse(match[1]) for match in found if match), default=None)


def place(root: Path, name: str, version: Version) -> Path:
    return root / f"{name}-{version}"


def place_withheld(root: Path, name: str, version: Version) -> Path:
    return root / f"{name}-{version}{WITHHELD}"


def hidden(root: Path, name: str, version: Version) -> Path:
    return root / f"{BUILDING}{name}-{version}"


def hidden_withheld(root: Path, name: str, version: Version) -> Path:
    return root / f"{BUILDING}{name}-{version}{WITHHELD}"
