"""Decides whether a letter or a word that was cut out of a removed place stays, and what may be a letter.

Takes lines and the bench, gives a verdict or none. Of what is cut out more is asked than of a line: what stands beside
it has been taken away by us.
"""

from dataclasses import replace

from cxr_core.deidentify.pixels.bench import Bench
from cxr_core.deidentify.pixels.disputes import BEYOND_DOUBT
from cxr_core.deidentify.pixels.explanation import is_short_enough
from cxr_core.deidentify.pixels.lead_words import LeadWord
from cxr_core.deidentify.pixels.model import SQUARISH, Line
from cxr_core.deidentify.pixels.reading import (
    CUT_OUT,
    CUT_OUT_LETTER,
    SUSPECT,
    THIN_LETTER,
    Desk,
    Reading,
    is_letter,
    read_line,
)
from cxr_core.deidentify.pixels.sightings import Sighting
from cxr_core.deidentify.pixels.verdict import Rule, Verdict
from cxr_core.deidentify.pixels.wording import count_alphanumerics, has_company, normalise, supports
from cxr_core.vocabulary import BoxDecision

_SEEN_AND_READ, _DISPUTED = 0.5, 0.7  # scores of the first reader: of what is seen, too; of anything else
_CERTAINLY_SEEN = 0.84
_PLAIN_WORD = 4  # letters of a word that one reader spells out


def judge_letter(letter: Line, bench: Bench) -> Verdict | None:
    """Kept where all readers are certain of a letter on the allow-list that was cut out of a lead marker; else None."""
    if not is_short_enough(letter, letters=1):
        return None  # a stick: no letter explains it, whatever is read
    promise = THIN_LETTER if letter.box.aspect > SQUARISH else CUT_OUT_LETTER
    for reading in read_line(letter, bench.desk, bench.is_marker, words_matter=False, promise=promise):
        is_certain = bench.keeps(reading, letter) and reading.scores[0] >= bench.policy.certain_score
        if is_certain and count_alphanumerics(reading.texts[0]) == 1:
            return _cut_out(letter, reading, bench)
    return None


def judge_sighting(letter: Line, sighting: Sighting, bench: Bench) -> Verdict | None:
    """Kept where the first reader reads the side that the network sees, or nothing else and this is certain; else None.

    A letter by itself names nobody: the network is asked whether it is one, and is the second witness.
    """
    if not is_short_enough(letter, letters=1):
        return None
    readings = read_line(letter, _first_reader(bench), bench.is_marker, words_matter=True, promise=CUT_OUT_LETTER)
    for reading in readings:
        text = reading.texts[0]
        if normalise(text) == sighting.side and reading.scores[0] >= _SEEN_AND_READ and not has_company(text):
            return _cut_out(letter, reading, bench)
    is_disputed = any(reading.scores[0] >= _DISPUTED for reading in readings)
    if is_disputed or sighting.certainty < _CERTAINLY_SEEN:
        return None
    return Verdict(letter, BoxDecision.KEPT, Rule.MARKER, "none", (sighting.side,), is_cut_out=True)


def may_be_letter(letter: Line, bench: Bench) -> bool:
    """True where the first reader is certain of a letter on the allow-list, whatever the others say."""
    readings = read_line(letter, _first_reader(bench), bench.is_marker, words_matter=False, promise=SUSPECT)
    return any(
        reading.scores[0] >= bench.policy.certain_score
        and count_alphanumerics(reading.texts[0]) == 1
        and bench.is_marker(reading.texts[0])
        for reading in readings
    )


def _first_reader(bench: Bench) -> Desk:
    return replace(bench.desk, readers=bench.desk.readers[:1])


def judge_word(word: Line, bench: Bench) -> Verdict | None:
    """Kept where all readers read the same marker, or spell out listed words; one of some length among them."""
    for reading in read_line(word, bench.desk, bench.is_marker, words_matter=False, is_far=bench.is_far):
        first = _shared_words(reading) or _supported_word(reading)
        is_long = max(map(len, first.split()), default=0) >= _PLAIN_WORD
        is_listed = reading.is_unanimous or set(first.split()) <= bench.policy.words
        if is_long and is_listed and bench.keeps(reading, word) and not bench.identifiers.are_named_in([first]):
            return _cut_out(word, reading, bench)
    return None


def judge_lead_word(word: LeadWord, bench: Bench) -> list[Verdict]:
    """Kept, piece by piece, where all readers spell out the same listed words, be they mirrored; else none."""
    level = word.level
    mirrored = replace(level, inks=tuple(ink[:, ::-1] for ink in level.inks))
    for line in (level,) if is_letter(level) else (level, mirrored):  # two letters are read mirrored as well
        readings = read_line(
            line, bench.desk, bench.is_marker, words_matter=False, promise=CUT_OUT, is_far=bench.is_far
        )
        for reading in readings:
            first = _shared_words(reading) or _supported_word(reading)
            is_listed = bool(first) and set(first.split()) <= bench.policy.words
            is_plain = is_listed and reading.scores[0] >= bench.policy.certain_score
            if is_plain and bench.keeps(reading, line) and not bench.identifiers.are_named_in([first]):
                return [replace(_cut_out(piece, reading, bench), is_piece=word.is_askew) for piece in word.pieces]
    return []


def _shared_words(reading: Reading) -> str:
    """What all readers spell alike, spaces aside, as the first does; nothing where they do not."""
    return normalise(reading.texts[0]) if reading.is_unanimous else ""


def _supported_word(reading: Reading) -> str:
    """A word of some length that the first reader is certain of and the others bear out; nothing where they do not."""
    word = normalise(reading.texts[0])
    is_plain = len(word) >= _PLAIN_WORD and reading.scores[0] >= BEYOND_DOUBT
    return word if is_plain and all(supports(text, word) for text in reading.texts[1:]) else ""


def _cut_out(line: Line, reading: Reading, bench: Bench) -> Verdict:
    engine = "+".join(reader.name for reader in bench.desk.readers)
    return Verdict(line, BoxDecision.KEPT, Rule.MARKER, engine, reading.texts, is_cut_out=True)
