"""`python -m flows.build`: the command `cxr build` under its other name."""

from pathlib import Path

import typer

import cxr_core
import tasks
from cxr_core.errors import BuildError
from flows.cli import invoke, leave, run
from flows.cli.build import build


def _assert_own_packages() -> None:
    """`tasks` is a generic name: another distribution's package must not be run in ours' place."""
    beside = Path(__file__).resolve().parents[2]
    for package in (cxr_core, tasks):
        if Path(str(package.__file__)).resolve().parents[1] != beside:
            raise BuildError(f"package {package.__name__} does not lie beside flows: use Hilum's own environment")


def main() -> object:
    """Run the build command."""
    _assert_own_packages()
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(build)
    return invoke(app)


if __name__ == "__main__":
    leave(run(main))
