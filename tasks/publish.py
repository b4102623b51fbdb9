"""The Prefect task of the stage `publish`: accounts, plan, gates and the rename that makes a release visible."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import polars as pl
from prefect import task

from cxr_core import __version__
from cxr_core.errors import GateRefused, UsageError
from cxr_core.planning.receipts import Said
from cxr_core.planning.stages import CONVERT, DEIDENTIFY, LABEL
from cxr_core.release.assembly import Locate, plan_release
from cxr_core.release.documents import EXACT_TIMES
from cxr_core.release.gates import (
    Attestation,
    AttestationMethod,
    Gate,
    GateResult,
    attestation_gate,
    counts_gate,
    enforce,
    gate_result,
    review_gate,
    split_gate,
)
from cxr_core.release.plan import DropCount, ReleasePlan, RunFacts
from cxr_core.release.publication import find_published, publish, published_counts
from cxr_core.release.review_note import review_note
from cxr_core.release.summary import funnel, table_2, table_4
from cxr_core.release.tables import ReleaseInputs
from cxr_core.release.tree_gates import split_rows, tree_gates
from cxr_core.review.statistics import ReviewStatistics
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.dates import TimeOfDay
from cxr_core.tables.catalogue import (
    DERIVATIVES,
    EVIDENCE,
    IMAGES,
    INSTANCES,
    LABELS,
    REPORT_LABELS,
    RETIRED_SUBJECTS,
    SECTIONS,
    SPLITS,
    TEXT_BOXES,
    WITHDRAWALS,
)
from cxr_core.tables.storage import read_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.key import VaultKey
from cxr_core.vault.withdrawal import withdrawn_subjects
from cxr_core.vocabulary import ItemKind, Stage
from tasks._policy import TASK_OPTIONS
from tasks.publish_receipt import as_outcome, as_said, outcome_of, publish_step
from tasks.register import study_rows
from tasks.reviewed import review_statement, review_statistics
from tasks.split import renditions_to_publish
from tasks.summary import Outcome
from tasks.verification import Verifier

_DECIDING = (
    "pydicom",
    "numpy",
    "imagecodecs",
    "opencv-python-headless",
    "rapidocr",
    "onnxruntime",
    "easyocr",
    "polars",
)


@dataclass(frozen=True, slots=True)
class PublishOrder:
    """What a person decided about this release.

    Parameters
    ----------
    release : Path
        Folder of the releases.
    waivers : mapping of gate to reason
        Gates that need not pass.
    drops : sequence of DropCount
        What every stage left out, for run.json and the funnel.
    notes : sequence of str
        Sentences of the split for the datasheet.
    """

    release: Path
    waivers: Mapping[str, str] = field(default_factory=dict)
    is_demo: bool = False
    drops: Sequence[DropCount] = ()
    notes: Sequence[str] = ()


@task(name="publish", task_run_name="publish", **TASK_OPTIONS)
def publish_release(workspace: Workspace, config: BuildConfig, key: VaultKey, order: PublishOrder) -> Outcome:
    """Build the release beside, let every gate read it, make it visible with one rename.

    Raises
    ------
    GateRefused
        A gate refused; the last release is untouched.
    """
    if not workspace.vault.is_dir():
        raise GateRefused(
            "privacy", "the vault is not there (moved away or sealed), and without it nothing can be searched for"
        )
    step = publish_step(workspace, config)
    said = step.earlier()
    if said is not None and (found := _found(said, config, order)) is not None:
        return found
    digest, outcome = _published(workspace, config, key, order)
    step.leave(as_said(digest, outcome))
    return outcome


def _found(said: Said, config: BuildConfig, order: PublishOrder) -> Outcome | None:
    """What publishing would find of the same tables, where the release that they gave is still there."""
    name, version = config.release.name, config.release.version
    done = find_published(name, version, said["content_digest"], order.release.absolute())
    return None if done is None else as_outcome(said, done)


def _published(workspace: Workspace, config: BuildConfig, key: VaultKey, order: PublishOrder) -> tuple[str, Outcome]:
    """The digest of the content and what became of it."""
    inputs = _inputs(workspace)
    reviewed = review_statistics(workspace)
    withdrawn = withdrawn_subjects(read_table(WITHDRAWALS, workspace.catalog_table(WITHDRAWALS)))["subject_id"]
    _refuse_withdrawn(inputs, withdrawn)
    facts = replace(
        _facts(config, key, order),
        notes=(*order.notes, *review_note(reviewed.images)),
        withdrawn=frozenset(withdrawn),
        retired=_retired(workspace),
    )
    places = Locate(workspace.jpeg_file, workspace.derivative_file)
    plan = replace(plan_release(inputs, config.release, facts, places), review=reviewed.images)
    gates = _Gates(workspace, config, order, plan, reviewed, published_counts(config.release.name, order.release))
    done = publish(plan, order.release.absolute(), gates.check)
    shown = pl.concat([tree.images for tree in (plan.public, plan.withheld) if tree])
    withheld = plan.withheld.images.height if plan.withheld else 0
    instances = [drop for drop in order.drops if drop.kind in (ItemKind.INSTANCE, ItemKind.FILE)]
    catalogued = read_table(INSTANCES, workspace.catalog_table(INSTANCES)).height
    tables = {
        "Funnel": funnel(catalogued, instances, plan.public.images.height, withheld),
        "Table 2": table_2(shown),
        "Table 4": table_4(shown),
    }
    return plan.content_digest(), outcome_of(done, plan.public.images.height, withheld, tables)


@dataclass(frozen=True, slots=True)
class _Gates:
    """All gates over the hidden trees."""

    workspace: Workspace = field(repr=False)
    config: BuildConfig = field(repr=False)
    order: PublishOrder
    plan: ReleasePlan = field(repr=False)
    reviewed: ReviewStatistics = field(repr=False)
    previous_images: int | None

    def check(self, public: Path, withheld: Path | None) -> None:
        """Raise at the first gate that refuses and is not waived."""
        roots = [public, *([withheld] if withheld else [])]
        images = sum(tree.images.height for tree in (self.plan.public, self.plan.withheld) if tree)
        digest, is_demo = self.config.digest(), self.order.is_demo
        enforce(
            [
                privacy_gate(self.workspace, self.config.release.signoff, roots),
                review_gate(review_statement(self.reviewed.images, self.config.review), is_demo=is_demo),
                split_gate(split_rows(roots)),
                *(result for root in roots for result in tree_gates(root)),
                counts_gate(images, self.previous_images, min_share=self.config.release.min_row_share),
                attestation_gate(read_attestation(self.workspace), config_digest=digest, is_demo=is_demo),
            ],
            self.order.waivers,
        )


def privacy_gate(workspace: Workspace, signoff: Path | None, roots: Sequence[Path]) -> GateResult:
    """Gate 1: nothing that identifies a person of the catalog stands anywhere in the trees."""
    verifier = Verifier.of(workspace, signoff)
    faults: dict[str, int] = {}
    for root in roots:
        for item in verifier.verify(root).findings:
            faults[f"{item.kind.value} in {item.file}"] = item.count
    shown = dict(sorted(faults.items())[:5]) | ({"more findings": len(faults) - 5} if len(faults) > 5 else {})
    return gate_result(Gate.PRIVACY, shown, "nothing was published; `cxr verify` lists every finding")


def _inputs(workspace: Workspace) -> ReleaseInputs:
    airlock, converted, labelled = (stage.store(workspace) for stage in (DEIDENTIFY, CONVERT, LABEL))
    return ReleaseInputs(
        study_rows=study_rows(workspace),
        images=airlock.read(IMAGES),
        renditions=renditions_to_publish(workspace),
        text_boxes=airlock.read(TEXT_BOXES),
        sections=labelled.read(SECTIONS),
        labels=labelled.read(LABELS),
        evidence=labelled.read(EVIDENCE),
        splits=read_table(SPLITS, workspace.stage_table(Stage.SPLIT, SPLITS)),
        reference=read_table(REPORT_LABELS, workspace.review_table(REPORT_LABELS)),
        derivatives=converted.read(DERIVATIVES),
    )


def _refuse_withdrawn(inputs: ReleaseInputs, withdrawn: pl.Series) -> None:
    """A withdrawal that was cut off leaves rows behind; they must not be published."""
    left = pl.concat([inputs.study_rows["subject_id"], inputs.renditions["subject_id"]]).unique()
    count = int(left.is_in(withdrawn.implode()).sum())
    if count:
        raise GateRefused("privacy", f"{count} withdrawn subjects are still there; build without --only and --from")


def _retired(workspace: Workspace) -> frozenset[str]:
    rows = read_table(RETIRED_SUBJECTS, workspace.stage_table(Stage.REGISTER, RETIRED_SUBJECTS))
    return frozenset(rows["subject_id"])


def _facts(config: BuildConfig, key: VaultKey, order: PublishOrder) -> RunFacts:
    exact = config.dates.time is TimeOfDay.EXACT
    return RunFacts(
        producer=f"hilum {__version__}",
        versions=(("hilum", __version__), *((name, version(name)) for name in _deciding(config))),
        config_digest=config.digest(),
        key_id=key.key_id,
        drops=tuple(order.drops),
        waivers=tuple(sorted(order.waivers.items())),
        readers=config.deidentify.readers,
        is_demo=order.is_demo,
        deviations=(EXACT_TIMES,) if exact else (),
        notes=tuple(order.notes),
    )


def _deciding(config: BuildConfig) -> list[str]:
    return [name for name in _DECIDING if name != "easyocr" or name in config.deidentify.readers]


def read_attestation(workspace: Workspace) -> Attestation | None:
    """What the officer signed; None where there is nothing.

    Raises
    ------
    UsageError
        The file is no attestation.
    """
    path = workspace.vault / "attestation.toml"
    if not path.exists():
        return None
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
        return Attestation(**fields | {"method": AttestationMethod(fields.get("method", ""))})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, ValueError):
        raise UsageError(f"{path} is no attestation: method, config_digest, approval_number, ...") from None
