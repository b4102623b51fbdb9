"""Decides whether a reading explains the ink of its line, or whether something was overlooked.

Takes a text, the line and which of its binarisations was read; gives yes or no. Readers leave out what they cannot
read, and a binarisation what is of the other tone: a name beside a marker must not stay with it.
What becomes of the line is left to `judgement`.
"""

import re

import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.ink import count_letters
from cxr_core.deidentify.pixels.model import SQUARISH, Line
from cxr_core.deidentify.pixels.reading import is_letter
from cxr_core.deidentify.pixels.wording import count_alphanumerics

_WIDEST_LETTER, _NARROWEST_LETTER = 1.2, 0.34  # advance over height, of stretched type and of condensed
_WIDEST_SEEN = 1.7  # the same where each letter is seen to be a part by itself
_THIN_SIGNS, _THIN = frozenset("1IJijlrtf"), 0.5  # in proportional type; of the width of the others
_WORD = 4  # letters
_THINNEST = 2.6  # height over width of an L
_INK_ACROSS, _INK_ALONG = 0.6, 0.7  # of the height and of the length of the place
_WIDE_GAP = 0.6  # of the height of the ink: more than there is between the letters of a word
_LETTER_GAP = 0.12  # the same: more than there is between the dots of one
_NO_WORD = re.compile(r"[^\w\-]+")  # a space, or a sign that a letter was taken for


def explains(text: str, line: Line, which: int) -> bool:
    """True where a text has about as many letters as there is ink for, in length and in height, in as many words.

    Parameters
    ----------
    text : str
        As the first reader gave it.
    line : Line
    which : int
        Index of the ink that was read.
    """
    letters = count_alphanumerics(text)
    if is_letter(line):
        return is_short_enough(line, letters)
    place, box, ink = line.box, line.ink_boxes[which], line.inks[which]
    if line.is_vertical:
        place, box, ink = place.transposed, box.transposed, ink.T
    is_letter_by_letter = letters >= _WORD and (_runs(ink, _LETTER_GAP) == letters or count_letters(ink) == letters)
    widest = _WIDEST_SEEN if is_letter_by_letter else _WIDEST_LETTER
    if place.width > _most_heights(letters, widest) * max(place.height, box.height):
        return False
    is_whole = box.width >= _INK_ALONG * (place.width - line.slack_px)
    is_one_line = letters < _WORD or box.height >= _INK_ACROSS * (place.height - line.slack_px)
    is_long_enough = letters < _WORD or box.width >= _NARROWEST_LETTER * _advances(text) * box.height
    is_of_words = is_letter_by_letter or _runs(ink, _WIDE_GAP) <= len(_NO_WORD.split(text.strip()))
    return is_whole and is_one_line and is_long_enough and is_of_words


def _advances(text: str) -> float:
    """How many letters of the usual width a text is as long as."""
    return sum(_THIN if sign in _THIN_SIGNS else 1.0 for sign in text if sign.isalnum())


def is_short_enough(line: Line, letters: int) -> bool:
    """True where a line is no longer than so many letters of the widest type."""
    return line.box.aspect <= _most_heights(letters)


def _most_heights(letters: int, widest: float = _WIDEST_LETTER) -> float:
    return max(_THINNEST if letters == 1 else SQUARISH, widest * (letters + 0.5))


def _runs(ink: NDArray[np.bool_], gap: float) -> int:
    """Into how many pieces gaps wider than this share of its height divide a line that runs along the columns."""
    columns = np.flatnonzero(ink.any(axis=0))
    return 1 + int(np.count_nonzero(np.diff(columns) > gap * ink.shape[0]))
