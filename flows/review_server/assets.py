"""What a browser loads besides pages: a closed list of files, read once; no path of a request ever reaches the disk.

Gives the files by name with their types, the templates, and the version under which decisions are recorded: a digest of
all of it, so that it is known which page an answer was given on.
"""

import hashlib
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable

from jinja2 import DictLoader, Environment, StrictUndefined

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Assets:
    """All files of the page."""

    files: dict[str, tuple[bytes, str]] = field(repr=False)
    templates: Environment = field(repr=False)
    version: str


def load_assets() -> Assets:
    """Read the folders `static` and `templates` beside this module."""
    room = resources.files("flows.review_server")
    files = {name: (content, _TYPES[name.rpartition(".")[2]]) for name, content in _read(room / "static").items()}
    templates = {name: content.decode() for name, content in _read(room / "templates").items()}
    environment = Environment(loader=DictLoader(templates), autoescape=True, undefined=StrictUndefined)
    digest = hashlib.sha256()
    for name, content in sorted({**{n: c for n, (c, _) in files.items()}, **_read(room / "templates")}.items()):
        digest.update(name.encode() + b"\0" + content)
    return Assets(files, environment, digest.hexdigest()[:12])


def _read(folder: Traversable) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}
