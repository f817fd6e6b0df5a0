import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from runtime.errors import (
    AnswerIncomplete,
    CapacityReached,
    ConfigurationFault,
    ServiceError,
    TimedOut,
    Unavailable,
)

from calls.errors import (
    AgentNotConnected,
    CallActive,
    CallEnded,
    CallerBlocked,
    CallNotFound,
    NotConnected,
    NotPossibleNow,
)
from calls.record import TRANSFER_GRACE, EndedBy, State
from operations import blocks
from start_call.caller import Caller
from tests.lambdas.backend import LIMITS, Backend, dying
from tests.lambdas.conftest import TABLE
from tests.lambdas.events import START
from tests.lambdas.fake_aws import Answer
from tests.lambdas.fake_connect import connection_of, rejoin_of

GRACE = Caller(user_id="user-2", display_name="Grace", context={"customer_id": "user-2"})
MADE_UP = "0f000000-0000-4000-8000-00000000dead"
LONGEST_CALL = LIMITS.max_call_seconds * 1000
RETENTION = LONGEST_CALL

ACTIONS: dict[str, Callable[[Backend, str, str], object]] = {
    "find": lambda backend, user_id, contact_id: backend.call_control.find(user_id, contact_id),
    "hang_up": lambda backend, user_id, contact_id: backend.call_control.hang_up(user_id, contact_id),
    "rejoin": lambda backend, user_id, contact_id: backend.call_control.rejoin(user_id, contact_id),
    "send_digits": lambda backend, user_id, contact_id: backend.call_control.send_digits(
        user_id, contact_id, "1"
    ),
}


@pytest.fixture
def backend(dynamodb: Any) -> Backend:
    return Backend(dynamodb)


def connecting(backend: Backend) -> str:
    return backend.call().contact_id


def queued(backend: Backend) -> str:
    contact_id = backend.call(display_name="Countess", capabilities=frozenset({"Video"})).contact_id
    backend.deliver("QUEUED", contact_id, queued=1)
    return contact_id


def connected(backend: Backend) -> str:
    contact_id = queued(backend)
    backend.answer(contact_id)
    return contact_id


def dropped(backend: Backend) -> str:
    """A call in which an agent waits for a caller who has been away for over a minute."""
    contact_id = connected(backend)
    backend.connect.drop(contact_id)
    backend.now += 100_000
    return contact_id


STAGES = {"connecting": connecting, "queued": queued, "connected": connected}


def somebody_elses(backend: Backend) -> tuple[str, str]:
    backend.call(caller=GRACE)
    return "user-2", connected(backend)


def of_nobody_who_ever_called(backend: Backend) -> tuple[str, str]:
    return "user-2", connected(backend)


def made_up(backend: Backend) -> tuple[str, str]:
    connected(backend)
    return "user-1", MADE_UP


def empty(backend: Backend) -> tuple[str, str]:
    backend.leave_unanswered(bound=False)
    return "user-1", ""


def not_yet_known(backend: Backend) -> tuple[str, str]:
    return "user-1", backend.leave_unanswered(bound=False)


def expired(backend: Backend) -> tuple[str, str]:
    contact_id = connected(backend)
    backend.now += LONGEST_CALL + RETENTION
    return "user-1", contact_id


def an_earlier_one(backend: Backend) -> tuple[str, str]:
    contact_id = connected(backend)
    backend.call_control.hang_up("user-1", contact_id)
    backend.call(key="next")
    return "user-1", contact_id


def a_later_contact_of_ones_own(backend: Backend) -> tuple[str, str]:
    backend.deliver("QUEUED", "leg-2", initialContactId=connected(backend), initiationMethod="TRANSFER")
    return "user-1", "leg-2"


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    "case",
    [
        somebody_elses,
        of_nobody_who_ever_called,
        made_up,
        empty,
        not_yet_known,
        expired,
        an_earlier_one,
        a_later_contact_of_ones_own,
    ],
)
def test_what_is_not_the_users_latest_call_is_not_found_without_a_request_to_connect(
    backend: Backend, action: str, case: Callable[[Backend], tuple[str, str]]
) -> None:
    user_id, contact_id = case(backend)
    backend.connect.requests.clear()
    with pytest.raises(CallNotFound) as refused:
        ACTIONS[action](backend, user_id, contact_id)
    assert refused.value.detail == "You have no such call."
    assert not backend.connect.requests


