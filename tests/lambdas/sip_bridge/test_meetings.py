from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from runtime import aws
from runtime.errors import (
    AnswerIncomplete,
    CapacityReached,
    ConfigurationFault,
    ServiceError,
    TimedOut,
    Unavailable,
)

from calls.errors import CallEnded, StartRefused
from sip_bridge.meetings import CALLER, Meetings
from tests.lambdas.fake_aws import Answer
from tests.lambdas.fake_connect import FakeConnect
from tests.lambdas.sip_bridge.fake_chime import FakeChime


@pytest.fixture
def chime() -> FakeChime:
    return FakeChime(FakeConnect())


@pytest.fixture
def meetings(chime: FakeChime) -> Meetings:
    return Meetings(chime.attach(aws.client("chime-sdk-meetings")))


def create(meetings: Meetings) -> str:
    answer = meetings.create(client_token="token", media_region="eu-west-2", external_meeting_id="app")
    return str(answer["Meeting"]["MeetingId"])


def test_a_meeting_is_created_once_for_a_token(meetings: Meetings, chime: FakeChime) -> None:
    assert create(meetings) == create(meetings)
    assert len(chime.meetings) == 1


def test_why_an_attendee_was_refused_is_logged_without_who_it_was(
    meetings: Meetings, chime: FakeChime, written: Callable[[], str]
) -> None:
    def refuse(_: str, answer: dict[str, Any]) -> None:
        answer["Attendees"].pop()
        error = {"ExternalUserId": "SECRET", "ErrorCode": "Throttled", "ErrorMessage": "SECRET"}
        answer["Errors"] = [error]

    chime.alter_answer = refuse
    create(meetings)
    output = written()
    assert '"codes":["Throttled"]' in output
    assert "SECRET" not in output


def test_deleting_a_meeting_is_idempotent(
    meetings: Meetings, chime: FakeChime, written: Callable[[], str]
) -> None:
    meeting_id = create(meetings)
    for _ in range(2):
        meetings.delete(meeting_id)
    assert not chime.live_meetings
    assert "MeetingDeleteFailed" not in written()


def test_an_attendee_has_a_place_until_it_or_the_meeting_is_gone(
    meetings: Meetings, chime: FakeChime
) -> None:
    meeting_id = create(meetings)
    attendee_id = chime.meetings[meeting_id].attendee(CALLER)["AttendeeId"]
    assert meetings.has_attendee(meeting_id, attendee_id)
    del chime.meetings[meeting_id].attendees[attendee_id]
    assert not meetings.has_attendee(meeting_id, attendee_id)
    again = meetings.create_caller(meeting_id)
    assert meetings.has_attendee(meeting_id, again.attendee_id)
    assert again.join_token == chime.meetings[meeting_id].attendee(CALLER)["JoinToken"]
    meetings.delete(meeting_id)
    assert not meetings.has_attendee(meeting_id, again.attendee_id)
    with pytest.raises(CallEnded):
        meetings.create_caller(meeting_id)


@pytest.mark.parametrize("part", ["Attendee", "AttendeeId", "JoinToken"])
def test_a_place_that_nobody_can_take_is_none(meetings: Meetings, chime: FakeChime, part: str) -> None:
    def alter(operation: str, answer: dict[str, Any]) -> None:
        if operation == "CreateAttendee":
            del (answer if part == "Attendee" else answer["Attendee"])[part]

    chime.alter_answer = alter
    with pytest.raises(AnswerIncomplete):
        meetings.create_caller(create(meetings))


ACTIONS: dict[str, Callable[[Meetings], object]] = {
    "CreateMeetingWithAttendees": create,
    "DeleteMeeting": lambda meetings: meetings.delete("meeting"),
    "GetAttendee": lambda meetings: meetings.has_attendee("meeting", "attendee"),
    "CreateAttendee": lambda meetings: meetings.create_caller("meeting"),
}
FAULTS: list[tuple[Answer | Exception, type[ServiceError]]] = [
    ((400, "LimitExceededException", {"Message": "SECRET"}), CapacityReached),
    ((429, "ThrottlingException", {}), CapacityReached),
    ((500, "ServiceFailureException", {}), Unavailable),
    ((503, "ServiceUnavailableException", {}), Unavailable),
    ((400, "BadRequestException", {"Message": "SECRET"}), ConfigurationFault),
    ((401, "UnauthorizedException", {}), ConfigurationFault),
    ((403, "ForbiddenException", {}), ConfigurationFault),
    ((422, "UnprocessableEntityException", {}), ConfigurationFault),
    (ReadTimeoutError(endpoint_url="x"), TimedOut),
    (EndpointConnectionError(endpoint_url="x"), Unavailable),
]


@pytest.mark.parametrize("operation", ACTIONS)
@pytest.mark.parametrize(("fault", "expected"), FAULTS, ids=lambda value: str(value)[:40])
def test_each_failure_has_a_meaning_and_says_nothing_of_its_text(
    meetings: Meetings,
    chime: FakeChime,
    written: Callable[[], str],
    operation: str,
    fault: Answer | Exception,
    expected: type[ServiceError],
) -> None:
    chime.faults[operation] = [fault, fault]
    is_refused_start = expected is ConfigurationFault and operation == "CreateMeetingWithAttendees"
    with pytest.raises(StartRefused if is_refused_start else expected) as raised:
        ACTIONS[operation](meetings)
    assert "SECRET" not in str(raised.value) + written()


def test_a_meeting_that_is_being_created_by_the_same_request_is_worth_another_try(
    meetings: Meetings, chime: FakeChime
) -> None:
    chime.faults["CreateMeetingWithAttendees"] = [(409, "ConflictException", {})]
    with pytest.raises(Unavailable) as raised:
        create(meetings)
    assert raised.value.retry_after


def test_a_meeting_that_cannot_be_deleted_is_counted(
    meetings: Meetings, chime: FakeChime, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    monkeypatch.setattr("sip_bridge.meetings.count", counted.append)
    chime.faults["DeleteMeeting"] = [(403, "ForbiddenException", {})]
    with pytest.raises(ConfigurationFault):
        meetings.delete("meeting")
    assert counted == ["MeetingDeleteFailed"]
