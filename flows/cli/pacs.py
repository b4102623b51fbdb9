"""`cxr pacs`: whether a PACS answers, how much it holds, and fetching it. Counts only: no name, number or UID.

Takes the configuration of the build; what is fetched lies in the vault, where `cxr build` finds it.
"""

import datetime as dt
import json
import time
from collections import Counter
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_core.errors import UsageError
from cxr_core.settings import load_config
from cxr_core.settings.build import BuildConfig
from flows.cli import app

if TYPE_CHECKING:
    from cxr_core.intake.acquisition.acquire import Acquired

pacs_app = typer.Typer(help="Images from a PACS.", no_args_is_help=True)
app.add_typer(pacs_app, name="pacs")
_Config = Annotated[Path, typer.Argument(help="TOML file of the build, with [source] way and [source.pacs].")]
_Sets = Annotated[list[str] | None, typer.Option("--set", help="section.key=value; repeatable.")]


class Period(StrEnum):
    DAY = "day"
    MONTH = "month"
    YEAR = "year"


_LETTERS = {Period.DAY: 10, Period.MONTH: 7, Period.YEAR: 4}


@pacs_app.command("echo")
def echo(config: _Config, *, sets: _Sets = None) -> None:
    """Say whether the PACS answers, takes our kinds of question, and whether our own port is free."""
    from cxr_core.intake.sources.pacs import open_pacs
    from cxr_core.settings.pacs import Way

    settings = _remote(config, sets)
    with open_pacs(settings.source, _refuse_files) as pacs, closing(pacs.connect()) as peer:
        started = time.monotonic()
        for line in peer.echo():
            typer.echo(line)
        typer.echo(f"in {1000 * (time.monotonic() - started):.0f} ms")
    if settings.source.way is Way.PACS_MOVE:
        ours = settings.source.pacs
        typer.echo(f"we can listen on port {ours.listen_port}; the PACS must know {ours.our_ae_title} at that port")


@pacs_app.command("find")
def find(
    config: _Config,
    *,
    first: Annotated[
        str | None, typer.Option("--from", help="First study date, YYYY-MM-DD; default: as configured.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last study date; default: as configured.")] = None,
    by: Annotated[Period, typer.Option(help="One line a day, a month or a year.")] = Period.DAY,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    sets: _Sets = None,
) -> None:
    """Count studies by day and modality. Nothing is fetched."""
    from cxr_core.intake.acquisition.days import asked_days
    from cxr_core.intake.acquisition.finding import StudyFinder
    from cxr_core.intake.sources.pacs import open_pacs

    dates = [f'source.pacs.{key}="{value}"' for key, value in (("start", first), ("end", last)) if value]
    settings = _remote(config, [*(sets or ()), *dates])
    counts: dict[str, Counter[str]] = {}
    instances = 0
    with open_pacs(settings.source, _refuse_files) as pacs, closing(pacs.connect()) as peer:
        finder = StudyFinder(peer.find, settings.source.pacs.modalities, settings.source.pacs.find_cap)
        for day in asked_days(settings, dt.datetime.now(dt.UTC).date()):
            for study in finder.day(day):
                row = counts.setdefault(day.isoformat()[: _LETTERS[by]], Counter())
                row.update(["studies", *study.modalities])
                instances += study.hint or 0
    if as_json:
        typer.echo(json.dumps({"studies": counts, "instances_told": instances, "cap_met": finder.cap}, indent=1))
        return
    _print_counts(counts, instances)
    if finder.cap:
        typer.echo(f"the PACS cuts answers at {finder.cap} studies; such days were asked for in parts")


@pacs_app.command("acquire")
def acquire(
    config: _Config,
    *,
    workspace: Annotated[Path, typer.Option(help="Vault and intermediates.")] = Path("workspace"),
    list_again: Annotated[
        bool, typer.Option("--list-again", help="Ask for the instances of every study, whatever is known.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
    sets: _Sets = None,
) -> None:
    """Fetch into the vault what it does not have yet; run again, it goes on where it stopped."""
    settings = _remote(config, sets)

    from flows.temporary_server import begin_local_run

    wait_for_server = begin_local_run(workspace)
    from flows.acquisition import AcquireRequest, preflight
    from flows.acquisition import acquire as acquire_flow

    request = AcquireRequest(config=settings, workspace=workspace, list_again=list_again, quiet=quiet or as_json)
    preflight(request)
    wait_for_server()
    started = time.monotonic()
    done = acquire_flow(request)
    seconds = time.monotonic() - started
    if as_json:
        typer.echo(json.dumps(done.as_counts() | {"seconds": round(seconds, 1)}, indent=1))
    elif not quiet:
        _print_acquired(done, seconds, config)


def _print_acquired(done: "Acquired", seconds: float, config: Path) -> None:
    counts = done.as_counts()
    parts = ", ".join(f"{counts[name]} {name}" for name in ("complete", "partial", "failed", "gone"))
    typer.echo(f"{counts['found']} studies on {done.days} days: {parts}; {done.known} were there already")
    typer.echo(f"{done.files} files, {done.size_bytes / 1e6:.1f} MB in {seconds:.1f} s")
    for problem, count in done.problems.most_common():
        typer.echo(f"{count} studies: {problem}")
    if counts["gone"]:
        typer.echo("gone: the PACS names them no more; their files stay until they are removed by hand")
    if done.refused:
        typer.echo(f"{done.refused} files came that were not asked for, and were refused")
    if done.days_left:
        typer.echo(f"{done.days_left} days are left: source.pacs.window is closed; run again when it opens")
    else:
        typer.echo(f"next: cxr build {config}")


def _print_counts(counts: dict[str, Counter[str]], instances: int) -> None:
    modalities = sorted({name for row in counts.values() for name in row} - {"studies"})
    columns = ["studies", *modalities]
    typer.echo(f"{'':<10}" + "".join(f"{name:>9}" for name in columns))
    for period, row in sorted(counts.items()):
        typer.echo(f"{period:<10}" + "".join(f"{row[name] or '':>9}" for name in columns))
    total = sum(counts.values(), Counter[str]())
    typer.echo(f"{'all':<10}" + "".join(f"{total[name]:>9}" for name in columns))
    typer.echo(f"the PACS tells of {instances} instances" if instances else "the PACS tells no numbers of instances")


def _remote(config: Path, sets: list[str] | None) -> BuildConfig:
    settings = load_config(config, sets=sets or ())
    if not settings.source.is_remote:
        raise UsageError("source.way is folder: name pacs-move, pacs-get or dicomweb, and the PACS in [source.pacs]")
    return settings


def _refuse_files(study_uid: str, instance_uid: str, content: bytes | bytearray) -> None:
    """Nothing is fetched here; the port is open for a moment to see whether it can be."""
    del study_uid, instance_uid, content
    raise UsageError("a file came that nobody asked for")
