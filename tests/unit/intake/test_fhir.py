"""FHIR DiagnosticReports; all persons and numbers are invented."""

import base64
import builtins
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_core.errors import UsageError
from cxr_core.intake.sources import fhir_resources
from cxr_core.intake.sources.fhir import read_reports_fhir
from cxr_core.intake.sources.reports import read_reports

SHARED = Path(__file__).parents[4] / "shared" / "data"
JSON = dict[str, Any]


def coded(code: str, value: str, **more: Any) -> JSON:
    return {"type": {"coding": [{"code": code}]}, "value": value} | more


def attached(text: str | bytes, kind: str = "text/plain") -> JSON:
    return {"contentType": kind, "data": base64.b64encode(text.encode() if isinstance(text, str) else text).decode()}


PATIENT: JSON = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [coded("SS", "123-45-6789"), coded("MR", "M100", assigner={"display": "North Clinic"})],
    "name": [{"family": "Marek", "given": ["Ida", "Q"]}],
    "birthDate": "1960-05-05",
    "telecom": [{"system": "phone", "value": "555-010-1234"}],
    "address": [{"line": ["1 Elm St"], "city": "Springfield", "state": "OH"}],
    "contact": [{"name": {"family": "Marek", "given": ["Mia"]}}],
    "generalPractitioner": [{"display": "Dr House Call"}],
}
ORDER: JSON = {
    "resourceType": "ServiceRequest",
    "id": "o1",
    "status": "completed",
    "intent": "order",
    "subject": {"reference": "Patient/p1"},
    "identifier": [coded("PLAC", "P7"), coded("ACSN", "A1")],
    "requester": {"display": "Ord, Er"},
}
STUDY: JSON = {
    "resourceType": "ImagingStudy",
    "id": "s1",
    "status": "available",
    "subject": {"reference": "Patient/p1"},
    "started": "2014-03-01T12:00:00+01:00",
    "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.840.99.1"}],
}
REPORT: JSON = {
    "resourceType": "DiagnosticReport",
    "id": "r1",
    "identifier": [{"system": "urn:x", "value": "R900"}],
    "status": "final",
    "code": {"coding": [{"code": "36643-5", "display": "XR Chest 2 Views"}]},
    "subject": {"reference": "Patient/p1", "display": "Marek, Ida"},
    "basedOn": [{"reference": "ServiceRequest/o1"}],
    "imagingStudy": [{"reference": "ImagingStudy/s1"}],
    "effectiveDateTime": "2014-03-01T11:30:00+01:00",
    "issued": "2014-03-01T12:45:00+01:00",
    "performer": [
        {"reference": "Practitioner/d1", "display": "Rad Iologist"},
        {"reference": "Organization/x", "display": "South Wing"},
    ],
    "presentedForm": [attached("FINDINGS: Clear.\r\nIMPRESSION: Normal.")],
}  # fmt: skip
DOCTOR: JSON = {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Iologist", "given": ["Rad"]}]}


def bundle(*resources: JSON) -> JSON:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


def read(tmp_path: Path, *resources: JSON, **changes: Any) -> JSON:
    """The row of REPORT with changes; None leaves a key out."""
    report = {key: value for key, value in (REPORT | changes).items() if value is not None}
    (tmp_path / "b.json").write_text(json.dumps(bundle(report, *resources)))
    return read_reports_fhir([(tmp_path / "b.json", "b.json")]).row(0, named=True)


def test_a_bundle_gives_a_report_with_everything_around_it(tmp_path: Path) -> None:
    row = read(tmp_path, PATIENT, ORDER, STUDY, DOCTOR)
    assert row["reason"] is None
    assert row["text"] == "FINDINGS: Clear.\nIMPRESSION: Normal."
    assert row["accession_numbers"] == ["A1", "P7", "R900"]
    assert row["study_instance_uid"] == "1.2.840.99.1"
    assert (row["patient_id"], row["issuer"], row["report_id"]) == ("M100", "", "R900")
    assert row["birth_date"].isoformat() == "1960-05-05"
    assert row["exam_at"].isoformat() == "2014-03-01T12:00:00"
    assert row["issued_at"].isoformat() == "2014-03-01T12:45:00"
    assert row["exam_description"] == "36643-5 XR Chest 2 Views"
    assert row["person_names"] == ["Marek^Ida Q", "Marek^Mia", "Marek, Ida"]
    assert set(row["staff_names"]) == {"Dr House Call", "Rad Iologist", "Iologist^Rad", "Ord, Er"}
    assert {"M100", "123-45-6789", "A1", "P7", "R900"} <= set(row["identifiers"])
    assert row["phones"] == ["555-010-1234"]
    assert row["addresses"] == ["1 Elm St, Springfield, OH"]
    assert {"South Wing", "North Clinic", "Springfield"} <= set(row["places"])


def test_bulk_data_in_files_of_their_own_speak_of_each_other(tmp_path: Path) -> None:
    lines = [REPORT, REPORT | {"id": "r2", "identifier": [{"value": "R901"}]}]
    (tmp_path / "DiagnosticReport.ndjson").write_text("\n".join(map(json.dumps, lines)))
    for one in (PATIENT, ORDER, STUDY):
        (tmp_path / f"{one['resourceType']}.ndjson").write_text(json.dumps(one) + "\n")
    frame = read_reports([tmp_path])
    assert frame["patient_id"].to_list() == ["M100", "M100"]
    assert frame["report_key"].to_list() == ["DiagnosticReport.ndjson#0000000", "DiagnosticReport.ndjson#0000001"]


def test_contained_resources_are_read(tmp_path: Path) -> None:
    row = read(tmp_path, contained=[PATIENT, ORDER], subject={"reference": "#p1"}, basedOn=[{"reference": "#o1"}],
               imagingStudy=None)  # fmt: skip
    assert (row["patient_id"], row["accession_numbers"][0]) == ("M100", "A1")


def test_identifiers_that_references_carry_along_are_enough(tmp_path: Path) -> None:
    row = read(tmp_path, subject={"identifier": coded("MR", "M100")}, basedOn=[{"identifier": coded("ACSN", "A1")}],
               imagingStudy=None, identifier=None)  # fmt: skip
    assert (row["patient_id"], row["accession_numbers"]) == ("M100", ["A1"])
    assert {"M100", "A1"} <= set(row["identifiers"])


def test_the_id_of_a_resource_is_no_patient_id(tmp_path: Path) -> None:
    assert read(tmp_path)["patient_id"] is None


def test_full_urls_are_references_too(tmp_path: Path) -> None:
    entry = [
        {"resource": REPORT | {"subject": {"reference": "urn:uuid:7"}}},
        {"fullUrl": "urn:uuid:7", "resource": PATIENT},
    ]
    (tmp_path / "b.json").write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entry}))
    assert read_reports([tmp_path / "b.json"])["patient_id"].to_list() == ["M100"]


