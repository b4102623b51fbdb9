"""Public loaders read a release as it lies there, and the code of the how-to page runs as printed."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from building import ROOT, Build

from cxr_core.release.views.rows import Layout
from tasks.view import ViewOrder, make_view

pytestmark = pytest.mark.slow
_PAGE = ROOT / "docs" / "how-to" / "load-a-release.md"
_BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```", _PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
_LAYOUTS = (Layout.MIMIC_CXR_1, Layout.CHEXPERT_1, Layout.CHESTXRAY14)


@pytest.fixture(scope="module")
def folder(base_build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `release/current` and the other layouts beside it."""
    build = base_build.copied(tmp_path_factory.mktemp("loaders") / "build")
    for layout in _LAYOUTS:
        make_view(ViewOrder(layout, build.public))
    return build.root


def run_in(folder: Path, *command: str) -> str:
    """Run without any network for the hubs, and without caches of this machine."""
    home = str(folder / "home")
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": home, "HOME": home}
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", **offline}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the page."""

    language: str
    code: str


# Blocks about torch share a process, because importing it takes longer than they do.
_TORCH = [code for language, code in _BLOCKS if language == "python" and "torch" in code]
_OTHERS = [Block(*block) for block in _BLOCKS if block[1] not in _TORCH]


@pytest.mark.parametrize("block", _OTHERS, ids=lambda block: block.code.strip().splitlines()[0][:40])
def test_a_block_of_the_page_runs(block: Block, folder: Path) -> None:
    if block.language == "bash":
        run_in(folder, "bash", "-ec", block.code)
    else:
        run_in(folder, sys.executable, "-W", "ignore", "-c", block.code)


# What torchxrayvision shows of an image and its labels, against the table of the release.
_COMPARE = """
import numpy as np, polars as pl
from PIL import Image
rows = {row["dicom_id"]: row for row in pl.read_parquet("release/current/images.parquet").iter_rows(named=True)}
fronts = [row for row in rows.values() if row["view_position"] in ("PA", "AP")]
by_path = {}
for folder in ("release/cxr-1.0.0-chexpert-1/CheXpert-v1.0", "release/current"):
    for path in __import__("pathlib").Path(folder).rglob("*.jpg"):
        by_path[path.stat().st_ino] = by_path.get(path.stat().st_ino, []) + [str(path)]

def known(dataset, image_of, expected):
    assert len(dataset) == len(expected), (len(dataset), len(expected))
    edema, effusion = (list(dataset.pathologies).index(name) for name in ("Edema", "Effusion"))
    for place in range(len(dataset)):
        row = rows[image_of(dataset, place)]
        sample = dataset[place]
        pixels = np.asarray(Image.open("release/current/" + row["path"]))
        assert np.allclose(sample["img"][0], pixels / 255 * 2048 - 1024, atol=1e-2)
        yield row, sample["lab"][edema], sample["lab"][effusion]

def told(value):
    return np.nan if value in (None, -1) else float(value)

def of_inode(dataset, place):
    import os
    name = dataset.csv["Path"].iloc[place].replace("CheXpert-v1.0/", "")
    inode = os.stat(os.path.join(dataset.imgpath, name)).st_ino
    return next(p for p in by_path[inode] if p.startswith("release/current")).rsplit("/", 1)[1][:-4]

train = [row for row in fronts if row["split"] == "train"]
for dataset, image_of, expected in (
    (mimic, lambda d, i: d.csv["dicom_id"].iloc[i], fronts),
    (chexpert, of_inode, train),  # its CSV file is that of train
):
    for row, edema, effusion in known(dataset, image_of, expected):
        if row["chexpert_no_finding"] != 1:  # otherwise the loader sets what is unsaid to 0
            wanted = [told(row["chexpert_edema"]), told(row["chexpert_pleural_effusion"])]
            assert np.array_equal([edema, effusion], wanted, equal_nan=True)
for row, edema, effusion in known(nih, lambda d, i: d.csv["Image Index"].iloc[i][:-4], fronts):
    assert (edema, effusion) == (row["chexpert_edema"] == 1, row["chexpert_pleural_effusion"] == 1)
print("compared", len(fronts))
"""


def test_torch_and_torchxrayvision_read_images_and_labels_as_published(folder: Path) -> None:
    shown = run_in(folder, sys.executable, "-W", "ignore", "-c", "\n".join([*_TORCH, _COMPARE]))
    fronts = pl.read_parquet(folder / "release" / "current" / "images.parquet")
    count = fronts.filter(pl.col("view_position").is_in(["PA", "AP"])).height
    assert shown.splitlines()[-1] == f"compared {count}"
    assert count > 10


def test_croissant_is_valid_and_its_records_are_those_of_the_tables(folder: Path) -> None:
    code = """
import json, logging, sys
import mlcroissant
logging.disable(logging.WARNING)
dataset = mlcroissant.Dataset(jsonld="release/current/croissant.json")
issues = dataset.metadata.ctx.issues
told = {"errors": sorted(issues.errors)}
rows = {name: list(dataset.records(record_set=name)) for name in ("labels", "images", "sections")}
told |= {name: len(found) for name, found in rows.items()}
told["paths"] = sorted(row["images/path"].decode() for row in rows["images"])
print(json.dumps(told))
"""
    told = json.loads(run_in(folder, sys.executable, "-W", "ignore", "-c", code).splitlines()[-1])
    release = folder / "release" / "current"
    images = pl.read_parquet(release / "images.parquet")
    assert told["errors"] == []
    assert told["images"] == images.height
    assert told["sections"] == pl.read_parquet(release / "sections.parquet").height
    assert told["labels"] == images.filter("has_report")["study_id"].n_unique()
    assert told["paths"] == sorted(images["path"])
