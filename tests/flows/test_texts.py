"""The text tools over files: `cxr label`, `cxr sections`, `cxr evaluate`, `cxr explain`."""

import gzip
import importlib
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import flows.cli
from cxr_core.errors import UsageError
from cxr_core.vocabulary import Label
from flows.cli import app, explain, texts  # noqa: F401  each adds its commands
from flows.cli.tables import read_texts

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


def write(beside: Path, name: str, content: str) -> Path:
    path = beside.with_name(name)
    path.write_text(content, encoding="utf-8")
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


def test_a_text_without_labels_says_so() -> None:
    assert "no label: every observation is empty" in cxr("explain", "--text", "")


def test_a_page_that_cannot_be_written_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        cxr("explain", "--text", "No effusion.", "--html", tmp_path / "none" / "why.html")


SPELLINGS = {
    "semicolons": "id;text\n7;Müller: no effusion, no edema.\n".encode(),
    "Excel's Unicode text": "id\ttext\n7\tMüller: no effusion, no edema.\n".encode("utf-16"),
    "Latin-1": b'id,text\n7,"M\xfcller: no effusion, no edema."\n',
    "byte order mark": '\ufeffid,text\n7,"Müller: no effusion, no edema."\n'.encode(),
    "compressed": gzip.compress('id,text\n7,"Müller: no effusion, no edema."\n'.encode()),
}


