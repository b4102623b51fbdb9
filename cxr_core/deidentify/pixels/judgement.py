"""Decides which lines of ink stay and which go: whatever is not read as an allowed marker goes.

Takes classified pieces, readers, markers and the patient's identifiers; gives verdicts.
Blacking the pixels is left to `redaction`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Box, Piece, TextReader
from cxr_core.deidentify.pixels.reading import Memo, PieceReadings, Reading, read_piece
from cxr_core.deidentify.pixels.wording import Identifiers, count_alphanumerics, is_allowed
from cxr_core.policy.markers import MarkerPolicy
from cxr_core.vocabulary import BoxDecision

LEAST_PROBABILITY = 0.005
TEXT_PROBABILITY = 0.5
_MOST_MARKER_GLYPHS = 20  # "SEMI-UPRIGHT PORTABLE"; the estimate counts wide letters twice
_SAME_BOX = 0.6
_MOST_ALTERNATIVES = 3
_READ_SCORE = 0.6
_CERTAIN_SCORE = 0.8
_LETTER_PROBABILITY = 0.9  # an unread single glyph: PHI is never one letter, catheter tips and clips are
_MARKER_MARGIN = 0.35
_SAME_INK = 0.7
_INSIDE = 0.7
_LINE_GLYPHS = 6
_MOST_DOUBTFUL = 8
_SAME_LINE_GAP = 2.5  # of the glyph height
_STACK_GAP = 0.9
_STACK_SIZE_RATIO = 1.5


class Rule(StrEnum):
    """Why a piece stays or goes."""

    MARKER = "marker"
    IDENTIFIER = "identifier"
    LONG = "long"
    TEXT = "text"
    READ = "read"
    ADJOINS = "adjoins"
    BARCODE = "barcode"
    RESIDUE = "residue"


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What becomes of the pieces of one place. `box` holds their ink, `glyph_px` the height of the line."""

    box: Box
    glyph_px: float
    is_vertical: bool
    decision: BoxDecision
    rule: Rule
    probability: float
    constancy: float
    engine: str
    glyphs: int
    texts: tuple[str, ...] = field(repr=False, default=())


@dataclass(frozen=True, slots=True)
class Bench:
    """Who judges and by what: readers, memo, policy, identifiers."""

    readers: tuple[TextReader, ...]
    memo: Memo
    policy: MarkerPolicy
    identifiers: Identifiers = field(repr=False)

    def is_marker(self, text: str) -> bool:
        return is_allowed(text, self.policy)

    def is_kept(self, reading: Reading) -> bool:
        """True where all readers read an allowed marker with enough certainty."""
        return (
            len(reading.texts) == len(self.readers)
            and all(self.is_marker(text) for text in reading.texts)
            and min(reading.scores) >= self.policy.least_score_each
            and reading.score > self.policy.least_score
        )


def judge(pieces: Sequence[Piece], bench: Bench, shape: tuple[int, int]) -> tuple[list[Verdict], list[Piece]]:
    """Judge all pieces of one image.

    Returns
    -------
    verdicts, undecided : list of Verdict, list of Piece
        Verdicts in reading order; pieces that look a little like text, but are neither kept nor removed.
    """
    judged = _judge_places(group_places([p for p in pieces if p.probability >= LEAST_PROBABILITY]), bench)
    kept = [(place, verdict) for place, verdict in judged if verdict and verdict.decision is BoxDecision.KEPT]
    is_explained = _explained_by(kept, shape)
    verdicts = [verdict for _, verdict in kept]
    undecided: list[Piece] = []
    for place, verdict in judged:
        if (verdict and verdict.decision is BoxDecision.KEPT) or is_explained(place[0]):
            continue
        if verdict is None:
            undecided.append(place[0])
        else:
            verdicts.append(verdict)
    verdicts = _remove_names_over_lines(verdicts, bench)
    verdicts = _remove_adjoining(verdicts, undecided)
    removed = [verdict for verdict in verdicts if verdict.decision is BoxDecision.REDACTED]
    left = [piece for piece in undecided if not any(v.box.intersection(piece.box) for v in removed)]
    return sorted(verdicts, key=lambda verdict: (verdict.box.top, verdict.box.left)), left


def _judge_places(places: Sequence[list[Piece]], bench: Bench) -> list[tuple[list[Piece], Verdict | None]]:
    """Judge the likely places first, the longest lines before their parts; what lies in a removed line is not read.

    Of the doubtful ones the likeliest are read; the rest stay undecided, which flags the image for review.
    """
    likely = [place for place in places if place[0].probability >= TEXT_PROBABILITY]
    doubtful = [place for place in places if place[0].probability < TEXT_PROBABILITY]  # the likeliest first already
    order = sorted(likely, key=lambda place: -place[0].glyphs) + doubtful
    judged: list[tuple[list[Piece], Verdict | None]] = []
    doubtful_left = _MOST_DOUBTFUL
    gone: list[Box] = []
    for place in order:
        first = place[0]
        if any(box.intersection(first.box) >= _INSIDE * first.box.area for box in gone):
            continue
        is_likely = first.probability >= TEXT_PROBABILITY
        verdict = _judge_place(place, bench) if is_likely or doubtful_left > 0 else None
        doubtful_left -= not is_likely and first.glyphs > 1
        judged.append((place, verdict))
        is_whole = first.glyphs >= _LINE_GLYPHS or first.probability < TEXT_PROBABILITY
        if is_whole and verdict and verdict.decision is BoxDecision.REDACTED:
            gone.append(verdict.box)
    return judged


