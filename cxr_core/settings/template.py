"""A commented configuration file with every key: written from the sections, so that it cannot go stale.

Gives TOML text in which every default is a comment; what the keys mean is told by the sections themselves.
"""

import json
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from cxr_core.settings.build import BuildConfig
from cxr_core.settings.section import Section


def commented_toml() -> str:
    """Every section, key, default and description as TOML; every line but the section names is a comment."""
    lines = ["# Configuration of a Hilum build. Every line shows the default; uncomment what you change."]
    for name, section in named_sections(BuildConfig()):
        lines.extend(("", f"[{name}]", *_lines(section)))
    return "\n".join(lines) + "\n"


def named_sections(parent: Section, prefix: str = "") -> Iterator[tuple[str, Section]]:
    """Every section under its name in TOML; those within a section follow it."""
    for name in type(parent).model_fields:
        section = getattr(parent, name)
        if isinstance(section, Section):
            yield prefix + name, section
            yield from named_sections(section, f"{prefix}{name}.")


def _lines(section: Section) -> Iterator[str]:
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        if isinstance(value, Section):
            continue
        yield f"# {_description(field)}"
        yield f"# {key} =" if value is None else f"# {key} = {_toml(value)}"


def _description(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def _toml(value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{}"
    return json.dumps(value)
