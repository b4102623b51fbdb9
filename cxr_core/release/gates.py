"""Whether a release may leave: each gate a small function, a refusal names counts and what to do.

Takes frames, counts and the statements of people; gives results, and raises the first refusal that no waiver covers.
Gates that read the built tree stand in `tree_gates`; the search for identifiers is left to `verification`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from cxr_core.errors import GateRefused, UsageError


class Gate(StrEnum):
    """The gates in the order of `specs/release.md`, section 3."""

    PRIVACY = "privacy"
    REVIEW = "review"
    SPLIT = "split"
    INTEGRITY = "integrity"
    COLUMNS = "columns"
    COUNTS = "counts"
    ATTESTATION = "attestation"
    SMALL_COUNTS = "small_counts"
    ORDER = "order"


WAIVABLE = frozenset({Gate.REVIEW, Gate.COUNTS, Gate.ATTESTATION})


@dataclass(frozen=True, slots=True)
class GateResult:
    """What a gate found.

    Parameters
    ----------
    message : str
        Counts and advice for a refusal; empty where passed.
    """

    name: Gate
    passed: bool
    message: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


def gate_result(name: Gate, faults: Mapping[str, int], advice: str) -> GateResult:
    """A gate passes where every fault counts 0."""
    found = {fault: count for fault, count in faults.items() if count}
    told = ", ".join(f"{count} {fault}" for fault, count in found.items())
    return GateResult(name, not found, f"{told}; {advice}" if found else "", dict(faults))


def check_waivers(waivers: Mapping[str, str]) -> tuple[tuple[Gate, str], ...]:
    """Read `--waive GATE=REASON`; only review, counts and attestation may be waived, each with a reason.

    Raises
    ------
    UsageError
        Another gate, or no reason.
    """
    allowed = ", ".join(sorted(WAIVABLE))
    for gate, reason in waivers.items():
        if gate not in WAIVABLE:
            raise UsageError(f"gate {gate!r} cannot be waived; these can: {allowed}")
        if not reason.strip():
            raise UsageError(f"waiving gate {gate} needs a reason: --waive {gate}='who: why'")
    return tuple(sorted((Gate(gate), reason.strip()) for gate, reason in waivers.items()))


def enforce(results: Iterable[GateResult], waivers: Mapping[str, str]) -> tuple[GateResult, ...]:
    """Let the results pass, or refuse at the first that failed and is not waived.

    Raises
    ------
    GateRefused
        Names the gate, the counts and what to do.
    UsageError
        A waiver that nobody may give.
    """
    waived = {gate for gate, _ in check_waivers(waivers)}
    done = tuple(results)
    for result in done:
        if not result.passed and result.name not in waived:
            raise GateRefused(result.name.value, result.message)
    return done


@dataclass(frozen=True, slots=True)
class ReviewStatement:
    """What review reports of the images that people looked at.

    Parameters
    ----------
    images_reviewed : int
        Images with two independent answers.
    remaining : int
        Images on which PHI was confirmed and which are still in the release.
    leak_bound, required_bound : float
        Upper limit of the share of images with PHI at 95 %, reached and required.
    open_items : int
        Items of the sample without an outcome.
    """

    images_reviewed: int
    remaining: int
    leak_bound: float
    required_bound: float
    open_items: int = 0


def review_gate(statement: ReviewStatement | None, *, is_demo: bool) -> GateResult:
    """Gate 2: people looked at the images and met the required bound.

    The demo holds no person's image: it needs no review and no bound, but what readers saw must be gone there, too.
    """
    waiver = 'or a named person takes it on: --waive review="who: why"'
    if statement is None:
        advice = f"draw a sample with `cxr review sample --kind images`, {waiver}"
        return gate_result(Gate.REVIEW, {"reviews missing": 0 if is_demo else 1}, advice)
    reached = f"{100 * statement.leak_bound:.4g} % reached, {100 * statement.required_bound:.4g} % required"
    faults = {
        "reviewed images with PHI": statement.remaining,
        "items without an outcome": 0 if is_demo else statement.open_items,
        f"bound not met ({reached})": 0 if is_demo else int(statement.leak_bound > statement.required_bound),
    }
    advice = f"draw boxes, export, build again, or let readers go on (`cxr review status`), {waiver}"
    return gate_result(Gate.REVIEW, faults, advice)


def split_gate(rows: pl.DataFrame) -> GateResult:
    """Gate 3: no subject stands in two splits.

    Parameters
    ----------
    rows : frame
        `subject_id` and `split` of every image, public and withheld.
    """
    per_subject = rows.group_by("subject_id").agg(pl.col("split").n_unique())
    faults = {"subjects in two splits": per_subject.filter(pl.col("split") > 1).height}
    return gate_result(Gate.SPLIT, faults, "this is a fault of the program: the split ledger holds one row a subject")


def counts_gate(images: int, previous_images: int | None, *, min_share: float) -> GateResult:
    """Gate 6: the release is not implausibly smaller than the last one (public and withheld together).

    Parameters
    ----------
    previous_images : int or None
        Images of the last release; None before the first.
    min_share : float in [0, 1]
        Smallest plausible share of it.
    """
    counts = {"images": images, "previous_images": previous_images or 0}
    if not images:
        advice = "look at what was left out with `cxr quarantine list --all`"
        return GateResult(Gate.COUNTS, passed=False, message=f"not one image to publish; {advice}", counts=counts)
    if previous_images is None or images >= min_share * previous_images:
        return GateResult(Gate.COUNTS, passed=True, counts=counts)
    advice = 'look for a missing source with `cxr status`, or --waive counts="who: why"'
    message = f"{images} images, {previous_images} in the last release, less than {min_share:.0%} of it; {advice}"
    return GateResult(Gate.COUNTS, passed=False, message=message, counts=counts)


class AttestationMethod(StrEnum):
    """45 CFR 164.514(b)(1) and (2); `demo` for invented people."""

    SAFE_HARBOR = "safe_harbor"
    EXPERT_DETERMINATION = "expert_determination"
    DEMO = "demo"


@dataclass(frozen=True, slots=True)
class Attestation:
    """What an officer signed for this configuration (`attestation.toml` in the vault)."""

    method: AttestationMethod
    config_digest: str
    approval_number: str = field(default="", repr=False)
    actual_knowledge: str = field(default="", repr=False)
    officer: str = field(default="", repr=False)
    date: str = field(default="", repr=False)


def attestation_gate(attestation: Attestation | None, *, config_digest: str, is_demo: bool) -> GateResult:
    """Gate 7: someone answers for the release: method, approval, knowledge, officer, date, for this configuration."""
    if is_demo and attestation is None:
        return GateResult(Gate.ATTESTATION, passed=True)
    advice = (
        f'complete attestation.toml in the vault (config_digest = "{config_digest}"), or --waive attestation="who: why"'
    )
    if attestation is None:
        return gate_result(Gate.ATTESTATION, {"attestations missing": 1}, advice)
    is_demo_method = attestation.method is AttestationMethod.DEMO
    stated = (attestation.approval_number, attestation.actual_knowledge, attestation.officer, attestation.date)
    faults = {
        "fields empty": 0 if is_demo_method else sum(not value.strip() for value in stated),
        "digests of another configuration": int(attestation.config_digest != config_digest),
        "demo statements on real data": int(is_demo_method and not is_demo),
    }
    return gate_result(Gate.ATTESTATION, faults, advice)


def small_counts_gate(tables: Iterable[pl.DataFrame], *, smallest: int = 11) -> GateResult:
    """Gate 8: no integer column of a table that is shown in a document holds a count from 1 to 10."""
    small = 0
    for table in tables:
        for column in table.get_columns():
            if column.dtype.is_integer():
                size = column.abs()
                small += int(((size > 0) & (size < smallest)).sum())
    return gate_result(Gate.SMALL_COUNTS, {"small counts shown": small}, "suppress them with suppress_small_counts")
