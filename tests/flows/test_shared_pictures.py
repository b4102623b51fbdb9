"""A picture that stands under two subjects waits for a person, in the books as in the release; or it is kept."""

from pathlib import Path

import polars as pl
import pytest
from building import Build, PrefectServer

from cxr_core.tables.catalogue import RENDITIONS
from cxr_core.tables.storage import read_table, write_table

pytestmark = pytest.mark.slow


@pytest.fixture
def spoilt(base_build: Build, prefect_server: PrefectServer, tmp_path: Path) -> tuple[Build, list[str]]:
    """One image of one subject looks like one of another, both in train; gives the two images."""
    build = base_build.copied(tmp_path / "build", server=prefect_server)
    shown = pl.read_parquet(build.public / "images.parquet")
    telling = shown.filter(pl.col("split").cast(pl.String) == "train", ~pl.col("flags").list.contains("low_contrast"))
    pair = telling.unique("subject_id", maintain_order=True)["dicom_id"][:2].to_list()
    path = build.workspace / "stages" / "convert" / "renditions.parquet"
    rows = read_table(RENDITIONS, path)
    picture = rows.filter(pl.col("dicom_id") == pair[0])["phash"][0]
    same = pl.when(pl.col("dicom_id").is_in(pair)).then(pl.lit(picture)).otherwise("phash").alias("phash")
    write_table(RENDITIONS, rows.with_columns(same), path)
    return build, pair


def test_shared_pictures_are_left_out_and_wait_for_a_person(spoilt: tuple[Build, list[str]]) -> None:
    build, pair = spoilt
    result = build.run("--from", "split", "--json")
    assert result.code == 0, result.err
    assert result.json["version"] == "1.1.0"
    shown = set(pl.read_parquet(build.public / "images.parquet")["dicom_id"])
    assert not shown & set(pair)
    dropped = [drop for drop in result.json["drops"] if drop["reason"] == "E_SHARED"]
    assert dropped == [{"stage": "split", "kind": "instance", "reason": "E_SHARED", "count": 2}]


def test_they_can_be_kept(spoilt: tuple[Build, list[str]]) -> None:
    build, pair = spoilt
    result = build.run("--from", "split", "--json", "--set", "split.shared_pictures=keep")
    assert result.code == 0, result.err
    assert result.json["unchanged"]
    assert set(pair) <= set(pl.read_parquet(build.public / "images.parquet")["dicom_id"])
