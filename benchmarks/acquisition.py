"""How fast images come from a PACS: our three ways, the plain use of two libraries, and a copy of the folder.

All of them move the same studies from one Orthanc over loopback in one run; the best of several rounds counts, rounds
interleaved, and ratios are taken within the run. "ours" is a whole acquisition: finding, listing, every file synced to
the disk, the ledger; "transfer alone" leaves that out, as the peers do. The peers are what the documentation of
pynetdicom and dicomweb-client shows: C-GET with `event.dataset.save_as`, and `retrieve_study` with `save_as`. dcmtk's
own tools, where they are installed, show what Orthanc gives out to C++: `movescu` into `storescp`, and `getscu`, which
takes one study a call.

    python benchmarks/acquisition.py [--studies 12] [--side 2048] [--rounds 3]
"""

import argparse
import datetime as dt
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from orthanc import OUR_AE_TITLE, Orthanc, running, why_not

from cxr_core.intake.acquisition.acquire import Acquisition
from cxr_core.intake.acquisition.shelf import Shelf
from cxr_core.intake.sources.pacs import open_pacs
from cxr_core.settings.source import SourceSettings

DAY = dt.date(2014, 3, 1)
DX = "1.2.840.10008.5.1.4.1.1.1.1"
MEGA = 1e6


def image(study: int, number: int, side: int) -> bytes:
    """A radiograph of 2 * side * side bytes."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.StudyInstanceUID = DX, f"1.2.826.0.1.{study}"
    dataset.SeriesInstanceUID, dataset.SOPInstanceUID = f"1.2.826.0.1.{study}.1", f"1.2.826.0.1.{study}.1.{number}"
    dataset.PatientName, dataset.PatientID, dataset.AccessionNumber = "Invented^Person", f"P{study}", f"A{study}"
    dataset.StudyDate, dataset.StudyTime, dataset.Modality = f"{DAY:%Y%m%d}", f"{study % 24:02d}0000", "DX"
    dataset.Rows = dataset.Columns = side
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    noise = np.random.default_rng(100 * study + number).integers(0, 4096, side * side, dtype=np.uint16)
    dataset.add_new(0x7FE00010, "OW", noise.tobytes())
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def ours(way: str) -> Callable[[Orthanc, Path, list[str]], None]:
    """A whole acquisition: finding, listing, fetching, syncing, ledger."""

    def fetch(server: Orthanc, target: Path, studies: list[str]) -> None:
        pacs = server.settings(start=DAY, end=DAY, modalities=("DX",))
        source = SourceSettings.model_validate({"way": way, "pacs": pacs})
        shelf = Shelf(target / "received", target / "incoming")
        shelf.open()
        with open_pacs(source, shelf.receive) as opened:
            done = Acquisition(opened, shelf, target / "acquired.parquet", source.pacs).run([DAY])
        assert sum(done.studies.values()) == len(studies)

    return fetch


def transfer_alone(way: str) -> Callable[[Orthanc, Path, list[str]], None]:
    """What the peers do, no more: the studies are known beforehand, files are written without waiting for the disk."""

    def fetch(server: Orthanc, target: Path, studies: list[str]) -> None:
        source = SourceSettings.model_validate({"way": way, "pacs": server.settings()})
        with open_pacs(source, lambda _, uid, content: _written(target / f"{uid}.dcm", content)) as opened:
            peer = opened.connect()
            for uid in studies:
                opened.arrivals.expect(uid, ())
                peer.fetch(uid, (), is_whole=True)
            peer.close()

    return fetch


def _written(path: Path, content: bytes | bytearray) -> None:
    path.write_bytes(content)


def plain_get(server: Orthanc, target: Path, studies: list[str]) -> None:
    """C-GET as the documentation of pynetdicom shows it; the studies are known beforehand."""
    from pynetdicom import AE, build_role, evt
    from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet as Get  # type: ignore[attr-defined]

    def keep(event: evt.Event) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        dataset.save_as(target / f"{dataset.SOPInstanceUID}.dcm", enforce_file_format=True)
        return 0

    ae = AE()
    ae.add_requested_context(Get)
    ae.add_requested_context(DX)
    association = ae.associate(
        "127.0.0.1",
        server.dicom_port,
        ae_title=server.ae_title,
        ext_neg=[build_role(DX, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, keep)],
    )
    for uid in studies:
        query = Dataset()
        query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", uid
        assert [status.Status for status, _ in association.send_c_get(query, Get)][-1] == 0
    association.release()


def plain_web(server: Orthanc, target: Path, studies: list[str]) -> None:
    """`retrieve_study` of dicomweb-client."""
    from dicomweb_client import DICOMwebClient

    client = DICOMwebClient(server.web)
    for uid in studies:
        for dataset in client.retrieve_study(uid):
            dataset.save_as(target / f"{dataset.SOPInstanceUID}.dcm", enforce_file_format=True)


def dcmtk_move(server: Orthanc, target: Path, studies: list[str]) -> None:
    """One movescu for all studies, into a storescp that writes what it gets."""
    queries = []
    for number, uid in enumerate(studies):
        query = Dataset()
        query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", uid
        queries.append(str(target / f"{number}.query"))
        pydicom.dcmwrite(queries[-1], query, implicit_vr=True, little_endian=True)
    receive = ["storescp", "-B", "-pdu", "131072", "-fe", ".dcm", "-aet", OUR_AE_TITLE, "-od", str(target)]
    receiver = subprocess.Popen([*receive, str(server.our_port)], stderr=subprocess.DEVNULL)
    try:
        while not _listens(server.our_port):
            time.sleep(0.005)
        names = ["-aet", OUR_AE_TITLE, "-aec", server.ae_title, "-aem", OUR_AE_TITLE]
        subprocess.run(
            [str(shutil.which("movescu")), "-S", *names, "127.0.0.1", str(server.dicom_port), *queries], check=True
        )
    finally:
        receiver.terminate()
        receiver.wait()


def _listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def dcmtk_get(server: Orthanc, target: Path, studies: list[str]) -> None:
    """One getscu a study: with several queries it crashes."""
    names = ["-aet", OUR_AE_TITLE, "-aec", server.ae_title, "-od", str(target)]
    for uid in studies:
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={uid}"]
        command = ["getscu", "-S", "-B", "-pdu", "131072", *names, *keys, "127.0.0.1", str(server.dicom_port)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    for path in target.iterdir():
        path.rename(path.with_name(f"{path.name}.dcm"))


def copied(folder: Path) -> Callable[[Orthanc, Path, list[str]], None]:
    """What a folder costs: a copy of the same files."""
    return lambda _server, target, _studies: shutil.copytree(folder, target / "copy") and None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=12)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if why_not():
        sys.exit(why_not())
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "folder").mkdir()
        with running(root / "pacs") as server:
            for study in range(options.studies):
                for number in range(2):
                    content = image(study, number, options.side)
                    server.push(content)
                    (root / "folder" / f"{study}-{number}.dcm").write_bytes(content)
            measure(root, server, options.rounds, [f"1.2.826.0.1.{study}" for study in range(options.studies)])


def _cpu_s() -> float:
    """CPU of this program and of those it has waited for; Orthanc's is in neither."""
    return sum(os.times()[:4])


