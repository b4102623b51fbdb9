"""Which coded items may stay in a header: the closed dictionary of views, positions, regions and procedures.

Takes `codes.toml` and, where a site has one, a file of the same form; gives a `CodeDictionary`.
Reading and writing code sequences is left to `deidentify.header`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType


class CodeContext(StrEnum):
    """Which sequence a code may stand in: an anatomic code in a view sequence is refused."""

    VIEW = "view"
    ORIENTATION = "orientation"
    REGION = "region"
    PROCEDURE = "procedure"
    DEIDENTIFICATION = "deidentification"


@dataclass(frozen=True, slots=True)
class Code:
    """A code as it is written (PS3.3 table 8.8-1): value, scheme designator, our meaning."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class CodeDictionary:
    """Every code that may stay.

    Parameters
    ----------
    schemes : mapping
        Scheme designator as found, to the designator as written.
    codes : mapping
        (context, scheme as written, value) to the code.
    """

    schemes: Mapping[str, str] = field(repr=False)
    codes: Mapping[tuple[CodeContext, str, str], Code] = field(repr=False)

    def find(self, context: CodeContext, scheme: str, value: str) -> Code | None:
        """Look one item up; None where it is not listed for this context."""
        written = self.schemes.get(scheme)
        return None if written is None else self.codes.get((context, written, value))

    def of(self, context: CodeContext) -> tuple[Code, ...]:
        """All codes of one context, in the order of the file."""
        return tuple(code for (found, _, _), code in self.codes.items() if found is context)


def load_codes(site: Path | None = None) -> CodeDictionary:
    """Read the shipped dictionary, then a site's additions.

    Raises
    ------
    ValueError
        Where an entry is not "scheme value", or its context is unknown.
    """
    documents = [files("cxr_core.policy").joinpath("codes.toml").read_text("utf-8")]
    if site is not None:
        documents.append(site.read_text("utf-8"))
    schemes: dict[str, str] = {}
    codes: dict[tuple[CodeContext, str, str], Code] = {}
    for document in documents:
        tables = tomllib.loads(document)
        schemes |= tables.pop("scheme", {})
        for name, meanings in tables.items():
            codes |= _entries(CodeContext(name), meanings)
    schemes |= {scheme: scheme for _, scheme, _ in codes}
    return CodeDictionary(MappingProxyType(schemes), MappingProxyType(codes))


def _entries(context: CodeContext, meanings: Mapping[str, list[str]]) -> dict[tuple[CodeContext, str, str], Code]:
    entries: dict[tuple[CodeContext, str, str], Code] = {}
    for meaning, listed in meanings.items():
        for item in listed:
            scheme, _, value = item.partition(" ")
            if not value or not (meaning + value).isascii():
                message = f"codes.toml: an entry of {context.value} is not 'scheme value' in ASCII"
                raise ValueError(message)
            entries[context, scheme, value] = Code(value, scheme, meaning)
    return entries
