"""`cxr convert` over a folder: same names, smaller pictures below their size, one line for each refusal."""

import sys
from pathlib import Path

import numpy as np
import pytest
from building import Result
from building import run as run_command
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from cxr_core.errors import UsageError
from flows.cli.places import make_writable, refuse_output_among_sources, source_files

CXR = str(Path(sys.executable).with_name("cxr"))


def write(path: Path, *, rows: int = 400, columns: int = 500) -> None:
    y, x = np.mgrid[:rows, :columns]
    stored = (1500 + 500 * np.sin(y / 90) * np.cos(x / 110)).astype("<u2")
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelData = stored.tobytes()
    dataset["PixelData"].VR = "OW"
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "in" / "a" / "named.dcm")
    write(tmp_path / "in" / "1.2.840.17", rows=100, columns=300)
    (tmp_path / "in" / "notes.txt").write_text("no image")
    return tmp_path


def run(folder: Path, *options: str) -> Result:
    command = [CXR, "convert", str(folder / "in"), "-o", str(folder / "out"), *options]
    return run_command(command, {"PATH": "/usr/bin:/bin", "HOME": str(folder)})


def pictures(folder: Path) -> dict[str, tuple[int, int]]:
    """Width and height of every picture below the output."""
    sizes = {}
    for path in (folder / "out").rglob("*.*g"):
        with Image.open(path) as picture:
            sizes[path.relative_to(folder / "out").as_posix()] = picture.size
    return sizes


def test_pictures_have_the_names_of_their_files_and_refusals_a_line(folder: Path) -> None:
    told = run(folder)
    assert told.code == 0, told.err
    assert pictures(folder) == {"a/named.jpg": (500, 400), "1.2.840.17.jpg": (300, 100)}
    assert "2 converted, E_NOT_DICOM 1;" in told.out
    assert "images/s" in told.out
    assert "to look at: strip 1" in told.out
    assert "notes.txt: E_NOT_DICOM: no DICM prefix and no data set\n" in told.err


def test_smaller_pictures_lie_below_their_size_and_none_is_enlarged(folder: Path) -> None:
    assert run(folder, "--size", "224", "--size", "64").code == 0
    assert pictures(folder) == {
        "a/named.jpg": (500, 400),
        "files-224/a/named.jpg": (280, 224),
        "files-64/a/named.jpg": (80, 64),
        "1.2.840.17.jpg": (300, 100),
        "files-224/1.2.840.17.jpg": (300, 100),
        "files-64/1.2.840.17.jpg": (192, 64),
    }


def test_two_files_never_share_a_picture(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a")
    write(tmp_path / "in" / "a.dcm")
    assert run(tmp_path, "--profile", "png16").code == 0
    assert pictures(tmp_path).keys() == {"a.png", "a.dcm.png"}


def test_an_unknown_profile_is_one_line(folder: Path) -> None:
    told = run(folder, "--profile", "pretty")
    assert (told.code, told.err.strip()) == (2, "cxr: profile pretty: choose paper, none or png16")


def test_an_output_inside_the_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not lie outside"):
        refuse_output_among_sources(tmp_path / "pictures", tmp_path)


def test_an_output_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UsageError, match="out cannot be written"):
        make_writable(tmp_path / "out")


def test_a_file_never_goes_to_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "one.dcm").write_bytes(b"")
    with pytest.raises(UsageError, match=r"is the folder of one\.dcm"):
        refuse_output_among_sources(tmp_path, tmp_path / "one.dcm")


def test_a_folder_without_files_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no file"):
        source_files(tmp_path)


def test_a_path_that_is_not_there_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none does not exist"):
        source_files(tmp_path / "none")


def test_where_nothing_was_converted_the_command_fails(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("no image")
    told = run(tmp_path)
    assert told.code == 1
    assert "0 converted, E_NOT_DICOM 1;" in told.out


def test_links_that_are_not_followed_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "named.dcm").write_bytes(b"")
    (tmp_path / "old").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "again").symlink_to(tmp_path / "a")
    (tmp_path / "same.dcm").symlink_to(tmp_path / "a" / "named.dcm")
    assert [str(name) for _, name in source_files(tmp_path)] == ["a/named.dcm", "same.dcm"]
    assert capsys.readouterr().err == "again: passed over, a link to a folder\nold: passed over, a link to nothing\n"


def test_a_picture_that_cannot_be_written_says_what_the_machine_refused(tmp_path: Path) -> None:
    write(tmp_path / "in" / f"{'n' * 250}.dcm")
    told = run(tmp_path)
    assert told.code == 1
    assert f"{'n' * 250}.dcm: E_CRASH: File name too long in convert\n" in told.err


def test_a_file_that_the_machine_failed_on_fails_the_command_though_others_are_done(tmp_path: Path) -> None:
    write(tmp_path / "in" / "good.dcm")
    write(tmp_path / "in" / f"{'n' * 250}.dcm")
    told = run(tmp_path)
    assert told.code == 1
    assert "1 converted, E_CRASH 1;" in told.out
