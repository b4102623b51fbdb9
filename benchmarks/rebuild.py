"""How long a rebuild plans: synthetic ledgers of a large hospital, where nothing or 1 % changed.

Writes the tables that the per-study stages of a finished build leave (ledgers, images, reports; no picture and no
text), then plans as the build does, each case in a process of its own: wall and CPU seconds, peak memory, studies and
units (task runs) planned, and what closing the stages costs where nothing was done.

python benchmarks/rebuild.py                                     (227,943 and 2,000,000 studies)
python benchmarks/rebuild.py --studies 227943 --folders
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from cxr_core.planning.inputs import convert_wanted, label_wanted
from cxr_core.planning.plan import Plan
from cxr_core.planning.stages import CONVERT, DEIDENTIFY, LABEL, STAGES
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.run import RunSettings
from cxr_core.tables.catalogue import DEID_REPORTS, IMAGES, LEDGER
from cxr_core.tables.contract import Contract
from cxr_core.tables.storage import write_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import Stage
from tasks import planning
from tasks.planning import Planner

_FIRST = 50_000_000
_MOST_IDS = 9_999_999
_MOST_FOLDERS = 300_000
_CASES = {"nothing changed": 0.0, "1 % changed": 0.01}
_NOTE = """plan: the plans of three stages. close: folding parts in and clearing up behind a build that did nothing.
units: task runs over all stages, with the default shard and wave. shelves: looking at the folders of the pictures is
within the figure (yes), or their names were handed over (no: a folder takes 4 kB of disk)."""


# ---------------------------------------------------------------- the hospital


def study_ids(studies: int) -> pl.Series:
    """Ids spread evenly over the shelves, as those of a real build."""
    step = _MOST_IDS // studies
    return (_FIRST + pl.int_range(studies, eager=True) * step).cast(pl.String).alias("study_id")


def digests(seed: str, texts: pl.Series) -> pl.Series:
    """64 hexadecimal digits that follow from a text; quick, for this is no place for cryptography."""
    hashed = [texts.hash(seed=len(seed) * 7 + part) for part in range(4)]
    frame = pl.DataFrame({str(place): one for place, one in enumerate(hashed)})
    # Hexadecimal digits of 64 bits, without a loop in Python: decimal digits are hexadecimal ones, too.
    return frame.select(
        pl.concat_str([pl.col(name).cast(pl.String).str.zfill(20).str.head(16) for name in frame.columns])
    )[frame.columns[0]]


def write_hospital(workspace: Workspace, studies: int, *, with_folders: bool) -> None:
    """Leave what a finished build of so many studies leaves beside its pictures: five images for three studies."""
    ids = study_ids(studies)
    images, reports = _images(ids), _reports(ids)
    write_table(IMAGES, images, workspace.stage(Stage.DEIDENTIFY) / "images.parquet")
    write_table(DEID_REPORTS, reports, workspace.stage(Stage.DEIDENTIFY) / "deid_reports.parquet")
    wanted = {
        Stage.DEIDENTIFY: requests(ids),
        Stage.CONVERT: convert_wanted(images),
        Stage.LABEL: label_wanted(reports),
    }
    for stage, frame in wanted.items():
        for contract in STAGES[stage].contracts:
            if not (path := workspace.stage(stage) / f"{contract.name}.parquet").exists():
                write_table(contract, contract.empty(), path)
        write_table(LEDGER, _ledger(frame, stage), workspace.stage(stage) / "ledger.parquet")
    if with_folders:
        for study in ids:
            workspace.jpeg_file(study, "any").parent.mkdir(parents=True)


def requests(ids: pl.Series) -> pl.DataFrame:
    """What the airlock is asked: of each study the columns that planning reads."""
    return pl.DataFrame({"study_id": ids, "source_fingerprint": digests("source", ids)})


def _ledger(wanted: pl.DataFrame, stage: Stage) -> pl.DataFrame:
    return filled(
        LEDGER,
        wanted,
        stage_fingerprint=STAGES[stage].fingerprint(_config()),
        status="ok",
        attempts=1,
        output_sha256="0" * 64,
    )


def _images(ids: pl.Series) -> pl.DataFrame:
    order = pl.int_range(len(ids), eager=True)
    several = pl.concat([ids, ids.filter(order % 3 < 2)])
    number = pl.int_range(len(several), eager=True).cast(pl.String).str.zfill(8)
    frame = pl.DataFrame({"study_id": several, "dicom_id": number + "-00000000-00000000-00000000-00000000"})
    return filled(
        IMAGES,
        frame.with_columns(dicom_sha256=digests("image", frame["dicom_id"])),
        subject_id="10000001",
        rows=2544,
        columns=3056,
        bits_stored=12,
        photometric="MONOCHROME2",
        modality="DX",
        redacted_area_share=0.0,
        readers="rapidocr",
        flags=[],
        dropped_elements=40,
    )


def _reports(ids: pl.Series) -> pl.DataFrame:
    frame = pl.DataFrame({"study_id": ids, "text_sha256": digests("text", ids)})
    return filled(DEID_REPORTS, frame, subject_id="10000001", text="", spans=3, has_demographics=True)


def filled(contract: Contract, frame: pl.DataFrame, **values: Any) -> pl.DataFrame:
    """All columns of a contract: those of the frame, some constants, nulls."""
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(values.get(name))).cast(dtype).alias(name)
        for name, dtype in contract.dtypes.items()
    )


def _config() -> BuildConfig:
    return BuildConfig(run=RunSettings(workers=1))


# ---------------------------------------------------------------- one case


def change(workspace: Workspace, ids: pl.Series, share: float) -> pl.DataFrame:
    """Change every so many studies at the source and behind the airlock; gives the requests."""
    asked = requests(ids)
    if not share:
        return asked
    changed = ids.gather_every(round(1 / share))
    folder = workspace.stage(Stage.DEIDENTIFY)
    for contract, column in ((IMAGES, "dicom_sha256"), (DEID_REPORTS, "text_sha256")):
        path = folder / f"{contract.name}.parquet"
        write_table(contract, _touched(DEIDENTIFY.store(workspace).read(contract), column, changed), path)
    return _touched(asked, "source_fingerprint", changed)


def _touched(frame: pl.DataFrame, column: str, studies: pl.Series) -> pl.DataFrame:
    is_meant = pl.col("study_id").is_in(studies.implode())
    return frame.with_columns(pl.when(is_meant).then(pl.lit("f" * 64)).otherwise(column).alias(column))


def measure(root: Path, share: float, *, with_folders: bool) -> dict[str, float]:
    """Plan, and close the stages where nothing is to do; figures of this process."""
    from flows.build.fan_out import units

    workspace = Workspace(root)
    planner = Planner(workspace, _config(), requests=pl.read_parquet(root / "asked.parquet"))
    if not with_folders:
        planning._without_folder = lambda _root, _studies: []  # noqa: SLF001  what a disk would answer
    before_kb = _peak_kb()
    plans, plan_s, cpu_s = _timed(lambda: {stage: planner.plan(stage) for stage in STAGES})
    peak_kb = _peak_kb()
    settings = _config().run
    todo = sorted({study for plan in plans.values() for study in plan.todo["study_id"]})
    size = settings.shard_studies * settings.wave_shards
    waves = [todo[start : start + size] for start in range(0, len(todo), size)]
    work = [units(_studies(plan, wave), settings, len(todo)) for plan in plans.values() for wave in waves]
    close_s = 0.0 if share else _timed(lambda: [planner.compact(one) for one in (DEIDENTIFY, CONVERT, LABEL)])[1]
    return {
        "plan_s": plan_s,
        "cpu_s": cpu_s,
        "close_s": close_s,
        "grown_mb": (peak_kb - before_kb) / 1024,
        "planned": sum(plan.todo.height for plan in plans.values()),
        "units": sum(len(one) for one in work),
    }


def _studies(plan: Plan, wave: list[str]) -> list[str]:
    return plan.among(wave).todo["study_id"].to_list()


def _peak_kb() -> int:
    """Of this program alone: `getrusage` begins with the peak of the one that started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


