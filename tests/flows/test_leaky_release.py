"""A finished release with one leak in it is refused: every kind of identifier, every writing of it, every carrier.

Each case plants one value of one invented person in a copy of a finished tree, writes the digests anew, and runs
`cxr verify` with the workspace. Whatever is found, nothing that was planted may be printed.
"""

import base64
import contextlib
import datetime as dt
import gzip
import hashlib
import io
import json
import os
import shutil
import sys
import unicodedata
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # pytest's importlib mode does not put it there

import polars as pl
import pyarrow as pa
import pytest
import typer
from building import Build, Hospital
from building import run as run_process
from leaks import (
    CARRIERS,
    FILE_NAME,
    SUMS,
    Carrying,
    People,
    Scene,
    add_column,
    clean_dicom,
    drop_dicom,
    edit_csv,
    edit_json,
    renew_sums,
    set_cell,
    set_column,
    write_parquet,
)

from cxr_core.imaging import convert_image
from cxr_core.tables.catalogue import PSEUDONYMS
from cxr_core.tables.storage import read_table
from cxr_core.tables.workspace import Workspace
from cxr_core.verification.findings import Finding
from flows.cli import app, run
from flows.cli import inspect as _inspect  # noqa: F401  adds `cxr verify` to the application

NAMES = frozenset({Finding.NAME, Finding.NAME_PART})
IDS = frozenset({Finding.IDENTIFIER})
UIDS = frozenset({Finding.UID})
DATES = frozenset({Finding.DATE})
PHONES = frozenset({Finding.PHONE})
PLACES = frozenset({Finding.ADDRESS, Finding.PLACE})
SUMMED = frozenset({Finding.CHECKSUM})
IDENTIFYING = NAMES | IDS | UIDS | DATES | PHONES | PLACES | {Finding.NAME_WORD}
ANYTHING = frozenset(Finding)


@dataclass(frozen=True, slots=True)
class Leak:
    """What is planted, and which kinds of findings tell it; `is_room`: any kind will do, also one that is yet to come.

    `plant` gives the file that must be named.
    """

    plant: Callable[[Scene], str]
    kinds: frozenset[Finding]
    is_room: bool = False
    keeps_sums: bool = False


LEAKS: dict[str, Leak] = {}


def leak(kinds: frozenset[Finding], *, is_room: bool = False, keeps_sums: bool = False) -> Callable[..., object]:
    """Register a function that plants one leak, under its name as a sentence."""

    def register(plant: Callable[[Scene], str]) -> Callable[[Scene], str]:
        LEAKS[plant.__name__.replace("_", " ")] = Leak(plant, kinds, is_room, keeps_sums)
        return plant

    return register


# ---------------------------------------------------------------- every carrier, with a name and with an id


def _carried(carrying: Carrying, value: Callable[[People], str]) -> Callable[[Scene], str]:
    return lambda scene: carrying.put(scene, value(scene.people))


for _name, _carrying in CARRIERS.items():
    LEAKS[f"patient id in {_name}"] = Leak(_carried(_carrying, lambda of: of.mrn), IDS, _carrying.is_room)
    if not (_carrying.is_for_ids or _carrying.is_room):
        LEAKS[f"surname in {_name}"] = Leak(_carried(_carrying, lambda of: of.surname), NAMES, _carrying.is_room)


# ---------------------------------------------------------------- every writing, in a line of a document

Writing = Callable[[People], str]


def _day(of: People) -> dt.date:
    return dt.datetime.fromisoformat(of.study["datetime"]).date()


def _born(of: People) -> dt.date:
    return dt.date.fromisoformat(of.plain["born"])


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _city(of: People) -> str:
    return of.plain["addr"].split(", ")[1]


def _full_width(digits: str) -> str:
    return "".join(chr(ord(digit) + 0xFEE0) for digit in digits)


