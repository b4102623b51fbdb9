"""Plants identifiers in invented files and counts which engines leave them readable, beside what each keeps and costs.

Ours and the peers get the same files in one run, each in a process of its own; the peers' interpreters are virtual
environments that this script makes, because their pins are not the project's. What is planted is told by
`header_files.py`. Every peer runs as its own documentation says; a file that an engine does not write counts its
identifiers as not published and its needed attributes as lost.

python benchmarks/header_leaks.py                                (ours alone)
python benchmarks/header_leaks.py --peers DIR --install          (makes DIR/NAME for each peer, then runs all)
python benchmarks/header_leaks.py --peers DIR --details          (also which identifiers ours leaves, and where)
"""

# The peers' interpreters run this file too (`--worker`) and have neither numpy nor rich nor our package: whatever is
# not of the standard library is imported where it is used.
import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peer_environments import install, interpreter_in

if TYPE_CHECKING:
    from header_files import InventedFile, Planted
    from pydicom.dataset import Dataset
    from rich.table import Table

    from cxr_core.deidentify.study import Airlock, StudyRequest

ROUNDS = 5
_TIMEOUT_S = 900
_NOTE = """Hilum: the path of `cxr deidentify` from catalog and ledger to the written file, pixels decoded and written
uncompressed, without the readers of burned-in text (nothing is burned in here). The peers copy the pixels as they are.
files/s: warm, median of 5 rounds over all files; CPU seconds are what a busy machine does not blur. A file that is
not written counts its identifiers as not published and its needed attributes as lost."""
_BLOB_BYTES = 1 << 24

FileWork = Callable[[Path, Path], object]
"""Reads one file, writes one file."""
FolderWork = Callable[[Path, Path], dict[str, str]]
"""Reads a folder, writes files of the same names; gives name to error for those that it did not write."""


# ---------------------------------------------------------------- the engines


def ours() -> FolderWork:
    """The steps of `cxr deidentify`, catalog and ledger included, in one process like the peers.

    The search for burned-in text is replaced by a stage that hands the pixels on: nothing is burned in here.
    """
    from unittest.mock import patch

    from cxr_core.deidentify.folder import link_images_only
    from cxr_core.deidentify.pixels import PixelResult
    from cxr_core.deidentify.requests import build_airlock_input, originals
    from cxr_core.deidentify.study import Airlock, StudyRequest
    from cxr_core.intake.catalog import catalog_folder
    from cxr_core.settings.build import BuildConfig
    from cxr_core.tables.catalogue import PSEUDONYMS
    from cxr_core.vault.key import VaultKey
    from cxr_core.vault.ledger import register

    key = VaultKey(b"the key of a benchmark, nobody's secret")
    stages: dict[str, Any] = {
        "build_readers": lambda *_, **__: (),
        "redact_pixels": lambda pixels, **_: PixelResult(pixels, (), (), 0.0),
    }

    def run(sources: Path, targets: Path) -> dict[str, str]:
        linked, refused = link_images_only(catalog_folder(sources))
        ledger = register(PSEUDONYMS.empty(), originals(linked), key)
        asked = build_airlock_input(linked, ledger, key)
        failures = {path: f"refused: {reason}" for path, reason in refused.iter_rows()}
        with patch.multiple("cxr_core.deidentify.study", **stages):
            airlock = Airlock.open(BuildConfig(), sources, asked.site)
            for row in asked.requests.iter_rows(named=True):
                request = StudyRequest.from_row(row)
                failures |= _run_study(airlock, request, targets)
        return failures

    return run


def _run_study(airlock: "Airlock", request: "StudyRequest", targets: Path) -> dict[str, str]:
    names = {dicom_id: path for path, dicom_id in request.files}
    try:
        result = airlock.run(request)
    except Exception as error:  # noqa: BLE001  as the worker of `cxr deidentify` does: the study is set aside
        return dict.fromkeys(names.values(), type(error).__name__)
    for image in result.images:
        (targets / names[image.dicom_id]).write_bytes(image.content)
    return {names[dicom_id]: f"refused: {reason.value}" for dicom_id, reason in result.dropped}


