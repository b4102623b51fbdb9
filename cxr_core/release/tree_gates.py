"""Whether a built tree agrees with itself and holds nothing undeclared: gates 4, 5 and 9.

Takes the folder of a release, hidden or published; gives results. Digests of files are taken from SHA256SUMS.txt,
which publication wrote from the files and the verifier computes again.
"""

import gzip
import os
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from cxr_core.release.contracts import CSV_COLUMNS, DOCUMENTS, OPTIONAL_DOCUMENTS, RELEASE_TABLES, SPLIT_TABLES
from cxr_core.release.gates import Gate, GateResult, gate_result
from cxr_core.release.manifest import SUMS_NAME, parse_sums, read_run
from cxr_core.release.publication import CONSTANT_MTIME_NS
from cxr_core.tables.contract import Contract, Privacy
from cxr_core.vocabulary import LabelerName

_IMAGE = re.compile(r"files(-\d{2,4})?/p(1\d)/p(\2\d{6,7})/s5\d{7,8}/[0-9a-f]{8}(-[0-9a-f]{8}){4}\.jpg")
_SORT_KEYS = ("subject_id", "study_id", "dicom_id")


def tree_gates(root: Path) -> tuple[GateResult, ...]:
    """Gates 4, 5 and 9 on one tree."""
    return (integrity_gate(root), columns_gate(root), order_gate(root))


def split_rows(roots: list[Path]) -> pl.DataFrame:
    """`subject_id` and `split` of every image of the given trees, for the split gate."""
    frames = [_csv(root, "split.csv.gz").select("subject_id", "split") for root in roots]
    return pl.concat(frames)


def integrity_gate(root: Path) -> GateResult:
    """Gate 4: every path exists, every row has its image, digests and ids agree between the files."""
    images = pl.read_parquet(root / "images.parquet")
    sums = parse_sums((root / SUMS_NAME).read_bytes())
    present = {path for path in _files(root) if path != SUMS_NAME}
    on_disk = {path for path in present if path.startswith("files/")}
    rows = dict(zip(images["path"], images["sha256"], strict=True))
    listed = (root / "IMAGE_FILENAMES").read_text(encoding="utf-8").splitlines()
    ids = set(images["dicom_id"])
    faults = {
        "rows without an image": len(rows.keys() - on_disk),
        "images without a row": len(on_disk - rows.keys()),
        "smaller images without a row": sum(_full_path(path) not in rows for path in present if _is_smaller(path)),
        "rows that stand twice": images.height - len(ids),
        "digests that differ": sum(1 for path, digest in rows.items() if path in on_disk and sums.get(path) != digest),
        "files missing from the digests or from the tree": len(present ^ sums.keys()),
        "IMAGE_FILENAMES differences": len(set(listed) ^ rows.keys()),
        "metadata rows that differ": len(set(_csv(root, "metadata.csv.gz")["dicom_id"]) ^ ids),
        "split rows that differ": len(set(_csv(root, "split.csv.gz")["dicom_id"]) ^ ids),
        "rows of a split's table that differ": _split_differences(root, images),
        "labelled studies without an image": _labels_without_image(root, images),
    }
    return gate_result(Gate.INTEGRITY, faults, "rebuild with --from convert")


def _tables(root: Path) -> Iterator[tuple[str, Contract]]:
    """The tables of a tree; a split that it does not hold has none."""
    yield from RELEASE_TABLES.items()
    yield from ((name, table) for name, table in SPLIT_TABLES.items() if (root / name).is_file())


def _split_differences(root: Path, images: pl.DataFrame) -> int:
    """Images whose row stands in the table of another split, in none, or differs."""
    parts = [pl.read_parquet(root / name) for name in SPLIT_TABLES if (root / name).is_file()]
    if not parts:
        return images.height
    rows = pl.concat(parts)
    same = rows.sort("dicom_id").equals(images.sort("dicom_id"))
    wrong_file = sum(
        part.filter(pl.col("split").cast(pl.String) != name.split("/")[1].split("-")[0]).height
        for name, part in zip((n for n in SPLIT_TABLES if (root / n).is_file()), parts, strict=True)
    )
    return wrong_file + (0 if same else max(1, abs(rows.height - images.height)))


