"""Decides which of several files with one SOP Instance UID stands for the instance.

Takes the images that claim the same UID and gives the reason why each superfluous one is left out.
How pixels are compared is left to the caller, who may decode them.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import combinations

from cxr_core.vocabulary import Reason

PixelsEqual = Callable[[str, str], bool]
_BEFORE_ALL = dt.datetime(1, 1, 1)  # noqa: DTZ001  local by contract


@dataclass(frozen=True, slots=True)
class Copy:
    """One file that claims a SOP Instance UID."""

    path: str = field(repr=False)
    fingerprint: str = field(repr=False)
    content_at: dt.datetime | None = field(repr=False)
    mtime_ns: int = field(repr=False)


def judge_copies(copies: Iterable[Copy], pixels_equal: PixelsEqual) -> dict[str, Reason]:
    """Reasons by path for all copies but the one that is kept.

    Same bytes: `duplicate`, the first path is kept. Other bytes, equal pixels: the header with the newest content is
    kept (of equally old ones the newer file, then by content, so that no file name decides), the others are
    `reheadered`. Other pixels: nobody can tell which is true, all are `E_DUP`.

    Parameters
    ----------
    copies : iterable of Copy
        All usable files with one SOP Instance UID.
    pixels_equal : callable
        Whether two files, by path, hold the same pixels.
    """
    reasons: dict[str, Reason] = {}
    distinct: dict[str, Copy] = {}
    for copy in sorted(copies, key=lambda one: one.path):
        if copy.fingerprint in distinct:
            reasons[copy.path] = Reason.DUPLICATE
        else:
            distinct[copy.fingerprint] = copy
    kept = sorted(distinct.values(), key=lambda one: (one.content_at or _BEFORE_ALL, one.mtime_ns, one.fingerprint))
    if len(kept) == 1:
        return reasons
    if all(pixels_equal(first.path, second.path) for first, second in combinations(kept, 2)):
        return reasons | {copy.path: Reason.REHEADERED for copy in kept[:-1]}
    return reasons | {copy.path: Reason.E_DUP for copy in kept}
