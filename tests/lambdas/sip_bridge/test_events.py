"""Events of calls over the SIP bridge."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import Unavailable

from calls.errors import RetryLater
from calls.interfaces import CallTransport
from calls.record import State
from contact_events import handler as module
from sip_bridge.meeting_events import Happening, MeetingEvent, read_meeting_event
from tests.lambdas.backend import LIMITS, dying
from tests.lambdas.events import (
    START,
    LambdaContext,
    contact_event,
    sqs_batch,
)
from tests.lambdas.sip_bridge.backend import BridgedBackend
from tests.lambdas.sip_bridge.events import EXTERNAL_MEETING_ID, meeting_event

LEASE = LIMITS.start_lease_seconds * 1000
CALLER: dict[str, Any] = {"externalUserId": "caller", "attendeeId": "attendee"}
PHONE: dict[str, Any] = {"externalUserId": "phone-agent", "attendeeId": "phone"}


@pytest.fixture(autouse=True)
def handler(backend: BridgedBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler of a deployment with the bridge."""
    monkeypatch.setattr(module, "_contact_events", backend.contact_events)
    monkeypatch.setattr(module, "_transport", backend.transport)


def take(*bodies: dict[str, Any] | str, received: int = 1) -> list[str]:
    """The ids of the messages that must come again."""
    answer = module.handler(sqs_batch(*bodies, received=received), LambdaContext())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_the_end_of_a_meeting_ends_a_call_that_never_reached_connect(
    backend: BridgedBackend, written: Callable[[], str]
) -> None:
    call_id = backend.call().contact_id
    event = meeting_event("chime:MeetingEnded", call_id, at=7.125)
    assert take(event, event) == []
    call = backend.record()
    assert (call.state(backend.now), call.ended_at) == (State.ENDED, START + 7125)
    assert '"CallEnded":[1.0]' in written()
    backend.now += 1
    backend.call(key="next")


def test_a_call_that_is_in_connect_ends_with_its_contact(backend: BridgedBackend) -> None:
    call_id = backend.call().contact_id
    contact_id = backend.come_through()
    before = backend.record()
    assert take(meeting_event("chime:MeetingEnded", call_id)) == []
    assert backend.record() == before
    assert take(contact_event("DISCONNECTED", contact_id, ended=9, initiationMethod="INBOUND")) == []
    assert backend.record().state(backend.now) is State.ENDED


