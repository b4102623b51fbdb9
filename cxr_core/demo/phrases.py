"""Loads `phrases.toml`: what the radiologists of the demo say, with the labels of each sentence.

It gives typed sentences by topic and assertion, and picks those that fit the findings of a study.
How sentences become a report is left to `reports`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from cxr_core.demo.anatomy import Findings
from cxr_core.vocabulary import Assertion, Label

# Topics that no phantom shows and every report may bring up.
_UNDRAWN = ("pneumothorax", "fracture", "pleura", "mediastinum", "opacity")
_DRAWN = ("cardiomegaly", "edema", "consolidation", "atelectasis", "nodule")
_DEVICES = ("pacemaker", "endotracheal_tube", "central_line", "gastric_tube", "sternal_wires")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One dictated sentence and what it says."""

    text: str
    labels: Mapping[Label, Assertion]
    is_device: bool = False

    @property
    def is_finding(self) -> bool:
        """True where it belongs into an impression: something is or may be there."""
        return any(value is not Assertion.NEGATIVE for value in self.labels.values())


@dataclass(frozen=True, slots=True)
class Topic:
    """The sentences about one thing, by assertion."""

    positive: tuple[Sentence, ...]
    uncertain: tuple[Sentence, ...]
    negative: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Phrases:
    """All of `phrases.toml`."""

    topics: Mapping[str, Topic]
    indications: tuple[str, ...]
    techniques: tuple[str, ...]
    nothing_acute: tuple[str, ...]


@cache
def load_phrases() -> Phrases:
    """Read `phrases.toml`."""
    raw = tomllib.loads(files("cxr_core.demo").joinpath("phrases.toml").read_text(encoding="utf-8"))
    topics = {
        topic["name"]: Topic(
            *(_sentences(topic.get(kind, []), topic["name"]) for kind in ("positive", "uncertain", "negative"))
        )
        for topic in raw["topic"]
    }
    return Phrases(topics, tuple(raw["indications"]), tuple(raw["techniques"]), tuple(raw["nothing_acute"]))


def _sentences(entries: list[dict[str, object]], topic: str) -> tuple[Sentence, ...]:
    found = []
    for entry in entries:
        labels = entry["labels"]
        if not isinstance(labels, dict):
            msg = f"phrases.toml: topic {topic} has a sentence without labels"
            raise TypeError(msg)
        said = {Label(name): Assertion(value) for name, value in labels.items()}
        found.append(Sentence(str(entry["text"]), said, topic in _DEVICES))
    return tuple(found)


def say(findings: Findings, rng: np.random.Generator, *, is_chest: bool) -> list[Sentence]:
    """Pick the sentences of one report: all that is there, some of what is not, in mixed order.

    Parameters
    ----------
    findings : Findings
        What the phantom shows; drawn findings are reported, now and then with doubt.
    rng : numpy Generator
        Wording and the findings that no phantom shows.
    is_chest : bool
        False for the exam of another body part.
    """
    topics = load_phrases().topics
    if not is_chest:
        return [topics["hand"].negative[0]]
    said = [_pick(topics[name], rng, is_there=bool(getattr(findings, name))) for name in _DRAWN]
    said += [_pick(topics[name], rng, is_there=bool(rng.random() < 0.07)) for name in _UNDRAWN]
    said.append(_effusion(findings, topics["effusion"], rng))
    kept = [s for s in said if s.is_finding or rng.random() < 0.5]
    kept += [_fill(topics[name].positive[0], "right") for name in _DEVICES if getattr(findings, name)]
    return [kept[i] for i in rng.permutation(len(kept))]


def _effusion(findings: Findings, topic: Topic, rng: np.random.Generator) -> Sentence:
    if findings.effusion_left or findings.effusion_right:
        both = findings.effusion_left and findings.effusion_right
        side = "bilateral" if both else ("left" if findings.effusion_left else "right")
        return _fill(topic.positive[0], side)
    return _pick(topic, rng, is_there=False)


def _pick(topic: Topic, rng: np.random.Generator, *, is_there: bool) -> Sentence:
    choices = (topic.uncertain if rng.random() < 0.2 else topic.positive) if is_there else topic.negative
    return _fill(choices[int(rng.integers(len(choices)))], ("left", "right")[int(rng.integers(2))])


def _fill(sentence: Sentence, side: str) -> Sentence:
    return Sentence(sentence.text.replace("{side}", side), sentence.labels, sentence.is_device)


def combine(sentences: list[Sentence], *, nothing_acute: bool) -> dict[Label, Assertion]:
    """Aggregate what sentences say: positive before uncertain before negative (CheXpert, section 3.3).

    Parameters
    ----------
    sentences : list of Sentence
        Of the sections that count.
    nothing_acute : bool
        Whether the text states that there is nothing; it never contradicts a sentence.

    Returns
    -------
    dict
        Labels that are mentioned; No Finding where everything but Support Devices is negative or unmentioned.
    """
    order = (Assertion.POSITIVE, Assertion.UNCERTAIN, Assertion.NEGATIVE)
    said: dict[Label, Assertion] = {}
    for sentence in sentences:
        for label, value in sentence.labels.items():
            said[label] = min(value, said.get(label, value), key=order.index)
    others = [value for label, value in said.items() if label is not Label.SUPPORT_DEVICES]
    if nothing_acute or all(value is Assertion.NEGATIVE for value in others):
        said[Label.NO_FINDING] = Assertion.POSITIVE
    return said
