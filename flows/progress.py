"""What a person sees while a build runs: a bar per stage on a terminal, a line every 30 s otherwise, or nothing.

Takes stage names and counts; the numbers come from the flows. Writes to standard error, so that `--json` stays clean.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

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
            with _every(_LINE_EVERY_S, lines.show):
                yield lines.tick
            lines.finish()

    @contextmanager
    def stages(self, names: Sequence[str], most: int) -> Iterator[Mapping[str, Tick]]:
        """Show stages that take turns, wave by wave: a bar each from the first wave to the last.

        Parameters
        ----------
        most : int
            Studies that a stage may come to do; how many it is in the end turns out behind the stage before it.
        """
        if self._console.is_terminal:
            with self._bar() as bar:
                tasks = {name: bar.add_task(name, total=most) for name in names}
                yield {name: partial(bar.advance, task) for name, task in tasks.items()}
                for task in tasks.values():
                    bar.update(task, total=bar.tasks[task].completed or 1, completed=bar.tasks[task].completed or 1)
        else:
            lines = {name: _Lines(self._console, name, most) for name in names}

            def show() -> None:
                for one in lines.values():
                    if one.is_begun:
                        one.show()

            with _every(_LINE_EVERY_S, show):
                yield {name: one.tick for name, one in lines.items()}
            for one in lines.values():
                one.settle()

    def _bar(self) -> Progress:
        return Progress(
            TextColumn("{task.description:<11}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
        )


@contextmanager
def _every(seconds: float, show: Callable[[], object]) -> Iterator[None]:
    """Show again and again, also while nothing ends: silence looks like a hang."""
    ended = threading.Event()

    def keep_showing() -> None:
        while not ended.wait(seconds):
            show()

    thread = threading.Thread(target=keep_showing, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class _Lines:
    """A line when a stage ends, and one whenever it is asked for before."""

    def __init__(self, console: Console, name: str, total: int | None) -> None:
        self._console, self._name, self._total = console, name, total
        self._done = 0
        self._started = time.monotonic()
        self._lock = threading.Lock()

    @property
    def is_begun(self) -> bool:
        return self._done > 0

    def tick(self, count: int) -> None:
        with self._lock:
            self._done += count

    def show(self) -> None:
        of = f"/{self._total}" if self._total is not None else ""
        self._print(f"{self._done}{of}")

    def settle(self) -> None:
        """The end of a stage of a wave: what was done is all."""
        self._print(f"{self._done}/{self._done}")

    def finish(self) -> None:
        of = f"/{self._total}" if self._total is not None else ""
        self._print(f"{self._done}{of}  {time.monotonic() - self._started:.1f} s")

    def _print(self, told: str) -> None:
        self._console.print(f"{self._name:<11} {told}", soft_wrap=True)
