"""Receives what a PACS sends to our AE title: a storage service on a port of our own, as C-MOVE needs it.

Takes settings and where files go; hands on each image as it came, with the head of a file before it. Reads straight
from the socket into the file's bytes, because pynetdicom's service spends longer on a small study than the study
takes to send (docs/decisions). What the bytes of the protocol mean is left to `upper_layer`.
"""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from cxr_core.errors import UsageError
from cxr_core.intake.sources import dimse_words as words
from cxr_core.intake.sources import upper_layer as layer
from cxr_core.intake.sources.arrivals import Arrivals, Receipt
from cxr_core.intake.sources.certificates import server_context
from cxr_core.policy.limits import MAX_FILE_BYTES
from cxr_core.settings.pacs import PacsSettings

_STATUS: Final = {
    Receipt.KEPT: words.SUCCESS,
    Receipt.NOT_ASKED_FOR: words.NOT_AUTHORISED,
    Receipt.CANNOT_KEEP: words.OUT_OF_RESOURCES,
}
_MAX_PDU = 1 << 20
_MAX_PROPOSAL = 1 << 18  # 128 contexts with every coding are a tenth of it
_MAX_COMMAND = 1 << 14
_MAX_CONVERSATIONS = 16
_PATIENCE_S = 5.0
_QUICK: Final = getattr(socket, "TCP_QUICKACK", None)  # Linux alone has it


@contextlib.contextmanager
def storage_service(settings: PacsSettings, arrivals: Arrivals) -> Iterator[None]:
    """Receive what the PACS sends, on our own port, while the context is open.

    Raises
    ------
    UsageError
        The port cannot be had, or the certificates cannot be read.
    """
    context = server_context(settings) if settings.tls else None
    service = _Service(settings, arrivals, context, _listen(settings))
    threading.Thread(target=service.run, name="storage service", daemon=True).start()
    try:
        yield
    finally:
        service.close()


def _listen(settings: PacsSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.listen_host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.listen_host, settings.listen_port))
        listener.listen()
    except OSError:
        listener.close()
        raise UsageError(f"port {settings.listen_port} cannot be listened on: another program has it") from None
    return listener


