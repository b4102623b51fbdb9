"""What the airlock is asked to do: one request a study, with all that identifies its patient, inside the vault.

Takes the catalog, the links and the pseudonyms, gives the REQUESTS table, the site dictionary and the study rows that
later stages need (pseudonyms only). Doing the work is left to `study`.
"""

import datetime as dt
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from cxr_core.deidentify.header.dates import DateShift
from cxr_core.tables.catalogue import REQUESTS, STUDY_ROWS
from cxr_core.vault.dictionary import (
    IdentityFacts,
    PatientDictionary,
    SiteDictionary,
    build_dictionaries,
    fold_name,
)
from cxr_core.vault.key import VaultKey
from cxr_core.vault.ledger import Original, published_uid
from cxr_core.vocabulary import IdKind, StudyFlag

_SAFE_AGE = 89  # 45 CFR 164.514(b)(2)(i)(C): all ages over 89


@dataclass(frozen=True, slots=True)
class Linked:
    """What the link stage decided, with the tables it decided on."""

    instances: pl.DataFrame = field(repr=False)
    reports: pl.DataFrame = field(repr=False)
    studies: pl.DataFrame = field(repr=False)
    study_instances: pl.DataFrame = field(repr=False)


@dataclass(frozen=True, slots=True)
class AirlockInput:
    """Everything that stage 4 reads, and the rows that the stages behind it need."""

    requests: pl.DataFrame = field(repr=False)
    study_rows: pl.DataFrame = field(repr=False)
    site: SiteDictionary = field(repr=False)


def originals(linked: Linked) -> Iterator[Original]:
    """Everything of the dataset that needs a pseudonym: patients, studies, series and instances."""
    first = linked.studies.group_by("issuer", "patient_id").agg(pl.col("exam_at").min().dt.date().alias("first"))
    for row in first.iter_rows(named=True):
        yield Original(IdKind.PATIENT, row["patient_id"], row["issuer"], row["first"])
    for uid in linked.studies["study_instance_uid"]:
        yield Original(IdKind.STUDY, uid)
    series = linked.instances.join(linked.study_instances, on="path", how="semi")["series_instance_uid"]
    for uid in series.drop_nulls().unique():
        yield Original(IdKind.SERIES, uid)
    for uid in linked.study_instances["sop_instance_uid"].unique():
        yield Original(IdKind.INSTANCE, uid)


def build_airlock_input(
    linked: Linked, ledger: pl.DataFrame, key: VaultKey, *, tells_weeks: bool = False
) -> AirlockInput:
    """Gather one request a study.

    Parameters
    ----------
    linked : Linked
        Studies of the dataset and the tables behind them.
    ledger : PSEUDONYMS frame
        Must hold everything that `originals` names.
    key : VaultKey
        For the published UIDs and the keyed fingerprints.
    tells_weeks : bool
        The study rows tell dates and intervals in weeks, as the headers do (profile `strict`).
    """
    dictionaries, site = build_dictionaries(_identity_facts(linked))
    ids = _Pseudonyms.of(ledger)
    ages = _ages(linked)
    oldest = {patient: max(values.values()) for patient, values in ages.items() if values}
    files = _files_by_study(linked)
    reports = {row["report_key"]: row["text"] for row in linked.reports.iter_rows(named=True)}
    rows = []
    for study in linked.studies.iter_rows(named=True):
        patient = (study["issuer"], study["patient_id"])
        uid = study["study_instance_uid"]
        age = ages.get(patient, {}).get(uid)
        hides_age = oldest.get(patient, 0) > _SAFE_AGE and (age is None or age <= _SAFE_AGE)
        row = _request(study, files[uid], ids, key) | _dictionary_columns(dictionaries[patient])
        row |= {"hide_age": hides_age, "report_text": reports.get(study["report_key"])}
        rows.append(row | {"source_fingerprint": _fingerprint(row, files[uid], site, key)})
    return AirlockInput(REQUESTS.frame(rows).sort("study_id"), _study_rows(linked, ids, tells_weeks=tells_weeks), site)


