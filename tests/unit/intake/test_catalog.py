import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from cxr_core.errors import UsageError
from cxr_core.intake import catalog
from cxr_core.intake.catalog import catalog_folder, read_again
from cxr_core.intake.sources.folder import holds_nothing

CT = "1.2.840.10008.5.1.4.1.1.2"
WriteDicom = Callable[..., None]


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, "1.2.840.10008.1.2.1"]
)
def test_every_transfer_syntax_gives_the_same_row(tmp_path: Path, write_dicom: WriteDicom, syntax: str) -> None:
    write_dicom(tmp_path / "a", syntax=syntax, AccessionNumber=" 007 ")
    row = catalog_folder(tmp_path).row(0, named=True)
    assert row["reason"] is None
    assert row["patient_id"] == "M100"
    assert row["accession_number"].strip() == "007"
    assert row["exam_at"].isoformat() == "2014-03-01T12:00:00"


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"StudyInstanceUID": None}, "E_TYPE1"),
        ({"PatientID": ""}, "E_TYPE1"),
        ({"PixelData": None}, "E_PIXELS"),
        ({"PixelData": b""}, "E_PIXELS"),
        ({"SamplesPerPixel": 3}, "E_SOP"),
        ({"NumberOfFrames": 2}, "E_SOP"),
        ({"SOPClassUID": CT, "Modality": "CT"}, "not_cr_dx"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "E_SOP"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "PixelData": None, "Rows": None}, "E_SOP"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1", "PixelData": None, "Rows": None}, "E_SOP"),
    ],
)
def test_an_object_that_is_no_radiograph_says_why(
    tmp_path: Path, write_dicom: WriteDicom, tags: dict[str, object], reason: str
) -> None:
    write_dicom(tmp_path / "a.dcm", **tags)
    assert catalog_folder(tmp_path)["reason"].to_list() == [reason]


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x00" * 200, b"\xff\xd8\xff\xe0JFIF" * 40, b"\x08\x00" + b"\x99" * 300]
)
def test_a_file_that_is_not_dicom_is_a_row(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "Thumbs.db").write_bytes(content)
    frame = catalog_folder(tmp_path)
    assert frame["reason"].to_list() == ["E_NOT_DICOM"]
    assert frame["path"].to_list() == ["Thumbs.db"]


def test_a_directory_file_is_recognised(tmp_path: Path, write_dicom: WriteDicom) -> None:
    write_dicom(tmp_path / "DICOMDIR", SOPClassUID="1.2.840.10008.1.3.10")
    assert catalog_folder(tmp_path)["reason"].to_list() == ["E_DICOMDIR"]


def test_a_file_without_preamble_and_meta_is_read(tmp_path: Path, write_dicom: WriteDicom) -> None:
    write_dicom(tmp_path / "a", syntax=ImplicitVRLittleEndian)
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(content[content.index(b"\x08\x00\x16\x00") :])
    row = catalog_folder(tmp_path).row(0, named=True)
    assert row["reason"] is None
    assert row["person_names"] == ["MAREK^IDA"]


def test_a_deflated_bomb_is_refused(tmp_path: Path, write_dicom: WriteDicom) -> None:
    write_dicom(tmp_path / "a", syntax=DeflatedExplicitVRLittleEndian)
    content = (tmp_path / "a").read_bytes()
    group_length = struct.unpack_from("<L", content, 140)[0]
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = b"".join(squeeze.compress(bytes(2**20)) for _ in range(80)) + squeeze.flush()
    (tmp_path / "a").write_bytes(content[: 144 + group_length] + packed)
    assert catalog_folder(tmp_path)["reason"].to_list() == ["E_BOMB"]


