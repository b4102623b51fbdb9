"""`python -m flows.acquire`: the command `cxr pacs acquire` under its other name."""

import sys

if __name__ == "__main__":
    import typer

    from flows.cli import invoke, run
    from flows.cli.pacs import acquire

    def main() -> object:
        """Run the command."""
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command()(acquire)
        return invoke(app)

    sys.exit(run(main))