@dataclass(slots=True)
class _Service:
    """Listens, and gives each connection a thread of its own."""

    settings: PacsSettings
    arrivals: Arrivals = field(repr=False)
    context: ssl.SSLContext | None = field(repr=False)
    listener: socket.socket = field(repr=False)
    _open: set[socket.socket] = field(default_factory=set, repr=False)
    _threads: list[threading.Thread] = field(default_factory=list, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def run(self) -> None:
        """Accept connections until the listener is shut down."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(connection)
                is_busy = len(self._open) > _MAX_CONVERSATIONS
                self._threads = [thread for thread in self._threads if thread.is_alive()]
                thread = threading.Thread(target=self._converse, args=(connection,), kwargs={"is_busy": is_busy})
                thread.daemon = True
                self._threads.append(thread)
                thread.start()

    def close(self) -> None:
        """End every conversation and stop listening."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            threads = list(self._threads)
        for thread in threads:
            thread.join(_PATIENCE_S)

    def _converse(self, connection: socket.socket, *, is_busy: bool) -> None:
        stream: socket.socket = connection
        try:
            connection.settimeout(self.settings.connect_timeout_s)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context is not None:
                stream = self.context.wrap_socket(connection, server_side=True)
            _Conversation(stream, self.settings, self.arrivals).run(is_busy=is_busy)
        # The edge of a conversation: whatever a peer sends must not end the service, and a trace may quote it.
        except Exception:  # noqa: BLE001
            with contextlib.suppress(OSError):
                stream.sendall(layer.abort(is_malformed=False))
        finally:
            with self._lock:
                self._open.discard(connection)
            stream.close()
            connection.close()


class _Ended(Exception):
    """The peer has hung up."""


@dataclass(slots=True)
class _Message:
    """What has come of one message: its command, and behind it the file."""

    command: bytearray = field(default_factory=bytearray, repr=False)
    elements: dict[int, bytes] = field(default_factory=dict, repr=False)
    file: bytearray = field(default_factory=bytearray, repr=False)


@dataclass(slots=True)
class _Conversation:
    """One association, from the proposal to the release (PS3.8 section 7)."""

    stream: socket.socket = field(repr=False)
    settings: PacsSettings
    arrivals: Arrivals = field(repr=False)
    syntaxes: dict[int, str] = field(default_factory=dict)

    def run(self, *, is_busy: bool) -> None:
        """Negotiate, receive, answer, until the peer releases or hangs up."""
        try:
            if self._is_agreed(is_busy=is_busy):
                self.stream.settimeout(self.settings.silence_timeout_s)
                self._receive()
        except layer.Malformed:
            self.stream.sendall(layer.abort(is_malformed=True))
        except _Ended:
            return

    def _is_agreed(self, *, is_busy: bool) -> bool:
        kind, length = self._head()
        if kind != layer.PROPOSAL or length > _MAX_PROPOSAL:
            raise layer.Malformed
        proposal = layer.read_proposal(bytes(self._read(length)))
        if is_busy or proposal.called != self.settings.our_ae_title:
            self.stream.sendall(layer.rejection(layer.IS_BUSY if is_busy else layer.UNKNOWN_CALLED))
            return False
        self.syntaxes = proposal.syntaxes
        self.stream.sendall(layer.acceptance(proposal, _MAX_PDU))
        return True

    def _receive(self) -> None:
        message = _Message()
        while True:
            kind, length = self._head()
            if kind == layer.RELEASE:
                self.stream.sendall(layer.unit(layer.RELEASED, bytes(4)))
                self._wait_for_the_end()
                return
            if kind == layer.ABORT:
                return
            if kind != layer.DATA:
                raise layer.Malformed
            while length:
                size, context, head = struct.unpack(">LBB", self._read(6))
                if size < 2 or size + 4 > length or context not in self.syntaxes:
                    raise layer.Malformed
                length -= size + 4
                if self._is_whole(message, context, head, size - 2):
                    self._serve(message, context)
                    message = _Message()
            self._acknowledge()

    def _wait_for_the_end(self) -> None:
        """Who proposed hangs up (PS3.8 section 9.2, state 13)."""
        self.stream.settimeout(_PATIENCE_S)
        with contextlib.suppress(OSError):
            self.stream.recv(1)

    def _is_whole(self, message: _Message, context: int, head: int, size: int) -> bool:
        """Read one fragment; True where the message has come whole with it."""
        if head & layer.IS_COMMAND:
            if message.elements or len(message.command) + size > _MAX_COMMAND:
                raise layer.Malformed
            message.command += self._read(size)
            if not head & layer.IS_LAST:
                return False
            message.elements = layer.read_command(bytes(message.command))
            if layer.number_of(message.elements, layer.DATA_SET) == layer.NO_DATA_SET:
                return True
            message.file += self._file_head(message, context)
            return False
        if not message.elements or len(message.file) + size > MAX_FILE_BYTES:
            raise layer.Malformed
        self._read_into(message.file, size)
        return bool(head & layer.IS_LAST)

    def _file_head(self, message: _Message, context: int) -> bytes:
        uids = [layer.uid_of(message.elements, element) for element in (layer.SOP_CLASS, layer.SOP_INSTANCE)]
        return layer.file_head(uids[0], uids[1], self.syntaxes[context])

    def _serve(self, message: _Message, context: int) -> None:
        command, uid = layer.number_of(message.elements, layer.COMMAND), ""
        if command == layer.C_CANCEL:
            return
        status = words.NOT_SUPPORTED
        if command == layer.C_ECHO:
            status = words.SUCCESS
        elif command == layer.C_STORE and message.file:
            uid = layer.uid_of(message.elements, layer.SOP_INSTANCE)
            status = _STATUS[self.arrivals.take(uid, message.file)] if uid else words.NOT_SUPPORTED
        self.stream.sendall(layer.answer(message.elements, context, status))

    def _head(self) -> tuple[int, int]:
        kind, length = struct.unpack(">BxL", self._read(6))
        return kind, length

    def _read(self, size: int) -> bytearray:
        content = bytearray()
        self._read_into(content, size)
        return content

    def _read_into(self, target: bytearray, size: int) -> None:
        """Append so many bytes of the stream; room is made piece by piece, as they come."""
        while size:
            start, piece = len(target), min(size, _MAX_PDU)
            target += bytes(piece)
            with memoryview(target) as view:
                while piece:
                    got = self.stream.recv_into(view[start:], piece)
                    if not got:
                        raise _Ended
                    start, piece, size = start + got, piece - got, size - got

    def _acknowledge(self) -> None:
        """Tell the peer at once that its bytes came; see `dimse`."""
        if _QUICK is not None:
            with contextlib.suppress(OSError):
                self.stream.setsockopt(socket.IPPROTO_TCP, _QUICK, 1)
