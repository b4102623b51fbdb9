"""How a sentence is built: lists, clauses and the cues in them, asked of its string of letters.

Takes a reading and a place in it, answers one question at a time; the letters are those of `scanner.LETTERS`. What
follows for an observation is left to `governing`, `subjects` and `scope`.
"""

import re

from cxr_core.labeling.lexicon import Claim, Direction
from cxr_core.labeling.scanner import DEVICE, Reading
from cxr_core.labeling.words import END

TARGETS = "FDA"  # what a cue can govern
STOPS = END + ";"
UNEXCLUDED = 5  # strength of the cues that say that something is not excluded
_REACH_OF_ADJACENCY = 3  # words between two cues that are read together, at most
_SINGULAR = ("is", "has", "was")
# A finding that begins so is a statement of its own: "no effusion, large heart".
_STATES = ("enlarged", "large", "big", "dilated")
_GOES_ON = ("but", "though", "although", "yet")

# An enumeration that goes on to "or": "no effusion, large mass, or fracture".
_TO_OR = re.compile(r"[^|.;wvPC]*[,FDA]\|")


def looks_forward(s: Reading, i: int) -> bool:
    """True where the cue at i governs what follows."""
    direction = s.phrases[i].rule.direction
    if direction is Direction.FORWARD:
        return s.phrases[i].words != ("?",) or not _is_question_mark_behind(s, i)
    return direction is Direction.BOTH or (direction is not Direction.BACKWARD and not _turns_back(s, i, direction))


def looks_backward(s: Reading, i: int) -> bool:
    """True where the cue at i governs what precedes it."""
    direction = s.phrases[i].rule.direction
    if direction is Direction.FORWARD:
        return s.phrases[i].words == ("?",) and _is_question_mark_behind(s, i)
    return direction in (Direction.BOTH, Direction.BACKWARD) or _turns_back(s, i, direction)


def _turns_back(s: Reading, i: int, direction: Direction) -> bool:
    """What a cue that may look either way does at its place."""
    if direction is Direction.EITHER:
        return _stands_behind_target(s, i)
    if direction is Direction.ANSWER:
        return s.letters[i + 1] in ".;,&"
    has_target = s.letters[_beyond(s, i + 1, "fdT")] in TARGETS
    return not has_target and (direction is Direction.PREDICATE or s.letters[i - 1] in TARGETS)


def _is_question_mark_behind(s: Reading, i: int) -> bool:
    is_last = s.letters[i + 1] == END and s.ends[i] == s.starts[i + 1]
    return is_last or (s.letters[i - 1] in TARGETS and s.ends[i - 1] == s.starts[i])


def _stands_behind_target(s: Reading, i: int) -> bool:
    """True for "effusion resolved" and "effusion is now resolved", not for "effusion, resolved edema"."""
    j = i - 1
    while s.letters[j] in "vtT":
        j -= 1
    return s.letters[j] in TARGETS


def resolve_adjacent_cues(s: Reading, cues: list[int]) -> None:
    """Two cues with nothing between: "no suspicious" stays negative, "not without" becomes positive.

    A doubt about a change, as in "likely stable", says nothing of presence.
    """
    for i in cues:
        if s.phrases[i].rule.id == "to_suggest" and _is_denied_before(s, i):
            s.claims[i] = Claim.NEGATIVE
    for i in cues:
        j = i + 1
        if s.claims[i] is Claim.UNCERTAIN and _doubts_a_change(s, i):
            s.claims[i] = Claim.STEADY
        elif s.letters[j] in "XC" and s.starts[j] - s.ends[i] <= _REACH_OF_ADJACENCY and looks_forward(s, i):
            _join(s, i, j)


def _doubts_a_change(s: Reading, i: int) -> bool:
    """True for "effusion is likely stable" and "likely no change in", not for "heart is likely enlarged"."""
    is_steady = s.letters[i + 1] == "P" and s.claims[i + 1] is Claim.STEADY
    is_change = s.letters[i + 1] in "PX" and s.letters[i - 1] in TARGETS
    is_near = s.starts[i + 1] - s.ends[i] <= _REACH_OF_ADJACENCY
    return is_near and (is_steady or is_change) and s.phrases[i].rule.strength < UNEXCLUDED


def _is_denied_before(s: Reading, i: int) -> bool:
    """True for "no pleural line to suggest": what would suggest it is denied."""
    for j in range(i - 1, -1, -1):
        if s.letters[j] == "C":
            return s.claims[j] is Claim.NEGATIVE
        if s.letters[j] in ".;wv":
            break
    return False


