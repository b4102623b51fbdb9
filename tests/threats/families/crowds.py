"""Bombs of many small parts: elements, items, values, words. Each is harmless, and there are a hundred thousand.

Bombs of few large parts are in `bombs`.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from dicom_bytes import (
    DEFLATED,
    IMPLICIT,
    ITEM,
    SEQUENCE_END,
    UNDEFINED,
    ZEROS,
    Element,
    around,
    deflated,
    encode,
    image,
    meta,
    part10,
    text,
)
from threat import Beyond, Family, Outcome, Threat, file_threat

from cxr_core.vocabulary import Reason

_REFERENCED_IMAGES, _VIEW_CODES, _PRIVATE = 0x00081140, 0x00540220, 0x00310000
_MANY = 100_000
_CLEANED_OR_REFUSED: tuple[Outcome, ...] = (Beyond.CLEANED, Reason.E_NOT_DICOM, Reason.E_BOMB)

_file = partial(file_threat, Family.BOMBS)


def _empty_elements(count: int) -> bytes:
    """Empty private elements, each under a tag of its own."""
    numbers = np.arange(count)
    record = np.zeros(count, np.dtype([("group", "<u2"), ("element", "<u2"), ("vr", "S2"), ("length", "<u2")]))
    record["group"] = (_PRIVATE >> 16) + numbers // 0xEFFF * 2
    record["element"] = 0x1000 + numbers % 0xEFFF
    record["vr"] = b"LO"
    return record.tobytes()


def _elements(entry: str) -> bytes:
    low, high = around(entry, _PRIVATE)
    return part10([*low, _empty_elements(_MANY), *high])


def _deflated_elements(entry: str) -> bytes:
    low, high = around(entry, _PRIVATE)
    content = encode([*low, _empty_elements(2_000_000), *high])
    return ZEROS + b"DICM" + meta(DEFLATED) + deflated((content, 1))


def _items(tag: int, count: int, *, has_lengths: bool) -> Callable[[str], bytes]:
    def make(entry: str) -> bytes:
        low, high = around(entry, tag)
        body = encode([Element(ITEM, "")]) * count
        if has_lengths:
            return part10([*low, Element(tag, "SQ", body), *high])
        return part10([*low, Element(tag, "SQ", b"", UNDEFINED), body, Element(SEQUENCE_END, ""), *high])

    return make


def _deflated_items(entry: str) -> bytes:
    low, high = around(entry, _REFERENCED_IMAGES)
    before = encode([*low, Element(_REFERENCED_IMAGES, "SQ", b"", UNDEFINED)])
    block = encode([Element(ITEM, "")]) * 8192
    behind = encode([Element(SEQUENCE_END, ""), *high])
    return ZEROS + b"DICM" + meta(DEFLATED) + deflated((before, 1), (block, 128), (behind, 1))


def _private_ids(entry: str) -> bytes:
    low, high = around(entry, _PRIVATE)
    block = text(_PRIVATE | 0x10, "LO", "QZXBLOCK")
    ids = b"".join(encode([text(_PRIVATE | 0x1000 + one, "LO", f"QZXN{one:06d}")]) for one in range(50_000))
    return part10([*low, block, ids, *high])


def _values(tag: int, vr: str, value: bytes) -> Callable[[str], bytes]:
    """One long element, in implicit VR, where every length has 32 bits."""
    return lambda entry: image(entry, text(tag, vr, value), syntax=IMPLICIT)


THREATS: list[Threat] = [
    _file(
        "a-hundred-thousand-empty-elements",
        "Eight bytes of file become some hundreds of memory.",
        _elements,
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "deflate-bomb-of-empty-elements",
        "Sixteen inflated megabytes are below every cap, and become two million Python objects.",
        _deflated_elements,
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "a-hundred-thousand-empty-items",
        "Every item of eight bytes becomes a data set of its own.",
        _items(_REFERENCED_IMAGES, _MANY, has_lengths=False),
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "deflate-bomb-of-empty-items",
        "Eight inflated megabytes are below every cap, and become a million data sets.",
        _deflated_items,
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "twenty-thousand-view-codes",
        "A kept sequence is parsed to its end before the first of its items is judged.",
        _items(_VIEW_CODES, _MANY // 5, has_lengths=True),
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "fifty-thousand-record-numbers",
        "Every private string that looks like a record number becomes a word to look for in pixels.",
        _private_ids,
        _CLEANED_OR_REFUSED,
        canaries=["QZXN0", "QZXBLOCK"],
    ),
    _file(
        "two-hundred-thousand-window-centres",
        "A kept decimal string becomes an object for each of its values before their number is judged.",
        _values(0x00281050, "DS", b"\\".join([b"1"] * 200_000)),
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "two-million-other-names",
        "A person name is an object that decodes itself, and the dictionary wants all of them.",
        _values(0x00101001, "PN", b"\\".join(["QZXVANE^ORLAQZ\xe9".encode()] * 2_000_000)),
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "a-patient-name-of-a-megabyte",
        "One name of a hundred thousand words is a hundred thousand words to look for.",
        _values(0x00100010, "PN", b" ".join(b"QZXN%06d" % one for one in range(_MANY))),
        _CLEANED_OR_REFUSED,
        canaries=["QZXN0"],
    ),
    _file(
        "a-patient-id-of-a-megabyte",
        "The id is a key of the ledger and material of every digest.",
        _values(0x00100020, "LO", b"QZXN" * 250_000),
        (*_CLEANED_OR_REFUSED, Reason.E_TYPE1),
        canaries=["QZXNQZXN"],
    ),
    _file(
        "a-study-description-of-a-megabyte",
        "A text of a megabyte meets every pattern and every word list.",
        _values(0x00081030, "LO", b"CHEST QZXVANE 20130509 " * 45_000),
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "an-integer-string-of-a-megabyte",
        "Turning digits into an integer takes quadratic time.",
        _values(0x00200013, "IS", b"9" * 1_000_000),
        _CLEANED_OR_REFUSED,
    ),
    _file(
        "a-character-set-of-seven-megabytes",
        "The character set is looked up before anything else is read, once for each of its values.",
        _values(0x00080005, "CS", b"\\".join([b"QZXSET"] * 1_000_000)),
        (*_CLEANED_OR_REFUSED, Reason.E_TYPE1),
        canaries=["QZXSET"],
    ),
]
