"""Searches whatever a build wrote outside the vault for the people of a generated hospital.

Takes the hospital's truth, gives needles; takes files, opens those that are compressed, and says which needles stand in
them. It shares no code with the verifier: what that overlooks must not be overlooked twice.
"""

import csv
import gzip
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
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
class Needles:
    """What to look for: every spelling, as bytes in a Latin-1 dress, with the identifier that it spells."""

    spelled: Mapping[str, str] = field(repr=False)

    def __len__(self) -> int:
        return len(set(self.spelled.values()))


def needles(hospital: Hospital) -> Needles:
    """Everything that identifies a person of the hospital, and the key.

    Left out are single words that stand elsewhere in their ordinary sense, too: one patient is called Heart.
    """
    found = {hospital.key.read_text().strip()}
    for table, columns in _IDS.items():
        for row in _rows(hospital, table):
            found.update(row[column] for column in columns)
    found.update(row["value"] for row in _rows(hospital, "header_phi"))
    found.update(row["text"] for row in _rows(hospital, "report_phi"))
    found.update(path.removeprefix("dicom/") for path in list(found) if path.startswith("dicom/"))
    ordinary = _ordinary_words(hospital) | _words_of_run_names()
    pieces = {value.strip() for value in found} | {name for value in found for name in value.split("^")}
    kept = sorted(text for text in pieces if len(text) >= _SHORTEST and text.casefold() not in ordinary)
    return Needles({spelled.decode("latin-1"): text for text in kept for spelled in _spellings(text)})


def _rows(hospital: Hospital, table: str) -> list[dict[str, str]]:
    with (hospital.truth / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _ordinary_words(hospital: Hospital) -> set[str]:
    """Words of the reports outside everything that identifies."""
    texts = {row["report_id"]: row["text"] for row in _rows(hospital, "reports")}
    for row in _rows(hospital, "report_phi"):
        texts[row["report_id"]] = texts[row["report_id"]].replace(row["text"], " ")
    return {word.casefold() for text in texts.values() for word in re.findall(r"\w+", text)}


def _words_of_run_names() -> set[str]:
    """Words that Prefect draws the names of nameless runs from: one of the staff is called Nightingale."""
    from coolname.data import config

    return {word for part in config.values() if isinstance(part, dict) for word in part.get("words", ())}


def _spellings(text: str) -> set[bytes]:
    """UTF-8, Latin-1, UTF-16, composed and decomposed, escaped as in JSON. The search folds ASCII letters itself."""
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD")}
    if not text.isascii():
        forms |= {form.lower() for form in forms} | {form.upper() for form in forms}
    forms |= {json.dumps(form)[1:-1] for form in forms}
    encoded = {form.encode() for form in forms} | {form.encode("utf-16-le") for form in forms}
    return encoded | {form.encode("latin-1") for form in forms if all(ord(letter) < 256 for letter in form)}


def leaks(root: Path, wanted: Needles, *, without: tuple[str, ...] = ("vault",)) -> list[tuple[str, str]]:
    """(path, identifier) for everything in the names or contents of the files below a folder."""
    parts: list[tuple[str, bytes]] = []
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if relative.parts[0] not in without:
            content = path.read_bytes() if path.is_file() else b""
            parts.append((str(relative), str(relative).encode()))
            parts.extend((str(relative), part) for part in _opened(path, content))
    found = _search([part for _, part in parts], wanted)
    return [(name, text) for (name, _), texts in zip(parts, found, strict=True) for text in texts]


def in_bytes(content: bytes, wanted: Needles) -> list[str]:
    """The identifiers that stand in some bytes, whatever their case."""
    return _search([content], wanted)[0]


def _search(parts: list[bytes], wanted: Needles) -> list[list[str]]:
    """The identifiers in each part. All parts at once: making the automaton takes longer than a search."""
    texts = pl.Series([part.decode("latin-1") for part in parts], dtype=pl.String)
    hits = texts.str.extract_many(list(wanted.spelled), ascii_case_insensitive=True, overlapping=True)
    folded = {spelled.lower(): identifier for spelled, identifier in wanted.spelled.items()}
    return [
        sorted(text for text in {folded[hit.lower()] for hit in some} if not _is_by_chance(text, part))
        for some, part in zip(hits.to_list(), parts, strict=True)
    ]


def _is_by_chance(identifier: str, content: bytes) -> bool:
    """True for a short number that stands inside longer words only, as in digests, or is the fraction of a second."""
    if not identifier.isdigit() or len(identifier) >= _NEVER_BY_CHANCE:
        return False
    return re.search(rb"(?<![0-9A-Za-z])(?<!\d\.)" + identifier.encode() + rb"(?![0-9A-Za-z])", content) is None


def _opened(path: Path, content: bytes) -> Iterator[bytes]:
    """What a file says: decoded where it is coded, else as it is."""
    if path.suffix == ".gz":
        yield gzip.decompress(content)
    elif path.suffix == ".parquet":
        yield content[-_METADATA_BYTES:]
        try:
            frame = pl.read_parquet(path)
        except pl.exceptions.PolarsError:  # a test has spoilt it
            yield content
            return
        yield "\n".join(_cells(frame.columns)).encode()
        for column in frame.columns:
            yield "\n".join(_cells(frame[column].to_list())).encode()
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
