"""Acquisition from real Orthanc servers: all three ways, and everything that a network and a disk can do to it."""

import contextlib
import datetime as dt
import io
import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pydicom
import pytest
from building import Result, environment, run
from orthanc import Orthanc, Proxy, free_port, running, why_not
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from cxr_core.errors import BuildError, HilumError, UsageError
from cxr_core.intake.acquisition.acquire import Acquired, Acquisition
from cxr_core.intake.acquisition.shelf import NoRoom, Shelf
from cxr_core.intake.sources.pacs import open_pacs
from cxr_core.settings.source import SourceSettings
from cxr_core.vocabulary import FetchStatus

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")]

DAY = dt.date(2014, 3, 1)
WAYS = ("pacs-move", "pacs-get", "dicomweb")
DX = "1.2.840.10008.5.1.4.1.1.1.1"
NAME, MRN = "Quillfeather^Ottoline", "MRN77712345"


def _image(study: int, number: int, *, side: int = 64, minute: int = 0, patient: str = MRN) -> bytes:
    """One radiograph of a study, with noise that no coding shortens."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = DX
    uid = f"1.2.826.0.1.{study}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = uid, f"{uid}.1"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = f"{uid}.1.{number}"
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = (
        NAME,
        patient,
        "19500102",
        "F",
    )
    dataset.StudyDate, dataset.StudyTime = f"{DAY:%Y%m%d}", f"{8 + minute // 60:02d}{minute % 60:02d}00"
    dataset.AccessionNumber, dataset.Modality = f"A{study}", "DX"
    dataset.Rows = dataset.Columns = side
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    noise = np.random.default_rng(1000 * study + number).integers(0, 65535, side * side, dtype=np.uint16)
    dataset.add_new(0x7FE00010, "OW", noise.tobytes())
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


@dataclass(frozen=True)
class Vault:
    """A shelf and a ledger of a test."""

    root: Path

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.root / "received", self.root / "incoming")

    @property
    def files(self) -> dict[str, Path]:
        return {path.stem: path for path in sorted((self.root / "received").rglob("*")) if path.is_file()}

    @property
    def halves(self) -> list[Path]:
        """What is half-written; a build never looks there, and a run leaves nothing."""
        return list((self.root / "incoming").iterdir())

    def acquire(self, way: str, settings: Mapping[str, Any], **more: Any) -> Acquired:
        chosen = {"start": DAY, "end": DAY, "modalities": ("DX",), **settings, **more}
        source = SourceSettings.model_validate({"way": way, "pacs": chosen})
        self.shelf.open()
        with open_pacs(source, self.shelf.receive) as pacs:
            run = Acquisition(pacs, self.shelf, self.root / "acquired.parquet", source.pacs)
            return run.run([DAY])


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path)


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """The source: six studies of two images."""
    with running(tmp_path_factory.mktemp("pacs")) as server:
        for study in range(6):
            for number in range(2):
                server.push(_image(study, number, minute=10 * study))
        yield server


@pytest.fixture(scope="module")
def stingy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """A peer that gives five answers to a query at most; 23 studies on one day."""
    with running(tmp_path_factory.mktemp("stingy"), LimitFindResults=5) as server:
        for study in range(23):
            server.push(_image(100 + study, 0, side=8, minute=7 * study))
        yield server


def _pixels(path: Path) -> bytes:
    return bytes(pydicom.dcmread(path).PixelData)


# ---------------------------------------------------------------- what comes


@pytest.mark.parametrize("way", WAYS)
def test_every_way_brings_every_file_as_it_lies_there(pacs: Orthanc, vault: Vault, way: str) -> None:
    done = vault.acquire(way, pacs.settings())
    assert done.studies == {FetchStatus.COMPLETE: 6}
    assert (done.files, len(vault.files), vault.halves) == (12, 12, [])
    for study in range(6):
        for number in range(2):
            sent, came = _image(study, number, minute=10 * study), vault.files[f"1.2.826.0.1.{study}.1.{number}"]
            assert pydicom.dcmread(came) == pydicom.dcmread(io.BytesIO(sent))
            assert pydicom.dcmread(came).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    before = {name: path.stat().st_mtime_ns for name, path in vault.files.items()}
    again = vault.acquire(way, pacs.settings())
    assert (again.files, again.known) == (0, 6)
    assert {name: path.stat().st_mtime_ns for name, path in vault.files.items()} == before


@pytest.mark.parametrize("way", WAYS)
def test_a_peer_with_a_small_limit_hides_no_study(stingy: Orthanc, vault: Vault, way: str) -> None:
    assert vault.acquire(way, stingy.settings()).studies == {FetchStatus.COMPLETE: 23}
    assert len(vault.files) == 23


@pytest.mark.parametrize("way", WAYS)
def test_a_study_that_grows_between_two_runs_sends_only_what_is_new(tmp_path: Path, vault: Vault, way: str) -> None:
    with running(tmp_path / "pacs") as server:
        server.push(_image(1, 0))
        server.push(_image(2, 0))
        assert vault.acquire(way, server.settings()).files == 2
        server.push(_image(1, 1))
        again = vault.acquire(way, server.settings())
    assert (again.files, again.known) == (1, 1)
    assert len(vault.files) == 3


@pytest.mark.parametrize("way", WAYS)
def test_a_study_whose_patient_was_corrected_is_fetched_anew(tmp_path: Path, vault: Vault, way: str) -> None:
    with running(tmp_path / "pacs") as server:
        server.push(_image(1, 0))
        vault.acquire(way, server.settings())
        (held,) = server.get("/instances")
        server.delete(f"/instances/{held}")
        server.push(_image(1, 0, patient="MRN1"))
        assert vault.acquire(way, server.settings()).files == 1
    (file,) = vault.files.values()
    assert pydicom.dcmread(file).PatientID == "MRN1"


def test_several_associations_bring_the_same(pacs: Orthanc, vault: Vault) -> None:
    assert vault.acquire("pacs-move", pacs.settings(associations=3)).files == 12


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("way", WAYS)
def test_a_connection_that_is_cut_in_mid_transfer_costs_only_what_was_under_way(
    tmp_path: Path, vault: Vault, way: str
) -> None:
    """Images of 2 MB; the first two connections are cut after 5 MB, in the third image each time."""
    our_port, dicom_port, web_port = free_port(), free_port(), free_port()
    target = {"pacs-move": our_port, "pacs-get": dicom_port, "dicomweb": web_port}[way]
    with Proxy(target, cut_after=5_000_000, cuts_left=2) as proxy:
        move_port = proxy.port if way == "pacs-move" else our_port
        with running(tmp_path / "pacs", our_port, move_port, ports=(dicom_port, web_port)) as server:
            for number in range(6):
                server.push(_image(1, number, side=1000))
            through = {
                "pacs-move": {},
                "pacs-get": {"port": proxy.port},
                "dicomweb": {"url": f"http://127.0.0.1:{proxy.port}/dicom-web"},
            }
            done = vault.acquire(way, server.settings(**through[way], attempts=5))
    assert proxy.cuts == 2
    assert done.studies == {FetchStatus.COMPLETE: 1}
    assert (done.files, len(vault.files), vault.halves) == (6, 6, [])  # nothing came twice
    assert [_pixels(path) for path in vault.files.values()] == [
        bytes(pydicom.dcmread(io.BytesIO(_image(1, number, side=1000))).PixelData) for number in range(6)
    ]


@pytest.mark.parametrize("way", WAYS)
def test_a_peer_that_falls_silent_is_left_and_asked_again_later(pacs: Orthanc, vault: Vault, way: str) -> None:
    with Proxy(pacs.dicom_port if way != "dicomweb" else pacs.http_port, is_silent=True) as proxy:
        slow = pacs.settings(port=proxy.port, url=f"http://127.0.0.1:{proxy.port}/dicom-web")
        slow |= {"connect_timeout_s": 0.5, "silence_timeout_s": 0.5, "attempts": 2}
        with pytest.raises(BuildError) as caught:
            vault.acquire(way, slow)
        assert "\n" not in str(caught.value)
        assert vault.files == {}
        proxy.is_silent = False
        assert vault.acquire(way, slow | {"connect_timeout_s": 10, "silence_timeout_s": 30}).files == 12


# pynetdicom forgets a socket that was never connected; Python says so when it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("way", "wrong", "words"),
    [
        ("pacs-move", {"ae_title": "NOBODY"}, "AE title"),
        ("pacs-get", {"ae_title": "NOBODY"}, "AE title"),
        ("pacs-move", {"our_ae_title": "STRANGER"}, "STRANGER"),
        ("pacs-move", {"port": 1}, "no connection"),
        ("dicomweb", {"url": "http://127.0.0.1:1/dicom-web"}, "no answer"),
    ],
)
def test_a_refusal_is_one_line_that_says_what_to_do(
    pacs: Orthanc, vault: Vault, way: str, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(HilumError, match=words) as caught:
        vault.acquire(way, pacs.settings(**wrong, attempts=1))
    assert "\n" not in str(caught.value)
    assert vault.files == {}


@contextlib.contextmanager
def _small_disk(root: Path, size: int) -> Iterator[Path]:
    """A disk of its own with so many bytes; where none may be mounted, a limit on each file."""
    root.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(root)], capture_output=True, check=False
    )
    if mounted.returncode == 0:
        try:
            yield root
        finally:
            subprocess.run(["umount", str(root)], check=True)
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 8, before[1]))
    try:
        yield root
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("way", WAYS)
def test_a_full_disk_stops_the_run_and_nothing_half_written_is_left(tmp_path: Path, way: str) -> None:
    """Room for one image and a half; with more room the next run goes on where this one stopped."""
    with running(tmp_path / "pacs") as server:
        for number in range(3):
            server.push(_image(1, number, side=1000))
        with _small_disk(tmp_path / "disk", 3 << 20) as disk:
            vault = Vault(disk)
            with pytest.raises(NoRoom, match="no space left"):
                vault.acquire(way, server.settings())
            assert vault.halves == []
            kept = vault.files
            assert len(kept) <= 1
            assert all(len(_pixels(path)) == 2_000_000 for path in kept.values())
            shutil.copytree(disk, tmp_path / "larger")
        assert Vault(tmp_path / "larger").acquire(way, server.settings()).files == 3 - len(kept)
        assert len(Vault(tmp_path / "larger").files) == 3


def test_a_file_that_nobody_asked_for_is_refused(pacs: Orthanc, vault: Vault) -> None:
    """Whoever knows the port cannot plant images: dcmtk's storescu is told no."""
    source = SourceSettings.model_validate({"way": "pacs-move", "pacs": pacs.settings()})
    vault.shelf.open()
    (vault.root / "planted.dcm").write_bytes(_image(99, 0))
    with open_pacs(source, vault.shelf.receive) as opened:
        command = ["storescu", "-v", "-aec", "HILUM", "127.0.0.1", str(pacs.our_port), str(vault.root / "planted.dcm")]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "0x124" in told.stdout + told.stderr  # refused: not authorised
        assert opened.arrivals.refused == 1
    assert vault.files == {}