@dataclass(frozen=True, slots=True)
class _File:
    path: str = field(repr=False)
    sop_instance_uid: str = field(repr=False)
    series_instance_uid: str | None = field(repr=False)
    fingerprint: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Pseudonyms:
    """The ledger as look-ups."""

    by_original: Mapping[tuple[str, str, str], str] = field(repr=False)
    shifts: Mapping[tuple[str, str], int] = field(repr=False)

    @classmethod
    def of(cls, ledger: pl.DataFrame) -> "_Pseudonyms":
        rows = list(ledger.iter_rows(named=True))
        return cls(
            {(row["kind"], row["issuer"], row["original"]): row["pseudonym"] for row in rows},
            {
                (row["issuer"], row["original"]): row["date_shift_days"]
                for row in rows
                if row["kind"] == IdKind.PATIENT.value
            },
        )

    def get(self, kind: IdKind, original: str, issuer: str = "") -> str:
        return self.by_original[kind.value, issuer, original]


def _identity_facts(linked: Linked) -> Iterator[IdentityFacts]:
    """Facts of every header and report; those of no study of the dataset still tell who works at the site."""
    patients = {
        row["study_instance_uid"]: (row["issuer"], row["patient_id"]) for row in linked.studies.iter_rows(named=True)
    }
    by_report = {
        row["report_key"]: (row["issuer"], row["patient_id"])
        for row in linked.studies.filter(pl.col("report_key").is_not_null()).iter_rows(named=True)
    }
    for row in linked.instances.iter_rows(named=True):
        yield _facts(row, patients.get(row["study_instance_uid"] or "", ("", "")))
    for row in linked.reports.iter_rows(named=True):
        yield _facts(row, by_report.get(row["report_key"], ("", "")))


