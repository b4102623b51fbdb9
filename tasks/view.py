"""Other layouts of a finished release: reads the release, asks the gates that the layout needs, writes the view.

Takes where a release lies; gives where the view lies. JPEG layouts hold nothing that the release does not hold, so
that its gates have passed already; DICOM and reports are new, and pass gates of their own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cxr_core.errors import UsageError
from cxr_core.planning.stages import DEIDENTIFY
from cxr_core.release.gates import Gate, attestation_gate, check_waivers, enforce, gate_result, review_gate
from cxr_core.release.manifest import RUN_NAME
from cxr_core.release.terms import Tier, agreement, license_text
from cxr_core.release.views.chestxray14 import chestxray14
from cxr_core.release.views.folders import chexpert_1, mimic_cxr_1
from cxr_core.release.views.mimic_cxr_2 import mimic_cxr_2
from cxr_core.release.views.readme import view_readme
from cxr_core.release.views.rows import Layout, ReleaseTrees
from cxr_core.release.views.view import View
from cxr_core.release.views.writing import write_view
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.loading import last_config
from cxr_core.tables.catalogue import DEID_REPORTS, IMAGES
from cxr_core.tables.workspace import Workspace
from tasks.publish import privacy_gate, read_attestation
from tasks.reviewed import review_statement, review_statistics, unread_originals

_OF_JPEG = {
    Layout.MIMIC_CXR_1: mimic_cxr_1,
    Layout.CHEXPERT_1: chexpert_1,
    Layout.CHESTXRAY14: chestxray14,
}


@dataclass(frozen=True, slots=True)
class ViewOrder:
    """What a person asks for.

    Parameters
    ----------
    output : Path or None
        Folder of the view; None: beside the release, `RELEASE-LAYOUT`.
    workspace : Workspace or None
        Needed for DICOM and reports.
    waivers : mapping of gate to reason
        Gates of DICOM and reports that need not pass; stand in run.json.
    signoff : Path or None
        Names that a person has looked at where they stand as ordinary words.
    """

    layout: Layout
    release: Path
    output: Path | None = None
    workspace: Workspace | None = None
    waivers: Mapping[str, str] = field(default_factory=dict)
    signoff: Path | None = None


@dataclass(frozen=True, slots=True)
class WrittenView:
    """What came of it."""

    path: Path
    is_new: bool
    images: Mapping[str, int]
    left_out: int


def make_view(order: ViewOrder) -> WrittenView:
    """Write a view of a release.

    Raises
    ------
    GateRefused
        Files are damaged, or a gate of DICOM and reports refused.
    UsageError
        No release, no kept DICOM, or the place is taken.
    """
    check_waivers(order.waivers)
    release = ReleaseTrees.read(order.release)
    target = (order.output or release.public.with_name(f"{release.public.name}-{order.layout.value}")).absolute()
    if target.resolve().is_relative_to(release.public):
        raise UsageError("a view inside the release would change it; choose another place with -o")
    if order.layout is Layout.MIMIC_CXR_2:
        view = _with_dicom(release, _workspace(order))
        tier = Tier.TEXT
    else:
        view, tier = _OF_JPEG[order.layout](release), Tier.IMAGES
    documents = {
        "README.md": view_readme(order.layout, release.title, view),
        "LICENSE.txt": license_text(),
        "DATA_USE_AGREEMENT.md": agreement(tier),
        RUN_NAME: _run_json(release, order),
    }
    path, is_new = write_view(view, target, documents, lambda roots: _check(roots, order, release))
    return WrittenView(path, is_new, view.images, view.left_out)


def _workspace(order: ViewOrder) -> Workspace:
    if order.workspace is None:
        raise UsageError(f"layout {order.layout.value} holds DICOM and reports: name the --workspace that has them")
    return order.workspace


def _with_dicom(release: ReleaseTrees, workspace: Workspace) -> View:
    store = DEIDENTIFY.store(workspace)
    reports = dict(store.read(DEID_REPORTS, ["study_id", "text"]).iter_rows())
    digests = dict(store.read(IMAGES, ["dicom_id", "dicom_sha256"]).iter_rows())
    kept = release.images.select("study_id", "dicom_id").iter_rows()
    missing = sum(not workspace.dicom_file(study, image).is_file() for study, image in kept)
    if missing:
        raise UsageError(f'{missing} DICOM files were not kept; build with convert.intermediates = "keep"')
    return mimic_cxr_2(release, reports=reports, digests=digests, locate=workspace.dicom_file)


def _run_json(release: ReleaseTrees, order: ViewOrder) -> bytes:
    """That of the release, with the layout and what was waived for it."""
    waivers = {**release.run.get("waivers", {}), **dict(sorted(order.waivers.items()))}
    content = release.run | {"layout": order.layout.value, "view_of": release.run["layout"], "waivers": waivers}
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _check(roots: list[Path], order: ViewOrder, release: ReleaseTrees) -> None:
    """The gates of what the release did not hold: DICOM and reports."""
    if order.layout is not Layout.MIMIC_CXR_2:
        return
    workspace, is_demo = _workspace(order), bool(release.run.get("is_demo"))
    reviewed = review_statistics(workspace)
    asked = (last_config(workspace.configuration) or BuildConfig()).review  # what the release was asked
    reviews = [
        review_gate(review_statement(part, asked), is_demo=is_demo) for part in (reviewed.images, reviewed.texts)
    ]
    unread = {"reviewed images of whose DICOM files nobody saw the windows": unread_originals(workspace)}
    reviews.append(gate_result(Gate.REVIEW, unread, "keep DICOM, draw a sample anew and read that"))
    digest = str(release.run["config_digest"])
    attested = attestation_gate(read_attestation(workspace), config_digest=digest, is_demo=is_demo)
    enforce([privacy_gate(workspace, order.signoff, roots), *reviews, attested], order.waivers)
