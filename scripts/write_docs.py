"""Write the pages of `docs/` that follow from the code: data dictionary, configuration, drop reasons.

Takes the table contracts, the settings and the reason texts; gives Markdown. `tests/architecture/test_docs.py` fails
where a committed page differs, so that no page can go stale.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from pathlib import Path

import polars as pl
from pydantic.fields import FieldInfo

from cxr_core.policy.reasons import load_reasons
from cxr_core.release.contracts import CSV_COLUMNS, RELEASE_TABLES
from cxr_core.settings import BuildConfig
from cxr_core.settings.section import Section
from cxr_core.settings.template import named_sections
from cxr_core.tables.catalogue import STAGE_TABLES, VAULT_TABLES
from cxr_core.tables.contract import Column, Contract

DOCS = Path(__file__).resolve().parents[1] / "docs"
_MADE = "<!-- Written by scripts/write_docs.py (`make docs`). Do not edit. -->"
_MOST_VALUES = 8  # longer lists have a page of their own or speak for themselves

NOT_READ_YET: dict[str, str] = {}
"""Settings that are accepted, but that no code reads yet; `test_structure.py` holds the list to the code."""

_LIMITS = {
    "release.layout": "the only layout that is built",
    "dates.keep_weekday": "decided when a patient is first registered; a later change reaches new patients only",
    "vault.id_digits": "ids that are given keep their width",
}


def pages() -> dict[str, str]:
    """Every generated page: file name below `docs/` and text."""
    return {
        "data-dictionary.md": data_dictionary(),
        "configuration.md": configuration(),
        "reasons.md": reasons(),
    }


def data_dictionary() -> str:
    """Tables of the three zones with all columns."""
    lines = [
        _MADE,
        "# Data dictionary",
        "",
        "Every table is a contract in `cxr_core/tables/catalogue.py`, checked whenever it is written or read.",
        "",
        "Privacy classes: `phi` never leaves the vault; `internal` holds no identifier but is not published;",
        "`public` may stand in a release. A `*` marks the columns of the primary key; `?` a column that may be null.",
        "",
        "## Identified zone: `workspace/vault/`",
    ]
    lines += _tables(VAULT_TABLES)
    lines += ["", "## De-identified zone: `workspace/stages/`"]
    lines += _tables(STAGE_TABLES)
    lines += ["", "## Release"]
    for name, contract in RELEASE_TABLES.items():
        lines += ["", f"### `{name}`", "", contract.description, "", *_columns(contract)]
    for name, columns in CSV_COLUMNS.items():
        lines += ["", f"### `NAME-VERSION-{name}`", ""]
        rows = [(f"`{c.name}`", f"`{c.table.name}.{c.column}`") for c in columns]
        lines += _grid(("column", "comes from"), rows)
    return "\n".join(lines) + "\n"


def configuration() -> str:
    """Every section and key with type, default and meaning."""
    lines = [
        _MADE,
        "# Configuration",
        "",
        "One TOML file, the first argument of `cxr build`; `cxr init` writes one with every key commented out.",
        "`--set section.key=value` goes before the file, an option of the command line before both.",
        "An unknown key or a wrong value ends in one line that names the key, with exit code 2.",
        "No environment variable changes a result; `HILUM_KEY_FILE`, `HILUM_PACS_CREDENTIALS` say where secrets lie.",
        "",
        "Moving a folder or taking more workers makes nothing stale: what stage 4 did depends on `[deidentify]` and",
        "`[dates]`, stage 5 on `[convert]`, stage 6 on `[labels]`, and on nothing else of this file.",
        "The digest that an attestation names covers every section but `[source]`, `[vault]`, `[release]` and `[run]`.",
    ]
    for name, section in named_sections(BuildConfig()):
        lines += ["", f"## `[{name}]`", "", *_grid(("key", "default", "allowed", "meaning"), _keys(name, section))]
    return "\n".join(lines) + "\n"


def reasons() -> str:
    """Every drop reason with what it means."""
    lines = [
        _MADE,
        "# Why an item is not in the release",
        "",
        "Every catalogued item is published, withheld with the test set, or stands in",
        "`workspace/vault/drops.parquet` with one of these codes. Codes with `E_` are quarantined: something is wrong",
        "with the item, and it waits for a person. The others are policy: the item is fine, the dataset does not",
        "want it.",
    ]
    texts = load_reasons().values()
    for title, wanted in (("Quarantined", True), ("Policy", False)):
        rows = [(f"`{t.reason}`", t.unit, t.meaning, t.source) for t in texts if t.reason.is_quarantine is wanted]
        lines += ["", f"## {title}", "", *_grid(("code", "usually of a", "meaning", "source"), rows)]
    return "\n".join(lines) + "\n"


def _tables(contracts: Iterable[Contract]) -> Iterator[str]:
    for contract in contracts:
        yield from ("", f"### `{contract.name}` (version {contract.version})", "", contract.description, "")
        yield from _columns(contract)


def _columns(contract: Contract) -> list[str]:
    rows = []
    for name, column in contract.columns.items():
        marks = ("*" if column.kind.primary_key else "") + ("?" if column.kind.nullable else "")
        rows.append((f"`{name}`{marks}", _type(column), column.privacy.value, column.description, _origin(column)))
    return _grid(("column", "type", "privacy", "meaning", "unit, source"), rows)


def _type(column: Column) -> str:
    dtype = column.kind.dtype
    if isinstance(dtype, pl.Enum):
        values = dtype.categories.to_list()
        return ", ".join(f"`{value}`" for value in values) if len(values) <= _MOST_VALUES else "enumeration"
    if isinstance(dtype, pl.List):
        return "list of rectangles" if isinstance(dtype.inner, pl.Struct) else "list of text"
    names = {"String": "text", "Boolean": "true / false", "Date": "date", "Float64": "real"}
    short = str(dtype).split("(", maxsplit=1)[0]
    return names.get(short, "date and time" if short == "Datetime" else "integer")


def _origin(column: Column) -> str:
    return ", ".join(part for part in (column.unit, column.source) if part)


def _keys(name: str, section: Section) -> Iterator[tuple[str, ...]]:
    for key, field in type(section).model_fields.items():
        if isinstance(getattr(section, key), Section):
            continue
        meaning = " ".join((field.description or "").split())
        if note := NOT_READ_YET.get(f"{name}.{key}"):
            meaning += f" (**not read yet**: {note})"
        if note := _LIMITS.get(f"{name}.{key}"):
            meaning += f"; {note}"
        yield f"`{key}`", _default(field), _allowed(field), meaning


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None and field.annotation is int:
        return "number of processors"  # never this machine's
    value = {} if field.default_factory is not None else field.default
    return "none" if value is None else f"`{_toml(value)}`"


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value.value if isinstance(value, Enum) else value)


def _allowed(field: FieldInfo) -> str:
    if isinstance(field.annotation, type) and issubclass(field.annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in field.annotation)
    if choices := _choices(field):
        return ", ".join(f"`{choice}`" for choice in choices)
    limits = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "min_length": "at least", "pattern": "matches"}
    told = [
        f"{words} `{getattr(item, name)}`"
        for item in field.metadata
        for name, words in limits.items()
        if getattr(item, name, None) is not None
    ]
    return ", ".join(told) or _kind(str(field.annotation))


def _choices(field: FieldInfo) -> list[str]:
    """The words of a pattern that only lists words."""
    pattern = next((item.pattern for item in field.metadata if getattr(item, "pattern", None)), "")
    words = re.sub(r"[\\^$()]", "", pattern).split("|")
    return words if all(re.fullmatch(r"[a-z0-9+-]+", word) for word in words) else []


def _kind(annotation: str) -> str:
    kinds = {"Path": "path", "bool": "true / false", "date": "date", "dict": "table", "tuple": "list", "int": "integer"}
    several = "paths" if "tuple" in annotation and "Path" in annotation else ""
    return several or next((told for word, told in kinds.items() if word in annotation), "text")


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    table = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table]


def main() -> int:
    """Write every page that differs."""
    for name, text in pages().items():
        path = DOCS / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{name} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
