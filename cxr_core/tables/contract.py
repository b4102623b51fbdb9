"""What a table is: typed columns with a description, a unit, a DICOM source and a privacy class.

Takes frames and gives them back validated, in the declared column order; the only module that imports dataframely.
Which tables exist is told by `catalogue`; how they are stored is left to `storage`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import dataframely as dy
import polars as pl

from cxr_core.errors import BuildError


class Privacy(StrEnum):
    """Who may see a column. Release gates and the data dictionary derive from it."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PHI = "phi"


class ContractError(BuildError):
    """A frame breaks its contract. Names table, columns, rules and counts, never values."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a contract.

    Parameters
    ----------
    kind : dataframely.Column
        Type and checks.
    description : str
        One sentence for the data dictionary.
    privacy : Privacy
        Who may see it.
    unit, source : str
        Unit of the values; DICOM attribute, HL7 field or paper section they come from.
    """

    kind: dy.Column = field(repr=False)
    description: str
    privacy: Privacy
    unit: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Contract:
    """A declared table: every frame that is written or read under its name obeys it."""

    name: str
    version: int
    description: str
    columns: Mapping[str, Column] = field(repr=False)
    schema: type[dy.Schema] = field(repr=False)

    @property
    def dtypes(self) -> pl.Schema:
        """The polars schema, in the declared order."""
        return pl.Schema({name: column.kind.dtype for name, column in self.columns.items()})

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the primary key's columns, in the declared order."""
        return tuple(name for name, column in self.columns.items() if column.kind.primary_key)

    def empty(self) -> pl.DataFrame:
        """A frame of this table without rows."""
        return pl.DataFrame(schema=self.dtypes)

    def frame(self, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
        """Build a validated frame from rows; a missing nullable column is filled with null."""
        return self.validate(pl.DataFrame(list(rows), schema=self.dtypes, orient="row"))

    def validate(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Check a frame and give it back in the declared column order.

        Raises
        ------
        ContractError
            Unknown or missing columns (dataframely would drop the unknown ones in silence), wrong types, or failing
            rules; the message counts failing rows by rule and holds no value.
        """
        unknown = sorted(set(frame.columns) - set(self.columns))
        missing = sorted(set(self.columns) - set(frame.columns))
        if unknown or missing:
            raise ContractError(f"table {self.name}: unknown columns {unknown}, missing columns {missing}")
        ordered = frame.select(list(self.columns))
        wrong = [name for name, dtype in self.dtypes.items() if ordered.schema[name] != dtype]
        if wrong:
            found = {name: f"{ordered.schema[name]}, not {self.dtypes[name]}" for name in wrong}
            raise ContractError(f"table {self.name}: wrong types {found}")
        if ordered.is_empty():  # no row, no failing row; a commit holds many tables without one
            return ordered
        counts = self.schema.filter(ordered).failure.counts()
        if counts:
            raise ContractError(f"table {self.name}: failing rows by rule {dict(sorted(counts.items()))}")
        return ordered

    def columns_of(self, privacy: Privacy) -> tuple[str, ...]:
        """Names of the columns with this privacy class."""
        return tuple(name for name, column in self.columns.items() if column.privacy is privacy)


def contract(name: str, version: int, description: str, columns: Mapping[str, Column]) -> Contract:
    """Declare a table."""
    kinds = {}
    for key, column in columns.items():
        column.kind.alias = key
        # Under its plain name a column called "columns" would hide dataframely's method of that name.
        kinds[f"hilum_{key}"] = column.kind
    schema = type(name.title().replace("_", ""), (dy.Schema,), kinds)
    return Contract(name, version, description, dict(columns), schema)


def text(
    description: str,
    privacy: Privacy,
    *,
    key: bool = False,
    nullable: bool = False,
    pattern: str | None = None,
    unit: str = "",
    source: str = "",
) -> Column:
    """Declare a string column."""
    kind = dy.String(primary_key=key, nullable=nullable, regex=pattern)
    return Column(kind, description, privacy, unit, source)


def enum(
    description: str,
    privacy: Privacy,
    members: type[StrEnum],
    *,
    key: bool = False,
    nullable: bool = False,
    source: str = "",
) -> Column:
    """Declare a column of one of the vocabulary's enumerations."""
    kind = dy.Enum([member.value for member in members], primary_key=key, nullable=nullable)
    return Column(kind, description, privacy, "", source)


def integer(  # noqa: PLR0913  one keyword per property of a column
    description: str,
    privacy: Privacy,
    *,
    key: bool = False,
    nullable: bool = False,
    minimum: int | None = None,
    maximum: int | None = None,
    unit: str = "",
    source: str = "",
) -> Column:
    """Declare a 64-bit integer column."""
    kind = dy.Int64(primary_key=key, nullable=nullable, min=minimum, max=maximum)
    return Column(kind, description, privacy, unit, source)


def assertion(description: str) -> Column:
    """Declare a label column: 1, 0, -1 or null."""
    return Column(dy.Int8(nullable=True, min=-1, max=1), description, Privacy.PUBLIC, "", "CheXpert")


def real(description: str, privacy: Privacy, *, nullable: bool = False, unit: str = "", source: str = "") -> Column:
    """Declare a 64-bit float column; infinities and NaN are refused."""
    return Column(dy.Float64(nullable=nullable), description, privacy, unit, source)


def boolean(description: str, privacy: Privacy, *, nullable: bool = False, source: str = "") -> Column:
    """Declare a true / false column."""
    return Column(dy.Bool(nullable=nullable), description, privacy, "", source)


def date(description: str, privacy: Privacy, *, nullable: bool = False, source: str = "") -> Column:
    """Declare a date column."""
    return Column(dy.Date(nullable=nullable), description, privacy, "", source)


def timestamp(description: str, privacy: Privacy, *, nullable: bool = False, source: str = "") -> Column:
    """Declare a local date and time, to the microsecond, without a time zone."""
    return Column(dy.Datetime(nullable=nullable, time_unit="us"), description, privacy, "", source)


def texts(description: str, privacy: Privacy, *, source: str = "") -> Column:
    """Declare a column of lists of strings; empty rather than null."""
    return Column(dy.List(dy.String()), description, privacy, "", source)


def pixel_boxes(description: str, privacy: Privacy) -> Column:
    """Declare a column of lists of rectangles: half-open, pixels, origin top left, row before column."""
    edges: dict[str, dy.Column] = {name: dy.Int64(min=0) for name in ("top_px", "left_px", "bottom_px", "right_px")}
    return Column(dy.List(dy.Struct(edges)), description, privacy, "pixel")
