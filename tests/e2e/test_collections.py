"""Public collections from their files to a release, as a user builds them; the files are made here."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
from building import Build, Hospital, PrefectServer, run

pytestmark = pytest.mark.e2e

# Not the script beside the interpreter: that belongs to the checkout it was installed from.
_CXR = [sys.executable, "-c", "from flows.cli import main; main()"]
_TABLE = """Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position
00000001_000.png,Cardiomegaly|Hernia,0,1,58,M,PA
00000001_001.png,No Finding,1,1,58,M,AP
00000002_000.png,Effusion,0,2,93,F,PA
"""


@dataclass(frozen=True, slots=True)
class Converted(Hospital):
    """A converted collection with a key; its settings are those that the conversion wrote."""

    @property
    def arguments(self) -> list[str]:
        """The command line of its build."""
        sets = ("--set", "deidentify.readers=['rapidocr']", "--set", f"vault.key_file='{self.key}'")
        return [str(self.root / "out" / "hilum.toml"), *sets]


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """Three pictures of two patients in the form of ChestX-ray14."""
    root = tmp_path_factory.mktemp("collection")
    (root / "in" / "images").mkdir(parents=True)
    (root / "in" / "Data_Entry_2017_v2020.csv").write_text(_TABLE)
    rng = np.random.default_rng(3)
    for place, name in enumerate(("00000001_000", "00000001_001", "00000002_000")):
        noise = rng.normal(120 + 10 * place, 60, (256, 256)).clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(root / "in" / "images" / f"{name}.png"), cv2.GaussianBlur(noise, (0, 0), 12))
    (root / "key").write_bytes(bytes(range(40)))
    (root / "key").chmod(0o600)
    command = [*_CXR, "collection", "convert", "chestxray14", str(root / "in"), "-o", str(root / "out")]
    done = run(command, {"PATH": os.environ["PATH"], "HOME": str(root)})
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("3 images written, 0 refused, 0 without their partner")
    return Converted(root)


def test_a_collection_becomes_a_release_and_its_labels_a_table_beside_it(
    collection: Converted, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    build = Build(tmp_path / "build", collection, prefect_server)
    assert build.run("--json").code == 0
    trees = [build.public, *([build.withheld] if build.withheld.is_dir() else [])]
    assert sum(len(list(tree.rglob("*.jpg"))) for tree in trees) == 3
    output = tmp_path / "labels.csv"
    workspace = ("--workspace", str(build.workspace))
    command = [*_CXR, "collection", "labels", str(collection.root / "out"), "-o", str(output), *workspace]
    assert run(command, build.environment()).code == 0
    rows = pl.read_csv(output, infer_schema=False)
    published = {path.stem for tree in trees for path in tree.rglob("*.jpg")}
    assert set(rows["dicom_id"]) == published
    found = dict(rows.select("findings", "Pleural Effusion").rows())
    assert found == {"Cardiomegaly|Hernia": None, "No Finding": None, "Effusion": "1.0"}
    assert not {"file", "study_instance_uid", "sop_instance_uid"} & set(rows.columns)
