"""What the independent verifier is given: the needles of the vault, and what the conversion made of each image.

Takes a workspace and trees, gives findings; the gate of a build and `cxr verify` ask here. Reading a tree is left to
`cxr_core.verification`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import polars as pl

from cxr_core.planning.stages import CONVERT
from cxr_core.release.documents import template_lines
from cxr_core.tables.catalogue import DERIVATIVES, ENCOUNTERS, INSTANCES, PSEUDONYMS, RENDITIONS, REPORTS, SUBJECT_IDS
from cxr_core.tables.storage import read_table
from cxr_core.tables.workspace import Workspace
from cxr_core.vault.subjects import as_ledger
from cxr_core.verification.findings import Findings
from cxr_core.verification.never_list import Needles, build_needles
from cxr_core.verification.signoff import read_signoff
from cxr_core.verification.verify import verify_tree


@dataclass(frozen=True, slots=True)
class Verifier:
    """Searches trees for the people of one workspace.

    Parameters
    ----------
    needles : Needles
    pictures : mapping of dicom_id (and `dicom_id.SIZE` of smaller ones) to SHA-256, or None
        None where no workspace is known: then pictures are not compared.
    """

    needles: Needles = field(repr=False)
    pictures: Mapping[str, str] | None = field(repr=False)
    signoff: frozenset[str] = field(repr=False)

    @classmethod
    def of(cls, workspace: Workspace | None, signoff: Path | None) -> Self:
        """Gather what a workspace knows; without one, only structure and digests are checked."""
        tables = (INSTANCES, REPORTS, PSEUDONYMS, ENCOUNTERS)
        if workspace is None:
            return cls(build_needles(*(table.empty() for table in tables)), None, read_signoff(signoff))
        instances, reports, pseudonyms, encounters = (
            read_table(table, workspace.catalog_table(table)) for table in tables
        )
        given = as_ledger(read_table(SUBJECT_IDS, workspace.catalog_table(SUBJECT_IDS)))
        needles = build_needles(instances, reports, pl.concat([pseudonyms, given]), encounters)
        converted = CONVERT.store(workspace)
        pictures = dict(converted.read(RENDITIONS).select("dicom_id", "sha256").iter_rows())
        smaller = converted.read(DERIVATIVES).select("dicom_id", "size", "sha256").iter_rows()
        pictures |= {f"{image}.{size}": sha256 for image, size, sha256 in smaller}
        return cls(needles, pictures, read_signoff(signoff))

    def verify(self, root: Path) -> Findings:
        """Read one tree."""
        return verify_tree(
            root, self.needles, signoff=self.signoff, known_lines=template_lines(), pictures=self.pictures
        )
