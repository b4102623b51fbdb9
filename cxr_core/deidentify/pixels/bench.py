"""Decides by what lines are judged: who reads them, what is a marker, whom the image shows.

Takes readings, gives yes or no to each question that is asked of them.
What follows for a line is left to `judgement`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cxr_core.deidentify.pixels.disputes import BEYOND_DOUBT
from cxr_core.deidentify.pixels.explanation import explains
from cxr_core.deidentify.pixels.model import Line
from cxr_core.deidentify.pixels.reading import BY_SIGHT, Desk, Reading, read_line
from cxr_core.deidentify.pixels.wording import (
    Identifiers,
    count_alphanumerics,
    folded,
    has_company,
    is_allowed,
    is_close,
    is_spelled_out,
    is_written_like_a_name,
    longest_word,
    strangeness,
    supports,
)
from cxr_core.policy.markers import MarkerPolicy

_STRANGE = 0.5  # of a row of listed words: misreadings by half of it are rare
_LETTER_SCORE = 0.5  # of each reader who reads a lone letter: guesses at corners and hooks are lower
_ABSTAINS = 0.4  # score of one who could not read
_SURELY_OTHER = 0.97  # score of words that are no marker
_WORD = 4  # letters: two readers do not make up the same one


@dataclass(frozen=True, slots=True)
class Bench:
    """Who judges and by what: where lines are read, what is allowed, whom the image shows."""

    desk: Desk
    policy: MarkerPolicy
    identifiers: Identifiers = field(repr=False)
    by_sight: Callable[[Line], Line | None] = field(repr=False, default=lambda _: None)
    """The line with that ink alone which looks like strokes of type, where there is such; by default there is none."""

    _allowed: dict[str, bool] = field(repr=False, default_factory=dict)  # of one image: a reading is asked about often

    def is_marker(self, text: str) -> bool:
        """True where a text could be an allowed marker."""
        if text not in self._allowed:
            self._allowed[text] = is_allowed(text, self.policy)
        return self._allowed[text]

    def is_close(self, text: str) -> bool:
        """True for a text that is no marker, but may be one that was torn."""
        return not self.is_marker(text) and is_close(text, self.policy)

    def is_far(self, letters: str) -> bool:
        """True for letters, as they were spelled roughly, that are surely other words than the listed ones."""
        return strangeness(letters, self.policy) >= _STRANGE

    def read(self, line: Line, *, words_matter: bool) -> tuple[Reading, ...]:
        """What the readers make of a line; `words_matter` where it stays unless it says something."""
        is_wanted, is_close, is_far = self.is_marker, self.is_close, self.is_far
        return read_line(line, self.desk, is_wanted, words_matter=words_matter, is_close=is_close, is_far=is_far)

    def read_by_sight(self, line: Line) -> tuple[Reading, ...]:
        """The same of a line as it was seen by sight: where that promises a marker, however it is spelled roughly."""
        return read_line(line, self.desk, self.is_marker, words_matter=False, promise=BY_SIGHT, is_close=self.is_close)

    def asked(self, readings: Sequence[Reading]) -> str:
        """Which readers were asked."""
        count = max((len(reading.texts) for reading in readings if not reading.is_foretold), default=0)
        return "+".join(reader.name for reader in self.desk.readers[:count]) or "none"

    def is_named_in(self, readings: Sequence[Reading]) -> bool:
        """True where any reading names the patient."""
        return any(self.identifiers.are_named_in([text]) for reading in readings for text in reading.texts)

    def is_surely_other(self, reading: Reading) -> bool:
        """True for what is no marker, beyond doubt: another look at the ink would not make one of it."""
        letters = folded(reading.texts[0])
        return reading.scores[0] >= _SURELY_OTHER and (not letters or (len(letters) >= _WORD and self.is_far(letters)))

    def keeps(self, reading: Reading, line: Line) -> bool:
        """True where the readers agree on an allowed marker that explains the whole line.

        Either all of them read one with enough certainty, or the first is certain and the others bear it out; a long
        word, read letter by letter beyond doubt, also stays where another reader could not read at all.
        """
        is_read = not reading.is_foretold and len(reading.texts) >= len(self.desk.readers)
        if not is_read or not self.is_marker(reading.texts[0]):
            return False
        first, others = reading.texts[0], reading.texts[1:]
        if (
            any(map(is_written_like_a_name, reading.texts))
            or has_company(first)
            or not explains(first, line, reading.ink)
            or (reading.is_mirrored and not self._is_plainly_mirrored(reading))
        ):
            return False
        if all(self.is_marker(text) for text in others) and reading.score > self.policy.least_score:
            is_same = reading.is_unanimous and count_alphanumerics(first) >= _WORD
            least = _LETTER_SCORE if count_alphanumerics(first) == 1 else self.policy.least_score_each
            return is_same or min(reading.scores) >= least
        is_plain = reading.scores[0] >= BEYOND_DOUBT and is_spelled_out(first, self.policy)
        return reading.scores[0] >= self.policy.certain_score and all(
            supports(text, first) or (is_plain and score < _ABSTAINS)
            for text, score in zip(others, reading.scores[1:], strict=True)
        )

    def _is_plainly_mirrored(self, reading: Reading) -> bool:
        """True for a long listed word beyond doubt: a short one in a mirror may be a name (`LAT` is `TAJ`)."""
        return longest_word(reading.texts[0]) >= _WORD and reading.scores[0] >= BEYOND_DOUBT
