"""How a configuration is read: a TOML file, then `--set section.key=value`, then the options of the command line.

Gives a `BuildConfig` or one clear line about the first mistake. What the options mean is left to the sections.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cxr_core.errors import UsageError
from cxr_core.settings.build import BuildConfig

_Tree = dict[str, dict[str, Any]]


def load_config(
    path: Path | None = None,
    *,
    sets: Sequence[str] = (),
    options: Mapping[str, Mapping[str, object]] | None = None,
    base: BuildConfig | None = None,
) -> BuildConfig:
    """Read the configuration of a build.

    Parameters
    ----------
    path : Path or None
        TOML file; None starts from the defaults.
    sets : sequence of str
        `section.key=value`, the value in TOML notation (a bare word is taken as a string).
    options : mapping of section to mapping of key to value
        What the command line's own options say; None values are left out.
    base : BuildConfig, optional
        What to start from where no file is named, instead of the defaults.

    Raises
    ------
    UsageError
        No such file, no TOML, an unknown key, a wrong value: one line that names the key, never the value.
    """
    tree = _read_toml(path) if path else base.model_dump() if base else {}
    for assignment in sets:
        section, key, value = _parse_assignment(assignment)
        _set(_table(tree, section), key.split("."), value)
    for section, values in (options or {}).items():
        _table(tree, section).update({key: value for key, value in values.items() if value is not None})
    try:
        return BuildConfig.model_validate(tree)
    except ValidationError as error:
        raise UsageError(_one_line(error)) from None


def last_config(path: Path) -> BuildConfig | None:
    """What the last build left as `Workspace.configuration`; None where there was none."""
    return BuildConfig.model_validate_json(path.read_bytes()) if path.exists() else None


def _read_toml(path: Path) -> _Tree:
    try:
        with path.open("rb") as stream:
            tree: _Tree = tomllib.load(stream)
    except OSError:
        raise UsageError(f"configuration {path} cannot be read") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        where = str(error).rsplit("(", maxsplit=1)[-1].rstrip(")")
        raise UsageError(f"configuration {path} is no TOML ({where})") from None
    return tree


def _table(tree: _Tree, section: str) -> dict[str, Any]:
    table = tree.setdefault(section, {})
    if not isinstance(table, dict):
        raise UsageError(f"configuration: {section} is a section, not a value")
    return table


def _set(table: dict[str, Any], keys: Sequence[str], value: object) -> None:
    """Set a value at a dotted key, making the tables on the way."""
    for key in keys[:-1]:
        table = table.setdefault(key, {})
    table[keys[-1]] = value


def _parse_assignment(assignment: str) -> tuple[str, str, object]:
    name, equals, raw = assignment.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and section and key):
        raise UsageError(f"--set {name}: write section.key=value, for example --set cohort.min_age=0")
    try:
        return section, key, tomllib.loads(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        return section, key, raw


def _one_line(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"configuration: unknown key {place}; `cxr init` prints every key"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"configuration: {place}: {first['msg'].lower()}{more}"
