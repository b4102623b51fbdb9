"""A release that something is wrong with is refused by its gate, with exit code 3, and the last one stays as it is.

What a damaged workspace can bring about is damaged there. What only a faulty program could write is written into the
finished, hidden trees, with digests that fit, right before the gates read them.
"""

import shutil
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest
from building import ROOT, WAIVERS, Build, PrefectServer, Result, run, tree

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

# Runs before the gates; `root` is the hidden public tree. Digests are made to fit afterwards.
_SABOTEUR = """
import gzip, hashlib, os, sys
from pathlib import Path
from cxr_core.release import publication
from flows.cli import main

build_trees = publication._build_trees

def sabotaged(plan, releases, version):
    build_trees(plan, releases, version)
    root = publication.hidden(releases, plan.name, version)
{damage}
    names = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and p.name != "SHA256SUMS.txt")
    sums = "".join(f"{{hashlib.sha256((root / n).read_bytes()).hexdigest()}}  {{n}}\\n" for n in names)
    (root / "SHA256SUMS.txt").write_text(sums)
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, ns=(publication.CONSTANT_MTIME_NS,) * 2)

publication._build_trees = sabotaged
main()
"""

_TWO_SPLITS = """
(path,) = root.glob("*-split.csv.gz")
head, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
subjects = [line.split(",")[2] for line in lines]
place = next(i for i, subject in enumerate(subjects) if subjects.count(subject) > 1 and lines[i].endswith(",train"))
lines[place] = lines[place].replace(",train", ",validate")
path.write_bytes(publication_gzip("\\n".join([head, *lines, ""]).encode()))
"""
_UNDECLARED = """
(root / "notes-for-later.txt").write_text("to be looked at")
"""
_PHI = """
(path,) = root.glob("*-metadata.csv.gz")
lines = gzip.decompress(path.read_bytes()).decode().splitlines()
cells = lines[1].split(",")
cells[3] = {name!r}
lines[1] = ",".join(cells)
path.write_bytes(publication_gzip("\\n".join([*lines, ""]).encode()))
"""
_FILE_IN_PLACE = """
image = next(root.rglob("files/**/*.jpg"))
image.chmod(0o644)
content = bytearray(image.read_bytes())
image.unlink()
content[-200] ^= 0x55
image.write_bytes(content)
"""


@dataclass(frozen=True, slots=True)
class Sabotage:
    """How a build is spoilt, what it is run with, and the line that tells."""

    spoil: Callable[[Build], None]
    tree: Callable[[Build], str | None]
    line: str
    is_whole: bool = False


def _nothing(_build: Build) -> None:
    return


def _no_damage(_build: Build) -> None:
    return None


def _first_image(build: Build) -> Path:
    return sorted(path for path in (build.workspace / "jpeg").rglob("*.jpg") if ".64" not in path.name)[0]


def _lose_an_image(build: Build) -> None:
    _first_image(build).unlink()


def _tamper_with_an_image(build: Build) -> None:
    image = _first_image(build)
    content = bytearray(image.read_bytes())
    content[len(content) // 2] ^= 0x10
    image.unlink()
    image.write_bytes(content)


def _lose_patients(build: Build) -> None:
    """A disk of the archive was not mounted."""
    rows = pl.read_parquet(build.workspace / "vault" / "catalog" / "instances.parquet")
    patients = rows["patient_id"].drop_nulls().unique().sort()[:5]
    for path in rows.filter(pl.col("patient_id").is_in(patients.implode()))["path"]:
        (build.hospital.dicom / path).unlink(missing_ok=True)


def _patient_name(build: Build) -> str:
    rows = pl.read_csv(build.hospital.truth / "patients.csv", infer_schema=False)
    return f"{rows['last'][0]} {rows['first'][0]}".upper()


SABOTAGES = {
    "a patient in two splits": Sabotage(_nothing, lambda _: _TWO_SPLITS, "gate split: 1 subjects in two splits"),
    "an undeclared file": Sabotage(_nothing, lambda _: _UNDECLARED, "1 undeclared in notes-for-later.txt"),
    "a name in a table": Sabotage(_nothing, lambda b: _PHI.format(name=_patient_name(b)), "gate privacy: 1 name"),
    "a picture changed in the tree": Sabotage(_nothing, lambda _: _FILE_IN_PLACE, "gate privacy: 1 picture in files/"),
    "a picture lost": Sabotage(_lose_an_image, _no_damage, "gate integrity: 1 images missing from the workspace"),
    "a picture changed": Sabotage(_tamper_with_an_image, _no_damage, "1 with another digest than their row"),
    "an implausible number of rows": Sabotage(_lose_patients, _no_damage, "gate counts: ", is_whole=True),
}


@pytest.mark.parametrize("name", SABOTAGES)
def test_a_sabotaged_release_is_refused_and_the_last_one_is_intact(
    name: str, base_build: Build, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    sabotage = SABOTAGES[name]
    build = base_build.copied(tmp_path / "build", server=prefect_server)
    build = replace(build, hospital=base_build.hospital.copied(tmp_path / "hospital"))
    sabotage.spoil(build)
    before = tree(build.release)
    result = _published(build, sabotage)
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith("cxr: gate ")
    assert sabotage.line in result.err
    assert result.err.count("\n") == 1
    assert _patient_name(build) not in result.err
    assert tree(build.release) == before
    assert list(build.release.glob(".*")) == []


def _published(build: Build, sabotage: Sabotage) -> Result:
    """Publish under another name of settings, so that there is something new to publish."""
    damage = sabotage.tree(build)
    stages = () if sabotage.is_whole else ("--only", "publish")
    fresh = ("--set", "release.version=2.0.0", "--quiet")
    if damage is None:
        _make_new(build, sabotage)
        return build.run(*stages, *fresh)
    _make_new(build, sabotage)
    code = damage.replace("publication_gzip", "__import__('cxr_core.release.layouts', fromlist=['x']).gzip_bytes")
    script = _SABOTEUR.format(damage=textwrap.indent(code, "    "))
    places = ["--workspace", str(build.workspace), "--release", str(build.release)]
    arguments = ["build", *build.hospital.arguments, *places, *WAIVERS, *stages, *fresh]
    return run([sys.executable, "-c", script, *arguments], {**build.environment(), "PYTHONPATH": str(ROOT)})


def _make_new(build: Build, sabotage: Sabotage) -> None:
    """One flag of one label changes, so that the content is no longer that of the last release."""
    if sabotage.is_whole:
        return
    path = build.workspace / "stages" / "label" / "labels.parquet"
    from cxr_core.tables.catalogue import LABELS
    from cxr_core.tables.storage import read_table, write_table

    rows = read_table(LABELS, path)
    write_table(LABELS, rows.with_columns(Fracture=pl.lit(1, dtype=pl.Int8)), path)


def test_without_sabotage_the_same_way_publishes(
    base_build: Build, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    """Otherwise the tests above would pass on a build that always refuses."""
    build = base_build.copied(tmp_path / "build", server=prefect_server)
    result = _published(build, Sabotage(_nothing, lambda _: "pass", ""))
    assert (result.code, result.err) == (0, "")
    assert (build.release / "cxr-2.0.0").is_dir()
    shutil.rmtree(build.root)
