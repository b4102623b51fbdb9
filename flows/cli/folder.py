"""What `cxr deidentify` does: a folder of images through the airlock, with a vault of its own."""

import datetime as dt
import sys
import warnings
from collections import Counter
from pathlib import Path

import polars as pl

from cxr_core.deidentify.folder import link_images_only
from cxr_core.deidentify.requests import AirlockInput, build_airlock_input, originals
from cxr_core.deidentify.study import Airlock, StudyRequest
from cxr_core.errors import ItemError
from cxr_core.intake.catalog import catalog_folder
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.catalogue import DROPS, PSEUDONYMS
from cxr_core.tables.storage import read_table, write_bytes, write_table
from cxr_core.vault.audit import record
from cxr_core.vault.key import load_key
from cxr_core.vault.ledger import register
from cxr_core.vocabulary import ItemKind, Stage


def deidentify_folder(source: Path, output: Path, vault: Path, config: BuildConfig) -> tuple[int, Counter[str]]:
    """De-identify every CR and DX image below a folder (or one file).

    Returns
    -------
    (files written, refused files by reason code)
        The crosswalk (`pseudonyms.parquet`), what was refused (`drops.parquet`) and the audit lie in the vault.
    """
    key = load_key(config.vault.key_file)
    vault.mkdir(parents=True, exist_ok=True)
    vault.chmod(0o700)
    root = source if source.is_dir() else source.parent
    instances = catalog_folder(root)
    if source.is_file():
        instances = instances.filter(pl.col("path") == source.name)
    linked, refused = link_images_only(instances)
    ledger = register(read_table(PSEUDONYMS, vault / "pseudonyms.parquet"), originals(linked), key)
    write_table(PSEUDONYMS, ledger, vault / "pseudonyms.parquet")
    airlock_input = build_airlock_input(linked, ledger, key)
    done, late = _run(airlock_input, Airlock.open(config, root, airlock_input.site), output)
    _write_drops(refused, late, ledger, vault)
    counts = Counter(refused["reason"].cast(pl.String).to_list()) + Counter(late.values())
    record(vault, "deidentify", {"done": done, **counts}, now=dt.datetime.now(dt.UTC))
    return done, counts


def _run(airlock_input: AirlockInput, airlock: Airlock, output: Path) -> tuple[int, dict[str, str]]:
    done, refused = 0, dict[str, str]()
    for row in airlock_input.requests.iter_rows(named=True):
        request = StudyRequest.from_row(row)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pydicom's warnings print values
                result = airlock.run(request)
        except ItemError as error:
            refused |= {dicom_id: error.reason.value for _, dicom_id in request.files}
            continue
        folder = output / f"p{request.subject_id[:2]}" / f"p{request.subject_id}" / f"s{request.study_id}"
        for image in result.images:
            write_bytes(folder / f"{image.dicom_id}.dcm", image.content)
        done += len(result.images)
        refused |= {dicom_id: reason.value for dicom_id, reason in result.dropped}
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
