"""`cxr collection`: public collections as sources of a build, and their own labels under the release's ids."""

import csv
import datetime as dt
import sys
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from cxr_core.errors import UsageError
from cxr_core.intake.collections.conversion import CollectionName
from flows.cli import app
from flows.cli.places import make_writable, refuse_output_among_sources

collection_app = typer.Typer(help="Turn public collections into sources of a build.", no_args_is_help=True)
app.add_typer(collection_app, name="collection")


@collection_app.command("convert")
def convert(
    name: Annotated[CollectionName, typer.Argument(help="The collection.")],
    source: Annotated[Path, typer.Argument(help="Its folder, as downloaded and unpacked.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="An empty folder.")],
) -> None:
    """Write a collection as DICOM files that a build reads, with settings and the labels that came with it."""
    from cxr_core.intake.collections.conversion import convert_collection

    if not source.is_dir():
        raise UsageError(f"{source} is no folder")
    refuse_output_among_sources(output, source)
    make_writable(output)
    done = convert_collection(name, source, output)
    for image, reason in done.refused.items():
        sys.stderr.write(f"{image}: {reason.value}\n")
    told = f"{done.written} images written, {len(done.refused)} refused, {len(done.missing)} without their partner"
    typer.echo(f"{told}; next: cxr build {output / 'hilum.toml'}")


@collection_app.command("labels")
def labels(
    converted: Annotated[Path, typer.Argument(help="Folder of a converted collection.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="CSV to write.")],
    *,
    workspace: Annotated[Path, typer.Option(help="The workspace of the build.")] = Path("workspace"),
) -> None:
    """Write the collection's own labels under the ids of the release. Opens the vault, and is audited."""
    from cxr_core.intake.collections.writing import GIVEN_LABELS
    from cxr_core.tables.catalogue import PSEUDONYMS
    from cxr_core.tables.storage import read_table
    from cxr_core.vault.audit import record
    from flows.cli.inspect import workspace_at
    from flows.cli.vault import with_vault

    opened = with_vault(workspace_at(workspace))
    given = converted / GIVEN_LABELS
    if not given.is_file():
        raise UsageError(f"{converted} holds no {GIVEN_LABELS}")
    ids = read_table(PSEUDONYMS, opened.catalog_table(PSEUDONYMS))
    names: dict[str, str] = dict(ids.select("original", "pseudonym").iter_rows())
    rows = pl.read_csv(given, infer_schema=False)
    known = [row for row in rows.iter_rows(named=True) if row["sop_instance_uid"] in names]
    kept = [column for column in rows.columns if column not in ("file", "study_instance_uid", "sop_instance_uid")]
    try:
        with output.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["dicom_id", "study_id", *kept])
            found = [(names[row["sop_instance_uid"]], names[row["study_instance_uid"]], row) for row in known]
            for dicom_id, study_id, row in sorted(found, key=lambda one: one[:2]):
                writer.writerow([dicom_id, study_id, *(row[column] for column in kept)])
    except OSError:
        raise UsageError(f"{output} cannot be written") from None
    record(opened.vault, "collection labels", {"images": len(known)}, now=dt.datetime.now(dt.UTC))
    typer.echo(f"{len(known)} of {rows.height} images in {output}")