# ---------------------------------------------------------------- all cases

_COLUMNS = {"studies": 9, "case": 16, "shelves": 8, "plan_s": 8, "cpu_s": 8, "close_s": 8, "grown_mb": 9} | {
    "planned": 8,
    "units": 6,
}


def main() -> int:
    """Make each hospital once, measure each case in a process of its own, print one table."""
    arguments = _arguments()
    if arguments.measure:
        share = 0.0 if arguments.unchanged else 0.01
        found = measure(arguments.measure, share, with_folders=arguments.folders)
        print(json.dumps(found))
        return 0
    _print(dict(zip(_COLUMNS, _COLUMNS, strict=True)))
    for studies in arguments.studies:
        with_folders = arguments.folders or studies <= _MOST_FOLDERS
        with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
            workspace = Workspace(Path(folder))
            write_hospital(workspace, studies, with_folders=with_folders)
            for case, share in _CASES.items():
                change(workspace, study_ids(studies), share).write_parquet(Path(folder) / "asked.parquet")
                figures = _in_a_process(folder, studies, share, with_folders=with_folders)
                told = {"studies": f"{studies:,}", "case": case, "shelves": "yes" if with_folders else "no"}
                _print(told | {name: f"{value:,.{2 * name.endswith('_s')}f}" for name, value in figures.items()})
    print(_NOTE)
    return 0


def _print(row: dict[str, str]) -> None:
    print(" ".join(f"{row[name]:>{width}}" for name, width in _COLUMNS.items()), flush=True)


def _in_a_process(folder: str, studies: int, share: float, *, with_folders: bool) -> dict[str, float]:
    flags = [*([] if share else ["--unchanged"]), *(["--folders"] if with_folders else [])]
    command = [sys.executable, __file__, "--measure", folder, "--studies", str(studies), *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, nargs="+", default=[227_943, 2_000_000])
    parser.add_argument("--folders", action="store_true", help="make a folder a study at any size")
    parser.add_argument("--scratch", type=Path, help="folder for the tables; default: the system's")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--unchanged", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
