"""When a result is stale: digests of code, rules, settings and libraries.

Takes the root modules of a stage, gives one digest over the syntax trees (docstrings stripped) of everything they
import within the project, the data files beside them, the settings and the versions of the libraries that decide
bytes. What goes in, study by study, is left to the stages.
"""

import ast
import contextlib
import functools
import gc
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast, get_args

from cxr_core.settings.build import path_fields, section_digest
from cxr_core.settings.section import Section

_PROJECT = "cxr_core"
_DATA_SUFFIXES = frozenset({".toml", ".gz", ".npz", ".json", ".txt", ".csv", ".onnx"})
# What every stage needs to run but what decides no byte of its result.
_NEUTRAL = frozenset({"cxr_core", "cxr_core.settings", "cxr_core.tables.storage", "cxr_core.tables.workspace"})

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_DOCUMENTED = frozenset(get_args(Documented))


def stage_fingerprint(modules: Sequence[str], sections: Sequence[Section], libraries: Sequence[str]) -> str:
    """Digest of everything but the input that decides a stage's result.

    Parameters
    ----------
    modules : sequence of str
        Dotted names of the stage's root modules.
    sections : sequence of Section
        The configuration sections that the stage reads; paths in them are left out.
    libraries : sequence of str
        Distributions whose version decides bytes.
    """
    digest = hashlib.sha256()
    for name, content in sorted(code_closure(modules).items()):
        digest.update(f"{name}\0{content}\0".encode())
    digest.update(section_digest(*sections).encode())
    for library in sorted(libraries):
        digest.update(f"{library}={_version(library)}\0".encode())
    return digest.hexdigest()


def fingerprint_parts(modules: Sequence[str], sections: Sequence[Section], libraries: Sequence[str]) -> dict[str, str]:
    """What `stage_fingerprint` is made of, part by part: digests of code, rules and settings, versions of libraries.

    Settings are told by a digest each, so that no value of the configuration leaves it.
    """
    parts = {_part_of(name): content for name, content in code_closure(modules).items()}
    for section in sections:
        for name in type(section).model_fields:
            value = section.model_dump_json(include={name})
            if name not in path_fields(section):
                parts[f"setting {type(section).__name__}.{name}"] = hashlib.sha256(value.encode()).hexdigest()
    return parts | {f"library {library}": _version(library) for library in libraries}


def _part_of(name: str) -> str:
    return f"{'rules' if Path(name).suffix in _DATA_SUFFIXES else 'code'} {name}"


def code_closure(modules: Iterable[str]) -> dict[str, str]:
    """Digests of the modules, of all project modules they import, and of the data files of their packages."""
    todo, seen = list(modules), dict[str, str]()
    while todo:
        name = todo.pop()
        if name in seen or name in _NEUTRAL:
            continue
        path = _source(name)
        if path is None:
            continue
        tree_digest, imports = _digest_module(path)
        seen[name] = tree_digest
        todo.extend((*imports, name.rpartition(".")[0] or _PROJECT))  # importing a module runs its package too
        if path.name == "__init__.py":
            seen.update(_data_files(path.parent))
    return seen


@functools.cache
def _digest_module(path: Path) -> tuple[str, tuple[str, ...]]:
    """Digest of a module's syntax tree without docstrings, and the project's names that it imports."""
    words, imports = list[str](), set[str]()
    with _uncollected():
        _walk(ast.parse(path.read_text(encoding="utf-8")), words, imports)
    own = tuple(sorted(name for name in imports if name.split(".")[0] == _PROJECT))
    return hashlib.sha256("\0".join(words).encode()).hexdigest(), own


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles, which goes over a growing tree again and again: half of a parser's time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _walk(node: ast.AST, words: list[str], imports: set[str]) -> None:
    """Write a tree down in one pass, a third of what `ast.dump` and `ast.walk` take over a hundred modules.

    A kind of node has a fixed number of fields and a list tells its length: different trees give different words.
    """
    kind = node.__class__
    if kind in _DOCUMENTED:
        _strip_docstring(cast("Documented", node))
    elif kind is ast.Import or kind is ast.ImportFrom:
        imports.update(_imported(cast("ast.Import | ast.ImportFrom", node)))
    words.append(kind.__name__)
    for name in kind._fields:
        if name == "ctx":  # follows from where the node stands
            continue
        value: Any = getattr(node, name, None)
        is_list = value.__class__ is list
        if is_list:
            words.append(str(len(value)))
        for item in value if is_list else (value,):
            if isinstance(item, ast.AST):
                _walk(item, words, imports)
            else:
                words.append(repr(item))


def _imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    names = {alias.name for alias in node.names}
    if isinstance(node, ast.Import):
        return names
    return {node.module, *(f"{node.module}.{name}" for name in names)} if node.module else set()


def _strip_docstring(node: Documented) -> None:
    if ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]


@functools.cache
def _source(name: str) -> Path | None:
    """File of a project module; None for a name that is a member of a module rather than a module.

    Looked up beside the project's package rather than by importing what stands above it: a plan needs no codecs.
    """
    first, *rest = name.split(".")
    package = importlib.util.find_spec(first)
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent.joinpath(*rest)
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


def _data_files(folder: Path) -> dict[str, str]:
    """Rules, word lists and weights below a package's folder."""
    return {
        str(path.relative_to(folder.parent)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.suffix in _DATA_SUFFIXES and path.is_file()
    }


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "absent"
