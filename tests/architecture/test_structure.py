"""House rules that a machine can check over the three packages: sizes, names, docstrings, entry points, quiet help.

Reads the source, imports as little as it can. Import directions are left to import-linter, types to mypy, style to
ruff.
"""

import ast
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from cxr_core.settings import BuildConfig
from cxr_core.vocabulary import Reason

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("cxr_core", "tasks", "flows")
MOST_LINES = 400
MOST_FUNCTION_LINES = 40
VAGUE_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "misc"})

# Exceptions, each with its reason. One that is no longer needed fails a test, so that the lists only shrink.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS = {
    "flows/cli/build.py:build": "every option of the command is a parameter",
}
WITHOUT_DOCSTRING = {
    "cxr_core/deidentify/pixels/model.py:TextReader.read": "a protocol; the class says what it does",
    "cxr_core/release/versions.py:Version.parse": "the name says it",
    "cxr_core/release/versions.py:place": "the module says it",
    "cxr_core/release/versions.py:place_withheld": "the module says it",
    "cxr_core/release/versions.py:hidden": "the module says it",
    "cxr_core/release/versions.py:hidden_withheld": "the module says it",
    "tasks/summary.py:StageCounts.add": "the name says it",
}
MISSING_SCRIPTS: dict[str, str] = {}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _functions(path: Path) -> Iterator[tuple[str, Function]]:
    """Every function of a module under its qualified name; functions within functions too."""

    def walk(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Function]]:
        for node in body:
            if isinstance(node, Function):
                yield f"{_name(path)}:{prefix}{node.name}", node
                yield from walk(node.body, f"{prefix}{node.name}.<locals>.")
            elif isinstance(node, ast.ClassDef):
                yield from walk(node.body, f"{prefix}{node.name}.")

    yield from walk(_tree(path).body, "")


def _body(node: Function) -> list[ast.stmt]:
    return node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body


def _code_lines(node: Function) -> int:
    """Lines from `def` to the end, without the docstring."""
    docstring = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
    skipped = (docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0
    return (node.end_lineno or 0) - node.lineno + 1 - skipped


def _is_public(dotted: str) -> bool:
    return not any(part.startswith(("_", "<")) for part in dotted.rpartition(":")[2].split("."))


def _long_files() -> set[str]:
    return {_name(p) for p in _modules() if len(p.read_text(encoding="utf-8").splitlines()) > MOST_LINES}


def _long_functions() -> set[str]:
    return {name for p in _modules() for name, node in _functions(p) if _code_lines(node) > MOST_FUNCTION_LINES}


def _without_docstring() -> set[str]:
    """Public functions, and public methods of more than one statement: shorter ones are told by their name."""
    return {
        name
        for path in _modules()
        for name, node in _functions(path)
        if _is_public(name) and ast.get_docstring(node) is None and not _is_short_method(name, node)
    }


def _is_short_method(dotted: str, node: Function) -> bool:
    is_method = "." in dotted.rpartition(":")[2]
    return is_method and len(_body(node)) == 1 and not isinstance(_body(node)[0], ast.Expr)


def _missing_scripts() -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return {name for name in re.findall(r"\b(?:scripts|benchmarks)/[\w*]+\.py", text) if not list(ROOT.glob(name))}


def test_no_file_is_longer_than_400_lines() -> None:
    assert _long_files() - LONG_FILES.keys() == set()


def test_no_function_is_longer_than_40_lines() -> None:
    assert _long_functions() - LONG_FUNCTIONS.keys() == set()


def test_every_public_function_has_a_docstring() -> None:
    assert _without_docstring() - WITHOUT_DOCSTRING.keys() == set()


def test_every_script_that_the_makefile_names_exists() -> None:
    assert _missing_scripts() - MISSING_SCRIPTS.keys() == set()


def test_every_exception_is_still_needed() -> None:
    """Take a line that this names out of its list above."""
    assert LONG_FILES.keys() - _long_files() == set()
    assert LONG_FUNCTIONS.keys() - _long_functions() == set()
    assert WITHOUT_DOCSTRING.keys() - _without_docstring() == set()
    assert MISSING_SCRIPTS.keys() - _missing_scripts() == set()


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [_name(path) for path in _modules() if VAGUE_NAMES & {path.stem, path.parent.name}]
    assert vague == []


def test_every_module_says_what_it_does() -> None:
    silent = [_name(p) for p in _modules() if p.read_text(encoding="utf-8").strip() and not ast.get_docstring(_tree(p))]
    assert silent == []


def test_only_a_package_may_have_an_empty_module() -> None:
    empty = {_name(path) for path in _modules() if not path.read_text(encoding="utf-8").strip()}
    assert {name for name in empty if not name.endswith("__init__.py")} == set()


def _attributes(paths: list[Path]) -> set[str]:
    return {node.attr for path in paths for node in ast.walk(_tree(path)) if isinstance(node, ast.Attribute)}


def test_every_drop_reason_is_given_somewhere() -> None:
    elsewhere = [path for path in _modules() if path.name not in {"vocabulary.py", "reasons.py"}]
    assert {reason.name for reason in Reason} - _attributes(elsewhere) == set()


def test_every_setting_is_read_somewhere_or_the_documentation_says_that_it_is_not() -> None:
    readers = [path for path in _modules() if path.parent.name != "settings"]
    read = _attributes(readers)
    settings = {
        f"{name}.{key}" for name, section in BuildConfig().__dict__.items() for key in type(section).model_fields
    }
    unread = {setting for setting in settings if setting.partition(".")[2] not in read}
    assert unread == set(_script("write_docs").NOT_READ_YET), "keep NOT_READ_YET of scripts/write_docs.py in step"


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", sorted((ROOT / "cxr_core").rglob("*.toml")), ids=_name)
def test_every_policy_file_is_toml_and_not_empty(path: Path) -> None:
    assert tomllib.loads(path.read_text(encoding="utf-8"))


def test_help_imports_neither_prefect_nor_torch() -> None:
    program = (
        "import sys; sys.argv = ['cxr', '--help']\n"
        "from flows.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'prefect', 'torch', 'easyocr', 'rapidocr', 'onnxruntime', 'cv2', 'fastapi'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "build" in done.stdout


def test_a_build_imports_at_its_start_nothing_that_only_some_builds_need(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "import flows.build.__main__, flows.build.opening, flows.build.meanwhile, flows.cli.summary\n"
        "spared = {'torch', 'easyocr', 'rapidocr', 'onnxruntime', 'scipy', 'dask', 'fastapi', 'cxr_core.demo'}\n"
        "assert not spared & set(sys.modules), spared & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"PREFECT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_console_script_names_a_function_that_exists() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert set(scripts) == {"cxr"}
    for target in scripts.values():
        module, _, function = target.partition(":")
        path = ROOT / module.replace(".", "/")
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        assert function in {node.name for node in _tree(source).body if isinstance(node, Function)}


@pytest.mark.parametrize("stage", ["build/__main__", "deidentify", "convert", "label", "split", "publish"])
def test_every_flow_has_an_entry_module(stage: str) -> None:
    source = (ROOT / "flows" / f"{stage}.py").read_text(encoding="utf-8")
    assert 'if __name__ == "__main__":' in source
