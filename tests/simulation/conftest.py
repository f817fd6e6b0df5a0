"""The functions, quiet: what they log and count is tested elsewhere."""

from collections.abc import Iterator

import pytest

from tests.simulation.functions import quiet_telemetry


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with quiet_telemetry():
        yield
