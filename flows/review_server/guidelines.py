"""What the 14 labels mean, for the panel beside a report.

Takes nothing, gives the entries of `guidelines.toml` in the order of the labels. How labels are checked is left to
`cxr_core.review.rules`.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from cxr_core.vocabulary import Label


@dataclass(frozen=True, slots=True)
class Guideline:
    """One label: what it is, an example for each value, and what is often confused."""

    label: Label
    meaning: str
    positive: str
    negative: str
    uncertain: str
    beware: str


@dataclass(frozen=True, slots=True)
class Guidelines:
    """All of them, and the rules that hold for every row."""

    rules: tuple[str, ...]
    entries: tuple[Guideline, ...]


@cache
def load_guidelines() -> Guidelines:
    """Read the file once."""
    source = resources.files("flows.review_server").joinpath("guidelines.toml").read_text(encoding="utf-8")
    found = tomllib.loads(source)
    entries = [Guideline(**{**entry, "label": Label(entry["label"])}) for entry in found["label"]]
    return Guidelines(tuple(found["rules"]), tuple(sorted(entries, key=lambda entry: list(Label).index(entry.label))))
