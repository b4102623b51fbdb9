"""Dictates the reports of the demo in three styles, identifiers inside, and keeps book of them.

It takes the plan of a study, the patient and a random stream and gives a `Dictation`: the text, the offsets of every
identifier, the labels of each choice of sections. Which reports exist, and where they are filed, is left to `ris`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

import numpy as np

from cxr_core.demo.people import Person, Staff
from cxr_core.demo.phrases import Sentence, combine, load_phrases, say
from cxr_core.demo.plan import StudyPlan
from cxr_core.vocabulary import Assertion, Label


class Style(StrEnum):
    """How a department dictates."""

    HEADED = "headed"  # header and footer with identifiers, capital headings
    MIXED = "mixed"  # headings in mixed case, prose, calls to the ward
    NUMBERED = "numbered"  # numbered impression, addenda on top
    PLAIN = "plain"  # one paragraph, no heading


class LabelledPart(StrEnum):
    """Which part of a report a row of labels speaks of."""

    ALL = "findings+impression"
    IMPRESSION = "impression"
    PAPER = "paper"  # the impression, else the findings, else the final section
    ADDENDUM = "addendum"


class PhiCategory(StrEnum):
    """What kind of identifier stands in a text."""

    NAME = "name"
    MRN = "mrn"
    ACCESSION = "accession"
    BIRTHDATE = "birthdate"
    DATE = "date"
    PHONE = "phone"
    INSTITUTION = "institution"
    AGE = "age"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True, repr=False)
class PhiSpan:
    """An identifier in a text: half-open offsets in characters."""

    start: int
    end: int
    category: PhiCategory
    text: str


@dataclass(frozen=True, slots=True, repr=False)
class Dictation:
    """One text with its truth."""

    text: str
    style: Style
    phi: tuple[PhiSpan, ...]
    labels: Mapping[LabelledPart, Mapping[Label, Assertion]]


@dataclass(slots=True, repr=False)
class _Draft:
    """A text under construction that remembers where its identifiers are."""

    pieces: list[str] = field(default_factory=list)
    spans: list[PhiSpan] = field(default_factory=list)
    length: int = 0

    def write(self, *parts: "str | tuple[str, PhiCategory]") -> None:
        """Append plain text, and identifiers with their category."""
        for part in parts:
            text = part if isinstance(part, str) else part[0]
            if not isinstance(part, str):
                self.spans.append(PhiSpan(self.length, self.length + len(text), part[1], text))
            self.pieces.append(text)
            self.length += len(text)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True, repr=False)
class _Content:
    """What a report has to say, whatever its style."""

    findings: list[Sentence]
    impression: list[Sentence]
    closing: str
    has_findings: bool
    has_impression: bool


def dictate(study: StudyPlan, person: Person, *, previous: date | None, rng: np.random.Generator) -> Dictation:
    """Dictate the report of a study.

    Parameters
    ----------
    study, person : StudyPlan, Person
        What was seen, on whom.
    previous : date or None
        Day of the patient's study before.
    rng : numpy Generator
        Style and wording.
    """
    style = list(Style)[int(rng.choice(4, p=[0.32, 0.32, 0.31, 0.05]))]
    content = _content(study, rng, style)
    draft = _Draft()
    if style is Style.HEADED:
        _dictate_headed(draft, study, person, content=content, previous=previous, rng=rng)
    elif style is Style.MIXED:
        _dictate_mixed(draft, study, person, content=content, previous=previous, rng=rng)
    elif style is Style.NUMBERED:
        _dictate_numbered(draft, study, person, content=content, previous=previous, rng=rng)
    else:
        _dictate_plain(draft, study, person, content=content)
    return Dictation(draft.text, style, tuple(draft.spans), _labels(content))


def dictate_addendum(study: StudyPlan, when: datetime) -> Dictation:
    """Dictate an addendum that a RIS files as a report of its own."""
    draft = _Draft()
    draft.write(
        "ADDENDUM by ", (study.reading.written, PhiCategory.NAME), " on ", (f"{when:%m/%d/%Y}", PhiCategory.DATE)
    )
    draft.write(": A healing left rib fracture is also noted.\n")
    said = {LabelledPart.ADDENDUM: {Label.FRACTURE: Assertion.POSITIVE}}
    return Dictation(draft.text, Style.NUMBERED, tuple(draft.spans), said)


def _content(study: StudyPlan, rng: np.random.Generator, style: Style) -> _Content:
    sentences = say(study.findings, rng, is_chest=study.exam.body_part == "CHEST")
    draw = rng.random()
    has_impression = style is not Style.PLAIN and draw < 0.87
    has_findings = style is Style.PLAIN or not has_impression or draw < 0.72
    important = [s for s in sentences if s.is_finding and not s.is_device]
    devices = [s for s in sentences if s.is_device and rng.random() < 0.5]
    closing = "" if important else _pick(rng, load_phrases().nothing_acute)
    return _Content(sentences, important + devices, closing, has_findings, has_impression)


def _labels(content: _Content) -> dict[LabelledPart, Mapping[Label, Assertion]]:
    impression = combine(content.impression, nothing_acute=bool(content.closing))
    spoken = (content.findings if content.has_findings else []) + (content.impression if content.has_impression else [])
    everything = combine(spoken, nothing_acute=False)
    labels: dict[LabelledPart, Mapping[Label, Assertion]] = {LabelledPart.ALL: everything}
    if content.has_impression:
        labels[LabelledPart.IMPRESSION] = impression
    labels[LabelledPart.PAPER] = impression if content.has_impression else everything
    return labels


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]


def _prose(sentences: list[Sentence]) -> str:
    return " ".join(s.text for s in sentences)


def _impression(content: _Content, *, numbered: bool) -> str:
    lines = [s.text for s in content.impression]
    if content.closing:
        lines.insert(0, content.closing)
    if not numbered or len(lines) == 1:
        return " ".join(lines)
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def _written_day(day: date, rng: np.random.Generator) -> tuple[str, PhiCategory]:
    forms = (f"{day:%m/%d/%Y}", f"{day:%B} {day.day}, {day.year}", f"{day.day} {day:%B} {day.year}", f"{day:%Y-%m-%d}")
    return forms[int(rng.integers(len(forms)))], PhiCategory.DATE


def _who(study: StudyPlan, person: Person) -> list[str | tuple[str, PhiCategory]]:
    """Introduce the patient: the age is an identifier from 90 years on (45 CFR 164.514(b)(2)(i)(C))."""
    title, noun = ("Ms.", "woman") if person.sex == "F" else ("Mr.", "man")
    age = person.age_at(study.when.date())
    spoken = f"{age}-year-old"
    shown: str | tuple[str, PhiCategory] = (spoken, PhiCategory.AGE) if age > 89 else spoken
    noun = noun if age >= 18 else "child"
    return [f"{title} ", (person.family, PhiCategory.NAME), " is a ", shown, f" {noun}."]


def _comparison(draft: _Draft, heading: str, previous: date | None, rng: np.random.Generator) -> None:
    if previous is None:
        draft.write(heading, "None.\n\n")
    else:
        draft.write(heading, "Chest radiograph of ", _written_day(previous, rng), ".\n\n")


def _sign(draft: _Draft, reader: Staff, when: datetime) -> None:
    signer = (f"{reader.written}, {reader.degree}", PhiCategory.NAME)
    draft.write("Electronically signed by ", signer, " on ", (f"{when:%m/%d/%Y}", PhiCategory.DATE), "\n")


def _dictate_headed(
    draft: _Draft,
    study: StudyPlan,
    person: Person,
    *,
    content: _Content,
    previous: date | None,
    rng: np.random.Generator,
) -> None:
    draft.write((person.hospital.name, PhiCategory.INSTITUTION), "\n")
    draft.write("Patient: ", (person.listed, PhiCategory.NAME), "   MRN: ", (study.mrn, PhiCategory.MRN))
    draft.write("   DOB: ", (f"{person.birth_date:%m/%d/%Y}", PhiCategory.BIRTHDATE), "\n")
    draft.write("Accession: ", (study.accession, PhiCategory.ACCESSION), "   Exam: ", study.exam.description)
    draft.write("   Date: ", (f"{study.when:%m/%d/%Y}", PhiCategory.DATE), "\n\n")
    draft.write("HISTORY: ", *_who(study, person), " ", _pick(rng, load_phrases().indications), "\n\n")
    _comparison(draft, "COMPARISON: ", previous, rng)
    if content.has_findings:
        draft.write("FINDINGS:\n", _prose(content.findings), "\n\n")
    if content.has_impression:
        draft.write("IMPRESSION: ", _impression(content, numbered=False), "\n\n")
    _sign(draft, study.reading, study.when)
    draft.write("cc: ", (person.address, PhiCategory.ADDRESS), "\n")


def _dictate_mixed(
    draft: _Draft,
    study: StudyPlan,
    person: Person,
    *,
    content: _Content,
    previous: date | None,
    rng: np.random.Generator,
) -> None:
    draft.write("Indication: ", *_who(study, person), " ", _pick(rng, load_phrases().indications), "\n\n")
    draft.write("Technique: ", _pick(rng, load_phrases().techniques), "\n\n")
    _comparison(draft, "Comparison: ", previous, rng)
    if content.has_findings:
        draft.write("Findings: ", _prose(content.findings), "\n\n")
    if content.has_impression:
        draft.write("Impression: ", _impression(content, numbered=False), "\n\n")
    caller = (study.referring.written, PhiCategory.NAME)
    at = (f"{study.when:%d %b %Y}", PhiCategory.DATE)
    draft.write("Notification: Discussed with Dr. ", caller, " by telephone at ", f"{study.when:%H:%M} on ", at)
    draft.write(", pager ", (str(rng.integers(10_000, 99_999)), PhiCategory.PHONE), ".\n\n")
    _sign(draft, study.reading, study.when)


def _dictate_numbered(
    draft: _Draft,
    study: StudyPlan,
    person: Person,
    *,
    content: _Content,
    previous: date | None,
    rng: np.random.Generator,
) -> None:
    if rng.random() < 0.35:
        draft.write("ADDENDUM: The report was read to ", (f"Dr. {study.referring.family}", PhiCategory.NAME), " on ")
        draft.write(_written_day(study.when.date(), rng), ".\n", "_" * 40, "\n\n")
    draft.write("FINAL REPORT\n\nEXAMINATION: ", study.exam.description, "\n\n")
    draft.write("INDICATION: ", *_who(study, person), " ", _pick(rng, load_phrases().indications), "\n\n")
    _comparison(draft, "COMPARISON: ", previous, rng)
    if content.has_findings:
        draft.write("FINDINGS: ", _prose(content.findings), "\n\n")
    if content.has_impression:
        draft.write("IMPRESSION:\n", _impression(content, numbered=True), "\n\n")
    if rng.random() < 0.3:
        relative = (f"{person.relative} {person.family}", PhiCategory.NAME)
        draft.write("NOTIFICATION: Please call ", (person.phone, PhiCategory.PHONE), " (", relative, ", daughter).\n\n")
    _sign(draft, study.reading, study.when)


def _dictate_plain(draft: _Draft, study: StudyPlan, person: Person, *, content: _Content) -> None:
    draft.write(
        study.exam.description.capitalize(), " of ", (f"{person.given} {person.family}", PhiCategory.NAME), ".\n\n"
    )
    draft.write(_prose(content.findings), "\n")
