import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from calls.connect_queues import ConnectQueues
from calls.positions import GOOD_FOR, Looker, Place, Positions, PositionTable
from calls.waiting_table import WaitingTable
from tests.lambdas.conftest import INSTANCE_ARN, WAITING_INDEXES, WAITING_SORT_KEYS, WAITING_TABLE
from tests.lambdas.events import START
from tests.lambdas.fake_aws import Answer, RefusedError, shared_client
from tests.lambdas.fake_connect_queues import FakeConnectQueues
from tests.lambdas.fake_dynamodb import FakeDynamoDb


class MemoryTable:
    """A table that answers at once, for thousands of requests."""

    def __init__(self) -> None:
        self.lookers: dict[str, Looker] = {}
        self.next_turn = 0

    def find_looker(self, contact_id: str) -> Looker | None:
        return self.lookers.get(contact_id)

    def look(self, contact_id: str, *, turn_at: int, until: int) -> Looker:
        known = self.lookers.get(contact_id)
        looker = Looker(
            contact_id, known.turn_at if known else turn_at, until, known.place if known else None
        )
        self.lookers[contact_id] = looker
        return looker

    def take_turn(self, now: int, *, until: int) -> int:
        if self.next_turn > now:
            return self.next_turn + (self.next_turn == until)
        self.next_turn = until
        return until

    def postpone(self, until: int) -> None:
        self.next_turn = max(until, self.next_turn)

    def longest_waiting(self) -> Sequence[Looker]:
        looking = [looker for looker in self.lookers.values() if looker.looks_until]
        return sorted(looking, key=lambda looker: looker.turn_at)[:10]

    def claim(self, looker: Looker, now: int) -> bool:
        known = self.lookers[looker.contact_id]
        if known.turn_at != looker.turn_at:
            return False
        if known.looks_until <= now:
            self.forget(looker.contact_id)
            return False
        self.lookers[looker.contact_id] = Looker(known.contact_id, now, known.looks_until, known.place)
        return True

    def store_place(self, contact_id: str, place: Place) -> None:
        known = self.lookers[contact_id]
        self.lookers[contact_id] = Looker(contact_id, known.turn_at, known.looks_until, place)

    def forget(self, contact_id: str) -> None:
        known = self.lookers[contact_id]
        self.lookers[contact_id] = Looker(contact_id, known.turn_at, 0, None)


class Waiting:
    """Processes with one table, one Connect and one clock."""

    def __init__(self, table: PositionTable) -> None:
        self.now = START
        self.table = table
        self.connect = FakeConnectQueues()
        client = shared_client("connect", read_timeout=2, repeats=False)
        self.source = ConnectQueues(self.connect.attach(client), INSTANCE_ARN)
        self.one = self.process()

    def process(self) -> Positions:
        return Positions(self.table, self.source, lambda: self.now)

    def asked(self) -> list[str]:
        return [parameters["ContactId"] for parameters in self.connect.requested("GetContactMetrics")]


def real_table() -> WaitingTable:
    fake = FakeDynamoDb(WAITING_TABLE, "Id", WAITING_INDEXES, WAITING_SORT_KEYS)
    return WaitingTable(fake.attach(shared_client("dynamodb")), WAITING_TABLE)


@pytest.fixture(params=[MemoryTable, real_table], ids=["in memory", "in DynamoDB"])
def waiting(request: pytest.FixtureRequest) -> Waiting:
    return Waiting(request.param())


def test_a_caller_who_is_alone_sees_the_position_at_once(waiting: Waiting) -> None:
    waiting.connect.waiting = ["b", "a"]
    waiting.connect.waits = {"a": 77.4}
    assert waiting.one.of("a") == Place(2, 77, START)


def test_a_position_is_fresh_for_a_minute_and_then_left_out(waiting: Waiting) -> None:
    waiting.connect.waiting = ["a"]
    waiting.one.of("a")
    waiting.connect.faults["GetContactMetrics"] = [(500, "InternalServiceException", {})] * 99
    waiting.now += GOOD_FOR - 1
    assert waiting.one.of("a") == Place(1, None, START)
    waiting.now += 1
    assert waiting.one.of("a") is None


def test_within_a_second_connect_is_asked_once_by_whichever_process(waiting: Waiting) -> None:
    waiting.connect.waiting = ["a", "b", "c"]
    processes = [waiting.process() for _ in range(3)]
    seen = [process.of(contact) for process, contact in zip(processes, "abc", strict=True)]
    assert seen == [Place(1, None, START), None, None]
    waiting.now += 999
    assert processes[1].of("b") is None
    assert waiting.asked() == ["a"]


def test_the_longest_unrefreshed_is_asked_about_whoever_comes(waiting: Waiting) -> None:
    waiting.connect.waiting = ["a", "b", "c"]
    for contact in "abc":
        waiting.one.of(contact)
        waiting.now += 100
    assert waiting.asked() == ["a"]
    for _ in range(4):
        waiting.now += 1_000
        waiting.one.of("c")
    assert waiting.asked() == ["a", "b", "c", "a", "b"]
    assert waiting.process().of("b") == Place(2, None, waiting.now)


