"""What the tests let a worker do: answer, fail in every way, print, die."""

import os
import resource
import signal
import sys
import time
from pathlib import Path

from cxr_core.errors import ItemError, UsageError
from cxr_core.vocabulary import Reason

CANARY = "Canary^Marigold 7719402"


def double(value: int) -> int:
    return 2 * value


def process_id() -> int:
    return os.getpid()


def quarantine() -> None:
    raise ItemError(Reason.E_PIXELS, "three of four bytes")


def refuse() -> None:
    raise UsageError("name a reader")


def lose_disk() -> None:
    raise OSError(5, f"input/output error on {CANARY}", f"/vault/{CANARY}")


def fill_disk() -> None:
    with Path("/dev/full").open("w") as stream:  # takes nothing, as a full disk
        stream.write(CANARY)


def quote_patient() -> None:
    try:
        raise KeyError(CANARY)  # noqa: TRY301  the cause must quote the patient, too
    except KeyError as cause:
        raise ValueError(f"no such patient: {CANARY}") from cause


def give_what_cannot_travel() -> object:
    return lambda: CANARY


def exit_at_once() -> None:
    os._exit(3)


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def sleep_long() -> None:
    time.sleep(600)


def wait_for(path: Path) -> str:
    while not path.exists():
        time.sleep(0.02)
    return path.name


def be_noisy() -> None:
    sys.stdout.write("printed by Python\n")
    os.write(1, b"written to 1\n")
    os.write(2, b"written to 2\n")


def environment(names: tuple[str, ...]) -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in names}


def fill_memory(size: int) -> int:
    """Write to fresh memory; gives the pages that the kernel had to hand over."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(b"x") * size
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
