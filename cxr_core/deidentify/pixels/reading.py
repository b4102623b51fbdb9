"""Decides how a line of ink is shown to the readers, and what they said.

Takes a line, gives readings in its possible positions; the readers see the binarised ink and nothing else,
so that a reading can be remembered by the hash of that ink whatever image it came from.
What a reading means is left to `judgement`.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.few_letters import worth_of_few
from cxr_core.deidentify.pixels.glance import LETTERS, glance, glance_at_letters
from cxr_core.deidentify.pixels.model import Line, TextReader, extent
from cxr_core.deidentify.pixels.spelling import DIGIT, spell
from cxr_core.deidentify.pixels.wording import are_alike, count_alphanumerics

_LINE_PX = 40  # the readers work at 48 and 64 pixels of height
_GUTTER = 0.3  # of the line's height, white on every side
_CERTAIN, _CERTAIN_WORD = 0.85, 0.75
_SPELLED, _MUCH_SPELLED, _FEW_LETTERS = 0.9, 0.75, 2  # how surely a line is spelled, and how many letters are worth it
_MUCH, _DIGITS = 12, 3  # signs that are much, and digits: no marker has any
_WORD, _LEGIBLE_SCORE = 3, 0.6  # characters that make a word, and how surely they were read
_LETTER_PX = 48  # the side of the square in which a lone letter is turned
_TURNS = (0, *range(-28, 0, 4), *range(4, 29, 4))  # degrees: lead lies askew
_RELUCTANCE = 5e-5  # a degree: what stands straight already stays
_LETTER_ASPECT = 1.9
_WORTH, _WORDS, _SURELY = 0.025, 0.15, 0.9  # of being a marker, of being text, of either
_UPRIGHT, _PERHAPS, _MIRRORED = 0.995, 0.1, 0.5  # of being a marker: beyond doubt; in the mirror: perhaps, enough
_LIKE_WORDS = 0.5  # of being text as it lies: mirrored text is taken for text
_SEVERAL = 0.3  # of two characters: nobody can read them, but letters they are
_FEW_GLYPHS = 2
_MANY_GLYPHS = 20  # "SEMI-UPRIGHT PORTABLE"
_MOST_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What every reader read in one position of one binarisation; scores from 0 to 1. PHI until judged.

    `ink` tells which of the line's inks was shown; `is_mirrored` that it was shown as in a mirror; `is_foretold` that
    no reader was asked: it was spelled roughly, and is surely no marker, or looks like none (without a text).
    """

    texts: tuple[str, ...] = field(repr=False)
    scores: tuple[float, ...]
    ink: int
    is_mirrored: bool = False
    is_foretold: bool = False

    @property
    def score(self) -> float:
        return sum(self.scores) / len(self.scores)

    @property
    def is_unanimous(self) -> bool:
        """All readers read the same word."""
        return are_alike(self.texts)

    @property
    def is_legible(self) -> bool:
        """The first reader read a word."""
        return self.scores[0] > _LEGIBLE_SCORE and count_alphanumerics(self.texts[0]) >= _WORD


@dataclass(frozen=True, slots=True)
class Promise:
    """How likely a marker a position must look to be read: the likeliest one, the others; and how many are read."""

    first: float
    others: float
    most: int
    is_one: bool = False
    """Nothing but a lone letter is wanted."""
    may_be_mirrored: bool = False
    """Images are turned over after the device has written on them."""


_LINE = Promise(0.15, 0.3, 3, may_be_mirrored=True)
_DOUBTFUL_LINE = Promise(0.2, 0.3, 3)  # it goes for what it says
_LONG_LINE = Promise(0.9, 0.9, 1)  # hardly ever a marker, and reading takes long
_LETTER = Promise(0.06, 0.1, 3)  # most are clips and ribs
BY_SIGHT = Promise(0.4, 0.6, 2)
"""Of a line that looks like strokes of type: these are shown well, or not at all."""

CUT_OUT = Promise(0.15, 0.15, 2)
"""Of the word that was cut out of a place: it stays only where the reader is certain."""

CUT_OUT_LETTER = Promise(0.05, 0.05, 3, is_one=True)
"""The same of its letter."""

THIN_LETTER = Promise(0.5, 0.5, 1, is_one=True)
"""The same of one as thin as a stick, of which there are many."""

