"""Which cues govern which phrases: forward over a list, backward over the subjects of a verb.

Takes a reading, writes for each phrase the cues that reach it, and picks the one that decides. How a list or clause
ends is left to `clauses`, what a decided mention becomes to `scope`.
"""

from cxr_core.labeling.clauses import (
    STOPS,
    TARGETS,
    ends_list,
    is_enumerated,
    is_listed,
    keeps_subject,
    looks_backward,
    looks_forward,
    parts_subjects,
)
from cxr_core.labeling.lexicon import Claim, Direction
from cxr_core.labeling.scanner import Reading

_RANK_OF_CHANGED = {Claim.NEGATIVE: 2, Claim.ABSENT: 3}


def govern_forward(s: Reading, i: int) -> None:
    """Let the cue at i govern what follows, up to what ends its clause or list."""
    letters = s.letters
    has_target = has_verb = is_closed = False
    j = i
    while True:
        j += 1
        letter = letters[j]
        if letter in TARGETS:
            if is_closed and not is_listed(s, j):
                return  # run-on dictation: "no effusion or pneumothorax old rib fracture"
            is_closed = is_closed or letters[j - 1] == "|"
            s.cues.setdefault(j, []).append(i)
            has_target = True
        elif (
            letter in STOPS or letter == "X" or (letter == "w" and j > i + 1) or (letter == "C" and looks_forward(s, j))
        ):
            return
        elif letter == "v":
            has_verb = has_verb or has_target
        elif letter in ",&":
            if has_target and (has_verb or ends_list(s, i, j)):
                return
        elif letter == "S" or (letter == "T" and letters[j + 1] == "P"):
            if has_target and not is_listed(s, j):
                return  # run-on dictation: "no pneumothorax heart size normal"
            has_target = has_target or letter == "S"


def govern_backward(s: Reading, i: int) -> None:
    """Let the cue at i govern what precedes it: one thing, or the coordinated subject of a plural verb."""
    letters = s.letters
    rule = s.phrases[i].rule
    is_narrow = rule.is_narrow or rule.direction is Direction.BOTH
    has_target = keeps = False
    j = i
    while True:
        j -= 1
        letter = letters[j]
        if (letter == ";" and keeps_subject(s, i, j)) or (keeps and letter == "C"):
            keeps = True
            continue
        if letter in STOPS or (has_target and (letter in "Pv" or parts_subjects(s, i, j))):
            return
        if letter == "C" and (has_target or (looks_backward(s, j) and not _is_both(s, j))):
            return
        if letter in TARGETS:
            s.cues.setdefault(j, []).append(i)
            has_target = True
            if is_narrow and not is_enumerated(s, j):
                return


def _is_both(s: Reading, i: int) -> bool:
    return s.phrases[i].rule.direction is Direction.BOTH


def deciding_cue(s: Reading, i: int) -> int:
    """The strongest of the cues that govern a mention; of equals the nearest."""
    governing = s.cues[i]
    if len(governing) == 1:
        return governing[0]
    return max(governing, key=lambda cue: (_strength(s, cue), -abs(s.starts[cue] - s.starts[i])))


def _strength(s: Reading, cue: int) -> int:
    rule = s.phrases[cue].rule
    claim = s.claims[cue]
    return rule.strength if claim is rule.claim else _RANK_OF_CHANGED.get(claim, rule.strength)
