"""Tables of the vault, the identified zone: what the sources hold, which ids stand for whom, what was dropped.

Gives contracts; nothing behind the airlock reads a row of these. The list of all tables is `catalogue`.
"""

from cxr_core.tables.contract import Privacy, boolean, contract, enum, integer, text, texts, timestamp
from cxr_core.tables.contract import date as day
from cxr_core.tables.ids import STUDY_ID, SUBJECT_ID
from cxr_core.vocabulary import FetchStatus, IdKind, ItemKind, LinkRule, Reason, ReportStatus, Stage, WithdrawalReason

_PHI = Privacy.PHI

INSTANCES = contract(
    "instances",
    1,
    "One row per file found in a source: where it lies and the tags that cohort, linkage and views need.",
    {
        "path": text("Path below the source folder, with forward slashes", _PHI, key=True),
        "size_bytes": integer("Size of the file", _PHI, minimum=0, unit="byte"),
        "mtime_ns": integer("Modification time of the file", _PHI, unit="ns since 1970"),
        "fingerprint": text("SHA-256 of the file's content, hexadecimal", _PHI, pattern=r"^[0-9a-f]{64}$"),
        "reason": enum("Why the file is no usable instance; null where it is", _PHI, Reason, nullable=True),
        "sop_instance_uid": text("SOP instance", _PHI, nullable=True, source="(0008,0018)"),
        "sop_class_uid": text("Kind of object", _PHI, nullable=True, source="(0008,0016)"),
        "study_instance_uid": text("Study", _PHI, nullable=True, source="(0020,000D)"),
        "series_instance_uid": text("Series", _PHI, nullable=True, source="(0020,000E)"),
        "issuer": text("Issuer of the patient id; empty where the header names none", _PHI, source="(0010,0021)"),
        "patient_id": text("Patient id as found, before merges", _PHI, nullable=True, source="(0010,0020)"),
        "accession_number": text("Accession number as found", _PHI, nullable=True, source="(0008,0050)"),
        "modality": text("Modality", _PHI, nullable=True, source="(0008,0060)"),
        "exam_at": timestamp("Study date and time; time 00:00 where absent", _PHI, nullable=True, source="(0008,0020)"),
        "birth_date": day("Birth date", _PHI, nullable=True, source="(0010,0030)"),
        "body_part": text("Body part examined", _PHI, nullable=True, source="(0018,0015)"),
        "description": text("Study, series, procedure and protocol descriptions, joined by ' | '", _PHI),
        "content_at": timestamp("Instance creation or content time, newest header wins", _PHI, nullable=True),
        "presentation_intent": text("FOR PRESENTATION or FOR PROCESSING", _PHI, nullable=True, source="(0008,0068)"),
        "rejected_uids": texts("SOP instances that this rejection note (key object selection) names", _PHI),
        "person_names": texts("Names of the patient and relatives, anywhere in the header", _PHI),
        "staff_names": texts("Names of physicians and operators, anywhere in the header", _PHI),
        "identifiers": texts("Ids, accession numbers and the like, anywhere in the header", _PHI),
        "phones": texts("Telephone numbers", _PHI),
        "addresses": texts("Addresses of the patient", _PHI),
        "places": texts("Institutions, departments, stations", _PHI),
    },
)

ACQUIRED = contract(
    "acquired",
    1,
    "One row per study that a PACS named: what was received of it. The files themselves lie in `received/`.",
    {
        "study_instance_uid": text("Study", _PHI, key=True, source="(0020,000D)"),
        "day": day("Study date under which the PACS named it", _PHI),
        "described": text("SHA-256 over what the PACS said of the study: another one, and all is fetched again", _PHI),
        "hint": integer("NumberOfStudyRelatedInstances, where the PACS tells it", _PHI, nullable=True, minimum=0),
        "expected": integer("Instances that the PACS listed; null where it lists none", _PHI, nullable=True, minimum=0),
        "received": integer("Instances in the vault", _PHI, minimum=0),
        "missing_uids": texts("Listed instances that did not come", _PHI),
        "status": enum("How the last try ended", _PHI, FetchStatus),
        "attempts": integer("Tries in the last run that asked for it", _PHI, minimum=0),
        "asked_at": timestamp("When it was last asked for, UTC", _PHI),
    },
)