def _facts(row: Mapping[str, object], patient: tuple[str, str]) -> IdentityFacts:
    """One row's facts. A row of no patient of the dataset keeps only what it says of the site."""
    columns = {name: _texts(row[name]) for name in ("staff_names", "places")}
    if patient == ("", ""):
        return IdentityFacts(patient, staff_names=columns["staff_names"], places=columns["places"])
    found = row["patient_id"]
    born = row["birth_date"]
    return IdentityFacts(
        patient,
        names=_texts(row["person_names"]),
        staff_names=columns["staff_names"],
        identifiers=(*_texts(row["identifiers"]), *((str(found),) if found else ())),
        birth_dates=(born,) if isinstance(born, dt.date) else (),
        phones=_texts(row["phones"]),
        addresses=_texts(row["addresses"]),
        places=columns["places"],
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _files_by_study(linked: Linked) -> dict[str, list[_File]]:
    series = dict(linked.instances.select("path", "series_instance_uid").iter_rows())
    files: dict[str, list[_File]] = {}
    for row in linked.study_instances.sort("sop_instance_uid").iter_rows(named=True):
        item = _File(row["path"], row["sop_instance_uid"], series[row["path"]], row["fingerprint"])
        files.setdefault(row["study_instance_uid"], []).append(item)
    return files


def _request(study: Mapping[str, str], files: list[_File], ids: _Pseudonyms, key: VaultKey) -> dict[str, object]:
    uid = study["study_instance_uid"]
    patient = (study["issuer"], study["patient_id"])
    study_id = ids.get(IdKind.STUDY, uid)
    dicom_ids = [ids.get(IdKind.INSTANCE, item.sop_instance_uid) for item in files]
    series = sorted({item.series_instance_uid for item in files if item.series_instance_uid})
    published = [
        published_uid(IdKind.STUDY, study_id, key),
        *(ids.get(IdKind.SERIES, original) for original in series),
        *(published_uid(IdKind.INSTANCE, dicom_id, key) for dicom_id in dicom_ids),
    ]
    return {
        "study_id": study_id,
        "subject_id": ids.get(IdKind.PATIENT, patient[1], patient[0]),
        "date_shift_days": ids.shifts[patient],
        "paths": [item.path for item in files],
        "dicom_ids": dicom_ids,
        "original_uids": [uid, *series, *(item.sop_instance_uid for item in files)],
        "published_uids": published,
    }


def _dictionary_columns(dictionary: PatientDictionary) -> dict[str, object]:
    return {
        "names": sorted(dictionary.names),
        "identifiers": sorted(dictionary.identifiers),
        "birth_dates": sorted(day.isoformat() for day in dictionary.birth_dates),
        "phones": sorted(dictionary.phones),
        "address_parts": sorted(dictionary.address_parts),
    }


def _fingerprint(row: Mapping[str, object], files: list[_File], site: SiteDictionary, key: VaultKey) -> str:
    """Keyed, because it leaves the vault; over the file's contents rather than their places: moving changes nothing."""
    content = {name: value for name, value in row.items() if name != "paths"}
    content["files"] = [item.fingerprint for item in files]
    material = json.dumps(content, sort_keys=True).encode() + site_words_in(str(row["report_text"] or ""), site)
    return hmac.new(key.subkey("fingerprint"), material, "sha256").hexdigest()


def site_words_in(text: str, site: SiteDictionary) -> bytes:
    """Canonical bytes of the site's names and places that stand in a report: only these can change what is redacted.

    A new name of staff makes the reports stale in which it stands, and no other. Words count in every way in which
    neighbours can be written together ("Le Blanc", "LeBlanc"), so that rather too many than too few are found.
    """
    words = re.findall(r"[^\W_]+", fold_name(text))
    written = {"".join(words[start : start + size]) for size in (1, 2, 3) for start in range(len(words))}
    places = {place for place in site.places if written.issuperset(place.split())}
    return SiteDictionary(names=site.names & written, places=frozenset(places)).digest_material()


def _ages(linked: Linked) -> dict[tuple[str, str], dict[str, int]]:
    """Age in years at each study of each patient, where a birth date is known."""
    births: dict[str, dt.date] = {}
    # Of two birth dates the earlier, as the cohort takes it: which file stands first must decide nothing.
    for row in linked.instances.filter(pl.col("birth_date").is_not_null()).sort("birth_date").iter_rows(named=True):
        births.setdefault(row["study_instance_uid"] or "", row["birth_date"])
    by_report = dict(linked.reports.select("report_key", "birth_date").iter_rows())
    ages: dict[tuple[str, str], dict[str, int]] = {}
    for study in linked.studies.iter_rows(named=True):
        uid, exam = study["study_instance_uid"], study["exam_at"]
        born = births.get(uid) or by_report.get(study["report_key"])
        if born is not None and exam is not None:
            ages.setdefault((study["issuer"], study["patient_id"]), {})[uid] = age_in_years(born, exam.date())
    return ages


def age_in_years(born: dt.date, day: dt.date) -> int:
    """Whole years between two days."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _study_rows(linked: Linked, ids: _Pseudonyms, *, tells_weeks: bool) -> pl.DataFrame:
    """Facts of each study under pseudonyms, in the order of the subject's studies."""
    ordered = linked.studies.sort("issuer", "patient_id", "exam_at", "study_instance_uid", nulls_last=True)
    reports = dict(linked.reports.select("report_key", "has_addendum").iter_rows())
    rows: list[dict[str, object]] = []
    subject, first, prior, order = "", None, None, 0
    for study in ordered.iter_rows(named=True):
        patient = (study["issuer"], study["patient_id"])
        mine = ids.get(IdKind.PATIENT, patient[1], patient[0])
        shift = DateShift(ids.shifts[patient], in_weeks=tells_weeks)
        exam = shift.apply(study["exam_at"].date()) if study["exam_at"] else None
        if mine != subject:
            subject, first, prior, order = mine, exam, None, 0
        order += 1
        flags = set(study["flags"])
        study_id = ids.get(IdKind.STUDY, study["study_instance_uid"])
        rows.append(
            {
                "study_id": study_id,
                "subject_id": subject,
                "study_date": exam,
                "study_order": order,
                "days_since_first": (exam - first).days if exam and first else None,
                "prior_study_id": prior,
                "link_rule": study["link_rule"],
                "has_report": study["report_key"] is not None,
                "has_addendum": bool(reports.get(study["report_key"], False)),
                "shared_report": StudyFlag.SHARED_REPORT in flags,
                "date_mismatch": StudyFlag.DATE_MISMATCH in flags,
                "encounter_group": study["encounter_group"],
            }
        )
        prior = study_id
    return STUDY_ROWS.frame(rows)
