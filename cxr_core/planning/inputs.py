"""What goes into each per-study stage: a fingerprint a study, chained to the upstream result.

Takes the tables that a stage reads, gives frames of (study_id, source_fingerprint). Comparing them with what was done
is left to `plan`.
"""

import polars as pl

from cxr_core.planning.fingerprints import combine

WANTED = pl.Schema({"study_id": pl.String, "source_fingerprint": pl.String})


def deidentify_wanted(requests: pl.DataFrame) -> pl.DataFrame:
    """Every request, with the vault's keyed fingerprint."""
    return requests.select("study_id", "source_fingerprint")


def convert_wanted(images: pl.DataFrame) -> pl.DataFrame:
    """Every study with a de-identified image, by the digests of its files."""
    files = images.sort("dicom_id").group_by("study_id", maintain_order=True)
    grouped = files.agg(pl.concat_str("dicom_id", pl.lit(":"), "dicom_sha256").alias("files"))
    rows = [(study, combine(some)) for study, some in grouped.iter_rows()]
    return pl.DataFrame(rows, schema=WANTED, orient="row").sort("study_id")


def label_wanted(reports: pl.DataFrame) -> pl.DataFrame:
    """Every study with a redacted report, by the digest of its text: a new image relabels nothing."""
    return reports.select("study_id", source_fingerprint="text_sha256").sort("study_id")
