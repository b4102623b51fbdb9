"""`cxr key` and `cxr demo`: what a newcomer makes first."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli import app

key_app = typer.Typer(help="The secret key of a vault.", no_args_is_help=True)
app.add_typer(key_app, name="key")


@key_app.command("new")
def new(path: Annotated[Path, typer.Argument(help="File to write; it must not exist.")]) -> None:
    """Make a key, readable by you alone."""
    from cxr_core.vault.key import ENVIRONMENT, create_key

    key = create_key(path)
    typer.echo(f"key {key.key_id} written to {path}; name it in {ENVIRONMENT}, keep a copy where the data is not")


@app.command()
def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write.")],
    *,
    patients: Annotated[int, typer.Option(min=1, help="Patients.")] = 25,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal files.")] = 1,
) -> None:
    """Write the synthetic demo hospital: DICOM, RIS exports, HL7 messages and the truth about them."""
    from cxr_core.demo import generate_hospital

    made = generate_hospital(output, patients=patients, seed=seed)
    typer.echo(f"{made.patients} patients, {made.studies} studies, {made.images} images in {output}")
