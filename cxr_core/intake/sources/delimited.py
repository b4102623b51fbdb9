"""Decides how a delimited file of a RIS is read: its encoding, its delimiter, and which of its columns is meant.

Takes a file and gives its rows under our names, or one clear line to the user.
What the values become is left to `ris_csv`.
"""

import csv
import io
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from cxr_core.errors import UsageError

_NAMES_FILE = Path(__file__).with_name("columns.toml")
_DELIMITERS = (",", ";", "\t", "|")


@lru_cache(maxsize=1)
def usual_names() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Usual spellings by table and by our name."""
    tables = tomllib.loads(_NAMES_FILE.read_text(encoding="utf-8"))
    return {table: {name: tuple(words.split()) for name, words in columns.items()} for table, columns in tables.items()}


def lookup(table: str, word: str) -> str | None:
    """Our name for a spelling: `lookup("statuses", "Entered in error")` gives `void`; None where it is unknown."""
    folded = fold(word)
    return next((name for name, words in usual_names()[table].items() if folded in words), None)


def fold(name: str) -> str:
    """Lower case, words joined by single underscores; camel case is parted only where the list has no such word."""
    return re.sub(r"[\W_]+", "_", name.strip()).strip("_").casefold()


class DelimitedFile:
    """One CSV, TSV or semicolon file with a header line.

    Parameters
    ----------
    path : Path
        The file. UTF-8 with or without BOM, UTF-16 with BOM, else Windows-1252.
    table : str
        Which list of usual column names applies.
    overrides : mapping of our name to the file's column

    Raises
    ------
    UsageError
        The file cannot be read, or an override names a column that it does not have.
    """

    def __init__(self, path: Path, table: str, overrides: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._table = table
        try:
            text = decode(path.read_bytes())
        except OSError:
            raise UsageError(f"{table}: the file {path.name} cannot be read") from None
        self._delimiter = guess_delimiter(text)
        self._text = text
        self._header = next(self._lines(), [])
        self._places = self._find_columns(overrides or {})

    def has(self, *names: str) -> bool:
        """True where at least one of our columns was found."""
        return any(name in self._places for name in names)

    def require(self, *names: str) -> None:
        """Insist on at least one of these columns.

        Raises
        ------
        UsageError
            Names the missing column, its usual names and how to map it. Never quotes the file: a file without a header
            has identified values where names should stand.
        """
        if self.has(*names):
            return
        usual = ", ".join(usual_names()[self._table][names[0]][:4])
        hint = f'[source.columns] {names[0]} = "..." or --set source.columns.{names[0]}=...'
        how = f"; map it with {hint}" if self._table == "reports" else "; rename it in the header line"
        raise UsageError(f"{self._table}: no column for {' or '.join(names)} in {self._path.name} (e.g. {usual}){how}")

    def rows(self) -> Iterator[dict[str, str]]:
        """Rows under our names, values stripped but for the report text; absent or blank columns are empty strings."""
        lines = self._lines()
        next(lines, None)
        for line in lines:
            if any(line):
                yield {name: _value(line, place, name) for name, place in self._places.items()}

    def _lines(self) -> Iterator[list[str]]:
        try:
            yield from csv.reader(io.StringIO(self._text, newline=""), delimiter=self._delimiter)
        except csv.Error:
            message = f"{self._table}: {self._path.name} is no readable CSV (is a quotation mark left open?)"
            raise UsageError(message) from None

    def _find_columns(self, overrides: Mapping[str, str]) -> dict[str, int]:
        folded = [fold(name) for name in self._header]
        places: dict[str, int] = {}
        for name, words in usual_names()[self._table].items():
            asked = overrides.get(name)
            if asked is not None and fold(asked) not in folded:
                raise UsageError(f"{self._table}: {self._path.name} has no column {asked!r} for {name}")
            wanted = (fold(asked),) if asked is not None else words
            place = next((folded.index(word) for word in wanted if word in folded), None)
            if place is not None:
                places[name] = place
        return places


def _value(line: list[str], place: int, name: str) -> str:
    value = line[place].replace("\x00", "") if place < len(line) else ""
    return value if name == "text" else value.strip()


def decode(content: bytes) -> str:
    """Bytes to text: UTF-16 by its byte order mark, UTF-8, else Windows-1252 with its gaps as Latin-1."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def guess_delimiter(text: str) -> str:
    """The delimiter that parts the header line into most columns."""
    header = text.lstrip().split("\n", 1)[0]
    return max(_DELIMITERS, key=header.count)
