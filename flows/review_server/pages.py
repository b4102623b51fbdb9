"""The pages in HTML: sign in, the queues, the three reading pages.

Takes requests, fills templates; items themselves are fetched by the page's scripts from `answers`. The page of the
lead is in `dashboard`.
"""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from cxr_core.review.records import NotAllowed
from cxr_core.review.store import token_digest
from cxr_core.vocabulary import Label, ReaderRole, ReviewKind
from flows.review_server.access import Refused, Signed, TheDesk, TheForm, TheSigned, form_writer
from flows.review_server.desk import Desk
from flows.review_server.guidelines import load_guidelines
from flows.review_server.keys import HELP
from flows.review_server.queues import REASON_WORDS, is_settling, progress_of
from flows.review_server.sessions import LIFETIME, cookie_name

router = APIRouter()
TITLES = {ReviewKind.IMAGES: "Images", ReviewKind.TEXT: "Report texts", ReviewKind.REPORTS: "Report labels"}
_ABOUT = {
    ReviewKind.IMAGES: "Does anything burned into the picture identify somebody?",
    ReviewKind.TEXT: "Does any word of the report identify somebody?",
    ReviewKind.REPORTS: "What does the report say of the 14 findings?",
}
_TEMPLATES = {ReviewKind.IMAGES: "images", ReviewKind.TEXT: "texts", ReviewKind.REPORTS: "reports"}
_MARKS = {ReviewKind.IMAGES: "Places marked", ReviewKind.TEXT: "Words marked", ReviewKind.REPORTS: ""}


def page(desk: Desk, template: str, who: Signed | None, **values: Any) -> HTMLResponse:
    """Fill a template; everything in it is escaped."""
    reader = who and {
        "name": who.reader.name,
        "role": who.reader.role.value,
        "key": token_digest(who.reader.name)[:8],
        "is_lead": who.reader.role is ReaderRole.LEAD,
        "is_settling": is_settling(who.reader),
    }
    filled = desk.assets.templates.get_template(template)
    return HTMLResponse(filled.render(reader=reader, csrf=who and who.csrf, **values))


@router.get("/")
def home(desk: TheDesk, who: TheSigned) -> Response:
    """The reader's queues."""
    return page(desk, "home.html", who, queues=[_card(desk, who, kind) for kind in ReviewKind if _drawn(desk, kind)])


def _drawn(desk: Desk, kind: ReviewKind) -> bool:
    return desk.store.sample(kind) is not None


def _card(desk: Desk, who: Signed, kind: ReviewKind) -> dict[str, Any]:
    queue = desk.store.queue(who.reader, kind, desk.clock(), ahead=0)  # a look claims nothing
    about = "Where both readers disagree or are unsure." if is_settling(who.reader) else _ABOUT[kind]
    return {"title": _heading(who, kind), "about": about, "url": f"/read/{kind.value}", **progress_of(queue)}


def _heading(who: Signed, kind: ReviewKind) -> str:
    return f"{TITLES[kind]}: consensus" if is_settling(who.reader) else TITLES[kind]


@router.get("/read/{kind}")
def read(kind: ReviewKind, desk: TheDesk, who: TheSigned) -> Response:
    """A reading page; its script fetches the queue."""
    if not _drawn(desk, kind):
        raise NotAllowed(f"no sample of {kind.value} was drawn")
    guidelines = load_guidelines()
    name = _TEMPLATES[kind]
    return page(
        desk,
        f"{name}.html",
        who,
        heading=_heading(who, kind),
        kind=kind.value,
        script=f"{name}.js",
        is_consensus=is_settling(who.reader),
        question=_ABOUT[kind],
        reasons=[(reason.value, words) for reason, words in REASON_WORDS.items()],
        marks_title=_MARKS[kind],
        labels=[label.value for label in Label],
        guidelines=guidelines.entries,
        rules=guidelines.rules,
        help=HELP[kind],
    )


# ---------------------------------------------------------------- signing in and out


@router.get("/login")
def login_page(desk: TheDesk) -> Response:
    """The form for a token."""
    return _login(desk, "")


def _login(desk: Desk, message: str, status: int = 200) -> Response:
    shown = page(desk, "login.html", None, message=message, hours=int(LIFETIME.total_seconds() // 3600))
    shown.status_code = status
    return shown


@router.post("/login")
def login(request: Request, desk: TheDesk, fields: TheForm) -> Response:
    """Open a session for a token."""
    address, now = request.client.host if request.client else "", desk.clock()
    wait = desk.guesses.wait(address, now)
    if wait:
        refused = _login(desk, f"Too many tries. Wait {wait} seconds.", 429)
        refused.headers["Retry-After"] = str(wait)
        return refused
    digest = token_digest(fields.get("token", "").strip())
    reader = desk.store.reader_of(digest)
    if reader is None:
        desk.guesses.failed(address, now)
        desk.log.note("refused", now, address=address)
        return _login(desk, "This token opens nothing. Was a newer one made for you?", 401)
    desk.log.note("signed in", now, reader=reader.name, address=address)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        cookie_name(is_encrypted=desk.is_encrypted),
        desk.sessions.issue(digest, now),
        max_age=int(LIFETIME.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=desk.is_encrypted,
        path="/",
    )
    return answer


@router.post("/logout")
def logout(desk: TheDesk, who: Signed = Depends(form_writer)) -> Response:  # noqa: B008  FastAPI's way
    """End the session."""
    desk.sessions.end(who.session)
    desk.log.note("signed out", desk.clock(), reader=who.reader.name)
    answer = RedirectResponse("/login", 303)
    name = cookie_name(is_encrypted=desk.is_encrypted)
    answer.delete_cookie(name, path="/", httponly=True, samesite="strict", secure=desk.is_encrypted)
    return answer


@router.get("/static/{name}")
def static(name: str, desk: TheDesk) -> Response:
    """One file of a closed list."""
    if name not in desk.assets.files:
        raise Refused(404, "there is nothing here")
    content, media_type = desk.assets.files[name]
    return Response(content, media_type=media_type)
