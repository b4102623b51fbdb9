"""Decides what the bytes of DICOM's network protocol mean to a service that only receives: proposals and commands.

Takes the bodies of protocol data units and gives plain values, and gives the bytes of the answers, or `Malformed`.
Sockets, threads and what is done with an image are left to `storage_service`.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

PROPOSAL, ACCEPTANCE, REJECTION, DATA, RELEASE, RELEASED, ABORT = range(1, 8)
"""Types of protocol data units (PS3.8 section 9.3)."""
C_STORE, C_ECHO, C_CANCEL, RESPONSE = 0x0001, 0x0030, 0x0FFF, 0x8000
"""Command fields (PS3.7 annex E)."""
VERIFICATION: Final = "1.2.840.10008.1.1"
UNKNOWN_CALLED, IS_BUSY = (1, 1, 7), (2, 3, 2)
"""Result, source and reason of a rejection (PS3.8 section 9.3.4)."""
IS_COMMAND, IS_LAST = 1, 2
"""Bits of the head of a fragment (PS3.8 annex E)."""
NO_DATA_SET: Final = 0x0101
SOP_CLASS, COMMAND, MESSAGE, ANSWERED, DATA_SET, STATUS, SOP_INSTANCE = (
    0x0002, 0x0100, 0x0110, 0x0120, 0x0800, 0x0900, 0x1000,
)  # fmt: skip
"""Elements of the command group 0000."""

_STANDARD, _STORAGE = "1.2.840.10008.", "1.2.840.10008.5.1.4.1.1."
_OUR_CLASS_UID: Final = "2.25.62320644568370556819688634380535378364"
_OUR_VERSION: Final = b"HILUM"
_APPLICATION, _OFFERED, _ANSWERED, _ABSTRACT, _TRANSFER, _USER = 0x10, 0x20, 0x21, 0x30, 0x40, 0x50
_MAX_LENGTH, _IMPLEMENTATION, _VERSION = 0x51, 0x52, 0x55
_ACCEPTED, _REFUSED_CLASS = 0, 3
_HEAD_BYTES = 68  # of a proposal and of its answer, before the first item


class Malformed(Exception):
    """The bytes are no message of this protocol."""


@dataclass(frozen=True, slots=True)
class Context:
    """One kind of object that the peer wants to send, and the codings it offers, its own choice first."""

    number: int
    sop_class: str
    syntaxes: tuple[str, ...]

    @property
    def is_taken(self) -> bool:
        """True for storage, private kinds included, and for the test of the connection."""
        is_storage = self.sop_class.startswith(_STORAGE) or not self.sop_class.startswith(_STANDARD)
        return bool(self.syntaxes) and (is_storage or self.sop_class == VERIFICATION)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a peer proposes when it connects."""

    called: str
    names: bytes = field(repr=False)
    contexts: tuple[Context, ...]

    @property
    def syntaxes(self) -> dict[int, str]:
        """Coding by number of the contexts that are taken: as a file lies there, so that nothing is converted."""
        return {one.number: one.syntaxes[0] for one in self.contexts if one.is_taken}


def read_proposal(body: bytes) -> Proposal:
    """Read an A-ASSOCIATE-RQ without its first six bytes.

    Raises
    ------
    Malformed

    Source: PS3.8 section 9.3.2.
    """
    if len(body) < _HEAD_BYTES:
        raise Malformed
    contexts = tuple(_context(item) for kind, item in _items(body[_HEAD_BYTES:]) if kind == _OFFERED)
    return Proposal(_text(body[4:20]), body[4:36], contexts)


def acceptance(proposal: Proposal, max_pdu: int) -> bytes:
    """The A-ASSOCIATE-AC to a proposal (PS3.8 section 9.3.3)."""
    contexts = b"".join(
        _item(
            _ANSWERED,
            bytes([one.number, 0, _ACCEPTED if one.is_taken else _REFUSED_CLASS, 0])
            + _item(_TRANSFER, (one.syntaxes or ("",))[0].encode("ascii")),
        )
        for one in proposal.contexts
    )
    user = (
        _item(_MAX_LENGTH, struct.pack(">L", max_pdu))
        + _item(_IMPLEMENTATION, _OUR_CLASS_UID.encode())
        + _item(_VERSION, _OUR_VERSION)
    )
    body = struct.pack(">HH", 1, 0) + proposal.names + bytes(32)
    return unit(ACCEPTANCE, body + _item(_APPLICATION, b"1.2.840.10008.3.1.1.1") + contexts + _item(_USER, user))


