"""The times of a run stand in the copy of the page that stays in the building, and only there."""

from pathlib import Path

from release_factory import make_plan

from cxr_core.release.page import PageContent, report_page
from cxr_core.release.throughput import StageTime, with_times

TIMES = (StageTime("deidentify", 30, 4, 12.0), StageTime("split", 0, 0, 4.0))


def test_the_release_tells_no_times_and_the_copy_does(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    page = report_page(PageContent(plan, plan.public, "1.0.0", None))
    copy = with_times(page, TIMES).decode()
    assert "stand in the copy of this page in the workspace" in page.decode()
    assert "stand in the copy of this page in the workspace" not in copy
    row = copy[copy.index('name">\n\ndeidentify') :]
    row = row[: row.index("</tr>")]
    assert [text for text in row.split("\n\n") if not {*"<>"} & {*text}] == ["deidentify", "12.0", "30", "4", "2.5"]
    assert 'width="750"' in row


def test_a_page_without_the_place_stays_as_it_is() -> None:
    assert with_times(b"<p>another page</p>", TIMES) == b"<p>another page</p>"