REPORTS = contract(
    "reports",
    1,
    "One row per report (or version of a report) found in a source.",
    {
        "report_key": text("Source file and position within it", _PHI, key=True),
        "report_id": text("Id of the report in its source", _PHI),
        "reason": enum("Why the report cannot be used; null where it can", _PHI, Reason, nullable=True),
        "accession_numbers": texts("Accession numbers the report names, the most trusted first", _PHI),
        "study_instance_uid": text("Study UID the report names", _PHI, nullable=True),
        "issuer": text("Issuer of the patient id; empty where the source names none", _PHI),
        "patient_id": text("Patient id as found, before merges", _PHI, nullable=True),
        "birth_date": day("Birth date", _PHI, nullable=True),
        "exam_at": timestamp("Time of the exam", _PHI, nullable=True),
        "issued_at": timestamp("Time of the report's last change", _PHI, nullable=True),
        "status": enum("Status of the report", _PHI, ReportStatus),
        "exam_description": text("Exam code and description", _PHI),
        "text": text("The report as found, lines joined by newlines", _PHI),
        "has_addendum": boolean("An addendum stands in the report", _PHI),
        "person_names": texts("Names of the patient and relatives", _PHI),
        "staff_names": texts("Names of physicians and other staff", _PHI),
        "identifiers": texts("Ids, accession and visit numbers", _PHI),
        "phones": texts("Telephone numbers", _PHI),
        "addresses": texts("Addresses of the patient", _PHI),
        "places": texts("Institutions, wards, towns", _PHI),
    },
)

ENCOUNTERS = contract(
    "encounters",
    1,
    "Hospital encounters from the RIS side table, for the cohort.",
    {
        "visit": text("Visit number", _PHI, key=True),
        "issuer": text("Issuer of the patient id; empty where the source names none", _PHI),
        "patient_id": text("Patient id, before merges", _PHI),
        "patient_class": text("Patient class, E for emergency", _PHI, source="PV1-2"),
        "arrived_at": timestamp("Arrival", _PHI),
        "departed_at": timestamp("Departure", _PHI, nullable=True),
    },
)

MERGES = contract(
    "merges",
    2,
    "Patient ids that were merged into another one.",
    {
        "old_issuer": text("Issuer of the old id; empty where the file names none", _PHI, key=True),
        "old_patient_id": text("Id that is no longer used", _PHI, key=True),
        "new_issuer": text("Issuer of the new id; empty where the file names none", _PHI),
        "new_patient_id": text("Id that survives", _PHI),
    },
)

STUDIES = contract(
    "studies",
    1,
    "One row per study of the dataset: its patient, its report and how they were tied.",
    {
        "study_instance_uid": text("Study", _PHI, key=True),
        "issuer": text("Issuer of the patient id", _PHI),
        "patient_id": text("Patient id after merges", _PHI),
        "exam_at": timestamp("Time of the exam", _PHI, nullable=True),
        "report_key": text("The linked report; null where the cohort does not require one", _PHI, nullable=True),
        "link_rule": enum("Rule that tied report and study", _PHI, LinkRule, nullable=True),
        "flags": texts("Study flags of the vocabulary", _PHI),
        "encounter_group": text("Class of the encounter around the study, e.g. E", _PHI, nullable=True),
    },
)

STUDY_INSTANCES = contract(
    "study_instances",
    1,
    "The files that go into each study of the dataset: one row per file.",
    {
        "path": text("Path below the source folder", _PHI, key=True),
        "study_instance_uid": text("Study", _PHI),
        "sop_instance_uid": text("SOP instance", _PHI),
        "fingerprint": text("SHA-256 of the file's content", _PHI),
    },
)

DEVICES = contract(
    "devices",
    1,
    "Maker and model of the device behind each file, read when images for a review are drawn; published nowhere.",
    {
        "path": text("Path below the source folder", _PHI, key=True),
        "fingerprint": text("SHA-256 of the file's content", _PHI),
        "maker": text("Manufacturer as found, spaces joined", _PHI, source="(0008,0070)"),
        "model": text("Model as found, spaces joined; empty where the header names none", _PHI, source="(0008,1090)"),
    },
)

DROPS = contract(
    "drops",
    1,
    "Everything catalogued that is neither published nor withheld, with its reason.",
    {
        "kind": enum("What was dropped", _PHI, ItemKind),
        "original": text("SOP instance UID, study UID, report key, or the path of a file", _PHI),
        "path": text("The file, where the row speaks of one", _PHI, nullable=True),
        "stage": enum("Stage that dropped it", _PHI, Stage),
        "reason": enum("Reason code", _PHI, Reason),
    },
)

