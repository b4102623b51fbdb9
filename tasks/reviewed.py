"""What the exported review says of the dataset as it is now: for the gate and for the documents.

Takes the workspace, gives statistics and the statement that the gate judges. Answers that were not exported yet
(`cxr review export`) are not seen.
"""

from contextlib import closing

from cxr_core.planning.stages import CONVERT, DEIDENTIFY
from cxr_core.release.gates import ReviewStatement
from cxr_core.review.statistics import Current, LeakReview, ReviewStatistics, workspace_statistics
from cxr_core.review.store import ReviewStore
from cxr_core.settings.review import ReviewSettings
from cxr_core.tables.catalogue import DEID_REPORTS, RENDITIONS
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import ReviewKind


def current_dataset(workspace: Workspace) -> Current:
    """Digests of the images and redacted reports of the workspace."""
    renditions = CONVERT.store(workspace).read(RENDITIONS, ["dicom_id", "sha256"])
    reports = DEIDENTIFY.store(workspace).read(DEID_REPORTS, ["study_id", "text_sha256"])
    return Current(dict(renditions.iter_rows()), dict(reports.iter_rows()))


def review_statistics(workspace: Workspace) -> ReviewStatistics:
    """Statistics of the exported tables against the workspace as it is."""
    return workspace_statistics(workspace, current_dataset(workspace))


def unread_originals(workspace: Workspace) -> int:
    """Images of the newest sample that were read without the windows of their 16-bit originals.

    Their answers speak of the pictures alone: they prove nothing of DICOM files.
    """
    if not workspace.review_store.is_file():
        return 0  # no review, or one that lies elsewhere: its own gate speaks
    with closing(ReviewStore.open(workspace.review_store)) as store:
        drafts = [outcome.item.draft for outcome in store.outcomes(ReviewKind.IMAGES)]
    return sum(not draft.windows for draft in drafts if not draft.is_planted)


def review_statement(review: LeakReview | None, settings: ReviewSettings) -> ReviewStatement | None:
    """What the gate judges of a review of images, or of texts where text is released; None where there was none."""
    if review is None:
        return None
    return ReviewStatement(
        images_reviewed=review.units.units,
        remaining=review.remaining,
        leak_bound=review.units.bound,
        required_bound=settings.required_bound,
        open_items=review.open,
    )
