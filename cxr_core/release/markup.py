"""The few pieces of HTML and SVG that the report page is drawn with: bars, tables, maps, pictures.

Takes numbers and words, gives markup with everything escaped. Each text stands between blank lines: the verifier reads
a page as text, and two counts side by side would read as one number, which may be the id of a person of the source.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

FEW = "not shown"
SCALE = 1000
"""Width of every bar in its own units; the style stretches it."""
_TAGS = "h3 span small svg rect text title ul li table thead tbody tr th td figure img figcaption b dt dd div p"
_ATTRIBUTES = "class x y width height viewbox preserveaspectratio aria-hidden aria-label role alt src data-head"
_VALUES = (
    "none true img few track count name chart left fold full yes no unsure lost kept held cell own hidden frame tick"
)
_STYLES = ("bars", "bars wide", "bars facet", "legend", "map", "map square", "sheet", "mono", "plain", "note")
_LEVELS = tuple(f"{kind} l{level}" for kind in ("cell", "glow") for level in range(8))
WORDS = (*_TAGS.split(), *_ATTRIBUTES.split(), *_VALUES.split(), *_STYLES, *_LEVELS, FEW)
"""What the verifier meets in the markup of every page."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: from where, how wide (0 to `SCALE`), and of which style."""

    start: int
    width: int
    style: str = "full"


def words(text: str) -> str:
    """A text, apart from its neighbours."""
    return f"\n\n{escape(text)}\n\n"


def number(count: int | None) -> str:
    """A count with thousands apart; null is one that is not shown."""
    return words(f"{count:,}") if count is not None else f'<span class="few">{words(FEW)}</span>'


def percent(part: int | None, whole: int) -> str:
    """A share in small print; nothing where it would tell a count from 1 to 10, or of nothing."""
    return f"<small>{words(f'{100 * part / whole:.1f} %')}</small>" if part is not None and whole else ""


def part_of(count: int | None, whole: int) -> int:
    """Width of a count in a bar that stands for `whole`; at least a hair where there is anything."""
    if not count or not whole:
        return 0
    return max(round(SCALE * count / whole), 2)


def bar(parts: Iterable[Part]) -> str:
    """A bar; the numbers beside it say the same, so that it is hidden from screen readers."""
    drawn = "".join(
        f'<rect x="{part.start}" width="{part.width}" height="10" class="{part.style}"/>'
        for part in parts
        if part.width
    )
    return (
        '<span class="track"><svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">'
        f"{drawn}</svg></span>"
    )


def bar_row(name: str, parts: Iterable[Part], count: int | None, *, told: str = "") -> str:
    """A line of a list of bars: name, what it means, bar, count."""
    small = f"<small>{words(told)}</small>" if told else ""
    return f'<li><span>{words(name)}{small}</span>{bar(parts)}<span class="count">{number(count)}</span></li>\n'


def bars(rows: Iterable[str], style: str = "") -> str:
    """A list of bars."""
    kind = f"bars {style}".strip()
    return f'<ul class="{kind}">\n{"".join(rows)}</ul>\n'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """A table from ready cells; on narrow screens each row folds, its cells under the names of their columns.

    Parameters
    ----------
    left : int
        The first columns, which hold words.
    """
    titles = "".join(
        f'<th class="left">{words(name)}</th>' if place < left else f"<th>{words(name)}</th>"
        for place, name in enumerate(head)
    )
    body = "".join(f"<tr>{_cells(head, row, left)}</tr>\n" for row in rows)
    return f'<table class="fold"><thead><tr>{titles}</tr></thead><tbody>\n{body}</tbody></table>\n'


def _cells(head: Sequence[str], row: Sequence[str], left: int) -> str:
    def cell(place: int, content: str) -> str:
        if place == 0:
            return f'<td class="name">{content}</td>'
        if "<svg" in content:
            return f'<td class="chart">{content}</td>'
        style = ' class="left"' if place < left else ""
        return f'<td{style} data-head="{escape(head[place])}">{content}</td>'

    return "".join(cell(place, content) for place, content in enumerate(row))


def legend(entries: Iterable[tuple[str, str]]) -> str:
    """What the colours of bars mean: (style, words)."""
    items = "".join(
        f'<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" class="{style}"/></svg>'
        f"{words(text)}</li>"
        for style, text in entries
    )
    return f'<ul class="legend">{items}</ul>\n'


def note(text: str) -> str:
    """A sentence below or in place of a figure."""
    return f'<p class="note">{words(text)}</p>\n'


def picture(jpeg: bytes, *, side_px: int, alt: str, caption: str, told: str) -> str:
    """A small JPEG that the page carries along."""
    data = base64.b64encode(jpeg).decode("ascii")
    image = f'<img width="{side_px}" height="{side_px}" alt="{escape(alt)}" src="data:image/jpeg;base64,{data}">'
    return f"<figure>{image}<figcaption><b>{words(caption)}</b>{words(told)}</figcaption></figure>\n"


def facts(rows: Iterable[tuple[str, Sequence[str], str]]) -> str:
    """Pairs of a name and its values: (name, values, style)."""
    return "".join(
        f'<dt>{words(name)}</dt><dd class="{style}">{"".join(words(value) for value in values)}</dd>\n'
        for name, values, style in rows
    )