@pytest.mark.parametrize("stage", STAGES)
def test_a_call_is_hung_up_at_any_stage_and_the_user_can_call_again_at_once(
    backend: Backend, stage: str
) -> None:
    contact_id = STAGES[stage](backend)
    with pytest.raises(CallActive):
        backend.call(key="next")
    backend.now += 1
    backend.call_control.hang_up("user-1", contact_id)
    assert not backend.connect.active
    assert backend.call_control.find("user-1", contact_id).state(backend.now) is State.ENDED
    assert backend.call(key="next").contact_id in backend.connect.active


def test_a_call_is_hung_up_twice_and_stopped_once(backend: Backend) -> None:
    contact_id = queued(backend)
    backend.call_control.hang_up("user-1", contact_id)
    ended_at = backend.record().ended_at
    backend.now += 1000
    backend.call_control.hang_up("user-1", contact_id)
    assert backend.connect.stopped == [contact_id]
    assert len(backend.connect.requested("StopContact")) == 1
    assert backend.record().ended_at == ended_at


def test_a_call_that_connect_has_ended_is_hung_up_as_well(backend: Backend) -> None:
    contact_id = connected(backend)
    backend.connect.ended.add(contact_id)
    backend.deliver("DISCONNECTED", contact_id, queued=1, connected=5, ended=9)
    backend.call_control.hang_up("user-1", contact_id)
    assert backend.record().ended_at == START + 9000
    assert not backend.connect.requested("StopContact")


def test_a_late_event_of_a_transfer_does_not_take_a_hang_up_back(backend: Backend) -> None:
    contact_id = connected(backend)
    backend.deliver("DISCONNECTED", contact_id, queued=1, connected=5, ended=9)
    backend.call_control.hang_up("user-1", contact_id)
    backend.deliver("INITIATED", "leg-2", initialContactId=contact_id, initiationMethod="TRANSFER")
    assert backend.record().state(backend.now) is State.ENDED
    backend.now += 60_000
    assert backend.call(key="next").contact_id != contact_id


def test_a_call_whose_end_had_no_event_is_hung_up(backend: Backend) -> None:
    contact_id = connected(backend)
    backend.connect.ended.add(contact_id)
    backend.call_control.hang_up("user-1", contact_id)  # 410
    assert backend.record().ended_at == START


def test_a_call_that_outlived_its_slot_is_stopped_all_the_same(backend: Backend) -> None:
    contact_id = connected(backend)
    backend.now += LONGEST_CALL
    backend.call_control.hang_up("user-1", contact_id)
    assert not backend.connect.active


def test_a_start_that_was_never_answered_is_hung_up_when_its_contact_is_known(backend: Backend) -> None:
    contact_id = backend.leave_unanswered()
    backend.call_control.hang_up("user-1", contact_id)
    assert not backend.connect.active
    backend.call(key="next")


def transferred(backend: Backend) -> str:
    """A call that goes on as another contact; both are open, as far as events have come."""
    contact_id = connected(backend)
    backend.deliver("INITIATED", "leg-2", initialContactId=contact_id, initiationMethod="TRANSFER")
    return contact_id


def test_after_a_transfer_the_first_contact_is_stopped_if_it_goes_on(backend: Backend) -> None:
    contact_id = transferred(backend)
    backend.call_control.hang_up("user-1", contact_id)
    assert backend.connect.stopped == [contact_id]


def test_after_a_transfer_a_caller_hangs_up_though_connect_stops_nothing(backend: Backend) -> None:
    """StopContact refuses contacts that a transfer began; they end when the caller's app leaves them."""
    contact_id = transferred(backend)
    backend.deliver("DISCONNECTED", contact_id, ended=8)
    backend.call_control.hang_up("user-1", contact_id)
    assert not backend.connect.stopped
    assert backend.record().ended_at is not None
    backend.call(key="next")


STOP_FAULTS: list[tuple[Answer | Exception, type[ServiceError] | None]] = [
    ((410, "ContactNotFoundException", {}), None),
    ((404, "ResourceNotFoundException", {}), None),
    ((400, "InvalidRequestException", {"message": "SECRET"}), NotPossibleNow),
    ((400, "InvalidParameterException", {}), NotPossibleNow),
    ((400, "InvalidActiveRegionException", {}), NotPossibleNow),
    ((500, "InternalServiceException", {}), Unavailable),
    ((429, "ThrottlingException", {}), CapacityReached),
    ((400, "ThrottlingException", {}), CapacityReached),
    ((403, "AccessDeniedException", {}), ConfigurationFault),
    (ReadTimeoutError(endpoint_url="x"), TimedOut),
]