def test_which_of_two_record_numbers_is_meant_is_not_guessed(tmp_path: Path) -> None:
    both = [coded("MR", "M100"), coded("MR", "M200")]
    assert read(tmp_path, PATIENT | {"identifier": both})["patient_id"] is None
    marked = [both[0], both[1] | {"use": "usual"}]
    assert read(tmp_path, PATIENT | {"identifier": marked})["patient_id"] == "M200"
    assert read(tmp_path, PATIENT | {"identifier": [both[0] | {"use": "old"}, both[1]]})["patient_id"] == "M200"


@pytest.mark.parametrize(
    ("written", "status"),
    [("final", "final"), ("amended", "corrected"), ("corrected", "corrected"), ("appended", "corrected"),
     ("registered", "preliminary"), ("partial", "preliminary"), ("preliminary", "preliminary"),
     ("unknown", "preliminary"), ("cancelled", "void"), ("entered-in-error", "void")],
)  # fmt: skip
def test_every_status_is_understood(tmp_path: Path, written: str, status: str) -> None:
    assert read(tmp_path, status=written)["status"] == status


@pytest.mark.parametrize(
    ("changes", "text", "reason"),
    [
        ({"presentedForm": [attached("Séamus".encode("latin-1"), "text/plain; charset=iso-8859-1")]}, "Séamus", None),
        ({"presentedForm": [attached("<p>One &amp; two</p><br/>three", "text/html")]}, "One & two\n\nthree", None),
        ({"presentedForm": [attached(b"%PDF-1.4", "application/pdf")]}, "", "E_ENCODING"),
        ({"presentedForm": [attached(b"{\\rtf1 x}", "text/plain")]}, "", "E_ENCODING"),
        ({"presentedForm": [attached(b"%PDF-1.4", "application/pdf"), attached("Normal.")]}, "Normal.", None),
        ({"presentedForm": [attached(b"%PDF-1.4", "x/pdf")], "conclusion": "Clear."}, "IMPRESSION: Clear.", None),
        ({"presentedForm": [attached("Clear.")], "conclusion": "Normal."}, "Clear.\n\nIMPRESSION: Normal.", None),
        ({"presentedForm": [attached("Impression:\nNormal.")], "conclusion": "normal."}, "Impression:\nNormal.", None),
        ({"presentedForm": None, "conclusion": "Impression: Normal."}, "Impression: Normal.", None),
        ({"presentedForm": None, "text": {"status": "additional", "div": "<div>Clear.</div>"}}, "Clear.", None),
        ({"presentedForm": None, "text": {"status": "generated", "div": "<div>Report r1</div>"}}, "", "E_EMPTY"),
        ({"presentedForm": [{"contentType": "text/plain", "url": "http://x/1"}]}, "", "E_ENCODING"),
        ({"presentedForm": None}, "", "E_EMPTY"),
    ],
)  # fmt: skip
def test_the_text_is_the_one_that_a_person_wrote(tmp_path: Path, changes: JSON, text: str, reason: str | None) -> None:
    row = read(tmp_path, **changes)
    assert (row["text"], row["reason"]) == (text, reason)


