"""Decides which lines stay and which go: whatever is not read as an allowed marker goes.

Takes lines, readers, markers and the patient's identifiers; gives verdicts.
Blacking the pixels is left to `redaction`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cxr_core.deidentify.pixels.model import SQUARISH, Box, Line, TextReader
from cxr_core.deidentify.pixels.reading import Memo, Reading, is_letter, read_line
from cxr_core.deidentify.pixels.wording import Identifiers, count_alphanumerics, is_allowed, supports
from cxr_core.policy.markers import MarkerPolicy
from cxr_core.vocabulary import BoxDecision

TEXT_PROBABILITY = 0.5
_MOST_MARKER_GLYPHS = 20  # "SEMI-UPRIGHT PORTABLE"; the estimate counts wide letters twice
_READ_SCORE, _LETTERS_SCORE = 0.6, 0.8
_LETTER_PROBABILITY = (
    0.75  # of a letter or two that nobody can read: clips, valves and lead in rings look so, PHI does not
)
_MOST_DOUBTFUL = 8
_COVERED = 0.7
_WIDEST_LETTER = 1.2  # advance over height, of stretched type
_SAME_LINE_GAP = 2.5  # of the height of the line
_STACK_GAP = 0.9
_STACK_SIZE_RATIO = 1.5
_ALIKE = 0.4, 1.7
_COMPANY = 1.2  # of the letter's height
_FEW_GLYPHS = 4


class Rule(StrEnum):
    """Why a line stays or goes."""

    MARKER = "marker"
    IDENTIFIER = "identifier"
    LONG = "long"
    TEXT = "text"
    READ = "read"
    ADJOINS = "adjoins"
    CODE = "code"
    RESIDUE = "residue"


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What becomes of one line. `engine` names the readers that were asked; `texts` is PHI until kept."""

    line: Line
    decision: BoxDecision
    rule: Rule
    engine: str = "none"
    texts: tuple[str, ...] = field(repr=False, default=())

    @property
    def is_kept(self) -> bool:
        return self.decision is BoxDecision.KEPT

    def removed_for(self, rule: Rule) -> "Verdict":
        return replace(self, decision=BoxDecision.REDACTED, rule=rule, texts=())


@dataclass(frozen=True, slots=True)
class Bench:
    """Who judges and by what: readers, memo, policy, identifiers."""

    readers: tuple[TextReader, ...]
    memo: Memo
    policy: MarkerPolicy
    identifiers: Identifiers = field(repr=False)

    def is_marker(self, text: str) -> bool:
        return is_allowed(text, self.policy)

    def keeps(self, reading: Reading, line: Line) -> bool:
        """True where the readers agree on an allowed marker that explains the whole line.

        Either all of them read one with enough certainty, or the first is certain and the others bear it out.
        """
        if len(reading.texts) < len(self.readers) or not self.is_marker(reading.texts[0]):
            return False
        first, others = reading.texts[0], reading.texts[1:]
        if line.box.aspect > max(SQUARISH, _WIDEST_LETTER * (count_alphanumerics(first) + 0.5)):
            return False  # more ink than these letters need: something was not read
        if all(self.is_marker(text) for text in others) and reading.score > self.policy.least_score:
            return min(reading.scores) >= self.policy.least_score_each
        return reading.scores[0] >= self.policy.certain_score and all(supports(text, first) for text in others)


def judge(lines: Sequence[Line], bench: Bench) -> tuple[list[Verdict], list[Line]]:
    """Judge all lines of one image.

    Parameters
    ----------
    lines : sequence of Line
        The likeliest first.
    bench : Bench

    Returns
    -------
    verdicts, undecided : list of Verdict, list of Line
        Verdicts in reading order; lines that look a little like text, but are neither kept nor removed.
    """
    verdicts: list[Verdict] = []
    undecided: list[Line] = []
    doubtful_left = _MOST_DOUBTFUL
    for line in lines:
        kept, gone = _seen_before(line, verdicts)
        if kept > 0 and kept + gone >= _COVERED:
            continue  # nothing but kept lines, seen at another scale
        is_likely = line.probability >= TEXT_PROBABILITY
        # A letter is read all the same: what was removed around it may have been the letter and its ring.
        is_gone = gone >= _COVERED and not is_letter(line)
        verdict = (
            Verdict(line, BoxDecision.REDACTED, Rule.TEXT) if is_gone else None
        )  # it may reach further than the other
        if verdict is None and (is_likely or doubtful_left > 0):
            doubtful_left -= not is_likely
            verdict = judge_line(line, bench)
        if verdict is None:
            undecided.append(line)
        else:
            verdicts.append(verdict)
    verdicts = _without_surroundings(verdicts)
    verdicts = _remove_names_over_lines(verdicts, bench)
    verdicts = _remove_adjoining(verdicts, undecided)
    removed = [verdict.line.box for verdict in verdicts if not verdict.is_kept]
    left = [line for line in undecided if not any(box.intersection(line.box) for box in removed)]
    return sorted(verdicts, key=lambda verdict: (verdict.line.box.top, verdict.line.box.left)), left


