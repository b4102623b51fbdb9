"""Decides what FHIR resources say of persons: names, ids, phones, addresses, of patients and of staff.

Takes resources as plain objects and gives strings in the spellings that the other sources use.
Which resource belongs to which report is left to `fhir`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cxr_core.intake.identity import address_towns

Body = Mapping[str, Any]
_TRUSTED_USES = ("official", "usual")
_MEDICAL_RECORD = "MR"


def objects(value: object) -> list[Body]:
    """The JSON objects of a value that is one, or a list of them."""
    if isinstance(value, dict):
        return [value]
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def string(body: Body, *path: str) -> str:
    """A string at a path of keys; empty where there is none."""
    found: object = body
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found.strip() if isinstance(found, str) else ""


def codes(identifier: Body) -> set[str]:
    """Codes of the type of an identifier (HL7 table 0203: MR, ACSN, PLAC, FILL)."""
    return {string(one, "code") for kind in objects(identifier.get("type")) for one in objects(kind.get("coding"))}


def identifiers(body: Body) -> list[str]:
    """Values of all identifiers of a resource."""
    return [value for one in objects(body.get("identifier")) if (value := string(one, "value"))]


def record_number(patient: Body) -> tuple[str, str]:
    """Issuer and patient id; both empty where several ids stand side by side and none is marked.

    The issuer is only taken where it is an identifier: a `system` is a URI, which no PACS knows.
    """
    found = [one for one in objects(patient.get("identifier")) if string(one, "value") and one.get("use") != "old"]
    marked = [one for one in found if _MEDICAL_RECORD in codes(one)] or found
    trusted = next(([one for one in marked if one.get("use") == use] for use in _TRUSTED_USES if _has(marked, use)), [])
    chosen = trusted or marked
    if len({string(one, "value") for one in chosen}) != 1:
        return "", ""
    return string(chosen[0], "assigner", "identifier", "value"), string(chosen[0], "value")


def _has(found: list[Body], use: str) -> bool:
    return any(one.get("use") == use for one in found)


@dataclass(slots=True)
class People:
    """What identifies somebody in the resources around a report."""

    person_names: list[str] = field(default_factory=list, repr=False)
    staff_names: list[str] = field(default_factory=list, repr=False)
    identifiers: list[str] = field(default_factory=list, repr=False)
    phones: list[str] = field(default_factory=list, repr=False)
    addresses: list[str] = field(default_factory=list, repr=False)
    places: list[str] = field(default_factory=list, repr=False)

    def add_patient(self, patient: Body) -> None:
        """Note a patient, the contacts and the care givers."""
        for person in [patient, *objects(patient.get("contact"))]:
            self.person_names += names(person)
            self.phones += [value for one in objects(person.get("telecom")) if (value := string(one, "value"))]
            for one in objects(person.get("address")):
                self._add_address(one)
        self.identifiers += identifiers(patient)
        self.staff_names += displays(patient.get("generalPractitioner"))
        self.places += displays(patient.get("managingOrganization"))
        self.places += [text for one in objects(patient.get("identifier")) for text in displays(one.get("assigner"))]

    def add_staff(self, person: Body) -> None:
        """Note a member of staff or an organisation."""
        if isinstance(person.get("name"), str):  # an organisation or a place
            self.places.append(string(person, "name"))
        else:
            self.staff_names += names(person)
        self.identifiers += identifiers(person)

    def add_displays(self, references: Iterable[Body]) -> None:
        """Note the names that references carry along."""
        for reference in references:
            is_place = string(reference, "reference").startswith(("Organization/", "Location/"))
            (self.places if is_place else self.staff_names).extend(displays(reference))

    def _add_address(self, address: Body) -> None:
        lines = address.get("line")
        parts = [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
        parts += [string(address, key) for key in ("city", "district", "state", "postalCode")]
        whole = ", ".join(part for part in parts if part) or string(address, "text")
        if whole:
            self.addresses.append(whole)
            self.places += address_towns(whole)


def names(person: Body) -> list[str]:
    """Names as `Family^Given Given`; free text where a name has no parts."""
    found = []
    for name in objects(person.get("name")):
        given = name.get("given")
        first = " ".join(part for part in given if isinstance(part, str)) if isinstance(given, list) else ""
        parted = "^".join(part for part in (string(name, "family"), first) if part)
        found += [text for text in (parted, string(name, "text") if not parted else "") if text]
    return found


def displays(reference: object) -> list[str]:
    """Names that references carry along."""
    return [text for one in objects(reference) if (text := string(one, "display"))]
