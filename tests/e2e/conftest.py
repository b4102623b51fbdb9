"""What several end-to-end tests start from: a small hospital, its build that nothing interrupted, a browser."""

from collections.abc import Iterator

import pytest
from browsing import chromium
from building import Build, Hospital, PrefectServer, SharedFolder, build_once, hospital_once
from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def clinic(session_folder: SharedFolder) -> Hospital:
    """Smaller than the hospital of the flow tests, and with de-identified DICOM discarded, as is the default."""
    return hospital_once(session_folder, "clinic", patients=7, side_px=300, intermediates="discard")


@pytest.fixture(scope="module")
def uninterrupted(session_folder: SharedFolder, clinic: Hospital, prefect_server: PrefectServer) -> Build:
    """The build that all others are compared with."""
    return build_once(session_folder, "uninterrupted", clinic, server=prefect_server)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser
