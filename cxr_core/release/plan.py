"""What a release consists of before it has a version: files with their digests, and the facts that run.json tells.

Gives the records that `assembly` fills, `publication` writes and `gates` judges; holds no rules of its own but the
content digest by which two releases are equal.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from cxr_core.review.statistics import LeakReview
from cxr_core.vocabulary import ItemKind, Reason, Stage


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file of the release that does not depend on its version.

    Parameters
    ----------
    path : str
        Path below the root, forward slashes; without the `name-version-` prefix where `is_prefixed`.
    sha256 : str
        Digest of the content, as the tables claim it for images.
    content : bytes or None
        What to write; None for images, which are linked from `source`.
    """

    path: str
    sha256: str
    content: bytes | None = field(default=None, repr=False)
    source: Path | None = field(default=None, repr=False)
    is_prefixed: bool = False

    def placed(self, prefix: str) -> str:
        """Path below the root in a release that is called `prefix` (name and version)."""
        return f"{prefix}-{self.path}" if self.is_prefixed else self.path


def written_file(path: str, content: bytes, *, is_prefixed: bool = False) -> PlannedFile:
    """Plan a file from its content."""
    return PlannedFile(path, hashlib.sha256(content).hexdigest(), content, None, is_prefixed)


def linked_file(path: str, sha256: str, source: Path) -> PlannedFile:
    """Plan an image that lies in the workspace."""
    return PlannedFile(path, sha256, None, source)


@dataclass(frozen=True, slots=True)
class DropCount:
    """How many items a stage left out for a reason."""

    stage: Stage
    kind: ItemKind
    reason: Reason
    count: int


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What run.json and the datasheet tell of the build; no time stamps, so that equal builds give equal bytes.

    Parameters
    ----------
    versions : tuple of (name, version)
        Hilum and the libraries that decide bytes.
    key_id : str
        First 8 hexadecimal digits of SHA-256 of the key.
    waivers : tuple of (gate, reason)
        Gates that were waived.
    readers : tuple of str
        Readers of burned-in text.
    deviations : tuple of str
        Where the build keeps more than the default (e.g. exact times, PS3.15 113107).
    notes : tuple of str
        Sentences of the split and of other stages for the datasheet.
    withdrawn, retired : frozenset of str
        Subject ids that were ever withdrawn, or retired because patients were merged or parted.
    """

    producer: str
    versions: tuple[tuple[str, str], ...]
    config_digest: str
    key_id: str
    drops: tuple[DropCount, ...] = ()
    waivers: tuple[tuple[str, str], ...] = ()
    readers: tuple[str, ...] = ()
    ps315_edition: str = "2026c"
    is_demo: bool = False
    deviations: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    withdrawn: frozenset[str] = frozenset()
    retired: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Tree:
    """One directory tree: its files, sorted by path, and the frames that its documents count."""

    files: tuple[PlannedFile, ...]
    images: pl.DataFrame = field(repr=False)
    labels: pl.DataFrame = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """Everything that a release holds, before it has a version.

    Parameters
    ----------
    name, version : str
        `version` is `auto` or fixed.
    withheld : Tree or None
        The test set, which goes to a root of its own.
    table_3 : frame or None
        Labels against manual labels, as from `evaluation.table3`; None where nobody labelled.
    balance : frame or None
        How alike the splits are, as from `balance.split_balance`.
    review : LeakReview or None
        What people saw who read the images; None where nobody did.
    """

    name: str
    version: str
    test_policy: str
    layout: str
    public: Tree
    withheld: Tree | None
    facts: RunFacts
    table_3: pl.DataFrame | None = field(default=None, repr=False)
    balance: pl.DataFrame | None = field(default=None, repr=False)
    review: LeakReview | None = field(default=None, repr=False)

    def content_digest(self) -> str:
        """SHA-256 over (tree, path without version, digest) of every file: equal content, equal digest."""
        digest = hashlib.sha256()
        for line in (*_lines("public", self.public), *_lines("withheld", self.withheld)):
            digest.update(line.encode())
        return digest.hexdigest()


def _lines(root: str, tree: Tree | None) -> Iterable[str]:
    if tree is None:
        return
    for file in sorted(tree.files, key=lambda item: (item.path, item.is_prefixed)):
        yield f"{root}\0{int(file.is_prefixed)}\0{file.path}\0{file.sha256}\n"
