"""The command line: one file a family of commands, one clear line for every user's mistake.

Takes `sys.argv`, gives an exit code: 0 done, 1 failed, 2 bad usage, 3 a gate refused to publish, 130 interrupted.
Heavy libraries are imported inside the commands, so that `cxr --help` answers at once.
"""

import gc
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, NoReturn

import typer

from cxr_core import __version__
from cxr_core.errors import GateRefused, HilumError, TransientError, UsageError, place_of

_INTERRUPTED = 130
_ORCHESTRATOR = frozenset({"prefect", "httpx", "httpcore"})  # not imported here: `cxr --help` answers at once
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


_FAMILIES = (
    "build",
    "collection",
    "compare",
    "explain",
    "files",
    "inspect",
    "keys",
    "pacs",
    "publish",
    "quarantine",
    "releases",
    "review",
    "review_serve",
    "status",
    "texts",
    "vault",
    "withdraw",
)
"""Modules of this package that hold commands."""


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
        more = "; run the same command again to go on" if isinstance(error, TransientError) else ""
        return _complain(str(error) + more, {UsageError: 2, GateRefused: 3}.get(type(error), 1))
    except OSError as error:
        return _complain(_told_of_machine(error), 1)
    except _TyperUsageError as error:
        return _complain(f"{error.format_message()} (see --help)", 2)  # type: ignore[attr-defined]
    except (KeyboardInterrupt, typer.Abort):
        result = _INTERRUPTED
    except Exception as error:  # noqa: BLE001  a fault of the program; its text may quote a patient, its place cannot
        return _complain(_told_of_fault(error), 1)
    if result == _INTERRUPTED:  # typer turns an interruption inside a command into its exit code
        return _complain("interrupted; run the same command again to resume", _INTERRUPTED)
    return result if isinstance(result, int) else 0


def _told_of_machine(error: OSError) -> str:
    """The system's words for its number, and where: an error's own text names files, some of them identified."""
    from cxr_core.tables.disk import stop_of

    if stop := stop_of(error):
        return str(stop)
    told = os.strerror(error.errno) if error.errno else type(error).__name__
    is_denied = isinstance(error, PermissionError)
    advice = "look to whom workspace and output belong" if is_denied else "run the same command again to go on"
    return f"the machine failed: {told} at {place_of(error)}; {advice}"


def _told_of_fault(error: Exception) -> str:
    name = type(error).__name__
    if type(error).__module__.partition(".")[0] in _ORCHESTRATOR:
        return f"Prefect's server does not answer ({name}); run the same command again: nothing that was done is lost"
    return f"fault of the program: {name} at {place_of(error)}"


def _complain(line: str, code: int) -> int:
    sys.stderr.write(f"cxr: {line}\n")
    return code


def main() -> None:
    """Entry point of the console script."""
    leave(run(_invoke))


def leave(code: int) -> NoReturn:
    """End the process; what it holds needs no look for garbage, which takes half a second behind a build."""
    gc.freeze()
    sys.exit(code)


def load() -> None:
    """Let each family add its commands to `app`."""
    for family in _FAMILIES:
        import_module(f"flows.cli.{family}")


def _invoke() -> object:
    load()
    return invoke(app)


def invoke(some: typer.Typer) -> object:
    """Run a typer application without its own exits, so that `run` decides on them."""
    return typer.main.get_command(some).main(standalone_mode=False)
