"""Compares the whole path from DICOM file to JPEG file with the recipe and other programs, in one interleaved run.

Takes no input: the files are invented, two boxes are blacked on the way. Prints the minimum of CPU time for each
program and transfer syntax, equal JPEG files, where our time goes, and the bars that we hold ourselves to. Programs
that cannot redact or equalise do less work than the others.

python benchmarks/conversion.py                                 (ours, the recipe over our decoder, dcmj2pnm if there)
python benchmarks/conversion.py --peers .venv-peers --install   (makes a virtual environment a peer, then runs all)
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from conversion_engines import (
    DCMJ2PNM,
    ENGINES,
    LIMIT,
    NAIVE,
    OURS,
    RECIPE,
    RECIPE_OUR_DECODER,
    Engine,
    Steps,
)
from conversion_files import Box, file_bytes, make_dataset, make_picture
from peer_environments import install, interpreter_in
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))
from tasks.workers import NATIVE_ENVIRONMENT

SHAPE = (2800, 2800)
"""7.8 megapixels, as the common 3,056 x 2,544."""
BOXES: tuple[Box, ...] = ((80, 60, 160, 700), (2600, 1900, 2680, 2740))
SYNTAXES: dict[UID, str] = {
    ExplicitVRLittleEndian: "raw",
    JPEGLosslessSV1: "JPEG Lossless",
    JPEGLSLossless: "JPEG-LS",
    HTJ2KLossless: "HTJ2K",
    RLELossless: "RLE",
    JPEG2000Lossless: "JPEG 2000",
}
FULL_SET = 371_920
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
"""The peers run as people run them, but on one core like ours."""
_STEPS = ("read", "decode", "redact", "convert", "encode", "write", "facts")


@dataclass(slots=True)
class Measured:
    """What one engine needed for one kind of file, over all rounds: the best of each step and of the whole."""

    steps: Steps = field(default_factory=dict)
    best: float = float("inf")
    best_without_facts: float = float("inf")
    error: str = ""

    def add(self, steps: Steps) -> None:
        for name, value in steps.items():
            self.steps[name] = min(value, self.steps.get(name, value))
        self.best = min(self.best, sum(steps.values()))
        self.best_without_facts = min(self.best_without_facts, sum(v for k, v in steps.items() if k != "facts"))


Results = dict[str, dict[Engine, Measured]]


class Worker:
    """An engine in its own process."""

    def __init__(self, engine: Engine, interpreter: Path) -> None:
        script = Path(__file__).with_name("conversion_engines.py")
        root = Path(__file__).parents[1]
        paths = os.pathsep.join((str(root), os.environ.get("PYTHONPATH", ""))) if not engine.requirements else ""
        self.process = subprocess.Popen(
            [str(interpreter), str(script), engine.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": paths, **(NATIVE_ENVIRONMENT if engine in (OURS, LIMIT) else ONE_THREAD)},
        )

    def ask(self, source: Path, target: Path, boxes: tuple[Box, ...]) -> tuple[list[Steps], str]:
        """CPU milliseconds by step of each time in a row; none, and the kind of error, where it fails."""
        if self.process.stdin is None or self.process.stdout is None:
            return [], "no process"
        try:
            self.process.stdin.write(json.dumps({"source": str(source), "target": str(target), "boxes": boxes}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer = json.loads(line) if line else {"error": "did not start"}
        return answer.get("runs", []), answer.get("error", "")

    def stop(self) -> None:
        """Let the process end."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()


@contextmanager
def workers(peers: Path | None) -> Iterator[dict[Engine, Worker]]:
    """A process for every engine that is there."""
    with ExitStack() as stack:
        started = {}
        for engine in ENGINES:
            interpreter = interpreter_of(engine, peers)
            if interpreter is None or (engine is DCMJ2PNM and shutil.which("dcmj2pnm") is None):
                continue
            started[engine] = Worker(engine, interpreter)
            stack.callback(started[engine].stop)
        yield started


def measure(
    started: Mapping[Engine, Worker], folder: Path, *, rounds: int, images: int
) -> tuple[Results, Counter[str]]:
    """Run every engine over every file, one after the other, round by round.

    Returns
    -------
    results, equal
        Times by syntax and engine; how many of our JPEG files equal those of each other engine.
    """
    results: Results = {name: defaultdict(Measured) for name in SYNTAXES.values()}
    equal: Counter[str] = Counter()
    for syntax, name in SYNTAXES.items():
        for seed in range(images):
            source = folder / "in.dcm"
            source.write_bytes(file_bytes(make_dataset(make_picture(*SHAPE, seed=seed), syntax)))
            for _ in range(rounds):
                for engine, worker in started.items():
                    runs, error = worker.ask(source, _target(folder, engine), BOXES)
                    results[name][engine].error = error
                    for steps in runs:
                        results[name][engine].add(steps)
            ours = _target(folder, OURS).read_bytes()
            for engine in started:
                path = _target(folder, engine)
                equal[engine.name] += path.exists() and path.read_bytes() == ours
                path.unlink(missing_ok=True)
            equal["files"] += 1
    return results, equal


def _target(folder: Path, engine: Engine) -> Path:
    (folder / engine.name).mkdir(exist_ok=True)
    return folder / engine.name / "out.jpg"


# ---------------------------------------------------------------- tables


def times_table(results: Results, started: Mapping[Engine, Worker], equal: Counter[str], title: str) -> Table:
    table = Table(title=title)
    table.add_column("CPU ms (times ours)", no_wrap=True)
    for name in (*SYNTAXES.values(), "equal JPEG"):
        table.add_column(name, justify="right")
    for engine in started:
        if engine is LIMIT:
            continue
        cells = [_cell(results[name][engine], results[name][OURS].best) for name in SYNTAXES.values()]
        table.add_row(engine.title, *cells, f"{equal[engine.name]} of {equal['files']}")
    return table


