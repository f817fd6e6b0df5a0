from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from runtime.errors import (
    AnswerIncomplete,
    CapacityReached,
    ServiceError,
    TimedOut,
    Unavailable,
)

from caller_context.domain import verify
from calls.errors import (
    CallActive,
    CallEnded,
    IdempotencyKeyReused,
    InvalidRequest,
    NotPossibleNow,
    RateExceeded,
    RequestInProgress,
    StartRefused,
)
from calls.interfaces import Credential
from calls.record import Call, Rate
from calls.start_call_request import MAX_ATTRIBUTES_BYTES, size_of
from calls.webrtc import WebRtc
from start_call.caller import Caller
from tests.lambdas.backend import ADA, LIMITS, Backend, dying
from tests.lambdas.conftest import BILLING_FLOW_ARN, FLOW_ARN, INSTANCE_ARN
from tests.lambdas.events import START
from tests.lambdas.fake_aws import Answer
from tests.lambdas.fake_dynamodb import FakeDynamoDb


@pytest.fixture
def backend(dynamodb: Any) -> Backend:
    return Backend(dynamodb)


def test_a_contact_carries_the_verified_context_and_a_reference_of_its_own(backend: Backend) -> None:
    started = backend.call(attributes={"order_id": "A-1"}, capabilities=frozenset({"Video"}))
    (start,) = backend.starts()
    reference = start["Attributes"].pop("auth_token")
    assert len(reference) == 192 / 6  # bits, of six to a character
    assert start == {
        "InstanceId": INSTANCE_ARN.rpartition("/")[2],
        "ContactFlowId": FLOW_ARN.rpartition("/")[2],
        "ClientToken": start["ClientToken"],
        "ParticipantDetails": {"DisplayName": "Ada"},
        "Attributes": {
            "customer_id": "user-1",
            "display_name": "Ada",
            "name_source": "token",
            "topic": "none",
            "auth_time": "1790000000",
            "customer_email": "ada@example.com",
            "order_id": "A-1",
        },
        "AllowedCapabilities": {"Customer": {"Video": "SEND"}, "Agent": {"Video": "SEND"}},
    }
    bound = backend.table.bind("user-1", reference, started.contact_id, START)
    assert bound is not None
    assert bound.context == {
        **ADA.context,
        "display_name": "Ada",
        "name_source": "token",
        "topic": "none",
    }


def test_the_topic_of_a_call_is_part_of_its_proof(backend: Backend) -> None:
    started = backend.call(topic="billing", attributes={"topic": "FORGED"})
    reference = backend.starts()[0]["Attributes"]["auth_token"]
    credential = Credential(user_id="user-1", reference=reference, contact_id=started.contact_id)
    assert verify(credential, backend.table, backend.now)["topic"] == "billing"


def test_an_audio_call_of_a_topic_has_no_capability_and_enters_its_flow(backend: Backend) -> None:
    backend.call(contact_flow_arn=BILLING_FLOW_ARN)
    (start,) = backend.starts()
    assert "AllowedCapabilities" not in start
    assert start["ContactFlowId"] == BILLING_FLOW_ARN.rpartition("/")[2]


@pytest.mark.parametrize(
    ("in_token", "sent", "shown", "source"),
    [
        ("Ada", "Countess (verified)", "Ada", "token"),
        ("Ada", None, "Ada", "token"),
        ("", "Countess", "Countess", "caller"),
        ("", None, "Customer", "none"),
    ],
)
def test_the_agent_sees_the_tokens_name_and_else_whose_word_it_is(
    backend: Backend, in_token: str, sent: str | None, shown: str, source: str
) -> None:
    backend.call(caller=replace(ADA, display_name=in_token), display_name=sent)
    (start,) = backend.starts()
    assert start["ParticipantDetails"] == {"DisplayName": shown}
    assert start["Attributes"]["name_source"] == source
    assert start["Attributes"]["display_name"] == shown
    credential = Credential(
        user_id="user-1",
        reference=start["Attributes"]["auth_token"],
        contact_id=backend.record().contact_id or "",
    )
    assert verify(credential, backend.table, backend.now)["name_source"] == source


def test_a_contact_is_born_unverified(backend: Backend) -> None:
    """An adopted flow that reads attributes alone reads nothing false."""
    backend.call()
    assert "auth_status" not in backend.starts()[0]["Attributes"]


def test_trusted_attributes_replace_what_is_sent_under_their_names(backend: Backend) -> None:
    """The configuration lets nobody send them: this holds if it did."""
    trusted = ("customer_id", "auth_time", "customer_email", "name_source", "auth_token")
    backend.call(attributes=dict.fromkeys(trusted, "FORGED"))
    (start,) = backend.starts()
    assert "FORGED" not in start["Attributes"].values()


def test_a_second_tap_with_the_same_key_gets_the_first_call(backend: Backend) -> None:
    first = backend.call()
    backend.now += 1000
    second = backend.call()
    assert (second.contact_id, second.body) == (first.contact_id, first.body)
    assert (first.replayed, second.replayed) == (False, True)
    assert len(backend.starts()) == 1


