"""Why a report has its labels, as one HTML page that needs nothing else.

Takes the text, its labels and their marks, gives a page with the text marked (phrase, cue, scope) and a table of the
evidence. The page holds the text: it may go where the text may go.
"""

from html import escape
from itertools import pairwise

from cxr_core.labeling.aggregation import LABELS, Evidence, ReportLabels
from cxr_core.labeling.explain import Marked, MarkRole, explain
from cxr_core.vocabulary import Assertion

_WORD = {Assertion.POSITIVE: "positive", Assertion.NEGATIVE: "negative", Assertion.UNCERTAIN: "uncertain"}
_STYLE = """
body { font: 16px/1.7 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1a1a1a }
pre { font: inherit; white-space: pre-wrap; border: 1px solid #ccc; border-radius: 6px; padding: 1rem }
table { border-collapse: collapse; width: 100%; font-size: 14px; line-height: 1.4 }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top }
.phrase { font-weight: 600; border-radius: 3px; padding: 0 .15em }
.positive { background: #fbd5d0 } .negative { background: #d3ecd3 } .uncertain { background: #fdeab0 }
.cue { border-bottom: 3px solid #555 } .scope { box-shadow: inset 0 -1px #888 }
.key span { margin-right: 1.2em } code { font-size: 13px }
"""


def explain_page(text: str, labels: ReportLabels, *, title: str = "Labels") -> str:
    """One HTML page.

    Parameters
    ----------
    text : str
        The text that was labelled.
    labels : ReportLabels
        Its labels.
    title : str
        Of the page.

    Returns
    -------
    str
        A document with its style inside; a mark's rule and label show when the pointer rests on it.
    """
    marks = explain(text, labels)
    key = "".join(f'<span><span class="phrase {word}">{word}</span></span>' for word in _WORD.values())
    rows = "".join(_row(text, evidence) for evidence in labels.evidence)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f'<p class="key">{key}<span><span class="cue">cue</span></span><span><span class="scope">scope of a cue</span>'
        f"</span></p><pre>{_marked(text, marks)}</pre>{_values(labels)}"
        "<h2>Evidence</h2><table><thead><tr><th>label</th><th>value</th><th>phrase</th><th>rule</th><th>cue</th>"
        f"<th>cue's rule</th><th>sentence</th></tr></thead><tbody>{rows}</tbody></table></body></html>\n"
    )


def _marked(text: str, marks: list[Marked]) -> str:
    """The text cut at every edge of a mark; each piece bears the marks that cover it."""
    edges = sorted({0, len(text), *(m.start for m in marks), *(m.end for m in marks)})
    pieces = []
    for low, high in pairwise(edges):
        covering = [m for m in marks if m.start <= low and high <= m.end]
        piece = escape(text[low:high])
        if covering:
            classes = sorted({name for m in covering for name in _classes(m)})
            told = "; ".join(dict.fromkeys(_hint(m) for m in covering))
            piece = f'<span class="{" ".join(classes)}" title="{escape(told)}">{piece}</span>'
        pieces.append(piece)
    return "".join(pieces)


def _classes(mark: Marked) -> tuple[str, ...]:
    return (mark.role.value, _WORD[mark.assertion]) if mark.role is MarkRole.PHRASE else (mark.role.value,)


def _hint(mark: Marked) -> str:
    if mark.role is MarkRole.PHRASE:
        return f"{mark.label.value if mark.label else 'other abnormality'} {_WORD[mark.assertion]}: rule {mark.rule_id}"
    return f"{mark.role.value}: rule {mark.rule_id}"


def _values(labels: ReportLabels) -> str:
    given = [(label, value) for label, value in zip(LABELS, labels.values, strict=True) if value is not None]
    cells = "".join(f"<tr><td>{escape(name)}</td><td>{int(value)}</td></tr>" for name, value in given)
    return f"<h2>Labels</h2><table><thead><tr><th>label</th><th>value</th></tr></thead><tbody>{cells}</tbody></table>"


def _row(text: str, e: Evidence) -> str:
    said = f'<span class="phrase {_WORD[e.assertion]}">{_WORD[e.assertion]}</span>'
    cells = (
        escape(e.label or "other abnormality"),
        said,
        _quoted(text, e.phrase_start, e.phrase_end),
        f"<code>{escape(e.rule_id)}</code>",
        _quoted(text, e.cue_start, e.cue_end),
        f"<code>{escape(e.cue_id or '')}</code>",
        _quoted(text, e.sentence_start, e.sentence_end),
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _quoted(text: str, start: int | None, end: int | None) -> str:
    return "" if start is None or end is None else escape(" ".join(text[start:end].split()))
