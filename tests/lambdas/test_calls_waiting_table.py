"""The table of waiting, on our DynamoDB and on another one at once."""

from collections.abc import Iterator

import pytest

from calls.positions import Looker, Place
from calls.readings import Reading, StoredReading
from calls.waiting_table import TURN_INDEX, WaitingTable
from tests.lambdas.compared_dynamodb import BESIDE, our_dynamodb
from tests.lambdas.conftest import WAITING_INDEXES, WAITING_SORT_KEYS, WAITING_TABLE
from tests.lambdas.events import START as NOW


@pytest.fixture(params=BESIDE)
def table(request: pytest.FixtureRequest) -> Iterator[WaitingTable]:
    with our_dynamodb(
        request, table=WAITING_TABLE, key="Id", indexes=WAITING_INDEXES, sort_keys=WAITING_SORT_KEYS
    ) as client:
        yield WaitingTable(client, WAITING_TABLE)


def test_a_lease_is_one_processs_until_it_runs_out(table: WaitingTable) -> None:
    assert table.find("queue/1") is None
    assert table.lease("queue/1", NOW, until=NOW + 10)
    assert not table.lease("queue/1", NOW + 9, until=NOW + 19)
    assert table.find("queue/1") == StoredReading(None, NOW + 10)
    assert table.lease("queue/1", NOW + 10, until=NOW + 20)


def test_a_reading_is_stored_by_whoever_has_the_lease(table: WaitingTable) -> None:
    table.lease("queue/1", NOW, until=NOW + 10)
    table.lease("queue/1", NOW + 10, until=NOW + 20)
    table.store("queue/1", Reading("late", NOW), leased_until=NOW + 10, next_at=NOW + 15)
    assert table.find("queue/1") == StoredReading(None, NOW + 20)
    table.store("queue/1", Reading("good", NOW + 10), leased_until=NOW + 20, next_at=NOW + 25)
    assert table.find("queue/1") == StoredReading(Reading("good", NOW + 10), NOW + 25)
    assert table.lease("queue/1", NOW + 25, until=NOW + 40)
    assert table.find("queue/1") == StoredReading(Reading("good", NOW + 10), NOW + 40)


def test_who_looks_keeps_turn_and_place(table: WaitingTable) -> None:
    assert table.find_looker("a") is None
    assert table.look("a", turn_at=NOW, until=NOW + 60) == Looker("a", NOW, NOW + 60)
    table.store_place("a", Place(3, None, NOW + 1))
    assert table.look("a", turn_at=NOW + 30, until=NOW + 90) == Looker(
        "a", NOW, NOW + 90, Place(3, None, NOW + 1)
    )
    table.store_place("a", Place(None, 70, NOW + 2))
    assert table.find_looker("a") == Looker("a", NOW, NOW + 90, Place(None, 70, NOW + 2))


def test_the_turn_to_ask_is_taken_once(table: WaitingTable) -> None:
    assert table.take_turn(NOW, until=NOW + 10) == NOW + 10
    # Of the same millisecond: not taken, and not to be mistaken for taken.
    assert table.take_turn(NOW, until=NOW + 10) == NOW + 11
    assert table.take_turn(NOW + 9, until=NOW + 19) == NOW + 10
    table.postpone(NOW + 50)
    table.postpone(NOW + 40)
    assert table.take_turn(NOW + 10, until=NOW + 20) == NOW + 50
    assert table.take_turn(NOW + 50, until=NOW + 60) == NOW + 60


def test_those_who_look_come_in_the_order_of_their_turns(table: WaitingTable) -> None:
    for number in (5, 3, 4, 1, 2):
        table.look(f"c{number}", turn_at=NOW + number, until=NOW + 60)
    assert [looker.contact_id for looker in table.longest_waiting()] == ["c1", "c2", "c3", "c4", "c5"]
    assert table.claim(Looker("c1", NOW + 1), NOW + 10)
    assert not table.claim(Looker("c1", NOW + 1), NOW + 10)
    table.forget("c3")
    assert [looker.contact_id for looker in table.longest_waiting()] == ["c2", "c4", "c5", "c1"]
    # Not with the turn of c1: DynamoDB promises no order of two with one.
    for number in range(11, 21):
        table.look(f"c{number}", turn_at=NOW + number, until=NOW + 60)
    assert len(table.longest_waiting()) == 10


def test_who_looks_no_more_is_forgotten_when_the_turn_comes(table: WaitingTable) -> None:
    table.look("a", turn_at=NOW, until=NOW + 60)
    table.store_place("a", Place(1, None, NOW))
    assert not table.claim(Looker("a", NOW), NOW + 60)
    assert table.longest_waiting() == []
    assert table.find_looker("a") == Looker("a", NOW)
    # What Connect says of it then comes too late.
    table.store_place("a", Place(1, None, NOW + 61))
    assert table.find_looker("a") == Looker("a", NOW)
    assert not table.claim(Looker("nobody", NOW), NOW)
    assert table.look("a", turn_at=NOW + 99, until=NOW + 120) == Looker("a", NOW, NOW + 120)


def test_the_index_is_the_one_that_the_stack_creates() -> None:
    assert {TURN_INDEX} == WAITING_INDEXES.keys() == WAITING_SORT_KEYS.keys()
