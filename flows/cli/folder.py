"""What `cxr deidentify` does: a folder of images through the airlock, with a vault of its own."""

import datetime as dt
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl

from cxr_core.deidentify.folder import link_images_only
from cxr_core.deidentify.pixels import build_readers
from cxr_core.deidentify.requests import AirlockInput, build_airlock_input, originals
from cxr_core.errors import ItemError, TransientError, UsageError
from cxr_core.intake.catalog import catalog_folder
from cxr_core.intake.sources.folder import holds_nothing, spell_path
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.catalogue import DROPS, PSEUDONYMS
from cxr_core.tables.storage import read_table, write_table
from cxr_core.vault.audit import record
from cxr_core.vault.custody import claim
from cxr_core.vault.key import load_key
from cxr_core.vault.ledger import register
from cxr_core.vocabulary import ItemKind, Reason, Stage
from flows.cli.places import make_writable
from flows.progress import BuildProgress
from tasks.workers import WorkerPool

_WORK = "tasks.folder_work:deidentify"


def deidentify_folder(source: Path, output: Path, vault: Path, config: BuildConfig) -> tuple[int, Counter[str]]:
    """De-identify every CR and DX image below a folder (or one file).

    Returns
    -------
    (files written, refused files by reason code)
        The crosswalk (`pseudonyms.parquet`), what was refused (`drops.parquet`) and the audit lie in the vault.

    Raises
    ------
    UsageError
        No usable key, a vault of another key, a reader that is not installed, a folder without files, an output that
        cannot be written.
    """
    key = load_key(config.vault.key_file)
    root = source if source.is_dir() else source.parent
    if holds_nothing(root):
        raise UsageError(f"{source} holds no file")
    build_readers(config.deidentify.readers, easyocr_weights=config.deidentify.easyocr_weights)  # before the work
    claim(vault, key)
    make_writable(output)
    instances = catalog_folder(root)
    if source.is_file():
        instances = instances.filter(pl.col("path") == spell_path(Path(source.name)))
    linked, refused = link_images_only(instances)
    mine = key.for_project(config.vault.project)
    ledger = register(
        read_table(PSEUDONYMS, vault / "pseudonyms.parquet"),
        originals(linked),
        mine,
        digits=config.vault.id_digits,
        keep_weekday=config.dates.keep_weekday,
    )
    write_table(PSEUDONYMS, ledger, vault / "pseudonyms.parquet")
    asked = build_airlock_input(linked, ledger, mine)
    done, late = _run(asked, root, output, vault, config)
    _write_drops(refused, late, ledger, vault)
    counts = Counter(refused["reason"].cast(pl.String).to_list()) + Counter(late.values())
    record(vault, "deidentify", {"done": done, **counts}, now=dt.datetime.now(dt.UTC))
    return done, counts


def _run(
    asked: AirlockInput, source: Path, output: Path, vault: Path, config: BuildConfig
) -> tuple[int, dict[str, str]]:
    """Every study in a worker: what crashes or hangs one worker costs one study."""
    workers = min(config.run.workers, max(asked.requests.height, 1))
    done, refused = 0, dict[str, str]()
    pool = WorkerPool(workers, deadline_s=config.run.study_deadline_s, log=vault / "workers.log")
    progress = BuildProgress()

    def one(row: dict[str, Any]) -> tuple[int, dict[str, str]]:
        try:
            written: tuple[int, dict[str, str]] = pool.call(_WORK, source, output, config, asked.site, row)
        except ItemError as error:
            return 0, dict.fromkeys(row["dicom_ids"], error.reason.value)
        except TransientError:
            return 0, dict.fromkeys(row["dicom_ids"], Reason.E_CRASH.value)
        return written

    with pool, ThreadPoolExecutor(workers) as threads, progress.stage("deidentify", asked.requests.height) as tick:
        for written, dropped in threads.map(one, asked.requests.iter_rows(named=True)):
            done += written
            refused |= dropped
            tick(1)
    for dicom_id, code in sorted(refused.items()):
        sys.stderr.write(f"{dicom_id}: {code}\n")
    return done, refused


def _write_drops(refused: pl.DataFrame, late: dict[str, str], ledger: pl.DataFrame, vault: Path) -> None:
    uids = dict(ledger.select("pseudonym", "original").iter_rows())
    rows = [
        {"kind": ItemKind.FILE.value, "original": path, "path": path, "stage": Stage.CATALOG.value, "reason": reason}
        for path, reason in refused.iter_rows()
    ] + [
        {
            "kind": ItemKind.INSTANCE.value,
            "original": uids[dicom_id],
            "path": None,
            "stage": Stage.DEIDENTIFY.value,
            "reason": reason,
        }
        for dicom_id, reason in late.items()
    ]
    write_table(DROPS, DROPS.frame(rows), vault / "drops.parquet")
