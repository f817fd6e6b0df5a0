from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from runtime.errors import (
    AnswerIncomplete,
    CapacityReached,
    ConfigurationFault,
    ServiceError,
    TimedOut,
    Unavailable,
)

from calls.errors import CallerBlocked
from calls.record import Call, Rate
from calls.table import CallTable
from operations import blocks
from tests.lambdas.compared_dynamodb import BESIDE, our_dynamodb
from tests.lambdas.conftest import TABLE

NOW = 1_790_000_000_000
RATES = (Rate(calls=2, seconds=60), Rate(calls=4, seconds=86_400))


@pytest.fixture(params=BESIDE)
def dynamodb(request: pytest.FixtureRequest) -> Iterator[Any]:
    """In slow tests every request of the table goes to moto or DynamoDB Local too."""
    with our_dynamodb(request) as client:
        yield client


@pytest.fixture
def table(dynamodb: Any) -> CallTable:
    return CallTable(dynamodb, TABLE, retention_seconds=100)


def call(number: int = 1, at: int = NOW, key: str | None = None) -> Call:
    return Call(
        user_id="user-1",
        started_at=at,
        idempotency_key=key or f"key-{number}",
        request_hash="hash",
        reference=f"reference-{number}",
        reference_until=at + 300_000,
        context={"customer_id": "user-1", "customer_tier": ""},
        slot_until=at + 40_000,
        display_name="Ada",
        capabilities=["ScreenShare", "Video"],
        starts=[at],
    )


def answered(of: Call, contact_id: str = "contact-1") -> Call:
    return replace(
        of,
        call_id=contact_id,
        contact_id=contact_id,
        answer='{"a": 1}',
        replay_until=of.started_at + 600_000,
        slot_until=of.started_at + 7_200_000,
    )


def stored(dynamodb: Any) -> dict[str, Any]:
    item: dict[str, Any] = dynamodb.get_item(TableName=TABLE, Key={"UserId": {"S": "user-1"}})["Item"]
    return item


def test_the_first_call_of_a_user_gets_the_slot_and_the_next_meets_it(table: CallTable) -> None:
    first = call()
    assert table.claim(first, RATES) is None
    assert table.claim(call(2, NOW + 1), RATES) == first


def test_a_claim_that_is_written_twice_because_its_answer_was_lost_holds_the_slot(table: CallTable) -> None:
    assert table.claim(call(), RATES) is None
    assert table.claim(call(), RATES) is None


def test_an_ended_call_leaves_nothing_of_itself_to_the_next(table: CallTable, dynamodb: Any) -> None:
    first = call()
    table.claim(first, RATES)
    table.store_answer(answered(first), RATES)
    table.end(first, NOW + 5)
    assert table.claim(call(2, NOW + 10), RATES) is None
    assert not stored(dynamodb).keys() & {"ContactId", "Answer", "ReplayUntil", "EndedAt"}


def test_an_ended_call_is_not_started_again_by_its_own_key_while_it_can_be_replayed(table: CallTable) -> None:
    first = call()
    table.claim(first, RATES)
    table.store_answer(answered(first), RATES)
    table.end(first, NOW + 5)
    standing = table.claim(call(2, NOW + 10, key="key-1"), RATES)
    assert standing is not None
    assert standing.answer == '{"a": 1}'
    assert standing.contact_id == "contact-1"
    assert table.claim(call(3, NOW + 600_000, key="key-1"), RATES) is None


def test_a_call_that_no_event_ended_gives_the_slot_back_after_the_longest_call(table: CallTable) -> None:
    first = call()
    table.claim(first, RATES)
    table.store_answer(answered(first), RATES)
    assert table.claim(call(2, NOW + 7_199_999), RATES) is not None
    assert table.claim(call(2, NOW + 7_200_000), RATES) is None


def test_a_crashed_start_keeps_its_slot_until_it_is_dealt_with(table: CallTable) -> None:
    table.claim(call(), RATES)
    standing = table.claim(call(2, NOW + 40_000), RATES)
    assert standing is not None
    assert standing.is_crashed_start(NOW + 40_000)


