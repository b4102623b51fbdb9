"""What `cxr redact` does: the burned-in text of files or a folder, in worker processes."""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from cxr_core.deidentify.pixels import build_readers
from cxr_core.errors import ItemError, TransientError
from cxr_core.vocabulary import BoxDecision, Reason
from flows.progress import BuildProgress
from tasks.workers import WorkerPool

_WORK = "tasks.folder_work:redact"
_DEADLINE_S = 600.0
_ROW_SCHEMA = {
    "path": pl.String,
    "box": pl.Int64,
    "top_px": pl.Int64,
    "left_px": pl.Int64,
    "bottom_px": pl.Int64,
    "right_px": pl.Int64,
    "decision": pl.String,
    "probability": pl.Float64,
    "constancy": pl.Float64,
    "engine": pl.String,
    "rule": pl.String,
}


@dataclass(slots=True)
class Redacted:
    """What became of the files: counts, refusals by reason, rows of the boxes, files with a review flag."""

    done: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    rows: list[Mapping[str, Any]] = field(default_factory=list, repr=False)
    flagged: Counter[str] = field(default_factory=Counter)

    def summary(self) -> str:
        """One line for the terminal."""
        decisions = Counter(row["decision"] for row in self.rows)
        flags = "".join(f", {flag} {count}" for flag, count in sorted(self.flagged.items()))
        removed, kept = decisions[BoxDecision.REDACTED.value], decisions[BoxDecision.KEPT.value]
        return f"boxes: {removed} removed, {kept} markers kept; to review: {flags[2:] or 'none'}"

    def write_boxes(self, path: Path) -> None:
        """The boxes as Parquet: where and why, never what they say."""
        path.parent.mkdir(parents=True, exist_ok=True)
        pl.DataFrame(self.rows, schema=_ROW_SCHEMA).write_parquet(path)


def redact_folder(
    files: Sequence[tuple[Path, Path]], output: Path, readers: tuple[str, ...], *, workers: int, sheets: Path | None
) -> Redacted:
    """Black out the burned-in text of each file.

    Parameters
    ----------
    files : sequence of (path, name below the output)
    output : Path
    readers : tuple of str
    workers : int
    sheets : Path, optional
        Folder for the pictures before and after; made for its owner alone.

    Raises
    ------
    UsageError
        A reader that is not installed.
    """
    build_readers(readers)  # a missing one is told before the work starts
    if sheets is not None:
        sheets.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = Redacted()
    pool = WorkerPool(workers, deadline_s=_DEADLINE_S, log=Path(os.devnull))

    def one(file: tuple[Path, Path]) -> tuple[Path, Mapping[str, Any] | Reason]:
        path, name = file
        sheet = sheets / f"{name}.jpg" if sheets is not None else None
        try:
            answer: Mapping[str, Any] = pool.call(_WORK, path, output / name, readers, sheet)
        except ItemError as error:
            return name, error.reason
        except TransientError:
            return name, Reason.E_CRASH
        return name, answer

    with pool, ThreadPoolExecutor(workers) as threads, BuildProgress().stage("redact", len(files)) as tick:
        _collect(threads.map(one, files), told, tick)
    return told


def _collect(answers: Iterable[tuple[Path, Mapping[str, Any] | Reason]], told: Redacted, tick: Any) -> None:
    for name, answer in answers:
        tick(1)
        if isinstance(answer, Reason):
            told.refused[answer.value] += 1
            sys.stderr.write(f"{name}: {answer.value}\n")
            continue
        told.done += 1
        told.flagged.update(answer["flags"])
        told.rows.extend(
            {"path": name.as_posix(), **{key: row[key] for key in _ROW_SCHEMA if key != "path"}}
            for row in answer["boxes"]
        )
