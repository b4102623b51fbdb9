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

from cxr_core.deidentify.pixels.model import Line, TextReader, extent
from cxr_core.deidentify.pixels.wording import count_alphanumerics

_LINE_PX = 40  # the readers work at 48 and 64 pixels of height
_GUTTER = 0.3  # of the line's height, white on every side
_CERTAIN = 0.85
_LETTER_PX = 48  # the side of the square in which a lone letter is turned
_LEAST_TILT = 4.0  # degrees: lead lies askew
_LETTER_ASPECT = 1.9
_FEW_GLYPHS = 2
_MOST_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What every reader read in one position; scores from 0 to 1. PHI until judged."""

    texts: tuple[str, ...] = field(repr=False)
    scores: tuple[float, ...]

    @property
    def score(self) -> float:
        return sum(self.scores) / len(self.scores)


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


def read_line(
    line: Line, readers: Sequence[TextReader], memo: Memo, is_wanted: Callable[[str], bool]
) -> tuple[Reading, ...]:
    """Read a line in its possible positions, one reading for each.

    The first reader sees every position; the others only those in which it read something wanted, since nothing stays
    without it. A certain reading of a marker, or of three characters that are none, ends the search.

    Parameters
    ----------
    line : Line
    readers : sequence of TextReader
    memo : Memo
    is_wanted : callable
        True for a text that could be an allowed marker.
    """
    readings: list[Reading] = []
    for crop in positions(line):
        texts, scores = [], []
        for reader in readers:
            text, score = memo.read(reader, crop)
            texts.append(text)
            scores.append(score)
            if not is_wanted(texts[0]):
                break
        readings.append(Reading(tuple(texts), tuple(scores)))
        is_marker = len(texts) == len(readers) and all(is_wanted(text) for text in texts)
        if readings[-1].score >= _CERTAIN and (is_marker or count_alphanumerics(texts[0]) >= 3):
            break
    return tuple(readings)


def positions(line: Line) -> Iterator[NDArray[np.uint8]]:
    """Pictures of the ink as the readers may want it, the likeliest first: black on white.

    A line has two ways up. A lone letter may lie in any quarter turn, a little askew, mirrored, or in a ring.
    """
    if not is_letter(line):
        for ink in line.inks:
            for turn in (1, 3) if line.is_vertical else (0, 2):
                yield draw_ink(np.rot90(ink, turn))
        return
    for index, ink in enumerate(line.inks):
        letter = upright(ink)
        yield draw_ink(letter)
        if index == 0:
            yield draw_ink(letter[:, ::-1])
            for turn in (1, 2, 3):
                yield draw_ink(np.rot90(letter, turn))
                yield draw_ink(np.rot90(letter[:, ::-1], turn))


def is_letter(line: Line) -> bool:
    """True for a letter or two, which show no direction of their own."""
    return line.glyphs <= _FEW_GLYPHS and line.box.aspect < _LETTER_ASPECT


def upright(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The ink of a letter turned by at most 45 degrees, so that its smallest rectangle stands straight; cropped."""
    scale = _LETTER_PX / max(ink.shape)
    size = (max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale)))
    letter = cv2.resize(np.ascontiguousarray(ink).astype(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA)
    points = np.argwhere(letter > 127)[:, ::-1].astype(np.int32)
    if len(points) < _LETTER_PX:
        return ink
    angle = cv2.minAreaRect(points)[2] % 90
    angle = angle - 90 if angle > 45 else angle
    if abs(angle) < _LEAST_TILT:
        return ink
    pad = _LETTER_PX // 3
    canvas = cv2.copyMakeBorder(letter, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0)
    centre = (canvas.shape[1] / 2, canvas.shape[0] / 2)
    turned = cv2.warpAffine(canvas, cv2.getRotationMatrix2D(centre, angle, 1), (canvas.shape[1], canvas.shape[0]))
    mask = turned > 127
    return np.ascontiguousarray(mask[extent(mask).window]) if mask.any() else ink


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
