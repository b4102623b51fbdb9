"""Decides which images are one picture exported more than once, from their perceptual hashes alone.

Takes the hashes of all images, of hundreds of thousands, and gives groups. Leaves what follows from a group to the
release and the split: nothing is dropped here, and few differing bits mean that somebody should look.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

MAX_BITS = 16
"""Of 256. The same picture scaled, recompressed, brightened or with noise differs in at most 8 (91 radiographs); the
two most alike of 4,095 pairs of different radiographs in 52."""
MAX_COARSE_BITS = 4
"""Of the first 64, which the search looks at first; the same picture differs in at most 2 of them."""

_WORDS = 4  # of 64 bits
_BANDS = 8
_Hashes = NDArray[np.uint64]


def group_duplicates(hashes: Sequence[str]) -> NDArray[np.int64]:
    """Group images whose perceptual hashes differ in at most 16 bits, and in at most 4 of the first 64.

    Groups are closed: where a is near b and b near c, all three are one group. They do not depend on the order.

    Every pair is found without comparing every pair: cut into 8 bands, two words that differ in at most 4 bits have 4
    bands in common, whichever. For each of the 70 choices of 4 bands, equal ones are brought together by sorting and
    only those are compared (after Manku et al., WWW 2007, section 3). Equal hashes are taken once.

    Parameters
    ----------
    hashes : sequence of str
        64 hexadecimal digits each, as `perceptual_hash` and the column `phash` have them.

    Returns
    -------
    (images,) int64 array
        Position of the first image of the group; its own for an image that is like no other.
    """
    if not hashes:
        return np.empty(0, np.int64)
    words: _Hashes = np.frombuffer(bytes.fromhex("".join(hashes)), ">u8").astype(np.uint64).reshape(-1, _WORDS)
    distinct, first, member = np.unique(words, axis=0, return_index=True, return_inverse=True)
    roots = _join(len(distinct), _near_pairs(distinct))
    smallest = np.full(len(distinct), len(hashes), np.int64)
    np.minimum.at(smallest, roots, first)
    return smallest[roots][member.ravel()]


def _near_pairs(words: _Hashes) -> Iterator[tuple[int, int]]:
    """Pairs of rows that are near; one pair may come more than once."""
    coarse = np.ascontiguousarray(words[:, 0])
    for mask in _band_masks():
        keys = coarse & mask
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        start = np.flatnonzero(ordered[1:] == ordered[:-1])
        step = 1
        while start.size:
            one, other = order[start], order[start + step]
            near = np.bitwise_count(coarse[one] ^ coarse[other]) <= MAX_COARSE_BITS
            one, other = one[near], other[near]
            near = np.bitwise_count(words[one] ^ words[other]).sum(axis=1) <= MAX_BITS
            yield from zip(one[near].tolist(), other[near].tolist(), strict=True)
            step += 1
            start = start[start + step < len(ordered)]
            start = start[ordered[start + step] == ordered[start]]


def _band_masks() -> list[np.uint64]:
    """Each choice of 4 of 8 bands; a band is one bit of every eighth, so that none is all of low frequencies."""
    bands = [sum(1 << (band + _BANDS * place) for place in range(64 // _BANDS)) for band in range(_BANDS)]
    return [np.uint64(sum(chosen)) for chosen in combinations(bands, _BANDS - MAX_COARSE_BITS)]


def _join(count: int, pairs: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    """The root of each row, after all pairs are joined."""
    parents = list(range(count))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = parents[row]
        return row

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parents[high] = low
    return np.array([root(row) for row in range(count)], np.int64)
