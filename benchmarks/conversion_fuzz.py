"""Mutates files of every transfer syntax and counts what conversion makes of them: a picture, a code, or a fault.

Takes a seed; the same seed gives the same files. Each file goes to a worker process, because C libraries can end the
process that they run in, and the input of every decoder lies before a page that cannot be read. Faults are: a process
that ends, more than 5 CPU seconds, more than 1 GiB of memory, an error without a code. Exits with 1 where there is
one, and keeps those files where it is told to.

python benchmarks/conversion_fuzz.py [--files 2000] [--seed 1] [--keep DIR]
"""

import argparse
import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from conversion_files import ENCAPSULATED, LOSSY_BITS, NATIVE, encode_frame, file_bytes, make_dataset, make_picture
from pydicom.dataset import FileDataset
from pydicom.encaps import get_frame
from pydicom.uid import UID, RLELossless

MAX_CPU_S = 5.0
MAX_MEMORY_KIB = 1 << 20
_DEADLINE_S = 60.0  # by the clock: a busy machine may need longer than 5 s for 5 CPU seconds
_SHAPES = ((64, 50), (420, 512), (1, 300), (1500, 1200))
_SHAPE_ODDS = (0.4, 0.4, 0.1, 0.1)

_DECODERS = (
    "jpeg8_decode",
    "jpegsof3_decode",
    "jpegls_decode",
    "jpeg2k_decode",
    "htj2k_decode",
    "dicomrle_decode",
)

Rng = np.random.Generator
Mutation = Callable[[Rng, FileDataset], bytes]
"""Gives the bytes of a damaged file; may change the data set, which is made anew for each file."""


# ---------------------------------------------------------------- the mutations


def flip_bits(rng: Rng, dataset: FileDataset) -> bytes:
    """One to 64 bits anywhere, or in the header, or in the pixel data."""
    content = bytearray(file_bytes(dataset))
    first, last = _part(rng, content)
    for place in rng.integers(first, last, int(rng.integers(1, 65))):
        content[place] ^= 1 << int(rng.integers(8))
    return bytes(content)


def overwrite(rng: Rng, dataset: FileDataset) -> bytes:
    """A block of zeros, ones or noise over what stood there, or in between, or the block cut out."""
    content = file_bytes(dataset)
    first, last = _part(rng, content)
    start, length = int(rng.integers(first, last)), int(rng.choice([1, 2, 4, 16, 256, 4096]))
    noise = bytes(rng.integers(0, 256, length, dtype=np.uint8))
    block = [bytes(length), b"\xff" * length, noise, b""][int(rng.integers(4))]
    return content[:start] + block + content[start + (length if rng.random() < 0.7 else 0) :]


def truncate(rng: Rng, dataset: FileDataset) -> bytes:
    """The file ends early, anywhere."""
    content = file_bytes(dataset)
    return content[: int(rng.integers(len(content)))]


def lie_in_lengths(rng: Rng, dataset: FileDataset) -> bytes:
    """Four bytes anywhere become an extreme number: sooner or later the length of something."""
    content = bytearray(file_bytes(dataset))
    extremes = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFF, 0x01000000)
    for _ in range(int(rng.integers(1, 4))):
        first, last = _part(rng, content)
        place = int(rng.integers(first, max(last - 4, first + 1)))
        content[place : place + 4] = int(rng.choice(extremes)).to_bytes(4, "little")
    return bytes(content)


