"""The domain of Hilum: pure functions and tables, without any orchestrator.

The rooms of this package follow the flow of the data, from `intake` to `release`. Nothing here imports Prefect;
time and randomness are passed in.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("hilum")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
