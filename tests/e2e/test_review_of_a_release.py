"""A whole review of a built release in the browser: two readers, a third, and a dashboard that is computed once more.

The sample is drawn by `cxr review sample` with planted identifiers; the figures of the dashboard are compared with ones
that come from the rows of the database by formulas of their own.
"""

import hashlib
import json
import re
import sqlite3
import sys
from collections import Counter
from dataclasses import dataclass
from math import comb
from pathlib import Path

import pytest
from browsing import CHROMIUM, Person
from building import Build, run
from playwright.sync_api import Browser, Page, expect
from reviewing import PEOPLE, Review, serving, token_of

from cxr_core.review.store import ReviewStore, token_digest
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import ReviewKind

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]
_CXR = [sys.executable, "-c", "from flows.cli import main; main()", "review", "sample"]
_SMALL = ("--set", "review.images=10", "--set", "review.planted_least=6", "--set", "review.per_stratum=1")


@pytest.fixture
def drawn(rebuild: Build) -> Review:
    for kind in (ReviewKind.IMAGES, ReviewKind.REPORTS):
        places = ("--workspace", str(rebuild.workspace), "--release", str(rebuild.release))
        result = run([*_CXR, "--kind", kind.value, *places, *_SMALL], rebuild.environment())
        assert result.code == 0, result.err
    return with_people(rebuild.workspace)


def with_people(workspace: Path) -> Review:
    """Let the people of the tests in."""
    from reviewing import DRAWN_AT

    review = Review(Workspace(workspace))
    store = review.open()
    for name, role in PEOPLE.items():
        store.add_reader(name, role, token_digest(token_of(name)), DRAWN_AT)
    store.close()
    return review


# ---------------------------------------------------------------- what people do


def chance(name: str, item: str) -> float:
    """In [0, 1), the same every time: what a person makes of an item."""
    return int(hashlib.sha256(f"{name} {item}".encode()).hexdigest()[:8], 16) / 16**8


def keys_for(name: str, item: str, planted: frozenset[str]) -> str:
    """Nine of ten planted identifiers are seen; one real image of twenty gives doubts."""
    drawn = chance(name, item)
    if item in planted:
        return "2 " if drawn < 0.9 else "1"
    return "31 " if drawn < 0.05 else "1"


def read_images(person: Person, planted: frozenset[str]) -> None:
    person.open("images")
    person.answer_all(lambda item: keys_for(person.name, item, planted))


def read_reports(person: Person) -> None:
    """Everybody finds nothing; amber sees an effusion in some, which goes to the consensus."""
    person.open("reports")
    while not person.is_done():
        item = person.item
        keys = ("n", "1")
        if person.name == "amber" and chance("effusion", item) < 0.5:
            keys = ("n", "ArrowDown", "1")
        if person.name == "coral":
            keys = ("n", ".", "1")
        person.press(*keys, "Enter")
        person.moved_on(item)
    person.saved()


def review_everything(browser: Browser, url: str, review: Review) -> Person:
    """Two readers, then a third; gives the lead at the dashboard."""
    store = review.open()
    planted = frozenset(o.item.item_id for o in store.outcomes(ReviewKind.IMAGES) if o.item.draft.is_planted)
    store.close()
    for name in ("amber", "basil", "coral"):
        person = Person(browser, url, name)
        read_images(person, planted)
        read_reports(person)
        person.close()
    lead = Person(browser, url, "dahlia")
    lead.page.goto(f"{url}/dashboard")
    return lead


# ---------------------------------------------------------------- the figures, once more


@dataclass(frozen=True)
class Row:
    """One image of the sample, from the rows of the database."""

    stratum: str
    subject: str
    is_planted: bool
    answers: tuple[str, ...]
    final: str


def rows_of(database: Path) -> list[Row]:
    connection = sqlite3.connect(database)
    names = [name for (name,) in connection.execute("SELECT name FROM readers ORDER BY rowid")]
    rows = []
    for item, draft_text in connection.execute("SELECT item_id, draft FROM items WHERE sample_id LIKE 'images-%'"):
        latest: dict[tuple[str, str], str] = {}
        for reader, which, answer in connection.execute(
            "SELECT reader, round, answer FROM decisions WHERE item_id = ? ORDER BY place", (item,)
        ):
            latest[which, reader] = answer
        blind = tuple(
            answer for name in names for (which, who), answer in latest.items() if (which, who) == ("primary", name)
        )
        settled = [answer for (which, _), answer in latest.items() if which == "consensus"]
        draft = json.loads(draft_text)
        final = blind[0] if len(set(blind)) == 1 and blind[0] != "unsure" else settled[0]
        rows.append(Row(draft["stratum"], draft["subject_id"], draft["is_planted"], blind, final))
    connection.close()
    return rows


