"""Who may open a vault, and how it ends: its mode, its one key, its backup, its seal.

Takes the vault's folder; claims it for one key, copies it into one file, or destroys what leads pseudonyms back to
people. What lies in the vault is left to the stages; the key itself to `key`.
"""

import datetime as dt
import json
import secrets
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path

from cxr_core.errors import UsageError
from cxr_core.tables.storage import atomic_path, sync, write_bytes
from cxr_core.vault.audit import AUDIT_FILE, record
from cxr_core.vault.key import VaultKey

_KEY_ID = "key_id"
_SEAL = "seal.json"
# Made again from a seed; what libraries printed; what the PACS has and sends again.
_NOT_KEPT = frozenset({"demo", "workers.log", "received", "incoming"})
_CHUNK_BYTES = 1 << 20


def claim(vault: Path, key: VaultKey) -> None:
    """Open or begin a vault under a key: mode 0700, and the same key ever after.

    Raises
    ------
    UsageError
        The vault was sealed, was begun with another key (pseudonyms of two keys in one ledger would tie patients to
        wrong ids), or cannot be written.
    """
    refuse_sealed(vault)
    try:
        vault.mkdir(parents=True, exist_ok=True)
        vault.chmod(0o700)
        _check_key(vault, key)
    except OSError:
        raise UsageError(f"vault {vault} cannot be written") from None


def _check_key(vault: Path, key: VaultKey) -> None:
    path = vault / _KEY_ID
    if not path.exists():
        write_bytes(path, key.key_id.encode(), mode=0o600)
    elif (begun := path.read_text()) != key.key_id:
        raise UsageError(
            f"{vault} was begun with key {begun}, not {key.key_id}: name that key, or choose another place"
        )


def case_salt(vault: Path) -> bytes:
    """The secret under which what was never registered gets a name; made when it is first asked for.

    Raises
    ------
    UsageError
        The vault cannot be written.
    """
    path = vault / "case_salt"
    try:
        if not path.exists():
            write_bytes(path, secrets.token_hex(16).encode(), mode=0o600)
        return path.read_bytes()
    except OSError:
        raise UsageError(f"vault {vault} cannot be written") from None


def is_sealed(vault: Path) -> bool:
    """True from the moment a seal was begun, also where it was cut off."""
    return (_record_of(vault) / _SEAL).exists()


def refuse_sealed(vault: Path) -> None:
    """Refuse to begin anew where a vault was sealed.

    Raises
    ------
    UsageError
        Naming what still works.
    """
    if is_sealed(vault):
        raise UsageError(
            f"{vault} was sealed: nothing can be added, looked up or verified any more; begin a new workspace"
        )


def seal(vault: Path, *, now: dt.datetime) -> int:
    """Destroy the crosswalk and all that is identified; audit and key id stay in `<vault>.sealed`.

    Files are overwritten once and removed. On disks that copy on write, only the loss of their encryption key destroys
    what was written: the key of the disk must go, too. A seal that was cut off is finished by calling it again.

    Returns
    -------
    int
        Files destroyed by this call.
    """
    kept, doomed = _record_of(vault), vault.with_name(f"{vault.name}.destroying")
    if not vault.is_dir() and not doomed.is_dir():
        raise UsageError(f"{vault} is no vault")
    if vault.is_dir():
        if not (vault / _KEY_ID).is_file():
            raise UsageError(f"{vault} is no vault: it holds no key id")
        _keep_record(vault, kept, now)
        vault.rename(doomed)
        sync(vault.parent)
    destroyed = _shred(doomed)
    record(kept, "vault seal", {"files": destroyed}, now=now)
    return destroyed


def _record_of(vault: Path) -> Path:
    return vault.with_name(f"{vault.name}.sealed")


def _keep_record(vault: Path, kept: Path, now: dt.datetime) -> None:
    kept.mkdir(exist_ok=True)
    kept.chmod(0o700)
    for name in (AUDIT_FILE, _KEY_ID):
        if (vault / name).is_file():
            write_bytes(kept / name, (vault / name).read_bytes(), mode=0o600)
    write_bytes(kept / _SEAL, json.dumps({"when": now.isoformat(timespec="seconds")}).encode(), mode=0o600)


def _shred(folder: Path) -> int:
    destroyed = 0
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("r+b") as stream:
                for _ in range(0, path.stat().st_size, _CHUNK_BYTES):
                    stream.write(secrets.token_bytes(_CHUNK_BYTES))
                stream.truncate()
            sync(path)
            destroyed += 1
    shutil.rmtree(folder)
    sync(folder.parent)
    return destroyed


def back_up(root: Path, folders: Sequence[Path], target: Path) -> int:
    """Write folders below a workspace into one tar file, readable by its owner alone; equal content, equal bytes.

    The file is not encrypted: that is the place it goes to.

    Returns
    -------
    int
        Files in it.
    """
    files = [
        path
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _NOT_KEPT & set(path.relative_to(folder).parts)
    ]
    if not files:
        raise UsageError(f"{root} holds nothing to back up")
    if target.exists():
        raise UsageError(f"{target} exists already; a backup is never overwritten")
    try:
        with atomic_path(target, 0o600) as temporary, tarfile.open(temporary, "w") as archive:
            for path in files:
                archive.add(path, path.relative_to(root).as_posix(), recursive=False, filter=_plain)
    except OSError:
        raise UsageError(f"{target} cannot be written") from None
    return len(files)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without owner and time, which differ between equal vaults."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    member.mode = 0o600
    return member
