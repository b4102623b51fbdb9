"""What a draw takes from the vault: numbers of devices and studies whose patients' names are words; never the words."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from cxr_core.tables.catalogue import DEVICES, PSEUDONYMS, REQUESTS, STUDY_INSTANCES
from cxr_core.tables.storage import read_table, write_table
from cxr_core.tables.workspace import Workspace
from tasks.review_vault import DEVICE_LIST, device_numbers, has_vault, named_like_words, read_devices, unread_devices

MODELS = [("Acme Ltd", "Ray  9"), ("ACME Ltd", "RAY 9"), ("Acme Ltd", "Ray 10"), ("Zenith", ""), ("Zenith", "Ray 9")]


def dicom_id(number: int) -> str:
    return "-".join([f"{number:08x}"] * 5)


def write_file(path: Path, maker: str, model: str) -> None:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.3"
    dataset.Manufacturer, dataset.ManufacturerModelName = maker, model
    dataset.save_as(path, implicit_vr=True, little_endian=True)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "workspace")
    made.create()
    source = tmp_path / "source"
    source.mkdir()
    for number, (maker, model) in enumerate(MODELS):
        write_file(source / f"{number}.dcm", maker, model)
    write_table(
        STUDY_INSTANCES,
        STUDY_INSTANCES.frame(
            {"path": f"{n}.dcm", "study_instance_uid": f"1.{n}", "sop_instance_uid": f"2.{n}", "fingerprint": f"{n}"}
            for n in range(len(MODELS))
        ),
        made.catalog_table(STUDY_INSTANCES),
    )
    write_table(
        PSEUDONYMS,
        PSEUDONYMS.frame(
            {
                "kind": "instance",
                "issuer": "",
                "original": f"2.{n}",
                "ordinal": n,
                "pseudonym": dicom_id(n),
                "date_shift_days": None,
            }
            for n in range(len(MODELS))
        ),
        made.catalog_table(PSEUDONYMS),
    )
    return made


def test_each_model_has_a_number_and_its_name_stays_in_the_vault(workspace: Workspace, tmp_path: Path) -> None:
    read_devices(workspace, tmp_path / "source")
    assert device_numbers(workspace) == {dicom_id(0): "#1", dicom_id(1): "#1", dicom_id(2): "#2", dicom_id(4): "#3"}
    listed = (workspace.vault / DEVICE_LIST).read_text().splitlines()
    assert listed == ["device,maker,model,images", "#1,ACME Ltd,RAY 9,2", "#2,Acme Ltd,Ray 10,1", "#3,Zenith,Ray 9,1"]


def test_a_model_s_name_is_no_formula(workspace: Workspace, tmp_path: Path) -> None:
    write_file(tmp_path / "source" / "2.dcm", "@Acme", "=cmd|'/c calc'!A0")
    read_devices(workspace, tmp_path / "source")
    device_numbers(workspace)
    assert "#2,'@Acme,'=cmd|'/c calc'!A0,1" in (workspace.vault / DEVICE_LIST).read_text().splitlines()


def test_a_file_is_opened_once_and_again_where_it_has_changed(workspace: Workspace, tmp_path: Path) -> None:
    opened: list[int] = []
    read_devices(workspace, tmp_path / "source", lambda: opened.append(1))
    assert (len(opened), unread_devices(workspace).height) == (5, 0)
    path = workspace.catalog_table(DEVICES)
    rows = read_table(DEVICES, path).to_dicts()
    rows[0]["fingerprint"] = "another"
    write_table(DEVICES, DEVICES.frame(rows), path)
    assert unread_devices(workspace)["path"].to_list() == ["0.dcm"]
    read_devices(workspace, tmp_path / "source")
    assert read_table(DEVICES, path).height == 5


def test_files_that_are_gone_have_no_number(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "source" / "2.dcm").unlink()
    (tmp_path / "source" / "4.dcm").write_bytes(b"no DICOM")
    read_devices(workspace, tmp_path / "source")
    assert device_numbers(workspace) == {dicom_id(0): "#1", dicom_id(1): "#1"}
    assert sorted(unread_devices(workspace)["path"]) == ["2.dcm", "4.dcm"]


def test_names_that_are_words_are_found_and_others_not(workspace: Workspace) -> None:
    names = {
        "50000000": ["rose", "ann"],
        "50000001": ["nguyen"],
        "50000002": ["li"],
        "50000003": ["field"],
        "50000004": [],
    }
    rows = [{key: [] for key in REQUESTS.columns} | {"study_id": study, "names": n} for study, n in names.items()]
    plain = {"subject_id": "10000000", "date_shift_days": 0, "hide_age": False, "report_text": None}
    digest = {"source_fingerprint": "0" * 64}
    assert not has_vault(workspace)
    write_table(REQUESTS, REQUESTS.frame(row | plain | digest for row in rows), workspace.catalog_table(REQUESTS))
    assert has_vault(workspace)
    found = named_like_words(workspace)
    assert found.studies == {"50000000", "50000003"}
    assert "50000000" not in repr(found)
    assert found.salt not in repr(found)
