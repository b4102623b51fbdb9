"""Invents the patients and the staff of the demo hospital.

It takes the seed and a patient's index and gives a `Person` with every identifier that a hospital writes into
headers, reports and messages; the lists of names and places are `names.toml`, made up for this project.
What happens to the patients is left to `plan`.
"""

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files

import numpy as np

from cxr_core.demo.seeds import Purpose, scatter, stream


@dataclass(frozen=True, slots=True, repr=False)
class Staff:
    """A clinician or technologist: family name, given name, degree."""

    family: str
    given: str
    degree: str

    @property
    def dicom_name(self) -> str:
        """The name as PN, for example Strom^Ada^^Dr."""
        return f"{self.family}^{self.given}"

    @property
    def written(self) -> str:
        """The name as a report prints it."""
        return f"{self.given} {self.family}"


@dataclass(frozen=True, slots=True, repr=False)
class Hospital:
    """One site: name, street address, short code of its record numbers."""

    name: str
    address: str
    issuer: str


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """One patient. Nothing here belongs to a living person: names are drawn from lists, numbers from the seed."""

    index: int
    family: str
    given: str
    middle: str
    sex: str
    birth_date: date
    mrn: str
    former_mrn: str
    ssn: str
    phone: str
    email: str
    street: str
    town: str
    state: str
    zip_code: str
    mother_birth_name: str
    relative: str
    hospital: Hospital
    ideographic: str

    @property
    def dicom_name(self) -> str:
        """The name as PN, with its ideographic and phonetic forms where the patient has them."""
        parts = "^".join([self.family, self.given, self.middle]).rstrip("^")
        return f"{parts}={self.ideographic}" if self.ideographic else parts

    @property
    def listed(self) -> str:
        """The name as a list prints it: family name first."""
        return f"{self.family}, {self.given} {self.middle}".strip()

    @property
    def address(self) -> str:
        """Street, town, state and ZIP code in one line."""
        return f"{self.street}, {self.town} {self.state} {self.zip_code}"

    def age_at(self, day: date) -> int:
        """Give the age in completed years."""
        had_birthday = (day.month, day.day) >= (self.birth_date.month, self.birth_date.day)
        return day.year - self.birth_date.year - (0 if had_birthday else 1)


@dataclass(frozen=True, slots=True, repr=False)
class NameLists:
    """The lists of `names.toml`."""

    family: tuple[str, ...]
    female: tuple[str, ...]
    male: tuple[str, ...]
    middle: tuple[str, ...]
    streets: tuple[str, ...]
    towns: tuple[tuple[str, str, str], ...]
    physicians: tuple[Staff, ...]
    radiologists: tuple[Staff, ...]
    technologists: tuple[Staff, ...]
    hospitals: tuple[Hospital, ...]
    ideographic: tuple[tuple[str, str, str], ...]


@cache
def load_names() -> NameLists:
    """Read `names.toml`."""
    raw = tomllib.loads(files("cxr_core.demo").joinpath("names.toml").read_text(encoding="utf-8"))
    return NameLists(
        family=tuple(raw["family"]),
        female=tuple(raw["female"]),
        male=tuple(raw["male"]),
        middle=tuple(raw["middle"]),
        streets=tuple(raw["streets"]),
        towns=tuple((t[0], t[1], t[2]) for t in raw["towns"]),
        physicians=tuple(Staff(*s) for s in raw["physicians"]),
        radiologists=tuple(Staff(*s) for s in raw["radiologists"]),
        technologists=tuple(Staff(*s) for s in raw["technologists"]),
        hospitals=tuple(Hospital(*h) for h in raw["hospitals"]),
        ideographic=tuple((i[0], i[1], i[2]) for i in raw["ideographic"]),
    )


def mrn_of(seed: int, index: int) -> str:
    """Give the record number of a patient without inventing the rest."""
    return str(scatter(index, seed=seed, digits=7))


def invent_person(seed: int, index: int, *, born: tuple[int, int]) -> Person:
    """Invent one patient.

    Parameters
    ----------
    seed : int
        The hospital's seed.
    index : int
        Which patient; the same index is the same person for every size of hospital.
    born : (first, last) year
        Range of the year of birth.
    """
    rng, names = stream(seed, Purpose.PERSON, index), load_names()
    sex = "F" if rng.random() < 0.5 else "M"
    family, given = _pick(rng, names.family), _pick(rng, names.female if sex == "F" else names.male)
    ideographic = ""
    if index % 25 == 8:  # one in 25 has a name in three scripts (PS3.5 annex H)
        family, given, ideographic = names.ideographic[int(rng.integers(len(names.ideographic)))]
    town, state, zip_code = names.towns[int(rng.integers(len(names.towns)))]
    first_day = date(born[0], 1, 1)
    days = (date(born[1], 12, 31) - first_day).days
    return Person(
        index=index,
        family=family,
        given=given,
        middle=_pick(rng, names.middle),
        sex=sex,
        birth_date=first_day + timedelta(days=int(rng.integers(days))),
        mrn=mrn_of(seed, index),
        former_mrn=f"OLD{scatter(index, seed=seed, digits=6)}",
        ssn=f"{rng.integers(900, 1000)}-{rng.integers(10, 70)}-{rng.integers(1000, 9999)}",  # 9xx: never issued
        phone=f"(555) {rng.integers(200, 999)}-{rng.integers(1000, 9999)}",
        email=f"{_ascii(given)}.{_ascii(family)}@example.org".lower(),
        street=f"{rng.integers(3, 998)} {_pick(rng, names.streets)}",
        town=town,
        state=state,
        zip_code=zip_code,
        mother_birth_name=_pick(rng, names.family),
        relative=_pick(rng, names.female),
        hospital=names.hospitals[int(rng.integers(len(names.hospitals)))],
        ideographic=ideographic,
    )


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]


def _ascii(name: str) -> str:
    return "".join(c for c in name if c.isascii() and c.isalpha())
