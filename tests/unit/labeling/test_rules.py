"""Every rule's own example, a table of sentences by phenomenon, and combinations of cues and findings."""

from itertools import product
from pathlib import Path

import pytest

from cxr_core.labeling import Labeler, ReportLabels
from cxr_core.labeling.lexicon import Rule, expand, load_lexicon
from cxr_core.vocabulary import Label, LabelerName

RULES = {name: [r for r in load_lexicon(name).rules if r.example] for name in LabelerName}
LETTERS = dict(zip("ACKEMFLONUTPXD", Label, strict=True))
VALUES = {"1": 1, "0": 0, "?": -1}


def said(labels: ReportLabels) -> dict[Label, int]:
    """Labels with a value, No Finding aside."""
    pairs = zip(Label, labels.values, strict=True)
    return {label: value for label, value in pairs if value is not None and label is not Label.NO_FINDING}


def sentences() -> list[tuple[str, str]]:
    files = sorted(Path(__file__).with_name("sentences").glob("*.txt"))
    lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
    rows = [line.split("|") for line in lines if line and not line.startswith("#")]
    return [(text.strip(), expected.strip()) for _, text, expected in rows]


@pytest.mark.parametrize("rule", RULES[LabelerName.CHEXPERT], ids=lambda rule: rule.id)
def test_every_rule_does_what_its_example_says(rule: Rule, labeler: Labeler) -> None:
    assert said(labeler.label(rule.example)) == {label: int(value) for label, value in rule.expects}


OF_COMPARATOR = [r for r in RULES[LabelerName.NEGBIO] if r.role.value == "cue" or r.id.endswith("called_enlarged")]


@pytest.mark.parametrize("rule", OF_COMPARATOR, ids=lambda rule: rule.id)
def test_every_own_rule_of_the_comparator_does_what_its_example_says(rule: Rule, negbio: Labeler) -> None:
    assert said(negbio.label(rule.example)) == {label: int(value) for label, value in rule.expects}


@pytest.mark.parametrize(("text", "expected"), sentences())
def test_sentence_is_labelled(text: str, expected: str, labeler: Labeler) -> None:
    labels = labeler.label(text)
    wanted = {LETTERS[item[0]]: VALUES[item[1]] for item in expected.split()}
    if wanted.pop(Label.NO_FINDING, None):
        assert labels.value(Label.NO_FINDING) == 1
    assert said(labels) == wanted


FINDINGS = {
    "pneumothorax": Label.PNEUMOTHORAX,
    "left pleural effusion": Label.PLEURAL_EFFUSION,
    "consolidation": Label.CONSOLIDATION,
    "pulmonary edema": Label.EDEMA,
    "rib fracture": Label.FRACTURE,
    "lung nodule": Label.LUNG_LESION,
}
FRAMES = {
    "No {}.": 0,
    "There is no evidence of {} today.": 0,
    "No {} is seen.": 0,
    "The {} has resolved.": 0,
    "Without definite {}.": 0,
    "Possible {}.": -1,
    "There may be {} on the left.": -1,
    "{} cannot be excluded.": -1,
    "{} is suspected.": -1,
    "Findings concerning for {}.": -1,
    "No change in the {}.": 1,
    "{} is again noted.": 1,
    "Unchanged {} compared with the prior study.": 1,
}


@pytest.mark.parametrize(("frame", "finding"), list(product(FRAMES, FINDINGS)))
def test_cue_and_finding_combine(frame: str, finding: str, labeler: Labeler) -> None:
    text = frame.format(finding)
    assert said(labeler.label(text)) == {FINDINGS[finding]: FRAMES[frame]}


CUES = {
    "No {}.": 0,
    "There is no {}.": 0,
    "Negative for {}.": 0,
    "Without {} on the left.": 0,
    "{} is not identified.": 0,
    "{}: none.": 0,
    "Interval resolution of the {}.": 0,
    "Cannot exclude {}.": -1,
    "{} is possible.": -1,
    "Findings suggest {}.": -1,
    "Unchanged {}.": 1,
    "{} has not resolved.": 1,
    "{} is likely unchanged.": 1,
}
FILLERS = ("", "acute ", "large right ", "focal left lower ", "definite ", "residual apical ")


@pytest.mark.parametrize("cue", CUES)
@pytest.mark.parametrize("filler", FILLERS)
def test_cue_filler_and_finding_combine(cue: str, filler: str, labeler: Labeler) -> None:
    for finding, label in FINDINGS.items():
        assert said(labeler.label(cue.format(filler + finding))) == {label: CUES[cue]}, finding


@pytest.mark.parametrize("pair", [(a, b) for a in FINDINGS for b in FINDINGS if FINDINGS[a] != FINDINGS[b]])
def test_lists_share_their_cue(pair: tuple[str, str], labeler: Labeler) -> None:
    first, second = pair
    assert set(said(labeler.label(f"No {first}, {second}, or atelectasis.")).values()) == {0}
    assert set(said(labeler.label(f"Possible {first} or {second}.")).values()) == {-1}
    assert said(labeler.label(f"No {first}, but there is {second}."))[FINDINGS[second]] == 1


def test_patterns_are_spelled_out() -> None:
    assert expand("(small |)(left|right (lower|upper)) lobe") == (
        ("small", "left", "lobe"),
        ("small", "right", "lower", "lobe"),
        ("small", "right", "upper", "lobe"),
        ("left", "lobe"),
        ("right", "lower", "lobe"),
        ("right", "upper", "lobe"),
    )


@pytest.mark.parametrize("pattern", ["(a|b", "a)", "((a)"])
def test_unbalanced_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="unbalanced"):
        expand(pattern)
