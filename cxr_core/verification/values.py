"""What a decoded file gives: values with their place, coded streams, faults.

Takes bytes and texts, gives them in every way in which they may be read. Which kind of file holds what is left to
`decoded` and `binaries`.
"""

import base64
import binascii
import html
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from cxr_core.verification.findings import Finding
from cxr_core.verification.tokens import camel_apart


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
    """One decoded value, and how often it stands in its field; `parts` are the lines that it was joined from."""

    place: Place
    name: str
    text: str = field(repr=False)
    count: int = 1
    parts: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Stream:
    """Coded bytes; `shortest` is the shortest needle that does not hit them by chance."""

    data: bytes = field(repr=False)
    shortest: int = 8


Decoded = Value | Stream | Finding

_BOMS = {
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
    b"\xef\xbb\xbf": "utf-8",
}
_PIECE_BYTES = 1 << 16
_OVERLAP_BYTES = 256
_ESCAPED = re.compile(r"&#?\w+;|%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}")
_CODE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})")
_SPACED = re.compile(r"(?<=\b[^\W_]) (?=[^\W_]\b)")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{8,}={0,2}(?![A-Za-z0-9+/=])")


def text_views(data: bytes) -> list[str]:
    """Every way in which bytes may be read as text: UTF-8 or Latin-1, and UTF-16 of both orders at both parities."""
    try:
        views = [data.decode()]
    except UnicodeDecodeError:
        views = [data.decode("latin-1"), data.decode(errors="ignore")]
    if b"\0" in data:
        views.append(data.replace(b"\0", b"").decode("latin-1"))
    for encoding in ("utf-16-le", "utf-16-be"):
        views += [data[start:].decode(encoding, errors="ignore") for start in (0, 1)]
    return views


def as_text(data: bytes) -> str:
    """The text of a file, by its mark or its zeros; line by line where one encoding does not fit all."""
    for bom, encoding in _BOMS.items():
        if data.startswith(bom):
            return data[len(bom) :].decode(encoding, errors="replace")
    if data[1:2] == b"\0" or data[:1] == b"\0":
        return data.replace(b"\0", b"").decode("latin-1")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "\n".join(_line(line) for line in data.split(b"\n"))


def _line(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def is_text(data: bytes) -> bool:
    """True for what a person could read: a mark, or no zero byte and mostly printable."""
    if any(data.startswith(bom) for bom in _BOMS):
        return True
    sample = data[:4096]
    if b"\0" in sample:
        return False
    printable = sum(32 <= byte < 127 or byte in b"\t\r\n" or byte >= 160 for byte in sample)
    return printable >= 0.95 * len(sample)


def unescaped(text: str) -> list[str]:
    """What a text says once escapes, Base64, camel case and letter-spacing are undone; nothing where there are none."""
    found = [form for form in (camel_apart(text), _SPACED.sub("", text)) if form != text]
    if _ESCAPED.search(text):
        plain = urllib.parse.unquote(html.unescape(text))
        found.append(_CODE.sub(lambda match: chr(int(match[1] or match[2], 16)), plain))
    for word in _BASE64.findall(text):
        if word == word.lower() or word == word.upper():  # digests, image ids, paths: many spell short names by chance
            continue
        try:
            decoded = base64.b64decode(word + "=" * (-len(word) % 4), validate=True)
        except (binascii.Error, ValueError):
            continue
        if is_text(decoded):
            found.append(as_text(decoded))
    return found


def lines(text: str, place: Place = Place.LINE) -> Iterator[Value]:
    """Each line; in prose also each pair of lines, because an address may be wrapped."""
    before = ""
    for line in text.splitlines():
        if not line.strip():
            before = ""
            continue
        yield Value(place, "", line)
        if place is Place.LINE and before:
            joined = before.rstrip()
            text = joined[:-1] + line.lstrip() if joined.endswith("-") else f"{joined} {line.lstrip()}"
            yield Value(place, "", text, parts=(before, line))
        before = line


def views(name: str, payload: bytes, place: Place = Place.HEADER) -> Iterator[Decoded]:
    """Bytes of a header: read as text in every way, piece by piece."""
    if not payload.strip(b"\0 "):
        return
    for start in range(0, len(payload), _PIECE_BYTES):
        for text in text_views(payload[max(start - _OVERLAP_BYTES, 0) : start + _PIECE_BYTES]):
            yield Value(place, name, text)


def scalar(place: Place, name: str, text: str, count: int = 1) -> Iterator[Value]:
    """A number with a fraction holds no id; one without is read as an integer."""
    if place is Place.NUMBER:
        whole, _, fraction = text.partition(".")
        if fraction.strip("0") or "e" in text.lower():
            return
        text = whole
    yield Value(place, name, text, count)
