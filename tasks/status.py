"""What `cxr status` tells of a stage: done, quarantined, to do, and what made it stale.

Takes a planner, gives counts and the names of the parts of a fingerprint that changed; nothing here starts Prefect.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cxr_core.planning.plan import Cause
from cxr_core.planning.requests import changed_parts
from cxr_core.planning.stages import STAGES
from cxr_core.vocabulary import Stage
from tasks.planning import Planner


@dataclass(frozen=True, slots=True)
class Stale:
    """Studies that were done in one other way than now.

    Parameters
    ----------
    parts : tuple of str, or None
        Modules, rule files, settings and libraries that changed; None where the earlier ones are not known.
    """

    studies: int
    parts: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class StageStatus:
    """Where one stage stands."""

    stage: Stage
    done: int
    quarantined: int
    todo: int
    causes: Mapping[Cause, int]
    stale: tuple[Stale, ...]

    def as_json(self) -> dict[str, object]:
        """The same for a program."""
        return {
            "done": self.done,
            "quarantined": self.quarantined,
            "todo": self.todo,
            "causes": {cause.value: count for cause, count in self.causes.items()},
            "stale": [
                {"studies": stale.studies, "changed": None if stale.parts is None else list(stale.parts)}
                for stale in self.stale
            ],
        }

    def lines(self, *, most_parts: int) -> list[str]:
        """The same for people: one line, and one for each earlier way of doing it."""
        done = f"ok {self.done}, quarantined {self.quarantined}" if self.done or self.quarantined else "nothing done"
        causes = ", ".join(f"{cause.value} {count}" for cause, count in self.causes.items())
        told = [f"{self.stage.value:<11} {done}; to do {self.todo}" + (f": {causes}" if causes else "")]
        for stale in self.stale:
            parts = stale.parts if stale.parts is not None else ("of an earlier version, which left no parts",)
            more = f", and {len(parts) - most_parts} more (--json names all)" if len(parts) > most_parts else ""
            told.append(f"{'':<11} {stale.studies} stale, changed: {', '.join(parts[:most_parts])}{more}")
        return told


def stage_status(planner: Planner, stage: Stage) -> StageStatus:
    """Look at one stage as the next build would."""
    definition, folder = STAGES[stage], planner.workspace.stage(stage)
    ledger = definition.store(planner.workspace).ledger()
    counts = dict(ledger["status"].value_counts().iter_rows())
    ways = ledger["stage_fingerprint"].value_counts().sort("stage_fingerprint").iter_rows()
    parts = definition.parts(planner.config)
    now = planner.fingerprints[stage]
    stale = tuple(Stale(count, changed_parts(folder, way, parts)) for way, count in ways if way != now)
    plan = planner.plan(stage)
    return StageStatus(stage, counts.get("ok", 0), counts.get("quarantined", 0), plan.todo.height, plan.causes(), stale)
