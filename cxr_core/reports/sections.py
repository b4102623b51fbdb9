"""Which part of a report says what the images show.

Takes the text of one report, gives its sections as offsets, and chooses the part that labels are read from by the
paper's rule (impression, else findings, else the final section). Finding headings is left to `headings`, what the
chosen text means to `cxr_core.labeling`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from cxr_core.reports.headings import Mark, find_marks, heading_words
from cxr_core.vocabulary import SectionName

__all__ = [
    "ChosenSection",
    "Fallback",
    "Section",
    "SectionPolicy",
    "Sections",
    "choose_section",
    "heading_words",
    "split_sections",
]

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


class Section(NamedTuple):
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
        return tuple([s for s in self.items if s.name in names and s.start < s.end])


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
_PARAGRAPH = re.compile(r"[ \t]*\n[ \t\r]*\n\s*")
_STATEMENT = re.compile(r"(?<=[.!])\s+(?=[A-Z])|[ \t]*\n[ \t\r]*\n\s*")
_BRIEF = (SectionName.COMPARISON, SectionName.TECHNIQUE)  # one statement long where nothing says that findings begin
_REFERENCE = re.compile(
    r"\W*(?:\d\W+)?(?:please\s+)?(?:(?:findings?|changes)\s+)?(?:as|see|per)\s+(?:\w+\s+){0,3}?"
    r"(?:above|findings|report|body|described|noted|detailed|below)(?:\s+(?:section|above|of\s+report|for\s+details?))?\W*",
    re.I,
)
_ADDENDUM = re.compile(r"\W*(?:final report\W+)?addend(?:um|a)\b", re.I)
_NARRATIVE = (SectionName.OTHER, SectionName.BODY)


def _trimmed(text: str, start: int, end: int) -> Span:
    """Offsets without white space and rules of underscores around the text (a lone `___` blank stays)."""
    body = text[start:end]
    lead = len(body) - len(body.lstrip())
    return start + lead, start + max(lead, len(body.rstrip()))


def _end_of_notification(text: str, mark: Mark, end: int) -> int:
    """Where a notification ends: it is a paragraph or the rest of one, never the numbered statement behind it."""
    if mark.start != mark.body:
        return end
    follow = _NEXT_STATEMENT.search(text, mark.body, end)
    return follow.start() + (1 if text[follow.start()] == "." else 0) if follow else end


def _cut(text: str, low: int, high: int, marks: list[Mark]) -> Iterator[Section]:
    edges = [*marks, Mark(high, high, SectionName.BODY)]
    if edges[0].start > low:
        yield Section(SectionName.BODY, low, *_trimmed(text, low, edges[0].start))
    open_name = SectionName.BODY
    for mark, following in pairwise(edges):
        stop = following.start
        if mark.name is SectionName.NOTIFICATION:
            stop = _end_of_notification(text, mark, following.start)
        else:
            open_name = mark.name
        yield Section(mark.name, mark.start, *_trimmed(text, mark.body, stop))
        if stop < following.start:
            resumed = Section(open_name, stop, *_trimmed(text, stop, following.start))
            if not resumed.is_empty:
                yield resumed


def _with_unheaded_impression(text: str, found: list[Section]) -> Iterator[Section]:
    """A numbered list in a paragraph of its own behind prose findings is an impression that lost its heading."""
    for section in found:
        numbered = _NUMBERED.search(text, section.start, section.end) if section.name is SectionName.FINDINGS else None
        if numbered is None:
            yield section
            continue
        yield Section(section.name, section.heading_start, *_trimmed(text, section.start, numbered.start()))
        yield Section(SectionName.IMPRESSION, numbered.end(), numbered.end(), section.end)


def _with_unheaded_body(text: str, found: list[Section]) -> Iterator[Section]:
    """Where no heading announces findings, they follow the first paragraph of an indication, history or the like."""
    for section in found:
        gap = None
        if section.name in _OPENING:
            edge = _STATEMENT if section.name in _BRIEF else _PARAGRAPH
            gap = edge.search(text, section.start, section.end)
        if gap is None:
            yield section
            continue
        yield Section(section.name, section.heading_start, section.start, gap.start())
        yield Section(SectionName.BODY, gap.end(), gap.end(), section.end)


def _without_reference(text: str, impression: Section) -> Section:
    """An impression that only says "as above" holds nothing: what it points at is read instead."""
    if _REFERENCE.fullmatch(text, impression.start, impression.end) is None:
        return impression
    return impression._replace(start=impression.end)


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
    marks = find_marks(text)
    rules = [m.span() for m in _RULE_LINE.finditer(text)] if "________" in text else []
    found: list[Section] = []
    low = 0
    for stop, high in [*rules, (len(text), len(text))]:
        sections = _cut(text, low, stop, [m for m in marks if low <= m.start < stop])
        is_ruled = stop < high
        found.extend(_as_addendum(sections, is_ruled=is_ruled) if _ADDENDUM.match(text, low, stop) else sections)
        low = high
    found = [s for s in found if not (s.is_empty and s.name is SectionName.BODY)]
    kept = [_without_reference(text, s) if s.name is SectionName.IMPRESSION else s for s in found]
    names = {s.name for s in kept if s.start < s.end}
    if SectionName.IMPRESSION not in names:
        add = _with_unheaded_impression if SectionName.FINDINGS in names else _with_unheaded_body
        kept = list(add(text, kept))
    return Sections(tuple(kept))


def _as_addendum(sections: Iterable[Section], *, is_ruled: bool) -> Iterator[Section]:
    """Inside an addendum's block all that speaks of the images belongs to the addendum.

    Without a line of underscores behind it (`is_ruled`), the block ends where the report below begins: at the first
    heading that opens a report, such as examination or indication.
    """
    spoken = (SectionName.FINDINGS, SectionName.IMPRESSION, *_NARRATIVE)
    is_report = False
    for s in sections:
        is_headed_body = s.name is SectionName.BODY and s.start > s.heading_start
        is_report = is_report or (not is_ruled and (s.name in _OPENING or is_headed_body))
        yield s if is_report or s.name not in spoken else Section(SectionName.ADDENDUM, s.heading_start, s.start, s.end)


def _spans(sections: Iterable[Section]) -> tuple[Span, ...]:
    return tuple([(s.start, s.end) for s in sections])


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
    addenda = _spans(sections.of(SectionName.ADDENDUM))
    if impression := sections.of(SectionName.IMPRESSION):
        if policy is SectionPolicy.FINDINGS_AND_IMPRESSION:
            impression = sections.of(SectionName.FINDINGS, SectionName.IMPRESSION)
        return ChosenSection(SectionName.IMPRESSION, _spans(impression), addenda, None)
    if findings := sections.of(SectionName.FINDINGS):
        return ChosenSection(SectionName.FINDINGS, _spans(findings), addenda, Fallback.NO_IMPRESSION)
    if final := _final_section(sections):
        return ChosenSection(final[0].name, _spans(final), addenda, Fallback.NO_IMPRESSION_NOR_FINDINGS)
    return ChosenSection(SectionName.BODY, (), addenda, Fallback.NOTHING_TO_READ)
