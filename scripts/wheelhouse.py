"""Gather everything that an installation without a network needs: wheels, their hashes, a bill of materials.

    python scripts/wheelhouse.py                            # into wheelhouse/, with all run-time extras
    python scripts/wheelhouse.py -o small --extras          # without any: one reader of burned-in text, no torch
    scripts/install_offline.sh                              # on the other side

Run it on a machine like the one that will be installed: same architecture, same version of Python. `requirements.txt`
pins every wheel by SHA-256, so that what was carried over is what gets installed; `sbom.cdx.json` (CycloneDX) lists it
with licences for whoever must approve it.
"""

import argparse
import email
import hashlib
import json
import platform
import subprocess
import sys
import tempfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("easyocr", "pacs", "fhir", "dask", "s3", "server")
BILL_WRITER = "cyclonedx-bom==7.5.0"
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"


@dataclass(frozen=True, slots=True)
class Wheel:
    """One wheel of the house."""

    path: Path
    name: str
    version: str
    licence: str | None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def requirement(self) -> str:
        """A line that installs exactly this file."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


def read_wheel(path: Path) -> Wheel:
    """Name, version and licence as the wheel itself states them."""
    with zipfile.ZipFile(path) as archive:
        inside = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1]
        stated = email.message_from_bytes(archive.read(inside[0]))
    told = stated["License-Expression"] or stated["License"]
    licence = " ".join(told.splitlines()[0].split()) if told else _classified(stated.get_all("Classifier") or [])
    return Wheel(path, stated["Name"], stated["Version"], licence or None)


def _classified(classifiers: list[str]) -> str:
    """What the classifiers say of a licence, where nothing else does."""
    found = [line.rpartition("::")[2].strip() for line in classifiers if line.startswith("License ::")]
    return " and ".join(found)


def gather(target: Path, extras: list[str], *, torch_index: str) -> list[Wheel]:
    """Fetch or make every wheel."""
    target.mkdir(parents=True, exist_ok=True)
    wanted = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", str(target)]
    limits = ["--constraint", str(ROOT / "constraints.txt")]
    if "easyocr" in extras:
        limits += ["--constraint", str(ROOT / "deployments" / "cpu.txt")]
        if platform.machine() == "x86_64":
            limits += ["--extra-index-url", torch_index]
    subprocess.run([*pip, *limits, wanted], check=True)
    return [read_wheel(path) for path in sorted(target.glob("*.whl"))]


def write_requirements(wheels: list[Wheel], target: Path) -> Path:
    """The list that `pip install --require-hashes` reads; two wheels of a name would make it ambiguous."""
    names = [wheel.name.lower() for wheel in wheels]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise SystemExit(f"more than one wheel of {', '.join(doubled)}: start with an empty folder")
    path = target / "requirements.txt"
    path.write_text("".join(f"{wheel.requirement}\n" for wheel in wheels), encoding="utf-8")
    return path


def write_bill(wheels: list[Wheel], requirements: Path, target: Path) -> Path:
    """A CycloneDX bill of materials; what the wheels state of their licences is added to it."""
    path = target / "sbom.cdx.json"
    options = ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--of", "JSON", "-o", str(path)]
    with tempfile.TemporaryDirectory() as folder:  # not in ours: docs/dependencies.md
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", BILL_WRITER], check=True)
        subprocess.run([python, "-m", "cyclonedx_py", "requirements", str(requirements), *options], check=True)
    bill: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    licences = {wheel.name: wheel.licence for wheel in wheels if wheel.licence}
    for part in bill.get("components", ()):
        if part["name"] in licences and not part.get("licenses"):
            part["licenses"] = [{"license": {"name": licences[part["name"]]}}]
    path.write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")
    return path


def main() -> None:
    """Fill a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "wheelhouse")
    parser.add_argument("--extras", nargs="*", default=list(EXTRAS), choices=EXTRAS)
    parser.add_argument("--torch-index", default=TORCH_INDEX, help="where the CPU builds of torch are")
    chosen = parser.parse_args()
    wheels = gather(chosen.output, chosen.extras, torch_index=chosen.torch_index)
    requirements = write_requirements(wheels, chosen.output)
    bill = write_bill(wheels, requirements, chosen.output)
    size = sum(wheel.path.stat().st_size for wheel in wheels)
    print(f"{len(wheels)} wheels, {size / 1e6:.0f} MB: {chosen.output}; {bill.name} beside them")  # noqa: T201


if __name__ == "__main__":
    main()
