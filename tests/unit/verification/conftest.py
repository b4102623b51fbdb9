"""Lets the tests of this folder import their factory and that of `release` under pytest's importlib mode."""

import sys
from pathlib import Path

_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE), str(_HERE.parent / "release")]