def judge_line(line: Line, bench: Bench) -> Verdict | None:
    """Judge one line by what it says; None where it may be no text at all."""
    is_likely = line.probability >= (_LETTER_PROBABILITY if line.box.aspect < SQUARISH else TEXT_PROBABILITY)
    if is_likely and line.glyphs > _MOST_MARKER_GLYPHS:
        return Verdict(line, BoxDecision.REDACTED, Rule.LONG)
    if line.probability < TEXT_PROBABILITY and is_letter(line):
        return None  # one letter by itself says nothing; `_remove_adjoining` looks at it again
    shown = line if line.probability >= TEXT_PROBABILITY else replace(line, inks=line.inks[:1])
    readings = read_line(shown, bench.readers, bench.memo, bench.is_marker)
    engine = "+".join(reader.name for reader in bench.readers[: max((len(r.texts) for r in readings), default=0)])
    if any(bench.identifiers.are_named_in([text]) for reading in readings for text in reading.texts):
        return Verdict(line, BoxDecision.REDACTED, Rule.IDENTIFIER, engine or "none")
    if agreed := [reading for reading in readings if bench.keeps(reading, line)]:
        best = max(agreed, key=lambda reading: reading.score)
        return Verdict(line, BoxDecision.KEPT, Rule.MARKER, engine, best.texts)
    if is_likely:
        return Verdict(line, BoxDecision.REDACTED, Rule.TEXT, engine or "none")
    return Verdict(line, BoxDecision.REDACTED, Rule.READ, engine) if _is_read(line, readings) else None


def _is_read(line: Line, readings: Sequence[Reading]) -> bool:
    """True where a doubtful line says two characters or more; a letter is believed in its first position only."""
    believed = readings[:1] if is_letter(line) else readings
    least = _LETTERS_SCORE if is_letter(line) else _READ_SCORE
    return any(
        score > least and count_alphanumerics(text) >= 2
        for reading in believed
        for text, score in zip(reading.texts, reading.scores, strict=True)
    )


def _seen_before(line: Line, verdicts: Sequence[Verdict]) -> tuple[float, float]:
    """How much of a line lies in kept ones and in removed ones, as shares of its area: it was seen at another scale."""
    shares = [(v.is_kept, v.line.box.intersection(line.box) / line.box.area) for v in verdicts]
    return sum(share for is_kept, share in shares if is_kept), sum(share for is_kept, share in shares if not is_kept)


def _without_surroundings(verdicts: list[Verdict]) -> list[Verdict]:
    """Without the unread squarish places around a kept letter: the letter seen too coarsely, with its ring or shade."""
    letters = [v.line.box for v in verdicts if v.is_kept and is_letter(v.line)]

    def is_around(verdict: Verdict) -> bool:
        line = verdict.line
        may_be = verdict.rule is Rule.TEXT and line.probability < _LETTER_PROBABILITY and line.glyphs <= _FEW_GLYPHS
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


def _remove_adjoining(verdicts: list[Verdict], undecided: Sequence[Line]) -> list[Verdict]:
    """A kept or undecided line that adjoins a removed one goes with it: "Ross, Ruth R." must leave no R."""
    removed = [v for v in verdicts if not v.is_kept]
    kept = [v for v in verdicts if v.is_kept]
    front = removed
    while front:
        hit = [v for v in kept if any(_adjoins(v.line, gone.line) and _is_alike(v.line, gone.line) for gone in front)]
        kept = [v for v in kept if v not in hit]
        front = [v.removed_for(Rule.ADJOINS) for v in hit]
        removed = removed + front
    removed += [
        Verdict(line, BoxDecision.REDACTED, Rule.ADJOINS)
        for line in undecided
        if any(_adjoins(line, gone.line) and _is_alike(line, gone.line) for gone in removed)
        or any(_accompanies(line, letter.line) for letter in kept)
    ]
    return removed + kept


def _accompanies(line: Line, letter: Line) -> bool:
    """True for a doubtful line of smaller letters close to a kept letter: the technologist's initials."""
    if not is_letter(letter) or line.line_px > letter.line_px:
        return False
    near = letter.box.grown(round(_COMPANY * letter.line_px), (1 << 30, 1 << 30))
    return near.intersection(line.box) > 0 and letter.box.intersection(line.box) == 0


def _is_alike(one: Line, other: Line) -> bool:
    """True where a line has about the size of the other's letters: ribs have not, nor lead beside initials."""
    return _ALIKE[0] * other.line_px <= one.line_px <= _ALIKE[1] * other.line_px


def _adjoins(one: Line, gone: Line) -> bool:
    if gone.probability < TEXT_PROBABILITY or gone.glyphs < 2:
        return False  # perhaps no text at all: it must not take markers with it
    return on_one_line(one, gone) or (one.glyphs <= 2 and stacked(one, gone))


def on_one_line(one: Line, other: Line) -> bool:
    """True where a line goes on from another, along its direction."""
    a, b = _flattened(one.box, other.is_vertical), _flattened(other.box, other.is_vertical)
    shared = min(a.bottom, b.bottom) - max(a.top, b.top)
    gap = max(a.left, b.left) - min(a.right, b.right)
    heights = sorted((max(1, a.height), max(1, b.height)))
    return shared >= 0.4 * heights[0] and gap <= _SAME_LINE_GAP * min(other.line_px, one.line_px * 2)


def stacked(one: Line, other: Line) -> bool:
    """True where a line of about the same size stands close above or below another."""
    a, b = _flattened(one.box, other.is_vertical), _flattened(other.box, other.is_vertical)
    shared = min(a.right, b.right) - max(a.left, b.left)
    gap = max(a.top, b.top) - min(a.bottom, b.bottom)
    sizes = sorted((one.line_px, other.line_px))
    return shared > 0 and gap <= _STACK_GAP * sizes[1] and sizes[1] <= _STACK_SIZE_RATIO * sizes[0]


def _flattened(box: Box, is_vertical: bool) -> Box:
    return box.transposed if is_vertical else box
