"""What goes into each per-study stage: a fingerprint a study, chained to the upstream result.

Takes the tables that a stage reads, gives frames of (study_id, source_fingerprint). Comparing them with what was done
is left to `plan`.
"""

import hashlib
from itertools import chain

import polars as pl

REQUEST_COLUMNS = ("study_id", "source_fingerprint")
IMAGE_COLUMNS = ("study_id", "dicom_id", "dicom_sha256")
REPORT_COLUMNS = ("study_id", "text_sha256")
_AT_A_TIME = 10_000  # studies whose files lie in Python's memory, too
WANTED = pl.Schema({"study_id": pl.String, "source_fingerprint": pl.String})


def deidentify_wanted(requests: pl.DataFrame, reader_boxes: pl.DataFrame) -> pl.DataFrame:
    """Every request, with the vault's keyed fingerprint, and with what human readers drew on the study's images.

    Parameters
    ----------
    requests : REQUESTS frame
    reader_boxes : READER_BOXES frame
        A study without a box keeps the vault's fingerprint: one box makes one study stale.
    """
    wanted = requests.select(REQUEST_COLUMNS)
    drawn = {
        str(key[0]): hashlib.sha256(rows.sort("dicom_id", "box").write_csv().encode()).hexdigest()
        for key, rows in reader_boxes.partition_by("study_id", as_dict=True).items()
    }
    if not drawn:
        return wanted
    boxes = pl.DataFrame({"study_id": list(drawn), "drawn": list(drawn.values())})
    both = wanted.join(boxes, on="study_id", how="left", maintain_order="left")
    found = [
        fingerprint if digest is None else hashlib.sha256(f"{fingerprint}\0{digest}".encode()).hexdigest()
        for fingerprint, digest in both.select("source_fingerprint", "drawn").iter_rows()
    ]
    return both.select("study_id", pl.Series("source_fingerprint", found, dtype=pl.String))


def convert_wanted(images: pl.DataFrame) -> pl.DataFrame:
    """Every study with a de-identified image, by the digests of its files."""
    file = pl.concat_str("dicom_id", pl.lit(":"), "dicom_sha256", pl.lit("\0")).alias("files")
    rows = images.sort("dicom_id").select("study_id", file)
    # Lists first, joined afterwards: a quarter of the time of joining within each group.
    lists = rows.group_by("study_id", maintain_order=True).agg("files")
    grouped = lists.with_columns(pl.col("files").list.join("")).sort("study_id")
    # One digest a study over one string: `combine` would be called 228,000 times.
    slices = (some["files"].cast(pl.Binary).to_list() for some in grouped.iter_slices(_AT_A_TIME))
    found = [hashlib.sha256(files).hexdigest() for files in chain.from_iterable(slices)]
    return pl.DataFrame([grouped["study_id"], pl.Series("source_fingerprint", found, dtype=pl.String)], schema=WANTED)


def label_wanted(reports: pl.DataFrame) -> pl.DataFrame:
    """Every study with a redacted report, by the digest of its text: a new image relabels nothing."""
    return reports.select("study_id", source_fingerprint="text_sha256").sort("study_id")