def test_a_port_that_is_taken_is_one_line(pacs: Orthanc, vault: Vault) -> None:
    with pytest.raises(UsageError, match="cannot be listened on"):
        vault.acquire("pacs-move", pacs.settings(listen_port=pacs.dicom_port))


def test_through_tls_in_both_directions(tmp_path: Path, vault: Vault) -> None:
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    for owner in ("pacs", "ours"):
        certify = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={owner}"]
        places = ["-keyout", str(tmp_path / f"{owner}.key"), "-out", str(tmp_path / f"{owner}.pem")]
        subprocess.run([*certify, "-addext", names, *places], check=True, capture_output=True)
    our_port = free_port()
    tls = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(tmp_path / "pacs.pem"),
        "DicomTlsPrivateKey": str(tmp_path / "pacs.key"),
        "DicomTlsTrustedCertificates": str(tmp_path / "ours.pem"),
        "DicomModalities": {"hilum": {"AET": "HILUM", "Host": "127.0.0.1", "Port": our_port, "UseDicomTls": True}},
    }
    ours = {"tls": True, "ca_file": str(tmp_path / "pacs.pem")}
    ours |= {"cert_file": str(tmp_path / "ours.pem"), "key_file": str(tmp_path / "ours.key")}
    with running(tmp_path / "server", our_port, **tls) as server:
        server.push(_image(1, 0))
        assert vault.acquire("pacs-move", server.settings(**ours)).files == 1
        with pytest.raises(HilumError):
            vault.acquire("pacs-move", server.settings(attempts=1, connect_timeout_s=2), modalities=("CR",))


