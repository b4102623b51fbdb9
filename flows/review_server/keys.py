"""The keys of the reading pages, as the help shows them; the scripts in `static` act on them.

Gives pairs of keys and what they do, one list a kind of review.
"""

from collections.abc import Mapping, Sequence

from cxr_core.vocabulary import ReviewKind

Keys = Sequence[tuple[Sequence[str], str]]

_ANSWERS: Keys = (
    (("1",), "Clean"),
    (("2",), "PHI: mark it"),
    (("3",), "Unsure: choose why"),
    (("space",), "Next"),
    (("z",), "Undo, or back to the one before"),
    (("x",), "Take the last mark away"),
)

HELP: Mapping[ReviewKind, Keys] = {
    ReviewKind.IMAGES: (
        *_ANSWERS,
        (("v",), "The windows of the 16-bit original, where it is released"),
        (("c",), "The four corners, three times as large"),
        (("+", "−"), "Closer, farther (or the wheel)"),
        (("←", "↑", "↓", "→"), "Move (or Shift and drag)"),
        (("i",), "Invert"),
        (("w", "s"), "More, less contrast"),
        (("a", "d"), "Darker, brighter"),
        (("0",), "Everything as it was"),
        (("b",), "What the machine redacted, once all answers are in"),
        (("drag",), "A rectangle where PHI remains"),
        (("?",), "This page"),
    ),
    ReviewKind.TEXT: (
        *_ANSWERS,
        (("←", "→"), "Word by word"),
        (("↑", "↓"), "Eight words on"),
        (("Shift",), "With an arrow: choose several words"),
        (("m",), "Mark what is chosen (or click a word)"),
        (("?",), "This page"),
    ),
    ReviewKind.REPORTS: (
        (("↑", "↓"), "Choose a row"),
        (("1",), "Present"),
        (("0",), "Absent"),
        (("-", "u"), "Uncertain"),
        ((".", "⌫"), "Empty: not mentioned"),
        (("n",), "To No Finding"),
        (("enter",), "Save and go on"),
        (("z",), "Back to the one before"),
        (("?",), "This page"),
    ),
}
