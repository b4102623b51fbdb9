"""How a view becomes visible: linked beside its place, checked, then renamed; nothing of the release is changed.

Takes a view and where it should lie; gives the place. What a view holds is left to the layouts, the gates to the
caller.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from cxr_core.errors import GateRefused, UsageError
from cxr_core.release.manifest import SUMS_NAME, digest_of, sha256_sums
from cxr_core.release.publication import CONSTANT_MTIME_NS
from cxr_core.release.versions import BUILDING, WITHHELD
from cxr_core.release.views.view import View, ViewFile
from cxr_core.tables.storage import sync

Check = Callable[[list[Path]], None]


def write_view(view: View, target: Path, documents: Mapping[str, bytes], check: Check) -> tuple[Path, bool]:
    """Write a view.

    Parameters
    ----------
    target : Path
        Public root; the test set goes to the folder of this name with `-withheld`.
    documents : mapping of name to content
        For both trees.
    check : callable
        Reads the hidden trees; raises GateRefused where they must not be seen.

    Returns
    -------
    (path, is_new)
        False where exactly this view lies there already.

    Raises
    ------
    GateRefused
        A file is missing or differs from its digest, or `check` refused.
    UsageError
        The place is taken by something else, or cannot be written.
    """
    trees = {target: view.public, target.with_name(target.name + WITHHELD): view.withheld}
    wanted = {place: files for place, files in trees.items() if files}
    hidden = {place: place.with_name(f"{BUILDING}{place.name}") for place in wanted}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for folder in hidden.values():
            shutil.rmtree(folder, ignore_errors=True)  # a killed run's half
        for place, files in wanted.items():
            _build(hidden[place], files, documents)
    except OSError:
        raise UsageError(f"{target} cannot be written") from None
    try:
        done = {place for place, folder in hidden.items() if _is_same(place, folder)}
        if done == set(wanted):
            return target, False
        taken = [place for place in trees if place.exists() and place not in done]
        if taken:
            raise UsageError(f"{taken[0]} exists and holds something else; choose another place with -o")
        check(list(hidden.values()))
        for place in sorted(set(wanted) - done, reverse=True):  # the withheld tree first, the public one is the moment
            hidden[place].chmod(0o700 if place.name.endswith(WITHHELD) else 0o755)
            os.utime(hidden[place], ns=(CONSTANT_MTIME_NS, CONSTANT_MTIME_NS))
            hidden[place].rename(place)
            sync(place.parent)
    finally:
        for folder in hidden.values():
            shutil.rmtree(folder, ignore_errors=True)
    return target, True


def _build(folder: Path, files: tuple[ViewFile, ...], documents: Mapping[str, bytes]) -> None:
    folder.mkdir(mode=0o700)
    digests: dict[str, str] = {}
    missing = damaged = 0
    for file in (*files, *(ViewFile(name, content) for name, content in sorted(documents.items()))):
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.content is not None:
            target.write_bytes(file.content)
        elif file.source is None or not file.source.is_file():
            missing += 1
            continue
        else:
            _link(file.source, target)
        digests[file.path] = digest_of(target)
        damaged += file.content is None and digests[file.path] != file.sha256
        _dress(target, is_linked=file.content is None)
    if missing or damaged:
        shutil.rmtree(folder)
        raise GateRefused("integrity", f"{missing} files are missing, {damaged} have another digest than was noted")
    (folder / SUMS_NAME).write_bytes(sha256_sums(digests))
    _dress(folder / SUMS_NAME, is_linked=False)
    for parent, _, _ in os.walk(folder, topdown=False):
        if Path(parent) != folder:
            Path(parent).chmod(0o755)
            os.utime(parent, ns=(CONSTANT_MTIME_NS, CONSTANT_MTIME_NS))
        sync(Path(parent))


def _link(source: Path, target: Path) -> None:
    """Link a file, or copy it where the other place lies on another disk or its owner does not allow links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _dress(path: Path, *, is_linked: bool) -> None:
    """Files of a release are dressed already, and a link shares mode and time with them."""
    mode = 0o444 if is_linked else 0o644
    status = path.stat()
    if status.st_mode & 0o777 != mode:
        path.chmod(mode)
    if status.st_mtime_ns != CONSTANT_MTIME_NS:
        os.utime(path, ns=(CONSTANT_MTIME_NS, CONSTANT_MTIME_NS))


def _is_same(place: Path, built: Path) -> bool:
    """True where a finished view with the same digests lies there."""
    sums = place / SUMS_NAME
    return sums.is_file() and sums.read_bytes() == (built / SUMS_NAME).read_bytes()
