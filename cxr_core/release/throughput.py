"""How long each stage of a build took, put into a copy of the report page that stays in the building.

Takes the page of a release and the times of one run; gives the page with them. They are not in the release itself:
times differ from run to run, and equal builds give equal bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cxr_core.release.markup import Part, bar, number, part_of, table, words
from cxr_core.release.page_parts import no_times

_HEAD = ("stage", "", "seconds", "done", "reused", "a second")


@dataclass(frozen=True, slots=True)
class StageTime:
    """What a stage did in one run.

    Parameters
    ----------
    done, reused : int
        Studies that were done anew, and those that were as they had been.
    seconds : float
        Of the clock on the wall.
    """

    stage: str
    done: int
    reused: int
    seconds: float


def with_times(page: bytes, times: Sequence[StageTime]) -> bytes:
    """The page with the times of a run in the place that the release leaves empty; unchanged where there is none."""
    whole = round(sum(time.seconds for time in times) * 10)
    rows = [
        (
            words(time.stage),
            bar([Part(0, part_of(round(time.seconds * 10), whole))]),
            words(f"{time.seconds:.1f}"),
            number(time.done),
            number(time.reused),
            words(f"{time.done / time.seconds:.1f}" if time.done and time.seconds else "-"),
        )
        for time in times
    ]
    return page.replace(no_times().encode(), table(_HEAD, rows).encode(), 1)