def test_callers_who_look_no_more_take_nobodys_turn(waiting: Waiting) -> None:
    waiting.connect.waiting = ["a", "b"]
    waiting.one.of("a")
    waiting.now += 30_000
    waiting.one.of("b")
    for _ in range(40):
        waiting.now += 1_000
        waiting.one.of("b")
    asked = waiting.asked()
    # Until a minute after it was seen last: every other second, while both look.
    assert asked.count("a") <= 2 + 30 // 2
    assert asked[-5:] == ["b"] * 5


def test_a_contact_that_waits_no_more_is_forgotten_until_its_caller_looks_again(waiting: Waiting) -> None:
    waiting.connect.waiting = ["a"]
    waiting.one.of("a")
    waiting.connect.waiting = []
    waiting.now += 1_000
    assert waiting.one.of("a") == Place(1, None, START)
    assert waiting.process().of("a") is None
    waiting.connect.waiting = ["a"]
    waiting.now += 1_000
    assert waiting.process().of("a") == Place(1, None, waiting.now)


FAULTS: list[Answer | Exception] = [
    (429, "ThrottlingException", {}),
    (500, "InternalServiceException", {}),
    (503, "ServiceUnavailable", {}),
    (403, "AccessDeniedException", {}),
    (400, "InvalidParameterException", {}),
    (200, None, {"MetricResults": "none"}),
    (200, None, {"MetricResults": [{"Name": 7}]}),
    # A union of which no member is there: botocore's parser refuses it in its own words.
    (200, None, {"MetricResults": [{"Name": "ESTIMATED_WAIT_TIME", "Value": {}}]}),
    (200, None, {"MetricResults": [{"Name": "POSITION_IN_QUEUE", "Value": 7}]}),
    ReadTimeoutError(endpoint_url="https://connect.example"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_connect_that_fails_is_left_alone_for_some_seconds(waiting: Waiting, fault: Any) -> None:
    waiting.connect.waiting = ["a"]
    waiting.connect.faults["GetContactMetrics"] = [fault]
    assert waiting.one.of("a") is None
    for _ in range(4):
        waiting.now += 1_000
        assert waiting.one.of("a") is None
        assert waiting.process().of("a") is None
    assert len(waiting.asked()) == 1
    waiting.now += 1_000
    assert waiting.one.of("a") == Place(1, None, waiting.now)


@pytest.mark.parametrize(("number", "position"), [(3.0, 3), (2.6, 3), (0.0, 1), (-1.0, None), (1e400, None)])
def test_only_a_number_is_a_position(waiting: Waiting, number: Any, position: int | None) -> None:
    results = [{"Name": "POSITION_IN_QUEUE", "Value": {"Number": number}}]
    waiting.connect.answers["GetContactMetrics"] = {"MetricResults": results}
    assert waiting.one.of("a") == Place(position, None, START)


@pytest.mark.parametrize(
    "operation",
    ["GetItem", "UpdateItem", "Query"],
)
@pytest.mark.parametrize(
    "fault", [(400, "ThrottlingException", {}), (500, "InternalServerError", {})], ids=str
)
def test_a_table_that_fails_costs_only_the_position(
    operation: str, fault: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = real_table()
    waiting = Waiting(table)
    waiting.connect.waiting = ["a"]

    def refuse(*_: Any, **__: Any) -> Any:
        raise RefusedError(fault[0], str(fault[1]))

    monkeypatch.setattr(FakeDynamoDb, f"_{operation}", refuse)
    assert waiting.one.of("a") is None


def test_a_thousand_waiting_callers_ask_connect_once_a_second() -> None:
    """Each asks every ten seconds, in one of twenty processes; the clock is a fake."""
    table = MemoryTable()
    waiting = Waiting(table)
    processes = [waiting.process() for _ in range(20)]
    contacts = [f"contact-{number}" for number in range(1_000)]
    waiting.connect.waiting = contacts[:]
    draw = random.Random(1)  # noqa: S311
    minutes = 20
    shown = 0
    for second in range(minutes * 60):
        for number in range(second % 10, 1_000, 10):
            waiting.now = START + second * 1_000 + number
            place = draw.choice(processes).of(contacts[number])
            shown += place is not None
    asked = waiting.asked()
    assert len(asked) <= minutes * 60
    assert len(asked) >= 0.95 * minutes * 60
    # Everybody in turn: nobody more than once oftener than another, once all are there.
    turns = Counter(asked[100:])
    assert len(turns) == 1_000
    assert max(turns.values()) - min(turns.values()) <= 1
    # As long as so many wait, one in sixteen sees a position.
    assert shown / (minutes * 60 * 100) == pytest.approx(60 / 1_000, abs=0.02)
