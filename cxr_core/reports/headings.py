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
    r"[ \t]*(?:[-*•]+[ \t]*|\d{1,2}[.)][ \t]+)?(?P<h>[A-Za-z][A-Za-z0-9 \t&/.,'()#+-]{0,58}?)[ \t]*:(?!\d)"
)
_BARE_HEADING = re.compile(
    r"[ \t*#=_]*(?P<h>[A-Za-z][A-Za-z &/-]{2,38})[ \t\r*#=_]*$(?=\s*(?:[^a-z\s]|\Z))", re.M
)  # no wrapped line
# "IMPRESSION - No acute disease", "IMPRESSION No acute disease": a known heading without its colon.
_LOUD = ("FINDINGS", "IMPRESSION", "CONCLUSION", "OPINION", "COMPARISON", "TECHNIQUE", "INDICATION")
_WITHOUT_COLON = re.compile(
    rf"(?:^[ \t]*|(?<=[.!?])[ \t\n]+)(?P<h>(?:{'|'.join(_LOUD)})(?=[ \t]+[A-Z\d][a-z. ])|"
    rf"(?:{'|'.join((*_LOUD, *map(str.title, _LOUD)))})(?=[ \t]+[-–—]|[ \t]*[–—]|-[ \t]))[ \t]*[-–—]?[ \t]*",
    re.M,
)
_DASHED = [f"{word.title()}{dash}" for word in _LOUD for dash in (" -", " –", "-")]
_find_loud = compile_search([*(f"{word}{behind}" for word in _LOUD for behind in " -–"), *_DASHED])
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
def _name_of(heading: str, inside: bool) -> SectionName | None:
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
    own_line = list(_marks_of_lines(text))
    others = (_inline_marks(text, own_line), _marks_without_colon(text), _closing_marks(text))
    return _without_overlap([*own_line, *(mark for marks in others for mark in marks)])


def _marks_of_lines(text: str) -> Iterator[Mark]:
    """Headings at the start of a line with a colon, and known ones that have a line to themselves."""
    inside, last, position = False, 0, 0
    for line in text.split("\n"):
        mark = None
        if ":" in line:
            mark = _mark_of_line(text, position, inside=inside, is_first=last == 0)
        if mark is not None:
            inside, last = mark.name in _GOES_ON, mark.body
        elif 2 < len(line) < _LONGEST_HEADING:
            mark = _bare_mark(text, position)
        if mark is not None:
            yield mark
        position += len(line) + 1


def _mark_of_line(text: str, position: int, *, inside: bool, is_first: bool) -> Mark | None:
    match = _LINE_HEADING.match(text, position)
    if match is None:
        return None
    heading, start, body = match["h"], match.start("h"), match.end()
    name = _name_of(heading, inside)
    if not inside and name in (None, SectionName.OTHER) and _opens_findings(heading):
        if is_first and text[:start].strip():
            return None  # text without headings goes on
        name, body = SectionName.FINDINGS, start
    return None if name is None else Mark(start, body, name)


def _bare_mark(text: str, position: int) -> Mark | None:
    match = _BARE_HEADING.match(text, position)
    if match is None or not (match["h"].isupper() or match["h"].istitle()):
        return None
    name = _headings().names.get(" ".join(match["h"].lower().split()))
    return None if name is None else Mark(match.start("h"), match.end(), name)


def _inline_marks(text: str, own_line: Iterable[Mark]) -> Iterator[Mark]:
    """Known headings inside a line, behind the end of a sentence or a gap."""
    bodies = {mark.body for mark in own_line}
    names = _headings().names
    colon = text.find(":")
    while colon >= 0:
        end = colon + 1
        if end not in bodies and not text[end : end + 1].isdigit():
            start = _behind_gap(text, max(0, colon - _LONGEST_HEADING), colon)
            heading = text[start:colon].strip(" \t") if start is not None else ""
            if heading.lower() not in names:
                heading = _loud_end(text, colon)
            if len(heading) > 3 and heading[0].isupper():
                yield Mark(text.rindex(heading, 0, colon), end, names[heading.lower()])
        colon = text.find(":", end)


def _loud_end(text: str, colon: int) -> str:
    """The heading in capitals before a colon, as in "SOB IMPRESSION:"; empty where there is none."""
    words = text[max(0, colon - _LONGEST_HEADING) : colon].split()
    return words[-1] if len(words) > 1 and words[-1] in _LOUD else ""


def _marks_without_colon(text: str) -> Iterator[Mark]:
    if _find_loud(text):
        for match in _WITHOUT_COLON.finditer(text):
            yield Mark(match.start("h"), match.end(), _headings().names[match["h"].lower()])


def _behind_gap(text: str, low: int, high: int) -> int | None:
    """Where what stands before `high` begins, behind the last end of a sentence or double space."""
    while high > low and text[high - 1] in " \t":
        high -= 1
    edges = [edge.end() for edge in _BEFORE_INLINE.finditer(text, low, high)]
    return edges[-1] if edges else None


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
