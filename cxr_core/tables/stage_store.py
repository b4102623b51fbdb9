"""What a per-study stage has written: a base of sorted tables and the parts that came after it.

Takes the rows of a shard and commits them with one rename; gives each table back with the newest rows of every study.
Which studies are to be done is left to `planning`.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from cxr_core.tables.catalogue import LEDGER
from cxr_core.tables.contract import Contract
from cxr_core.tables.storage import read_table, sync, write_table, write_unseen

_IDS = pl.Schema({"study_id": pl.String})
Rows = Mapping[str, Sequence[Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class StageStore:
    """The tables of one stage.

    Parameters
    ----------
    root : Path
        Folder of the stage.
    contracts : tuple of Contract
        Its tables, each with a `study_id`; the ledger belongs to every stage and is not named.
    """

    root: Path
    contracts: tuple[Contract, ...]
    _spans: dict[str, tuple[str, str]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """First and last study of each part: parts never change, and a wave is a span of studies, too."""

    @property
    def tables(self) -> tuple[Contract, ...]:
        return (*self.contracts, LEDGER)

    @property
    def _parts(self) -> Path:
        return self.root / "parts"

    def commit(self, rows: Rows, ledger: Sequence[Mapping[str, object]]) -> None:
        """Write one shard's rows; they count from the moment of the rename, all or none.

        Raises
        ------
        ContractError
            The rows break a contract; nothing is written.
        """
        frames = {contract.name: contract.frame(rows.get(contract.name, ())) for contract in self.contracts}
        frames[LEDGER.name] = LEDGER.frame(ledger)
        name = self._next_part(frames[LEDGER.name])
        building = self._parts / f".{name}.{os.getpid()}.tmp"
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        for contract in self.tables:
            write_unseen(contract, frames[contract.name], self._file(contract, building))
        sync(building)
        building.rename(self._parts / name)
        sync(self._parts)

    def read(
        self, contract: Contract, columns: Sequence[str] | None = None, *, among: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """One table (or some columns) with the newest rows of every study, sorted by its key.

        Parameters
        ----------
        among : sequence of str, optional
            Only these studies; parts that hold none of them stay unread, so that a wave costs the same late as early.
        """
        layers = [self.root, *self._parts_with(among)]
        if len(layers) == 1 and among is None:  # the base is sorted and holds one set of rows a study
            return read_table(contract, self._file(contract, self.root), columns)
        ledgers = [self._layer(LEDGER, folder, place, ["study_id"]) for place, folder in enumerate(layers)]
        newest = pl.concat(ledgers).group_by("study_id").agg(pl.col("layer").max())
        if among is not None:
            newest = newest.join(pl.DataFrame({"study_id": list(among)}, schema=_IDS), on="study_id", how="semi")
        wanted = list(contract.columns if columns is None else columns)
        needed = [*dict.fromkeys((*wanted, *contract.key, "study_id"))]
        rows = [self._layer(contract, folder, place, needed) for place, folder in enumerate(layers)]
        kept = pl.concat(rows).join(newest, on=["study_id", "layer"], how="semi")
        return kept.sort(contract.key).select(wanted)

    def _parts_with(self, studies: Sequence[str] | None) -> list[Path]:
        """Parts that may hold one of these studies; all where none are named."""
        parts = self.parts()
        if studies is None:
            return parts
        first, last = min(studies, default=""), max(studies, default="")
        spans = [self._span(part) for part in parts]
        return [part for part, span in zip(parts, spans, strict=True) if span[0] <= last and span[1] >= first]

    def _span(self, part: Path) -> tuple[str, str]:
        if part.name not in self._spans:
            ids = read_table(LEDGER, self._file(LEDGER, part), ["study_id"])["study_id"].to_list()
            self._spans[part.name] = (min(ids, default=""), max(ids, default=""))
        return self._spans[part.name]

    def _layer(self, contract: Contract, folder: Path, place: int, columns: Sequence[str]) -> pl.DataFrame:
        frame = read_table(contract, self._file(contract, folder), columns)
        return frame.with_columns(pl.lit(place, dtype=pl.Int32).alias("layer"))

    @staticmethod
    def _file(contract: Contract, folder: Path) -> Path:
        return folder / f"{contract.name}.parquet"

    def ledger(self) -> pl.DataFrame:
        """What the stage has done."""
        return self.read(LEDGER)

    def gaps(self) -> list[Path]:
        """Tables that are not there although a ledger beside them speaks of their studies."""
        layers = [self.root] if self._file(LEDGER, self.root).exists() else []
        files = [self._file(contract, layer) for layer in [*layers, *self.parts()] for contract in self.tables]
        return [path for path in files if not path.exists()]

    def compact(self, keep: frozenset[str]) -> None:
        """Fold the parts into the base and drop studies that are no longer in the plan.

        A kill in between loses nothing: until a part is removed its rows still replace the base's.
        """
        for left in self._parts.glob(".*.tmp"):
            shutil.rmtree(left)
        parts = self.parts()
        if not parts and keep.issuperset(self.read(LEDGER, ["study_id"])["study_id"].to_list()):
            return  # nothing was added, nobody left
        # The ledger comes last: a study counts as done only once all of its rows lie in the base.
        for contract in self.tables:
            frame = self.read(contract).filter(pl.col("study_id").is_in(list(keep)))
            write_table(contract, frame, self._file(contract, self.root))
        for part in parts:
            shutil.rmtree(part)
        self._spans.clear()

    def parts(self) -> list[Path]:
        """Folders of the shards that came after the base, the oldest first."""
        if not self._parts.is_dir():
            return []
        with os.scandir(self._parts) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.name[0].isdigit() and entry.is_dir())

    def _next_part(self, ledger: pl.DataFrame) -> str:
        """Names sort in the order of commits; the digest keeps two writers of one moment apart."""
        numbers = [int(part.name.split("-")[0]) for part in self.parts()[-1:]]
        digest = hashlib.sha256("\n".join(ledger["study_id"]).encode()).hexdigest()[:12]
        return f"{max(numbers, default=0) + 1:08d}-{digest}"
