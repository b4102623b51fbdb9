"""Which strings identify the people of the source, in every form in which they may be written.

Takes the vault's catalogue of instances and reports; gives needles, hidden from `repr`. Searching them is left to
`matching`.
"""

import datetime as dt
import functools
import itertools
import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import polars as pl

from cxr_core.verification.findings import Finding
from cxr_core.verification.tokens import fold, split_mixed, tokenize

Phrase = tuple[str, ...]

_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae"})
_NAME_BORDER = re.compile(r"[\^=,\s]+")


@dataclass(frozen=True, slots=True)
class Limits:
    """Shortest strings that are searched (`never_list.toml`)."""

    name_part_letters: int
    user_name_letters: int
    phone_digits: int
    uid_digits: int
    identifier_characters: int
    number_digits: int
    place_letters: int
    stream_bytes: int


@dataclass(frozen=True, slots=True)
class NeverList:
    """The verifier's own policy, read once from `never_list.toml`."""

    limits: Limits
    not_names: frozenset[str]
    not_places: frozenset[str]
    never_keywords: frozenset[str]
    never_groups: tuple[tuple[int, int], ...]
    file_patterns: tuple[str, ...]


@functools.cache
def load_never_list() -> NeverList:
    """Read the policy beside this module."""
    raw: dict[str, Any] = tomllib.loads(
        resources.files("cxr_core.verification").joinpath("never_list.toml").read_text(encoding="utf-8")
    )
    limits = {name: value for name, value in raw["needles"].items() if name != "reason"}
    return NeverList(
        Limits(**limits),
        frozenset(raw["not_names"]["words"].split()),
        frozenset(raw["not_places"]["words"].split()),
        frozenset(raw["never_tags"]["keywords"].split()),
        tuple((first, last) for first, last in raw["never_groups"]["ranges"]),
        tuple(raw["files"]["patterns"]),
    )


@dataclass(frozen=True, slots=True)
class Needles:
    """What is searched.

    Parameters
    ----------
    words : mapping of folded token to kind
        Name parts, names written in one, ids without separators, dates as DA.
    phrases : mapping of first token to (tokens, kind)
        Full names in both orders, written dates, ids at their separators, addresses, places.
    uids : frozenset of str
        UIDs of the source.
    streams : mapping of bytes to kind
        Strings long enough to be searched in coded pixel streams.
    issued : frozenset of str
        Pseudonyms that were given: where an id of one patient equals a published pseudonym, it is the pseudonym.
    largest_count : int
        No count of the release is larger than the catalog; a larger number is no count.
    """

    words: dict[str, Finding] = field(repr=False)
    phrases: dict[str, tuple[tuple[Phrase, Finding], ...]] = field(repr=False)
    uids: frozenset[str] = field(repr=False)
    streams: dict[bytes, Finding] = field(repr=False)
    issued: frozenset[str] = field(default=frozenset(), repr=False)
    largest_count: int = 0


