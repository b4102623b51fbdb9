"""Decides the redacted text of a report: the union of the layers' spans, each replaced by `___`.

Takes a report, its patient's dictionary and the site's; gives the text, the spans and the length, or refuses.
Which words are identifiers is left to the layers (`identity`, `patterns`, `cues`, `fields`, `default_deny`).
"""

from bisect import bisect_left, bisect_right
from dataclasses import replace

from cxr_core.deidentify.text.cues import load_cues, mark_cued
from cxr_core.deidentify.text.default_deny import mark_denied
from cxr_core.deidentify.text.entities import EntityFinder
from cxr_core.deidentify.text.fields import find_fields, find_signature_blocks, load_fields
from cxr_core.deidentify.text.identity import (
    PatientIndex,
    find_numbers,
    index_patient,
    index_phrases,
    mark_names,
    mark_phrases,
)
from cxr_core.deidentify.text.joining import mark_joined
from cxr_core.deidentify.text.marks import Document, Marks, spans_of
from cxr_core.deidentify.text.patterns import find_patterns, load_patterns
from cxr_core.deidentify.text.spans import REPLACEMENT, RedactedText, Span, replace_spans, unite
from cxr_core.deidentify.text.tokens import Tokenizer
from cxr_core.deidentify.text.vocabulary import Vocabulary, load_vocabulary
from cxr_core.errors import ItemError
from cxr_core.vault.dictionary import PatientDictionary, SiteDictionary
from cxr_core.vocabulary import Reason

LARGEST_TEXT_BYTES = 200_000
_REPLACEMENT_SIGN = "\ufffd"
_MOST_REPLACEMENT_SIGNS = 5
_BINARY_BEGINNINGS = ("{\\rtf", "%PDF", "PK\x03\x04", "\x1f\x8b", "\xd0\xcf\x11\xe0")
_MOST_PASSES = 4


class TextEngine:
    """Redacts report texts with one site dictionary; reusable, without state between texts.

    Parameters
    ----------
    site : SiteDictionary
    vocabulary : Vocabulary, optional
        The words that may stay; by default those of this package.
    entities : EntityFinder, optional
        Layer 5: a model whose persons and places go as well.
    """

    def __init__(
        self, site: SiteDictionary, vocabulary: Vocabulary | None = None, entities: EntityFinder | None = None
    ) -> None:
        self._entities = entities
        self._site = site
        self._vocabulary = vocabulary or load_vocabulary()
        self._tokenizer = Tokenizer(self._vocabulary)
        self._places = index_phrases(site.places)

    def redact(self, text: str, patient: PatientDictionary) -> RedactedText:
        """Replace every identifier of a text by `___`.

        The layers read the text again after the replacement until nothing more is found, so that redacting a
        redacted text changes nothing; spans of later passes are given in offsets of the source.

        Raises
        ------
        ItemError
            `E_EMPTY` (nothing to read), `E_ENCODING` (binary, or not decoded rightly), `E_SIZE` (over 200 kB).
        """
        check_text(text)
        index = index_patient(patient)
        spans: tuple[Span, ...] = ()
        redacted = text
        for _ in range(_MOST_PASSES):
            found = unite(redacted, self._find(redacted, index))
            fresh = tuple(span for span in found if redacted[span.start : span.end] != REPLACEMENT)
            if not fresh:
                break
            spans = _compose(spans, fresh)
            redacted = replace_spans(text, spans)
        return RedactedText(text=redacted, spans=spans, original_length=len(text))

    def _find(self, text: str, patient: PatientIndex) -> list[Span]:
        """The union of the layers on one text."""
        document = Document(text, self._tokenizer.tokenize(text))
        marks: Marks = {
            **(self._entities.mark(document) if self._entities else {}),
            **mark_denied(document, self._vocabulary),
            **mark_cued(document, load_cues()),
            **mark_phrases(document, self._places, mark_address=False),
            **mark_phrases(document, patient.phrases, mark_address=True),
            **mark_names(document, patient, self._site),
        }
        marks = mark_joined(document, marks)
        return [
            *spans_of(document, marks),
            *find_numbers(text, patient),
            *find_patterns(document, load_patterns()),
            *find_fields(document, load_fields()),
            *find_signature_blocks(document, load_fields()),
        ]


def check_text(text: str) -> None:
    """Refuse what is no report text.

    Raises
    ------
    ItemError
        `E_SIZE`, `E_ENCODING` or `E_EMPTY`; the detail holds counts only.
    """
    size = len(text.encode("utf-8", errors="surrogatepass"))
    if size > LARGEST_TEXT_BYTES:
        raise ItemError(Reason.E_SIZE, f"{size} bytes")
    if text.lstrip().startswith(_BINARY_BEGINNINGS) or "\x00" in text:
        raise ItemError(Reason.E_ENCODING, "binary or marked-up data")
    lost = text.count(_REPLACEMENT_SIGN) + sum("\ud800" <= sign <= "\udfff" for sign in text if sign > "\ud7ff")
    if lost > max(_MOST_REPLACEMENT_SIGNS, len(text) // 100):
        raise ItemError(Reason.E_ENCODING, f"{lost} undecodable characters")
    if not any(sign.isalnum() for sign in text):
        raise ItemError(Reason.E_EMPTY, f"{len(text)} characters, no word")


def _compose(earlier: tuple[Span, ...], fresh: tuple[Span, ...]) -> tuple[Span, ...]:
    """Carry spans of the redacted text back to the source and unite them with the earlier ones."""
    starts, shift = [], 0
    for span in earlier:
        starts.append(span.start + shift)
        shift += len(REPLACEMENT) - (span.end - span.start)
    moved = [
        replace(
            span,
            start=_to_source(earlier, starts, span.start, is_end=False),
            end=_to_source(earlier, starts, span.end, is_end=True),
        )
        for span in fresh
    ]
    spans: list[Span] = []
    for span in sorted((*earlier, *moved)):
        if spans and span.start < spans[-1].end:
            spans[-1] = replace(spans[-1], end=max(spans[-1].end, span.end))
        else:
            spans.append(span)
    return tuple(spans)


def _to_source(spans: tuple[Span, ...], starts: list[int], place: int, *, is_end: bool) -> int:
    """Offset in the source of an offset in the redacted text; inside a `___`, the border of the span it stands for.

    `starts` are the offsets of the `___` of the spans in the redacted text.
    """
    index = (bisect_left(starts, place) if is_end else bisect_right(starts, place)) - 1
    if index < 0:
        return place
    beyond = place - (starts[index] + len(REPLACEMENT))
    if beyond < 0:
        return spans[index].end if is_end else spans[index].start
    return spans[index].end + beyond
