"""What a release tells of its image review: one sentence, without a count that is small.

Takes the statistics of the review, gives the sentence for run.json, datasheet and page, and its template for the
verifier. All other figures stay in the workspace.
"""

from string import Template

from cxr_core.release.summary import SMALLEST_SHOWN
from cxr_core.review.statistics import LeakReview

REVIEW_NOTE = Template(
    "$images images drawn at random were read for identifiers by blind readers and a consensus: at 95 % confidence, "
    "fewer than $bound % of the images show one, allowing for what the readers overlook"
)


def review_note(review: LeakReview | None) -> tuple[str, ...]:
    """The sentence; nothing where nobody reviewed, or too few images to be told."""
    if review is None or review.units.units < SMALLEST_SHOWN or review.units.bound >= 1:
        return ()
    bound = f"{100 * review.units.bound:.3g}"
    return (REVIEW_NOTE.substitute(images=review.units.units, bound=bound),)
