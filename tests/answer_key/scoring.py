"""Judges an output by the answer key. Knows pydicom and the vault's crosswalk, and none of the code that it judges.

Takes the key, the folder of de-identified files and the vault; gives a verdict for each record and the score of each
action. An output is found by the image's pseudonym, as `cxr deidentify` names its files; where the file or the
attribute is missing, the record has failed.
"""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import pydicom
from answer_key.key import Action, AnswerKey, Record, digest, window
from numpy.typing import NDArray
from pydicom.dataset import Dataset

Verdicts = Mapping[Record, bool]
_UID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")


@dataclass(frozen=True, slots=True)
class Output:
    """One de-identified file, opened."""

    path: Path
    dataset: Dataset = field(repr=False)
    text: str = field(repr=False)
    """Every value at any depth, and the path below the output folder; lower case."""
    content: bytes = field(repr=False)
    pixels: NDArray[np.integer] = field(repr=False)


def find_paths(key: AnswerKey, folder: Path, vault: Path) -> dict[str, Path]:
    """Where the output of each source file lies, by the source's name; without those that are missing."""
    crosswalk = pl.read_parquet(vault / "pseudonyms.parquet").filter(pl.col("kind").cast(pl.String) == "instance")
    pseudonyms = dict(crosswalk.select("original", "pseudonym").iter_rows())
    paths = {path.stem: path for path in folder.rglob("*.dcm")}
    found = {file.name: paths.get(pseudonyms.get(file.sop_instance_uid, "")) for file in key.files}
    return {name: path for name, path in found.items() if path is not None}


def _open_outputs(key: AnswerKey, folder: Path, vault: Path) -> dict[str, Output]:
    """The outputs that can be read."""
    opened = {name: _open(path, folder) for name, path in find_paths(key, folder, vault).items()}
    return {name: output for name, output in opened.items() if output is not None}


def _open(path: Path, folder: Path) -> Output | None:
    try:
        dataset = pydicom.dcmread(path)
        pixels = dataset.pixel_array
        text = "\n".join([path.relative_to(folder).as_posix(), *_texts(dataset.file_meta), *_texts(dataset)])
    except Exception:  # noqa: BLE001  whatever is wrong with it, it is not there for a reader
        return None
    return Output(path, dataset, text.lower(), path.read_bytes().lower(), pixels)


def _texts(dataset: Dataset) -> list[str]:
    return [str(element.value) for element in dataset.iterall() if not isinstance(element.value, bytes)]


def values_at(dataset: Dataset, path: str) -> list[str] | None:
    """The values at a path such as `ViewCodeSequence.0.CodeValue`; None where there is no such attribute."""
    target: object = dataset
    for step in path.split("."):
        if step == "file_meta":
            target = getattr(target, step)
        elif isinstance(target, Dataset):
            if step not in target:
                return None
            target = target[step].value
        elif step.isdigit() and isinstance(target, pydicom.Sequence) and int(step) < len(target):
            target = target[int(step)]
        else:
            return None
    if target is None:
        return []
    if isinstance(target, pydicom.Sequence):
        return ["item" for _ in target]
    many = list(target) if isinstance(target, pydicom.multival.MultiValue) else [target]
    return [text for one in many if (text := str(one).strip())]


# ---------------------------------------------------------------- the ten actions


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What records are judged by that speak of more than one file."""

    patients: Mapping[str, str]
    """File to patient."""
    replacements: Mapping[tuple[Action, str], frozenset[str]]
    """What stands for an original wherever it stood."""
    originals: Mapping[tuple[Action, str], frozenset[str]]
    """The reverse: what originals a value stands for."""
    offsets: Mapping[str, int]
    """Days by which most of a patient's dates moved."""


def judge(key: AnswerKey, folder: Path, vault: Path) -> dict[Record, bool]:
    """A verdict for every record of the key."""
    outputs = _open_outputs(key, folder, vault)
    evidence = _gather(key, outputs)
    return {
        record: record.file in outputs and _RULES[record.action](outputs[record.file], record, evidence)
        for record in key.records
    }


def scores(verdicts: Verdicts) -> dict[Action, float]:
    """The share of records passed, for each action."""
    return {
        action: float(np.mean([passed for record, passed in verdicts.items() if record.action is action]))
        for action in Action
    }


