"""report.html: asks no host, tells no small count, shows no withheld image, holds no word that is not known."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from PIL import Image
from release_factory import FACTS, dicom, make_inputs, make_plan, study, subject, with_label

from cxr_core.release.difference import compare
from cxr_core.release.documents import Earlier, documents, template_lines
from cxr_core.release.page import PageContent, report_page
from cxr_core.release.plan import ReleasePlan
from cxr_core.release.publication import publish
from cxr_core.release.published import planned_tables
from cxr_core.tables.catalogue import LABELS
from cxr_core.verification.known_text import KnownText
from cxr_core.verification.structure import split_jpeg

SUBJECTS = 40


class Lines(HTMLParser):
    """What a reader of markup meets, line by line, and the pictures."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.pictures: list[bytes] = []
        self.targets: list[str] = []
        self.feed(page)
        self.close()

    def handle_data(self, data: str) -> None:
        self.lines += [line.strip() for line in data.splitlines() if line.strip()]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.lines.append(tag)
        for name, value in attrs:
            self.lines.append(name)
            if name in {"src", "href", "srcset", "action", "data", "poster"}:
                self.targets.append((value or "").partition(",")[0])
            if value and value.startswith("data:"):
                self.pictures.append(base64.b64decode(value.partition(",")[2], validate=True))
            elif value:
                self.lines.append(value)


def drawn(plan: ReleasePlan, before: ReleasePlan | None = None) -> str:
    found = None
    if before is not None:
        found = compare(*(planned_tables(given, given.public, "1.0.0") for given in (before, plan)))
    return report_page(PageContent(plan, plan.public, "1.0.0", found)).decode()


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> ReleasePlan:
    """38 training subjects, every second one with an effusion; no image has a flag."""
    folder = tmp_path_factory.mktemp("workspace")
    inputs = make_inputs(folder, subjects=SUBJECTS)
    no_flags = pl.lit([], dtype=pl.List(pl.String))
    plain = replace(
        inputs,
        images=inputs.images.with_columns(flags=no_flags),
        renditions=inputs.renditions.with_columns(flags=no_flags),
    )
    return make_plan(folder, inputs=plain)


@pytest.fixture(scope="module")
def page(plan: ReleasePlan) -> str:
    return drawn(plan)


@pytest.fixture(scope="module")
def read(page: str) -> Lines:
    return Lines(page)


def test_equal_content_gives_equal_bytes(plan: ReleasePlan, page: str) -> None:
    assert drawn(plan) == page


def test_no_host_is_asked_and_the_page_forbids_it(page: str, read: Lines) -> None:
    assert set(read.targets) == {"data:image/jpeg;base64"}
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:;" in page
    assert not re.search(r"https?:|//|url\(|@import|<script|<link", re.sub(r"base64,[^\"]*", "", page))


def test_only_the_public_tree_has_a_page(plan: ReleasePlan) -> None:
    assert plan.withheld is not None
    assert "report.html" in documents(plan, plan.public, "1.0.0", Earlier())
    assert "report.html" not in documents(plan, plan.withheld, "1.0.0", Earlier())


def test_every_line_is_known_text_or_a_fact_of_the_run(read: Lines) -> None:
    """What is neither is searched for names: a patient may be called Strip."""
    known = KnownText(template_lines(), largest_count=0)
    unknown = {part for line in read.lines for part in known.unexplained(line, is_table=False)}
    told = {part for part in unknown if re.search("[a-z]", part, re.I)}
    digest = {part for part in told if re.fullmatch("[0-9a-f]{64}", part)}
    assert len(digest) == 2  # configuration and content
    assert told - digest == {
        *("cxr 1.0.0", "hilum 0.1", "hilum 0.1.0", "polars 2.1.0", "mimic-cxr-jpg-2", "rapidocr", "2026c", "0a1b2c3d"),
        *("PA", "F"),
    }


