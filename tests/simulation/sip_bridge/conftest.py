"""The bridge's modules as they were, once a simulation has used them."""

from collections.abc import Iterator

import pytest

from tests.simulation.sip_bridge.functions import quiet_bridge


@pytest.fixture(autouse=True)
def quiet_bridge_too(quiet: None) -> Iterator[None]:
    with quiet_bridge():
        yield
