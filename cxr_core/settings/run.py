"""How the work is run. Nothing here changes a byte of the release."""

import os
from enum import StrEnum

from pydantic import Field

from cxr_core.settings.section import Section


class Runner(StrEnum):
    LOCAL = "local"
    DASK = "dask"


class Granularity(StrEnum):
    AUTO = "auto"
    STUDY = "study"
    SHARD = "shard"


class RunSettings(Section):
    """`[run]`"""

    runner: Runner = Field(Runner.LOCAL, description="local: processes here; dask: a Dask cluster")
    dask_address: str = Field("", description="Scheduler of the cluster, e.g. tcp://host:8786; empty: one made here")
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256, description="Worker processes here")
    granularity: Granularity = Field(Granularity.AUTO, description="One task a study, or one a shard of studies")
    study_tasks_up_to: int = Field(500, ge=0, description="auto: one task a study up to this many studies in the plan")
    shard_studies: int = Field(250, ge=1, description="Studies a shard")
    wave_shards: int = Field(8, ge=1, description="Shards a wave: each wave is de-identified, converted and labelled")
    study_deadline_s: float = Field(300.0, gt=0, description="Longest time for one study in one stage")
    attempts: int = Field(3, ge=1, description="Tries of a study whose worker crashed, timed out or could not read")
    max_quarantined_share: float = Field(
        0.005, ge=0, le=1, description="Largest share of the cohort's studies with an E_ code that still publishes"
    )