NAME_WRITINGS: Mapping[str, Writing] = {
    "surname": lambda of: of.surname,
    "given name": lambda of: of.given,
    "given name and surname": lambda of: f"{of.given} {of.surname}",
    "surname, given name": lambda of: f"{of.surname}, {of.given}",
    "name as in DICOM": lambda of: of.plain["pn"].upper(),
    "name in lower case": lambda of: f"{of.given} {of.surname}".lower(),
    "given name glued to the surname": lambda of: f"{of.given}{of.surname}".lower(),
    "surname glued to the given name": lambda of: f"{of.surname}{of.given}",
    "all three names in one": lambda of: f"{of.surname}{of.given}{of.plain['mid']}",
    "initial and surname": lambda of: f"{of.given[0]}. {of.surname}",
    "initial glued to the surname": lambda of: f"{of.given[0]}{of.surname}".lower(),
    "surname glued to the initial": lambda of: f"{of.surname}{of.given[0]}".lower(),
    "genitive of a surname": lambda of: f"{of.surname}'s film",
    "surname between underscores": lambda of: f"pt_{of.surname}_2",
    "surname before a number": lambda of: f"{of.surname}1967",
    "surname inside a word in camel case": lambda of: f"chest{of.surname}Pa",
    "surname by full-width letters": lambda of: "".join(chr(ord(char) + 0xFEE0) for char in of.surname),
    "surname with a zero-width space": lambda of: f"{of.surname[:4]}\u200b{of.surname[4:]}",
    "surname with a soft hyphen": lambda of: f"{of.surname[:4]}\u00ad{of.surname[4:]}",
    "surname with a word joiner": lambda of: f"{of.surname[:1]}\u2060{of.surname[1:]}",
    "surname hyphenated at a line's end": lambda of: f"{of.surname[:4]}-\n{of.surname[4:]}",
    "spaced surname": lambda of: " ".join(of.surname.upper()),
    "base64 of a name": lambda of: base64.b64encode(f"{of.given} {of.surname}".encode()).decode(),
    "e-mail address": lambda of: of.plain["email"],
    "name of the mother": lambda of: of.plain["mother"],
    "name of a reader": lambda of: f"Dr. {of.reader[0][0]}. {of.reader[1]}",
    "referring physician": lambda of: of.header["ReferringPhysicianName"].split("^")[0],
    "technologist": lambda of: of.header["OperatorsName"],
    "hyphenated surname": lambda of: of.hyphenated["last"],
    "second half of a hyphenated surname": lambda of: of.hyphenated["last"].split("-")[1],
    "hyphenated surname without its hyphen": lambda of: of.hyphenated["last"].replace("-", ""),
    "hyphenated surname with a blank": lambda of: of.hyphenated["last"].replace("-", " "),
    "hyphenated surname with a hyphen that does not break": lambda of: of.hyphenated["last"].replace("-", "\u2011"),
    "accented surname": lambda of: of.accented["last"],
    "accented surname in upper case": lambda of: of.accented["last"].upper(),
    "accented surname without accents": lambda of: (
        unicodedata.normalize("NFD", of.accented["last"]).encode("ascii", "ignore").decode()
    ),
    "accented surname in composing characters": lambda of: unicodedata.normalize("NFD", of.accented["last"]),
    "accented surname transliterated": lambda of: of.accented["last"].replace("ö", "oe"),
    "accented surname decoded wrongly": lambda of: of.accented["last"].encode().decode("latin-1"),
    "accented surname percent-encoded": lambda of: urllib.parse.quote(of.accented["last"]),
    "accented surname as a character reference": lambda of: of.accented["last"].replace("ö", "&ouml;"),
    "accented surname escaped as in JSON": lambda of: json.dumps(of.accented["last"]),
    "accented surname escaped as in YAML": lambda of: of.accented["last"].replace("ö", "\\xF6"),
    "accented surname as in BibTeX": lambda of: of.accented["last"].replace("ö", '{\\"o}'),
    "name in ideographs": lambda of: " ".join(of.kanji),
    "name in ideographs in one": lambda of: "".join(of.kanji),
    "surname in ideographs": lambda of: of.kanji[0],
    "name within a sentence of ideographs": lambda of: f"患者{''.join(of.kanji)}様",
}

