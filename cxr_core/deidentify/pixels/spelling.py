"""Decides what a line says roughly: whether it may be a listed marker at all, or is surely other words.

Takes ink in one position, gives its letters, from a small convolutional network (`spelling.onnx`) that
`benchmarks/train_spelling.py` trains on synthetic ink only. A reader takes fifty times as long.
What a line says is left to `reading`.
"""

from functools import cache
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.deidentify.pixels.glance import HEIGHT_PX, WIDEST_PX, as_seen
from cxr_core.deidentify.pixels.sessions import open_session

DIGIT = "0"
SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + DIGIT


def letters_of(wording: str) -> str:
    """The letters of a normalised text, and a sign for each of its digits."""
    return "".join(DIGIT if sign.isdigit() else sign for sign in wording if sign.isalnum())


def spelled_in(columns: NDArray[np.float32]) -> tuple[str, float]:
    """The likeliest sign of each column, repeated ones once, and how sure the least sure of them is.

    Parameters
    ----------
    columns : (columns, 28) float32 array
        Probability of no sign, and of each sign.
    """
    likeliest = columns.argmax(axis=1)
    best = columns[np.arange(len(columns)), likeliest]
    text, sure, at = "", [], 0
    for sign, run in groupby(likeliest.tolist()):
        length = len(list(run))
        if sign:
            text += SIGNS[sign - 1]
            sure.append(float(best[at : at + length].max()))
        at += length
    return text, float(np.mean(sure)) if sure else 0.0


def spell(ink: NDArray[np.bool_]) -> tuple[str, float]:
    """What ink in one position says roughly, capitals and a sign for each digit; and how sure that is, from 0 to 1.

    Parameters
    ----------
    ink : (rows, columns) bool array
    """
    seen = as_seen(ink)
    picture = np.zeros((1, 1, HEIGHT_PX, WIDEST_PX), np.float32)
    np.multiply(seen, np.float32(1 / 255), out=picture[0, 0, :, : seen.shape[1]])
    return spelled_in(_session().run(None, {"ink": picture})[0][0])


@cache
def _session() -> Any:
    return open_session("spelling.onnx")