ACCEPTED = contract(
    "accepted",
    1,
    "Quarantined items that a person accepted as dropped: they wait no longer and refuse no release.",
    {
        "kind": enum("What was accepted", _PHI, ItemKind, key=True),
        "original": text("As in drops", _PHI, key=True),
        "path": text("The file, where the row speaks of one; else empty", _PHI, key=True),
        "stage": enum("Stage that dropped it", _PHI, Stage, key=True),
        "reason": enum("Reason that was accepted; another one waits anew", _PHI, Reason, key=True),
        "who": text("Account that accepted it", _PHI),
        "why": text("Why, in the words of that person", _PHI),
        "accepted_at": timestamp("When, UTC", _PHI),
    },
)

PSEUDONYMS = contract(
    "pseudonyms",
    1,
    "The crosswalk: every id that was ever given. Rows are only ever added.",
    {
        "kind": enum("What the pseudonym stands for", _PHI, IdKind, key=True),
        "issuer": text("Issuer of the patient id; empty for studies and instances", _PHI, key=True),
        "original": text("Patient id, study UID or SOP instance UID", _PHI, key=True),
        "ordinal": integer("Place in the ledger, from 0, per kind", _PHI, minimum=0),
        "pseudonym": text("Published id", _PHI),
        "date_shift_days": integer(
            "Offset of every date of the patient; null otherwise", _PHI, nullable=True, unit="day"
        ),
    },
)

SUBJECT_IDS = contract(
    "subject_ids",
    1,
    "Patients whose subject id is no longer the one of the crosswalk, after merges and unmerges. Only ever added to.",
    {
        "issuer": text("Issuer of the patient id", _PHI, key=True),
        "original": text("Patient id", _PHI, key=True),
        "turn": integer("1 for the first change, 2 for the next", _PHI, key=True, minimum=1),
        "place": integer("Order of all changes, from 0", _PHI, minimum=0),
        "ordinal": integer("Place in the ledger of a new id; null where it is another patient's", _PHI, nullable=True),
        "pseudonym": text("Published id from then on", _PHI, pattern=SUBJECT_ID),
        "date_shift_days": integer("Offset of every date of the patient", _PHI, unit="day"),
    },
)

WITHDRAWALS = contract(
    "withdrawals",
    1,
    "Patients who were taken out for good; no build reads anything of them again. Only ever added to.",
    {
        "issuer": text("Issuer of the patient id; empty for all issuers", _PHI, key=True),
        "patient_id": text("Patient id", _PHI, key=True),
        "subject_id": text("Published id; null where there was none", _PHI, nullable=True, pattern=SUBJECT_ID),
        "reason": enum("Why", _PHI, WithdrawalReason),
        "who": text("Account that withdrew the patient", _PHI),
        "withdrawn_at": timestamp("When, UTC", _PHI),
    },
)

REQUESTS = contract(
    "requests",
    1,
    "Everything the airlock needs of one study: its files, its ids, its report, what identifies its patient.",
    {
        "study_id": text("Published id of the study", _PHI, key=True, pattern=STUDY_ID),
        "subject_id": text("Published id of the patient", _PHI, pattern=SUBJECT_ID),
        "date_shift_days": integer("Offset of every date of the patient", _PHI, unit="day"),
        "hide_age": boolean("The patient passes 89 later in the dataset: no age is written", _PHI),
        "paths": texts("Files of the study below the source folder", _PHI),
        "dicom_ids": texts("Published ids of the files, in the same order", _PHI),
        "original_uids": texts("Study, series and instance UIDs as found", _PHI),
        "published_uids": texts("Their published UIDs, in the same order", _PHI),
        "names": texts("Name components of the patient and relatives", _PHI),
        "identifiers": texts("Ids of the patient and the study", _PHI),
        "birth_dates": texts("Birth dates, ISO", _PHI),
        "phones": texts("Telephone numbers", _PHI),
        "address_parts": texts("Parts of addresses", _PHI),
        "report_text": text("The linked report", _PHI, nullable=True),
        "source_fingerprint": text("Keyed digest of all of this and of the files", _PHI, pattern=r"^[0-9a-f]{64}$"),
    },
)

SITE_WORDS = contract(
    "site_words",
    1,
    "What identifies the site whoever the patient is: names of its staff, its places.",
    {
        "kind": text("name or place", _PHI, key=True, pattern=r"^(name|place)$"),
        "word": text("Folded name component or place", _PHI, key=True),
    },
)
