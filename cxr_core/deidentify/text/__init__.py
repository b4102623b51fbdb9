"""Decides what of a report's text may leave the vault: everything that no layer takes for an identifier.

Takes a text with the patient's and the site's dictionaries; gives the text with `___` in place of identifiers.
Reading sources is left to `intake`, checking the result to `verification`, meaning to `reports` and `labeling`.
"""

from cxr_core.deidentify.text.engine import TextEngine
from cxr_core.deidentify.text.spans import REPLACEMENT, RedactedText, Span, SpanKind

__all__ = ["REPLACEMENT", "RedactedText", "Span", "SpanKind", "TextEngine"]