def test_a_replay_is_still_answered_after_the_call_has_ended(backend: Backend) -> None:
    first = backend.call()
    backend.end()
    assert backend.call().contact_id == first.contact_id


def test_a_key_that_comes_back_after_the_window_is_a_new_call_once_the_old_one_ended(
    backend: Backend,
) -> None:
    first = backend.call()
    backend.now += 600_000
    with pytest.raises(CallActive):
        backend.call()
    backend.end()
    assert backend.call().contact_id != first.contact_id


def test_a_key_answers_its_call_until_the_user_starts_another(backend: Backend) -> None:
    first = backend.call("first")
    with pytest.raises(CallActive):
        backend.call("second")
    backend.end()
    assert backend.call("first").replayed
    second = backend.call("second")
    with pytest.raises(CallActive) as refused:
        backend.call("first")
    assert refused.value.contact_id == second.contact_id
    backend.end()
    third = backend.call("first")
    assert not third.replayed
    assert third.contact_id not in {first.contact_id, second.contact_id}


def test_the_same_key_with_another_body_is_refused(backend: Backend) -> None:
    backend.call()
    with pytest.raises(IdempotencyKeyReused):
        backend.call(display_name="Grace")


@pytest.mark.parametrize("key", ["another tap", None])
def test_another_call_of_the_same_user_is_refused_and_the_active_one_named(
    backend: Backend, key: str | None
) -> None:
    first = backend.call(key=None)
    with pytest.raises(CallActive) as refused:
        backend.call(key=key)
    assert refused.value.contact_id == first.contact_id
    assert refused.value.retry_after is None


def test_another_user_can_call_at_the_same_time_with_the_same_key(backend: Backend) -> None:
    grace = Caller(user_id="user-2", display_name="Grace", context={"customer_id": "user-2"})
    assert backend.call().contact_id != backend.call(caller=grace).contact_id


def test_a_user_who_called_too_often_hears_when_to_call_again(backend: Backend) -> None:
    for number in range(3):
        backend.call(key=f"tap-{number}")
        backend.now += 10_000
        backend.end()
    with pytest.raises(RateExceeded) as refused:
        backend.call(key="tap-3")
    assert refused.value.retry_after == 30
    backend.now += 30_000
    backend.call(key="tap-3")


def set_by_flow(context: Mapping[str, str], *, verified: bool) -> dict[str, str]:
    """What the shipped flows set on a contact."""
    proved = {**context, "came_back": "false", "profileSearchValue": context["customer_id"]}
    return {
        **(proved if verified else dict.fromkeys(proved, "unknown")),
        "auth_status": "verified" if verified else "unverified",
        "profileSearchKey": "_account",
    }


@pytest.mark.parametrize("topic", [None, "billing"])
@pytest.mark.parametrize("tier", ["", "gold", "a much longer tier"])
def test_attributes_may_fill_a_contact_until_no_flow_could_set_its_own(
    backend: Backend, topic: str | None, tier: str
) -> None:
    """cases/01: a proved caller must not reach the unverified queue for want of a few bytes."""
    caller = replace(ADA, context={**ADA.context, "tier": tier})

    def attributes(length: int) -> dict[str, str]:
        return {"page": "x" * length}

    def most_ever(length: int) -> int:
        (start,) = backend.starts()[-1:]
        context = backend.record().context
        return max(
            size_of({**start["Attributes"], **set_by_flow(context, verified=verified)})
            for verified in (True, False)
        )

    backend.call(caller=caller, topic=topic, attributes=attributes(0))
    room = MAX_ATTRIBUTES_BYTES - most_ever(0)
    backend.end()
    backend.now += 1
    backend.call(key="fits", caller=caller, topic=topic, attributes=attributes(room))
    assert most_ever(room) == MAX_ATTRIBUTES_BYTES
    backend.end()
    backend.now += 1
    requests, starts = len(backend.connect.requests), backend.record().starts
    with pytest.raises(InvalidRequest):
        backend.call(key="no room", caller=caller, topic=topic, attributes=attributes(room + 1))
    assert len(backend.connect.requests) == requests
    assert backend.record().starts == starts  # it costs the user no start


# Of a long value most is needed by a proved caller, of a short one by any other ("unknown").
@pytest.mark.parametrize("tier", ["", "a much longer tier than that"])
def test_room_for_what_flows_set_beside_is_kept_free(backend: Backend, tier: str) -> None:
    caller, beside = replace(ADA, context={**ADA.context, "tier": tier}), 100

    def fits(length: int, key: str) -> bool:
        try:
            backend.call(key=key, caller=caller, attributes={"page": "x" * length})
        except InvalidRequest:
            return False
        backend.end()
        backend.now += 60_000
        return True

    room = next(length for length in range(MAX_ATTRIBUTES_BYTES, 0, -1) if fits(length, "alone"))
    backend.use(
        WebRtc(
            backend.table,
            backend.instance,
            backend.participants,
            backend.time,
            instance_arn=INSTANCE_ARN,
            flow_bytes=beside,
        )
    )
    assert not fits(room - beside + 1, "one too many")
    assert fits(room - beside, "with room")


