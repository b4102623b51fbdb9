"""Measures how many reports a second are sectioned and labelled, evidence included, beside peers in the same run.

The reports are invented, and no sentence in them occurs twice (`labeling_reports.py`). Nothing is remembered of a
sentence or clause; the only memory is the table of words, whose hit rate is told. Everything runs on one core (polars
has one thread), then the same work on two processes. The peers' interpreters are virtual environments that this script
makes; they get the chosen sections only and the phrases of our findings, and decide negation, nothing else.

python benchmarks/labeling.py                                  (ours alone)
python benchmarks/labeling.py --peers DIR --install            (makes DIR/NAME for each peer, then runs all)
python benchmarks/labeling.py --whole                          (also 227,943 reports through `cxr label`)
"""

# The peers' interpreters run this file too (`--worker`) and have neither polars nor our package: whatever is not of
# the standard library is imported where it is used.
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from peer_environments import install, interpreter_in

ROUNDS = 5
REPORTS = 4000
WHOLE = 227_943  # the size of MIMIC-CXR-JPG
_PEER_REPORTS = 300
_PEERS = {"medspacy": ["medspacy==1.3.1"], "negspacy": ["negspacy==1.1.0"]}


def one_core() -> None:
    """Keep this process, and the threads of its libraries, on one core."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def best_of(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of the quickest round: the one least disturbed by other programs."""
    wall, cpu = [], []
    for _ in range(ROUNDS):
        started, cpu_started = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - cpu_started)
    return min(wall), min(cpu)


def measure_ours(count: int) -> dict[str, float]:
    """Reports a second on one core, whole and in parts."""
    one_core()
    import polars as pl
    from labeling_reports import invented_reports

    from cxr_core.labeling import Labeler, label_reports
    from cxr_core.reports import choose_section, split_sections

    reports = list(invented_reports(count))
    started = time.perf_counter()
    labeler = Labeler()
    compiled = time.perf_counter() - started
    chosen = [choose_section(split_sections(text)) for text in reports]
    cold = time.perf_counter()
    label_reports(pl.Series(reports), labeler)
    cold = time.perf_counter() - cold
    whole = best_of(lambda: label_reports(pl.Series(reports), labeler))
    sections = best_of(lambda: [choose_section(split_sections(text)) for text in reports])
    pairs = list(zip(reports, chosen, strict=True))
    labels = best_of(lambda: [labeler.label(text, part.spans) for text, part in pairs])
    with patch("cxr_core.labeling.labeler.located", _unlocated):
        bare = best_of(lambda: [labeler.label(text, part.spans) for text, part in pairs])
    sentences = [s for text, part in pairs for s in re.split(r"(?<=\.)\s+", part.text_of(text))]
    return {
        "letters": sum(map(len, reports)) / count,
        "words": sum(len(part.text_of(text).split()) for text, part in pairs) / count,
        "unique": len({re.sub(r"\d+", "#", s.lower()) for s in sentences if len(s) > 3})
        / sum(len(s) > 3 for s in sentences),
        "compiled": compiled,
        "cold": count / cold,
        "whole": count / whole[0],
        "whole_cpu": count / whole[1],
        "sections": count / sections[0],
        "labels": count / labels[0],
        "bare": count / bare[0],
        "words_known": 1 - len({w for text, _ in pairs for w in text.split()}) / sum(len(t.split()) for t in reports),
    }


def _unlocated(_: object, mentions: Sequence[Any], __: int) -> list[Any]:
    """Mentions without the offsets of sentence, phrase and cue: what labels cost without evidence."""
    from cxr_core.labeling import Evidence

    nowhere = (None,) * 6
    return [Evidence(label, m.assertion, *nowhere, "", None) for m in mentions for label in m.labels or (None,)]


def label_half(seed: int, count: int) -> float:
    """One of two processes: seconds that it took, its own reports made before the clock starts."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    import polars as pl
    from labeling_reports import invented_reports

    from cxr_core.labeling import Labeler, label_reports

    reports, labeler = pl.Series(list(invented_reports(count, seed))), Labeler()
    label_reports(reports[:200], labeler)
    started = time.perf_counter()
    for _ in range(ROUNDS):
        label_reports(reports, labeler)
    return time.perf_counter() - started


def measure_two_cores(count: int) -> float:
    """How many times the reports a second of one process two processes do."""
    alone = min(_together(1, count))
    return 2 * alone / max(_together(2, count))


def _together(processes: int, count: int) -> list[float]:
    command = [sys.executable, __file__, "--half", str(count)]
    running = [subprocess.Popen([*command, str(seed)], stdout=subprocess.PIPE, text=True) for seed in range(processes)]
    return [float(one.communicate()[0]) for one in running]


def measure_whole(count: int) -> str:
    """Time and peak memory of `cxr label` over a CSV of the size of MIMIC-CXR-JPG, evidence written too."""
    import polars as pl
    from labeling_reports import invented_reports

    with tempfile.TemporaryDirectory() as folder:
        source, labels, evidence = (Path(folder) / name for name in ("reports.csv", "labels.csv", "evidence.parquet"))
        pl.DataFrame({"study_id": range(count), "report": list(invented_reports(count))}).write_csv(source)
        program = "from flows.cli import main; main()"
        command = [sys.executable, "-c", program, "label", source, "-o", labels, "--evidence", evidence]
        started = time.perf_counter()
        child = subprocess.Popen(command, cwd=Path(__file__).resolve().parents[1])
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        if status:
            raise SystemExit("cxr label failed")
        rows = pl.scan_csv(labels).select(pl.len()).collect().item()
        proofs = pl.scan_parquet(evidence).select(pl.len()).collect().item()
    told = f"{rows} reports, {proofs} rows of evidence: {seconds:.1f} s, {used.ru_maxrss / 2**20:.2f} GiB at most"
    return f"cxr label, {told}, {used.ru_utime + used.ru_stime:.1f} s of CPU time"


# ---------------------------------------------------------------- peers


def medspacy(phrases: dict[str, list[str]]) -> Callable[[Sequence[str]], None]:
    """README: its rule-based matcher and ConText."""
    import spacy
    from medspacy.context import ConText
    from medspacy.ner import TargetMatcher, TargetRule

    pipe = spacy.blank("en")
    pipe.add_pipe("sentencizer")
    matcher = TargetMatcher(pipe)
    matcher.add([TargetRule(phrase, label.upper()) for label, many in phrases.items() for phrase in many])
    context = ConText(pipe)

    def run(texts: Sequence[str]) -> None:
        for doc in pipe.pipe(texts):
            [(e.label_, e._.is_negated, e._.is_uncertain, e.start_char) for e in context(matcher(doc)).ents]

    return run


def negspacy(phrases: dict[str, list[str]]) -> Callable[[Sequence[str]], None]:
    """README: spaCy's entity ruler and `negex` with its clinical terms."""
    import spacy
    from negspacy.negation import Negex  # noqa: F401  registers the pipe

    pipe = spacy.blank("en")
    pipe.add_pipe("sentencizer")
    ruler = pipe.add_pipe("entity_ruler", config={"phrase_matcher_attr": "LOWER"})
    ruler.add_patterns([{"label": label.upper(), "pattern": p} for label, many in phrases.items() for p in many])
    pipe.add_pipe("negex", config={"ent_types": [label.upper() for label in phrases]})

    def run(texts: Sequence[str]) -> None:
        for doc in pipe.pipe(texts):
            [(e.label_, e._.negex, e.start_char) for e in doc.ents]

    return run


