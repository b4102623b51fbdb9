"""Takes a multipart/related HTTP body apart while it arrives, and gives each part's bytes as they were sent.

Takes chunks of any size and the boundary; holds one part in memory at most. What the parts are is left to the caller.
"""

import re
from collections.abc import Iterable, Iterator

from cxr_core.errors import TransientError
from cxr_core.policy.limits import MAX_FILE_BYTES

_BOUNDARY = re.compile(r"""boundary=(?:"([^"]+)"|([^\s;"]+))""", re.IGNORECASE)
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d+)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_MOST_HEADER_BYTES = 1 << 16


def boundary_of(content_type: str) -> bytes | None:
    """The boundary that a Content-Type names; None where the body is no multipart."""
    if not content_type.lower().lstrip().startswith("multipart/"):
        return None
    found = _BOUNDARY.search(content_type)
    return (found[1] or found[2]).encode("latin-1") if found else None


def split_parts(chunks: Iterable[bytes], boundary: bytes) -> Iterator[bytes]:
    """Give the content of each part.

    Source: RFC 2046 section 5.1.

    Raises
    ------
    TransientError
        The body ended before its closing boundary: the connection was cut.
    """
    body = _Body(iter(chunks))
    body.read_to(b"--" + boundary)
    delimiter = b"\r\n--" + boundary
    while True:
        if body.read(2) == b"--":
            return
        headers = body.read_to(b"\r\n\r\n", most=_MOST_HEADER_BYTES)
        length = _LENGTH.search(headers.replace(b"\r", b""))
        if length and int(length[1]) <= MAX_FILE_BYTES:
            part = body.read(int(length[1]))
            body.read_to(delimiter)
        else:
            part = body.read_to(delimiter, most=MAX_FILE_BYTES)
        yield part


class _Body:
    """A buffer that is filled when something is looked for in it."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = bytearray()

    def read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        found = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return found

    def read_to(self, mark: bytes, most: int = MAX_FILE_BYTES) -> bytes:
        """What stands before a mark; the mark is taken, too."""
        searched = 0
        while (place := self._buffer.find(mark, searched)) < 0:
            if len(self._buffer) > most:
                raise TransientError("the PACS sent a body that is no multipart of files")
            searched = max(0, len(self._buffer) - len(mark) + 1)
            self._more()
        found = bytes(memoryview(self._buffer)[:place])
        del self._buffer[: place + len(mark)]
        return found

    def _more(self) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise TransientError("the PACS ended a transfer before its end")
        self._buffer += chunk
