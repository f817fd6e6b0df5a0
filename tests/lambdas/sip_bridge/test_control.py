"""What callers can do with calls over the SIP bridge."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from runtime.errors import (
    CapacityReached,
    ConfigurationFault,
    ServiceError,
    Unavailable,
)

from calls.errors import CallActive, CallEnded, CallNotFound, NotPossibleNow
from calls.record import State
from tests.lambdas.backend import dying
from tests.lambdas.fake_aws import Answer
from tests.lambdas.fake_dynamodb import FakeDynamoDb
from tests.lambdas.sip_bridge.backend import BridgedBackend
from tests.lambdas.sip_bridge.events import CONNECT_NUMBER


def dialled(backend: BridgedBackend) -> str:
    return backend.call().contact_id


def come_through(backend: BridgedBackend) -> str:
    call_id = dialled(backend)
    backend.come_through()
    return call_id


def queued(backend: BridgedBackend) -> str:
    call_id = dialled(backend)
    backend.deliver("QUEUED", backend.come_through(), queued=1, initiationMethod="INBOUND")
    return call_id


STAGES = {"dialled": dialled, "come through": come_through, "queued": queued}


def assert_ended(backend: BridgedBackend) -> None:
    assert not backend.chime.live_meetings
    assert not backend.chime.live_phone_calls
    assert not backend.connect.active
    assert backend.record().state(backend.now) is State.ENDED


@pytest.mark.parametrize("stage", STAGES)
def test_a_call_is_hung_up_at_any_stage_and_the_user_can_call_again_at_once(
    backend: BridgedBackend, stage: str
) -> None:
    call_id = STAGES[stage](backend)
    backend.call_control.hang_up("user-1", call_id)
    assert_ended(backend)
    requested = len(backend.chime.requests)
    backend.call_control.hang_up("user-1", call_id)
    assert len(backend.chime.requests) == requested
    backend.now += 1
    assert backend.call(key="next").contact_id in backend.chime.live_meetings


def test_what_is_in_connect_is_stopped_and_what_is_not_is_hung_up(backend: BridgedBackend) -> None:
    backend.call_control.hang_up("user-1", dialled(backend))
    assert not backend.connect.requested("StopContact")
    (requested,) = backend.chime.requested("UpdateSipMediaApplicationCall")
    assert requested["Arguments"] == {"Action": "HangUp"}
    backend.now += 600_000
    call_id = come_through(backend)
    contact_id = backend.record().contact_id
    backend.call_control.hang_up("user-1", call_id)
    assert backend.connect.stopped == [contact_id]
    assert len(backend.chime.requested("UpdateSipMediaApplicationCall")) == 1


def test_after_a_transfer_the_phone_call_is_hung_up_since_connect_stops_nothing(
    backend: BridgedBackend,
) -> None:
    call_id = queued(backend)
    contact_id = str(backend.record().contact_id)
    backend.deliver("INITIATED", "leg-2", initialContactId=contact_id, initiationMethod="TRANSFER")
    backend.deliver("DISCONNECTED", contact_id, ended=8)
    backend.call_control.hang_up("user-1", call_id)
    assert not backend.connect.stopped
    assert not backend.chime.live_phone_calls
    assert backend.record().ended_at is not None


def test_a_hang_up_before_the_event_of_a_transfer_ends_what_was_transferred(backend: BridgedBackend) -> None:
    call_id = queued(backend)
    backend.deliver("DISCONNECTED", str(backend.record().contact_id), ended=8)
    backend.call_control.hang_up("user-1", call_id)
    assert not backend.chime.live_meetings
    assert not backend.chime.live_phone_calls
    assert not backend.record().ended_by_connect


@pytest.mark.parametrize("action", ["find", "hang_up", "rejoin", "digits"])
def test_the_contact_in_connect_is_not_the_calls_id_for_the_app(backend: BridgedBackend, action: str) -> None:
    come_through(backend)
    contact_id = str(backend.record().contact_id)
    control = backend.call_control
    actions: dict[str, Callable[[], object]] = {
        "find": lambda: control.find("user-1", contact_id),
        "hang_up": lambda: control.hang_up("user-1", contact_id),
        "rejoin": lambda: control.rejoin("user-1", contact_id),
        "digits": lambda: control.send_digits("user-1", contact_id, "1"),
    }
    with pytest.raises(CallNotFound):
        actions[action]()


HANG_UP_FAULTS: list[tuple[dict[str, list[Answer]], type[ServiceError]]] = [
    ({"DeleteMeeting": [(503, "ServiceUnavailableException", {})] * 2}, Unavailable),
    ({"DeleteMeeting": [(403, "ForbiddenException", {})]}, ConfigurationFault),
    ({"UpdateSipMediaApplicationCall": [(429, "ThrottledClientException", {})] * 2}, CapacityReached),
    (
        {
            "DeleteMeeting": [(503, "ServiceUnavailableException", {})] * 2,
            "UpdateSipMediaApplicationCall": [(403, "ForbiddenException", {})],
        },
        Unavailable,
    ),
]


@pytest.mark.parametrize(("faults", "expected"), HANG_UP_FAULTS, ids=str)
def test_a_step_of_a_hang_up_that_fails_keeps_no_other_from_being_done(
    backend: BridgedBackend, faults: dict[str, list[Answer]], expected: type[ServiceError]
) -> None:
    call_id = dialled(backend)
    backend.chime.faults = {operation: list(answers) for operation, answers in faults.items()}
    with pytest.raises(expected):
        backend.call_control.hang_up("user-1", call_id)
    assert len(backend.chime.live_phone_calls) == (len(faults) == 2)
    assert backend.record().state(backend.now) is State.CONNECTING
    backend.chime.faults.clear()
    backend.call_control.hang_up("user-1", call_id)
    assert_ended(backend)


@pytest.mark.parametrize("stage", STAGES)
def test_a_meeting_is_deleted_although_the_bridges_table_fails(
    backend: BridgedBackend, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    def fail(*_: object) -> None:
        raise Unavailable("away")

    call_id = STAGES[stage](backend)
    with monkeypatch.context() as away:
        away.setattr(backend.bridged_calls, "end", fail)
        with pytest.raises(Unavailable):
            backend.call_control.hang_up("user-1", call_id)
    assert not backend.chime.live_meetings
    assert not backend.chime.live_phone_calls
    assert backend.record().ended_at is None
    backend.call_control.hang_up("user-1", call_id)
    assert_ended(backend)


def test_a_call_whose_item_the_bridges_table_has_lost_is_hung_up(
    backend: BridgedBackend, fake_bridged_calls: FakeDynamoDb
) -> None:
    call_id = come_through(backend)
    fake_bridged_calls.items.clear()
    with pytest.raises(CallEnded):
        backend.call_control.send_digits("user-1", call_id, "1")
    backend.call_control.hang_up("user-1", call_id)
    assert_ended(backend)


def test_a_start_that_was_not_answered_has_no_id_for_the_app(backend: BridgedBackend) -> None:
    with dying(backend.table, "store_answer", before=True):
        backend.call()
    for contact_id in (backend.come_through(), *backend.chime.meetings):
        with pytest.raises(CallNotFound):
            backend.call_control.hang_up("user-1", contact_id)
    with pytest.raises(CallActive) as refused:
        backend.call(key="next")
    assert refused.value.contact_id is None


def test_a_contact_that_cannot_be_stopped_leaves_the_call_to_be_hung_up_again(
    backend: BridgedBackend,
) -> None:
    call_id = queued(backend)
    backend.connect.stop_faults = [(400, "InvalidRequestException", {})]
    with pytest.raises(NotPossibleNow):
        backend.call_control.hang_up("user-1", call_id)
    assert not backend.chime.live_meetings
    backend.call_control.hang_up("user-1", call_id)
    assert_ended(backend)


@pytest.mark.parametrize(
    ("owner", "step"),
    [("bridged_calls", "end"), ("meetings", "delete"), ("phone_calls", "hang_up"), ("table", "end")],
)
@pytest.mark.parametrize("before", [True, False])
def test_a_hang_up_that_dies_is_put_right_by_the_next(
    backend: BridgedBackend, owner: str, step: str, before: bool
) -> None:
    call_id = dialled(backend)
    with dying(getattr(backend, owner), step, before=before):
        backend.call_control.hang_up("user-1", call_id)
    backend.call_control.hang_up("user-1", call_id)
    assert_ended(backend)


@pytest.mark.parametrize("stage", STAGES)
def test_a_caller_who_still_has_a_place_gets_the_very_answer_that_the_app_had(
    backend: BridgedBackend, stage: str
) -> None:
    call_id = STAGES[stage](backend)
    assert backend.call_control.rejoin("user-1", call_id) == backend.record().answer
    assert not backend.chime.requested("CreateAttendee")


def test_a_caller_whose_place_is_gone_gets_another_in_the_same_meeting(backend: BridgedBackend) -> None:
    started = backend.call()
    (meeting,) = backend.chime.meetings.values()
    before = json.loads(started.body)
    del meeting.attendees[before["ParticipantId"]]
    body = backend.call_control.rejoin("user-1", started.contact_id)
    caller = meeting.attendee("caller")
    assert json.loads(body) == before | {
        "ConnectionData": before["ConnectionData"]
        | {"Attendee": {"AttendeeId": caller["AttendeeId"], "JoinToken": caller["JoinToken"]}},
        "ParticipantId": caller["AttendeeId"],
        "ParticipantToken": caller["JoinToken"],
    }
    assert backend.call_control.rejoin("user-1", started.contact_id) == body
    repeated = backend.call()
    assert (repeated.contact_id, repeated.body, repeated.replayed) == (started.contact_id, body, True)


@pytest.mark.parametrize("stage", STAGES)
def test_a_meeting_that_is_gone_is_found_out_at_the_rejoin_and_frees_the_user(
    backend: BridgedBackend, stage: str
) -> None:
    call_id = STAGES[stage](backend)
    backend.chime.meetings[call_id].ended = True
    with pytest.raises(CallEnded):
        backend.call_control.rejoin("user-1", call_id)
    assert_ended(backend)
    backend.now += 1
    backend.call(key="next")


def test_what_is_left_of_a_meeting_that_is_gone_and_cannot_be_ended_changes_nothing_for_the_caller(
    backend: BridgedBackend,
) -> None:
    call_id = queued(backend)
    backend.chime.meetings[call_id].ended = True
    backend.connect.stop_faults = [(500, "InternalServiceException", {})] * 2
    with pytest.raises(CallEnded):
        backend.call_control.rejoin("user-1", call_id)
    assert backend.record().state(backend.now) is State.ENDED


def test_a_call_that_is_hung_up_during_a_rejoin_stays_ended(backend: BridgedBackend) -> None:
    call_id = dialled(backend)
    backend.chime.meetings[call_id].attendees.clear()

    def hang_up(operation: str, _: object) -> None:
        if operation == "CreateAttendee":
            backend.call_control.hang_up("user-1", call_id)

    backend.chime.alter_answer = hang_up
    with pytest.raises(CallEnded):
        backend.call_control.rejoin("user-1", call_id)
    assert_ended(backend)


@pytest.mark.parametrize("operation", ["GetAttendee", "CreateAttendee"])
def test_a_rejoin_that_fails_harms_nothing(backend: BridgedBackend, operation: str) -> None:
    call_id = dialled(backend)
    backend.chime.meetings[call_id].attendees.clear()
    before = backend.record()
    backend.chime.faults[operation] = [(503, "ServiceUnavailableException", {})] * 2
    with pytest.raises(Unavailable):
        backend.call_control.rejoin("user-1", call_id)
    assert backend.record() == before
    assert backend.call_control.rejoin("user-1", call_id)


def test_digits_are_typed_by_the_phone_call_once_connect_has_taken_its_code(backend: BridgedBackend) -> None:
    call_id = dialled(backend)
    for _ in range(2):
        with pytest.raises(NotPossibleNow) as refused:
            backend.call_control.send_digits("user-1", call_id, "1", "press")
        assert refused.value.retry_after == 1
        # In Connect, but still keying in its code.
        backend.chime.reach_connect(str(backend.bridged().transaction_id))
    assert not backend.chime.digits
    assert backend.key_in(backend.record().reference, "contact-1")["auth_status"] == "verified"
    backend.connect.contacts["again"] = {"ContactId": "contact-1"}
    for digits, key in (("4,2#", "press"), ("4,2#", "press"), ("4,2#", "next"), ("1", None), ("1", None)):
        backend.call_control.send_digits("user-1", call_id, digits, key)
    transaction_id = backend.bridged().transaction_id
    assert [(call, digits) for call, digits, _ in backend.chime.digits] == (
        [(transaction_id, "4,2#")] * 3 + [(transaction_id, "1")] * 2
    )
    keys = [key for _, _, key in backend.chime.digits]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4


def test_digits_of_a_call_whose_code_was_not_heard_are_typed_all_the_same(backend: BridgedBackend) -> None:
    call_id = dialled(backend)
    backend.now += 59_999
    with pytest.raises(NotPossibleNow):
        backend.call_control.send_digits("user-1", call_id, "1")
    backend.now += 1
    backend.call_control.send_digits("user-1", call_id, "1")
    assert [digits for _, digits, _ in backend.chime.digits] == ["1"]


def test_digits_into_a_phone_call_that_is_over_say_so(backend: BridgedBackend) -> None:
    call_id = queued(backend)
    backend.phone_call().hung_up = True
    with pytest.raises(CallEnded):
        backend.call_control.send_digits("user-1", call_id, "1")


@pytest.mark.parametrize(
    "action",
    [
        lambda backend, call_id: backend.call_control.rejoin("user-1", call_id),
        lambda backend, call_id: backend.call_control.send_digits("user-1", call_id, "1"),
    ],
    ids=["rejoin", "digits"],
)
def test_in_an_ended_call_nothing_is_requested(
    backend: BridgedBackend, action: Callable[[BridgedBackend, str], object]
) -> None:
    call_id = queued(backend)
    backend.call_control.hang_up("user-1", call_id)
    requested = len(backend.chime.requests)
    with pytest.raises(CallEnded):
        action(backend, call_id)
    assert len(backend.chime.requests) == requested


def test_the_state_follows_the_contact_in_connect(backend: BridgedBackend) -> None:
    call_id = dialled(backend)
    contact_id = backend.come_through()
    inbound: dict[str, Any] = {
        "initiationMethod": "INBOUND",
        "tags": {"aws:connect:systemEndpoint": CONNECT_NUMBER},
    }
    states = []
    events: list[tuple[str, dict[str, float]]] = [
        ("INITIATED", {}),
        ("QUEUED", {"queued": 1}),
        ("CONNECTED_TO_AGENT", {"queued": 1, "connected": 5}),
        ("DISCONNECTED", {"queued": 1, "connected": 5, "ended": 9}),
    ]
    for event_type, times in events:
        backend.deliver(event_type, contact_id, **(inbound | times))
        states.append(backend.call_control.find("user-1", call_id).state(backend.now))
    assert states == [State.CONNECTING, State.QUEUED, State.CONNECTED, State.ENDED]