# ---------------------------------------------------------------- the operator's commands


def _cxr(home: Path, config: Path, *words: str) -> Result:
    program = "import sys; from flows.cli import main; main()"
    return run([sys.executable, "-c", program, "pacs", words[0], str(config), *words[1:]], environment(home, {}))


def _config(path: Path, server: Orthanc, way: str = "pacs-move", **more: Any) -> Path:
    key = path.with_name("key")
    key.write_text("ab" * 32 + "\n")
    key.chmod(0o600)
    settings = server.settings(start=f"{DAY}", end=f"{DAY}", **more)
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    head = [f'[vault]\nkey_file = "{key}"', f'[source]\nway = "{way}"', "[source.pacs]"]
    path.write_text("\n".join([*head, *lines]) + "\n")
    return path


def _says_nobody(text: str) -> bool:
    return not any(word in text for word in ("Quillfeather", "Ottoline", MRN, "1.2.826.0.1"))


def test_the_first_five_minutes_tell_counts_and_nobody(pacs: Orthanc, tmp_path: Path) -> None:
    config = _config(tmp_path / "c.toml", pacs)
    echo, find = _cxr(tmp_path, config, "echo"), _cxr(tmp_path, config, "find")
    assert (echo.code, echo.err) == (0, "")
    assert echo.out.splitlines()[:3] == [
        f"ORTHANC at 127.0.0.1:{pacs.dicom_port} answers",
        "C-FIND: taken",
        "C-MOVE: taken",
    ]
    assert (find.code, find.err) == (0, "")
    assert find.out.splitlines() == [
        "            studies       DX",
        "2014-03-01        6        6",
        "all               6        6",
        "the PACS tells of 12 instances",
    ]
    assert _says_nobody(echo.out + find.out)


