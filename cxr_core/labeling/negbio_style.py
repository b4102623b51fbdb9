"""The second labeler: the same mentions under a simpler reading, as a comparator.

Decides what the `negbio` rule set leaves out; takes the labeler's name, gives switches for the shared engine. Its own
cues and phrases stand in `rules/negbio_cues.toml` and `rules/negbio_findings.toml`; it runs without a parser, so it is
not NegBio and not published under that name.
"""

from cxr_core.vocabulary import LabelerName

PUBLISHED_NAME = {LabelerName.CHEXPERT: "hilum", LabelerName.NEGBIO: "hilum-negbio-style"}


def has_subjects(name: LabelerName) -> bool:
    """False for the NegBio style: no predicate is sought for hearts and contours."""
    return name is LabelerName.CHEXPERT