ID_WRITINGS: Mapping[str, Writing] = {
    "patient id": lambda of: of.mrn,
    "patient id with dashes": lambda of: f"{of.mrn[:3]}-{of.mrn[3:5]}-{of.mrn[5:]}",
    "patient id with blanks": lambda of: f"{of.mrn[:2]} {of.mrn[2:4]} {of.mrn[4:]}",
    "patient id with commas": lambda of: f"{int(of.mrn):,}",
    "patient id in five groups": lambda of: ".".join([*of.mrn[:4], of.mrn[4:]]),
    "patient id digit by digit": lambda of: " ".join(of.mrn),
    "patient id with leading zeros": lambda of: of.mrn.zfill(10),
    "id without its leading zeros": lambda of: of.padded_id.lstrip("0"),
    "patient id behind letters": lambda of: f"MRN{of.mrn}",
    "patient id within a file name": lambda of: f"CXR_{of.mrn[:4]}-{of.mrn[4:]}_PA.dcm",
    "patient id glued within a file name": lambda of: f"cxr{of.mrn}pa.dcm",
    "patient id glued to an accession": lambda of: f"{of.mrn}{of.study['accession']}",
    "patient id glued to a date": lambda of: f"{of.mrn}{_day(of):%Y%m%d}",
    "patient id in full-width digits": lambda of: _full_width(of.mrn),
    "patient id with a zero-width space": lambda of: f"{of.mrn[:4]}\u200b{of.mrn[4:]}",
    "patient id over a line's end": lambda of: f"{of.mrn[:4]}-\n{of.mrn[4:]}",
    "MD5 of a patient id": lambda of: hashlib.md5(of.mrn.encode()).hexdigest(),  # noqa: S324  as engines do
    "former patient id": lambda of: of.plain["alt"],
    "former patient id with a dash": lambda of: f"{of.plain['alt'][:3]}-{of.plain['alt'][3:]}",
    "accession": lambda of: of.study["accession"],
    "accession with dashes": lambda of: "-".join(of.study["accession"][at : at + 3] for at in (0, 3, 6)),
    "accession behind letters": lambda of: f"ACC{of.study['accession']}",
    "SSN": lambda of: of.plain["ssn"],
    "SSN with blanks": lambda of: of.plain["ssn"].replace("-", " "),
    "SSN without dashes": lambda of: _digits(of.plain["ssn"]),
    "SSN with hyphens that do not break": lambda of: of.plain["ssn"].replace("-", "\u2011"),
    "report id": lambda of: of.report_id,
    "report id without its letter": lambda of: of.report_id[1:],
    "report id in lower case with a dash": lambda of: f"{of.report_id[0]}-{of.report_id[1:]}".lower(),
    "visit number": lambda of: of.header["AdmissionID"],
    "visit number of an encounter alone": lambda of: of.unseen_visit,
    "study id of the source": lambda of: of.header["StudyID"],
    "serial number of the device": lambda of: of.header["DeviceSerialNumber"],
    "station name": lambda of: of.header["StationName"],
    "path of the original file": lambda of: of.image["path"].removeprefix("dicom/"),
}

UID_WRITINGS: Mapping[str, Writing] = {
    "study UID": lambda of: of.study["study"],
    "series UID": lambda of: of.image["series"],
    "SOP instance UID": lambda of: of.image["sop"],
    "study UID within a path": lambda of: f"/dicom-web/studies/{of.study['study']}/series",
    "study UID with underscores": lambda of: of.study["study"].replace(".", "_"),
    "study UID without its root": lambda of: of.study["study"].rpartition(".")[2],
}

DATE_WRITINGS: Mapping[str, Writing] = {
    "study date as DA": lambda of: f"{_day(of):%Y%m%d}",
    "birth date as DA": lambda of: f"{_born(of):%Y%m%d}",
    "ISO date": lambda of: _day(of).isoformat(),
    "ISO birth date": lambda of: _born(of).isoformat(),
    "day of admission": lambda of: of.stay["arrive"][:10],
    "date with slashes, month first": lambda of: f"{_day(of):%m/%d/%Y}",
    "date with slashes, year first": lambda of: f"{_born(of):%Y/%m/%d}",
    "date with slashes, no zeros": lambda of: f"{_born(of).month}/{_born(of).day}/{_born(of).year}",
    "date with dots": lambda of: f"{_day(of):%d.%m.%Y}",
    "date with the month's name first": lambda of: f"{_day(of):%B} {_day(of).day}, {_day(of).year}",
    "date with the month's name in the middle": lambda of: f"{_day(of).day} {_day(of):%B %Y}",
    "date with the month's short name": lambda of: f"{_born(of):%d-%b-%Y}".upper(),
    "date with the month's short name glued": lambda of: f"{_born(of):%d%b%Y}".upper(),
    "date with the month's name, year first": lambda of: f"{_day(of):%Y %b %d}",
    "date with an ordinal": lambda of: f"{_day(of):%B} {_day(of).day}th, {_day(of).year}",
    "date with an ordinal and a preposition": lambda of: f"the {_day(of).day}th of {_day(of):%B %Y}",
    "date with a weekday": lambda of: f"{_day(of):%A, %d %B %Y}",
    "date in September, four letters": lambda of: (
        f"Sept {of.september['datetime'][8:10].lstrip('0')}, " + of.september["datetime"][:4]
    ),
    "date with a year of two digits": lambda of: f"{_day(of):%m/%d/%y}",
    "date over a line's end": lambda of: f"taken on {_day(of):%B}\n{_day(of).day}, {_day(of).year}",
    "date and time as in ISO": lambda of: of.study["datetime"].replace(" ", "T") + ":00",
    "date and time as DT": lambda of: _digits(of.study["datetime"]) + "00",
    "date and time glued to letters": lambda of: f"IM{_digits(of.study['datetime'])}",
    "date between underscores": lambda of: f"cxr_{_day(of):%Y%m%d}_0124",
    "date in full-width digits": lambda of: _full_width(f"{_day(of):%Y%m%d}"),
}