def measure_peer(name: str, texts: Path, answer: Path) -> None:
    """Run in the peer's interpreter: reports a second, warm."""
    one_core()
    read, phrases = json.loads(texts.read_text(encoding="utf-8"))
    run = {"medspacy": medspacy, "negspacy": negspacy}[name](phrases)
    run(read[:20])
    started = time.perf_counter()
    run(read)
    answer.write_text(json.dumps(len(read) / (time.perf_counter() - started)), encoding="utf-8")


def run_peers(folder: Path) -> dict[str, float | None]:
    """Reports a second of each peer; None where it cannot run, which is told."""
    from labeling_reports import invented_reports

    from cxr_core.reports import choose_section, split_sections

    texts = [choose_section(split_sections(t)).text_of(t) for t in invented_reports(_PEER_REPORTS)]
    speeds: dict[str, float | None] = {}
    with tempfile.TemporaryDirectory() as scratch:
        source, answer = Path(scratch) / "texts.json", Path(scratch) / "answer.json"
        source.write_text(json.dumps([texts, _phrases()]), encoding="utf-8")
        for name in _PEERS:
            command = [str(interpreter_in(folder, name)), __file__, "--worker", name, str(source), str(answer)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.stderr.write(f"{name} does not run here: {done.stderr.strip().splitlines()[-1:]}\n")
            speeds[name] = None if done.returncode else json.loads(answer.read_text(encoding="utf-8"))
    return speeds


def _phrases() -> dict[str, list[str]]:
    """The phrases of our findings with one label, so that the peers look for the same."""
    from cxr_core.labeling.lexicon import Role, load_lexicon
    from cxr_core.vocabulary import LabelerName

    phrases: dict[str, list[str]] = {}
    for rule in load_lexicon(LabelerName.CHEXPERT).rules:
        if rule.role is Role.FINDING and len(rule.labels) == 1:
            phrases.setdefault(rule.labels[0].value, []).extend(" ".join(words) for words in rule.phrases)
    return phrases


# ---------------------------------------------------------------- the report


def show(ours: dict[str, float], ratio: float, peers: dict[str, float | None]) -> None:
    """Print what was measured."""
    print(f"{ours['letters']:.0f} letters a report, {ours['words']:.0f} words in the section that is labelled")
    print(f"sentences that occur once, numbers and case aside: {ours['unique']:.1%}; sentences remembered: none")
    print(f"words met before: {ours['words_known']:.1%}; rules compiled in {ours['compiled']:.2f} s")
    print(f"sections, labels and evidence   {ours['whole']:>8.0f} reports/s (by CPU time {ours['whole_cpu']:.0f})")
    print(f"  the first time in a process   {ours['cold']:>8.0f}")
    print(f"  sections alone                {ours['sections']:>8.0f}")
    print(f"  labels alone                  {ours['bare']:>8.0f}")
    print(f"  labels with their evidence    {ours['labels']:>8.0f}")
    print(f"two processes on two cores      {ratio:>8.2f} times one")
    for name, speed in peers.items():
        told = (
            "does not run here"
            if speed is None
            else f"{speed:>8.0f} reports/s, ours {ours['labels'] / speed:.0f} times"
        )
        print(f"{name + ' (labels alone)':<32}{told}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=REPORTS)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--half", nargs=2, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        name, source, answer = asked.worker
        return measure_peer(name, Path(source), Path(answer))
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    if asked.half:
        print(label_half(asked.half[1], asked.half[0]))
        return None
    if asked.peers and asked.install:
        install(asked.peers, _PEERS)
    ratio = measure_two_cores(asked.reports)
    peers = run_peers(asked.peers) if asked.peers else {}
    if asked.whole:
        print(measure_whole(WHOLE), flush=True)
    show(measure_ours(asked.reports), ratio, peers)
    return None


if __name__ == "__main__":
    main()
