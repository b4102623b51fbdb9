"""Which part of a report says what the images show.

Takes the text of one report, gives its sections as offsets, and chooses the part that labels are read from by the
paper's rule (impression, else findings, else the final section). Words of headings stand in `headings.toml`; what
the chosen text means is left to `cxr_core.labeling`.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from itertools import pairwise

from cxr_core.vocabulary import SectionName

Span = tuple[int, int]


class SectionPolicy(StrEnum):
    """Which sections are labelled (`labels.section`)."""

    PAPER = "paper"
    FINDINGS_AND_IMPRESSION = "findings+impression"


class Fallback(StrEnum):
    """Why the chosen section is not the impression."""

    NO_IMPRESSION = "no_impression"
    NO_IMPRESSION_NOR_FINDINGS = "no_impression_nor_findings"
    NOTHING_TO_READ = "nothing_to_read"


@dataclass(frozen=True, slots=True)
class Section:
    """One section: offsets of heading and body into the report; an absent heading is an empty span."""

    name: SectionName
    heading_start: int
    start: int
    end: int

    @property
    def is_empty(self) -> bool:
        """True where nothing stands under the heading."""
        return self.start >= self.end


@dataclass(frozen=True, slots=True)
class Sections:
    """All sections of one report in the order of the text."""

    items: tuple[Section, ...]

    @property
    def has_addendum(self) -> bool:
        """True where an addendum stands above, below or inside the report."""
        return any(section.name is SectionName.ADDENDUM and not section.is_empty for section in self.items)

    def of(self, *names: SectionName) -> tuple[Section, ...]:
        """Sections of these names that hold text."""
        return tuple(s for s in self.items if s.name in names and not s.is_empty)


@dataclass(frozen=True, slots=True)
class ChosenSection:
    """What is labelled: the section's name, its spans in the report, and those of the addenda."""

    name: SectionName
    spans: tuple[Span, ...]
    addendum_spans: tuple[Span, ...]
    fallback: Fallback | None

    @property
    def start(self) -> int:
        """Offset of the first character; 0 where there is nothing to read."""
        return self.spans[0][0] if self.spans else 0

    @property
    def end(self) -> int:
        """Offset behind the last character; 0 where there is nothing to read."""
        return self.spans[-1][1] if self.spans else 0

    def text_of(self, report: str) -> str:
        """The chosen text, spans joined by blank lines; never stored, since it may not be released."""
        return "\n\n".join(report[start:end] for start, end in self.spans)


@dataclass(frozen=True, slots=True)
class _Headings:
    names: dict[str, SectionName]
    words: tuple[tuple[frozenset[str], SectionName], ...]
    inner: frozenset[str]
    closing: re.Pattern[str]
    inline: re.Pattern[str]


_LINE_HEADING = re.compile(
    r"^[ \t]*(?:[-*•]+[ \t]*|\d{1,2}[.)][ \t]+)?(?P<h>[A-Za-z][A-Za-z0-9 \t&/.,'()#+-]{0,58}?)[ \t]*:(?!\d)", re.M
)
_BARE_HEADING = re.compile(
    r"^[ \t]*(?P<h>[A-Za-z][A-Za-z &/-]{2,38})[ \t]*$(?=\s*(?:[^a-z\s]|\Z))", re.M
)  # no wrapped line
# Headings that stand at the start of a report, above what it found.
_OPENING = (
    SectionName.EXAMINATION,
    SectionName.INDICATION,
    SectionName.HISTORY,
    SectionName.TECHNIQUE,
    SectionName.COMPARISON,
)
_RULE_LINE = re.compile(r"^[ \t]*_{8,}[ \t]*$", re.M)
_NEXT_STATEMENT = re.compile(r"\n[ \t]*\n|\n[ \t]*\d{1,2}[.)][ \t]|[.][ \t]+\d{1,2}[.)][ \t]+[A-Z]")
_NUMBERED = re.compile(r"(?<=[.!])[ \t]*\n[ \t\r]*\n\s*(?=1[.)][ \t])")
_NARRATIVE = (SectionName.OTHER, SectionName.BODY)


