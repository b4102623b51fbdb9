"""What a PACS sends lies in its file as it came; what is no message, or not for us, ends one conversation alone."""

import contextlib
import io
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from building import free_port
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless
from pynetdicom import AE
from pynetdicom.association import Association

from cxr_core.errors import UsageError
from cxr_core.intake.sources import upper_layer as layer
from cxr_core.intake.sources.arrivals import Arrivals
from cxr_core.intake.sources.peer import Content
from cxr_core.intake.sources.storage_service import storage_service
from cxr_core.settings.pacs import PacsSettings

DX, PRIVATE, FIND = "1.2.840.10008.5.1.4.1.1.1.1", "1.3.6.1.4.1.9.1", "1.2.840.10008.5.1.4.1.2.2.1"
FRAGMENT = 16_000


@dataclass
class _Port:
    """A running service and what it kept."""

    number: int
    kept: dict[str, bytes] = field(default_factory=dict)
    arrivals: Arrivals = field(init=False)

    def __post_init__(self) -> None:
        self.arrivals = Arrivals(self._keep)
        self.arrivals.expect("1.1", ["1.1.1", "1.1.2"])

    def _keep(self, _study: str, uid: str, content: Content) -> None:
        self.kept[uid] = bytes(content)

    def associate(self, *classes: str, called: str = "HILUM", syntax: str = ExplicitVRLittleEndian) -> Association:
        ae = AE("SENDER")
        ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = 10
        for one in classes:
            ae.add_requested_context(one, syntax)
        return ae.associate("127.0.0.1", self.number, ae_title=called, max_pdu=FRAGMENT)

    def answers(self) -> bool:
        """True where the service still takes a test of the connection."""
        association = self.associate(layer.VERIFICATION)
        status = association.send_c_echo()
        _release(association)
        return bool(status.Status == 0)


def _release(association: Association) -> None:
    """End an association; pynetdicom leaves its socket open where the other end has hung up before it."""
    connection: Any = association.dul.socket
    line = connection.socket
    association.release()
    line.close()


@pytest.fixture
def port() -> Iterator[_Port]:
    opened = _Port(free_port())
    chosen = PacsSettings(listen_host="127.0.0.1", listen_port=opened.number, silence_timeout_s=10)
    with storage_service(chosen, opened.arrivals):
        yield opened


def _image(uid: str = "1.1.1", sop_class: str = DX, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.StudyInstanceUID = sop_class, uid, "1.1"
    dataset.add_new(0x7FE00010, "OB", bytes(range(256)) * 400)
    return dataset


def _sent(dataset: Dataset) -> bytes:
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    content = stream.getvalue()
    return content[content.index(b"\x08\x00\x16\x00UI") :]


def test_an_image_lies_in_its_file_byte_by_byte_behind_a_head_that_names_it(port: _Port) -> None:
    association = port.associate(DX, PRIVATE)
    assert [association.send_c_store(_image(uid)).Status for uid in ("1.1.1", "1.1.2")] == [0, 0]
    _release(association)
    for uid, content in port.kept.items():
        assert content.endswith(_sent(_image(uid)))
        read = dcmread(io.BytesIO(content))
        assert (read.file_meta.TransferSyntaxUID, read.file_meta.MediaStorageSOPInstanceUID) == (
            ExplicitVRLittleEndian,
            uid,
        )
        assert (read.file_meta.MediaStorageSOPClassUID, read.file_meta.ImplementationVersionName) == (DX, "HILUM")
    assert set(port.kept) == {"1.1.1", "1.1.2"}


def test_the_coding_that_the_sender_names_first_is_taken(port: _Port) -> None:
    ae = AE("SENDER")
    ae.add_requested_context(DX, [JPEG2000Lossless, ExplicitVRLittleEndian])
    association = ae.associate("127.0.0.1", port.number, ae_title="HILUM")
    assert [one.transfer_syntax for one in association.accepted_contexts] == [[JPEG2000Lossless]]
    _release(association)


def test_storage_of_any_kind_is_taken_and_no_other_service(port: _Port) -> None:
    association = port.associate(DX, PRIVATE, FIND, layer.VERIFICATION)
    taken = {str(one.abstract_syntax) for one in association.accepted_contexts}
    assert taken == {DX, PRIVATE, layer.VERIFICATION}
    _release(association)


def test_what_nobody_asked_for_is_refused_and_the_next_image_is_kept(port: _Port) -> None:
    association = port.associate(DX)
    stranger = _image("9.9.9")
    stranger.StudyInstanceUID = "9.9"
    assert [association.send_c_store(one).Status for one in (stranger, _image())] == [0x0124, 0]
    _release(association)
    assert set(port.kept) == {"1.1.1"}


def test_another_name_than_ours_is_refused(port: _Port) -> None:
    association = port.associate(DX, called="SOMEBODY")
    assert association.is_rejected
    answer: Any = association.acceptor.primitive
    assert (answer.result, answer.result_source, answer.diagnostic) == layer.UNKNOWN_CALLED


def test_a_port_that_another_has_is_refused_in_one_line(port: _Port) -> None:
    taken = PacsSettings(listen_host="127.0.0.1", listen_port=port.number)
    with pytest.raises(UsageError, match="cannot be listened on"), storage_service(taken, port.arrivals):
        raise AssertionError("the port is taken")


def _call(port: _Port, content: bytes) -> bytes:
    """Send bytes, hang up, and give what came back."""
    with socket.create_connection(("127.0.0.1", port.number), 10) as line:
        line.sendall(content)
        with contextlib.suppress(OSError):  # the service has hung up before
            line.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: _piece(line), b""))