def _join(s: Reading, i: int, j: int) -> None:
    one, two = s.claims[i], s.claims[j]
    if s.letters[j] == "X" or not looks_forward(s, j):
        return
    if one is Claim.NEGATIVE and two is Claim.UNCERTAIN and s.phrases[j].rule.strength < UNEXCLUDED:
        s.claims[j] = Claim.NEGATIVE
    elif one is Claim.ABSENT:
        s.claims[j] = Claim.ABSENT
    elif one is Claim.UNCERTAIN and two is Claim.NEGATIVE and not _speaks_of_removal(s, i):
        s.claims[j] = Claim.NEGATIVE


def _speaks_of_removal(s: Reading, i: int) -> bool:
    low, high = s.sentence_of(i)
    return any("removal" in phrase.words for phrase in s.phrases[low:high])


def ends_list(s: Reading, cue: int, i: int) -> bool:
    """True where the comma or "and" at i ends what the cue governs; a differential goes on with any modifier."""
    return _starts_afresh(s, i) and not (s.phrases[cue].rule.is_enumerating and s.letters[i + 1] == "f")


def _starts_afresh(s: Reading, i: int) -> bool:
    """True where what follows the comma or "and" at i is a statement of its own, not the next item of a denied list."""
    j = i + 1
    while s.letters[j] in ",&":
        j += 1
    letter, following = s.letters[j], s.letters[j + 1 : j + 2]
    if letter in ".|":
        return False
    if letter in "S;":
        return True
    if letter == "P":
        return following not in tuple(TARGETS) or not closes_with_or(s, j + 1)
    if letter == "T":
        return following in ("v", "P")
    if letter in "df" or letter == DEVICE:
        return not closes_with_or(s, j)
    if letter in TARGETS and s.phrases[j].words[0] in _STATES:
        return not closes_with_or(s, j)
    if letter in TARGETS and following == "C":
        return looks_backward(s, j + 1)
    return letter in TARGETS and following == "v" and s.letters[j + 2] in "Pf"


def closes_with_or(s: Reading, i: int) -> bool:
    """True where an enumeration goes on to "or": "no effusion, large mass, or fracture"."""
    return _TO_OR.match(s.letters, i) is not None


def parts_subjects(s: Reading, cue: int, j: int) -> bool:
    """True for the "and" of "small effusion, and the edema has resolved": the cue speaks of the last thing only."""
    if s.letters[j] not in ",&" or s.letters[j + 1] == "|":
        return False
    if s.letters[j] == "," and not any(joint in s.letters[j:cue] for joint in "&|"):
        return True  # two statements: "atelectasis, infiltrate not excluded"
    return s.letters[j + 1] == "d" or _is_singular(s, cue)


def _is_singular(s: Reading, i: int) -> bool:
    """True where the cue at i speaks of one thing ("has resolved"), so that it does not cross an "and"."""
    before = s.phrases[i - 1].words[-1] if s.ends[i - 1] == s.starts[i] else ""
    return s.phrases[i].words[0] in _SINGULAR or before in _SINGULAR


def keeps_subject(s: Reading, cue: int, j: int) -> bool:
    """True for the "but" of "the effusion was seen before but has resolved": no new subject stands between."""
    return j == cue - 1 and s.phrases[j].words[0] in _GOES_ON


def is_listed(s: Reading, j: int) -> bool:
    """True where a comma, "and" or "or" stands before the phrase at j, modifiers aside."""
    return s.letters[_beyond(s, j - 1, "fd", -1)] not in TARGETS


def is_enumerated(s: Reading, j: int) -> bool:
    """True where an "or" or "versus" stands before the phrase at j."""
    return s.letters[j - 1] == "|" or s.phrases[j - 1].words[0] == "versus"


def offered_alternative(s: Reading, i: int) -> int | None:
    """The "or" between this and another finding that nothing else decides: "atelectasis or pneumonia".

    A slash joins without a doubt ("atelectasis/scarring"), and so does an "or" behind a pseudo-cue.
    """
    if "X" in s.letters[s.letters.rindex(END, 0, i) : i]:
        return None
    for step in (1, -1):
        j = _beyond(s, i + step, "fd", step)
        if s.letters[j] != "|" or "/" in s.phrases[j].words:
            continue
        k = _beyond(s, j + step, "fd", step)
        if s.letters[k] == "F" and s.phrases[k].rule.labels != s.phrases[i].rule.labels:
            return j
    return None


def _beyond(s: Reading, j: int, passed: str, step: int = 1) -> int:
    """The first place from j on whose letter is none of those to be passed over."""
    while s.letters[j] in passed:
        j += step
    return j
