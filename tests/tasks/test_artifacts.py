"""What a build shows in the Prefect UI."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from cxr_core.release.plan import DropCount
from cxr_core.vocabulary import ItemKind, Reason, Stage
from tasks.artifacts import artifacts
from tasks.summary import BuildSummary, Outcome, StageCounts

_DROPS = (
    DropCount(Stage.LINK, ItemKind.STUDY, Reason.UNDER_AGE, 2),
    DropCount(Stage.DEIDENTIFY, ItemKind.INSTANCE, Reason.E_PIXELS, 1),
    DropCount(Stage.LINK, ItemKind.INSTANCE, Reason.UNDER_AGE, 1204),
    DropCount(Stage.CATALOG, ItemKind.FILE, Reason.E_NOT_DICOM, 4),
)
_OUTCOME = Outcome(
    path=Path("/data/release/cxr-1.1.0"),
    withheld_path=None,
    version="1.1.0",
    is_unchanged=False,
    published=1234,
    withheld=56,
    tables={
        "Table 2": pl.DataFrame(
            {
                "label": ["Edema"],
                **{f"{word}_images": [count] for word, count in (("positive", 3), ("negative", 2), ("uncertain", 1))},
                **{
                    f"{word}_studies": [count]
                    for word, count in (("positive", 30), ("negative", 20), ("uncertain", 10))
                },
            }
        ),
        "Table 4": pl.DataFrame({"split": ["train", "test"], "any_label_share": [0.25, None]}),
    },
)
_SUMMARY = BuildSummary(
    stages={
        "convert": StageCounts(todo=5, done=4, reused=2000, quarantined=1, seconds=61.04),
        "publish": StageCounts(),
    },
    drops=_DROPS,
    counts={"subjects": 1, "images": 1290},
    outcome=_OUTCOME,
    workspace=Path("/data/workspace"),
    is_demo=False,
    is_dry_run=False,
    config_digest="",
    quarantined=3,
)


def _text(summary: BuildSummary, key: str) -> str:
    return artifacts(summary)[key][1]


def test_a_published_build_says_so_first_and_what_to_do_next() -> None:
    lines = _text(_SUMMARY, "hilum-build").splitlines()
    assert lines[0] == "**Published cxr-1.1.0: 1,234 images, 56 withheld for testing.**"
    assert lines[2] == "In the dataset: 1 subjects, 1,290 images."
    assert lines[-3:] == [
        "- 3 items wait for a person: `cxr quarantine list --workspace /data/workspace`",
        "- look at it: `/data/release/cxr-1.1.0/report.html`",
        "- check it from outside: `cxr verify /data/release/cxr-1.1.0 --workspace /data/workspace`",
    ]


def test_stages_without_studies_show_no_noughts() -> None:
    text = _text(_SUMMARY, "hilum-build")
    assert "| stage | done | unchanged | quarantined | seconds |" in text
    assert "| convert | 4 | 2,000 | 1 | 61.0 |" in text
    assert "| publish |  |  |  | 0.0 |" in text


def test_a_dry_run_tells_what_would_be_done() -> None:
    text = _text(replace(_SUMMARY, is_dry_run=True, outcome=None), "hilum-build")
    assert "| stage | to do | unchanged | seconds |" in text
    assert "| convert | 5 | 2,000 | 61.0 |" in text


def test_an_unchanged_build_says_that_nothing_changed() -> None:
    outcome = replace(_OUTCOME, is_unchanged=True)
    text = _text(replace(_SUMMARY, outcome=outcome, quarantined=0), "hilum-build")
    assert text.startswith("**Nothing changed: cxr-1.1.0 stays the newest release.**")
    assert "\n- " not in text


def test_a_build_before_publishing_names_the_deployment_that_publishes() -> None:
    shown = artifacts(replace(_SUMMARY, outcome=None, quarantined=0))
    assert set(shown) == {"hilum-build", "hilum-left-out"}
    assert shown["hilum-build"][1].endswith("- to publish, start the deployment `publish`")


def test_what_waits_for_a_person_stands_before_what_the_policy_leaves_out() -> None:
    text = _text(_SUMMARY, "hilum-left-out")
    places = [text.index(part) for part in ("### Quarantined", "E_NOT_DICOM", "E_PIXELS", "### Policy", "under_age")]
    assert places == sorted(places)


def test_a_reason_is_one_row_and_is_explained_once() -> None:
    text = _text(_SUMMARY, "hilum-left-out")
    assert "| link | `under_age` | 1,204 | 2 |  |" in text
    assert text.count("- `under_age`: The patient had not reached the cohort's least age.") == 1


def test_tables_are_few_columns_wide() -> None:
    """The UI cuts off what does not fit."""
    assert _text(_SUMMARY, "hilum-table-2").splitlines() == [
        "| label | images: positive / negative / uncertain | studies: positive / negative / uncertain |",
        "| --- | --- | --- |",
        "| Edema | 3 / 2 / 1 | 30 / 20 / 10 |",
    ]
    assert _text(_SUMMARY, "hilum-table-4").splitlines()[2:] == ["| train | 25.0 % |", "| test |  |"]
