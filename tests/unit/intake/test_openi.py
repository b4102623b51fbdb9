import zipfile
from pathlib import Path

import pytest

from cxr_core.intake.sources.openi import image_names
from cxr_core.intake.sources.reports import read_reports

SHARED = Path(__file__).parents[4] / "shared" / "data"
CASE = """<?xml version="1.0" encoding="utf-8"?>
<eCitation><uId id="CXR7"/><MedlineCitation><Article><Abstract>
<AbstractText Label="COMPARISON">None</AbstractText><AbstractText Label="FINDINGS"/>
<AbstractText Label="IMPRESSION">Heart size &lt; normal.
 No XXXX.</AbstractText></Abstract></Article></MedlineCitation>
<parentImage id="CXR7_IM-0001-1001"/><parentImage id="CXR7_IM-0001-2001"/></eCitation>"""


def test_a_case_becomes_a_report_with_headings(tmp_path: Path) -> None:
    (tmp_path / "7.xml").write_text(CASE)
    row = read_reports([tmp_path]).row(0, named=True)
    assert row["text"] == "COMPARISON: None\n\nIMPRESSION: Heart size < normal. No XXXX."
    assert (row["report_id"], row["patient_id"], row["accession_numbers"]) == ("CXR7", "CXR7", ["CXR7"])
    assert (row["status"], row["exam_at"], row["reason"]) == ("final", None, None)
    assert image_names(CASE.encode()) == ("CXR7", ["CXR7_IM-0001-1001", "CXR7_IM-0001-2001"])


def test_a_case_without_findings_and_impression_is_empty(tmp_path: Path) -> None:
    (tmp_path / "7.xml").write_text(CASE.replace("IMPRESSION", "INDICATION"))
    assert read_reports([tmp_path])["reason"].to_list() == ["E_EMPTY"]


@pytest.mark.parametrize(
    "content",
    ["<eCitation>", "<eCitation/>", CASE.replace("?>", '?><!DOCTYPE a [<!ENTITY b "c">]>', 1), "<x><eCitation/></x>"],
)
def test_a_broken_case_or_one_with_entities_is_a_row(tmp_path: Path, content: str) -> None:
    (tmp_path / "7.xml").write_text(content)
    assert read_reports([tmp_path])["reason"].to_list() == ["E_REPORT"]


def test_the_collection_itself_is_read(tmp_path: Path) -> None:
    archive = SHARED / "cxr" / "reports" / "openi_ecgen_subset.zip"
    if not archive.exists():
        pytest.skip("../shared/data is absent")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path)
        count = sum(name.endswith(".xml") for name in packed.namelist())
    frame = read_reports([tmp_path])
    assert frame.height == count
    assert set(frame["reason"]) <= {None, "E_EMPTY"}
    assert frame["reason"].null_count() > 0.9 * count
    assert frame["patient_id"].n_unique() == count
