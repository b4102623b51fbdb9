"""Is a value what its attribute may hold? Numbers in range, words from a list, UIDs that are UIDs.

Takes the values of one element and its rule, gives the values to write, re-serialised from what was parsed, or None.
Reading is left to `reading`, dates to `dates`, texts and codes to `cleaning`, what follows from None to `engine`.
"""

import math
import re
from collections.abc import Iterable, Sequence

from cxr_core.deidentify.header.reading import Value
from cxr_core.policy.profile import KeepRule

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_PUBLISHED_UID = re.compile(r"2\.25\.(0|[1-9][0-9]{0,38})")
_AXES = {"A": 0, "P": 0, "L": 1, "R": 1, "H": 2, "F": 2}
# A record number has seven digits and more, and would pass as the decimals of a dose. Six significant digits place a
# pixel of a 43 cm detector to a third of a micrometre.
_DIGITS = 6


def is_uid(text: str) -> bool:
    """True for dotted digits of at most 64 characters; leading zeros, which PS3.5 forbids, occur in the field."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def is_published_uid(text: str) -> bool:
    """True for `2.25.` and an integer below 2^128 (PS3.5 annex B.2)."""
    return _PUBLISHED_UID.fullmatch(text) is not None and int(text[5:]) < 1 << 128


def integers(values: Sequence[Value], rule: KeepRule) -> list[int] | None:
    """Integers in range, in the allowed number."""
    numbers = _numbers(values, rule)
    if numbers is None or any(number != int(number) for number in numbers):
        return None
    return [int(number) for number in numbers]


def decimals(values: Sequence[Value], rule: KeepRule) -> list[str] | None:
    """Finite numbers in range, written anew as DS."""
    numbers = _numbers(values, rule)
    return None if numbers is None else [decimal_string(number) for number in numbers]


def decimal_string(number: float) -> str:
    """Write a DS of at most six significant digits, so that no record number fits (PS3.5 table 6.2-1)."""
    return f"{number + 0.0:.{_DIGITS}g}"  # + 0.0 turns -0.0 into 0.0


def choices(values: Sequence[Value], rule: KeepRule) -> list[str] | None:
    """Every value from the enumerated set."""
    words = _words(values)
    low, high = rule.multiplicity
    return words if low <= len(words) <= high and set(words) <= rule.values else None


def leading(values: Sequence[Value], rule: KeepRule) -> list[str] | None:
    """The values before the first one that is not enumerated, if enough are left (ImageType)."""
    kept: list[str] = []
    for word in _words(values)[: rule.multiplicity[1]]:
        if word not in rule.values:
            break
        kept.append(word)
    return kept if len(kept) >= rule.multiplicity[0] else None


def orientation(values: Sequence[Value]) -> list[str] | None:
    """Row and column direction (PS3.3 C.7.6.1.1.1): letters of different axes, and different main axes."""
    words = _words(values)
    if len(words) != 2 or not all(words):
        return None
    axes = [[_AXES.get(letter, -1) for letter in word] for word in words]
    if any(-1 in word or len(set(word)) < len(word) for word in axes) or axes[0][0] == axes[1][0]:
        return None
    return words


def _words(values: Iterable[Value]) -> list[str]:
    return [" ".join(str(value).upper().split()) for value in values]


def _numbers(values: Sequence[Value], rule: KeepRule) -> list[float] | None:
    low, high = rule.multiplicity
    if not low <= len(values) <= high:
        return None
    numbers: list[float] = []
    for value in values:
        try:
            number = float(value)
        except ValueError:
            return None
        except OverflowError:  # an integer of more than 308 digits
            return None
        if not math.isfinite(number) or not rule.minimum <= number <= rule.maximum:
            return None
        numbers.append(number)
    return numbers
