"""Where the known phrases stand in a text.

Takes a part of a report, gives its phrases in order, longest first and without overlaps, with the ends of sentences
between them. What the phrases mean together is left to `scope`.
"""

from dataclasses import dataclass

from cxr_core.labeling.lexicon import Lexicon, Role, Rule
from cxr_core.labeling.spelling import Spelling
from cxr_core.labeling.words import END, WordTable, split_chunks
from cxr_core.reports.search import Found, compile_search
from cxr_core.vocabulary import Label

# A sentence is read as a string with one letter a phrase; `scope` asks its questions of that string.
LETTERS = {
    Role.FINDING: "F",
    Role.ABNORMALITY: "A",
    Role.SUBJECT: "S",
    Role.ANATOMY: "T",
    Role.PREDICATE: "P",
    Role.NEUTRAL: "N",
    Role.PSEUDO: "X",
    Role.CUE: "C",
    Role.TRANSPARENT: "t",
    Role.STOP: ";",
    Role.WEAK_STOP: "w",
    Role.AND: "&",
    Role.OR: "|",
    Role.COMMA: ",",
    Role.VERB: "v",
    Role.DETERMINER: "d",
    Role.FRESH: "f",
}
DEVICE = "D"  # a finding that is a support device
_BOUNDARY = Rule(id="end_of_sentence", role=Role.STOP, phrases=())


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase of a rule: its words in their canonical spelling and the letter of its role."""

    words: tuple[str, ...]
    rule: Rule
    letter: str


class Reading:
    """The phrases of one text: parallel sequences, an end of sentence first and last.

    Attributes
    ----------
    chunks : list of str
        The text, for `word_offsets`.
    letters : str
        One letter a phrase.
    phrases : list of Phrase
    starts, ends : tuple of int
        Half-open ranges, in words; word 0 is the end of sentence before the text.
    claims : list of Claim
        What each says; `scope` writes here what the cues around it make of it.
    cues : dict of int to list of int
        For each phrase the cues that govern it, found by `scope`.
    """

    __slots__ = ("chunks", "claims", "cues", "ends", "letters", "phrases", "starts")

    def __init__(self, scanner: "Scanner", chunks: list[str], found: Found) -> None:
        which, self.starts, self.ends = zip(*found, strict=True)
        self.letters = "".join(map(scanner.letters.__getitem__, which))
        self.phrases = list(map(scanner.phrases.__getitem__, which))
        self.claims = list(map(scanner.claims.__getitem__, which))
        self.cues: dict[int, list[int]] = {}
        self.chunks = chunks

    def sentence_of(self, i: int) -> tuple[int, int]:
        """The ends of sentence before and behind a phrase."""
        return self.letters.rindex(END, 0, i), self.letters.index(END, i + 1)


class Scanner:
    """All phrases of a lexicon, compiled once; `read` is a few calls, whatever the number of phrases."""

    def __init__(self, lexicon: Lexicon) -> None:
        spelling = Spelling(lexicon)
        by_words: dict[tuple[str, ...], Rule] = {}
        for rule in lexicon.rules:
            for words in rule.phrases:
                by_words.setdefault(tuple(map(spelling.plain, words)), rule)
        self._table = WordTable((word for words in by_words for word in words), spelling.canonical)
        self.phrases = [Phrase((END,), _BOUNDARY, END)]
        self.phrases.extend(Phrase(words, rule, _letter(rule)) for words, rule in by_words.items())
        self.letters = [phrase.letter for phrase in self.phrases]
        self.claims = [phrase.rule.claim for phrase in self.phrases]
        codes = self._table.codes
        self._search = compile_search([END, *("".join(map(codes.__getitem__, w)) for w in by_words)])

    def read(self, text: str) -> Reading:
        """The phrases of a text, which is in lower case."""
        chunks = split_chunks(text)
        code = "".join(map(self._table.__getitem__, chunks))
        return Reading(self, chunks, self._search(f"{END}{code}{END}"))


def _letter(rule: Rule) -> str:
    return DEVICE if rule.labels == (Label.SUPPORT_DEVICES,) else LETTERS[rule.role]
