"""Speaks DICOM's own protocol with a PACS: C-ECHO, C-FIND, C-GET, and C-MOVE to a storage service of our own.

Takes the settings of a PACS and where received files go; gives what it names and has it sent. The only module that
imports pynetdicom. What C-MOVE sends is received by `storage_service`; what to ask for is left to `intake.acquisition`.
"""

import contextlib
import datetime as dt
import logging
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from threading import current_thread
from typing import Any, Final

from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom import AE, _config, build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from cxr_core.errors import HilumError, TransientError, UsageError
from cxr_core.intake.kinds import KEY_OBJECT_CLASS, RADIOGRAPH_CLASSES
from cxr_core.intake.sources import dimse_words as words
from cxr_core.intake.sources.arrivals import Arrivals, Receipt
from cxr_core.intake.sources.certificates import client_context
from cxr_core.intake.sources.elements import Node, ParsedNode
from cxr_core.intake.sources.folder import quiet_pydicom, text_of, value_of
from cxr_core.intake.sources.peer import Answer, FoundStudy, ListedInstance, TimeWindow
from cxr_core.settings.pacs import PacsSettings, Way

# Both libraries log what they send and receive, patients included.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
# Every storage class is taken, private ones too, in the coding that the sender names first: as a file lies there.
# A list of all classes and codings would be copied for each association, which costs more than receiving an image.
_config.UNRESTRICTED_STORAGE_SERVICE = True

FIND: Final = StudyRootQueryRetrieveInformationModelFind
MOVE: Final = StudyRootQueryRetrieveInformationModelMove
GET: Final = StudyRootQueryRetrieveInformationModelGet
_STATUS: Final = {
    Receipt.KEPT: words.SUCCESS,
    Receipt.NOT_ASKED_FOR: words.NOT_AUTHORISED,
    Receipt.CANNOT_KEEP: words.OUT_OF_RESOURCES,
}
_MOST_CONTEXTS = 126  # an association has 128; two are for asking
_LATE_S = 5.0
_UIDS_A_QUERY = 200  # a value of a UI element has at most 65,534 bytes
_PDU_BYTES = 1 << 20
_PATIENT_FACTS = ("PatientID", "IssuerOfPatientID", "AccessionNumber", "StudyDate", "StudyTime")
_PLAIN: Final = [UID(f"1.2.840.10008.1.2{part}") for part in (".1", "", ".1.99", ".2")]
_IMAGE_SYNTAXES: Final = [
    *_PLAIN,
    *(
        UID(f"1.2.840.10008.1.2.{part}")
        for part in ("5", "4.70", "4.57", "4.80", "4.90", "4.50", "4.51", "4.81", "4.91", "4.201", "4.202", "4.203")
    ),
]
_USUAL: Final = (
    *sorted(RADIOGRAPH_CLASSES),
    "1.2.840.10008.5.1.4.1.1.7",
    KEY_OBJECT_CLASS,
    "1.2.840.10008.5.1.4.1.1.11.1",
    "1.2.840.10008.5.1.4.1.1.88.11",
    "1.2.840.10008.5.1.4.1.1.88.22",
    "1.2.840.10008.5.1.4.1.1.88.33",
)