FAULTS: list[tuple[Answer | Exception, type[ServiceError]]] = [
    ((429, "LimitExceededException", {"message": "SECRET"}), CapacityReached),
    ((429, "ThrottlingException", {}), CapacityReached),
    ((400, "ThrottlingException", {}), CapacityReached),
    ((429, "TooManyRequestsException", {}), CapacityReached),
    ((400, "RequestLimitExceeded", {}), CapacityReached),
    ((429, None, {}), CapacityReached),
    ((500, "InternalServiceException", {}), Unavailable),
    ((502, None, {}), Unavailable),
    ((503, "ServiceUnavailable", {}), Unavailable),
    ((400, "InvalidRequestException", {"message": "SECRET"}), StartRefused),
    ((400, "InvalidParameterException", {}), StartRefused),
    ((404, "ResourceNotFoundException", {}), StartRefused),
    ((403, "AccessDeniedException", {}), StartRefused),
    ((418, "UnheardOfException", {}), StartRefused),
    ((408, None, {}), TimedOut),
    ((400, "RequestTimeout", {}), TimedOut),
    ((200, None, {"garbage": True}), AnswerIncomplete),
    ((200, None, {"ConnectionData": "text"}), AnswerIncomplete),
    ((200, None, {"ContactId": 5}), AnswerIncomplete),
    ((200, None, {}), AnswerIncomplete),
    (ReadTimeoutError(endpoint_url="x"), TimedOut),
    (EndpointConnectionError(endpoint_url="x"), Unavailable),
]


@pytest.mark.parametrize(("fault", "expected"), FAULTS, ids=lambda value: str(value)[:50])
def test_each_failure_of_connect_has_its_error_and_leaves_the_user_free_to_try_again(
    backend: Backend, fault: Answer | Exception, expected: type[ServiceError]
) -> None:
    backend.connect.start_faults = [fault, fault]  # botocore repeats some of them once
    with pytest.raises(expected) as raised:
        backend.call()
    assert "SECRET" not in str(raised.value)
    assert not backend.connect.active
    backend.connect.start_faults.clear()
    backend.now += 1
    assert backend.call().contact_id in backend.connect.active


def test_a_retry_after_a_failure_is_another_contact_for_connect(backend: Backend) -> None:
    backend.connect.start_faults = [(400, "InvalidRequestException", {})]
    with pytest.raises(StartRefused):
        backend.call()
    backend.now += 1
    backend.call()
    first, second = backend.starts()
    assert first["ClientToken"] != second["ClientToken"]
    assert first["Attributes"]["auth_token"] != second["Attributes"]["auth_token"]


def test_one_lost_answer_is_repeated_as_the_same_contact(backend: Backend) -> None:
    backend.connect.start_faults = [ReadTimeoutError(endpoint_url="x")]
    assert [backend.call().contact_id] == backend.connect.active
    first, second = backend.starts()
    assert first == second


PARTS = ["ParticipantToken", "ConnectionData", "ParticipantId"]


@pytest.mark.parametrize("part", PARTS)
def test_a_contact_that_the_app_cannot_join_is_stopped_and_another_tried_once(
    backend: Backend, part: str
) -> None:
    backend.connect.alter_answer = lambda answer: answer.pop(part)
    with pytest.raises(AnswerIncomplete):
        backend.call()
    assert len(backend.connect.stopped) == 2
    assert not backend.connect.active


def lose_answers_of(backend: Backend, times: int) -> None:
    """Connect starts contacts, and for a repeated client token it answers no more than is documented."""
    seen: dict[str, int] = {}

    def answer_id_alone(answer: dict[str, Any]) -> None:
        first = answer["ContactId"] not in seen
        seen[answer["ContactId"]] = 1
        if first and len(seen) <= times:
            raise ReadTimeoutError(endpoint_url="x")
        if not first:
            for part in PARTS:
                answer.pop(part)

    backend.connect.alter_answer = answer_id_alone


def test_a_contact_that_connect_finds_again_without_its_credentials_is_replaced(backend: Backend) -> None:
    """A repeated ClientToken promises the contact id alone."""
    lose_answers_of(backend, 1)
    started = backend.call()
    (lost,) = backend.connect.stopped
    assert backend.connect.active == [started.contact_id]
    tokens = [(start["ClientToken"], start["Attributes"]["auth_token"]) for start in backend.starts()]
    assert tokens[0] == tokens[1]
    assert tokens[2][0] != tokens[0][0]
    assert tokens[2][1] != tokens[0][1]
    # The flow sends the first one away, if it comes so far.
    contact = Credential(user_id="user-1", reference=tokens[0][1], contact_id=lost)
    assert verify(contact, backend.table, backend.now) == {"auth_status": "abandoned"}
    assert backend.record().starts == [START]  # one tap, one start
    assert backend.call().body == started.body


def test_a_crashed_start_that_connect_finds_without_credentials_is_replaced(backend: Backend) -> None:
    crash_in(backend, "start", before=False)
    (lost,) = backend.connect.active

    def answer_id_alone(answer: dict[str, Any]) -> None:
        for part in PARTS if answer["ContactId"] == lost else ():
            answer.pop(part)

    backend.connect.alter_answer = answer_id_alone
    backend.now += 40_000
    started = backend.call()
    assert backend.connect.stopped == [lost]
    assert backend.connect.active == [started.contact_id]