SUSPECT = Promise(0.2, 0.2, 2, is_one=True)
"""Of what is hardly text, but may be a letter: it stays anyhow."""


class Memo:
    """Readings of one process by (reader, hash of the ink). Holds PHI: it is never written anywhere."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], tuple[str, float]] = {}

    def __repr__(self) -> str:
        return f"Memo({len(self._known)} readings)"

    def read(self, reader: TextReader, crop: NDArray[np.uint8]) -> tuple[str, float]:
        """The reading of one crop. Whether it was known shows nowhere: that would depend on the order of arrival."""
        key = reader.name, hashlib.blake2b(crop.tobytes(), key=str(crop.shape).encode(), digest_size=16).digest()
        if key in self._known:
            return self._known[key]
        text, score = reader.read([crop])[0]
        answer = (text, round(score, 3))
        if len(self._known) < _MOST_REMEMBERED:
            self._known[key] = answer
        return answer


@dataclass(frozen=True, slots=True)
class Desk:
    """Where lines are read: by whom, with what they remember, and after which glance."""

    readers: tuple[TextReader, ...]
    memo: Memo
    glance: Callable[[Sequence[NDArray[np.bool_]]], NDArray[np.float32]] = glance
    glance_at_letters: Callable[[Sequence[NDArray[np.bool_]]], NDArray[np.float32]] = glance_at_letters
    spell: Callable[[NDArray[np.bool_]], tuple[str, float]] = spell


def read_line(
    line: Line,
    desk: Desk,
    is_wanted: Callable[[str], bool],
    *,
    words_matter: bool,
    promise: Promise | None = None,
    is_close: Callable[[str], bool] = lambda _: False,
    is_far: Callable[[str], bool] | None = None,
) -> tuple[Reading, ...]:
    """Read a line in those of its possible positions that are worth it, one reading for each.

    Worth it is a position that may show a marker. The first reader sees all of these; the others only those in which
    it read something wanted, since nothing stays without it. What is spelled surely enough as other words need not be
    read. A certain reading of a marker, or of a word that is none, ends the search.

    Parameters
    ----------
    line : Line
    desk : Desk
    is_wanted : callable
        True for a text that could be an allowed marker.
    words_matter : bool
        True where the line stays unless it says something: its first position is read also when it is no marker.
    promise : Promise, optional
        What makes a position worth reading; by default what suits the line.
    is_close : callable
        True for a text that is none, but may be one under another look: the search goes on.
    is_far : callable
        True for letters so far from any marker that even a rough spelling tells; by default none is tried.
    """
    readings: list[Reading] = []
    promise = promise or _usual_promise(line, words_matter=words_matter)
    spelled_far = is_far if not words_matter and not is_letter(line) else None
    worth_reading, words = _worth_reading(line, desk, is_wanted, promise, words_matter=words_matter)
    if spelled_far and not worth_reading:
        return (Reading(("",), (words,), 0, is_foretold=True),)
    for position in worth_reading:
        foretold = _foretold(position, desk, spelled_far) if spelled_far and not position.is_mirrored else None
        reading = foretold or _read_position(position, desk, is_wanted)
        if position.is_mirrored and not is_wanted(reading.texts[0]):
            continue  # it says nothing: hardly anything is mirrored
        readings.append(reading)
        if _is_final(reading, len(desk.readers), is_wanted) and not is_close(reading.texts[0]):
            break
    return tuple(readings)


def _usual_promise(line: Line, *, words_matter: bool) -> Promise:
    if is_letter(line):
        return _LETTER
    if words_matter:
        return _DOUBTFUL_LINE
    return _LONG_LINE if line.glyphs > _MANY_GLYPHS else _LINE


@dataclass(frozen=True, slots=True, eq=False)
class _Position:
    """One ink of a line in one position, and how probable it is that it shows a marker."""

    ink: int
    turn: int
    shown: NDArray[np.bool_] = field(repr=False)
    marker: float
    is_mirrored: bool = False


def _worth_reading(
    line: Line, desk: Desk, is_wanted: Callable[[str], bool], promise: Promise, *, words_matter: bool
) -> tuple[list[_Position], float]:
    """The positions, over all binarisations, that may show a marker, the likeliest first; how surely words."""
    seen, mirrored = list[_Position](), list[_Position]()
    words: list[float] = []
    is_small = is_letter(line) or promise.is_one

    def worth_of(inks: Sequence[NDArray[np.bool_]]) -> NDArray[np.float32]:
        if not is_small:
            return desk.glance(inks)
        glances, may_be_two = (desk.glance, desk.glance_at_letters), not promise.is_one
        return worth_of_few(inks, *glances, is_wanted, may_be_two=may_be_two, words_matter=words_matter)

    for which, ink in enumerate(line.inks):
        these = list(letter_positions(ink) if is_small else positions(line, ink))
        worth = worth_of(these)
        seen += [_Position(which, turn, one, marker) for turn, (one, marker) in _told(these, worth)]
        words += worth[:, 1].tolist()
        if promise.may_be_mirrored and _may_be_mirrored(worth, mirrored):
            turned = [one[:, ::-1] for one in these]
            told = _told(turned, desk.glance(turned))
            mirrored += [_Position(which, turn, one, marker, is_mirrored=True) for turn, (one, marker) in told]
        likeliest = max(one.marker for one in seen)
        if likeliest < _WORTH and worth[:, 1].max() >= _SURELY:
            break  # words that are no marker
        if is_letter(line) and likeliest >= _SURELY:
            break  # well seen; a word may be seen still better, torn by one binarisation and whole in the next
    picked = _most_promising(seen, promise, is_lone=is_letter(line))
    if words_matter and words and words[0] >= _WORDS and seen[0] not in picked:
        picked.append(seen[0])
    return _plainly_mirrored(mirrored, seen) + picked, max(words, default=0.0)


def _may_be_mirrored(worth: NDArray[np.float32], mirrored: Sequence[_Position]) -> bool:
    """True where no position of an ink is beyond doubt a marker, one looks like text, and no ink before spoke against.

    Parameters
    ----------
    worth : (positions, 2) float32 array
        What the glance says of an ink as it lies.
    mirrored : sequence of _Position
        What it said of the inks before, in the mirror.
    """
    marker, words = worth.max(axis=0)[:2].tolist()
    is_open = not mirrored or max(one.marker for one in mirrored) >= _PERHAPS
    return is_open and marker < _UPRIGHT and words >= _LIKE_WORDS


def _told(
    inks: Sequence[NDArray[np.bool_]], worth: NDArray[np.float32]
) -> Iterator[tuple[int, tuple[NDArray[np.bool_], float]]]:
    return enumerate(zip(inks, worth[:, 0].tolist(), strict=True))


def _most_promising(seen: Sequence[_Position], promise: Promise, *, is_lone: bool) -> list[_Position]:
    best = sorted(seen, key=lambda one: -one.marker)
    best = _of_several_turns(best, promise.most) if is_lone else best[: promise.most]
    least = [promise.first] + [promise.others] * promise.most
    return [one for one, enough in zip(best, least, strict=False) if one.marker >= enough]


def _plainly_mirrored(mirrored: Sequence[_Position], seen: Sequence[_Position]) -> list[_Position]:
    """The likeliest position in the mirror, where it is likelier than any other."""
    likeliest = max([*seen, *mirrored], key=lambda one: one.marker, default=None)
    is_plain = likeliest is not None and likeliest.is_mirrored and likeliest.marker >= _MIRRORED
    return [likeliest] if likeliest is not None and is_plain else []


def _of_several_turns(best: Sequence[_Position], most: int) -> list[_Position]:
    """The likeliest, but not all in one position: on its head `LT` is as good a word, to those who know no words."""
    chosen: list[_Position] = []
    for one in best:
        if sum(one.turn == other.turn for other in chosen) < max(1, most - 1):
            chosen.append(one)
    return chosen[:most]


def looks_like_several(line: Line, desk: Desk) -> bool:
    """True where a glance takes any of a line's inks, as it lies, for two characters or more."""
    return bool(line.inks) and _several(line.inks, desk) >= _SEVERAL