@pytest.mark.parametrize("name", list(SPELLINGS))
def test_an_export_is_read_however_it_is_spelled(name: str, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(SPELLINGS[name])
    identity, reports = read_texts(path, None, None)
    assert identity.to_list() == ["7"]
    assert reports.to_list() == ["Müller: no effusion, no edema."]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b'id,text\n1,"No effusion.\n2,Edema.\n', "quotation mark"),
        (b"id,text\n1,No,more\n", "longer"),
    ],
)
def test_a_file_that_is_no_table_says_why(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_bytes(content)
    with pytest.raises(UsageError, match=words):
        read_texts(tmp_path / "export.csv", None, None)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.csv does not exist"):
        read_texts(tmp_path / "none.csv", None, None)


def test_a_column_of_lists_is_a_users_mistake(tmp_path: Path) -> None:
    pl.DataFrame({"id": [1], "text": [["No effusion."]]}).write_parquet(tmp_path / "r.parquet")
    with pytest.raises(UsageError, match="plain columns"):
        read_texts(tmp_path / "r.parquet", None, None)


def test_labels_never_replace_the_reports(reports: Path) -> None:
    with pytest.raises(UsageError, match="is the input"):
        cxr("label", reports, "-o", reports)
    assert reports.read_text(encoding="utf-8") == REPORTS


@pytest.mark.parametrize("option", ["-o", "--evidence"])
def test_an_output_in_no_folder_is_refused_and_nothing_is_written(option: str, reports: Path) -> None:
    outputs = {"-o": reports.with_name("labels.csv"), "--evidence": reports.with_name("evidence.parquet")}
    outputs[option] = reports.parent / "none" / "out"
    with pytest.raises(UsageError, match="its folder is not there"):
        cxr("label", reports, *(part for pair in outputs.items() for part in pair))
    assert list(reports.parent.iterdir()) == [reports]


def test_labels_that_cannot_be_compared_are_told_before_anything_is_written(reports: Path) -> None:
    with pytest.raises(UsageError, match="no id column"):
        cxr(
            "label",
            reports,
            "-o",
            reports.with_name("labels.csv"),
            "--diff",
            write(reports, "old.csv", "id,Edema\n7,1\n"),
        )
    assert not reports.with_name("labels.csv").exists()


def test_an_id_column_named_like_a_label_is_a_users_mistake(reports: Path) -> None:
    other = write(reports, "other.csv", "Edema,text\n7,No effusion.\n")
    with pytest.raises(UsageError, match="rename it"):
        cxr("label", other, "-o", reports.with_name("labels.csv"), "--id-column", "Edema")


def test_the_suffix_decides_between_csv_and_parquet(reports: Path) -> None:
    cxr("label", reports, "-o", reports.with_name("labels.parquet"))
    cxr("sections", reports, "-o", reports.with_name("sections.csv"))
    assert pl.read_parquet(reports.with_name("labels.parquet"))["Pneumonia"].to_list() == [-1.0, None, None]
    assert pl.read_csv(reports.with_name("sections.csv"))["section"].to_list() == ["impression", "body", "body"]


def test_empty_texts_missing_and_repeated_ids_are_told(reports: Path) -> None:
    odd = write(reports, "odd.csv", "id,text\n7,No effusion.\n7,\n,Edema.\n")
    told = cxr("label", odd, "-o", reports.with_name("labels.csv"))
    assert told.splitlines()[1] == "to look at: 1 without text, 1 without an id, 1 repeated ids"


def test_a_written_table_leaves_nothing_half_done_beside_it_and_keeps_its_rights(reports: Path) -> None:
    output = write(reports, "labels.csv", "old")
    output.chmod(0o600)
    labelled(reports)
    assert sorted(path.name for path in reports.parent.iterdir()) == ["labels.csv", "reports.csv"]
    assert output.stat().st_mode & 0o777 == 0o600


HALF = "id,Edema\n1,1\n2,0\n"


def evaluated(beside: Path, labels: str, reference: str) -> str:
    given, standard = write(beside, "given.csv", labels), write(beside, "standard.csv", reference)
    return cxr("evaluate", "--labels", given, "--reference", standard)


def test_reports_and_columns_that_labels_lack_are_told(reports: Path) -> None:
    told = evaluated(reports, HALF, "id,Edema,Fracture\n1,1,\n2,0,1\n3,1,\n")
    assert told.splitlines()[0] == "given lacks 1 of 3 reports, the column Fracture: scored as not mentioned"


def test_columns_that_the_reference_lacks_are_told(reports: Path) -> None:
    told = evaluated(reports, "id,Edema,Fracture\n1,1,\n2,0,1\n", HALF)
    assert told.splitlines()[0] == "the reference lacks Fracture: not scored"


def test_complete_labels_are_scored_without_a_remark(reports: Path) -> None:
    told = evaluated(reports, "Airspace Opacity,id,Edema\n1,2,0\n0,1,1\n", "id,Edema,Lung Opacity\n1,1,0\n2,0,1\n")
    assert told.splitlines()[0].strip() == "mention: F1 (95 %)"


def test_two_files_of_one_name_are_told_apart_by_their_folders(reports: Path) -> None:
    (reports.parent / "old").mkdir()
    new, old = write(reports, "labels.csv", HALF), write(reports.parent / "old" / "x", "labels.csv", HALF)
    table = reports.with_name("table.csv")
    cxr("evaluate", "--labels", new, "--labels", old, "--reference", write(reports, "r.csv", HALF), "-o", table)
    frame = pl.read_csv(table)
    assert frame.height == 3
    assert frame.columns[2:4] == [f"mention {new}", f"mention {old}"]


def test_a_file_that_is_scored_twice_is_a_users_mistake(reports: Path) -> None:
    given = write(reports, "given.csv", HALF)
    with pytest.raises(UsageError, match="given twice"):
        cxr("evaluate", "--labels", given, "--labels", given, "--reference", given)


def test_a_reference_is_never_replaced(reports: Path) -> None:
    given, standard = write(reports, "given.csv", HALF), write(reports, "standard.csv", HALF)
    with pytest.raises(UsageError, match="is the input"):
        cxr("evaluate", "--labels", given, "--reference", standard, "--scores", standard)


class _Interruption(MetaPathFinder):
    """Ctrl-C while the commands are still being imported."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        del path, target
        if fullname == "flows.cli.keys":
            raise KeyboardInterrupt


def test_an_interruption_while_the_program_starts_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    importlib.import_module("flows.cli.keys")
    monkeypatch.delitem(sys.modules, "flows.cli.keys")
    monkeypatch.delattr(flows.cli, "keys")
    monkeypatch.setattr(sys, "meta_path", [_Interruption(), *sys.meta_path])
    with pytest.raises(SystemExit, match="130"):
        flows.cli.main()
    assert capsys.readouterr().err == "cxr: interrupted; run the same command again to resume\n"