@pytest.mark.parametrize(("fault", "expected"), STOP_FAULTS, ids=lambda value: str(value)[:40])
def test_each_answer_to_a_hang_up_frees_the_user_or_leaves_the_call_to_be_hung_up_again(
    backend: Backend, fault: Answer | Exception, expected: type[ServiceError] | None
) -> None:
    contact_id = queued(backend)
    backend.connect.stop_faults = [fault, fault]
    if expected is None:
        backend.call_control.hang_up("user-1", contact_id)
    else:
        with pytest.raises(expected) as refused:
            backend.call_control.hang_up("user-1", contact_id)
        assert "SECRET" not in str(refused.value)
        assert backend.record().state(backend.now) is State.QUEUED
        with pytest.raises(CallActive):
            backend.call(key="next")
        backend.connect.stop_faults.clear()
        backend.call_control.hang_up("user-1", contact_id)
        assert not backend.connect.active
    assert backend.call(key="next").contact_id in backend.connect.active


@pytest.mark.parametrize(
    ("owner", "step", "before"),
    [
        ("instance", "stop", True),
        ("instance", "stop", False),
        ("table", "end", True),
        ("table", "end", False),
    ],
)
def test_a_hang_up_that_dies_is_put_right_by_the_next(
    backend: Backend, owner: str, step: str, before: bool
) -> None:
    contact_id = queued(backend)
    with dying(getattr(backend, owner), step, before=before):
        backend.call_control.hang_up("user-1", contact_id)
    backend.call_control.hang_up("user-1", contact_id)
    assert not backend.connect.active
    assert backend.connect.stopped == [contact_id]
    backend.call(key="next")


def test_a_hang_up_that_dies_is_put_right_by_the_event_of_the_end(backend: Backend) -> None:
    contact_id = queued(backend)
    with dying(backend.table, "end", before=True):
        backend.call_control.hang_up("user-1", contact_id)
    backend.deliver("DISCONNECTED", contact_id, queued=1, ended=4)
    backend.now += 4000 + TRANSFER_GRACE
    backend.call(key="next")


def test_a_caller_whose_place_is_kept_gets_the_very_answer_that_the_app_had(backend: Backend) -> None:
    started = backend.call()
    assert backend.call_control.rejoin("user-1", started.contact_id) == started.body
    backend.answer(started.contact_id)
    assert backend.call_control.rejoin("user-1", started.contact_id) == started.body
    assert not backend.connect.requested("CreateParticipant")


def test_a_caller_who_was_away_too_long_gets_another_place_as_the_same_person(backend: Backend) -> None:
    contact_id = dropped(backend)
    body = backend.call_control.rejoin("user-1", contact_id)
    (sent,) = backend.connect.requested("CreateParticipant")
    assert sent["ContactId"] == contact_id
    assert sent["ParticipantDetails"] == {
        "ParticipantRole": "CUSTOMER",
        "DisplayName": "Ada",
        "ParticipantCapabilities": {"Video": "SEND"},
    }
    types = [sent["Type"] for sent in backend.connect.requested("CreateParticipantConnection")]
    assert types == [["CONNECTION_CREDENTIALS"], ["WEBRTC_CONNECTION"]]
    before = connection_of(contact_id)["ConnectionData"]["Meeting"]
    now = rejoin_of("participant-2")
    placement = {
        **now["Meeting"]["MediaPlacement"],
        "TurnControlUrl": before["MediaPlacement"]["TurnControlUrl"],
    }
    assert json.loads(body) == {
        "ConnectionData": {
            "Attendee": now["Attendee"],
            "Meeting": {
                "MeetingId": now["Meeting"]["MeetingId"],
                "MediaRegion": before["MediaRegion"],
                "MeetingFeatures": before["MeetingFeatures"],
                "MediaPlacement": placement,
            },
            "MediaPlacement": placement,
        },
        "ContactId": contact_id,
        "ParticipantId": "participant-2",
        "ParticipantToken": "SECRET-PARTICIPANT-TOKEN-2",
    }


def decoded(part: Any, shape: Any) -> None:
    """Decodes as the official client does: it throws on a member that is missing or no string."""
    if isinstance(shape, dict):
        for name, inner in shape.items():
            decoded(part[name], inner)
    else:
        assert isinstance(part, str), part