def rejection(why: tuple[int, int, int]) -> bytes:
    """An A-ASSOCIATE-RJ."""
    return unit(REJECTION, bytes([0, *why]))


def abort(*, is_malformed: bool) -> bytes:
    """An A-ABORT: of the service itself, or because a message was none (PS3.8 section 9.3.8)."""
    return unit(ABORT, bytes([0, 0, 2, 6] if is_malformed else [0, 0, 0, 0]))


def unit(kind: int, body: bytes) -> bytes:
    """A protocol data unit."""
    return struct.pack(">BBL", kind, 0, len(body)) + body


def read_command(content: bytes) -> dict[int, bytes]:
    """Element number to value of a command set, which is always implicit little endian (PS3.7 section 6.3.1).

    Raises
    ------
    Malformed
    """
    found, place = {}, 0
    while place < len(content):
        if place + 8 > len(content):
            raise Malformed
        group, element, length = struct.unpack_from("<HHL", content, place)
        place += 8
        if group or place + length > len(content):
            raise Malformed
        found[element] = content[place : place + length]
        place += length
    return found


def number_of(command: Mapping[int, bytes], element: int) -> int:
    """A short number of a command set.

    Raises
    ------
    Malformed
    """
    value = command.get(element, b"")
    if len(value) != 2:
        raise Malformed
    return int.from_bytes(value, "little")


def uid_of(command: Mapping[int, bytes], element: int) -> str:
    """A UID of a command set; empty where there is none."""
    return _text(command.get(element, b""))


def answer(command: Mapping[int, bytes], context: int, status: int) -> bytes:
    """The response to a request, as one P-DATA-TF."""
    elements = {
        SOP_CLASS: command.get(SOP_CLASS, b""),
        COMMAND: _short(number_of(command, COMMAND) | RESPONSE),
        ANSWERED: command.get(MESSAGE, b""),
        DATA_SET: _short(NO_DATA_SET),
        STATUS: _short(status),
        SOP_INSTANCE: command.get(SOP_INSTANCE, b""),
    }
    content = b"".join(_element(number, value) for number, value in elements.items() if value)
    content = _element(0, struct.pack("<L", len(content))) + content
    return unit(DATA, struct.pack(">LBB", len(content) + 2, context, IS_COMMAND | IS_LAST) + content)


def file_head(sop_class: str, sop_instance: str, syntax: str) -> bytes:
    """Preamble and meta group of a DICOM file (PS3.10 section 7.1)."""
    texts = {0x02: sop_class, 0x03: sop_instance, 0x10: syntax, 0x12: _OUR_CLASS_UID}
    elements = struct.pack("<HH2sHLH", 2, 1, b"OB", 0, 2, 0x0100)
    for number, text in texts.items():
        value = _even(text.encode("ascii"), b"\0")
        elements += struct.pack("<HH2sH", 2, number, b"UI", len(value)) + value
    version = _even(_OUR_VERSION, b" ")
    elements += struct.pack("<HH2sH", 2, 0x13, b"SH", len(version)) + version
    return bytes(128) + b"DICM" + struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(elements)) + elements


def _context(content: bytes) -> Context:
    if len(content) < 4:
        raise Malformed
    items: Sequence[tuple[int, bytes]] = list(_items(content[4:]))
    (sop_class, *_) = [*(_text(item) for kind, item in items if kind == _ABSTRACT), ""]
    return Context(content[0], sop_class, tuple(_text(item) for kind, item in items if kind == _TRANSFER))


def _items(content: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(content):
        if place + 4 > len(content):
            raise Malformed
        kind, length = struct.unpack_from(">BxH", content, place)
        place += 4
        if place + length > len(content):
            raise Malformed
        yield kind, content[place : place + length]
        place += length


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content


def _element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 0, number, len(value)) + value


def _short(value: int) -> bytes:
    return struct.pack("<H", value)


def _even(value: bytes, filler: bytes) -> bytes:
    return value + filler * (len(value) % 2)


def _text(value: bytes) -> str:
    try:
        return value.decode("ascii").strip(" \0")
    except UnicodeDecodeError:
        raise Malformed from None