def test_a_claim_that_arrives_again_after_its_start_was_abandoned_begins_nothing(table: CallTable) -> None:
    """The first of two requests, which timed out, can arrive last."""
    table.claim(call(), RATES)
    table.abandon(call(), NOW + 10)
    table.claim(call(), RATES)
    ended = table.find("user-1", NOW + 20)
    assert ended is not None
    assert ended.ended_at == NOW + 10
    assert table.claim(call(2, NOW + 20), RATES) is None


@pytest.mark.parametrize("end", ["abandon", "give_up"])
def test_a_failed_start_with_a_contact_stands_in_the_way_until_that_is_stopped(
    table: CallTable, end: str
) -> None:
    table.claim(call(), RATES)
    table.bind("user-1", "reference-1", "contact-1", NOW + 1)
    getattr(table, end)(call(), NOW + 2)
    standing = table.claim(call(2, NOW + 3), RATES)
    assert standing is not None
    assert standing.is_failed_start
    assert table.claim(call(2, NOW + 3), RATES, cleared="reference-0") == standing
    assert table.claim(call(2, NOW + 3), RATES, cleared="reference-1") is None


def test_a_failed_start_without_a_contact_stands_in_nobodys_way(table: CallTable) -> None:
    table.claim(call(), RATES)
    failed = table.abandon(call(), NOW + 2)
    assert failed is not None
    assert not failed.is_failed_start
    assert table.claim(call(2, NOW + 3), RATES) is None


def test_the_rate_is_a_sliding_window_over_starts(table: CallTable) -> None:
    for number, at in ((1, NOW), (2, NOW + 30_000)):
        assert table.claim(call(number, at), RATES) is None
        table.end(call(number, at), at + 1)
    standing = table.claim(call(3, NOW + 59_999), RATES)
    assert standing is not None
    assert standing.starts == [NOW + 30_000, NOW]
    assert table.claim(call(3, NOW + 60_000), RATES) is None


def test_the_rate_of_a_day_holds_beside_that_of_a_minute(table: CallTable) -> None:
    hour = 3_600_000
    for number in range(4):
        at = NOW + number * hour
        assert table.claim(call(number, at), RATES) is None
        table.store_answer(answered(call(number, at)), RATES)
        table.end(call(number, at), at + 1)
    standing = table.claim(call(5, NOW + 24 * hour - 1), RATES)
    assert standing is not None
    assert max(rate.seconds_until_allowed(standing.starts, NOW + 24 * hour - 1) for rate in RATES) == 1
    assert table.claim(call(5, NOW + 24 * hour), RATES) is None


def block(dynamodb: Any, until: int) -> None:
    blocks.block(dynamodb, TABLE, "user-1", until=until)


def test_a_user_who_never_called_can_be_blocked_and_has_no_call(table: CallTable, dynamodb: Any) -> None:
    block(dynamodb, NOW + 1000)
    assert table.find("user-1", NOW) is None
    with pytest.raises(CallerBlocked):
        table.claim(call(1, NOW + 999), RATES)
    assert table.claim(call(1, NOW + 1000), RATES) is None
    assert "BlockedUntil" not in stored(dynamodb)


def test_a_user_who_has_called_can_be_blocked(table: CallTable, dynamodb: Any) -> None:
    table.claim(call(), RATES)
    table.store_answer(answered(call()), RATES)
    table.end(call(), NOW + 1)
    block(dynamodb, NOW + 9_000_000)
    with pytest.raises(CallerBlocked):
        table.claim(call(2, NOW + 8_999_999), RATES)
    assert table.claim(call(2, NOW + 9_000_000), RATES) is None


def test_a_block_is_seen_on_the_call_under_way(table: CallTable, dynamodb: Any) -> None:
    table.claim(call(), RATES)
    table.store_answer(answered(call()), RATES)
    block(dynamodb, NOW + 9_000_000)
    found = table.find("user-1", NOW)
    assert found is not None
    assert found.is_blocked(NOW + 8_999_999)
    assert not found.is_blocked(NOW + 9_000_000)