OFFICIAL_CLIENT = {
    "ConnectionData": {
        "Attendee": {"AttendeeId": str, "JoinToken": str},
        "Meeting": {
            "MeetingId": str,
            "MediaRegion": str,
            "MediaPlacement": {
                "AudioHostUrl": str, "AudioFallbackUrl": str, "SignalingUrl": str, "TurnControlUrl": str
            },
            "MeetingFeatures": {"Audio": {"EchoReduction": str}},
        },
    },
    "ContactId": str,
    "ParticipantId": str,
    "ParticipantToken": str,
}  # fmt: skip


def less(*path: str) -> Callable[[dict[str, Any]], None]:
    """Takes a part out of the answer about a participant's WebRTC connection."""

    def alter(answer: dict[str, Any]) -> None:
        part = answer.get("WebRTCConnection")
        for step in path[:-1]:
            part = part and part[step]
        if part:
            del part[path[-1]]

    return alter


def test_a_blocked_user_does_not_come_back_but_can_read_the_call_and_hang_up(
    backend: Backend, dynamodb: Any
) -> None:
    contact_id = connected(backend)
    blocks.block(dynamodb, TABLE, "user-1", until=backend.now + 1000)
    with pytest.raises(CallerBlocked):
        backend.call_control.rejoin("user-1", contact_id)
    assert backend.call_control.find("user-1", contact_id).contact_id == contact_id
    backend.now += 1000
    assert backend.call_control.rejoin("user-1", contact_id)
    blocks.block(dynamodb, TABLE, "user-1", until=blocks.FOR_EVER)
    backend.call_control.hang_up("user-1", contact_id)
    assert backend.connect.stopped == [contact_id]


def test_the_client_decodes_both_answers_to_a_rejoin(backend: Backend) -> None:
    started = backend.call()
    decoded(json.loads(backend.call_control.rejoin("user-1", started.contact_id)), OFFICIAL_CLIENT)
    backend.answer(started.contact_id)
    backend.connect.drop(started.contact_id)
    backend.connect.alter_answer = less("Meeting", "MediaPlacement", "EventIngestionUrl")
    decoded(json.loads(backend.call_control.rejoin("user-1", started.contact_id)), OFFICIAL_CLIENT)


@pytest.mark.parametrize(
    "path",
    [
        ("Attendee",),
        ("Attendee", "AttendeeId"),
        ("Attendee", "JoinToken"),
        ("Meeting",),
        ("Meeting", "MeetingId"),
        ("Meeting", "MediaPlacement"),
        ("Meeting", "MediaPlacement", "AudioHostUrl"),
        ("Meeting", "MediaPlacement", "AudioFallbackUrl"),
        ("Meeting", "MediaPlacement", "SignalingUrl"),
    ],
    ids=".".join,
)
def test_an_answer_with_which_nobody_can_join_is_refused_and_the_next_try_is_the_same_participant(
    backend: Backend, path: tuple[str, ...]
) -> None:
    contact_id = dropped(backend)
    before = backend.record()
    backend.connect.alter_answer = less(*path)
    with pytest.raises(AnswerIncomplete):
        backend.call_control.rejoin("user-1", contact_id)
    assert backend.record() == before
    backend.connect.alter_answer = lambda _: None
    assert "participant-2" in backend.call_control.rejoin("user-1", contact_id)
    assert len(backend.connect.participants) == 2


def test_features_that_connect_answers_count_more_than_those_before(backend: Backend) -> None:
    contact_id = dropped(backend)
    features = {"Audio": {"EchoReduction": "UNAVAILABLE"}}

    def alter(answer: dict[str, Any]) -> None:
        if "WebRTCConnection" in answer:
            answer["WebRTCConnection"]["Meeting"]["MeetingFeatures"] = features

    backend.connect.alter_answer = alter
    body = json.loads(backend.call_control.rejoin("user-1", contact_id))
    assert body["ConnectionData"]["Meeting"]["MeetingFeatures"] == features


def test_a_start_that_is_repeated_after_a_rejoin_is_answered_with_the_new_place(backend: Backend) -> None:
    contact_id = dropped(backend)
    body = backend.call_control.rejoin("user-1", contact_id)
    repeated = backend.call(display_name="Countess", capabilities=frozenset({"Video"}))
    assert (repeated.contact_id, repeated.body, repeated.replayed) == (contact_id, body, True)


def test_the_new_place_is_kept_and_lost_like_the_first(backend: Backend) -> None:
    contact_id = dropped(backend)
    second = backend.call_control.rejoin("user-1", contact_id)
    assert backend.call_control.rejoin("user-1", contact_id) == second
    backend.connect.drop(contact_id)
    third = backend.call_control.rejoin("user-1", contact_id)
    assert json.loads(third)["ParticipantId"] == "participant-3"
    assert len(backend.connect.requested("CreateParticipant")) == 2


