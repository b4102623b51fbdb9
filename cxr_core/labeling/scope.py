"""What a text asserts of each observation in it.

Takes the phrases of a text in order, gives mentions with their assertion and the cue that decided. Cues open scopes
forward and backward (`governing`), subjects look for predicates (`subjects`); several mentions of one label are left
to `aggregation`.
"""

import re
from collections.abc import Iterator
from operator import itemgetter

from cxr_core.labeling.clauses import TARGETS, looks_backward, looks_forward, offered_alternative, resolve_adjacent_cues
from cxr_core.labeling.governing import deciding_cue, govern_backward, govern_forward
from cxr_core.labeling.lexicon import ASSERTION_OF, Claim
from cxr_core.labeling.mentions import Mention
from cxr_core.labeling.scanner import DEVICE, Reading
from cxr_core.labeling.subjects import loose_predicates, subjects
from cxr_core.labeling.words import END
from cxr_core.vocabulary import Assertion, Label

_PLACE = itemgetter(0)
_CUE = re.compile("C")
_TARGET = re.compile(f"[{TARGETS}]")
_DECIDING = (Claim.NEGATIVE, Claim.UNCERTAIN)
_NEAR = 2  # words between a fracture and what is broken, such as "of"
_FRACTURE = (Label.FRACTURE,)
_DESCRIPTIONS = ("nodular_density", "nodular_opacity")


def read_mentions(s: Reading, *, has_subjects: bool = True) -> list[Mention]:
    """Mentions of a text.

    Parameters
    ----------
    s : Reading
        From `Scanner.read`; its claims and cues are written.
    has_subjects : bool
        False for a labeler without subject-predicate logic.

    Returns
    -------
    list of Mention
        Left to right; a mention taken out of the findings (history, indication) is not among them.
    """
    _govern(s)
    mentions = list(_findings(s))
    if has_subjects and "P" in s.letters:
        with_predicate = list(subjects(s)) if "S" in s.letters else []
        mentions.extend(with_predicate)
        mentions.extend(loose_predicates(s, {m.cue for m in with_predicate}))
        mentions.sort(key=_PLACE)
    return _with_hedged_descriptions(s, mentions)


def _govern(s: Reading) -> None:
    cues = [match.start() for match in _CUE.finditer(s.letters)]
    resolve_adjacent_cues(s, cues)
    for i in cues:
        if s.claims[i] is Claim.STEADY:
            continue
        if looks_forward(s, i):
            govern_forward(s, i)
        if looks_backward(s, i):
            govern_backward(s, i)


def _findings(s: Reading) -> Iterator[Mention]:
    """Findings and other abnormalities, each with what decides it: a cue, a neighbour, or its own word."""
    offers = "|" in s.letters
    for match in _TARGET.finditer(s.letters):
        i = match.start()
        rule = s.phrases[i].rule
        assertion = ASSERTION_OF.get(rule.claim, Assertion.POSITIVE)
        if rule.labels == _FRACTURE and _is_broken_device(s, i):
            continue
        cue = deciding_cue(s, i) if i in s.cues else _predicate_beside(s, i)
        if cue is not None:
            claim = s.claims[cue]
            if claim is Claim.ABSENT:
                continue
            assertion = ASSERTION_OF.get(claim, assertion)
        elif offers and s.letters[i] == "F" and (cue := offered_alternative(s, i)) is not None:
            assertion = Assertion.UNCERTAIN
        yield Mention(i, cue, assertion, rule.labels)


def _is_broken_device(s: Reading, i: int) -> bool:
    """True for "catheter fracture" and "fracture of the third sternal wire": none of a bone."""
    if s.letters[i - 1] == DEVICE and s.ends[i - 1] == s.starts[i]:
        return True
    j = i + 2 if s.letters[i + 1] in "df" else i + 1
    is_of = s.letters[j - 1] in "dfF" and 0 < s.starts[i + 1] - s.ends[i] <= _NEAR
    return is_of and (s.letters[j] == DEVICE or "wire" in s.phrases[j].words)


def _predicate_beside(s: Reading, i: int) -> int | None:
    """A predicate that decides: "interstitial markings are within normal limits", "cardiomegaly is borderline"."""
    if s.letters[i + 1 : i + 3] == "vP" and s.claims[i + 2] in _DECIDING and s.letters[i] != DEVICE:
        return i + 2
    return i - 1 if s.letters[i - 1] == "P" and s.claims[i - 1] is Claim.UNCERTAIN else None


def _with_hedged_descriptions(s: Reading, mentions: list[Mention]) -> list[Mention]:
    """A look-alike takes the doubt of its own explanation: "nodular density, possibly a nodule" is uncertain."""
    if not any(_is_description(s, m) for m in mentions):
        return mentions
    doubts = [m for m in mentions if m.assertion is Assertion.UNCERTAIN and not _is_description(s, m)]

    def hedged(mention: Mention) -> Mention:
        if not _is_description(s, mention) or mention.assertion is not Assertion.POSITIVE:
            return mention
        end = s.letters.index(END, mention.node)
        known = {label for d in doubts if mention.node < d.node < end for label in d.labels}
        kept = tuple(label for label in mention.labels if label not in known)
        return mention._replace(labels=kept)

    return [hedged(m) for m in mentions]


def _is_description(s: Reading, mention: Mention) -> bool:
    return s.phrases[mention.node].rule.id in _DESCRIPTIONS
