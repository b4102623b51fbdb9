"""Measures what the text engine leaves, what it hides needlessly, and how fast it is.

Takes JSON lines (--corpus FILE; a report, what the RIS knows of its patient, where the identifiers and the protected
words stand) or, without any, the reports of a demo hospital; prints recall per class with Wilson intervals, reports
with something left, words hidden, label invariance, documents per second, the slowest of some hostile texts, and
Presidio beside it where it is installed.

An identifier counts as left where any of its words stays: two letters and more of a name, any number of a date but the
year, two characters and more of anything else; states of an address may stay (45 CFR 164.514(b)(2)(i)(B)).
Ordinary words are those of an English word list or of radiology, without titles. Each report meets a site dictionary of
its own hospital's facts alone, never the pool of all reports.

Run: `python benchmarks/report_text.py [--corpus FILE.jsonl] [--limit N] [--show N]`.
"""

import argparse
import contextlib
import importlib.util
import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path

from report_documents import Document, Planted, demo_documents, hostile_texts, read_corpus
from rich.console import Console
from rich.table import Table

from cxr_core.deidentify.text import TextEngine
from cxr_core.deidentify.text.vocabulary import WordClass, load_vocabulary
from cxr_core.errors import ItemError
from cxr_core.labeling import Labeler
from cxr_core.reports.sections import choose_section, split_sections
from cxr_core.vault.dictionary import PatientDictionary, SiteDictionary

_HOSTILE_LETTERS = 100_000
_WORD = re.compile(r"[^\W_]+")
_YEAR = re.compile(r"(?:19|20|21)\d\d")
# Titles and words of times of day go with the name or the time beside them, and are no loss.
_ASIDE = "dr drs mr mrs ms miss mx prof md do rn np pa phd rt jr sr ii iii am pm hrs hours at est"
_TITLES = "unknown trauma doe dr drs mr mrs ms miss mx prof professor sir md do rn np pa phd rt jr sr ii iii"
# What institutions of a kind have in common: without its own word, a name names none.
_GENERIC = """
hospital hospitals infirmary medical medicine center centre clinic clinics imaging radiology diagnostic
diagnostics xray x teleradiology group partners associates health healthcare care services service system trust
foundation nhs private public practice department dept ward unit general memorial community regional county city
university college school district unified detention correctional facility prison jail remand research clinical
dialysis surgery pc llp llc inc ltd co company limited corporation tool die mill and of the for at in on ray
family specialist specialists consultants north south east west upper lower new st saint institute academy base
camp hostel home house nursing residential aged walk after hours multi purpose great little nether sciences
office solicitors mobile remote reporting skilled rehab internal urgent
"""
_LOCAL = (
    "po box rr co building block road concession under edge and of the near on at flat unit apt "
    "suite heights ferry creek bay port old great little nether lake hill st"
)
_STATES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA "
    "RI SC SD TN TX UT VT VA WA WV WI WY DC"
)


@dataclass(slots=True)
class Score:
    """What one engine did with all documents."""

    planted: Counter[str] = field(default_factory=Counter)
    hidden: Counter[str] = field(default_factory=Counter)
    reports_with_direct_left: int = 0
    reports_with_any_left: int = 0
    words: int = 0
    words_hidden: int = 0
    protected: int = 0
    protected_hidden: int = 0
    left: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    needless: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)


# ---------------------------------------------------------------- engines


class Presidio:
    """Presidio's analyser with its default recognisers and a spaCy model."""

    def __init__(self, model: str) -> None:
        from presidio_analyzer import AnalyzerEngine
        from presidio_analyzer.nlp_engine import NlpEngineProvider

        models = [{"lang_code": "en", "model_name": model}]
        provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models})
        self._analyser = AnalyzerEngine(nlp_engine=provider.create_engine())

    def __call__(self, document: Document) -> list[tuple[int, int]]:
        return [(found.start, found.end) for found in self._analyser.analyze(document.text, language="en")]


# ---------------------------------------------------------------- scoring


