"""From an identified header to a new one that holds only what the profile lists.

Takes a source dataset, the image's identity and a profile; builds a `DeidentifiedHeader` and never edits the source.
Judging single values is left to `checkers`, `dates` and `cleaning`; pixels and the Part 10 file to `assembly`.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from cxr_core.deidentify.header import checkers, dates
from cxr_core.deidentify.header.acceptance import COMPUTED_RADIOGRAPHY, check_accepted, name_of
from cxr_core.deidentify.header.cleaning import PeopleNames, code_item, kept_codes
from cxr_core.deidentify.header.identity import ImageIdentity
from cxr_core.deidentify.header.reading import Found, Value, read, read_stored, silence, text_of
from cxr_core.errors import BuildError, ItemError
from cxr_core.policy.codes import CodeContext
from cxr_core.policy.limits import PIXEL_TAGS
from cxr_core.policy.profile import Check, KeepRule, Profile, Requirement
from cxr_core.vocabulary import Reason

METHOD = "Hilum: keep-list header, closed dictionaries, redacted pixels"

_BIRTH_DATE, _STUDY_DATE, _SEX, _AGE = 0x00100030, 0x00080020, 0x00100040, 0x00101010
_SIGN, _STORED, _HIGH_BIT = 0x00280103, 0x00280101, 0x00280102
_LOSSY = 0x00282110
_TOGETHER = ((0x00281050, 0x00281051), (0x00281052, 0x00281053))  # window centre and width, rescale intercept and slope
_PERMITS_EMPTY = frozenset({Check.DATE, Check.DATETIME, Check.TIME})
_LOSSY_SYNTAXES = frozenset(
    f"1.2.840.10008.1.2.4.{last}" for last in ("50", "51", "81", "91", "93", "203")
)  # PS3.5 annex A.4: baseline, extended, near-lossless JPEG-LS, and the JPEG 2000 family without "lossless only"


@dataclass(frozen=True, slots=True)
class DeidentifiedHeader:
    """A header that may leave, without pixels.

    Parameters
    ----------
    dataset : Dataset
        Only tags of the profile's rules.
    dropped_elements : int
        Elements of the source's top level, and items of kept sequences, whose value did not survive.
    emptied_dates : int
        Dates that were invalid, partial, or fell outside 2100-2200.
    """

    dataset: Dataset = field(repr=False)
    dropped_elements: int
    emptied_dates: int


@dataclass(frozen=True, slots=True)
class _Judged:
    """What is to be written for one attribute; `value` None means refused, "" means empty."""

    value: object = field(repr=False)
    dropped_items: int = 0


_REFUSED, _EMPTY = _Judged(None), _Judged("")


@dataclass(slots=True)
class _Builder:
    source: Dataset = field(repr=False)
    identity: ImageIdentity = field(repr=False)
    profile: Profile = field(repr=False)
    names: PeopleNames = field(repr=False)
    header: Dataset = field(default_factory=Dataset, repr=False)
    dropped: int = 0
    emptied_dates: int = 0


def deidentify_header(
    source: Dataset, identity: ImageIdentity, profile: Profile, *, known_names: Collection[str] = ()
) -> DeidentifiedHeader:
    """Build the header that may leave.

    Source: PS3.15 annex E; 45 CFR 164.514(b)(2).

    Parameters
    ----------
    source : Dataset
        Identified dataset; with or without pixel data, never edited.
    identity : ImageIdentity
        Pseudonyms and date shift.
    profile : Profile
        The keep-list.
    known_names : collection of str
        Lower-case name words that the patient dictionary knows beyond this header; a description with one of them goes.

    Raises
    ------
    ItemError
        `E_SOP` for another kind of object, `E_TYPE1` where a required attribute is missing or refused.
    BuildError
        Where the UID mapper returns anything but a `2.25.` UID.
    """
    with silence():
        check_accepted(source)
        build = _Builder(source, identity, profile, PeopleNames(source, frozenset(known_names)))
        present = frozenset(int(tag) for tag in source.keys())  # noqa: SIM118 - iterating a Dataset parses it
        for rule in profile.rules.values():
            if rule.check is not Check.WRITTEN and (rule.tag in present or _notices_absence(rule)):
                _apply(build, rule)
        _drop_widowed(build)
        _declare_lossy(build)
        _write_ours(build)
        build.dropped += sum(_is_unlisted(tag, profile) for tag in present)
    return DeidentifiedHeader(build.header, build.dropped, build.emptied_dates)


def _notices_absence(rule: KeepRule) -> bool:
    """True where something is written, computed or refused although the source lacks the element."""
    return rule.check is Check.AGE or rule.requirement in {Requirement.REQUIRED, Requirement.MAY_BE_EMPTY}


def _is_unlisted(tag: int, profile: Profile) -> bool:
    return tag not in profile.rules and tag not in PIXEL_TAGS and tag & 0xFFFF != 0 and tag >> 16 != 0x0002


def _apply(build: _Builder, rule: KeepRule) -> None:
    found = read(build.source, rule.tag)
    judged = _judge(build, rule, found)
    build.dropped += judged.dropped_items
    if judged.value is None:
        build.dropped += 1
        build.emptied_dates += rule.check in {Check.DATE, Check.DATETIME}
    if judged.value is None or judged.value in ("", []):
        _apply_nothing(build, rule, found)
    else:
        _write(build, rule, judged.value)


def _apply_nothing(build: _Builder, rule: KeepRule, found: Found) -> None:
    """Follow the requirement where no value may be written (PS3.5 section 7.4)."""
    if rule.requirement is Requirement.REQUIRED:
        raise ItemError(Reason.E_TYPE1, f"{name_of(rule.tag)} missing or refused")
    is_emptied = found.present and (rule.requirement is Requirement.EMPTY_IF_PRESENT or rule.check in _PERMITS_EMPTY)
    if rule.requirement is Requirement.MAY_BE_EMPTY or is_emptied:
        _write(build, rule, None)


def _write(build: _Builder, rule: KeepRule, value: object) -> None:
    vr = rule.vr
    if vr == "US or SS":
        vr = "SS" if _is_signed(build.source) else "US"
    build.header.add(DataElement(rule.tag, vr, value))


def _judge(build: _Builder, rule: KeepRule, found: Found) -> _Judged:
    match rule.check:
        case Check.EMPTY:
            return _EMPTY if found.empty else _REFUSED
        case Check.CODES:
            return _judge_codes(build, rule)
        case Check.AGE:
            return _judge_age(build, found)
        case Check.MODALITY:
            return _judge_modality(build, rule, found)
        case Check.STORED:
            return _judge_stored(build, rule)
    if not found.readable:
        return _REFUSED
    if not found.values:
        return _EMPTY
    judged = _judge_numbers(rule, found.values)
    return _judge_text(build, rule, found) if judged is None else judged


def _judge_numbers(rule: KeepRule, values: tuple[Value, ...]) -> _Judged | None:
    """Judge numbers and enumerations; None where the rule asks for something else."""
    match rule.check:
        case Check.INTEGER:
            return _one_or_many(checkers.integers(values, rule))
        case Check.DECIMAL:
            return _one_or_many(checkers.decimals(values, rule))
        case Check.CHOICE | Check.REGISTERED:
            return _one_or_many(checkers.choices(values, rule))
        case Check.LEADING:
            return _one_or_many(checkers.leading(values, rule))
        case Check.ORIENTATION:
            return _one_or_many(checkers.orientation(values))
        case _:
            return None


def _judge_text(build: _Builder, rule: KeepRule, found: Found) -> _Judged:
    text, shift = text_of(found), build.identity.date_shift
    match rule.check:
        case Check.UID:
            return _judge_uid(build, text)
        case Check.DATE:
            return _Judged(dates.shift_date(text, shift))
        case Check.TIME:
            return _Judged(dates.clean_time(text, build.identity.time_policy))
        case Check.DATETIME:
            return _Judged(dates.shift_datetime(text, shift, build.identity.time_policy))
        case Check.TERMS:
            return _judge_terms(build, text)
        case Check.MAKER:
            return _Judged(build.profile.terms.maker(text, names=build.names.words))
        case _:
            return _REFUSED


def _one_or_many(values: list[str] | list[int] | None) -> _Judged:
    if values is None:
        return _REFUSED
    return _Judged(values[0] if len(values) == 1 else values)


def _judge_uid(build: _Builder, text: str) -> _Judged:
    if not checkers.is_uid(text):
        return _REFUSED
    mapped = build.identity.uids(text)
    if not checkers.is_published_uid(mapped):
        raise BuildError("the UID mapper returned no published UID (2.25. and an integer below 2^128)")
    return _Judged(mapped)


def _judge_terms(build: _Builder, text: str) -> _Judged:
    terms = build.profile.terms
    if terms.accepted(text) is None:
        return _REFUSED
    return _Judged(terms.accepted(text, names=build.names.words))


def _judge_codes(build: _Builder, rule: KeepRule) -> _Judged:
    context = rule.context or CodeContext.PROCEDURE
    kept = kept_codes(build.source, rule.tag, context, build.profile.codes)
    return _Judged(Sequence([code_item(code) for code in kept.codes]) if kept.codes else "", kept.dropped)


def _judge_age(build: _Builder, found: Found) -> _Judged:
    """Believe the older of the stated age and the one that the dates give: an age over 89 must not slip through."""
    stated = dates.clean_age(text_of(found)) if found.readable else None
    birth, study = read(build.source, _BIRTH_DATE), read(build.source, _STUDY_DATE)
    computed = dates.age_between(text_of(birth), text_of(study)) if birth.readable and study.readable else None
    if build.identity.hide_age:
        return _REFUSED if found.values else _EMPTY
    if dates.OVER_89 in {stated, computed}:
        return _Judged(dates.OVER_89)
    refused = _EMPTY if found.empty else _REFUSED
    return _Judged(stated) if stated else _Judged(computed) if computed else refused


def _judge_modality(build: _Builder, rule: KeepRule, found: Found) -> _Judged:
    """Follow the SOP class where the modality is another one: it says the same and was checked."""
    stated = checkers.choices(found.values, rule) if found.values else None
    if stated:
        return _Judged(stated[0])
    is_computed = text_of(read(build.source, 0x00080016)) == COMPUTED_RADIOGRAPHY
    return _Judged("CR" if is_computed else "DX")


def _judge_stored(build: _Builder, rule: KeepRule) -> _Judged:
    """Judge a value in pixel units, whose VR follows PixelRepresentation (PS3.5 annex A.2)."""
    signed = _is_signed(build.source)
    found = read_stored(build.source, rule.tag, signed=signed)
    if found.empty:
        return _EMPTY
    values = checkers.integers(found.values, rule)
    low, high = (-32768, 32767) if signed else (0, 65535)
    return _Judged(values[0]) if values and low <= values[0] <= high else _REFUSED


def _is_signed(source: Dataset) -> bool:
    return read(source, _SIGN).values in ((1,), ("1",))


def _drop_widowed(build: _Builder) -> None:
    """Drop the half of a pair whose other half was refused: a window centre without a width means nothing."""
    for one, other in _TOGETHER:
        present = [tag for tag in (one, other) if tag in build.header]
        if len(present) == 1 or (present and build.header[one].VM != build.header[other].VM):
            for tag in present:
                del build.header[tag]
            build.dropped += len(present)


def _declare_lossy(build: _Builder) -> None:
    """Say that a lossy stream was decoded, even where the source forgot to (PS3.3 C.7.6.1.1.5)."""
    meta = getattr(build.source, "file_meta", None)
    syntax = text_of(read(meta, 0x00020010)) if isinstance(meta, Dataset) else ""
    if syntax in _LOSSY_SYNTAXES and _LOSSY in build.profile.rules:
        build.header.add(DataElement(_LOSSY, "CS", "01"))


def _write_ours(build: _Builder) -> None:
    header, identity = build.header, build.identity
    header.add_new(0x00080005, "CS", "ISO_IR 192")
    header.add_new(0x00100020, "LO", identity.subject_id)
    header.add_new(0x00200010, "SH", identity.study_id)
    header.add_new(_HIGH_BIT, "US", int(header[_STORED].value) - 1)
    header.add_new(0x00120062, "CS", "YES")
    header.add_new(0x00120063, "LO", METHOD)
    has_times = any(
        not header[tag].is_empty
        for tag, rule in build.profile.rules.items()
        if rule.check in _PERMITS_EMPTY and tag in header
    )
    header.add_new(0x00280303, "CS", "MODIFIED" if has_times else "REMOVED")
    methods = ["113100", "113105"]
    if has_times:
        methods.append("113107")
    if any(tag in header and not header[tag].is_empty for tag in (_SEX, _AGE)):
        methods.append("113108")
    header.add_new(0x00120064, "SQ", Sequence([method_item(build.profile, value) for value in methods]))


def method_item(profile: Profile, value: str) -> Dataset:
    """Build an item of DeidentificationMethodCodeSequence (PS3.16 CID 7050)."""
    code = profile.codes.find(CodeContext.DEIDENTIFICATION, "DCM", value)
    if code is None:
        raise BuildError("codes.toml lacks a de-identification method")
    return code_item(code)
