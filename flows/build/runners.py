"""Where the studies are run: worker processes on this machine, or a Dask cluster.

Takes the settings of the run, gives a pool; both kinds run the same functions and give the same bytes. What is run and
committed is left to the stages.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_core.errors import UsageError
from cxr_core.settings.build import BuildConfig
from cxr_core.settings.run import Runner, RunSettings
from cxr_core.vocabulary import Stage
from tasks.workers import WorkerPool

if TYPE_CHECKING:
    from tasks.dask_pool import DaskPool


def check_runner(settings: RunSettings) -> None:
    """Refuse a runner that cannot work here, before anything is begun.

    Raises
    ------
    UsageError
        The extra is not installed, or no cluster answers.
    """
    if settings.runner is Runner.LOCAL:
        return
    if find_spec("distributed") is None:
        raise UsageError("runner dask: it is not installed here; pip install 'hilum[dask]', or use --runner local")
    from tasks.dask_pool import check_cluster

    check_cluster(settings.dask_address)


def open_pool(config: BuildConfig, log: Path, ways: dict[Stage, str]) -> "WorkerPool | DaskPool":
    """The pool that the settings name.

    Parameters
    ----------
    log : Path
        File in the vault for what libraries print.
    ways : mapping of stage to fingerprint
        How this machine would do the stages: a machine that would do them another way is refused.
    """
    settings = config.run
    if settings.runner is Runner.LOCAL:
        return WorkerPool(settings.workers, deadline_s=settings.study_deadline_s, log=log)
    from tasks.dask_pool import DaskPool

    pool = DaskPool(settings.workers, settings.dask_address, deadline_s=settings.study_deadline_s, log=log)
    pool.check("tasks.study_work:fingerprints", (config,), ways)
    return pool