def score(documents: Sequence[Document], spans: Sequence[list[tuple[int, int]]]) -> Score:
    total = Score()
    for document, found in zip(documents, spans, strict=True):
        is_hidden = bytearray(len(document.text))
        for start, end in found:
            is_hidden[start:end] = b"\1" * (end - start)
        _score_identifiers(document, is_hidden, total)
        _score_words(document, is_hidden, total)
    return total


def _score_identifiers(document: Document, is_hidden: bytearray, total: Score) -> None:
    left = [planted for planted in document.planted if _is_left(document.text, planted, is_hidden)]
    total.planted.update(planted.kind for planted in document.planted)
    total.hidden.update(planted.kind for planted in document.planted if planted not in left)
    total.reports_with_any_left += bool(left)
    total.reports_with_direct_left += any(planted.is_direct for planted in left)
    for planted in left:
        around = document.text[max(planted.start - 50, 0) : planted.end + 30].replace("\n", "|")
        value = document.text[planted.start : planted.end]
        total.left[planted.kind].append(f"{document.template}: [{value}] in: {around}")


def _is_left(text: str, planted: Planted, is_hidden: bytearray) -> bool:
    for word in _WORD.finditer(text, planted.start, planted.end):
        if all(is_hidden[word.start() : word.end()]) or not _tells(word.group(), planted.kind):
            continue
        return True
    return False


def _tells(word: str, kind: str) -> bool:
    if kind == "date":
        return not _YEAR.fullmatch(word) and word.lower() not in {"of", "the", "at"}
    if kind == "age_over_89":
        return not word.lower().startswith(("y", "old", "m", "f", "w"))
    if kind.startswith("name") and word.lower() in _TITLES.split():
        return False
    if kind in {"institution", "employer"} and word.lower() in _GENERIC.split():
        return False
    if kind == "address" and (word in _STATES.split() or word.lower() in _LOCAL.split()):
        return False
    return len(word) >= 2


def _score_words(document: Document, is_hidden: bytearray, total: Score) -> None:
    is_planted = bytearray(len(document.text))
    for planted in document.planted:
        is_planted[planted.start : planted.end] = b"\1" * (planted.end - planted.start)
    vocabulary = load_vocabulary()
    for word in _WORD.finditer(document.text):
        key = word.group().lower()
        is_ordinary = key in vocabulary.common or vocabulary.classify(key) >= WordClass.TERM
        if not is_ordinary or len(key) < 2 or key in _ASIDE.split() or any(is_planted[word.start() : word.end()]):
            continue
        total.words += 1
        if any(is_hidden[word.start() : word.end()]):
            total.words_hidden += 1
            total.needless[word.group()] += 1
    for start, end in document.protected:
        total.protected += 1
        if any(is_hidden[start:end]):
            total.protected_hidden += 1
            around = document.text[max(start - 40, 0) : end + 25].replace("\n", "|")
            total.lost[f"[{document.text[start:end]}] in {document.template}: {around}"] += 1


def wilson(good: int, of: int) -> tuple[float, float]:
    """95 % Wilson interval of a share."""
    if not of:
        return 0.0, 1.0
    z, share = 1.959964, good / of
    middle, wide = share + z * z / (2 * of), z * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - wide) / (1 + z * z / of), (middle + wide) / (1 + z * z / of)


def invariance(documents: Sequence[Document], texts: Sequence[str]) -> dict[str, tuple[int, int]]:
    """(reports with the same 14 values before and after, reports), without and with planted identifiers."""
    labeler = Labeler()

    def values(text: str) -> tuple[int | None, ...]:
        chosen = choose_section(split_sections(text))
        return labeler.label(text, chosen.spans, addendum_spans=chosen.addendum_spans).values

    counted: dict[str, list[bool]] = {"without": [], "with": []}
    for document, text in zip(documents, texts, strict=True):
        same = values(document.text) == values(text)
        counted["with" if document.planted else "without"].append(same)
    return {name: (sum(same), len(same)) for name, same in counted.items()}


# ---------------------------------------------------------------- telling


