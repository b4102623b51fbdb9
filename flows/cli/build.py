"""`cxr build`, which is `python -m flows.build`: the whole path, or some of its stages."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from cxr_core.errors import UsageError
from cxr_core.settings import load_config
from cxr_core.vocabulary import Stage
from flows.cli import app
from flows.importing import without_collecting

if TYPE_CHECKING:
    from flows.build.request import BuildRequest
    from tasks.summary import BuildSummary

_Path = Path | None


@app.command()
def build(
    config: Annotated[_Path, typer.Argument(help="TOML file; `cxr init` writes a commented one.")] = None,
    *,
    dicom: Annotated[_Path, typer.Option(help="Folder of DICOM files.")] = None,
    reports: Annotated[list[Path] | None, typer.Option(help="Table, HL7, FHIR, text or folder; repeatable.")] = None,
    encounters: Annotated[_Path, typer.Option(help="CSV of encounters, for the cohort.")] = None,
    merges: Annotated[_Path, typer.Option(help="CSV of merged patient ids.")] = None,
    exclusions: Annotated[_Path, typer.Option(help="CSV of patients of whom nothing is read.")] = None,
    workspace: Annotated[Path, typer.Option(help="Vault and intermediates.")] = Path("workspace"),
    release: Annotated[Path, typer.Option(help="Folder of the releases.")] = Path("release"),
    sets: Annotated[list[str] | None, typer.Option("--set", help="section.key=value; repeatable.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N studies.")] = None,
    only: Annotated[Stage | None, typer.Option(help="Run one stage.")] = None,
    start: Annotated[Stage | None, typer.Option("--from", help="Run from this stage on.")] = None,
    runner: Annotated[str | None, typer.Option(help="local or dask.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.")] = None,
    granularity: Annotated[str | None, typer.Option(help="auto, study or shard.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")] = False,
    rehash: Annotated[bool, typer.Option("--rehash", help="Read every source file again, changed or not.")] = False,
    allow_quarantine: Annotated[
        bool, typer.Option("--allow-quarantine", help="Publish whatever the share of quarantined studies.")
    ] = False,
    waive: Annotated[list[str] | None, typer.Option(help="GATE=REASON; recorded in run.json.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Build the dataset. Without arguments: the demo hospital."""
    options: dict[str, dict[str, object]] = {
        "source": {
            "dicom": dicom,
            "reports": reports or None,
            "encounters": encounters,
            "merges": merges,
            "exclusions": exclusions,
        },
        "run": {"runner": runner, "workers": workers, "granularity": granularity},
    }
    settings = load_config(config, sets=sets or (), options=options)
    waivers = parse_waivers(waive or ())

    if only and start:
        raise UsageError("--only and --from exclude each other")

    with without_collecting():
        from flows.build.opening import preflight
        from flows.build.request import BuildRequest

    request = BuildRequest(
        config=settings,
        workspace=workspace,
        release=release,
        only=only,
        start=start,
        limit=limit,
        dry_run=dry_run,
        rehash=rehash,
        allow_quarantine=allow_quarantine,
        waivers=waivers,
        quiet=quiet or as_json,
    )
    preflight(request)
    summary = _dry_run(request) if dry_run else _run(request)

    from flows.cli.summary import print_summary

    print_summary(summary, as_json=as_json, quiet=quiet)


def _run(request: "BuildRequest") -> "BuildSummary":
    from flows.quiet import end_orphaned_servers
    from flows.temporary_server import begin_local_run

    end_orphaned_servers(request.workspace)
    wait_for_server = begin_local_run(request.workspace)
    with without_collecting():
        from flows.build.flow import build as build_flow
        from flows.build.meanwhile import make_ready

        make_ready()
    wait_for_server()
    return cast("BuildSummary", build_flow(request))


def _dry_run(request: "BuildRequest") -> "BuildSummary":
    """Without Prefect's server; what importing Prefect writes goes to a folder that goes again."""
    from flows.quiet import set_quiet_environment

    with tempfile.TemporaryDirectory() as elsewhere:
        set_quiet_environment(Path(elsewhere))
        from flows.build.dry_run import dry_run
        from flows.progress import BuildProgress

        return dry_run(request, BuildProgress(quiet=request.quiet))


def parse_waivers(waive: Sequence[str]) -> dict[str, str]:
    """Read `--waive GATE=REASON`.

    Raises
    ------
    UsageError
        A waiver without a gate or a reason.
    """
    waivers = {}
    for text in waive:
        gate, equals, reason = text.partition("=")
        if not (equals and gate.strip() and reason.strip()):
            raise UsageError(f'--waive {gate}: write GATE=REASON, for example --waive review="who: why"')
        waivers[gate.strip()] = reason.strip()
    return waivers