def read_as_it_lies(line: Line, desk: Desk) -> tuple[str, float]:
    """What the first reader makes of a line's first ink, set upright: nothing where that cannot be two characters."""
    shown = upright(line.inks[0]) if line.inks else None
    if shown is None or _several([shown], desk) < _WORDS:
        return "", 0.0
    return desk.memo.read(desk.readers[0], draw_ink(shown))


def _several(inks: Sequence[NDArray[np.bool_]], desk: Desk) -> float:
    """How probable it is that any of some inks is two characters or more."""
    return float(desk.glance_at_letters(inks)[:, len(LETTERS)].max())


def _foretold(position: _Position, desk: Desk, is_far: Callable[[str], bool]) -> Reading | None:
    """What a position says roughly, if that is surely no marker."""
    letters, certainty = desk.spell(position.shown)
    is_much = len(letters) >= _MUCH or letters.count(DIGIT) >= _DIGITS
    is_sure = certainty >= (_MUCH_SPELLED if is_much else _SPELLED) and len(letters) >= _FEW_LETTERS
    is_other = is_sure and is_far(letters)
    return Reading((letters,), (certainty,), position.ink, is_foretold=True) if is_other else None


def _read_position(position: _Position, desk: Desk, is_wanted: Callable[[str], bool]) -> Reading:
    crop, texts, scores = draw_ink(position.shown), [], []
    for reader in desk.readers:
        text, score = desk.memo.read(reader, crop)
        texts.append(text)
        scores.append(score)
        if not is_wanted(texts[0]):
            break
    return Reading(tuple(texts), tuple(scores), position.ink, position.is_mirrored)


