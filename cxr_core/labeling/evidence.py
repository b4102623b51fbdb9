"""From places in a reading to offsets in the text: the evidence of every mention.

Takes a reading and its mentions, gives one row a label with sentence, phrase and cue. What the rows mean together is
left to `aggregation`.
"""

from collections.abc import Sequence

from cxr_core.labeling.aggregation import Evidence
from cxr_core.labeling.mentions import Mention
from cxr_core.labeling.scanner import Reading
from cxr_core.labeling.words import word_offsets

_NO_LABEL: tuple[None] = (None,)


def located(reading: Reading, mentions: Sequence[Mention], start: int) -> list[Evidence]:
    """Evidence of the mentions, in their order; the text of the reading starts at `start` of the report."""
    edges = word_offsets(reading.chunks, start)
    starts, ends, phrases = reading.starts, reading.ends, reading.phrases
    evidence: list[Evidence] = []
    high = -1
    for node, cue, assertion, labels in mentions:
        if node > high:
            low, high = reading.sentence_of(node)
            opens, closes = edges[2 * ends[low]], edges[2 * starts[high] - 1]
        begins, stops = edges[2 * starts[node]], edges[2 * ends[node] - 1]
        cue_begins = cue_stops = cue_id = None
        if cue is not None:
            cue_begins, cue_stops, cue_id = edges[2 * starts[cue]], edges[2 * ends[cue] - 1], phrases[cue].rule.id
        rule_id = phrases[node].rule.id
        for label in labels or _NO_LABEL:
            evidence.append(
                Evidence(label, assertion, opens, closes, begins, stops, cue_begins, cue_stops, rule_id, cue_id)
            )
    return evidence