def _piece(line: socket.socket) -> bytes:
    try:
        return line.recv(4096)
    except ConnectionResetError:
        return b""


def _proposal() -> bytes:
    item = struct.Struct(">BxH").pack
    context = b"\1\0\0\0" + item(0x30, len(DX)) + DX.encode() + item(0x40, 17) + b"1.2.840.10008.1.2"
    body = b"\0\1\0\0" + b"HILUM".ljust(16) + b"SENDER".ljust(16) + bytes(32) + item(0x20, len(context)) + context
    return layer.unit(layer.PROPOSAL, body)


def _store_command(size: int = 0) -> bytes:
    element = struct.Struct("<HHL").pack
    values = {0x2: DX.encode(), 0x100: b"\1\0", 0x110: b"\7\0", 0x800: b"\0\0", 0x1000: b"1.1.1\0"}
    content = b"".join(element(0, tag, len(value)) + value for tag, value in values.items())
    return struct.pack(">LBB", (size or len(content)) + 2, 1, 3) + content


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"\7"),
        (layer.unit(layer.DATA, b""), b"\7"),
        (layer.unit(layer.PROPOSAL, bytes(20)), b"\7"),
        (struct.pack(">BxL", layer.PROPOSAL, 0xFFFFFFFF), b"\7"),
        (b"\1\0\0", b""),
        (_proposal() + layer.unit(layer.PROPOSAL, b""), b"\2\7"),
        (_proposal() + layer.unit(layer.DATA, struct.pack(">LBB", 2, 99, 3)), b"\2\7"),
        (_proposal() + layer.unit(layer.DATA, struct.pack(">LBB", 0xFFFFFFFF, 1, 3)), b"\2\7"),
        (_proposal() + layer.unit(layer.DATA, struct.pack(">LBB", 6, 1, 2) + b"data"), b"\2\7"),
        (_proposal() + layer.unit(layer.DATA, _store_command()) + struct.pack(">BxL", layer.DATA, 1 << 31), b"\2"),
        (_proposal() + layer.unit(layer.RELEASE, bytes(4)), b"\2\6"),
        (_proposal() + layer.unit(layer.ABORT, bytes(4)), b"\2"),
    ],
)
def test_what_is_no_message_ends_its_conversation_and_no_other(port: _Port, content: bytes, expected: bytes) -> None:
    told, kinds = _call(port, content), b""
    while told:
        kinds += told[:1]
        told = told[6 + int.from_bytes(told[2:6], "big") :]
    assert kinds == expected
    assert port.kept == {}
    assert port.answers()


def test_an_image_that_breaks_off_is_not_kept(port: _Port) -> None:
    part = layer.unit(layer.DATA, _store_command() + struct.pack(">LBB", 6, 1, 0) + b"data")
    assert _call(port, _proposal() + part)[:1] == b"\2"
    assert port.kept == {}


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_read_or_refused(content: bytes) -> None:
    for read in (lambda one: layer.read_proposal(bytes(68) + one), layer.read_command):
        try:
            read(content)
        except layer.Malformed:
            continue
