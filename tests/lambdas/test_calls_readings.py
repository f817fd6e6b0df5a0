import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from runtime.errors import Unavailable

from calls.readings import LEASE, Reading, SharedReadings
from calls.waiting_table import WaitingTable
from tests.lambdas.backend import Crash
from tests.lambdas.conftest import WAITING_INDEXES, WAITING_SORT_KEYS, WAITING_TABLE
from tests.lambdas.events import START
from tests.lambdas.fake_aws import shared_client
from tests.lambdas.fake_dynamodb import FakeDynamoDb

EVERY, GOOD_FOR = 15_000, 60_000


class Deployment:
    """Processes with one table and one clock; what is read is counted."""

    def __init__(self) -> None:
        self.now = START
        self.fake = FakeDynamoDb(WAITING_TABLE, "Id", WAITING_INDEXES, WAITING_SORT_KEYS)
        self.client = self.fake.attach(shared_client("dynamodb"))
        self.table = WaitingTable(self.client, WAITING_TABLE)
        self.reads = 0
        self.fault: Callable[[], None] = lambda: None

    def process(self) -> SharedReadings:
        return SharedReadings(self.table, lambda: self.now)

    def read(self) -> str:
        self.reads += 1
        self.fault()
        return f"reading {self.reads}"

    def get(self, process: SharedReadings, key: str = "queue/1") -> Reading | None:
        return process.get(key, self.read, every=EVERY, good_for=GOOD_FOR)


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def test_all_processes_share_a_reading(deployment: Deployment) -> None:
    one, other = deployment.process(), deployment.process()
    assert deployment.get(one) == deployment.get(other) == Reading("reading 1", START)
    deployment.now += EVERY - 1
    assert deployment.get(other) == deployment.get(deployment.process()) == Reading("reading 1", START)
    deployment.now += 1
    assert deployment.get(other) == Reading("reading 2", START + EVERY)
    assert deployment.reads == 2


def test_readings_of_different_things_do_not_mix(deployment: Deployment) -> None:
    process = deployment.process()
    assert deployment.get(process, "queue/1") != deployment.get(process, "queue/2")


def test_while_one_reads_the_others_have_what_was_read_before(deployment: Deployment) -> None:
    one, other = deployment.process(), deployment.process()
    deployment.get(one)
    deployment.now += EVERY
    seen: list[Reading | None] = []
    deployment.fault = lambda: seen.append(deployment.get(other))
    assert deployment.get(one) == Reading("reading 2", START + EVERY)
    assert seen == [Reading("reading 1", START)]
    # And a second later what is new.
    deployment.now += 1_000
    assert deployment.get(other) == Reading("reading 2", START + EVERY)
    assert deployment.reads == 2


def test_of_two_who_come_at_once_one_reads(deployment: Deployment) -> None:
    one, other = deployment.process(), deployment.process()
    seen: list[Reading | None] = []
    deployment.fault = lambda: seen.append(deployment.get(other))
    deployment.get(one)
    assert (deployment.reads, seen) == (1, [None])


def test_a_process_that_died_reading_holds_nobody_up_for_longer_than_its_lease(
    deployment: Deployment,
) -> None:
    def die() -> None:
        raise Crash

    deployment.fault = die
    with pytest.raises(Crash):
        deployment.get(deployment.process())
    deployment.fault = lambda: None
    deployment.now += LEASE - 1
    assert deployment.get(deployment.process()) is None
    deployment.now += 1
    assert deployment.get(deployment.process()) == Reading("reading 2", deployment.now)


def test_a_process_that_comes_back_late_overwrites_nothing_newer(deployment: Deployment) -> None:
    late, other = deployment.process(), deployment.process()

    def stall() -> None:
        deployment.fault = lambda: None
        deployment.now += LEASE
        deployment.get(other)

    deployment.fault = stall
    deployment.get(late)
    assert deployment.get(deployment.process()) == Reading("reading 2", START + LEASE)


def fail() -> None:
    raise Unavailable("Away.")


def test_what_cannot_be_read_is_tried_again_after_a_while_and_not_before(deployment: Deployment) -> None:
    process, other = deployment.process(), deployment.process()
    deployment.get(process)
    deployment.fault = fail
    for _ in range(59):
        deployment.now += 1_000
        assert deployment.get(process) == Reading("reading 1", START)
        assert deployment.get(other) == Reading("reading 1", START)
    assert deployment.reads == 1 + 59 // 15
    # Too old to be of use.
    deployment.now += 1_000
    assert deployment.get(process) is None
    assert deployment.get(other) is None


@pytest.mark.parametrize("operation", ["find", "lease", "store"])
def test_a_table_that_fails_costs_only_the_reading(
    deployment: Deployment, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = deployment.process()
    deployment.get(process)
    deployment.now += EVERY

    def refuse(*_: Any, **__: Any) -> None:
        fail()

    with monkeypatch.context() as patch:
        patch.setattr(deployment.table, operation, refuse)
        assert deployment.get(process) == Reading("reading 1", START)
    deployment.now += LEASE
    reading = deployment.get(process)
    assert reading is not None
    assert reading.read_at == deployment.now


def ticks(deployment: Deployment, seconds: int) -> Iterator[int]:
    for second in itertools.count():
        if second == seconds:
            return
        yield second
        deployment.now += 1_000


def test_a_thousand_callers_in_ten_processes_have_a_queue_read_once_in_fifteen_seconds(
    deployment: Deployment,
) -> None:
    processes = [deployment.process() for _ in range(10)]
    for second in ticks(deployment, 300):
        # A hundred a second: each of a thousand asks once in ten seconds.
        for caller in range(100):
            assert deployment.get(processes[(caller + second) % 10]) is not None
    assert deployment.reads == 300 // 15