def dicognito() -> FileWork:
    """README: an Anonymizer for all files that belong together."""
    import pydicom
    from dicognito.anonymizer import Anonymizer

    anonymizer = Anonymizer(seed="benchmark")

    def work(source: Path, target: Path) -> None:
        with pydicom.dcmread(source) as dataset:
            anonymizer.anonymize(dataset)
            dataset.save_as(target)

    return work


def deid(**more: bool) -> FileWork:
    """Its `deid.dicom` recipe, with the variables that the recipe asks for."""
    from deid.config import DeidRecipe
    from deid.dicom import replace_identifiers

    recipe = DeidRecipe()
    ids = {"entity_id": "subject-1", "item_id": "image-1", "entity_timestamp": "19000101", "item_timestamp": "20000101"}

    def work(source: Path, target: Path) -> None:
        replace_identifiers(
            str(source),
            deid=recipe,
            ids={str(source): ids},
            save=True,
            overwrite=True,
            output_folder=str(target.parent),
            **more,
        )

    return work


def deid_strict() -> FileWork:
    """The same recipe with both of its stricter options."""
    return deid(remove_private=True, strip_sequences=True)


def kitware() -> FileWork:
    """README: `anonymize_dicom_file`, private tags deleted, with its newest PS3.15 table."""
    from dicomanonymizer.simpledicomanonymizer import anonymize_dicom_file, initialize_actions

    def work(source: Path, target: Path) -> None:
        rules = lambda: initialize_actions("dicomfields_2026c")  # noqa: E731
        anonymize_dicom_file(str(source), str(target), base_rules_gen=rules)

    return work


def dcm_anonymizer() -> FileWork:
    """README: `anonymize_file` with one UID mapper for all files."""
    from dcm_anon.pipeline import anonymize_file
    from dcm_anon.uid_mapper import UIDMapper

    mapper = UIDMapper(salt="benchmark")
    return lambda source, target: anonymize_file(source, target, mapper)


def idiscore() -> FileWork:
    """README: the default core."""
    import pydicom
    from idiscore.defaults import create_default_core

    core = create_default_core()
    return lambda source, target: core.deidentify(pydicom.dcmread(source)).save_as(target)


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine: what pip calls it, and the function that prepares it."""

    title: str
    requirement: str
    prepare: Callable[[], Any]
    folder: str = ""

    @property
    def name(self) -> str:
        return self.prepare.__name__


OURS = Engine("Hilum (no readers)", "", ours)
PEERS = (
    Engine("dicognito", "dicognito==0.19.0", dicognito, "dicognito"),
    Engine("deid, deid.dicom", "deid==0.4.13", deid, "deid"),
    Engine("deid, strict options", "deid==0.4.13", deid_strict, "deid"),
    Engine("dicom-anonymizer (Kitware)", "dicom-anonymizer==2.1.0", kitware, "dicom-anonymizer"),
    Engine("dcm-anonymizer", "dcm-anonymizer==0.5.0", dcm_anonymizer, "dcm-anonymizer"),
    Engine("idiscore", "idiscore==1.2.0", idiscore, "idiscore"),
)


# ---------------------------------------------------------------- running one engine


@dataclass(frozen=True, slots=True)
class Run:
    """What a worker tells: seconds and CPU seconds of each round over all files, errors by file name."""

    seconds: list[float]
    cpu_seconds: list[float]
    failures: dict[str, str]
    version: str = ""


def work(engine: Engine, sources: Path, targets: Path) -> Run:
    """Run one engine in this process: once to warm up, then `ROUNDS` times by the clock."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    do = engine.prepare()
    run: FolderWork = do if engine.name == OURS.name else lambda source, target: _each(do, source, target)
    failures = run(sources, targets)
    seconds, cpu_seconds = [], []
    for _ in range(ROUNDS):
        start, cpu_start = time.perf_counter(), time.process_time()
        run(sources, targets)
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - cpu_start)
    name = engine.requirement.partition("==")[0] or "hilum"
    return Run(seconds, cpu_seconds, failures, metadata.version(name))


