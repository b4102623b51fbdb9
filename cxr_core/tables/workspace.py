"""Where everything of a build lies on disk, and which zone it belongs to.

Takes the workspace folder, gives the paths of the vault, the stages and the files; creating the vault makes it
readable by its owner alone. What the files hold is left to the catalogue of tables.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cxr_core.errors import UsageError
from cxr_core.tables.contract import Contract
from cxr_core.vocabulary import Stage


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder of one build."""

    root: Path

    @property
    def vault(self) -> Path:
        return self.root / "vault"

    @property
    def catalog(self) -> Path:
        return self.vault / "catalog"

    @property
    def received(self) -> Path:
        """What a PACS sent, a folder a study; the source of a build that fetches its images."""
        return self.vault / "received"

    @property
    def stages(self) -> Path:
        return self.root / "stages"

    @property
    def review(self) -> Path:
        """The review's database and pictures, under pseudonyms."""
        return self.root / "review"

    @property
    def review_store(self) -> Path:
        """Samples and decisions."""
        return self.review / "review.sqlite"

    def review_table(self, contract: Contract) -> Path:
        """What readers decided, as the build reads it."""
        return self.stages / "review" / f"{contract.name}.parquet"

    @property
    def dicom(self) -> Path:
        return self.root / "dicom"

    @property
    def begun_dicom(self) -> Path:
        """Folders of studies that are being written; what a kill leaves here belongs to nobody."""
        return self.root / ".begun"

    @property
    def jpeg(self) -> Path:
        return self.root / "jpeg"

    @property
    def summary(self) -> Path:
        return self.root / "build.json"

    @property
    def page(self) -> Path:
        return self.root / "report.html"

    @property
    def configuration(self) -> Path:
        """The settings of the last build, as JSON; paths only, and readable by its owner alone."""
        return self.root / "configuration.json"

    def catalog_table(self, contract: Contract) -> Path:
        """Path of a vault table; those that users look for lie at the vault's top."""
        at_top = contract.name in {"pseudonyms", "subject_ids", "withdrawals", "drops", "accepted"}
        return (self.vault if at_top else self.catalog) / f"{contract.name}.parquet"

    def stage(self, stage: Stage) -> Path:
        return self.stages / stage.value

    def stage_table(self, stage: Stage, contract: Contract) -> Path:
        """A table of a stage that is done in one piece, not study by study."""
        return self.stage(stage) / f"{contract.name}.parquet"

    def dicom_file(self, study_id: str, dicom_id: str) -> Path:
        return self.dicom / study_id[:3] / study_id / f"{dicom_id}.dcm"

    def jpeg_file(self, study_id: str, dicom_id: str) -> Path:
        return self.jpeg / study_id[:3] / study_id / f"{dicom_id}.jpg"

    def derivative_file(self, study_id: str, dicom_id: str, size: int) -> Path:
        """The smaller JPEG beside the full one, so that both go with their study."""
        return self.jpeg_file(study_id, f"{dicom_id}.{size}")

    def sheet_file(self, study_id: str, dicom_id: str) -> Path:
        """The picture of a redaction before and after: identified, hence in the vault."""
        return self.vault / "sheets" / study_id[:3] / study_id / f"{dicom_id}.jpg"

    def create(self) -> None:
        """Make the folders; the vault with mode 0700.

        Raises
        ------
        UsageError
            The workspace cannot be written.
        """
        try:
            self.catalog.mkdir(parents=True, exist_ok=True)
            self.vault.chmod(0o700)
            self.stages.mkdir(exist_ok=True)
        except OSError:
            raise UsageError(f"workspace {self.root} cannot be written") from None
        if not os.access(self.root, os.W_OK):
            raise UsageError(f"workspace {self.root} cannot be written")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the workspace: a second build on it is refused. The lock goes with the process, also after a kill.

        Raises
        ------
        UsageError
            Another build holds it, or it cannot be written.
        """
        try:
            stream = self._lock.open("a")  # an opened file keeps its time
        except OSError:
            raise UsageError(f"workspace {self.root} cannot be written") from None
        with stream:
            self._hold(stream)
            yield

    def refuse_unreadable(self) -> None:
        """Look whether this user may read the vault, before any table of it is opened.

        Raises
        ------
        UsageError
            It belongs to another user.
        """
        if self.root.exists() and not os.access(self.root, os.R_OK | os.X_OK):
            raise UsageError(f"workspace {self.root} may not be read by this user")
        if self.vault.exists() and not os.access(self.vault, os.R_OK | os.X_OK):
            raise UsageError(f"vault {self.vault} may not be read by this user")

    def refuse_in_use(self) -> None:
        """Look whether another build holds it; `locked` decides once the work begins.

        Raises
        ------
        UsageError
            Another build holds it.
        """
        if self._lock.exists():
            with self._lock.open("rb") as stream, contextlib.suppress(OSError):
                self._hold(stream)

    @property
    def _lock(self) -> Path:
        return self.root / ".lock"

    def _hold(self, stream: IO[Any]) -> None:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"workspace {self.root} is in use by another build") from None
