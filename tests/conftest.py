"""What holds for every test: no test reaches a network, and a folder's tests run in one process."""

from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TESTS = Path(__file__).parent
# The rooms whose tests talk to the local AWS, on loopback.
LOOPBACK = {"local", "e2e"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        room = item.path.relative_to(TESTS).parts[0]
        item.add_marker(
            pytest.mark.allow_hosts(["127.0.0.1"]) if room in LOOPBACK else pytest.mark.disable_socket
        )


class ByFolder(LoadScopeScheduling):
    """A folder's tests share what is dear to make, templates or a local AWS: one worker has them all."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0].rpartition("/")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFolder:
    return ByFolder(config, log)
