"""What a plan costs its readers, said before anybody reads.

Takes the number of items and the settings, gives hours and one line of text. How fast readers really are is told by
the store once they read.
"""

from dataclasses import dataclass

from cxr_core.settings.review import ReviewSettings
from cxr_core.vocabulary import ReviewKind

_CONSENSUS_SHARE = 0.026  # 180 of 6,900 images (MIMIC-CXR 2019)


@dataclass(frozen=True, slots=True)
class Workload:
    """Hours of a plan.

    Parameters
    ----------
    items : int
        Planted ones too.
    hours : float
        Of all blind readings together.
    hours_each : float
        Of each reader, where there are as many readers as an item needs.
    consensus_items : int
        As many as the paper's readers disagreed on.
    """

    kind: ReviewKind
    items: int
    readers: int
    seconds_per_item: float
    hours: float
    hours_each: float
    consensus_items: int

    def line(self) -> str:
        """One sentence for the terminal."""
        return (
            f"{self.items:,} {_UNITS[self.kind]} x {self.readers} readers x {self.seconds_per_item:g} s: "
            f"{self.hours:.1f} hours of reading, {self.hours_each:.1f} for each reader; "
            f"about {self.consensus_items:,} go to the consensus"
        )


_UNITS = {ReviewKind.IMAGES: "images", ReviewKind.TEXT: "texts", ReviewKind.REPORTS: "reports"}


def workload(
    kind: ReviewKind, items: int, readers: int, settings: ReviewSettings, *, has_windows: bool = False
) -> Workload:
    """The hours that so many items cost, each read blind by so many readers.

    Parameters
    ----------
    has_windows : bool
        Images whose 16-bit original is looked at, too.
    """
    seconds = {
        ReviewKind.IMAGES: settings.seconds_per_image + (settings.seconds_per_windows if has_windows else 0),
        ReviewKind.TEXT: settings.seconds_per_text,
        ReviewKind.REPORTS: settings.seconds_per_report,
    }[kind]
    each = items * seconds / 3600
    return Workload(kind, items, readers, seconds, each * readers, each, round(_CONSENSUS_SHARE * items))
