"""`cxr label`, `cxr sections`, `cxr evaluate`: the text tools, alone over files, no build needed.

The same code as the build runs; input and output are CSV or Parquet files that other programs write and read.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer
from rich.console import Console
from rich.table import Table

from cxr_core.reports import SectionPolicy
from cxr_core.vocabulary import Label, LabelerName
from flows.cli import app
from flows.cli.tables import id_name, read_frame, read_texts, write_csv, write_text
from flows.progress import BuildProgress

if TYPE_CHECKING:
    from cxr_core.labeling import LabelledReports

_BATCH = 8192  # reports between two steps of the progress bar

_Reports = Annotated[Path, typer.Argument(help="CSV or Parquet with an id and a text column.")]
_IdColumn = Annotated[str | None, typer.Option(help="Name of the id column.")]
_TextColumn = Annotated[str | None, typer.Option(help="Name of the text column.")]


@app.command()
def label(
    reports: _Reports,
    output: Annotated[Path, typer.Option("-o", "--output", help="CSV to write.")],
    *,
    labeler: Annotated[LabelerName, typer.Option(help="Rule set.")] = LabelerName.CHEXPERT,
    id_column: _IdColumn = None,
    text_column: _TextColumn = None,
    section: Annotated[SectionPolicy, typer.Option(help="Which part is read.")] = SectionPolicy.PAPER,
    evidence: Annotated[Path | None, typer.Option(help="Parquet of the evidence to write.")] = None,
    diff: Annotated[Path | None, typer.Option(help="CSV of earlier labels: tell what changed since.")] = None,
) -> None:
    """Label radiology reports with the 14 observations: 1, 0, -1 or empty."""
    identity, texts = read_texts(reports, id_column, text_column)
    earlier = read_frame(diff) if diff else None
    done, seconds = _labelled(texts, labeler, section)
    values = [pl.col(name.value).cast(pl.Float64) for name in Label]
    frame = done.labels.select(values).insert_column(0, identity)
    write_csv(frame, output)
    if evidence is not None:
        ids = identity.gather(done.evidence["row"])
        done.evidence.drop("row", "in_addendum").insert_column(0, ids).write_parquet(evidence)
    typer.echo(f"{len(texts)} reports labelled in {seconds:.2f} s, {len(texts) / max(seconds, 1e-9):.0f} reports/s")
    if earlier is not None:
        _print_changes(earlier, frame, identity.name)


def _labelled(texts: pl.Series, name: LabelerName, policy: SectionPolicy) -> tuple["LabelledReports", float]:
    """The tables of all reports, and the seconds of labelling; compiling the rules is not among them."""
    from cxr_core.labeling import Labeler, LabelledReports, label_reports

    engine = Labeler(name)
    label_reports(pl.Series(["IMPRESSION: None."]), engine, policy)  # compiles headings, too
    started = time.perf_counter()
    parts = []
    with BuildProgress(quiet=len(texts) <= _BATCH).stage("label", len(texts)) as tick:
        for start in range(0, max(len(texts), 1), _BATCH):
            part = label_reports(texts.slice(start, _BATCH), engine, policy)
            parts.append(part)
            tick(part.labels.height)
    evidence = [part.evidence.with_columns(pl.col("row") + k * _BATCH) for k, part in enumerate(parts)]
    tables = (pl.concat([p.sections for p in parts]), pl.concat([p.labels for p in parts]), pl.concat(evidence))
    return LabelledReports(*tables), time.perf_counter() - started


def _print_changes(before: pl.DataFrame, after: pl.DataFrame, key: str) -> None:
    from cxr_core.evaluation.changes import label_changes

    changes = label_changes(before, after, on=key)
    table = Table("label", "was", "is", "reports", "such as")
    for name, was, now, count, examples in changes.iter_rows():
        told = ["empty" if value is None else str(value) for value in (was, now)]
        table.add_row(name, *told, str(count), ", ".join(examples))
    Console(highlight=False).print(table if changes.height else "no label has changed")


@app.command()
def sections(
    reports: _Reports,
    output: Annotated[Path, typer.Option("-o", "--output", help="Parquet to write.")],
    *,
    id_column: _IdColumn = None,
    text_column: _TextColumn = None,
) -> None:
    """Split reports into sections and choose the one to label: impression, else findings, else the last."""
    from cxr_core.reports.sections import choose_section, split_sections

    identity, texts = read_texts(reports, id_column, text_column)
    rows = []
    for key, text in zip(identity, texts, strict=True):
        chosen = choose_section(split_sections(text))
        fallback = chosen.fallback and chosen.fallback.value
        place = (chosen.name.value, chosen.start, chosen.end, fallback)
        rows.append((key, *place, text[chosen.start : chosen.end]))
    columns = [identity.name, "section", "start", "end", "fallback", "section_text"]
    frame = pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)
    frame.write_parquet(output)
    shares = frame["section"].value_counts(sort=True).iter_rows()
    typer.echo("; ".join(f"{name} {count} ({count / max(len(texts), 1):.1%})" for name, count in shares))


@app.command()
def evaluate(
    labels: Annotated[list[Path], typer.Option(help="CSV of labels to score; repeat for a second labeler.")],
    reference: Annotated[Path, typer.Option(help="CSV of the reference standard.")],
    *,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="CSV in the form of Table 3 to write.")] = None,
    scores: Annotated[Path | None, typer.Option(help="CSV of every score, one a row, to write.")] = None,
    figure: Annotated[Path | None, typer.Option(help="SVG to write.")] = None,
    id_column: _IdColumn = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
) -> None:
    """Score labels against a reference standard: the form of the paper's Table 3."""
    import numpy as np

    from cxr_core.evaluation.scores import Task, score_labels
    from cxr_core.evaluation.table3 import figure3, table3

    standard = read_frame(reference)
    key = id_name(standard, id_column, reference)
    tables = []
    for path in labels:
        scored = score_labels(read_frame(path), standard, on=key, rng=np.random.default_rng(seed))
        tables.append(scored.with_columns(pl.lit(path.stem).alias("labeler")))
    scored = pl.concat(tables)
    if output is not None:
        write_csv(table3(scored), output)
    if scores is not None:
        write_csv(scored, scores, precision=4)
    if figure is not None:
        write_text(figure3(scored), figure)
    _print_table(table3(scored, tuple(Task)))


def _print_table(scored: pl.DataFrame) -> None:
    """One block a task, so that it fits a terminal."""
    console = Console(highlight=False)
    tasks = dict.fromkeys(name.partition(" ")[0] for name in scored.columns[2:])
    for task in tasks:
        columns = [name for name in scored.columns if name.startswith(f"{task} ")]
        table = Table("category", "n", *(name.partition(" ")[2] for name in columns), title=f"{task}: F1 (95 %)")
        for row in scored.select("category", "n", *columns).iter_rows():
            table.add_row(*map(str, row))
        console.print(table)