def test_texts_stand_apart_so_that_two_counts_are_never_one_number(page: str) -> None:
    texts: list[str] = []
    reader = HTMLParser()
    reader.handle_data = texts.append  # type: ignore[method-assign]
    reader.feed(page)
    joined = "".join(texts)
    assert not re.search(r"\d[ \t]*\n[ \t]*\d", joined)


def test_the_tables_tell_what_there_is(read: Lines) -> None:
    at = read.lines.index("Pleural Effusion", read.lines.index("observation"))
    row = read.lines[at : read.lines.index("tr", at)]
    told = [line for line, before in zip(row[1:], row, strict=False) if before not in {"x", "width", "height"}]
    shown = [line for line in told if re.fullmatch(r"\d+|\d+\.\d %", line)]
    # An effusion in 19 of 38 images; positive, uncertain, negative images with their shares, then studies.
    assert shown == ["19", "50.0 %", "0", "0.0 %", "0", "0.0 %", "19"]


def test_counts_from_1_to_10_are_not_shown(tmp_path: Path) -> None:
    small = Lines(drawn(make_plan(tmp_path, inputs=make_inputs(tmp_path, subjects=6))))
    start, end = small.lines.index("Labels of the training set"), small.lines.index("Splits")
    cells = [line for line in small.lines[start:end] if re.fullmatch(r"[\d,]+", line)]
    widths = {"10", "1000"}  # of the bars
    assert set(cells) <= {"0", "14", *widths}
    assert "not shown" in small.lines
    assert "There is too little to be shown." in small.lines


def test_no_withheld_image_is_shown(plan: ReleasePlan, page: str, read: Lines) -> None:
    assert plan.withheld is not None
    assert plan.withheld.images["dicom_id"].to_list() == [dicom(1)]
    for word in (dicom(1), study(1), subject(1)):
        assert word not in page
    assert len(read.pictures) == 12


def test_pictures_are_small_plain_jpegs(read: Lines) -> None:
    for content in read.pictures:
        assert split_jpeg(content).faults == ()
        with Image.open(io.BytesIO(content)) as picture:
            assert (picture.size, picture.mode) == ((240, 240), "L")


def test_what_people_wrote_is_escaped(plan: ReleasePlan) -> None:
    facts = replace(FACTS, waivers=(("review", "<b>A & B</b>"),))
    page = drawn(replace(plan, facts=facts))
    assert "review (&lt;b&gt;A &amp; B&lt;/b&gt;)" in page
    assert "<b>A" not in page


def test_the_first_release_says_so_and_the_next_tells_what_changed(plan: ReleasePlan, tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path, subjects=SUBJECTS)
    before, after = (make_plan(tmp_path, inputs=given) for given in (inputs, with_label(inputs, "Fracture", 1)))
    assert "This is the first release." in Lines(drawn(before)).lines
    told = Lines(drawn(after, before)).lines
    assert "This is the first release." not in told
    assert "no subject moved between splits" in told
    at = told.index("Fracture", told.index("what differs"))
    assert [line for line in told[at : at + 40] if line.isdigit()] == ["39", "39"]


def test_manual_labels_give_table_3_with_intervals(plan: ReleasePlan, tmp_path: Path) -> None:
    inputs = make_inputs(tmp_path, subjects=SUBJECTS)
    truth = inputs.labels.filter(pl.col("labeler") == "chexpert")
    labelled = make_plan(tmp_path, inputs=replace(inputs, reference=LABELS.validate(truth)))
    assert plan.table_3 is None
    lines = Lines(drawn(labelled)).lines
    assert "No report of this release was labelled by hand, so that nothing can be compared." not in lines
    assert "1.000 (1.000-1.000)" in lines


def test_the_page_is_listed_and_has_its_digest(plan: ReleasePlan, tmp_path: Path) -> None:
    done = publish(plan, tmp_path, lambda _public, _withheld: None)
    assert re.search(r"^[0-9a-f]{64}  report\.html$", (done.path / "SHA256SUMS.txt").read_text(), re.M)
