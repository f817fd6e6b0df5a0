"""What holds for every test: no test reaches a network."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# The rooms whose tests talk to the local AWS, on loopback.
LOOPBACK = {"local", "e2e"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        room = item.path.relative_to(TESTS).parts[0]
        item.add_marker(
            pytest.mark.allow_hosts(["127.0.0.1"]) if room in LOOPBACK else pytest.mark.disable_socket
        )