PHONE_WRITINGS: Mapping[str, Writing] = {
    "phone number": lambda of: of.plain["phone"],
    "phone number with dots": lambda of: of.plain["phone"].strip("(").replace(") ", ".").replace("-", "."),
    "phone number in one": lambda of: _digits(of.plain["phone"]),
    "phone number with a country code": lambda of: f"+1 {of.plain['phone']}",
    "phone number with a country code in one": lambda of: f"+1{_digits(of.plain['phone'])}",
    "phone number without its area": lambda of: of.plain["phone"].split()[1],
    "phone number of the department": lambda of: of.header["ReferringPhysicianTelephoneNumbers"],
}

PLACE_WRITINGS: Mapping[str, Writing] = {
    "address": lambda of: of.plain["addr"],
    "street": lambda of: of.plain["addr"].split(", ")[0],
    "street in upper case": lambda of: of.plain["addr"].split(", ")[0].upper(),
    "street with its kind written out": lambda of: of.plain["addr"].split(", ")[0].replace(" Dr", " Drive"),
    "address over a line's end": lambda of: of.plain["addr"].split(", ")[0].replace(" ", "\n", 1),
    "city": lambda of: " ".join(_city(of).split()[:-2]),
    "state and ZIP code": lambda of: " ".join(_city(of).split()[-2:]),
    "institution": lambda of: of.plain["hosp"],
    "institution in lower case with underscores": lambda of: of.plain["hosp"].lower().replace(" ", "_"),
    "institution over a line's end": lambda of: (
        " ".join(of.plain["hosp"].split()[:2]) + "\n" + " ".join(of.plain["hosp"].split()[2:])
    ),
    "institution as a domain": lambda of: f"www.{of.plain['hosp'].lower().replace(' ', '')}.org",
    "street of the institution": lambda of: of.header["InstitutionAddress"].split(", ")[0],
    "department": lambda of: of.header["InstitutionalDepartmentName"],
}


def _written(writing: Writing) -> Callable[[Scene], str]:
    return lambda scene: scene.append("CHANGELOG.md", f"\nSee {writing(scene.people)} there.\n")


for _writings, _kinds in (
    (NAME_WRITINGS, NAMES),
    (ID_WRITINGS, IDS),
    (UID_WRITINGS, UIDS | IDS),
    (DATE_WRITINGS, DATES),
    (PHONE_WRITINGS, PHONES),
    (PLACE_WRITINGS, PLACES),
):
    LEAKS |= {f"written: {name}": Leak(_written(writing), _kinds) for name, writing in _writings.items()}


# ---------------------------------------------------------------- leaks that are neither


@leak(NAMES)
def names_in_two_cells_of_a_csv_row(scene: Scene) -> str:
    def edit(cells: list[list[str]]) -> None:
        cells[1][3], cells[1][9] = scene.people.given, scene.people.surname

    return edit_csv(scene, edit)


@leak(NAMES)
def names_in_two_items_of_a_json_list(scene: Scene) -> str:
    return edit_json(scene, lambda content: content.update(notes=[scene.people.given, scene.people.surname]))


@leak(NAMES)
def names_in_two_columns_of_a_parquet_file(scene: Scene) -> str:
    set_column(scene, "encounter_group", scene.people.given, "images.parquet")
    return set_column(scene, "manufacturer_group", scene.people.surname, "images.parquet")


@leak(NAMES, is_room=True)
def surname_as_a_rule(scene: Scene) -> str:
    return set_column(scene, "rule_id", scene.people.surname.lower(), "evidence.parquet")


@leak(NAMES, is_room=True)
def surname_as_a_reason_for_another_section(scene: Scene) -> str:
    return set_column(scene, "fallback", scene.people.surname.lower(), "sections.parquet")


@leak(NAMES, is_room=True)
def surname_as_a_labeler(scene: Scene) -> str:
    return set_column(scene, "labeler", f"{scene.people.surname.lower()} 0.1.0", "images.parquet")


@leak(NAMES, is_room=True)
def accented_surname_in_latin_1_in_a_string_column(scene: Scene) -> str:
    coded = pa.array([scene.people.accented["last"].encode("latin-1")])
    return add_column(scene, coded.view(pa.string()))


@leak(NAMES)
def accented_surname_in_latin_1(scene: Scene) -> str:
    return scene.write("LICENSE.txt", scene.people.accented["last"].encode("latin-1"))


@leak(NAMES, is_room=True)
def accented_surname_in_utf_8_beside_a_byte_of_latin_1(scene: Scene) -> str:
    return scene.write("LICENSE.txt", f"{scene.people.accented['last']}\n".encode() + "café\n".encode("latin-1"))


@leak(NAMES, is_room=True)
def surname_in_ideographs_in_shift_jis(scene: Scene) -> str:
    return scene.write("LICENSE.txt", " ".join(scene.people.kanji).encode("shift_jis"))


@leak(NAMES, is_room=True)
def accented_surname_in_lines_of_json(scene: Scene) -> str:
    return scene.write("notes.json", f"{json.dumps({'x': scene.people.accented['last']})}\n{{}}\n".encode())


