"""Invented chest reports in which no sentence occurs twice, not even with its numbers and case taken away.

Gives texts with the usual headings and lengths; all phrases are ours. A labeler that remembers sentences gains nothing
from them.
"""

import random
import re
from collections.abc import Iterator

_NUMBERS = re.compile(r"\d+")
_SIDES = (
    """
right|left|bilateral|right-sided|left-sided|lingular|retrocardiac|perihilar
""".strip()
    .replace("\n", "|")
    .split("|")
)
_PLACES = (
    """
at the base|in the upper lobe|in the lower lobe|in the apex|in the mid lung|along the fissure|at the apices
near the hilum|in the costophrenic angle|behind the heart|over the third rib|over the scapula|in the lingula
adjacent to the diaphragm|in the suprahilar region|in the lung periphery|below the clavicle
above the diaphragm|at the cardiophrenic angle|in the paratracheal region
""".strip()
    .replace("\n", "|")
    .split("|")
)
_SIZES = (
    """
small|moderate|large|trace|tiny|mild|subtle|patchy|focal|hazy|streaky|new|residual|persistent
""".strip()
    .replace("\n", "|")
    .split("|")
)
_FINDINGS = (
    """
pleural effusion|pneumothorax|consolidation|atelectasis|airspace opacity|pulmonary edema|lung nodule
infiltrate|pleural thickening|rib fracture|mass|scarring|vascular congestion|interstitial markings|pneumonia
fluid in the fissure|linear opacity|subsegmental atelectasis|ground-glass opacity|parenchymal scar
""".strip()
    .replace("\n", "|")
    .split("|")
)
_DEVICES = (
    """
endotracheal tube|right internal jugular catheter|nasogastric tube|PICC|chest tube|pacemaker lead
feeding tube|Swan-Ganz catheter|tracheostomy tube|port catheter|dialysis catheter|pigtail drain
""".strip()
    .replace("\n", "|")
    .split("|")
)
_CHANGES = (
    """
unchanged|slightly increased|slightly decreased|improved|worsened|more conspicuous|less conspicuous|stable
new|similar in extent|not significantly changed|marginally larger
""".strip()
    .replace("\n", "|")
    .split("|")
)
_WHEN = (
    """
since the prior study|compared with the earlier film|since yesterday|over the interval
allowing for projection|on the current view|given the rotation|on this portable view
from the outside radiograph|since admission|on the lateral view|despite low volumes|as far as can be seen
in this supine patient|in the interval
""".strip()
    .replace("\n", "|")
    .split("|")
)
_DENIALS = (
    """
No|There is no|No evidence of|Without|There is no convincing|No new|No residual
""".strip()
    .replace("\n", "|")
    .split("|")
)
_DOUBTS = (
    """
Possible|There may be|Cannot exclude|Questionable|Findings suggest|Probable|Concern for|Likely|Suspected
""".strip()
    .replace("\n", "|")
    .split("|")
)
_HEARTS = (
    """
Heart size is normal|The heart is mildly enlarged|Cardiac silhouette is top normal|Stable cardiomegaly
The cardiomediastinal silhouette is within normal limits|Mediastinal contours are unremarkable
Heart size is borderline|The cardiac silhouette remains enlarged
""".strip()
    .replace("\n", "|")
    .split("|")
)
_AGES = (
    """
man|woman|patient|smoker|lady|gentleman
""".strip()
    .replace("\n", "|")
    .split("|")
)


class SentenceMaker:
    """Makes sentences, each once; `seed` decides all of them."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._told: set[int] = set()

    def one(self) -> str:
        """A sentence that was not made before."""
        while True:
            sentence = self._draft()
            key = hash(_NUMBERS.sub("#", sentence.lower()))
            if key not in self._told:
                self._told.add(key)
                return sentence

    def _draft(self) -> str:
        pick, kind = self._random.choice, self._random.random()
        finding = f"{pick(_SIZES)} {pick(_SIDES)} {pick(_FINDINGS)}"
        place, when = self._often(pick(_PLACES)), self._often(pick(_WHEN))
        if kind < 0.3:
            return f"{pick(_DENIALS)} {finding} or {pick(_FINDINGS)}{place}{when}."
        if kind < 0.5:
            return f"{finding.capitalize()}{place} is {pick(_CHANGES)}{when}."
        if kind < 0.65:
            return f"{pick(_DOUBTS)} {finding}{place}, {pick(_CHANGES)}{when}."
        if kind < 0.75:
            return f"{pick(_HEARTS)}, {pick(_CHANGES)}{when}, with {finding}."
        if kind < 0.87:
            tip = self._random.randint(1, 9)
            return f"{pick(_DEVICES).capitalize()} {tip} cm from the carina, {pick(_CHANGES)}{when}, without {finding}."
        return f"{finding.capitalize()}{place} may represent {pick(_FINDINGS)} versus {pick(_FINDINGS)}."

    def _often(self, words: str) -> str:
        return f" {words}" if self._random.random() < 0.5 else ""


def invented_reports(count: int, seed: int = 0) -> Iterator[str]:
    """Reports with indication, comparison, technique, findings (some 60 words) and impression (some 25)."""
    make = SentenceMaker(seed)
    chance = random.Random(seed + 1)
    for number in range(count):
        findings = " ".join(make.one() for _ in range(chance.randint(4, 6)))
        impression = [make.one() for _ in range(chance.randint(1, 3))]
        listed = "\n".join(f"{k}. {sentence}" for k, sentence in enumerate(impression, 1))
        yield (
            f"EXAMINATION: CHEST (PORTABLE AP)\n\nINDICATION: {chance.randint(18, 89)} year old {chance.choice(_AGES)} "
            f"with cough, number {number} // evaluate for pneumonia\n\nTECHNIQUE: Single frontal view of the chest.\n\n"
            f"COMPARISON: Chest radiograph from ___.\n\nFINDINGS:\n\n{findings}\n\nIMPRESSION:\n\n{listed}\n"
        )
