"""Decides what identifies a patient and a site: the strings that header, pixels and report text must not show.

Takes the raw forms that sources hold (person names, ids, dates, phones, addresses, places) and gives one
`PatientDictionary` a patient and one `SiteDictionary` a build, split into folded components.
Finding the strings is left to the engines of `cxr_core.deidentify`; which source fields hold what, to `intake`.
"""

import datetime as dt
import json
import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

_POLICY_FILE = Path(__file__).with_name("dictionary.toml")
# Not `strftime`: it follows the locale of the machine.
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_NAME_BREAK = re.compile(r"[\s^=&~,;/().\"_|]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae"})
# Letters that NFKD leaves whole, written as English-speaking registries write them.
_PLAIN_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "þ": "th"}
)
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff'’‘`´ʼ]")


@dataclass(frozen=True, slots=True)
class _Policy:
    titles: frozenset[str]
    placeholders: frozenset[str]
    stand_ins: frozenset[str]
    newborns: frozenset[str]
    address_noise: frozenset[str]
    institution_noise: frozenset[str]


@lru_cache(maxsize=1)
def _policy() -> _Policy:
    tables = tomllib.loads(_POLICY_FILE.read_text(encoding="utf-8"))
    return _Policy(**{name: frozenset(table["words"].split()) for name, table in tables.items()})


@dataclass(frozen=True, slots=True)
class IdentityFacts:
    """What one source row says of one patient, in raw forms; every field is PHI.

    Parameters
    ----------
    patient : tuple of (issuer, patient_id)
    names : tuple of str
        Person names of the patient and of relatives, as written: "VANDENBERG^PATRICK^A", "Singh, Art D".
    staff_names : tuple of str
        Referring, performing, reading, attending and signing persons.
    identifiers : tuple of str
        MRNs old and new, accession numbers, visit ids, social security number, account numbers.
    birth_dates : tuple of dt.date
    phones, addresses, places : tuple of str
        `places` are institutions, wards, towns, practices, employers.
    """

    patient: tuple[str, str] = field(repr=False)
    names: tuple[str, ...] = field(default=(), repr=False)
    staff_names: tuple[str, ...] = field(default=(), repr=False)
    identifiers: tuple[str, ...] = field(default=(), repr=False)
    birth_dates: tuple[dt.date, ...] = field(default=(), repr=False)
    phones: tuple[str, ...] = field(default=(), repr=False)
    addresses: tuple[str, ...] = field(default=(), repr=False)
    places: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class PatientDictionary:
    """What identifies one patient, ready to look for.

    `names` are folded components (`fold_name`) of two letters and more; `identifiers` and `phones` are as written;
    `address_parts` are folded phrases ("293 harbor ln", "waltham", "02453").
    """

    names: frozenset[str] = field(default=frozenset(), repr=False)
    identifiers: frozenset[str] = field(default=frozenset(), repr=False)
    birth_dates: frozenset[dt.date] = field(default=frozenset(), repr=False)
    phones: frozenset[str] = field(default=frozenset(), repr=False)
    address_parts: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def has_demographics(self) -> bool:
        """False where not one name is known: the report is then forced into the review sample."""
        return bool(self.names)

    def burned_in_strings(self) -> tuple[str, ...]:
        """All strings to look for in pixels: names, ids, phones, birth dates as written; upper case, sorted."""
        numbers = {form for value in self.identifiers | self.phones for form in number_forms(value)}
        dates = {form for day in self.birth_dates for form in written_dates(day)}
        return tuple(sorted({text.upper() for text in self.names | numbers | dates}))

    def digest_material(self) -> bytes:
        """Canonical bytes of the content: equal content, equal bytes, whatever the order of the facts."""
        return _canonical(
            names=self.names,
            identifiers=self.identifiers,
            birth_dates={day.isoformat() for day in self.birth_dates},
            phones=self.phones,
            address_parts=self.address_parts,
        )


@dataclass(frozen=True, slots=True)
class SiteDictionary:
    """What identifies a site whoever the patient is: names of its staff (components), places (folded phrases)."""

    names: frozenset[str] = field(default=frozenset(), repr=False)
    places: frozenset[str] = field(default=frozenset(), repr=False)

    def digest_material(self) -> bytes:
        """Canonical bytes of the content: equal content, equal bytes."""
        return _canonical(names=self.names, places=self.places)