def lie_in_header(rng: Rng, dataset: FileDataset) -> bytes:
    """One to three attributes of the image become something else; the pixel data stays."""
    lies: dict[str, tuple[Any, ...]] = {
        "Rows": (0, 1, 65535, dataset.Rows + 1, dataset.Rows // 2, dataset.Rows * 2),
        "Columns": (0, 1, 65535, dataset.Columns + 1, dataset.Columns - 1, dataset.Columns * 2),
        "BitsAllocated": (0, 1, 8, 12, 16, 32, 64),
        "BitsStored": (0, 1, 7, 8, 10, 16, 17, 65535),
        "HighBit": (0, 7, 15, 31),
        "PixelRepresentation": (0, 1, 2),
        "SamplesPerPixel": (0, 1, 3, 4, 65535),
        "NumberOfFrames": ("0", "1", "2", "100000", "-1"),
        "PhotometricInterpretation": ("MONOCHROME1", "RGB", "YBR_FULL_422", "PALETTE COLOR", ""),
    }
    for keyword in rng.choice(sorted(lies), int(rng.integers(1, 4)), replace=False):
        setattr(dataset, keyword, lies[keyword][int(rng.integers(len(lies[keyword])))])
    return file_bytes(dataset)


def lie_in_syntax(rng: Rng, dataset: FileDataset) -> bytes:
    """The file meta names another transfer syntax than the pixels have."""
    content = file_bytes(dataset)
    other = (NATIVE + ENCAPSULATED)[int(rng.integers(len(NATIVE + ENCAPSULATED)))]
    name = str(dataset.file_meta.TransferSyntaxUID).encode()
    place = content.find(name)
    room = len(name) + len(name) % 2
    return content[:place] + str(other).encode().ljust(room, b"\0")[:room] + content[place + room :]


def splice_fragments(rng: Rng, dataset: FileDataset) -> bytes:
    """The frame in pieces that are swapped, doubled, left out or of wrong length; or another syntax's frame."""
    frame = _frame(dataset)
    if rng.random() < 0.2:
        other = ENCAPSULATED[int(rng.integers(len(ENCAPSULATED)))]
        bits = LOSSY_BITS.get(other, (12,))[-1]
        frame = encode_frame(make_picture(dataset.Rows, dataset.Columns, bits=bits), other, bits)
    cuts = np.sort(rng.integers(0, len(frame) + 1, int(rng.integers(1, 6)))).tolist()
    pieces = [frame[start:end] for start, end in zip([0, *cuts], [*cuts, len(frame)], strict=True)]
    order = rng.integers(0, len(pieces), len(pieces)) if rng.random() < 0.7 else np.arange(len(pieces))
    items = [b"", *(pieces[index] for index in order)]
    lies = rng.random(len(items)) < 0.15
    data = b"".join(
        b"\xfe\xff\x00\xe0"
        + (len(item) + (int(rng.integers(-8, 9)) if lie else 0)).to_bytes(5, "little", signed=True)[:4]
        + item
        for item, lie in zip(items, lies, strict=True)
    )
    dataset.PixelData = data
    dataset["PixelData"].is_undefined_length = dataset.file_meta.TransferSyntaxUID in ENCAPSULATED
    return file_bytes(dataset)


def lie_in_stream(rng: Rng, dataset: FileDataset) -> bytes:
    """The first bytes of the frame, where sizes and tables stand, damaged; header and stream may tell one lie."""
    frame = bytearray(_frame(dataset))
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if rng.random() < 0.5:
        taller, wider = (int(rng.choice([1, 2, 7])) * side for side in (rows, columns))
        for old, new in ((rows, taller), (columns, wider)):
            for size in (2, 4):
                place = frame.find(old.to_bytes(size, "big"), 0, 200)
                if place >= 0:
                    frame[place : place + size] = min(new, 65535).to_bytes(size, "big")
        dataset.Rows, dataset.Columns = min(taller, 65535), min(wider, 65535)
    else:
        for place in rng.integers(0, min(len(frame), 700), int(rng.integers(1, 9))):
            frame[place] = int(rng.integers(256))
    if dataset.file_meta.TransferSyntaxUID in ENCAPSULATED:
        item = bytes(frame) + b"\0" * (len(frame) % 2)
        dataset.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item
        dataset["PixelData"].is_undefined_length = True
    else:
        dataset.PixelData = bytes(frame)
    return file_bytes(dataset)


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits,
    overwrite,
    truncate,
    lie_in_lengths,
    lie_in_header,
    lie_in_syntax,
    splice_fragments,
    lie_in_stream,
)


def _part(rng: Rng, content: bytes | bytearray) -> tuple[int, int]:
    """The whole file, its first kilobyte, or what lies behind."""
    middle = min(1000, len(content) - 1)
    return ((0, len(content)), (128, middle), (middle, len(content)))[int(rng.integers(3))]


def _frame(dataset: FileDataset) -> bytes:
    if dataset.file_meta.TransferSyntaxUID in ENCAPSULATED:
        return bytes(get_frame(dataset.PixelData, 0, number_of_frames=1))
    return bytes(dataset.PixelData)


@dataclass(frozen=True, slots=True)
class Mutated:
    """One damaged file: what it was, and what was done to it."""

    syntax: UID
    mutation: str
    content: bytes