def _is_final(reading: Reading, readers: int, is_wanted: Callable[[str], bool]) -> bool:
    if is_wanted(reading.texts[0]):  # what the others do not bear out may be right in another position
        return len(reading.texts) == readers and reading.score >= _CERTAIN and all(map(is_wanted, reading.texts))
    return reading.score >= _CERTAIN_WORD and count_alphanumerics(reading.texts[0]) >= _WORD


def positions(line: Line, ink: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """One binarisation in the positions in which it may have been written, the likeliest first.

    A line has two ways up, what lies like a lone letter more.
    """
    if is_letter(line):
        yield from letter_positions(ink)
        return
    for turn in (1, 3) if line.is_vertical else (0, 2):
        yield np.rot90(ink, turn)


def letter_positions(ink: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """The same of a lone letter: it may lie in any quarter turn, a little askew, or mirrored."""
    letter = upright(ink)
    for turn in range(4):
        yield np.rot90(letter, turn)
        yield np.rot90(letter[:, ::-1], turn)


def is_letter(line: Line) -> bool:
    """True for a letter or two, which show no direction of their own."""
    return line.glyphs <= _FEW_GLYPHS and line.box.aspect < _LETTER_ASPECT


def upright(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The ink of a letter turned by a little, so that its strokes run along rows and columns; cropped.

    Of all turns the one whose sums over rows and over columns are the most uneven.
    """
    scale = _LETTER_PX / max(ink.shape)
    size = (max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale)))
    letter = cv2.resize(np.ascontiguousarray(ink).astype(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA)
    pad = _LETTER_PX // 3
    canvas = np.asarray(cv2.copyMakeBorder(letter, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0), dtype=np.uint8)
    best = max(_TURNS, key=lambda angle: _straightness(_turned(canvas, angle)) - _RELUCTANCE * abs(angle))
    if best == 0:
        return ink
    mask = _turned(canvas, best) > 127
    return np.ascontiguousarray(mask[extent(mask).window]) if mask.any() else ink


def _turned(canvas: NDArray[np.uint8], angle: float) -> NDArray[np.uint8]:
    rows, columns = canvas.shape
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), angle, 1)
    return np.asarray(cv2.warpAffine(canvas, turn, (columns, rows)), dtype=np.uint8)


def _straightness(canvas: NDArray[np.uint8]) -> float:
    """How uneven the sums over rows and columns are, for the same ink."""
    sums = [cv2.reduce(canvas, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32F) for axis in (0, 1)]
    total = float(sums[0].sum()) or 1.0
    return sum(float((one * one).sum()) for one in sums) / (total * total)


def draw_ink(ink: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Black on white, `_LINE_PX` high, with a white gutter.

    Returns
    -------
    (rows, columns) uint8 array
    """
    scale = _LINE_PX / ink.shape[0]
    width = max(1, round(ink.shape[1] * scale))
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    grey = cv2.resize(
        np.ascontiguousarray(ink).astype(np.uint8) * np.uint8(255), (width, _LINE_PX), interpolation=smooth
    )
    gutter = round(_LINE_PX * _GUTTER)
    return np.asarray(
        cv2.copyMakeBorder(255 - grey, gutter, gutter, gutter, gutter, cv2.BORDER_CONSTANT, value=255), dtype=np.uint8
    )
