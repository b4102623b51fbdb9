"""What a build does while Prefect's server starts: what it needs anyway, and what this process keeps once it is done.

Takes nothing and gives nothing: the next call of the same is quicker. The order of the work is left to `flow`.
"""

from cxr_core.planning.fingerprints import code_closure
from cxr_core.planning.stages import STAGES
from flows.build.flow import build


def make_ready() -> None:
    """Let Prefect import what it puts off until a flow is called, and read the code that decides the stages."""
    build.serialize_parameters({"request": None})
    for definition in STAGES.values():
        code_closure(definition.modules)