@leak(NAMES)
def accented_surname_in_composing_characters_as_a_file_name(scene: Scene) -> str:
    scene.write(f"{unicodedata.normalize('NFD', scene.people.accented['last'])}.txt", b"x")
    return FILE_NAME


@leak(NAMES | IDS, is_room=True)
def file_name_in_latin_1(scene: Scene) -> str:
    """As a tar of an old system unpacks: the name is no UTF-8, and it holds an id."""
    coded = f"{scene.people.accented['last']}_{scene.people.mrn}.txt".encode("latin-1")
    Path(os.fsdecode(os.fsencode(scene.root) + b"/" + coded)).write_bytes(b"x")
    return FILE_NAME


@leak(IDS)
def patient_id_as_a_subject_id(scene: Scene) -> str:
    return set_column(scene, "subject_id", scene.people.mrn, "images.parquet")


@leak(DATES | IDS, is_room=True)
def birth_date_as_a_subject_id(scene: Scene) -> str:
    return edit_csv(scene, set_cell(1, 1, f"{_born(scene.people):%Y%m%d}"))


@leak(IDS, is_room=True)
def patient_id_in_the_form_of_an_image_id(scene: Scene) -> str:
    padded = scene.people.mrn.zfill(40)
    made = "-".join(padded[at : at + 8] for at in range(0, 40, 8))
    return set_column(scene, "duplicate_of", made, "images.parquet")


@leak(IDS, is_room=True)
def patient_id_in_the_form_of_a_digest(scene: Scene) -> str:
    return edit_json(scene, lambda content: content.update(config_digest=scene.people.mrn.zfill(64)))


@leak(UIDS | IDS)
def study_uid_in_a_parquet_file(scene: Scene) -> str:
    return set_column(scene, "duplicate_of", scene.people.study["study"], "images.parquet")


@leak(UIDS | IDS)
def sop_instance_uid_in_a_csv_file(scene: Scene) -> str:
    return edit_csv(scene, set_cell(1, 0, scene.people.image["sop"]))


@leak(UIDS, is_room=True)
def study_uid_of_the_source_in_a_dicom_file(scene: Scene) -> str:
    header = clean_dicom(scene)
    header.StudyInstanceUID = scene.people.study["study"]
    return drop_dicom(scene, header)


@leak(UIDS | IDS)
def study_uid_as_a_folder(scene: Scene) -> str:
    scene.write(f"files/{scene.people.study['study']}/x.txt", b"x")
    return FILE_NAME


@leak(IDENTIFYING, is_room=True)
def file_of_the_source(scene: Scene) -> str:
    source = scene.people.hospital.export / scene.people.image["path"]
    return scene.write("files/IM00001", source.read_bytes())


@leak(DATES)
def study_date_as_a_date_of_parquet(scene: Scene) -> str:
    return add_column(scene, pa.array([_day(scene.people)]))


@leak(DATES)
def study_date_as_a_time_stamp_of_parquet(scene: Scene) -> str:
    at = dt.datetime.fromisoformat(scene.people.study["datetime"]).replace(tzinfo=dt.UTC)
    return add_column(scene, pa.array([at], pa.timestamp("ms", "UTC")))


@leak(DATES)
def study_date_as_a_whole_number_of_parquet(scene: Scene) -> str:
    return add_column(scene, pa.array([int(f"{_day(scene.people):%Y%m%d}")]))


@leak(DATES, is_room=True)
def study_date_as_seconds_since_1970(scene: Scene) -> str:
    at = dt.datetime.fromisoformat(scene.people.study["datetime"]).replace(tzinfo=dt.UTC)
    return add_column(scene, pa.array([int(at.timestamp())]))


@leak(DATES)
def study_date_not_shifted_in_the_metadata(scene: Scene) -> str:
    return edit_csv(scene, set_cell(1, 7, f"{_day(scene.people):%Y%m%d}"))


@leak(DATES, is_room=True)
def study_date_as_the_time_of_a_file(scene: Scene) -> str:
    at = dt.datetime.fromisoformat(scene.people.study["datetime"]).timestamp()
    os.utime(scene.root / "README.md", (at, at))
    return "README.md"


@leak(ANYTHING, is_room=True)
def age_of_95(scene: Scene) -> str:
    path = scene.root / "images.parquet"
    pl.read_parquet(path).with_columns(age_years=pl.lit(95, pl.Int64)).write_parquet(path)
    return path.name


