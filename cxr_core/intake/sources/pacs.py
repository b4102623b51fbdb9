"""Opens a PACS in the way that the configuration says: C-MOVE, C-GET or DICOMweb, behind one interface.

Takes the source's settings and where received files go; gives peers to ask and to fetch with, or one clear line about
what is missing. The protocols are left to others.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cxr_core.errors import UsageError
from cxr_core.intake.sources.arrivals import Arrivals
from cxr_core.intake.sources.peer import Deposit, Peer
from cxr_core.intake.sources.storage_service import storage_service
from cxr_core.settings.pacs import PacsSettings, Way
from cxr_core.settings.source import SourceSettings


@dataclass(frozen=True, slots=True)
class Pacs:
    """An open PACS.

    Parameters
    ----------
    connect : callable
        Gives a peer of its own to each thread that asks.
    arrivals : Arrivals
        Where its files come in.
    """

    connect: Callable[[], Peer] = field(repr=False)
    arrivals: Arrivals = field(repr=False)


def check_pacs(source: SourceSettings) -> None:
    """Refuse settings with which nothing can be fetched.

    Raises
    ------
    UsageError
        Naming the first key that is missing.
    """
    pacs = source.pacs
    needed = ("url",) if source.way is Way.DICOMWEB else ("host", "ae_title")
    for name in needed:
        if not getattr(pacs, name):
            raise UsageError(f"source.pacs.{name} is needed where source.way is {source.way.value}")


@contextlib.contextmanager
def open_pacs(source: SourceSettings, deposit: Deposit) -> Iterator[Pacs]:
    """Be ready to receive, for as long as the context is open.

    Raises
    ------
    UsageError
        A setting is missing, a port is taken, or the extra `pacs` is not installed.
    """
    check_pacs(source)
    arrivals, pacs = Arrivals(deposit), source.pacs
    with contextlib.ExitStack() as stack:
        is_web = source.way is Way.DICOMWEB
        yield Pacs(_dicomweb(pacs, arrivals) if is_web else _dimse(pacs, source.way, arrivals, stack), arrivals)


def _dicomweb(settings: PacsSettings, arrivals: Arrivals) -> Callable[[], Peer]:
    try:
        from cxr_core.intake.sources.dicomweb import DicomwebPeer
    except ImportError:
        raise _not_installed() from None
    return lambda: DicomwebPeer(settings, arrivals)


def _dimse(settings: PacsSettings, way: Way, arrivals: Arrivals, stack: contextlib.ExitStack) -> Callable[[], Peer]:
    try:
        from cxr_core.intake.sources.dimse import DimsePeer
    except ImportError:
        raise _not_installed() from None
    if way is Way.PACS_MOVE:
        stack.enter_context(storage_service(settings, arrivals))
    return lambda: DimsePeer(settings, way, arrivals)


def _not_installed() -> UsageError:
    return UsageError("a PACS as source needs the extra `pacs`: pip install 'hilum[pacs]'")
