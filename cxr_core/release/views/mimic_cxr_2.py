"""The layout of MIMIC-CXR 2: de-identified DICOM files and reports, for those who may have both.

Takes the rows of a release, the DICOM files that a build kept and the redacted reports; gives files, record list and
study list. Whether they may leave is left to the gates of the task. Source: MIMIC-CXR 2.0.0 on PhysioNet.
"""

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from cxr_core.release.views.rows import ReleaseTrees
from cxr_core.release.views.view import View, ViewFile, csv_file
from cxr_core.vocabulary import Split

LINE_CHARACTERS = 79
RECORDS, STUDIES = "cxr-record-list.csv.gz", "cxr-study-list.csv.gz"
RECORD_COLUMNS = ("subject_id", "study_id", "dicom_id", "path")
STUDY_COLUMNS = ("subject_id", "study_id", "path")


def mimic_cxr_2(
    release: ReleaseTrees,
    *,
    reports: Mapping[str, str],
    digests: Mapping[str, str],
    locate: Callable[[str, str], Path],
) -> View:
    """`files/p10/p10000032/s50414267/DICOM_ID.dcm` and `files/p10/p10000032/s50414267.txt`.

    Parameters
    ----------
    reports : mapping of study_id to text
        Redacted reports; a study without one has no text file.
    digests : mapping of dicom_id to SHA-256
        Of the DICOM files, as the de-identification noted them.
    locate : callable
        Where the DICOM file of (study_id, dicom_id) lies.
    """
    is_test = release.images["split"] == Split.TEST.value
    public, test = release.images.filter(~is_test), release.images.filter(is_test)

    def files(rows: pl.DataFrame) -> tuple[ViewFile, ...]:
        return (*_records(rows, digests, locate), *_studies(rows, reports))

    counts = {"public": public.height, "withheld": test.height}
    return View(files(public), files(test) if test.height else (), counts)


def _folder() -> pl.Expr:
    subject = pl.col("subject_id")
    return pl.format("files/p{}/p{}/s{}", subject.str.slice(0, 2), subject, pl.col("study_id"))


def _records(rows: pl.DataFrame, digests: Mapping[str, str], locate: Callable[[str, str], Path]) -> list[ViewFile]:
    table = rows.sort("subject_id", "study_id", "dicom_id").with_columns(
        path=pl.format("{}/{}.dcm", _folder(), pl.col("dicom_id"))
    )
    columns = table.select("path", "study_id", "dicom_id").iter_rows()
    return [
        csv_file(RECORDS, table.select(RECORD_COLUMNS)),
        *(ViewFile(path, source=locate(study, image), sha256=digests.get(image, "")) for path, study, image in columns),
    ]


def _studies(rows: pl.DataFrame, reports: Mapping[str, str]) -> list[ViewFile]:
    """The studies with a report; those without stand in the record list alone."""
    told = rows.filter(pl.col("study_id").is_in(list(reports))).unique("study_id")
    table = told.sort("subject_id", "study_id").with_columns(path=pl.format("{}.txt", _folder()))
    texts = [
        ViewFile(path, report_text(reports[study]).encode())
        for path, study in table.select("path", "study_id").iter_rows()
    ]
    return [csv_file(STUDIES, table.select(STUDY_COLUMNS)), *texts]


def report_text(text: str) -> str:
    """A report in lines of at most 79 characters, broken between words; short lines and blank ones stay as they are.

    Returns
    -------
    str
        Ends with one newline.
    """
    lines: list[str] = []
    for line in text.splitlines():
        lines += _wrapped(line.rstrip()) if len(line.rstrip()) > LINE_CHARACTERS else [line.rstrip()]
    return "\n".join(lines).strip("\n") + "\n"


def _wrapped(line: str) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())][: LINE_CHARACTERS // 2]
    return textwrap.wrap(
        line.strip(), LINE_CHARACTERS, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
