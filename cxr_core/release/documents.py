"""What a release says about itself to people: README, datasheet, citation, change log.

Takes a plan, its version and what the release before it held; gives bytes from the templates beside this module. The
texts of the templates are also handed to the verifier, so that only what was filled in is searched for identifiers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from string import Template

from cxr_core.evaluation.table3 import PAPER_TASKS
from cxr_core.release.balance import CHARACTERISTICS
from cxr_core.release.contracts import CSV_COLUMNS, RELEASE_IMAGES
from cxr_core.release.croissant import croissant_json, croissant_lines
from cxr_core.release.dictionary import data_dictionary, dictionary_lines
from cxr_core.release.difference import Difference, compare
from cxr_core.release.hub import hub_lines, hub_splits
from cxr_core.release.page import PAGE_NAME, PageContent, page_lines, report_page
from cxr_core.release.plan import ReleasePlan, RunFacts, Tree
from cxr_core.release.published import PublishedTables, planned_tables
from cxr_core.release.review_note import REVIEW_NOTE
from cxr_core.release.splitting import NOTES
from cxr_core.release.summary import (
    SMALLEST_SHOWN,
    SPLIT_MEASURES,
    shown_drops,
    suppress_small_counts,
    table_2,
    table_4,
    table_4_by_split,
    to_markdown,
)
from cxr_core.release.terms import Tier, agreement, agreement_lines
from cxr_core.release.views.readme import readme_lines
from cxr_core.vocabulary import Label, LabelerName, Split

_TEMPLATES = ("README.md", "datasheet.md", "CITATION.cff", "LICENSE.txt")
_TEST_WORDS = {
    "withheld": "withheld; it is kept by the data provider",
    "images": "images are published, labels are kept by the data provider",
    "all": "published",
}
_CHANGES = "# Changes"
_DEMO = "These are synthetic images of invented people, made to show the build; not for research."
_SIZE = "$images images, $subjects subjects."
_TABLE_2_UNITS = "positive_images negative_images uncertain_images positive_studies negative_studies uncertain_studies"
EXACT_TIMES = "times of day are exact (PS3.15 113107)"
"""Deviation of builds that keep exact times; known to the verifier."""
_ITEM_CHANGES = "{}: $count added, $count removed, $count changed"
_REDRAWN = "pixels changed in $count images"
_RELABELLED = "{} changed in $count studies ({})"
_RELABELLED_FEW = "{} changed in 1 to 10 studies ({})"
_MOVED = "$count subjects moved from {} to {}"
_WITHDRAWN = "$count subjects withdrawn: every copy of their images and labels must be deleted"
_RETIRED = "$count subject ids retired because patients were merged or parted"
_ITEMS = ("subjects", "studies", "images")
_CHANGE_LINES = (
    _REDRAWN,
    _WITHDRAWN,
    _RETIRED,
    *(_ITEM_CHANGES.format(items) for items in _ITEMS),
    *(_MOVED.format(before.value, after.value) for before in Split for after in Split),
    *(
        line.format(label.value, labeler.value)
        for line in (_RELABELLED, _RELABELLED_FEW)
        for labeler in LabelerName
        for label in Label
    ),
)
_NOTHING = "Nothing to compare."
_NOT_LABELLED = "No report was labelled by readers."
# What the columns of Table 3 are called.
_SCORE_WORDS = ("category", "n", *(f"{task.value} {labeler.value}" for task in PAPER_TASKS for labeler in LabelerName))
_TABLE_WORDS = (
    _NOTHING,
    _NOT_LABELLED,
    *SPLIT_MEASURES,
    *CHARACTERISTICS,
    *_SCORE_WORDS,
    *(split.value for split in Split),
)
_SENTENCES = (_DEMO, EXACT_TIMES, _SIZE, _CHANGES, "none", *_TABLE_2_UNITS.split(), *_CHANGE_LINES)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the release before said.

    Parameters
    ----------
    changelog : str
        Its CHANGELOG.md; empty for the first release.
    tables : PublishedTables or None
        Its tables; None for the first release.
    """

    changelog: str = ""
    tables: PublishedTables | None = field(default=None, repr=False)


def template_text(name: str) -> str:
    """Text of a template with its `$placeholders`."""
    return resources.files("cxr_core.release").joinpath(f"templates/{name}").read_text(encoding="utf-8")


def template_lines() -> tuple[str, ...]:
    """Every known line and sentence of the documents, with `$placeholders` where values are filled in.

    What the verifier may take for known text: it searches what fills the placeholders, and every other line.
    """
    lines = [line for name in _TEMPLATES for line in template_text(name).splitlines() if line.strip()]
    columns = [column.description for column in RELEASE_IMAGES.columns.values()]
    beside = (*croissant_lines(), *dictionary_lines(), *hub_lines(), *agreement_lines(), *readme_lines())
    words = (*_TEST_WORDS.values(), *_SENTENCES, *_TABLE_WORDS, *NOTES, REVIEW_NOTE.template)
    headers = (column.name for table in CSV_COLUMNS.values() for column in table)
    return (*lines, *columns, *headers, *words, *page_lines(), *beside)