def _each(do: FileWork, sources: Path, targets: Path) -> dict[str, str]:
    failures = {}
    for source in sorted(sources.iterdir()):
        target = targets / source.name
        target.unlink(missing_ok=True)
        try:
            do(source, target)
        except (Exception, SystemExit) as error:  # noqa: BLE001  a peer may raise, or exit, as it likes
            failures[source.name] = type(error).__name__
            target.unlink(missing_ok=True)  # half a file is no output
    return failures


def run_apart(engine: Engine, interpreter: Path, sources: Path, targets: Path) -> Run | None:
    """Run one engine in a process of its own; None where that process fails as a whole, which is told."""
    answer = targets.with_suffix(".json")
    command = [str(interpreter), __file__, "--worker", engine.name, str(sources), str(targets), str(answer)]
    with (targets.with_suffix(".log")).open("w") as log:
        done = subprocess.run(command, stdout=log, stderr=log, timeout=_TIMEOUT_S, check=False)
    if done.returncode or not answer.exists():
        sys.stderr.write(f"{engine.title}: {targets.with_suffix('.log').read_text()[-500:]}\n")
        return None
    return Run(**json.loads(answer.read_text()))


# ---------------------------------------------------------------- what is readable in an output


def leaks(content: bytes, planted: Sequence["Planted"]) -> list["Planted"]:
    """The identifiers that somebody can read in a file.

    Searched without regard to case: the bytes, what deflates out of them, bit planes above BitsStored, and every
    decoded value at any depth. Bytes are searched in ASCII, UTF-8, UTF-16 (both orders), Latin-1 and the character
    set in which the identifier was written.
    """
    dataset = _opened(content)
    blobs = [blob.lower() for blob in (content, *_inflated(content), *_bit_planes(dataset))]
    text = "\n".join(_decoded(dataset)).casefold()
    return [
        one
        for one in planted
        if one.text.casefold() in text or any(form in blob for form in _spellings(one) for blob in blobs)
    ]


def _spellings(one: "Planted") -> set[bytes]:
    forms = set()
    for encoding in {"ascii", "utf-8", "utf-16-le", "utf-16-be", "latin-1", *one.encodings}:
        try:
            encoded = one.text.encode(encoding)
        except UnicodeEncodeError:
            continue
        forms.add((encoded[3:-3] if encoded.startswith(b"\x1b") else encoded).lower())  # without escape sequences
    return forms


def _opened(content: bytes) -> "Dataset":
    import io

    import pydicom

    try:
        return pydicom.dcmread(io.BytesIO(content), force=True)
    except Exception:  # noqa: BLE001  then the bytes alone are searched
        return pydicom.Dataset()


def _decoded(dataset: "Dataset") -> Iterator[str]:
    """Every value of data set and file meta as text, sequences and private elements included."""
    for part in (getattr(dataset, "file_meta", ()), dataset):
        for tag in list(part.keys()) if part else ():
            try:
                element = part[tag]
                if element.VR == "SQ":
                    for item in element.value:
                        yield from _decoded(item)
                elif not isinstance(element.value, bytes):
                    yield str(element.value)
            except Exception:  # noqa: BLE001, S112  what cannot be decoded is searched as bytes
                continue


