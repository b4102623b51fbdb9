"""`cxr review`: samples, readers, export and status of the review. `serve` stands in `review_serve`."""

import datetime as dt
import json
import secrets
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_core.errors import UsageError
from cxr_core.settings import load_config
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.loading import last_config
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import ReaderRole, ReviewKind
from flows.cli import app
from flows.cli.inspect import workspace_at

if TYPE_CHECKING:
    from cxr_core.review.store import ReviewStore

_LONGEST_NAME = 64
_Folder = Annotated[Path, typer.Option(help="The workspace of the build.")]
review_app = typer.Typer(help="Blind double reading of images and reports.", no_args_is_help=True)
readers_app = typer.Typer(help="Who reads.", no_args_is_help=True)
review_app.add_typer(readers_app, name="readers")
app.add_typer(review_app, name="review")


@review_app.command()
def sample(
    kind: Annotated[ReviewKind, typer.Option(help="What is read: images, report texts, reports to label.")],
    *,
    workspace: _Folder = Path("workspace"),
    release: Annotated[Path, typer.Option(help="Folder of the releases: who was published.")] = Path("release"),
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same sample.")] = 0,
    sets: Annotated[list[str] | None, typer.Option("--set", help="review.key=value, as for build.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it costs the readers; draw nothing.")] = False,
) -> None:
    """Draw a sample and freeze it; the hours that it costs its readers are told first."""
    from flows.progress import BuildProgress
    from tasks.review import Draw

    opened = workspace_at(workspace)
    config = _settings(opened, sets or [])
    if kind is ReviewKind.IMAGES:
        _read_devices(opened, config.source.dicom)
    draw = Draw(opened, config, kind, seed, release.absolute())
    typer.echo(draw.workload().line())
    if dry_run:
        return
    store = _store(opened)
    with BuildProgress(quiet=not draw.planted).stage("planting", draw.planted) as tick:
        frozen = draw.freeze(store, _now(), lambda: tick(1))
    _note_in_vault(opened, kind, frozen.items)
    strata = Counter(outcome.item.draft.stratum for outcome in store.outcomes_in(frozen))
    for name, count in sorted(strata.items()):
        typer.echo(f"  {name:<36} {count:>6,}")
    typer.echo(f"sample {frozen.sample_id}, {frozen.items:,} items, manifest {frozen.digest}")


def _read_devices(opened: Workspace, source: Path | None) -> None:
    """The models behind the images, so that each is a stratum; the vault keeps their names."""
    from flows.progress import BuildProgress
    from tasks.review_vault import has_vault, read_devices, unread_devices

    if not has_vault(opened):
        typer.echo(
            "the vault is not here: devices are told apart by maker, names that are words have no part", err=True
        )
        return
    left = unread_devices(opened).height
    if not left:
        return
    if source is None or not source.is_dir():
        typer.echo(f"the source is not here: {left:,} images are told apart by maker, not by model", err=True)
        return
    with BuildProgress().stage("reading devices", left) as tick:
        read_devices(opened, source, lambda: tick(1))


def _note_in_vault(opened: Workspace, kind: ReviewKind, items: int) -> None:
    """A draw reads the vault; nothing of it is told."""
    from cxr_core.vault.audit import record
    from tasks.review_vault import has_vault

    if has_vault(opened):
        record(opened.vault, f"review sample --kind {kind.value}", {"items": items}, now=_now())


@readers_app.command("add")
def add_reader(
    name: Annotated[str, typer.Argument(help="How the page calls this person.")],
    *,
    role: Annotated[ReaderRole, typer.Option(help="reader: blind; consensus: settles; lead: sees the dashboard.")],
    workspace: _Folder = Path("workspace"),
) -> None:
    """Add a person, or give one a new token: the old one opens no longer. The token is shown once and kept nowhere."""
    from cxr_core.review.store import token_digest

    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise UsageError(f"a reader's name has 1 to {_LONGEST_NAME} printable characters")
    token = secrets.token_urlsafe(32)
    _store(workspace_at(workspace)).add_reader(name.strip(), role, token_digest(token), _now())
    typer.echo(f"{name.strip()} ({role.value}) opens the review with this token; it is shown this once:")
    typer.echo(token)


@readers_app.command("list")
def list_readers(workspace: _Folder = Path("workspace")) -> None:
    """Everybody who may read."""
    for place, reader in enumerate(_opened(workspace).readers(), start=1):
        typer.echo(f"reader-{place:<3} {reader.role.value:<10} {reader.name}")


@review_app.command("export")
def export(workspace: _Folder = Path("workspace")) -> None:
    """Write what was decided as Parquet into `stages/review/`, where the next build reads it."""
    from cxr_core.review.export import export_review

    opened = workspace_at(workspace)
    with opened.locked():
        tables = export_review(_opened(workspace), opened)
    typer.echo(f"image reviews    {tables.image_reviews.height:>7,}")
    typer.echo(f"text reviews     {tables.text_reviews.height:>7,}")
    typer.echo(f"labelled reports {tables.report_labels.height:>7,}")
    typer.echo(f"decisions        {tables.decisions.height:>7,}")
    boxes, images = tables.reader_boxes.height, tables.reader_boxes["dicom_id"].n_unique()
    typer.echo(f"boxes to black   {boxes:>7,} on {images:,} images{': the next build does them' if boxes else ''}")


@review_app.command("status")
def review_status(
    workspace: _Folder = Path("workspace"),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """How far readers are, and what the answers prove so far."""
    from tasks.review_status import live_status

    opened = workspace_at(workspace)
    status = live_status(_opened(workspace), opened, _settings(opened, []).review)
    if as_json:
        typer.echo(json.dumps(status.as_json(), indent=1))
        return
    for line in status.lines():
        typer.echo(line)


def _store(opened: Workspace) -> "ReviewStore":
    from cxr_core.review.store import ReviewStore

    return ReviewStore.create(opened.review_store, secrets.token_bytes(32))


def _opened(workspace: Path) -> "ReviewStore":
    from cxr_core.review.store import ReviewStore

    return ReviewStore.open(workspace_at(workspace).review_store)


def _settings(opened: Workspace, sets: list[str]) -> BuildConfig:
    """Those of the last build, with what `--set` says."""
    return load_config(None, sets=sets, base=last_config(opened.configuration))


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