@leak(ANYTHING, is_room=True)
def picture_of_the_original_with_its_burned_in_text(scene: Scene) -> str:
    """The source as the recipe renders it, under the name of the published picture, with digests to match."""
    ledger = read_table(PSEUDONYMS, Workspace(scene.build.workspace).catalog_table(PSEUDONYMS))
    issued = dict(ledger.filter(kind="instance").select("original", "pseudonym").iter_rows())
    sources = {row["sop"]: row["path"] for row in scene.people.rows("images")}
    for sop in scene.people.burned:
        for published in scene.root.glob(f"files/*/*/*/{issued.get(sop, 'none')}.jpg"):
            picture = convert_image(scene.people.hospital.export / sources[sop]).jpeg
            assert picture != published.read_bytes()
            return _exchange(scene, published, picture)
    raise LookupError


@leak(ANYTHING, is_room=True)
def picture_of_another_patient(scene: Scene) -> str:
    published = min(scene.root.glob("files/*/*/*/*.jpg"))
    others = (path for path in scene.build.public.glob("files/*/*/*/*.jpg") if path.stem != published.stem)
    # Of the public tree: a withheld one may hold a single image.
    return _exchange(scene, published, max(others).read_bytes())


def _exchange(scene: Scene, published: Path, picture: bytes) -> str:
    table, sha256 = scene.root / "images.parquet", hashlib.sha256(picture).hexdigest()
    is_it = pl.col("dicom_id") == published.stem
    changed = pl.read_parquet(table).with_columns(sha256=pl.when(is_it).then(pl.lit(sha256)).otherwise("sha256"))
    changed.write_parquet(table)
    return scene.write(scene.told(published), picture)


@leak(NAMES)
def name_in_a_comment_of_the_digests(scene: Scene) -> str:
    renew_sums(scene.root)
    return scene.append(SUMS, f"# by {scene.people.surname}\n")


LEAKS["name in a comment of the digests"] = replace(LEAKS["name in a comment of the digests"], keeps_sums=True)


@leak(SUMMED, keeps_sums=True)
def digest_of_another_content(scene: Scene) -> str:
    scene.append("LICENSE.txt", "\n")
    return SUMS


@leak(SUMMED, keeps_sums=True)
def file_without_a_digest(scene: Scene) -> str:
    path = scene.root / SUMS
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "LICENSE" not in line))
    return SUMS


@leak(SUMMED, keeps_sums=True)
def digest_of_a_file_that_is_gone(scene: Scene) -> str:
    (scene.root / "LICENSE.txt").unlink()
    return SUMS


@leak(SUMMED, keeps_sums=True)
def release_without_digests(scene: Scene) -> str:
    (scene.root / SUMS).unlink()
    return SUMS


# ---------------------------------------------------------------- running


@dataclass(frozen=True, slots=True)
class Told:
    """How `cxr verify` ended and what it printed: kinds by file."""

    code: int
    kinds: Mapping[str, frozenset[str]]
    printed: str = field(repr=False)

    def of(self, file: str) -> frozenset[str]:
        """Kinds told of a file; of all files whose names identify where that is asked for."""
        if file == FILE_NAME:
            return frozenset().union(*(kinds for name, kinds in self.kinds.items() if name.startswith(FILE_NAME)))
        return self.kinds.get(file, frozenset())

    @property
    def all(self) -> frozenset[str]:
        return frozenset().union(*self.kinds.values())


def verify(scene: Scene, *options: str) -> Told:
    """`cxr verify` in this process, with everything that the command line adds."""
    out, err = io.StringIO(), io.StringIO()
    command = typer.main.get_command(app)
    arguments = ["verify", str(scene.root), "--workspace", str(scene.build.workspace), *options]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(lambda: command.main(args=arguments, standalone_mode=False))
    return _told(code, out.getvalue(), err.getvalue())


def _told(code: int, out: str, err: str) -> Told:
    kinds: dict[str, set[str]] = {}
    for line in out.splitlines()[:-1]:
        file, _, finding = line.rpartition(": ")
        kinds.setdefault(file, set()).add(finding.split()[0])
    return Told(code, {file: frozenset(found) for file, found in kinds.items()}, out + err)


def _printed_secrets(told: Told, people: People) -> list[str]:
    return [secret for secret in people.secrets if secret.lower() in told.printed.lower()]


@pytest.fixture(scope="session")
def people(hospital: Hospital) -> People:
    return People(hospital)


def _copied(tree: Path, folder: Path) -> Path:
    copy = shutil.copytree(tree, folder / tree.name)
    for path in copy.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return copy


@pytest.fixture
def public(base_build: Build, people: People, tmp_path: Path) -> Scene:
    return Scene(_copied(base_build.public, tmp_path), base_build, people)


@pytest.fixture
def withheld(base_build: Build, people: People, tmp_path: Path) -> Scene:
    return Scene(_copied(base_build.withheld, tmp_path), base_build, people)