@cache
def _headings() -> _Headings:
    raw = tomllib.loads(files("cxr_core.reports").joinpath("headings.toml").read_text("utf-8"))
    tables = {k: v for k, v in raw.items() if k not in ("inner", "lines")}
    names = {name: SectionName(key) for key, table in tables.items() for name in table["names"]}
    words = tuple((frozenset(table["words"]), SectionName(key)) for key, table in tables.items())
    lines = [f"(?P<{kind}>{'|'.join(raw['lines'][kind])})" for kind in ("notification", "signature")]
    start = r"(?:^[ \t]*|(?<=[.!?)])[ \t\n]+)(?:\d{1,2}[.)][ \t]+)?"
    closing = re.compile(f"{start}(?:{'|'.join(lines)})", re.M | re.I)
    alternatives = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True) if len(n) > 3)
    inline = re.compile(rf"(?:(?<=[.!?:;)])|(?<=[ \t][ \t]))[ \t]*(?P<h>(?i:{alternatives}))[ \t]*:(?!\d)")
    return _Headings(names, words, frozenset(raw["inner"]["words"]), closing, inline)


def heading_words() -> frozenset[str]:
    """Every word, lower case, that a heading of this module is made of: what must survive whoever edits a report."""
    known = _headings()
    listed = {word for heading in known.names for word in re.findall(r"[a-z]+", heading)}
    return frozenset(listed.union(*(words for words, _ in known.words)))


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


@dataclass(frozen=True, slots=True)
class _Mark:
    start: int
    body: int
    name: SectionName


def _line_marks(text: str) -> Iterator[_Mark]:
    inside = False
    for match in _LINE_HEADING.finditer(text):
        name = _name_of(match["h"], inside=inside)
        if name is not None:
            inside = name in (SectionName.FINDINGS, SectionName.IMPRESSION, SectionName.ADDENDUM, SectionName.OTHER)
            yield _Mark(match.start("h"), match.end(), name)


def _other_marks(text: str) -> Iterator[_Mark]:
    known = _headings()
    for match in known.inline.finditer(text) if ":" in text else ():
        heading = match["h"]
        if heading[0].isupper():
            yield _Mark(match.start("h"), match.end(), known.names[" ".join(heading.lower().split())])
    for match in _BARE_HEADING.finditer(text):
        plain = " ".join(match["h"].lower().split())
        if plain in known.names and (match["h"].isupper() or match["h"].istitle()):
            yield _Mark(match.start("h"), match.end(), known.names[plain])
    for match in known.closing.finditer(text):
        kind = SectionName.NOTIFICATION if match["notification"] else SectionName.SIGNATURE
        yield _Mark(match.start(kind.value), match.start(kind.value), kind)


def _without_overlap(marks: Iterable[_Mark]) -> list[_Mark]:
    kept: list[_Mark] = []
    for mark in sorted(marks, key=lambda m: (m.start, -m.body)):
        if not kept or mark.start >= kept[-1].body:
            kept.append(mark)
    return kept