def test_observations_with_text_are_the_report_where_nothing_is_attached(tmp_path: Path) -> None:
    said = {
        "resourceType": "Observation",
        "id": "b1",
        "status": "final",
        "code": {"text": "x"},
        "valueString": "Clear.",
    }
    assert read(tmp_path, said, presentedForm=None, result=[{"reference": "Observation/b1"}])["text"] == "Clear."


@pytest.mark.parametrize(
    "content", ["{", "[1, 2]", '{"resourceType": "DiagnosticReport"}', '{"a": 1}', "[[[[[[{}]]]]]]"]
)
def test_what_is_no_report_is_a_row(tmp_path: Path, content: str) -> None:
    (tmp_path / "b.json").write_text(content)
    assert set(read_reports([tmp_path / "b.json"])["reason"]) == {"E_REPORT"}


def test_resources_that_are_no_reports_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(json.dumps(bundle(PATIENT, STUDY)))
    assert read_reports([tmp_path / "b.json"]).height == 0


def test_a_missing_library_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.startswith("fhir"):
            raise ImportError(name)
        return real(name, *rest)

    fhir_resources._models.cache_clear()
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UsageError, match=r"hilum\[fhir\]"):
        read(tmp_path)


def test_a_report_of_an_older_release_is_read() -> None:
    path = SHARED / "cxr" / "hl7" / "ms_Stu3_DiagnosticReport.json"
    if not path.exists():
        pytest.skip("../shared/data is absent")
    row = read_reports([path]).row(0, named=True)
    assert row["exam_description"] == "38269-7 DXA BONE DENSITOMETRY"
    assert row["issued_at"].isoformat() == "2008-06-18T09:23:00"
    assert row["staff_names"] == ["Dr Henry Seven"]
    assert row["reason"] == "E_EMPTY"  # its words stand in a generated narrative only


_KEYS = st.sampled_from(["identifier", "value", "reference", "display", "coding", "code", "name", "resourceType"])
_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just({"reference": "Patient/p1"})
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_KEYS, inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*REPORT, "result", "contained", "text", "conclusion", "encounter"]), _VALUES, max_size=4
    )
)
def test_no_resource_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, changes: JSON) -> None:
    file = tmp_path_factory.mktemp("fhir") / "b.json"
    file.write_text(json.dumps(bundle(REPORT | changes | {"resourceType": "DiagnosticReport"}, PATIENT | changes)))
    assert read_reports_fhir([(file, "b.json")]).height >= 1