def _canonical(**parts: Iterable[str]) -> bytes:
    content = {name: sorted(values) for name, values in parts.items()}
    return json.dumps(content, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode("ascii")


@lru_cache(maxsize=200_000)
def fold_name(text: str) -> str:
    """Lower case without accents, apostrophes, hidden signs: `Séamus O’Brien` to `seamus obrien`."""
    if text.isascii():
        return text.casefold().replace("'", "").replace("`", "")
    decomposed = unicodedata.normalize("NFKD", _HIDDEN.sub("", text)).casefold()
    kept = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return kept.translate(_PLAIN_LETTERS)


def fold_phrase(text: str) -> str:
    """Fold a place or an address part to words with single spaces: `St. Brendan` to `st brendan`."""
    return " ".join(re.findall(r"[^\W_]+", fold_name(text)))


def split_name(raw: str) -> frozenset[str]:
    """Split one raw person name into folded components and their written variants.

    Knows DICOM carets and ideographic groups (PS3.5 section 6.2.1), HL7 sub-components, "Last, First", degrees,
    hyphens, apostrophes ("O'Brien" gives obrien and brien), particles ("Le Blanc" gives le, blanc, leblanc),
    umlauts in both spellings. One-letter Latin parts, titles, placeholders and stand-ins are dropped.
    """
    parts: set[str] = set()
    glued: set[str] = set()
    for person in re.split(r"[=~;]", raw):
        written = [piece for piece in _NAME_BREAK.split(unicodedata.normalize("NFC", person)) if piece]
        kept = _drop_titles(written)
        for piece in kept:
            parts |= _variants(piece)
        glued |= _glued_particles(kept)
    named = _without_stand_ins(frozenset(part for part in parts if _is_component(part)))
    return named | frozenset(part for part in glued if _is_component(part)) if named else named


def _without_stand_ins(parts: frozenset[str]) -> frozenset[str]:
    """Drop what stands where no name is known; "Boy, Star" is a name, "Baby Boy Marsh" holds one."""
    policy = _policy()
    named = parts - policy.placeholders
    is_stand_in = named <= policy.stand_ins or bool(named & policy.newborns)
    return named - policy.stand_ins - policy.newborns if is_stand_in else named


def _drop_titles(pieces: list[str]) -> list[str]:
    """Drop degrees at either end while two other parts remain: "Do" alone or beside one part may be a surname."""
    titles = _policy().titles
    kept = list(pieces)
    while len(kept) > 2 and fold_name(kept[-1]) in titles:
        kept.pop()
    while len(kept) > 2 and fold_name(kept[0]) in titles:
        kept.pop(0)
    return kept


def _variants(piece: str) -> set[str]:
    folded = fold_name(piece)
    forms = {folded, folded.replace("-", ""), *folded.split("-")}
    forms.add(fold_name(piece.casefold().translate(_UMLAUTS)).replace("-", ""))
    forms |= {fold_name(half) for half in re.split(r"['’`-]", piece)}
    return forms


def _glued_particles(pieces: list[str]) -> set[str]:
    """A short particle is often written together with the next part: "Le Blanc", "Mc Donald", "De La Cruz"."""
    folded = [fold_name(piece).replace("-", "") for piece in pieces]
    pairs = pairwise(folded)
    glued = {first + second for first, second in pairs if 2 <= len(first) <= 3 <= len(second)}
    triples = zip(folded, folded[1:], folded[2:], strict=False)
    return glued | {a + b + c for a, b, c in triples if 2 <= len(a) <= 3 and 2 <= len(b) <= 3 <= len(c)}


def _is_component(part: str) -> bool:
    if not any(sign.isalpha() for sign in part):
        return False
    return len(part) >= 2 or not part.isascii()  # one ideograph is a whole family name


def number_forms(value: str) -> frozenset[str]:
    """An id or phone as written, without separators, and without leading zeros; forms under four signs are dropped."""
    compact = re.sub(r"[^0-9A-Za-z]", "", value)
    digits = re.sub(r"[^0-9]", "", value)
    forms = {value.strip(), compact, compact.lstrip("0"), digits, digits.lstrip("0")}
    return frozenset(form for form in forms if len(form) >= 4)


def written_dates(day: dt.date) -> frozenset[str]:
    """Written forms of a date: ISO, DICOM DA, US and European order with three separators, month names, short years."""
    year, month, number = day.year, day.month, day.day
    short, name = year % 100, _MONTHS[month - 1]
    abbreviation = name[:3]
    forms = {
        day.isoformat(),
        f"{year}{month:02}{number:02}",
        f"{number:02}{abbreviation}{year}",
        f"{abbreviation} {number}, {year}",
        f"{name} {number}, {year}",
        f"{number} {name} {year}",
        f"{number} {abbreviation} {year}",
        f"{number:02}-{abbreviation}-{year}",
    }
    for mark in "/-.":
        for first, second in ((month, number), (number, month)):
            for end in (f"{year}", f"{short:02}"):
                forms |= {f"{first:02}{mark}{second:02}{mark}{end}", f"{first}{mark}{second}{mark}{end}"}
    return frozenset(forms)


def split_address(raw: str) -> frozenset[str]:
    """Split one raw address into folded phrases worth looking for: street line, street name, town, postcode."""
    parts: set[str] = set()
    for piece in re.split(r"[,^&~;\n]", raw):
        words = fold_phrase(piece).split()
        parts |= _address_phrases(words)
    return frozenset(parts)


def _address_phrases(words: list[str]) -> set[str]:
    noise = _policy().address_noise
    named = [word for word in words if word.isalpha() and word not in noise and len(word) > 2]
    phrases = {word for word in words if word.isdigit() and len(word) >= 4}
    while words and (words[-1].isdigit() or len(words[-1]) <= 2) and not words[0].isdigit():
        words = words[:-1]  # "Waltham MA 02453" to "waltham"
    if words and (named or any(not word.isdigit() and not word.isalpha() for word in words)):
        phrases.add(" ".join(words))
        phrases.add(" ".join(word for word in words if not word.isdigit()))
        phrases.add(" ".join(named))
    return {phrase for phrase in phrases if len(phrase) > 2}


def split_place(raw: str) -> frozenset[str]:
    """Fold one place and, for an institution, its distinctive part ("Fairhaven General Hospital" to "fairhaven")."""
    noise = _policy().institution_noise
    words = fold_phrase(raw).split()
    own = [word for word in words if word not in noise]
    phrases = {" ".join(words), " ".join(own)} if own else set()
    return frozenset(phrase for phrase in phrases if len(phrase) > 2 and phrase not in _policy().placeholders)


def build_dictionaries(
    facts: Iterable[IdentityFacts],
) -> tuple[dict[tuple[str, str], PatientDictionary], SiteDictionary]:
    """Gather all facts into one dictionary a patient and one for the site.

    Returns
    -------
    dict of (issuer, patient_id) to PatientDictionary
        The patient id itself is always among the identifiers.
    SiteDictionary
        Staff names and places of all facts.
    """
    by_patient: dict[tuple[str, str], list[IdentityFacts]] = defaultdict(list)
    staff: set[str] = set()
    places: set[str] = set()
    for fact in facts:
        by_patient[fact.patient].append(fact)
        staff.update(component for raw in fact.staff_names for component in split_name(raw))
        places.update(phrase for raw in fact.places for phrase in split_place(raw))
    patients = {patient: _build_patient(patient[1], rows) for patient, rows in by_patient.items()}
    return patients, SiteDictionary(names=frozenset(staff), places=frozenset(places))


def _build_patient(patient_id: str, rows: list[IdentityFacts]) -> PatientDictionary:
    identifiers = {value.strip() for row in rows for value in (*row.identifiers, patient_id)}
    return PatientDictionary(
        names=frozenset(part for row in rows for raw in row.names for part in split_name(raw)),
        identifiers=frozenset(value for value in identifiers if value),
        birth_dates=frozenset(day for row in rows for day in row.birth_dates),
        phones=frozenset(value.strip() for row in rows for value in row.phones if value.strip()),
        address_parts=frozenset(part for row in rows for raw in row.addresses for part in split_address(raw)),
    )
