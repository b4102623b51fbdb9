"""A stage is stale when its code, its rules, its settings or its libraries change, and not otherwise."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_core.planning import fingerprints
from cxr_core.planning.fingerprints import code_closure, stage_fingerprint
from cxr_core.planning.stages import STAGES
from cxr_core.settings import BuildConfig, load_config
from cxr_core.vocabulary import Stage


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small project of its own."""
    root = tmp_path / "toy"
    root.mkdir()
    (root / "__init__.py").write_text("")
    (root / "stage.py").write_text('"""Doc."""\nfrom toy import helper\n')
    (root / "helper.py").write_text("VALUE = 1\n")
    (root / "rules.toml").write_text("a = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(fingerprints, "_PROJECT", "toy")
    yield root
    for name in [name for name in sys.modules if name.split(".")[0] == "toy"]:
        del sys.modules[name]


def digest() -> str:
    importlib.invalidate_caches()
    fingerprints._digest_module.cache_clear()
    fingerprints._source.cache_clear()
    return stage_fingerprint(["toy.stage"], [], [])


@pytest.mark.parametrize(
    ("file", "content", "changes"),
    [
        ("stage.py", '"""Another doc."""\nfrom toy import helper  # a comment\n', False),
        ("stage.py", "from toy import helper\nVALUE = 2\n", True),
        ("helper.py", "VALUE = 2\n", True),
        ("rules.toml", "a = 2\n", True),
        ("unrelated.py", "VALUE = 3\n", False),
    ],
)
def test_only_what_a_stage_runs_on_makes_it_stale(package: Path, file: str, content: str, changes: bool) -> None:
    before = digest()
    (package / file).write_text(content)
    assert (digest() != before) is changes


def test_a_setting_makes_only_its_own_stage_stale() -> None:
    plain, changed = BuildConfig(), load_config(sets=["labels.section=findings+impression"])
    stale = {
        stage
        for stage, definition in STAGES.items()
        if definition.fingerprint(plain) != definition.fingerprint(changed)
    }
    assert stale == {Stage.LABEL}


def test_labeling_does_not_run_on_imaging_code() -> None:
    names = code_closure(STAGES[Stage.LABEL].modules)
    assert "cxr_core.labeling" in names
    assert not [name for name in names if name.startswith(("cxr_core.imaging", "cxr_core.deidentify"))]
