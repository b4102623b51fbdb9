"""How an element of a hostile file is read: to plain values, without a crash and without a word.

Takes a dataset and a tag number, gives a `Found`; pydicom's warnings print values, so they are silenced here.
Judging the values is left to `checkers` and `cleaning`.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

Value = str | int | float
_PADDING = " \0\t\r\n"


@dataclass(frozen=True, slots=True)
class Found:
    """What stands under one tag.

    Parameters
    ----------
    present : bool
        The element exists.
    readable : bool
        Its value could be read as text or numbers.
    values : tuple of str, int or float
        The values, padding removed; no value where all are empty.
    """

    present: bool
    readable: bool = True
    values: tuple[Value, ...] = field(default=(), repr=False)

    @property
    def empty(self) -> bool:
        """The element exists, or not, and says nothing."""
        return self.readable and not self.values


@contextmanager
def silence() -> Iterator[None]:
    """Drop the warnings of pydicom, which quote the offending value; its logger is mute from `cxr_core` on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read(source: Dataset, tag: int) -> Found:
    """Read one element of the top level."""
    if tag not in source:
        return Found(present=False)
    try:
        return _plain(source[tag].value)
    # pydicom parses lazily and raises whatever the bytes provoke: ValueError, struct errors, LookupError for unknown
    # character sets, NotImplementedError for unknown VRs, ... The message would quote the value, so none of it is kept.
    except Exception:  # noqa: BLE001
        return Found(present=True, readable=False)


def read_items(source: Dataset, tag: int) -> tuple[Dataset, ...] | None:
    """Read the items of a sequence; None where it cannot be read as one, () where it is absent or empty."""
    if tag not in source:
        return ()
    try:
        value = source[tag].value
        return tuple(value) if isinstance(value, Sequence) else None
    except Exception:  # noqa: BLE001 - as in `read`
        return None


def text_of(found: Found) -> str:
    """Join the values of a text element: a backslash is no separator to whoever typed the description."""
    return " ".join(str(value) for value in found.values)


def _plain(value: object) -> Found:
    if value is None or value == "":
        return Found(present=True)
    if isinstance(value, Sequence | bytes | bytearray | Dataset):
        return Found(present=True, readable=False)
    many = list(value) if isinstance(value, MultiValue | list | tuple) else [value]
    plain = tuple(_number_or_text(one) for one in many)
    return Found(present=True, values=plain) if any(one != "" for one in plain) else Found(present=True)


def _number_or_text(value: object) -> Value:
    if isinstance(value, int | float):  # pydicom's IS and DSfloat are these, with the original string attached
        return int(value) if isinstance(value, int) else float(value)
    return str(value).strip(_PADDING)


def read_stored(source: Dataset, tag: int, *, signed: bool) -> Found:
    """Read a "US or SS" element, which implicit VR files leave as two bytes."""
    found = read(source, tag)
    if found.readable:
        return found
    value = source.get_item(tag)
    raw = getattr(value, "value", None)
    if not isinstance(raw, bytes) or len(raw) != 2:
        return found
    order: Literal["little", "big"] = "big" if source.original_encoding[1] is False else "little"
    return Found(present=True, values=(int.from_bytes(raw, order, signed=signed),))
