"""Writes reports as HL7 v2.3 ORU^R01 messages, one to a file or many to a batch.

It takes filed reports and gives message texts with CR between segments, as interface engines leave them on disk.
Which report travels as a message is left to `ris`; reading messages back to `intake`.
"""

from datetime import datetime

from cxr_core.demo.people import Person
from cxr_core.demo.ris import Report, RisStatus

# HL7 table 0123, result status.
_STATUS = {RisStatus.FINAL: "F", RisStatus.CORRECTED: "C", RisStatus.ADDENDUM: "C"}
_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}
_END = "\r"


def write_message(report: Report, person: Person) -> str:
    """Write one ORU^R01 message.

    Every third report is one formatted text (FT) with `\\.br\\` breaks, the others one OBX a line (TX); every other
    one names the StudyInstanceUID in a ZDS segment (IHE Radiology, RAD-4).
    """
    study = report.study
    number = int(report.report_id[1:])
    segments = [_header(report, person), _patient(report, person), _visit(report), f"ORC|RE|{study.accession}"]
    segments.append(_order(report))
    segments += _formatted(report) if number % 3 == 0 else _lines(report)
    if number % 2 == 0:
        segments.append(f"ZDS|{study.uid}^{_escape(person.hospital.issuer)}^Application^DICOM")
    return _END.join(segments) + _END


def write_batch(messages: list[str]) -> str:
    """Wrap messages into one batch file (FHS, BHS, ..., BTS, FTS)."""
    head = f"FHS|^~\\&|RIS{_END}BHS|^~\\&|RIS{_END}"
    return f"{head}{''.join(messages)}BTS|{len(messages)}{_END}FTS|1{_END}"


def _escape(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)


def _stamp(when: datetime) -> str:
    return f"{when:%Y%m%d%H%M%S}"


def _header(report: Report, person: Person) -> str:
    place = _escape(person.hospital.name)
    return (
        f"MSH|^~\\&|RIS|{place}|RESEARCH|DATA|{_stamp(report.reported)}||ORU^R01|{report.report_id}|P|2.3"
        "||||||UNICODE UTF-8"
    )


def _patient(report: Report, person: Person) -> str:
    issuer = _escape(person.hospital.issuer)
    ids = f"{report.mrn}^^^{issuer}^MR~{person.former_mrn}^^^LEGACY^PI"
    name = "^".join(_escape(part) for part in (person.family, person.given, person.middle))
    mother, address = _escape(person.mother_birth_name), _escape(person.street)
    home = f"{address}^^{_escape(person.town)}^{person.state}^{person.zip_code}"
    return (
        f"PID|1||{ids}||{name}|{mother}|{person.birth_date:%Y%m%d}|{person.sex}|||{home}||{person.phone}"
        f"|||||{report.study.visit}|{person.ssn}"
    )


def _visit(report: Report) -> str:
    referring = report.study.referring
    name = f"{_escape(referring.family)}^{_escape(referring.given)}"
    return f"PV1|1|{report.study.patient_class}|ED^{report.study.visit[-2:]}||||{name}"


def _order(report: Report) -> str:
    """Give the OBR: accession in 2, 3, 18; time of the exam in 7, of the report in 22; status in 25; reader in 32."""
    study = report.study
    fields = [""] * 33
    fields[1], fields[2], fields[3] = "1", study.accession, study.accession
    fields[4] = f"{study.exam.code}^{_escape(study.exam.description)}^CPT4"
    fields[7] = f"{study.when:%Y%m%d%H%M}"
    fields[16] = f"{_escape(study.referring.family)}^{_escape(study.referring.given)}"
    fields[18], fields[22], fields[25] = study.accession, _stamp(report.reported), _STATUS[report.status]
    fields[32] = f"{_escape(study.reading.family)}&{_escape(study.reading.given)}"
    return "OBR|" + "|".join(fields[1:])


def _suffix(report: Report) -> str:
    return "&ADT" if report.status is RisStatus.ADDENDUM else "&GDT"


def _lines(report: Report) -> list[str]:
    status = _STATUS[report.status]
    lines = report.dictation.text.split("\n")
    return [f"OBX|{n}|TX|{_suffix(report)}||{_escape(line)}||||||{status}" for n, line in enumerate(lines, 1)]


def _formatted(report: Report) -> list[str]:
    text = "\\.br\\".join(_escape(line) for line in report.dictation.text.split("\n"))
    return [f"OBX|1|FT|{_suffix(report)}||{text}||||||{_STATUS[report.status]}"]
