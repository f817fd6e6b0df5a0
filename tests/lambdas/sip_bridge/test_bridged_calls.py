"""The bridge's table."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from runtime.errors import CapacityReached, ConfigurationFault, ServiceError, TimedOut, Unavailable

from sip_bridge.bridged_calls import BridgedCall, BridgedCalls
from tests.lambdas.fake_dynamodb import FakeDynamoDb
from tests.lambdas.sip_bridge.backend import BRIDGED_TABLE
from tests.lambdas.test_calls_table import RefusingClient, refusal

NOW = 1_790_000_000_000
CODE = "012345678901"
CALL = BridgedCall(
    reference=CODE,
    user_id="user-1",
    meeting_id="meeting-1",
    contact_flow_arn="flow",
    caller_attributes={"order_id": "A-1", "page": ""},
)


@pytest.fixture
def table(dynamodb: Any) -> BridgedCalls:
    return BridgedCalls(dynamodb, BRIDGED_TABLE, max_call_seconds=100)


def test_a_call_is_found_as_it_was_stored_by_its_code_and_its_meeting(table: BridgedCalls) -> None:
    assert table.find(CODE) is None
    assert table.find_by_meeting("meeting-1") is None
    for _ in range(2):  # botocore repeats a write whose answer was lost
        assert table.store(CALL, NOW)
    assert table.find(CODE) == table.find_by_meeting("meeting-1") == CALL
    dialled = replace(CALL, transaction_id="transaction-1")
    for _ in range(2):
        assert table.store_phone_call(dialled)
    assert table.find(CODE) == dialled


def test_a_code_that_two_starts_have_by_chance_is_the_firsts(table: BridgedCalls) -> None:
    assert table.store(CALL, NOW)
    second = replace(CALL, user_id="user-2", meeting_id="meeting-2")
    assert not table.store(second, NOW)
    assert table.end(CODE, "user-2", NOW) is None
    assert not table.store_phone_call(replace(second, transaction_id="transaction-2"))
    assert table.find(CODE) == CALL
    assert table.find_by_meeting("meeting-2") is None


def test_an_ended_call_keeps_its_first_end_and_what_is_to_be_ended(table: BridgedCalls) -> None:
    table.store(CALL, NOW)
    table.store_phone_call(replace(CALL, transaction_id="transaction-1"))
    ended = replace(CALL, transaction_id="transaction-1", ended_at=NOW + 1)
    assert table.end(CODE, "user-1", NOW + 1) == ended
    assert table.end(CODE, "user-1", NOW + 2) == ended


def test_of_a_start_that_was_ended_before_it_had_a_meeting_none_is_stored(table: BridgedCalls) -> None:
    assert table.end(CODE, "user-1", NOW) == BridgedCall(reference=CODE, user_id="user-1", ended_at=NOW)
    assert not table.store(CALL, NOW)
    assert not table.store_phone_call(replace(CALL, transaction_id="transaction-1"))


def test_no_phone_call_is_stored_of_a_call_that_has_ended(table: BridgedCalls) -> None:
    table.store(CALL, NOW)
    table.end(CODE, "user-1", NOW)
    assert not table.store_phone_call(replace(CALL, transaction_id="transaction-1"))


def test_the_latest_time_at_which_the_app_joined_is_kept(table: BridgedCalls) -> None:
    table.store_joined(CALL, NOW + 1)
    assert table.find(CODE) is None
    table.store(CALL, NOW)
    for joined_at in (NOW + 2, NOW + 1):
        table.store_joined(CALL, joined_at)
    assert table.find(CODE) == replace(CALL, joined_at=NOW + 2)


def test_an_item_outlives_the_longest_call_by_a_day(
    table: BridgedCalls, fake_bridged_calls: FakeDynamoDb
) -> None:
    table.store(CALL, NOW)
    table.end(CODE, "user-1", NOW)
    assert fake_bridged_calls.item(CODE)["ExpiresAt"] == {"N": f"{NOW // 1000 + 100 + 86_400}"}
    table.end("999999999999", "user-1", NOW)
    assert fake_bridged_calls.item("999999999999")["ExpiresAt"] == {"N": f"{NOW // 1000 + 86_400}"}


def test_an_index_that_is_behind_leads_to_no_other_call(
    table: BridgedCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "_find_reference", lambda _: CODE)
    assert table.find_by_meeting("meeting-1") is None
    table.store(CALL, NOW)
    assert table.find_by_meeting("meeting-2") is None


def test_nothing_that_proves_or_describes_a_caller_is_printed() -> None:
    assert CODE not in repr(CALL)
    assert "A-1" not in repr(CALL)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refusal("ProvisionedThroughputExceededException", 400), CapacityReached),
        (refusal("InternalServerError", 500), Unavailable),
        (refusal("AccessDeniedException", 400), ConfigurationFault),
        (ReadTimeoutError(endpoint_url="x"), TimedOut),
        (EndpointConnectionError(endpoint_url="x"), Unavailable),
    ],
    ids=lambda value: getattr(value, "__name__", str(value))[:60],
)
def test_each_failure_of_dynamodb_has_a_meaning_and_says_nothing_of_its_text(
    error: Exception, expected: type[ServiceError], capsys: pytest.CaptureFixture[str]
) -> None:
    table = BridgedCalls(RefusingClient(error), BRIDGED_TABLE)
    for attempt in (
        lambda: table.store(CALL, NOW),
        lambda: table.store_phone_call(replace(CALL, transaction_id="transaction-1")),
        lambda: table.store_joined(CALL, NOW),
        lambda: table.end(CODE, "user-1", NOW),
        lambda: table.find(CODE),
        lambda: table.find_by_meeting("meeting-1"),
    ):
        with pytest.raises(expected) as raised:
            attempt()
        assert "SECRET" not in str(raised.value)
    assert "SECRET" not in capsys.readouterr().out
