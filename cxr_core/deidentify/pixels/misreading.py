"""Decides whether what was read may be a listed word that a reader got wrong.

Takes two words in capitals, gives yes or no: letters may be taken for others that look like them, and one that is thin
or the last may be lost; in a very long word one letter may be taken for any (`Streicher` is too short). Of a long word
that crosses a border of the ground, also what lies beyond it may be lost, at one end. Any other difference makes
another word, and that may be a name (`Constable`, `Nobile`).
"""

UNREAD = "?"
"""A sign in the middle of a word: any letter may stand there; so it may where a hyphen was read."""

_LOOK_ALIKE = (
    *("O0", "OQ", "OD", "OC", "Q0", "D0", "CG", "CE", "G6", "EF", "FP", "PR", "B8", "B3", "BD", "S5", "S8"),
    *("Z2", "T7", "T1", "I1", "IL", "IJ", "L1", "A4", "UV", "VY", "HN", "HM", "MW"),
)
_ALIKE = frozenset(_LOOK_ALIKE) | {pair[::-1] for pair in _LOOK_ALIKE}
_ALIKE_IN_DOTS = frozenset({"AR", "RA", "BR", "RB"})  # in faces of few dots
_ALIKE_AT_THE_END = frozenset({"IT", "LT", "FT", "YT"})  # half the bar of a T is lost (STREICHER is a name)
_MUCH = 7  # letters of a word in which these are forgiven: `bight` is a word of its own
_ANY = frozenset(UNREAD + "-")
_THIN = frozenset("IJLT")
_MOST_LOST = 1
_UNLIKE_ANY = 10  # letters of a word that no other word is like, one of its letters being whichever
_MOST_TORN_OFF = 2
_WHOLE = 7  # letters that remain where one at an end is torn off; more where two are, or one within (Portale)


def is_misreading(word: str, known: str, *, most: int) -> bool:
    """True where `word` may be `known` with at most so many letters taken for others or lost.

    No letter comes in addition, and the first one is not lost: `WRIGHT` and `RONE` are words of their own.

    Parameters
    ----------
    word, known : str
        Capitals and digits; in `word` also `UNREAD`.
    most : int
    """
    if not word or not 0 <= len(known) - len(word) <= _MOST_LOST:
        return False
    if len(word) == len(known) >= _UNLIKE_ANY and _differences(word, known) == 1:
        return most > 0
    alike = _ALIKE | _ALIKE_IN_DOTS if len(known) >= _MUCH else _ALIKE
    is_first = word[0] == known[0] or word[0] + known[0] in _ALIKE
    if is_first and most > 0 and len(known) >= _MUCH and word[-1] + known[-1] in _ALIKE_AT_THE_END:
        return _goes_on(word[:-1], known[:-1], most - 1, alike)
    return is_first and _goes_on(word, known, most, alike)


def _differences(word: str, known: str) -> int:
    return sum(a != b for a, b in zip(word, known, strict=True))


def is_torn(word: str, known: str) -> bool:
    """True where `word` is `known` but for its first or last letter, two lost there or one lost within, and long so.

    The ground changes beneath a line (the border of a lung, of the beam), and its ink is told on one side only: what
    is left of the letter on the border may look like any.
    """
    lost = len(known) - len(word)
    if lost == _MOST_TORN_OFF:
        return len(word) > _WHOLE and (known.startswith(word) or known.endswith(word))
    if lost == 1 and len(word) > _WHOLE and any(known[:at] + known[at + 1 :] == word for at in range(len(known))):
        return True
    is_whole = word.endswith(known[1:]) or word.startswith(known[:-1])
    return is_whole and len(known) > _WHOLE and 0 <= lost < _MOST_TORN_OFF


def _goes_on(word: str, known: str, most: int, alike: frozenset[str]) -> bool:
    if word == known:
        return True
    if most == 0 or not known:
        return False
    if not word:
        return len(known) == 1
    is_same, is_taken = word[0] == known[0], word[0] in _ANY or word[0] + known[0] in alike
    is_lost = known[0] in _THIN and len(word) < len(known)
    return (
        (is_same and _goes_on(word[1:], known[1:], most, alike))
        or (is_taken and _goes_on(word[1:], known[1:], most - 1, alike))
        or (is_lost and _goes_on(word, known[1:], most - 1, alike))
    )
