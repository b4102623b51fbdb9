"""Who asks: the reader behind a request, and whether a write carries the proof that our own page sent it.

Gives dependencies for the pages; raises `SignedOut` and `Refused`, which `app` turns into answers. What a reader may
see of the review is left to the store.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from cxr_core.errors import HilumError
from cxr_core.review.records import Reader
from cxr_core.vocabulary import ReaderRole
from flows.review_server.desk import Desk
from flows.review_server.sessions import Session, cookie_name


class SignedOut(HilumError):
    """Nobody is signed in."""


class Refused(HilumError):
    """This request is not answered. The message is fit for the page.

    Parameters
    ----------
    status : int
        The HTTP status that says why.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Signed:
    """A reader in a session."""

    reader: Reader
    session: Session = field(repr=False)
    csrf: str = field(repr=False)


def desk_of(request: Request) -> Desk:
    """What the server works with."""
    desk: Desk = request.app.state.desk
    return desk


TheDesk = Annotated[Desk, Depends(desk_of)]


def signed(request: Request, desk: TheDesk) -> Signed:
    """The reader of a request.

    Raises
    ------
    SignedOut
    """
    session = desk.sessions.read(request.cookies.get(cookie_name(is_encrypted=desk.is_encrypted), ""), desk.clock())
    reader = desk.store.reader_of(session.token_sha256) if session else None
    if session is None or reader is None:
        raise SignedOut("sign in first")
    return Signed(reader, session, desk.sessions.csrf(session))


TheSigned = Annotated[Signed, Depends(signed)]


def lead(who: TheSigned) -> Signed:
    """The reader of a request, who must be a lead.

    Raises
    ------
    Refused
    """
    if who.reader.role is not ReaderRole.LEAD:
        raise Refused(403, "only a lead may see this")
    return who


def writer(request: Request, desk: TheDesk, who: TheSigned) -> Signed:
    """The reader of a write that a script of our page sent.

    Raises
    ------
    Refused
    """
    if not desk.sessions.is_from_our_page(who.session, request.headers.get("x-csrf-token", "")):
        raise Refused(403, "this did not come from the review's own page: reload it")
    return who


async def form(request: Request) -> Mapping[str, str]:
    """The fields of a plain form; the shield bounds its size.

    Raises
    ------
    Refused
        It is no form.
    """
    try:
        return dict(parse_qsl((await request.body()).decode("ascii"), max_num_fields=10))
    except ValueError:
        raise Refused(400, "this is no form of ours") from None


TheForm = Annotated[Mapping[str, str], Depends(form)]


def form_writer(desk: TheDesk, who: TheSigned, fields: TheForm) -> Signed:
    """The reader of a write that a form of our page sent.

    Raises
    ------
    Refused
    """
    if not desk.sessions.is_from_our_page(who.session, fields.get("csrf", "")):
        raise Refused(403, "this did not come from the review's own page: reload it")
    return who
