"""The Prefect task of the stage `deidentify`: one task run a unit of studies, named by pseudonyms."""

from collections.abc import Sequence

from prefect import task

from cxr_core.vocabulary import Stage
from tasks._policy import TASK_OPTIONS
from tasks.stage_run import UnitCounts, current_run


@task(name="deidentify", task_run_name="deidentify-{unit}", **TASK_OPTIONS)
def deidentify_unit(unit: str, studies: Sequence[str]) -> UnitCounts:
    """Run the stage over one unit; `unit` is its name in the UI."""
    del unit
    return current_run(Stage.DEIDENTIFY).run_unit(studies)