def group_places(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces with nearly the same rectangle (binarisations of the same ink), the likeliest first."""
    order = sorted(pieces, key=lambda piece: (-piece.probability, piece.box.top, piece.box.left, -piece.box.area))
    places: list[list[Piece]] = []
    boxes = np.zeros((len(order), 4), np.int64)  # of the likeliest piece of each place; noise has thousands
    for piece in order:
        box = piece.box
        alike = np.flatnonzero(_overlaps(boxes[: len(places)], box) >= _SAME_BOX)
        if alike.size:
            places[int(alike[0])].append(piece)
        else:
            boxes[len(places)] = (box.top, box.left, box.bottom, box.right)
            places.append([piece])
    return places


def _explained_by(kept: Sequence[tuple[Sequence[Piece], Verdict]], shape: tuple[int, int]) -> Callable[[Piece], bool]:
    """Tells whether a piece is nothing but a kept marker seen otherwise: its letters, its gaps, its stack.

    Two glyphs of the marker's own tone in the crook of an L are not explained: there stand initials.
    """
    ink = np.zeros(shape, np.bool_)
    around = {is_dark: np.zeros(shape, np.bool_) for is_dark in (False, True)}
    for place, verdict in kept:
        tone = place[0].is_dark
        for piece in place:
            if piece.is_dark == tone:
                ink[piece.box.window] |= piece.ink
        around[tone][verdict.box.grown(round(_MARKER_MARGIN * verdict.glyph_px), shape).window] = True

    def is_explained(piece: Piece) -> bool:
        own = piece.ink
        if ink[piece.box.window][own].mean() >= _SAME_INK:
            return True
        if around[not piece.is_dark][piece.box.window][own].mean() >= _SAME_INK:
            return True
        return piece.glyphs == 1 and bool(around[piece.is_dark][piece.box.window][own].mean() >= _SAME_INK)

    return is_explained


def _judge_place(place: Sequence[Piece], bench: Bench) -> Verdict | None:
    first = place[0]
    is_text = first.probability >= TEXT_PROBABILITY
    if is_text and first.glyphs > _MOST_MARKER_GLYPHS:
        return _removed(place, Rule.LONG, "none")
    if not is_text and first.glyphs == 1:
        return None  # one letter by itself says nothing; `_remove_adjoining` looks at it again
    engine = "none"
    for piece in place[: _alternatives(first)]:
        found = read_piece(piece, bench.readers, bench.memo, bench.is_marker)
        engine = _engine(found, bench)
        verdict = _judge_readings(place, piece, found, bench)
        if verdict is not None:
            return verdict
        if any(_is_plain_text(reading) for reading in found.readings):
            break  # a certain reading that is no marker: other binarisations of it cannot change that
    if first.glyphs == 1 and first.probability < _LETTER_PROBABILITY:
        return None
    return _removed(place, Rule.TEXT, engine) if is_text else None


def _alternatives(first: Piece) -> int:
    """How many binarisations are worth reading: a lone letter that would stay anyway is read once."""
    if first.glyphs == 1:
        return 2 if first.probability >= _LETTER_PROBABILITY else 1
    return _MOST_ALTERNATIVES if first.probability >= TEXT_PROBABILITY else 1


def _is_plain_text(reading: Reading) -> bool:
    return reading.scores[0] >= _CERTAIN_SCORE and count_alphanumerics(reading.texts[0]) >= 3


def _judge_readings(place: Sequence[Piece], piece: Piece, found: PieceReadings, bench: Bench) -> Verdict | None:
    engine = _engine(found, bench)
    if any(bench.identifiers.are_named_in([text]) for reading in found.readings for text in reading.texts):
        return _removed(place, Rule.IDENTIFIER, engine)
    best = max(found.readings, key=lambda reading: (bench.is_kept(reading), reading.score))
    if bench.is_kept(best):
        return _verdict(piece.box, [piece], (BoxDecision.KEPT, Rule.MARKER, engine), best.texts)
    is_read = any(
        score > _READ_SCORE and count_alphanumerics(text) >= 2
        for reading in found.readings
        for text, score in zip(reading.texts, reading.scores, strict=True)
    )
    if is_read and piece.probability < TEXT_PROBABILITY:
        return _removed(place, Rule.READ, engine)
    return None


def _remove_names_over_lines(verdicts: list[Verdict], bench: Bench) -> list[Verdict]:
    """Kept pieces that together with a kept neighbour spell an identifier ("PA" above "L")."""
    kept = [verdict for verdict in verdicts if verdict.decision is BoxDecision.KEPT]
    guilty: set[int] = set()
    for one in kept:
        for other in kept:
            near = one is not other and (_on_one_line(one, other) or _stacked(one, other))
            if near and bench.identifiers.are_named_in([one.texts[0], other.texts[0]]):
                guilty |= {id(one), id(other)}
    return [_turned(v, Rule.IDENTIFIER) if id(v) in guilty else v for v in verdicts]


def _remove_adjoining(verdicts: list[Verdict], undecided: Sequence[Piece]) -> list[Verdict]:
    """A kept or undecided piece that adjoins a removed line goes with it: "Ross, Ruth R." must leave no R."""
    doubtful = [_verdict(p.box, [p], (BoxDecision.KEPT, Rule.MARKER, "none"), ()) for p in undecided]
    removed = [v for v in verdicts if v.decision is BoxDecision.REDACTED]
    kept = [v for v in verdicts if v.decision is BoxDecision.KEPT]
    front = removed
    while front:
        hit = [v for v in kept if any(_adjoins(v, line) for line in front)]
        kept = [v for v in kept if v not in hit]
        front = [_turned(v, Rule.ADJOINS) for v in hit]
        removed = removed + front
    removed += [
        _turned(v, Rule.ADJOINS) for v in doubtful if any(_adjoins(v, line) and _is_alike(v, line) for line in removed)
    ]
    return removed + kept


def _is_alike(piece: Verdict, line: Verdict) -> bool:
    """True where an undecided piece has the size of the line's letters; ribs and box edges have not."""
    return 0.4 * line.glyph_px <= piece.glyph_px <= 1.6 * line.glyph_px


def _adjoins(piece: Verdict, line: Verdict) -> bool:
    if line.probability < TEXT_PROBABILITY or line.glyphs < 2:
        return False  # perhaps no text at all: it must not take markers with it
    return _on_one_line(piece, line) or (piece.glyphs <= 2 and _stacked(piece, line))


def _on_one_line(one: Verdict, other: Verdict) -> bool:
    a, b = _flattened(one, other.is_vertical), _flattened(other, other.is_vertical)
    shared = min(a.bottom, b.bottom) - max(a.top, b.top)
    gap = max(a.left, b.left) - min(a.right, b.right)
    heights = sorted((max(1, a.height), max(1, b.height)))
    return shared >= 0.4 * heights[0] and gap <= _SAME_LINE_GAP * min(other.glyph_px, one.glyph_px * 2)


def _stacked(one: Verdict, other: Verdict) -> bool:
    a, b = _flattened(one, other.is_vertical), _flattened(other, other.is_vertical)
    shared = min(a.right, b.right) - max(a.left, b.left)
    gap = max(a.top, b.top) - min(a.bottom, b.bottom)
    sizes = sorted((one.glyph_px, other.glyph_px))
    return shared > 0 and gap <= _STACK_GAP * sizes[1] and sizes[1] <= _STACK_SIZE_RATIO * sizes[0]


def _flattened(verdict: Verdict, is_vertical: bool) -> Box:
    box = verdict.box
    return Box(box.left, box.top, box.right, box.bottom) if is_vertical else box


def _removed(place: Sequence[Piece], rule: Rule, engine: str) -> Verdict:
    likely = [piece for piece in place if piece.probability >= TEXT_PROBABILITY] or [place[0]]
    box = likely[0].box
    for piece in likely[1:]:
        box = box.union(piece.box)
    return _verdict(box, likely, (BoxDecision.REDACTED, rule, engine), ())


def _verdict(
    box: Box, pieces: Sequence[Piece], outcome: tuple[BoxDecision, Rule, str], texts: tuple[str, ...]
) -> Verdict:
    first = pieces[0]
    decision, rule, engine = outcome
    return Verdict(
        box=box,
        glyph_px=first.glyph_px,
        is_vertical=first.is_vertical,
        decision=decision,
        rule=rule,
        probability=max(piece.probability for piece in pieces),
        constancy=max(piece.constancy for piece in pieces),
        engine=engine,
        glyphs=first.glyphs,
        texts=texts,
    )


def _turned(verdict: Verdict, rule: Rule) -> Verdict:
    return Verdict(
        box=verdict.box,
        glyph_px=verdict.glyph_px,
        is_vertical=verdict.is_vertical,
        decision=BoxDecision.REDACTED,
        rule=rule,
        probability=verdict.probability,
        constancy=verdict.constancy,
        engine=verdict.engine,
        glyphs=verdict.glyphs,
    )


def _engine(found: PieceReadings, bench: Bench) -> str:
    asked = max((len(reading.texts) for reading in found.readings), default=0)
    return "+".join(reader.name for reader in bench.readers[:asked])


def _overlaps(boxes: NDArray[np.int64], box: Box) -> NDArray[np.float64]:
    """Intersection over union of each of (n, 4) boxes (top, left, bottom, right) with one."""
    rows = np.minimum(boxes[:, 2], box.bottom) - np.maximum(boxes[:, 0], box.top)
    columns = np.minimum(boxes[:, 3], box.right) - np.maximum(boxes[:, 1], box.left)
    shared = np.maximum(rows, 0) * np.maximum(columns, 0)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return np.asarray(shared / np.maximum(1, areas + box.area - shared), dtype=np.float64)
