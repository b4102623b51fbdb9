import datetime as dt
import re
from pathlib import Path

import polars as pl
import pytest

from cxr_core.errors import UsageError
from cxr_core.intake.sources.reports import read_reports
from cxr_core.intake.sources.ris_csv import (
    read_encounters_csv,
    read_exclusions_csv,
    read_merges_csv,
    read_reports_csv,
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters_are_found(tmp_path: Path, encoding: str, delimiter: str) -> None:
    lines = ["Accession Number,MRN,Report_Text,Patient Name", 'A1,M1,"Line one\nIMPRESSION: Café, normal.",Séamus Ó']
    body = "\n".join(lines)
    if delimiter != ",":
        body = body.replace("Café, normal", "Café normal").replace(",", delimiter)
    (tmp_path / "r.csv").write_bytes(
        body.encode(encoding, "replace") if encoding != "cp1252" else body.encode("cp1252")
    )
    row = read_reports_csv(tmp_path / "r.csv").row(0, named=True)
    assert row["accession_numbers"] == ["A1"]
    assert row["patient_id"] == "M1"
    assert row["text"].startswith("Line one\nIMPRESSION: Café")
    assert row["person_names"] == ["Séamus Ó"]


@pytest.mark.parametrize(
    ("written", "status", "has_addendum"),
    [
        ("FINAL", "final", False),
        ("F", "final", False),
        ("Corrected", "corrected", False),
        ("ADDENDUM", "final", True),
        ("PRELIM", "preliminary", False),
        ("Entered in error", "void", False),
        ("X", "void", False),
        ("R", "void", False),
        ("", "final", False),
        ("who knows", "preliminary", False),
    ],
)
def test_statuses_are_understood(tmp_path: Path, written: str, status: str, has_addendum: bool) -> None:
    (tmp_path / "r.csv").write_text(f"acc_no,text,status\nA1,Normal,{written}\n")
    row = read_reports_csv(tmp_path / "r.csv").row(0, named=True)
    assert (row["status"], row["has_addendum"]) == (status, has_addendum)


def test_an_empty_report_is_a_row_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("accession,report\nA1,\nA2,   \nA3,Normal\n")
    assert read_reports_csv(tmp_path / "r.csv")["reason"].to_list() == ["E_EMPTY", "E_EMPTY", None]


def test_findings_and_impression_columns_make_one_text(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("accession,findings,impression\nA1,Clear lungs.,Normal.\n")
    text = read_reports_csv(tmp_path / "r.csv")["text"].item()
    assert text == "FINDINGS: Clear lungs.\n\nIMPRESSION: Normal."


def test_several_accessions_in_one_field_are_parted(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("accession,text\nA1; A2,Normal\n")
    assert read_reports_csv(tmp_path / "r.csv")["accession_numbers"].to_list() == [["A1", "A2"]]


def test_a_mapping_names_the_column(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("Auftrag,Befund\nA1,Normal\n")
    frame = read_reports_csv(tmp_path / "r.csv", {"accession": "Auftrag", "text": "befund"})
    assert frame["text"].to_list() == ["Normal"]


def test_a_missing_column_is_named_and_the_header_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("Marek Ida,4711\nx,y\n")
    with pytest.raises(UsageError) as caught:
        read_reports_csv(tmp_path / "r.csv")
    assert "source.columns.text" in str(caught.value)
    assert "Marek" not in str(caught.value)


def test_a_first_line_of_values_is_not_quoted_even_if_a_word_of_it_is_a_name(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("Marek Ida,4711,hospital\n")
    with pytest.raises(UsageError, match="its 3 columns have other names") as caught:
        read_reports_csv(tmp_path / "r.csv")
    assert "Marek" not in str(caught.value)


def test_a_missing_column_is_told_with_the_columns_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("Accession,Befund,\nA1,Normal,x\n")
    with pytest.raises(UsageError, match=r"no column for text .*; it has Accession, Befund, \(blank\); map it with"):
        read_reports_csv(tmp_path / "r.csv")


def test_a_parquet_file_reads_as_the_csv_it_was_made_of(tmp_path: Path) -> None:
    moment = dt.datetime(2014, 3, 1, 12, 30)
    frame = pl.DataFrame(
        {
            "accession": [["A1", "A2"], None],
            "mrn": [7835769.0, None],
            "study_date": pl.Series([moment, None]).dt.replace_time_zone("Europe/Berlin"),
            "dob": [dt.date(1960, 5, 5), None],
            "report_text": ["IMPRESSION: Normal.\n", "Clear."],
            "blob": [b"x", b"y"],
        }
    )
    frame.write_parquet(tmp_path / "r.parquet")
    row, bare = read_reports([tmp_path / "r.parquet"]).iter_rows(named=True)
    assert (row["accession_numbers"], row["patient_id"]) == (["A1", "A2"], "7835769")
    assert (row["exam_at"], row["birth_date"], row["text"]) == (moment, dt.date(1960, 5, 5), "IMPRESSION: Normal.\n")
    assert (bare["accession_numbers"], bare["patient_id"], bare["exam_at"]) == ([], None, None)


def test_a_broken_parquet_file_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "r.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(UsageError, match="no readable Parquet"):
        read_reports([tmp_path / "r.parquet"])


def test_a_mapping_to_an_absent_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("accession,text\nA1,Normal\n")
    with pytest.raises(UsageError, match="no column 'Befund' for text"):
        read_reports_csv(tmp_path / "r.csv", {"text": "Befund"})


def test_an_open_quotation_mark_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text('accession,text\nA1,"' + "x" * 200_000)
    with pytest.raises(UsageError, match="quotation mark"):
        read_reports_csv(tmp_path / "r.csv")


def test_encounters_without_patient_or_arrival_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(
        "mrn,visit,patient_class,arrive,depart\nM1,V1,Emergency,2014-03-01 10:00,\nM1,V2,I,soon,\n,V3,E,2014-03-01,\n"
    )
    frame = read_encounters_csv(tmp_path / "e.csv")
    assert frame.select("visit", "patient_class", "departed_at").rows() == [("V1", "E", None)]


def test_the_latest_merge_of_an_id_counts(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("old_mrn,new_mrn,date\nM1,M3,2016-01-02\nM1,M2,2015-01-01\nM9,M9,2015-01-01\n")
    assert read_merges_csv(tmp_path / "m.csv").rows() == [("", "M1", "", "M3")]


def test_merges_in_a_circle_are_told_by_their_lines(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("old_mrn,new_mrn\nM0,M1\nM1,M2\nM8,M9\nM2,M3\nM3,M1\n")
    with pytest.raises(UsageError, match="lines 3, 5, 6 merge ids in a circle"):
        read_merges_csv(tmp_path / "m.csv")


def test_merges_name_their_issuers_where_the_file_does(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("old_mrn,new_mrn,issuer,new_issuer\nM1,M2,NORTH,\nM1,M3,SOUTH,EAST\n")
    assert read_merges_csv(tmp_path / "m.csv").rows() == [("NORTH", "M1", "NORTH", "M2"), ("SOUTH", "M1", "EAST", "M3")]


def test_exclusions_keep_their_cause(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("mrn,reason\nM1,opt_out\n")
    assert read_exclusions_csv(tmp_path / "x.csv").rows() == [("", "M1", "opt_out")]


def test_sources_are_told_apart_by_content(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("accession,text\nA1,Normal\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "b.txt").write_text("MSH|^~\\&|R|H|||20140301||ORU^R01|C1\rOBR|1||A2\rOBX|1|TX|X||Normal\r")
    (tmp_path / "d" / "s500.txt").write_text("IMPRESSION: Clear, normal.")
    frame = read_reports([tmp_path / "a.csv", tmp_path / "d"])
    assert frame["accession_numbers"].to_list() == [["A1"], ["A2"], ["s500"]]
    assert frame["report_key"].n_unique() == 3


def test_two_sources_of_one_name_keep_their_keys_apart(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "r.csv").write_text("accession,text\nA1,Normal\n")
    frame = read_reports([tmp_path / "x" / "r.csv", tmp_path / "y" / "r.csv"])
    assert frame["report_key"].n_unique() == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('acc_no,text\nA1,"Two\nlines."\nA2,"Cut off\nhere', "a quotation mark is left open (line 4)"),
        ('acc_no,text\nA1,Normal\nA2,"One that said ""no""', "a quotation mark is left open (line 3)"),
        ("acc_no,text,status\nA1,Normal,F\nA2,Nor", "the last line has fewer columns than any other (line 3)"),
    ],
)
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "r.csv").write_text(content)
    with pytest.raises(UsageError, match=rf"reports: r\.csv is cut off: {re.escape(told)}"):
        read_reports_csv(tmp_path / "r.csv")


@pytest.mark.parametrize(
    "content",
    [
        'acc_no,text\nA1,Normal\nA2,"Quoted"',
        "acc_no,text,status\nA1,Normal\nA2,Normal",  # no line has its last column
        'acc_no,text\nA1,6 "inch" tube\nA2,x"y',
        "acc_no,text,status\nA1,Normal,F\nA2,Normal\n",
    ],
)
def test_rough_but_whole_files_are_read_to_their_end(tmp_path: Path, content: str) -> None:
    (tmp_path / "r.csv").write_text(content)
    assert read_reports_csv(tmp_path / "r.csv")["accession_numbers"].to_list() == [["A1"], ["A2"]]
