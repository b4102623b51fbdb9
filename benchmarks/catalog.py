"""How fast the catalog reads headers: ours and plain pydicom over the same files, then scans where little changed.

Writes headers of the demo hospital (a hundred elements, nested and private ones included, and four pixels) as real
files, each with a SOP instance of its own. Each scan runs in a process of its own: files/s by CPU and by wall, peak
memory. pydicom's scan is `dcmread(stop_before_pixels=True)` and nothing else: no digest, no identity, no judgement.

python benchmarks/catalog.py                                     (20,000 files)
python benchmarks/catalog.py --files 371920 --dir /scratch/headers      (the paper's; removed afterwards)
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from small_dicom import smallest_file

from cxr_core.demo.dicom_header import build_header
from cxr_core.demo.plan import plan_patient
from cxr_core.demo.seeds import Purpose, stream
from cxr_core.intake.catalog import catalog_folder
from cxr_core.intake.sources.folder import walk_files
from cxr_core.tables.catalogue import INSTANCES
from cxr_core.tables.storage import read_table, write_table

_TEMPLATE_PATIENTS = 60
_FILES_A_FOLDER = 500
_CHANGED_EVERY = 100
_PAPER_FILES = 371_920
_BAR_FILES_S, _BAR_CPU_MIN = 1500, 5.0


# ---------------------------------------------------------------- the files


def templates() -> list[tuple[bytes, bytes]]:
    """Files as bytes, each with its SOP instance UID, in explicit and implicit coding by turns."""
    found = []
    for index in range(_TEMPLATE_PATIENTS):
        plan = plan_patient(1, index, side_px=1200)
        for study in plan.studies:
            for image in study.images:
                rng = stream(1, Purpose.HEADER, index, study.ordinal, image.ordinal)
                dataset = build_header(study, image, owner=plan.person, requester=plan.person, rng=rng).dataset
                syntax = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)[len(found) % 2]
                found.append((smallest_file(dataset, syntax), str(dataset.SOPInstanceUID).encode()))
    return found


def write_files(root: Path, files: int) -> int:
    """Write so many files; the bytes written."""
    made, size = templates(), 0
    for place in range(files):
        content, uid = made[place % len(made)]
        own = uid[:5] + str(place).zfill(len(uid) - 5).encode()
        folder = root / f"{place // _FILES_A_FOLDER:05d}"
        if place % _FILES_A_FOLDER == 0:
            folder.mkdir(parents=True)
        size += (folder / f"IM{place:07d}").write_bytes(content.replace(uid, own))
    return size


# ---------------------------------------------------------------- the scans


def scan_first(root: Path, table: Path) -> int:
    """Ours, nothing known."""
    frame = catalog_folder(root)
    assert frame["reason"].null_count() == frame.height
    write_table(INSTANCES, frame, table)
    return frame.height


def scan_again(root: Path, table: Path) -> int:
    """Ours, over the catalog of the first scan."""
    previous = read_table(INSTANCES, table)
    frame = catalog_folder(root, previous)
    assert previous is not None
    assert frame.height == previous.height
    return frame.height


def scan_pydicom(root: Path, _: Path) -> int:
    """The peer."""
    return sum(dcmread(path, stop_before_pixels=True) is not None for path in walk_files(root))


_SCANS: dict[str, Callable[[Path, Path], int]] = {
    "pydicom": scan_pydicom,
    "first": scan_first,
    "unchanged": scan_again,
    "changed": scan_again,
}


def measured(scan: str, root: Path, table: Path) -> dict[str, float]:
    """One scan in a process of its own."""
    command = [sys.executable, __file__, "--scan", scan, "--dir", str(root), "--table", str(table)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _one(scan: str, root: Path, table: Path) -> None:
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    files = _SCANS[scan](root, table)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"files": files, "cpu_s": cpu, "wall_s": wall, "peak_mb": after.ru_maxrss / 1024}))


def touch_some(root: Path) -> int:
    """Change every hundredth file, size and digest included."""
    changed = list(_every(walk_files(root), _CHANGED_EVERY))
    for path in changed:
        with path.open("ab") as file:
            file.write(b"\xfc\xff\xfc\xff\2\0\0\0ab" if b"\2\0" in path.read_bytes()[:200] else b"")
    return len(changed)


def _every(paths: Iterator[Path], step: int) -> Iterator[Path]:
    for place, path in enumerate(paths):
        if place % step == 0:
            yield path


# ---------------------------------------------------------------- the table


def report(rows: dict[str, dict[str, float]]) -> str:
    """The table as text, with the bars."""
    names = {"pydicom": "pydicom, header only", "first": "ours, first", "unchanged": "ours, unchanged",
             "changed": "ours, 1 % changed"}  # fmt: skip
    lines = [f"{'scan':<22}{'files/s CPU':>12}{'files/s wall':>13}{'CPU s':>9}{'ms a file':>11}{'peak MB':>9}"]
    for name, row in rows.items():
        files = row["files"]
        lines.append(
            f"{names[name]:<22}{files / row['cpu_s']:>12,.0f}{files / row['wall_s']:>13,.0f}{row['cpu_s']:>9.1f}"
            f"{1000 * row['cpu_s'] / files:>11.3f}{row['peak_mb']:>9.0f}"
        )
    first = rows["first"]
    minutes = first["cpu_s"] / first["files"] * _PAPER_FILES / 60
    is_met = first["files"] / first["cpu_s"] >= _BAR_FILES_S and minutes < _BAR_CPU_MIN
    lines.append(f"ours / pydicom: {rows['pydicom']['cpu_s'] / first['cpu_s']:.2f} times the files/s")
    lines.append(
        f"{_PAPER_FILES:,} files: {minutes:.1f} core-minutes; bars {_BAR_FILES_S:,} files/s and {_BAR_CPU_MIN:.0f} "
        f"core-minutes {'met' if is_met else 'MISSED'}"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--dir", type=Path, help="where the files go; must not exist, removed afterwards")
    parser.add_argument("--scan", choices=list(_SCANS), help=argparse.SUPPRESS)
    parser.add_argument("--table", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.scan:
        _one(given.scan, given.dir, given.table)
        return
    root = given.dir or Path(tempfile.mkdtemp()) / "headers"
    if root.exists():
        sys.exit(f"{root} exists")
    try:
        started = time.process_time()
        size = write_files(root, given.files)
        os.sync()
        print(
            f"{given.files:,} files of {size / given.files / 1000:.1f} kB "
            f"written in {time.process_time() - started:.0f} CPU s"
        )
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "instances.parquet"
            rows = {scan: measured(scan, root, table) for scan in ("pydicom", "first", "unchanged")}
            touch_some(root)
            rows["changed"] = measured("changed", root, table)
        print(report(rows))
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