def _assert_refused(scene: Scene, planted: Leak) -> None:
    file = planted.plant(scene)
    if not planted.keeps_sums:
        renew_sums(scene.root)
    told = verify(scene)
    wanted = told.of(file) if planted.is_room else told.of(file) & {kind.value for kind in planted.kinds}
    assert told.code in (0, 3), "the verifier fails where it should tell"
    assert wanted, f"told: {sorted(told.all)}"
    assert told.code == 3
    assert _printed_secrets(told, scene.people) == []


# ---------------------------------------------------------------- leaks are refused


# What no verifier that compares with the source finds without telling harmless releases too, and what is not worth its
# cost: docs/privacy-model.md lists it. Strict: one that is found one day leaves the list.
LIMITS = frozenset(
    {
        "patient id in compressed bytes in a cell of a Parquet file",
        "surname as a rule",
        "patient id in unused value of a dictionary in a parquet file",
        "patient id in gap before the footer of a parquet file",
        "written: accented surname decoded wrongly",
        "written: accented surname as in BibTeX",
        "written: surname in ideographs",
        "written: name within a sentence of ideographs",
        "patient id in ASCII behind a mark of UTF-16 as LICENSE.txt",
        "written: patient id glued to an accession",
        "written: patient id glued to a date",
        "written: MD5 of a patient id",
        "written: station name",
        "patient id in dicom file without a prefix under another suffix",
        "written: street of the institution",
        "written: date with a year of two digits",
        "surname in ideographs in shift jis",
        "written: street with its kind written out",
        "written: state and ZIP code",
        "patient id in the form of an image id",
        "patient id in the form of a digest",
        "written: institution as a domain",
        "study date as seconds since 1970",
        "study date as the time of a file",
    }
)
_KNOWN_LIMIT = pytest.mark.xfail(reason="a known limit of the verifier", strict=True)


@pytest.mark.parametrize("name", [pytest.param(n, marks=_KNOWN_LIMIT) if n in LIMITS else n for n in LEAKS])
def test_a_planted_leak_is_told_with_its_file(public: Scene, name: str) -> None:
    _assert_refused(public, LEAKS[name])


WITHHELD = (
    "patient id in cell of a CSV file",
    "surname in text in a cell of a Parquet file",
    "surname in value of run.json",
    "patient id in line in README.md",
    "patient id in EXIF of a JPEG",
    "patient id in bytes after the end of a jpeg",
    "surname in name of a file",
    "written: ISO birth date",
    "written: study UID",
    "study date not shifted in the metadata",
    "picture of another patient",
    "release without digests",
)


@pytest.mark.parametrize("name", WITHHELD)
def test_a_leak_in_the_withheld_tree_is_told_with_its_file(withheld: Scene, name: str) -> None:
    _assert_refused(withheld, LEAKS[name])


def test_the_name_of_the_release_itself_is_searched(public: Scene) -> None:
    """`[release] name` is a user's word; the folder goes out with the files."""
    name = public.people.plain["hosp"].lower().replace(" ", "-")
    told = verify(replace(public, root=public.root.rename(public.root.with_name(f"{name}-1.0.0"))))
    assert told.code == 3


# ---------------------------------------------------------------- in a process of its own


def _in_process(scene: Scene) -> Told:
    cxr = Path(sys.executable).with_name("cxr")
    arguments = [str(cxr), "verify", str(scene.root), "--workspace", str(scene.build.workspace)]
    result = run_process(arguments, scene.build.environment())
    return _told(result.code, result.out, result.err)


def _name_in_a_date(scene: Scene) -> str:
    """pydicom warns of an invalid date, and quotes it."""
    told = drop_dicom(scene, clean_dicom(scene))
    day = f"{clean_dicom(scene).StudyDate}".encode()
    return scene.write(told, (scene.root / told).read_bytes().replace(day, scene.people.surname.encode()[:8].ljust(8)))


@pytest.mark.parametrize(
    "plant",
    [
        CARRIERS["name of a file"].put,
        CARRIERS["value of run.json"].put,
        lambda scene, _: _name_in_a_date(scene),
    ],
    ids=["file name", "JSON value", "date of a DICOM file"],
)
def test_the_command_exits_with_3_and_repeats_nothing(public: Scene, plant: Callable[[Scene, str], str]) -> None:
    file = plant(public, public.people.surname)
    renew_sums(public.root)
    told = _in_process(public)
    assert told.code == 3
    assert told.of(file) & {kind.value for kind in NAMES}
    assert "gate privacy" in told.printed
    assert _printed_secrets(told, public.people) == []


# ---------------------------------------------------------------- what is clean stays clean


def test_an_untouched_public_tree_is_clean(public: Scene) -> None:
    told = verify(public)
    assert (told.code, told.kinds) == (0, {})


def test_an_untouched_withheld_tree_is_clean(withheld: Scene) -> None:
    told = verify(withheld)
    assert (told.code, told.kinds) == (0, {})


INNOCUOUS: dict[str, Callable[[Scene], object]] = {}


