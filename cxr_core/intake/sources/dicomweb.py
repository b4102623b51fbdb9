"""Speaks DICOMweb with a PACS: QIDO-RS to find, WADO-RS to fetch, as a stream of files in the coding they lie in.

Takes the settings of a PACS and where received files go. The only module that imports dicomweb-client; its own
retrieval would decode and write every file anew, so bodies are taken apart by `multipart`.
"""

import contextlib
import datetime as dt
import io
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from dicomweb_client import DICOMwebClient
from dicomweb_client.session_utils import create_session, create_session_from_user_pass

from cxr_core.errors import BuildError, HilumError, ItemError, TransientError, UsageError
from cxr_core.intake.sources.arrivals import Arrivals
from cxr_core.intake.sources.credentials import Credentials, load_credentials
from cxr_core.intake.sources.folder import read_header, text_of
from cxr_core.intake.sources.multipart import boundary_of, split_parts
from cxr_core.intake.sources.peer import Answer, FoundStudy, ListedInstance, TimeWindow
from cxr_core.settings.pacs import PacsSettings

for _name in ("dicomweb_client", "urllib3", "requests"):  # they log addresses, which name studies
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)

_AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_PAGE = 500
_CHUNK_BYTES = 1 << 18
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
_NOT_FOUND = 404
_NOT_LET_IN = frozenset({401, 403})
_PATIENT_TAGS = ("00100020", "00100021", "00080050", "00080020", "00080030")
_FIELDS = ["PatientID", "IssuerOfPatientID", "AccessionNumber", "StudyDate", "StudyTime", "ModalitiesInStudy"]
_Page = Callable[[int, int], list[dict[str, dict[str, Any]]]]


@dataclass(slots=True)
class DicomwebPeer:
    """A session over HTTP."""

    settings: PacsSettings
    arrivals: Arrivals = field(repr=False)
    _client: DICOMwebClient = field(init=False, repr=False)
    _session: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        settings = self.settings
        self._session = _session(settings, load_credentials(settings))
        timeout = (settings.connect_timeout_s, settings.silence_timeout_s)
        self._client = DICOMwebClient(settings.url.rstrip("/"), session=self._session, timeout=timeout)
        self._client.set_http_retry_params(retry=False)  # how often is decided by acquisition, in one place

    def echo(self) -> list[str]:
        """See `Peer`."""
        with _http():
            self._client.search_for_studies(limit=1)
        return ["the DICOMweb service answers", "QIDO-RS: taken"]

    def find(self, day: dt.date, window: TimeWindow, modality: str) -> Answer:
        """See `Peer`."""
        filters = {"StudyDate": f"{day:%Y%m%d}", "StudyTime": window.spelled(), "ModalitiesInStudy": modality}
        asked = {key: value for key, value in filters.items() if value}
        fields = [*_FIELDS, "NumberOfStudyRelatedInstances"]
        found = _pages(
            lambda limit, offset: self._client.search_for_studies(
                limit=limit, offset=offset, fields=fields, search_filters=asked
            ),
            "0020000D",
        )
        return Answer(tuple(_study(one) for one in found if _first(one, "0020000D")))

    def list_instances(self, study_uid: str) -> tuple[ListedInstance, ...] | None:
        """See `Peer`."""
        found = _pages(
            lambda limit, offset: self._client.search_for_instances(study_uid, limit=limit, offset=offset), "00080018"
        )
        listed = (ListedInstance(*(_first(one, tag) for tag in ("00080018", "0020000E", "00080016"))) for one in found)
        return tuple(one for one in listed if one.uid) or None

    def fetch(self, study_uid: str, wanted: Sequence[ListedInstance], *, is_whole: bool) -> bool:
        """See `Peer`."""
        study = f"{self.settings.url.rstrip('/')}/studies/{quote(study_uid, safe='')}"
        if is_whole and self._receive(study):
            return True
        # One by one, too, where a server does not find a study that it names: its images lie under two patients.
        one_by_one = (
            f"{study}/series/{quote(one.series_uid, safe='')}/instances/{quote(one.uid, safe='')}" for one in wanted
        )
        return all([self._receive(url) for url in one_by_one])  # noqa: C419  one failure ends nothing

    def close(self) -> None:
        """See `Peer`."""
        self._session.close()

    def _receive(self, url: str) -> bool:
        """Take what lies at an address; gives False where nothing does."""
        timeout = (self.settings.connect_timeout_s, self.settings.silence_timeout_s)
        with _http(), self._session.get(url, headers={"Accept": _AS_STORED}, stream=True, timeout=timeout) as response:
            if response.status_code == _NOT_FOUND:
                return False
            response.raise_for_status()
            boundary = boundary_of(response.headers.get("Content-Type", ""))
            if boundary is None:
                raise BuildError("the PACS answers a WADO-RS request with something else than files")
            for content in split_parts(response.iter_content(_CHUNK_BYTES), boundary):
                self.arrivals.take(_instance_uid(content), content)
                self.arrivals.check()
        return True


