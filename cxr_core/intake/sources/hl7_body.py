"""Decides how the observation lines of a result message become one report text.

Takes OBX segments and gives the text: lines joined by newlines, sections opened by their OBX-3 suffix, addenda on top.
Which order the lines belong to is left to `hl7_oru`, what the sections say to `cxr_core.reports`.
"""

import re
from dataclasses import dataclass, field

from cxr_core.intake.sources.hl7_segment import Segment
from cxr_core.intake.sources.hl7_text import unescape
from cxr_core.intake.sources.ris_csv import has_addendum_line
from cxr_core.vocabulary import Reason

_TEXT_TYPES = frozenset(["TX", "FT", "ST", ""])
_ENCAPSULATED_TYPES = frozenset(["ED", "RP"])
_SUFFIX = re.compile(r"&(GDT|IMP|ADT|REC|DEV|CMT)\b")
_NO_TEXT = re.compile(r"\s*(?:\{\\?\\rtf|%PDF-|JVBERi0|e1xydGY)")  # RTF and PDF, plain or in base64
_HEADING = re.compile(r"^\s*[A-Z][A-Z /()-]{3,40}:", re.MULTILINE)
_SECTION_HEADINGS = {"IMP": "IMPRESSION:", "REC": "RECOMMENDATION:", "ADT": "ADDENDUM:"}
_OWN_HEADING = re.compile(r"^\s*\W*(?:IMPRESSION|CONCLUSION|RECOMMENDATION|ADDEND(?:UM|A))\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Body:
    """Text of one report and, where there is none to use, why."""

    text: str = field(repr=False)
    has_addendum: bool
    reason: Reason | None


def join_body(lines: list[Segment], *, is_addendum: bool = False) -> Body:
    """Join observation lines.

    Source: HL7 v2.5 chapter 7.2.4 (OBX-3 suffixes: GDT general text, IMP impression, ADT addendum, REC recommendation).

    Parameters
    ----------
    lines : list of Segment
        OBX segments of one report, in order.
    is_addendum : bool
        The whole message is an addendum (MDM T06).
    """
    texts = [segment for segment in lines if segment.part(2, 1) in _TEXT_TYPES]
    if any(_NO_TEXT.match(segment.raw(5)) for segment in texts):
        return Body("", False, Reason.E_ENCODING)
    runs = _runs(texts)
    main = [run for run in runs if run[0] != "ADT"]
    addenda = [_section(kind, text) for kind, text in runs if kind == "ADT"]
    parts = addenda + _main_sections(main)
    text = "\n\n".join(part for part in parts if part.strip()) if addenda or len(main) > 1 else "\n".join(parts)
    if not text.strip():
        is_packed = any(segment.part(2, 1) in _ENCAPSULATED_TYPES for segment in lines)
        return Body("", False, Reason.E_ENCODING if is_packed else Reason.E_EMPTY)
    if is_addendum and not has_addendum_line(text):
        text = f"ADDENDUM: {text}"
    return Body(text, is_addendum or bool(addenda), None)


def _runs(texts: list[Segment]) -> list[tuple[str, str]]:
    """Neighbouring lines of one kind as (suffix of OBX-3, joined text)."""
    runs: list[tuple[str, list[str]]] = []
    for segment in texts:
        found = _SUFFIX.search(segment.raw(3))
        kind = found.group(1) if found else ""
        if not runs or runs[-1][0] != kind:
            runs.append((kind, []))
        runs[-1][1].extend(unescape(line) for line in segment.raw(5).split("~"))
    return [(kind, "\n".join(lines)) for kind, lines in runs]


def _main_sections(runs: list[tuple[str, str]]) -> list[str]:
    """Text without addenda; a general run beside an impression is the findings, unless it has headings of its own."""
    has_impression = any(kind == "IMP" for kind, _ in runs)
    sections = []
    for kind, text in runs:
        opens_findings = kind == "GDT" and has_impression and text.strip() and not _HEADING.search(text)
        sections.append(f"FINDINGS:\n{text}" if opens_findings else _section(kind, text))
    return sections


def _section(kind: str, text: str) -> str:
    heading = _SECTION_HEADINGS.get(kind)
    return f"{heading}\n{text}" if heading and text.strip() and not _OWN_HEADING.match(text) else text
