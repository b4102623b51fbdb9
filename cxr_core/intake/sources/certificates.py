"""Decides which certificates we show to a PACS and which of its own we believe.

Takes the settings of a PACS and gives TLS contexts for both directions, or one clear line.
When TLS is spoken is left to `dimse` and `storage_service`.
"""

import contextlib
import ssl
from collections.abc import Iterator

from cxr_core.errors import UsageError
from cxr_core.settings.pacs import PacsSettings


def client_context(settings: PacsSettings) -> ssl.SSLContext:
    """For connections that we open.

    Raises
    ------
    UsageError
        A file cannot be read.
    """
    with _certificates_are_usage():
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file is not None:
            context.load_cert_chain(settings.cert_file, settings.key_file)
    return context


def server_context(settings: PacsSettings) -> ssl.SSLContext:
    """For connections that the PACS opens; it must show a certificate where we know whom to believe.

    Raises
    ------
    UsageError
        A file is missing or cannot be read.
    """
    if settings.cert_file is None:
        raise UsageError("source.pacs.cert_file is needed: the PACS connects to us by TLS")
    with _certificates_are_usage():
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=settings.ca_file)
        context.load_cert_chain(settings.cert_file, settings.key_file)
    if settings.ca_file is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@contextlib.contextmanager
def _certificates_are_usage() -> Iterator[None]:
    try:
        yield
    except (OSError, ssl.SSLError):
        raise UsageError("source.pacs: ca_file, cert_file and key_file must be readable PEM files that fit") from None
