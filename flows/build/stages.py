"""The sub-flows of a build: one a per-study stage, each over one wave of studies.

Takes the studies of a wave, fans them out over tasks, gives counts. The workers and the plan are this process's
current run (`tasks.stage_run`); the order of the stages is left to `flow`.
"""

from collections.abc import Sequence
from typing import Any

from prefect import Flow, flow

from cxr_core.settings.run import RunSettings
from cxr_core.vocabulary import Stage
from flows.build.fan_out import Submit, Unit, run_units, units
from flows.progress import Tick
from tasks.commit import commit_rest
from tasks.convert import convert_unit
from tasks.deidentify import deidentify_unit
from tasks.label import label_unit
from tasks.stage_run import UnitCounts, current_run

_OPTIONS: dict[str, Any] = {"validate_parameters": False, "persist_result": False}


@flow(name="deidentify", flow_run_name="deidentify", **_OPTIONS)
def deidentify_wave(studies: Sequence[str], settings: RunSettings, planned: int, tick: Tick) -> UnitCounts:
    """Stage 4: through the airlock."""
    return _run(Stage.DEIDENTIFY, deidentify_unit.submit, units(studies, settings, planned), tick)


@flow(name="convert", flow_run_name="convert", **_OPTIONS)
def convert_wave(studies: Sequence[str], settings: RunSettings, planned: int, tick: Tick) -> UnitCounts:
    """Stage 5: de-identified DICOM to JPEG."""
    return _run(Stage.CONVERT, convert_unit.submit, units(studies, settings, planned), tick)


@flow(name="label", flow_run_name="label", **_OPTIONS)
def label_wave(studies: Sequence[str], settings: RunSettings, planned: int, tick: Tick) -> UnitCounts:
    """Stage 6: sections, labels, evidence."""
    return _run(Stage.LABEL, label_unit.submit, units(studies, settings, planned), tick)


def _run(stage: Stage, submit: Submit, work: Sequence[Unit], tick: Tick) -> UnitCounts:
    """Run the units; whatever happens to some of them, those that are finished are committed."""
    try:
        return run_units(submit, work, tick)
    finally:
        if current_run(stage).has_rest:
            commit_rest(stage.value)


WAVES: dict[Stage, Flow[[Sequence[str], RunSettings, int, Tick], UnitCounts]] = {
    Stage.DEIDENTIFY: deidentify_wave,
    Stage.CONVERT: convert_wave,
    Stage.LABEL: label_wave,
}
