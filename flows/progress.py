"""What a person sees while a build runs: a bar per stage on a terminal, a line every 30 s otherwise, or nothing.

Takes stage names and counts; the numbers come from the flows. Writes to standard error, so that `--json` stays clean.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_LINE_EVERY_S = 30.0
Tick = Callable[[int], None]


class BuildProgress:
    """Progress of one build.

    Parameters
    ----------
    quiet : bool
        Show nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)

    def say(self, line: str) -> None:
        """One line of ours."""
        self._console.print(line, soft_wrap=True)

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Tick]:
        """Show one stage; the given function is called with the number of items that were just done.

        `total` None means unknown: the bar only counts.
        """
        if self._console.is_terminal:
            with self._bar() as bar:
                task = bar.add_task(name, total=total)
                yield lambda count: bar.advance(task, count)
                if total is None:
                    done = bar.tasks[0].completed
                    bar.update(task, total=done or 1, completed=done or 1)
        else:
            lines = _Lines(self._console, name, total)
            yield lines.tick
            lines.finish()

    def _bar(self) -> Progress:
        return Progress(
            TextColumn("{task.description:<11}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
        )


class _Lines:
    """A line when a stage ends, and one every 30 s before."""

    def __init__(self, console: Console, name: str, total: int | None) -> None:
        self._console, self._name, self._total = console, name, total
        self._done = 0
        self._started = self._last = time.monotonic()
        self._lock = threading.Lock()

    def tick(self, count: int) -> None:
        with self._lock:
            self._done += count
            if time.monotonic() - self._last >= _LINE_EVERY_S:
                self._last = time.monotonic()
                self._print("")

    def finish(self) -> None:
        self._print(f"  {time.monotonic() - self._started:.1f} s")

    def _print(self, more: str) -> None:
        of = f"/{self._total}" if self._total is not None else ""
        self._console.print(f"{self._name:<11} {self._done}{of}{more}", soft_wrap=True)
