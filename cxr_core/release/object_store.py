"""How a finished release is copied to an object store, so that a half copy is known by its missing manifest.

Takes a release's folder and a URL that fsspec knows (file, s3, gs, sftp, memory); gives counts. Which tree may go is
left to the command; who may write there to the store's own credentials, which never stand in a URL or a message.

Order of the copy: pictures and tables first, then what lies there is checked against the digests of the release, then
`run.json`, then `SHA256SUMS.txt`. A folder without the last one is no release.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import fsspec

from cxr_core.errors import BuildError, GateRefused, TransientError, UsageError
from cxr_core.release.manifest import RUN_NAME, SUMS_NAME, digest_of, parse_sums

_BATCH_FILES: Final = 128
_BLOCK_BYTES: Final = 1 << 22
_MD5_DIGITS: Final = 32
_EXTRAS: Final = {"s3": "s3", "s3a": "s3"}
_UNCACHED: Final = {"use_listings_cache": False}  # what another program wrote there meanwhile must be seen
Digests = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy came to.

    Parameters
    ----------
    place : str
        The folder of the release in the store.
    sent, kept : int
        Files that were sent; files that were there already, equal.
    sent_bytes : int
    """

    place: str
    sent: int
    kept: int
    sent_bytes: int


def copy_release(release: Path, url: str, on_progress: Callable[[int], None] = lambda _: None) -> Copied:
    """Copy a release below a URL; what is there with equal content stays, so that a cut copy goes on.

    Parameters
    ----------
    release : Path
        Folder of one release; its own checksums must hold.
    url : str
        Folder or bucket that takes releases; this one becomes a folder of its own there.
    on_progress : callable
        Called with a number of files that are done.

    Raises
    ------
    GateRefused
        A file of the release has another digest than its manifest says, or is not in it.
    UsageError
        The URL is not understood, its library is not installed, access is refused, or something else lies there.
    TransientError
        The store failed, or holds something else than was sent.
    """
    _refuse_secrets(url)
    digests = _own_digests(release)
    with _one_line(url):
        store, root = _open(url)
        there = _Place(store, f"{root.rstrip('/')}/{release.name}", release, digests)
        return there.fill(on_progress)


def manifest_files(release: Path) -> int:
    """How many files a copy of this release has to look at."""
    return len(parse_sums(_manifest(release))) + 1


def _manifest(release: Path) -> bytes:
    try:
        return (release / SUMS_NAME).read_bytes()
    except OSError:
        raise UsageError(f"{release} is no release: it has no {SUMS_NAME}") from None


def _own_digests(release: Path) -> Digests:
    """Paths and digests by the manifest, and of the manifest itself; a tree that holds more is none of ours."""
    sums = _manifest(release)
    digests = parse_sums(sums) | {SUMS_NAME: hashlib.sha256(sums).hexdigest()}
    found = {path.relative_to(release).as_posix() for path in release.rglob("*") if not path.is_dir()}
    missing, strange = len(digests.keys() - found), len(found - digests.keys())
    if missing or strange:
        raise GateRefused("integrity", f"{release.name}: {missing} files missing, {strange} not in {SUMS_NAME}")
    return digests


