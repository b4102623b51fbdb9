"""What a file says once it is decoded: cells, keys, elements, segments, lines, names; and the streams that stay coded.

Takes one file of a release; gives its values with the place where each stood, its long streams and its faults of
structure. What identifies in them is left to `matching` and `fields`.
"""

import base64
import binascii
import gzip
import io
import json
import warnings
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pydicom
from pydicom.dataset import Dataset

from cxr_core.verification.findings import Finding
from cxr_core.verification.structure import dicom_faults, gzip_faults, split_jpeg


class Place(StrEnum):
    """Where a value stood: names and keys are words of the schema, cells and headers are data."""

    NAME = "name"
    KEY = "key"
    CELL = "cell"
    NUMBER = "number"
    HEADER = "header"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Value:
    """One decoded value, and how often it stands in its field."""

    place: Place
    name: str
    text: str = field(repr=False)
    count: int = 1


@dataclass(frozen=True, slots=True)
class Stream:
    """Coded bytes; `shortest` is the shortest needle that does not hit them by chance."""

    data: bytes = field(repr=False)
    shortest: int = 8


Decoded = Value | Stream | Finding

_LARGEST_TEXT_BYTES = 1 << 16
_SMALL_COLUMN = 1000  # below, counting in Python is quicker than starting a query
_RAW_PIXEL_NEEDLE = 12  # noise of 8-bit pixels between 48 and 57 spells every 8-digit number
_JPEG_MAGIC = b"\xff\xd8\xff"
_BOMS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be", b"\xef\xbb\xbf": "utf-8"}
_LISTS_OF_NAMES = {"SHA256SUMS.txt", "IMAGE_FILENAMES"}
_TEXT_SUFFIXES = {"", ".txt", ".md", ".cff", ".yaml", ".yml", ".toml", ".tsv", ".log", ".css", ".js", ".xml", ".svg"}


def decode_file(path: Path) -> Iterator[Decoded]:
    """Everything that a file says. A file that cannot be read as its kind is searched as text and as a stream."""
    yield from decode_bytes(path.name, path.read_bytes())


def decode_bytes(name: str, data: bytes) -> Iterator[Decoded]:
    """Everything that the content of a file of this name says."""
    suffix = Path(name).suffix.lower()
    if suffix == ".gz":
        yield from _gzip(name, data)
    elif data.startswith(_JPEG_MAGIC):
        yield from _jpeg(data)
    elif data[128:132] == b"DICM" or suffix == ".dcm":
        yield from _dicom(data)
    elif suffix == ".csv":
        yield from _csv(data)
    elif suffix == ".json":
        yield from _json(data)
    elif suffix == ".parquet" or data.startswith(b"PAR1"):
        yield from _parquet(data)
    elif suffix in {".html", ".htm", ".svg", ".xml"}:
        yield from _html(data)
    else:
        place = Place.NAME if name in _LISTS_OF_NAMES else Place.LINE
        yield from _text_or_stream(data, place, is_text=suffix in _TEXT_SUFFIXES)


def text_views(data: bytes) -> list[str]:
    """Every way in which bytes may be read as text: UTF-8 or Latin-1, and UTF-16 of both orders at both parities."""
    try:
        views = [data.decode()]
    except UnicodeDecodeError:
        views = [data.decode("latin-1")]
    if b"\0" in data:
        views.append(data.replace(b"\0", b"").decode("latin-1"))
    for encoding in ("utf-16-le", "utf-16-be"):
        views += [data[start:].decode(encoding, errors="ignore") for start in (0, 1)]
    return views


# ---------------------------------------------------------------- kinds of files


def _gzip(name: str, data: bytes) -> Iterator[Decoded]:
    yield from gzip_faults(data)
    yield from _views("gzip header", data[:512])
    try:
        content = gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        yield Finding.UNREADABLE
        yield Stream(data)
        return
    yield from decode_bytes(name[:-3], content)


def _jpeg(data: bytes) -> Iterator[Decoded]:
    parts = split_jpeg(data)
    yield from parts.faults
    for name, payload in parts.segments:
        yield from _views(name, payload)
    if parts.tail:
        yield from _views("after the image", parts.tail)
    yield Stream(data)


def _dicom(data: bytes) -> Iterator[Decoded]:
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
    yield from _views("preamble", data[:128])
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
            yield from _views(name, element.value)
        else:
            values = element.value if isinstance(element.value, list | pydicom.multival.MultiValue) else [element.value]
            for value in values:
                place = Place.NUMBER if isinstance(value, int | float) else Place.HEADER
                yield from _scalar(place, name, str(value))


def _csv(data: bytes) -> Iterator[Decoded]:
    content = _as_text(data)
    try:
        frame = pl.read_csv(content.encode(), infer_schema=False)
    except (pl.exceptions.PolarsError, ValueError):
        yield from _lines(content)
        return
    yield from _frame(frame)


