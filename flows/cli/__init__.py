"""The command line: one file a family of commands, one clear line for every user's mistake.

Takes `sys.argv`, gives an exit code: 0 done, 1 failed, 2 bad usage, 3 a gate refused to publish, 130 interrupted.
Heavy libraries are imported inside the commands, so that `cxr --help` answers at once.
"""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from cxr_core import __version__
from cxr_core.errors import GateRefused, HilumError, UsageError, place_of

_INTERRUPTED = 130
app = typer.Typer(
    name="cxr",
    help="From a hospital's chest radiographs and reports to a de-identified, labelled, published dataset.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


# Click's UsageError, which typer carries along under a private name.
_TyperUsageError: type[Exception] = typer.BadParameter.__mro__[1]


def _version(value: bool) -> None:
    if value:
        typer.echo(f"hilum {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


def run(command: Callable[[], object]) -> int:
    """Run a command and turn what it raises into one line and an exit code."""
    try:
        result = command()
    except HilumError as error:
        return _complain(str(error), {UsageError: 2, GateRefused: 3}.get(type(error), 1))
    except _TyperUsageError as error:
        return _complain(f"{error.format_message()} (see --help)", 2)  # type: ignore[attr-defined]
    except (KeyboardInterrupt, typer.Abort):
        result = _INTERRUPTED
    except Exception as error:  # noqa: BLE001  a fault of the program; its text may quote a patient, its place cannot
        return _complain(f"fault of the program: {type(error).__name__} at {place_of(error)}", 1)
    if result == _INTERRUPTED:  # typer turns an interruption inside a command into its exit code
        return _complain("interrupted; run the same command again to resume", _INTERRUPTED)
    return result if isinstance(result, int) else 0


def _complain(line: str, code: int) -> int:
    sys.stderr.write(f"cxr: {line}\n")
    return code


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(_invoke))


def _invoke() -> object:
    import flows.cli.review_serve  # noqa: F401  adds `review serve`
    from flows.cli import build, compare, explain, files, inspect, keys, quarantine, review, status, texts, vault  # noqa: F401  each module adds its commands to `app`

    return invoke(app)


def invoke(some: typer.Typer) -> object:
    """Run a typer application without its own exits, so that `run` decides on them."""
    return typer.main.get_command(some).main(standalone_mode=False)
