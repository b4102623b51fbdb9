"""The Prefect task that ends a wave of a stage: what still waits for its commit gets it, tried again as any task."""

from prefect import task

from cxr_core.vocabulary import Stage
from tasks._policy import TASK_OPTIONS
from tasks.stage_run import current_run


@task(name="commit", task_run_name="commit-{stage}", **TASK_OPTIONS)
def commit_rest(stage: str) -> None:
    """Commit the studies of a stage that are finished and not yet committed."""
    current_run(Stage(stage)).commit_rest()
