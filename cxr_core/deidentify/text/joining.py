"""Decides what belongs to a name or a code that is partly marked: initials, surnames that are words, broken lines.

Takes a document and the marks of the layers; gives marks for the tokens beside them. A word of radiology is taken for
a name only where a capital and its neighbour say so ("Hamish Film", "K. Plain", "Bone, M.").
What is marked to begin with is left to the layers.
"""

from dataclasses import dataclass
from functools import lru_cache

from cxr_core.deidentify.text.cues import PARTICLES, load_cues, read_cue_tables
from cxr_core.deidentify.text.marks import Document, Mark, Marks
from cxr_core.deidentify.text.spans import SpanKind
from cxr_core.deidentify.text.tokens import Shape, Token
from cxr_core.deidentify.text.vocabulary import WordClass

_NAME = Mark("join.name", SpanKind.NAME)
_CODE = Mark("join.code", SpanKind.ID)
_CODE_KINDS = frozenset({SpanKind.ID, SpanKind.NUMBER})
_CODE_JOINTS = frozenset({"-", "/", ".", "_"})
_LONGEST_LOWER_PREFIX = 3
_LONGEST_PREFIX = 5  # letters before or behind a code: "UHID/7862"
_LONGEST_STREET = 4
_LONGEST_HOUSE_NUMBER = 4
_LONGEST_NAME = 5
_LONGEST_NAME_LINE = 3  # words of a line that holds nothing but a name, as under a letter


@dataclass(frozen=True, slots=True)
class JoinLists:
    """The lists of `cues.toml` that say what belongs to a name, or does not."""

    species: frozenset[str]
    personal_verbs: frozenset[str]
    no_person: frozenset[str]


@lru_cache(maxsize=1)
def load_join_lists() -> JoinLists:
    """Read the lists once a process."""
    tables = read_cue_tables()
    return JoinLists(*(frozenset(tables[name]["words"].split()) for name in ("species", "personal_verbs", "no_person")))


def mark_joined(document: Document, marks: Marks) -> Marks:
    """Mark what belongs to what is marked."""
    found: dict[int, Mark] = dict(marks)
    found |= _code_parts(document, found)
    found |= _subjects(document)
    found |= _initials(document)
    found |= _neighbours(document, found)
    found |= _surname_first(document, found)
    found |= _places(document, found)
    found |= _house_numbers(document, found)
    found |= _broken_lines(document, found)
    found |= _particles(document, found)
    return found


def _code_parts(document: Document, marks: Marks) -> Marks:
    """What hangs on a denied code by a hyphen or slash: all of "RX/77-2041" and "CR-GREA-65"."""
    found: dict[int, Mark] = {}
    tokens = document.tokens
    for anchor, mark in marks.items():
        token = tokens[anchor]
        is_code = mark.kind in _CODE_KINDS or (mark.kind is SpanKind.UNKNOWN_WORD and token.shape is Shape.UPPER)
        if not is_code:
            continue
        for step in (1, -1):
            beside = anchor + step
            while 0 <= beside < len(tokens) and document.gap_after(min(beside, beside - step)) in _CODE_JOINTS:
                token = tokens[beside]
                most = _LONGEST_PREFIX if token.shape is Shape.UPPER else _LONGEST_LOWER_PREFIX
                if not token.has_digit and len(token.key) > most:
                    break
                found[beside] = _CODE
                beside += step
    return found


def _subjects(document: Document) -> Marks:
    """Who states and denies at the beginning of a sentence: "Junior states the pain began"."""
    tokens, lists = document.tokens, load_join_lists()
    return {
        index: _NAME
        for index, token in enumerate(tokens[:-1])
        if token.is_sentence_start
        and token.kind < WordClass.TERM
        and not token.has_digit
        and token.shape is not Shape.MASK
        and tokens[index + 1].key in lists.personal_verbs
        and token.key not in lists.no_person
        and document.gap_after(index) == " "
    }


def _initials(document: Document) -> Marks:
    """An initial with a stop and the capitalised word after it, whatever it means: "K. Plain"."""
    found: dict[int, Mark] = {}
    tokens, species = document.tokens, load_join_lists().species
    for index, token in enumerate(tokens[:-1]):
        name = tokens[index + 1]
        is_surname = name.shape in (Shape.TITLE, Shape.UPPER) and not name.has_digit and len(name.key) > 1
        if not (token.is_initial and document.gap_after(index) in {". ", "."} and is_surname):
            continue
        if name.key in species or (name.kind is WordClass.CORE and not name.is_caseless):
            continue
        if (name.kind < WordClass.TERM and not name.is_caseless) or _is_introduced(document, index):
            found[index] = found[index + 1] = _NAME
    return found


def _is_introduced(document: Document, index: int) -> bool:
    """True where a person is announced: "issued by K. Plain", "(K. Plain"; not in "hepatitis B. Findings"."""
    before = document.gap_before(index)
    cues = load_cues()
    introductions = cues.prepositions | cues.titles | cues.roles | cues.contact_verbs | cues.direct_verbs
    is_cued = index > 0 and before == " " and document.tokens[index - 1].key in introductions
    return is_cued or before[-1:] == "(" or before.endswith(": ")


def _neighbours(document: Document, marks: Marks) -> Marks:
    """Initials and capitalised words beside a marked name: "Grant" in "Grant Kowalczyk", "Film" in "Hamish Film"."""
    found: dict[int, Mark] = {}
    tokens = document.tokens
    for anchor in sorted(marks):
        if not _is_anchor(tokens[anchor], marks[anchor]):
            continue
        for step in (1, -1):
            beside = anchor + step
            while 0 <= beside < len(tokens) and beside not in marks and beside not in found:
                left = min(beside, beside - step)
                if abs(beside - anchor) > _LONGEST_NAME or not _joins_name(document, beside, left, step):
                    break
                found[beside] = _NAME
                beside += step
    return found


