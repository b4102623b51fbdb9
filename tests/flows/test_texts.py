"""The text tools over files: `cxr label`, `cxr sections`, `cxr evaluate`, `cxr explain`."""

from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from cxr_core.errors import UsageError
from cxr_core.vocabulary import Label
from flows.cli import app, explain, texts  # noqa: F401  each adds its commands

REPORTS = """Accession,Report_Text
7,"FINDINGS: Small effusion.

IMPRESSION: No effusion. Possible pneumonia."
8,"Heart is enlarged."
9,
"""


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    path = tmp_path / "reports.csv"
    path.write_text(REPORTS, encoding="utf-8")
    return path


def cxr(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.output


def labelled(reports: Path, *more: object) -> tuple[pl.DataFrame, str]:
    output = reports.with_name("labels.csv")
    told = cxr("label", reports, "-o", output, *more)
    return pl.read_csv(output, infer_schema=False), told


def test_the_id_comes_first_under_its_name_then_the_labels(reports: Path) -> None:
    frame, _ = labelled(reports)
    assert frame.columns == ["Accession", *(label.value for label in Label)]
    assert frame["Accession"].to_list() == ["7", "8", "9"]
    assert frame.row(0, named=True)["Pleural Effusion"] == "0.0"
    assert frame.row(0, named=True)["Pneumonia"] == "-1.0"
    assert frame.row(1, named=True)["Cardiomegaly"] == "1.0"
    assert set(frame.row(2)[1:]) == {None}


def test_evidence_bears_the_ids_of_its_reports(reports: Path) -> None:
    path = reports.with_name("evidence.parquet")
    labelled(reports, "--evidence", path)
    rows = pl.read_parquet(path).select("Accession", "label", "assertion", "rule_id", "cue_id").rows()
    assert rows == [
        ("7", "Pleural Effusion", 0, "effusion", "no"),
        ("7", "Pneumonia", -1, "pneumonia", "possible_behind"),
        ("8", "Cardiomegaly", 1, "heart", "enlarged"),
    ]


def test_diff_tells_what_changed_since(reports: Path) -> None:
    earlier = reports.with_name("earlier.csv")
    earlier.write_text("Accession,Pneumonia,Cardiomegaly\n7,1.0,\n8,,1.0\n9,,\n", encoding="utf-8")
    _, told = labelled(reports, "--diff", earlier)
    (row,) = [line for line in told.splitlines() if "Pneumonia" in line]
    assert [cell.strip() for cell in row.split("│")[1:-1]] == ["Pneumonia", "1", "-1", "1", "7"]
    assert "Cardiomegaly" not in told


def test_diff_with_the_same_labels_says_so(reports: Path) -> None:
    frame, _ = labelled(reports)
    frame.write_csv(reports.with_name("earlier.csv"))
    assert "no label has changed" in labelled(reports, "--diff", reports.with_name("earlier.csv"))[1]


def test_sections_tell_their_shares(reports: Path) -> None:
    told = cxr("sections", reports, "-o", reports.with_name("sections.parquet"))
    assert told == "body 2 (66.7%); impression 1 (33.3%)\n"


def test_evaluation_writes_table_scores_and_figure(reports: Path) -> None:
    frame, _ = labelled(reports)
    table, scores, figure = (reports.with_name(name) for name in ("table3.csv", "scores.csv", "table3.svg"))
    labels, reference = reports.with_name("labels.csv"), reports.with_name("reference.csv")
    frame.write_csv(reference)
    told = cxr(
        *("evaluate", "--labels", labels, "--reference", reference),
        *("-o", table, "--scores", scores, "--figure", figure),
    )
    assert pl.read_csv(table).columns == ["category", "n", "mention labels", "negation labels", "uncertainty labels"]
    assert pl.read_csv(scores)["f1"].drop_nulls().unique().to_list() == [1.0]
    assert figure.read_text(encoding="utf-8").startswith("<svg ")
    assert "uncertainty: F1 (95 %)" in told


def test_a_page_explains_a_text(tmp_path: Path) -> None:
    page = tmp_path / "why.html"
    cxr("explain", "--text", "IMPRESSION: Possible pneumonia.", "--html", page)
    assert '<span class="phrase scope uncertain"' in page.read_text(encoding="utf-8")


def test_the_terminal_tells_phrase_cue_and_sentence() -> None:
    told = cxr("explain", "--text", "IMPRESSION: No effusion. Clear lungs.")
    assert '"effusion" (effusion) under "No" (no) in: No effusion' in told


def test_a_page_that_cannot_be_written_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        cxr("explain", "--text", "No effusion.", "--html", tmp_path / "none" / "why.html")