def measure(root: Path, server: Orthanc, rounds: int, studies: list[str]) -> None:
    """Run every way in turn, several times."""
    size = sum(path.stat().st_size for path in (root / "folder").iterdir())
    ways: dict[str, Callable[[Orthanc, Path, list[str]], None]] = {
        "ours: C-MOVE": ours("pacs-move"),
        "ours: C-GET": ours("pacs-get"),
        "ours: DICOMweb": ours("dicomweb"),
        "transfer alone: C-MOVE": transfer_alone("pacs-move"),
        "transfer alone: C-GET": transfer_alone("pacs-get"),
        "transfer alone: DICOMweb": transfer_alone("dicomweb"),
        "pynetdicom C-GET": plain_get,
        "dicomweb-client retrieve_study": plain_web,
        "copy of the folder": copied(root / "folder"),
    }
    if shutil.which("storescp") and shutil.which("getscu"):
        ways |= {"dcmtk movescu + storescp": dcmtk_move, "dcmtk getscu": dcmtk_get}
    wall, cpu = dict.fromkeys(ways, float("inf")), dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for way, fetch in ways.items():
            target = root / "target"
            target.mkdir()
            started, used = time.perf_counter(), _cpu_s()
            fetch(server, target, studies)
            wall[way] = min(wall[way], time.perf_counter() - started)
            cpu[way] = min(cpu[way], _cpu_s() - used)
            files = [path for path in target.rglob("*.dcm") if path.stat().st_size > 1000]
            assert len(files) == 2 * len(studies), (way, len(files))
            shutil.rmtree(target)
    peer = "pynetdicom C-GET"
    print(f"{len(studies)} studies, {2 * len(studies)} files, {size / MEGA:.0f} MB; best of {rounds} rounds")
    print("load of the machine: " + ", ".join(f"{load:.1f}" for load in os.getloadavg()))
    print(f"{'':<32}{'MB/s':>8}{'x peer':>8}{'CPU s':>8}{'x peer':>8}")
    for way in ways:
        print(
            f"{way:<32}{size / MEGA / wall[way]:>8.0f}{wall[peer] / wall[way]:>8.2f}"
            f"{cpu[way]:>8.2f}{cpu[peer] / cpu[way]:>8.2f}"
        )


if __name__ == "__main__":
    main()