@pytest.mark.parametrize("stage", [connecting, queued])
def test_nobody_comes_back_before_an_agent_has_taken_the_call(
    backend: Backend, stage: Callable[[Backend], str]
) -> None:
    contact_id = stage(backend)
    backend.connect.drop(contact_id)
    with pytest.raises(AgentNotConnected) as refused:
        backend.call_control.rejoin("user-1", contact_id)
    assert refused.value.retry_after is None
    assert backend.connect.active == [contact_id]


def test_a_call_that_is_just_changing_is_not_said_to_want_an_agent(backend: Backend) -> None:
    contact_id = queued(backend)
    backend.connect.drop(contact_id)
    backend.connect.participant_faults = [(409, "ConflictException", {})]
    with pytest.raises(NotPossibleNow) as refused:
        backend.call_control.rejoin("user-1", contact_id)
    assert refused.value.retry_after == 1


def test_an_agent_without_an_event_yet_is_enough(backend: Backend) -> None:
    contact_id = queued(backend)
    backend.connect.answered.add(contact_id)
    backend.connect.drop(contact_id)
    assert backend.call_control.rejoin("user-1", contact_id)


def test_a_refused_connection_is_not_said_to_be_for_want_of_an_agent(backend: Backend) -> None:
    contact_id = queued(backend)
    backend.connect.answered.add(contact_id)
    backend.connect.connection_faults = [
        (403, "AccessDeniedException", {}),
        (400, "ValidationException", {}),
    ]
    with pytest.raises(NotPossibleNow):
        backend.call_control.rejoin("user-1", contact_id)


@pytest.mark.parametrize("action", ["rejoin", "send_digits"])
def test_an_ended_call_needs_no_request_to_connect(backend: Backend, action: str) -> None:
    contact_id = connected(backend)
    backend.call_control.hang_up("user-1", contact_id)
    backend.connect.requests.clear()
    with pytest.raises(CallEnded):
        ACTIONS[action](backend, "user-1", contact_id)
    assert not backend.connect.requests


def test_a_contact_that_connect_does_not_find_is_stopped_before_the_caller_is_free(backend: Backend) -> None:
    contact_id = connected(backend)
    backend.connect.drop(contact_id)
    backend.connect.participant_faults = [(404, "ResourceNotFoundException", {})]
    with pytest.raises(CallEnded):
        backend.call_control.rejoin("user-1", contact_id)
    assert not backend.connect.active
    backend.call(key="next")


def test_a_call_is_over_though_the_contact_that_connect_does_not_find_cannot_be_stopped(
    backend: Backend,
) -> None:
    contact_id = connected(backend)
    backend.connect.drop(contact_id)
    backend.connect.participant_faults = [(404, "ResourceNotFoundException", {})]
    backend.connect.stop_faults = [(500, "InternalServiceException", {})] * 2
    with pytest.raises(CallEnded):
        backend.call_control.rejoin("user-1", contact_id)


