"""What each drop reason means, in the words that an operator reads.

Takes nothing, gives one `ReasonText` per member of `vocabulary.Reason` from `reasons.toml`.
When a reason applies is decided by the stages; counting is left to `accounting`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

from cxr_core.vocabulary import ItemKind, Reason


@dataclass(frozen=True, slots=True)
class ReasonText:
    """One reason for the operator.

    Parameters
    ----------
    reason : Reason
        The code.
    unit : ItemKind
        What is usually dropped under it.
    meaning : str
        One sentence.
    source : str
        Standard, paper section or setting behind it.
    """

    reason: Reason
    unit: ItemKind
    meaning: str
    source: str


@lru_cache(maxsize=1)
def load_reasons() -> Mapping[Reason, ReasonText]:
    """Read `reasons.toml`, in its order.

    Raises
    ------
    ValueError
        Where the file names a reason or a unit that the vocabulary does not have.
    """
    text = files("cxr_core.policy").joinpath("reasons.toml").read_text("utf-8")
    texts: dict[Reason, ReasonText] = {}
    for code, entry in tomllib.loads(text).items():
        reason = Reason(code)
        texts[reason] = ReasonText(reason, ItemKind(entry["unit"]), entry["meaning"], entry["source"])
    return MappingProxyType(texts)
