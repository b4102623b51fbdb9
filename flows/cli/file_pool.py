"""How the file tools run over many files: each one in a worker process, so that a crash costs one file.

Takes a function's dotted name and its arguments for each file; gives answers in the order of the files. What an
answer means is left to the command.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cxr_core.errors import ItemError, TransientError
from cxr_core.vocabulary import Reason
from flows.progress import BuildProgress
from tasks.workers import WorkerPool

_DEADLINE_S = 600.0


def run_files(
    function: str, calls: Sequence[tuple[Path, tuple[Any, ...]]], *, title: str, workers: int
) -> Iterator[tuple[Path, Any]]:
    """Call a function for each file.

    Parameters
    ----------
    function : str
        `module:name`, imported in the workers.
    calls : sequence of (name of the file, arguments)
    title : str
        Of the progress bar.
    workers : int
        Most processes; no more than there are files.

    Yields
    ------
    (name, answer)
        The answer is a Reason where the file was refused or its worker ended; that is told on standard error.
    """
    workers = max(min(workers, len(calls)), 1)
    pool = WorkerPool(workers, deadline_s=_DEADLINE_S, log=Path(os.devnull))

    def one(call: tuple[Path, tuple[Any, ...]]) -> tuple[Any, str]:
        try:
            return pool.call(function, *call[1]), ""
        except ItemError as error:
            return error.reason, str(error)
        except TransientError as error:  # names the kind of failure, such as PermissionError, and no path
            return Reason.E_CRASH, f"{Reason.E_CRASH.value}: {error}"

    with pool, ThreadPoolExecutor(workers) as threads, BuildProgress().stage(title, len(calls)) as tick:
        for (name, _), (answer, why) in zip(calls, threads.map(one, calls), strict=True):
            tick(1)
            if isinstance(answer, Reason):
                sys.stderr.write(f"{name}: {why}\n")
            yield name, answer
