"""What only the vault knows and a draw needs: which device took an image, whose name is a word of the vocabulary.

Takes the workspace and gives numbers and study ids; names of models stay in a list inside the vault, names of patients
are compared here and given to nobody. Runs where an operator draws a sample; the review server never opens a vault.
"""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from cxr_core.errors import ItemError
from cxr_core.intake.sources.folder import read_header, read_path, text_of
from cxr_core.review.sampling import NamedLikeWords
from cxr_core.tables.catalogue import DEVICES, PSEUDONYMS, REQUESTS, STUDY_INSTANCES
from cxr_core.tables.storage import read_table, write_bytes, write_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.custody import case_salt
from cxr_core.vocabulary import IdKind

DEVICE_LIST = "review-devices.csv"
"""`device,maker,model,images`: what the numbers of device strata stand for."""

_FORMULA = ("=", "+", "-", "@")
_LEAST_NAME = 3  # letters: initials and "Li" are words everywhere


def has_vault(workspace: Workspace) -> bool:
    """Whether the vault is at hand: a workspace without one draws by what it knows itself."""
    return workspace.catalog_table(REQUESTS).is_file()


def unread_devices(workspace: Workspace) -> pl.DataFrame:
    """Files of the dataset whose device is not known yet: `path` and `fingerprint`."""
    wanted = read_table(STUDY_INSTANCES, workspace.catalog_table(STUDY_INSTANCES), ["path", "fingerprint"])
    known = read_table(DEVICES, workspace.catalog_table(DEVICES), ["path", "fingerprint"])
    return wanted.join(known, on=["path", "fingerprint"], how="anti")


def read_devices(workspace: Workspace, source: Path, tick: Callable[[], None] = lambda: None) -> None:
    """Read maker and model of files that are not known yet into the vault; once a file.

    Parameters
    ----------
    source : Path
        Folder of the build's images. What is no longer there is asked for again with the next draw.
    """
    rows = []
    for path, fingerprint in unread_devices(workspace).iter_rows():
        found = _device(source / read_path(path))
        if found is not None:
            rows.append({"path": path, "fingerprint": fingerprint, "maker": found[0], "model": found[1]})
        tick()
    if not rows:
        return
    place = workspace.catalog_table(DEVICES)
    new = DEVICES.frame(rows)
    kept = read_table(DEVICES, place).join(new, on="path", how="anti")
    write_table(DEVICES, pl.concat([kept, new]), place)


def _device(path: Path) -> tuple[str, str] | None:
    try:
        with path.open("rb") as file:
            node = read_header(file, path.stat().st_size).node
        maker, model = (
            " ".join(text_of(node, keyword).split()) for keyword in ("Manufacturer", "ManufacturerModelName")
        )
    except (OSError, ItemError):
        return None
    return maker, model


def device_numbers(workspace: Workspace) -> dict[str, str]:
    """Number of the device model of each image, by dicom_id; the list of what they stand for goes into the vault.

    The model with the most images is `#1`. Images of unknown models have no number.
    """
    devices = read_table(DEVICES, workspace.catalog_table(DEVICES))
    images = read_table(STUDY_INSTANCES, workspace.catalog_table(STUDY_INSTANCES))
    ledger = read_table(PSEUDONYMS, workspace.catalog_table(PSEUDONYMS), ["kind", "original", "pseudonym"])
    ids = ledger.filter(pl.col("kind") == IdKind.INSTANCE.value).select(
        sop_instance_uid="original", dicom_id="pseudonym"
    )
    named = (
        images.join(devices, on=["path", "fingerprint"]).join(ids, on="sop_instance_uid").filter(pl.col("model") != "")
    )
    named = named.with_columns(key=pl.concat_str(pl.col("maker", "model").str.to_lowercase(), separator="\0"))
    models = named.group_by("key").agg(pl.col("maker", "model").min(), images=pl.len())
    models = models.sort(["images", "key"], descending=[True, False]).with_row_index("place", offset=1)
    models = models.with_columns(device=pl.concat_str(pl.lit("#"), pl.col("place")))
    if models.height:
        listed = models.select("device", pl.col("maker", "model").map_elements(_inert, pl.String), "images")
        write_bytes(workspace.vault / DEVICE_LIST, listed.write_csv(line_terminator="\n").encode(), mode=0o600)
    return dict(named.join(models.select("key", "device"), on="key").select("dicom_id", "device").iter_rows())


def _inert(text: str) -> str:
    """A header's words as a spreadsheet shows them: what would begin a formula is text."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def named_like_words(workspace: Workspace) -> NamedLikeWords:
    """Studies of patients one of whose names is a word that a report may hold.

    These are the names that the text engine cannot tell by their spelling alone.
    """
    from cxr_core.deidentify.text.vocabulary import WordClass, load_vocabulary

    vocabulary = load_vocabulary()
    requests = read_table(REQUESTS, workspace.catalog_table(REQUESTS), ["study_id", "names"])
    studies = frozenset(
        study
        for study, names in requests.iter_rows()
        if any(len(name) >= _LEAST_NAME and vocabulary.classify(name) is not WordClass.UNKNOWN for name in names)
    )
    return NamedLikeWords(studies, case_salt(workspace.vault).hex())