def documents(plan: ReleasePlan, tree: Tree, version: str, earlier: Earlier) -> dict[str, bytes]:
    """Texts of one tree by file name."""
    found = compare(earlier.tables, planned_tables(plan, tree, version)) if earlier.tables else None
    values = _values(plan, tree, version)
    texts = {name: Template(template_text(name)).substitute(values) for name in _TEMPLATES if name != "LICENSE.txt"}
    lines = [*change_lines(found), *_gone(plan.facts, earlier.tables)]
    texts["CHANGELOG.md"] = _changelog(plan, _size(tree, version, lines), earlier.changelog)
    texts["croissant.json"] = croissant_json(plan, tree, version)
    texts["data-dictionary.md"] = data_dictionary()
    files = {name: text.encode() for name, text in texts.items()}
    files["DATA_USE_AGREEMENT.md"] = agreement(Tier.IMAGES)
    if tree is plan.public:  # the test set is for nobody to look at
        files[PAGE_NAME] = report_page(PageContent(plan, tree, version, found))
    return files


def _values(plan: ReleasePlan, tree: Tree, version: str) -> dict[str, str]:
    facts = plan.facts
    counts = ["studies", "images", "subjects"]
    splits = table_4(tree.images).select("split", *counts)
    labels = table_2(tree.images)
    return {
        "title": f"{plan.name} {version}",
        "version": version,
        "prefix": f"{plan.name}-{version}",
        "producer": facts.producer,
        "demo": _DEMO if facts.is_demo else "",
        "test_policy": _TEST_WORDS[plan.test_policy],
        "images": str(tree.images.height),
        "studies": str(tree.images["study_id"].n_unique()),
        "subjects": str(tree.images["subject_id"].n_unique()),
        "ps315_edition": facts.ps315_edition,
        "readers": _listed(facts.readers),
        "deviations": _listed(facts.deviations),
        "notes": _listed(facts.notes),
        "waivers": _listed(f"{gate} ({reason})" for gate, reason in facts.waivers),
        "hub_splits": hub_splits(tree),
        "split_rows": "\n".join(to_markdown(splits).splitlines()[2:]),
        "split_table": to_markdown(table_4_by_split(tree.images)),
        "balance_table": _NOTHING if plan.balance is None else to_markdown(plan.balance),
        "score_table": _scores(plan),
        "label_table": to_markdown(suppress_small_counts(labels, [n for n in labels.columns if n != "label"])),
        "drop_table": to_markdown(shown_drops(facts.drops)),
    }


def _scores(plan: ReleasePlan) -> str:
    if plan.table_3 is None:
        return _NOT_LABELLED
    return to_markdown(suppress_small_counts(plan.table_3, ["n"]))


def _listed(items: object) -> str:
    return "; ".join(str(item) for item in items) or "none"  # type: ignore[attr-defined]


def _changelog(plan: ReleasePlan, section: list[str], earlier: str) -> str:
    told = "\n".join([*section, *(f"- {note}" for note in plan.facts.notes)])
    past = earlier.removeprefix(f"{_CHANGES}\n\n").strip()
    return f"{_CHANGES}\n\n{told}\n" + (f"\n{past}\n" if past else "")


def _size(tree: Tree, version: str, lines: Iterable[str]) -> list[str]:
    """The lines of a release in its change log: its size, and what differs from the one before."""
    size = Template(_SIZE).substitute(images=tree.images.height, subjects=tree.images["subject_id"].n_unique())
    return [f"## {version}", "", size, *(f"- {line}" for line in lines)]


def _gone(facts: RunFacts, earlier: PublishedTables | None) -> Iterator[str]:
    """How many subjects of the release before were withdrawn or go by another id; the vault has the lists."""
    if earlier is None:
        return
    before = {*earlier.images["subject_id"], *earlier.labels["subject_id"]}
    for line, subjects in ((_WITHDRAWN, facts.withdrawn), (_RETIRED, facts.retired)):
        if count := len(before & subjects):
            yield _counted(line, count)


def change_lines(found: Difference | None) -> Iterator[str]:
    """What differs from the release before, one sentence each; by category, counts from 1 to 10 are not told."""
    if found is None:
        return
    for items, change in zip(_ITEMS, (found.subjects, found.studies, found.images), strict=True):
        if not change.is_empty:
            yield _counted(_ITEM_CHANGES.format(items), change.added, change.removed, change.changed)
    for before, after, subjects in found.moves.iter_rows():
        yield _counted(_MOVED.format(before, after), subjects)
    if found.redrawn:
        yield _counted(_REDRAWN, found.redrawn)
    for labeler, label, studies in found.labels.select("labeler", "label", "studies").iter_rows():
        line = _RELABELLED if studies >= SMALLEST_SHOWN else _RELABELLED_FEW
        yield _counted(line.format(label, labeler), studies)


def _counted(line: str, *counts: int) -> str:
    """Fill the counts of a line in their order."""
    for count in counts:
        line = line.replace("$count", str(count), 1)
    return line
