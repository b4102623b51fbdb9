"""Decides what a line says roughly: whether it may be a listed marker at all, or is surely other words.

Takes ink in one position, gives its letters, from a small convolutional network (`spelling.onnx`) that
`benchmarks/train_spelling.py` trains on synthetic ink only. A reader takes fifty times as long.
What a line says is left to `reading`.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.glance import WIDEST_PX, pictures_of
from cxr_core.deidentify.pixels.sessions import open_session

DIGIT = "0"
SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + DIGIT


def letters_of(wording: str) -> str:
    """The letters of a normalised text, and a sign for each of its digits."""
    return "".join(DIGIT if sign.isdigit() else sign for sign in wording if sign.isalnum())


def spelled_in(columns: NDArray[np.float32]) -> tuple[str, float]:
    """The likeliest sign of each column, repeated ones once; and how sure they are, from 0 to 1.

    Parameters
    ----------
    columns : (columns, 28) float32 array
        Probability of no sign, and of each sign.
    """
    likeliest = columns.argmax(axis=1)
    first = np.flatnonzero(np.diff(likeliest, prepend=-1))  # of every run of one sign
    signs, surest = likeliest[first], np.maximum.reduceat(columns.max(axis=1), first)
    is_sign = signs > 0
    text = "".join(SIGNS[sign - 1] for sign in signs[is_sign].tolist())
    return text, float(surest[is_sign].mean(dtype=np.float64)) if text else 0.0


def spell(ink: NDArray[np.bool_]) -> tuple[str, float]:
    """What ink in one position says roughly, capitals and a sign for each digit; and how sure that is, from 0 to 1.

    Parameters
    ----------
    ink : (rows, columns) bool array
    """
    return spelled_in(_session().run(None, {"ink": pictures_of([ink], WIDEST_PX)})[0][0])


@cache
def _session() -> Any:
    return open_session("spelling.onnx")
