"""What one sentence asserts of each observation in it.

Takes the phrases of a sentence in order, gives mentions with their assertion and the cue that decided. One pass opens
forward scopes, one looks back from backward cues, one joins subjects to predicates; several mentions of one label are
left to `aggregation`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from cxr_core.labeling.lexicon import ASSERTION_OF, Claim, Direction, Role
from cxr_core.labeling.scanner import Node
from cxr_core.vocabulary import Assertion, Label

_TARGETS = (Role.FINDING, Role.ABNORMALITY)
_DESCRIPTIONS = ("nodular_density", "nodular_opacity")
_SINGULAR = ("is", "has", "was")
_FAR = 6  # words between two adjacent negations or between a modifier and its subject, at most
_REACH_OF_ADJACENCY = 3
_UNEXCLUDED = 5  # strength of the cues that say that something is not excluded


@dataclass(frozen=True, slots=True)
class Mention:
    """One observation in one sentence; ranges are half-open, in words. `labels` is empty for other abnormalities."""

    labels: tuple[Label, ...]
    assertion: Assertion
    start: int
    end: int
    rule_id: str
    cue_start: int | None = None
    cue_end: int | None = None
    cue_id: str | None = None


@dataclass(slots=True)
class _Sentence:
    """The phrases of one sentence and, for each, the cues that govern it."""

    nodes: Sequence[Node]
    words: Sequence[str]
    cues: dict[int, list[int]] = field(default_factory=dict)
    claims: dict[int, Claim] = field(default_factory=dict)

    def role(self, i: int) -> Role | None:
        return self.nodes[i].role if 0 <= i < len(self.nodes) else None

    def claim(self, i: int) -> Claim:
        return self.claims.get(i, self.nodes[i].rule.claim)

    def is_device(self, i: int) -> bool:
        return self.nodes[i].rule.labels == (Label.SUPPORT_DEVICES,)


def read_sentence(nodes: Sequence[Node], words: Sequence[str], *, has_subjects: bool = True) -> tuple[Mention, ...]:
    """Mentions of one sentence.

    Parameters
    ----------
    nodes : sequence of Node
        From `Scanner.scan`, left to right.
    words : sequence of str
        The words of the sentence.
    has_subjects : bool
        False for a labeler without subject-predicate logic.

    Returns
    -------
    tuple of Mention
        Left to right; a mention taken out of the findings (history, indication) is not among them.
    """
    sentence = _Sentence(nodes, words)
    _resolve_adjacent_cues(sentence)
    for i, node in enumerate(nodes):
        if node.role is Role.CUE:
            if _looks_forward(sentence, i):
                _govern_forward(sentence, i)
            if _looks_backward(sentence, i):
                _govern_backward(sentence, i)
    mentions = [m for i, n in enumerate(nodes) if n.role in _TARGETS and (m := _mention(sentence, i))]
    if has_subjects:
        with_predicate = list(_subjects(sentence))
        mentions.extend(with_predicate)
        mentions.extend(_loose_predicates(sentence, {m.cue_start for m in with_predicate}))
    return _with_hedged_descriptions(sorted(mentions, key=lambda m: m.start))


def _with_hedged_descriptions(mentions: list[Mention]) -> tuple[Mention, ...]:
    """A look-alike takes the doubt of its own explanation: "nodular density, possibly a nodule" is uncertain."""
    doubts = [m for m in mentions if m.assertion is Assertion.UNCERTAIN and m.rule_id not in _DESCRIPTIONS]

    def hedged(mention: Mention) -> Mention:
        if mention.rule_id not in _DESCRIPTIONS or mention.assertion is not Assertion.POSITIVE:
            return mention
        known = [d for d in doubts if d.start > mention.start and set(d.labels) & set(mention.labels)]
        kept = tuple(label for label in mention.labels if not any(label in d.labels for d in known))
        return replace(mention, labels=kept) if known else mention

    return tuple(map(hedged, mentions))


def _is_question_mark_behind(s: _Sentence, i: int) -> bool:
    node = s.nodes[i]
    return s.words[node.start] == "?" and (
        node.end == len(s.words) or (s.role(i - 1) in _TARGETS and s.nodes[i - 1].end == node.start)
    )


def _looks_forward(s: _Sentence, i: int) -> bool:
    rule = s.nodes[i].rule
    if rule.direction is Direction.EITHER:
        return not _stands_behind_target(s, i)
    return rule.direction is not Direction.BACKWARD and not _is_question_mark_behind(s, i)


def _looks_backward(s: _Sentence, i: int) -> bool:
    rule = s.nodes[i].rule
    if rule.direction is Direction.EITHER:
        return _stands_behind_target(s, i)
    return rule.direction is not Direction.FORWARD or _is_question_mark_behind(s, i)


def _stands_behind_target(s: _Sentence, i: int) -> bool:
    """True for "effusion resolved" and "effusion is now resolved", not for "effusion, resolved edema"."""
    j = i - 1
    while s.role(j) in (Role.VERB, Role.TRANSPARENT, Role.ANATOMY):
        j -= 1
    return s.role(j) in _TARGETS


def _resolve_adjacent_cues(s: _Sentence) -> None:
    """Two cues with nothing between: "no suspicious" stays negative, "not without" becomes positive."""
    for i, node in enumerate(s.nodes):
        if node.rule.id == "to_suggest" and _is_denied_before(s, i):
            s.claims[i] = Claim.NEGATIVE
    for i in range(len(s.nodes) - 1):
        first, second = s.nodes[i], s.nodes[i + 1]
        if first.role is not Role.CUE or not _looks_forward(s, i):
            continue
        if second.role in (Role.PSEUDO, Role.CUE) and second.start - first.end <= _REACH_OF_ADJACENCY:
            _join(s, i, i + 1)


def _is_denied_before(s: _Sentence, i: int) -> bool:
    """True for "no pleural line to suggest": what would suggest it is denied."""
    for j in range(i - 1, -1, -1):
        if s.role(j) is Role.CUE:
            return s.claim(j) is Claim.NEGATIVE
        if s.role(j) in (Role.STOP, Role.COMMA, Role.VERB):
            return False
    return False


def _join(s: _Sentence, i: int, j: int) -> None:
    one, two = s.claim(i), s.claim(j)
    if s.role(j) is Role.PSEUDO or not _looks_forward(s, j):
        return
    if one is Claim.NEGATIVE and two is Claim.UNCERTAIN and s.nodes[j].rule.strength < _UNEXCLUDED:
        s.claims[j] = Claim.NEGATIVE
    elif one is Claim.ABSENT:
        s.claims[j] = Claim.ABSENT
    elif one is Claim.UNCERTAIN and two is Claim.NEGATIVE and "removal" not in s.words:
        s.claims[j] = Claim.NEGATIVE


def _starts_afresh(s: _Sentence, i: int) -> bool:
    """True where what follows the comma or "and" at i is a statement of its own, not the next item of a denied list."""
    j = i + 1
    while s.role(j) in (Role.COMMA, Role.AND):
        j += 1
    match s.role(j):
        case None | Role.OR:
            return False
        case Role.SUBJECT | Role.STOP:
            return True
        case Role.PREDICATE:
            return s.role(j + 1) not in _TARGETS or not _closes_with_or(s, j + 1)
        case Role.DETERMINER:
            return not _closes_with_or(s, j)
        case Role.ANATOMY:
            return s.role(j + 1) in (Role.VERB, Role.PREDICATE)
        case Role.FRESH:
            return not _closes_with_or(s, j)
        case Role.FINDING if s.is_device(j):
            return not _closes_with_or(s, j)
    return _has_own_verb(s, j)


def _ends_list(s: _Sentence, cue: int, i: int) -> bool:
    """True where the comma or "and" at i ends what the cue governs; a differential goes on with any modifier."""
    return _starts_afresh(s, i) and not (s.nodes[cue].rule.is_enumerating and s.role(i + 1) is Role.FRESH)


def _closes_with_or(s: _Sentence, i: int) -> bool:
    """True where an enumeration goes on to "or": "no effusion, large mass, or fracture"."""
    for j in range(i, len(s.nodes)):
        if s.role(j) is Role.OR:
            return s.role(j - 1) in (Role.COMMA, *_TARGETS)
        if s.role(j) in (Role.STOP, Role.WEAK_STOP, Role.VERB, Role.PREDICATE, Role.CUE):
            return False
    return False


def _has_own_verb(s: _Sentence, i: int) -> bool:
    """True for "no effusion, cardiomegaly is stable": one target, then its verb, and no earlier verb shared."""
    return s.role(i) in _TARGETS and s.role(i + 1) is Role.VERB and s.role(i + 2) in (Role.PREDICATE, Role.FRESH)


def _govern_forward(s: _Sentence, i: int) -> None:
    has_target = has_verb = False
    for j in range(i + 1, len(s.nodes)):
        role = s.role(j)
        if role in (Role.STOP, Role.WEAK_STOP) and (has_target or j > i + 1 or role is Role.STOP):
            break
        if role is Role.PSEUDO or (role is Role.CUE and _looks_forward(s, j)):
            break
        if role is Role.VERB:
            has_verb = has_verb or has_target
        elif role in (Role.COMMA, Role.AND) and has_target and (has_verb or _ends_list(s, i, j)):
            break
        elif role in _TARGETS:
            s.cues.setdefault(j, []).append(i)
            has_target = True
        elif role is Role.SUBJECT:
            has_target = True


def _is_singular(s: _Sentence, i: int) -> bool:
    """True where the cue at i speaks of one thing ("has resolved"), so that it does not cross an "and"."""
    before = s.nodes[i].start - 1
    near = {s.words[k] for k in (before, before + 1) if k >= 0}
    return bool(near & set(_SINGULAR))


def _parts_subjects(s: _Sentence, cue: int, j: int) -> bool:
    """True for the "and" of "small effusion, and the edema has resolved": the cue speaks of the last thing only."""
    if s.role(j) not in (Role.COMMA, Role.AND) or s.role(j + 1) is Role.OR:
        return False
    return _is_singular(s, cue) or s.role(j + 1) is Role.DETERMINER


def _govern_backward(s: _Sentence, i: int) -> None:
    has_target = False
    for j in range(i - 1, -1, -1):
        role = s.role(j)
        if role is Role.STOP or (role is Role.PREDICATE and has_target):
            break
        if role is Role.CUE and _looks_backward(s, j) and s.nodes[j].rule.direction is not Direction.BOTH:
            break
        if role is Role.VERB and has_target:
            break
        if has_target and _parts_subjects(s, i, j):
            break
        if role in _TARGETS:
            s.cues.setdefault(j, []).append(i)
            has_target = True
            if s.nodes[i].rule.direction is Direction.BOTH and not _is_enumerated(s, j):
                break
        elif role is Role.CUE and has_target:
            break


def _is_enumerated(s: _Sentence, j: int) -> bool:
    return s.role(j - 1) is Role.OR or s.words[s.nodes[j - 1].start] == "versus" if j else False


def _deciding_cue(s: _Sentence, i: int) -> int | None:
    """The strongest of the cues that govern a mention; of equals the nearest."""
    governing = s.cues.get(i, [])

    def rank(cue: int) -> tuple[int, int]:
        claim = s.claim(cue)
        own = s.nodes[cue].rule.strength
        strength = own if cue not in s.claims else {Claim.NEGATIVE: 2, Claim.ABSENT: 3}.get(claim, own)
        return strength, -abs(s.nodes[cue].start - s.nodes[i].start)

    return max(governing, key=rank, default=None)


def _is_offered_alternative(s: _Sentence, i: int) -> int | None:
    """The "or" between this and another finding that nothing else decides: "atelectasis or pneumonia".

    A slash joins without a doubt ("atelectasis/scarring"), and so does an "or" behind a pseudo-cue.
    """
    if any(node.role is Role.PSEUDO for node in s.nodes[:i]):
        return None
    for step in (1, -1):
        j = i + step
        while s.role(j) in (Role.FRESH, Role.DETERMINER):
            j += step
        if s.role(j) is not Role.OR or "/" in s.words[s.nodes[j].start : s.nodes[j].end]:
            continue
        k = j + step
        while s.role(k) in (Role.FRESH, Role.DETERMINER):
            k += step
        if s.role(k) is Role.FINDING and s.nodes[k].rule.labels != s.nodes[i].rule.labels and not s.is_device(k):
            return j
    return None


def _is_broken_device(s: _Sentence, i: int) -> bool:
    """True for "catheter fracture": the break of a device is none of a bone."""
    return s.role(i - 1) is Role.FINDING and s.is_device(i - 1) and s.nodes[i - 1].end == s.nodes[i].start


def _is_called_normal(s: _Sentence, i: int) -> bool:
    """True for "interstitial markings are within normal limits"."""
    has_verdict = s.role(i + 1) is Role.VERB and s.role(i + 2) is Role.PREDICATE
    return has_verdict and s.claim(i + 2) is Claim.NEGATIVE and not s.is_device(i)


def _mention(s: _Sentence, i: int) -> Mention | None:
    node = s.nodes[i]
    cue = _deciding_cue(s, i)
    if node.rule.labels == (Label.FRACTURE,) and _is_broken_device(s, i):
        return None
    if cue is None and _is_called_normal(s, i):
        cue = i + 2
    elif cue is None and s.role(i - 1) is Role.PREDICATE and s.claim(i - 1) is Claim.UNCERTAIN:
        cue = i - 1  # "borderline cardiomegaly"
    assertion = ASSERTION_OF.get(node.rule.claim, Assertion.POSITIVE)
    if cue is None and node.role is Role.FINDING and not s.is_device(i):
        cue = _is_offered_alternative(s, i)
        assertion = Assertion.UNCERTAIN if cue is not None else assertion
    elif cue is not None:
        claim = s.claim(cue)
        if claim is Claim.ABSENT:
            return None
        assertion = ASSERTION_OF.get(claim, assertion)
    return _as_mention(s, i, assertion, cue)


def _as_mention(s: _Sentence, i: int, assertion: Assertion, cue: int | None) -> Mention:
    node = s.nodes[i]
    if cue is None:
        return Mention(node.rule.labels, assertion, node.start, node.end, node.rule.id)
    by = s.nodes[cue]
    return Mention(node.rule.labels, assertion, node.start, node.end, node.rule.id, by.start, by.end, by.rule.id)


def _subjects(s: _Sentence) -> Iterator[Mention]:
    """Hearts and contours that have found a predicate."""
    shared: int | None = None
    for i, node in enumerate(s.nodes):
        if node.role not in (Role.SUBJECT, Role.ANATOMY):
            shared = shared if node.role in (Role.AND, Role.COMMA, Role.FRESH, Role.DETERMINER) else None
            continue
        before = _attribute(s, i)
        own = before if before is not None else shared
        after = _predicate_behind(s, i)
        if own is not None and after is not None and s.claim(after) is not Claim.STEADY and before is None:
            own = None
        shared = own
        chosen = own if own is not None and s.claim(own) is not Claim.STEADY else after
        if chosen is None or node.role is Role.ANATOMY or s.claim(chosen) is Claim.STEADY:
            continue
        if (assertion := _predicated(s, i, chosen)) is not None:
            yield _as_mention(s, i, assertion, chosen)


def _attribute(s: _Sentence, i: int) -> int | None:
    """The predicate that stands before its subject: "normal heart size", "no enlargement of the heart"."""
    j = i - 1
    steps = 0
    while s.role(j) in (Role.DETERMINER, Role.FRESH, Role.PREDICATE):
        if s.role(j) is Role.PREDICATE and s.claim(j) is not Claim.STEADY:
            near = s.nodes[i].start - s.nodes[j].end <= _FAR
            if near and not _is_said_of_another(s, j):
                return j
            return None
        j, steps = j - 1, steps + 1
    return None


def _is_said_of_another(s: _Sentence, predicate: int) -> bool:
    """True for the "normal" of "lungs are normal, heart ..." that a subject and its verb already own."""
    return s.role(predicate - 1) is Role.VERB and s.role(predicate - 2) in (Role.SUBJECT, Role.ANATOMY, *_TARGETS)


def _predicate_behind(s: _Sentence, i: int) -> int | None:
    """The first predicate behind a subject in its statement; a steady one only where no other follows."""
    steady: int | None = None
    has_verb = False
    for j in range(i + 1, len(s.nodes)):
        role = s.role(j)
        if role is Role.PREDICATE:
            if s.claim(j) is not Claim.STEADY:
                return j
            steady = j if steady is None else steady
        elif role in (Role.STOP, *_TARGETS):
            if role is Role.STOP and steady is not None and s.role(j + 1) is Role.PREDICATE:
                continue
            break
        elif role is Role.VERB:
            has_verb = True
        elif role in (Role.SUBJECT, Role.ANATOMY) and (has_verb or steady is not None):
            break
    return steady


def _predicated(s: _Sentence, subject: int, predicate: int) -> Assertion | None:
    """What the predicate says once negations and doubts around it are counted."""
    claim = s.claim(predicate)
    low, high = min(subject, predicate), max(subject, predicate)
    between = [j for j in range(low + 1, high) if s.role(j) is Role.CUE]
    ahead = low - 1
    while s.role(ahead) in (Role.FRESH, Role.DETERMINER, Role.PREDICATE):
        ahead -= 1
    if predicate < subject and s.role(ahead) is Role.CUE:
        between.append(ahead)
    behind = [j for j in (high + 1, high + 2) if s.role(j) is Role.CUE and _looks_backward(s, j)]
    claims = {s.claim(j) for j in [*between, *behind]}
    if Claim.ABSENT in claims:
        return None
    if any(s.nodes[j].rule.strength >= _UNEXCLUDED for j in [*between, *behind]):
        return Assertion.UNCERTAIN
    if Claim.NEGATIVE in claims:
        return Assertion.NEGATIVE if claim in (Claim.POSITIVE, Claim.UNCERTAIN) else Assertion.POSITIVE
    if Claim.UNCERTAIN in claims and claim is Claim.POSITIVE:
        return Assertion.UNCERTAIN
    return ASSERTION_OF[claim]


_LOOSE = frozenset(
    {"enlarged", "enlargement", "prominent", "prominence", "dilated", "widened", "widening", "abnormal", "dilatation"}
)


def _loose_predicates(s: _Sentence, claimed: set[int | None]) -> Iterator[Mention]:
    """An enlarged or abnormal something outside the 14 observations (an aorta, a hilum) still forbids No Finding."""
    for i, node in enumerate(s.nodes):
        if node.role is not Role.PREDICATE or node.start in claimed or not _LOOSE & set(s.words[node.start : node.end]):
            continue
        denied = s.role(i - 1) is Role.CUE and s.claim(i - 1) in (Claim.NEGATIVE, Claim.ABSENT)
        if s.claim(i) is Claim.POSITIVE and not denied and s.role(i + 1) not in _TARGETS:
            yield Mention((), Assertion.POSITIVE, node.start, node.end, node.rule.id)
