"""What a build tells at its end: counts a stage, what was left out and why, where the release is.

Takes the stages' counts, the accounts and the outcome of publishing; gives a summary for terminal, JSON and
build.json. Aggregates only: nothing here speaks of one patient; the Prefect UI is left to `artifacts`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from cxr_core import __version__
from cxr_core.planning.plan import Cause
from cxr_core.release.page import PAGE_NAME
from cxr_core.release.plan import DropCount
from cxr_core.release.throughput import StageTime, with_times
from cxr_core.tables.storage import write_bytes
from tasks.stage_run import UnitCounts


@dataclass(slots=True)
class StageCounts:
    """How one stage went."""

    todo: int = 0
    reused: int = 0
    done: int = 0
    quarantined: int = 0
    seconds: float = 0.0
    causes: Mapping[Cause, int] = field(default_factory=dict)
    """Why studies are to be done."""

    def add(self, counts: UnitCounts) -> None:
        self.done += counts.done
        self.quarantined += counts.quarantined

    def line(self, stage: str) -> str:
        """What a dry run says of a stage."""
        told = ", ".join(f"{cause.value} {count}" for cause, count in self.causes.items())
        more = self.todo - sum(self.causes.values())
        told += f"{', ' if told else ''}at most {more} after a stage before it" if more else ""
        return f"{stage}: {self.todo} to do{f' ({told})' if told else ''}, {self.reused} unchanged"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What publishing came to.

    Parameters
    ----------
    tables : mapping of title to frame
        Funnel, Table 2 and Table 4 of the paper, for people.
    """

    path: Path
    withheld_path: Path | None
    version: str
    is_unchanged: bool
    published: int
    withheld: int
    tables: Mapping[str, pl.DataFrame] = field(repr=False)


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """The end of a build."""

    stages: Mapping[str, StageCounts]
    drops: Sequence[DropCount]
    counts: Mapping[str, int]
    outcome: Outcome | None
    workspace: Path
    is_demo: bool
    is_dry_run: bool
    config_digest: str
    quarantined: int = 0
    """Items that wait for a person: something is wrong with them, and nobody accepted that."""

    def as_json(self) -> dict[str, object]:
        """Counts a stage, drops by reason, the release's path."""
        return {
            "hilum": __version__,
            "demo": self.is_demo,
            "dry_run": self.is_dry_run,
            "configuration": self.config_digest,
            "counts": dict(self.counts),
            "stages": {
                name: {
                    "todo": counts.todo,
                    "reused": counts.reused,
                    "done": counts.done,
                    "quarantined": counts.quarantined,
                    "causes": {cause.value: count for cause, count in counts.causes.items()},
                    "seconds": round(counts.seconds, 2),
                }
                for name, counts in self.stages.items()
            },
            "drops": [
                {
                    "stage": drop.stage.value,
                    "kind": drop.kind.value,
                    "reason": drop.reason.value,
                    "count": drop.count,
                }
                for drop in self.drops
            ],
            "release": str(self.outcome.path) if self.outcome else None,
            "withheld": str(self.outcome.withheld_path) if self.outcome and self.outcome.withheld_path else None,
            "version": self.outcome.version if self.outcome else None,
            "unchanged": self.outcome.is_unchanged if self.outcome else None,
        }

    def lines(self) -> list[str]:
        """The last lines on the terminal."""
        if self.is_dry_run:
            return [
                *(counts.line(name) for name, counts in self.stages.items() if counts.todo or counts.reused),
                "dry run: nothing was written",
            ]
        told = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        lines = [told] if told else []
        if self.outcome is None:
            return lines
        state = "unchanged" if self.outcome.is_unchanged else "published"
        lines.append(f"release {state}: {self.outcome.path}")
        if self.outcome.withheld_path:
            lines.append(f"test set withheld: {self.outcome.withheld_path}")
        if self.quarantined:
            lines.append("quarantined items wait for you: cxr quarantine list --workspace " + str(self.workspace))
        lines.append(f"next: cxr verify {self.outcome.path} --workspace {self.workspace}")
        return lines


def write_summary(summary: BuildSummary, path: Path) -> None:
    """Leave the summary beside the stages."""
    write_bytes(path, json.dumps(summary.as_json(), indent=1).encode() + b"\n")


def write_page(summary: BuildSummary, path: Path) -> None:
    """Leave a copy of the release's page with the times of this run beside the stages."""
    page = summary.outcome.path / PAGE_NAME if summary.outcome else None
    if page is None or not page.is_file():
        return
    times = [StageTime(name, counts.done, counts.reused, counts.seconds) for name, counts in summary.stages.items()]
    write_bytes(path, with_times(page.read_bytes(), times))