def at_most(events: int, trials: int, probability: float) -> float:
    """P(X <= events) of a binomial."""
    return sum(comb(trials, k) * probability**k * (1 - probability) ** (trials - k) for k in range(events + 1))


def upper(events: int, trials: int) -> float:
    """One-sided 95 % limit by bisection of the binomial itself."""
    low, high = 0.0, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if at_most(events, trials, middle) > 0.05 else (low, middle)
    return low


def lower(events: int, trials: int) -> float:
    return 1 - upper(trials - events, trials)


def expected_figures(rows: list[Row]) -> dict[str, str]:
    real = [row for row in rows if not row.is_planted]
    random = [row for row in real if row.stratum == "random"]
    planted = [row for row in rows if row.is_planted]
    leaks = sum(row.final != "clean" for row in random)
    found = sum(row.final == "phi" for row in planted)
    sensitivity = lower(found, len(planted))
    square = Counter(tuple(answer != "clean" for answer in row.answers) for row in real)
    a, b, c, d = (square[key] for key in ((True, True), (True, False), (False, True), (False, False)))
    items = a + b + c + d
    observed = (a + d) / items
    chance_of = ((a + b) * (a + c) + (c + d) * (b + d)) / items**2
    subjects: dict[str, bool] = {}
    for row in random:
        subjects[row.subject] = subjects.get(row.subject, False) or row.final != "clean"
    return {
        "Items with two answers": str(items),
        "Same answer": f"{observed:.3f}",
        "kappa": "–" if chance_of == 1 else f"{(observed - chance_of) / (1 - chance_of):z.3f}",
        "PABAK": f"{2 * observed - 1:z.3f}",
        "square": f"{a} {b} {c} {d}",
        "If readers missed nothing": f"{upper(leaks, len(random)):.3%}".replace("%", " %"),
        "Bound per image": f"{min(1, upper(leaks, len(random)) / sensitivity):.3%}".replace("%", " %"),
        "Bound per subject": (
            f"{min(1, upper(sum(subjects.values()), len(subjects)) / sensitivity):.3%}".replace("%", " %")
        ),
        "Planted found": f"{found} of {len(planted)}",
        "Settled": f"{len(rows)} of {len(rows)}",
        "Consensus": f"0 waiting, {sum(len(set(r.answers)) > 1 or 'unsure' in r.answers for r in rows)} settled",
    }


def shown_figures(page: Page) -> dict[str, str]:
    """The same, read off the dashboard."""
    part = page.locator("#sample-images")

    def cell(table: str, name: str) -> str:
        row = part.locator(f"table[data-table={table}] tr", has_text=name).first
        return row.locator("td").inner_text().strip()

    def tile(name: str) -> list[str]:
        found = part.locator(".tile", has=page.locator("h3", has_text=re.compile(f"^{re.escape(name)}"))).first
        return [text.strip() for text in found.locator("p").all_inner_texts()]

    square = part.locator("table.square td").all_inner_texts()
    waiting, settled = tile("Consensus")
    return {
        "Items with two answers": cell("agreement", "Items with two answers"),
        "Same answer": cell("agreement", "Same answer"),
        "kappa": cell("agreement", "Cohen's kappa").partition(" ")[0],
        "PABAK": cell("agreement", "PABAK"),
        "square": " ".join(text for text in square if text),
        "If readers missed nothing": cell("bound", "If readers missed nothing"),
        "Bound per image": cell("bound", "Bound per image"),
        "Bound per subject": cell("bound", "Bound per subject"),
        "Planted found": tile("Planted found")[0],
        "Settled": tile("Settled")[0],
        "Consensus": f"{waiting}, {settled}",
    }


def test_the_dashboard_of_a_whole_review_equals_another_computation(
    browser: Browser, drawn: Review, tmp_path: Path
) -> None:
    with serving(drawn) as url:
        lead = review_everything(browser, url, drawn)
        shown = shown_figures(lead.page)
        lead.page.screenshot(path=tmp_path / "dashboard.png", full_page=True)
        lead.page.get_by_role("button", name="Export for the next build").click()
        expect(lead.page.locator(".notice.good")).to_contain_text("Exported")
        lead.close()
    assert shown == expected_figures(rows_of(drawn.database))
    exported = {path.name for path in (drawn.workspace.stages / "review").iterdir()}
    assert {"image_reviews.parquet", "report_labels.parquet", "reader_boxes.parquet"} <= exported
    store = ReviewStore.open(drawn.database)
    assert all(outcome.final is not None for outcome in store.outcomes(ReviewKind.REPORTS))
    store.close()


def test_the_limit_of_no_leak_in_6900_images_is_that_of_the_paper() -> None:
    assert f"{upper(0, 6900):.4%}" == "0.0434%"
