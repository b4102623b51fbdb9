"""Decides which lines stay and which go: whatever is not read as an allowed marker goes.

Takes lines, readers, markers and the patient's identifiers; gives verdicts.
Blacking the pixels is left to `redaction`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cxr_core.deidentify.pixels.model import Box, Line, TextReader
from cxr_core.deidentify.pixels.reading import Memo, Reading, is_letter, read_line
from cxr_core.deidentify.pixels.wording import Identifiers, count_alphanumerics, is_allowed, supports
from cxr_core.policy.markers import MarkerPolicy
from cxr_core.vocabulary import BoxDecision

TEXT_PROBABILITY = 0.5
_MOST_MARKER_GLYPHS = 20  # "SEMI-UPRIGHT PORTABLE"; the estimate counts wide letters twice
_READ_SCORE = 0.6
_LETTER_PROBABILITY = 0.8  # a single glyph that nobody can read: PHI is never one letter, clips and valves are
_MOST_DOUBTFUL = 6
_COVERED = 0.7
_SAME_LINE_GAP = 2.5  # of the height of the line
_STACK_GAP = 0.9
_STACK_SIZE_RATIO = 1.5


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

    def keeps(self, reading: Reading) -> bool:
        """True where the readers agree on an allowed marker.

        Either all of them read one with enough certainty, or the first is certain and the others bear it out.
        """
        if len(reading.texts) < len(self.readers) or not self.is_marker(reading.texts[0]):
            return False
        first, others = reading.texts[0], reading.texts[1:]
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
        verdict = _seen_before(line, verdicts)
        if verdict is None and (line.probability >= TEXT_PROBABILITY or doubtful_left > 0):
            doubtful_left -= line.probability < TEXT_PROBABILITY
            verdict = judge_line(line, bench)
        if verdict is None:
            undecided.append(line)
        elif not (verdict.is_kept and verdict.line is not line):
            verdicts.append(verdict)
    verdicts = _remove_names_over_lines(verdicts, bench)
    verdicts = _remove_adjoining(verdicts, undecided)
    removed = [verdict.line.box for verdict in verdicts if not verdict.is_kept]
    left = [line for line in undecided if not any(box.intersection(line.box) for box in removed)]
    return sorted(verdicts, key=lambda verdict: (verdict.line.box.top, verdict.line.box.left)), left


def judge_line(line: Line, bench: Bench) -> Verdict | None:
    """Judge one line by what it says; None where it may be no text at all."""
    is_text = line.probability >= TEXT_PROBABILITY
    if is_text and line.glyphs > _MOST_MARKER_GLYPHS:
        return Verdict(line, BoxDecision.REDACTED, Rule.LONG)
    if not is_text and is_letter(line):
        return None  # one letter by itself says nothing; `_remove_adjoining` looks at it again
    shown = line if is_text else replace(line, inks=line.inks[:1])
    readings = read_line(shown, bench.readers, bench.memo, bench.is_marker)
    engine = "+".join(reader.name for reader in bench.readers[: max((len(r.texts) for r in readings), default=0)])
    if any(bench.identifiers.are_named_in([text]) for reading in readings for text in reading.texts):
        return Verdict(line, BoxDecision.REDACTED, Rule.IDENTIFIER, engine or "none")
    best = max(readings, key=lambda reading: (bench.keeps(reading), reading.score), default=None)
    if best is not None and bench.keeps(best):
        return Verdict(line, BoxDecision.KEPT, Rule.MARKER, engine, best.texts)
    if not is_text:
        is_read = any(
            score > _READ_SCORE and count_alphanumerics(text) >= 2
            for reading in readings
            for text, score in zip(reading.texts, reading.scores, strict=True)
        )
        return Verdict(line, BoxDecision.REDACTED, Rule.READ, engine) if is_read else None
    if line.glyphs == 1 and is_letter(line) and line.probability < _LETTER_PROBABILITY:
        return None
    return Verdict(line, BoxDecision.REDACTED, Rule.TEXT, engine or "none")


def _seen_before(line: Line, verdicts: Sequence[Verdict]) -> Verdict | None:
    """The verdict on a line that is a likelier one seen at another scale, wholly or with its neighbours.

    A kept verdict comes back as it is; a removed one for this line, whose rectangle may reach further.
    """
    kept = sum(v.line.box.intersection(line.box) for v in verdicts if v.is_kept)
    gone = sum(v.line.box.intersection(line.box) for v in verdicts if not v.is_kept)
    if kept + gone < _COVERED * line.box.area:
        return None
    touched = [v for v in verdicts if v.line.box.intersection(line.box)]
    if kept:
        return next(v for v in touched if v.is_kept)
    return Verdict(line, BoxDecision.REDACTED, Rule.TEXT) if touched else None


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
        hit = [v for v in kept if any(_adjoins(v.line, gone.line) for gone in front)]
        kept = [v for v in kept if v not in hit]
        front = [v.removed_for(Rule.ADJOINS) for v in hit]
        removed = removed + front
    removed += [
        Verdict(line, BoxDecision.REDACTED, Rule.ADJOINS)
        for line in undecided
        if any(_adjoins(line, gone.line) and _is_alike(line, gone.line) for gone in removed)
    ]
    return removed + kept


def _is_alike(one: Line, other: Line) -> bool:
    """True where an undecided line has the size of the other's letters; ribs and box edges have not."""
    return 0.4 * other.line_px <= one.line_px <= 1.6 * other.line_px


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
    return Box(box.left, box.top, box.right, box.bottom) if is_vertical else box
