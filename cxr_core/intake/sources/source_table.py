"""Decides which columns of a RIS table are meant, whatever the file is called and however it is written.

Takes a CSV or Parquet file and gives its rows under our names, or one clear line to the user.
How the bytes become lines is left to `table_lines`, what the values become to `ris_csv`.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from cxr_core.errors import UsageError
from cxr_core.intake.sources.table_lines import UnreadableTable, table_lines

_NAMES_FILE = Path(__file__).with_name("columns.toml")
_MOST_NAMES = 12
_NO_NAME = re.compile(r"\d{4}|.{50}")


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


class SourceTable:
    """One table of a RIS: CSV, TSV or semicolon file with a header line, or Parquet.

    Parameters
    ----------
    path : Path
        The file. Text is UTF-8 with or without BOM, UTF-16 with BOM, else Windows-1252.
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
            self._content = path.read_bytes()
        except OSError:
            raise UsageError(f"{table}: the file {path.name} cannot be read") from None
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
            Names the missing column, its usual names, what the file has instead, and how to map it.
        """
        if self.has(*names):
            return
        usual = ", ".join(usual_names()[self._table][names[0]][:4])
        hint = f'[source.columns] {names[0]} = "..." or --set source.columns.{names[0]}=...'
        how = f"; map it with {hint}" if self._table == "reports" else "; rename it in the header line"
        wanted = f"no column for {' or '.join(names)} in {self._path.name} (e.g. {usual})"
        raise UsageError(f"{self._table}: {wanted}; {self._seen()}{how}")

    def rows(self) -> Iterator[dict[str, str]]:
        """Rows under our names, values stripped but for the report text; absent or blank columns are empty strings."""
        lines = self._lines()
        next(lines, None)
        for line in lines:
            if any(line):
                yield {name: _value(line, place, name) for name, place in self._places.items()}

    def _lines(self) -> Iterator[list[str]]:
        try:
            yield from table_lines(self._content)
        except UnreadableTable as problem:
            raise UsageError(f"{self._table}: {self._path.name} {problem}") from None

    def _seen(self) -> str:
        """The column names of the file; only their number where the first line may be one of a patient.

        A line without any usual name, or with numbers or sentences in it, may hold identified values.
        """
        if not self._places or any(map(_NO_NAME.search, self._header)):
            return f"its {len(self._header)} columns have other names (is there a header line?)"
        names = [name.strip() or "(blank)" for name in self._header]
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return f"it has {', '.join(names[:_MOST_NAMES])}{more}"

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
