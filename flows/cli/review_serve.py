"""`cxr review serve`: the review page for readers, on this machine alone unless told otherwise."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.inspect import workspace_at
from flows.cli.review import review_app


@review_app.command("serve")
def serve(
    workspace: Annotated[Path, typer.Option(help="The workspace of the build.")] = Path("workspace"),
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others can reach what is no loopback.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8765,
    name: Annotated[list[str] | None, typer.Option(help="A name that browsers use for the server; repeatable.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="PEM file: speak TLS.")] = None,
    certificate_key: Annotated[Path | None, typer.Option(help="PEM file with its key.")] = None,
    behind_proxy: Annotated[bool, typer.Option("--behind-proxy", help="A proxy adds TLS.")] = False,
) -> None:
    """Serve the review page until interrupted. Readers sign in with their tokens."""
    from flows.review_server.serving import Listening, check_listening, serve

    listening = Listening(host, port, tuple(name or ()), certificate, certificate_key, behind_proxy)
    check_listening(listening)
    typer.echo(f"review page on {listening.url} (Ctrl-C ends it; every answer is already on the disk)")
    try:
        serve(workspace_at(workspace), listening)
    except KeyboardInterrupt:
        typer.echo("review page closed")