class _Collector:
    """Gathers needles; the first kind given to a string stays."""

    def __init__(self, policy: NeverList) -> None:
        self.policy = policy
        self.words: dict[str, Finding] = {}
        self.phrases: dict[Phrase, Finding] = {}
        self.uids: set[str] = set()
        self.streams: dict[bytes, Finding] = {}

    def add_name(self, name: str) -> None:
        plain = name.casefold().translate(_UMLAUTS)
        for written in {name, plain} if plain != name.casefold() else {name}:
            self._add_written_name(written)

    def _add_written_name(self, name: str) -> None:
        parts = [part for part in map(_name_tokens, _NAME_BORDER.split(name)) if part]
        for part in parts:
            self._add_name_part("".join(part))
            for token in part:
                self._add_name_part(token)
        for first, second in itertools.permutations(parts, 2):
            for pair in itertools.product(first, second):
                self._add_pair(pair)
        if len(parts) > 1:
            self._add_stream(name, Finding.NAME)
            self._add_user_names(["".join(part) for part in parts[:2]])
        if len(parts) > 2:
            self.words.setdefault("".join(token for part in parts for token in part), Finding.NAME)

    def _add_user_names(self, parts: list[str]) -> None:
        """ "tsmall" and "smallt", as mail and log-in names are made."""
        for surname, given in itertools.permutations(parts, 2):
            if len(surname) >= self.policy.limits.user_name_letters:
                self.words.setdefault(given[:1] + surname, Finding.NAME_PART)
                self.words.setdefault(surname + given[:1], Finding.NAME_PART)

    def _add_name_part(self, token: str) -> None:
        if len(token) >= self.policy.limits.name_part_letters and token not in self.policy.not_names:
            self.words.setdefault(token, Finding.NAME_PART)

    def _add_pair(self, pair: Phrase) -> None:
        if any(len(token) == 1 or token in self.policy.not_names for token in pair):
            return  # the other part alone is searched; "a chest" would hit everywhere
        self.phrases.setdefault(pair, Finding.NAME)
        self.words.setdefault("".join(pair), Finding.NAME)
        for glue in ("^", " "):
            self._add_stream(glue.join(pair), Finding.NAME)

    def add_identifier(self, value: str, kind: Finding = Finding.IDENTIFIER) -> None:
        tokens = tokenize(fold(value))
        squashed = "".join(tokens)
        bare = squashed.lstrip("0")
        enough = self.policy.limits.identifier_characters
        if len(bare) < enough or len(set(bare)) == 1 or not any(char.isdigit() for char in bare):
            return
        self.words.setdefault(squashed, kind)
        self.words.setdefault(bare, kind)
        if len(tokens) > 1:
            self.phrases.setdefault(tuple(tokens), kind)
        for number in split_mixed([bare]):
            # An accession is also written without its letters; fewer digits are anyone's number.
            if number.isdigit() and len(number) >= self.policy.limits.number_digits:
                self.words.setdefault(number.lstrip("0"), kind)
        self._add_stream(value, kind)
        self._add_stream(squashed, kind)

    def add_phone(self, value: str) -> None:
        self.add_identifier(value, Finding.PHONE)
        digits = "".join(char for char in value if char.isdigit())
        if len(digits) == self.policy.limits.phone_digits:
            self.words.setdefault(f"1{digits}", Finding.PHONE)
            self.phrases.setdefault((digits[3:6], digits[6:]), Finding.PHONE)

    def add_path(self, value: str) -> None:
        """A name of a source file or folder that is long and has digits: an export is often named after the patient."""
        for piece in value.split("/"):
            if len(piece) >= self.policy.limits.stream_bytes:
                self.add_identifier(piece)

    def add_uid(self, uid: str) -> None:
        self.uids.add(uid)
        last = uid.rpartition(".")[2]
        if len(last) >= self.policy.limits.uid_digits:
            self.words.setdefault(last, Finding.UID)
        self._add_stream(uid, Finding.UID)

    def add_date(self, day: dt.date) -> None:
        """DA and written forms: 2013-12-09, 12/09/2013, 12/9/2013, 09.12.2013, Dec 9, 2013, 9th December 2013."""
        year, month, name = f"{day.year:04d}", f"{day.month:02d}", _MONTHS[day.month - 1]
        self.words.setdefault(f"{day:%Y%m%d}", Finding.DATE)
        self._add_stream(f"{day:%Y%m%d}", Finding.DATE)
        forms: set[tuple[str, ...]] = set()
        for number, mm in ((f"{day.day:02d}", month), (str(day.day), str(day.month))):
            forms |= {(year, mm, number), (mm, number, year), (number, mm, year)}
            for word in {name, name[:3], name[:4]}:
                for written in (number, f"{day.day}{_ordinal(day.day)}"):
                    forms |= {(word, written, year), (written, word, year), (written, "of", word, year)}
                    forms.add((year, word, written))
        for form in forms:
            self.phrases.setdefault(form, Finding.DATE)

    def add_address(self, value: str) -> None:
        tokens = tokenize(fold(value))
        if len(tokens) < 2 or sum(map(len, tokens)) < self.policy.limits.place_letters:
            return
        self.phrases.setdefault(tuple(tokens), Finding.ADDRESS)
        if tokens[0].isdigit() and len(tokens) > 2:
            self.phrases.setdefault(tuple(tokens[:3]), Finding.ADDRESS)
        self._add_stream(value, Finding.ADDRESS)

    def add_place(self, value: str) -> None:
        tokens = tokenize(fold(value))
        telling = [token for token in tokens if token not in self.policy.not_places and not token.isdigit()]
        if sum(map(len, telling)) < self.policy.limits.name_part_letters:
            return
        if len(tokens) > 1:
            self.phrases.setdefault(tuple(tokens), Finding.PLACE)
        elif len(tokens[0]) >= self.policy.limits.place_letters:
            self.words.setdefault(tokens[0], Finding.PLACE)

    def _add_stream(self, value: str, kind: Finding) -> None:
        if len(value) < self.policy.limits.stream_bytes:
            return  # by letters, also in UTF-16: dark pixels read as short texts with a zero between
        for form in (value, value.upper(), value.title()):
            self.streams.setdefault(form.encode(), kind)
        for form in (value, value.upper()):
            self.streams.setdefault(form.encode("utf-16-le"), kind)

    def needles(self, issued: Iterable[str], *, largest_count: int) -> Needles:
        by_first: dict[str, list[tuple[Phrase, Finding]]] = defaultdict(list)
        for phrase, kind in self.phrases.items():
            by_first[phrase[0]].append((phrase, kind))
        indexed = {first: tuple(phrases) for first, phrases in by_first.items()}
        given = frozenset(issued)
        # A packed table spells its pseudonyms; as a value, an id that equals one is judged by where it stands.
        streams = {data: kind for data, kind in self.streams.items() if data.decode("utf-8", "replace") not in given}
        return Needles(self.words, indexed, frozenset(self.uids), streams, given, largest_count)


