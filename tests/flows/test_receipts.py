"""Steps over the whole dataset: what each opens stands in its receipt, and a receipt that holds says the same again."""

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from building import Build, tree

from cxr_core.planning.receipts import Said, Step
from cxr_core.release.summary import to_markdown
from cxr_core.settings import load_config
from cxr_core.settings.build import BuildConfig
from cxr_core.tables import storage
from cxr_core.tables.contract import Contract
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.key import load_key
from tasks.account import Account, close_books
from tasks.catalog import catalog_sources
from tasks.link import link_studies
from tasks.publish import PublishOrder, publish_release
from tasks.register import register_studies
from tasks.split import split_subjects
from tasks.summary import Outcome

_WAIVERS = {"review": "tests: invented people", "attestation": "tests: invented"}
_STEPS = ["tables", "link", "register", "split", "account", "publish"]


@dataclass(slots=True)
class Watch:
    """What steps asked for and opened."""

    held: dict[str, bool] = field(default_factory=dict)
    opened: dict[str, set[Path]] = field(default_factory=dict)
    told: dict[str, set[Path]] = field(default_factory=dict)
    now: str = ""

    def start(self, step: Step, said: Said | None) -> None:
        self.now = step.receipt.stem
        self.held[self.now] = said is not None
        self.opened[self.now] = set()
        self.told[self.now] = {*step.reads, *step.leaves}

    def open(self, path: Path) -> None:
        if self.now:
            self.opened[self.now].add(path)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Sees every table that is read, present or not, between a step's question and its receipt."""
    seen, read, earlier, leave = Watch(), storage.read_table, Step.earlier, Step.leave

    def watched_read(contract: Contract, path: Path, *more: Any, **named: Any) -> pl.DataFrame:
        seen.open(path)
        return read(contract, path, *more, **named)

    def watched_earlier(step: Step) -> Said | None:
        said = earlier(step)
        seen.start(step, said)
        return said

    def watched_leave(step: Step, said: Said | None = None) -> None:
        seen.now = ""
        leave(step, said)

    for name, module in list(sys.modules.items()):
        if name.startswith(("tasks.", "cxr_core.")) and getattr(module, "read_table", None) is read:
            monkeypatch.setattr(module, "read_table", watched_read)
    monkeypatch.setattr(Step, "earlier", watched_earlier)
    monkeypatch.setattr(Step, "leave", watched_leave)
    return seen


@pytest.fixture
def build(base_build: Build, tmp_path: Path) -> Build:
    """A finished build without receipts."""
    copy = base_build.copied(tmp_path / "build")
    shutil.rmtree(copy.workspace / "vault" / "catalog" / "receipts")
    return copy


def _config(build: Build) -> BuildConfig:
    export = build.hospital.export
    ris = export / "ris"
    source = {
        "dicom": export / "dicom",
        "reports": (ris / "ris_export.csv", export / "hl7"),
        "encounters": ris / "encounters.csv",
        "merges": ris / "mrn_merges.csv",
    }
    return load_config(build.hospital.config, options={"source": source})


def _run(build: Build, config: BuildConfig) -> tuple[Account, tuple[str, ...], Outcome]:
    """The steps of a build in their order; its studies are done."""
    workspace, key = Workspace(build.workspace), load_key(config.vault.key_file)
    catalog_sources.fn(workspace, config.source, lambda _: None)
    link_studies.fn(workspace, config)
    register_studies.fn(workspace, config, key)
    notes = split_subjects.fn(workspace, config, key)
    account = close_books.fn(workspace, config, is_whole=True)
    order = PublishOrder(build.release, waivers=_WAIVERS, drops=account.drops, notes=notes)
    return account, notes, publish_release.fn(workspace, config, key, order)


def _shown(outcome: Outcome) -> list[str]:
    return [title + to_markdown(frame) for title, frame in outcome.tables.items()]


def test_no_step_opens_a_table_that_its_receipt_passes_over(build: Build, watch: Watch) -> None:
    """What is forgotten in a receipt could change, and the build would not see it: a withdrawn patient would stay."""
    _run(build, _config(build))
    assert watch.held == dict.fromkeys(_STEPS, False)
    assert [path for name in _STEPS for path in sorted(watch.opened[name] - watch.told[name])] == []
    assert all(watch.opened[name] for name in _STEPS[1:])


def test_an_unchanged_build_does_no_step_again_and_tells_the_same(build: Build, watch: Watch) -> None:
    config = _config(build)
    before = tree(build.root, without=["home"])
    account, notes, outcome = _run(build, config)
    left = tree(build.root, without=["home"])
    assert {path for path in left if before.get(path) != left[path]} == {
        f"workspace/vault/catalog/receipts/{name}.json" for name in _STEPS
    }
    account_again, notes_again, outcome_again = _run(build, config)
    assert watch.held == dict.fromkeys(_STEPS, True)
    assert (account_again, notes_again) == (account, notes)
    assert (outcome_again.path, outcome_again.version) == (outcome.path, outcome.version)
    assert (outcome_again.published, outcome_again.withheld) == (outcome.published, outcome.withheld)
    assert _shown(outcome_again) == _shown(outcome)
    assert outcome_again.is_unchanged
    assert tree(build.root, without=["home"]) == left


def _rewrite(path: Path) -> None:
    """Other bytes under the same rows."""
    frame = pl.read_parquet(path)
    assert frame.height
    schema = storage.pq.read_schema(path)
    storage.pq.write_table(frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema), path)


@pytest.mark.parametrize(
    ("table", "done_again"),
    [
        # What a step leaves comes out again with the bytes that it had: nothing behind it is done.
        ("vault/catalog/studies", {"link"}),
        ("vault/catalog/requests", {"register"}),
        ("stages/split/splits", {"split"}),
        ("vault/drops", {"account"}),
        ("stages/convert/renditions", {"split", "account", "publish"}),
        ("stages/label/labels", {"account", "publish"}),
    ],
)
def test_only_steps_that_read_or_left_a_changed_table_are_done_again(
    build: Build, watch: Watch, table: str, done_again: set[str]
) -> None:
    config = _config(build)
    _run(build, config)
    _rewrite(build.workspace / f"{table}.parquet")
    _run(build, config)
    assert {name for name, held in watch.held.items() if not held} == done_again


def test_a_release_that_was_taken_away_is_published_again(build: Build, watch: Watch) -> None:
    config = _config(build)
    before = tree(build.release)
    _run(build, config)
    shutil.rmtree(build.release)
    _, _, outcome = _run(build, config)
    assert watch.held == dict.fromkeys(_STEPS, True)
    assert not outcome.is_unchanged
    assert tree(build.release) == before