def _is_anchor(token: Token, mark: Mark) -> bool:
    if mark.kind is SpanKind.NAME:
        return True
    return mark.kind is SpanKind.UNKNOWN_WORD and token.shape is not Shape.LOWER


def _joins_name(document: Document, index: int, left: int, step: int) -> bool:
    token, gap = document.tokens[index], document.gap_after(left)
    if not document.is_name_pair(left) or "\n" in gap or token.has_digit:
        return False
    if token.is_initial:
        ends = document.gap_after(index)[:1] in {".", "", ",", "\n", ")"}
        return ends if token.is_caseless else not (token.is_sentence_start and token.key in {"a", "i"})
    is_behind_initial = step > 0 and document.tokens[index - 1].is_initial and gap[:1] == "."
    if token.is_caseless:
        return token.kind < WordClass.PROSE or is_behind_initial
    if token.shape is not Shape.TITLE:
        return False
    if token.kind < WordClass.TERM:
        return True
    # A term follows a first name inside a sentence, or stands before a surname there.
    is_name_line = step > 0 and len(document.line_of(index).split()) <= _LONGEST_NAME_LINE
    is_inside = not token.is_sentence_start and (is_name_line or not document.is_titled(index))
    return (
        is_inside
        and (gap in {" ", "-", ' "', '" '} or is_behind_initial)
        and (step > 0 or token.kind is not WordClass.CORE)
    )


def _surname_first(document: Document, marks: Marks) -> Marks:
    """A surname that is a term, where a field begins and a marked first name or an initial follows: "Bone, M."."""
    found: dict[int, Mark] = {}
    tokens = document.tokens
    for index, token in enumerate(tokens[:-1]):
        if index in marks or token.has_digit or token.shape in (Shape.MASK, Shape.LOWER) or len(token.key) < 2:
            continue
        is_named = index + 1 in marks and marks[index + 1].kind in {SpanKind.NAME, SpanKind.UNKNOWN_WORD}
        is_initial = tokens[index + 1].is_initial and document.gap_after(index + 1)[:1] == "."
        if document.gap_after(index) == ", " and (is_named or is_initial) and document.begins_field(index):
            found[index] = found[index + 1] = _NAME
    return found


def _places(document: Document, marks: Marks) -> Marks:
    """A capitalised term inside a sentence before a marked word: "Great" in "from Great Corvinbridge"."""
    found: dict[int, Mark] = {}
    tokens = document.tokens
    for anchor, mark in marks.items():
        before = anchor - 1
        if before < 1 or before in marks or tokens[anchor].is_caseless or tokens[anchor].shape is not Shape.TITLE:
            continue
        token = tokens[before]
        is_term = token.kind >= WordClass.TERM and token.shape is Shape.TITLE and not token.is_sentence_start
        follows = tokens[before - 1].shape is Shape.LOWER or document.gap_before(before) == ", "
        if is_term and follows and " ".join(document.gap_after(before).split("\n")).strip() in {"", ","}:
            found[before] = mark
    return found


def _house_numbers(document: Document, marks: Marks) -> Marks:
    """The number of a house before a marked street, with the words between: "13 The Paddocks", "72 Bóthar na Trá"."""
    found: dict[int, Mark] = {}
    tokens = document.tokens
    for anchor, mark in marks.items():
        if tokens[anchor].is_caseless or tokens[anchor].shape is not Shape.TITLE:
            continue
        place = anchor - 1
        while place >= 0 and anchor - place <= _LONGEST_STREET and not tokens[place].has_digit:
            is_part = tokens[place].shape is Shape.TITLE or tokens[place].key in PARTICLES
            if not is_part or document.gap_after(place) != " ":
                break
            place -= 1
        else:
            is_number = place >= 0 and tokens[place].key.isdigit() and len(tokens[place].key) <= _LONGEST_HOUSE_NUMBER
            if (
                is_number
                and document.gap_after(place) in {" ", ", "}
                and document.gap_before(place)[-1:] not in {".", "/"}
            ):
                found.update(dict.fromkeys(range(place, anchor), mark))
    return found


def _broken_lines(document: Document, marks: Marks) -> Marks:
    """The rest of a name that a line break cut: "ond" after "Raym-", "dale" after "Rags"."""
    found: dict[int, Mark] = {}
    tokens = document.tokens
    for anchor, mark in marks.items():
        after = anchor + 1
        if after >= len(tokens) or after in marks or mark.kind not in {SpanKind.NAME, SpanKind.UNKNOWN_WORD}:
            continue
        token, gap = tokens[after], document.gap_after(anchor)
        is_cut = gap.count("\n") == 1 and gap.strip() in {"", "-"} and tokens[anchor].shape is not Shape.LOWER
        if is_cut and token.shape is Shape.LOWER and (token.kind < WordClass.PROSE or gap[0] == "-"):
            found[after] = _NAME
    return found


def _particles(document: Document, marks: Marks) -> Marks:
    """What stands in lower case before a marked surname: "van den" in "Ngozi van den Berg", "bin" in "bin Osman"."""
    found: dict[int, Mark] = {}
    tokens = document.tokens
    for anchor in marks:
        place = anchor - 1
        while place >= 0 and tokens[anchor].shape is Shape.TITLE and tokens[place].key in PARTICLES:
            if tokens[place].shape is not Shape.LOWER or document.gap_after(place).strip(" \n'-"):
                break
            found[place] = _NAME
            place -= 1
    return found