@pytest.mark.parametrize("action", ["rejoin", "send_digits"])
def test_a_token_that_cannot_be_kept_is_used_all_the_same(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    def fail(*_: object) -> None:
        raise Unavailable("the table is away")

    contact_id = connected(backend)
    monkeypatch.setattr(backend.table, "store_connection_token", fail)
    ACTIONS[action](backend, "user-1", contact_id)


@pytest.mark.parametrize("action", ["rejoin", "send_digits"])
def test_a_call_is_over_when_its_slot_is(backend: Backend, action: str) -> None:
    contact_id = connected(backend)
    backend.now += LONGEST_CALL
    with pytest.raises(CallEnded):
        ACTIONS[action](backend, "user-1", contact_id)


@pytest.mark.parametrize("action", ["rejoin", "send_digits"])
def test_a_call_that_is_still_being_set_up_says_when_to_come_back(backend: Backend, action: str) -> None:
    contact_id = backend.leave_unanswered()
    with pytest.raises(NotPossibleNow) as refused:
        ACTIONS[action](backend, "user-1", contact_id)
    assert refused.value.retry_after == 1


def test_a_call_that_ended_without_an_event_is_found_out_at_the_rejoin(backend: Backend) -> None:
    contact_id = connected(backend)
    backend.connect.ended.add(contact_id)
    with pytest.raises(CallEnded):
        backend.call_control.rejoin("user-1", contact_id)
    assert backend.record().state(backend.now) is State.ENDED
    backend.call(key="next")


def test_a_call_that_is_hung_up_during_a_rejoin_stays_ended(backend: Backend) -> None:
    contact_id = dropped(backend)
    answer = backend.record().answer

    def hang_up(answer: dict[str, Any]) -> None:
        if "WebRTCConnection" in answer:
            backend.call_control.hang_up("user-1", contact_id)

    backend.connect.alter_answer = hang_up
    with pytest.raises(CallEnded):
        backend.call_control.rejoin("user-1", contact_id)
    assert backend.record().answer == answer
    assert not backend.connect.active


REJOIN_FAULTS: list[tuple[Answer | Exception, type[ServiceError], int | None]] = [
    ((400, "InvalidRequestException", {"message": "SECRET"}), NotPossibleNow, None),
    ((409, "ConflictException", {}), NotPossibleNow, 1),
    ((402, "ServiceQuotaExceededException", {}), CapacityReached, 2),
    ((429, "ThrottlingException", {}), CapacityReached, 2),
    ((500, "InternalServiceException", {}), Unavailable, 5),
    ((403, "AccessDeniedException", {}), ConfigurationFault, None),
    (ReadTimeoutError(endpoint_url="x"), TimedOut, 5),
]


@pytest.mark.parametrize(
    ("fault", "expected", "retry_after"), REJOIN_FAULTS, ids=lambda value: str(value)[:40]
)
def test_each_failure_to_make_a_place_has_its_error_and_harms_nothing(
    backend: Backend, fault: Answer | Exception, expected: type[ServiceError], retry_after: int | None
) -> None:
    contact_id = dropped(backend)
    before = backend.record()
    backend.connect.participant_faults = [fault, fault]
    with pytest.raises(expected) as refused:
        backend.call_control.rejoin("user-1", contact_id)
    assert refused.value.retry_after == retry_after
    assert "SECRET" not in str(refused.value)
    assert backend.record() == before
    backend.connect.participant_faults.clear()
    assert "participant-2" in backend.call_control.rejoin("user-1", contact_id)


def test_a_contact_that_connect_no_longer_knows_has_ended(backend: Backend) -> None:
    contact_id = dropped(backend)
    backend.connect.participant_faults = [(404, "ResourceNotFoundException", {})]
    with pytest.raises(CallEnded):
        backend.call_control.rejoin("user-1", contact_id)
    assert backend.record().ended_at == backend.now


CONNECTION_FAULTS: list[tuple[Answer | Exception, type[ServiceError], int | None]] = [
    ((400, "ValidationException", {"message": "SECRET"}), NotPossibleNow, None),
    ((429, "ThrottlingException", {}), CapacityReached, 2),
    ((500, "InternalServerException", {}), Unavailable, 5),
    (ReadTimeoutError(endpoint_url="x"), TimedOut, 5),
]


@pytest.mark.parametrize("of_new_place", [False, True])
@pytest.mark.parametrize(
    ("fault", "expected", "retry_after"), CONNECTION_FAULTS, ids=lambda value: str(value)[:40]
)
def test_each_failure_to_connect_a_participant_has_its_error_and_harms_nothing(
    backend: Backend,
    fault: Answer | Exception,
    expected: type[ServiceError],
    retry_after: int | None,
    of_new_place: bool,
) -> None:
    contact_id = dropped(backend)
    before = backend.record()
    gone: Answer = (403, "AccessDeniedException", {})
    backend.connect.connection_faults = [*([gone] if of_new_place else []), fault, fault]
    with pytest.raises(expected) as refused:
        backend.call_control.rejoin("user-1", contact_id)
    assert refused.value.retry_after == retry_after
    assert "SECRET" not in str(refused.value)
    assert backend.record() == before
    backend.connect.connection_faults.clear()
    assert "participant-2" in backend.call_control.rejoin("user-1", contact_id)


@pytest.mark.parametrize(
    ("owner", "step"),
    [
        ("table", "find"),
        ("participants", "connect"),
        ("instance", "create_participant"),
        ("participants", "join"),
        ("table", "store_connection"),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_a_rejoin_that_dies_is_put_right_by_the_next_with_the_same_participant(
    backend: Backend, owner: str, step: str, before: bool
) -> None:
    contact_id = dropped(backend)
    with dying(getattr(backend, owner), step, before=before):
        backend.call_control.rejoin("user-1", contact_id)
    body = backend.call_control.rejoin("user-1", contact_id)
    assert json.loads(body)["ParticipantId"] == "participant-2"
    assert backend.record().answer == body
    assert len(backend.connect.participants) == 2


def test_a_place_that_was_lost_before_its_answer_reached_anybody_does_not_block_the_way_back(
    backend: Backend,
) -> None:
    contact_id = dropped(backend)
    for _ in range(2):
        with dying(backend.table, "store_connection", before=True):
            backend.call_control.rejoin("user-1", contact_id)
        backend.connect.drop(contact_id)
    body = backend.call_control.rejoin("user-1", contact_id)
    assert json.loads(body)["ParticipantId"] == "participant-4"
    assert backend.call_control.rejoin("user-1", contact_id) == body


def test_a_participant_whom_connect_refuses_again_and_again_is_not_made_without_end(backend: Backend) -> None:
    contact_id = dropped(backend)
    backend.connect.connection_faults = [(403, "AccessDeniedException", {})] * 8
    for _ in range(2):
        with pytest.raises(NotPossibleNow) as refused:
            backend.call_control.rejoin("user-1", contact_id)
        assert refused.value.retry_after == 1
    assert len(backend.connect.participants) == 4
    assert "participant-2" in backend.call_control.rejoin("user-1", contact_id)


def test_two_who_rejoin_at_once_get_the_same_place(backend: Backend) -> None:
    contact_id = dropped(backend)
    both_looked = threading.Barrier(2, timeout=10)
    find = backend.table.find

    def find_together(user_id: str, now: int) -> Any:
        call = find(user_id, now)
        both_looked.wait()
        return call

    with pytest.MonkeyPatch.context() as together, ThreadPoolExecutor(2) as threads:
        together.setattr(backend.table, "find", find_together)
        bodies = list(threads.map(lambda _: backend.call_control.rejoin("user-1", contact_id), range(2)))
    assert bodies[0] == bodies[1] == backend.record().answer
    assert len(backend.connect.participants) == 2


def test_a_rejoin_that_was_overtaken_by_a_later_one_leads_back_to_the_later_place(backend: Backend) -> None:
    contact_id = dropped(backend)
    call = backend.record()
    early = backend.call_control.rejoin("user-1", contact_id)
    backend.connect.drop(contact_id)
    later = backend.call_control.rejoin("user-1", contact_id)
    backend.table.store_connection(call, early)
    assert backend.call_control.rejoin("user-1", contact_id) == later


def test_digits_are_sent_with_one_connection_until_it_nears_its_end(backend: Backend) -> None:
    contact_id = connected(backend)
    for digits in ("1", "2"):
        backend.call_control.send_digits("user-1", contact_id, digits)
    assert backend.connect.digits == [(contact_id, "1"), (contact_id, "2")]
    assert len(backend.connect.connections) == 1
    backend.now = START + 3_600_000 - 60_001
    backend.call_control.send_digits("user-1", contact_id, "3")
    assert len(backend.connect.connections) == 1
    backend.now += 1
    backend.call_control.send_digits("user-1", contact_id, "4")
    assert len(backend.connect.connections) == 2
    assert backend.connect.digits[-1] == (contact_id, "4")


def test_a_key_press_that_is_sent_again_is_the_same_message_and_without_a_key_another(
    backend: Backend,
) -> None:
    contact_id = connected(backend)
    for digits, key in (
        ("1", "press"),
        ("1", "press"),
        ("2", "press"),
        ("1", "next"),
        ("1", None),
        ("1", None),
    ):
        backend.call_control.send_digits("user-1", contact_id, digits, key)
    sent = [message["ClientToken"] for message in backend.connect.requested("SendMessage")]
    assert sent[0] == sent[1]
    assert len(set(sent)) == 5


def test_digits_use_the_connection_that_a_rejoin_has_made(backend: Backend) -> None:
    contact_id = connected(backend)
    backend.call_control.rejoin("user-1", contact_id)
    backend.call_control.send_digits("user-1", contact_id, "1")
    assert len(backend.connect.connections) == 1


def test_digits_are_sent_before_an_agent_has_taken_the_call_too(backend: Backend) -> None:
    contact_id = queued(backend)
    backend.call_control.send_digits("user-1", contact_id, "1")
    assert backend.connect.digits == [(contact_id, "1")]


def test_a_connection_without_a_known_end_is_not_used_again(backend: Backend) -> None:
    contact_id = connected(backend)

    def alter(answer: dict[str, Any]) -> None:
        answer.get("ConnectionCredentials", {}).pop("Expiry", None)

    backend.connect.alter_answer = alter
    for _ in range(2):
        backend.call_control.send_digits("user-1", contact_id, "1")
    assert len(backend.connect.connections) == 2
    assert backend.record().connection_token is None


def test_a_connection_that_is_refused_before_its_time_is_made_again_once(backend: Backend) -> None:
    contact_id = connected(backend)
    backend.call_control.send_digits("user-1", contact_id, "1")
    backend.connect.connections.clear()
    backend.call_control.send_digits("user-1", contact_id, "2")
    assert backend.connect.digits == [(contact_id, "1"), (contact_id, "2")]
    backend.connect.message_faults = [(403, "AccessDeniedException", {})] * 2
    with pytest.raises(NotConnected):
        backend.call_control.send_digits("user-1", contact_id, "3")
    assert not backend.connect.message_faults


def test_a_caller_who_dropped_out_has_to_rejoin_before_digits_are_sent(backend: Backend) -> None:
    contact_id = connected(backend)
    backend.call_control.send_digits("user-1", contact_id, "1")
    backend.connect.drop(contact_id)
    with pytest.raises(NotConnected):
        backend.call_control.send_digits("user-1", contact_id, "2")
    backend.call_control.rejoin("user-1", contact_id)
    backend.call_control.send_digits("user-1", contact_id, "3")
    assert [digits for _, digits in backend.connect.digits] == ["1", "3"]


DIGIT_FAULTS: list[tuple[Answer | Exception, type[ServiceError]]] = [
    ((400, "ValidationException", {"message": "SECRET"}), NotPossibleNow),
    ((429, "ThrottlingException", {}), CapacityReached),
    ((500, "InternalServerException", {}), Unavailable),
    (ReadTimeoutError(endpoint_url="x"), TimedOut),
]


@pytest.mark.parametrize("operation", ["connection_faults", "message_faults"])
@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize(("fault", "expected"), DIGIT_FAULTS, ids=lambda value: str(value)[:40])
def test_each_failure_to_send_digits_has_its_error_and_the_next_try_gets_through(
    backend: Backend, operation: str, cached: bool, fault: Answer | Exception, expected: type[ServiceError]
) -> None:
    contact_id = connected(backend)
    if cached:
        backend.call_control.send_digits("user-1", contact_id, "1")
        if operation == "connection_faults":
            backend.connect.connections.clear()
    setattr(backend.connect, operation, [fault, fault])
    with pytest.raises(expected) as refused:
        backend.call_control.send_digits("user-1", contact_id, "2")
    assert "SECRET" not in str(refused.value)
    setattr(backend.connect, operation, [])
    backend.call_control.send_digits("user-1", contact_id, "3")
    assert backend.connect.digits[-1] == (contact_id, "3")


@pytest.mark.parametrize(
    ("owner", "step", "before"),
    [
        ("participants", "connect", True),
        ("participants", "connect", False),
        ("table", "store_connection_token", True),
        ("table", "store_connection_token", False),
        ("participants", "send_digits", True),
    ],
)
def test_digits_that_were_not_sent_because_the_function_died_are_sent_by_the_next_request_once(
    backend: Backend, owner: str, step: str, before: bool
) -> None:
    contact_id = connected(backend)
    with dying(getattr(backend, owner), step, before=before):
        backend.call_control.send_digits("user-1", contact_id, "1")
    backend.call_control.send_digits("user-1", contact_id, "1")
    assert backend.connect.digits == [(contact_id, "1")]


def test_the_state_is_read_without_asking_connect(backend: Backend) -> None:
    contact_id = connected(backend)
    backend.connect.requests.clear()
    call = backend.call_control.find("user-1", contact_id)
    assert (call.queued_at, call.connected_at) == (START + 1000, START + 5000)
    assert call == backend.record()
    assert not backend.connect.requests


def test_digits_are_sent_once_for_a_key_of_one_call_alone(backend: Backend) -> None:
    """The token that Connect knows them by holds the contact too."""
    for key in ("first", "second"):
        contact_id = backend.call(key=key).contact_id
        backend.call_control.send_digits("user-1", contact_id, "1", "press")
        backend.end()
        backend.now += 1
    tokens = {sent["ClientToken"] for sent in backend.connect.requested("SendMessage")}
    assert len(tokens) == 2


def test_a_call_that_was_found_ended_was_not_ended_by_its_caller(backend: Backend) -> None:
    contact_id = dropped(backend)
    backend.connect.ended.add(contact_id)
    with pytest.raises(CallEnded):
        backend.call_control.rejoin("user-1", contact_id)
    assert backend.record().ended_by is EndedBy.UNKNOWN
    assert not backend.record().holds_slot(backend.now)
