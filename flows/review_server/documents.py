"""A report as the page shows it: its sections in order, with headings, and which of them the labels are read from.

Takes the text of an item, gives sections with offsets in Unicode code points that cover the whole text. The browser
draws them as text, never as markup.
"""

from dataclasses import dataclass, field

from cxr_core.reports.sections import choose_section, split_sections


@dataclass(frozen=True, slots=True)
class ShownSection:
    """One piece of a report; `start` is the offset of `text` in the report."""

    heading: str = field(repr=False)
    start: int
    text: str = field(repr=False)
    is_read: bool


def report_sections(text: str) -> list[ShownSection]:
    """The sections of a report; a text without headings is one section."""
    found = [s for s in split_sections(text).items if not s.is_empty or s.heading_start < s.start]
    read = choose_section(split_sections(text)).spans
    shown = [
        ShownSection(
            heading=text[section.heading_start : section.start].strip(" \t\r\n:_-"),
            start=section.start,
            text=text[section.start : max(section.start, section.end)],
            is_read=any(low < section.end and section.start < high for low, high in read),
        )
        for section in found
    ]
    return shown or [ShownSection("", 0, text, is_read=False)]


def whole_text(text: str) -> list[ShownSection]:
    """The text in one piece: where identifiers are looked for, headings are text, too."""
    return [ShownSection("", 0, text, is_read=False)]
