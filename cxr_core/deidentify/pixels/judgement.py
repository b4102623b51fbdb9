"""Decides which lines stay and which go: whatever is not read as an allowed marker goes.

Takes lines, readers, markers and the patient's identifiers; gives verdicts.
Blacking the pixels is left to `redaction`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from cxr_core.deidentify.pixels.bench import Bench
from cxr_core.deidentify.pixels.disputes import BEYOND_DOUBT, is_read, undisputed
from cxr_core.deidentify.pixels.model import SQUARISH, TEXT_PROBABILITY, UNBOUNDED, Line
from cxr_core.deidentify.pixels.neighbours import (
    adjoins,
    initials_of,
    initials_of_doubtful,
    ink_outside,
    ink_shared,
    is_of_its_ink,
    on_one_line,
    stacked,
    stands_in_a_table,
    touches,
)
from cxr_core.deidentify.pixels.reading import Reading, is_letter, looks_like_several, read_as_it_lies
from cxr_core.deidentify.pixels.stacks import stacks_of
from cxr_core.deidentify.pixels.standing import is_place_of_several
from cxr_core.deidentify.pixels.verdict import LETTER_PROBABILITY, Rule, StandsAlone, Verdict, is_whole_word
from cxr_core.deidentify.pixels.wording import count_alphanumerics, longest_word
from cxr_core.vocabulary import BoxDecision

_MOST_MARKER_GLYPHS = 28  # "RIGHT LATERAL DECUBITUS"; the estimate counts wide letters twice
_LIKELY_SEVERAL = 0.55  # of what is taken for letters and cannot be read: ports and connectors lie below
_MOST_DOUBTFUL = 8
_COVERED, _HALF = 0.7, 0.5
_FEW_GLYPHS = 4
_WORD = 4  # letters
_MOST_UNSURE = 10  # lines that look a little like type and are not read: coarse blocks of JPEG, all over an image
_MUCH_HIGHER = 1.7  # two lines seen as one
_LEFT_OVER = 0.06  # of the ink: an edge that two scales see a little differently
_RIM = 0.12  # of the line's height
_OF_ITS_INK = 0.8  # of the ink of a stroke


def judge(
    lines: Sequence[Line], bench: Bench, stands_alone: StandsAlone = lambda *_: False
) -> tuple[list[Verdict], list[Line]]:
    """Judge all lines of one image.

    Parameters
    ----------
    lines : sequence of Line
        The likeliest first.
    bench : Bench
    stands_alone : callable
        True for a kept line, beside the others, that the image shows by itself: it does not adjoin a place of several
        lines of which it is one. By default none does.

    Returns
    -------
    verdicts, undecided : list of Verdict, list of Line
        Verdicts in reading order; lines that look a little like text, but are neither kept nor removed.
    """
    verdicts: list[Verdict] = []
    undecided: list[Line] = []
    doubtful_left = _MOST_DOUBTFUL
    for line in lines:
        seen = _Seen.of(line, [v for v in verdicts if not (v.is_kept and _is_within(line, v.line))])
        if seen.kept > 0 and seen.kept + seen.gone >= _COVERED:
            continue  # nothing but kept lines, seen at another scale
        is_likely = line.probability >= TEXT_PROBABILITY
        verdict = None
        if seen.settled >= _COVERED and not is_letter(line) and line.line_px * _MUCH_HIGHER > seen.line_px:
            # It may reach further than the other. A letter is read all the same: what was removed around it may have
            # been the letter and its ring. So is a line within what was seen as one of several lines.
            verdict = Verdict(line, BoxDecision.REDACTED, Rule.TEXT, is_legible=True)
        elif is_likely or doubtful_left > 0:
            doubtful_left -= not is_likely
            verdict = judge_line(line, bench)
        if is_likely and (stack := _stack_of_markers(line, verdict, bench)):
            verdicts += [one for one in stack if not _is_known(one, verdicts)]
        elif verdict is None:
            undecided.append(line)
        else:
            verdicts.append(verdict)
    verdicts = without_explained(_without_surroundings(verdicts))
    verdicts = _remove_names_over_lines(verdicts, bench)
    verdicts = _remove_adjoining(verdicts, undecided, stands_alone)
    removed = [verdict.line.box for verdict in verdicts if not verdict.is_kept]
    left = [line for line in undecided if sum(box.intersection(line.box) for box in removed) < _HALF * line.box.area]
    return sorted(verdicts, key=lambda verdict: (verdict.line.box.top, verdict.line.box.left)), left


def judge_line(line: Line, bench: Bench) -> Verdict | None:
    """Judge one line by what it says; None where it may be no text at all."""
    is_likely = line.probability >= (LETTER_PROBABILITY if line.box.aspect < SQUARISH else TEXT_PROBABILITY)
    if is_likely and line.glyphs > _MOST_MARKER_GLYPHS:
        return Verdict(line, BoxDecision.REDACTED, Rule.LONG)
    if line.probability < TEXT_PROBABILITY and is_letter(line):
        return _as_initials(line, bench)  # one letter by itself says nothing; `_remove_adjoining` looks at it again
    readings = bench.read(line, words_matter=not is_likely)
    engine = bench.asked(readings)
    if bench.is_named_in(readings):
        return Verdict(line, BoxDecision.REDACTED, Rule.IDENTIFIER, engine)
    if kept := _as_marker(line, readings, bench) or _by_sight(line, readings, bench):
        return kept
    is_legible = any(reading.is_legible for reading in readings)
    if is_likely:
        return Verdict(line, BoxDecision.REDACTED, Rule.TEXT, engine, is_legible=is_legible)
    if is_read(line, readings) and not any(_says_a_marker(reading, bench) for reading in readings):
        return Verdict(line, BoxDecision.REDACTED, Rule.READ, engine, is_legible=is_legible)
    if line.probability >= _LIKELY_SEVERAL and looks_like_several(line, bench.desk):
        return Verdict(line, BoxDecision.REDACTED, Rule.TEXT, engine)
    return None


def _as_marker(line: Line, readings: Sequence[Reading], bench: Bench) -> Verdict | None:
    """The line kept, where what was read of it is a marker that nothing else disputes."""
    agreed = undisputed([reading for reading in readings if bench.keeps(reading, line)], readings)
    if not agreed:
        return None
    best = max(agreed, key=lambda reading: (reading.is_unanimous, reading.score))
    return Verdict(line, BoxDecision.KEPT, Rule.MARKER, bench.asked(readings), best.texts, ink=best.ink)


def _by_sight(line: Line, readings: Sequence[Reading], bench: Bench) -> Verdict | None:
    """The line kept, where it is a marker that no threshold showed; not asked of what surely says something else.

    No lone letter: of a place that shows nothing clearly one can always be made.
    """
    may_be = line.probability >= TEXT_PROBABILITY and not any(map(bench.is_surely_other, readings))
    seen = bench.by_sight(line) if may_be else None
    if seen is None:
        return None
    again = bench.read_by_sight(seen)
    words = [reading for reading in again if count_alphanumerics(reading.texts[0]) > 1]
    return None if bench.is_named_in(again) else _as_marker(seen, words, bench)


def _stack_of_markers(line: Line, verdict: Verdict | None, bench: Bench) -> list[Verdict]:
    """The lines of a place that is nothing but markers, one below the other, seen as one; none where any is not.

    Of a block that says anything else no line stays: the last of a name may read like a side.
    """
    if verdict is not None and (verdict.is_kept or verdict.rule not in {Rule.TEXT, Rule.READ}):
        return []
    for stack in stacks_of(line):
        rows = (judge_line(row, bench) for row in stack)
        kept = [row for row in takewhile(_is_marker, rows) if row is not None]
        if len(kept) == len(stack):
            return kept
    return []


def _is_marker(row: Verdict | None) -> bool:
    return row is not None and row.is_kept


def _is_known(one: Verdict, verdicts: Sequence[Verdict]) -> bool:
    """True for a kept line that was kept before, as it was seen at another scale."""
    box = one.line.box
    return any(v.is_kept and v.line.box.intersection(box) >= _COVERED * box.area for v in verdicts)


def _as_initials(line: Line, bench: Bench) -> Verdict | None:
    """Removed where a doubtful place, no larger than a letter, says beyond doubt two characters that are no marker."""
    text, score = read_as_it_lies(line, bench.desk)
    is_initials = score >= BEYOND_DOUBT and 2 <= count_alphanumerics(text) == len(text)
    if not is_initials or bench.is_marker(text):
        return None
    return Verdict(line, BoxDecision.REDACTED, Rule.READ, bench.desk.readers[0].name, is_legible=True)


def _is_within(line: Line, kept: Line) -> bool:
    """True for surely a line of type that is much lower than a kept one: small type beside large, seen as one line."""
    is_sure = line.probability >= LETTER_PROBABILITY and line.glyphs >= _FEW_GLYPHS
    return is_sure and _is_lower(line, kept)


def _is_lower(line: Line, kept: Line) -> bool:
    return line.line_px * _MUCH_HIGHER <= kept.line_px


def _is_a_letter_of(line: Line, marker: Line) -> bool:
    """True for a stack of dots or strokes as high as the letters of a marker that runs across it: type of patterns."""
    own, ink = (line.box.transposed, marker.ink_box.transposed) if marker.is_vertical else (line.box, marker.ink_box)
    return line.is_vertical != marker.is_vertical and own.height >= _COVERED * ink.height


def _says_a_marker(reading: Reading, bench: Bench) -> bool:
    """True where the first reader spells out a listed word beyond doubt: with what is around it, or badly seen."""
    first = reading.texts[0]
    return bench.is_marker(first) and reading.scores[0] >= BEYOND_DOUBT and longest_word(first) >= _WORD


@dataclass(frozen=True, slots=True)
class _Seen:
    """How much of a line lies in earlier ones, as shares of its area: it was seen at another scale."""

    kept: float
    gone: float
    settled: float
    line_px: float
    """The smallest height of those that settle it."""

    @classmethod
    def of(cls, line: Line, verdicts: Sequence[Verdict]) -> "_Seen":
        shares = [(verdict, verdict.line.box.intersection(line.box) / line.box.area) for verdict in verdicts]
        return cls(
            kept=sum(share for verdict, share in shares if verdict.is_kept),
            gone=sum(share for verdict, share in shares if not verdict.is_kept),
            settled=sum(share for verdict, share in shares if verdict.is_settled),
            line_px=min((v.line.line_px for v, share in shares if v.is_settled and share > 0), default=0.0),
        )


def without_explained(verdicts: list[Verdict]) -> list[Verdict]:
    """Without removed lines that hold nothing but kept ones, badly seen: two of them as one, or one with its shade.

    Nor with a stroke of a letter of a kept word, which had gone as an initial beside another of its letters, or as
    type by itself: dots and scan lines look so.
    """
    kept = [v for v in verdicts if v.is_kept]
    words = [v.as_read for v in kept if count_alphanumerics(v.texts[0]) >= _WORD]

    def may_be_beside(verdict: Verdict, marker: Verdict) -> bool:
        line, one = verdict.line, marker.line
        if not (_is_within(line, one) or (verdict.is_legible and _is_lower(line, one))):
            return False
        read = marker.as_read
        return not (_is_a_letter_of(line, read) or ink_shared(line, read) >= _OF_ITS_INK)

    def is_explained(verdict: Verdict) -> bool:
        line = verdict.line
        about = [marker.line for marker in kept if not may_be_beside(verdict, marker)]
        boxes = [one.box.grown(round(_RIM * one.line_px), UNBOUNDED) for one in about]
        if verdict.rule is Rule.ADJOINS:
            return any(is_of_its_ink(line.box, word) for word in words)
        if verdict.is_kept or verdict.rule not in {Rule.TEXT, Rule.READ}:
            return False
        if line.inks:
            return ink_outside(line, boxes) <= _LEFT_OVER
        return sum(box.intersection(line.box) for box in boxes) >= _COVERED * line.box.area

    return [verdict for verdict in verdicts if not is_explained(verdict)]


def _without_surroundings(verdicts: list[Verdict]) -> list[Verdict]:
    """Without the unread squarish places around a kept letter: the letter seen too coarsely, with its ring or shade."""
    letters = [v.line.box for v in verdicts if v.is_kept and is_letter(v.line)]

    def is_around(verdict: Verdict) -> bool:
        line = verdict.line
        may_be = verdict.rule is Rule.TEXT and line.probability < LETTER_PROBABILITY and line.glyphs <= _FEW_GLYPHS
        return (
            may_be
            and line.box.aspect < SQUARISH
            and any(box.intersection(line.box) >= _COVERED * box.area for box in letters)
        )

    return [verdict for verdict in verdicts if not is_around(verdict)]


def _remove_names_over_lines(verdicts: list[Verdict], bench: Bench) -> list[Verdict]:
    """Kept lines that together with a kept neighbour spell an identifier ("PA" above "L")."""
    kept = [verdict for verdict in verdicts if verdict.is_kept]
    guilty: set[int] = set()
    for one in kept:
        for other in kept:
            near = one is not other and (on_one_line(one.line, other.line) or stacked(one.line, other.line))
            if near and bench.identifiers.are_named_in([one.texts[0], other.texts[0]]):
                guilty |= {id(one), id(other)}
    return [v.removed_for(Rule.IDENTIFIER) if id(v) in guilty else v for v in verdicts]


def _is_apart(kept: Verdict, gone: Line) -> bool:
    """True for a whole word that a gap divides from the removed line."""
    return is_whole_word(kept) and not touches(kept.line, gone)


def _is_value(line: Line, gone: Sequence[Line]) -> bool:
    return line.probability >= TEXT_PROBABILITY and stands_in_a_table(line, [one for one in gone if one.glyphs > 1])


def _remove_adjoining(verdicts: list[Verdict], undecided: Sequence[Line], stands_alone: StandsAlone) -> list[Verdict]:
    """A kept or undecided line that adjoins a removed one goes with it: "Ross, Ruth R." must leave no R."""
    removed = [v for v in verdicts if not v.is_kept]
    kept = [v for v in verdicts if v.is_kept]
    others = list(kept)
    looks = {id(v): (v.line, v.as_large_as_ink) for v in kept}

    def goes_with(verdict: Verdict, gone: Line) -> bool:
        if not any(adjoins(one, gone) for one in looks[id(verdict)]) or _is_apart(verdict, gone):
            return False
        return not (is_place_of_several(gone, verdict.line) and stands_alone(verdict, others))

    front = removed
    while front:
        hit = [v for v in kept if any(goes_with(v, gone.line) for gone in front)]
        kept = [v for v in kept if v not in hit]
        front = [v.removed_for(Rule.ADJOINS) for v in hit]
        removed = removed + front
    doubtful = [line for line in undecided if line.probability >= TEXT_PROBABILITY]
    initials = initials_of([v.line for v in kept], undecided) + initials_of_doubtful(doubtful, undecided)
    is_texture = sum(not v.is_sure for v in removed) > _MOST_UNSURE
    gone = [v.line for v in removed if v.is_sure or not is_texture]
    removed += [
        Verdict(line, BoxDecision.REDACTED, Rule.ADJOINS)
        for line in undecided
        if line in initials or any(adjoins(line, one) for one in gone) or _is_value(line, gone)
    ]
    return removed + kept
