"""A process of its own that takes every entry through the readers, each in a fork that may not grow, hang or crash.

Run as a script: takes the folder of the corpus and gives one line of JSON an entry and probe on standard output.
Burned-in text is found and blacked, and not read: the models would hide what a file costs.
"""

import hashlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from walking import files_below

from cxr_core.deidentify.header.acceptance import check_accepted
from cxr_core.deidentify.header.assembly import assemble
from cxr_core.deidentify.header.attributes import metadata
from cxr_core.deidentify.header.dates import DateShift
from cxr_core.deidentify.header.engine import deidentify_header
from cxr_core.deidentify.header.identity import ImageIdentity
from cxr_core.deidentify.pixels import redact_pixels
from cxr_core.errors import ItemError, TransientError, place_of
from cxr_core.imaging.decoding import decode
from cxr_core.imaging.reading import read_header
from cxr_core.intake.catalog import catalog_folder
from cxr_core.intake.sources.folder import read_path, spell_path
from cxr_core.policy.markers import load_marker_policy
from cxr_core.policy.profile import load_profile
from cxr_core.settings.deidentify import ProfileName

_LOST = "lost at catalog.py"

CPU_S = 5
"""Seconds of one processor that a file may cost."""
PEAK_BYTES = 1 << 30
"""Memory that a file may cost, the program and its libraries included."""

_GUARD_BYTES = 6 << 30  # for the machine's sake: what asks for more gets a MemoryError
_LARGE_BYTES = 300 << 20
_HANG_S = 120
CLEANED, UNREADABLE = "cleaned", "unreadable"


@dataclass(frozen=True, slots=True)
class Probed:
    """What one probe of one entry came to.

    Parameters
    ----------
    outcomes : dict
        Path below the entry to `cleaned`, a reason code, or what was raised and where.
    fault : str
        What the probe itself raised, and where; empty in general.
    signal : int
        What ended the process; 0 in general.
    uids : dict
        Path below the entry to its SOP instance UID, as the catalog has it.
    """

    entry: str
    probe: str
    outcomes: dict[str, str] = field(default_factory=dict)
    fault: str = ""
    signal: int = 0
    cpu_s: float = 0.0
    peak_bytes: int = 0
    uids: dict[str, str] = field(default_factory=dict)

    @property
    def is_within_bounds(self) -> bool:
        """It ended by itself, in time, and stayed small."""
        return not self.signal and self.cpu_s < CPU_S and self.peak_bytes < PEAK_BYTES

    @property
    def is_orderly(self) -> bool:
        """Nothing was raised but reasons."""
        return not self.fault and not any(" at " in outcome for outcome in self.outcomes.values())


class Blind:
    """A reader of burned-in text that reads nothing, so that all that looks like text goes."""

    name = "blind"

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """Nothing, for each crop."""
        return [("", 0.0) for _ in crops]


def through_the_stages(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Every file from its bytes to the bytes of a de-identified one."""
    return {spell_path(path.relative_to(folder)): _outcome(path) for path in files_below(folder)}, {}


def _outcome(path: Path) -> str:
    try:
        source = read_header(path)
        check_accepted(source)
        stored = decode(source)
        header = deidentify_header(source, _identity(), load_profile(ProfileName.MIMIC)).dataset
        metadata(header)
        pixels = redact_pixels(
            stored.pixels,
            photometric=stored.photometric,
            identifiers=(),
            readers=[Blind()],
            markers=load_marker_policy(),
        ).pixels
        assemble(header, pixels, bits_stored=stored.bits_stored, is_signed=stored.is_signed)
    except ItemError as error:
        return error.reason.value
    except TransientError:  # the disk's fault, by the contract of `read_header`
        return UNREADABLE
    except Exception as error:  # noqa: BLE001  whatever else is raised is what this is for
        return f"{type(error).__name__} at {place_of(error)}"
    return CLEANED


def _identity() -> ImageIdentity:
    dicom_id = "02aa804e-bde0afdd-112c0b34-7bc16630-4e384014"
    return ImageIdentity("10000032", "50414267", dicom_id, uids=_published, date_shift=DateShift(36_524))


def _published(original: str) -> str:
    return f"2.25.{int.from_bytes(hashlib.sha256(original.encode()).digest()[:16], 'big')}"


def through_the_catalog(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Every file as the catalog sees it; a path of the catalog that leads nowhere is a fault."""
    rows = catalog_folder(folder).select("path", "reason", "sop_instance_uid").rows()
    outcomes = {
        path: reason or (CLEANED if (folder / read_path(path)).exists() else "lost at catalog.py")
        for path, reason, _ in rows
    }
    return outcomes, {path: uid for path, _, uid in rows if uid is not None}


PROBES: dict[str, Callable[[Path], tuple[dict[str, str], dict[str, str]]]] = {
    "stages": through_the_stages,
    "catalog": through_the_catalog,
}


def _probe_all(jobs: Sequence[tuple[Path, str]]) -> Iterator[Probed]:
    """Forks that work on one job after the other; a new one where the last died or grew large."""
    place = 0
    while place < len(jobs):
        receiver, sender = os.pipe()
        child = os.fork()
        if not child:
            os.close(receiver)
            _be_the_child(jobs[place:], sender)
        os.close(sender)
        with os.fdopen(receiver, "rb") as stream:
            for line in stream:
                folder, name = jobs[place]
                yield Probed(folder.name, name, **json.loads(line))
                place += 1
        _, status, usage = os.wait4(child, 0)
        if os.WIFSIGNALED(status):
            folder, name = jobs[place]
            cpu_s, peak_bytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
            yield Probed(folder.name, name, signal=os.WTERMSIG(status), cpu_s=cpu_s, peak_bytes=peak_bytes)
            place += 1


def _be_the_child(jobs: Sequence[tuple[Path, str]], sender: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_GUARD_BYTES, _GUARD_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for folder, name in jobs:
        signal.alarm(_HANG_S)
        before_s = _cpu_s()
        resource.setrlimit(resource.RLIMIT_CPU, (int(before_s) + CPU_S + 1, resource.RLIM_INFINITY))
        told: dict[str, object] = {}
        try:
            told["outcomes"], told["uids"] = PROBES[name](folder)
        except BaseException as error:  # noqa: BLE001  as above
            told["fault"] = f"{type(error).__name__} at {place_of(error)}"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        os.write(sender, json.dumps(told | {"cpu_s": _cpu_s() - before_s, "peak_bytes": peak}).encode() + b"\n")
        if peak > _LARGE_BYTES:  # what grew never shrinks: the next is measured in a process of its own
            break
    os._exit(0)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Probe every entry of a corpus."""
    load_profile(ProfileName.MIMIC)  # once, for all forks
    folders = sorted(Path(sys.argv[1]).iterdir())
    for probed in _probe_all([(folder, name) for folder in folders for name in PROBES]):
        sys.stdout.write(json.dumps(asdict(probed)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