def _cell(one: Measured, ours: float) -> str:
    if one.best == float("inf"):
        return "fails" if one.error else "-"
    return f"{one.best:.0f} ({one.best / ours:.1f})"


def steps_table(results: Results) -> Table:
    table = Table(title="Where our time goes: CPU ms, minimum of each step")
    table.add_column("", no_wrap=True)
    for name in (*_STEPS, "whole path", "and facts", "codecs alone", "path / codecs"):
        table.add_column(name, justify="right")
    for name in SYNTAXES.values():
        ours, codecs = results[name][OURS], results[name][LIMIT]
        alone = _alone(codecs)
        table.add_row(
            name,
            *(f"{ours.steps.get(step, 0):.1f}" for step in _STEPS),
            f"{ours.best_without_facts:.1f}",
            f"{ours.best:.1f}",
            f"{alone:.1f}",
            f"{ours.best_without_facts / alone:.2f}",
        )
    return table


def _alone(codecs: Measured) -> float:
    return codecs.steps["decode"] + codecs.steps["encode"]


@dataclass(frozen=True, slots=True)
class Bar:
    """What is asked of a ratio; `is_ceiling` where it must stay below."""

    what: str
    value: float | None
    bar: float
    stretch: float
    is_ceiling: bool = False

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not measured"
        sign = -1 if self.is_ceiling else 1
        met = [sign * self.value >= sign * limit for limit in (self.stretch, self.bar)]
        return "stretch" if met[0] else "met" if met[1] else "MISSED"


def bars(results: Results) -> list[Bar]:
    """The bars of the specification, each from this run; the whole path is read to write, facts left out."""

    def gain(name: str, engine: Engine) -> float | None:
        theirs = results[name][engine].best
        return None if theirs == float("inf") else theirs / results[name][OURS].best_without_facts

    def over_codecs(name: str) -> float:
        return results[name][OURS].best_without_facts / _alone(results[name][LIMIT])

    raw = results["raw"]
    step = raw[RECIPE_OUR_DECODER].steps["convert"] / raw[OURS].steps["convert"]
    hours = raw[OURS].best_without_facts * FULL_SET / 3.6e6
    return [
        Bar("recipe as installed, raw", gain("raw", RECIPE), 2, 2.5),
        Bar("recipe as installed, JPEG Lossless", gain("JPEG Lossless", RECIPE), 3, 4),
        Bar("recipe as installed, JPEG-LS", gain("JPEG-LS", RECIPE), 2, 2.3),
        Bar("naive scikit-image, raw", gain("raw", NAIVE), 8, 10),
        Bar("naive scikit-image, JPEG Lossless", gain("JPEG Lossless", NAIVE), 5, 7),
        Bar("raw over JPEG encoding alone", over_codecs("raw"), 1.8, 1.65, is_ceiling=True),
        Bar("JPEG Lossless over decode + encode", over_codecs("JPEG Lossless"), 1.25, 1.13, is_ceiling=True),
        Bar("HTJ2K over decode + encode", over_codecs("HTJ2K"), 1.25, 1.13, is_ceiling=True),
        Bar("conversion step against the recipe's", step, 6, 8),
        Bar(f"core-hours for {FULL_SET:,} raw images", hours, 2.5, 2.1, is_ceiling=True),
    ]


def bars_table(found: list[Bar]) -> Table:
    table = Table(title="Bars, whole path without facts")
    table.add_column("", no_wrap=True)
    for name in ("measured", "bar", "stretch", ""):
        table.add_column(name, justify="right")
    for bar in found:
        sign = "<= " if bar.is_ceiling else ">= "
        value = "-" if bar.value is None else f"{bar.value:.2f}"
        table.add_row(bar.what, value, f"{sign}{bar.bar:g}", f"{sign}{bar.stretch:g}", bar.verdict)
    return table


# ---------------------------------------------------------------- peers


def requirements_of_peers() -> dict[str, list[str]]:
    """What pip installs for each peer, with the OpenCV that we use: its version decides the bytes."""
    return {
        engine.name: [_pinned(requirement) for requirement in engine.requirements.split()]
        for engine in ENGINES
        if engine.requirements
    }


def _pinned(requirement: str) -> str:
    """Libraries that we use too, in our version."""
    return (
        f"{requirement}=={version(requirement)}"
        if requirement in {"pydicom", "opencv-python-headless"}
        else requirement
    )


def interpreter_of(engine: Engine, peers: Path | None) -> Path | None:
    """Our own interpreter, or the peer's; None where it is not installed."""
    if not engine.requirements:
        return Path(sys.executable)
    path = interpreter_in(peers or Path("absent"), engine.name)
    return path if path.exists() else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, metavar="DIR", help="virtual environments of the peers, DIR/NAME each")
    parser.add_argument("--install", action="store_true", help="make them first")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=1, help="different images of each syntax")
    options = parser.parse_args()
    if options.install and options.peers:
        install(options.peers, requirements_of_peers())
    console = Console(width=None if sys.stdout.isatty() else 150)
    with tempfile.TemporaryDirectory() as folder, workers(options.peers) as started:
        results, equal = measure(started, Path(folder), rounds=options.rounds, images=options.images)
    rows, columns = SHAPE
    title = f"{rows} x {columns}, 12 bits, two boxes; minimum of {options.rounds} interleaved rounds"
    console.print(times_table(results, started, equal, title))
    console.print(steps_table(results))
    console.print(bars_table(bars(results)))


if __name__ == "__main__":
    main()
