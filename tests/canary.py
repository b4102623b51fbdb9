"""Searches whatever a build wrote outside the vault for the people of a generated hospital.

Takes the hospital's truth, gives needles; takes files, opens those that are compressed, and says which needles stand in
them. It shares no code with the verifier: what that overlooks must not be overlooked twice.
"""

import csv
import gzip
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pydicom
from building import Hospital

_SHORTEST = 5
_NEVER_BY_CHANCE = 9  # digits: a shorter number stands somewhere in any list of digests, unless blanks surround it
_IDS = {
    "patients": ("last", "first", "born", "mrn", "ssn", "phone", "addr", "mother", "hosp", "email", "pn", "alt"),
    "studies": ("study", "accession", "mrn", "datetime"),
    "images": ("path", "sop", "study", "series", "accession", "mrn"),
    "reports": ("report_id", "accession", "mrn"),
}


@dataclass(frozen=True, slots=True)
class Needle:
    """One identifier: what to look for in bytes, in every spelling that a program may give it."""

    text: str
    spellings: tuple[bytes, ...] = field(repr=False)
    whole: re.Pattern[bytes] | None = field(repr=False)

    def is_in(self, folded: bytes) -> bool:
        """True where it stands in lower-case bytes."""
        return any(
            spelled in folded and (self.whole is None or self.whole.search(folded) is not None)
            for spelled in self.spellings
        )


def needles(hospital: Hospital) -> tuple[Needle, ...]:
    """Everything that identifies a person of the hospital, and the key.

    Left out are words that reports use in their ordinary sense, too: one patient is called Heart.
    """
    found = {hospital.key.read_text().strip()}
    for table, columns in _IDS.items():
        for row in _rows(hospital, table):
            found.update(row[column] for column in columns)
    found.update(row["value"] for row in _rows(hospital, "header_phi"))
    found.update(row["text"] for row in _rows(hospital, "report_phi"))
    found.update(path.removeprefix("dicom/") for path in list(found) if path.startswith("dicom/"))
    ordinary = _ordinary_words(hospital)
    pieces = {value.strip() for value in found} | {name for value in found for name in value.split("^")}
    return tuple(_needle(text) for text in sorted(pieces) if len(text) >= _SHORTEST and text.casefold() not in ordinary)


def _rows(hospital: Hospital, table: str) -> list[dict[str, str]]:
    with (hospital.truth / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _ordinary_words(hospital: Hospital) -> set[str]:
    """Words of the reports outside everything that identifies."""
    texts = {row["report_id"]: row["text"] for row in _rows(hospital, "reports")}
    for row in _rows(hospital, "report_phi"):
        texts[row["report_id"]] = texts[row["report_id"]].replace(row["text"], " ")
    return {word.casefold() for text in texts.values() for word in re.findall(r"\w+", text)}


def _needle(text: str) -> Needle:
    forms = {text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)}
    forms |= {json.dumps(form)[1:-1] for form in forms}
    forms = {form.lower() for form in forms}
    spelled = {form.encode() for form in forms} | {form.encode("utf-16-le") for form in forms}
    spelled |= {form.encode("latin-1") for form in forms if form.isascii() or _is_latin(form)}
    is_short_number = text.isdigit() and len(text) < _NEVER_BY_CHANCE
    whole = re.compile(rb"(?<![0-9a-z])" + text.encode() + rb"(?![0-9a-z])") if is_short_number else None
    return Needle(text, tuple(sorted(spelled)), whole)


def _is_latin(text: str) -> bool:
    return all(ord(letter) < 256 for letter in text)


def leaks(root: Path, wanted: tuple[Needle, ...], *, without: tuple[str, ...] = ("vault",)) -> list[tuple[str, str]]:
    """(path, needle) for every identifier in the names or contents of the files below a folder."""
    found: list[tuple[str, str]] = []
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if relative.parts[0] in without:
            continue
        content = path.read_bytes() if path.is_file() else b""
        for part in (str(relative).encode(), *_opened(path, content)):
            found.extend((str(relative), text) for text in in_bytes(part, wanted))
    return found


def in_bytes(content: bytes, wanted: tuple[Needle, ...]) -> list[str]:
    """The needles that stand in some bytes, whatever their case."""
    folded = content.lower()
    if not content.isascii():
        # bytes.lower() folds ASCII only; what decodes is folded as text, too.
        folded += content.decode("utf-8", "ignore").lower().encode()
    return [needle.text for needle in wanted if needle.is_in(folded)]


def _opened(path: Path, content: bytes) -> Iterator[bytes]:
    """What a file says: decoded where it is coded, else as it is."""
    if path.suffix == ".gz":
        yield gzip.decompress(content)
    elif path.suffix == ".parquet":
        frame = pl.read_parquet(path)
        yield "\n".join(_cells(frame.columns)).encode()
        for column in frame.columns:
            yield "\n".join(_cells(frame[column].to_list())).encode()
        yield content[-_METADATA_BYTES:]
    elif path.suffix == ".dcm":
        yield from _dicom(path, content)
    elif path.suffix == ".jpg":
        yield content[: content.find(b"\xff\xda")]
        yield content[content.rfind(b"\xff\xd9") :]
    else:
        yield content


_METADATA_BYTES = 1 << 16  # Parquet's footer: schema, key-value metadata, smallest and largest values


def _cells(value: Any) -> Iterator[str]:
    """Every scalar in nested lists and structs."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _cells(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _cells(inner)
    elif value is not None:
        yield str(value)


def _dicom(path: Path, content: bytes) -> Iterator[bytes]:
    """Everything but the pixels: preamble, file meta, every element, and what follows the last."""
    dataset = pydicom.dcmread(path)
    pixels = dataset.PixelData if "PixelData" in dataset else b""
    yield content.replace(pixels, b"") if pixels else content
    yield str(dataset.file_meta).encode() + str(dataset).encode()