@dataclass(slots=True)
class DimsePeer:
    """One association at a time, opened when it is needed and again when it was lost."""

    settings: PacsSettings
    way: Way
    arrivals: Arrivals = field(repr=False)
    _association: Association | None = field(default=None, repr=False)
    _classes: tuple[str, ...] = _USUAL

    def echo(self) -> list[str]:
        """See `Peer`."""
        association = self._open()
        status = association.send_c_echo()
        if "Status" not in status or status.Status != words.SUCCESS:
            raise TransientError("the PACS does not answer to C-ECHO")
        taken = {context.abstract_syntax for context in association.accepted_contexts}
        model, name = (MOVE, "C-MOVE") if self.way is Way.PACS_MOVE else (GET, "C-GET")
        return [
            f"{self.settings.ae_title} at {self.settings.host}:{self.settings.port} answers",
            *(f"{what}: {'taken' if uid in taken else 'refused'}" for uid, what in ((FIND, "C-FIND"), (model, name))),
        ]

    def find(self, day: dt.date, window: TimeWindow, modality: str) -> Answer:
        """See `Peer`."""
        query = _query("STUDY", StudyDate=f"{day:%Y%m%d}", StudyTime=window.spelled(), ModalitiesInStudy=modality)
        for keyword in ("StudyInstanceUID", "NumberOfStudyRelatedInstances", *_PATIENT_FACTS[:3]):
            setattr(query, keyword, "")
        found, is_cut = self._ask(query)
        return Answer(tuple(_study(answer) for answer in found if text_of(answer, "StudyInstanceUID")), is_cut)

    def list_instances(self, study_uid: str) -> tuple[ListedInstance, ...] | None:
        """See `Peer`. Series first: a PACS need not answer queries that leave a level out (PS3.4 section C.4.1.2.1)."""
        listed = []
        series, _ = self._ask(_query("SERIES", StudyInstanceUID=study_uid, SeriesInstanceUID="", Modality=""))
        for uid in sorted({text_of(answer, "SeriesInstanceUID") for answer in series} - {""}):
            query = _query(
                "IMAGE", StudyInstanceUID=study_uid, SeriesInstanceUID=uid, SOPInstanceUID="", SOPClassUID=""
            )
            images, is_cut = self._ask(query)
            if is_cut:
                return None
            listed += [
                ListedInstance(instance, uid, text_of(answer, "SOPClassUID"))
                for answer in images
                if (instance := text_of(answer, "SOPInstanceUID"))
            ]
        return tuple(listed) or None

    def fetch(self, study_uid: str, wanted: Sequence[ListedInstance], *, is_whole: bool) -> bool:
        """See `Peer`."""
        if self.way is Way.PACS_GET:
            self._propose(one.sop_class for one in wanted)
        queries = _transfers(study_uid, None if is_whole else wanted)
        is_all = [self._transfer(study_uid, query) for query in queries]  # a list: one failure ends nothing
        return all(is_all)

    def close(self) -> None:
        """See `Peer`."""
        association, self._association = self._association, None
        if association is None:
            return
        connection = association.dul.socket
        line = connection.socket if connection is not None else None
        if association.is_established:
            association.release()
        if line is not None:
            line.close()  # pynetdicom leaves it open where the other end has hung up before

    def _transfer(self, study_uid: str, query: Dataset) -> bool:
        association = self._open()
        with quiet_pydicom(), _lost_is_transient():
            if self.way is Way.PACS_MOVE:
                responses = association.send_c_move(query, self.settings.our_ae_title, MOVE)
            else:
                responses = association.send_c_get(query, GET)
            final = [status for status, _ in responses if _code(status) not in words.PENDING][-1]
        self.arrivals.check()
        code = _code(final)
        if code not in (words.SUCCESS, words.PARTLY):
            raise words.failed_transfer(code, self.settings.our_ae_title, self.settings.listen_port)
        if self.way is Way.PACS_MOVE:
            completed = int(value_of(ParsedNode(final), "NumberOfCompletedSuboperations") or 0)
            self.arrivals.wait_for(study_uid, completed, _LATE_S)
            self.arrivals.check()
        return code == words.SUCCESS

    def _ask(self, query: Dataset) -> tuple[list[Node], bool]:
        """All answers to a C-FIND, and whether the PACS ended it early."""
        found: list[Node] = []
        association = self._open()
        with quiet_pydicom(), _lost_is_transient():
            for status, answer in association.send_c_find(query, FIND):
                code = _code(status)
                if code in words.PENDING:
                    found += [ParsedNode(answer)] if answer is not None else []
                elif code in words.CUT:
                    return found, True
                elif code != words.SUCCESS:
                    raise words.failed_query(code)
        return found, False

    def _propose(self, classes: Iterable[str]) -> None:
        """C-GET receives on the association itself, which must know the kinds of objects beforehand."""
        more = tuple(sorted({uid for uid in classes if uid} - set(self._classes)))
        if more:
            self.close()
            self._classes = (*more, *_USUAL)

    def _open(self) -> Association:
        if self._association is not None and self._association.is_established:
            return self._association
        settings, ae = self.settings, _entity(self.settings)
        contexts = [build_context(FIND), build_context(MOVE if self.way is Way.PACS_MOVE else GET)]
        contexts.append(build_context(Verification))
        roles: list[Any] = []
        if self.way is Way.PACS_GET:
            storage = list(_storage_contexts(self._classes))[: _MOST_CONTEXTS - 1]
            contexts += storage
            roles = [build_role(uid, scp_role=True) for uid in {str(one.abstract_syntax) for one in storage}]
        association = ae.associate(
            settings.host,
            settings.port,
            contexts=contexts,
            ae_title=settings.ae_title,
            max_pdu=_PDU_BYTES,
            ext_neg=roles,
            tls_args=(client_context(settings), settings.host) if settings.tls else None,
            evt_handlers=_handlers(self.arrivals),
        )
        if not association.is_established:
            connection = association.dul.socket
            if connection is not None and connection.socket is not None:
                connection.socket.close()  # pynetdicom leaves it open where nobody listens
            raise _not_opened(association)
        _keep_answers(association)
        self._association = association
        return association


def _keep_answers(association: Association) -> None:
    """Let nobody but us take messages off an association.

    Its own thread looks for requests of the peer now and then. pynetdicom pauses it while we wait for an answer, but
    may believe it paused a moment too early: then it takes the first answer and drops it as no request, and a study
    or an image of a list is missing, in silence.
    """
    take = association.dimse.get_msg

    def take_ours(block: bool = False) -> Any:
        return (None, None) if current_thread() is association else take(block)

    # Any: mypy takes no method of an object that is given another one.
    provider: Any = association.dimse
    provider.get_msg = take_ours


