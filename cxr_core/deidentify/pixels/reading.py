"""Decides how a line of ink is shown to the readers, and what they said.

Takes a piece, gives readings in its possible rotations; the readers see the binarised ink and nothing else,
so that a reading can be remembered by the hash of that ink whatever image it came from.
What a reading means is left to `judgement`.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.model import Piece, TextReader
from cxr_core.deidentify.pixels.wording import count_alphanumerics

_LINE_PX = 40  # the readers work at 48 and 64 pixels of height
_GUTTER = 0.3  # of the line's height, white on every side
_CERTAIN = 0.85
_SQUARE = 1.5  # two glyphs in such a rectangle may be one above the other
_MOST_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What every reader read in one rotation; scores from 0 to 1. PHI until judged."""

    texts: tuple[str, ...] = field(repr=False)
    scores: tuple[float, ...]

    @property
    def score(self) -> float:
        return sum(self.scores) / len(self.scores)


@dataclass(frozen=True, slots=True)
class PieceReadings:
    """The readings of one piece, one for each rotation that was tried."""

    readings: tuple[Reading, ...] = field(repr=False)


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


def read_piece(
    piece: Piece, readers: Sequence[TextReader], memo: Memo, is_wanted: Callable[[str], bool]
) -> PieceReadings:
    """Read a piece in its possible rotations.

    The first reader sees every rotation; the others only those in which it read something wanted, since all must
    agree for a piece to stay. An certain reading of a marker, or of three characters that are none, ends the search.

    Parameters
    ----------
    piece : Piece
    readers : sequence of TextReader
    memo : Memo
    is_wanted : callable
        True for a text that could be an allowed marker.
    """
    readings: list[Reading] = []
    for turn in rotations(piece):
        crop = draw_ink(piece.ink, turn)
        texts, scores = [], []
        for reader in readers:
            text, score = memo.read(reader, crop)
            texts.append(text)
            scores.append(score)
            if not is_wanted(text):
                break
        readings.append(Reading(tuple(texts), tuple(scores)))
        is_marker = len(texts) == len(readers) and is_wanted(texts[-1])
        if readings[-1].score >= _CERTAIN and (is_marker or count_alphanumerics(texts[0]) >= 3):
            break
    return PieceReadings(tuple(readings))


def rotations(piece: Piece) -> tuple[int, ...]:
    """Quarter turns (counter-clockwise) that may set the piece upright: a line has two, a letter has four."""
    if piece.glyphs == 1 or (piece.glyphs == 2 and max(piece.box.width, piece.box.height) < _SQUARE * piece.glyph_px):
        return (0, 1, 2, 3)
    return (1, 3) if piece.is_vertical else (0, 2)


def draw_ink(ink: NDArray[np.bool_], turn: int) -> NDArray[np.uint8]:
    """Black on white, upright after `turn` quarter turns, `_LINE_PX` high, with a white gutter.

    Returns
    -------
    (rows, columns) uint8 array
    """
    turned = np.rot90(ink, turn)
    scale = _LINE_PX / turned.shape[0]
    width = max(1, round(turned.shape[1] * scale))
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    grey = cv2.resize(
        np.ascontiguousarray(turned).astype(np.uint8) * np.uint8(255), (width, _LINE_PX), interpolation=smooth
    )
    gutter = round(_LINE_PX * _GUTTER)
    return np.asarray(
        cv2.copyMakeBorder(255 - grey, gutter, gutter, gutter, gutter, cv2.BORDER_CONSTANT, value=255), dtype=np.uint8
    )