def test_an_unusable_contact_that_cannot_be_stopped_is_followed_by_no_other(backend: Backend) -> None:
    lose_answers_of(backend, 1)
    backend.connect.stop_faults = [(500, "InternalServiceException", {})] * 2
    with pytest.raises(AnswerIncomplete):
        backend.call()
    assert len(backend.connect.contacts) == 1


@pytest.mark.parametrize("event", ["INITIATED", "QUEUED"])
def test_a_contact_that_could_be_neither_joined_nor_stopped_is_found_by_its_events(
    backend: Backend, event: str
) -> None:
    backend.connect.alter_answer = lambda answer: answer.pop("ParticipantToken")
    backend.connect.stop_faults = [(500, "InternalServiceException", {})] * 2
    with pytest.raises(AnswerIncomplete):
        backend.call()
    (contact_id,) = backend.connect.active
    assert backend.table.find_user(contact_id) == "user-1"
    backend.deliver(event, contact_id)
    assert not backend.connect.active


def test_a_contact_that_cannot_be_stored_or_stopped_is_named_in_the_log(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, written: Callable[[], str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Unavailable("the table is away")

    monkeypatch.setattr(backend.table, "abandon", fail)
    backend.connect.alter_answer = lambda answer: answer.pop("ParticipantToken")
    backend.connect.stop_faults = [(500, "InternalServiceException", {})] * 2
    with pytest.raises(AnswerIncomplete):
        backend.call()
    (contact_id,) = backend.connect.active
    assert contact_id in written()


@pytest.mark.parametrize(
    "stop_fault",
    [
        (410, "ContactNotFoundException", {}),
        (404, "ResourceNotFoundException", {}),
        (500, "InternalServiceException", {}),
        (403, "AccessDeniedException", {}),
        ReadTimeoutError(endpoint_url="x"),
    ],
    ids=str,
)
def test_a_contact_that_cannot_be_stopped_either_changes_nothing_for_the_caller(
    backend: Backend, stop_fault: Answer | Exception
) -> None:
    backend.connect.alter_answer = lambda answer: answer.pop("ParticipantToken")
    backend.connect.stop_faults = [stop_fault, stop_fault]
    with pytest.raises(AnswerIncomplete):
        backend.call()
    backend.connect.alter_answer = lambda _: None
    backend.connect.stop_faults = []
    backend.now += 1
    started = backend.call()
    assert started.contact_id in backend.connect.active


def leave_unstopped(backend: Backend) -> str:
    """A start fails with a contact that Connect does not stop either; the contact."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend.connect, "alter_answer", lambda answer: answer.pop("ParticipantToken"))
        patch.setattr(backend.connect, "stop_faults", [(400, "InvalidRequestException", {})])
        with pytest.raises(AnswerIncomplete):
            backend.call()
    (contact_id,) = backend.connect.active
    return contact_id


@pytest.mark.parametrize("key", ["tap", "another tap"])
def test_no_call_starts_beside_the_contact_of_a_failed_start(backend: Backend, key: str) -> None:
    left = leave_unstopped(backend)
    backend.connect.stop_faults = [(400, "InvalidRequestException", {})]
    with pytest.raises(NotPossibleNow) as refused:
        backend.call(key=key)
    assert refused.value.retry_after == 1
    assert backend.connect.active == [left]
    started = backend.call(key=key)
    assert backend.connect.active == [started.contact_id]


def test_a_hang_up_stops_the_contact_of_a_failed_start(backend: Backend) -> None:
    left = leave_unstopped(backend)
    backend.call_control.hang_up("user-1", left)
    assert not backend.connect.active


def test_a_contact_whose_end_is_known_is_not_stopped_again(backend: Backend) -> None:
    left = leave_unstopped(backend)
    backend.deliver("DISCONNECTED", left, ended=3)
    requests = len(backend.connect.requested("StopContact"))
    backend.call()
    assert len(backend.connect.requested("StopContact")) == requests


def test_two_starts_that_clear_the_same_away_at_once_have_one_winner(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = leave_unstopped(backend)
    stop = backend.instance.stop

    def stop_and_lose(contact_id: str) -> None:
        monkeypatch.setattr(backend.instance, "stop", stop)
        stop(contact_id)
        backend.call(key="faster")

    monkeypatch.setattr(backend.instance, "stop", stop_and_lose)
    with pytest.raises(CallActive):
        backend.call(key="slower")
    assert left not in backend.connect.active
    assert len(backend.connect.active) == 1


def test_a_start_that_meets_two_failed_ones_is_to_come_again(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_unstopped(backend)
    stop = backend.instance.stop

    def stop_and_leave(contact_id: str) -> None:
        monkeypatch.setattr(backend.instance, "stop", stop)
        stop(contact_id)
        backend.deliver("DISCONNECTED", contact_id, ended=3)
        leave_unstopped(backend)

    monkeypatch.setattr(backend.instance, "stop", stop_and_leave)
    with pytest.raises(CallActive) as refused:
        backend.call(key="slower")
    assert (refused.value.contact_id, refused.value.retry_after) == (None, 1)
    backend.call(key="slower")
    assert len(backend.connect.active) == 1


def test_a_crashed_start_that_another_request_cleared_away_halfway_is_not_taken_for_stopped(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = backend.leave_unanswered()
    backend.now += 40_000
    take_over = backend.table.take_over

    def lose(crashed: Call, **until: int) -> Call | None:
        faster = take_over(crashed, **until)
        assert faster is not None
        backend.table.abandon(faster, backend.now)  # and dies before it stops the contact
        return take_over(crashed, **until)

    with monkeypatch.context() as racing:
        racing.setattr(backend.table, "take_over", lose)
        with pytest.raises(CallActive):
            backend.call(key="next")
    assert backend.connect.active == [left]
    assert [backend.call(key="next").contact_id] == backend.connect.active


def test_a_contact_that_cannot_be_joined_costs_no_request_twice(backend: Backend) -> None:
    lose_answers_of(backend, 1)
    started = backend.call()
    assert len(backend.connect.requested("StopContact")) == 1
    assert backend.connect.active == [started.contact_id]


def test_a_start_whose_answer_cannot_be_stored_is_stopped(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise Unavailable("the table is away")

    monkeypatch.setattr(backend.table, "store_answer", fail)
    with pytest.raises(Unavailable):
        backend.call()
    assert not backend.connect.active


def test_an_answer_that_was_stored_but_not_confirmed_is_the_answer_of_every_request(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second tap may have been answered with it by then: its contact must not be stopped."""
    store = backend.table.store_answer
    second_tap = []

    def lose_the_answer(call: Call, rates: Sequence[Rate]) -> bool:
        store(call, rates)
        second_tap.append(backend.call(key="tap"))
        raise TimedOut("the table is slow")

    monkeypatch.setattr(backend.table, "store_answer", lose_the_answer)
    first = backend.call(key="tap")
    assert not first.replayed
    assert second_tap == [replace(first, replayed=True)]
    assert backend.connect.active == [first.contact_id]


def test_an_answer_that_comes_to_the_table_after_its_start_was_given_up_is_refused(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = backend.table.store_answer
    late = []

    def be_late(call: Call, rates: Sequence[Rate]) -> bool:
        late.append(call)
        raise TimedOut("the table is slow")

    with monkeypatch.context() as slow:
        slow.setattr(backend.table, "store_answer", be_late)
        with pytest.raises(TimedOut):
            backend.call(key="tap")
    assert not store(late[0], LIMITS.rates)
    backend.now += 1
    again = backend.call(key="tap")
    assert not again.replayed
    assert backend.connect.active == [again.contact_id]


def test_a_slow_start_that_was_taken_over_leaves_the_call_of_the_one_that_took_it(
    backend: Backend,
) -> None:
    """The function was frozen for longer than its lease, and then Connect refuses it."""
    taken_over = []

    def freeze(_: dict[str, Any]) -> None:
        backend.connect.alter_answer = lambda _: None
        backend.now += LIMITS.start_lease_seconds * 1000
        taken_over.append(backend.call(key="tap"))
        backend.connect.start_faults = [(403, "AccessDeniedException", {})]
        raise ReadTimeoutError(endpoint_url="x")

    backend.connect.alter_answer = freeze
    slow = backend.call(key="tap")
    assert slow == replace(taken_over[0], replayed=True)
    assert backend.connect.active == [slow.contact_id]


@pytest.mark.parametrize(
    "fault",
    [(429, "LimitExceededException", {}), (500, "InternalServiceException", {}), (408, "RequestTimeout", {})],
    ids=str,
)
def test_starts_that_failed_for_no_fault_of_their_own_do_not_use_up_the_users_rate(
    backend: Backend, fault: Answer
) -> None:
    for tap in range(2 * LIMITS.rates[1].calls):
        backend.connect.start_faults = [fault, fault]
        with pytest.raises((CapacityReached, Unavailable, TimedOut)):
            backend.call(key=f"tap-{tap}")
        backend.now += 1
    backend.connect.start_faults = []
    backend.call(key="at-last")


@pytest.mark.parametrize(
    "fault", [(400, "InvalidRequestException", {}), (403, "AccessDeniedException", {})], ids=str
)
def test_starts_that_connect_refused_count_and_the_first_alone_may_alarm(
    backend: Backend, fault: Answer
) -> None:
    repeated = []
    for tap in range(60):
        backend.connect.start_faults = [fault]
        with pytest.raises((StartRefused, RateExceeded)) as refused:
            backend.call(key=f"tap-{tap}")
        if isinstance(refused.value, StartRefused):
            repeated.append(refused.value.is_repeated)
        backend.now += 28
    assert repeated == [False, True, True]
    assert len(backend.starts()) == LIMITS.rates[0].calls
    backend.now += 3_600_000
    with pytest.raises(StartRefused) as again:
        backend.call(key="an hour later")
    assert not again.value.is_repeated


def test_refused_starts_do_not_grow_the_record_without_end(
    backend: Backend, fake_dynamodb: FakeDynamoDb
) -> None:
    for day in range(30):
        backend.connect.start_faults = [(400, "InvalidRequestException", {})]
        with pytest.raises(StartRefused):
            backend.call(key=f"day-{day}")
        backend.now += LIMITS.rates[1].seconds * 1000
    item = fake_dynamodb.item("user-1")
    assert len(item["Starts"]["L"]) <= LIMITS.rates[1].calls


def test_a_lost_request_has_a_time_out_and_is_no_fault_of_the_deployment(
    backend: Backend, written: Callable[[], str]
) -> None:
    backend.connect.start_faults = [(408, "RequestTimeout", {})] * 2
    with pytest.raises(TimedOut):
        backend.call()
    assert "ConfigurationFault" not in written()


@pytest.mark.parametrize("step", ["stop", "abandon"])
def test_a_crashed_start_that_cannot_be_cleared_away_lets_no_other_begin(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Its contact would be forgotten."""

    def fail(*_: object) -> None:
        raise Unavailable("away")

    contact_id = backend.leave_unanswered()
    backend.now += LIMITS.start_lease_seconds * 1000
    with monkeypatch.context() as away:
        away.setattr(backend.instance if step == "stop" else backend.table, step, fail)
        with pytest.raises(Unavailable):
            backend.call(key="next")
    assert backend.record().contact_id == contact_id
    with pytest.raises(CallActive) as refused:
        backend.call(key="next")
    assert refused.value.retry_after == 1
    backend.now += LIMITS.start_lease_seconds * 1000
    backend.call(key="next")
    assert contact_id in backend.connect.stopped


def test_a_contact_that_comes_to_its_flow_while_its_crashed_start_is_cleared_away_is_stopped(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact_id = backend.leave_unanswered(bound=False)
    (start,) = backend.starts()
    backend.now += LIMITS.start_lease_seconds * 1000
    abandon = backend.table.abandon

    def bind_first(call: Call, now: int) -> Call | None:
        monkeypatch.setattr(backend.table, "abandon", abandon)
        assert backend.table.bind("user-1", start["Attributes"]["auth_token"], contact_id, now)
        return abandon(call, now)

    monkeypatch.setattr(backend.table, "abandon", bind_first)
    backend.call(key="next")
    assert contact_id in backend.connect.stopped


def test_a_crashed_start_that_is_repeated_while_another_key_clears_it_away_has_one_winner(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact_id = backend.leave_unanswered()
    backend.now += LIMITS.start_lease_seconds * 1000
    stop = backend.instance.stop
    repeated: list[object] = []

    def repeat_first(contact: str) -> None:
        monkeypatch.setattr(backend.instance, "stop", stop)
        try:
            repeated.append(backend.call())
        except ServiceError as error:
            repeated.append(error)
        stop(contact)

    monkeypatch.setattr(backend.instance, "stop", repeat_first)
    other = backend.call(key="other")
    assert isinstance(repeated[0], RequestInProgress)
    assert backend.connect.active == [other.contact_id]
    assert contact_id in backend.connect.stopped


@pytest.mark.parametrize("failures", [1, 2])
def test_a_contact_of_a_failed_start_is_sent_away_though_its_user_has_called_again(
    failures: int, backend: Backend
) -> None:
    """The official sample repeats a failed start at once, twice at most."""

    def lose(_: dict[str, Any]) -> None:
        raise ReadTimeoutError(endpoint_url="x")

    backend.connect.alter_answer = lose
    for _ in range(failures):
        with pytest.raises(TimedOut):
            backend.call()
        backend.now += 1
    failed = {start["Attributes"]["auth_token"] for start in backend.starts()}
    backend.connect.alter_answer = lambda _: None
    started = backend.call()
    assert len(failed) == failures
    for reference in failed:
        contact = Credential(user_id="user-1", reference=reference, contact_id="late")
        assert verify(contact, backend.table, backend.now) == {"auth_status": "abandoned"}
    assert backend.record().contact_id == started.contact_id


@pytest.mark.parametrize("key", ["tap-1", "another tap"])
def test_a_start_whose_claim_is_not_confirmed_leaves_the_user_free_to_try_again(
    key: str, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = backend.table.claim

    def claim_unconfirmed(call: Call, rates: Sequence[Rate], *, cleared: str) -> Call | None:
        monkeypatch.setattr(backend.table, "claim", claim)
        claim(call, rates, cleared=cleared)
        raise TimedOut("The answer was lost.")

    monkeypatch.setattr(backend.table, "claim", claim_unconfirmed)
    with pytest.raises(TimedOut):
        backend.call(key="tap-1")
    assert not backend.call(key=key).replayed


def test_a_start_that_cannot_even_be_ended_frees_the_slot_when_its_lease_runs_out(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Unavailable("the table is away")

    with monkeypatch.context() as away:
        away.setattr(backend.table, "abandon", fail)
        backend.connect.start_faults = [(403, "AccessDeniedException", {})]
        with pytest.raises(StartRefused):
            backend.call()
    with pytest.raises(CallActive) as refused:
        backend.call(key="next")
    assert refused.value.retry_after == 1
    backend.now += 40_000
    backend.call(key="next")


def test_a_contact_that_was_presented_by_another_is_stopped(backend: Backend) -> None:
    def present(answer: dict[str, Any]) -> None:
        (start,) = backend.starts()
        assert backend.table.bind("user-1", start["Attributes"]["auth_token"], "stranger", START)

    backend.connect.alter_answer = present
    with pytest.raises(Unavailable):
        backend.call()
    assert not backend.connect.active
    assert "stranger" in backend.connect.stopped


def test_a_contact_that_waits_in_a_queue_when_its_start_times_out_is_stopped(backend: Backend) -> None:
    """Connect is slow to answer, not to start: the flow has been through before the start is given up."""

    def answer_too_late(_: dict[str, Any]) -> None:
        start = backend.starts()[-1]
        backend.table.bind("user-1", start["Attributes"]["auth_token"], backend.connect.active[0], START)
        raise ReadTimeoutError(endpoint_url="x")

    backend.connect.alter_answer = answer_too_late
    with pytest.raises(TimedOut):
        backend.call()
    assert len(backend.connect.stopped) == 1
    assert not backend.connect.active


def crash_in(backend: Backend, step: str, *, before: bool) -> None:
    """Runs a call whose function dies before or after a step."""
    with dying(backend.instance if step == "start" else backend.table, step, before=before):
        backend.call()


@pytest.mark.parametrize(
    ("step", "before"), [("claim", False), ("start", True), ("start", False), ("store_answer", True)]
)
def test_a_crashed_start_is_repeated_as_the_same_contact_when_its_lease_has_run_out(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, step: str, before: bool
) -> None:
    crash_in(backend, step, before=before)
    with pytest.raises(RequestInProgress) as refused:
        backend.call()
    assert refused.value.retry_after == 1
    backend.now += 40_000
    started = backend.call()
    assert not started.replayed
    assert backend.connect.active == [started.contact_id]
    (reference,) = {start["Attributes"]["auth_token"] for start in backend.starts()}
    assert backend.table.bind("user-1", reference, started.contact_id, backend.now)


def test_a_crash_after_the_answer_was_stored_is_replayed_at_once(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_in(backend, "store_answer", before=False)
    assert backend.call().replayed
    assert len(backend.connect.active) == 1


def test_the_contact_of_a_crashed_start_is_stopped_when_the_user_calls_with_another_key(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_in(backend, "start", before=False)
    (start,) = backend.starts()
    (orphan,) = backend.connect.active
    assert backend.table.bind("user-1", start["Attributes"]["auth_token"], orphan, backend.now)
    backend.now += 40_000
    started = backend.call(key="another tap")
    assert backend.connect.active == [started.contact_id]
    assert backend.connect.stopped == [orphan]


def test_a_crashed_start_that_another_request_takes_over_first_is_in_progress(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_in(backend, "claim", before=False)
    backend.now += 40_000
    monkeypatch.setattr(backend.table, "take_over", lambda *_, **__: None)
    with pytest.raises(RequestInProgress):
        backend.call()


def test_a_crashed_start_with_another_body_is_not_repeated(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_in(backend, "claim", before=False)
    with pytest.raises(IdempotencyKeyReused):
        backend.call(display_name="Grace")


def lost(backend: Backend, **request: Any) -> str:
    """A call whose contact Connect has ended because its caller was away; its id."""
    contact_id = backend.call(**request).contact_id
    backend.connect.ended.add(contact_id)
    backend.connect.drop(contact_id)
    return contact_id


def came_back(backend: Backend, caller: Caller = ADA) -> str:
    """What the flow of the user's latest call is answered."""
    call = backend.record(caller.user_id)
    credential = Credential(
        user_id=caller.user_id, reference=call.reference, contact_id=call.contact_id or ""
    )
    return verify(credential, backend.table, backend.now)["came_back"]


def end_by_event(backend: Backend, contact_id: str) -> None:
    ended = (backend.now - START) / 1000
    backend.deliver("DISCONNECTED", contact_id, queued=1, ended=ended)
    backend.now += 5000


def test_a_call_that_continues_one_that_had_just_ended_says_so(backend: Backend) -> None:
    contact_id = lost(backend)
    end_by_event(backend, contact_id)
    again = backend.call(key="again", previous_contact_id=contact_id)
    (_, start) = backend.starts()
    assert start["RelatedContactId"] == contact_id
    assert "came_back" not in start["Attributes"]
    assert came_back(backend) == "true"
    assert backend.call(key="again", previous_contact_id=contact_id).body == again.body


def test_a_plain_call_continues_none(backend: Backend) -> None:
    end_by_event(backend, lost(backend))
    backend.call(key="again")
    assert "RelatedContactId" not in backend.starts()[-1]
    assert came_back(backend) == "false"


def test_a_rejoin_that_learns_of_the_end_lets_the_next_call_begin_at_once(backend: Backend) -> None:
    contact_id = lost(backend)
    with pytest.raises(CallEnded):
        backend.call_control.rejoin("user-1", contact_id)
    backend.call(key="again", previous_contact_id=contact_id)
    assert came_back(backend) == "true"


def test_a_rejoin_after_the_event_of_the_end_lets_the_next_call_begin_at_once(backend: Backend) -> None:
    contact_id = lost(backend)
    backend.now = START + 9000
    backend.deliver("DISCONNECTED", contact_id, queued=1, ended=9)
    with pytest.raises(CallEnded):
        backend.call_control.rejoin("user-1", contact_id)
    backend.call(key="again", previous_contact_id=contact_id)
    assert came_back(backend) == "true"


def test_a_rejoin_between_a_contacts_end_and_its_transfers_event_joins_the_call(backend: Backend) -> None:
    started = backend.call()
    backend.now = START + 9000
    backend.deliver("DISCONNECTED", started.contact_id, queued=1, connected=2, ended=9)
    assert backend.call_control.rejoin("user-1", started.contact_id) == started.body
    assert backend.record().ended_at is not None  # until the event of the transfer comes


@pytest.mark.parametrize(("age", "counts"), [(300_000, "true"), (300_001, "false")])
def test_a_call_is_continued_within_five_minutes(backend: Backend, age: int, counts: str) -> None:
    contact_id = lost(backend)
    backend.table.end(backend.record(), backend.now)
    backend.now += age
    backend.call(key="again", previous_contact_id=contact_id)
    assert came_back(backend) == counts


def test_a_call_that_its_caller_hung_up_is_not_continued(backend: Backend) -> None:
    contact_id = backend.call().contact_id
    backend.call_control.hang_up("user-1", contact_id)
    backend.now += 1
    backend.call(key="again", previous_contact_id=contact_id)
    assert came_back(backend) == "false"


def test_a_call_is_continued_once(backend: Backend) -> None:
    first = lost(backend)
    end_by_event(backend, first)
    second = lost(backend, key="again", previous_contact_id=first)
    end_by_event(backend, second)
    backend.call(key="once more", previous_contact_id=first)
    assert came_back(backend) == "false"


def test_nobody_continues_the_call_of_another_user(backend: Backend) -> None:
    contact_id = lost(backend)
    end_by_event(backend, contact_id)
    grace = Caller(user_id="user-2", display_name="Grace", context={"customer_id": "user-2"})
    backend.call(caller=grace, previous_contact_id=contact_id)
    assert came_back(backend, grace) == "false"
    assert "RelatedContactId" not in backend.starts()[-1]


def test_a_call_that_goes_on_is_not_continued_but_named(backend: Backend) -> None:
    contact_id = backend.call().contact_id
    with pytest.raises(CallActive) as refused:
        backend.call(key="again", previous_contact_id=contact_id)
    assert refused.value.contact_id == contact_id


def test_the_call_before_is_part_of_the_request(backend: Backend) -> None:
    contact_id = lost(backend)
    end_by_event(backend, contact_id)
    backend.call(key="again", previous_contact_id=contact_id)
    with pytest.raises(IdempotencyKeyReused):
        backend.call(key="again")


@pytest.mark.parametrize("step", ["claim", "start"])
def test_a_crashed_start_that_continues_a_call_is_repeated_as_that(backend: Backend, step: str) -> None:
    contact_id = lost(backend)
    end_by_event(backend, contact_id)
    with dying(backend.instance if step == "start" else backend.table, step, before=False):
        backend.call(key="again", previous_contact_id=contact_id)
    backend.now += 40_000
    backend.call(key="again", previous_contact_id=contact_id)
    assert came_back(backend) == "true"
    assert {start.get("RelatedContactId") for start in backend.starts()[1:]} == {contact_id}


@pytest.mark.parametrize("key", ["again", "another tap"])
def test_a_failed_start_that_continued_a_call_passes_that_on(backend: Backend, key: str) -> None:
    contact_id = lost(backend)
    end_by_event(backend, contact_id)
    backend.connect.start_faults = [(429, "LimitExceededException", {})] * 2
    with pytest.raises(CapacityReached):
        backend.call(key="again", previous_contact_id=contact_id)
    backend.connect.start_faults = []
    backend.now += 2000
    backend.call(key=key, previous_contact_id=contact_id)
    assert came_back(backend) == "true"


def test_a_start_that_cannot_read_the_call_before_is_a_plain_one(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact_id = lost(backend)
    end_by_event(backend, contact_id)

    def fail(*_: object) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as away:
        away.setattr(backend.table, "find", fail)
        backend.call(key="again", previous_contact_id=contact_id)
    assert came_back(backend) == "false"


def test_a_reference_holds_for_the_flow_that_begins_when_the_app_has_joined(backend: Backend) -> None:
    def be_slow(_: dict[str, Any]) -> None:
        backend.now += 20_000

    backend.connect.alter_answer = be_slow
    started = backend.call()
    backend.now += LIMITS.reference_seconds * 1000 - 1
    contact = Credential(
        user_id="user-1", reference=backend.record().reference, contact_id=started.contact_id
    )
    assert verify(contact, backend.table, backend.now)["auth_status"] == "verified"
    assert verify(contact, backend.table, backend.now + 1)["auth_status"] == "unverified"
