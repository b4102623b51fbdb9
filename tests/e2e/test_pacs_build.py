"""One hospital, four ways into the build, one release: C-MOVE, C-GET, DICOMweb and a folder give the same bytes."""

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from building import WAIVERS, Build, Hospital, PrefectServer, make_hospital, run, tree
from orthanc import Orthanc, running, why_not

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")]


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    """Small: a file cut short, a wrong photometric, merged record numbers, accession numbers with spaces or none."""
    return make_hospital(tmp_path_factory.mktemp("ward"), patients=2, side_px=200, intermediates="discard")


@pytest.fixture(scope="module")
def pacs(ward: Hospital, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Orthanc, Path]]:
    """The export pushed into Orthanc; and what it took of it, once each, as a folder.

    A PACS holds no stray text file, nothing that was cut short, and one file an instance.
    """
    root = tmp_path_factory.mktemp("orthanc")
    with running(root / "server") as server:
        for path in server.fill(path for path in sorted(ward.dicom.rglob("*")) if path.is_file()):
            target = root / "folder" / path.relative_to(ward.dicom)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        yield server, root / "folder"


def _built(root: Path, ward: Hospital, prefect: PrefectServer, source: str, *more: str) -> Build:
    config = root / "hilum.toml"
    config.parent.mkdir()
    config.write_text(ward.config.read_text() + source)
    build, ris = Build(root, ward, prefect), ward.export / "ris"
    reports = ["--reports", str(ris / "ris_export.csv"), "--reports", str(ward.export / "hl7")]
    tables = ["--encounters", str(ris / "encounters.csv"), "--merges", str(ris / "mrn_merges.csv")]
    places = ["--workspace", str(build.workspace), "--release", str(build.release), "--json", "--workers", "1"]
    command = [sys.executable, "-m", "flows.build", str(config), *more, *reports, *tables, *places, *WAIVERS]
    result = run(command, build.environment())
    assert result.code == 0, result.err[-2000:]
    return replace(build, result=result)


def _remote(server: Orthanc, way: str, days: tuple[str, str]) -> str:
    settings = server.settings(start=days[0], end=days[1], modalities=[])
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    return "\n".join(["", "[source]", f'way = "{way}"', "[source.pacs]", *lines, ""])


def test_four_ways_give_one_release(
    ward: Hospital, pacs: tuple[Orthanc, Path], prefect_server: PrefectServer, tmp_path: Path
) -> None:
    server, folder = pacs
    dates = pl.read_csv(ward.truth / "studies.csv", infer_schema=False)["datetime"].str.slice(0, 10)
    days = (dates.min(), dates.max())
    base = _built(tmp_path / "folder", ward, prefect_server, "", "--dicom", str(folder))
    wanted = tree(base.release)
    assert sum(name.endswith(".jpg") for name in wanted) >= 4
    for way in ("pacs-move", "pacs-get", "dicomweb"):
        build = _built(tmp_path / way, ward, prefect_server, _remote(server, way, days))
        assert tree(build.release) == wanted, way
        received = [path for path in (build.workspace / "vault" / "received").rglob("*") if path.is_file()]
        assert len(received) == len([path for path in folder.rglob("*") if path.is_file()])
        # The files differ (file meta, lengths), the release does not.
        catalog = pl.read_parquet(build.workspace / "vault" / "catalog" / "instances.parquet")
        assert catalog["reason"].to_list().count("E_FETCH") == 0
