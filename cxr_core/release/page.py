"""The page of a release for people: funnel, tables, maps, pictures, gates, versions, in one file that asks no host.

Takes a plan, one of its trees and what differs from the release before; gives the bytes of `report.html`. What is
counted is told by `summary` and `figures`, how it is drawn by `markup`; what stands still is in the template.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from importlib import resources
from string import Template

from cxr_core.release import markup, page_parts, page_shortcuts
from cxr_core.release.contact_sheet import SIDE_PX, Choice, choose, choose_flagged, small_picture
from cxr_core.release.difference import Difference
from cxr_core.release.markup import facts, words
from cxr_core.release.plan import ReleasePlan, Tree

PAGE_NAME = "report.html"
_DEMO = "Demonstration: synthetic images of invented people, not for research"
_NOT_ASKED = "review and attestation are not asked of a demonstration"
_DIGESTS = ("configuration", "content", "key id")
_FACT_NAMES = (
    "made by",
    "layout",
    "test set",
    "readers of burned-in text",
    "waived gates",
    "deviations from the profile",
    "notes",
    "edition of DICOM PS3.15",
    "versions",
    *_DIGESTS,
)


@dataclass(frozen=True, slots=True)
class PageContent:
    """What the page tells of.

    Parameters
    ----------
    tree : Tree
        The public tree; nothing of the withheld one is shown but its size.
    difference : Difference or None
        From the release before; None for the first.
    """

    plan: ReleasePlan = field(repr=False)
    tree: Tree = field(repr=False)
    version: str
    difference: Difference | None = field(repr=False)


def report_page(content: PageContent) -> bytes:
    """Draw the page; equal content gives equal bytes."""
    plan, images = content.plan, content.tree.images
    withheld = plan.withheld.images.height if plan.withheld else 0
    values = {
        "title": words(f"{plan.name} {content.version}"),
        "demo": words(_DEMO) if plan.facts.is_demo else "",
        "tiles": page_parts.tiles(images),
        "funnel": page_parts.funnel_bars(plan.facts.drops, images.height, withheld),
        "table_2": page_parts.label_table(images),
        "table_3": page_parts.reader_table(plan.table_3),
        "table_4": page_parts.split_table(images),
        "together": page_parts.together_map(images),
        "redaction": page_parts.redaction_map(images),
        "sheet": _sheet(content.tree, choose(images)) or markup.note(page_parts.NO_PICTURES),
        "shortcuts": page_shortcuts.shortcut_charts(images),
        "facets": page_parts.facets(images),
        "flags": page_parts.flag_bars(images) + _sheet(content.tree, choose_flagged(images)),
        "drops": page_parts.drop_list(plan.facts.drops),
        "throughput": page_parts.no_times(),
        "difference": page_parts.difference_list(content.difference),
        "facts": facts(_facts(content)),
    }
    template = resources.files("cxr_core.release").joinpath(f"templates/{PAGE_NAME}").read_text(encoding="utf-8")
    return Template(template).substitute(values).encode()


def _sheet(tree: Tree, choices: Iterable[Choice]) -> str:
    sources = {file.path: file.source for file in tree.files}
    drawn = []
    for choice in choices:
        source = sources.get(choice.path)
        if source is None or not source.is_file():
            continue  # publication refuses a release whose images are missing
        drawn.append(
            markup.picture(
                small_picture(choice, source).jpeg,
                side_px=SIDE_PX,
                alt=page_parts.RADIOGRAPH.format(choice.view),
                caption=choice.shows.value if choice.shows else choice.view,
                told=choice.view if choice.shows else "",
            )
        )
    return f'<div class="sheet">\n{"".join(drawn)}</div>' if drawn else ""


def _facts(content: PageContent) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Name, values and style of each line of the last section."""
    run, none = content.plan.facts, (page_parts.NONE,)
    told = (
        (run.producer,),
        (content.plan.layout,),
        (content.plan.test_policy,),
        run.readers or none,
        tuple(f"{gate} ({reason})" for gate, reason in run.waivers) or ((_NOT_ASKED,) if run.is_demo else none),
        run.deviations or none,
        run.notes or none,
        (run.ps315_edition,),
        tuple(f"{name} {version}" for name, version in sorted(run.versions)),
        (run.config_digest,),
        (content.plan.content_digest(),),
        (run.key_id,),
    )
    for name, values in zip(_FACT_NAMES, told, strict=True):
        yield name, values, "mono" if name in _DIGESTS else "plain"


# ---------------------------------------------------------------- known text


class _Texts(HTMLParser):
    """Every line that a reader of markup meets: tags, attributes, values, texts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found += data.splitlines()

    def handle_decl(self, decl: str) -> None:
        self.found.append(decl)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        for name, value in attrs:
            self.found += [name, value or ""]


def page_lines() -> tuple[str, ...]:
    """The lines of the page that no patient had a part in: the template's, the words of the rows, the markup's.

    What the verifier may take for known text.
    """
    reader = _Texts()
    reader.feed(resources.files("cxr_core.release").joinpath(f"templates/{PAGE_NAME}").read_text(encoding="utf-8"))
    reader.close()
    lines = (line for line in reader.found if any(char.isalpha() for char in line))
    return tuple(
        dict.fromkeys(
            [*lines, *_FACT_NAMES, *page_parts.WORDS, *page_shortcuts.WORDS, *markup.WORDS, _DEMO, _NOT_ASKED]
        )
    )