def tell(name: str, documents: Sequence[Document], total: Score, rate: float, console: Console) -> None:
    table = Table(title=f"{name}: {len(documents)} reports, {len({d.template for d in documents})} templates")
    for column in ("class", "hidden", "of", "recall", "95 % interval"):
        table.add_column(column, justify="left" if column == "class" else "right")
    for kind, of in sorted(total.planted.items()):
        low, high = wilson(total.hidden[kind], of)
        table.add_row(
            kind, str(total.hidden[kind]), str(of), f"{total.hidden[kind] / of:.4f}", f"{low:.4f} - {high:.4f}"
        )
    of, hidden = total.planted.total(), total.hidden.total()
    table.add_row("all", str(hidden), str(of), f"{hidden / max(of, 1):.4f}", "")
    console.print(table)
    for told, count in (("direct", total.reports_with_direct_left), ("any", total.reports_with_any_left)):
        share, upper = count / len(documents), wilson(count, len(documents))[1]
        console.print(f"reports with {told} identifier left: {count} ({share:.2%}, at most {upper:.2%})")
    console.print(f"ordinary words hidden: {total.words_hidden / max(total.words, 1):.4f} of {total.words}")
    console.print(f"finding, negation, side, measurement words hidden: {total.protected_hidden} of {total.protected}")
    console.print(f"documents a second on one core: {rate:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--show", type=int, default=0, help="examples of each kind of error")
    parser.add_argument("--presidio", type=int, default=200, help="documents for Presidio, which is slow")
    parser.add_argument("--model", default="en_core_web_sm", help="spaCy model for Presidio")
    arguments = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    source = read_corpus(arguments.corpus) if arguments.corpus else demo_documents(seed=2026, patients=40)
    documents = list(source)[: arguments.limit]

    found, texts = [], []
    for document in documents:
        try:
            result = TextEngine(document.site, load_vocabulary()).redact(document.text, document.patient)
        except ItemError as error:
            console.print(f"{document.name}: {error.reason.value}")
            found.append([(0, len(document.text))])
            texts.append("")
            continue
        found.append([(span.start, span.end) for span in result.spans])
        texts.append(result.text)
    total = score(documents, found)
    engine = TextEngine(SiteDictionary())
    started = time.process_time()
    for document in documents:
        engine.redact(document.text, document.patient)
    rate = len(documents) / (time.process_time() - started)
    tell("hilum", documents, total, rate, console)
    for name, (same, of) in invariance(documents, texts).items():
        console.print(f"labels unchanged, reports {name} identifiers: {same} of {of}")
    name, seconds = slowest_hostile_text()
    console.print(f"slowest of the hostile texts of {_HOSTILE_LETTERS} letters: {name}, {seconds:.2f} s")
    _show(total, arguments.show, console)
    if importlib.util.find_spec("presidio_analyzer") is None:
        console.print("Presidio is not installed here: pip install presidio-analyzer and a spaCy model")
        return
    few = documents[: arguments.presidio]
    presidio = Presidio(arguments.model)
    started = time.process_time()
    spans = [presidio(document) for document in few]
    theirs = len(few) / (time.process_time() - started)
    tell("presidio", few, score(few, spans), theirs, console)
    console.print(f"ratio of documents a second: {rate / theirs:.1f}")


def slowest_hostile_text() -> tuple[str, float]:
    """The text and its CPU seconds."""
    engine, seconds = TextEngine(SiteDictionary()), dict[str, float]()
    for name, text in hostile_texts(_HOSTILE_LETTERS).items():
        started = time.process_time()
        with contextlib.suppress(ItemError):
            engine.redact(text, PatientDictionary())
        seconds[name] = time.process_time() - started
    slowest = max(seconds, key=lambda name: seconds[name])
    return slowest, seconds[slowest]


def _show(total: Score, count: int, console: Console) -> None:
    if not count:
        return
    for kind, examples in total.left.items():
        console.print(f"\n== left: {kind} ({len(examples)})", markup=False)
        for example in examples[:count]:
            console.print(f"  {example}", markup=False)
    console.print("\n== hidden needlessly", markup=False)
    console.print(", ".join(f"{word} {n}" for word, n in total.needless.most_common(count * 5)), markup=False)
    console.print("\n== protected words hidden", markup=False)
    for example, n in total.lost.most_common(count * 2):
        console.print(f"  {n} {example}", markup=False)


if __name__ == "__main__":
    main()
