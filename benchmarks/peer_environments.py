"""Decides where the interpreters of other people's programs lie: one virtual environment each, since they disagree.

Takes a folder and what pip installs for each peer. Standard library only: the benchmarks run in those interpreters too.
"""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path


def interpreter_in(folder: Path, name: str) -> Path:
    """The Python of one peer, whether it is there or not."""
    return folder / name / "bin" / "python"


def install(folder: Path, peers: Mapping[str, Iterable[str]]) -> None:
    """Make what is missing; a peer that cannot be installed is told and left out.

    Parameters
    ----------
    folder : Path
    peers : mapping of str to iterable of str
        Requirements by the name of the environment.
    """
    for name, requirements in peers.items():
        wanted = list(requirements)
        if not interpreter_in(folder, name).exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder / name)], check=True)
        pip = [str(interpreter_in(folder, name)), "-m", "pip", "install", "-qq", *wanted]
        if subprocess.run(pip, check=False).returncode:
            sys.stderr.write(f"{' '.join(wanted)} cannot be installed here\n")
