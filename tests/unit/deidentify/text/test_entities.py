"""A model's persons and places go too, except where they are words of radiology."""

from typing import Any

import pytest
import spacy

from cxr_core.deidentify.text import TextEngine
from cxr_core.deidentify.text.entities import EntityFinder
from cxr_core.errors import UsageError
from cxr_core.vault.dictionary import PatientDictionary, SiteDictionary


def pipeline() -> Any:
    """A real spaCy pipeline whose entities are given by rule, so that the test needs no model."""
    made = spacy.blank("en")
    patterns = [
        {"label": "PERSON", "pattern": "Grant Hope"},
        {"label": "PERSON", "pattern": "Left Effusion"},
        {"label": "GPE", "pattern": "Reading"},
        {"label": "ORG", "pattern": "Cardiology"},
    ]
    made.add_pipe("entity_ruler").add_patterns(patterns)
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Today Grant Hope coughs.", "Today ___ coughs."),
        ("Moved from Reading last year.", "Moved from ___ last year."),
        ("Left Effusion is small.", "Left Effusion is small."),
        ("Seen by Cardiology.", "Seen by Cardiology."),
    ],
)
def test_persons_and_places_go_and_terms_stay(text: str, expected: str) -> None:
    engine = TextEngine(SiteDictionary(), entities=EntityFinder(pipeline()))
    assert engine.redact(text, PatientDictionary()).text == expected


def test_a_model_that_is_not_installed_is_one_clear_line() -> None:
    with pytest.raises(UsageError, match="spaCy has no model no_such_model installed"):
        EntityFinder.load("no_such_model")
