"""The application: pages, JSON, their errors as answers, and the shield around all of it.

Takes a desk and the names under which the server may be asked; gives an ASGI application without documentation pages.
Serving it is left to `serving`.
"""

from collections.abc import Collection

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from cxr_core.errors import HilumError, UsageError
from cxr_core.review.records import BadDecision, Conflict, NotAllowed
from flows.review_server import answers, dashboard, pages
from flows.review_server.access import Refused, SignedOut
from flows.review_server.desk import Desk
from flows.review_server.pictures import PictureChanged
from flows.review_server.shield import Shield

_STATUS: dict[type[HilumError], int] = {
    NotAllowed: 404,
    Conflict: 409,
    BadDecision: 422,
    PictureChanged: 410,
    UsageError: 409,
}

_WORDS = {404: "there is nothing here", 413: "the request is too large"}


def create_app(desk: Desk, hosts: Collection[str]) -> ASGIApp:
    """Put the application together.

    Parameters
    ----------
    hosts : collection of str
        Names and addresses of the server, without port.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.desk = desk
    for router in (pages.router, answers.router, dashboard.router):
        app.include_router(router)
    app.add_exception_handler(HilumError, _refuse)
    app.add_exception_handler(HTTPException, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse)
    app.add_exception_handler(Exception, _refuse)  # what the shield then logs by its place
    return Shield(app, hosts)


def _refuse(request: Request, error: Exception) -> Response:
    is_script = request.url.path.startswith("/api/")
    if isinstance(error, SignedOut) and not is_script:
        return RedirectResponse("/login", 303)
    status, message = _status_of(error)
    if is_script:
        return JSONResponse({"message": message}, status)
    title = {404: "Nothing here", 403: "Not for you"}.get(status, "This did not work")
    shown = pages.page(request.app.state.desk, "message.html", None, title=title, message=f"{message.capitalize()}.")
    shown.status_code = status
    return shown


def _status_of(error: Exception) -> tuple[int, str]:
    """Messages of ours are fit for the page; those of others are not shown."""
    if isinstance(error, SignedOut):
        return 401, str(error)
    if isinstance(error, Refused):
        return error.status, str(error)
    if isinstance(error, HTTPException):
        return error.status_code, _WORDS.get(error.status_code, "not allowed")
    if isinstance(error, RequestValidationError):
        return (404, "there is nothing here") if error.errors()[0]["loc"][0] == "path" else (422, "malformed request")
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
    return status, str(error) if status != 500 else "a fault of the program; the log names its place"
