"""What `cxr redact` does: the burned-in text of files or a folder, in worker processes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from cxr_core.deidentify.pixels import build_readers
from cxr_core.vocabulary import BoxDecision, Reason
from flows.cli.file_pool import run_files

_WORK = "tasks.folder_work:redact"
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

    def add(self, name: Path, answer: Mapping[str, Any]) -> None:
        """Take what a worker told of one file."""
        self.done += 1
        self.flagged.update(answer["flags"])
        self.rows.extend(
            {"path": name.as_posix(), **{key: row[key] for key in _ROW_SCHEMA if key != "path"}}
            for row in answer["boxes"]
        )

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
    calls = [
        (name, (path, output / name, readers, sheets / f"{name}.jpg" if sheets is not None else None))
        for path, name in files
    ]
    told = Redacted()
    for name, answer in run_files(_WORK, calls, title="redact", workers=workers):
        if isinstance(answer, Reason):
            told.refused[answer.value] += 1
        else:
            told.add(name, answer)
    return told
