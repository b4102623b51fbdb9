"""A chart of dots: a line a name, a dot a group, five marks on one axis; filled where the distance means something.

Takes names, dots in units of the axis and words for its marks; gives SVG. What the dots say is told by whoever draws
them (`page_shortcuts`, `page_balance`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cxr_core.release.markup import words

_SIDE, _LEFT, _TOP, _STEP = 20, 168, 24, 66
MOST_COLOURS = 4
ENDS = 2
"""The axis goes from -ENDS to ENDS, a mark at every whole number."""
_TAGS = ("circle", "cx", "cy", "r", "line", "x1", "x2", "y1", "y2", "map dots", "axis", "middle")
_COLOURS = tuple(f"g{place}" for place in range(MOST_COLOURS))
WORDS = (*_TAGS, *_COLOURS, *(f"{kind} {colour}" for kind in ("dot", "dot soft") for colour in _COLOURS))
"""What the verifier meets in the markup of a chart."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A dot in the line of `name`; beyond the ends of the axis it lies on the end."""

    name: str
    at: float
    colour: int
    is_filled: bool


def colour_of(place: int) -> str:
    """Style of a group's colour, for a legend."""
    return _COLOURS[place]


def dot_chart(names: Sequence[str], dots: Sequence[Dot], marks: Sequence[str]) -> str:
    """Draw a chart; `marks` are the words at the five marks of the axis, the third one being the middle."""
    height = _TOP + _SIDE * len(names)
    parts = []
    for place, mark in enumerate(marks):
        x = _x(place - ENDS)
        style = "middle" if place == ENDS else "axis"
        parts.append(f'<line x1="{x}" x2="{x}" y1="{_TOP - 4}" y2="{height}" class="{style}"/>')
        parts.append(f'<text class="tick" x="{x}" y="12">{words(mark)}</text>')
    for row, name in enumerate(names):
        y = _TOP + row * _SIDE + _SIDE // 2
        parts.append(f'<text x="0" y="{y + 4}">{words(name)}</text>')
        parts += [_circle(dot, y) for dot in dots if dot.name == name]
    box = f"0 0 {_LEFT + 2 * ENDS * _STEP + 40} {height}"
    return f'<svg class="map dots" viewBox="{box}" role="img">{"".join(parts)}</svg>\n'


def _circle(dot: Dot, y: int) -> str:
    style = "dot" if dot.is_filled else "dot soft"
    return f'<circle cx="{_x(max(-ENDS, min(ENDS, dot.at)))}" cy="{y}" r="5" class="{style} {colour_of(dot.colour)}"/>'


def _x(at: float) -> int:
    return round(_LEFT + 20 + (at + ENDS) * _STEP)
