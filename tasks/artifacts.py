"""What a build shows in the Prefect UI: how it went and what to do next, what was left out and why, the paper's tables.

Takes the summary of a build, gives Markdown artifacts under fixed keys, so that the UI keeps the history of each.
Aggregates only: nothing here speaks of one patient. The same figures on a terminal are left to the command line.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import polars as pl
from prefect.artifacts import create_markdown_artifact

from cxr_core.policy.reasons import load_reasons
from cxr_core.release.plan import DropCount
from cxr_core.release.summary import to_markdown
from cxr_core.vocabulary import Assertion, ItemKind, Reason, Stage
from tasks.summary import BuildSummary, Outcome, StageCounts

_STAGE_ORDER = tuple(Stage)


def write_artifacts(summary: BuildSummary) -> None:
    """Show the figures in the Prefect UI."""
    for key, (title, text) in artifacts(summary).items():
        create_markdown_artifact(text, key=key, description=title)


def artifacts(summary: BuildSummary) -> Mapping[str, tuple[str, str]]:
    """Key -> (title, Markdown) of everything that a build shows."""
    shown = {"hilum-build": ("How the build went", _how_it_went(summary))}
    if summary.drops:
        shown["hilum-left-out"] = ("What was left out, and why", _left_out(summary.drops))
    for title, frame in (summary.outcome.tables if summary.outcome else {}).items():
        key = "hilum-" + title.lower().replace(" ", "-")
        shown[key] = (_TITLES.get(title, title), to_markdown(_for_people(frame)))
    return shown


_TITLES = {
    "Funnel": "From the catalog to the release, in images",
    "Table 2": "Labels of the training set",
    "Table 4": "What the splits hold",
}


# ---------------------------------------------------------------- how it went


def _how_it_went(summary: BuildSummary) -> str:
    parts = [f"**{_headline(summary)}**"]
    if summary.counts:
        parts.append(
            "In the dataset: " + ", ".join(f"{count:,} {name}" for name, count in summary.counts.items()) + "."
        )
    if summary.stages:
        parts.append(_stage_table(summary))
    parts.append("\n".join(f"- {line}" for line in _next_steps(summary)))
    return "\n\n".join(part for part in parts if part)


def _headline(summary: BuildSummary) -> str:
    if summary.is_dry_run:
        return "Dry run: nothing was written behind the link stage."
    if summary.outcome is None:
        return "Nothing was published: this build ends before it."
    return _release_line(summary.outcome)


def _release_line(outcome: Outcome) -> str:
    name = outcome.path.name
    if outcome.is_unchanged:
        return f"Nothing changed: {name} stays the newest release."
    return f"Published {name}: {outcome.published:,} images, {outcome.withheld:,} withheld for testing."


def _stage_table(summary: BuildSummary) -> str:
    """Counts of studies; blank for stages that work on the whole. A plan is told by a dry run only: it grows later."""
    titles = ("to do", "unchanged") if summary.is_dry_run else ("done", "unchanged", "quarantined")
    header = ["stage", *titles, "seconds"]
    rows = [
        [name, *_studies(counts, is_plan=summary.is_dry_run), f"{counts.seconds:,.1f}"]
        for name, counts in summary.stages.items()
    ]
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _studies(counts: StageCounts, *, is_plan: bool) -> list[str]:
    numbers = (counts.todo, counts.reused) if is_plan else (counts.done, counts.reused, counts.quarantined)
    return [f"{number:,}" if any(numbers) else "" for number in numbers]


def _next_steps(summary: BuildSummary) -> Iterator[str]:
    """What a person does now, on the worker's machine."""
    if summary.quarantined:
        yield f"{summary.quarantined:,} items wait for a person: `cxr quarantine list --workspace {summary.workspace}`"
    if summary.outcome and not summary.outcome.is_unchanged:
        yield f"look at it: `{summary.outcome.path}/report.html`"
        yield f"check it from outside: `cxr verify {summary.outcome.path} --workspace {summary.workspace}`"
    if summary.outcome is None and not summary.is_dry_run:
        yield "to publish, start the deployment `publish`"


# ---------------------------------------------------------------- what was left out


def _left_out(drops: Sequence[DropCount]) -> str:
    """Quarantined items first: they wait for a person; what the policy leaves out does not."""
    waiting = [drop for drop in drops if drop.reason.value.startswith("E_")]
    policy = [drop for drop in drops if drop not in waiting]
    parts = []
    if waiting:
        parts += ["### Quarantined: something is wrong with the item", _drop_rows(waiting)]
    if policy:
        parts += ["### Policy: the dataset does not want it", _drop_rows(policy)]
    return "\n\n".join(parts)


def _drop_rows(drops: Sequence[DropCount]) -> str:
    """One row a stage and code, then what the codes mean: the UI does not wrap the cells of a table."""
    lines = ["| stage | code | images | studies | reports |", "| --- | --- | ---: | ---: | ---: |"]
    counted = dict[tuple[Stage, Reason], Counter[str]]()
    for drop in sorted(drops, key=lambda drop: (_STAGE_ORDER.index(drop.stage), drop.reason.value)):
        counted.setdefault((drop.stage, drop.reason), Counter())[_UNITS[drop.kind]] += drop.count
    for (stage, reason), units in counted.items():
        numbers = (f"{units[unit]:,}" if units[unit] else "" for unit in ("images", "studies", "reports"))
        lines.append(" | ".join((f"| {stage.value}", f"`{reason.value}`", *numbers)) + " |")
    meanings = load_reasons()
    legend = [f"- `{reason.value}`: {meanings[reason].meaning}" for reason in {reason: None for _, reason in counted}]
    return "\n".join([*lines, "", *legend])


_UNITS = {
    ItemKind.FILE: "images",
    ItemKind.INSTANCE: "images",
    ItemKind.STUDY: "studies",
    ItemKind.REPORT: "reports",
}


# ---------------------------------------------------------------- tables of the paper


def _for_people(frame: pl.DataFrame) -> pl.DataFrame:
    """Few columns, because the UI cuts wide tables off: one a unit for labels; shares as percentages."""
    for unit in ("images", "studies"):
        parts = [f"{assertion.name.lower()}_{unit}" for assertion in Assertion]
        if set(parts) <= set(frame.columns):
            told = f"{unit}: " + " / ".join(assertion.name.lower() for assertion in Assertion)
            frame = frame.with_columns(pl.concat_str(parts, separator=" / ").alias(told)).drop(parts)
    shares = [name for name in frame.columns if name.endswith("_share")]
    percent = [(pl.col(name) * 100).round(1).cast(pl.String) + " %" for name in shares]
    return frame.with_columns(percent).rename(
        {name: name.removesuffix("_share").replace("_", " ") for name in frame.columns}
    )
