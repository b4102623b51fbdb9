"""Decides the life of one patient: studies, times, exams, findings, images and how each image is stored.

It takes the seed and a patient's index and gives a `PatientPlan` without writing anything, so that any worker can
plan any patient. What the plan looks like on disk is left to `dicom_writer`, `reports`, `ris` and `hospital`.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from cxr_core.demo.anatomy import Findings
from cxr_core.demo.faults import FILE_FAULTS, ROLES, Fault, Role
from cxr_core.demo.people import Person, Staff, invent_person, load_names
from cxr_core.demo.seeds import Purpose, scatter, stream
from cxr_core.vocabulary import Photometric

_STUDIES_A_PATIENT = 16  # room for accession numbers; nobody has more studies than that
_FIRST_DAY, _LAST_DAY = datetime(2011, 1, 3), datetime(2015, 12, 20)  # noqa: DTZ001 (hospital clocks have no zone)


class Projection(StrEnum):
    """How the rays went."""

    PA = "PA"
    AP = "AP"
    LATERAL = "LATERAL"
    HAND = "HAND"


class Syntax(StrEnum):
    """Transfer syntaxes of the demo (PS3.6 table A-1)."""

    IMPLICIT = "1.2.840.10008.1.2"
    EXPLICIT = "1.2.840.10008.1.2.1"
    BIG_ENDIAN = "1.2.840.10008.1.2.2"
    DEFLATED = "1.2.840.10008.1.2.1.99"
    RLE = "1.2.840.10008.1.2.5"
    JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
    JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
    JPEG_LS = "1.2.840.10008.1.2.4.80"
    JPEG_2000 = "1.2.840.10008.1.2.4.90"

    @property
    def is_compressed(self) -> bool:
        """True where the pixels are encapsulated."""
        return self in _ENCAPSULATED


_ENCAPSULATED = frozenset({Syntax.RLE, Syntax.JPEG_BASELINE, Syntax.JPEG_LOSSLESS, Syntax.JPEG_LS, Syntax.JPEG_2000})
# The quick ones twice: deflate and JPEG 2000 take as long to encode as a phantom takes to draw.
_DEALT = (
    Syntax.EXPLICIT,
    Syntax.JPEG_LOSSLESS,
    Syntax.IMPLICIT,
    Syntax.JPEG_LS,
    Syntax.BIG_ENDIAN,
    Syntax.RLE,
    Syntax.EXPLICIT,
    Syntax.DEFLATED,
    Syntax.JPEG_LOSSLESS,
    Syntax.JPEG_2000,
    Syntax.RLE,
)


# Where no reader gets the pixels as they were drawn, no box of burned-in text would be true.
_UNREADABLE = frozenset({Fault.TRUNCATED, Fault.NO_PIXELS, Fault.CORRUPT_STREAM})


class Extra(StrEnum):
    """Where else in a file identifiers hide."""

    OVERLAY = "overlay"
    EMBEDDED_OVERLAY = "embedded_overlay"
    ICON = "icon"
    PREAMBLE = "preamble"
    TRAILING = "trailing"


class ViewTag(StrEnum):
    """Which attribute names the view."""

    VIEW_POSITION = "ViewPosition"
    VIEW_CODE = "ViewCodeSequence"
    SERIES_DESCRIPTION = "SeriesDescription"


class Burn(StrEnum):
    """What is written into the pixels."""

    NOTHING = "nothing"
    MARKERS = "markers"
    IDENTIFIERS = "identifiers"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Exam:
    """What was ordered, and the projections that it takes."""

    code: str
    description: str
    body_part: str
    projections: tuple[Projection, ...]


_TWO_VIEWS = Exam("71046", "CHEST (PA AND LAT)", "CHEST", (Projection.PA, Projection.LATERAL))
_PORTABLE = Exam("71045", "CHEST (PORTABLE AP)", "CHEST", (Projection.AP,))
_ONE_VIEW = Exam("71045", "CHEST (SINGLE VIEW)", "CHEST", (Projection.PA,))
_HAND = Exam("73130", "HAND 2 VIEWS", "HAND", (Projection.HAND, Projection.HAND))


@dataclass(frozen=True, slots=True, repr=False)
class ImagePlan:
    """One instance, before anything is drawn."""

    ordinal: int
    sop_uid: str
    series_uid: str
    path: str
    projection: Projection
    view_tag: ViewTag
    view_value: str
    syntax: Syntax
    bits_stored: int
    photometric: Photometric
    rows: int
    columns: int
    extras: frozenset[Extra]
    burn: Burn
    fault: Fault | None


@dataclass(frozen=True, slots=True, repr=False)
class StudyPlan:
    """One study: when, what, by whom, with which images."""

    ordinal: int
    uid: str
    accession: str
    mrn: str
    when: datetime
    exam: Exam
    patient_class: str
    in_encounter: bool
    visit: str
    modality: str
    findings: Findings
    referring: Staff
    reading: Staff
    operator: Staff
    station: str
    serial: str
    fault: Fault | None
    images: tuple[ImagePlan, ...]

    @property
    def accession_tag(self) -> str:
        """AccessionNumber as the header spells it, the planted faults included."""
        if self.fault is Fault.NO_ACCESSION:
            return ""
        return f" {self.accession} " if self.fault is Fault.SPACE_ACCESSION else self.accession

    @property
    def header_time(self) -> datetime:
        """Date and time of the header: another year where the clock of the device was wrong."""
        return self.when - timedelta(days=731) if self.fault is Fault.WRONG_DATE else self.when


@dataclass(frozen=True, slots=True, repr=False)
class PatientPlan:
    """One patient and all that happens to it."""

    person: Person
    role: Role
    studies: tuple[StudyPlan, ...]


def random_uid(rng: np.random.Generator) -> str:
    """Give a UID below 2.25, made of 120 random bits (PS3.5 annex B.2)."""
    return f"2.25.{int.from_bytes(rng.bytes(15), 'big') | 1}"


def plan_patient(seed: int, index: int, *, side_px: int) -> PatientPlan:
    """Plan one patient.

    Parameters
    ----------
    seed : int
        The hospital's seed.
    index : int
        Which patient; below 12 the patients have the parts of `faults.ROLES`.
    side_px : int
        Longer side of the largest images.
    """
    rng = stream(seed, Purpose.PLAN, index)
    role = ROLES.get(index) or Role((None,) * int(rng.integers(1, 5)))
    person = invent_person(seed, index, born=role.born)
    times = _study_times(rng, role)
    chronic = _chronic_findings(rng, is_old=person.age_at(times[0].date()) > 55)
    devices = int(rng.integers(900))
    studies = []
    for ordinal, (when, fault) in enumerate(zip(times, role.studies, strict=True)):
        draft = _plan_study(rng, person, role, ordinal=ordinal, when=when, fault=fault, seed=seed)
        findings = _acute_findings(rng, chronic, is_portable=draft.exam is _PORTABLE)
        draft = replace(draft, findings=findings, serial=f"SN{70_000 + devices}")
        images = _plan_images(rng, draft, index=index, side_px=side_px)
        studies.append(replace(draft, images=images))
    return PatientPlan(person, role, tuple(studies))


def _study_times(rng: np.random.Generator, role: Role) -> list[datetime]:
    gaps = rng.integers(role.gap_days[0], role.gap_days[1], len(role.studies) - 1)
    minutes = rng.integers(0, 24 * 60, len(role.studies))
    slack = max(1, (_LAST_DAY - _FIRST_DAY).days - int(gaps.sum()))
    first = 0 if role.everywhere is Fault.OVER_89 else int(rng.integers(slack))
    days = first + np.concatenate([[0], np.cumsum(gaps)])
    return [_FIRST_DAY + timedelta(days=int(d), minutes=int(m)) for d, m in zip(days, minutes, strict=True)]


def _chronic_findings(rng: np.random.Generator, *, is_old: bool) -> Findings:
    if not is_old:
        return Findings()
    return Findings(
        cardiomegaly=bool(rng.random() < 0.45),
        pacemaker=bool(rng.random() < 0.35),
        sternal_wires=bool(rng.random() < 0.3),
    )


def _acute_findings(rng: np.random.Generator, chronic: Findings, *, is_portable: bool) -> Findings:
    ill = rng.random() < 0.65
    tubes = is_portable and rng.random() < 0.5
    draw = rng.random(9)
    return replace(
        chronic,
        effusion_left=bool(ill and draw[0] < 0.25),
        effusion_right=bool(ill and draw[1] < 0.25),
        edema=bool(ill and draw[2] < 0.25),
        consolidation=bool(ill and draw[3] < 0.3),
        atelectasis=bool(ill and draw[4] < 0.3),
        nodule=bool(ill and draw[5] < 0.15),
        endotracheal_tube=bool(tubes and draw[6] < 0.7),
        central_line=bool(tubes and draw[7] < 0.7),
        gastric_tube=bool(tubes and draw[8] < 0.5),
        consolidation_side=int(rng.choice([-1, 1])),
    )


def _plan_study(
    rng: np.random.Generator,
    person: Person,
    role: Role,
    *,
    ordinal: int,
    when: datetime,
    fault: Fault | None,
    seed: int,
) -> StudyPlan:
    names = load_names()
    exam = (_TWO_VIEWS, _PORTABLE, _ONE_VIEW)[int(rng.choice(3, p=[0.5, 0.36, 0.14]))]
    number = person.index * _STUDIES_A_PATIENT + ordinal
    return StudyPlan(
        ordinal=ordinal,
        uid=random_uid(rng),
        accession=str(scatter(number, seed=seed, digits=9)),
        mrn=person.former_mrn if ordinal < role.merged_studies else person.mrn,
        when=when,
        exam=_HAND if fault is Fault.NONCHEST else exam,
        patient_class=role.patient_classes[ordinal % len(role.patient_classes)],
        in_encounter=fault is not Fault.OUTSIDE_ENCOUNTER,
        visit=f"V{scatter(number, seed=seed + 1, digits=8)}",
        modality="CR" if rng.random() < 0.4 else "DX",
        findings=Findings(),
        referring=names.physicians[int(rng.integers(len(names.physicians)))],
        reading=names.radiologists[int(rng.integers(len(names.radiologists)))],
        operator=names.technologists[int(rng.integers(len(names.technologists)))],
        station=f"XR{person.hospital.name[:3].upper()}{rng.integers(1, 9)}",
        serial="",
        fault=fault or role.everywhere,
        images=(),
    )


def _plan_images(rng: np.random.Generator, study: StudyPlan, *, index: int, side_px: int) -> tuple[ImagePlan, ...]:
    if study.fault is Fault.REPORT_WITHOUT_IMAGES:
        return ()
    folder = f"dicom/{study.when:%Y/%m}/{rng.integers(16**6):06X}"
    dealt = index * 5 + study.ordinal * 2
    last = len(study.exam.projections) - 1
    file_fault = study.fault if study.fault in FILE_FAULTS else None
    return tuple(
        _plan_image(
            rng,
            study,
            folder=folder,
            ordinal=ordinal,
            dealt=dealt + ordinal,
            side_px=side_px,
            fault=file_fault if ordinal == last else None,
        )
        for ordinal in range(last + 1)
    )


def _plan_image(
    rng: np.random.Generator,
    study: StudyPlan,
    *,
    folder: str,
    ordinal: int,
    dealt: int,
    side_px: int,
    fault: Fault | None,
) -> ImagePlan:
    projection = study.exam.projections[ordinal]
    syntax = _syntax(dealt, fault, is_first=study.ordinal == 0 and ordinal == 0)
    view_tag, view_value = _view(rng, projection)
    rows, columns = _size(rng, projection, side_px)
    ending = ("", ".dcm", ".DCM", ".ima")[int(rng.integers(4))]
    bits = 8 if syntax is Syntax.JPEG_BASELINE else int(rng.choice([10, 12, 12, 14, 15]))
    return ImagePlan(
        ordinal=ordinal,
        sop_uid=random_uid(rng),
        series_uid=random_uid(rng),
        path=f"{folder}/IM{ordinal + 1:05d}{ending}",
        projection=projection,
        view_tag=view_tag,
        view_value=view_value,
        syntax=syntax,
        bits_stored=bits,
        photometric=Photometric.MONOCHROME1 if rng.random() < 0.3 else Photometric.MONOCHROME2,
        rows=rows,
        columns=columns,
        extras=_extras(rng, dealt, syntax=syntax, bits=bits, fault=fault),
        burn=Burn.NOTHING if projection is Projection.HAND or fault in _UNREADABLE else _burn(rng),
        fault=fault,
    )


def _syntax(dealt: int, fault: Fault | None, *, is_first: bool) -> Syntax:
    """Deal the transfer syntaxes in turn, except where a fault needs a certain one."""
    if fault is Fault.CORRUPT_STREAM:
        return Syntax.JPEG_LOSSLESS
    if fault is Fault.NO_META:
        return Syntax.IMPLICIT  # without file meta a reader can only assume it (PS3.5 section 10.1)
    if fault is Fault.TRUNCATED:
        return Syntax.EXPLICIT
    if is_first and dealt % 125 == 60:  # patient 12 of every 25
        return Syntax.JPEG_BASELINE
    return _DEALT[dealt % len(_DEALT)]


def _view(rng: np.random.Generator, projection: Projection) -> tuple[ViewTag, str]:
    if projection is Projection.HAND:
        return ViewTag.VIEW_POSITION, "PA"
    if projection is Projection.LATERAL:
        spelled = str(rng.choice(["LATERAL", "LL", "LL", "RL", "LAT"]))
    else:
        spelled = projection.value
    draw = rng.random()
    if draw < 0.8:
        return ViewTag.VIEW_POSITION, spelled
    return (ViewTag.VIEW_CODE if draw < 0.9 else ViewTag.SERIES_DESCRIPTION), projection.value


def _size(rng: np.random.Generator, projection: Projection, side_px: int) -> tuple[int, int]:
    long = int(side_px * rng.uniform(0.84, 1.0)) & ~1
    short = int(long * rng.uniform(0.82, 0.96))
    if projection is Projection.AP and rng.random() < 0.4:
        return short, long  # the cassette laid across
    return long, short


def _extras(
    rng: np.random.Generator, dealt: int, *, syntax: Syntax, bits: int, fault: Fault | None
) -> frozenset[Extra]:
    extras = {Extra.ICON} if rng.random() < 0.25 else set()
    if rng.random() < 0.12:
        extras.add(Extra.OVERLAY)
    elif rng.random() < 0.3 and bits <= 12 and not syntax.is_compressed:
        extras.add(Extra.EMBEDDED_OVERLAY)
    if fault is None and dealt % 9 == 4:
        extras.add(Extra.PREAMBLE)
    if fault is None and dealt % 9 == 6 and syntax in {Syntax.EXPLICIT, Syntax.IMPLICIT, Syntax.RLE, Syntax.JPEG_LS}:
        extras.add(Extra.TRAILING)
    return frozenset(extras)


def _burn(rng: np.random.Generator) -> Burn:
    """A third of the images carries identifiers, most of these and some others also markers."""
    draw = rng.random()
    if draw < 0.14:
        return Burn.IDENTIFIERS
    if draw < 0.34:
        return Burn.BOTH
    return Burn.MARKERS if draw < 0.6 else Burn.NOTHING