def _is_smaller(path: str) -> bool:
    return path.startswith("files-") and bool(_IMAGE.fullmatch(path))


def _full_path(path: str) -> str:
    """The full-size image that a smaller one was made with."""
    return f"files/{path.partition('/')[2]}"


def columns_gate(root: Path) -> GateResult:
    """Gate 5: no undeclared file or column, and none that is not public."""
    faults = {"undeclared files": 0, "undeclared or missing columns": 0, "columns that are not public": 0}
    declared_tables = {**RELEASE_TABLES, **SPLIT_TABLES}
    prefix = f"{_prefix(root)}-"  # run.json is read once, not once an image
    for path in _files(root):
        bare = path.removeprefix(prefix)
        if bare in CSV_COLUMNS:
            declared = [column.name for column in CSV_COLUMNS[bare]]
            faults["undeclared or missing columns"] += _differences(_csv(root, bare).columns, declared)
            faults["columns that are not public"] += sum(c.privacy is not Privacy.PUBLIC for c in CSV_COLUMNS[bare])
        elif path in declared_tables:
            contract = declared_tables[path]
            found = pq.read_schema(root / path).names
            faults["undeclared or missing columns"] += _differences(found, list(contract.columns))
            faults["columns that are not public"] += sum(
                column.privacy is not Privacy.PUBLIC for column in contract.columns.values()
            )
        elif path not in DOCUMENTS | OPTIONAL_DOCUMENTS and not _IMAGE.fullmatch(path):
            faults["undeclared files"] += 1
    return gate_result(Gate.COLUMNS, faults, "declare it in the table contracts as public, or leave it out")


def order_gate(root: Path) -> GateResult:
    """Gate 9: rows sorted by pseudonym and every file of the same age, so that order and time tell nothing."""
    unsorted = 0
    for bare in CSV_COLUMNS:
        if (root / _placed(root, bare)).exists():
            frame = _csv(root, bare)
            unsorted += not frame.equals(frame.sort([key for key in _SORT_KEYS if key in frame.columns]))
    for name, contract in _tables(root):
        keys = pl.read_parquet(root / name, columns=list(contract.key))
        unsorted += not keys.equals(keys.sort(contract.key))
    newer = sum((root / path).lstat().st_mtime_ns != CONSTANT_MTIME_NS for path in _files(root))
    faults = {"tables not sorted": unsorted, "files with another modification time": newer}
    return gate_result(Gate.ORDER, faults, "this is a fault of the program, or the tree was touched")


def _files(root: Path) -> Iterator[str]:
    """Every entry that is no folder, links included, as paths with forward slashes."""
    for parent, folders, names in os.walk(root):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in [*names, *links]:
            yield (Path(parent) / name).relative_to(root).as_posix()


def _prefix(root: Path) -> str:
    run = read_run(root)
    return f"{run['name']}-{run['version']}"


def _placed(root: Path, bare: str) -> str:
    return f"{_prefix(root)}-{bare}"


def _csv(root: Path, bare: str) -> pl.DataFrame:
    """A CSV file as text, ids as found: all have one width, so their order as text is that of the numbers."""
    content = (root / _placed(root, bare)).read_bytes()
    if bare.endswith(".gz"):
        content = gzip.decompress(content)
    return pl.read_csv(content, infer_schema=False)


def _labels_without_image(root: Path, images: pl.DataFrame) -> int:
    if images.is_empty():
        return 0  # labels alone: a build without images, or test labels whose images are public
    labelled = {study for name in LabelerName for study in _csv(root, f"{name.value}.csv.gz")["study_id"]}
    return len(labelled - set(images["study_id"]))


def _differences(found: list[str], declared: list[str]) -> int:
    return len(set(found) ^ set(declared)) or int(found != declared)
