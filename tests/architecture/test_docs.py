"""Whether the documentation says what the code does: generated pages, links, commands, numbers of decisions."""

import importlib.util
import re
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import typer

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_COMMAND = re.compile(r"(?:^|[`\s/])cxr ([a-z]+)(?: ([a-z]+))?(?=[\s`]|$)", re.MULTILINE)
_MACHINE_PATH = re.compile(r"/(?:home|root|work|tmp|Users)/")


@cache
def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_docs", ROOT / "scripts" / "write_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _commands() -> dict[str, frozenset[str]]:
    """Every command of `cxr` and the commands below it."""
    from flows.cli import (  # noqa: F401  each adds its commands  # noqa: F401, I001  likewise
        app,
        build,
        compare,
        explain,
        files,
        inspect,
        keys,
        layouts,
        quarantine,
        status,
        texts,
        vault,
        withdraw,
    )

    group = typer.main.get_command(app)
    return {
        name: frozenset(getattr(command, "commands", {}))
        for name, command in group.commands.items()  # type: ignore[attr-defined]
    }


def _page(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("name", sorted(_generator().pages()))
def test_generated_page_is_up_to_date(name: str) -> None:
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == _generator().pages()[name], "run `make docs` and commit what it writes"


@pytest.mark.parametrize("path", PAGES, ids=_page)
def test_every_link_leads_somewhere(path: Path) -> None:
    targets = _LINK.findall(path.read_text(encoding="utf-8"))
    dead = [t for t in targets if "://" not in t and not (path.parent / t).exists()]
    assert dead == []


@pytest.mark.parametrize("path", PAGES, ids=_page)
def test_every_command_that_is_named_exists(path: Path) -> None:
    known = _commands()
    code = re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", path.read_text(encoding="utf-8"), re.DOTALL)
    named = [found for part in code for text in part for found in _COMMAND.findall(text)]
    wrong = [
        f"cxr {command} {sub}".strip()
        for command, sub in named
        if command not in known or (known[command] and sub not in known[command])
    ]
    assert wrong == []


@pytest.mark.parametrize("path", PAGES, ids=_page)
def test_no_page_names_a_place_of_one_machine(path: Path) -> None:
    assert _MACHINE_PATH.findall(path.read_text(encoding="utf-8")) == []


def test_decisions_are_numbered_without_a_gap() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [int(path.name[:4]) for path in decisions]
    titles = [int(path.read_text(encoding="utf-8").split(".")[0].removeprefix("# ")) for path in decisions]
    assert numbers == titles == list(range(1, len(decisions) + 1))


def test_every_run_time_dependency_has_one_row_with_its_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    extras = [requirement for name, some in optional.items() if name != "dev" for requirement in some]
    wanted = {requirement.partition(";")[0].strip() for requirement in [*project["dependencies"], *extras]}
    rows = re.findall(r"^\| ([\w-]+) `([^`]+)`", (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8"), re.M)
    assert sorted(name + versions for name, versions in rows) == sorted(wanted)