def _entity(settings: PacsSettings) -> AE:
    ae = AE(ae_title=settings.our_ae_title)
    ae.acse_timeout = ae.connection_timeout = settings.connect_timeout_s
    ae.dimse_timeout = ae.network_timeout = settings.silence_timeout_s
    ae.maximum_pdu_size = _PDU_BYTES
    return ae


def _handlers(arrivals: Arrivals) -> list[Any]:
    def keep(event: evt.Event) -> int:
        """Write the bytes as they came; nothing is decoded."""
        request: Any = event.request
        return _STATUS[arrivals.take(str(request.AffectedSOPInstanceUID), event.encoded_dataset())]

    return [(evt.EVT_C_STORE, keep), *((event, hurry) for event, hurry in _HURRY)]


def _open_wide(event: evt.Event) -> None:
    """Send without waiting to fill packets, and read a PDU at once instead of 4 kB at a time."""
    connection: Any = event.assoc.dul.socket
    if connection is not None and connection.socket is not None:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.recv = partial(_receive, connection)


def _receive(connection: Any, count: int) -> bytearray:
    """So many bytes, fewer where the connection ends before; what is announced is not believed before it comes."""
    received = bytearray()
    while len(received) < count:
        piece = bytearray(min(count - len(received), _PDU_BYTES))
        got = connection.socket.recv_into(piece)
        if not got:
            break
        received += memoryview(piece)[:got]
    return received


def _acknowledge(event: evt.Event) -> None:
    """Tell the peer at once that its bytes came.

    A peer that sends a message in two small packets waits for this before the second one (RFC 896), and the system
    would wait 40 ms for something to say along with it (RFC 1122): at every answer to a query, and every image.
    The system forgets the wish, so that it is told each time.
    """
    connection = event.assoc.dul.socket
    if _QUICK is not None and connection is not None and connection.socket is not None:
        with contextlib.suppress(OSError):
            connection.socket.setsockopt(socket.IPPROTO_TCP, _QUICK, 1)


_QUICK: Final = getattr(socket, "TCP_QUICKACK", None)  # Linux alone has it
_HURRY: Final = ((evt.EVT_CONN_OPEN, _open_wide), (evt.EVT_DATA_RECV, _acknowledge), (evt.EVT_DATA_SENT, _acknowledge))


def _storage_contexts(classes: Sequence[str]) -> Iterator[PresentationContext]:
    """One context a class and syntax: in a context with several the peer would choose one and convert the rest."""
    for uid in classes:
        is_image = uid in RADIOGRAPH_CLASSES or uid not in _USUAL
        for syntax in _IMAGE_SYNTAXES if is_image else _PLAIN:
            yield build_context(uid, syntax)


def _query(level: str, **keys: str) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(query, keyword, value)
    return query


def _transfers(study_uid: str, wanted: Sequence[ListedInstance] | None) -> Iterator[Dataset]:
    """What to have sent: the study, or the wanted instances series by series."""
    if wanted is None:
        yield _query("STUDY", StudyInstanceUID=study_uid)
        return
    for series, group in groupby(sorted(wanted, key=lambda one: (one.series_uid, one.uid)), lambda one: one.series_uid):
        uids = [one.uid for one in group]
        for start in range(0, len(uids), _UIDS_A_QUERY):
            query = _query("IMAGE", StudyInstanceUID=study_uid, SeriesInstanceUID=series)
            query.SOPInstanceUID = uids[start : start + _UIDS_A_QUERY]
            yield query


def _study(answer: Node) -> FoundStudy:
    modalities = value_of(answer, "ModalitiesInStudy") or ()
    return FoundStudy.of(
        text_of(answer, "StudyInstanceUID"),
        [text_of(answer, keyword) for keyword in _PATIENT_FACTS],
        text_of(answer, "NumberOfStudyRelatedInstances"),
        [modalities] if isinstance(modalities, str) else [str(one) for one in modalities],
    )


def _code(status: Dataset) -> int:
    """The code of a response.

    Raises
    ------
    TransientError
        There was none: the connection was lost, or the PACS was silent for too long.
    """
    if "Status" not in status:
        raise TransientError("the connection to the PACS was lost")
    return int(status.Status)


@contextlib.contextmanager
def _lost_is_transient() -> Iterator[None]:
    """What pynetdicom raises when an association ended under it, or a service was not negotiated."""
    try:
        yield
    except HilumError:
        raise
    except ValueError:
        raise UsageError("the PACS does not offer this service to us; look at `cxr pacs echo`") from None
    except (RuntimeError, OSError, AttributeError):
        raise TransientError("the connection to the PACS was lost") from None


def _not_opened(association: Association) -> HilumError:
    if association.is_rejected:
        answer = association.acceptor.primitive
        if answer is not None:
            return words.refusal(answer.result or 0, answer.result_source or 0, answer.diagnostic or 0)
    return TransientError("no connection to the PACS: address, port, TLS, or a firewall between")
