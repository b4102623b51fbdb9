"""A finished release to plant leaks in, the people of its source, and every carrier that a release has or could have.

A carrier takes the scene and a text, puts the text into the copied release in one place, and gives the file in which
the verifier must tell it. Nothing here knows how the verifier works.
"""

import base64
import bz2
import csv
import gzip
import hashlib
import io
import json
import lzma
import os
import pickle
import re
import sqlite3
import struct
import tarfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pydicom
from building import Build, Hospital
from PIL import Image, PngImagePlugin
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit

SUMS = "SHA256SUMS.txt"
FILE_NAME = "(file name"  # how a file is told whose own name identifies
_LONG = 80_000  # bytes before a text that a reader of the first 64 KiB misses


# ---------------------------------------------------------------- the people


@dataclass(frozen=True)
class People:
    """The invented people of the hospital, from its truth."""

    hospital: Hospital

    def rows(self, table: str) -> list[dict[str, str]]:
        with (self.hospital.truth / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    @cached_property
    def patients(self) -> list[dict[str, str]]:
        return self.rows("patients")

    @cached_property
    def plain(self) -> dict[str, str]:
        """A patient whose surname is of ASCII letters, too few for a search of coded streams, and no ordinary word."""
        return next(row for row in self.patients if re.fullmatch("[A-Za-z]{6,8}", row["last"]))

    @cached_property
    def accented(self) -> dict[str, str]:
        return next(row for row in self.patients if not row["last"].isascii())

    @cached_property
    def hyphenated(self) -> dict[str, str]:
        return next(row for row in self.patients if "-" in row["last"])

    @cached_property
    def kanji(self) -> tuple[str, str]:
        """Family and given name in ideographs."""
        name = next(row["pn"] for row in self.patients if "=" in row["pn"]).split("=")[1]
        family, given = name.split("^")
        return family, given

    @cached_property
    def study(self) -> dict[str, str]:
        """A study without a fault of the plain patient."""
        return next(row for row in self.rows("studies") if row["mrn"] == self.plain["mrn"] and not row["fault"])

    @cached_property
    def september(self) -> dict[str, str]:
        return next(row for row in self.rows("studies") if row["datetime"][5:7] == "09")

    @cached_property
    def image(self) -> dict[str, str]:
        return next(row for row in self.rows("images") if row["study"] == self.study["study"])

    @cached_property
    def stay(self) -> dict[str, str]:
        """An encounter that began on a day without a study: only the table of encounters knows it."""
        days = {row["datetime"][:10] for row in self.rows("studies")}
        with (self.hospital.export / "ris" / "encounters.csv").open(encoding="utf-8", newline="") as stream:
            return next(row for row in csv.DictReader(stream) if row["arrive"][:10] not in days)

    @cached_property
    def unseen_visit(self) -> str:
        """The number of an encounter that no header and no report repeats."""
        with (self.hospital.export / "ris" / "encounters.csv").open(encoding="utf-8", newline="") as stream:
            visits = {row["visit"] for row in csv.DictReader(stream)}
        messages = "".join(path.read_text(errors="replace") for path in (self.hospital.export / "hl7").iterdir())
        told = {row["value"] for row in self.rows("header_phi")}
        return min(visit for visit in visits - told if visit not in messages)

    @cached_property
    def report_id(self) -> str:
        return next(row["report_id"] for row in self.rows("reports") if row["study"] == self.study["study"])

    @cached_property
    def reader(self) -> tuple[str, str]:
        """Given and family name of the radiologist."""
        names = [row["text"] for row in self.rows("report_phi") if row["text"].endswith(", MD")]
        given, family = names[0].removesuffix(", MD").split()
        return given, family

    @cached_property
    def header(self) -> dict[str, str]:
        """Identifying values of the image by attribute."""
        return {row["where"]: row["value"] for row in self.rows("header_phi") if row["path"] == self.image["path"]}

    @cached_property
    def padded_id(self) -> str:
        """An id of the source that begins with a zero."""
        found = (row["value"] for row in self.rows("header_phi") if row["where"] == "StudyID")
        return next(value for value in found if value.startswith("0"))

    @cached_property
    def burned(self) -> list[str]:
        """SOP instances whose pixels show a patient."""
        return [row["sop"] for row in self.rows("images") if row["burned_phi"] == "1"]

    @property
    def surname(self) -> str:
        return self.plain["last"]

    @property
    def given(self) -> str:
        return self.plain["first"]

    @property
    def mrn(self) -> str:
        return self.plain["mrn"]

    @cached_property
    def secrets(self) -> list[str]:
        """What a message must not repeat."""
        of_patient = (self.plain[name] for name in ("last", "first", "mrn", "ssn", "phone", "addr", "born"))
        return [*of_patient, self.accented["last"], *(self.study[name] for name in ("study", "accession"))]


# ---------------------------------------------------------------- the scene


@dataclass(frozen=True, slots=True)
class Scene:
    """A copy of one tree of a finished release that a leak may change."""

    root: Path
    build: Build
    people: People = field(repr=False)

    def path(self, pattern: str) -> Path:
        return min(self.root.glob(pattern))

    def told(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def write(self, name: str, content: bytes) -> str:
        """A file more, or another content of a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return name

    def append(self, name: str, text: str) -> str:
        return self.write(name, (self.root / name).read_bytes() + text.encode())

    def replace(self, name: str, old: str, new: str) -> str:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        return self.write(name, text.replace(old, new, 1).encode())


def renew_sums(root: Path) -> None:
    """Digests as a publisher would write them last: so that a leak is not told by its checksum alone."""
    paths = sorted(path for path in root.rglob("*") if path.is_file() and path != root / SUMS)
    lines = (f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(root).as_posix()}\n" for p in paths)
    (root / SUMS).write_bytes("".join(lines).encode(errors="surrogateescape"))


Carrier = Callable[[Scene, str], str]


@dataclass(frozen=True, slots=True)
class Carrying:
    """A carrier; where it `is_room`, nothing of its kind may stand in a release: any finding will do, any text too."""

    put: Carrier
    is_room: bool = False
    is_for_ids: bool = False


CARRIERS: dict[str, Carrying] = {}


def carrier(*, is_room: bool = False) -> Callable[[Carrier], Carrier]:
    """Register a carrier under its name as a sentence."""

    def register(put: Carrier) -> Carrier:
        CARRIERS[put.__name__.replace("_", " ")] = Carrying(put, is_room)
        return put

    return register


# ---------------------------------------------------------------- CSV and gzip


def edit_csv(scene: Scene, edit: Callable[[list[list[str]]], None], pattern: str = "*-metadata.csv.gz") -> str:
    """Change the cells of a CSV file of the release."""
    path, sink = scene.path(pattern), io.StringIO()
    cells = list(csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode())))
    edit(cells)
    csv.writer(sink, lineterminator="\n").writerows(cells)
    return scene.write(scene.told(path), gzip.compress(sink.getvalue().encode(), mtime=0))


def set_cell(row: int, column: int, text: str) -> Callable[[list[list[str]]], None]:
    return lambda cells: cells[row].__setitem__(column, text)


def gzip_member(content: bytes, *, name: bytes = b"", comment: bytes = b"", extra: bytes = b"") -> bytes:
    """A member with optional fields (RFC 1952), without a time."""
    flags = (4 if extra else 0) | (8 if name else 0) | (16 if comment else 0)
    optional = (struct.pack("<H", len(extra)) + extra if extra else b"") + b"".join(
        part + b"\0" for part in (name, comment) if part
    )
    coder = zlib.compressobj(wbits=-15)
    body = coder.compress(content) + coder.flush()
    return (
        struct.pack("<BBBBLBB", 31, 139, 8, flags, 0, 2, 255)
        + optional
        + body
        + struct.pack("<LL", zlib.crc32(content), len(content))
    )


def _regzip(scene: Scene, member: Callable[[bytes], bytes]) -> str:
    path = scene.path("*-split.csv.gz")
    return scene.write(scene.told(path), member(path.read_bytes()))


CSV: Mapping[str, Carrier] = {
    "cell of a CSV file": lambda scene, text: edit_csv(scene, set_cell(1, 3, text)),
    "cell of a CSV file between bars": lambda scene, text: edit_csv(scene, set_cell(1, 3, f"|{text}|")),
    "second line of a CSV cell": lambda scene, text: edit_csv(scene, set_cell(1, 3, f'chest "PA"\n{text}')),
    "column name of a CSV file": lambda scene, text: edit_csv(scene, set_cell(0, 3, text)),
    "cell beyond the columns of a CSV file": lambda scene, text: edit_csv(scene, lambda cells: cells[2].append(text)),
    "line above the columns of a CSV file": lambda scene, text: edit_csv(
        scene, lambda cells: cells.insert(0, [f"# {text}"])
    ),
    "value of a label file": lambda scene, text: edit_csv(scene, set_cell(1, 4, text), "*-chexpert.csv.gz"),
    "second gzip member": lambda scene, text: _regzip(scene, lambda old: old + gzip_member(f"{text}\n".encode())),
    "gzip within gzip": lambda scene, text: scene.write(
        "notes.txt.gz.gz", gzip.compress(gzip.compress(text.encode(), mtime=0), mtime=0)
    ),
    "CSV file with semicolons": lambda scene, text: scene.write("x.csv", f"id;note\n50000001;{text}\n".encode()),
}
GZIP: Mapping[str, Callable[[bytes, bytes], bytes]] = {
    "name in a gzip header": lambda old, text: gzip_member(gzip.decompress(old), name=text),
    "comment in a gzip header": lambda old, text: gzip_member(gzip.decompress(old), comment=text),
    "extra field of a gzip header": lambda old, text: gzip_member(gzip.decompress(old), extra=b"AP\0\0" + text),
    "bytes after the gzip member": lambda old, text: old + text,
    "name in the header of a second gzip member": lambda old, text: old + gzip_member(b"", name=text),
}


def _gzipped(member: Callable[[bytes, bytes], bytes]) -> Carrier:
    return lambda scene, text: _regzip(scene, lambda old: member(old, text.encode()))


CARRIERS |= {name: Carrying(put) for name, put in CSV.items()}
CARRIERS |= {name: Carrying(_gzipped(member), is_room=True) for name, member in GZIP.items()}


# ---------------------------------------------------------------- Parquet


def _table(scene: Scene, name: str = "sections.parquet") -> pa.Table:
    return pq.read_table(scene.root / name)


def write_parquet(scene: Scene, table: pa.Table, name: str = "sections.parquet", **options: Any) -> str:
    pq.write_table(table, scene.root / name, **options)
    return name


def add_column(scene: Scene, values: pa.Array, name: str = "extra_px", file: str = "sections.parquet") -> str:
    """A column more that holds one array's first value in its first row, else nothing."""
    table = _table(scene, file)
    rest = pa.nulls(table.num_rows - 1, values.type)
    return write_parquet(scene, table.append_column(name, pa.chunked_array([values[:1], rest])), file)


def set_column(scene: Scene, column: str, text: str, file: str) -> str:
    """Every cell of a column becomes a text."""
    path = scene.root / file
    pl.read_parquet(path).with_columns(pl.lit(text).alias(column)).write_parquet(path)
    return file


def _split_footer(data: bytes) -> tuple[bytes, bytes]:
    length = int.from_bytes(data[-8:-4], "little")
    return data[: -8 - length], data[-8 - length :]


CELLS: Mapping[str, Callable[[str], pa.Array]] = {
    "text": lambda text: pa.array([text]),
    "item of a list": lambda text: pa.array([["strip", text]]),
    "value of a struct": lambda text: pa.array([{"top_px": 1, "note": text}]),
    "name of a struct's field": lambda text: pa.array([{"top_px": 1, text: 2}]),
    "value in a list of structs": lambda text: pa.array([[{"box": {"note": text}}]]),
    "value of a dictionary": lambda text: pa.array([text]).dictionary_encode(),
    "bytes": lambda text: pa.array([b"\x01\x02" + text.encode() + b"\0"]),
    "bytes before one that is a letter in Latin-1": lambda text: pa.array([b"\x01\x02" + text.encode() + b"\xe5"]),
}
ROOM_CELLS: Mapping[str, Callable[[str], pa.Array]] = {
    "base64": lambda text: pa.array([_base64(text)]),
    "key of a map": lambda text: pa.array([[(text, 1)]], pa.map_(pa.string(), pa.int64())),
    "far end of long bytes": lambda text: pa.array([b"\x01" * _LONG + b" " + text.encode()]),
    "compressed bytes": lambda text: pa.array([zlib.compress(text.encode())]),
    "metadata of a nested field": lambda text: pa.array(
        [["strip"]], pa.list_(pa.field("element", pa.string(), metadata={"note": text}))
    ),
}
NUMBERS: Mapping[str, Callable[[str], pa.Array]] = {
    "whole number": lambda text: pa.array([int(text)]),
    "number with a fraction": lambda text: pa.array([float(text)]),
}
METADATA: Mapping[str, Carrier] = {
    "key-value metadata of a Parquet file": lambda scene, text: write_parquet(
        scene, _table(scene).replace_schema_metadata({"author": text})
    ),
    "column metadata of a Parquet file": lambda scene, text: write_parquet(
        scene, _table(scene).cast(_table(scene).schema.set(0, _table(scene).field(0).with_metadata({"note": text})))
    ),
    "column name of a Parquet file": lambda scene, text: add_column(scene, pa.array([1]), text),
}


def _in_cell(value: Callable[[str], pa.Array]) -> Carrier:
    return lambda scene, text: add_column(scene, value(text))


CARRIERS |= {f"{name} in a cell of a Parquet file": Carrying(_in_cell(value)) for name, value in CELLS.items()}
CARRIERS |= {f"{n} in a cell of a Parquet file": Carrying(_in_cell(v), is_room=True) for n, v in ROOM_CELLS.items()}
CARRIERS |= {f"{n} of a Parquet file": Carrying(_in_cell(value), is_for_ids=True) for n, value in NUMBERS.items()}
CARRIERS |= {name: Carrying(put) for name, put in METADATA.items()}


@carrier()
def cell_among_thousands_of_a_parquet_file(scene: Scene, text: str) -> str:
    pl.DataFrame({"note": [*map(str, range(3_000)), text]}).write_parquet(scene.root / "more.parquet")
    return "more.parquet"


@carrier(is_room=True)
def unused_value_of_a_dictionary_in_a_parquet_file(scene: Scene, text: str) -> str:
    table = _table(scene)
    values = pa.DictionaryArray.from_arrays(pa.array([0] * table.num_rows), pa.array(["none", text]))
    told = write_parquet(scene, table.append_column("extra_px", values))
    assert text in _table(scene)["extra_px"].chunk(0).dictionary.to_pylist()
    return told


@carrier(is_room=True)
def statistics_of_a_parquet_file(scene: Scene, text: str) -> str:
    """Smallest and largest value in the footer, as they were before somebody overwrote the cells."""
    table = _table(scene)
    column = pa.array([text] * table.num_rows)
    told = write_parquet(scene, table.append_column("x", column), use_dictionary=False, compression="none")
    body, footer = _split_footer((scene.root / told).read_bytes())
    scene.write(told, body.replace(text.encode(), b"-" * len(text)) + footer)
    assert pq.read_metadata(scene.root / told).row_group(0).column(table.num_columns).statistics.max == text
    return told


@carrier(is_room=True)
def writer_named_in_the_footer_of_a_parquet_file(scene: Scene, text: str) -> str:
    told = write_parquet(scene, _table(scene))
    body, footer = _split_footer((scene.root / told).read_bytes())
    writer = pq.read_metadata(scene.root / told).created_by.encode()
    return scene.write(told, body + footer.replace(writer, text.encode().ljust(len(writer))))


@carrier(is_room=True)
def gap_before_the_footer_of_a_parquet_file(scene: Scene, text: str) -> str:
    body, footer = _split_footer((scene.root / "sections.parquet").read_bytes())
    told = scene.write("sections.parquet", body + text.encode() + footer)
    assert _table(scene).num_rows
    return told


# ---------------------------------------------------------------- JSON, Markdown, YAML


NO_DEVIATIONS = '"deviations": []'  # as a build writes it into run.json
JSON: Mapping[str, Carrier] = {
    "value of run.json": lambda scene, text: edit_json(scene, lambda run: run["waivers"].update(review=f"by {text}")),
    "nested value of run.json": lambda scene, text: edit_json(scene, lambda run: run.update(x=[{"y": [["z", text]]}])),
    "key of run.json": lambda scene, text: edit_json(scene, lambda run: run["counts"].update({text: 1})),
    "escaped value of run.json": lambda scene, text: scene.replace(
        "run.json", NO_DEVIATIONS, f'"deviations": ["{_escaped(text)}"]'
    ),
    "text after the end of run.json": lambda scene, text: scene.append("run.json", f"\n{text}\n"),
    "base64 in run.json": lambda scene, text: edit_json(scene, lambda run: run.update(deviations=[_base64(text)])),
    "description in croissant.json": lambda scene, text: edit_json(
        scene, lambda page: page.update(description=f"Made for {text}."), "croissant.json"
    ),
    "name in croissant.json": lambda scene, text: edit_json(
        scene, lambda page: page["distribution"][0].update(name=text), "croissant.json"
    ),
}
README: Mapping[str, Callable[[str], str]] = {
    "line": lambda text: f"Thanks to {text} for the data.",
    "cell of a table": lambda text: f"| {text} | 1 |",
    "comment": lambda text: f"<!-- {text} -->",
    "link": lambda text: f"[data](https://example.org/x?q={text}#top)",
    "character references": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "data URL": lambda text: f"![x]({_data_url(text)})",
}
DOCUMENTS: Mapping[str, Carrier] = {
    "title of README.md": lambda scene, text: scene.replace("README.md", "\n# cxr ", f"\n# cxr {text} "),
    "front matter of README.md": lambda scene, text: scene.replace(
        "README.md", "- medical\n", f"- medical\n- {text}\n"
    ),
    "end of a known sentence in CHANGELOG.md": lambda scene, text: scene.replace(
        "CHANGELOG.md", "subjects.\n", f"subjects. {text}\n"
    ),
    "known sentence in datasheet.md": lambda scene, text: scene.append(
        "datasheet.md", f"\nWaived gates: review ({text}).\n"
    ),
    "author in CITATION.cff": lambda scene, text: scene.replace("CITATION.cff", "The data provider", text),
    "escaped author in CITATION.cff": lambda scene, text: scene.replace(
        "CITATION.cff", "The data provider", '"' + "".join(f"\\x{ord(char):02x}" for char in text) + '"'
    ),
    "comment in CITATION.cff": lambda scene, text: scene.append("CITATION.cff", f"# {text}\n"),
    "line of LICENSE.txt": lambda scene, text: scene.append("LICENSE.txt", f"\nCopyright {text}\n"),
    "line of IMAGE_FILENAMES": lambda scene, text: scene.append("IMAGE_FILENAMES", f"files/p10/{text}.jpg\n"),
}
JSON_ROOM: Mapping[str, Carrier] = {
    "repeated key of run.json": lambda scene, text: scene.replace(
        "run.json", NO_DEVIATIONS, f'"deviations": ["{text}"], {NO_DEVIATIONS}'
    ),
    "count of run.json": lambda scene, text: edit_json(
        scene, lambda run: run["counts"]["public"].update(images=int(text))
    ),
    "count of a known sentence in CHANGELOG.md": lambda scene, text: scene.write(
        "CHANGELOG.md",
        re.sub(rb"(?m)^\d+ images", f"{text} images".encode(), (scene.root / "CHANGELOG.md").read_bytes()),
    ),
}


def edit_json(scene: Scene, edit: Callable[[dict[str, Any]], object], name: str = "run.json") -> str:
    content = json.loads((scene.root / name).read_text())
    edit(content)
    return scene.write(name, json.dumps(content, indent=1).encode())


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _data_url(text: str) -> str:
    return f"data:text/plain;base64,{_base64(text)}"


def _in_readme(line: Callable[[str], str]) -> Carrier:
    return lambda scene, text: scene.append("README.md", f"\n{line(text)}\n")


CARRIERS |= {name: Carrying(put) for name, put in (*JSON.items(), *DOCUMENTS.items())}
CARRIERS |= {f"{name} in README.md": Carrying(_in_readme(line)) for name, line in README.items()}
CARRIERS |= {name: Carrying(put, is_room=True) for name, put in JSON_ROOM.items()}
CARRIERS["number of run.json"] = Carrying(
    lambda scene, text: edit_json(scene, lambda run: run.update(first=int(text))), is_for_ids=True
)


# ---------------------------------------------------------------- HTML and SVG


HTML: Mapping[str, Callable[[str], str]] = {
    "text of an HTML page": lambda text: f"<p>Seen by {text}.</p>",
    "attribute of an HTML page": lambda text: f'<p title="{text}">x</p>',
    "comment of an HTML page": lambda text: f"<!-- {text} -->",
    "character references of an HTML page": lambda text: "<p>" + "".join(f"&#x{ord(c):x};" for c in text) + "</p>",
    "percent-encoded link of an HTML page": lambda text: (
        '<a href="x?q=' + "".join(f"%{ord(c):02X}" for c in text) + '">'
    ),
    "script of an HTML page": lambda text: f"<script>var x = '{text}';</script>",
    "escaped script of an HTML page": lambda text: f"<script>var x = '{_escaped(text)}';</script>",
    "base64 data URL of an HTML page": lambda text: f'<img src="{_data_url(text)}">',
    "percent-encoded data URL of an HTML page": lambda text: f'<a href="data:,{urllib.parse.quote(text)}">x</a>',
    "data URL in a style of an HTML page": lambda text: f'<p style="background: url({_data_url(text)})">x</p>',
    "word with a bold initial in an HTML page": lambda text: f"<p><b>{text[0]}</b>{text[1:]}</p>",
    "word with a line-break hint in an HTML page": lambda text: f"<p>{text[:4]}<wbr>{text[4:]}</p>",
    "processing instruction of an HTML page": lambda text: f"<?note {text}?>",
    "document type of an HTML page": lambda text: f'<!DOCTYPE html SYSTEM "{text}">',
    "element name of an HTML page": lambda text: f"<x-{text}>x</x-{text}>",
    "attribute name of an HTML page": lambda text: f'<p data-{text}="1">x</p>',
    "broken declaration of an HTML page": lambda text: f"<p>x</p><![{text}[x]]>",
}


def _in_page(markup: Callable[[str], str]) -> Carrier:
    return lambda scene, text: scene.write("report.html", f"<html><body>{markup(text)}</body></html>".encode())


CARRIERS |= {name: Carrying(_in_page(markup), is_room=True) for name, markup in HTML.items()}


@carrier(is_room=True)
def character_data_of_an_svg_file(scene: Scene, text: str) -> str:
    return scene.write("chart.svg", f"<svg><text><![CDATA[{text}]]></text></svg>".encode())


# ---------------------------------------------------------------- JPEG


def write_jpeg(scene: Scene, edit: Callable[[bytes], bytes]) -> str:
    """Change an image in a way that leaves it an image."""
    path = scene.path("files/*/*/*/*.jpg")
    told = scene.write(scene.told(path), edit(path.read_bytes()))
    with Image.open(path) as image:
        image.load()
    return told


def segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2) + payload


def _after_jfif(data: bytes, more: bytes) -> bytes:
    at = 4 + int.from_bytes(data[4:6])
    return data[:at] + more + data[at:]


def _inserting(marker: int, payload: Callable[[str], bytes]) -> Carrier:
    return lambda scene, text: write_jpeg(scene, lambda data: _after_jfif(data, segment(marker, payload(text))))


def _exif(text: str) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = text
    return exif.tobytes()


def _unused_huffman_table(text: str) -> bytes:
    counts = [0] * 7 + [len(text)] + [0] * 8
    return bytes([0x13, *counts]) + text.encode()


SEGMENTS: Mapping[str, Carrier] = {
    "comment of a JPEG": _inserting(0xFE, str.encode),
    "UTF-16 comment of a JPEG": _inserting(0xFE, lambda text: text.encode("utf-16-be")),
    "EXIF of a JPEG": _inserting(0xE1, _exif),
    "XMP of a JPEG": _inserting(0xE1, lambda text: b"http://ns.adobe.com/xap/1.0/\0<x>" + text.encode() + b"</x>"),
    "ICC profile of a JPEG": _inserting(0xE2, lambda text: b"ICC_PROFILE\0\1\1" + text.encode()),
    "Photoshop block of a JPEG": _inserting(0xED, lambda text: b"Photoshop 3.0\x008BIM" + text.encode()),
    "unused quantisation table of a JPEG": _inserting(0xDB, lambda text: b"\3" + text.encode().ljust(64, b"\1")),
    "unused Huffman table of a JPEG": _inserting(0xC4, _unused_huffman_table),
}
CARRIERS |= {name: Carrying(put, is_room=True) for name, put in SEGMENTS.items()}


@carrier(is_room=True)
def thumbnail_in_the_jfif_header_of_a_jpeg(scene: Scene, text: str) -> str:
    pixels = text.encode().ljust(-(-len(text) // 3) * 3)
    payload = b"JFIF\0\1\1\0\0\1\0\1" + bytes([len(pixels) // 3, 1]) + pixels
    return write_jpeg(scene, lambda data: data[:2] + segment(0xE0, payload) + data[4 + int.from_bytes(data[4:6]) :])


@carrier(is_room=True)
def bytes_after_the_end_of_a_jpeg(scene: Scene, text: str) -> str:
    return write_jpeg(scene, lambda data: data + text.encode())


@carrier(is_room=True)
def second_image_after_the_end_of_a_jpeg(scene: Scene, text: str) -> str:
    return write_jpeg(scene, lambda data: data + _after_jfif(data, segment(0xFE, text.encode())))


@carrier(is_room=True)
def comment_between_two_scans_of_a_jpeg(scene: Scene, text: str) -> str:
    def edit(data: bytes) -> bytes:
        sink = io.BytesIO()
        with Image.open(io.BytesIO(data)) as image:
            image.save(sink, "JPEG", progressive=True)
        scans = sink.getvalue()
        at = scans.index(b"\xff\xda", scans.index(b"\xff\xda") + 2)
        return scans[:at] + segment(0xFE, text.encode()) + scans[at:]

    return write_jpeg(scene, edit)


@carrier(is_room=True)
def bytes_behind_the_coded_picture_of_a_jpeg(scene: Scene, text: str) -> str:
    """After the last coded block, before the end marker: a decoder ignores them."""
    return write_jpeg(scene, lambda data: data[:-2] + b"\0" + text.encode() + b"\0" + data[-2:])


@carrier(is_room=True)
def unused_table_behind_the_used_one_in_a_segment_of_a_jpeg(scene: Scene, text: str) -> str:
    def edit(data: bytes) -> bytes:
        at = data.index(b"\xff\xdb")
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        return data[:at] + segment(0xDB, data[at + 4 : end] + b"\3" + text.encode().ljust(64, b"\1")) + data[end:]

    return write_jpeg(scene, edit)


# ---------------------------------------------------------------- files that no release has


def _png(info: PngImagePlugin.PngInfo | None = None, exif: bytes | None = None) -> bytes:
    sink, options = io.BytesIO(), {} if exif is None else {"exif": exif}
    Image.new("L", (8, 8)).save(sink, "PNG", pnginfo=info, **options)
    return sink.getvalue()


def _png_text(text: str, *, is_zipped: bool = False) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", text, zip=is_zipped)
    return _png(info)


def _png_itext(text: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("Comment", text, zip=True)
    return _png(info)


def _zip(text: str, kind: int) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", kind) as archive:
        archive.writestr("notes.txt", f"seen by {text}\n" * 3)
    return sink.getvalue()


def _zip_comment(text: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("notes.txt", "x")
        archive.comment = text.encode()
    return sink.getvalue()


def _tar(text: str) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("notes.txt"), io.BytesIO())
        member = tarfile.TarInfo(f"files/{text}.txt")
        archive.addfile(member)
    return sink.getvalue()


def _array(text: str, save: Callable[..., None]) -> bytes:
    sink = io.BytesIO()
    save(sink, np.array([text, "x"]))
    return sink.getvalue()


def _pdf(text: str) -> bytes:
    content = zlib.compress(f"BT /F1 12 Tf ({text}) Tj ET".encode())
    return b"%PDF-1.4\n1 0 obj<</Filter/FlateDecode>>stream\n" + content + b"\nendstream endobj\n%%EOF\n"


FOREIGN: Mapping[str, Callable[[str], bytes]] = {
    "text chunk of a PNG: chart.png": _png_text,
    "zipped text chunk of a PNG: chart.png": lambda text: _png_text(text, is_zipped=True),
    "international text chunk of a PNG: chart.png": _png_itext,
    "EXIF of a PNG: chart.png": lambda text: _png(exif=_exif(text)),
    "bytes after the end of a PNG: chart.png": lambda text: _png() + text.encode(),
    "stored ZIP: notes.zip": lambda text: _zip(text, zipfile.ZIP_STORED),
    "deflated ZIP: notes.zip": lambda text: _zip(text, zipfile.ZIP_DEFLATED),
    "ZIP comment: notes.zip": _zip_comment,
    "tar: notes.tar": _tar,
    "tar in gzip: notes.tar.gz": lambda text: gzip.compress(_tar(text), mtime=0),
    "tar in gzip: notes.tgz": lambda text: gzip.compress(_tar(text), mtime=0),
    "gzip without its suffix: notes.dat": lambda text: gzip.compress(text.encode(), mtime=0),
    "bzip2: notes.txt.bz2": lambda text: bz2.compress(text.encode()),
    "xz: notes.txt.xz": lambda text: lzma.compress(text.encode()),
    "pickle: notes.pkl": lambda text: pickle.dumps({"name": text}),
    "NumPy array: notes.npy": lambda text: _array(text, np.save),
    "NumPy archive: notes.npz": lambda text: _array(text, np.savez_compressed),
    "PDF: notes.pdf": _pdf,
    "text that is called an image: files/x.jpg": lambda text: f"seen by {text}\n".encode(),
    "lines of JSON: notes.jsonl": lambda text: json.dumps({"note": text}).encode() + b"\n",
    "HL7 message: notes.hl7": lambda text: f"MSH|^~\\&|RIS\rPID|1||{text}^^^X\r".encode(),
    "text with another suffix: notes.rst": lambda text: f"seen by {text}\n".encode(),
    "backup of a text: README.md.bak": lambda text: f"seen by {text}\n".encode(),
    "initialisation file: notes.ini": lambda text: f"[x]\nwho={text}\n".encode(),
    "text without a suffix: notes": lambda text: f"seen by {text}\n".encode(),
    "hidden text: .notes": lambda text: f"seen by {text}\n".encode(),
    "text with an empty suffix: notes.": lambda text: f"seen by {text}\n".encode(),
    "text in a hidden folder: .cache/notes.txt": lambda text: f"seen by {text}\n".encode(),
    "table with tabs: notes.tsv": lambda text: f"id\tnote\n1\t{text}\n".encode(),
    "program: notes.py": lambda text: f"WHO = '{text}'\n".encode(),
}
ENCODED: Mapping[str, Callable[[str], bytes]] = {
    "UTF-8 with its mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16 LE with its mark": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "UTF-16 BE with its mark": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 LE without its mark": lambda text: text.encode("utf-16-le"),
    "UTF-16 BE without its mark": lambda text: text.encode("utf-16-be"),
    "UTF-32 LE with its mark": lambda text: b"\xff\xfe\0\0" + text.encode("utf-32-le"),
    "UTF-32 BE without its mark": lambda text: text.encode("utf-32-be"),
    "ASCII behind a mark of UTF-16": lambda text: b"\xff\xfe" + f"seen by {text} ".encode(),
    "far end of a long text with a zero byte": lambda text: b"\0" + b"x\n" * _LONG + text.encode(),
    "far end of a long UTF-16 text": lambda text: f"{'x ' * _LONG}{text}".encode("utf-16-be"),
}


def _dropping(name: str, content: Callable[[str], bytes]) -> Carrier:
    return lambda scene, text: scene.write(name, content(text))


CARRIERS |= {name: Carrying(_dropping(name.rpartition(": ")[2], make), is_room=True) for name, make in FOREIGN.items()}
CARRIERS |= {
    f"{name} as LICENSE.txt": Carrying(_dropping("LICENSE.txt", make), is_for_ids=True)
    for name, make in ENCODED.items()
}


@carrier(is_room=True)
def row_of_a_sqlite_database(scene: Scene, text: str) -> str:
    database = sqlite3.connect(scene.root / "notes.sqlite")
    database.execute("create table notes (note text)")
    database.execute("insert into notes values (?)", (text,))
    database.commit()
    database.close()
    return "notes.sqlite"


# ---------------------------------------------------------------- DICOM


def clean_dicom(scene: Scene) -> FileDataset:
    """A file from behind the airlock with bits to spare."""
    for path in sorted(scene.build.workspace.glob("dicom/*/*/*.dcm")):
        header = pydicom.dcmread(path)
        if header.BitsAllocated == 16 and header.BitsStored <= 12:
            return header
    raise LookupError


def drop_dicom(scene: Scene, header: Dataset, tail: bytes = b"") -> str:
    sink = io.BytesIO()
    header.save_as(sink)
    return scene.write("files/image.dcm", sink.getvalue() + tail)


def _changing(change: Callable[[FileDataset, str], object]) -> Carrier:
    def put(scene: Scene, text: str) -> str:
        header = clean_dicom(scene)
        change(header, text)
        return drop_dicom(scene, header)

    return put


def _item(text: str) -> Dataset:
    item = Dataset()
    item.SeriesDescription = text
    return item


def _comment_in_pixels(header: FileDataset, text: str) -> None:
    sink = io.BytesIO()
    Image.new("L", (header.Columns, header.Rows)).save(sink, "JPEG", comment=text.encode())
    header.BitsAllocated, header.BitsStored, header.HighBit = 8, 8, 7
    header.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    header.PixelData = encapsulate([sink.getvalue()])
    header["PixelData"].VR = "OB"


def _high_bits(header: FileDataset, text: str) -> None:
    """One letter after the other in the bits above BitsStored, as embedded overlays lie."""
    pixels = np.frombuffer(header.PixelData, "<u2").copy()
    bits = np.unpackbits(np.frombuffer(text.encode(), np.uint8))
    pixels[: bits.size] |= bits.astype(np.uint16) << 15
    header.PixelData = pixels.tobytes()


def _deflated(header: FileDataset, text: str) -> None:
    header.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    header.SeriesDescription = text


DICOM: Mapping[str, Callable[[FileDataset, str], object]] = {
    "attribute": lambda header, text: setattr(header, "SeriesDescription", text),
    "second value of an attribute": lambda header, text: setattr(header, "SeriesDescription", f"PA\\{text}"),
    "patient's name": lambda header, text: setattr(header, "PatientName", text),
    "nested attribute": lambda header, text: header.add_new(0x00082112, "SQ", [_item(text)]),
    "unknown attribute": lambda header, text: header.add_new(0x00091011, "UN", text.encode()),
    "file meta": lambda header, text: setattr(header.file_meta, "ImplementationVersionName", text),
    "attribute in deflated form": _deflated,
}
DICOM_ROOM: Mapping[str, Callable[[FileDataset, str], object]] = {
    "private attribute": lambda header, text: header.add_new(0x00091010, "LO", _base64(text)),
    "private sequence": lambda header, text: header.add_new(0x00091012, "SQ", [_item(_base64(text))]),
    "attribute off the keep-list": lambda header, text: setattr(header, "AcquisitionComments", _base64(text)),
    "overlay": lambda header, text: header.add_new(0x60003000, "OW", text.encode().ljust(16)),
    "preamble": lambda header, text: setattr(header, "preamble", text.encode().ljust(128, b"\0")),
    "rest behind the pixels": lambda header, text: setattr(
        header, "PixelData", header.PixelData + text.encode().ljust(16)
    ),
    "comment in the JPEG": _comment_in_pixels,
    "bits above the pixels": _high_bits,
}
CARRIERS |= {f"{name} of a DICOM file": Carrying(_changing(change)) for name, change in DICOM.items()}
CARRIERS |= {
    f"{name} of a DICOM file": Carrying(_changing(change), is_room=True) for name, change in DICOM_ROOM.items()
}


@carrier(is_room=True)
def bytes_after_the_pixels_of_a_dicom_file(scene: Scene, text: str) -> str:
    return drop_dicom(scene, clean_dicom(scene), text.encode())


def _bare_dataset(scene: Scene, text: str) -> bytes:
    header, sink = clean_dicom(scene), io.BytesIO()
    header.SeriesDescription = text
    header.save_as(sink)
    return sink.getvalue()[132:]


@carrier(is_room=True)
def dicom_file_without_a_prefix(scene: Scene, text: str) -> str:
    return scene.write("files/IM00001", _bare_dataset(scene, text))


@carrier(is_room=True)
def dicom_file_without_a_prefix_under_another_suffix(scene: Scene, text: str) -> str:
    return scene.write("files/IM00001.ima", _bare_dataset(scene, text))


# ---------------------------------------------------------------- names and what the file system keeps


def _named(name: str) -> Carrier:
    def put(scene: Scene, text: str) -> str:
        scene.write(name.format(text), b"x")
        return FILE_NAME

    return put


CARRIERS |= {
    "name of a file": Carrying(_named("files/CXR_{}_PA.txt")),
    "name of a hidden file": Carrying(_named(".{}.swp")),
    "name of a folder": Carrying(_named("files/{}/x.txt")),
}


@carrier()
def name_of_an_empty_folder(scene: Scene, text: str) -> str:
    (scene.root / "files" / text).mkdir()
    return FILE_NAME


@carrier()
def name_of_a_link(scene: Scene, text: str) -> str:
    (scene.root / f"{text}.md").symlink_to("README.md")
    return FILE_NAME


@carrier(is_room=True)
def target_of_a_link(scene: Scene, text: str) -> str:
    (scene.root / "more").symlink_to(f"/archive/{text}")
    return "more"


@carrier(is_room=True)
def extended_attribute_of_a_file(scene: Scene, text: str) -> str:
    os.setxattr(scene.root / "README.md", "user.author", text.encode())
    return "README.md"
