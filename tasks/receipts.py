"""Which receipts a build keeps: one a step over the whole dataset, each with all that decides its result.

Takes workspace, settings and what a step reads and leaves; gives the step. Whether a receipt holds is told by
`cxr_core.planning.receipts`, and a test watches which tables a step opens, so that none is forgotten here.
"""

import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import cxr_core
import tasks
from cxr_core.planning.receipts import Step, program_digest
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.contract import Contract
from cxr_core.tables.stage_store import StageStore
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.key import VaultKey

_LIBRARIES = ("numpy", "polars", "pyarrow", "dataframely", "pydicom", "imagecodecs")


def receipt_step(
    name: str,
    workspace: Workspace,
    config: BuildConfig,
    *,
    reads: Iterable[Path],
    leaves: Iterable[Path],
    key: VaultKey | None = None,
    words: Iterable[str] = (),
) -> Step:
    """A step with everything that decides whatever the step: settings but those of the run, program, libraries, key."""
    settings = config.model_dump_json(exclude={"run"})
    secret = key.subkey("receipts").hex() if key else ""
    return Step(
        workspace.catalog / "receipts" / f"{name}.json",
        tuple(reads),
        tuple(leaves),
        (settings, secret, *words, *_program()),
    )


def _program() -> tuple[str, ...]:
    packages = [Path(str(package.__file__)).parent for package in (cxr_core, tasks)]
    return (program_digest(*packages), sys.version, *(f"{name}={version(name)}" for name in _LIBRARIES))


def store_files(store: StageStore) -> tuple[Path, ...]:
    """All tables of a per-study stage, those of its parts included."""
    return table_files(store, *store.tables)


def table_files(store: StageStore, *contracts: Contract) -> tuple[Path, ...]:
    """Some of its tables."""
    folders = (store.root, *store.parts())
    return tuple(folder / f"{contract.name}.parquet" for folder in folders for contract in contracts)