def test_acquisition_tells_nobody_outside_the_vault_whatever_is_logged(pacs: Orthanc, tmp_path: Path) -> None:
    config, workspace = _config(tmp_path / "c.toml", pacs), tmp_path / "workspace"
    command = [sys.executable, "-m", "flows.acquire", str(config), "--workspace", str(workspace)]
    loud = {"PREFECT_LOGGING_LEVEL": "DEBUG", "PREFECT_LOGGING_ROOT_LEVEL": "DEBUG"}
    done = run(command, environment(tmp_path / "home", loud))
    assert done.code == 0, done.err
    assert "6 studies on 1 days: 6 complete, 0 partial, 0 failed, 0 gone; 0 were there already" in done.out
    assert _says_nobody(done.out + done.err)
    outside = [
        path for path in workspace.rglob("*") if path.is_file() and "vault" not in path.relative_to(workspace).parts
    ]
    assert any(path.name == "prefect.db" for path in outside)
    spellings = [MRN.encode(), b"Quillfeather", b"1.2.826.0.1"]
    assert [path.name for path in outside for word in spellings if word in path.read_bytes()] == []
    vault = workspace / "vault"
    assert pl.read_parquet(vault / "catalog" / "acquired.parquet")["received"].to_list() == [2] * 6
    assert (vault.stat().st_mode & 0o777, (vault / "received").stat().st_mode & 0o777) == (0o700, 0o700)
    last = json.loads((vault / "audit.jsonl").read_text().splitlines()[-1])
    assert (last["command"], last["counts"]["files"]) == ("acquire", 12)


def test_a_wrong_password_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    guarded = {"AuthenticationEnabled": True, "RegisteredUsers": {"hilum": "right"}}
    secret = tmp_path / "secret.toml"
    with running(tmp_path / "pacs", user="hilum:right", **guarded) as server:
        config = _config(tmp_path / "c.toml", server, "dicomweb", credentials=str(secret))
        codes = []
        for password in ("wrong", "right"):
            secret.write_text(f'user = "hilum"\npassword = "{password}"\n')
            secret.chmod(0o600)
            told = _cxr(tmp_path, config, "echo")
            codes.append(told.code)
            assert password not in told.out + told.err
    assert codes == [2, 0]
