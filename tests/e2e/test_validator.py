"""A de-identified file is no worse DICOM than its source, in the eyes of a validator that is not ours."""

import re
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest
from building import Build

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed"),
]


def _errors(path: Path) -> set[str]:
    told = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, check=False)
    lines = (told.stdout + told.stderr).decode("latin-1").splitlines()
    return {re.sub(r"\s+", " ", line) for line in lines if line.startswith("Error")}


def test_no_file_has_an_error_that_its_source_had_not(base_build: Build) -> None:
    vault = base_build.workspace / "vault"
    uids = dict(pl.read_parquet(vault / "pseudonyms.parquet").filter(kind="instance")["pseudonym", "original"].rows())
    paths = dict(pl.read_parquet(vault / "catalog" / "instances.parquet")["sop_instance_uid", "path"].rows())
    compared, introduced, mended = 0, dict[str, set[str]](), 0
    for path in sorted((base_build.workspace / "dicom").rglob("*.dcm")):
        before = _errors(base_build.hospital.dicom / paths[uids[path.stem]])
        if not any("Module=<" in error for error in before):
            continue  # what the validator cannot read at all (no file meta) it does not judge
        after = _errors(path)
        compared += 1
        mended += len(before - after)
        introduced |= {path.stem: after - before} if after - before else {}
    assert compared >= 10
    assert introduced == {}
    assert mended > 0
