"""How a release becomes visible: built beside, checked, then renamed; a kill leaves the last release whole.

Takes a plan, the folder of releases and a check that reads the hidden trees; gives where the release lies. What the
check asks (gates, verifier) is left to the flow, what the files say to `assembly`, `manifest` and `documents`.

Order of the commit: the withheld tree is renamed first, the public one second, `current` third. The public rename is
the moment of publication; before it, the hidden public tree marks a withheld tree of that version as unfinished, and
the next run removes both.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cxr_core.errors import BuildError, GateRefused, UsageError
from cxr_core.release.documents import Earlier, documents
from cxr_core.release.manifest import RUN_NAME, SUMS_NAME, digest_of, image_filenames, read_run, run_json, sha256_sums
from cxr_core.release.plan import PlannedFile, ReleasePlan, Tree
from cxr_core.release.published import read_release
from cxr_core.release.versions import (
    BUILDING,
    WITHHELD,
    Version,
    hidden,
    hidden_withheld,
    latest_version,
    place,
    place_withheld,
)
from cxr_core.tables.storage import sync

CONSTANT_MTIME_NS = 946_684_800_000_000_000
"""Modification time of every published file, 2000-01-01: when a file was made is no business of its readers."""

Check = Callable[[Path, Path | None], None]
"""Reads the hidden public and withheld trees and raises GateRefused where they must not be published."""


@dataclass(frozen=True, slots=True)
class Published:
    """Where a release lies."""

    path: Path
    withheld_path: Path | None
    version: str
    is_unchanged: bool


def publish(plan: ReleasePlan, root: Path, check: Check) -> Published:
    """Publish a release, or find that the last one holds the same.

    Parameters
    ----------
    root : Path
        Folder of all releases; made where absent.
    check : callable
        Called with the hidden trees before anything is visible.

    Raises
    ------
    GateRefused
        A gate, a damaged image, or a fixed version that is taken. The last release is untouched.
    UsageError
        Another publication holds the folder, or it cannot be written.
    """
    with _held(root):
        _remove_unfinished(plan.name, root)
        equal = _equal_release(plan.name, plan.version, plan.content_digest(), root)
        if equal is not None:
            return _unchanged(plan.name, root, equal)
        version = _choose_version(plan, root)
        built = hidden(root, plan.name, version)
        built_withheld = hidden_withheld(root, plan.name, version) if plan.withheld else None
        try:
            _build_trees(plan, root, version)
            check(built, built_withheld)
        except BuildError:
            # What a gate refused may hold what must not leave the vault: nothing of it stays.
            _remove_unfinished(plan.name, root)
            raise
        _commit(plan, root, version)
        _point_current(plan.name, root)
        return _published(plan.name, root, version, is_unchanged=False)


def find_published(name: str, version: str, content_digest: str, root: Path) -> Published | None:
    """What `publish` would find of a content that is published already, without a plan of it; None where it is not.

    Parameters
    ----------
    version : str
        `auto` or fixed.
    content_digest : str
        As `ReleasePlan.content_digest`.

    Raises
    ------
    UsageError
        Another publication holds the folder, or it cannot be written.
    """
    with _held(root):
        _remove_unfinished(name, root)
        equal = _equal_release(name, version, content_digest, root)
        return None if equal is None else _unchanged(name, root, equal)


def published_counts(name: str, root: Path) -> int | None:
    """Images of the newest release, public and withheld, as its run.json tells; None before the first."""
    version = latest_version(name, root)
    if version is None:
        return None
    counts = _read_run(root / f"{name}-{version}")["counts"]
    return sum(part["images"] for part in (counts["public"], counts["withheld"]) if part)


def _unchanged(name: str, root: Path, version: Version) -> Published:
    _point_current(name, root)
    return _published(name, root, version, is_unchanged=True)


def _published(name: str, root: Path, version: Version, *, is_unchanged: bool) -> Published:
    withheld = place_withheld(root, name, version)
    return Published(place(root, name, version), withheld if withheld.is_dir() else None, str(version), is_unchanged)


# ---------------------------------------------------------------- before


@contextlib.contextmanager
def _held(root: Path) -> Iterator[None]:
    """Hold the folder of releases; the lock goes with the process, also after a kill."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle = os.open(root, os.O_RDONLY)
    except OSError:
        raise UsageError(f"release folder {root} cannot be written") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise UsageError(f"release folder {root} is in use by another build") from None
    try:
        yield
    finally:
        os.close(handle)


def _remove_unfinished(name: str, root: Path) -> None:
    """Remove what a killed run left, so that the hidden public tree, the mark of it, goes last."""
    pattern = re.compile(rf"{re.escape(BUILDING + name)}-(\d+\.\d+\.\d+)({WITHHELD})?")
    found = [(path, match) for path in root.iterdir() if (match := pattern.fullmatch(path.name))]
    for path, match in sorted(found, key=lambda item: item[1][2] is None):
        version = Version.parse(match[1])
        is_public = match[2] is None
        if is_public and not place(root, name, version).exists():
            shutil.rmtree(place_withheld(root, name, version), ignore_errors=True)
        shutil.rmtree(path)
    (root / ".current.tmp").unlink(missing_ok=True)


def _read_run(release: Path) -> dict[str, dict[str, dict[str, int] | None]]:
    try:
        return read_run(release)
    except (OSError, ValueError):
        raise BuildError(f"release {release.name}: run.json cannot be read; move the damaged release away") from None


