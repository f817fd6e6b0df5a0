"""What holds for every test: none reaches a network, and those that share something dear share a process."""

import functools
import os
import re
import sys
from collections import Counter
from pathlib import Path

import botocore.session
import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# The commands of the checkout, Node among them, however pytest was started.
os.environ["PATH"] = os.pathsep.join([f"{sys.prefix}/bin", os.environ["PATH"]])

# On a busy machine an example may take long, and making some. What takes too long altogether, pytest's own
# report shows.
settings.register_profile("thorough", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# What is tried without a number of its own: tests.examples has those that have one.
settings.register_profile("quick", settings.get_profile("thorough"), max_examples=25)
settings.load_profile("quick")

# Many tests make clients of AWS's SDK, and most of what one costs is to read the descriptions of services.
# They never change: each process reads them once.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

TESTS = Path(__file__).parent
ALL_SLOW = re.compile(r"^pytestmark = \[?pytest\.mark\.slow\b", re.MULTILINE)
# The rooms whose tests talk to the local AWS, on loopback.
LOOPBACK = {"local", "e2e"}
# The rooms whose tests run nothing of what coverage is measured of, or in other processes: it takes its time.
NOT_MEASURED = {"documents", "e2e", "local", "operations", "simulation", "tools"}

# The folders of many quick files: they fill the gaps in the end.
QUICK = {"tests/lambdas", "tests/contract", "tests/documents"}
# The folders whose files share nothing that is dear to make. In others they share templates, or an app.
APART = QUICK | {
    "tests/tools",
    "tests/tools/capacity",
    "tests/local",
    *(f"tests/local/{room}" for room in ("console", "issuer", "launcher", "media")),
}
# Folders that share the templates of environments and a CDK that has warmed up, or a local AWS.
TOGETHER = {
    "tests/infra/sip_bridge": "tests/infra",
    "tests/tools/stateful": "tests/infra",
    "tests/local/sip_bridge": "tests/local/emulator",
    "tests/e2e/media": "tests/e2e",
}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where several workers want no slow tests, none of them imports a file that has no others."""
    wants_no_slow = hasattr(config, "workerinput") and config.option.markexpr == "not slow"
    if wants_no_slow and collection_path.suffix == ".py" and ALL_SLOW.search(collection_path.read_text()):
        return True
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Of tests with the same id, several processes run one, and say nothing of the others.
    if shared := [node_id for node_id, tests in Counter(item.nodeid for item in items).items() if tests > 1]:
        raise pytest.UsageError(f"Several tests have the id {', '.join(shared)}. Give each its own.")
    for item in items:
        room = _room(item.path)
        on_loopback = room in LOOPBACK or item.get_closest_marker("slow")
        item.add_marker(pytest.mark.allow_hosts(["127.0.0.1"]) if on_loopback else pytest.mark.disable_socket)
        if room in NOT_MEASURED:
            item.add_marker(pytest.mark.no_cover)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _place(item.path))


@functools.cache
def _room(path: Path) -> str:
    """The first folder below tests/; thousands of tests are in some three hundred files."""
    return path.relative_to(TESTS).parts[0]


@functools.cache
def _place(path: Path) -> int:
    """For several workers: what takes longest first, and last the small parts that fill the gaps."""
    folder = path.relative_to(TESTS.parent).parent.as_posix()
    return 0 if folder.startswith("tests/e2e") else 2 if folder in QUICK else 1


class ByWhatIsShared(LoadScopeScheduling):  # type: ignore[misc] # it has no types
    """Gives one worker all tests that share what is dear to make."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = file.rpartition("/")[0]
        return file if folder in APART else TOGETHER.get(folder, folder)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByWhatIsShared:
    return ByWhatIsShared(config, log)
