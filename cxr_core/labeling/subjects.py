"""Hearts and contours, which say nothing until a predicate is found.

Takes a reading whose cues are known, gives mentions of subjects with their predicate, and enlarged or abnormal things
outside the 14 observations. Findings that need no predicate are left to `scope`.
"""

import re
from collections.abc import Iterator

from cxr_core.labeling.clauses import TARGETS, UNEXCLUDED, looks_backward
from cxr_core.labeling.lexicon import ASSERTION_OF, Claim
from cxr_core.labeling.mentions import Mention
from cxr_core.labeling.scanner import Reading
from cxr_core.vocabulary import Assertion

_FAR = 6  # words between a modifier and its subject, at most
_SUBJECT = re.compile("[ST]")
_LOOSE = frozenset(
    {"enlarged", "enlargement", "prominent", "prominence", "dilated", "widened", "widening", "abnormal", "dilatation"}
)


def subjects(s: Reading) -> Iterator[Mention]:
    """Hearts and contours that have found a predicate; subjects in a row share the one before them."""
    shared: int | None = None
    last = -1
    for match in _SUBJECT.finditer(s.letters):
        i = match.start()
        if s.letters[last + 1 : i].strip("&,fd"):
            shared = None
        last = i
        before = _attribute(s, i)
        own = before if before is not None else shared
        after = _predicate_behind(s, i)
        if own is not None and after is not None and s.claims[after] is not Claim.STEADY and before is None:
            own = None
        shared = own
        chosen = own if own is not None and s.claims[own] is not Claim.STEADY else after
        if chosen is None or s.letters[i] == "T" or s.claims[chosen] is Claim.STEADY:
            continue
        if (assertion := _predicated(s, i, chosen)) is not None:
            yield Mention(i, chosen, assertion, s.phrases[i].rule.labels)


def _attribute(s: Reading, i: int) -> int | None:
    """The predicate that stands before its subject: "normal heart size", "no enlargement of the heart"."""
    j = i - 1
    while s.letters[j] in "dfP":
        if s.letters[j] == "P" and s.claims[j] is not Claim.STEADY:
            is_near = s.starts[i] - s.ends[j] <= _FAR
            return j if is_near and not _is_said_of_another(s, j) else None
        j -= 1
    return None


def _is_said_of_another(s: Reading, predicate: int) -> bool:
    """True for the "normal" of "lungs are normal, heart ..." that a subject and its verb already own."""
    return s.letters[predicate - 1] == "v" and s.letters[predicate - 2] in "STFDA"


def _predicate_behind(s: Reading, i: int) -> int | None:
    """The first predicate behind a subject in its statement; a steady one only where no other follows."""
    steady: int | None = None
    has_verb = False
    j = i
    while True:
        j += 1
        letter = s.letters[j]
        if letter == "P":
            if s.claims[j] is not Claim.STEADY:
                return j
            steady = j if steady is None else steady
        elif letter == "v":
            has_verb = True
        elif letter == ";" and steady is not None and s.letters[j + 1] == "P":
            continue
        elif letter in ".;FDA" or (letter in "ST" and (has_verb or steady is not None)):
            return steady


def _predicated(s: Reading, subject: int, predicate: int) -> Assertion | None:
    """What the predicate says once negations and doubts around it are counted."""
    cues = _cues_around(s, subject, predicate)
    claim = s.claims[predicate]
    if not cues:
        return ASSERTION_OF[claim]
    claims = {s.claims[j] for j in cues}
    if Claim.ABSENT in claims:
        return None
    if any(s.phrases[j].rule.strength >= UNEXCLUDED for j in cues):
        return Assertion.UNCERTAIN
    if Claim.NEGATIVE in claims:
        return Assertion.NEGATIVE if claim in (Claim.POSITIVE, Claim.UNCERTAIN) else Assertion.POSITIVE
    if Claim.UNCERTAIN in claims and claim is Claim.POSITIVE:
        return Assertion.UNCERTAIN
    return ASSERTION_OF[claim]


def _cues_around(s: Reading, subject: int, predicate: int) -> list[int]:
    """Cues between subject and predicate, before both where the predicate comes first, and those that look back."""
    low, high = min(subject, predicate), max(subject, predicate)
    cues = [j for j in range(low + 1, high) if s.letters[j] == "C"]
    if predicate < subject:
        ahead = low - 1
        while s.letters[ahead] in "fdP":
            ahead -= 1
        if s.letters[ahead] == "C":
            cues.append(ahead)
    behind = s.letters[high + 1 : high + 3].partition(".")[0]
    cues.extend(high + 1 + k for k, letter in enumerate(behind) if letter == "C" and looks_backward(s, high + 1 + k))
    return cues


def loose_predicates(s: Reading, claimed: set[int | None]) -> Iterator[Mention]:
    """An enlarged or abnormal something outside the 14 observations (an aorta, a hilum) still forbids No Finding."""
    i = s.letters.find("P")
    while i >= 0:
        if i not in claimed and s.claims[i] is Claim.POSITIVE and not _LOOSE.isdisjoint(s.phrases[i].words):
            is_denied = s.letters[i - 1] == "C" and s.claims[i - 1] in (Claim.NEGATIVE, Claim.ABSENT)
            if not is_denied and s.letters[i + 1] not in TARGETS:
                yield Mention(i, None, Assertion.POSITIVE, ())
        i = s.letters.find("P", i + 1)