def _equal_release(name: str, version: str, content_digest: str, root: Path) -> Version | None:
    """The release that holds exactly this content: the last one, or the one with the asked version."""
    latest = latest_version(name, root)
    asked = None if version == "auto" else Version.parse(version)
    candidate = asked if asked is not None and place(root, name, asked).exists() else latest
    if candidate is None:
        return None
    digest: object = _read_run(place(root, name, candidate)).get("content_digest")
    return candidate if digest == content_digest else None


def _choose_version(plan: ReleasePlan, root: Path) -> Version:
    latest = latest_version(plan.name, root)
    if plan.version == "auto":
        version = latest.next_minor() if latest else Version(1, 0, 0)
    else:
        version = Version.parse(plan.version)
        if place(root, plan.name, version).exists():
            advice = "set release.version to a new one or to auto"
            raise GateRefused("version", f"{plan.name}-{version} is published with other content; {advice}")
        if latest is not None and version < latest:
            raise GateRefused("version", f"{version} is older than {latest}, which is published; take a newer one")
    if place_withheld(root, plan.name, version).exists():
        told = f"{plan.name}-{version}{WITHHELD} stands there without its public tree; move it away"
        raise GateRefused("version", told)
    return version


# ---------------------------------------------------------------- building


def _build_trees(plan: ReleasePlan, root: Path, version: Version) -> None:
    # The public tree first: it is the mark by which the next run knows an unfinished withheld tree.
    _build(plan, plan.public, hidden(root, plan.name, version), version)
    if plan.withheld is not None:
        _build(plan, plan.withheld, hidden_withheld(root, plan.name, version), version)


def _build(plan: ReleasePlan, tree: Tree, folder: Path, version: Version) -> None:
    is_public = tree is plan.public
    folder.mkdir(mode=0o700)
    written = {
        **documents(plan, tree, str(version), _earlier(plan.name, folder.parent, is_public=is_public)),
        "IMAGE_FILENAMES": image_filenames(tree),
        RUN_NAME: run_json(plan, str(version)),
    }
    digests = _place_files(tree.files, folder, f"{plan.name}-{version}")
    for name, content in written.items():
        _write(folder / name, content)
        digests[name] = hashlib.sha256(content).hexdigest()
    _write(folder / SUMS_NAME, sha256_sums(digests))
    _settle(folder)
    folder.chmod(0o755 if is_public else 0o700)
    os.utime(folder, ns=(CONSTANT_MTIME_NS, CONSTANT_MTIME_NS))


def _earlier(name: str, root: Path, *, is_public: bool) -> Earlier:
    """What the same tree of the last release said; nothing where there was none."""
    version = latest_version(name, root)
    if version is None:
        return Earlier()
    folder = place(root, name, version) if is_public else place_withheld(root, name, version)
    log = folder / "CHANGELOG.md"
    if not folder.is_dir():
        return Earlier()
    return Earlier(log.read_text(encoding="utf-8") if log.is_file() else "", read_release(folder))


def _place_files(files: tuple[PlannedFile, ...], folder: Path, prefix: str) -> dict[str, str]:
    """Write or link every file; give the digests of what lies there now."""
    digests: dict[str, str] = {}
    missing = damaged = 0
    for file in files:
        path = file.placed(prefix)
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.content is not None:
            _write(target, file.content)
        elif file.source is None or not file.source.is_file():
            missing += 1
            continue
        else:
            _link(file.source, target)
        digests[path] = digest_of(target)
        damaged += digests[path] != file.sha256
    if missing or damaged:
        told = f"{missing} images missing from the workspace, {damaged} with another digest than their row"
        raise GateRefused("integrity", f"{told}; rebuild with --from convert")
    return digests


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o644)
    os.utime(path, ns=(CONSTANT_MTIME_NS, CONSTANT_MTIME_NS))
    sync(path)


def _link(source: Path, target: Path) -> None:
    """Link a JPEG of the workspace, or copy it where the file system or its owner does not allow that."""
    try:
        os.link(source, target)
        _dress(target)
    except OSError:
        target.unlink(missing_ok=True)
        shutil.copyfile(source, target)
        _dress(target)
        sync(target)


def _dress(path: Path) -> None:
    # Read-only: the workspace holds the same file, and nothing that writes there in place may change a release.
    path.chmod(0o444)
    os.utime(path, ns=(CONSTANT_MTIME_NS, CONSTANT_MTIME_NS))


def _settle(folder: Path) -> None:
    """Give every folder below its mode and time and wait until it is on the disk, the deepest first."""
    for parent, _, _ in os.walk(folder, topdown=False):
        if Path(parent) != folder:
            Path(parent).chmod(0o755)
            os.utime(parent, ns=(CONSTANT_MTIME_NS, CONSTANT_MTIME_NS))
        sync(Path(parent))


# ---------------------------------------------------------------- commit


def _commit(plan: ReleasePlan, root: Path, version: Version) -> None:
    if plan.withheld is not None:
        hidden_withheld(root, plan.name, version).rename(place_withheld(root, plan.name, version))
        sync(root)
    hidden(root, plan.name, version).rename(place(root, plan.name, version))
    sync(root)


def _point_current(name: str, root: Path) -> None:
    """Let `current` name the newest release, with one rename."""
    version = latest_version(name, root)
    target = f"{name}-{version}"
    link = root / "current"
    if link.is_symlink() and str(link.readlink()) == target:
        return
    if link.exists() and not link.is_symlink():
        raise BuildError("`current` in the release folder is no link; move it away")
    temporary = root / ".current.tmp"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)
    sync(root)
