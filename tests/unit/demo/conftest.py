"""One small hospital with every fault, shared by the tests of the demo."""

import pytest

from cxr_core.demo import DemoHospital, generate_hospital

SIDE_PX = 256


@pytest.fixture(scope="package")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> DemoHospital:
    return generate_hospital(tmp_path_factory.mktemp("demo") / "h", patients=12, seed=5, side_px=SIDE_PX)
