"""What stands before every page: known hosts only, small bodies, strict headers, and no fault that tells anything.

Takes requests, hands on those that may pass. Who the reader is, is left to `sessions`; whether the write came from
our page is checked here by Origin and Sec-Fetch-Site, and once more by the session's proof in `access`.
"""

import json
import logging
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cxr_core.errors import place_of

MOST_BODY_BYTES = 64 * 1024
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "same-origin",  # no-referrer would send our own forms with the origin "null"
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}
_SAFE = frozenset({"GET", "HEAD"})
_log = logging.getLogger(__name__)


class Shield:
    """ASGI middleware around the whole application.

    Parameters
    ----------
    hosts : collection of str
        Names under which the server may be asked, without port; others are refused, so that a foreign name that
        points here (DNS rebinding) reaches nothing.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # websockets: there are none
        started = False

        async def send_on(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal:
                await _answer(send_on, *refusal)
                return
            await self._app(scope, _limited(receive), send_on)
        except Exception as error:  # noqa: BLE001  its text may quote a report, its place cannot
            _log.error("fault of the program: %s at %s", type(error).__name__, place_of(error))
            if not started:
                await _answer(send_on, 500, "a fault of the program; the log names its place")

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _name_of(host) not in self._hosts:
            return 421, "this server is not known under that name"
        if scope["method"] in _SAFE:
            return None
        if scope["method"] != "POST":
            return 405, "not allowed"
        origin = headers.get("origin")
        if origin is not None and origin not in {f"https://{host}", f"http://{host}"}:  # a proxy may have added TLS
            return 403, "this did not come from the review's own page"
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return 403, "this did not come from the review's own page"
        return None if _is_short(headers.get("content-length", "0")) else (413, "the request is too large")


def _is_short(length: str) -> bool:
    """True for a length in plain digits within the limit; `isdigit` alone takes a superscript for one."""
    return (
        length.isascii()
        and length.isdigit()
        and len(length) <= len(str(MOST_BODY_BYTES))
        and int(length) <= MOST_BODY_BYTES
    )


def _name_of(host: str) -> str:
    """The host without its port; an IPv6 address keeps its brackets."""
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    return name.lower()


def _limited(receive: Receive) -> Receive:
    """Count what comes in: a length that was not announced is no way around the limit."""
    received = 0

    async def receive_on() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MOST_BODY_BYTES:
            raise HTTPException(413)
        return message

    return receive_on


async def _answer(send: Send, status: int, message: str) -> None:
    body = json.dumps({"message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
