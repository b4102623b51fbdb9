"""Where headings and closing lines stand in a report.

Takes the text of one report, gives marks: where a heading starts, where its body starts, and which section it opens.
Words of headings and closing lines stand in `headings.toml`; cutting the text at the marks is left to `sections`.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from cxr_core.reports.search import Search, compile_search
from cxr_core.vocabulary import SectionName

_LINE_HEADING = re.compile(
    r"^[ \t]*(?:[-*•]+[ \t]*|\d{1,2}[.)][ \t]+)?(?P<h>[A-Za-z][A-Za-z0-9 \t&/.,'()#+-]{0,58}?)[ \t]*:(?!\d)", re.M
)
_BARE_HEADING = re.compile(
    r"^[ \t]*(?P<h>[A-Za-z][A-Za-z &/-]{2,38})[ \t]*$(?=\s*(?:[^a-z\s]|\Z))", re.M
)  # no wrapped line
_COLON = re.compile(r"[ \t]*:(?!\d)")
_BEFORE_INLINE = re.compile(r"[.!?:;)]|[ \t][ \t]")
_LONGEST_HEADING = 60
_CACHED_HEADINGS = 4096
_GOES_ON = (SectionName.FINDINGS, SectionName.IMPRESSION, SectionName.ADDENDUM, SectionName.OTHER)


class Mark(NamedTuple):
    """A heading, or a line that closes a section: start of both, start of the body."""

    start: int
    body: int
    name: SectionName


@dataclass(frozen=True, slots=True)
class _Headings:
    names: dict[str, SectionName]
    words: tuple[tuple[frozenset[str], SectionName], ...]
    inner: frozenset[str]
    opening: frozenset[str]
    closing: re.Pattern[str]
    closing_words: Search


@cache
def _headings() -> _Headings:
    raw = tomllib.loads(files("cxr_core.reports").joinpath("headings.toml").read_text("utf-8"))
    tables = {k: v for k, v in raw.items() if k not in ("inner", "lines")}
    names = {name: SectionName(key) for key, table in tables.items() for name in table["names"]}
    words = tuple((frozenset(table["words"]), SectionName(key)) for key, table in tables.items())
    lines = [f"(?P<{kind}>{'|'.join(raw['lines'][kind])})" for kind in ("notification", "signature")]
    start = r"(?:^[ \t]*|(?<=[.!?)])[ \t\n]+)(?:\d{1,2}[.)][ \t]+)?"
    closing = re.compile(f"{start}(?:{'|'.join(lines)})", re.M | re.I)
    inner, opening = (frozenset(raw["inner"][key]) for key in ("words", "opening"))
    return _Headings(names, words, inner, opening, closing, compile_search(raw["lines"]["words"]))


def heading_words() -> frozenset[str]:
    """Every word, lower case, that a heading of this module is made of: what must survive whoever edits a report."""
    known = _headings()
    listed = {word for heading in known.names for word in re.findall(r"[a-z]+", heading)}
    return frozenset(listed.union(*(words for words, _ in known.words)))


@lru_cache(maxsize=_CACHED_HEADINGS)
def _name_of(heading: str, *, inside: bool) -> SectionName | None:
    """The section that a heading opens, or None where it opens none."""
    known = _headings()
    plain = " ".join(re.sub(r"\([^)]*\)|#|\b\d+\b", " ", heading).lower().split()).strip(" .,-")
    if plain in known.names:
        return known.names[plain]
    if len(plain) < 2:
        return None
    words = set(re.findall(r"[a-z]+", plain))
    if heading[:1].isupper() and len(words) <= 7:
        for keys, name in known.words:
            if words & keys:
                return name
    if words & known.inner and inside:
        return None
    if heading.isupper() and words:
        return SectionName.OTHER
    return None


@lru_cache(maxsize=_CACHED_HEADINGS)
def _opens_findings(heading: str) -> bool:
    """True for "Heart" and "Lungs and pleura", headings of single findings."""
    words = re.findall(r"[a-z]+", heading.lower())
    return heading[:1].isupper() and len(words) <= 5 and not _headings().opening.isdisjoint(words)


def find_marks(text: str) -> list[Mark]:
    """All headings and closing lines of a report, in order and without overlap."""
    line_marks = list(_line_marks(text))
    return _without_overlap([*line_marks, *_inline_marks(text, line_marks), *_bare_marks(text), *_closing_marks(text)])


def _line_marks(text: str) -> Iterator[Mark]:
    inside, last = False, 0
    for match in _LINE_HEADING.finditer(text):
        start, body = match.start("h"), match.end()
        name = _name_of(match["h"], inside=inside)
        if not inside and name in (None, SectionName.OTHER) and _opens_findings(match["h"]):
            if last == 0 and text[:start].strip():
                continue  # text without headings goes on
            name, body = SectionName.FINDINGS, start
        if name is not None:
            inside, last = name in _GOES_ON, body
            yield Mark(start, body, name)


def _inline_marks(text: str, line_marks: Iterable[Mark]) -> Iterator[Mark]:
    """Known headings inside a line, behind the end of a sentence or a gap."""
    bodies = {mark.body for mark in line_marks}
    if text.count(":") == len(bodies):
        return
    names = _headings().names
    for colon in _COLON.finditer(text):
        if colon.end() in bodies:
            continue
        low, start = max(0, colon.start() - _LONGEST_HEADING), None
        for edge in _BEFORE_INLINE.finditer(text, low, colon.start()):
            start = edge.end()
        if start is None:
            continue
        heading = text[start : colon.start()].lstrip(" \t")
        name = names.get(heading.lower())
        if name is not None and len(heading) > 3 and heading[0].isupper():
            yield Mark(colon.start() - len(heading), colon.end(), name)


def _bare_marks(text: str) -> Iterator[Mark]:
    names = _headings().names
    for match in _BARE_HEADING.finditer(text):
        name = names.get(" ".join(match["h"].lower().split()))
        if name is not None and (match["h"].isupper() or match["h"].istitle()):
            yield Mark(match.start("h"), match.end(), name)


def _closing_marks(text: str) -> Iterator[Mark]:
    """Who was told and who signed: looked for in the lines that hold one of the words without which there is none."""
    known = _headings()
    low, high = 0, 0
    for _, start, _ in known.closing_words(text.lower()):
        if start < high:
            continue
        low, high = text.rfind("\n", 0, start) + 1, text.find("\n", start)
        high = len(text) if high < 0 else high
        for match in known.closing.finditer(text, low, high):
            kind = SectionName.NOTIFICATION if match["notification"] else SectionName.SIGNATURE
            yield Mark(match.start(kind.value), match.start(kind.value), kind)


def _without_overlap(marks: Iterable[Mark]) -> list[Mark]:
    kept: list[Mark] = []
    for mark in sorted(marks, key=lambda m: (m.start, -m.body)):
        if not kept or mark.start >= kept[-1].body:
            kept.append(mark)
    return kept
