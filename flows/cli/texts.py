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

from cxr_core.errors import UsageError
from cxr_core.reports import SectionPolicy
from cxr_core.vocabulary import Label, LabelerName
from flows.cli import app
from flows.cli.tables import id_name, read_frame, read_texts, refuse_outputs, write_frame, write_text
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
    output: Annotated[Path, typer.Option("-o", "--output", help="CSV (or .parquet) to write.")],
    *,
    labeler: Annotated[LabelerName, typer.Option(help="Rule set.")] = LabelerName.CHEXPERT,
    id_column: _IdColumn = None,
    text_column: _TextColumn = None,
    section: Annotated[SectionPolicy, typer.Option(help="Which part is read.")] = SectionPolicy.PAPER,
    evidence: Annotated[Path | None, typer.Option(help="Parquet of the evidence to write.")] = None,
    diff: Annotated[Path | None, typer.Option(help="CSV of earlier labels: tell what changed since.")] = None,
) -> None:
    """Label radiology reports with the 14 observations: 1, 0, -1 or empty."""
    refuse_outputs([reports], [path for path in (output, evidence) if path])
    identity, texts = read_texts(reports, id_column, text_column)
    earlier = read_frame(diff) if diff else None
    done, seconds = _labelled(texts, labeler, section)
    frame = _with_ids(done.labels.select(pl.col(name.value).cast(pl.Float64) for name in Label), identity)
    changes = _changes(earlier, frame, identity.name) if earlier is not None else None
    if evidence is not None:
        found = done.evidence.drop("row", "in_addendum")
        write_frame(_with_ids(found, identity.gather(done.evidence["row"])), evidence, usual=".parquet")
    write_frame(frame, output)
    typer.echo(f"{len(texts)} reports labelled in {seconds:.2f} s, {len(texts) / max(seconds, 1e-9):.0f} reports/s")
    _tell_oddities(identity, texts)
    if changes is not None:
        Console(highlight=False).print(changes)


def _with_ids(frame: pl.DataFrame, identity: pl.Series) -> pl.DataFrame:
    if identity.name in frame.columns:
        raise UsageError(f"the id column is named {identity.name!r} like a column of the output: rename it")
    return frame.insert_column(0, identity)


def _tell_oddities(identity: pl.Series, texts: pl.Series) -> None:
    """What is labelled all the same, and may show that the wrong column or a damaged export was read."""
    ids = identity.cast(pl.String).fill_null("").str.strip_chars()
    several = ids.filter(ids != "").value_counts().filter(pl.col("count") > 1).height
    counts = {
        "without text": int((texts.str.strip_chars() == "").sum()),
        "without an id": int((ids == "").sum()),
        "repeated ids": several,
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    if told:
        typer.echo(f"to look at: {told}")


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


def _changes(before: pl.DataFrame, after: pl.DataFrame, key: str) -> Table | str:
    from cxr_core.evaluation.changes import label_changes

    changes = label_changes(before, after, on=key)
    table = Table("label", "was", "is", "reports", "such as")
    for name, was, now, count, examples in changes.iter_rows():
        told = ["empty" if value is None else str(value) for value in (was, now)]
        table.add_row(name, *told, str(count), ", ".join(examples))
    return table if changes.height else "no label has changed"


@app.command()
def sections(
    reports: _Reports,
    output: Annotated[Path, typer.Option("-o", "--output", help="Parquet (or .csv) to write.")],
    *,
    id_column: _IdColumn = None,
    text_column: _TextColumn = None,
) -> None:
    """Split reports into sections and choose the one to label: impression, else findings, else the last."""
    from cxr_core.reports.sections import choose_section, split_sections

    refuse_outputs([reports], [output])
    identity, texts = read_texts(reports, id_column, text_column)
    rows = []
    for text in texts:
        chosen = choose_section(split_sections(text))
        fallback = chosen.fallback and chosen.fallback.value
        place = (chosen.name.value, chosen.start, chosen.end, fallback)
        rows.append((*place, text[chosen.start : chosen.end]))
    schema = {
        "section": pl.String,
        "start": pl.Int64,
        "end": pl.Int64,
        "fallback": pl.String,
        "section_text": pl.String,
    }
    frame = _with_ids(pl.DataFrame(rows, schema=schema, orient="row"), identity)
    write_frame(frame, output, usual=".parquet")
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

    refuse_outputs([*labels, reference], [path for path in (output, scores, figure) if path])
    names = _names(labels)
    standard = read_frame(reference)
    key = id_name(standard, id_column, reference)
    tables = []
    for path, name in zip(labels, names, strict=True):
        given = read_frame(path)
        scored = score_labels(given, standard, on=key, rng=np.random.default_rng(seed))
        _tell_gaps(given, standard, key, name)
        tables.append(scored.with_columns(pl.lit(name).alias("labeler")))
    scored = pl.concat(tables)
    if output is not None:
        write_frame(table3(scored), output)
    if scores is not None:
        write_frame(scored, scores, precision=4)
    if figure is not None:
        write_text(figure3(scored), figure)
    _print_table(table3(scored, tuple(Task)))


def _names(paths: list[Path]) -> list[str]:
    """What tells labelers apart: the files' names, with their folders where two are alike."""
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError("--labels: the same file is given twice")
    stems = [path.stem for path in paths]
    return [str(path) if stems.count(path.stem) > 1 else path.stem for path in paths]


def _tell_gaps(given: pl.DataFrame, standard: pl.DataFrame, key: str, name: str) -> None:
    """What counts as not mentioned because the labels do not hold it."""
    from cxr_core.evaluation.scores import with_published_names

    ids, wanted = (table[key].cast(pl.String) for table in (given, standard))
    unlabelled = standard.height - int(wanted.is_in(ids.implode()).fill_null(value=False).sum())
    there, asked = (set(with_published_names(table).columns) for table in (given, standard))
    gaps = [f"{unlabelled} of {standard.height} reports"] if unlabelled else []
    gaps += [f"the column {label.value}" for label in Label if label.value in asked - there]
    if gaps:
        typer.echo(f"{name} lacks {', '.join(gaps)}: scored as not mentioned")
    unasked = [label.value for label in Label if label.value in there - asked]
    if unasked:
        typer.echo(f"the reference lacks {', '.join(unasked)}: not scored")


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
