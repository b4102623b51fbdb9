"""Decides which of several readings of one line count, and whether they say anything.

Takes readings in several positions and binarisations, gives those that no other disputes, or yes or no.
What they mean for the line is left to `judgement`.
"""

from collections.abc import Sequence
from itertools import takewhile

from cxr_core.deidentify.pixels.model import TEXT_PROBABILITY, Line
from cxr_core.deidentify.pixels.reading import Reading, is_letter
from cxr_core.deidentify.pixels.wording import count_alphanumerics, has_company, is_of_loops

BEYOND_DOUBT = 0.95
"""Score of one who read letter by letter."""

LETTERS_SCORE = 0.8
"""Score of two letters or more that are read as such."""

_READ_SCORE = 0.6
_FEW = 3  # characters: ticks of a ruler are read as `TFT`, hooks as `UOU`, with less than that score


def undisputed(agreed: list[Reading], readings: Sequence[Reading]) -> list[Reading]:
    """Those that no other reading disputes.

    A lone letter may be more surely two or more in another position: initials lie every way. Of two words the first
    one counts, or the surer.
    """
    agreed = [reading for reading in agreed if reading.scores[0] >= _as_sure_as(readings, reading)]
    is_word = any(count_alphanumerics(reading.texts[0]) > 1 for reading in agreed)
    least = min(BEYOND_DOUBT, max((LETTERS_SCORE, *(reading.scores[0] for reading in agreed))))
    is_spelled = any(count_alphanumerics(r.texts[0]) > 1 and r.scores[0] >= least for r in readings)
    return agreed if is_word or not is_spelled else []


def _as_sure_as(readings: Sequence[Reading], marker: Reading) -> float:
    """How sure a marker must be that was read after another word, under another look."""
    before = takewhile(lambda one: one is not marker, readings)
    return min(BEYOND_DOUBT, max((one.scores[0] for one in before if one.is_legible), default=0.0))


def is_read(line: Line, readings: Sequence[Reading]) -> bool:
    """True where a doubtful line says two characters or more; a letter, in its first position or beyond doubt."""
    believed = [r for r in readings if r is readings[0] or _is_beyond_doubt(r)] if is_letter(line) else readings
    return any(
        score > _least_score(line, text)
        and (count_alphanumerics(text) >= 2 or has_company(text))
        and not is_of_loops(text)
        for reading in believed
        for text, score in zip(reading.texts, reading.scores, strict=True)
    )


def _least_score(line: Line, text: str) -> float:
    is_hardly_text = line.probability < TEXT_PROBABILITY and count_alphanumerics(text) <= _FEW
    return LETTERS_SCORE if is_letter(line) or is_hardly_text else _READ_SCORE


def _is_beyond_doubt(reading: Reading) -> bool:
    return reading.scores[0] >= BEYOND_DOUBT and reading.texts[0].isascii() and reading.texts[0].isalpha()
