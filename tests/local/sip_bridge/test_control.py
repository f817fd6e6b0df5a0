import json
from typing import Any

import pytest

from local.clients.observer import eventually
from local.emulator.connect.connect import Connect
from local.emulator.control import Control
from local.issuer.issuer import Issuer
from local.sip_bridge.connect_numbers import ConnectNumbers
from local.sip_bridge.control import BridgeControl
from local.sip_bridge.telephony import Telephony
from tests.local.emulator.test_control import ERROR, send
from tests.local.sip_bridge.bridge import Bridge, MeetingEvents, PhoneInstance, claimed_number, listening_flow


@pytest.fixture
def control(connect: Connect, numbers: ConnectNumbers, telephony: Telephony) -> Control:
    control = Control(connect, list, issuer=Issuer())
    BridgeControl(meetings=telephony.meetings, calls=telephony.calls, numbers=numbers).add_to(control)
    return control


MEETING = {
    "ClientRequestToken": "tap",
    "MediaRegion": "eu-west-2",
    "ExternalMeetingId": "tests",
    "Attendees": [{"ExternalUserId": "caller"}, {"ExternalUserId": "phone-agent"}],
}


@pytest.fixture
def meeting_id(telephony: Telephony) -> str:
    return str(telephony.meetings.create_meeting_with_attendees(MEETING)["Meeting"]["MeetingId"])


def test_meetings_are_listed_and_their_caller_can_be_played(control: Control, meeting_id: str) -> None:
    events = f"meetings/{meeting_id}/events"
    for event, presence in (("CallerJoined", "present"), ("CallerDropped", "dropped")):
        status, meeting = send(control, "POST", events, {"Event": event})
        assert (status, meeting["Attendees"][0]["Presence"]) == (200, presence)
    assert send(control, "POST", events, {"Event": "TimedOut"})[1]["State"] == "ended"
    [listed] = send(control, "GET", "meetings")[1]["Meetings"]
    assert (listed["MeetingId"], listed["State"]) == (meeting_id, "ended")


@pytest.mark.parametrize(
    ("event", "status", "says"),
    [
        ("CallerLeft", 409, "no attendee 'caller' of a living meeting can do that"),
        ("AgentConnected", 400, "not one of CallerJoined, CallerLeft, CallerDropped, TimedOut"),
    ],
)
def test_what_cannot_happen_in_a_meeting_is_refused(
    event: str, status: int, says: str, control: Control, meeting_id: str
) -> None:
    answer = send(control, "POST", f"meetings/{meeting_id}/events", {"Event": event})
    assert answer[0] == status
    assert says in answer[1]["message"]


def test_an_event_of_a_meeting_can_be_published_again_and_moves_nothing(
    control: Control, meeting_id: str, meeting_events: MeetingEvents
) -> None:
    detail = {"eventType": "chime:MeetingEnded", "meetingId": meeting_id, "new": 1}
    assert send(control, "POST", "meeting-events", {"Detail": detail}) == (200, {})
    assert meeting_events.details[-1] == detail
    assert send(control, "GET", "meetings")[1]["Meetings"][0]["State"] == "living"


def test_calls_of_sip_media_applications_are_listed(control: Control, bridge: Bridge) -> None:
    meeting_id, transaction_id = bridge.call()
    [call] = send(control, "GET", "sip-calls")[1]["SipCalls"]
    assert (call["TransactionId"], call["MeetingId"]) == (transaction_id, meeting_id)
    json.dumps(call)


def test_somebody_dials_presses_keys_and_hangs_up(control: Control, instance: PhoneInstance) -> None:
    number = claimed_number(instance, listening_flow(instance)).address
    status, line = send(control, "POST", "dial", {"Number": number, "Caller": "+442079460123"})
    assert status == 200
    line_id = line["LineId"]
    assert eventually(lambda: instance.shown(line_id)["AwaitsDigits"], seconds=5)
    assert send(control, "POST", f"lines/{line_id}/digits", {"Digits": "1234"})[0] == 200
    assert instance.settled(line_id)["Attributes"]["typed"] == "1234"
    assert send(control, "POST", f"lines/{line_id}/events", {"Event": "HungUp"})[0] == 200
    assert instance.shown(line_id)["DisconnectReason"] == "CUSTOMER_DISCONNECT"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("dial", {"Number": "+12065550142", "Caller": "+442079460123"}, 404),
        ("dial", {"Number": "+12065550142"}, 400),
        ("dial", {"Number": "5550142", "Caller": "+442079460123"}, 400),
        ("lines/gone/digits", {"Digits": "1"}, 404),
    ],
)
def test_a_dial_that_leads_nowhere_is_refused(path: str, body: Any, status: int, control: Control) -> None:
    assert send(control, "POST", path, body)[0] == status


@pytest.mark.parametrize(
    ("what", "body"),
    [("digits", {}), ("digits", {"Digits": ""}), ("events", {"Event": "HangUp"}), ("else", {})],
)
def test_a_line_does_what_a_caller_can_do(
    what: str, body: Any, control: Control, instance: PhoneInstance
) -> None:
    number = claimed_number(instance, instance.flow).address
    line_id = send(control, "POST", "dial", {"Number": number, "Caller": "+442079460123"})[1]["LineId"]
    assert send(control, "POST", f"lines/{line_id}/{what}", body)[0] == 400


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("chime-sdk-meetings", "CreateMeetingWithAttendees"),
        ("chime-sdk-voice", "CreateSipMediaApplicationCall"),
    ],
)
def test_faults_happen_to_the_services_of_the_bridge(service: str, operation: str, control: Control) -> None:
    fault = {"Service": service, "Operation": operation, "Error": ERROR}
    assert send(control, "POST", "faults", fault)[0] == 200
    assert control.take_fault(service, operation)