def mutate(seed: int, index: int) -> Mutated:
    """File `index` of the seed: every syntax meets every mutation in turn."""
    rng = np.random.default_rng((seed, index))
    syntaxes = NATIVE + ENCAPSULATED
    syntax = syntaxes[index % len(syntaxes)]
    mutation = MUTATIONS[index // len(syntaxes) % len(MUTATIONS)]
    bits = int(rng.choice(LOSSY_BITS.get(syntax, (8, 12, 16))))
    rows, columns = _SHAPES[int(rng.choice(len(_SHAPES), p=_SHAPE_ODDS))]
    pixels = make_picture(rows, columns, bits=bits, seed=index)
    if rng.random() < 0.2 and syntax != RLELossless:
        pixels = (pixels.astype(np.int32) - (1 << (bits - 1))).astype(np.int8 if bits == 8 else np.int16)
    return Mutated(syntax, mutation.__name__, mutation(rng, make_dataset(pixels, syntax, bits=bits)))


# ---------------------------------------------------------------- running them


class Subject:
    """A worker process that converts one file after the other; started anew after it ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def convert(self, path: Path) -> dict[str, Any]:
        """`outcome` (converted, a code, or a fault), `cpu_s`, `memory_kib`."""
        if self._process is None:
            command = [sys.executable, __file__, "--worker"]
            pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            self._process = subprocess.Popen(command, text=True, **pipes)
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("no pipes")
        stdin.write(f"{path}\n")
        stdin.flush()
        ready = select.select([stdout], [], [], _DEADLINE_S)[0]
        line = stdout.readline() if ready else ""
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        fault = "hang" if not ready else f"ended by signal {-self._process.wait()}"
        self.stop()
        return {"outcome": fault, "cpu_s": 0.0, "memory_kib": 0}

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None


def serve() -> None:
    """Convert the files that standard input names."""
    import imagecodecs
    from guard_pages import guard_module

    from cxr_core.errors import ItemError
    from cxr_core.imaging.convert import convert_image

    guard_module(imagecodecs, _DECODERS)
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # C libraries print what they like
    for line in sys.stdin:
        start = time.process_time()
        try:
            convert_image(Path(line.rstrip("\n")))
            outcome = "converted"
        except ItemError as error:
            outcome = error.reason.value
        except Exception as error:  # noqa: BLE001  what has no code is a fault, and counted
            outcome = f"raised {type(error).__name__}"
        told = {"outcome": outcome, "cpu_s": time.process_time() - start}
        told["memory_kib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answers.write(json.dumps(told) + "\n")
        answers.flush()


def fault_of(answer: dict[str, Any]) -> str:
    """What is wrong with an answer; empty where nothing is."""
    outcome = str(answer["outcome"])
    if outcome != "converted" and not outcome.startswith("E_"):
        return outcome
    if answer["cpu_s"] > MAX_CPU_S:
        return f"{answer['cpu_s']:.1f} CPU s"
    return "more than 1 GiB" if answer["memory_kib"] > MAX_MEMORY_KIB else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where files that led to a fault are kept")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        serve()
        return
    faults = run(options.files, options.seed, options.keep)
    sys.exit(bool(faults))


def run(files: int, seed: int, keep: Path | None) -> list[str]:
    """Convert the mutated files and print the counts; gives the faults."""
    outcomes: dict[str, Counter[str]] = {mutation.__name__: Counter() for mutation in MUTATIONS}
    faults: list[str] = []
    longest, largest = 0.0, 0
    subject = Subject()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.dcm"
        for index in range(files):
            mutated = mutate(seed, index)
            path.write_bytes(mutated.content)
            answer = subject.convert(path)
            outcomes[mutated.mutation][str(answer["outcome"])] += 1
            longest, largest = max(longest, answer["cpu_s"]), max(largest, answer["memory_kib"])
            fault = fault_of(answer)
            if fault:
                faults.append(f"{seed}-{index} {mutated.syntax.name}, {mutated.mutation}: {fault}")
            if fault and keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{seed}-{index}.dcm").write_bytes(mutated.content)
    subject.stop()
    for name, counts in outcomes.items():
        print(f"{name:<18}" + ", ".join(f"{outcome} {count}" for outcome, count in sorted(counts.items())))
    print(f"{files} files, {len(faults)} faults; longest {longest:.2f} CPU s, most memory {largest / 1024:.0f} MiB")
    print("\n".join(faults))
    return faults


if __name__ == "__main__":
    main()
