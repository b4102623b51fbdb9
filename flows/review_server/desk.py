"""Everything that the pages of one running server share: store, pictures, sessions, assets, clock.

Holds no state of its own; handed to every page as `request.app.state.desk`.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cxr_core.review.store import ReviewStore
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.loading import last_config
from cxr_core.settings.review import ReviewSettings
from cxr_core.tables.workspace import Workspace
from flows.review_server.assets import Assets
from flows.review_server.audit import DoorLog
from flows.review_server.guessing import Guesses
from flows.review_server.pictures import Pictures
from flows.review_server.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Desk:
    """What a running server works with.

    Parameters
    ----------
    clock : callable
        The time now, aware and in UTC.
    is_encrypted : bool
        Browsers reach the server over TLS, directly or through a proxy: cookies are then sent over nothing else.
    """

    workspace: Workspace
    settings: ReviewSettings
    store: ReviewStore
    pictures: Pictures
    sessions: Sessions = field(repr=False)
    assets: Assets = field(repr=False)
    guesses: Guesses
    log: DoorLog
    clock: Callable[[], datetime]
    is_encrypted: bool


def open_desk(workspace: Workspace, clock: Callable[[], datetime], assets: Assets, *, is_encrypted: bool) -> Desk:
    """Open the review of a workspace.

    Raises
    ------
    UsageError
        No sample was drawn in it.
    """
    store = ReviewStore.open(workspace.review_store)
    shutil.rmtree(workspace.review / "pictures", ignore_errors=True)  # where earlier versions kept copies
    return Desk(
        workspace=workspace,
        settings=(last_config(workspace.configuration) or BuildConfig()).review,  # the last build's
        store=store,
        pictures=Pictures(workspace.root),
        sessions=Sessions(store.secret),
        assets=assets,
        guesses=Guesses(),
        log=DoorLog(workspace.review / "door.jsonl"),
        clock=clock,
        is_encrypted=is_encrypted,
    )
