"""Decides the words of judgement: the verdict on a line, its rule, and what kind of marker was kept.

Holds values only, and what can be told from one verdict by itself.
How a verdict comes about is left to `judgement`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cxr_core.deidentify.pixels.model import SQUARISH, Box, Line
from cxr_core.deidentify.pixels.reading import is_letter
from cxr_core.deidentify.pixels.wording import are_alike, count_alphanumerics, longest_word
from cxr_core.vocabulary import BoxDecision

_SURELY_TYPE = 0.85  # of a squarish place: a letter of lead with initials beside it looks much like type
_LINE_GLYPHS = 4  # a letter and its initials are fewer

WHOLE_WORD = 5
"""Letters of a listed word that is no remainder of a name."""

LEAD_ASPECT = 4.0
"""A lead marker with all that stands beside it is no longer than this."""

LETTER_PROBABILITY = 0.75
"""Of a letter or two that nobody can read: clips, valves and lead in rings look so, PHI does not."""


class Rule(StrEnum):
    """Why a line stays or goes."""

    MARKER = "marker"
    IDENTIFIER = "identifier"
    LONG = "long"
    TEXT = "text"
    READ = "read"
    ADJOINS = "adjoins"
    CODE = "code"
    RESIDUE = "residue"


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What becomes of one line.

    `engine` names the readers that were asked; `texts` is PHI until kept; `is_legible` says that a removed line was
    read; `is_cut_out` that a kept letter stands in a place of which the rest goes; `is_piece` that it is one of a word;
    `ink` which of its inks was read; `spares` what stands beside a removed one, for its margin not to reach over it.
    """

    line: Line
    decision: BoxDecision
    rule: Rule
    engine: str = "none"
    texts: tuple[str, ...] = field(repr=False, default=())
    is_legible: bool = False
    is_cut_out: bool = False
    is_piece: bool = False
    ink: int = 0
    spares: tuple[Box, ...] = ()

    @property
    def as_read(self) -> Line:
        """The line with the ink that was read, and no other."""
        window = slice(self.ink, self.ink + 1)
        return replace(self.line, inks=self.line.inks[window], ink_boxes=self.line.ink_boxes[window])

    @property
    def as_large_as_ink(self) -> Line:
        """The same, as large as that ink: its place may be much larger, and hold some of the next line."""
        read = self.as_read
        return read.over(read.ink_box)

    @property
    def is_kept(self) -> bool:
        return self.decision is BoxDecision.KEPT

    @property
    def is_sure(self) -> bool:
        """Removed for what it says, or as type without doubt."""
        is_unread = self.rule in {Rule.TEXT, Rule.READ} and not self.is_legible
        return not self.is_kept and (not is_unread or self.line.probability >= LETTER_PROBABILITY)

    @property
    def is_settled(self) -> bool:
        """Removed for what it says: another look at the same place changes nothing."""
        return not self.is_kept and (self.is_legible or self.rule not in {Rule.TEXT, Rule.READ, Rule.RESIDUE})

    def removed_for(self, rule: Rule) -> "Verdict":
        return replace(self, decision=BoxDecision.REDACTED, rule=rule, texts=())


StandsAlone = Callable[[Verdict, Sequence[Verdict]], bool]
"""Whether a kept line stands by itself in the image, given what else was read as a marker."""


def is_lead(verdict: Verdict) -> bool:
    """True for a kept lone letter: one that lies like it, or one that is read so, as a thin L."""
    if not verdict.is_kept or verdict.is_piece:
        return False
    return is_letter(verdict.line) or count_alphanumerics(verdict.texts[0]) == 1


def may_hold_lead(verdict: Verdict) -> bool:
    """True for a removed place that may be a lead marker with something beside it: squarish, and not surely type."""
    line = verdict.line
    is_framed = verdict.rule is Rule.CODE  # lead in a square frame has the edges of a code
    is_read_as_a_line = verdict.is_legible and line.glyphs >= _LINE_GLYPHS and line.box.aspect >= SQUARISH
    is_doubtful = line.probability < _SURELY_TYPE and not is_read_as_a_line
    return line.box.aspect < LEAD_ASPECT and (is_framed or (is_unread(verdict) and is_doubtful))


def may_show_letter(verdict: Verdict) -> bool:
    """True for a removed place in which a lone letter may be seen: not surely a line of type."""
    line = verdict.line
    return is_unread(verdict) and line.probability < _SURELY_TYPE and line.box.aspect < LEAD_ASPECT


def is_unread(verdict: Verdict) -> bool:
    """True for a line that was removed, but neither for what it says of the patient nor for its length."""
    return not verdict.is_kept and verdict.rule in {Rule.TEXT, Rule.READ, Rule.ADJOINS}


def is_whole_word(kept: Verdict) -> bool:
    """True for a kept line with a long listed word, read alike by all: no remainder of a name."""
    return longest_word(kept.texts[0]) >= WHOLE_WORD and are_alike(kept.texts)
