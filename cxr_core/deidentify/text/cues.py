"""Layer 3: decides which words are names or places because of the words beside them.

Takes a document; gives marks by the lists of `cues.toml`: titles, credentials, contacts, relations, places.
Header fields and signature blocks are left to `fields.py`; words without any cue to `default_deny.py`.
"""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cxr_core.deidentify.text.marks import Document, Mark, Marks
from cxr_core.deidentify.text.spans import SpanKind
from cxr_core.deidentify.text.tokens import Shape, Token
from cxr_core.deidentify.text.vocabulary import WordClass

_FILE = Path(__file__).with_name("cues.toml")
_LONGEST_NAME = 5
_VERB_REACH = 5
_INSTITUTION_REACH = 5
_LINKS = frozenset({"of", "the", "and", "at", "for", "s", "st", "saint", "mt", "mount"})
PARTICLES = frozenset(
    {
        "de",
        "del",
        "della",
        "di",
        "da",
        "dos",
        "van",
        "von",
        "der",
        "den",
        "le",
        "la",
        "el",
        "al",
        "bin",
        "ibn",
        "ter",
        "ten",
        "ap",
        "los",
        "las",
        "du",
        "abu",
        "ben",
        "st",
    }
)
_DEPARTMENTS = ("logy", "gery", "cine", "iatry", "trics", "apy", "ics", "icu", "care", "team")  # "seen by Cardiology"
_AFTER_NAMES = frozenset(
    {"at", "on", "in", "and", "via", "by", "was", "is", "informed", "called", "notified", "aware", "paged", "who"}
)
_ROLE_JOINTS = frozenset({" ", ", ", " (", ": ", " - "})


@dataclass(frozen=True, slots=True)
class CueLists:
    """The lists of `cues.toml` that stand beside names inside sentences."""

    titles: frozenset[str]
    modalities: frozenset[str]
    roles: frozenset[str]
    credentials: frozenset[str]
    contact_verbs: frozenset[str]
    prepositions: frozenset[str]
    direct_verbs: frozenset[str]
    relations: frozenset[str]
    introductions: frozenset[tuple[str, str]]
    place_pairs: frozenset[tuple[str, str]]
    institutions: frozenset[str]
    institution_pairs: frozenset[tuple[str, str]]
    any_word: frozenset[str]  # the last words of all cues: most words of a report are none


