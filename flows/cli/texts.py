"""`cxr label`, `cxr sections`, `cxr evaluate`, `cxr explain`: the text tools, alone over files, no build needed.

The same code as the build runs; input and output are CSV or Parquet files that other programs write and read.
"""

import time
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from cxr_core.errors import UsageError
from cxr_core.vocabulary import Label, LabelerName
from flows.cli import app

_ID_NAMES = ("study_id", "report_id", "id", "accession", "accession_number", "uid")
_TEXT_NAMES = ("report_text", "text", "report", "impression")


@app.command()
def label(
    reports: Annotated[Path, typer.Argument(help="CSV or Parquet with an id and a text column.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="CSV to write.")],
    *,
    labeler: Annotated[LabelerName, typer.Option(help="Rule set.")] = LabelerName.CHEXPERT,
    id_column: Annotated[str | None, typer.Option(help="Name of the id column.")] = None,
    text_column: Annotated[str | None, typer.Option(help="Name of the text column.")] = None,
    evidence: Annotated[Path | None, typer.Option(help="Parquet of the evidence to write.")] = None,
) -> None:
    """Label radiology reports with the 14 observations: 1, 0, -1 or empty."""
    from cxr_core.labeling import Labeler
    from cxr_core.reports.sections import choose_section, split_sections

    identity, texts = read_texts(reports, id_column, text_column)
    started = time.perf_counter()
    engine = Labeler(labeler)
    rows: list[list[float | None]] = []
    proof: list[tuple[object, ...]] = []
    for key, text in zip(identity, texts, strict=True):
        chosen = choose_section(split_sections(text))
        result = engine.label(text, chosen.spans, addendum_spans=chosen.addendum_spans)
        rows.append([None if value is None else float(value) for value in result.values])
        proof.extend((key, *_evidence_row(item)) for item in result.evidence)
    seconds = time.perf_counter() - started
    frame = pl.DataFrame(rows, schema=dict.fromkeys(list(Label), pl.Float64), orient="row")
    frame.insert_column(0, identity)
    _write_csv(frame, output)
    if evidence is not None:
        _evidence_frame(identity, proof).write_parquet(evidence)
    typer.echo(f"{len(texts)} reports labelled in {seconds:.2f} s, {len(texts) / max(seconds, 1e-9):.0f} reports/s")


@app.command()
def sections(
    reports: Annotated[Path, typer.Argument(help="CSV or Parquet with an id and a text column.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Parquet to write.")],
    *,
    id_column: Annotated[str | None, typer.Option(help="Name of the id column.")] = None,
    text_column: Annotated[str | None, typer.Option(help="Name of the text column.")] = None,
) -> None:
    """Split reports into sections and choose the one to label: impression, else findings, else the last."""
    from cxr_core.reports.sections import choose_section, split_sections

    identity, texts = read_texts(reports, id_column, text_column)
    rows = []
    for key, text in zip(identity, texts, strict=True):
        chosen = choose_section(split_sections(text))
        rows.append(
            (
                key,
                chosen.name.value,
                chosen.start,
                chosen.end,
                chosen.fallback and chosen.fallback.value,
                text[chosen.start : chosen.end],
            )
        )
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
    output: Annotated[Path | None, typer.Option("-o", "--output", help="CSV of the scores to write.")] = None,
    id_column: Annotated[str | None, typer.Option(help="Name of the id column.")] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
) -> None:
    """Score labels against a reference standard: the form of the paper's Table 3."""
    import numpy as np

    from cxr_core.evaluation.scores import score_labels

    standard = read_frame(reference)
    key = _pick(standard, id_column, _ID_NAMES, "id", reference)
    tables = []
    for path in labels:
        scored = score_labels(read_frame(path), standard, on=key, rng=np.random.default_rng(seed))
        tables.append(scored.with_columns(pl.lit(path.stem).alias("labeler")))
    table = pl.concat(tables)
    if output is not None:
        _write_csv(table, output, precision=4)
    for task, category, labeler, f1, low, high in table.select(
        "task", "category", "labeler", "f1", "f1_low", "f1_high"
    ).iter_rows():
        told = "    -" if f1 is None else f"{f1:.3f} ({low:.3f}-{high:.3f})"
        typer.echo(f"{task:<12} {category:<27} {labeler:<20} {told}")


def read_texts(path: Path, id_column: str | None, text_column: str | None) -> tuple[pl.Series, list[str]]:
    """Read ids and texts of a CSV or Parquet file.

    Raises
    ------
    UsageError
        The file cannot be read, or a column is missing.
    """
    frame = read_frame(path)
    identity = frame[_pick(frame, id_column, _ID_NAMES, "id", path)]
    texts = frame[_pick(frame, text_column, _TEXT_NAMES, "text", path)].cast(pl.String).fill_null("")
    return identity, texts.to_list()


def read_frame(path: Path) -> pl.DataFrame:
    """Read a CSV (every column as text) or Parquet file."""
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError):
        raise UsageError(f"{path} cannot be read as {'Parquet' if path.suffix == '.parquet' else 'CSV'}") from None


def _pick(frame: pl.DataFrame, named: str | None, usual: tuple[str, ...], what: str, path: Path) -> str:
    by_lower = {column.strip().lower(): column for column in frame.columns}
    for candidate in (named,) if named else usual:
        if candidate and candidate.lower() in by_lower:
            return by_lower[candidate.lower()]
    looked = named or ", ".join(usual)
    raise UsageError(f"{path} has no {what} column (looked for {looked}); name it with --{what}-column")


def _write_csv(frame: pl.DataFrame, path: Path, precision: int = 1) -> None:
    try:
        frame.write_csv(path, float_precision=precision)
    except OSError:
        raise UsageError(f"{path} cannot be written") from None


_EVIDENCE = (
    "label",
    "assertion",
    "sentence_start",
    "sentence_end",
    "phrase_start",
    "phrase_end",
    "cue_start",
    "cue_end",
    "rule_id",
    "cue_id",
)


def _evidence_row(item: object) -> tuple[object, ...]:
    return tuple(getattr(item, name) for name in _EVIDENCE)


def _evidence_frame(identity: pl.Series, rows: list[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=[identity.name, *_EVIDENCE], orient="row", infer_schema_length=None)
