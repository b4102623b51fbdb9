"""Which kinds of strings a place cannot hide: closed forms, enumerations, words of the schema.

Takes file, field and value; gives the kinds that are not looked up there. The forms are data (`fields.toml`), the
enumerations those of `vocabulary`, the column names those of the table contracts.
"""

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from importlib import resources
from typing import Any

from cxr_core import vocabulary
from cxr_core.tables.catalogue import STAGE_TABLES
from cxr_core.verification.findings import Finding
from cxr_core.verification.never_list import Needles
from cxr_core.verification.tokens import camel_apart, fold, split_mixed, tokenize

_ID_DIGITS = 3  # "2 views" counts, "204 views" does not
_WORD_KINDS = frozenset({Finding.NAME_PART, Finding.PLACE})


@dataclass(frozen=True, slots=True)
class Form:
    """A closed form of a field's values and what it cannot hide; without a pattern, values of schema words alone.

    `only` restricts it to ids that were issued, or to numbers that can be counts of this catalog.
    """

    path: str
    pattern: re.Pattern[str] | None
    skip: frozenset[Finding]
    only: str = ""


@dataclass(frozen=True, slots=True)
class FieldPolicy:
    """What is known of places.

    Parameters
    ----------
    forms : mapping of field name to forms
    closed_words : frozenset of str
        Words of headers and vendors: a value made of them alone is no name.
    enum_values : frozenset of str
        Every value of every enumeration of the vocabulary, folded.
    schema_words : frozenset of str
        Tokens of column names, keys, file names and enumerations.
    """

    forms: Mapping[str, tuple[Form, ...]] = field(repr=False)
    closed_words: frozenset[str] = field(repr=False)
    enum_values: frozenset[str] = field(repr=False)
    schema_words: frozenset[str] = field(repr=False)

    def skipped(self, path: str, name: str, value: str, needles: Needles) -> frozenset[Finding]:
        """Kinds that need not be looked up in this value."""
        skip: frozenset[Finding] = frozenset()
        folded = fold(value)
        for form in self.forms.get(name, ()):
            if fnmatchcase(path, form.path) and self._fits(form, value, folded) and _is_within(form, value, needles):
                skip |= form.skip
        tokens = {token for token in tokenize(folded) if not (token.isdigit() and len(token) < _ID_DIGITS)}
        if folded in self.enum_values or self.closed_words.issuperset(tokens):
            skip |= _WORD_KINDS
        return skip

    def _fits(self, form: Form, value: str, folded: str) -> bool:
        if form.pattern is None:
            return self.schema_words.issuperset(_words(folded))
        return form.pattern.fullmatch(value) is not None


def _is_within(form: Form, value: str, needles: Needles) -> bool:
    match form.only:
        case "issued":
            return value in needles.issued
        case "counts":
            return int(value) <= needles.largest_count
        case _:
            return True


@functools.cache
def load_field_policy() -> FieldPolicy:
    """Read `fields.toml` and derive the rest from vocabulary and contracts."""
    raw: dict[str, Any] = tomllib.loads(
        resources.files("cxr_core.verification").joinpath("fields.toml").read_text(encoding="utf-8")
    )
    forms: dict[str, list[Form]] = {}
    for entry in raw["field"]:
        pattern = re.compile(entry["form"]) if "form" in entry else None
        form = Form(entry["path"], pattern, frozenset(map(Finding, entry["skip"])), entry.get("only", ""))
        for name in entry["names"]:
            forms.setdefault(name, []).append(form)
    closed = frozenset((raw["header_words"]["words"] + raw["vendors"]["words"]).split())
    members = [str(member.value) for kind in _enumerations() for member in kind]
    values = frozenset(map(fold, members))
    columns = [name for table in STAGE_TABLES for name in table.columns]
    spaced = [camel_apart(text) for text in members]  # ViewPosition is read as two words, too
    words = {token for text in (*members, *spaced, *columns) for token in _words(text)}
    words |= set(raw["schema_words"]["words"].split()) | closed
    return FieldPolicy({name: tuple(found) for name, found in forms.items()}, closed, values, frozenset(words))


def _enumerations() -> list[type[Enum]]:
    found = [item for item in vars(vocabulary).values() if isinstance(item, type) and issubclass(item, Enum)]
    return [kind for kind in found if kind.__module__ == vocabulary.__name__]


def _words(text: str) -> list[str]:
    tokens = tokenize(fold(text))
    return [*tokens, *split_mixed(tokens)]