def _trimmed(text: str, start: int, end: int) -> Span:
    """Offsets without white space and rules of underscores around the text (a lone `___` blank stays)."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _resumed(text: str, mark: _Mark, end: int) -> int:
    """Where a notification ends: it is a paragraph or the rest of one, never the numbered statement behind it."""
    if mark.name is not SectionName.NOTIFICATION or mark.start != mark.body:
        return end
    follow = _NEXT_STATEMENT.search(text, mark.body, end)
    return follow.start() + (1 if text[follow.start()] == "." else 0) if follow else end


def _cut(text: str, low: int, high: int, marks: list[_Mark]) -> Iterator[Section]:
    edges = [*marks, _Mark(high, high, SectionName.BODY)]
    if edges[0].start > low:
        yield Section(SectionName.BODY, low, *_trimmed(text, low, edges[0].start))
    open_name = SectionName.BODY
    for mark, following in pairwise(edges):
        stop = _resumed(text, mark, following.start)
        yield Section(mark.name, mark.start, *_trimmed(text, mark.body, stop))
        resumed = Section(open_name, stop, *_trimmed(text, stop, following.start))
        if not resumed.is_empty:
            yield resumed
        if mark.name is not SectionName.NOTIFICATION:
            open_name = mark.name


def _with_unheaded_impression(text: str, found: list[Section]) -> Iterator[Section]:
    """A numbered list in a paragraph of its own behind prose findings is an impression that lost its heading."""
    has_impression = any(s.name is SectionName.IMPRESSION and not s.is_empty for s in found)
    for section in found:
        numbered = None
        if section.name is SectionName.FINDINGS and not has_impression:
            numbered = _NUMBERED.search(text, section.start, section.end)
        if numbered is None:
            yield section
            continue
        yield Section(section.name, section.heading_start, *_trimmed(text, section.start, numbered.start()))
        yield Section(SectionName.IMPRESSION, numbered.end(), numbered.end(), section.end)


def split_sections(text: str) -> Sections:
    """Split one report into its sections.

    Headings are seen in any case, on the first line, with digits, `&`, `/` or full stops, at a line start or inside
    a line; a heading without text is an empty section and swallows nothing. Text above a line of underscores whose
    heading or first word says addendum is an ADDENDUM, whatever stands in it.

    Parameters
    ----------
    text : str
        The report, line breaks kept.

    Returns
    -------
    Sections
        In the order of the text; offsets are into `text`, half-open, white space trimmed. Empty for an empty text.
    """
    marks = _without_overlap([*_line_marks(text), *_other_marks(text)])
    blocks = [0, *(m.end() for m in _RULE_LINE.finditer(text)), len(text)]
    found: list[Section] = []
    for low, high in pairwise(blocks):
        rule = _RULE_LINE.search(text, low, high)
        stop = rule.start() if rule else high
        inner = [m for m in marks if low <= m.start < stop]
        sections = _cut(text, low, stop, inner)
        found.extend(_as_addendum(sections, is_ruled=rule is not None) if _is_addendum(text[low:stop]) else sections)
    found = [s for s in found if not (s.is_empty and s.name is SectionName.BODY)]
    return Sections(tuple(_with_unheaded_impression(text, found)))


def _is_addendum(block: str) -> bool:
    return re.match(r"\W*(?:final report\W+)?addend(?:um|a)\b", block, re.I) is not None


def _as_addendum(sections: Iterable[Section], *, is_ruled: bool) -> Iterator[Section]:
    """Inside an addendum's block all that speaks of the images belongs to the addendum.

    Without a line of underscores behind it (`is_ruled`), the block ends where the report below begins: at the first
    heading that opens a report, such as examination or indication.
    """
    spoken = (SectionName.FINDINGS, SectionName.IMPRESSION, *_NARRATIVE)
    is_report = False
    for s in sections:
        is_report = is_report or (not is_ruled and s.name in _OPENING)
        yield s if is_report or s.name not in spoken else Section(SectionName.ADDENDUM, s.heading_start, s.start, s.end)


def _spans(sections: Iterable[Section]) -> tuple[Span, ...]:
    return tuple((s.start, s.end) for s in sections)


def _final_section(text_sections: Sections) -> tuple[Section, ...]:
    """The last part that may speak of the images; recommendation and comparison only where nothing else is left."""
    for names in (_NARRATIVE, (SectionName.RECOMMENDATION,), (SectionName.COMPARISON,), (SectionName.EXAMINATION,)):
        if found := text_sections.of(*names):
            return found[-1:]
    return ()


def choose_section(sections: Sections, policy: SectionPolicy = SectionPolicy.PAPER) -> ChosenSection:
    """Choose what is labelled.

    Source: MIMIC-CXR-JPG (2019), Methods: the impression, else the findings, else the final section
    (82.4 / 12.5 / 5.1 % of its reports).

    Parameters
    ----------
    sections : Sections
        From `split_sections`.
    policy : SectionPolicy
        `findings+impression` takes both where both exist, in the order of the text.

    Returns
    -------
    ChosenSection
        `fallback` says why it is not the impression; no spans where the report holds nothing to read. Of several
        impressions (a read and an over-read) all are taken, unless a later one stands under a full set of headings.
    """
    impression, findings = sections.of(SectionName.IMPRESSION), sections.of(SectionName.FINDINGS)
    addenda = _spans(sections.of(SectionName.ADDENDUM))
    if policy is SectionPolicy.FINDINGS_AND_IMPRESSION and impression and findings:
        both = sections.of(SectionName.FINDINGS, SectionName.IMPRESSION)
        return ChosenSection(SectionName.IMPRESSION, _spans(both), addenda, None)
    if impression:
        return ChosenSection(SectionName.IMPRESSION, _spans(impression), addenda, None)
    if findings:
        return ChosenSection(SectionName.FINDINGS, _spans(findings), addenda, Fallback.NO_IMPRESSION)
    if final := _final_section(sections):
        return ChosenSection(final[0].name, _spans(final), addenda, Fallback.NO_IMPRESSION_NOR_FINDINGS)
    return ChosenSection(SectionName.BODY, (), addenda, Fallback.NOTHING_TO_READ)