def build_needles(
    instances: pl.DataFrame,
    reports: pl.DataFrame,
    pseudonyms: pl.DataFrame | None = None,
    encounters: pl.DataFrame | None = None,
) -> Needles:
    """Gather every searched string.

    Parameters
    ----------
    instances : INSTANCES frame
    reports : REPORTS frame
    pseudonyms : PSEUDONYMS frame, optional
        Issued pseudonyms; with them, a chance equality of an id and a pseudonym is no finding.
    encounters : ENCOUNTERS frame, optional
    """
    collector = _Collector(load_never_list())
    frames = [instances, reports, *([encounters] if encounters is not None else [])]
    for adder, names in _COLUMNS:
        for value in _values(names, *frames):
            adder(collector, value)
    for day in _days(*frames):
        collector.add_date(day)
    issued = pseudonyms["pseudonym"] if pseudonyms is not None else ()
    return collector.needles(issued, largest_count=sum(frame.height for frame in frames))


def _ordinal(day: int) -> str:
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


# Ids first: an id that reads as a date or a name is told as an id.
_COLUMNS: tuple[tuple[Callable[[_Collector, str], None], tuple[str, ...]], ...] = (
    (
        _Collector.add_identifier,
        ("patient_id", "accession_number", "report_id", "identifiers", "accession_numbers", "visit"),
    ),
    (_Collector.add_path, ("path",)),
    (_Collector.add_phone, ("phones",)),
    (_Collector.add_uid, ("study_instance_uid", "series_instance_uid", "sop_instance_uid", "rejected_uids")),
    (_Collector.add_name, ("person_names", "staff_names")),
    (_Collector.add_address, ("addresses",)),
    (_Collector.add_place, ("places",)),
)


def _values(names: tuple[str, ...], *frames: pl.DataFrame) -> list[str]:
    """Distinct strings of the columns in whichever frame has them, lists opened, sorted."""
    found: set[str] = set()
    for frame in frames:
        for name in set(names) & set(frame.columns):
            column = frame[name]
            opened = column.explode(empty_as_null=True) if column.dtype == pl.List else column
            found.update(value.strip() for value in opened.drop_nulls() if value.strip())
    return sorted(found)


def _days(*frames: pl.DataFrame) -> Iterator[dt.date]:
    found: set[dt.date] = set()
    for frame in frames:
        for name, dtype in frame.schema.items():
            if dtype == pl.Date or isinstance(dtype, pl.Datetime):
                found.update(frame[name].cast(pl.Date).drop_nulls().to_list())
    yield from sorted(found)


def _name_tokens(part: str) -> Phrase:
    return tuple(token for token in tokenize(fold(part)) if not token.isdigit())
