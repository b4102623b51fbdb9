"""Mutated files give a picture or a code, and never end the process: a part of `benchmarks/conversion_fuzz.py`."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def run(files, seed):
    script = ROOT / "benchmarks" / "conversion_fuzz.py"
    command = [sys.executable, str(script), "--files", str(files), "--seed", str(seed)]
    paths = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths}, check=False)


def test_mutated_files_of_every_syntax_and_mutation_end_in_a_picture_or_a_code():
    done = run(files=128, seed=20)  # 16 syntaxes x 8 mutations
    assert done.returncode == 0, done.stdout + done.stderr
    assert "128 files, 0 faults" in done.stdout
