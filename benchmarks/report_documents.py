"""Reports with known identifiers, for `report_text.py`: JSON lines of somebody else, or those of a demo hospital."""

import datetime as dt
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from cxr_core.vault.dictionary import IdentityFacts, PatientDictionary, SiteDictionary, build_dictionaries

_DIRECT = frozenset({"name_patient", "id", "phone", "email", "address", "date", "url"})


@dataclass(frozen=True, slots=True)
class Planted:
    """One identifier in a text."""

    start: int
    end: int
    kind: str
    is_direct: bool


@dataclass(frozen=True, slots=True)
class Document:
    """One report with its truth."""

    name: str
    template: str
    text: str = field(repr=False)
    patient: PatientDictionary = field(repr=False)
    site: SiteDictionary = field(repr=False)
    planted: tuple[Planted, ...] = field(repr=False)
    protected: tuple[tuple[int, int], ...] = field(repr=False)


def read_corpus(path: Path) -> Iterator[Document]:
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        patient, site = _dictionaries(row["facts"])
        yield Document(
            row["id"],
            row["template"],
            row["text"],
            patient,
            site,
            tuple(Planted(p["start"], p["end"], p["class"], p["direct"]) for p in row["phi"]),
            tuple((p["start"], p["end"]) for p in row["protected"]),
        )


def _dictionaries(facts: dict[str, Any]) -> tuple[PatientDictionary, SiteDictionary]:
    """What the RIS knows, as the vault would gather it."""
    born, address = facts.get("birth_date"), facts.get("address")
    identifiers = [facts.get("mrn"), facts.get("accession"), *(facts.get("other_ids") or ())]
    patient = ("", facts.get("mrn") or "")
    fact = IdentityFacts(
        patient=patient,
        names=tuple(name for name in (facts.get("patient_name"), *(facts.get("other_names") or ())) if name),
        staff_names=tuple(facts.get("staff_names") or ()),
        identifiers=tuple(value for value in identifiers if value),
        birth_dates=(dt.date.fromisoformat(born),) if born else (),
        phones=tuple(facts.get("phones") or ()),
        addresses=(address,) if address else (),
        places=tuple(facts.get("places") or ()),
    )
    patients, site = build_dictionaries([fact])
    return patients[patient], site


def demo_documents(seed: int, patients: int) -> Iterator[Document]:
    """Reports of a demo hospital, each with the facts of its own patient."""
    from cxr_core.demo import generate_hospital

    kinds = {"mrn": "id", "accession": "id", "birthdate": "date", "age": "age_over_89"}
    with tempfile.TemporaryDirectory() as folder:
        generate_hospital(Path(folder), patients=patients, seed=seed, side_px=300)
        tables = {
            name: pl.read_csv(Path(folder) / "truth" / f"{name}.csv", infer_schema=False)
            for name in ("patients", "reports", "report_phi")
        }
    people = {row["mrn"]: row for row in tables["patients"].iter_rows(named=True)}
    planted: dict[str, list[Planted]] = defaultdict(list)
    for row in tables["report_phi"].iter_rows(named=True):
        kind = kinds.get(row["category"], row["category"])
        kind = "name_other" if kind == "name" else kind
        is_direct = kind in _DIRECT
        planted[row["report_id"]].append(Planted(int(row["start"]), int(row["end"]), kind, is_direct))
    for row in tables["reports"].iter_rows(named=True):
        patient, site = _dictionaries(_facts(row, people.get(row["mrn"], {})))
        if row["text"].strip():
            yield Document(
                row["report_id"], row["style"], row["text"], patient, site, tuple(planted[row["report_id"]]), ()
            )


def _facts(report: dict[str, str], person: dict[str, str]) -> dict[str, Any]:
    born = re.sub(r"\D", "", person.get("born", ""))
    return {
        "patient_name": person.get("pn"),
        "mrn": report["mrn"],
        "accession": report["accession"],
        "other_ids": [person["ssn"]] if person else [],
        "birth_date": f"{born[:4]}-{born[4:6]}-{born[6:]}" if born else None,
        "phones": [person["phone"]] if person else [],
        "address": person.get("addr"),
    }


def hostile_texts(letters: int) -> dict[str, str]:
    """Texts that make a rule which looks ahead or back over and over cost its square."""
    pieces = {
        "digit groups": "12 ",
        "ages": "95 year old ",
        "titles": "Dr. Ross, ",
        "names": "Smith Jones ",
        "hospitals": "Long Meadow Hospital of ",
        "slashes": "1/",
        "dashes": "Ab-",
        "mail": "a@",
        "fields": "MRN: 1 ",
        "postcodes": "MA 02445 ",
        "blanks": " ",
        "line ends": "\n",
    }
    return {name: (piece * (letters // len(piece)))[: letters - 1] + "a" for name, piece in pieces.items()}
