"""What a file says once it is decoded: cells, keys, elements, segments, lines, names; and the streams that stay coded.

Takes one file of a release; gives its values with the place where each stood, its long streams and its faults of
structure. What identifies in them is left to `matching` and `fields`; JPEG, DICOM and Parquet to `binaries`.
"""

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import polars as pl

from cxr_core.verification.binaries import (
    PARQUET_MAGIC,
    decode_dicom,
    decode_frame,
    decode_jpeg,
    decode_parquet,
    is_dicom,
)
from cxr_core.verification.findings import Finding
from cxr_core.verification.structure import JPEG_MAGIC, gzip_faults
from cxr_core.verification.values import Decoded, Place, Stream, Value, as_text, is_text, lines, scalar, views

_LISTS_OF_NAMES = {"SHA256SUMS.txt", "IMAGE_FILENAMES"}
_MARKED_UP = {".html", ".htm", ".svg", ".xml"}


def decode_file(path: Path) -> Iterator[Decoded]:
    """Everything that a file says. A file that cannot be read as its kind is searched as text and as a stream."""
    data = path.read_bytes()
    try:
        yield from decode_bytes(path.name, data)
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException:  # noqa: BLE001  what no parser foresaw (polars panics are no Exceptions) must not leave
        yield Finding.UNREADABLE
        yield from views("text", data)
        yield Stream(data)


def decode_bytes(name: str, data: bytes) -> Iterator[Decoded]:
    """Everything that the content of a file of this name says: by what it is, whatever its name says."""
    suffix = Path(name).suffix.lower()
    if data.startswith(b"\x1f\x8b"):
        yield from _gzip(name, data)
    elif data.startswith(JPEG_MAGIC):
        yield from decode_jpeg(data)
    elif is_dicom(data):
        yield from decode_dicom(data)
    elif data.startswith(PARQUET_MAGIC):
        yield from decode_parquet(data)
    elif suffix in {".jpg", ".jpeg", ".dcm", ".parquet", ".gz"}:
        yield Finding.UNREADABLE
        yield from views("text", data)
        yield Stream(data)
    elif suffix == ".csv":
        yield from _csv(data)
    elif suffix == ".json":
        yield from _json(data)
    elif suffix in _MARKED_UP:
        yield from _html(data)
    elif is_text(data):
        yield from lines(as_text(data), Place.NAME if name in _LISTS_OF_NAMES else Place.LINE)
    else:
        yield from views("text", data)
        yield Stream(data)


def _gzip(name: str, data: bytes) -> Iterator[Decoded]:
    faults = gzip_faults(data)
    yield from faults
    if faults:  # a sound header has no room for a word; compressed bytes spell short names by chance
        yield from views("gzip header", data[:512])
    try:
        content = gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        yield Finding.UNREADABLE
        yield Stream(data)
        return
    yield from decode_bytes(name.removesuffix(".gz"), content)


def _csv(data: bytes) -> Iterator[Decoded]:
    content = as_text(data)
    try:
        frame = pl.read_csv(content.encode(), infer_schema=False)
    except (pl.exceptions.PolarsError, ValueError):
        yield from lines(content)
        return
    yield from decode_frame(frame)


def _json(data: bytes) -> Iterator[Decoded]:
    content = as_text(data)
    try:
        yield from _json_values("", json.loads(content, object_pairs_hook=_Pairs))
    except (ValueError, RecursionError):
        yield from lines(content)


class _Pairs(list[tuple[str, object]]):
    """An object with all its members: a key may stand twice, and a reader takes one."""


def _json_values(name: str, value: object) -> Iterator[Decoded]:
    if isinstance(value, _Pairs):
        for key, item in value:
            yield Value(Place.KEY, name, key)
            yield from _json_values(key, item)
    elif isinstance(value, list):
        for item in value:
            yield from _json_values(name, item)
    elif isinstance(value, str):
        yield Value(Place.CELL, name, value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from scalar(Place.NUMBER, name, str(value))


class _HtmlReader(HTMLParser):
    """Text, attributes, comments and declarations of a page; data URLs come as bytes.

    `shown` is the text alone, in the order in which a reader of the page meets it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.shown: list[str] = []
        self.blobs: list[bytes] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        self.shown.append(data)

    def handle_comment(self, data: str) -> None:
        self.texts.append(data)

    def handle_decl(self, decl: str) -> None:
        self.texts.append(decl)

    def handle_pi(self, data: str) -> None:
        self.texts.append(data)

    def unknown_decl(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts.append(tag)
        for name, value in attrs:
            self.texts.append(name)
            head, mark, encoded = (value or "").partition(";base64,")
            if mark and head.startswith("data:"):
                try:
                    self.blobs.append(base64.b64decode(encoded, validate=True))
                except (binascii.Error, ValueError):
                    self.texts.append(encoded)
            elif value:
                self.texts.append(value)


def _html(data: bytes) -> Iterator[Decoded]:
    """A page as a browser reads it, and what it shows once more as one: a word may be cut by tags."""
    reader = _HtmlReader()
    reader.feed(as_text(data))
    reader.close()
    for text in (*reader.texts, "".join(reader.shown)):
        yield from lines(text)
    for blob in reader.blobs:
        yield from decode_bytes("embedded", blob)
