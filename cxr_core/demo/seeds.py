"""Hands every part of the demo its own stream of random numbers.

It takes the seed of the hospital and a path of small integers (purpose, patient, study, image) and gives a numpy
Generator that depends on nothing else: not on the number of workers, nor on what was drawn before.
What is drawn is left to the callers.
"""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """First step of every path, so that two parts of the demo never share a stream."""

    PERSON = 1
    PLAN = 2
    BODY = 3
    IMAGE = 4
    EXPOSURE = 5
    BURN_IN = 6
    HEADER = 7
    REPORT = 8
    FAULT = 9
    STRAY = 10


def stream(seed: int, purpose: Purpose, *path: int) -> np.random.Generator:
    """Give the generator at the end of a path below the hospital's seed.

    Parameters
    ----------
    seed : int
        The hospital's seed.
    purpose : Purpose
        What the numbers are for.
    *path : int
        Patient index, study ordinal, image ordinal, as far as they apply.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(int(purpose), *path)))


def scatter(ordinal: int, *, seed: int, digits: int) -> int:
    """Turn an ordinal into a number of exactly `digits` digits that looks random; no two ordinals share one.

    An affine map with an odd multiplier that is no multiple of 5 or 3 is a permutation of the range, so that
    record numbers stay unique without a table of those already given. Ordinals beyond the range start over.
    """
    low = 10 ** (digits - 1)
    span = 9 * low
    multiplier = 7_368_787
    shift: int = int(np.random.SeedSequence(seed, spawn_key=(digits,)).generate_state(1)[0])
    return int(low + (ordinal * multiplier + shift) % span)
