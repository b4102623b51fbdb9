"""The page that shows why a report has its labels."""

from html.parser import HTMLParser

from cxr_core.labeling import Labeler, explain_page

TEXT = "No pneumothorax or large effusion.\nPossible pneumonia <5 cm."


class Reader(HTMLParser):
    """Collects the text of the marked report and the classes of its pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.marks: list[tuple[str, str]] = []
        self._inside = False
        self._classes = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = self._inside or tag == "pre"
        self._classes = dict(attrs).get("class") or "" if tag == "span" else ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "pre"
        self._classes = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.text += data
            if self._classes:
                self.marks.append((data, self._classes))


def read(labeler: Labeler) -> Reader:
    reader = Reader()
    reader.feed(explain_page(TEXT, labeler.label(TEXT)))
    return reader


def test_the_page_shows_the_text_unchanged(labeler: Labeler) -> None:
    assert read(labeler).text == TEXT


def test_phrases_cues_and_scopes_are_marked(labeler: Labeler) -> None:
    assert read(labeler).marks == [
        ("No", "cue scope"),
        (" ", "scope"),
        ("pneumothorax", "negative phrase scope"),
        (" or large ", "scope"),
        ("effusion", "negative phrase scope"),
        ("Possible", "cue scope"),
        (" ", "scope"),
        ("pneumonia", "phrase scope uncertain"),
    ]


def test_every_row_of_evidence_names_its_rules(labeler: Labeler) -> None:
    page = explain_page(TEXT, labeler.label(TEXT), title="A & B")
    assert "<code>pneumonia</code>" in page
    assert "<code>possible_behind</code>" in page
    assert "<title>A &amp; B</title>" in page
    assert "&lt;5 cm" in page