def innocuous(change: Callable[[Scene], object]) -> Callable[[Scene], object]:
    INNOCUOUS[change.__name__.replace("_", " ")] = change
    return change


@innocuous
def prose_with_words_that_begin_or_end_like_names(scene: Scene) -> None:
    words = "In truth, living beings march through the harbour; calibrated films show millstones, hills and beacons."
    places = (
        "A university hospital, a community hospital or a medical center on a drive or road, with an emergency room."
    )
    scene.append("README.md", f"\n{words}\n{places}\n")


@innocuous
def counts_and_shares(scene: Scene) -> None:
    scene.append("datasheet.md", "\nOf 377,110 images in 227,835 studies, 66.9 % of 64,588 subjects; p < 0.001.\n")
    scene.append("datasheet.md", "\n| frontal | 250044 | 66.3 % |\n")


@innocuous
def dates_after_2100(scene: Scene) -> None:
    days = "2133-01-21, 21330121, 01/21/2133, January 21, 2133, 21 January 2133, 21.01.2133, 21330121160000"
    scene.append("CHANGELOG.md", f"\nStudies from {days}.\n")


@innocuous
def versions_and_addresses_of_programs(scene: Scene) -> None:
    versions = "opencv 5.0.0.93, numpy 2.4.6, HL7 2.5.1, DICOM PS3.15 2026c, rules 1.2.0.4, doi:10.13026/8360-t248"
    scene.append("README.md", f"\nMade with {versions}; see https://physionet.org/content/mimic-cxr-jpg/2.1.0/\n")


@innocuous
def registered_uids(scene: Scene) -> None:
    scene.append("README.md", "\nCR is 1.2.840.10008.5.1.4.1.1.1; explicit little endian is 1.2.840.10008.1.2.1.\n")


@innocuous
def author_and_day_of_a_citation(scene: Scene) -> None:
    more = "date-released: 2026-11-25\nkeywords: [chest, radiograph]\ndoi: 10.13026/abcd-1234\n"
    scene.append("CITATION.cff", more)


@innocuous
def run_json_written_another_way(scene: Scene) -> None:
    content = json.loads((scene.root / "run.json").read_text())
    scene.write("run.json", json.dumps(content, sort_keys=True, separators=(",", ":")).encode("utf-8-sig"))


@innocuous
def readme_with_carriage_returns(scene: Scene) -> None:
    path = scene.root / "README.md"
    scene.write(path.name, path.read_bytes().replace(b"\n", b"\r\n"))


@innocuous
def csv_files_compressed_anew(scene: Scene) -> None:
    for path in scene.root.glob("*.csv.gz"):
        scene.write(path.name, gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=0))


@innocuous
def tables_written_by_another_program(scene: Scene) -> None:
    for path in scene.root.glob("*.parquet"):
        write_parquet(scene, pl.read_parquet(path).to_arrow(), path.name, compression="zstd", row_group_size=5)


@innocuous
def ids_and_digests_by_the_thousand(scene: Scene) -> None:
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(2_000)]
    made = ["-".join(digest[at : at + 8] for at in range(0, 40, 8)) for digest in digests]
    pl.DataFrame({"dicom_id": made, "sha256": digests}).write_parquet(scene.root / "images-2.parquet")


@innocuous
def file_from_behind_the_airlock(scene: Scene) -> None:
    drop_dicom(scene, clean_dicom(scene))


@innocuous
def times_of_day(scene: Scene) -> None:
    def edit(cells: list[list[str]]) -> None:
        for hour, row in enumerate(cells[1:]):
            row[8] = f"{hour:02d}0000.000"

    edit_csv(scene, edit)


@pytest.mark.parametrize("name", INNOCUOUS)
def test_a_harmless_change_names_nobody(public: Scene, name: str) -> None:
    INNOCUOUS[name](public)
    renew_sums(public.root)
    assert {kind for kind in verify(public).all if kind in IDENTIFYING} == set()


@pytest.mark.parametrize("name", ["prose with words that begin or end like names", "dates after 2100"])
def test_a_harmless_change_is_told_by_its_digest_alone(public: Scene, name: str) -> None:
    INNOCUOUS[name](public)
    told = verify(public)
    assert (told.code, told.kinds) == (3, {SUMS: SUMMED})


def test_ordinary_words_that_are_names_here_pass_when_signed_off(public: Scene, tmp_path: Path) -> None:
    """One patient is called Young, a mother Heart, a technologist Nightingale."""
    public.append("README.md", "\nA young heart beats beside a nightingale.\n")
    renew_sums(public.root)
    signed = tmp_path / "signed.txt"
    signed.write_text("young\nheart\nnightingale\n")
    assert verify(public).all == {Finding.NAME_WORD, Finding.NAME_PART}
    assert verify(public, "--signoff", str(signed)).all == set()
