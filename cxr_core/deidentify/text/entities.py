"""Layer 5, off by default: which capitalised words a statistical model takes for a person or a place.

Takes a document; gives marks for tokens inside the model's entities. Words of radiology stay, whatever the model says;
what the other layers found is found without it. The only module that imports spaCy.
"""

from functools import lru_cache
from typing import Any, Self

from cxr_core.deidentify.text.marks import Document, Mark, Marks
from cxr_core.deidentify.text.spans import SpanKind
from cxr_core.deidentify.text.vocabulary import WordClass
from cxr_core.errors import UsageError

_KINDS = {"PERSON": SpanKind.NAME, "GPE": SpanKind.ADDRESS, "FAC": SpanKind.INSTITUTION}
# Organisations and dates are left to the rules: in reports models take findings and counts for them.
_NEEDED = ("tok2vec", "transformer", "ner", "entity_ruler")


class EntityFinder:
    """A loaded spaCy pipeline; reusable, without state between texts.

    Parameters
    ----------
    pipeline : spacy.language.Language
        With a component that sets entities named as OntoNotes names them.
    """

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline

    @classmethod
    def load(cls, name: str) -> Self:
        """Load an installed model, its parts that find entities only.

        Raises
        ------
        UsageError
            spaCy or the model is not installed.
        """
        return cls(_pipeline(name))

    def mark(self, document: Document) -> Marks:
        """Mark capitalised tokens inside persons, places and buildings, unless they are words of radiology."""
        marks: dict[int, Mark] = {}
        entities = [entity for entity in self._pipeline(document.text).ents if entity.label_ in _KINDS]
        place = 0
        for index, token in enumerate(document.tokens):
            while place < len(entities) and entities[place].end_char <= token.start:
                place += 1
            if place == len(entities):
                break
            is_inside = entities[place].start_char <= token.start
            if is_inside and (token.is_capital or token.is_caseless) and token.kind < WordClass.TERM:
                kind = _KINDS[entities[place].label_]
                marks[index] = Mark(f"entity.{entities[place].label_.lower()}", kind)
        return marks


@lru_cache(maxsize=2)
def _pipeline(name: str) -> Any:
    try:
        import spacy
    except ImportError:
        raise UsageError("deidentify.entities needs spaCy: pip install 'hilum[entities]'") from None
    try:
        pipeline = spacy.load(name)
    except OSError:
        raise UsageError(f"deidentify.entities: spaCy has no model {name} installed") from None
    unneeded = [part for part in pipeline.pipe_names if part not in _NEEDED]
    pipeline.disable_pipes(*unneeded)
    return pipeline
