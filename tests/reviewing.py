"""A small review for tests: a workspace with pictures and reports, three readers and a lead, and a server over it.

Everything is made by seed and lies in a temporary folder; the server is a process of its own that a test may kill.
"""

import hashlib
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
from building import free_port
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from cxr_core.imaging.decoding import StoredImage
from cxr_core.imaging.rendering import encode_jpeg, render
from cxr_core.review.records import Draft, MachineBox, Manifest, PixelBox
from cxr_core.review.store import ReviewStore, token_digest
from cxr_core.tables.workspace import Workspace
from cxr_core.vocabulary import BoxDecision, Photometric, ReaderRole, ReviewAnswer, ReviewKind
from flows.review_server.serving import Listening, open_server

ROOT = Path(__file__).parents[1]
DRAWN_AT = datetime(2026, 1, 5, 8, tzinfo=UTC)
SECRET = hashlib.sha256(b"the secret of the tests").digest()
PEOPLE = {
    "amber": ReaderRole.READER,
    "basil": ReaderRole.READER,
    "coral": ReaderRole.CONSENSUS,
    "dahlia": ReaderRole.LEAD,
}
REPORTS = (
    "EXAMINATION: CHEST (PA AND LAT)\n\nINDICATION: Cough and fever.\n\nFINDINGS: The lungs are clear. Heart size is "
    "normal. There is no pleural effusion or pneumothorax.\n\nIMPRESSION: No acute cardiopulmonary process.",
    "INDICATION: Dyspnea.\n\nCOMPARISON: ___.\n\nFINDINGS: There is a small left pleural effusion with adjacent "
    "atelectasis. Mild cardiomegaly. A right internal jugular line ends in the SVC.\n\nIMPRESSION:\n1. Small left "
    "effusion.\n2. Possible early pneumonia at the left base.",
    "FINDINGS: Sternal wires are intact. <script>document.title = 'taken'</script> <img src=x onerror=alert(1)> No "
    "focal consolidation.\n\nIMPRESSION: Stable postoperative chest.",
    "FINDINGS: Healed left rib fractures. Biapical pleural thickening. 6 mm nodule in the right upper lobe.\n\n"
    "IMPRESSION: Right upper lobe nodule, recommend CT.",
)