def _session(settings: PacsSettings, credentials: Credentials) -> Any:
    if credentials.user:
        session = create_session_from_user_pass(credentials.user, credentials.password)
    else:
        session = create_session()
        if credentials.token:
            session.headers["Authorization"] = f"Bearer {credentials.token}"
    session.trust_env = False  # no proxy or password file of the environment decides where patients' images go
    if settings.ca_file is not None:
        session.verify = str(settings.ca_file)
    if settings.cert_file is not None:
        session.cert = (
            (str(settings.cert_file), str(settings.key_file)) if settings.key_file else str(settings.cert_file)
        )
    return session


def _pages(ask: _Page, key: str) -> list[dict[str, dict[str, Any]]]:
    """Every page of an answer; a server may give fewer than asked for, or pay no heed to the offset."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    rows: list[dict[str, dict[str, Any]]] = []
    while True:
        with _http():
            page = ask(_PAGE, len(rows))
        is_new = any(_first(row, key) not in found for row in page)
        if not is_new:
            return rows
        found |= {_first(row, key): row for row in page}
        rows += page


def _values(row: dict[str, dict[str, Any]], tag: str) -> list[str]:
    return [str(value) for value in row.get(tag, {}).get("Value") or () if value is not None]


def _first(row: dict[str, dict[str, Any]], tag: str) -> str:
    return next(iter(_values(row, tag)), "").strip()


def _study(row: dict[str, dict[str, Any]]) -> FoundStudy:
    facts = [_first(row, tag) for tag in _PATIENT_TAGS]
    return FoundStudy.of(_first(row, "0020000D"), facts, _first(row, "00201208"), _values(row, "00080061"))


def _instance_uid(content: bytes) -> str:
    """The instance that a file says it is; empty where it cannot be read, and then nobody has asked for it."""
    try:
        return text_of(read_header(io.BytesIO(content), len(content)).node, "SOPInstanceUID")
    except ItemError:
        return ""


@contextlib.contextmanager
def _http() -> Iterator[None]:
    """What goes wrong over HTTP, in one line without the address, which names a study."""
    try:
        yield
    except HilumError:
        raise
    except OSError as error:  # the root of everything that requests raises
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in _NOT_LET_IN:
            raise UsageError(f"the PACS does not let us in (HTTP {status}): look at the credentials") from None
        if status is not None and status not in _AGAIN:
            raise BuildError(f"the PACS refuses a DICOMweb request (HTTP {status})") from None
        if "SSL" in type(error).__name__:
            raise UsageError("the certificate of the PACS is not trusted: source.pacs.ca_file") from None
        told = f"HTTP {status}" if status else "the connection was lost, or there is none"
        raise TransientError(f"no answer from the DICOMweb service: {told}") from None
    except ValueError:
        raise BuildError("the PACS answers a DICOMweb query with something else than DICOM JSON") from None
