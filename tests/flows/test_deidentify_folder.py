"""`cxr deidentify` over a folder: same bytes however it is run, everything accounted for, one key a vault."""

import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from building import Hospital, Result, SharedFolder, run, tree

CXR = str(Path(sys.executable).with_name("cxr"))
Run = Callable[..., Result]


@pytest.fixture
def deidentify(hospital: Hospital, tmp_path: Path) -> Run:
    def run_command(source: Path, name: str, *options: str, key: Path = hospital.key) -> Result:
        home = tmp_path / "home" / "tmp"
        home.mkdir(parents=True, exist_ok=True)
        places = ["-o", str(tmp_path / name / "out"), "--vault", str(tmp_path / name / "vault")]
        command = [CXR, "deidentify", str(source), *places, "--reader", "rapidocr", "--key-file", str(key), *options]
        return run(command, {"PATH": "/usr/bin:/bin", "HOME": str(home.parent), "TMPDIR": str(home)})

    return run_command


@pytest.fixture(scope="module")
def some_studies(hospital: Hospital, shared_folder: SharedFolder) -> Path:
    """A part of the hospital's images: as many as show an order, few enough for every way of running."""
    with shared_folder.making("some-studies") as (folder, is_new):
        if is_new:
            files = sorted(path for path in hospital.dicom.rglob("*") if path.is_file())[:14]
            for path in files:
                target = folder / path.relative_to(hospital.dicom)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)
    return folder


@pytest.mark.e2e
def test_workers_and_names_and_order_of_files_change_no_byte(
    some_studies: Path, deidentify: Run, tmp_path: Path
) -> None:
    """Four workers over the same files under other names, in another order, give what one worker gave."""
    shuffled = tmp_path / "shuffled"
    files = sorted(path for path in some_studies.rglob("*") if path.is_file())
    for number, path in enumerate(random.Random(7).sample(files, len(files))):
        (shuffled / str(number % 3)).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, shuffled / str(number % 3) / f"{number:03d}")
    one = deidentify(some_studies, "one", "--workers", "1")
    four = deidentify(shuffled, "four", "--workers", "4")
    assert (one.code, four.code) == (0, 0), one.err + four.err
    assert len(tree(tmp_path / "one" / "out")) >= 8
    assert tree(tmp_path / "one" / "out") == tree(tmp_path / "four" / "out")


def test_every_file_is_written_or_stands_in_the_drop_table(some_studies: Path, deidentify: Run, tmp_path: Path) -> None:
    assert deidentify(some_studies, "run").code == 0
    files = sum(path.is_file() for path in some_studies.rglob("*"))
    drops = pl.read_parquet(tmp_path / "run" / "vault" / "drops.parquet")
    assert len(tree(tmp_path / "run" / "out")) + drops.height == files
    assert (tmp_path / "run" / "vault").stat().st_mode & 0o777 == 0o700


def test_where_refused_files_are_named_is_told_and_not_their_names(deidentify: Run, tmp_path: Path) -> None:
    """The name of a file may be that of a patient: it stands in the vault alone."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "Quillfeather.txt").write_text("no image")
    told = deidentify(tmp_path / "in", "run")
    assert told.code == 1
    assert "Quillfeather" not in told.out + told.err
    assert "E_NOT_DICOM 1" in told.out
    assert f"what was refused, and why: {tmp_path / 'run' / 'vault' / 'drops.parquet'}\n" in told.out


@pytest.mark.parametrize(("options", "words"), [((), "holds no file"), (("--reader", "tarot"), "unknown reader")])
def test_a_mistake_leaves_no_folder_behind(
    some_studies: Path, deidentify: Run, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    (tmp_path / "empty").mkdir()
    told = deidentify(some_studies if options else tmp_path / "empty", "run", *options)
    assert told.code == 2
    assert words in told.err
    assert not (tmp_path / "run").exists()


def test_the_vault_of_another_key_is_refused_before_anything_is_read(
    some_studies: Path, deidentify: Run, tmp_path: Path
) -> None:
    vault = tmp_path / "run" / "vault"
    vault.mkdir(parents=True)
    (vault / "key_id").write_text("00000000")
    result = deidentify(some_studies, "run")
    assert result.code == 2
    assert "begun with key 00000000" in result.err
    assert sorted(path.name for path in vault.iterdir()) == ["key_id"]
    assert not (tmp_path / "run" / "out").exists()


@pytest.mark.parametrize(("content", "mode"), [("ab" * 20, 0o600), ("ab" * 32, 0o640)], ids=["short", "open"])
def test_a_short_key_or_one_that_others_can_read_is_refused(
    some_studies: Path, deidentify: Run, tmp_path: Path, content: str, mode: int
) -> None:
    key = tmp_path / "key"
    key.write_text(content)
    key.chmod(mode)
    result = deidentify(some_studies, "run", key=key)
    assert result.code == 2
    assert not (tmp_path / "run").exists()
