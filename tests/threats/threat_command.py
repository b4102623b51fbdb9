"""Runs `cxr deidentify` over entries of the corpus as a user would, and gathers everything it left.

Takes the folder of the corpus and names of entries, gives a `Run`. One process does all of them; where that fails,
halves of them are run alone until the culprits are found.
"""

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from corpus import HONEST
from walking import entries_below

COMMAND = Path(sys.executable).with_name("cxr")
_HANG_S = 600
_DROP_FROM_BOUNDING_SET = 24  # prctl(2); 1 and 2 are CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of capabilities(7)
_OVERRIDES = (1, 2)


@dataclass(frozen=True, slots=True)
class Run:
    """What one call of the command left.

    Parameters
    ----------
    root : Path
        Everything that the command could write to; the output and the vault lie in it.
    entries : tuple of str
        The entries that were its input.
    code : int
        Exit code; negative where a signal ended it.
    changed : tuple of str
        Files outside the output and the vault that came, went or changed.
    fates : dict
        Name of an entry to the reason codes or `cleaned` of its files.
    written : dict
        File below the output to the name of its entry.
    """

    root: Path = field(repr=False)
    entries: tuple[str, ...] = field(repr=False)
    code: int
    out: bytes = field(repr=False)
    err: bytes = field(repr=False)
    changed: tuple[str, ...] = field(default=(), repr=False)
    fates: Mapping[str, list[str]] = field(default_factory=dict, repr=False)
    written: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def output(self) -> Path:
        """As deep as the ids climb, so that they would come out within `root`."""
        return output_of(self.root)


def output_of(root: Path) -> Path:
    """The output below the root of a run."""
    return root / "one" / "two" / "three" / "four" / "out"


def run_command(source: Path, root: Path, entries: Sequence[str], entry_of_uid: Mapping[str, str]) -> Run:
    """De-identify some entries, which lie in `source`, in one process.

    Parameters
    ----------
    root : Path
        A new folder, as empty as the command finds it; home and temporary folder lie in it, too.
    entry_of_uid : mapping
        SOP instance UID to the entry it stands in.
    """
    output, vault = output_of(root), root / "vault"
    for folder in (output.parent, root / "home", root / "tmp", root / "work"):
        folder.mkdir(parents=True)
    key = root / "key"
    key.write_text("5a" * 32)
    key.chmod(0o600)
    before = _snapshot(root) | _snapshot(source.parent)
    command = [str(COMMAND), "deidentify", str(source), "-o", str(output), "--vault", str(vault)]
    process = subprocess.Popen(
        [*command, "--reader", "rapidocr", "--workers", "1"],
        cwd=root / "work",
        env=_environment(root, key),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=without_overrides,  # noqa: PLW1509  this process starts no thread
    )
    out, err = _wait(process)
    after = _snapshot(root) | _snapshot(source.parent)
    changed = {name for name, _ in before.items() ^ after.items()}
    written, fates = _account(output, vault, entry_of_uid)
    if len(entries) == 1 and "" in fates:  # the catalog did not come to name its ids
        fates.setdefault(entries[0], []).extend(fates.pop(""))
        written = {name: owner or entries[0] for name, owner in written.items()}
    return Run(root, tuple(entries), process.returncode, out, err, tuple(sorted(changed)), fates, written)


def without_overrides() -> None:
    """Make root obey the modes of files, as any other user does; whoever is not root has nothing to lose here."""
    for capability in _OVERRIDES:
        ctypes.CDLL(None).prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)


def _environment(root: Path, key: Path) -> dict[str, str]:
    mine = {"HILUM_KEY_FILE": str(key), "HOME": str(root / "home"), "TMPDIR": str(root / "tmp"), "LC_ALL": "C.UTF-8"}
    return {"PATH": os.environ["PATH"], **mine}


def _wait(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    try:
        return process.communicate(timeout=_HANG_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        return process.communicate()


def _snapshot(root: Path) -> dict[str, tuple[int, ...]]:
    """Kind, size, times and place of everything but the output and the vault."""
    hidden = tuple(f"{folder}/" for folder in (output_of(root), root / "vault"))
    found = {}
    for entry in entries_below(root):
        if f"{entry.path}/".startswith(hidden):
            continue
        with contextlib.suppress(OSError):  # longer than a path may be
            stat = entry.stat(follow_symlinks=False)
            is_folder = entry.is_dir(follow_symlinks=False)
            found[entry.path] = (stat.st_mode, stat.st_ino, *(() if is_folder else (stat.st_size, stat.st_mtime_ns)))
    return found


def _account(output: Path, vault: Path, entry_of_uid: Mapping[str, str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Which file of the output is whose, and what became of each file of the input."""
    fates: dict[str, list[str]] = {}
    written: dict[str, str] = {}
    uids: dict[str, str] = {}
    if (vault / "pseudonyms.parquet").exists():
        ledger = pl.read_parquet(vault / "pseudonyms.parquet").filter(pl.col("kind").cast(pl.String) == "instance")
        uids = dict(ledger.select("pseudonym", "original").iter_rows())
    for entry in entries_below(output):
        if entry.is_file(follow_symlinks=False):
            owner = entry_of_uid.get(uids.get(Path(entry.name).stem, ""), "")
            written[str(Path(entry.path).relative_to(output))] = owner
            fates.setdefault(owner, []).append("cleaned")
    if (vault / "drops.parquet").exists():
        for original, path, reason in (
            pl.read_parquet(vault / "drops.parquet").select("original", "path", "reason").rows()
        ):
            owner = path.split("/")[0] if path else entry_of_uid.get(original, "")
            fates.setdefault(owner, []).append(reason)
    return written, fates


def run_in_parts(
    source: Path, root: Path, parts: Sequence[Sequence[str]], entry_of_uid: Mapping[str, str]
) -> list[Run]:
    """Run every part in a process, and the halves of a part that fails again, until those that fail are single entries.

    The entries are moved into the input of their run and back.
    """
    waiting = [tuple(part) for part in parts if part]
    runs: list[Run] = []
    while waiting:
        entries = waiting.pop()
        place = root / f"run-{len(runs)}"
        inside = source.with_name(f"{source.name}-{len(runs)}")
        inside.mkdir()
        moved = (*entries, HONEST)
        for name in moved:
            (source / name).rename(inside / name)
        run = run_command(inside, place, entries, entry_of_uid)
        for name in moved:
            (inside / name).rename(source / name)
        inside.rmdir()
        runs.append(run)
        if run.code != 0 and len(entries) > 1:
            half = len(entries) // 2
            waiting += [entries[:half], entries[half:]]
    return runs
