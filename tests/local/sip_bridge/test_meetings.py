"""Meetings of the Amazon Chime SDK."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.sip_bridge.meetings import MeetingEvent, MeetingStateError
from local.sip_bridge.telephony import Telephony
from tests.local.emulator.connect_instance import code_of, status_of
from tests.local.sip_bridge.bridge import MeetingEvents

ANOTHER_ID = "11111111-1111-4111-8111-111111111111"
ASKED: dict[str, Any] = {
    "ClientRequestToken": "tap-1",
    "MediaRegion": "eu-west-2",
    "ExternalMeetingId": "tests",
    "Attendees": [{"ExternalUserId": "caller"}, {"ExternalUserId": "phone-agent"}],
}


def create(sdk: Any, **changed: Any) -> Any:
    return sdk.create_meeting_with_attendees(**{**ASKED, **changed})


def id_of(created: Any) -> str:
    return str(created["Meeting"]["MeetingId"])


def test_a_meeting_is_created_with_its_attendees_and_with_all_that_a_client_joins_it_with(
    meetings_sdk: Any,
) -> None:
    created = create(meetings_sdk)
    meeting = created["Meeting"]
    assert (meeting["ExternalMeetingId"], meeting["MediaRegion"]) == ("tests", "eu-west-2")
    assert meeting["MeetingArn"].endswith(f":meeting/{meeting['MeetingId']}")
    assert meeting["MediaPlacement"].keys() >= {"AudioHostUrl", "AudioFallbackUrl", "SignalingUrl"}
    caller, phone = created["Attendees"]
    assert (caller["ExternalUserId"], phone["ExternalUserId"]) == ("caller", "phone-agent")
    assert caller["JoinToken"] != phone["JoinToken"]
    assert created["Errors"] == []
    assert meetings_sdk.get_meeting(MeetingId=meeting["MeetingId"])["Meeting"] == meeting


def test_two_operations_of_one_path_differ_by_their_query(meetings_sdk: Any) -> None:
    without = {name: value for name, value in ASKED.items() if name != "Attendees"}
    assert "Attendees" not in meetings_sdk.create_meeting(**without)
    with pytest.raises(ClientError, match="Attendees"):
        meetings_sdk.create_meeting_with_attendees(**without)


def test_the_same_client_request_token_is_the_same_meeting_while_it_lives(meetings_sdk: Any) -> None:
    first, second = create(meetings_sdk), create(meetings_sdk)
    assert first["Meeting"] == second["Meeting"]
    assert first["Attendees"] == second["Attendees"]
    assert id_of(create(meetings_sdk, ClientRequestToken="tap-2")) != id_of(first)
    meetings_sdk.delete_meeting(MeetingId=id_of(first))
    assert id_of(create(meetings_sdk)) != id_of(first)


def test_the_token_of_another_request_is_a_conflict(meetings_sdk: Any) -> None:
    create(meetings_sdk)
    with pytest.raises(ClientError) as caught:
        create(meetings_sdk, ExternalMeetingId="another")
    assert (code_of(caught), status_of(caught)) == ("ConflictException", 409)


@pytest.mark.parametrize(
    "changed",
    [
        {"MediaRegion": "mars-1"},
        {"ExternalMeetingId": "x" * 65},
        {"ExternalMeetingId": "aws:mine"},
        {"ClientRequestToken": "a b"},
        {"ClientRequestToken": "t" * 65},
        {"Attendees": []},
        {"Attendees": [{"ExternalUserId": f"user-{number}"} for number in range(21)]},
        {"Attendees": [{"ExternalUserId": "x"}]},
    ],
)
def test_what_the_model_or_the_guide_refuses_makes_no_meeting(
    changed: dict[str, Any], meetings_sdk: Any, telephony: Telephony
) -> None:
    with pytest.raises(ClientError) as caught:
        create(meetings_sdk, **changed)
    assert (code_of(caught), status_of(caught)) == ("BadRequestException", 400)
    assert telephony.meetings.meetings() == []


def test_a_deleted_meeting_and_its_attendees_are_not_found(meetings_sdk: Any) -> None:
    created = create(meetings_sdk)
    meeting_id, attendee_id = id_of(created), created["Attendees"][0]["AttendeeId"]
    meetings_sdk.delete_meeting(MeetingId=meeting_id)
    named = {"MeetingId": meeting_id}
    calls: list[Callable[[], Any]] = [
        lambda: meetings_sdk.delete_meeting(**named),
        lambda: meetings_sdk.get_meeting(**named),
        lambda: meetings_sdk.get_attendee(**named, AttendeeId=attendee_id),
        lambda: meetings_sdk.create_attendee(**named, ExternalUserId="caller"),
        lambda: meetings_sdk.get_meeting(MeetingId=ANOTHER_ID),
    ]
    for call in calls:
        with pytest.raises(ClientError) as caught:
            call()
        assert (code_of(caught), status_of(caught)) == ("NotFoundException", 404)


def test_attendees_are_added_read_and_removed_one_by_one(meetings_sdk: Any) -> None:
    meeting_id = id_of(create(meetings_sdk))
    added = meetings_sdk.create_attendee(MeetingId=meeting_id, ExternalUserId="caller")["Attendee"]
    named = {"MeetingId": meeting_id, "AttendeeId": added["AttendeeId"]}
    assert meetings_sdk.get_attendee(**named)["Attendee"] == added
    assert len(meetings_sdk.list_attendees(MeetingId=meeting_id)["Attendees"]) == 3
    meetings_sdk.delete_attendee(**named)
    with pytest.raises(ClientError, match="NotFoundException"):
        meetings_sdk.get_attendee(**named)
    assert len(meetings_sdk.list_attendees(MeetingId=meeting_id)["Attendees"]) == 2


def test_tags_of_a_meeting_are_kept(meetings_sdk: Any) -> None:
    tags = [{"Key": "environment", "Value": "tests"}]
    arn = create(meetings_sdk, Tags=tags)["Meeting"]["MeetingArn"]
    assert meetings_sdk.list_tags_for_resource(ResourceARN=arn)["Tags"] == tags


def test_each_step_of_a_meeting_is_an_event_as_the_guide_has_it(
    meetings_sdk: Any, telephony: Telephony, meeting_events: MeetingEvents
) -> None:
    created = create(meetings_sdk)
    meeting_id, caller = id_of(created), created["Attendees"][0]
    telephony.meetings.happen(meeting_id, MeetingEvent.CALLER_JOINED)
    telephony.meetings.happen(meeting_id, MeetingEvent.CALLER_DROPPED)
    telephony.meetings.happen(meeting_id, MeetingEvent.CALLER_JOINED)
    telephony.meetings.happen(meeting_id, MeetingEvent.CALLER_LEFT)
    meetings_sdk.delete_meeting(MeetingId=meeting_id)
    assert meeting_events.of(meeting_id) == [
        "MeetingStarted", "AttendeeAdded", "AttendeeAdded", "AttendeeJoined", "AttendeeDropped",
        "AttendeeJoined", "AttendeeLeft", "MeetingEnded",
    ]  # fmt: skip
    left, ended = meeting_events.details[-2:]
    assert isinstance(left.pop("timestamp"), int)
    assert left == {
        "version": "0",
        "eventType": "chime:AttendeeLeft",
        "meetingId": meeting_id,
        "attendeeId": caller["AttendeeId"],
        "externalUserId": "caller",
        "externalMeetingId": "tests",
        "mediaRegion": "eu-west-2",
    }
    assert "attendeeId" not in ended


def test_whoever_is_in_a_meeting_that_is_deleted_leaves_before_it_ends(
    meetings_sdk: Any, telephony: Telephony, meeting_events: MeetingEvents
) -> None:
    meeting_id = id_of(create(meetings_sdk))
    telephony.meetings.happen(meeting_id, MeetingEvent.CALLER_JOINED)
    meetings_sdk.delete_meeting(MeetingId=meeting_id)
    assert meeting_events.of(meeting_id)[-2:] == ["AttendeeLeft", "MeetingEnded"]


def test_the_newest_attendee_called_caller_is_who_comes_back(meetings_sdk: Any, telephony: Telephony) -> None:
    meeting_id = id_of(create(meetings_sdk))
    meetings_sdk.create_attendee(MeetingId=meeting_id, ExternalUserId="caller")
    telephony.meetings.happen(meeting_id, MeetingEvent.CALLER_JOINED)
    [shown] = telephony.meetings.meetings()
    present = [attendee["Presence"] for attendee in shown["Attendees"]]
    assert present == ["invited", "invited", "present"]


def test_chime_ends_a_meeting_that_nobody_is_in(meetings_sdk: Any, telephony: Telephony) -> None:
    meeting_id = id_of(create(meetings_sdk))
    telephony.meetings.happen(meeting_id, MeetingEvent.CALLER_JOINED)
    with pytest.raises(MeetingStateError, match="has somebody in it"):
        telephony.meetings.happen(meeting_id, MeetingEvent.TIMED_OUT)
    telephony.meetings.happen(meeting_id, MeetingEvent.CALLER_DROPPED)
    assert telephony.meetings.happen(meeting_id, MeetingEvent.TIMED_OUT)["State"] == "ended"
    with pytest.raises(MeetingStateError, match="has ended"):
        telephony.meetings.happen(meeting_id, MeetingEvent.TIMED_OUT)


def test_what_is_shown_of_a_meeting_joins_nobody(meetings_sdk: Any, telephony: Telephony) -> None:
    created = create(meetings_sdk)
    shown = str(telephony.meetings.meetings())
    assert all(attendee["JoinToken"] not in shown for attendee in created["Attendees"])


def test_a_telephone_leg_joins_with_the_token_of_an_attendee_and_is_dropped_with_the_meeting(
    meetings_sdk: Any, telephony: Telephony
) -> None:
    created = create(meetings_sdk)
    meeting_id, phone = id_of(created), created["Attendees"][1]
    over: list[str] = []
    assert telephony.meetings.join(meeting_id, "invented", lambda: over.append("invented")) is None
    assert telephony.meetings.join(ANOTHER_ID, phone["JoinToken"], lambda: over.append("else")) is None
    joined = telephony.meetings.join(meeting_id, phone["JoinToken"], lambda: over.append("phone"))
    assert joined == phone["AttendeeId"]
    assert over == []
    meetings_sdk.delete_meeting(MeetingId=meeting_id)
    assert over == ["phone"]
    assert telephony.meetings.join(meeting_id, phone["JoinToken"], lambda: over.append("late")) is None


def test_a_leg_that_left_is_not_dropped(meetings_sdk: Any, telephony: Telephony) -> None:
    created = create(meetings_sdk)
    meeting_id, phone = id_of(created), created["Attendees"][1]
    over: list[str] = []
    telephony.meetings.join(meeting_id, phone["JoinToken"], lambda: over.append("phone"))
    telephony.meetings.leave(meeting_id, phone["AttendeeId"])
    meetings_sdk.delete_meeting(MeetingId=meeting_id)
    assert over == []


def test_a_leg_is_dropped_with_its_attendee(meetings_sdk: Any, telephony: Telephony) -> None:
    created = create(meetings_sdk)
    meeting_id, phone = id_of(created), created["Attendees"][1]
    over: list[str] = []
    telephony.meetings.join(meeting_id, phone["JoinToken"], lambda: over.append("phone"))
    meetings_sdk.delete_attendee(MeetingId=meeting_id, AttendeeId=phone["AttendeeId"])
    assert over == ["phone"]
