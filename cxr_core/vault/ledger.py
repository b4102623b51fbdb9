"""Which pseudonym stands for which original. Ids are given once, in ordinals, and never change.

Takes the ledger so far and the originals of a build, gives the ledger with the new ones appended; an id is computed
from its ordinal alone, never from an identifier (45 CFR 164.514(c)(1)), so the key reverses nothing without the
ledger, which never leaves the vault. Writing it, in one transaction by a single writer, is left to the workspace.
"""

import datetime as dt
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from cxr_core.errors import BuildError
from cxr_core.tables.catalogue import PSEUDONYMS
from cxr_core.vault.key import VaultKey
from cxr_core.vocabulary import IdKind

# A patient's first study is shifted into these years, so that decades before and after it still lie in 2100-2200.
_FIRST_EARLIEST: Final = dt.date(2120, 1, 1)
_FIRST_LATEST: Final = dt.date(2180, 12, 31)
_DAYS_A_WEEK: Final = 7
_NUMBERED: Final = (IdKind.PATIENT, IdKind.STUDY)


@dataclass(frozen=True, slots=True)
class Original:
    """Something that needs a pseudonym."""

    kind: IdKind
    original: str = field(repr=False)
    issuer: str = field(default="", repr=False)
    first_date: dt.date | None = field(default=None, repr=False)


def register(
    ledger: pl.DataFrame,
    originals: Iterable[Original],
    key: VaultKey,
    *,
    digits: int = 8,
    keep_weekday: bool = False,
    also_taken: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Give every original its pseudonym.

    Parameters
    ----------
    ledger : PSEUDONYMS frame
        What was given so far; its rows come back unchanged.
    originals : iterable of Original
        Patients, studies and instances of this build, in any order, repeats allowed.
    digits : int
        Width of subject and study ids, 8 or 9.
    keep_weekday : bool
        Shift by whole weeks.
    also_taken : PSEUDONYMS frame, optional
        Ids that were given beside the ledger (`subjects`).

    Returns
    -------
    PSEUDONYMS frame
        The old rows and the new ones. The new ones of a batch get their ordinals in the order of a keyed digest, so
        that the same sources and key give the same ids whatever the order of arrival.
    """
    known = {(row["kind"], row["issuer"], row["original"]) for row in ledger.iter_rows(named=True)}
    fresh: dict[tuple[str, str, str], Original] = {}
    for item in originals:
        identity = (item.kind.value, item.issuer, item.original)
        if identity not in known:
            fresh.setdefault(identity, item)
    taken = ledger if also_taken is None else pl.concat([ledger, also_taken])
    rows: list[dict[str, object]] = []
    for kind in IdKind:
        mine = sorted((item for item in fresh.values() if item.kind is kind), key=_arrival_order(key))
        rows.extend(give(taken, kind, mine, IdMaker(key, digits, keep_weekday)))
    return pl.concat([ledger, PSEUDONYMS.frame(rows)]) if rows else ledger


@dataclass(frozen=True, slots=True)
class IdMaker:
    """Makes ids and shifts from ordinals, under the key of a project."""

    key: VaultKey
    digits: int
    keep_weekday: bool

    def number(self, purpose: str, ordinal: int, attempt: int = 0) -> int:
        """A keyed number of 256 bits, the same for the same purpose, ordinal and attempt."""
        message = f"{ordinal}:{attempt}".encode()
        return int.from_bytes(hmac.digest(self.key.subkey(purpose), message, "sha256"), "big")

    def pseudonym(self, kind: IdKind, ordinal: int, attempt: int) -> str:
        """The id of an ordinal; the next attempt gives another one, where the first is taken."""
        value = self.number(f"id:{kind.value}", ordinal, attempt)
        if kind is IdKind.INSTANCE:
            digits = f"{value % (1 << 160):040x}"
            return "-".join(digits[start : start + 8] for start in range(0, 40, 8))
        if kind is IdKind.SERIES:
            return f"2.25.{value % (1 << 128)}"
        lead = "1" if kind is IdKind.PATIENT else "5"
        return f"{lead}{value % 10 ** (self.digits - 1):0{self.digits - 1}d}"

    def date_shift(self, ordinal: int, first: dt.date) -> int:
        """Days by which a patient's dates move, so that the first study falls into 2120 to 2180."""
        span = (_FIRST_LATEST - _FIRST_EARLIEST).days
        shift = (_FIRST_EARLIEST - first).days + self.number("date", ordinal) % span
        return shift - shift % _DAYS_A_WEEK if self.keep_weekday else shift


def _arrival_order(key: VaultKey) -> Callable[[Original], bytes]:
    secret = key.subkey("order")

    def digest(item: Original) -> bytes:
        return hmac.digest(secret, f"{item.kind}\0{item.issuer}\0{item.original}".encode(), "sha256")

    return digest


def give(ledger: pl.DataFrame, kind: IdKind, originals: list[Original], maker: IdMaker) -> Iterable[dict[str, object]]:
    """PSEUDONYMS rows of originals that have no id yet, with the next free ordinals of their kind.

    Parameters
    ----------
    ledger : PSEUDONYMS frame
        Every id that is taken.

    Raises
    ------
    BuildError
        More than half of the ids of this width are given.
    """
    mine = ledger.filter(pl.col("kind") == kind.value)
    taken = set(mine["pseudonym"])
    last = mine["ordinal"].max()
    first_free = int(last) + 1 if isinstance(last, int) else 0
    if kind in _NUMBERED and len(taken) + len(originals) > 10 ** (maker.digits - 1) // 2:
        raise BuildError(
            f"more than half of the {maker.digits}-digit {kind.value} ids are given; set vault.id_digits = 9"
        )
    for ordinal, item in enumerate(originals, start=first_free):
        attempt = 0
        while (pseudonym := maker.pseudonym(kind, ordinal, attempt)) in taken:
            attempt += 1
        taken.add(pseudonym)
        yield {
            "kind": kind.value,
            "issuer": item.issuer,
            "original": item.original,
            "ordinal": ordinal,
            "pseudonym": pseudonym,
            "date_shift_days": _shift(maker, ordinal, item),
        }


def _shift(maker: IdMaker, ordinal: int, item: Original) -> int | None:
    if item.kind is not IdKind.PATIENT:
        return None
    return maker.date_shift(ordinal, item.first_date or dt.date(2015, 1, 1))


def published_uid(kind: IdKind, pseudonym: str, key: VaultKey) -> str:
    """The published UID of a study or an instance: `2.25.` and 128 bits (PS3.5 B.2), made from its pseudonym."""
    digest = hmac.digest(key.subkey(f"uid:{kind.value}"), pseudonym.encode(), "sha256")
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"
