"""What the exported review says of the dataset as it is now: for the gate and for the documents.

Takes the workspace, gives statistics and the statement that the gate judges. Answers that were not exported yet
(`cxr review export`) are not seen.
"""

from cxr_core.planning.stages import CONVERT
from cxr_core.release.gates import ReviewStatement
from cxr_core.review.statistics import ReviewStatistics, workspace_statistics
from cxr_core.settings.review import ReviewSettings
from cxr_core.tables.catalogue import RENDITIONS
from cxr_core.tables.workspace import Workspace


def review_statistics(workspace: Workspace) -> ReviewStatistics:
    """Statistics of the exported tables against the images of the workspace."""
    renditions = CONVERT.store(workspace).read(RENDITIONS, ["dicom_id", "sha256"])
    return workspace_statistics(workspace, dict(renditions.iter_rows()))


def review_statement(statistics: ReviewStatistics, settings: ReviewSettings) -> ReviewStatement | None:
    """What the gate judges; None where no image was reviewed."""
    images = statistics.images
    if images is None:
        return None
    return ReviewStatement(
        images_reviewed=images.units.units,
        remaining=images.remaining,
        leak_bound=images.units.bound,
        required_bound=settings.required_bound,
        open_items=images.open,
    )
