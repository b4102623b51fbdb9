from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_core.intake.sources.hl7_oru import read_reports_hl7
from cxr_core.intake.sources.hl7_text import split_messages, unescape

HEAD = r"MSH|^~\&|RIS|North Clinic|||20140301130000||ORU^R01|C1|P|2.5"
PID = (
    "PID|1||M100^^^NORTH^MR~X9^^^SOUTH||van&der&Marek^Ida^Q||19600505|F|||1 Elm St^^Springfield^OH||555-010-1234"
    "|||||V7|123-45-6789"
)
PV1 = "PV1|1|E|ED^3|||| Doe^Jo |99^Roe^Al"
OBR = "OBR|1|P1|A1^RIS|71020^CHEST PA^CPT|||20140301120000|||||||||Ord^Er||||||20140301124500|||F|||||||12&Rad&Iologist"


def _read(tmp_path: Path, *segments: str, end: str = "\r") -> list[dict[str, Any]]:
    (tmp_path / "m.hl7").write_bytes(end.join(segments).encode() + end.encode())
    return list(read_reports_hl7(tmp_path / "m.hl7").iter_rows(named=True))


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_a_message_becomes_a_report_whatever_ends_its_lines(tmp_path: Path, end: str) -> None:
    (row,) = _read(tmp_path, HEAD, PID, PV1, OBR, "OBX|1|TX|||Line 1", "OBX|2|TX|||", "OBX|3|TX|||Line 3", end=end)
    assert row["text"] == "Line 1\n\nLine 3"
    assert row["reason"] is None
    assert row["accession_numbers"] == ["A1", "P1"]
    assert (row["issuer"], row["patient_id"]) == ("NORTH", "M100")
    assert row["exam_at"].isoformat() == "2014-03-01T12:00:00"
    assert row["issued_at"].isoformat() == "2014-03-01T12:45:00"
    assert row["person_names"] == ["van der Marek^Ida^Q"]
    assert row["staff_names"] == ["Doe^Jo", "Roe^Al", "Ord^Er", "Rad^Iologist"]
    assert {"M100", "X9", "V7", "123-45-6789", "A1", "P1"} <= set(row["identifiers"])
    assert row["phones"] == ["555-010-1234"]
    assert row["addresses"] == ["1 Elm St, Springfield, OH"]
    assert "North Clinic" in row["places"]


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        (r"a\.br\b", "a\nb"),
        (r"a\T\b \S\ \F\ \R\ \E\ ", "a&b ^ | ~ \\ "),
        (r"\X41\\X0D0A\x", "A\nx"),
        (r"\H\bold\N\ ", "bold "),
        (r"C:\temp\x", r"C:\temp\x"),
        (r"\.sp2\x", "\n\nx"),
    ],
)
def test_escapes_are_undone(escaped: str, plain: str) -> None:
    assert unescape(escaped) == plain


def test_batches_and_mllp_frames_are_parted(tmp_path: Path) -> None:
    message = "\r".join([HEAD, PID, OBR, "OBX|1|TX|||Normal"])
    content = rf"FHS|^~\&|R{chr(13)}BHS|^~\&|R{chr(13)}" + f"\x0b{message}\r\x1c\r\x0b{message}\r\x1c\rBTS|2\rFTS|1\r"
    (tmp_path / "b.hl7").write_bytes(content.encode())
    frame = read_reports_hl7(tmp_path / "b.hl7")
    assert frame["text"].to_list() == ["Normal", "Normal"]
    assert frame["report_key"].to_list() == ["b.hl7#000000", "b.hl7#000001"]


def test_a_raw_line_break_within_a_field_is_kept(tmp_path: Path) -> None:
    (row,) = _read(tmp_path, HEAD, PID, OBR, "OBX|1|FT|||First line\nsecond line")
    assert row["text"] == "First line\nsecond line"


def test_the_declared_character_set_is_used(tmp_path: Path) -> None:
    for charset, encoding in (
        ("8859/1", "latin-1"),
        ("UNICODE UTF-8", "utf-8"),
        ("8859/2", "iso8859-2"),
        ("", "cp1252"),
    ):
        head = HEAD + "|" * 6 + charset
        text = "Łódź" if charset == "8859/2" else "Séamus"
        message = "\r".join([head, PID, OBR, f"OBX|1|TX|||{text}"])
        (tmp_path / "m.hl7").write_bytes(message.encode(encoding))
        assert read_reports_hl7(tmp_path / "m.hl7")["text"].item() == text


def test_section_suffixes_open_sections_and_addenda_stand_on_top(tmp_path: Path) -> None:
    (row,) = _read(
        tmp_path,
        HEAD,
        PID,
        OBR,
        "OBX|1|TX|71020&GDT||Lungs are clear.",
        "OBX|2|TX|71020&IMP||Normal chest.",
        "OBX|3|TX|71020&ADT||Rib fracture seen.",
    )
    assert row["text"] == "ADDENDUM:\nRib fracture seen.\n\nFINDINGS:\nLungs are clear.\n\nIMPRESSION:\nNormal chest."
    assert row["has_addendum"] is True


