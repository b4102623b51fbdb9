"""What JPEG, DICOM and Parquet files say once they are decoded.

Takes the bytes of one file; gives its values, streams and faults of structure. Text files are left to `decoded`.
"""

import io
import itertools
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pydicom
from pydicom.dataset import Dataset

from cxr_core.verification.findings import Finding
from cxr_core.verification.structure import OLDEST_YEARS, dicom_faults, split_jpeg
from cxr_core.verification.values import Decoded, Place, Stream, Value, scalar, views

PARQUET_MAGIC = b"PAR1"
_SMALL_COLUMN = 1000  # below, counting in Python is quicker than starting a query
_RAW_PIXEL_NEEDLE = 12  # noise of 8-bit pixels between 48 and 57 spells every 8-digit number


def is_dicom(data: bytes) -> bool:
    """True for a Part 10 file."""
    return data[128:132] == b"DICM"


def decode_jpeg(data: bytes) -> Iterator[Decoded]:
    """Segments, tail and coded data of a JPEG."""
    parts = split_jpeg(data)
    yield from parts.faults
    for name, payload in parts.segments:
        yield from views(name, payload)
    if parts.tail:
        yield from views("after the image", parts.tail)
    yield Stream(data)


def decode_dicom(data: bytes) -> Iterator[Decoded]:
    """Elements at every depth, file meta, preamble and pixels of a DICOM file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's warnings print values
        try:
            header = pydicom.dcmread(io.BytesIO(data), force=True)
            values = [*_elements(header.file_meta), *_elements(header)]
            faults = list(dicom_faults(header, len(data)))
        except Exception:  # noqa: BLE001  bytes of any kind may stand behind "DICM"; what cannot be read must not leave
            yield Finding.DICOM_UNREADABLE
            yield Stream(data)
            return
    yield from faults
    yield from views("preamble", data[:128])
    yield from values
    yield Stream(data, _RAW_PIXEL_NEEDLE)


def _elements(dataset: Dataset) -> Iterator[Decoded]:
    for element in dataset:
        name = element.keyword or str(element.tag)
        if element.VR == "SQ":
            for item in element.value:
                yield from _elements(item)
        elif element.keyword == "PixelData" or element.is_empty:
            continue
        elif isinstance(element.value, bytes):
            yield from views(name, element.value)
        else:
            values = element.value if isinstance(element.value, list | pydicom.multival.MultiValue) else [element.value]
            for value in values:
                place = Place.NUMBER if isinstance(value, int | float) else Place.HEADER
                yield from scalar(place, name, str(value))


def decode_parquet(data: bytes) -> Iterator[Decoded]:
    """Columns, metadata and statistics of a Parquet file."""
    try:
        table = pq.read_table(pa.BufferReader(data))
        table.validate(full=True)
        frame = pl.DataFrame(table)
    except (pa.ArrowException, OSError, pl.exceptions.PolarsError):
        yield Finding.UNREADABLE
        yield Stream(data)
        return
    yield from _footer(pq.read_metadata(pa.BufferReader(data)), table.schema)
    yield from decode_frame(frame)
    yield Stream(data)


def _footer(footer: pq.FileMetaData, schema: pa.Schema) -> Iterator[Decoded]:
    """The writer, metadata of the file and of its fields at every depth, statistics."""
    yield Value(Place.KEY, "created_by", footer.created_by or "")
    fields: list[pa.Field] = list(schema)
    pairs = list((schema.metadata or {}).items())
    while fields:
        field = fields.pop()
        pairs += (field.metadata or {}).items()
        fields += [field.type.field(place) for place in range(field.type.num_fields)]
    for key, value in pairs:
        yield from views("metadata", key + b" " + value, Place.KEY)
    for group, place in itertools.product(range(footer.num_row_groups), range(footer.num_columns)):
        chunk = footer.row_group(group).column(place)
        if not (chunk.is_stats_set and chunk.statistics.has_min_max):
            continue
        for limit in {chunk.statistics.min_raw, chunk.statistics.max_raw}:
            if isinstance(limit, bytes | str):
                text = limit.decode("utf-8", "replace") if isinstance(limit, bytes) else limit
                yield Value(Place.CELL, chunk.path_in_schema.partition(".")[0], text)


def decode_frame(frame: pl.DataFrame) -> Iterator[Decoded]:
    """Names and distinct values of all columns."""
    for name in frame.columns:
        yield Value(Place.KEY, "", name)
        yield from _column(name, frame[name])


def _column(name: str, column: pl.Series) -> Iterator[Decoded]:
    """Distinct values of a column with their counts, lists and structs opened."""
    dtype = column.dtype
    if isinstance(dtype, pl.Struct):
        for inner in dtype.fields:
            yield Value(Place.KEY, name, inner.name)
            yield from _column(inner.name, column.struct.field(inner.name))
        return
    if isinstance(dtype, pl.List | pl.Array):
        yield from _column(name, column.explode(empty_as_null=True).drop_nulls())
        return
    if dtype == pl.Boolean:
        return
    if name.startswith("age") and dtype.is_numeric() and bool((column.drop_nulls() > OLDEST_YEARS).any()):
        yield Finding.AGE
    place = Place.NUMBER if dtype.is_numeric() else Place.CELL
    for value, count in _counted(column):
        if isinstance(value, bytes):
            yield from views(name, value)
        else:
            yield from scalar(place, name, str(value), count)


def _counted(column: pl.Series) -> Iterable[tuple[object, int]]:
    if len(column) < _SMALL_COLUMN:
        return Counter(value for value in column.to_list() if value is not None).items()
    return column.drop_nulls().value_counts().iter_rows()