def _json(data: bytes) -> Iterator[Decoded]:
    content = _as_text(data)
    try:
        yield from _json_values("", json.loads(content))
    except (ValueError, RecursionError):
        yield from _lines(content)


def _json_values(name: str, value: object) -> Iterator[Decoded]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield Value(Place.KEY, name, key)
            yield from _json_values(key, item)
    elif isinstance(value, list):
        for item in value:
            yield from _json_values(name, item)
    elif isinstance(value, str):
        yield Value(Place.CELL, name, value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _scalar(Place.NUMBER, name, str(value))


def _parquet(data: bytes) -> Iterator[Decoded]:
    try:
        table = pq.read_table(pa.BufferReader(data))
        frame = pl.DataFrame(table)
    except (pa.ArrowException, OSError, pl.exceptions.PolarsError):
        yield Finding.UNREADABLE
        yield Stream(data)
        return
    for key, value in (table.schema.metadata or {}).items():
        yield from _views("metadata", key + b" " + value, Place.KEY)
    for name in table.schema.names:
        for key, value in (table.schema.field(name).metadata or {}).items():
            yield from _views("metadata", key + b" " + value, Place.KEY)
    yield from _frame(frame)
    yield Stream(data)


def _frame(frame: pl.DataFrame) -> Iterator[Decoded]:
    for name in frame.columns:
        yield Value(Place.KEY, "", name)
        yield from _column(name, frame[name])


def _column(name: str, column: pl.Series) -> Iterator[Decoded]:
    """Distinct values of a column with their counts, lists and structs opened."""
    dtype = column.dtype
    if isinstance(dtype, pl.Struct):
        for inner in dtype.fields:
            yield from _column(inner.name, column.struct.field(inner.name))
        return
    if isinstance(dtype, pl.List | pl.Array):
        yield from _column(name, column.explode(empty_as_null=True).drop_nulls())
        return
    if dtype == pl.Boolean:
        return
    place = Place.NUMBER if dtype.is_numeric() else Place.CELL
    for value, count in _counted(column):
        if isinstance(value, bytes):
            yield from _views(name, value)
        else:
            yield from _scalar(place, name, str(value), count)


def _counted(column: pl.Series) -> Iterable[tuple[object, int]]:
    if len(column) < _SMALL_COLUMN:
        return Counter(value for value in column.to_list() if value is not None).items()
    return column.drop_nulls().value_counts().iter_rows()


def _scalar(place: Place, name: str, text: str, count: int = 1) -> Iterator[Value]:
    """A number with a fraction holds no id; one without is read as an integer."""
    if place is Place.NUMBER:
        whole, _, fraction = text.partition(".")
        if fraction.strip("0") or "e" in text.lower():
            return
        text = whole
    yield Value(place, name, text, count)


class _HtmlReader(HTMLParser):
    """Text, attributes and comments of a page; data URLs come as bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.blobs: list[bytes] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  inherited
        for _, value in attrs:
            head, mark, encoded = (value or "").partition(";base64,")
            if mark and head.startswith("data:"):
                try:
                    self.blobs.append(base64.b64decode(encoded, validate=True))
                except (binascii.Error, ValueError):
                    self.texts.append(encoded)
            elif value:
                self.texts.append(value)


def _html(data: bytes) -> Iterator[Decoded]:
    reader = _HtmlReader()
    reader.feed(_as_text(data))
    reader.close()
    for text in reader.texts:
        yield from _lines(text)
    for blob in reader.blobs:
        yield from decode_bytes("embedded", blob)


def _text_or_stream(data: bytes, place: Place, *, is_text: bool) -> Iterator[Decoded]:
    has_bom = any(data.startswith(bom) for bom in _BOMS)
    if has_bom or (is_text and b"\0" not in data):
        yield from _lines(_as_text(data), place)
    elif is_text:
        yield from _views("text", data)
    else:
        yield Stream(data)


def _as_text(data: bytes) -> str:
    for bom, encoding in _BOMS.items():
        if data.startswith(bom):
            return data[len(bom) :].decode(encoding, errors="replace")
    if data[1:2] == b"\0" or data[:1] == b"\0":
        return data.replace(b"\0", b"").decode("latin-1")
    return text_views(data)[0]


def _lines(text: str, place: Place = Place.LINE) -> Iterator[Value]:
    for line in text.splitlines():
        if line.strip():
            yield Value(place, "", line)


def _views(name: str, payload: bytes, place: Place = Place.HEADER) -> Iterator[Decoded]:
    """Bytes of a header: read as text in every way; what is too long for a header is also searched as a stream."""
    if not payload.strip(b"\0 "):
        return
    for text in text_views(payload[:_LARGEST_TEXT_BYTES]):
        yield Value(place, name, text)
    if len(payload) > _LARGEST_TEXT_BYTES:
        yield Stream(payload)
