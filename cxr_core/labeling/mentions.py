"""One observation in one sentence, as the engine hands it around: places in a reading, no text."""

from typing import NamedTuple

from cxr_core.vocabulary import Assertion, Label


class Mention(NamedTuple):
    """An observation and what is said of it. A tuple, because several are made for every sentence.

    `node` is its phrase in the reading, `cue` the phrase that decided; `labels` is empty for other abnormalities.
    """

    node: int
    cue: int | None
    assertion: Assertion
    labels: tuple[Label, ...]
