"""Who is signed in: a signed cookie that outlives a restart, and the proof that a write came from our own page.

Takes the store's secret and a token's digest, gives the cookie's value and back; nothing is kept on the server, so a
kill signs nobody out. A reader's new token closes the sessions of the old one, because the store knows only the newest.
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

LIFETIME = timedelta(hours=12)
COOKIE = "hilum_review"
_OF_THIS_HOST_ONLY = "__Host-"


def cookie_name(*, is_encrypted: bool) -> str:
    """The cookie's name. Over TLS browsers take it from this host alone: no neighbour in its domain can set one."""
    return f"{_OF_THIS_HOST_ONLY}{COOKIE}" if is_encrypted else COOKIE


@dataclass(frozen=True, slots=True)
class Session:
    """What a cookie says once its signature held."""

    token_sha256: str = field(repr=False)
    nonce: str = field(repr=False)
    issued_at: int


class Sessions:
    """Issues and checks cookies with one secret."""

    def __init__(self, secret: bytes) -> None:
        self._cookie_key = _derived(secret, "review cookie")
        self._csrf_key = _derived(secret, "review csrf")
        self._ended: set[str] = set()

    def issue(self, token_sha256: str, at: datetime) -> str:
        """The cookie of a new session."""
        content = json.dumps([token_sha256, secrets.token_hex(16), int(at.timestamp())]).encode()
        body = base64.urlsafe_b64encode(content).decode()
        return f"{body}.{_signature(self._cookie_key, body)}"

    def read(self, cookie: str, at: datetime) -> Session | None:
        """The session of a cookie; None where it is forged, too old, or was ended here."""
        body, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode(), _signature(self._cookie_key, body).encode()):
            return None
        session = Session(*json.loads(base64.urlsafe_b64decode(body)))
        age = at.timestamp() - session.issued_at
        return session if 0 <= age + 1 <= LIFETIME.total_seconds() and session.nonce not in self._ended else None

    def end(self, session: Session) -> None:
        """Refuse the session from now on, also where somebody copied its cookie."""
        self._ended.add(session.nonce)

    def csrf(self, session: Session) -> str:
        """What every write of this session must carry; a page of another site cannot read it."""
        return _signature(self._csrf_key, session.nonce)

    def is_from_our_page(self, session: Session, given: str) -> bool:
        """True where a write carries the session's proof."""
        return hmac.compare_digest(given.encode(), self.csrf(session).encode())


def _derived(secret: bytes, purpose: str) -> bytes:
    return hmac.new(secret, purpose.encode(), hashlib.sha256).digest()


def _signature(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
