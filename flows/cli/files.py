"""`cxr convert`, `cxr redact`, `cxr deidentify`: the image tools, alone over a file or a folder, no build needed.

The same code as the build runs. A file that cannot be done is one line with its reason code on standard error; the
others go on. Where nothing was done, or the machine failed on a file (it cannot be read, its worker ended), the exit
code is 1: a script that goes on must not take the output for whole.
"""

import os
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from cxr_core.errors import UsageError
from flows.cli import app
from flows.cli.places import make_writable, refuse_output_among_sources, source_files

_READERS = ("rapidocr", "easyocr")


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="A DICOM file or a folder of them.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the JPEG files.")],
    *,
    profile: Annotated[str, typer.Option(help="paper, none or png16.")] = "paper",
    size: Annotated[
        list[int] | None, typer.Option(min=32, max=2048, help="Shorter side of a smaller picture; repeatable.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes; default: one a core.")] = os.cpu_count() or 1,
) -> None:
    """Convert grey DICOM images to JPEG: same names, smaller ones below files-SIZE; no de-identification."""
    from cxr_core.imaging.rendering import RenderProfile
    from flows.cli.conversion import convert_folder

    try:
        chosen = RenderProfile(profile)
    except ValueError:
        raise UsageError(f"profile {profile}: choose paper, none or png16") from None
    files = source_files(source)
    refuse_output_among_sources(output, source)
    make_writable(output)
    started = time.perf_counter()
    told = convert_folder(files, output, chosen, sizes=tuple(dict.fromkeys(size or ())), workers=workers)
    _report(told.done, told.refused, time.perf_counter() - started, "converted")
    typer.echo(told.summary())
    _fail_if_unfinished(told.done, told.refused)


@app.command()
def redact(
    source: Annotated[Path, typer.Argument(help="A DICOM file or a folder of them.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the DICOM files, same names.")],
    *,
    boxes: Annotated[Path | None, typer.Option(help="Parquet of the text boxes to write.")] = None,
    sheets: Annotated[
        Path | None, typer.Option(help="Folder for pictures before and after: identified, keep it in the vault.")
    ] = None,
    readers: Annotated[list[str] | None, typer.Option("--reader", help="Reader of text; repeatable.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
) -> None:
    """Black out burned-in text only. The header stays as it is: this is no de-identification."""
    from flows.cli.redaction import redact_folder

    if sheets is not None and sheets.resolve().is_relative_to(output.resolve()):
        raise UsageError("the pictures before and after must not lie inside the output")
    files = source_files(source)
    refuse_output_among_sources(output, source)
    make_writable(output)
    if boxes is not None:
        make_writable(boxes.parent, boxes)
    started = time.perf_counter()
    told = redact_folder(files, output, tuple(readers or _READERS), workers=workers, sheets=sheets)
    if boxes is not None:
        told.write_boxes(boxes)
    _report(told.done, told.refused, time.perf_counter() - started, "redacted")
    typer.echo(told.summary())
    _fail_if_unfinished(told.done, told.refused)


@app.command()
def deidentify(
    source: Annotated[Path, typer.Argument(help="A DICOM file or a folder of them.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the de-identified files.")],
    *,
    vault: Annotated[Path, typer.Option(help="Folder for the crosswalk; never inside the output.")],
    key_file: Annotated[Path | None, typer.Option(help="The secret key; HILUM_KEY_FILE goes before it.")] = None,
    readers: Annotated[list[str] | None, typer.Option("--reader", help="Reader of text; repeatable.")] = None,
    profile: Annotated[str | None, typer.Option(help="mimic or strict.")] = None,
    compression: Annotated[str | None, typer.Option(help="raw, htj2k or jpeg-ls; each keeps every bit.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.")] = None,
) -> None:
    """De-identify header and pixels, without cohort, reports or linkage."""
    from cxr_core.settings import load_config
    from flows.cli.folder import deidentify_folder

    if vault.resolve().is_relative_to(output.resolve()):
        raise UsageError("the vault must not lie inside the output")
    source = source.resolve()
    if not (source.is_dir() or source.is_file()):
        raise UsageError(f"{source} is no file and no folder")
    config = load_config(
        options={
            "vault": {"key_file": key_file},
            "deidentify": {"readers": readers or None, "profile": profile, "compression": compression},
            "run": {"workers": workers},
        }
    )
    refuse_output_among_sources(output, source)
    started = time.perf_counter()
    done, refused = deidentify_folder(source, output, vault, config)
    _report(done, refused, time.perf_counter() - started, "de-identified")
    if refused:
        typer.echo(f"what was refused, and why: {vault / 'drops.parquet'}")
    _fail_if_unfinished(done, refused)


def _report(done: int, refused: Counter[str], seconds: float, verb: str) -> None:
    told = "".join(f", {code} {count}" for code, count in sorted(refused.items()))
    typer.echo(f"{done} {verb}{told}; {seconds:.1f} s, {done / max(seconds, 1e-9):.1f} images/s")


def _fail_if_unfinished(done: int, refused: Counter[str]) -> None:
    from cxr_core.planning.plan import RETRIED

    if not done or any(refused[reason.value] for reason in RETRIED):
        raise typer.Exit(1)
