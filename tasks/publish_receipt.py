"""The receipt of publishing: from which tables which content was made, and the figures that a build tells of it.

Takes and gives outcomes; of an unchanged dataset they are told again without planning its release. Whether the release
itself is still there is left to `cxr_core.release.publication`.
"""

import base64
import io
from collections.abc import Mapping

import polars as pl

from cxr_core import __version__
from cxr_core.planning.receipts import Said, Step
from cxr_core.planning.stages import STAGES
from cxr_core.release.publication import Published
from cxr_core.settings.build import BuildConfig
from cxr_core.tables.catalogue import (
    DROPS,
    IMAGE_REVIEWS,
    INSTANCES,
    READER_BOXES,
    REPORT_LABELS,
    RETIRED_SUBJECTS,
    REVIEW_DECISIONS,
    SPLITS,
    STAGE_DROPS,
    STUDY_ROWS,
    TEXT_REVIEWS,
    WITHDRAWALS,
)
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import Stage
from tasks.receipts import receipt_step, store_files
from tasks.summary import Outcome

_REVIEWED = (REPORT_LABELS, READER_BOXES, IMAGE_REVIEWS, TEXT_REVIEWS, REVIEW_DECISIONS)


def publish_step(workspace: Workspace, config: BuildConfig) -> Step:
    """All tables that the content of a release is made of; the release itself is looked at whatever they say."""
    registered = [workspace.stage_table(Stage.REGISTER, table) for table in (STUDY_ROWS, RETIRED_SUBJECTS)]
    split = [workspace.stage_table(Stage.SPLIT, table) for table in (SPLITS, STAGE_DROPS)]
    identified = [workspace.catalog_table(table) for table in (INSTANCES, WITHDRAWALS, DROPS)]
    reviewed = [workspace.review_table(table) for table in _REVIEWED]
    stages = [path for definition in STAGES.values() for path in store_files(definition.store(workspace))]
    return receipt_step(
        "publish",
        workspace,
        config,
        reads=[*registered, *split, *identified, *stages, *reviewed],
        leaves=[],
        words=[__version__],
    )


def outcome_of(done: Published, published: int, withheld: int, tables: Mapping[str, pl.DataFrame]) -> Outcome:
    """What a build tells of a release."""
    return Outcome(
        path=done.path,
        withheld_path=done.withheld_path,
        version=done.version,
        is_unchanged=done.is_unchanged,
        published=published,
        withheld=withheld,
        tables=tables,
    )


def as_said(content_digest: str, outcome: Outcome) -> Said:
    """An outcome without its place."""
    return {
        "content_digest": content_digest,
        "published": outcome.published,
        "withheld": outcome.withheld,
        "tables": {title: _packed(frame) for title, frame in outcome.tables.items()},
    }


def as_outcome(said: Said, done: Published) -> Outcome:
    """The outcome that was packed, at the place where its release lies."""
    tables = {title: _unpacked(text) for title, text in said["tables"].items()}
    return outcome_of(done, said["published"], said["withheld"], tables)


def _packed(frame: pl.DataFrame) -> str:
    """Parquet keeps the types, which CSV and JSON lose."""
    sink = io.BytesIO()
    frame.write_parquet(sink)
    return base64.b64encode(sink.getvalue()).decode()


def _unpacked(text: str) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(base64.b64decode(text)))