def test_headings_of_the_report_are_not_doubled(tmp_path: Path) -> None:
    (row,) = _read(tmp_path, HEAD, PID, OBR, "OBX|1|TX|&GDT||FINDINGS: Clear.", "OBX|2|TX|&IMP||IMPRESSION: Normal.")
    assert row["text"] == "FINDINGS: Clear.\n\nIMPRESSION: Normal."


def test_several_orders_with_text_are_several_reports(tmp_path: Path) -> None:
    rows = _read(tmp_path, HEAD, PID, OBR, "OBX|1|TX|||Chest", OBR.replace("A1", "A2"), "OBX|1|TX|||Hand")
    assert [(row["accession_numbers"][0], row["text"]) for row in rows] == [("A1", "Chest"), ("A2", "Hand")]
    assert rows[0]["report_key"] != rows[1]["report_key"]


def test_one_text_for_several_orders_is_one_shared_report(tmp_path: Path) -> None:
    rows = _read(tmp_path, HEAD, PID, "OBR|1||A1", "OBR|2||A2", "OBX|1|TX|||Both")
    assert [sorted(row["accession_numbers"]) for row in rows] == [["A1", "A2"]]


def test_each_patient_of_a_message_keeps_his_own_orders(tmp_path: Path) -> None:
    second = PID.replace("M100", "M200")
    rows = _read(tmp_path, HEAD, PID, OBR, "OBX|1|TX|||One", second, OBR, "OBX|1|TX|||Two")
    assert [(row["patient_id"], row["text"]) for row in rows] == [("M100", "One"), ("M200", "Two")]


@pytest.mark.parametrize(
    ("value", "kind"),
    [(r"{\rtf1 x}", "TX"), ("%PDF-1.4", "TX"), ("JVBERi0xLjQ=", "FT"), ("x^application^pdf^Base64^JV", "ED")],
)
def test_rtf_and_pdf_are_no_text(tmp_path: Path, value: str, kind: str) -> None:
    (row,) = _read(tmp_path, HEAD, PID, OBR, f"OBX|1|{kind}|||{value}")
    assert row["reason"] == "E_ENCODING"


def test_a_message_without_text_is_empty(tmp_path: Path) -> None:
    (row,) = _read(tmp_path, HEAD, PID, OBR, "OBX|1|TX|||")
    assert row["reason"] == "E_EMPTY"


def test_a_cancelled_report_is_void_even_without_text(tmp_path: Path) -> None:
    (row,) = _read(tmp_path, HEAD, PID, OBR.replace("|||F|", "|||X|"))
    assert (row["status"], row["reason"]) == ("void", None)


def test_study_uid_is_read_from_zds_and_most_trusted_accession_first(tmp_path: Path) -> None:
    obr = "OBR|1|P1|F1|71020" + "|" * 14 + "A18"
    (row,) = _read(
        tmp_path, HEAD, PID, obr, "ZDS|1.2.840.99.1^PACS^Application^DICOM", "IPC|A1|RP1|1.2.9.9.9", "OBX|1|TX|||x"
    )
    assert row["study_instance_uid"] == "1.2.840.99.1"
    assert row["accession_numbers"] == ["A18", "A1", "F1", "P1"]


def test_a_document_addendum_is_an_addendum(tmp_path: Path) -> None:
    head = HEAD.replace("ORU^R01", "MDM^T06")
    txa = "TXA|1|RAD|TX|20140301|||||||| D1|D0||A1||AU"
    (row,) = _read(tmp_path, head, PID, txa, "OBX|1|TX|||Rib fracture.")
    assert row["text"] == "ADDENDUM: Rib fracture."
    assert (row["status"], row["has_addendum"], row["accession_numbers"]) == ("final", True, ["A1"])


@pytest.mark.parametrize(
    "content", [b"", b"MSH", b"MSH|", b"hello", b"{}", b"MSH|^~\\&|A|B|||2014||ADT^A01|1|P|2.3\rPID|1\r"]
)
def test_a_broken_message_is_a_row(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.hl7").write_bytes(content)
    assert read_reports_hl7(tmp_path / "m.hl7")["reason"].to_list() == ["E_REPORT"]


def test_other_separators_are_understood(tmp_path: Path) -> None:
    text = "MSH#*~\\!#R#H###2014##ORU*R01#C1\rPID#1##M1***N##A*B\rOBR#1##A1\rOBX#1#TX###Normal"
    (tmp_path / "m.hl7").write_bytes(text.encode())
    row = read_reports_hl7(tmp_path / "m.hl7").row(0, named=True)
    assert (row["issuer"], row["patient_id"], row["text"]) == ("N", "M1", "Normal")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_bytes_crash_the_reader(tmp_path_factory: pytest.TempPathFactory, noise: bytes, place: int) -> None:
    message = "\r".join([HEAD, PID, PV1, OBR, "OBX|1|TX|&IMP||Normal"]).encode()
    file = tmp_path_factory.mktemp("hl7") / "m.hl7"
    file.write_bytes(message[:place] + noise + message[place:])
    assert read_reports_hl7(file).height >= len(split_messages(file.read_bytes())) - 1