def token_of(name: str) -> str:
    """The token of a person of the tests."""
    return hashlib.sha256(f"token of {name}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Review:
    """A workspace with a review in it."""

    workspace: Workspace

    @property
    def database(self) -> Path:
        return self.workspace.review / "review.sqlite"

    def open(self) -> ReviewStore:
        return ReviewStore.open(self.database)


def make_review(
    root: Path,
    *,
    images: int = 6,
    size: tuple[int, int] = (320, 260),
    reports: Sequence[str] = REPORTS,
    texts: Sequence[str] = (),
    hidden: str = "",
    people: dict[str, ReaderRole] | None = None,
) -> Review:
    """Make a workspace with a sample of each kind that is asked for.

    With `hidden`, images have DICOM files that are kept, and these hold the text at a contrast that no picture shows.
    """
    workspace = Workspace(root)
    workspace.create()
    store = ReviewStore.create(workspace.review / "review.sqlite", SECRET)
    drafts = {
        ReviewKind.IMAGES: [_image(workspace, number, size, hidden) for number in range(images)],
        ReviewKind.REPORTS: [_report(number, text) for number, text in enumerate(reports)],
        ReviewKind.TEXT: [_report(number, text) for number, text in enumerate(texts)],
    }
    for kind, some in drafts.items():
        if some:
            store.add_sample(Manifest(kind, seed=5, readers_per_item=2, drafts=some), DRAWN_AT)
    for name, role in (PEOPLE if people is None else people).items():
        store.add_reader(name, role, token_digest(token_of(name)), DRAWN_AT)
    store.close()
    return Review(workspace)


def _image(workspace: Workspace, number: int, size: tuple[int, int], hidden: str) -> Draft:
    rows, columns = size
    study, image = str(50_000_000 + number), hashlib.sha256(str(number).encode()).hexdigest()
    dicom_id = "-".join(image[start : start + 8] for start in range(0, 40, 8))
    path = workspace.jpeg_file(study, dicom_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    content, original = picture(number, rows, columns), b""
    original_path = workspace.dicom_file(study, dicom_id)
    if hidden:
        content, original = hiding(content, hidden)
        original_path.parent.mkdir(parents=True, exist_ok=True)
        original_path.write_bytes(original)
    path.write_bytes(content)
    corner = PixelBox(4, 4, 4 + rows // 12, 4 + columns // 4)
    return Draft(
        unit_id=dicom_id,
        study_id=study,
        subject_id=str(10_000_000 + number),
        stratum="random",
        sha256=hashlib.sha256(content).hexdigest(),
        source=path.relative_to(workspace.root).as_posix(),
        rows=rows,
        columns=columns,
        machine_boxes=(MachineBox(corner, BoxDecision.REDACTED),) if number % 2 == 0 else (),
        dicom=original_path.relative_to(workspace.root).as_posix() if hidden else "",
        dicom_sha256=hashlib.sha256(original).hexdigest() if hidden else "",
    )


def hiding(content: bytes, text: str) -> tuple[bytes, bytes]:
    """A picture as JPEG and as 12-bit DICOM, with text in its black upper sixth: three of 4,096 values brighter."""
    gray = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert gray is not None
    rows, columns = gray.shape
    stored = gray.astype(np.uint16) * 16
    stored[: rows // 6], stored[-rows // 6 :] = 4, 0
    letters = np.zeros(gray.shape, np.uint8)
    cv2.putText(letters, text, (columns // 12, rows // 9), cv2.FONT_HERSHEY_SIMPLEX, rows / 700, 255, 3)
    stored[letters > 127] += 3
    image = StoredImage(stored, 12, is_signed=False, photometric=Photometric.MONOCHROME2, suspect=False)
    return encode_jpeg(render(image)), _dicom(stored)


def _dicom(stored: NDArray[np.uint16]) -> bytes:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = (
        DigitalXRayImageStorageForPresentation,
        "2.25.1",
        "DX",
    )
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = stored.astype("<u2").tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    written = BytesIO()
    dcmwrite(written, dataset, enforce_file_format=True)
    return written.getvalue()


def picture(number: int, rows: int, columns: int) -> bytes:
    """A chest of two dark lungs with noise, as JPEG; each number another."""
    rng = np.random.default_rng(number)
    gray = np.full((rows, columns), 150, np.uint8)
    for centre in (0.33, 0.67):
        axes = (int(columns * 0.13), int(rows * 0.27))
        cv2.ellipse(gray, (int(columns * centre), int(rows * 0.48)), axes, 0, 0, 360, 60, -1)
    coarse = rng.normal(0, 9, (rows // 4 + 1, columns // 4 + 1)).astype(np.float32)
    noise = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
    made = np.clip(cv2.GaussianBlur(gray, (0, 0), rows / 60) + noise, 0, 255).astype(np.uint8)
    cv2.putText(made, f"R {number}", (columns // 12, rows // 8), cv2.FONT_HERSHEY_SIMPLEX, rows / 500, 235, 2)
    return cv2.imencode(".jpg", made, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def _report(number: int, text: str) -> Draft:
    return Draft(
        unit_id=str(50_000_000 + number),
        study_id=str(50_000_000 + number),
        subject_id=str(10_000_000 + number),
        stratum="random",
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        text=text,
    )


# ---------------------------------------------------------------- a server in a process of its own


@dataclass(slots=True)
class Server:
    """`cxr review serve` on a free port; `kill` is kill -9."""

    review: Review
    port: int
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Server":
        program = "from flows.cli import main; main()"
        command = [sys.executable, "-c", program, "review", "serve"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--workspace", str(self.review.workspace.root), "--port", str(self.port)],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "HOME": str(self.log.parent), "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait()
        return self

    def _wait(self) -> None:
        for _ in range(600):
            if self.process is not None and self.process.poll() is not None:
                raise RuntimeError(self.log.read_text())
            try:
                with urllib.request.urlopen(f"{self.url}/login", timeout=2):  # noqa: S310  our own, on loopback
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise TimeoutError(self.url)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(how)
        return process.wait(30)


@contextmanager
def serving(review: Review) -> Iterator[str]:
    """The same application in a thread of this process, for tests that kill nothing; gives its address."""
    port = free_port()
    server, desk = open_server(review.workspace, Listening(port=port))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)
        desk.store.close()


def server_for(review: Review, log: Path) -> Server:
    """A server that is not started yet; it keeps its port over restarts."""
    return Server(review, free_port(), log)


# ---------------------------------------------------------------- a reader without a browser


class HttpReader:
    """Reads as the page's script does: asks for the queue, decides, and sends again whatever was not acknowledged."""

    def __init__(self, url: str, name: str, kind: ReviewKind = ReviewKind.IMAGES) -> None:
        self.name, self.kind = name, kind
        self.acknowledged: list[str] = []
        self.resent = 0
        self._windows: dict[str, list[str]] = {}
        self._client = httpx.Client(base_url=url, timeout=30)
        self._headers: dict[str, str] = {}
        self._sign_in()

    def _sign_in(self) -> None:
        self._again("POST", "/login", data={"token": token_of(self.name)})
        page = self._again("GET", "/").text
        self._headers = {"x-csrf-token": page.partition('name="csrf" content="')[2].partition('"')[0]}

    def _again(self, method: str, path: str, **what: Any) -> httpx.Response:
        for _ in range(600):
            try:
                answer = self._client.request(method, path, headers=self._headers, **what)
            except httpx.TransportError:
                self.resent += 1
                time.sleep(0.05)
                continue
            if answer.status_code < 500:
                return answer
            time.sleep(0.05)
        raise TimeoutError(path)

    def ahead(self) -> list[str]:
        """Items to read now."""
        queue = self._again("GET", f"/api/{self.kind.value}/queue").json()
        self._windows |= {entry["item_id"]: entry.get("windows", []) for entry in queue["ahead"]}
        return [entry["item_id"] for entry in queue["ahead"]]

    def decide(self, item_id: str, answer: ReviewAnswer = ReviewAnswer.CLEAN) -> bool:
        """One decision until it is acknowledged; False where the server refuses it."""
        now = int(time.time() * 1000)
        body = {
            "decision_id": secrets.token_hex(16),
            "item_id": item_id,
            "answer": answer.value,
            "shown_at": now - 5,
            "answered_at": now,
            "windows": self._windows.get(item_id, []),
        }
        answered = self._again("POST", f"/api/{self.kind.value}/decisions", json=body)
        if answered.status_code == 200:
            self.acknowledged.append(body["decision_id"])
        return answered.status_code == 200

    def close(self) -> None:
        self._client.close()

    def read_all(self) -> None:
        """Everything that comes to this reader; every ninth image shows PHI."""
        while ahead := self.ahead():
            for item in ahead:
                self.decide(item, ReviewAnswer.PHI if int(item[:8], 16) % 9 == 0 else ReviewAnswer.CLEAN)