def failures(verdicts: Verdicts) -> dict[Action, int]:
    """How many records of each action failed; actions without a failure are left out."""
    counts: defaultdict[Action, int] = defaultdict(int)
    for record, passed in verdicts.items():
        counts[record.action] += not passed
    return {action: count for action, count in counts.items() if count}


def _gather(key: AnswerKey, outputs: Mapping[str, Output]) -> _Evidence:
    patients = {file.name: file.patient for file in key.files}
    replacements, originals = defaultdict(set), defaultdict(set)
    moved: defaultdict[str, list[int]] = defaultdict(list)
    for record in key.records:
        output = outputs.get(record.file)
        values = values_at(output.dataset, record.where) if output and _names_attribute(record) else None
        if record.action in _CONSISTENT and values:
            replacements[record.action, record.argument].add(values[0])
            originals[record.action, values[0]].add(record.argument)
        if record.action is Action.DATE_SHIFTED and (days := _days_moved(values, record)) is not None:
            moved[patients[record.file]].append(days)
    return _Evidence(
        patients,
        {name: frozenset(found) for name, found in replacements.items()},
        {name: frozenset(found) for name, found in originals.items()},
        {patient: max(sorted(days), key=days.count) for patient, days in moved.items()},
    )


_CONSISTENT = frozenset({Action.UID_CONSISTENT, Action.PATIENT_ID_CONSISTENT})


def _names_attribute(record: Record) -> bool:
    return record.action in _CONSISTENT or record.action is Action.DATE_SHIFTED


def _tag_retained(output: Output, record: Record, _: _Evidence) -> bool:
    return values_at(output.dataset, record.where) is not None


def _tag_not_null(output: Output, record: Record, _: _Evidence) -> bool:
    return bool(values_at(output.dataset, record.where))


def _text_retained(output: Output, record: Record, _: _Evidence) -> bool:
    return record.argument in (values_at(output.dataset, record.where) or [])


def _text_removed(output: Output, record: Record, _: _Evidence) -> bool:
    text = record.argument.lower()
    spelled = [text.encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be")]
    return text not in output.text and not any(form in output.content for form in spelled)


def _date_shifted(output: Output, record: Record, evidence: _Evidence) -> bool:
    days = _days_moved(values_at(output.dataset, record.where), record)
    return days is not None and days != 0 and days == evidence.offsets[evidence.patients[record.file]]


def _days_moved(values: list[str] | None, record: Record) -> int | None:
    """Days between the argument and the date in its place (the first eight digits: DA, DT); None without one."""
    before, after = _day(record.argument), _day(values[0]) if values else None
    return (after - before).days if before and after else None


def _day(text: str) -> dt.date | None:
    try:
        return dt.date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None


def _uid_changed(output: Output, record: Record, _: _Evidence) -> bool:
    values = values_at(output.dataset, record.where) or [""]
    return _UID.fullmatch(values[0]) is not None and values[0] != record.argument


def _consistent(output: Output, record: Record, evidence: _Evidence) -> bool:
    values = values_at(output.dataset, record.where)
    if not values:
        return False
    is_one = evidence.replacements[record.action, record.argument] == {values[0]}
    return is_one and evidence.originals[record.action, values[0]] == {record.argument}


def _patient_id_consistent(output: Output, record: Record, evidence: _Evidence) -> bool:
    original = record.argument.partition("|")[2]
    return values_at(output.dataset, record.where) != [original] and _consistent(output, record, evidence)


def _pixels_hidden(output: Output, record: Record, _: _Evidence) -> bool:
    shown = output.pixels[window(record.where)]
    return shown.size > 0 and bool((shown == shown.flat[0]).all())


def _pixels_retained(output: Output, record: Record, _: _Evidence) -> bool:
    return digest(output.pixels[window(record.where)]) == record.argument


_RULES: Mapping[Action, Callable[[Output, Record, _Evidence], bool]] = {
    Action.TAG_RETAINED: _tag_retained,
    Action.TAG_NOT_NULL: _tag_not_null,
    Action.TEXT_RETAINED: _text_retained,
    Action.TEXT_REMOVED: _text_removed,
    Action.DATE_SHIFTED: _date_shifted,
    Action.UID_CHANGED: _uid_changed,
    Action.UID_CONSISTENT: _consistent,
    Action.PATIENT_ID_CONSISTENT: _patient_id_consistent,
    Action.PIXELS_HIDDEN: _pixels_hidden,
    Action.PIXELS_RETAINED: _pixels_retained,
}
