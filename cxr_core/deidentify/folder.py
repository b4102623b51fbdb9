"""Header and pixels of a folder of images: no cohort, no reports, no linkage.

Takes the catalog of a folder and the ledger of its vault, gives the airlock's input for every study in it. Reading
the folder and writing the files is left to the command.
"""

import polars as pl

from cxr_core.deidentify.requests import Linked
from cxr_core.tables.catalogue import REPORTS, STUDIES, STUDY_INSTANCES
from cxr_core.vocabulary import Reason


def link_images_only(instances: pl.DataFrame) -> tuple[Linked, pl.DataFrame]:
    """Take every usable instance as it is, grouped by its study.

    Returns
    -------
    Linked
        Every study whose instances agree on one patient.
    frame of path, reason
        What cannot be used: the catalog's own reasons, E_LINK for studies of two patients, and repeated instances
        (`duplicate` for equal bytes, E_DUP otherwise).
    """
    refused = instances.filter(pl.col("reason").is_not_null()).select("path", "reason")
    usable = instances.filter(pl.col("reason").is_null()).sort("path")
    patients = pl.struct("issuer", "patient_id").n_unique().over("study_instance_uid")
    mixed = usable.filter(patients > 1)
    usable = usable.filter(patients == 1)
    versions = pl.col("fingerprint").n_unique().over("sop_instance_uid")
    unlike = usable.filter(versions > 1)
    usable = usable.filter(versions == 1)
    first = usable.unique("sop_instance_uid", keep="first", maintain_order=True)
    repeated = usable.join(first, on="path", how="anti")
    studies = first.group_by("study_instance_uid", maintain_order=True).first()
    linked = Linked(
        instances,
        REPORTS.empty(),
        STUDIES.frame(
            {
                "study_instance_uid": row["study_instance_uid"],
                "issuer": row["issuer"],
                "patient_id": row["patient_id"],
                "exam_at": row["exam_at"],
                "flags": [],
            }
            for row in studies.iter_rows(named=True)
        ),
        first.select(list(STUDY_INSTANCES.columns)),
    )
    reasons = [(mixed, Reason.E_LINK), (unlike, Reason.E_DUP), (repeated, Reason.DUPLICATE)]
    more = [
        frame.select("path", pl.lit(reason.value).cast(refused.schema["reason"]).alias("reason"))
        for frame, reason in reasons
    ]
    return linked, pl.concat([refused, *more])