def test_a_meeting_that_ends_while_its_contact_comes_through_ends_the_call_with_its_contact(
    backend: BridgedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_id = backend.call().contact_id
    store = backend.table.store_events
    contacts: list[str] = []

    def come_through_first(*args: Any) -> bool:
        if not contacts:
            contacts.append(backend.come_through())
        return store(*args)

    monkeypatch.setattr(backend.table, "store_events", come_through_first)
    assert take(meeting_event("chime:MeetingEnded", call_id)) == []
    assert take(contact_event("DISCONNECTED", contacts[0], ended=9, initiationMethod="INBOUND")) == []
    call = backend.record()
    assert (call.ended_at, call.ended_by_connect) == (START + 9000, True)


@pytest.mark.parametrize(
    ("event_type", "who"),
    [("chime:AttendeeLeft", CALLER), ("chime:AttendeeLeft", PHONE), ("chime:AttendeeDropped", PHONE)],
)
@pytest.mark.parametrize("stage", ["dialled", "in Connect"])
def test_a_call_that_its_app_or_its_phone_has_left_ends_with_its_meeting(
    event_type: str, who: dict[str, Any], stage: str, backend: BridgedBackend
) -> None:
    call_id = backend.call().contact_id
    if stage == "in Connect":
        backend.come_through()
    take(meeting_event("chime:AttendeeJoined", call_id, at=1, **CALLER))
    event = meeting_event(event_type, call_id, at=2, **who)
    assert take(event, event) == []
    assert not backend.chime.live_meetings
    # The event of the end comes from whoever has the call.
    assert backend.record().state(backend.now) is State.CONNECTING


@pytest.mark.parametrize(
    "event",
    [
        meeting_event("chime:AttendeeLeft", "meeting", externalUserId="somebody"),
        meeting_event("chime:AttendeeLeft", "meeting"),
        meeting_event("chime:AttendeeLeft", "meeting", externalUserId="caller", externalMeetingId="others"),
        meeting_event("chime:MeetingEnded", "meeting", externalMeetingId="others"),
        meeting_event("chime:MeetingStarted", "meeting"),
    ],
    ids=lambda event: str(event["detail"]),
)
def test_what_changes_no_call_is_done_with(backend: BridgedBackend, event: dict[str, Any]) -> None:
    call_id = backend.call().contact_id
    before = backend.record()
    event = event | {"detail": event["detail"] | {"meetingId": call_id}}
    assert take(event) == []
    assert (backend.record(), backend.chime.live_meetings) == (before, [call_id])


def test_a_meeting_that_cannot_be_deleted_has_its_message_come_again_and_is_counted(
    backend: BridgedBackend, written: Callable[[], str]
) -> None:
    event = meeting_event("chime:AttendeeLeft", backend.call().contact_id, **CALLER)
    backend.chime.faults["DeleteMeeting"] = [(503, "ServiceUnavailableException", {})] * 2
    assert take(event) == ["message-0"]
    assert "MeetingDeleteFailed" in written()
    assert take(event, received=2) == []
    assert not backend.chime.live_meetings


def test_events_of_phone_calls_may_come_before_their_code_is_taken(backend: BridgedBackend) -> None:
    event = contact_event("QUEUED", "contact-1", queued=1, initiationMethod="INBOUND")
    assert take(event, received=2) == ["message-0"]
    assert take(event, received=3) == []
    assert take(contact_event("QUEUED", "contact-1", queued=1, initiationMethod="OUTBOUND")) == []


def test_the_contact_of_a_crashed_start_is_stopped_when_its_lease_has_run_out(
    backend: BridgedBackend,
) -> None:
    with dying(backend.table, "store_answer", before=True):
        backend.call()
    queued = contact_event("QUEUED", backend.come_through(), queued=1, initiationMethod="INBOUND")
    assert take(queued) == ["message-0"]
    backend.now += LEASE
    assert take(queued, received=2) == []
    assert not backend.connect.active
    assert not backend.chime.live_phone_calls


def test_the_contact_of_a_call_that_was_hung_up_is_stopped(backend: BridgedBackend) -> None:
    call_id = backend.call().contact_id
    contact_id = backend.come_through()
    backend.connect.stop_faults = [(404, "ResourceNotFoundException", {})]
    backend.call_control.hang_up("user-1", call_id)
    assert backend.connect.active == [contact_id]
    assert take(contact_event("QUEUED", contact_id, queued=1, initiationMethod="INBOUND")) == []
    assert not backend.connect.active


def test_without_the_bridge_a_meetings_event_is_no_event(
    backend: BridgedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_transport", backend.native)
    assert take(meeting_event("chime:AttendeeLeft", backend.call().contact_id, **CALLER)) == ["message-0"]
    assert take(contact_event("QUEUED", "contact-1", queued=1, initiationMethod="INBOUND")) == []


def test_nothing_secret_is_logged_or_counted(backend: BridgedBackend, written: Callable[[], str]) -> None:
    call_id = backend.call(attributes={"order_id": "SECRET-ORDER"}).contact_id
    backend.chime.faults["DeleteMeeting"] = [(400, "BadRequestException", {"Message": "SECRET-AWS"})]
    take(meeting_event("chime:AttendeeLeft", call_id, **CALLER), meeting_event("SECRET-TYPE", call_id))
    take(meeting_event("chime:MeetingEnded", call_id, timestamp="SECRET-TIME"), "SECRET-GARBAGE")
    take(meeting_event("chime:MeetingEnded", call_id))
    output = written()
    assert "EventsHandled" in output
    assert "BadRequestException" in output
    assert "SECRET" not in output
    assert backend.record().reference not in output


def test_an_event_is_read_for_its_meeting_and_its_time() -> None:
    envelope = meeting_event("chime:MeetingEnded", "meeting", at=1.5)
    read = read_meeting_event(envelope, EXTERNAL_MEETING_ID)
    assert read == MeetingEvent(Happening.ENDED, "meeting", START + 1500)
    left = meeting_event("chime:AttendeeLeft", "meeting", at=2, **CALLER)
    read = read_meeting_event(left, EXTERNAL_MEETING_ID)
    assert read == MeetingEvent(Happening.CALLER_LEFT, "meeting", START + 2000)


def test_only_with_the_bridge_may_a_phone_call_that_comes_in_be_of_this_backend(
    backend: BridgedBackend,
) -> None:
    def may_be_ours(transport: CallTransport, **detail: Any) -> bool:
        event = transport.read_event(contact_event("QUEUED", **detail), early_delivery=True)
        return event is not None and event.may_be_ours

    assert may_be_ours(backend.transport, initiationMethod="INBOUND")
    assert may_be_ours(backend.transport)
    assert not may_be_ours(backend.native, initiationMethod="INBOUND")


@pytest.mark.parametrize(
    "envelope",
    [
        {},
        {"detail": None},
        {"detail": {}},
        meeting_event("chime:MeetingEnded", "meeting", timestamp=None),
        meeting_event("chime:MeetingEnded", "meeting", timestamp="now"),
        meeting_event("chime:MeetingEnded", "meeting", timestamp=START // 1000),
    ],
    ids=str,
)
def test_what_is_no_event_is_refused(envelope: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_meeting_event(envelope, EXTERNAL_MEETING_ID)


@given(
    detail=st.fixed_dictionaries(
        {
            "eventType": st.sampled_from(
                [
                    "chime:MeetingEnded",
                    "chime:AttendeeJoined",
                    "chime:AttendeeLeft",
                    "chime:AttendeeDropped",
                ]
            )
            | st.text(),
            "meetingId": st.text(min_size=1),
            "externalMeetingId": st.just(EXTERNAL_MEETING_ID) | st.text(),
            "timestamp": st.integers(),
        },
        optional={"externalUserId": st.sampled_from(["caller", "phone-agent"]) | st.text()},
    )
)
def test_of_any_event_only_what_concerns_a_call_of_this_deployment_is_read(detail: dict[str, Any]) -> None:
    try:
        event = read_meeting_event({"detail": json.loads(json.dumps(detail))}, EXTERNAL_MEETING_ID)
    except ValueError:
        assert detail["timestamp"] < 1_000_000_000_000
        return
    if event is None:
        is_of_no_one = detail.get("externalUserId") not in {"caller", "phone-agent"}
        is_no_change = detail["eventType"] not in {
            "chime:AttendeeJoined", "chime:AttendeeLeft", "chime:AttendeeDropped",
        }  # fmt: skip
        is_ours = detail["externalMeetingId"] == EXTERNAL_MEETING_ID
        assert not is_ours or (detail["eventType"] != "chime:MeetingEnded" and (is_of_no_one or is_no_change))
        return
    assert detail["externalMeetingId"] == EXTERNAL_MEETING_ID
    assert (event.meeting_id, event.happened_at) == (detail["meetingId"], detail["timestamp"])
    assert (event.happening is Happening.ENDED) == (detail["eventType"] == "chime:MeetingEnded")
    assert event.happening is Happening.ENDED or event.happening.value.startswith(
        detail["externalUserId"].partition("-")[0]
    )


def test_a_caller_who_never_comes_into_the_meeting_is_not_waited_for(backend: BridgedBackend) -> None:
    """Amazon Connect would notice that nobody joins; a phone call in a meeting does not."""
    call_id = backend.call().contact_id
    phone_is_there = meeting_event("chime:AttendeeJoined", call_id, at=1, **PHONE)
    assert take(phone_is_there) == take(phone_is_there, received=2) == ["message-0"]
    assert backend.chime.live_meetings == [call_id]
    assert take(phone_is_there, received=3) == []
    assert not backend.chime.live_meetings


def test_a_caller_who_has_come_is_left_alone(backend: BridgedBackend) -> None:
    call_id = backend.call().contact_id
    backend.come_through()
    assert take(meeting_event("chime:AttendeeJoined", call_id, at=2, **CALLER)) == []
    assert take(meeting_event("chime:AttendeeJoined", call_id, at=1, **PHONE), received=3) == []
    assert backend.chime.live_meetings == [call_id]


def test_a_caller_who_was_dropped_has_some_minutes_to_come_back(backend: BridgedBackend) -> None:
    call_id = backend.call().contact_id
    take(meeting_event("chime:AttendeeJoined", call_id, at=1, **CALLER))
    dropped = meeting_event("chime:AttendeeDropped", call_id, at=9, **CALLER)
    assert take(dropped) == take(dropped, received=2) == ["message-0"]
    assert backend.chime.live_meetings == [call_id]
    assert take(dropped, received=3) == []
    assert not backend.chime.live_meetings


@pytest.mark.parametrize("event_type", ["chime:AttendeeLeft", "chime:AttendeeDropped"])
@pytest.mark.parametrize("received", [1, 3])
def test_a_leave_whose_event_comes_after_that_of_the_return_ends_nothing(
    event_type: str, received: int, backend: BridgedBackend
) -> None:
    call_id = backend.call().contact_id
    for at in (20, 1):  # also out of order
        assert take(meeting_event("chime:AttendeeJoined", call_id, at=at, **CALLER)) == []
    assert take(meeting_event(event_type, call_id, at=9, **CALLER), received=received) == []
    assert backend.chime.live_meetings == [call_id]


@pytest.mark.parametrize("event_type", ["chime:MeetingEnded", "chime:AttendeeJoined"])
def test_a_meeting_that_is_not_known_yet_has_its_event_come_again(
    event_type: str, backend: BridgedBackend
) -> None:
    event = meeting_event(event_type, "0f000000-0000-4000-8000-000000000099", **CALLER)
    assert take(event) == take(event, received=2) == ["message-0"]
    assert take(event, received=3) == []


@pytest.mark.parametrize("first", ["INITIATED", "DISCONNECTED"])
def test_a_call_that_an_agent_transfers_keeps_its_meeting_in_any_order_of_events(
    first: str, backend: BridgedBackend
) -> None:
    call_id = backend.call().contact_id
    contact_id = backend.come_through()
    ended = contact_event("DISCONNECTED", contact_id, connected=5, ended=9, initiationMethod="INBOUND")
    begun = contact_event("INITIATED", "leg-2", initialContactId=contact_id, initiationMethod="TRANSFER")
    for event in sorted([ended, begun], key=lambda event: event["detail"]["eventType"] != first):
        assert take(event) == []
    assert backend.record().state(backend.now) is State.CONNECTED
    assert backend.chime.live_meetings == [call_id]


def test_an_event_that_is_noted_too_often_at_once_comes_again(
    backend: BridgedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_id = backend.call().contact_id
    monkeypatch.setattr(backend.table, "store_events", lambda *_: False)
    with pytest.raises(Unavailable):
        backend.deliver_meeting("chime:MeetingEnded", call_id)
    with pytest.raises(RetryLater):
        backend.deliver("QUEUED", "c", queued=1, initiationMethod="INBOUND")