@lru_cache(maxsize=1)
def read_cue_tables() -> dict[str, Any]:
    """The raw tables; `load_cues` and `fields.load_fields` give them types."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def load_cues() -> CueLists:
    """Read the lists once a process."""
    tables = read_cue_tables()
    words = {name: frozenset(table["words"].split()) for name, table in tables.items() if "words" in table}
    names = (
        "titles",
        "modalities",
        "roles",
        "credentials",
        "contact_verbs",
        "prepositions",
        "direct_verbs",
        "relations",
        "institutions",
    )
    places, institutions = _pairs(tables["places"]["pairs"]), _pairs(tables["institutions"]["pairs"])
    introductions = _pairs(tables["introductions"]["pairs"])
    last_words = frozenset(second for _, second in places | institutions | introductions)
    return CueLists(
        **{name: words[name] for name in names},
        introductions=introductions,
        place_pairs=places,
        institution_pairs=institutions,
        any_word=last_words.union(*(words[name] for name in names if name not in {"modalities", "contact_verbs"})),
    )


def _pairs(phrases: list[str]) -> frozenset[tuple[str, str]]:
    return frozenset((first, second) for first, second in (phrase.split() for phrase in phrases))


def mark_cued(document: Document, cues: CueLists) -> Marks:
    """Mark the names and places that stand beside a cue."""
    marks: dict[int, Mark] = {}
    tokens = document.tokens
    for index, token in enumerate(tokens):
        key = token.key
        if key not in cues.any_word:
            continue
        if key in cues.titles:
            _after_title(document, index, cues, marks)
        if key in cues.roles or key in cues.direct_verbs:
            _take_names(document, index + 1, marks, Mark("cue.role", SpanKind.NAME))
        if key in cues.credentials:
            _before_credential(document, index, marks)
        if key in cues.prepositions and _follows_verb(tokens, index, cues):
            _take_names(document, index + 1, marks, Mark("cue.contact", SpanKind.NAME))
        if key in cues.relations:
            _beside_relation(document, index, marks)
        if index:
            _after_pair(document, index, cues, marks)
        if key in cues.institutions:
            _around_institution(document, index, cues, marks)
    return marks


def _after_pair(document: Document, index: int, cues: CueLists, marks: dict[int, Mark]) -> None:
    """What two words together announce: "lives in", "known as", "medical center"."""
    pair = (document.tokens[index - 1].key, document.tokens[index].key)
    if pair in cues.introductions:
        _take_names(document, index + 1, marks, Mark("cue.introduction", SpanKind.NAME))
    if pair in cues.place_pairs:
        _take_place(document, index + 1, marks)
    if pair in cues.institution_pairs:
        _around_institution(document, index, cues, marks)


def _after_title(document: Document, index: int, cues: CueLists, marks: dict[int, Mark]) -> None:
    """The word after a title is a name in any case, unless the title is a modality ("MR of the spine", "DR chest")."""
    tokens = document.tokens
    title, first = tokens[index], index + 1
    gap = document.gap_after(index)
    if first >= len(tokens) or len(gap) > 4 or gap.strip() not in {"", ".", ":"}:
        return
    is_modality = title.key in cues.modalities and title.shape is Shape.UPPER and not gap.startswith(".")
    name = tokens[first]
    if name.has_digit or name.shape is Shape.MASK:
        return
    if is_modality and (name.kind >= WordClass.TERM or (name.shape is Shape.LOWER and name.kind >= WordClass.COMMON)):
        return
    if name.kind is WordClass.CORE and name.shape is Shape.LOWER:
        return
    mark = Mark("cue.title", SpanKind.NAME)
    marks[first] = mark
    last = _extend(document, first, marks, mark)
    if last == first and name.is_caseless and _ends_line(document, first + 1):
        marks[first + 1] = mark  # "DR. ROSE BEST" on a line of its own, whatever the last word means
    follower = last + 2
    if (
        last + 1 < len(tokens)
        and tokens[last + 1].key == "and"
        and follower < len(tokens)
        and _is_name_like(tokens[follower])
    ):
        marks[follower] = mark
        _extend(document, follower, marks, mark)


def _ends_line(document: Document, index: int) -> bool:
    """True for a word that follows the one before by a blank and is the last of its line."""
    tokens = document.tokens
    if index >= len(tokens) or document.gap_before(index) != " " or tokens[index].has_digit:
        return False
    return index + 1 == len(tokens) or "\n" in document.gap_after(index)


def _extend(document: Document, index: int, marks: dict[int, Mark], mark: Mark) -> int:
    """Go on over the parts of a name that has begun; gives the last token of the name."""
    tokens = document.tokens
    last = index
    while last + 1 < len(tokens) and last - index < _LONGEST_NAME and document.is_name_pair(last):
        follower = tokens[last + 1]
        gap = document.gap_after(last)
        if "\n" in gap or not _goes_on(tokens[last], follower, is_comma="," in gap):
            break
        last += 1
        marks[last] = mark
    return last


def _goes_on(name: Token, follower: Token, *, is_comma: bool) -> bool:
    if name.is_initial and follower.is_capital and follower.shape is Shape.TITLE and not is_comma:
        return not follower.has_digit
    if follower.has_digit or follower.shape is Shape.MASK or follower.kind is WordClass.CORE:
        return follower.is_initial and not is_comma and not follower.is_caseless
    if name.key in PARTICLES or follower.kind is WordClass.UNKNOWN:
        return True
    if follower.is_caseless:
        return follower.kind is WordClass.NAME_WORD or follower.is_initial
    is_abbreviation = follower.kind is WordClass.TERM and (is_comma or follower.shape is Shape.UPPER)
    return follower.is_capital and not is_abbreviation


def _take_names(document: Document, index: int, marks: dict[int, Mark], mark: Mark) -> None:
    """Mark a run of capitalised words from here on: "Marsh", "Grant Price and Rose Long"."""
    tokens = document.tokens
    taken = 0
    while index < len(tokens) and taken < _LONGEST_NAME:
        gap = document.gap_before(index)
        if "\n\n" in gap or len(gap) > 4 or (gap.strip() and gap not in _ROLE_JOINTS):
            return
        token = tokens[index]
        if taken and token.key in {"and", "or"} and token.shape is Shape.LOWER:
            index += 1
            continue
        if not _is_name_like(token) and not (not taken and _stands_alone(document, index)):
            return
        marks[index] = mark
        index = _extend(document, index, marks, mark) + 1
        taken += 1


def _stands_alone(document: Document, index: int) -> bool:
    """A term with a capital inside a sentence, and nothing behind it that it could describe: "read by Lung)"."""
    token = document.tokens[index]
    if token.shape is not Shape.TITLE or token.is_caseless or token.is_sentence_start or document.is_titled(index):
        return False
    if token.key in load_cues().titles or token.key.endswith(_DEPARTMENTS):
        return False
    if index + 1 == len(document.tokens) or document.gap_after(index)[:1] in set(").,;\n"):
        return True
    follower = document.tokens[index + 1]
    if follower.is_initial and index + 2 < len(document.tokens):  # "with Kerley B lines" is no "Kerley B."
        return document.tokens[index + 2].shape is not Shape.LOWER
    return follower.has_digit or follower.is_initial or follower.key in _AFTER_NAMES


def _take_place(document: Document, index: int, marks: dict[int, Mark]) -> None:
    """Mark a place with the house number before it: "lives at 18 Gatehouse Row"."""
    tokens = document.tokens
    mark = Mark("cue.place", SpanKind.INSTITUTION)
    if index + 1 < len(tokens) and tokens[index].has_digit and _is_name_like(tokens[index + 1]):
        marks[index] = mark
        index += 1
    _take_names(document, index, marks, mark)


def _is_name_like(token: Token) -> bool:
    """A capitalised word that is no term; where all is capitals, a word that is known as a name or not at all."""
    if token.has_digit or token.shape is Shape.MASK:
        return False
    if token.is_caseless:
        return token.kind <= WordClass.NAME_WORD
    if not token.is_capital:
        return False
    return token.kind < WordClass.TERM or token.is_initial


def _before_credential(document: Document, index: int, marks: dict[int, Mark]) -> None:
    """Mark "Grant Price" in "Grant Price, MD"; the credential goes with it."""
    tokens = document.tokens
    if tokens[index].shape is not Shape.UPPER and tokens[index].key not in {"jr", "sr", "phd", "pharmd", "msc"}:
        return
    mark = Mark("cue.credential", SpanKind.NAME)
    place = index
    while place > 0 and index - place < _LONGEST_NAME and document.is_name_pair(place - 1):
        token = tokens[place - 1]
        if "\n" in document.gap_before(place) or not _ends_name(token, is_last=place == index):
            break
        place -= 1
        marks[place] = mark
    if place < index:
        marks[index] = mark


def _ends_name(token: Token, *, is_last: bool) -> bool:
    if token.has_digit or token.shape is Shape.MASK:
        return False
    if token.is_caseless:
        return token.kind < WordClass.TERM or token.is_initial
    if token.kind is WordClass.UNKNOWN:
        return True
    return token.is_capital and (
        token.kind < WordClass.CORE or token.is_initial or (is_last and not token.is_sentence_start)
    )


def _follows_verb(tokens: list[Token], index: int, cues: CueLists) -> bool:
    return any(token.key in cues.contact_verbs for token in tokens[max(index - _VERB_REACH, 0) : index])


def _beside_relation(document: Document, index: int, marks: dict[int, Mark]) -> None:
    """Mark the relative in "(Marsh, daughter)", "daughter Marsh", "daughter (Marsh)", "daughter is Marsh"."""
    tokens = document.tokens
    mark = Mark("cue.relation", SpanKind.NAME)
    if index and document.gap_before(index) in {", ", " (", " - ", ","} and _is_relative(tokens[index - 1]):
        marks[index - 1] = mark
        if index > 1 and document.is_name_pair(index - 2) and _is_relative(tokens[index - 2]):
            marks[index - 2] = mark
    after = index + 1
    if after < len(tokens) and tokens[after].key in {"is", "named", "called", "s", "ms", "mrs", "mr"}:
        after += 1
    if after < len(tokens) and document.gap_before(after) in _ROLE_JOINTS and _is_relative(tokens[after]):
        marks[after] = mark
        _extend(document, after, marks, mark)


def _is_relative(token: Token) -> bool:
    """Terms count too ("Heart, daughter"); core words only inside a sentence ("her son Will")."""
    if token.has_digit or token.shape in (Shape.MASK, Shape.LOWER):
        return False
    if token.kind is WordClass.CORE and (token.is_sentence_start or token.shape is not Shape.TITLE):
        return False
    return not token.is_caseless or token.kind < WordClass.TERM


def _around_institution(document: Document, index: int, cues: CueLists, marks: dict[int, Mark]) -> None:
    """Mark "Long Meadow Hospital" and "University of Stone Hill" around their head word."""
    tokens = document.tokens
    head = tokens[index]
    if head.shape is Shape.LOWER or head.shape is Shape.MASK:
        return
    mark = Mark("cue.institution", SpanKind.INSTITUTION)
    first = _first_of_institution(document, index)
    last = _last_of_institution(document, index)
    own = [token for token in tokens[first : last + 1] if token is not head and _names_institution(token, cues)]
    if own:
        marks.update(dict.fromkeys(range(first, last + 1), mark))


def _first_of_institution(document: Document, index: int) -> int:
    tokens = document.tokens
    first = place = index
    while place > 0 and index - place < _INSTITUTION_REACH and len(document.gap_before(place)) <= 2:
        place -= 1
        token = tokens[place]
        if "\n" in document.gap_before(place + 1) or ":" in document.gap_before(place + 1):
            break
        if token.is_caseless and token.kind >= WordClass.PROSE and token.key not in _LINKS:
            break
        most = WordClass.CORE if token.shape is Shape.TITLE else WordClass.PROSE  # "TB CONTACT CLINIC"
        if token.shape in (Shape.TITLE, Shape.UPPER) and (token.kind < most or token.key in _LINKS):
            if token.key not in {"the", "at", "of", "for", "and"}:
                first = place
        elif token.key not in _LINKS:
            break
    return first


def _last_of_institution(document: Document, index: int) -> int:
    tokens = document.tokens
    last = index
    if index + 2 < len(tokens) and tokens[index + 1].key in {"of", "at", "for"}:
        place = index + 2
        while place < len(tokens) and place - index < _INSTITUTION_REACH and len(document.gap_before(place)) <= 1:
            if not (tokens[place].is_capital and tokens[place].kind < WordClass.TERM) and tokens[place].key not in {
                "the",
                "st",
            }:
                break
            last = place
            place += 1
        if tokens[last].key in {"the"}:
            last = index
    return last


def _names_institution(token: Token, cues: CueLists) -> bool:
    """True for a word that tells one institution from another: no term, no head word."""
    if token.shape not in (Shape.TITLE, Shape.UPPER) or token.key in cues.institutions:
        return False
    return token.kind < WordClass.TERM
