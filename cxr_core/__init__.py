"""The domain of Hilum: pure functions and tables, without any orchestrator.

The rooms of this package follow the flow of the data, from `intake` to `release`. Nothing here imports Prefect;
time and randomness are passed in.
"""

import logging
from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("hilum")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

# pydicom logs the values it finds wrong ("Invalid value for VR DA: ..."), which are a patient's. A filter, because
# pydicom sets the level of its logger itself.
logging.getLogger("pydicom").addFilter(lambda _: False)

__all__ = ["__version__"]
