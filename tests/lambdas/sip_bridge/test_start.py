"""Starting calls over the SIP bridge."""

import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runtime import aws
from runtime.errors import (
    AnswerIncomplete,
    CapacityReached,
    ServiceError,
    TimedOut,
    Unavailable,
)

from calls.errors import (
    CallActive,
    IdempotencyKeyReused,
    InvalidRequest,
    RequestInProgress,
    StartRefused,
)
from calls.record import State
from calls.start_call_request import MAX_ATTRIBUTES_BYTES, StartCallRequest
from sip_bridge.sip_headers import encode_header
from sip_bridge.transport import MAX_FLOW_ANSWER_BYTES
from start_call.domain import StartedCall
from tests.examples import examples
from tests.lambdas.backend import ADA, LIMITS, Crash
from tests.lambdas.conftest import BILLING_FLOW_ARN
from tests.lambdas.events import START
from tests.lambdas.fake_aws import Answer
from tests.lambdas.sip_bridge.backend import BRIDGE, BridgedBackend
from tests.lambdas.sip_bridge.fake_chime import APPLICATION_ID

LEASE = LIMITS.start_lease_seconds * 1000


def test_a_call_is_a_meeting_that_a_phone_call_brings_connect_into(backend: BridgedBackend) -> None:
    started = backend.call(contact_flow_arn=BILLING_FLOW_ARN, attributes={"order_id": "A 1"})
    (requested,) = backend.chime.requested("CreateMeetingWithAttendees")
    assert re.fullmatch("[0-9a-f]{32}", requested.pop("ClientRequestToken"))
    assert requested == {
        "MediaRegion": "eu-west-2",
        "ExternalMeetingId": BRIDGE.external_meeting_id,
        "Attendees": [{"ExternalUserId": "caller"}, {"ExternalUserId": "phone-agent"}],
    }
    (meeting,) = backend.chime.meetings.values()
    (dialled,) = backend.chime.requested("CreateSipMediaApplicationCall")
    code = dialled["ArgumentsMap"].pop("Code")
    assert dialled == {
        "SipMediaApplicationId": APPLICATION_ID,
        "FromPhoneNumber": BRIDGE.caller_number,
        "ToPhoneNumber": "+17035550122",
        "SipHeaders": {
            "X-chime-join-token": meeting.attendee("phone-agent")["JoinToken"],
            "X-chime-meeting-id": meeting.meeting_id,
        },
        "ArgumentsMap": {
            "MeetingId": meeting.meeting_id,
            "ConnectNumber": BRIDGE.connect_number,
            "SipHeaders": '{"X-Order-Id":"A%201"}',
        },
    }
    assert re.fullmatch("[0-9]{12}", code)
    assert not backend.starts()
    call, bridged = backend.record(), backend.bridged()
    assert (call.transport, call.id, call.contact_id) == ("sip_bridge", meeting.meeting_id, None)
    assert call.reference == code
    assert (bridged.user_id, bridged.meeting_id) == ("user-1", meeting.meeting_id)
    assert [bridged.transaction_id] == backend.chime.live_phone_calls
    assert bridged.contact_flow_arn == BILLING_FLOW_ARN
    assert started.contact_id == meeting.meeting_id


def test_the_app_is_answered_in_the_shape_of_any_call(backend: BridgedBackend) -> None:
    started = backend.call()
    (meeting,) = backend.chime.meetings.values()
    caller = meeting.attendee("caller")
    body = json.loads(started.body)
    assert body == {
        "ConnectionData": {
            "Attendee": {"AttendeeId": caller["AttendeeId"], "JoinToken": caller["JoinToken"]},
            "Meeting": {
                "MeetingId": meeting.meeting_id,
                "MediaRegion": "eu-west-2",
                "MediaPlacement": body["ConnectionData"]["MediaPlacement"],
                "MeetingFeatures": {"Audio": {"EchoReduction": "AVAILABLE"}},
            },
            "MediaPlacement": {
                "AudioHostUrl": "audio.example:3478",
                "AudioFallbackUrl": "wss://fallback.example",
                "SignalingUrl": "wss://signal.example",
                "TurnControlUrl": "https://turn.example",
                "EventIngestionUrl": "https://events.example",
            },
        },
        "ContactId": meeting.meeting_id,
        "ParticipantId": caller["AttendeeId"],
        "ParticipantToken": caller["JoinToken"],
    }
    assert "phone-agent" not in started.body
    assert meeting.attendee("phone-agent")["JoinToken"] not in started.body