@dataclass(frozen=True, slots=True)
class _Place:
    """The folder of one release in a store."""

    store: Any
    folder: str
    release: Path
    digests: Digests

    def fill(self, on_progress: Callable[[int], None]) -> Copied:
        lying = self._lying()
        self._refuse_others(lying)
        last = [name for name in (RUN_NAME, SUMS_NAME) if name in self.digests]
        names = [name for name in sorted(self.digests) if name not in last]
        wrong = self._wrong([*names, *last], lying)
        on_progress(len(self.digests) - len(wrong))
        if wrong and SUMS_NAME in lying:
            self.store.rm_file(self._at(SUMS_NAME))  # no release any more until all of it is there
            wrong = [*(name for name in wrong if name != SUMS_NAME), SUMS_NAME]
        self._send([name for name in wrong if name not in last], on_progress)
        for name in last:
            self._send([name] if name in wrong else [], on_progress)
        sizes = [(self.release / name).stat().st_size for name in wrong]
        return Copied(self.store.unstrip_protocol(self.folder), len(wrong), len(self.digests) - len(wrong), sum(sizes))

    def _at(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def _lying(self) -> dict[str, Mapping[str, Any]]:
        """What lies in the folder: name below it -> what the store says of it."""
        try:
            found = self.store.find(self.folder, detail=True)
        except FileNotFoundError:
            return {}
        return {path[len(self.folder) :].lstrip("/"): told for path, told in found.items()}

    def _refuse_others(self, lying: Mapping[str, Any]) -> None:
        """Two releases in one folder would be none."""
        if strange := len(lying.keys() - self.digests.keys()):
            told = f"holds {strange} files that are not of {self.release.name}"
            raise UsageError(f"{self.folder} {told}; empty it or choose another place")
        if SUMS_NAME in lying and self._sha256(SUMS_NAME) != self.digests[SUMS_NAME]:
            told = "holds another release of that name; a release is never replaced: choose another place"
            raise UsageError(f"{self.folder} {told}")

    def _wrong(self, names: list[str], lying: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Those that are not there, or not as they should be."""
        return [name for name in names if name not in lying or not self._is_equal(name, lying[name])]

    def _is_equal(self, name: str, told: Mapping[str, Any]) -> bool:
        """By size, then by the store's MD5 where it tells one, else by reading it again."""
        path = self.release / name
        if told.get("size") != path.stat().st_size:
            return False
        tag = str(told.get("ETag", "")).strip('"')
        if len(tag) == _MD5_DIGITS and tag == digest_of(path, "md5"):
            return True
        return self._sha256(name) == self.digests[name]

    def _sha256(self, name: str) -> str:
        digest = hashlib.sha256()
        with self.store.open(self._at(name), "rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
        return digest.hexdigest()

    def _send(self, names: list[str], on_progress: Callable[[int], None]) -> None:
        """Send files and look at what came of them."""
        for start in range(0, len(names), _BATCH_FILES):
            batch = names[start : start + _BATCH_FILES]
            for name in batch:
                if digest_of(self.release / name) != self.digests[name]:
                    raise GateRefused("integrity", f"{self.release.name}: {name} is not what its manifest says")
            self.store.put([str(self.release / name) for name in batch], [self._at(name) for name in batch])
            wrong = [name for name in batch if not self._is_equal(name, self.store.info(self._at(name)))]
            if wrong:
                raise TransientError(f"{len(wrong)} files are not there as they were sent")
            on_progress(len(batch))


# ---------------------------------------------------------------- the store


def _refuse_secrets(url: str) -> None:
    """A password in a URL would stand in shell histories and process lists."""
    parts = urlsplit(url)
    if parts.password is not None or parts.query:
        raise UsageError("--to: no credentials in a URL; the store's own files and variables hold them (see the page)")


def _open(url: str) -> tuple[Any, str]:
    protocol = urlsplit(url).scheme or "file"
    try:
        makes_folders = {"auto_mkdir": True} if protocol in {"file", "local"} else {}
        store, root = fsspec.core.url_to_fs(url, **_UNCACHED, **makes_folders)
    except ImportError:
        extra = _EXTRAS.get(protocol)
        told = f"pip install 'hilum[{extra}]'" if extra else "fsspec's documentation names the package"
        raise UsageError(f"--to: {protocol}:// is not installed here; {told}") from None
    except ValueError:
        raise UsageError(f"--to: {protocol}:// is no store that fsspec knows") from None
    return store, str(root)


@contextmanager
def _one_line(url: str) -> Iterator[None]:
    """Turn what a store's library raises into one line: its own text may quote keys and signed requests."""
    try:
        yield
    except (BuildError, TransientError):
        raise
    except FileNotFoundError:
        raise UsageError(f"{url} does not exist: no such bucket or folder") from None
    except PermissionError:
        raise UsageError(f"{url} refuses access: look at the credentials and the bucket's policy") from None
    except Exception as error:  # noqa: BLE001  every store has errors of its own
        kind = type(error).__name__
        if "Credential" in kind:
            raise UsageError(f"{url}: no credentials were found; for s3:// see AWS_PROFILE and ~/.aws") from None
        raise TransientError(f"{url}: the copy was cut off ({kind})") from None
