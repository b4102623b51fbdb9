"""`cxr explain`: how a study came to be in or out, and why its labels, or those of any text, are what they are."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer
from rich.console import Console
from rich.text import Text

from cxr_core.errors import UsageError
from cxr_core.vocabulary import LabelerName
from flows.cli import app
from flows.cli.inspect import workspace_at
from flows.cli.tables import write_text
from flows.cli.trail import tell_number, tell_study

if TYPE_CHECKING:
    from cxr_core.labeling import Evidence, ReportLabels


@app.command()
def explain(
    study_id: Annotated[str | None, typer.Argument(help="A study of the workspace.")] = None,
    *,
    text: Annotated[str | None, typer.Option(help="A text instead of a study.")] = None,
    number: Annotated[
        str | None, typer.Option(help="Accession number or study UID; `-` asks for it. Inside the vault, audited.")
    ] = None,
    workspace: Annotated[Path, typer.Option(help="The workspace of the build.")] = Path("workspace"),
    labeler: Annotated[LabelerName, typer.Option(help="Rule set.")] = LabelerName.CHEXPERT,
    html: Annotated[Path | None, typer.Option(help="A page to write; it holds the text.")] = None,
) -> None:
    """Show how a study came to be in or out, and why its labels, or those of a text, are what they are."""
    from cxr_core.labeling import Labeler, explain_page
    from cxr_core.reports.sections import choose_section, split_sections

    if sum(given is not None for given in (study_id, text, number)) != 1:
        raise UsageError("explain: give a study id, --number or --text")
    if number is not None:
        tell_number(workspace_at(workspace), number)
        return
    if study_id is not None and html is None:
        tell_study(workspace_at(workspace), study_id)
    told = text if text is not None else _report_of(str(study_id), workspace)
    if told is None:
        return
    chosen = choose_section(split_sections(told))
    labels = Labeler(labeler).label(told, chosen.spans, addendum_spans=chosen.addendum_spans)
    if html is not None:
        write_text(explain_page(told, labels, title=f"Labels of study {study_id}" if study_id else "Labels"), html)
        typer.echo(f"{html} written")
        return
    _print_marked(told, labels)


def _report_of(study_id: str, workspace: Path) -> str | None:
    """The redacted report; None where the study has none, which its way has told."""
    from cxr_core.planning.stages import DEIDENTIFY
    from cxr_core.tables.catalogue import DEID_REPORTS, PSEUDONYMS
    from cxr_core.tables.storage import read_table

    opened = workspace_at(workspace)
    reports = DEIDENTIFY.store(opened).read(DEID_REPORTS).filter(pl.col("study_id") == study_id)
    if not reports.is_empty():
        return str(reports["text"][0])
    ids = read_table(PSEUDONYMS, opened.catalog_table(PSEUDONYMS))
    if ids.filter(pl.col("pseudonym") == study_id).is_empty():
        raise UsageError(f"study {study_id} has no report in {workspace}")
    return None


def _print_marked(text: str, labels: "ReportLabels") -> None:
    """The text with phrases, cues and scopes marked, then one line a label, then its sentences."""
    from cxr_core.labeling import MarkRole, explain
    from cxr_core.vocabulary import Assertion, Label

    colours = {Assertion.POSITIVE: "red", Assertion.NEGATIVE: "green", Assertion.UNCERTAIN: "yellow"}
    styles = {MarkRole.SCOPE: "italic", MarkRole.CUE: "underline"}
    shown = Text(text)
    for mark in explain(text, labels):
        shown.stylize(styles.get(mark.role) or f"bold {colours[mark.assertion]}", mark.start, mark.end)
    console = Console(highlight=False)
    console.print(shown)
    console.print(Text.assemble(("phrase", "bold"), "  ", ("cue", "underline"), "  ", ("scope", "italic")))
    if not labels.evidence:
        console.print("no label: every observation is empty")
    for label, value in zip(Label, labels.values, strict=True):
        if value is None:
            continue
        console.print(f"{label.value:<27} {int(value):>2}", soft_wrap=True)
        for evidence in labels.evidence:
            if evidence.label is label and evidence.assertion is value:
                console.print(f"    {_reason(text, evidence)}", soft_wrap=True, markup=False)


def _reason(text: str, e: "Evidence") -> str:
    """The phrase and its rule, the cue and its rule, and the sentence that holds them."""
    if e.phrase_start is None or e.phrase_end is None:
        return f"{e.rule_id}: nothing else is stated"
    told = f'"{text[e.phrase_start : e.phrase_end]}" ({e.rule_id})'
    if e.cue_start is not None and e.cue_end is not None:
        told += f' under "{text[e.cue_start : e.cue_end]}" ({e.cue_id})'
    return " ".join(f"{told} in: {text[e.sentence_start : e.sentence_end]}".split())