def test_a_second_tap_with_the_same_key_gets_the_first_call_also_when_connect_has_it(
    backend: BridgedBackend,
) -> None:
    first = backend.call()
    backend.come_through()
    second = backend.call()
    assert (second.contact_id, second.body, second.replayed) == (first.contact_id, first.body, True)
    assert len(backend.chime.phone_calls) == 1


def test_another_call_is_refused_and_the_active_one_named_as_the_app_knows_it(
    backend: BridgedBackend,
) -> None:
    first = backend.call()
    backend.come_through()
    with pytest.raises(CallActive) as refused:
        backend.call(key="next")
    assert refused.value.contact_id == first.contact_id


def test_nothing_of_a_bridged_call_is_left_to_the_users_next(backend: BridgedBackend, dynamodb: Any) -> None:
    backend.call(attributes={"order_id": "A-1"})
    backend.come_through()
    backend.end()
    backend.now += 600_000
    backend.call(attributes={"page": "home"})
    assert backend.bridged().caller_attributes == {"order_id": "", "page": "home"}
    assert backend.record().contact_id is None
    assert backend.record().id == backend.bridged().meeting_id
    assert backend.bridged().transaction_id == backend.chime.live_phone_calls[-1]


def test_codes_are_random(backend: BridgedBackend) -> None:
    request = StartCallRequest(contact_flow_arn=BILLING_FLOW_ARN)
    codes = {backend.transport.prepare({}, request) for _ in range(200)}
    assert len(codes) == 200
    assert {len(code) for code in codes} == {12}
    assert set("".join(codes)) == set("0123456789")


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"page": "x" * (MAX_ATTRIBUTES_BYTES - 4)}, "/Attributes"),
        ({"page": "x" * (MAX_FLOW_ANSWER_BYTES - 300)}, "/Attributes"),
        # As JSON each of these is twice as large.
        ({"page": '"' * (MAX_FLOW_ANSWER_BYTES // 2)}, "/Attributes"),
        ({"order_id": "x" * 256}, "/Attributes/order_id"),
        ({"order_id": "é" * 43}, "/Attributes/order_id"),
    ],
    ids=["contact", "answer", "escaped", "header", "encoded header"],
)
def test_attributes_that_are_too_large_to_come_through_cost_no_start(
    backend: BridgedBackend, attributes: dict[str, str], pointer: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        backend.call(attributes=attributes)
    assert [violation.pointer for violation in refused.value.violations] == [pointer]
    assert not backend.chime.requests
    backend.call(attributes={"order_id": "x" * 255, "page": "x" * 30_000})


def test_headers_that_only_together_are_too_large_are_refused(backend: BridgedBackend) -> None:
    names = [f"attribute_{number}" for number in range(9)]
    header_names = {name: f"X-{name}" for name in names}
    backend.switch_on(replace(BRIDGE, header_names=header_names, attributes=frozenset(names)))
    with pytest.raises(InvalidRequest) as refused:
        backend.call(attributes=dict.fromkeys(names, "x" * 255))
    (violation,) = refused.value.violations
    assert violation.pointer == "/Attributes"
    assert "attribute_0, attribute_1" in violation.detail
    assert not backend.chime.requests


@given(value=st.text() | st.text(alphabet="\r\n\t %\x7f\x80é😀0aD:"))
@example(value="%0D%0A")
def test_a_header_holds_visible_ascii_characters_only_and_all_of_the_value(value: str) -> None:
    encoded = encode_header(value)
    assert all("!" <= character <= "~" for character in encoded)
    assert unquote(encoded) == value


@given(value=st.text(alphabet=[chr(code) for code in range(0x21, 0x7F) if chr(code) != "%"]))
def test_a_header_of_visible_ascii_characters_is_sent_as_it_is(value: str) -> None:
    assert encode_header(value) == value


@pytest.mark.parametrize("attributes", [{}, {"order_id": ""}, {"page": "x"}])
def test_an_attribute_that_is_not_sent_makes_no_header(
    backend: BridgedBackend, attributes: dict[str, str]
) -> None:
    backend.call(attributes=attributes)
    assert backend.phone_call().arguments["SipHeaders"] == "{}"


FAULTS: list[tuple[Answer | Exception, type[ServiceError]]] = [
    ((400, "BadRequestException", {"Message": "SECRET"}), StartRefused),
    ((429, "ThrottlingException", {}), CapacityReached),
    ((200, None, {}), AnswerIncomplete),
    (ReadTimeoutError(endpoint_url="x"), TimedOut),
]


@pytest.mark.parametrize("operation", ["CreateMeetingWithAttendees", "CreateSipMediaApplicationCall"])
@pytest.mark.parametrize(("fault", "expected"), FAULTS, ids=lambda value: str(value)[:50])
def test_each_failure_of_chime_has_its_error_and_leaves_neither_meeting_nor_slot(
    backend: BridgedBackend, operation: str, fault: Answer | Exception, expected: type[ServiceError]
) -> None:
    backend.chime.faults[operation] = [fault, fault]
    with pytest.raises(expected) as raised:
        backend.call()
    assert "SECRET" not in str(raised.value)
    assert not backend.chime.live_meetings
    assert not backend.chime.live_phone_calls
    assert backend.record().state(backend.now) is State.ENDED
    backend.chime.faults.clear()
    backend.now += 1
    assert backend.call().contact_id in backend.chime.live_meetings


def test_a_meeting_that_is_being_created_by_a_repeated_request_is_worth_another_try(
    backend: BridgedBackend,
) -> None:
    backend.chime.faults["CreateMeetingWithAttendees"] = [(409, "ConflictException", {})]
    with pytest.raises(Unavailable):
        backend.call()


def test_a_lost_answer_about_a_meeting_is_requested_again_and_one_about_a_phone_call_is_not(
    backend: BridgedBackend,
) -> None:
    """A repeated CreateSipMediaApplicationCall would be a second phone call."""
    lost = ReadTimeoutError(endpoint_url="x")
    backend.chime.faults = {"CreateMeetingWithAttendees": [lost], "CreateSipMediaApplicationCall": [lost]}
    with pytest.raises(TimedOut):
        backend.call()
    assert len(backend.chime.requested("CreateMeetingWithAttendees")) == 2
    assert len(backend.chime.requested("CreateSipMediaApplicationCall")) == 1


def test_a_phone_call_whose_answer_was_lost_ends_with_its_meeting(backend: BridgedBackend) -> None:
    def lose(operation: str, _: object) -> None:
        if operation == "CreateSipMediaApplicationCall":
            backend.come_through()
            raise ReadTimeoutError(endpoint_url="x")

    backend.chime.alter_answer = lose
    with pytest.raises(TimedOut):
        backend.call()
    assert not backend.chime.live_phone_calls
    # It was in Connect already: its contact must not wait for an agent.
    assert not backend.connect.active


def less(*path: str | int) -> Callable[[str, dict[str, Any]], None]:
    """Takes a part out of the answer about a new meeting."""

    def alter(operation: str, answer: Any) -> None:
        if operation == "CreateMeetingWithAttendees":
            for step in path[:-1]:
                answer = answer[step]
            del answer[path[-1]]

    return alter


@pytest.mark.parametrize(
    "path",
    [
        ("Attendees",),
        ("Attendees", 0),
        ("Attendees", 1),
        ("Attendees", 0, "JoinToken"),
        ("Attendees", 1, "JoinToken"),
        ("Meeting", "MediaPlacement"),
    ],
    ids=str,
)
def test_a_meeting_that_somebody_cannot_join_is_deleted_before_anything_is_dialled(
    backend: BridgedBackend, path: tuple[str | int, ...]
) -> None:
    backend.chime.alter_answer = less(*path)
    with pytest.raises(AnswerIncomplete):
        backend.call()
    assert not backend.chime.live_meetings
    assert not backend.chime.phone_calls
    assert backend.record().state(backend.now) is State.ENDED


@pytest.mark.parametrize("path", [("Meeting",), ("Meeting", "MeetingId")])
def test_a_meeting_without_an_id_in_the_answer_is_left_to_chime_which_ends_it(
    backend: BridgedBackend, path: tuple[str, ...]
) -> None:
    backend.chime.alter_answer = less(*path)
    with pytest.raises(AnswerIncomplete):
        backend.call()
    assert not backend.chime.phone_calls


def test_what_chime_leaves_out_although_no_client_needs_it_is_filled(backend: BridgedBackend) -> None:
    def alter(operation: str, answer: dict[str, Any]) -> None:
        if operation == "CreateMeetingWithAttendees":
            del answer["Meeting"]["MeetingFeatures"], answer["Meeting"]["MediaRegion"], answer["Errors"]

    backend.chime.alter_answer = alter
    meeting = json.loads(backend.call().body)["ConnectionData"]["Meeting"]
    assert meeting["MediaRegion"] == "eu-west-2"
    assert meeting["MeetingFeatures"] == {"Audio": {"EchoReduction": "UNAVAILABLE"}}


DELETE_FAULTS: list[Answer | Exception] = [
    (404, "NotFoundException", {}),
    (500, "ServiceFailureException", {}),
    (403, "ForbiddenException", {}),
    ReadTimeoutError(endpoint_url="x"),
]


@pytest.mark.parametrize("fault", DELETE_FAULTS, ids=str)
def test_a_meeting_that_cannot_be_deleted_either_changes_nothing_for_the_caller(
    backend: BridgedBackend, fault: Answer | Exception
) -> None:
    backend.chime.faults = {
        "CreateSipMediaApplicationCall": [(403, "ForbiddenException", {})],
        "DeleteMeeting": [fault] * 4,
    }
    with pytest.raises(StartRefused):
        backend.call()
    backend.chime.faults.clear()
    backend.now += 1
    backend.call()


@pytest.mark.parametrize("come_through", [False, True])
def test_a_call_whose_answer_cannot_be_stored_is_ended_altogether(
    backend: BridgedBackend, monkeypatch: pytest.MonkeyPatch, come_through: bool
) -> None:
    def fail(*_: Any) -> bool:
        if come_through:
            backend.come_through()
        raise TimedOut("the table is slow")

    monkeypatch.setattr(backend.table, "store_answer", fail)
    with pytest.raises(TimedOut):
        backend.call()
    assert not backend.chime.live_meetings
    assert not backend.chime.live_phone_calls
    assert not backend.connect.active
    monkeypatch.undo()
    backend.now += 1
    assert not backend.call().replayed


@pytest.mark.parametrize("come_through", [False, True])
def test_a_call_whose_answer_was_stored_but_not_confirmed_goes_on(
    backend: BridgedBackend, monkeypatch: pytest.MonkeyPatch, come_through: bool
) -> None:
    store = backend.table.store_answer

    def lose_the_answer(*args: Any) -> bool:
        if come_through:
            backend.come_through()
        store(*args)
        raise TimedOut("the table is slow")

    monkeypatch.setattr(backend.table, "store_answer", lose_the_answer)
    started = backend.call()
    assert not started.replayed
    assert_nothing_is_left(backend, [started])


@pytest.mark.parametrize("before", ["CreateMeetingWithAttendees", "CreateSipMediaApplicationCall"])
def test_a_call_that_ended_while_it_was_started_leaves_nothing(backend: BridgedBackend, before: str) -> None:
    """Another request cleared it away, for it had outlived its lease."""

    def end(operation: str, _: object) -> None:
        if operation == before:
            backend.transport.end(backend.record())
            backend.end()

    backend.chime.alter_answer = end
    with pytest.raises(Unavailable):
        backend.call()
    assert not backend.chime.live_meetings
    assert not backend.chime.live_phone_calls
    assert len(backend.chime.phone_calls) == (before == "CreateSipMediaApplicationCall")


@pytest.mark.parametrize("before", ["CreateMeetingWithAttendees", "CreateSipMediaApplicationCall"])
def test_a_call_that_ended_in_its_record_alone_while_it_was_started_leaves_nothing(
    backend: BridgedBackend, before: str
) -> None:
    """The end of its meeting, or of its contact, was noted."""

    def end(operation: str, _: object) -> None:
        if operation == before:
            backend.end()

    backend.chime.alter_answer = end
    with pytest.raises(Unavailable):
        backend.call()
    assert not backend.chime.live_meetings
    assert not backend.chime.live_phone_calls


@pytest.mark.parametrize("step", ["store", "store_phone_call"])
@pytest.mark.parametrize("stored", [True, False])
def test_a_start_whose_bridged_call_cannot_be_stored_leaves_nothing(
    backend: BridgedBackend, monkeypatch: pytest.MonkeyPatch, step: str, stored: bool
) -> None:
    real = getattr(backend.bridged_calls, step)

    def fail(*args: Any) -> None:
        if stored:
            real(*args)
        raise TimedOut("the table is slow")

    with monkeypatch.context() as slow:
        slow.setattr(backend.bridged_calls, step, fail)
        with pytest.raises(TimedOut):
            backend.call()
    assert not backend.chime.live_meetings
    assert not backend.chime.live_phone_calls
    assert len(backend.chime.phone_calls) == (step == "store_phone_call")
    backend.now += 1
    assert_nothing_is_left(backend, [backend.call()])


def test_a_code_that_another_call_has_by_chance_leaves_that_call_alone(
    backend: BridgedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = backend.call(caller=replace(ADA, user_id="user-2"))
    code = backend.phone_call().arguments["Code"]
    with monkeypatch.context() as chance:
        chance.setattr(backend.transport, "prepare", lambda *_: code)
        with pytest.raises(Unavailable):
            backend.call()
    assert_nothing_is_left(backend, [other])
    contact_id = backend.come_through()
    assert backend.record("user-2").contact_id == contact_id
    assert backend.call().contact_id in backend.chime.live_meetings


def test_the_flow_may_take_the_code_before_the_answer_is_stored(
    backend: BridgedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    contacts = []

    def come_through(operation: str, _: object) -> None:
        if operation == "CreateSipMediaApplicationCall":
            contacts.append(backend.come_through())

    backend.chime.alter_answer = come_through
    started = backend.call()
    call = backend.record()
    assert [call.contact_id] == contacts
    assert (call.id, call.answer) == (started.contact_id, started.body)


# The requests of a start, each of which its function may not survive.
STEPS = (
    "claim",
    "CreateMeetingWithAttendees",
    "store",
    "CreateSipMediaApplicationCall",
    "store_phone_call",
    "store_answer",
)


class Turns:
    """Lets some functions take their steps, which are their requests to AWS, in the order that is chosen."""

    def __init__(self, choose: Callable[[Sequence[int]], int]) -> None:
        self._choose = choose
        self._local = threading.local()
        self._back = threading.Semaphore(0)
        self._turns: list[threading.Semaphore] = []

    def step(self) -> None:
        """A function waits for its turn."""
        if hasattr(self._local, "number"):
            self._back.release()
            self._turns[self._local.number].acquire()

    def take[T](self, *jobs: Callable[[], T]) -> list[T | BaseException]:
        """What each of the functions returned or raised."""
        results: dict[int, T | BaseException] = {}
        self._turns = [threading.Semaphore(0) for _ in jobs]

        def work(number: int) -> None:
            self._local.number = number
            self._turns[number].acquire()
            try:
                results[number] = jobs[number]()
            except BaseException as error:  # noqa: BLE001
                results[number] = error
            self._back.release()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(len(jobs))]
        for thread in threads:
            thread.start()
        while len(results) < len(jobs):
            self._turns[self._choose([n for n in range(len(jobs)) if n not in results])].release()
            self._back.acquire()
        for thread in threads:
            thread.join()
        return [results[number] for number in range(len(jobs))]


@contextmanager
def requesting(
    before: Callable[[], None] = lambda: None, after: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Within, something happens before or after each request to AWS."""
    real = aws.call

    def call(*args: Any, **kwargs: Any) -> Any:
        before()
        try:
            return real(*args, **kwargs)
        finally:
            after()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aws, "call", call)
        yield


def crash(backend: BridgedBackend, step: int, *, before: bool, **call: Any) -> None:
    """A start that dies before or after one of its `STEPS`."""
    done = 0

    def die(*, here: bool) -> None:
        nonlocal done
        done += here is before
        if here is before and done == step + 1:
            raise Crash

    with requesting(lambda: die(here=True), lambda: die(here=False)), pytest.raises(Crash):
        backend.call(**call)


def assert_nothing_is_left(backend: BridgedBackend, started: list[StartedCall]) -> None:
    """All that lives belongs to the call that was answered, if one was."""
    contact_ids = {call.contact_id for call in started}
    assert len(contact_ids) <= 1
    live = {backend.chime.phone_calls[call].meeting_id for call in backend.chime.live_phone_calls}
    assert live == contact_ids
    assert len(backend.chime.live_phone_calls) == len(contact_ids)
    dialled = {call.meeting_id for call in backend.chime.phone_calls.values()}
    assert dialled & set(backend.chime.live_meetings) == contact_ids
    bound = {call.contact_id for call in backend.chime.phone_calls.values()}
    assert {contact_id for contact_id in backend.connect.active if contact_id in bound} <= {
        backend.chime.phone_calls[call].contact_id for call in backend.chime.live_phone_calls
    }


@pytest.mark.parametrize("key", ["tap", "another tap"])
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("step", range(len(STEPS)), ids=STEPS)
def test_a_start_that_dies_anywhere_is_cleared_away_by_the_next(
    backend: BridgedBackend, step: int, before: bool, key: str
) -> None:
    crash(backend, step, before=before)
    if backend.chime.live_phone_calls:
        backend.come_through()
    if STEPS[step] == "claim" and before:
        backend.call(key=key)
        return
    if STEPS[step] == "store_answer" and not before:
        # Nothing is missing but the answer to the app.
        backend.now += LEASE
        if key == "tap":
            assert_nothing_is_left(backend, [backend.call(key=key)])
        return
    with pytest.raises(RequestInProgress if key == "tap" else CallActive) as refused:
        backend.call(key=key)
    assert refused.value.retry_after == 1
    backend.now += LEASE
    started = backend.call(key=key)
    assert not started.replayed
    assert_nothing_is_left(backend, [started])
    backend.come_through()
    assert backend.record().id == started.contact_id


def test_a_crashed_start_with_another_body_is_not_started_anew(backend: BridgedBackend) -> None:
    crash(backend, STEPS.index("store_answer"), before=True)
    backend.now += LEASE
    with pytest.raises(IdempotencyKeyReused):
        backend.call(display_name="Grace")


@pytest.mark.parametrize("operation", ["DeleteMeeting", "abandon", "end"])
def test_a_crashed_start_that_cannot_be_cleared_away_lets_no_other_begin(
    backend: BridgedBackend, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """Its meeting would be forgotten."""

    def fail(*_: object) -> None:
        raise Unavailable("away")

    crash(backend, STEPS.index("store_answer"), before=True)
    backend.now += LEASE
    if operation == "abandon":
        monkeypatch.setattr(backend.table, operation, fail)
    elif operation == "end":
        monkeypatch.setattr(backend.bridged_calls, operation, fail)
    else:
        backend.chime.faults[operation] = [(503, "ServiceUnavailableException", {})] * 2
    with pytest.raises(Unavailable):
        backend.call()
    assert len(backend.chime.phone_calls) == 1
    monkeypatch.undo()
    with pytest.raises(RequestInProgress):
        backend.call()
    backend.now += LEASE
    assert_nothing_is_left(backend, [backend.call()])


def test_a_crashed_start_does_not_use_up_the_users_rate(backend: BridgedBackend) -> None:
    for _ in range(2 * LIMITS.rates[1].calls):
        crash(backend, STEPS.index("store_answer"), before=True)
        backend.now += LEASE
    backend.call()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(25))
@given(
    step=st.integers(0, len(STEPS) - 1),
    before=st.booleans(),
    come_through=st.booleans(),
    keys=st.lists(st.sampled_from(["tap", "another tap"]), min_size=2, max_size=3),
    order=st.lists(st.integers(0, 5), max_size=40),
)
def test_after_a_crash_any_interleaving_of_repeats_leaves_one_phone_call_at_most(
    backend: BridgedBackend,
    step: int,
    before: bool,
    come_through: bool,
    keys: list[str],
    order: list[int],
) -> None:
    caller = replace(ADA, user_id=f"user-{backend.now}-{len(backend.chime.requests)}")
    backend.chime.meetings.clear()
    backend.chime.phone_calls.clear()
    crash(backend, step, before=before, caller=caller)
    if come_through and backend.chime.live_phone_calls:
        backend.come_through()
    backend.now += LEASE
    turns = Turns(lambda able: able[(order.pop(0) if order else 0) % len(able)])
    with requesting(turns.step):
        results = turns.take(*(lambda key=key: backend.call(key=key, caller=caller) for key in keys))
    started = [result for result in results if isinstance(result, StartedCall)]
    refusals = (RequestInProgress, CallActive, Unavailable, StartedCall)
    assert all(isinstance(result, refusals) for result in results), results
    is_answered = STEPS[step] == "store_answer" and not before
    if started or not is_answered:
        assert_nothing_is_left(backend, started)
    if not is_answered:
        assert started


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(15))
@given(
    number=st.integers(2, 4),
    fault=st.none() | st.sampled_from([step for step in STEPS if step.startswith("Create")]),
    order=st.lists(st.integers(0, 5), max_size=40),
)
def test_any_interleaving_of_first_requests_makes_one_meeting_and_one_phone_call(
    backend: BridgedBackend, number: int, fault: str | None, order: list[int]
) -> None:
    caller = replace(ADA, user_id=f"user-{backend.now}-{len(backend.chime.requests)}")
    backend.chime.meetings.clear()
    backend.chime.phone_calls.clear()
    backend.now += 1
    if fault:
        backend.chime.faults[fault] = [(403, "ForbiddenException", {})]
    turns = Turns(lambda able: able[(order.pop(0) if order else 0) % len(able)])
    with requesting(turns.step):
        results = turns.take(*[lambda: backend.call(caller=caller)] * number)
    backend.chime.faults.clear()
    started = [result for result in results if isinstance(result, StartedCall)]
    assert_nothing_is_left(backend, started)
    if fault is None:
        assert started
        assert len(backend.chime.meetings) == len(backend.chime.phone_calls) == 1


def test_a_start_that_outlives_its_lease_undoes_itself(backend: BridgedBackend) -> None:
    """Its function is killed before that. Were it not, the next request would have deleted its meeting."""
    later: list[StartedCall | None] = []

    def stall(operation: str, _: object) -> None:
        if operation == "CreateMeetingWithAttendees" and not later:
            later.append(None)
            backend.now += LEASE
            later.append(backend.call(key="next"))

    backend.chime.alter_answer = stall
    with pytest.raises(Unavailable):
        backend.call()
    started = later[1]
    assert started is not None
    assert_nothing_is_left(backend, [started])
    assert backend.now == START + LEASE


def test_a_call_that_continues_another_says_so_over_the_bridge_too(backend: BridgedBackend) -> None:
    """A phone call has no related contact for Connect; the flow still learns that its caller came back."""
    before = backend.call().contact_id
    backend.come_through()
    backend.table.end(backend.record(), backend.now)
    backend.now += 1
    backend.call(key="again", previous_contact_id=before)
    contact_id = backend.chime.reach_connect(list(backend.chime.phone_calls)[-1])
    assert backend.key_in(backend.phone_call().arguments["Code"], contact_id)["came_back"] == "true"


def test_an_unusable_meeting_is_not_replaced_by_another(backend: BridgedBackend) -> None:
    backend.chime.faults["CreateMeetingWithAttendees"] = [(200, None, {})] * 2
    with pytest.raises(AnswerIncomplete):
        backend.call()
    assert len(backend.chime.requested("CreateMeetingWithAttendees")) == 1
