"""A received file is there whole or not at all, stays where it is when it comes again, and never leaves its folder."""

from pathlib import Path

import pytest

from cxr_core.errors import BuildError
from cxr_core.intake.acquisition.shelf import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    made = Shelf(tmp_path / "received", tmp_path / "incoming")
    made.open()
    return made


def put(shelf: Shelf, study: str, instance: str, content: bytes) -> None:
    """Receive a file and wait until it is safe."""
    shelve = shelf.receive(study, instance, content)
    if shelve is not None:
        shelve()


def test_what_was_put_is_present_and_nothing_else_is_left(shelf: Shelf) -> None:
    put(shelf, "1.2", "1.2.3", b"abc")
    assert shelf.present("1.2") == {"1.2.3.dcm"}
    assert shelf.path("1.2", "1.2.3").read_bytes() == b"abc"
    assert list(shelf.incoming.iterdir()) == []


def test_equal_bytes_keep_their_time_and_other_bytes_do_not(shelf: Shelf) -> None:
    put(shelf, "1.2", "1.2.3", b"abc")
    before = shelf.path("1.2", "1.2.3").stat()
    put(shelf, "1.2", "1.2.3", b"abc")
    assert shelf.path("1.2", "1.2.3").stat().st_ino == before.st_ino
    put(shelf, "1.2", "1.2.3", b"abd")
    assert shelf.path("1.2", "1.2.3").stat().st_ino != before.st_ino
    assert shelf.path("1.2", "1.2.3").read_bytes() == b"abd"


@pytest.mark.parametrize("uid", ["../../x", "..", ".", "", "/etc/passwd", "1.2/3", "1.2\0", "a", "1" * 65, "1.2\n"])
def test_what_is_no_uid_becomes_a_digest_within_the_folder(shelf: Shelf, uid: str) -> None:
    put(shelf, uid, uid, b"abc")
    (file,) = (path for path in shelf.received.rglob("*") if path.is_file())
    assert file.parent.parent.parent == shelf.received
    assert len(file.parent.name) == len("x") + 64
    assert shelf.has(uid, uid)


def test_a_file_is_not_on_the_shelf_before_the_disk_has_it(shelf: Shelf) -> None:
    shelve = shelf.receive("1.2", "1.2.3", b"abc")
    assert not shelf.has("1.2", "1.2.3")
    assert shelve is not None
    shelve()
    assert shelf.has("1.2", "1.2.3")
    assert shelf.receive("1.2", "1.2.3", b"abc") is None


def test_a_killed_runs_half_is_swept_away(shelf: Shelf) -> None:
    (shelf.incoming / "half").write_bytes(b"ab")
    shelf.open()
    assert list(shelf.incoming.iterdir()) == []


def test_what_the_pacs_names_no_more_goes(shelf: Shelf) -> None:
    for instance in ("1.2.3", "1.2.4", "1.2.5"):
        put(shelf, "1.2", instance, b"abc")
    assert shelf.keep_only("1.2", ["1.2.3", "1.2.9"]) == 2
    assert shelf.present("1.2") == {"1.2.3.dcm"}


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BuildError, match="cannot be written") as caught:
        Shelf(tmp_path / "file" / "received", tmp_path / "file" / "incoming").open()
    assert "\n" not in str(caught.value)