def test_every_truncation_of_a_file_is_a_row(tmp_path: Path, write_dicom: WriteDicom) -> None:
    write_dicom(tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    for length in range(0, len(content), 7):
        (tmp_path / f"{length:05d}").write_bytes(content[:length])
    assert catalog_folder(tmp_path).height == len(range(0, len(content), 7)) + 1


def test_names_are_sorted_into_patient_and_staff_at_any_depth(tmp_path: Path, write_dicom: WriteDicom) -> None:
    before, original, request = Dataset(), Dataset(), Dataset()
    before.PatientName = "OLD^IDA"
    original.ModifiedAttributesSequence = Sequence([before])
    request.RequestingPhysician = "ORDER^OTTO"
    request.AccessionNumber = "A77"
    write_dicom(
        tmp_path / "a",
        OriginalAttributesSequence=Sequence([original]),
        RequestAttributesSequence=Sequence([request]),
        PatientMotherBirthName="MOTHER^MIA",
        OperatorsName="TECH^TOM\\TECH^TIM",
        PatientTelephoneNumbers="555 0101",
        PatientAddress="1 Elm St, Springfield OH 45501",
        InstitutionName="North Clinic",
        OtherPatientIDs=["X1", "X2"],
        AccessionNumber="",
    )
    row = catalog_folder(tmp_path).row(0, named=True)
    assert set(row["person_names"]) == {"MAREK^IDA", "OLD^IDA", "MOTHER^MIA"}
    assert set(row["staff_names"]) == {"ORDER^OTTO", "TECH^TOM", "TECH^TIM"}
    assert {"M100", "X1", "X2", "A77"} <= set(row["identifiers"])
    assert row["accession_number"] == "A77"
    assert row["phones"] == ["555 0101"]
    assert row["addresses"] == ["1 Elm St, Springfield OH 45501"]
    assert row["places"] == ["North Clinic", "Springfield OH 45501"]


def test_private_bytes_give_names_and_numbers_only_where_they_look_like_them(
    tmp_path: Path, write_dicom: WriteDicom
) -> None:
    write_dicom(tmp_path / "a")
    from pydicom import dcmread

    dataset = dcmread(tmp_path / "a")
    block = dataset.private_block(0x0009, "MAKER 1", create=True)
    block.add_new(0x10, "UN", b"MAREK^IDA^Q")
    block.add_new(0x11, "UN", b"20140301")
    block.add_new(0x12, "UN", b"ID 4711-99")
    block.add_new(0x13, "UN", b"\x00\x01\x02\x03")
    block.add_new(0x14, "LO", "V5.2")
    dataset.save_as(tmp_path / "a")
    row = catalog_folder(tmp_path).row(0, named=True)
    assert row["person_names"] == ["MAREK^IDA^Q", "MAREK^IDA"]
    assert row["identifiers"] == ["ID 4711-99", "M100"]


def test_names_in_other_alphabets_come_group_by_group(tmp_path: Path, write_dicom: WriteDicom) -> None:
    write_dicom(tmp_path / "a", SpecificCharacterSet="ISO_IR 192", PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう")
    assert catalog_folder(tmp_path)["person_names"].to_list() == [["Yamada^Tarou", "山田^太郎", "やまだ^たろう"]]


def test_a_rejection_note_names_what_it_rejects(tmp_path: Path, write_dicom: WriteDicom) -> None:
    title, instance, series, study = Dataset(), Dataset(), Dataset(), Dataset()
    title.CodeValue = "113001"
    instance.ReferencedSOPInstanceUID = "9.9.9"
    series.ReferencedSOPSequence = Sequence([instance])
    study.ReferencedSeriesSequence = Sequence([series])
    write_dicom(
        tmp_path / "ko",
        SOPClassUID="1.2.840.10008.5.1.4.1.1.88.59",
        PixelData=None,
        Rows=None,
        ConceptNameCodeSequence=Sequence([title]),
        CurrentRequestedProcedureEvidenceSequence=Sequence([study]),
    )
    assert catalog_folder(tmp_path)["rejected_uids"].to_list() == [["9.9.9"]]


def test_an_unchanged_file_is_not_opened_again(
    tmp_path: Path, write_dicom: WriteDicom, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dicom(tmp_path / "sub" / "a")
    write_dicom(tmp_path / "b")
    first = catalog_folder(tmp_path)
    opened: list[str] = []
    read = catalog.read_header
    monkeypatch.setattr(
        catalog, "read_header", lambda file, size: (opened.append(Path(file.name).name), read(file, size))[1]
    )
    write_dicom(tmp_path / "b", PatientID="M2")
    second = catalog_folder(tmp_path, first)
    assert opened == ["b"]
    assert second["patient_id"].to_list() == ["M2", "M100"]
    assert second.filter(path="sub/a").equals(first.filter(path="sub/a"))


def test_links_and_pipes_are_told_and_not_followed(tmp_path: Path, write_dicom: WriteDicom) -> None:
    write_dicom(tmp_path / "in" / "a")
    write_dicom(tmp_path / "out" / "b")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "file").symlink_to(tmp_path / "out" / "b")
    os.mkfifo(tmp_path / "in" / "pipe")
    seen: list[int] = []
    found = catalog_folder(tmp_path / "in", on_progress=seen.append)
    reasons = dict(found.select("path", "reason").iter_rows())
    assert reasons == {"a": None, "file": "E_NOT_DICOM", "link": "E_NOT_DICOM", "pipe": "E_NOT_DICOM"}
    assert seen == [1, 2, 3, 4]


def test_the_issuer_of_the_site_stands_where_the_header_has_none(tmp_path: Path, write_dicom: WriteDicom) -> None:
    write_dicom(tmp_path / "a")
    write_dicom(tmp_path / "b", IssuerOfPatientID="NORTH")
    assert catalog_folder(tmp_path, issuer="HOME")["issuer"].to_list() == ["HOME", "NORTH"]


def test_a_missing_folder_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="dicom"):
        catalog_folder(tmp_path / "nowhere")


def test_a_file_that_is_to_be_read_again_is_opened_although_it_is_unchanged(
    tmp_path: Path, write_dicom: WriteDicom, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        write_dicom(tmp_path / name)
    before = catalog_folder(tmp_path)
    opened = []
    real = catalog._catalog_file
    monkeypatch.setattr(catalog, "_catalog_file", lambda *given: opened.append(str(given[0])) or real(*given))
    assert catalog_folder(tmp_path, read_again(before, {"b"})).equals(before)
    assert [Path(path).name for path in opened] == ["b"]


_NOW_NS = 1_800_000_000_000_000_000
_DAY_NS = 86_400_000_000_000


@pytest.mark.parametrize(
    ("time_ns", "is_opened"), [(_NOW_NS - _DAY_NS, False), (_NOW_NS - 1_000, True), (_NOW_NS + _DAY_NS, True)]
)
def test_a_file_whose_time_is_not_past_is_opened_again(
    tmp_path: Path, write_dicom: WriteDicom, time_ns: int, is_opened: bool
) -> None:
    """It may have been replaced since within the same tick of the clock, or by a clock that was set back."""
    write_dicom(tmp_path / "a", PatientID="M1")
    os.utime(tmp_path / "a", ns=(time_ns, time_ns))
    known = catalog_folder(tmp_path, now_ns=lambda: _NOW_NS)
    write_dicom(tmp_path / "a", PatientID="M2")  # the same size and, by force, the same time
    os.utime(tmp_path / "a", ns=(time_ns, time_ns))
    again = catalog_folder(tmp_path, known, now_ns=lambda: _NOW_NS + 2 * _DAY_NS)
    assert again["patient_id"].to_list() == ["M2" if is_opened else "M1"]


def test_a_file_that_became_older_is_opened_again(tmp_path: Path, write_dicom: WriteDicom) -> None:
    write_dicom(tmp_path / "a", PatientID="M1")
    known = catalog_folder(tmp_path)
    write_dicom(tmp_path / "a", PatientID="M2")
    os.utime(tmp_path / "a", ns=(_NOW_NS - 9 * _DAY_NS, _NOW_NS - 9 * _DAY_NS))
    assert catalog_folder(tmp_path, known)["patient_id"].to_list() == ["M2"]


def test_only_a_folder_that_is_known_to_hold_nothing_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert holds_nothing(tmp_path)
    (tmp_path / "a" / "b" / "link").symlink_to("nowhere")
    assert not holds_nothing(tmp_path)

    def refuse(_: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "scandir", refuse)
    assert not holds_nothing(tmp_path)
