"""A release in an object store: whole or recognisably not, resumed, never replaced, and no secret in a line."""

import hashlib
from pathlib import Path

import fsspec
import pytest

from cxr_core.errors import GateRefused, UsageError
from cxr_core.release.manifest import RUN_NAME, SUMS_NAME, sha256_sums
from cxr_core.release.object_store import Copied, copy_release

_FILES = {"files/p1/s1/a.jpg": b"a picture", "files/p1/s1/b.jpg": b"another", "labels.csv.gz": b"1,,", RUN_NAME: b"{}"}


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "release" / "cxr-1.0.0"
    for name, content in _FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    _sign(folder)
    return folder


def _sign(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != SUMS_NAME]
    digests = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    (folder / SUMS_NAME).write_bytes(sha256_sums(digests))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"file://{tmp_path}/store"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "store" / "cxr-1.0.0"


def _content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_copy_holds_the_release(release: Path, url: str, copy: Path) -> None:
    assert copy_release(release, url) == Copied(f"{url}/cxr-1.0.0", 5, 0, sum(map(len, _content(release).values())))
    assert _content(copy) == _content(release)


def test_a_store_in_memory_takes_it_too(release: Path) -> None:
    place = copy_release(release, "memory://bucket/sets").place
    with fsspec.open(f"{place}/labels.csv.gz") as stream:
        assert stream.read() == b"1,,"


def test_what_is_there_is_not_sent_again(release: Path, url: str, copy: Path) -> None:
    copy_release(release, url)
    (copy / "files/p1/s1/b.jpg").unlink()
    (copy / SUMS_NAME).unlink()
    done: list[int] = []
    copied = copy_release(release, url, done.append)
    assert (copied.sent, copied.kept, done) == (2, 3, [3, 1, 1])
    assert _content(copy) == _content(release)


def test_a_file_of_the_same_size_with_other_content_is_sent_again(release: Path, url: str, copy: Path) -> None:
    copy_release(release, url)
    (copy / "labels.csv.gz").write_bytes(b"0,,")
    assert copy_release(release, url).sent == 2  # and the manifest, which had to go meanwhile
    assert _content(copy) == _content(release)


def test_the_manifest_comes_last(release: Path, url: str, copy: Path) -> None:
    """What cannot be sent ends the copy without it, also where an earlier copy had left one."""
    copy_release(release, url)
    (copy / "files/p1/s1/a.jpg").unlink()
    (release / "files/p1/s1/a.jpg").write_bytes(b"A picture")
    with pytest.raises(GateRefused, match=r"files/p1/s1/a\.jpg is not what its manifest says"):
        copy_release(release, url)
    assert not (copy / SUMS_NAME).exists()


@pytest.mark.parametrize("name", ["notes.txt", "files/p1/s1/.hidden"])
def test_what_is_not_in_the_manifest_does_not_leave(release: Path, url: str, copy: Path, name: str) -> None:
    (release / name).write_text("a reader's notes")
    with pytest.raises(GateRefused, match=r"0 files missing, 1 not in SHA256SUMS\.txt"):
        copy_release(release, url)
    assert not copy.exists()


def test_another_release_of_the_name_is_never_replaced(release: Path, url: str, copy: Path) -> None:
    copy_release(release, url)
    before = _content(copy)
    (release / "labels.csv.gz").write_bytes(b"0,,")
    _sign(release)
    with pytest.raises(UsageError, match="a release is never replaced"):
        copy_release(release, url)
    assert _content(copy) == before


def test_a_folder_with_other_files_is_refused(release: Path, url: str, copy: Path) -> None:
    copy.mkdir(parents=True)
    (copy / "theirs.csv").touch()
    with pytest.raises(UsageError, match=r"holds 1 files that are not of cxr-1\.0\.0"):
        copy_release(release, url)


def test_a_folder_that_is_no_release_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="is no release"):
        copy_release(tmp_path, url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://KEYID:s3cr3t@bucket/sets", "no credentials in a URL"),
        ("https://store.example/put?signature=s3cr3t", "no credentials in a URL"),
        ("gopher://store/sets", "gopher:// is no store"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_secrets(release: Path, url: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        copy_release(release, url)
    assert "s3cr3t" not in str(refused.value)
