"""Decides which words of a FHIR DiagnosticReport are the report: attached text, observations, conclusion.

Takes the resource and its observations and gives one text, or the reason why there is none.
Whose report it is, is left to `fhir`.
"""

import base64
import binascii
import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cxr_core.intake.sources.fhir_people import objects
from cxr_core.intake.sources.table_lines import decode
from cxr_core.vocabulary import Reason

_NO_TEXT = (b"{\\rtf", b"%PDF-", b"\x89PNG", b"PK\x03\x04", b"\xff\xd8")
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]+)", re.IGNORECASE)
_BREAKING_TAG = re.compile(r"<\s*(?:br|/p|/div|/li|/tr|/h\d|/pre)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_OWN_HEADING = re.compile(r"^\s*\W*(?:IMPRESSION|CONCLUSION)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FhirText:
    """Text of one report and, where there is none to use, why."""

    text: str = field(repr=False)
    reason: Reason | None


def report_text(report: Mapping[str, Any], observations: Iterable[Mapping[str, Any]]) -> FhirText:
    """The text of a report.

    Attached plain text counts before observations with text, these before a narrative that says more than the data
    (`status` additional; a generated one repeats the data). A conclusion that does not stand in the text is its
    impression. Attached RTF, PDF or pictures, without any text beside them, are `E_ENCODING`.

    Source: HL7 FHIR R4, DiagnosticReport (presentedForm, result, conclusion), Narrative (status).
    """
    forms = objects(report.get("presentedForm"))
    attached = [text for form in forms if (text := _attached(form))]
    spoken = [text for one in observations if (text := _text(one.get("valueString")))]
    parts = attached or spoken or _narrative(report)
    conclusion = _text(report.get("conclusion"))
    if conclusion and _words(conclusion) not in _words("\n".join(parts)):
        parts = [*parts, conclusion if _OWN_HEADING.match(conclusion) else f"IMPRESSION: {conclusion}"]
    text = "\n\n".join(parts)
    if text.strip():
        return FhirText(text, None)
    return FhirText("", Reason.E_ENCODING if forms else Reason.E_EMPTY)


def _attached(form: Mapping[str, Any]) -> str:
    """Plain text of an attachment; empty where it is something else, or lies elsewhere (url)."""
    kind = _text(form.get("contentType")).casefold()
    if kind and not kind.startswith(("text/plain", "text/html")):
        return ""
    try:
        content = base64.b64decode("".join(_text(form.get("data")).split()), validate=True)
    except (binascii.Error, ValueError):
        return ""
    if (
        content.lstrip().startswith(_NO_TEXT)
        or b"\x00" in content.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")[:1]
    ):
        return ""
    text = _decoded(content, kind).replace("\r\n", "\n").replace("\r", "\n")
    return _plain(text) if kind.startswith("text/html") else text.strip("\n")


def _decoded(content: bytes, kind: str) -> str:
    declared = _CHARSET.search(kind)
    try:
        return content.decode(declared[1]) if declared else decode(content)
    except (LookupError, UnicodeDecodeError):
        return decode(content)


def _narrative(report: Mapping[str, Any]) -> list[str]:
    told = report.get("text")
    if not isinstance(told, dict) or told.get("status") != "additional":
        return []
    return [text] if (text := _plain(_text(told.get("div")))) else []


def _plain(markup: str) -> str:
    """Text of simple markup, a line where a block ends."""
    text = html.unescape(_TAG.sub("", _BREAKING_TAG.sub("\n", markup)))
    return "\n".join(line.strip() for line in text.splitlines()).strip()


def _words(text: str) -> str:
    return " ".join(text.split()).casefold()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