def test_a_call_of_a_user_who_is_blocked_while_it_starts_is_not_stored(
    table: CallTable, dynamodb: Any
) -> None:
    table.claim(call(), RATES)
    block(dynamodb, NOW + 9_000_000)
    assert not table.store_answer(answered(call()), RATES)
    assert stored(dynamodb)["ExpiresAt"] == {"N": str((NOW + 9_000_000) // 1000 + 1)}


def test_a_reference_is_bound_to_nothing_where_there_is_only_a_block(table: CallTable, dynamodb: Any) -> None:
    block(dynamodb, NOW + 1000)
    assert table.bind("user-1", "reference-1", "contact-1", NOW) is None


def test_the_list_of_starts_does_not_grow_without_end(table: CallTable, dynamodb: Any) -> None:
    for number in range(20):
        at = NOW + number * 30_000_000
        table.claim(call(number, at), RATES)
        table.store_answer(answered(call(number, at)), RATES)
        table.end(call(number, at), at + 1)
    assert len(stored(dynamodb)["Starts"]["L"]) <= RATES[1].calls + 1


def test_only_one_of_many_takes_over_a_crashed_start_and_keeps_its_identity(table: CallTable) -> None:
    crashed = call()
    table.claim(crashed, RATES)
    renewed = table.take_over(crashed, slot_until=NOW + 90_000, reference_until=NOW + 400_000)
    assert renewed == replace(crashed, slot_until=NOW + 90_000, reference_until=NOW + 400_000)
    assert renewed.client_token == crashed.client_token
    assert table.take_over(crashed, slot_until=NOW + 95_000, reference_until=NOW + 400_000) is None


def test_an_answered_or_ended_call_is_not_taken_over(table: CallTable) -> None:
    first = call()
    table.claim(first, RATES)
    table.store_answer(replace(answered(first), slot_until=first.slot_until), RATES)
    assert table.take_over(first, slot_until=NOW + 90_000, reference_until=NOW) is None


def test_an_answer_is_stored_twice_without_harm(table: CallTable) -> None:
    table.claim(call(), RATES)
    assert table.store_answer(answered(call()), RATES)
    assert table.store_answer(answered(call()), RATES)


def test_an_answer_is_refused_when_the_call_ended_or_belongs_to_another_contact(table: CallTable) -> None:
    table.claim(call(), RATES)
    assert table.bind("user-1", "reference-1", "another-contact", NOW)
    assert not table.store_answer(answered(call()), RATES)
    table.end(call(), NOW + 1)
    assert not table.store_answer(answered(call(), "another-contact"), RATES)


def test_the_time_to_live_is_in_seconds_and_outlives_the_call(table: CallTable, dynamodb: Any) -> None:
    table.claim(call(), RATES)
    assert stored(dynamodb)["ExpiresAt"] == {"N": str(NOW // 1000 + 100)}
    table.store_answer(answered(call()), RATES)
    assert stored(dynamodb)["ExpiresAt"] == {"N": str(NOW // 1000 + 7200 + 100)}


def test_ending_is_of_that_call_only_and_keeps_the_first_time(table: CallTable, dynamodb: Any) -> None:
    table.claim(call(), RATES)
    table.end(call(2), NOW + 1)
    assert "EndedAt" not in stored(dynamodb)
    table.end(call(), NOW + 2)
    table.end(call(), NOW + 3)
    assert stored(dynamodb)["EndedAt"] == {"N": str(NOW + 2)}


def test_a_reference_binds_to_the_contact_that_presents_it_first_and_to_no_other(table: CallTable) -> None:
    table.claim(call(), RATES)
    bound = table.bind("user-1", "reference-1", "contact-1", NOW + 5)
    assert bound is not None
    assert (bound.contact_id, bound.context) == ("contact-1", call().context)
    assert table.bind("user-1", "reference-1", "contact-1", NOW + 6) is not None
    assert table.bind("user-1", "reference-1", "contact-2", NOW + 7) is None
    assert table.store_answer(answered(call()), RATES)


@pytest.mark.parametrize(
    ("user_id", "reference", "at"),
    [
        ("user-1", "guessed", NOW),
        ("user-1", "reference-1", NOW + 300_000),
        ("user-2", "reference-1", NOW),
    ],
    ids=["another reference", "expired", "another user"],
)
def test_a_wrong_reference_binds_nothing(table: CallTable, user_id: str, reference: str, at: int) -> None:
    table.claim(call(), RATES)
    assert table.bind(user_id, reference, "contact-1", at) is None


def test_the_reference_of_an_ended_call_is_ended_for_its_own_contact_alone(table: CallTable) -> None:
    table.claim(call(), RATES)
    table.store_answer(answered(call()), RATES)
    table.end(call(), NOW + 1)
    ended = table.bind("user-1", "reference-1", "contact-1", NOW + 2)
    assert ended is not None
    assert ended.ended_at == NOW + 1
    assert table.bind("user-1", "reference-1", "contact-2", NOW + 2) is None


def test_a_user_who_never_called_has_no_call(table: CallTable) -> None:
    assert table.find("user-1", NOW) is None


def test_the_latest_call_is_found_as_it_was_written(table: CallTable) -> None:
    table.claim(call(), RATES)
    assert table.find("user-1", NOW) == call()
    table.store_answer(answered(call()), RATES)
    assert table.find("user-1", NOW) == answered(call())
    assert table.find("user-2", NOW) is None


def test_an_expired_record_is_not_found_although_dynamodb_has_not_removed_it_yet(table: CallTable) -> None:
    table.claim(call(), RATES)
    assert table.find("user-1", NOW + 99_999) is not None
    assert table.find("user-1", NOW + 100_000) is None


def test_a_record_of_before_rejoining_was_possible_is_read(table: CallTable, dynamodb: Any) -> None:
    table.claim(call(), RATES)
    dynamodb.update_item(
        TableName=TABLE,
        Key={"UserId": {"S": "user-1"}},
        UpdateExpression="REMOVE DisplayName, #Capabilities",
        ExpressionAttributeNames={"#Capabilities": "Capabilities"},
    )
    assert table.find("user-1", NOW) == replace(call(), display_name="", capabilities=[])


def test_a_contact_leads_to_its_user_once_it_is_known_and_until_the_next_call(table: CallTable) -> None:
    table.claim(call(), RATES)
    assert table.find_user("contact-1") is None
    table.bind("user-1", "reference-1", "contact-1", NOW)
    assert table.find_user("contact-1") == "user-1"
    assert table.find_user("contact-2") is None
    table.store_answer(answered(call()), RATES)
    table.end(call(), NOW + 1)
    assert table.find_user("contact-1") == "user-1"
    table.claim(call(2, NOW + 2), RATES)
    assert table.find_user("contact-1") is None


EVENTS: dict[str, dict[str, Any]] = {
    "queued": {"queued_at": NOW + 1, "legs": {"contact-1": 0}},
    "connected": {"queued_at": NOW + 1, "connected_at": NOW + 2, "legs": {"contact-1": 0}},
    "transferred": {"legs": {"contact-1": NOW + 3, "contact-2": 0}},
    "ended": {
        "legs": {"contact-1": NOW + 3},
        "ended_at": NOW + 3,
        "ended_by_connect": True,
    },
}


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_stored_once_and_over_the_record_that_it_was_merged_with_alone(
    table: CallTable, event: str
) -> None:
    before = answered(call())
    after = replace(before, **EVENTS[event])
    table.claim(call(), RATES)
    table.store_answer(before, RATES)
    assert table.store_events(before, after)
    assert table.find("user-1", NOW) == after
    assert not table.store_events(before, after)
    assert table.store_events(after, replace(after, legs={**after.legs, "contact-9": 0}))


@pytest.mark.parametrize("first", EVENTS)
@pytest.mark.parametrize("second", EVENTS)
def test_of_two_events_at_once_one_has_to_be_merged_again(table: CallTable, first: str, second: str) -> None:
    before = answered(call())
    table.claim(call(), RATES)
    table.store_answer(before, RATES)
    assert table.store_events(before, replace(before, **EVENTS[first]))
    assert not table.store_events(before, replace(before, **EVENTS[second]))
    assert table.find("user-1", NOW) == replace(before, **EVENTS[first])


def test_a_call_that_goes_on_after_all_is_not_ended_any_more(table: CallTable, dynamodb: Any) -> None:
    before = answered(call())
    ended = replace(before, **EVENTS["ended"])
    reopened = replace(before, **EVENTS["transferred"])
    table.claim(call(), RATES)
    table.store_answer(before, RATES)
    table.store_events(before, ended)
    assert table.store_events(ended, reopened)
    assert table.find("user-1", NOW) == reopened
    assert not stored(dynamodb).keys() & {"EndedAt", "EndedBy"}


def test_an_event_is_stored_neither_over_a_hang_up_of_meanwhile_nor_into_the_next_call(
    table: CallTable,
) -> None:
    before = answered(call())
    after = replace(before, **EVENTS["queued"])
    table.claim(call(), RATES)
    table.store_answer(before, RATES)
    table.end(before, NOW + 5)
    assert not table.store_events(before, after)
    table.claim(call(2, NOW + 6), RATES)
    assert not table.store_events(before, after)
    assert table.find("user-1", NOW) == replace(call(2, NOW + 6), starts=[NOW + 6, NOW])


def test_nothing_of_an_event_shows_through_into_the_next_call(table: CallTable, dynamodb: Any) -> None:
    before = answered(call())
    table.claim(call(), RATES)
    table.store_answer(before, RATES)
    table.store_connection_token(before, "token", NOW + 9)
    table.store_events(before, replace(before, queued_at=NOW, connected_at=NOW, **EVENTS["ended"]))
    assert not stored(dynamodb).keys() & {"ConnectionToken", "ConnectionTokenUntil"}
    assert table.claim(call(2, NOW + 10_000), RATES) is None
    assert not stored(dynamodb).keys() & {
        "QueuedAt", "ConnectedAt", "EndedAt", "EndedBy", "Legs", "Reasons", "FreeAt", "HungUp",
        "ConnectionToken", "ConnectionTokenUntil",
    }  # fmt: skip


def test_a_start_that_nobody_answered_is_given_up_once(table: CallTable) -> None:
    table.claim(call(), RATES)
    assert table.give_up(call(), NOW + 50_000)
    assert not table.give_up(call(), NOW + 60_000)
    found = table.find("user-1", NOW)
    assert found is not None
    assert (found.ended_at, found.ended_by_connect) == (NOW + 50_000, False)


def test_a_start_that_was_taken_over_answered_or_replaced_is_not_given_up(table: CallTable) -> None:
    table.claim(call(), RATES)
    renewed = table.take_over(call(), slot_until=NOW + 90_000, reference_until=NOW + 400_000)
    assert renewed is not None
    assert not table.give_up(call(), NOW + 50_000)
    table.store_answer(answered(renewed), RATES)
    assert not table.give_up(replace(renewed, slot_until=answered(renewed).slot_until), NOW + 50_000)
    table.end(renewed, NOW + 60_000)
    table.claim(call(2, NOW + 70_000), RATES)
    assert not table.give_up(renewed, NOW + 80_000)


def test_an_answer_that_comes_after_its_start_was_given_up_is_refused(table: CallTable) -> None:
    table.claim(call(), RATES)
    table.give_up(call(), NOW + 50_000)
    assert not table.store_answer(answered(call()), RATES)


def test_a_start_is_abandoned_once_and_said_to_be_each_time(table: CallTable) -> None:
    """botocore repeats a write whose answer was lost."""
    table.claim(call(), RATES)
    abandoned = table.abandon(call(), NOW + 1)
    assert abandoned == replace(call(), starts=[], ended_at=NOW + 1)
    assert table.abandon(call(), NOW + 2) == abandoned


def test_a_start_that_was_answered_is_not_abandoned(table: CallTable) -> None:
    table.claim(call(), RATES)
    table.store_answer(answered(call()), RATES)
    standing = table.abandon(call(), NOW + 1)
    assert standing == table.find("user-1", NOW + 1)
    assert standing is not None
    assert (standing.answer, standing.ended_at) == (answered(call()).answer, None)


def test_a_start_that_is_no_longer_the_users_is_not_abandoned(table: CallTable) -> None:
    assert table.abandon(call(), NOW) is None
    table.claim(call(), RATES)
    table.end(call(), NOW + 1)
    table.claim(call(2, NOW + 2), RATES)
    assert table.abandon(call(), NOW + 3) is None
    assert table.find("user-1", NOW + 3) == replace(call(2, NOW + 2), starts=[NOW + 2, NOW])


def test_a_rejoin_replaces_the_answer_and_forgets_the_token_of_the_participant_before(
    table: CallTable,
) -> None:
    before = answered(call())
    table.claim(call(), RATES)
    table.store_answer(before, RATES)
    table.store_connection_token(before, "token", NOW + 9)
    assert table.store_connection(before, "{}")
    assert table.find("user-1", NOW) == replace(before, answer="{}")
    assert table.store_connection(before, "{}")  # written twice because its answer was lost


def test_nobody_rejoins_a_call_that_ended_or_was_followed_by_another(table: CallTable) -> None:
    before = answered(call())
    table.claim(call(), RATES)
    table.store_answer(before, RATES)
    table.end(before, NOW + 1)
    assert not table.store_connection(before, "{}")
    table.claim(call(2, NOW + 2), RATES)
    assert not table.store_connection(before, "{}")


def test_a_token_for_digits_is_kept_with_its_participant_alone(table: CallTable) -> None:
    before = answered(call())
    table.claim(call(), RATES)
    table.store_answer(before, RATES)
    table.store_connection_token(before, "token", NOW + 9)
    kept = replace(before, connection_token="token", connection_token_until=NOW + 9)
    assert table.find("user-1", NOW) == kept
    table.store_connection(before, "{}")
    table.store_connection_token(before, "token of before", NOW + 9)
    assert table.find("user-1", NOW) == replace(before, answer="{}")


def other(number: int = 1, at: int = NOW) -> Call:
    """A call of a transport that learns of its contact only when that presents the reference."""
    return replace(call(number, at), transport="other")


def other_answered(of: Call, call_id: str = "id-1") -> Call:
    return replace(answered(of), call_id=call_id, contact_id=None)


def test_a_call_whose_contact_is_not_known_is_found_as_it_was_written(table: CallTable) -> None:
    assert table.claim(other(), RATES) is None
    assert table.find("user-1", NOW) == other()
    for _ in range(2):
        assert table.store_answer(other_answered(other()), RATES)
        assert table.find("user-1", NOW) == other_answered(other())
    assert table.find_user("id-1") is None


def test_an_answer_leaves_the_contact_that_was_bound_meanwhile(table: CallTable) -> None:
    table.claim(other(), RATES)
    bound = table.bind("user-1", "reference-1", "contact-1", NOW)
    assert bound is not None
    assert (bound.id, bound.contact_id) == (None, "contact-1")
    for _ in range(2):
        assert table.store_answer(other_answered(other()), RATES)
        assert table.find("user-1", NOW) == replace(other_answered(other()), contact_id="contact-1")
    assert table.find_user("contact-1") == "user-1"
    assert table.bind("user-1", "reference-1", "contact-2", NOW) is None


def test_an_answer_with_another_id_or_of_an_ended_call_is_refused(table: CallTable) -> None:
    table.claim(other(), RATES)
    assert table.store_answer(other_answered(other()), RATES)
    assert not table.store_answer(other_answered(other(), "id-2"), RATES)
    table.end(other(), NOW + 1)
    assert not table.store_answer(other_answered(other()), RATES)


def test_calls_of_different_transports_leave_nothing_to_each_other(table: CallTable, dynamodb: Any) -> None:
    table.claim(other(), RATES)
    table.store_answer(other_answered(other()), RATES)
    table.end(other(), NOW + 1)
    following = call(2, NOW + 10)
    table.claim(following, RATES)
    assert table.find("user-1", NOW + 10) == replace(following, starts=[NOW + 10, NOW])
    assert "CallId" not in stored(dynamodb)


def test_an_item_without_a_transport_is_of_a_native_call(table: CallTable, dynamodb: Any) -> None:
    table.claim(call(), RATES)
    dynamodb.update_item(
        TableName=TABLE,
        Key={"UserId": {"S": "user-1"}},
        UpdateExpression="REMOVE #Transport",
        ExpressionAttributeNames={"#Transport": "Transport"},
    )
    assert table.find("user-1", NOW) == call()


def refusal(code: str, status: int) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "SECRET"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "UpdateItem")


class RefusingClient:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def update_item(self, **_: object) -> None:
        raise self.error

    get_item = query = update_item


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refusal("ProvisionedThroughputExceededException", 400), CapacityReached),
        (refusal("ThrottlingException", 400), CapacityReached),
        (refusal("RequestLimitExceeded", 400), CapacityReached),
        (refusal("Unheard", 429), CapacityReached),
        (refusal("InternalServerError", 500), Unavailable),
        (refusal("RequestTimeout", 400), TimedOut),
        (refusal("RequestTimeoutException", 408), TimedOut),
        (refusal("Unheard", 408), TimedOut),
        (refusal("AccessDeniedException", 400), ConfigurationFault),
        (refusal("ResourceNotFoundException", 400), ConfigurationFault),
        (refusal("ValidationException", 400), ConfigurationFault),
        (ReadTimeoutError(endpoint_url="x"), TimedOut),
        (EndpointConnectionError(endpoint_url="x"), Unavailable),
        (NoCredentialsError(), ConfigurationFault),
    ],
    ids=lambda value: getattr(value, "__name__", str(value))[:60],
)
def test_each_failure_of_dynamodb_has_a_meaning_and_says_nothing_of_its_text(
    error: Exception, expected: type[ServiceError], capsys: pytest.CaptureFixture[str]
) -> None:
    table = CallTable(RefusingClient(error), TABLE)
    for attempt in (
        lambda: table.claim(call(), RATES),
        lambda: table.store_answer(answered(call()), RATES),
        lambda: table.end(call(), NOW),
        lambda: table.bind("u", "r", "c", NOW),
        lambda: table.take_over(call(), slot_until=1, reference_until=1),
        lambda: table.give_up(call(), NOW),
        lambda: table.find("user-1", NOW),
        lambda: table.find_user("contact-1"),
        lambda: table.store_events(call(), replace(call(), queued_at=NOW)),
        lambda: table.store_connection(call(), "{}"),
        lambda: table.store_connection_token(answered(call()), "token", NOW),
    ):
        with pytest.raises(expected) as raised:
            attempt()
        assert "SECRET" not in str(raised.value)
    assert "SECRET" not in capsys.readouterr().out


class SurprisingClient:
    """DynamoDB answers, with something else than it promises."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    def __getattr__(self, _: str) -> Any:
        return lambda **_: self._answer


WHOLE: dict[str, Any] = {
    **{name: {"S": "reference-1"} for name in ("UserId", "IdempotencyKey", "RequestHash", "Reference")},
    **{name: {"N": "99999999999"} for name in ("StartedAt", "ReferenceUntil", "SlotUntil", "ExpiresAt")},
    "Context": {"M": {}},
    "Starts": {"L": []},
}
DAMAGES: list[Any] = [
    None, {}, {"N": "x"}, {"S": 5}, {"L": {}}, {"L": [{}]}, {"M": []}, {"M": {"a": {}}}, "text", 7
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
@pytest.mark.parametrize(
    "name", [*WHOLE, "Legs", "Reasons", "Previous", "Capabilities", "BlockedUntil", "Answer"]
)
def test_a_record_of_another_shape_is_a_mapped_error_or_read(name: str, damage: Any) -> None:
    item = {**WHOLE, name: damage}
    for answer in ({"Item": item, "Attributes": item, "Items": [item]}, {}):
        table = CallTable(SurprisingClient(answer), TABLE)
        attempts: list[Callable[[], object]] = [
            partial(table.find, "user-1", NOW),
            partial(table.bind, "user-1", "reference-1", "contact-1", NOW),
            partial(table.take_over, call(), slot_until=1, reference_until=1),
            partial(table.abandon, call(), NOW),
            partial(table.claim, call(), RATES),
            partial(table.store_answer, answered(call()), RATES),
            partial(table.find_user, "contact-1"),
        ]
        for attempt in attempts:
            with suppress(AnswerIncomplete):
                attempt()


def test_answers_without_what_must_be_there_are_mapped_errors() -> None:
    table = CallTable(SurprisingClient({}), TABLE)
    attempts: list[Callable[[], object]] = [
        partial(table.bind, "user-1", "reference-1", "contact-1", NOW),
        partial(table.take_over, call(), slot_until=1, reference_until=1),
        partial(table.abandon, call(), NOW),
    ]
    for attempt in attempts:
        with pytest.raises(AnswerIncomplete):
            attempt()
    assert table.find("user-1", NOW) is None
    assert table.find_user("contact-1") is None


def test_a_refusal_that_does_not_show_what_stands_in_the_way_is_a_mapped_error() -> None:
    refused = ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "UpdateItem")
    table = CallTable(RefusingClient(refused), TABLE)
    with pytest.raises(AnswerIncomplete):
        table.claim(call(), RATES)
    assert table.abandon(call(), NOW) is None
    assert table.bind("user-1", "reference-1", "contact-1", NOW) is None


def test_an_end_removes_the_token_for_digits(table: CallTable, dynamodb: Any) -> None:
    before = answered(call())
    table.claim(call(), RATES)
    table.store_answer(before, RATES)
    table.store_connection_token(before, "token", NOW + 9)
    assert stored(dynamodb).keys() >= {"ConnectionToken", "ConnectionTokenUntil"}
    table.end(before, NOW + 5)
    assert not stored(dynamodb).keys() & {"ConnectionToken", "ConnectionTokenUntil"}


def test_an_abandoned_start_leads_from_its_contact_to_its_user(table: CallTable) -> None:
    table.claim(call(), RATES)
    left = table.abandon(replace(call(), contact_id="contact-1"), NOW + 1)
    assert left is not None
    assert (left.contact_id, left.ended_at, left.starts) == ("contact-1", NOW + 1, [])
    assert table.find_user("contact-1") == "user-1"


def test_an_abandoned_start_keeps_the_contact_that_presented_its_reference(table: CallTable) -> None:
    table.claim(call(), RATES)
    table.bind("user-1", "reference-1", "presented", NOW)
    left = table.abandon(replace(call(), contact_id="contact-1"), NOW + 1)
    assert left is not None
    assert left.contact_id == "presented"


def test_a_refused_start_counts_and_shows_when_one_was_refused_before(table: CallTable) -> None:
    table.claim(call(), RATES)
    first = table.abandon(call(), NOW + 1, counted=RATES)
    table.claim(call(2, NOW + 2), RATES)
    second = table.abandon(call(2, NOW + 2), NOW + 3, counted=RATES)
    assert first is not None
    assert second is not None
    assert (first.refused_before, second.refused_before) == (0, NOW + 1)
    assert second.starts == [NOW + 2, NOW]
    assert table.claim(call(3, NOW + 4), RATES) is not None


def test_a_call_that_continues_another_is_stored_as_that_and_the_next_is_not(table: CallTable) -> None:
    continuing = replace(
        call(), previous_id="before", previous_ended_at=NOW - 5, related_contact_id="contact-0"
    )
    table.claim(continuing, RATES)
    assert table.find("user-1", NOW) == continuing
    table.end(continuing, NOW + 1)
    table.claim(call(2, NOW + 2), RATES)
    found = table.find("user-1", NOW)
    assert found is not None
    assert (found.came_back, found.related_contact_id) == (False, None)


@pytest.mark.parametrize("contact_id", [None, "contact-1"])
def test_an_end_by_connect_alone_has_no_live_contact_sent_away(
    table: CallTable, contact_id: str | None
) -> None:
    table.claim(call(), RATES)
    before = call()
    if contact_id is not None:
        table.bind("user-1", "reference-1", contact_id, NOW)
        before = replace(before, contact_id=contact_id)
    assert table.store_events(before, replace(before, **EVENTS["ended"]))
    bound = table.bind("user-1", "reference-1", "contact-1", NOW + 1)
    assert bound is not None
    assert bound.ended_by_connect == (contact_id is not None)
    assert table.bind("user-1", "reference-1", "another", NOW + 1) is None or contact_id is None
    late = table.bind("user-1", "reference-1", "contact-1", call().reference_until)
    assert (late is None) == (contact_id is not None)