def _inflated(content: bytes) -> Iterator[bytes]:
    """A deflated data set, and whatever else in the file is a zlib or gzip stream."""
    if content[128:136] == b"DICM\x02\0\0\0":
        start = 144 + int.from_bytes(content[140:144], "little")
        yield from _inflate(content[start:], -zlib.MAX_WBITS)
    for magic in (b"\x1f\x8b\x08", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"):
        start = content.find(magic)
        while start >= 0:
            yield from _inflate(content[start : start + _BLOB_BYTES], 32 + zlib.MAX_WBITS)
            start = content.find(magic, start + 1)


def _inflate(data: bytes, window: int) -> Iterator[bytes]:
    try:
        yield zlib.decompressobj(window).decompress(data, _BLOB_BYTES)
    except zlib.error:
        return


def _bit_planes(dataset: "Dataset") -> Iterator[bytes]:
    """The bits of native pixels that are no pixels, plane by plane (overlays used to live there)."""
    import numpy as np

    try:
        stored, data = int(dataset.BitsStored), dataset.PixelData
        if dataset.BitsAllocated != 16 or dataset["PixelData"].is_undefined_length:
            return
    except Exception:  # noqa: BLE001  no pixels
        return
    order = "<" if dataset.original_encoding[1] is not False else ">"
    words = np.frombuffer(data[: len(data) // 2 * 2], order + "u2")
    for bit in range(stored, 16):
        plane = (words >> bit & 1).astype(np.uint8)
        if plane.any():
            yield np.packbits(plane, bitorder="little").tobytes()
            yield np.packbits(plane, bitorder="big").tobytes()


# ---------------------------------------------------------------- what an engine keeps


def kept(content: bytes, source: "InventedFile") -> list[str]:
    """The needed attributes that stand in the output with the value of the source."""
    before, after = _opened(source.content), _opened(content)
    values = {path: (_value(before, path), _value(after, path)) for path in source.needed}
    return [path for path, (old, new) in values.items() if old is not None and old == new]


def _value(dataset: "Dataset", path: str) -> list[str | float] | None:
    """The values at a path, numbers as numbers; None where there is nothing."""
    target: Any = dataset
    try:
        for step in path.split("."):
            target = target[int(step)] if step.isdigit() else target[step].value
    except Exception:  # noqa: BLE001  absent, or not to be decoded
        return None
    many = list(target) if isinstance(target, Sequence) and not isinstance(target, str) else [target]
    return [_plain(one) for one in many] if many and target not in ("", None) else None


def _plain(value: object) -> str | float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return str(value).strip().upper()


def is_part_10(content: bytes) -> bool:
    """Whether it opens as a DICOM file without force, names what it is, and file meta and data set agree on it."""
    import io

    import pydicom

    try:
        dataset = pydicom.dcmread(io.BytesIO(content))
        meta = dataset.file_meta
        return bool(
            meta.TransferSyntaxUID
            and meta.MediaStorageSOPClassUID == dataset.SOPClassUID
            and meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
            and dataset.StudyInstanceUID
            and dataset.SeriesInstanceUID
        )
    except Exception:  # noqa: BLE001  whatever it is, it is no file to rely on
        return False


# ---------------------------------------------------------------- the comparison


@dataclass(slots=True)
class Score:
    """What one engine made of all files."""

    engine: Engine
    run: Run
    leaked: list["Planted"] = field(default_factory=list)
    kept: int = 0
    needed: int = 0
    unpublished: int = 0
    valid: int = 0
    files: int = 0
    lost: Counter[str] = field(default_factory=Counter)

    def rate(self, seconds: Sequence[float]) -> float:
        """Files written a second, median of the rounds."""
        return (self.files - len(self.run.failures)) / statistics.median(seconds)


def score(engine: Engine, run: Run, files: Sequence["InventedFile"], targets: Path) -> Score:
    """Search every output; a file that is not there has lost all it should have kept."""
    result = Score(engine, run, files=len(files), needed=sum(len(one.needed) for one in files))
    for one in files:
        target = targets / one.name
        names = set()
        if target.exists():
            content = target.read_bytes()
            result.leaked += leaks(content, one.planted)
            names = set(kept(content, one))
            result.valid += is_part_10(content)
        else:
            result.unpublished += len(one.planted)
        result.kept += len(names)
        result.lost.update(path for path in one.needed if path not in names)
    return result


def compare(folder: Path, peers: Path | None) -> tuple[list["InventedFile"], list[Score], dict[Engine, str]]:
    """Write the files and run every engine that is there.

    Returns
    -------
    files, scores, absent
        Ours is the first score; `absent` says of each other engine why it has none.
    """
    from header_files import make_files

    sources, files = folder / "sources", make_files()
    sources.mkdir()
    for one in files:
        (sources / one.name).write_bytes(one.content)
        assert leaks(one.content, one.planted) == list(one.planted), f"the search misses identifiers in {one.name}"
        assert kept(one.content, one) == list(one.needed), f"the comparison misses attributes in {one.name}"
    scores, absent = [], {}
    for engine in (OURS, *PEERS):
        interpreter = interpreter_in(peers, engine.folder) if engine.folder and peers else Path(sys.executable)
        if engine.folder and (peers is None or not interpreter.exists()):
            absent[engine] = "not installed"
            continue
        targets = folder / engine.name
        targets.mkdir()
        run = run_apart(engine, interpreter, sources, targets)
        if run is not None:
            scores.append(score(engine, run, files, targets))
        elif engine is OURS:
            sys.exit("our own engine failed: nothing to compare with")
        else:
            absent[engine] = "failed"
    return files, scores, absent


def summary_table(files: Sequence["InventedFile"], scores: Sequence[Score], absent: dict[Engine, str]) -> "Table":
    from rich.table import Table

    planted = sum(len(one.planted) for one in files)
    table = Table(
        title=f"{len(files)} invented files, {planted} planted identifiers, {scores[0].needed} needed attributes"
    )
    names = ("version", "leaks", "not published", "needed kept", "written", "valid Part 10", "files/s", "files/CPU s")
    table.add_column("engine", no_wrap=True)
    for name in (*names, "leaks/ours", "kept/ours", "CPU/ours"):
        table.add_column(name, justify="right")
    base = scores[0]
    for one in scores:
        ratio = f"{len(one.leaked) / len(base.leaked):.1f}" if base.leaked else ("inf" if one.leaked else "-")
        table.add_row(
            one.engine.title,
            one.run.version,
            str(len(one.leaked)),
            str(one.unpublished),
            str(one.kept),
            f"{one.files - len(one.run.failures)} of {one.files}",
            f"{one.valid} of {one.files}",
            f"{one.rate(one.run.seconds):.1f}",
            f"{one.rate(one.run.cpu_seconds):.1f}",
            ratio,
            f"{one.kept / base.kept:.2f}",
            f"{one.rate(one.run.cpu_seconds) / base.rate(base.run.cpu_seconds):.2f}",
        )
    for engine, why in absent.items():
        table.add_row(engine.title, engine.requirement.partition("==")[2], why)
    return table


def places_table(files: Sequence["InventedFile"], scores: Sequence[Score]) -> "Table":
    from rich.table import Table

    total = Counter(planted.place for one in files for planted in one.planted)
    table = Table(title="Leaks by the kind of place")
    table.add_column("place", no_wrap=True)
    table.add_column("planted", justify="right")
    for one in scores:
        table.add_column(one.engine.title, justify="right", min_width=6)
    by_engine = [Counter(planted.place for planted in one.leaked) for one in scores]
    for place, count in total.items():
        table.add_row(place, str(count), *(str(found[place] or ".") for found in by_engine))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, metavar="DIR", help="virtual environments of the peers, DIR/NAME each")
    parser.add_argument("--install", action="store_true", help="make them, with the pinned versions")
    parser.add_argument("--details", action="store_true", help="name what ours leaves and what each engine loses")
    parser.add_argument("--worker", nargs=4, metavar=("ENGINE", "SOURCES", "TARGETS", "ANSWER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        name, sources, targets, answer = options.worker
        engine = next(one for one in (OURS, *PEERS) if one.name == name)
        run = work(engine, Path(sources), Path(targets))
        Path(answer).write_text(json.dumps(asdict(run)))
        return
    if options.install and options.peers:
        install(options.peers, {engine.folder: [engine.requirement] for engine in PEERS})
    report(options.peers, has_details=options.details)


def report(peers: Path | None, *, has_details: bool) -> None:
    from rich.console import Console

    warnings.simplefilter("ignore")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    console = Console(width=None if sys.stdout.isatty() else 170)
    with tempfile.TemporaryDirectory() as folder:
        files, scores, absent = compare(Path(folder), peers)
    console.print(summary_table(files, scores, absent))
    console.print(_NOTE)
    console.print(places_table(files, scores))
    for one in scores:
        if one.run.failures:
            told = ", ".join(f"{name} ({error})" for name, error in sorted(one.run.failures.items()))
            console.print(f"{one.engine.title} did not write: {told}")
    if has_details:
        for planted in scores[0].leaked:
            console.print(f"ours leaves {planted.text!r} at {planted.where} ({planted.place})", markup=False)
        for one in scores:
            console.print(f"{one.engine.title} lost: {dict(one.lost.most_common())}", markup=False)


if __name__ == "__main__":
    sys.path.insert(0, os.fspath(Path(__file__).parent))
    main()
