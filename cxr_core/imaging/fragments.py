"""Decides where the bytes of the one frame lie within encapsulated pixel data.

Takes the value of an encapsulated PixelData and gives the joined fragments, with a mark where the data ends early.
Leaves the meaning of the bytes to `codestreams`.
"""

from cxr_core.errors import ItemError
from cxr_core.vocabulary import Reason

_ITEM = b"\xfe\xff\x00\xe0"
_DELIMITER = b"\xfe\xff\xdd\xe0"


def join_fragments(data: bytes) -> tuple[bytes, bool]:
    """Join the fragments of a single frame behind the offset table (PS3.5 annex A.4).

    Parameters
    ----------
    data : bytes
        Value of PixelData: items, with or without the closing delimiter.

    Returns
    -------
    frame : bytes
        The fragments one after the other.
    is_whole : bool
        False where bytes that are no item follow the last one.

    Raises
    ------
    ItemError
        E_PIXELS: no item, an item longer than the data, or nothing in the items.
    """
    fragments: list[bytes] = []
    position = 0
    while data[position : position + 4] == _ITEM:
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        position += 8 + length
        if position > len(data):
            raise ItemError(Reason.E_PIXELS, "encapsulated pixel data is truncated")
        fragments.append(data[position - length : position])
    frame = fragments[1] if len(fragments) == 2 else b"".join(fragments[1:])  # the first is the offset table
    if not frame:
        raise ItemError(Reason.E_PIXELS, "encapsulated pixel data holds no frame")
    rest = data[position:]
    return frame, rest[:4] == _DELIMITER or not rest.strip(b"\0")
